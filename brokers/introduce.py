"""Makes the engine known with an instrument before it hears of an order in it.

A dump has 100,000 instruments and every event is journalled, so the engine is told of those that somebody trades.
"""

import threading
from collections.abc import Callable, Iterable

from brokers.catalogue import Catalogue
from engine.events import AccountRead, Event, InstrumentsLoaded, OrderUpdated
from engine.model import Instrument, InstrumentId

Post = Callable[[Event], None]


class Introducer:
    """Stands before the engine's inbox; may be called from any thread.

    Args:
        post: The inbox.
        on_missing: Told of instruments that the dump does not know, once each day.
    """

    def __init__(self, post: Post, on_missing: Callable[[frozenset[InstrumentId]], None]) -> None:
        self._post, self._on_missing = post, on_missing
        self._catalogue: Catalogue | None = None
        self._told: set[InstrumentId] = set()
        self._missing: set[InstrumentId] = set()
        self._lock = threading.Lock()

    def open(self, catalogue: Catalogue, now_ns: int) -> None:
        """A new dump: tell what is known of everything that was ever asked for."""
        with self._lock:
            self._catalogue = catalogue
            asked = self._told | self._missing
            self._told, self._missing = set(), set()
            self._introduce(asked, now_ns)

    def __call__(self, event: Event) -> None:
        """Post an event, behind the instruments that it speaks of."""
        with self._lock:
            if names := _names(event):
                self._introduce(names, event.at_ns)
            self._post(event)

    def take(self, names: Iterable[InstrumentId]) -> tuple[Instrument, ...]:
        """The instruments of these, for whoever tells the engine himself; they count as told."""
        with self._lock:
            if self._catalogue is None:
                return ()
            found = tuple(listing.instrument for listing in self._catalogue.find_all(names))
            self._told.update(instrument.id for instrument in found)
            return found

    def _introduce(self, names: Iterable[InstrumentId], now_ns: int) -> None:
        fresh = [name for name in names if name not in self._told and name not in self._missing]
        if not fresh or self._catalogue is None:
            self._missing.update(fresh)
            return
        found = tuple(listing.instrument for listing in self._catalogue.find_all(sorted(fresh)))
        self._told.update(instrument.id for instrument in found)
        missing = frozenset(fresh) - self._told
        self._missing |= missing
        if found:
            self._post(InstrumentsLoaded(at_ns=now_ns, instruments=found))
        if missing:
            self._on_missing(missing)


def _names(event: Event) -> set[InstrumentId]:
    match event:
        case OrderUpdated(report=report):
            return {report.instrument}
        case AccountRead(orders=orders, positions=positions):
            names = {report.instrument for report in orders or ()}
            return names | {InstrumentId(f"{p.exchange}:{p.symbol}") for p in positions or ()}
        case _:
            return set()
