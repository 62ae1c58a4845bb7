"""The nouns of the domain: instruments, quotes, orders, positions. Immutable values that cross layers and threads.

Money and prices are `Decimal` in rupees, quantities `int` units (not lots), times `int` nanoseconds UTC since the
epoch, order ids `str`. No behaviour beyond what follows from the value itself.
"""

from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final, NewType

import msgspec
from msgspec.structs import replace

LegId = NewType("LegId", str)
"""One instrument and product, `EXCHANGE:SYMBOL:PRODUCT`: the key of a leg, a string so that it can key JSON objects."""

InstrumentId = NewType("InstrumentId", str)
"""`EXCHANGE:SYMBOL`, as Kite writes it."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the immutable values."""


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def other(self) -> "Side":
        """The side that undoes this one."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """Order types, spelled as at Kite."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


STOPS = frozenset({OrderType.SL, OrderType.SL_M})
"""Types that wait for a trigger."""


class Validity(StrEnum):
    """How long an order rests."""

    DAY = "DAY"
    IOC = "IOC"


class BookStatus(StrEnum):
    """An order's status at the broker, reduced to what the program distinguishes; other interim statuses are `OPEN`."""

    PENDING = "PENDING"
    "Taken in by the broker, and not accepted by the exchange yet: it may still be refused."
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER PENDING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


DELIVERY_PRODUCTS = frozenset({"CNC", "MTF"})
"""Equity delivery: paid in full, and with margin funding."""
TERMINAL_BOOK = frozenset({BookStatus.COMPLETE, BookStatus.CANCELLED, BookStatus.REJECTED})
"""Statuses after which the broker changes nothing any more."""


class Kind(StrEnum):
    """What an instrument is."""

    CALL = "CE"
    PUT = "PE"
    FUTURE = "FUT"
    EQUITY = "EQ"


class Instrument(Value, frozen=True, kw_only=True):
    """One tradable instrument of a broker's instrument file of the day."""

    exchange: str
    symbol: str
    lot_units: int
    "Units in one lot; every order is a multiple of it."
    tick_inr: Decimal
    "Every price is a multiple of it."
    freeze_units: int | None
    "Largest quantity of one order, `None` where there is no limit."
    underlying: str
    kind: Kind
    expiry: str | None = None
    "ISO date of the last trading day, `None` for equities."
    strike_inr: Decimal | None = None

    @property
    def id(self) -> InstrumentId:
        """The instrument's key."""
        return instrument_id(self.exchange, self.symbol)

    @property
    def is_option(self) -> bool:
        """Whether it is a call or a put."""
        return self.kind in (Kind.CALL, Kind.PUT)


class DepthLevel(Value, frozen=True, kw_only=True):
    """One price level of one side of the book."""

    price_inr: Decimal
    units: int


class Quote(Value, frozen=True, kw_only=True):
    """The newest market data of one instrument. A side that has nobody is `None`; zero is never a price."""

    instrument: InstrumentId
    at_ns: int
    last_inr: Decimal | None = None
    bid_inr: Decimal | None = None
    ask_inr: Decimal | None = None
    bid_units: int | None = None
    ask_units: int | None = None
    bids: tuple[DepthLevel, ...] = ()
    "Depth from the best bid downwards, empty where only the touch is known."
    asks: tuple[DepthLevel, ...] = ()
    volume_units: int | None = None
    open_interest_units: int | None = None
    stale_at_ns: int | None = None
    "From when on the quote is stale, `None` for never. Set by whoever feeds it."

    def is_stale(self, now_ns: int) -> bool:
        """Whether the quote may no longer be traded upon at `now_ns`."""
        return self.stale_at_ns is not None and now_ns >= self.stale_at_ns

    def touch(self, side: Side) -> Decimal | None:
        """The price that an order of `side` meets: the opposite touch, `last` where there is no touch at all."""
        opposite = self.ask_inr if side is Side.BUY else self.bid_inr
        if opposite is not None:
            return opposite
        if self.bid_inr is None and self.ask_inr is None:
            return self.last_inr
        return None


REGULAR: Final = "regular"
AMO: Final = "amo"
"""Kinds of orders that more than one part of the program speaks of; see `OrderReport.variety`."""


