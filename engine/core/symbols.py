"""Kite trading symbols: what a symbol says of its contract, and its name for people. Pure.

The two spellings of derivatives (NSE and BSE alike):

    monthly   NAME YY MMM STRIKE CE|PE    NIFTY26NOV24500CE, M&M26NOV3000CE; futures NAME YY MMM FUT
    weekly    NAME YY M DD STRIKE CE|PE   NIFTY2590224900CE: M is 1-9, O, N or D

Which of the two it is: the character after the year and the two behind it. Three letters that name a month make it
monthly, one of 1-9, O, N, D and two digits weekly; no text is both. What can be read twice is where the name ends.
Monthly: the year is the two digits before the month, so names may end in digits (NIFTYNXT50, SENSEX50) or begin with
them (360ONE). Weekly: the name is one of `NAMES_ENDING_IN_DIGITS`, else it ends at its first non-digit that a whole
date follows.

A monthly symbol names no day: the last Tuesday (NFO) or Thursday (BFO) of the month is assumed, without the shift for
holidays. Where an instrument file has an expiry column, that column wins.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import TypedDict, Unpack

from engine.model import Instrument, Kind, Value

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKLY_MONTHS = "123456789OND"
NAMES_ENDING_IN_DIGITS = ("NIFTYNXT50", "SENSEX50")
BSE_UNDERLYINGS = frozenset({"SENSEX", "BANKEX", "SENSEX50"})
CASH_EXCHANGES = frozenset({"NSE", "BSE"})

TUESDAY, THURSDAY = 1, 3
EXPIRY_DAY_CHANGED = (2025, 9)
"First contract month of the present expiry days: NSE Tuesday, BSE Thursday, the other way round before."
EXPIRY_WEEKDAYS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"NFO": (THURSDAY, TUESDAY), "BFO": (TUESDAY, THURSDAY)}
)
"Weekday of the monthly expiry by exchange: (before, from) `EXPIRY_DAY_CHANGED`."

_MONTHLY = re.compile(rf"(.+?)(\d\d)({'|'.join(MONTHS)})(?:(FUT)|(\d+(?:\.\d+)?)(CE|PE))", re.ASCII)
_WEEKLY = re.compile(
    rf"({'|'.join(NAMES_ENDING_IN_DIGITS)}|.*?\D)(\d\d)([{WEEKLY_MONTHS}])(\d\d)(\d+(?:\.\d+)?)(CE|PE)", re.ASCII
)


class SymbolParts(Value, frozen=True, kw_only=True):
    """What a trading symbol says."""

    underlying: str
    kind: Kind
    expiry: date | None = None
    "Last trading day, before any holiday shift; `None` for equities and where the exchange has no known rule."
    strike_inr: Decimal | None = None
    monthly: bool = False
    "Whether the symbol names a month only."


class InstrumentOverrides(TypedDict, total=False):
    """What an instrument file knows better than the symbol."""

    underlying: str
    kind: Kind
    expiry: str | None
    strike_inr: Decimal | None


@lru_cache(maxsize=16_384)
def parse_symbol(exchange: str, symbol: str) -> SymbolParts | None:
    """Read a Kite trading symbol.

    Args:
        exchange: NSE or BSE (every symbol is an equity or an index there), NFO, BFO, or another derivatives exchange,
            whose monthly expiries stay `None`.
        symbol: The trading symbol without its exchange.

    Returns:
        Its parts, or `None` where it is none of the known spellings.
    """
    if not symbol:
        return None
    if exchange in CASH_EXCHANGES:
        return SymbolParts(underlying=symbol, kind=Kind.EQUITY)
    if (monthly := _MONTHLY.fullmatch(symbol)) is not None:
        name, year, month, future, strike, kind = monthly.groups()
        return SymbolParts(
            underlying=name,
            kind=Kind(future or kind),
            expiry=monthly_expiry(exchange, 2000 + int(year), MONTHS.index(month) + 1),
            strike_inr=None if strike is None else Decimal(strike),
            monthly=True,
        )
    if (weekly := _WEEKLY.fullmatch(symbol)) is not None:
        name, year, month, day, strike, kind = weekly.groups()
        try:
            expiry = date(2000 + int(year), WEEKLY_MONTHS.index(month) + 1, int(day))
        except ValueError:
            return None
        return SymbolParts(underlying=name, kind=Kind(kind), expiry=expiry, strike_inr=Decimal(strike))
    return None


def monthly_expiry(exchange: str, year: int, month: int) -> date | None:
    """The monthly expiry without holiday shift, `None` for an exchange without a known rule (MCX, CDS).

    Source: the Kite instruments of 18 Aug 2026 and NSE's and BSE's change of days with the contracts of September 2025.
    """
    weekdays = EXPIRY_WEEKDAYS.get(exchange)
    if weekdays is None:
        return None
    weekday = weekdays[(year, month) >= EXPIRY_DAY_CHANGED]
    following = date(year + month // 12, month % 12 + 1, 1)
    last = following - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def option_symbol(exchange: str, underlying: str, expiry: date, strike_inr: Decimal, kind: Kind) -> str:
    """The trading symbol of an option: monthly where `expiry` is the monthly expiry, else weekly."""
    if expiry == monthly_expiry(exchange, expiry.year, expiry.month):
        code = f"{expiry:%y}{MONTHS[expiry.month - 1]}"
    else:
        code = f"{expiry:%y}{WEEKLY_MONTHS[expiry.month - 1]}{expiry:%d}"
    return f"{underlying}{code}{_plain(strike_inr)}{kind.value}"


def derivatives_exchange(symbol: str) -> str:
    """BFO for the derivatives of BSE's own indices, else NFO; for data that name no exchange."""
    parts = parse_symbol("BFO", symbol)
    return "BFO" if parts is not None and parts.underlying in BSE_UNDERLYINGS else "NFO"


