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
    ) -> dict[str, Market]:
        """Every market of the day that can be had; one broker's failure is none of the others'.

        Args:
            day: Which day.
            dump: Asks a broker for its file.
            known: The markets that are there already; kept where a file cannot be had anew.
            keeps: Whether files are kept on the disk: early in the morning a broker may still give yesterday's.
            anew: Ask for all files, whatever is there and was kept.
        """
        found: dict[str, Market] = {}
        for broker in self._brokers:
            market = None if anew else known.get(broker) or self._kept(broker, day, found.get(ZERODHA))
            if market is None:
                market = self._asked(broker, day, dump, found.get(ZERODHA), keeps=keeps) or known.get(broker)
            if market is not None:
                found[broker] = market
        return found

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


def made(broker: str, text: str, day: date, kite: Market | None) -> Market:
    """The market of a broker's file. Raises `Malformed`."""
    if broker == ZERODHA:
        return KiteMarket(Catalogue(text, day))
    from brokers.angel_one.symbols import AngelMarket, Symbols

    catalogue = kite.catalogue if isinstance(kite, KiteMarket) else None
    return AngelMarket(Symbols(text.encode(), day, catalogue))
