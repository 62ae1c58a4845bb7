"""Angel's scrip master, and which of its scrips is which instrument of ours.

The program speaks Kite's names everywhere. Two rows are one contract when they have the exchange's own number in common
and agree on underlying, expiry, strike and kind, and shares on their symbol; a number alone is not believed. Where no
Kite dump is at hand, the name is made from the contract by Kite's rules. Lot and tick are always those of Angel's row.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from brokers.angel_one import wire
from brokers.catalogue import Catalogue, Listing
from brokers.errors import Malformed
from config.rules import freeze_units
from engine.core.symbols import MONTHS, WEEKLY_MONTHS, option_symbol
from engine.model import Instrument, InstrumentId, Kind, instrument_id

DERIVATIVES: Final = frozenset({"NFO", "BFO"})
CASH: Final = frozenset({"NSE", "BSE"})
PAISE: Final = 100
"""Strikes and ticks are written in paise."""
LOT_MOST: Final = 10**9
YEARS: Final = range(2000, 2100)
"""Names have two digits of the year."""


class Row(msgspec.Struct, frozen=True):
    """One row of the scrip master, as it is written."""

    token: str
    symbol: str
    name: str = ""
    expiry: str = ""
    strike: str = ""
    lotsize: str = ""
    instrumenttype: str = ""
    exch_seg: str = ""
    tick_size: str = ""


class Scrip(NamedTuple):
    """What Angel calls an instrument, and the instrument under our name."""

    symbol: str
    token: str
    instrument: Instrument


class Symbols:
    """Both directions.

    Args:
        body: The scrip master.
        day: For which day freeze quantities hold.
        kite: Kite's dump of the day, `None` when there is none.

    Raises:
        Malformed: It is no scrip master, or empty.
    """

    def __init__(self, body: bytes, day: date, kite: Catalogue | None = None) -> None:
        try:
            rows = msgspec.json.decode(body, type=list[Row])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Malformed("the scrip master is not as documented") from None
        self.day, self._kite = day, kite
        wanted = [row for row in rows if row.exch_seg in DERIVATIVES or row.exch_seg in CASH]
        if not wanted:
            raise Malformed("the scrip master is empty")
        self._by_token = {(row.exch_seg, row.token): row for row in wanted}
        self._by_symbol = {(row.exch_seg, row.symbol): row for row in wanted}
        self._alike: dict[tuple[str, str, str], list[Row]] = {}
        "Rows by exchange, underlying and expiry (of a share its name): few of them have to be read for a look-up."
        self._expiries: dict[tuple[str, str], list[str]] = {}
        for row in wanted:
            is_share = row.exch_seg in CASH
            key = (row.exch_seg, _share(row), "") if is_share else (row.exch_seg, row.name, row.expiry)
            if (rows_ := self._alike.get(key)) is not None:
                rows_.append(row)
                continue
            self._alike[key] = [row]
            if not is_share:
                self._expiries.setdefault(key[:2], []).append(row.expiry)
        self._found: dict[InstrumentId, Scrip | str] = {}

    def tied_to(self, kite: Catalogue) -> "Symbols":
        """The same scrips with another dump of Kite's."""
        made = copy(self)
        made._kite, made._found = kite, {}
        return made

    def find(self, name: InstrumentId) -> Scrip | str:
        """The scrip of an instrument of ours; a text says why there is none."""
        if name not in self._found:
            self._found[name] = self._look_up(name)
        return self._found[name]

    def name_of(self, exchange: str, symbol: str) -> InstrumentId:
        """Our name of one of Angel's; its own where it is not known."""
        row = self._by_symbol.get((exchange, symbol))
        if row is None:
            return instrument_id(exchange, symbol)
        if self._kite is not None:
            listing = self._kite.find_token(exchange, row.token)
            if listing is not None and _difference(listing.instrument, _instrument(row, self.day)) == "":
                return listing.instrument.id
        made = _instrument(row, self.day)
        return instrument_id(exchange, symbol) if made is None else made.id

    def _look_up(self, name: InstrumentId) -> Scrip | str:
        listing = None if self._kite is None else self._kite.find(name)
        exchange = name.split(":", 1)[0]
        known = None if listing is None else (exchange, listing.exchange_token)
        row = self._named(name) if known is None else self._by_token.get(known)
        if row is None:
            return "not listed at Angel One"
        made = _instrument(row, self.day)
        if made is None:
            return "its row at Angel One cannot be used"
        if listing is not None and (difference := _difference(listing.instrument, made)):
            return f"another contract at Angel One: {difference}"
        symbol = name.split(":", 1)[1]
        return Scrip(row.symbol, row.token, msgspec.structs.replace(made, symbol=symbol))

    def _named(self, name: InstrumentId) -> Row | None:
        """The row that has this name by Kite's rules."""
        for key in self._keys(*name.split(":", 1)):
            for row in reversed(self._alike.get(key, ())):
                kind = _kind(row)
                if kind is not None and (kind is Kind.EQUITY or name.endswith(kind.value)):
                    made = _instrument(row, self.day)
                    if made is not None and made.id == name:
                        return row
        return None

    def _keys(self, exchange: str, symbol: str = "") -> Iterator[tuple[str, str, str]]:
        """Where a name can be. Where its underlying ends can be read in more than one way."""
        if exchange in CASH:
            yield exchange, symbol, ""
            return
        for end in range(len(symbol)):
            for text in self._expiries.get((exchange, symbol[:end]), ()):
                expiry = _expiry(text)
                if expiry is not None and symbol.startswith(_days(expiry), end):
                    yield exchange, symbol[:end], text


