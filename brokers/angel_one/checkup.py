"""Looks at one Angel One account as a doctor does: login, holder, funds, clock, segments, orders. Sends no order.

It takes the session that this program has, and logs in where there is none. That ends a session which another program
may have with the same key: that one logs in again by itself.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from brokers.angel_one import wire
from brokers.angel_one.client import ROOT_URL, AngelClient, Session
from brokers.angel_one.login import Keeper, NextCode
from brokers.angel_one.refusals import outcome_of
from brokers.clocks import clock_finding
from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent, Transport
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.schema import BrokerUrls
from engine.errors import NeedsLogin
from engine.events import Outcome
from engine.findings import Finding, Level
from engine.money import rupees

DERIVATIVES: Final = ("NFO", "BFO")
SHARE_USED_MOST: Final = 0.8


class _Unread(NamedTuple):
    """Why something could not be read."""

    text: str
    is_over: bool = False
    "Whether Angel says that the session is over."


class Checkup:
    """One account.

    Args:
        account: Its id in the configuration.
        credentials: Its credentials.
        urls: Where Angel is, for a sandbox.
        limits: What Angel takes on this day, `None` when it is not known.
        now_ns: The machine's clock.
        sleep: Waits so many seconds, for the next one-time code.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        limits: OrderLimits | None,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._account, self._credentials, self._limits, self._now_ns = account, credentials, limits, now_ns
        self._transport, self._sleep = Transport(urls.root_url or ROOT_URL), sleep
        self._keeper = Keeper(credentials, self._transport, now_ns, sleep)
        self._client = AngelClient(credentials["api_key"], self._transport)
        self._funds_read: Any = _Unread("it was not asked for")
        self._is_sandbox = urls.root_url is not None

    def findings(self) -> Iterator[Finding]:
        """All checks; after a login that was refused only what needs none."""
        try:
            if not self._is_sandbox:  # which has a time of its own
                yield clock_finding(self._account, "Angel", self._transport, self._now_ns())
            session = self._session()
            yield session
            if session.level is Level.GOOD:
                yield from self._holder()
                yield self._funds()
                yield self._budget()
            yield self._finding(
                "address",
                Level.NOTE,
                "Angel looks at the address of orders only, so it cannot be checked without one",
                "register this machine's static address for the app's key at smartapi.angelone.in",
            )
        finally:
            self._transport.close()

    def _session(self) -> Finding:
        text = "logged in with PIN and code" if self._keeper.current is None else "the session of this program holds"
        try:
            session = self._logged_in()
            self._funds_read = self._read(self._client.rmsLimit)
            if isinstance(self._funds_read, _Unread) and self._funds_read.is_over:
                self._keeper.lost(session)
                text = "logged in with PIN and code"
                session = self._logged_in()
                self._funds_read = self._read(self._client.rmsLimit)
            if not isinstance(self._funds_read, _Unread):
                self._keeper.proven(session)
        except NeedsLogin as reason:
            todo = "check username, password (the PIN), totp_token and api_key; see smartapi.angelone.in"
            return self._finding("session", Level.BAD, str(reason), todo)
        return self._finding("session", Level.GOOD, text)

    def _logged_in(self) -> Session:
        """A session; waits for the next code, once, where that may help. Raises `NeedsLogin`."""
        try:
            session = self._keeper.session()
        except NextCode as code:
            self._sleep(code.wait_s)
            session = self._keeper.session()
        self._client.take(session)
        return session

    def _holder(self) -> Iterator[Finding]:
        found = self._read(self._client.profile)
        try:
            row = wire.Row(None if isinstance(found, _Unread) else found)
            holder, exchanges = row.text("clientcode"), row.texts("exchanges")
        except Malformed as error:
            text = found.text if isinstance(found, _Unread) else str(error)
            yield self._finding("holder", Level.BAD, f"the profile cannot be read: {text}", "try again later")
            return
        if holder.upper() != self._credentials["username"].reveal().upper():
            yield self._finding("holder", Level.BAD, "the session is another client's", "correct username and api_key")
        else:
            yield self._finding("holder", Level.GOOD, "the session is that of the username")
        missing = [name for name in DERIVATIVES if name not in exchanges]
        if missing:
            text = f"not activated: {', '.join(missing)}"
            yield self._finding("segments", Level.NOTE, text, "activate the segment if the master trades there")
        else:
            yield self._finding("segments", Level.GOOD, ", ".join(DERIVATIVES))

    def _funds(self) -> Finding:
        found = self._funds_read
        try:
            row = wire.Row(None if isinstance(found, _Unread) else found)
            if not row.text("net"):
                raise Malformed("there is no net margin")
            net = row.number("net")
        except Malformed as error:
            text = found.text if isinstance(found, _Unread) else str(error)
            return self._finding("margin", Level.BAD, f"cannot be read: {text}", "try again later")
        level = Level.GOOD if net > 0 else Level.BAD
        todo = "" if net > 0 else "without margin the account is left out of every strategy"
        return self._finding("margin", level, f"net is {rupees(net)}", todo)

    def _budget(self) -> Finding:
        found = self._read(self._client.orderBook)
        try:
            count = len(wire.rows("" if isinstance(found, _Unread) else found))
        except Malformed as error:
            text = found.text if isinstance(found, _Unread) else str(error)
            return self._finding("orders", Level.BAD, f"the book cannot be read: {text}", "try again later")
        if self._limits is None:
            return self._finding("orders", Level.NOTE, f"{count} today; Angel's limits are not known")
        most = self._limits.day_placements
        if most is None:
            return self._finding("orders", Level.GOOD, f"{count} today; Angel has no limit of the day")
        is_much = count > most * SHARE_USED_MOST
        todo = "only exits are left soon: place less elsewhere" if is_much else ""
        return self._finding("orders", Level.NOTE if is_much else Level.GOOD, f"{count} of {most} today", todo)

    def _read(self, call: Callable[[], Any]) -> Any:
        """The `data` of an answer, or why there is none."""
        try:
            envelope = wire.envelope_of(call())
        except (NotSent, NoAnswer, Malformed) as error:
            return _Unread(str(error))
        except Refusal as refusal:
            return _Unread(str(refusal), refusal.outcome is Outcome.NEEDS_LOGIN)
        if envelope.succeeded:
            return envelope.data
        is_over = outcome_of(envelope.code, envelope.message) is Outcome.NEEDS_LOGIN
        return _Unread(self._client.words(envelope), is_over)

    def _finding(self, check: str, level: Level, text: str, todo: str = "") -> Finding:
        return Finding(account=self._account, check=check, level=level, text=text, todo=todo)
