"""The instrument files of a day: read from a broker once, kept on disk, and read anew when a strike is added.

It knows how each broker's file becomes a `Market`, and nothing of accounts: who can ask for a file is handed in.
"""

import tempfile
from collections.abc import Callable, Collection
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

    def load(self, day: date, dump: Dump, *, anew: bool = False) -> dict[str, Market]:
        """Every broker's market of the day.

        Args:
            day: Which day.
            dump: Asks a broker for its file.
            anew: Ask although a file of the day is kept.

        Raises:
            ReadFailed: One of them cannot be had.
        """
        found: dict[str, Market] = {}
        for broker in self._brokers:
            kite = found.get(ZERODHA)
            market = None if anew else self._kept(broker, day, kite)
            if market is None:
                text = dump(broker)
                try:
                    market = made(broker, text, day, kite)
                except Malformed as error:
                    raise ReadFailed(f"the instrument file of {broker}: {error}") from None
                self._keep(broker, text, day)
            found[broker] = market
        return found

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
