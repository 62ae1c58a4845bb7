"""A broker's instrument dump of a day, looked up one instrument at a time. Immutable, so any thread may ask.

A dump has more than 100,000 rows of which a strategy needs a few: the text is kept as it is with an index of its lines,
and a row is read when somebody asks for it.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from brokers.errors import Malformed
from engine.instrument_rows import COLUMNS, instrument_of_row
from engine.model import Instrument, InstrumentId, instrument_id


class Listing(NamedTuple):
    """One instrument and what the broker's own feeds call it."""

    instrument: Instrument
    token: int
    "Kite's `instrument_token`."
    exchange_token: str
    "The exchange's own number: the same at every broker."


class Catalogue:
    """What is listed on a day.

    Args:
        text: A Kite instruments CSV.
        day: For which day its freeze quantities hold.

    Raises:
        Malformed: It is no such CSV, or empty.
    """

    def __init__(self, text: str, day: date) -> None:
        lines = text.splitlines()
        self.day = day
        self._columns = _cells(lines[0]) if lines else []
        if missing := [c for c in ("instrument_token", "exchange_token", *COLUMNS) if c not in self._columns]:
            raise Malformed(f"the instrument file has no column {missing[0]}")
        self._lines: dict[InstrumentId, str] = {}
        self._by_token: dict[tuple[str, str], InstrumentId] = {}
        at_symbol, at_exchange = self._columns.index("tradingsymbol"), self._columns.index("exchange")
        at_token = self._columns.index("exchange_token")
        for line in lines[1:]:
            row = _cells(line)
            if len(row) == len(self._columns):
                name = instrument_id(row[at_exchange], row[at_symbol])
                self._lines[name] = line
                self._by_token[row[at_exchange], row[at_token]] = name
        if not self._lines:
            raise Malformed("the instrument file is empty")

    def __len__(self) -> int:
        return len(self._lines)

    def find(self, instrument: InstrumentId) -> Listing | None:
        """An instrument, `None` where it is not listed or its row cannot be used."""
        line = self._lines.get(instrument)
        return None if line is None else self._listing(line)

    def find_token(self, exchange: str, exchange_token: str) -> Listing | None:
        """The instrument with a number of the exchange's, `None` where there is none."""
        name = self._by_token.get((exchange, exchange_token))
        found = None if name is None else self.find(name)
        return found if found is not None and found.exchange_token == exchange_token else None  # a name may come twice

    def find_all(self, instruments: Iterable[InstrumentId]) -> Iterator[Listing]:
        """Those of the instruments that are listed."""
        for instrument in instruments:
            if (found := self.find(instrument)) is not None:
                yield found

    def _listing(self, line: str) -> Listing | None:
        row = dict(zip(self._columns, _cells(line), strict=True))
        try:
            return Listing(
                instrument=instrument_of_row(row, self.day),
                token=int(row["instrument_token"]),
                exchange_token=row["exchange_token"],
            )
        except ValueError:
            return None


def _cells(line: str) -> list[str]:
    """The cells of one line, none when it is no CSV. Line by line: an open quote must not reach the next one."""
    try:
        return next(csv.reader((line,), strict=True), [])
    except csv.Error:
        return []
