"""A doctor's look at one account, as far as it is the same at every broker: its order, and what its figures mean.

It sends no order and knows no broker: what is read, and how, stands with each of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import ClassVar, Final

from brokers.clocks import clock_finding
from brokers.transport import Transport
from config.credentials import Credentials
from config.order_limits import OrderLimits
from config.schema import BrokerUrls
from engine.findings import Finding, Level
from engine.model import NS_PER_S
from engine.money import rupees

DERIVATIVES: Final = ("NFO", "BFO")
SHARE_USED_MOST: Final = 0.8
HOUR_NS: Final = 3600 * NS_PER_S


class Checkup(ABC):
    """One account.

    Args:
        account: Its id in the configuration.
        credentials: Its credentials.
        urls: Where the broker is, for a sandbox.
        limits: What the broker takes on this day, `None` when it is not known.
        now_ns: The machine's clock.
    """

    BROKER: ClassVar[str]
    "What people call its programming interface."
    ROOT_URL: ClassVar[str]
    REGISTER: ClassVar[str]
    "Where this machine's address is made known."

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        limits: OrderLimits | None,
        now_ns: Callable[[], int],
    ) -> None:
        self._account, self._credentials, self._limits, self._now_ns = account, credentials, limits, now_ns
        self._transport = Transport(urls.root_url or self.ROOT_URL)
        self._is_sandbox = urls.root_url is not None

    def findings(self) -> Iterator[Finding]:
        """All checks; without a session only what needs none."""
        try:
            if not self._is_sandbox:  # which has a time of its own
                yield clock_finding(self._account, self.BROKER, self._transport, self._now_ns())
            session = self._session()
            yield session
            if session.level is Level.GOOD:
                yield from self._details()
            text = f"{self.BROKER} looks at the address of orders only, so it cannot be checked without one"
            yield self._finding("address", Level.NOTE, text, f"register this machine's static address {self.REGISTER}")
        finally:
            self._transport.close()

    @abstractmethod
    def _session(self) -> Finding:
        """Whether there is a session to read with."""

    @abstractmethod
    def _details(self) -> Iterator[Finding]:
        """What the session shows."""

    def _segments(self, exchanges: Collection[str]) -> Finding:
        """What the account may trade."""
        missing = [name for name in DERIVATIVES if name not in exchanges]
        if not missing:
            return self._finding("segments", Level.GOOD, ", ".join(DERIVATIVES))
        text = f"not activated: {', '.join(missing)}"
        return self._finding("segments", Level.NOTE, text, "activate the segment if the master trades there")

    def _margin(self, name: str, net_inr: Decimal) -> Finding:
        """What the account has; `name` is the broker's own for it."""
        level = Level.GOOD if net_inr > 0 else Level.BAD
        todo = "" if net_inr > 0 else "without margin the account is left out of every strategy"
        return self._finding("margin", level, f"{name} is {rupees(net_inr)}", todo)

    def _budgets(self, placed_ns: Sequence[int]) -> Iterator[Finding]:
        """How much is used of the day's orders and, where the broker has such a limit, of the hour's.

        Args:
            placed_ns: When each order of the day's book was placed; 0, not known, counts as now.
        """
        yield self._budget(len(placed_ns))
        most = None if self._limits is None else self._limits.hour
        if most is None:
            return
        since_ns = self._now_ns() - HOUR_NS
        count = sum(1 for at_ns in placed_ns if not at_ns or at_ns > since_ns)
        is_much = count > most * SHARE_USED_MOST
        text = f"{count} of {most} in the last hour; changes and cancels count too, and the book does not tell them"
        todo = "entries wait soon, at the limit exits too: place and change less elsewhere, or wait" if is_much else ""
        yield self._finding("hour", Level.NOTE if is_much else Level.GOOD, text, todo)

    def _budget(self, count: int) -> Finding:
        """How many of the day's orders are used."""
        if self._limits is None:
            return self._finding("orders", Level.NOTE, f"{count} today; {self.BROKER}'s limits are not known")
        most = self._limits.day_placements
        if most is None:
            return self._finding("orders", Level.GOOD, f"{count} today; {self.BROKER} has no limit of the day")
        is_much = count > most * SHARE_USED_MOST
        todo = "only exits are left soon: place less elsewhere" if is_much else ""
        return self._finding("orders", Level.NOTE if is_much else Level.GOOD, f"{count} of {most} today", todo)

    def _finding(self, check: str, level: Level, text: str, todo: str = "") -> Finding:
        return Finding(account=self._account, check=check, level=level, text=text, todo=todo)
