"""Kite Connect's JSON as typed rows, and those as values of the domain. Pure.

Numbers become `Decimal` from the text of the wire, never through a float. What is not used is not decoded; what is
used and not as documented raises `Malformed`: a read that cannot be understood is unknown, never empty.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast

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

T = TypeVar("T")
SUCCESS: Final = "success"
_STATUSES: Final = {
    "COMPLETE": BookStatus.COMPLETE,
    "CANCELLED": BookStatus.CANCELLED,
    "CANCELLED AMO": BookStatus.CANCELLED,
    "REJECTED": BookStatus.REJECTED,
    "TRIGGER PENDING": BookStatus.TRIGGER_PENDING,
    "PUT ORDER REQ RECEIVED": BookStatus.PENDING,
    "VALIDATION PENDING": BookStatus.PENDING,
    "OPEN PENDING": BookStatus.PENDING,
    "AMO REQ RECEIVED": BookStatus.PENDING,
    "MODIFY AMO REQ RECEIVED": BookStatus.PENDING,
}
"""Kite's list of interim statuses is open ("may vary"): whatever is not here is live. Two of an AMO are in no document,
but in the tables of many clients: taken for live, what he cancelled at night would be copied at the opening."""
OPEN: Final = "OPEN"
_AMO_WAITS: Final = frozenset({"AMO REQ RECEIVED", "MODIFY AMO REQ RECEIVED"})
"""An order for the opening keeps the variety `amo` at the exchange [staff, comment/40302]; while it waits its status
says so."""
_ORDER_TYPES: Final = {kind.value: kind for kind in OrderType}
UNITS_MOST: Final = 10**12
ID_MOST: Final = 20
DIGITS_MOST: Final = 15
"""Before and behind the point of an amount; beyond that nothing can be kept or reckoned with, and nothing is meant."""
_YEARS: Final = range(1970, 2200)
_TIME_LENGTH: Final = len("YYYY-MM-DD HH:MM:SS")
_OWN_MARKS: Final = ("autoslice", "mktp")
"""Tags that Kite adds by itself."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is decoded; unknown keys are ignored, because Kite adds some without notice."""


class Envelope(Row, Generic[T], frozen=True, kw_only=True):
    """What every answer is wrapped in."""

    status: str
    data: T


class ErrorBody(Row, frozen=True, kw_only=True):
    """An error's answer."""

    status: str = ""
    message: str | None = None
    error_type: str | None = None


class OrderRow(Row, frozen=True, kw_only=True):
    """One order of the book, of a history, of a postback, or of a pushed update."""

    order_id: str
    status: str
    exchange: str
    tradingsymbol: str
    transaction_type: str
    order_type: str
    product: str
    quantity: int
    filled_quantity: int = 0
    average_price: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    status_message: str | None = None
    order_timestamp: str | None = None
    exchange_timestamp: str | None = None
    exchange_update_timestamp: str | None = None
    variety: str | None = None
    validity: str | None = None
    tag: str | None = None
    tags: tuple[str, ...] | None = None


class PositionRow(Row, frozen=True, kw_only=True):
    """One row of the positions."""

    tradingsymbol: str
    exchange: str
    product: str
    quantity: int
    overnight_quantity: int = 0
    average_price: Decimal | None = None


class Positions(Row, frozen=True, kw_only=True):
    """Positions: `net` is what is held now, `day` what was traded today."""

    net: tuple[PositionRow, ...]


class MarginFunded(Row, frozen=True, kw_only=True):
    """What of a holding was bought with margin funding."""

    quantity: int | None = None
    used_quantity: int | None = None


class HoldingRow(Row, frozen=True, kw_only=True):
    """One row of the holdings: shares of earlier days, those that are not delivered yet included."""

    tradingsymbol: str | None = None
    exchange: str | None = None
    opening_quantity: int | None = None
    realised_quantity: int | None = None
    t1_quantity: int | None = None
    collateral_quantity: int | None = None
    mtf: MarginFunded | None = None


class Segment(Row, frozen=True, kw_only=True):
    """Funds of one segment."""

    net: Decimal
    utilised: msgspec.Raw = msgspec.Raw(b"{}")
    "Read by itself (`funds_of`): `net` is not lost with what stands beside it."
    enabled: bool = True


class Utilised(Row, frozen=True, kw_only=True):
    """What is used of a segment's funds: `debits` is all of it."""

    debits: Decimal | None = None


