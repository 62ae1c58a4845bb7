"""Makes the engine known with an instrument before it hears of an order in it.

A dump has 100,000 instruments and every event is journalled, so the engine is told of those that somebody trades. What
the master's broker lists holds for everybody whose broker has no other file; accounts at other brokers get their own.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date

from brokers.catalogue import Listing
from brokers.markets import Market, split
from brokers.shares import at_one_exchange
from engine.events import AccountRead, Event, InstrumentsLoaded, OrderUpdated
from engine.model import Instrument, InstrumentId

Post = Callable[[Event], None]
COMMON = ""
"""The account that stands for all that have no file of their own."""


class Introducer:
    """Stands before the engine's inbox; may be called from any thread.

    Args:
        post: The inbox.
        on_missing: Told of instruments that the master's broker does not list, once each day.
    """

    def __init__(self, post: Post, on_missing: Callable[[frozenset[InstrumentId]], None]) -> None:
        self._post, self._on_missing = post, on_missing
        self._markets: dict[str, Market] = {}
        self._told: set[InstrumentId] = set()
        "What was asked for and is listed at the master's broker, or was told to be unknown."
        self._missing: set[InstrumentId] = set()
        self._lock = threading.Lock()

    def open(self, common: Market, now_ns: int, others: Mapping[str, Market] | None = None) -> None:
        """New files: tell what is known of everything that was ever asked for.

        Args:
            common: What the master's broker lists.
            now_ns: The engine's clock.
            others: What the brokers of the other accounts list, where that is another one.
        """
        with self._lock:
            self._markets = {**(others or {}), COMMON: common}
            asked = self._told | self._missing
            self._told, self._missing = set(), set()
            self._introduce(asked, now_ns)

    def close(self) -> None:
        """The files are those of a day that is over: what is asked for waits for the next ones."""
        with self._lock:
            self._missing |= self._told
            self._told, self._markets = set(), {}

    def __call__(self, event: Event) -> None:
        """Post an event, behind the instruments that it speaks of.

        An answer that names none waits for nobody: the engine's own thread posts such ones, and whoever has the lock
        may wait for the engine to empty its inbox.
        """
        if not (names := _names(event)):
            self._post(event)
            return
        with self._lock:
            named = at_one_exchange(event, self._is_listed)
            self._introduce(names if named is event else _names(named), event.at_ns)
            self._post(named)

    def take(self, names: Iterable[InstrumentId], now_ns: int) -> tuple[InstrumentsLoaded, ...]:
        """The instruments of these, for whoever tells the engine himself; they count as told. The common file last."""
        with self._lock:
            wanted = sorted(names)
            if not self._markets:
                self._missing.update(wanted)
                return ()
            events = self._events(wanted, now_ns)
            self._told.update(instrument.id for event in events[-1:] for instrument in event.instruments)
            return events

    def _is_listed(self, name: InstrumentId) -> bool:
        """Whether the master's broker lists an instrument today."""
        market = self._markets.get(COMMON)
        return market is not None and not isinstance(_Careful(market).look_up(name), str)

    def _introduce(self, names: Iterable[InstrumentId], now_ns: int) -> None:
        fresh = sorted(name for name in names if name not in self._told and name not in self._missing)
        if not fresh or not self._markets:
            self._missing.update(fresh)
            return
        events = self._events(fresh, now_ns)
        for event in events:
            if event.instruments or event.unusable:
                self._post(event)
        self._told.update(instrument.id for event in events[-1:] for instrument in event.instruments)
        missing = frozenset(fresh) - self._told
        self._missing |= missing
        if missing:
            with suppress(Exception):  # the event that names them is more than what anybody makes of that
                self._on_missing(missing)

    def _events(self, names: list[InstrumentId], now_ns: int) -> tuple[InstrumentsLoaded, ...]:
        events = []
        for account, market in self._markets.items():
            found, missing = split(_Careful(market), names)
            instruments: tuple[Instrument, ...] = tuple(listing.instrument for listing in found)
            unusable = missing if account != COMMON else {}
            events.append(InstrumentsLoaded(at_ns=now_ns, instruments=instruments, account=account, unusable=unusable))
        return tuple(events)


class _Careful:
    """A broker's instruments (a `Market`), where an entry that cannot be read is one that is missing.

    An order's answer must reach the engine, whatever stands in a file of a hundred thousand lines.
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def day(self) -> date:
        """For which day they hold."""
        return self._market.day

    def look_up(self, name: InstrumentId) -> Listing | str:
        """An instrument; a text says why there is none."""
        try:
            return self._market.look_up(name)
        except Exception as error:  # noqa: BLE001  a file is not ours: what a look-up may raise is not known
            return f"{type(error).__name__} in the look-up"


def _names(event: Event) -> set[InstrumentId]:
    match event:
        case OrderUpdated(report=report):
            return {report.instrument}
        case AccountRead(orders=orders, positions=positions):
            names = {report.instrument for report in orders or ()}
            return names | {InstrumentId(f"{p.exchange}:{p.symbol}") for p in positions or ()}
        case _:
            return set()
