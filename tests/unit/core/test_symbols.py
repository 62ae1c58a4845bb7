"""Trading symbols: what they say, and what they are called."""

import csv
import gzip
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.core.symbols import (
    derivatives_exchange,
    instrument_from_symbol,
    monthly_expiry,
    option_symbol,
    parse_symbol,
    title,
)
from engine.model import Kind

INSTRUMENTS = Path(__file__).parents[3].parent / "shared/data/instruments/kite_NFO_BFO_2026-08-18.csv.gz"
TICK = Decimal("0.05")


@pytest.mark.parametrize(
    ("exchange", "symbol", "underlying", "kind", "expiry", "strike"),
    [
        ("NFO", "NIFTY26NOV24500CE", "NIFTY", Kind.CALL, date(2026, 11, 24), "24500"),
        ("NFO", "NIFTY2590224900CE", "NIFTY", Kind.CALL, date(2025, 9, 2), "24900"),
        ("NFO", "NIFTY26O0624900PE", "NIFTY", Kind.PUT, date(2026, 10, 6), "24900"),
        ("NFO", "NIFTY26N0324900PE", "NIFTY", Kind.PUT, date(2026, 11, 3), "24900"),
        ("NFO", "NIFTY26D0124900PE", "NIFTY", Kind.PUT, date(2026, 12, 1), "24900"),
        ("NFO", "NIFTY26NOVFUT", "NIFTY", Kind.FUTURE, date(2026, 11, 24), None),
        ("NFO", "M&M26NOV3000CE", "M&M", Kind.CALL, date(2026, 11, 24), "3000"),
        ("NFO", "BAJAJ-AUTO26NOV9000PE", "BAJAJ-AUTO", Kind.PUT, date(2026, 11, 24), "9000"),
        ("NFO", "ASHOKLEY26AUG172.5CE", "ASHOKLEY", Kind.CALL, date(2026, 8, 25), "172.5"),
        ("NFO", "NIFTYNXT5026AUG65000CE", "NIFTYNXT50", Kind.CALL, date(2026, 8, 25), "65000"),
        ("NFO", "360ONE26AUG1000CE", "360ONE", Kind.CALL, date(2026, 8, 25), "1000"),
        ("BFO", "SENSEX5026AUG25000CE", "SENSEX50", Kind.CALL, date(2026, 8, 27), "25000"),
        ("BFO", "SENSEX502682025000CE", "SENSEX50", Kind.CALL, date(2026, 8, 20), "25000"),
        ("BFO", "SENSEX26O0180000PE", "SENSEX", Kind.PUT, date(2026, 10, 1), "80000"),
        ("BFO", "SENSEX26AUGFUT", "SENSEX", Kind.FUTURE, date(2026, 8, 27), None),
        ("NFO", "NIFTY24APR22500CE", "NIFTY", Kind.CALL, date(2024, 4, 25), "22500"),
        ("MCX", "CRUDEOIL26NOV6000CE", "CRUDEOIL", Kind.CALL, None, "6000"),
        ("NSE", "INFY", "INFY", Kind.EQUITY, None, None),
        ("BSE", "SBIN26NOVFUT", "SBIN26NOVFUT", Kind.EQUITY, None, None),
    ],
)
def test_parse_symbol_reads_every_spelling(
    exchange: str, symbol: str, underlying: str, kind: Kind, expiry: date | None, strike: str | None
) -> None:
    parts = parse_symbol(exchange, symbol)
    assert parts is not None
    assert (parts.underlying, parts.kind, parts.expiry) == (underlying, kind, expiry)
    assert parts.strike_inr == (None if strike is None else Decimal(strike))


@pytest.mark.parametrize(
    "symbol",
    ["", "NIFTY", "NIFTY26NOV", "NIFTY26NOV24500", "NIFTY26NOV24500XX", "NIFTY2593224900CE", "26NOV24500CE", "NIFTY26FUT",
     "nifty26nov24500ce", "NIFTY26NOV24500CE ", "NIFTY2590024900CE"],
)  # fmt: skip
def test_parse_symbol_of_something_else_is_none(symbol: str) -> None:
    assert parse_symbol("NFO", symbol) is None