class Margins(Row, frozen=True, kw_only=True):
    """Funds of both segments; an account may lack one."""

    equity: Segment | None = None
    commodity: Segment | None = None


class Placed(Row, frozen=True, kw_only=True):
    """The answer to a write."""

    order_id: str


class Profile(Row, frozen=True, kw_only=True):
    """Who is logged in."""

    user_id: str
    exchanges: tuple[str, ...] = ()
    products: tuple[str, ...] = ()


class BasketSide(Row, frozen=True, kw_only=True):
    """Margin of a basket, without (`initial`) or with (`final`) its own benefit."""

    total: Decimal


class BasketMargins(Row, frozen=True, kw_only=True):
    """What a basket of orders would block."""

    initial: BasketSide
    final: BasketSide


def decode(body: bytes, kind: type[T]) -> T:
    """The `data` of an answer.

    Raises:
        Malformed: It does not have the documented form; the text names the place, never the content.
    """
    try:
        found = cast("Envelope[T]", _decoder(cast("Hashable", kind)).decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the answer of Kite is not as documented: {_place(error)}") from None
    if found.status != SUCCESS:
        raise Malformed("the answer of Kite is not as documented: $.status")
    return found.data


def decode_error(body: bytes) -> tuple[str, str]:
    """(error type, message) of an error's answer; both '' when it is none of Kite's."""
    try:
        found = msgspec.json.decode(body, type=ErrorBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "", ""
    return found.error_type or "", found.message or ""


def report_of(row: OrderRow) -> OrderReport:
    """A row of the order book as the engine knows it.

    Kite has no time of placing: `order_timestamp` moves with each change and the cancel, and `exchange_timestamp` with
    what the exchange has done, which may be earlier. The earlier one comes nearest.

    Raises:
        Malformed: A side, a quantity or a time that cannot be.
    """
    if row.transaction_type not in ("BUY", "SELL"):
        raise Malformed(f"{_name(row)} is neither bought nor sold")
    if not row.order_id or not row.tradingsymbol or not row.exchange or not row.product:
        raise Malformed("an order without id, symbol, exchange or product")
    if not 0 <= row.filled_quantity <= row.quantity <= UNITS_MOST or row.quantity < 1:
        raise Malformed(f"{_name(row)} has quantities that cannot be")
    changed_ns, exchange_ns = ist_ns(row.order_timestamp), ist_ns(row.exchange_timestamp)
    return OrderReport(
        order_id=row.order_id,
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        product=row.product,
        side=Side(row.transaction_type),
        order_type=_ORDER_TYPES.get(row.order_type, OrderType.LIMIT),
        quantity=row.quantity,
        filled=row.filled_quantity,
        average_price_inr=_price(row.average_price) if row.filled_quantity else None,
        status=_status(row),
        status_text=row.status_message or "",
        price_inr=_price(row.price),
        trigger_price_inr=_price(row.trigger_price),
        tag=_tag(row),
        placed_ns=min(changed_ns, exchange_ns or changed_ns),
        updated_ns=max(changed_ns, exchange_ns, ist_ns(row.exchange_update_timestamp)),
        validity=Validity.IOC if row.validity == "IOC" else Validity.DAY,
        variety=_variety(row),
    )


def reports_of(rows: Sequence[OrderRow]) -> tuple[OrderReport, ...]:
    """The order book. Kite does not say in which order: the oldest first here, an order that stands twice once."""
    found: dict[str, OrderReport] = {}
    for report in map(report_of, rows):
        known = found.get(report.order_id)
        if known is None or _age(report) >= _age(known):
            found[report.order_id] = report
    return tuple(sorted(found.values(), key=lambda report: (report.placed_ns, len(report.order_id), report.order_id)))


def position_of(row: PositionRow) -> Position:
    """A row of the positions as the engine knows it.

    Raises:
        Malformed: It says not of what, or more than there can be.
    """
    if not row.tradingsymbol or not row.exchange or not row.product:
        raise Malformed("a position without symbol, exchange or product")
    if max(abs(row.quantity), abs(row.overnight_quantity)) > UNITS_MOST:
        raise Malformed("a position of more units than there can be")
    return Position(
        exchange=row.exchange,
        symbol=row.tradingsymbol,
        product=row.product,
        net_units=row.quantity,
        overnight_units=row.overnight_quantity,
        average_price_inr=_price(row.average_price) if row.quantity else None,
    )


def shares_of(row: HoldingRow) -> tuple[tuple[LegId, int], ...]:
    """Shares at the begin of the day by leg: what is sold today changes `quantity`, and not these.

    Pledged ones are sold like others and stand in `collateral_quantity`. Where it is not documented whether a figure
    contains another the larger sum counts: too many shares hinder no exit, which is never more than what was bought.
    A row that names no instrument, or a quantity below zero, is nobody's to sell.

    Raises:
        Malformed: More than there can be.
    """
    settled = (row.realised_quantity or 0) + (row.t1_quantity or 0) + (row.collateral_quantity or 0)
    funded = MarginFunded() if row.mtf is None else row.mtf
    found = (
        ("CNC", max(row.opening_quantity or 0, settled)),
        ("MTF", (funded.quantity or 0) + (funded.used_quantity or 0)),
    )
    if any(units > UNITS_MOST for _, units in found):
        raise Malformed("a holding of more shares than there can be")
    if not row.tradingsymbol or not row.exchange:
        return ()
    return tuple((leg_id(row.exchange, row.tradingsymbol, product), units) for product, units in found if units > 0)


def funds_of(segment: Segment) -> Funds:
    """The funds of a segment: `net` with `debits` is the cash of the morning with what is pledged.

    So in kiteconnect-mocks, margins.json, and in an account that was read twice in a day (marketcalls/openalgo, issue
    1582, 2026-08-18). The single figures do not add up to `debits`, so none is reckoned here.

    Raises:
        Malformed: `net` is no amount. Debits that are none are not told, and fail nothing.
    """
    try:
        debits = msgspec.json.decode(segment.utilised, type=Utilised).debits
        used = None if debits is None else amount(debits)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Malformed):
        used = None
    return Funds(available_inr=amount(segment.net), used_inr=used)


@lru_cache(maxsize=16_384)
def ist_ns(text: str | None) -> int:
    """Kite's `YYYY-MM-DD HH:MM:SS` of India as ns UTC; 0 when there is none, which Kite also writes as the year 1.

    Raises:
        Malformed: It is no such time.
    """
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(f"{text}+05:30")
    except ValueError:
        raise Malformed("a time that is none") from None
    if len(text) < _TIME_LENGTH or moment.year not in _YEARS:
        if moment.year == 1:
            return 0
        raise Malformed("a time that is none")
    return max(int(moment.timestamp()), 0) * NS_PER_S


def amount(value: Decimal) -> Decimal:
    """An amount of money that can be reckoned with.

    Raises:
        Malformed: It is no number, or out of all proportion.
    """
    if not value.is_finite() or (value and abs(value.adjusted()) > DIGITS_MOST):
        raise Malformed("an amount that is none")
    return value


def _name(row: OrderRow) -> str:
    """The order for a message: by its id when that looks like one of Kite's (15 to 19 digits)."""
    is_id = row.order_id.isascii() and row.order_id.isdigit() and len(row.order_id) <= ID_MOST
    return f"order {row.order_id}" if is_id else "an order"


def _status(row: OrderRow) -> BookStatus:
    """The status; an order for the opening with a word that nobody knows waits until the exchange has registered it."""
    word = row.status.upper()
    if word not in _STATUSES and word != OPEN and _variety(row) == AMO and not row.exchange_timestamp:
        return BookStatus.PENDING
    return _STATUSES.get(word, BookStatus.OPEN)


def _variety(row: OrderRow) -> str:
    """The variety in small letters; one that is not named is an ordinary one."""
    return AMO if row.status.upper() in _AMO_WAITS else (row.variety or REGULAR).lower()


def _tag(row: OrderRow) -> str:
    """The mark that whoever placed the order gave it; Kite's own marks stand beside it, or alone."""
    marks = (row.tag, *(row.tags or ()))
    return next((mark for mark in marks if mark and not mark.startswith(_OWN_MARKS)), "")


def _price(value: Decimal | None) -> Decimal | None:
    """A price; Kite writes 0 where there is none."""
    return None if value is None or not amount(value) else value


def _age(report: OrderReport) -> tuple[int, int, bool]:
    """Of two reports of one order the greater one is the later: fills only grow, and an end is final."""
    return report.filled, report.updated_ns, report.status in TERMINAL_BOOK


@lru_cache(maxsize=64)
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(Envelope[kind])  # type: ignore[valid-type]  # known at run time only


def _place(error: Exception) -> str:
    """Where a decoder stumbled, without what stood there."""
    text = str(error)
    place = text.rpartition(" - at ")[2].strip("`") if " - at " in text else ""
    return place if place.startswith("$") else "no JSON"
