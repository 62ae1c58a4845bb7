"""SmartAPI's JSON as values of the domain. Pure.

Its numbers come as numbers or as texts ("- 2235.80"), its lists as `null` when they are empty, its status as `true`,
as "false" or not at all. Everything is read exactly: numbers become `Decimal` from the text of the wire. Symbols stay
Angel's own here; `symbols` translates them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from brokers.errors import Malformed
from engine.model import (
    AMO,
    NS_PER_S,
    REGULAR,
    TERMINAL_BOOK,
    BookStatus,
    Funds,
    LegId,
    OrderReport,
    OrderType,
    Position,
    Side,
    Validity,
    leg_id,
)

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_STATUSES: Final = {
    "complete": BookStatus.COMPLETE,
    "rejected": BookStatus.REJECTED,
    "cancelled": BookStatus.CANCELLED,
    "canceled": BookStatus.CANCELLED,
    "cancelled after market order": BookStatus.CANCELLED,
    "cancelled amo": BookStatus.CANCELLED,
    "amo cancelled": BookStatus.CANCELLED,
    "expired": BookStatus.CANCELLED,
    "trigger pending": BookStatus.TRIGGER_PENDING,
    "put order req received": BookStatus.PENDING,
    "validation pending": BookStatus.PENDING,
    "open pending": BookStatus.PENDING,
    "after market order req received": BookStatus.PENDING,
    "modify after market order req received": BookStatus.PENDING,
}
"""A partial fill is `open`, told by its filled shares; whatever is not here is live."""
VARIETIES: Final = {"": "", "NORMAL": REGULAR, "STOPLOSS": REGULAR, "AMO": AMO, "ROBO": "bo"}
"""By Kite's names. An order for the opening is placed as NORMAL, and the book may show either [SmartAPI forum, 5177 and
5188]: while it waits its status says so."""
_AMO_WAITS: Final = frozenset({"after market order req received", "modify after market order req received"})
ORDER_TYPES: Final = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOPLOSS_LIMIT": OrderType.SL,
    "STOPLOSS_MARKET": OrderType.SL_M,
}
PRODUCTS: Final = {"DELIVERY": "CNC", "CARRYFORWARD": "NRML", "INTRADAY": "MIS", "MARGIN": "MTF", "BO": "BO"}
DIGITS_MOST: Final = 15
"""Before and behind the point of a number; beyond that nothing can be reckoned with, and nothing is meant."""
_YEARS: Final = range(1970, 2200)
"""Beyond, nanoseconds are none that can be written down."""
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Envelope(NamedTuple):
    """An answer: whether it succeeded, its code and words where it did not, and its data."""

    succeeded: bool
    code: str
    message: str
    data: Any
    refused: bool = False
    "Whether it says so itself, and nothing in it says otherwise; an answer may be neither."
    has_data: bool = True
    "Whether it has any, `null` included; one that lost them on the way is not one of an empty list."


class Row:
    """One JSON object, read field by field. A field that is missing is as one that is empty."""

    __slots__ = ("_fields",)

    def __init__(self, fields: object) -> None:
        if not isinstance(fields, Mapping):
            raise Malformed("Angel's answer is not as documented: a row is no object")
        self._fields = fields

    def has(self, name: str) -> bool:
        """Whether there is anything."""
        return self._fields.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """A text; numbers (ids come as both) as they are written, '' for null."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise Malformed(f"Angel's answer is not as documented: {name} is no text")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; none for null."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Malformed(f"Angel's answer is not as documented: {name} is no list of texts")
        return tuple(value)

    def number(self, name: str) -> Decimal:
        """A number, written as one or as a text; 0 where there is none."""
        value = self._fields.get(name)
        if value is None or value == "":
            return Decimal(0)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise Malformed(f"Angel's answer is not as documented: {name} is no number")
        try:
            found = Decimal(value.replace(" ", "").replace(",", "") if isinstance(value, str) else value)
        except InvalidOperation:
            raise Malformed(f"Angel's answer is not as documented: {name} is no number") from None
        if not found.is_finite() or (found and abs(found.adjusted()) > DIGITS_MOST):
            raise Malformed(f"Angel's answer is not as documented: {name} is no number")
        return found

    def whole(self, name: str) -> int:
        """A whole number."""
        found = self.number(name)
        if found != found.to_integral_value() or abs(found) > 10**12:
            raise Malformed(f"Angel's answer is not as documented: {name} is no whole number")
        return int(found)

    def price(self, name: str) -> Decimal | None:
        """A price; 0 and below are none."""
        found = self.number(name)
        return found if found > 0 else None


def funds_of(data: object) -> Funds:
    """The funds of the RMS limits: `net`, and `utiliseddebits` where it is one.

    Raises:
        Malformed: There is no `net`. Debits that are missing, null or no number are not told, and fail nothing.
    """
    row = Row(data)
    if not row.has("net"):
        raise Malformed("there is no net margin")
    try:
        used = row.number("utiliseddebits") if row.has("utiliseddebits") else None
    except Malformed:
        used = None
    return Funds(available_inr=row.number("net"), used_inr=used)


