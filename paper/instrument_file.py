"""Files of Kite's instruments CSV, for scenarios and recorded days."""

import csv
import gzip
import zlib
from collections.abc import Collection
from datetime import date
from pathlib import Path

from engine.errors import ConfigError
from engine.instrument_rows import COLUMNS, instrument_of_row
from engine.model import Instrument


def read_instruments(path: Path, day: date, wanted: Collection[str] | None = None) -> tuple[Instrument, ...]:
    """The instruments of a Kite dump.

    Args:
        path: The CSV, plain or .gz.
        day: For which day the freeze quantities hold.
        wanted: Trading symbols to keep, `None` for all of them.

    Raises:
        ConfigError: The file is missing or a row cannot be used; names file and line.
    """
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
            rows = csv.DictReader(lines)
            missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
            if missing:
                raise ConfigError(path, 1, "", f"has no column {missing[0]}; a Kite instruments CSV is expected")
            return tuple(
                _instrument(path, rows.line_num, row, day)
                for row in rows
                if wanted is None or row["tradingsymbol"] in wanted
            )
    except (OSError, UnicodeDecodeError, EOFError, zlib.error, csv.Error) as error:
        raise ConfigError(path, None, "", f"cannot be read: {error}") from None


def _instrument(path: Path, line: int, row: dict[str, str], day: date) -> Instrument:
    try:
        return instrument_of_row(row, day)
    except ValueError as error:
        raise ConfigError(path, line, "", f"cannot be used: {error}") from None
