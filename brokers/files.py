"""The instrument files of a day: read from a broker once, kept on disk, and read anew when a strike is added.

It knows how each broker's file becomes a `Market`, and nothing of accounts: who can ask for a file is handed in.
"""

import tempfile
from collections.abc import Callable, Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from brokers.catalogue import Catalogue
from brokers.errors import Malformed
from brokers.markets import KiteMarket, Market
from engine.errors import ReadFailed

ZERODHA: Final = "zerodha"
SUFFIX: Final = {ZERODHA: "csv", "angel_one": "json"}
Dump = Callable[[str], str]
"""A broker's file as it is now. Raises `ReadFailed`."""


class InstrumentFiles:
    """Files of all brokers that have an account.

    Args:
        cache: Where a day's files are kept.
        brokers: Whose files are needed.
    """

    def __init__(self, cache: Path, brokers: Collection[str]) -> None:
        self._cache = cache
        # Kite's first: the others are tied to its names.
        self._brokers = sorted(brokers, key=lambda broker: (broker != ZERODHA, broker))

    @property
    def brokers(self) -> tuple[str, ...]:
        """Whose files are needed."""
        return tuple(self._brokers)

    def load(
        self, day: date, dump: Dump, known: Mapping[str, Market], *, keeps: bool, anew: bool = False
    ) -> tuple[dict[str, Market], frozenset[str]]:
        """Every market of the day that can be had, and whose file was read just now; nobody's failure is another's.

        Args:
            day: Which day.
            dump: Asks a broker for its file.
            known: The markets that are there already; kept where a file cannot be had anew.
            keeps: Whether files are kept on the disk: early in the morning a broker may still give yesterday's.
            anew: Ask for all files, whatever is there and was kept.
        """
        found: dict[str, Market] = {}
        fresh: set[str] = set()
        for broker in self._brokers:
            kite, there = found.get(ZERODHA), known.get(broker)
            market = None
            if anew or there is None:
                market = None if anew else self._kept(broker, day, kite)
                market = market or self._asked(broker, day, dump, kite, keeps=keeps)
            if market is not None:
                fresh.add(broker)
            elif there is not None:
                market = there if kite is known.get(ZERODHA) else tied(there, kite)
            if market is not None:
                found[broker] = market
        return found, frozenset(fresh)

    def _asked(self, broker: str, day: date, dump: Dump, kite: Market | None, *, keeps: bool) -> Market | None:
        try:
            text = dump(broker)
            market = made(broker, text, day, kite)
        except (ReadFailed, Malformed):
            return None
        if keeps:
            self._keep(broker, text, day)
        return market

    def _kept(self, broker: str, day: date, kite: Market | None) -> Market | None:
        try:
            return made(broker, self._path(broker, day).read_text("utf-8"), day, kite)
        except (OSError, UnicodeDecodeError, Malformed):
            return None

    def _keep(self, broker: str, text: str, day: date) -> None:
        """Keep a file for the next start of the day; a full disk costs only that."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._cache, delete=False, encoding="utf-8") as file:
                file.write(text)
            Path(file.name).replace(self._path(broker, day))
        except OSError:
            return

    def _path(self, broker: str, day: date) -> Path:
        return self._cache / f"{broker}-{day.isoformat()}.{SUFFIX[broker]}"


def tied(market: Market, kite: Market | None) -> Market:
    """A broker's market that was read before Kite's, under the names of Kite's."""
    from brokers.angel_one.symbols import AngelMarket

    if isinstance(market, AngelMarket) and isinstance(kite, KiteMarket):
        return AngelMarket(market.symbols.tied_to(kite.catalogue))
    return market


def made(broker: str, text: str, day: date, kite: Market | None) -> Market:
    """The market of a broker's file. Raises `Malformed`."""
    if broker == ZERODHA:
        return KiteMarket(Catalogue(text, day))
    from brokers.angel_one.symbols import AngelMarket, Symbols

    catalogue = kite.catalogue if isinstance(kite, KiteMarket) else None
    return AngelMarket(Symbols(text.encode(), day, catalogue))