class OrderReport(Value, frozen=True, kw_only=True):
    """One row of a broker's order book, or one pushed update: what the broker says of one order, cumulative."""

    order_id: str
    exchange: str
    symbol: str
    product: str
    side: Side
    order_type: OrderType
    quantity: int
    "Units ordered."
    filled: int = 0
    "Units filled so far."
    average_price_inr: Decimal | None = None
    "Average price of the filled units, `None` when nothing is filled."
    status: BookStatus = BookStatus.OPEN
    status_text: str = ""
    "The broker's own words, for people. Never parsed by the engine."
    price_inr: Decimal | None = None
    trigger_price_inr: Decimal | None = None
    tag: str = ""
    placed_ns: int = 0
    updated_ns: int = 0
    "When the broker last changed it (exchange time where known)."
    validity: Validity = Validity.DAY
    variety: str = ""
    """What kind of order it is, by Kite's names: `regular`, `amo` (taken after hours, for the opening), `iceberg` (a
    leg of one), `co` (cover), `bo` (bracket), `auction`; any other word of a broker's in small letters, '' for none."""

    @property
    def leg(self) -> LegId:
        """The leg that the order belongs to."""
        return leg_id(self.exchange, self.symbol, self.product)

    @property
    def instrument(self) -> InstrumentId:
        """The instrument's key."""
        return instrument_id(self.exchange, self.symbol)


class Position(Value, frozen=True, kw_only=True):
    """One row of a broker's positions: net units of one instrument and product."""

    exchange: str
    symbol: str
    product: str
    net_units: int
    overnight_units: int = 0
    "Units carried from the previous day."
    average_price_inr: Decimal | None = None

    @property
    def leg(self) -> LegId:
        """The leg that the position belongs to."""
        return leg_id(self.exchange, self.symbol, self.product)


class Funds(Value, frozen=True, kw_only=True):
    """An account's money in rupees, as one read of its broker tells it."""

    available_inr: Decimal
    "What the broker would accept for a new derivative order, collateral included: `net` at Kite and at Angel One."
    used_inr: Decimal | None = None
    """What is blocked or spent of the account's funds, so that both together are its capital: Kite's `utilised.debits`,
    Angel's `utiliseddebits`. Below zero where what the day made counts in it; `None` where the broker does not say."""


class TradingSession(Value, frozen=True, kw_only=True):
    """One stretch of continuous trading of the derivatives market."""

    open_ns: int
    close_ns: int


class BasketOrder(Value, frozen=True, kw_only=True):
    """Units of one leg, in an order through the market or held."""

    leg: LegId
    side: Side
    units: int


class Basket(Value, frozen=True, kw_only=True):
    """Orders of one account that would be sent together, in their order, and what it holds beside them."""

    account: str
    orders: tuple[BasketOrder, ...]
    held: tuple[BasketOrder, ...] = ()


def usable_quote(quote: Quote) -> Quote:
    """The quote without prices that are none: not finite, zero or negative."""
    prices = (quote.last_inr, quote.bid_inr, quote.ask_inr)
    if all(price is None or (price.is_finite() and price > 0) for price in prices):
        return quote
    last, bid, ask = (p if p is not None and p.is_finite() and p > 0 else None for p in prices)
    return replace(quote, last_inr=last, bid_inr=bid, ask_inr=ask)


def leg_id(exchange: str, symbol: str, product: str) -> LegId:
    """Key of the leg of `symbol` on `exchange` with `product`."""
    return LegId(f"{exchange}:{symbol}:{product}")


def instrument_id(exchange: str, symbol: str) -> InstrumentId:
    """Key of the instrument `symbol` on `exchange`."""
    return InstrumentId(f"{exchange}:{symbol}")


@lru_cache(maxsize=8192)
def split_leg(leg: LegId) -> tuple[str, str, str]:
    """(exchange, symbol, product) of a leg's key."""
    exchange, rest = leg.split(":", 1)
    symbol, product = rest.rsplit(":", 1)
    return exchange, symbol, product


@lru_cache(maxsize=8192)
def instrument_of(leg: LegId) -> InstrumentId:
    """The instrument's key of a leg's key."""
    return InstrumentId(leg.rsplit(":", 1)[0])


@lru_cache(maxsize=8192)
def is_delivery(leg: LegId) -> bool:
    """Whether a leg is shares that are kept: nobody sells them short, and they can be gone without an order."""
    return split_leg(leg)[2] in DELIVERY_PRODUCTS


def sign(number: int) -> int:
    """-1, 0 or +1."""
    return (number > 0) - (number < 0)
