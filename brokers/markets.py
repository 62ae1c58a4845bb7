"""What is listed at each broker on a day, asked one instrument at a time under our own (Kite's) names.

Both kinds are immutable once made, so any thread may ask. A broker's own file decides about lots, ticks and freeze
quantities of its accounts; what a name means is the same contract everywhere.
"""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

from brokers.catalogue import Catalogue, Listing
from engine.model import InstrumentId

NOT_LISTED = "not in the broker's instrument file"


class Market(Protocol):
    """One broker's instruments of one day."""

    @property
    def day(self) -> date:
        """For which day they hold."""
        ...

    def look_up(self, name: InstrumentId) -> Listing | str:
        """An instrument; a text says why there is none."""
        ...


class KiteMarket:
    """Kite's dump (a `Market`)."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    @property
    def day(self) -> date:
        """For which day it holds."""
        return self.catalogue.day

    def look_up(self, name: InstrumentId) -> Listing | str:
        """An instrument; a text says why there is none."""
        return self.catalogue.find(name) or NOT_LISTED


def split(market: Market, names: Iterable[InstrumentId]) -> tuple[list[Listing], dict[InstrumentId, str]]:
    """What of the names is listed, and why the others are not."""
    found: list[Listing] = []
    missing: dict[InstrumentId, str] = {}
    for name in names:
        listing = market.look_up(name)
        if isinstance(listing, str):
            missing[name] = listing
        else:
            found.append(listing)
    return found, missing
