"""Reading the tables of a recorded day: every fault names file, line and column.

It must not know what the rows mean. Numbers are read exactly, from their text; nothing is guessed or repaired here.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from engine.core.symbols import derivatives_exchange, parse_symbol
from engine.errors import ConfigError
from engine.model import NS_PER_S
from paper.ist import ist_ns

_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_TIME = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,9})?)?", re.ASCII)

Row = tuple[int, Sequence[str]]
"Line from 1, and the cells of the columns asked for, in their order."


class Table:
    """One CSV file, packed with gzip or not.

    Args:
        path: The file; packed when it ends in `.gz`.
        day: The day that its times belong to.
        columns: The columns that `rows` gives. A file may have more.
        optional: Columns that are given as '' where the file does not have them.
    """

    def __init__(self, path: Path, day: date, columns: Sequence[str], optional: Sequence[str] = ()) -> None:
        self.path, self.day = path, day
        self._columns, self._optional = tuple(columns), tuple(optional)
        self._midnight_ns = ist_ns(day)
        self._numbers: dict[str, Decimal] = {}
        self._times: dict[str, int] = {}

    def rows(self) -> Iterator[Row]:
        """All rows.

        Raises:
            ConfigError: The file cannot be read, lacks a column, or has a row of another length than its header.
        """
        line = 1
        try:
            with open_text(self.path) as file:
                reader = csv.reader(file, strict=True)
                header = next(reader, [])
                pick = self._picker(header)
                line = reader.line_num + 1
                for cells in reader:
                    if len(cells) == len(header):
                        yield line, pick(cells)
                    elif cells:
                        raise self.fault(line, "", f"has {len(cells)} cells where the header has {len(header)}")
                    line = reader.line_num + 1
        except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise self.fault(line, "", f"cannot be read from here on: {error}") from error

    def fault(self, line: int | None, column: str, text: str) -> ConfigError:
        """The error to raise for a cell."""
        return ConfigError(self.path, line, column, text)

    def number(self, line: int, column: str, text: str) -> Decimal:
        """A number >= 0, exact."""
        number = self._numbers.get(text)
        if number is None:
            if _NUMBER.fullmatch(text) is None:
                raise self.fault(line, column, f"{text!r} is no number of zero or more, such as 13.05")
            number = self._numbers[text] = Decimal(text)
        return number

    def price(self, line: int, column: str, text: str) -> Decimal | None:
        """A price in rupees; `None` where the cell is empty or zero, which is never a price."""
        return (self.number(line, column, text) or None) if text else None

    def units(self, line: int, column: str, text: str) -> int:
        """A whole number >= 0, also when written `150.000000`."""
        number = self.number(line, column, text)
        if number != int(number):
            raise self.fault(line, column, f"{text!r} is no whole number")
        return int(number)

    def symbol(self, line: int, column: str, text: str, exchange: str = "") -> str:
        """A Kite trading symbol of `exchange`, '' being the derivatives market that it looks like."""
        if parse_symbol(exchange or derivatives_exchange(text), text) is None:
            raise self.fault(
                line, column, f"{text!r} is no trading symbol as Kite writes them, such as NIFTY26NOV24500CE"
            )
        return text

    def time_ns(self, line: int, column: str, text: str) -> int:
        """A time of the day in IST, `HH:MM:SS`, with the date before it or not."""
        at_ns = self._times.get(text)
        if at_ns is None:
            seconds_ns, day = self._time(line, column, text)
            if day not in ("", self.day.isoformat()):
                raise self.fault(
                    line, column, f"{text!r} is not of the day {self.day}, which the directory is named for"
                )
            at_ns = self._times[text] = self._midnight_ns + seconds_ns
        return at_ns

    def _time(self, line: int, column: str, text: str) -> tuple[int, str]:
        """Nanoseconds after midnight, and the date as written."""
        match = _TIME.fullmatch(text)
        if match is None:
            raise self.fault(line, column, f"{text!r} is no time, such as 09:31:05")
        day, hour, minute, second, fraction = match.groups()
        whole = int(hour) * 3600 + int(minute) * 60 + int(second or 0)
        return whole * NS_PER_S + int(Decimal(fraction or 0) * NS_PER_S), day or ""

    def _picker(self, header: list[str]) -> Callable[[list[str]], Sequence[str]]:
        """Takes the wanted cells out of a row."""
        names = [name.strip().lstrip("\ufeff") for name in header]
        missing = [name for name in self._columns if name not in names]
        if missing:
            raise self.fault(1, missing[0], f"the column is missing; needed are {', '.join(self._columns)}")
        wanted = [names.index(name) for name in self._columns]
        extra = [names.index(name) if name in names else None for name in self._optional]
        take = itemgetter(*wanted)
        if not extra:
            return take
        return lambda cells: (*take(cells), *("" if index is None else cells[index] for index in extra))


def open_text(path: Path) -> TextIO:
    """The file as text, unpacked where its name ends in `.gz`."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def time_of_day_s(file: Path, key: str, text: str) -> int:
    """Seconds after midnight of `HH:MM` or `HH:MM:SS`. Raises `ConfigError` for anything else."""
    match = _TIME.fullmatch(text)
    if match is None or match[1] or match[5]:
        raise ConfigError(file, None, key, f"{text!r} is no time of the day, such as 09:45")
    return int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
