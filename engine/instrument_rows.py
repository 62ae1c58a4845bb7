"""One row of Kite's instrument dump as an instrument of the domain.

Paper markets read files of this form and so does the adapter of Zerodha. The dump has no freeze quantities: they come
from the dated rules.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from config.rules import freeze_units
from engine.model import Instrument, Kind

COLUMNS = ("tradingsymbol", "name", "expiry", "strike", "tick_size", "lot_size", "instrument_type", "exchange")


def instrument_of_row(row: Mapping[str, str | None], day: date) -> Instrument:
    """The instrument of a row.

    Args:
        row: The row by column; more columns than `COLUMNS` do not matter.
        day: For which day the freeze quantity holds.

    Raises:
        ValueError: The row cannot be used; the text says why.
    """
    exchange, symbol = row.get("exchange"), row.get("tradingsymbol")
    if any(row.get(column) is None for column in COLUMNS) or not exchange or not symbol:
        raise ValueError("it is cut short, or has no symbol or exchange")
    kind, name, expiry = Kind(row["instrument_type"] or ""), row["name"] or "", row["expiry"]
    try:
        lot_units = int(row["lot_size"] or "")
        tick, strike = Decimal(row["tick_size"] or ""), Decimal(row["strike"] or "")
    except InvalidOperation:
        raise ValueError("tick or strike is no number") from None
    if lot_units < 1 or not tick.is_finite() or tick <= 0 or not strike.is_finite():
        raise ValueError("lot and tick must be above 0, and the strike a number")
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        lot_units=lot_units,
        tick_inr=tick,
        freeze_units=None if kind is Kind.EQUITY else freeze_units(name, day),
        underlying=name or symbol,
        kind=kind,
        expiry=date.fromisoformat(expiry).isoformat() if expiry else None,
        strike_inr=strike if kind in (Kind.CALL, Kind.PUT) else None,
    )
