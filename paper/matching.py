"""Whether and at what price an order fills against one quote. Pure: values in, values out.

It must not know accounts, margins or the order book, and must not touch a clock: the caller says what time it is.

What an order meets is "the market": the opposite touch, or the last price where nobody is on either side. One side
missing alone means that there is nobody to trade with. A quote that is stale, crossed or priced at zero or less
fills nothing, and the result says so.
"""

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal

from config.schema import LimitFill, Paper
from engine.model import STOPS, DepthLevel, OrderType, Quote, Side, Validity, Value

STALE_QUOTE = "stale quote"
NO_QUOTE = "no quote"

Fill = tuple[int, Decimal]
"""(units, price in rupees)."""

_HAS_LIMIT = frozenset({OrderType.LIMIT, OrderType.SL})


class MatchRules(Value, frozen=True):
    """How the paper exchange fills, from the configuration."""

    limit_fill: LimitFill = LimitFill.LIMIT
    slippage_ticks: int = 0
    "By how many ticks a market order fills worse than what it meets."
    partial_fills: bool = False
    "Whether a fill is bounded by the displayed quantity. A quote that displays none bounds nothing."

    @classmethod
    def of(cls, paper: Paper) -> "MatchRules":
        """The rules that the configuration sets."""
        return cls(limit_fill=paper.limit_fill, slippage_ticks=paper.slippage_ticks, partial_fills=paper.partial_fills)


class RestingOrder(Value, frozen=True):
    """What of an order matters for matching."""

    side: Side
    order_type: OrderType
    units: int
    "Units still open."
    tick_inr: Decimal
    price_inr: Decimal | None = None
    trigger_price_inr: Decimal | None = None
    triggered: bool = False
    "Whether the trigger of an SL or SL-M order was reached before."
    validity: Validity = Validity.DAY


class MatchResult(Value, frozen=True):
    """What one look at a quote does to an order."""

    fills: tuple[Fill, ...] = ()
    triggered: bool = False
    "The trigger was reached now."
    cancelled: bool = False
    "The unfilled rest of an IOC order is cancelled."
    waiting: str = ""
    "Why the quote cannot be traded upon, '' when it can."


def match(order: RestingOrder, quote: Quote | None, rules: MatchRules, now_ns: int) -> MatchResult:
    """Match one open order with one quote.

    Args:
        order: With at least one open unit.
        quote: The newest quote of its instrument, `None` when there never was one.
        rules: How to fill.
        now_ns: The time, for the quote's age.

    Returns:
        The fills in the order in which they happen, together at most the open units.
    """
    ioc = order.validity is Validity.IOC
    waiting, market = _market(order.side, quote, now_ns)
    if quote is None or market is None:
        return MatchResult(cancelled=ioc, waiting=waiting)
    needs_trigger = order.order_type in STOPS and not order.triggered
    if needs_trigger and not _reached(order, market):
        return MatchResult(cancelled=ioc)
    fills = _fills(order, quote, market, rules)
    rest = order.units - sum(units for units, _ in fills)
    return MatchResult(fills=fills, triggered=needs_trigger, cancelled=ioc and rest > 0)


def needs_trigger(order_type: OrderType) -> bool:
    """Whether an order of this type first waits for its trigger."""
    return order_type in STOPS


def _market(side: Side, quote: Quote | None, now_ns: int) -> tuple[str, Decimal | None]:
    """Why there is no market, or the price that an order of `side` meets."""
    if quote is None:
        return NO_QUOTE, None
    if quote.is_stale(now_ns):
        return STALE_QUOTE, None
    bid, ask = quote.bid_inr, quote.ask_inr
    if any(price is not None and price <= 0 for price in (bid, ask)):
        return NO_QUOTE, None
    if bid is not None and ask is not None and bid > ask:
        return NO_QUOTE, None
    market = quote.touch(side)
    if market is None or market <= 0:
        return NO_QUOTE, None
    return "", market


def _reached(order: RestingOrder, market: Decimal) -> bool:
    trigger = order.trigger_price_inr
    if trigger is None:
        return False
    return market >= trigger if order.side is Side.BUY else market <= trigger


def _within(side: Side, price: Decimal, limit: Decimal) -> bool:
    return price <= limit if side is Side.BUY else price >= limit


def _fills(order: RestingOrder, quote: Quote, market: Decimal, rules: MatchRules) -> tuple[Fill, ...]:
    levels = _levels(order.side, quote, market)
    if order.order_type not in _HAS_LIMIT:
        return _walk(order, levels, rules)
    limit = order.price_inr
    if limit is None or not _within(order.side, market, limit):
        return ()
    units = order.units
    if rules.partial_fills:
        units = min(units, _displayed(level for level in levels if _within(order.side, level[1], limit)))
    price = limit if rules.limit_fill is LimitFill.LIMIT else market
    return ((units, price),) if units > 0 else ()


def _levels(side: Side, quote: Quote, market: Decimal) -> Sequence[tuple[int | None, Decimal]]:
    """(displayed units, price) from the touch outwards; `None` units where the quote does not display any."""
    depth: Sequence[DepthLevel] = quote.asks if side is Side.BUY else quote.bids
    real = [(level.units, level.price_inr) for level in depth if level.units > 0 and level.price_inr > 0]
    if real:
        return real
    has_touch = (quote.ask_inr if side is Side.BUY else quote.bid_inr) is not None
    displayed = quote.ask_units if side is Side.BUY else quote.bid_units
    return [(displayed if has_touch else None, market)]


def _displayed(levels: Iterable[tuple[int | None, Decimal]]) -> int:
    total = 0
    for units, _ in levels:
        if units is None:
            return sys.maxsize
        total += max(units, 0)
    return total


def _walk(order: RestingOrder, levels: Sequence[tuple[int | None, Decimal]], rules: MatchRules) -> tuple[Fill, ...]:
    """A market order takes level after level; what is beyond the last one fills there, or stays open."""
    fills: list[Fill] = []
    rest = order.units
    for index, (displayed, price) in enumerate(levels):
        unbounded = displayed is None or (index == len(levels) - 1 and not rules.partial_fills)
        units = rest if unbounded or displayed is None else min(rest, displayed)
        if units > 0:
            fills.append((units, _slipped(order, price, rules.slippage_ticks)))
            rest -= units
        if rest == 0:
            break
    return tuple(fills)


def _slipped(order: RestingOrder, price: Decimal, ticks: int) -> Decimal:
    worse = price + order.side.sign * ticks * order.tick_inr
    # A sale slips down to one tick at the lowest, and never upwards.
    return worse if worse > 0 else min(price, order.tick_inr)
