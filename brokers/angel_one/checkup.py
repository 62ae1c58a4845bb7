"""Looks at one Angel One account as a doctor does: login, holder, funds, clock, segments, orders. Sends no order.

It takes the session that this program has, and logs in where there is none. That ends a session which another program
may have with the same key: that one logs in again by itself.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

from brokers import checkup
from brokers.angel_one import wire
from brokers.angel_one.client import ROOT_URL, AngelClient, Session
from brokers.angel_one.login import Keeper, NextCode
from brokers.angel_one.refusals import outcome_of
from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.schema import BrokerUrls
from engine.errors import NeedsLogin
from engine.events import Outcome
from engine.findings import Finding, Level


class _Unread(NamedTuple):
    """Why something could not be read."""

    text: str
    is_over: bool = False
    "Whether Angel says that the session is over."


class Checkup(checkup.Checkup):
    """One account; the arguments are those of every broker's, and one more.

    Args:
        sleep: Waits so many seconds, for the next one-time code.
    """

    BROKER: ClassVar = "Angel"
    ROOT_URL: ClassVar = ROOT_URL
    REGISTER: ClassVar = "for the app's key at smartapi.angelone.in"

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        limits: OrderLimits | None,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(account, credentials, urls, limits, now_ns)
        self._sleep = sleep
        self._keeper = Keeper(credentials, self._transport, now_ns, sleep)
        self._client = AngelClient(credentials["api_key"], self._transport)
        self._client.hide(credentials["username"])
        self._funds_read: Any = _Unread("it was not asked for")

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

    def _details(self) -> Iterator[Finding]:
        yield from self._holder()
        yield self._funds()
        yield from self._orders()

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
        yield self._segments(exchanges)

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
        return self._margin("net", net)

    def _orders(self) -> Iterator[Finding]:
        found = self._read(self._client.orderBook)
        try:
            placed_ns = [wire.placed_ns(row) for row in wire.rows("" if isinstance(found, _Unread) else found)]
        except Malformed as error:
            text = found.text if isinstance(found, _Unread) else str(error)
            yield self._finding("orders", Level.BAD, f"the book cannot be read: {text}", "try again later")
            return
        yield from self._budgets(placed_ns)

    def _read(self, call: Callable[[], Any]) -> Any:
        """The `data` of an answer, or why there is none."""
        try:
            envelope = wire.envelope_of(call())
        except (NotSent, NoAnswer, Malformed) as error:
            return _Unread(str(error))
        except Refusal as refusal:
            return _Unread(str(refusal), refusal.outcome is Outcome.NEEDS_LOGIN)
        if envelope.succeeded:
            return envelope.data if envelope.has_data else _Unread("the answer has no data")
        is_over = outcome_of(envelope.code, envelope.message) is Outcome.NEEDS_LOGIN
        return _Unread(self._client.words(envelope), is_over)
