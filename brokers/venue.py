"""Where a session at real brokers trades: live accounts through the house, the others on paper beside them.

It must not know the paper exchange: whoever keeps accounts on paper is handed in.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from brokers.house import House
from brokers.loopback import sandbox_of
from config.schema import Account, Settings
from engine.daily import DailyTurn
from engine.events import Event, InstrumentsLoaded
from engine.feed import QuoteFeed, SharedFeed
from engine.lanes import ThreadLanes
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, NS_PER_S, Basket, InstrumentId, Quote
from engine.opening import next_day
from engine.ports import Lane

QUOTE_INTERVAL_NS: Final = 500 * NS_PER_MS
"""How often the engine hears of an instrument's price at most."""
QUOTE_RENEW_NS: Final = 4 * NS_PER_S
"""So long before it gets stale a price that stands still is told again, while its line lives."""


class PaperAccounts(Protocol):
    """Who keeps accounts on paper that trade on real quotes."""

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """The lanes of those that were opened."""
        ...

    def open(self, account: Account) -> None:
        """Trade this account on paper."""
        ...

    def knows(self, account: str) -> bool:
        """Whether the account has books already."""
        ...

    def quote(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """New market data."""
        ...

    def start_day(self, day: date, now_ns: int) -> None:
        """Another trading day."""
        ...


class RealVenue:
    """A real master and his children, live or on paper, as a session sees them.

    Args:
        house: The accounts at brokers, opened.
        paper: Who keeps the others.
        loop: The engine's loop.
        settings: The configuration.
        live: The children whose orders go to their brokers.
        day: The trading day.
    """

    until_ns: int | None = None

    def __init__(
        self,
        house: House,
        paper: PaperAccounts,
        loop: EngineLoop,
        settings: Settings,
        live: Collection[str],
        day: date,
    ) -> None:
        self._house, self._paper, self._loop, self._settings, self._live = house, paper, loop, settings, live
        self.day = day
        self.source = "sandbox" if sandbox_of(settings) else ""
        self.carried: tuple[InstrumentId, ...] = ()
        self._turn = DailyTurn(loop, day, self._open_day)

    def connect(self) -> tuple[Mapping[str, Lane], QuoteFeed]:
        """Lanes and quotes for the process that starts."""
        for child in self._settings.children:
            if child.id not in self._live:
                self._paper.open(child)
                if self._house.capital_of(child) is None and not self._paper.knows(child.id):
                    self._house.want_margin(child.id)
        feed = SharedFeed(
            self._loop.post, self._house.subscribe, QUOTE_INTERVAL_NS, QUOTE_RENEW_NS, on_batch=self._paper.quote
        )
        return ThreadLanes({**self._house.connect(feed, self._live), **self._paper.lanes}), feed

    @property
    def files(self) -> tuple[InstrumentsLoaded, ...] | None:
        """Today's instruments of what is open from before."""
        return self._house.files_of(self.carried)

    def basket_margin(self, basket: Basket) -> Decimal | None:
        """What a basket would block at its broker; `None` for accounts on paper."""
        return self._house.basket_margin(basket)

    def _open_day(self, day: date, now_ns: int) -> Sequence[Event]:
        """A new trading day: its rules at once, its instruments when they can be had."""
        self._house.turn_to(day)
        self._paper.start_day(day, now_ns)
        return (next_day(self._settings, day, now_ns),)