class AngelMarket:
    """Angel's scrip master (a `brokers.markets.Market`)."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols

    @property
    def day(self) -> date:
        """For which day it holds."""
        return self.symbols.day

    def look_up(self, name: InstrumentId) -> Listing | str:
        """An instrument; a text says why there is none."""
        found = self.symbols.find(name)
        return found if isinstance(found, str) else Listing(found.instrument, 0, found.token)


def _instrument(row: Row, day: date) -> Instrument | None:
    """A row under the name that Kite's rules make; `None` where it cannot be used."""
    try:
        lot, tick, strike = int(row.lotsize), _rupees(row.tick_size), _rupees(row.strike or "0")
    except (ValueError, ArithmeticError):
        return None
    if not 1 <= lot <= LOT_MOST or tick <= 0:
        return None
    if row.exch_seg in CASH:
        symbol = _share(row)
        return Instrument(
            exchange=row.exch_seg, symbol=symbol, lot_units=lot, tick_inr=tick, freeze_units=None,
            underlying=row.name or symbol, kind=Kind.EQUITY,
        )  # fmt: skip
    expiry, kind = _expiry(row.expiry), _kind(row)
    if expiry is None or kind is None:
        return None
    symbol = (
        f"{row.name}{expiry:%y}{MONTHS[expiry.month - 1]}FUT"
        if kind is Kind.FUTURE
        else option_symbol(row.exch_seg, row.name, expiry, strike, kind)
    )
    return Instrument(
        exchange=row.exch_seg,
        symbol=symbol,
        lot_units=lot,
        tick_inr=tick,
        freeze_units=freeze_units(row.name, day),
        underlying=row.name,
        kind=kind,
        expiry=expiry.isoformat(),
        strike_inr=None if kind is Kind.FUTURE else strike,
    )


def _rupees(paise: str) -> Decimal:
    """Raises `ValueError` or `ArithmeticError` for what is no number that can be reckoned with."""
    found = Decimal(paise)
    if not found.is_finite() or abs(found.adjusted()) > wire.DIGITS_MOST:
        raise ValueError("it is too large or too small")
    return found / PAISE


def _share(row: Row) -> str:
    return row.symbol.removesuffix("-EQ")


def _kind(row: Row) -> Kind | None:
    if row.exch_seg in CASH:
        return Kind.EQUITY
    if row.instrumenttype.startswith("FUT"):
        return Kind.FUTURE
    if not row.instrumenttype.startswith("OPT"):
        return None
    return {"CE": Kind.CALL, "PE": Kind.PUT}.get(row.symbol[-2:])


@lru_cache(maxsize=1024)
def _expiry(text: str) -> date | None:
    """`11AUG2026`, whatever language the machine speaks."""
    try:
        day = datetime.fromisoformat(f"{text[5:9]}-{MONTHS.index(text[2:5].upper()) + 1:02d}-{text[:2]}").date()
    except ValueError:
        return None
    return day if day.year in YEARS else None


@lru_cache(maxsize=1024)
def _days(expiry: date) -> tuple[str, str]:
    """How Kite's names write a day behind the underlying: that of a month, and that of a week."""
    year = f"{expiry:%y}"
    return f"{year}{MONTHS[expiry.month - 1]}", f"{year}{WEEKLY_MONTHS[expiry.month - 1]}{expiry:%d}"


def _difference(ours: Instrument, theirs: Instrument | None) -> str:
    """How two rows with one exchange number differ as contracts, '' when they do not."""
    if theirs is None:
        return "it cannot be read"
    is_share = ours.kind is Kind.EQUITY  # whose underlying is the company's name at Kite, and a symbol at Angel
    parts: Sequence[tuple[str, object, object]] = (
        ("symbol", ours.symbol, theirs.symbol) if is_share else ("underlying", ours.underlying, theirs.underlying),
        ("kind", ours.kind, theirs.kind),
        ("expiry", ours.expiry, theirs.expiry),
        ("strike", ours.strike_inr, theirs.strike_inr),
    )
    return ", ".join(f"{name} {theirs_} for {ours_}" for name, ours_, theirs_ in parts if ours_ != theirs_)