@pytest.mark.parametrize(
    ("exchange", "year", "month", "expiry"),
    [
        ("NFO", 2025, 8, date(2025, 8, 28)),  # Thursday
        ("NFO", 2025, 9, date(2025, 9, 30)),  # Tuesday
        ("NFO", 2026, 12, date(2026, 12, 29)),
        ("BFO", 2025, 8, date(2025, 8, 26)),  # Tuesday
        ("BFO", 2025, 9, date(2025, 9, 25)),  # Thursday
        ("MCX", 2026, 11, None),
    ],
)
def test_monthly_expiry_follows_the_days_of_its_time(exchange: str, year: int, month: int, expiry: date | None) -> None:
    assert monthly_expiry(exchange, year, month) == expiry


@pytest.mark.parametrize(
    ("expiry", "strike", "symbol"),
    [
        (date(2025, 9, 2), "24900", "NIFTY2590224900CE"),
        (date(2026, 10, 6), "24900.00", "NIFTY26O0624900CE"),
        (date(2026, 11, 24), "172.5", "NIFTY26NOV172.5CE"),  # the last Tuesday is the monthly one
    ],
)
def test_option_symbol_is_read_back_as_it_was_made(expiry: date, strike: str, symbol: str) -> None:
    made = option_symbol("NFO", "NIFTY", expiry, Decimal(strike), Kind.CALL)
    parts = parse_symbol("NFO", made)
    assert made == symbol
    assert parts is not None
    assert (parts.expiry, parts.strike_inr) == (expiry, Decimal(strike))


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("NIFTY2590224750CE", "NIFTY 24750 CE 02Sep"),
        ("NFO:NIFTY2590224750CE", "NIFTY 24750 CE 02Sep"),
        ("NIFTY26NOVFUT", "NIFTY FUT Nov"),
        ("SENSEX26AUG80000PE", "SENSEX 80000 PE 27Aug"),
        ("ASHOKLEY26AUG172.5CE", "ASHOKLEY 172.5 CE 25Aug"),
        ("MCX:CRUDEOIL26NOV6000CE", "CRUDEOIL 6000 CE"),
        ("NSE:M&M", "M&M"),
        ("INFY", "INFY"),
    ],
)
def test_title_of_a_symbol(symbol: str, expected: str) -> None:
    assert title(symbol) == expected


def test_title_of_an_instrument_takes_its_own_expiry() -> None:
    made = instrument_from_symbol("NFO", "NIFTY29DEC24000CE", 65, TICK, 3510, expiry="2029-12-24")
    assert title(made) == "NIFTY 24000 CE 24Dec"


def test_instrument_from_symbol_fills_what_the_symbol_says() -> None:
    made = instrument_from_symbol("NFO", "NIFTY26NOV24500CE", 65, TICK, 3510)
    assert (made.underlying, made.kind, made.expiry) == ("NIFTY", Kind.CALL, "2026-11-24")
    assert (made.strike_inr, made.lot_units, made.tick_inr, made.freeze_units) == (Decimal(24500), 65, TICK, 3510)


def test_instrument_from_an_unreadable_symbol_needs_underlying_and_kind() -> None:
    with pytest.raises(ValueError, match="NFO:XYZ"):
        instrument_from_symbol("NFO", "XYZ", 1, TICK, None, underlying="XYZ")
    made = instrument_from_symbol("NFO", "XYZ", 1, TICK, None, underlying="XYZ", kind=Kind.FUTURE)
    assert (made.underlying, made.kind, made.expiry) == ("XYZ", Kind.FUTURE, None)


def test_derivatives_exchange_knows_the_indices_of_bse() -> None:
    assert derivatives_exchange("SENSEX26AUG80000PE") == "BFO"
    assert derivatives_exchange("NIFTY26AUG24000PE") == "NFO"


@pytest.mark.skipif(not INSTRUMENTS.exists(), reason="shared/data/instruments is not here")
def test_every_symbol_of_the_instrument_file_is_read() -> None:
    with gzip.open(INSTRUMENTS, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wrong, shifted = [], Counter[tuple[str, date | None, date]]()
    for row in rows:
        parts = parse_symbol(row["exchange"], row["tradingsymbol"])
        said = (row["name"], Kind(row["instrument_type"]), Decimal(row["strike"]) or None)
        expiry = date.fromisoformat(row["expiry"])
        if parts is None or (parts.underlying, parts.kind, parts.strike_inr) != said:
            wrong.append(row["tradingsymbol"])
        elif parts.expiry != expiry:
            assert parts.monthly, row["tradingsymbol"]
            shifted[row["exchange"], parts.expiry, expiry] += 1
    assert len(rows) == 39_941
    assert not wrong
    # One expiry of all is moved: the NIFTY contracts of December 2029, whose last Tuesday is Christmas.
    assert shifted == {("NFO", date(2029, 12, 25), date(2029, 12, 24)): 28}
