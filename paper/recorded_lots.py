"""Lots of recorded contracts, from the dated table and from the quantities that were seen.

A recorded day has no instrument file. The table says what the exchange set; every order and every displayed quantity
is a multiple of the lot, so their greatest common divisor tells where the table is wrong or silent.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from math import gcd
from types import MappingProxyType

from msgspec import structs

from engine.core.symbols import CASH_EXCHANGES, InstrumentOverrides, instrument_from_symbol
from engine.model import Instrument, Kind

LOTS: Mapping[str, tuple[tuple[date, int], ...]] = MappingProxyType(
    {
        # Kite instruments of 2024-04-06 (50), NSE chain of 29 Aug 2025 (75 and 35), NSE/FAOP/70616 of 3 Oct 2025.
        "NIFTY": ((date(2024, 4, 1), 50), (date(2024, 5, 1), 0), (date(2025, 3, 1), 75), (date(2026, 1, 1), 65)),
        "BANKNIFTY": ((date(2025, 8, 1), 35), (date(2026, 1, 1), 30)),
        "FINNIFTY": ((date(2026, 1, 1), 60),),
        "MIDCPNIFTY": ((date(2026, 1, 1), 120),),
        "NIFTYNXT50": ((date(2026, 1, 1), 25),),
        # Exchange files of 6 Oct 2026, Kite instruments of 18 Aug 2026.
        "SENSEX": ((date(2026, 1, 1), 20),),
        "BANKEX": ((date(2026, 1, 1), 30),),
    }
)
"Units in one lot by the contract's expiry: (from this expiry on, lot), 0 where the table does not know."

FREEZES: Mapping[str, tuple[tuple[date, int], ...]] = MappingProxyType(
    {
        # NSE's monthly circulars of July 2025 to August 2026, then NSE/FAOP/76693 of 1 Oct 2026.
        "NIFTY": ((date(2025, 7, 1), 1800), (date(2026, 10, 5), 3510)),
        "BANKNIFTY": ((date(2026, 10, 5), 1440),),
        "SENSEX": ((date(2026, 1, 1), 1000),),
        "BANKEX": ((date(2026, 1, 1), 900),),
    }
)
"Freeze quantity in units by trading day: (from this day on, units)."

OPTION_TICK_INR = Decimal("0.05")
FUTURE_TICK_INR = Decimal("0.10")
"Index futures, Kite instruments of 18 Aug 2026."


def dated(table: Mapping[str, tuple[tuple[date, int], ...]], underlying: str, day: date) -> int | None:
    """The entry of `table` that holds on `day`, `None` where there is none."""
    found = [value for since, value in table.get(underlying, ()) if since <= day]
    return (found[-1] or None) if found else None


def make_instruments(
    exchanges: Mapping[str, str],
    ordered_units: Mapping[str, Iterable[int]],
    displayed_units: Mapping[str, Iterable[int]],
    expiries: Mapping[str, str],
    day: date,
) -> tuple[dict[str, Instrument], list[str]]:
    """Instruments of a recorded day.

    Args:
        exchanges: Exchange by symbol, for every symbol.
        ordered_units: Quantities of the master's orders by symbol.
        displayed_units: Quantities in the books by symbol.
        expiries: ISO expiries that are known better than from the symbol.
        day: The trading day.

    Returns:
        The instruments by symbol, and warnings.

    Raises:
        ValueError: A symbol cannot be read; the message names it.
    """
    unlotted = {symbol: _unlotted(exchange, symbol, expiries.get(symbol)) for symbol, exchange in exchanges.items()}
    ordered, displayed = _divisors(unlotted, ordered_units), _divisors(unlotted, displayed_units)
    warnings: dict[str, None] = {}
    instruments = {}
    for symbol, instrument in unlotted.items():
        series = instrument.underlying, instrument.expiry
        lot, warning = _lot(instrument, ordered.get(series, 0), displayed.get(series, 0))
        if warning:
            warnings[warning] = None
        freeze = dated(FREEZES, instrument.underlying, day)
        instruments[symbol] = structs.replace(instrument, lot_units=lot, freeze_units=freeze)
    return instruments, list(warnings)


def _divisors(
    instruments: Mapping[str, Instrument], units: Mapping[str, Iterable[int]]
) -> dict[tuple[str, str | None], int]:
    """Greatest common divisor of the quantities by underlying and expiry."""
    divisors: dict[tuple[str, str | None], int] = {}
    for symbol, seen in units.items():
        series = instruments[symbol].underlying, instruments[symbol].expiry
        divisors[series] = gcd(divisors.get(series, 0), *seen)
    return divisors


def _unlotted(exchange: str, symbol: str, expiry: str | None) -> Instrument:
    """The instrument with a lot of 1 and without freeze quantity."""
    better: InstrumentOverrides = {"expiry": expiry} if expiry else {}
    made = instrument_from_symbol(exchange, symbol, 1, OPTION_TICK_INR, None, **better)
    return structs.replace(made, tick_inr=FUTURE_TICK_INR) if made.kind is Kind.FUTURE else made


def _lot(instrument: Instrument, ordered: int, displayed: int) -> tuple[int, str]:
    """The lot, and what is doubtful about it ('' for nothing). A divisor of 0 means that no quantity was seen."""
    if instrument.exchange in CASH_EXCHANGES or instrument.expiry is None:
        return 1, ""
    listed = dated(LOTS, instrument.underlying, date.fromisoformat(instrument.expiry))
    series = f"{instrument.underlying} expiring {instrument.expiry}"
    common = gcd(ordered, displayed) or 1
    if listed is None:
        return common, f"{series}: no lot size is known, taken {common} from the quantities seen"
    if ordered % listed:
        return common, f"{series}: orders are multiples of {ordered}, not of the lot {listed}: taken {common}"
    if displayed % listed:
        return (
            listed,
            f"{series}: displayed quantities are multiples of {displayed}, not of the lot {listed}: kept {listed}",
        )
    return listed, ""