def title(instrument: Instrument | str) -> str:
    """The name for people: `NIFTY 24750 CE 02Sep`, `NIFTY FUT Nov`, `INFY`. The year is left out.

    Args:
        instrument: An instrument, or a symbol, with `EXCHANGE:` before it or not. A symbol that cannot be read is its
            own title.
    """
    if isinstance(instrument, Instrument):
        expiry = None if instrument.expiry is None else date.fromisoformat(instrument.expiry)
        return _title(instrument.underlying, instrument.kind, expiry, instrument.strike_inr)
    exchange, _, symbol = instrument.rpartition(":")
    parts = parse_symbol(exchange or derivatives_exchange(symbol), symbol)
    return symbol if parts is None else _title(parts.underlying, parts.kind, parts.expiry, parts.strike_inr)


def instrument_from_symbol(
    exchange: str, symbol: str, lot: int, tick: Decimal, freeze: int | None, **overrides: Unpack[InstrumentOverrides]
) -> Instrument:
    """An instrument made from its symbol.

    Args:
        exchange: As in `parse_symbol`.
        symbol: The trading symbol without its exchange.
        lot: Units in one lot.
        tick: Price step in rupees.
        freeze: Largest quantity of one order in units, `None` where there is none.
        overrides: Fields that are known better, such as the expiry of an instrument file.

    Raises:
        ValueError: The symbol cannot be read and `overrides` does not give underlying and kind either.
    """
    parts = parse_symbol(exchange, symbol)
    if parts is None:
        if not {"underlying", "kind"} <= overrides.keys():
            raise ValueError(f"{exchange}:{symbol} is no trading symbol as Kite writes them, such as NIFTY26NOV24500CE")
        parts = SymbolParts(underlying=overrides["underlying"], kind=overrides["kind"])
    expiry = None if parts.expiry is None else parts.expiry.isoformat()
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        lot_units=lot,
        tick_inr=tick,
        freeze_units=freeze,
        underlying=overrides.get("underlying", parts.underlying),
        kind=overrides.get("kind", parts.kind),
        expiry=overrides.get("expiry", expiry),
        strike_inr=overrides.get("strike_inr", parts.strike_inr),
    )


def _title(underlying: str, kind: Kind, expiry: date | None, strike_inr: Decimal | None) -> str:
    if kind is Kind.EQUITY:
        return underlying
    if kind is Kind.FUTURE:
        month = "" if expiry is None else MONTHS[expiry.month - 1].capitalize()
        return f"{underlying} FUT {month}".rstrip()
    day = "" if expiry is None else f"{expiry.day:02d}{MONTHS[expiry.month - 1].capitalize()}"
    strike = "" if strike_inr is None else f"{_plain(strike_inr)} "
    return f"{underlying} {strike}{kind.value} {day}".rstrip()


def _plain(number: Decimal) -> str:
    """Without exponent and without zeros behind the point."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
