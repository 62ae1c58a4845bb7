"""Looks at one Zerodha account as a doctor does: session, holder, funds, clock, segments, orders. Sends no order."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from brokers.clocks import clock_finding
from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent, Transport
from brokers.zerodha import wire
from brokers.zerodha.client import ROOT_URL, KiteClient
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.schema import BrokerUrls
from engine.events import Outcome
from engine.findings import Finding, Level
from engine.money import rupees

T = TypeVar("T")
DERIVATIVES: Final = ("NFO", "BFO")
SHARE_USED_MOST: Final = 0.8


class Checkup:
    """One account.

    Args:
        account: Its id in the configuration.
        credentials: Its credentials.
        urls: Where Kite is, for a sandbox.
        limits: What Kite takes on this day, `None` when it is not known.
        now_ns: The machine's clock.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        limits: OrderLimits | None,
        now_ns: Callable[[], int],
    ) -> None:
        self._account, self._credentials, self._limits, self._now_ns = account, credentials, limits, now_ns
        self._transport = Transport(urls.root_url or ROOT_URL)
        self._client = KiteClient(credentials["api_key"], credentials.get("access_token"), self._transport)
        self._client.hide(*credentials.values())
        self._is_sandbox = urls.root_url is not None

    def findings(self) -> Iterator[Finding]:
        """All checks; after a session that is over only what needs none."""
        try:
            if not self._is_sandbox:  # which has a time of its own
                yield clock_finding(self._account, "Kite", self._transport, self._now_ns())
            profile = self._profile()
            yield profile
            if profile.level is Level.GOOD:
                yield from self._segments()
                yield self._funds()
                yield self._budget()
            yield self._finding(
                "address",
                Level.NOTE,
                "Kite looks at the address of orders only, so it cannot be checked without one",
                "register this machine's static address on the developer console",
            )
        finally:
            self._transport.close()

    def _profile(self) -> Finding:
        what = "session"
        if "access_token" not in self._credentials:
            return self._finding(what, Level.BAD, "no access token", f"run: python runner.py login {self._account}")
        try:
            found = wire.decode(self._client.fetch("user.profile"), wire.Profile)
        except Refusal as refusal:
            if refusal.outcome is Outcome.NEEDS_LOGIN:
                todo = f"run: python runner.py login {self._account}"
                return self._finding(what, Level.BAD, "the token is over; it ends at 06:00 each day", todo)
            return self._finding(what, Level.BAD, f"Kite refuses: {refusal}", "see Kite's own page for the account")
        except (NotSent, NoAnswer, Malformed) as error:
            return self._finding(what, Level.BAD, f"no answer: {error}", "check the network and Kite's status page")
        self._profile_found = found
        if found.user_id != self._credentials["user_id"].reveal():
            return self._finding(
                what, Level.BAD, "the token is another user's", f"run: python runner.py login {self._account}"
            )
        return self._finding(what, Level.GOOD, f"logged in as {found.user_id}")

    def _segments(self) -> Iterator[Finding]:
        missing = [name for name in DERIVATIVES if name not in self._profile_found.exchanges]
        if missing:
            text = f"not activated: {', '.join(missing)}"
            yield self._finding("segments", Level.NOTE, text, "activate the segment if the master trades there")
        else:
            yield self._finding("segments", Level.GOOD, ", ".join(DERIVATIVES))

    def _funds(self) -> Finding:
        try:
            found = wire.decode(self._client.fetch("user.margins"), wire.Margins)
        except (Refusal, NotSent, NoAnswer, Malformed) as error:
            return self._finding("margin", Level.BAD, f"cannot be read: {error}", "try again; see Kite's status page")
        if found.equity is None or not found.equity.net.is_finite():
            return self._finding("margin", Level.BAD, "there is no equity segment", "ask Zerodha for it")
        net = found.equity.net
        level = Level.GOOD if net > 0 else Level.BAD
        todo = "" if net > 0 else "without margin the account is left out of every strategy"
        return self._finding("margin", level, f"equity.net is {rupees(net)}", todo)

    def _budget(self) -> Finding:
        try:
            count = len(wire.decode(self._client.fetch("orders"), tuple[wire.OrderRow, ...]))
        except (Refusal, NotSent, NoAnswer, Malformed) as error:
            return self._finding("orders", Level.BAD, f"the book cannot be read: {error}", "see Kite's status page")
        most = None if self._limits is None else self._limits.day_placements
        if most is None:
            return self._finding("orders", Level.NOTE, f"{count} today; the limit of the day is not known")
        is_much = count > most * SHARE_USED_MOST
        todo = "only exits are left soon: place less elsewhere" if is_much else ""
        return self._finding("orders", Level.NOTE if is_much else Level.GOOD, f"{count} of {most} today", todo)

    def _finding(self, check: str, level: Level, text: str, todo: str = "") -> Finding:
        return Finding(account=self._account, check=check, level=level, text=text, todo=todo)
