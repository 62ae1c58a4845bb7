"""Kite's instruments CSV as instruments of the domain. It has no freeze quantities: they come from the dated rules."""

import csv
import gzip
import zlib
from collections.abc import Collection
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from config.rules import freeze_units
from engine.errors import ConfigError
from engine.model import Instrument, Kind

COLUMNS = ("tradingsymbol", "name", "expiry", "strike", "tick_size", "lot_size", "instrument_type", "exchange")


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
        if any(row[column] is None for column in COLUMNS) or not row["exchange"] or not row["tradingsymbol"]:
            raise ValueError("it is cut short, or has no symbol or exchange")
        kind = Kind(row["instrument_type"])
        lot_units, tick, strike = int(row["lot_size"]), Decimal(row["tick_size"]), Decimal(row["strike"])
        if lot_units < 1 or not tick.is_finite() or tick <= 0 or not strike.is_finite():
            raise ValueError("lot and tick must be above 0, and the strike a number")
        return Instrument(
            exchange=row["exchange"],
            symbol=row["tradingsymbol"],
            lot_units=lot_units,
            tick_inr=tick,
            freeze_units=None if kind is Kind.EQUITY else freeze_units(row["name"], day),
            underlying=row["name"] or row["tradingsymbol"],
            kind=kind,
            expiry=date.fromisoformat(row["expiry"]).isoformat() if row["expiry"] else None,
            strike_inr=strike if kind in (Kind.CALL, Kind.PUT) else None,
        )
    except (ValueError, InvalidOperation) as error:
        raise ConfigError(path, line, "", f"cannot be used: {error}") from None
