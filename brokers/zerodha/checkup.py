"""Looks at one Zerodha account as a doctor does: session, holder, funds, clock, segments, orders. Sends no order."""

from collections.abc import Callable, Iterator
from typing import ClassVar

from brokers import checkup
from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent
from brokers.zerodha import wire
from brokers.zerodha.client import ROOT_URL, KiteClient
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.schema import BrokerUrls
from engine.events import Outcome
from engine.findings import Finding, Level


class Checkup(checkup.Checkup):
    """One account; the arguments are those of every broker's."""

    BROKER: ClassVar = "Kite"
    ROOT_URL: ClassVar = ROOT_URL
    REGISTER: ClassVar = "on the developer console"

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        limits: OrderLimits | None,
        now_ns: Callable[[], int],
    ) -> None:
        super().__init__(account, credentials, urls, limits, now_ns)
        self._client = KiteClient(credentials["api_key"], credentials.get("access_token"), self._transport)
        self._client.hide(*credentials.values())
        self._exchanges: tuple[str, ...] = ()

    def _session(self) -> Finding:
        what, log_in = "session", f"run: python runner.py login {self._account}"
        if "access_token" not in self._credentials:
            return self._finding(what, Level.BAD, "no access token", log_in)
        try:
            found = wire.decode(self._client.fetch("user.profile"), wire.Profile)
        except Refusal as refusal:
            if refusal.outcome is Outcome.NEEDS_LOGIN:
                return self._finding(what, Level.BAD, "the token is over; it ends at 06:00 each day", log_in)
            return self._finding(what, Level.BAD, f"Kite refuses: {refusal}", "see Kite's own page for the account")
        except (NotSent, NoAnswer, Malformed) as error:
            return self._finding(what, Level.BAD, f"no answer: {error}", "check the network and Kite's status page")
        if not self._credentials.is_of(found.user_id):
            return self._finding(what, Level.BAD, "the token is another user's", log_in)
        self._exchanges = found.exchanges
        return self._finding(what, Level.GOOD, "logged in as the user of the credentials file")

    def _details(self) -> Iterator[Finding]:
        yield self._segments(self._exchanges)
        yield self._funds()
        yield from self._orders()

    def _funds(self) -> Finding:
        try:
            found = wire.decode(self._client.fetch("user.margins"), wire.Margins)
        except (Refusal, NotSent, NoAnswer, Malformed) as error:
            return self._finding("margin", Level.BAD, f"cannot be read: {error}", "try again; see Kite's status page")
        if found.equity is None or not found.equity.net.is_finite():
            return self._finding("margin", Level.BAD, "there is no equity segment", "ask Zerodha for it")
        return self._margin("equity.net", found.equity.net)

    def _orders(self) -> Iterator[Finding]:
        try:
            found = wire.decode(self._client.fetch("orders"), tuple[wire.OrderRow, ...])
            placed_ns = [wire.ist_ns(row.order_timestamp) for row in found]
        except (Refusal, NotSent, NoAnswer, Malformed) as error:
            yield self._finding("orders", Level.BAD, f"the book cannot be read: {error}", "see Kite's status page")
            return
        yield from self._budgets(placed_ns)
