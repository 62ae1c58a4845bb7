"""Draws what only `follow: orders` sees: orders of the master that rest, are moved, fill in part and end.

The market moves, so that a child's copy fills before his, after it, or not at all.
"""

from dataclasses import dataclass
from decimal import Decimal
from random import Random

import msgspec

from config.schema import Copy, CopyAs, Follow, OnOrphanFill, Settings
from engine.model import (
    NS_PER_MS,
    NS_PER_S,
    BookStatus,
    LegId,
    OrderReport,
    OrderType,
    Quote,
    Side,
    instrument_id,
    leg_id,
)
from paper import scenario as act
from paper.verify.draft import LOT, PRICE_INR, START_NS, WARM_NS, Draft
from paper.verify.ordinary import market_order

STEP_INR = Decimal("0.5")
SPREAD_INR = Decimal("0.10")
PAUSES_NS = (0, 60 * NS_PER_MS, 400 * NS_PER_MS, 2 * NS_PER_S, 5 * NS_PER_S, 9 * NS_PER_S)


def with_resting_orders(settings: Settings, rng: Random) -> Settings:
    """The settings of a day on which orders are followed."""
    copy = Copy(
        as_=rng.choice((CopyAs.MARKET, CopyAs.MARKET, CopyAs.LIMIT, CopyAs.SAME)),
        catch_up_s=Decimal(rng.choice((1, 3, 3))),
        max_slippage_pct=Decimal(rng.choice((1, 5))),
    )
    orphans = rng.choice((OnOrphanFill.CLOSE, OnOrphanFill.CLOSE, OnOrphanFill.KEEP))
    risk = msgspec.structs.replace(settings.risk, on_orphan_fill=orphans)
    return msgspec.structs.replace(settings, follow=Follow.ORDERS, copy=copy, risk=risk)


def resting_day(draft: Draft, rng: Random) -> None:
    """Moving quotes, and orders of the master that rest."""
    for symbol in draft.symbols:
        for _ in range(rng.randint(0, 12)):
            _quote(draft, symbol, _moment(draft, rng), rng)
    for _ in range(rng.randint(1, 5)):
        _resting_order(draft, rng)


def _moment(draft: Draft, rng: Random) -> int:
    return START_NS + WARM_NS + rng.randrange(draft.span_ns)


def _price(rng: Random) -> Decimal:
    return PRICE_INR + rng.randint(-6, 6) * STEP_INR


def _quote(draft: Draft, symbol: str, at_ns: int, rng: Random) -> None:
    bid = _price(rng)
    ask = bid + rng.choice((Decimal(0), SPREAD_INR))
    quote = Quote(
        instrument=instrument_id("NFO", symbol),
        at_ns=at_ns,
        last_inr=bid,
        bid_inr=bid,
        ask_inr=ask,
        bid_units=100_000,
        ask_units=rng.choice((100_000, 100_000, LOT)),
    )
    draft.add(at_ns, act.Quotes(quotes=(quote,)))


@dataclass(slots=True)
class RestingOrder:
    """An order of the master in the making."""

    order_id: str
    leg: LegId
    side: Side
    order_type: OrderType
    placed_ns: int
    quantity: int
    price: Decimal
    filled: int = 0

    def row(self, at_ns: int, status: BookStatus) -> OrderReport:
        """The row of his book at a time."""
        has_trigger = self.order_type in (OrderType.SL, OrderType.SL_M)
        bare = market_order(
            self.leg, self.side, self.quantity, order_id=self.order_id, placed_ns=self.placed_ns, updated_ns=at_ns
        )
        return msgspec.structs.replace(
            bare,
            order_type=self.order_type,
            filled=self.filled,
            average_price_inr=self.price if self.filled else None,
            status=status,
            price_inr=None if self.order_type is OrderType.SL_M else self.price,
            trigger_price_inr=self.price if has_trigger else None,
        )


def _resting_order(draft: Draft, rng: Random) -> None:
    """One order that rests for a while: moved, changed in size, filled in part, and then filled or cancelled."""
    at_ns, end_ns = _moment(draft, rng), START_NS + WARM_NS + draft.span_ns
    leg = leg_id("NFO", rng.choice(draft.symbols), "NRML")
    units = _signed_size(draft.units.get(leg, 0) // LOT, rng) * LOT
    draft.orders += 1
    type_ = rng.choice((OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT, OrderType.SL, OrderType.SL, OrderType.SL_M))
    side = Side.BUY if units > 0 else Side.SELL
    order = RestingOrder(f"M{draft.orders}", leg, side, type_, at_ns, abs(units), _price(rng))
    waits = BookStatus.OPEN if type_ is OrderType.LIMIT else BookStatus.TRIGGER_PENDING
    draft.add(at_ns, act.MasterTrades(report=order.row(at_ns, waits)))
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        at_ns = min(end_ns, at_ns + rng.choice(PAUSES_NS))
        waits = _change(order, waits, rng)
        draft.add(at_ns, act.MasterTrades(report=order.row(at_ns, waits)))
    at_ns = min(end_ns, at_ns + rng.choice(PAUSES_NS))
    last = rng.choice((BookStatus.COMPLETE, BookStatus.COMPLETE, BookStatus.CANCELLED))
    if last is BookStatus.COMPLETE:
        order.filled = order.quantity
    draft.add(at_ns, act.MasterTrades(report=order.row(at_ns, last)))
    draft.units[leg] = draft.units.get(leg, 0) + side.sign * order.filled


def _signed_size(held: int, rng: Random) -> int:
    """Lots of an order: out of what he holds (whole, in part, beyond), more of it, or something new."""
    lots = rng.choice((1, 2, 3, 5, 7, 10, 20))
    if not held:
        return rng.choice((-1, 1)) * lots
    away = -1 if held > 0 else 1
    return rng.choice((-held, away * rng.randint(1, abs(held)), away * (abs(held) + lots), -away * lots))


def _change(order: RestingOrder, waits: BookStatus, rng: Random) -> BookStatus:
    """Move it, change its size, or fill a part of it."""
    what = rng.random()
    left = (order.quantity - order.filled) // LOT
    if what < 0.5:
        order.price = _price(rng)
    elif what < 0.75:
        order.quantity = order.filled + rng.choice((1, 2, 5, 10)) * LOT
    elif left > 1:
        order.filled += rng.randint(1, left - 1) * LOT
        return BookStatus.OPEN
    return waits