def decode(body: bytes | str) -> Any:
    """What a text of JSON says; numbers with a point are `Decimal`.

    Raises:
        Malformed: It is none, or has a number that cannot be.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError, ValueError):
        raise Malformed("Angel's answer is not as documented: no JSON") from None


def envelope(body: bytes | str) -> Envelope:
    """What an answer says.

    Raises:
        Malformed: It is no JSON object.
    """
    return envelope_of(decode(body))


def envelope_of(found: object) -> Envelope:
    """The same for what was decoded already. Both spellings of the code, and no truth but `true`, count."""
    if not isinstance(found, Mapping):
        raise Malformed("Angel's answer is not as documented: no object")
    row = Row(found)
    code = row.text("errorcode") or row.text("errorCode")
    flags = [found[name] for name in ("status", "success") if name in found]
    return Envelope(
        succeeded=bool(flags) and not code and all(flag is True for flag in flags),
        code=code,
        message=row.text("message"),
        data=found.get("data"),
        refused=bool(flags) and all(flag is False or flag == "false" for flag in flags),
        has_data="data" in found,
    )


def rows_of(envelope: Envelope) -> list[Row]:
    """The rows of an answer that is a list; documented is `null` for an empty one, and nothing else.

    Raises:
        Malformed: It is no list.
    """
    if not envelope.has_data:
        raise Malformed("Angel's answer is not as documented: no data")
    return rows(envelope.data)


def rows(data: object) -> list[Row]:
    """The rows of a list; `null` is an empty one.

    Raises:
        Malformed: It is no list.
    """
    if data is None:
        return []
    if isinstance(data, str | bytes) or not isinstance(data, Sequence):
        raise Malformed("Angel's answer is not as documented: no list")
    return [Row(item) for item in data]


def placed_ns(row: Row) -> int:
    """When an order was placed, as far as its row tells; 0 for not known."""
    return ist_ns(row.text("exchtime")) or ist_ns(row.text("updatetime"))


def report_of(row: Row) -> OrderReport | None:
    """A row of the order book, or the order of a pushed update; `None` for one that ended as an order for nothing.

    Somebody's odd order, refused before it had a quantity, must not hide the whole book.

    Raises:
        Malformed: An id, a side or a quantity that cannot be.
    """
    order_id, side = row.text("orderid"), row.text("transactiontype").upper()
    if not order_id or not row.text("tradingsymbol") or not row.text("exchange"):
        raise Malformed("an order without id, symbol or exchange")
    if side not in ("BUY", "SELL"):
        raise Malformed(f"order {order_id} is neither bought nor sold")
    words = _words(row, "orderstatus") or _words(row, "status")
    status, variety = _STATUSES.get(words, BookStatus.OPEN), row.text("variety")
    quantity, filled = row.whole("quantity"), row.whole("filledshares")
    if quantity == filled == 0 and status in TERMINAL_BOOK:
        return None
    if quantity < 1 or not 0 <= filled <= quantity:
        raise Malformed(f"order {order_id} has filled {filled} of {quantity}")
    updated_ns = ist_ns(row.text("updatetime"))
    return OrderReport(
        order_id=order_id,
        exchange=row.text("exchange"),
        symbol=row.text("tradingsymbol"),
        product=PRODUCTS.get(row.text("producttype").upper(), row.text("producttype")),
        side=Side(side),
        order_type=ORDER_TYPES.get(row.text("ordertype").upper(), OrderType.LIMIT),
        quantity=quantity,
        filled=filled,
        average_price_inr=row.price("averageprice") if filled else None,
        status=status,
        status_text=row.text("text"),
        price_inr=row.price("price"),
        trigger_price_inr=row.price("triggerprice"),
        tag=row.text("ordertag"),
        placed_ns=placed_ns(row),
        updated_ns=max(updated_ns, ist_ns(row.text("exchorderupdatetime"))),
        validity=Validity.IOC if row.text("duration").upper() == "IOC" else Validity.DAY,
        variety=AMO if words in _AMO_WAITS else VARIETIES.get(variety.upper(), variety.lower()),
    )


def position_of(row: Row) -> Position:
    """A row of the positions."""
    if not row.text("tradingsymbol") or not row.text("exchange"):
        raise Malformed("a position without symbol or exchange")
    net = row.whole("netqty")
    return Position(
        exchange=row.text("exchange"),
        symbol=row.text("tradingsymbol"),
        product=PRODUCTS.get(row.text("producttype").upper(), row.text("producttype")),
        net_units=net,
        overnight_units=row.whole("cfbuyqty") - row.whole("cfsellqty"),
        average_price_inr=row.price("netprice") if net else None,
    )


def shares_of(row: Row) -> tuple[LegId, int] | None:
    """A row of the holdings: its leg, and the shares at the begin of the day; `None` for a row that names nothing.

    Those not delivered yet and pledged ones count: too many shares hinder no exit (see Zerodha's).
    """
    if not row.text("tradingsymbol") or not row.text("exchange"):
        return None
    units = row.whole("realisedquantity") + row.whole("t1quantity") + row.whole("collateralquantity")
    product = PRODUCTS.get(row.text("product").upper(), "CNC")
    return leg_id(row.text("exchange"), row.text("tradingsymbol"), product), max(units, 0)


@lru_cache(maxsize=16_384)
def ist_ns(text: str) -> int:
    """Angel's `20-Oct-2020 13:10:59` of India as ns UTC; 0 for what is no such time, as `-` and the year 1 are."""
    try:
        date, time = text.split(" ")
        day, month, year = date.split("-")
        number = _MONTHS.index(month.upper()) + 1
        if int(year) not in _YEARS:
            raise ValueError
        return int(datetime.fromisoformat(f"{year}-{number:02d}-{int(day):02d}T{time}+05:30").timestamp()) * NS_PER_S
    except (ValueError, OverflowError):
        return 0


def _words(row: Row, name: str) -> str:
    """A status, however it is spaced and written."""
    return " ".join(row.text(name).lower().split())
