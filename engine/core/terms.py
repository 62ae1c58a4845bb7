"""At what price a copy is sent, how far from the master's it may be moved, and which terms the broker has confirmed.

A modification that was sent is `asked` until the broker shows its terms, refuses it, or a complete read that began
after its answer shows others: only then is another one sent. Nothing here decides whether an order is wanted.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from config.schema import CopyAs
from engine.commands import ModifyOrder
from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.sizing import stricter
from engine.core.state_child import Asked, Child, ChildLeg, ChildOrder, Terms
from engine.core.state_master import MasterLeg, MasterOrder
from engine.core.throttle import send_change, terms_of
from engine.core.turn import Turn
from engine.events import Outcome
from engine.model import NS_PER_S, STOPS, TERMINAL_BOOK, Instrument, LegId, OrderReport, OrderType, Side

THROUGH_PCT = Decimal(1)
"""So far beyond the touch an exit's limit lies, so that it is filled like a market order."""
MOST_MODIFICATIONS = 23
"""Brokers allow 25 modifications of one order (Kite, 2026): from the 24th on it is cancelled and placed anew."""
REFUSED_PAUSE_NS = 2 * NS_PER_S
"""A change that was not accepted is asked for again after so long at the earliest."""
ASKED_MOST_NS = 40 * NS_PER_S
"""A modification of which nothing was heard for so long, or nothing since its answer, no longer stops another one."""
LATE_NS = 60 * NS_PER_S
"""An answer that did not come for so long after its change was given up, while the process ran, comes no more."""


def on_tick(price_inr: Decimal, tick_inr: Decimal, *, up: bool) -> Decimal:
    """The price on the tick, up or down, at least one tick."""
    steps = (price_inr / tick_inr).to_integral_value(ROUND_CEILING if up else ROUND_FLOOR)
    return max(steps, Decimal(1)) * tick_inr


def most_slippage_pct(turn: Turn, child: str) -> Decimal:
    """The slippage limit of a child: the smaller of the two."""
    settings = turn.child_settings.get(child)
    return stricter(turn.settings.copy.max_slippage_pct, None if settings is None else settings.risk.max_slippage_pct)


def most_slippage_inr(turn: Turn, child: str, instrument: Instrument, reference_inr: Decimal) -> Decimal:
    """By how much a child's copy may be worse than its reference."""
    ticks_inr = turn.settings.copy.slippage_ticks * instrument.tick_inr
    return max(reference_inr * most_slippage_pct(turn, child) / 100, ticks_inr)


def worst_price_inr(turn: Turn, child: str, instrument: Instrument, side: Side, reference_inr: Decimal) -> Decimal:
    """The worst limit that the slippage limit allows a child, on the tick."""
    worst = reference_inr + side.sign * most_slippage_inr(turn, child, instrument, reference_inr)
    return on_tick(worst, instrument.tick_inr, up=side is Side.SELL)


def better_of(side: Side, one: Decimal, other: Decimal) -> Decimal:
    """The price that is the better one to trade at: lower to buy, higher to sell."""
    return min(one, other) if side is Side.BUY else max(one, other)


def entry_terms(
    turn: Turn, child: str, master: MasterLeg, instrument: Instrument, side: Side, reference_inr: Decimal | None
) -> Terms:
    """How a child's entry is sent (`copy.as`). Never at a limit beyond the slippage limit."""
    as_ = turn.settings.copy.as_
    if as_ is CopyAs.MARKET or reference_inr is None or reference_inr <= 0:
        return Terms()
    limit = _same_limit(master, side) if as_ is CopyAs.SAME else _buffered(turn, instrument, side, reference_inr)
    if limit is None:
        return Terms()
    limit = better_of(side, limit, worst_price_inr(turn, child, instrument, side, reference_inr))
    return Terms(order_type=OrderType.LIMIT, price_inr=on_tick(limit, instrument.tick_inr, up=side is Side.SELL))


def _same_limit(master: MasterLeg, side: Side) -> Decimal | None:
    """The limit of the master's own order, `None` where he went through the market."""
    is_limit = master.order_type in (OrderType.LIMIT.value, OrderType.SL.value) and master.side is side
    return master.limit_inr if is_limit else None


def _buffered(turn: Turn, instrument: Instrument, side: Side, reference_inr: Decimal) -> Decimal:
    """The master's price and some ticks towards the market."""
    buffer = side.sign * turn.settings.copy.limit_buffer_ticks * instrument.tick_inr
    return on_tick(reference_inr + buffer, instrument.tick_inr, up=side is Side.BUY)


def market_inr(turn: Turn, leg: LegId, side: Side) -> Decimal | None:
    """What an order would meet now, `None` without a fresh quote."""
    quote = turn.quote(leg)
    return None if quote is None or quote.is_stale(turn.now_ns) else quote.touch(side)


def exit_terms(turn: Turn, leg: ChildLeg, instrument: Instrument, side: Side) -> Terms:
    """How an exit is sent: through the market, at any price.

    Brokers refuse market orders in contracts that are not traded much (stock options, nothing traded today): then it is
    a limit beyond the touch, where a fresh quote says where that is, until the broker refuses that.
    """
    touch = market_inr(turn, leg.leg, side)
    if not leg.exit_as_limit or touch is None:
        return Terms()
    limit = touch * (1 + side.sign * THROUGH_PCT / 100)
    return Terms(order_type=OrderType.LIMIT, price_inr=on_tick(limit, instrument.tick_inr, up=side is Side.BUY))


def resting_terms(order: MasterOrder, instrument: Instrument) -> Terms:
    """The terms of an order of the master's that rests, on the child's tick, never better for the other side."""
    up = order.side is Side.SELL
    price, trigger = order.price_inr, order.trigger_inr
    if trigger is not None and trigger > 0:
        trigger = on_tick(trigger, instrument.tick_inr, up=not up)
    if price is not None:
        price = on_tick(price, instrument.tick_inr, up=up)
        if trigger is not None and order.order_type == OrderType.SL.value:
            price = max(price, trigger) if order.side is Side.BUY else min(price, trigger)
    type_ = OrderType(order.order_type)
    return Terms(
        order_type=type_,
        price_inr=price if type_ in (OrderType.LIMIT, OrderType.SL) else None,
        trigger_inr=trigger if type_ in STOPS else None,
    )


def ask(turn: Turn, order: ChildOrder, *, terms: Terms, units: int | None = None) -> None:
    """Ask the broker to change an order, now or when his rate windows have room."""
    send_change(
        turn,
        ModifyOrder(
            account=order.account,
            tag=order.tag,
            order_id=order.order_id,
            order_type=terms.order_type,
            quantity=units,
            price_inr=terms.price_inr,
            trigger_price_inr=terms.trigger_inr,
        ),
    )


def is_worn_out(order: ChildOrder) -> bool:
    """Whether another change is of no use: too many were made, or the broker refuses them. It is cancelled instead."""
    return order.modifications >= MOST_MODIFICATIONS or order.refusals > 0


def is_waiting(child: Child, order: ChildOrder, terms: Terms) -> bool:
    """Whether a change of an order to these terms, and of nothing else, waits for its turn."""
    return any(
        isinstance(change, ModifyOrder)
        and change.tag == order.tag
        and change.quantity is None
        and is_same(terms_of(change), terms)
        for change in child.traffic.changes
    )


def is_asked(turn: Turn, order: ChildOrder) -> bool:
    """Whether a change of an order is under way, or not confirmed, or was not accepted a moment ago."""
    if order.refused_ns and turn.now_ns < order.refused_ns + REFUSED_PAUSE_NS:
        return True
    asked = order.asked  # after a sleep of the machine an answer may come late: what it means is for the book to tell
    return asked is not None and turn.now_ns - max(asked.sent_ns, asked.answered_ns) < ASKED_MOST_NS


def note_report(order: ChildOrder, report: OrderReport) -> None:
    """Take in the terms that the broker shows of an open order; late news change nothing."""
    is_over = report.status in TERMINAL_BOOK
    if order.state in TERMINAL or (report.updated_ns < order.terms_ns and not is_over):
        return
    is_held = order.state is OrderState.HELD and is_over  # what is held of it is ours to decide
    if order.modifications and not is_held:  # nothing else changes a quantity
        order.units = max(report.quantity, report.filled)
    if is_over:
        return
    order.terms_ns = report.updated_ns
    order.terms = Terms(order_type=report.order_type, price_inr=report.price_inr, trigger_inr=report.trigger_price_inr)
    asked = order.asked
    if asked is None:
        return
    most = asked.standing_units if asked.units is None else asked.units
    asked.shown_units = order.units if order.units < most else None
    order.units = max(order.units, most)  # what the change may bring back may still fill
    if is_same(order.terms, asked.terms) and asked.units in (None, report.quantity):
        _drop(order, asked)


def _drop(order: ChildOrder, asked: Asked) -> None:
    """Nothing more comes of a change: the broker's order is as he showed it last."""
    if asked.shown_units is not None:
        order.units = max(asked.shown_units, order.filled)
    order.asked = None


def is_same(shown: Terms, wanted: Terms) -> bool:
    """Whether terms are those that were wanted; a price that was not given may be anything."""
    return (
        shown.order_type is wanted.order_type
        and wanted.price_inr in (None, shown.price_inr)
        and wanted.trigger_inr in (None, shown.trigger_inr)
    )


def note_answer(turn: Turn, order: ChildOrder, outcome: Outcome, number: int) -> None:
    """A modification was answered: the book tells what came of it, unless it was certainly not accepted.

    The late answer to an older one (`number`) says nothing of the newest but that the broker refuses changes.
    """
    is_newest, asked = number == order.modifications, order.asked
    if is_newest and asked is not None:
        asked.answered_ns = turn.now_ns
    if outcome is Outcome.ACKED:
        order.refusals = 0 if is_newest else order.refusals
    elif outcome is not Outcome.UNKNOWN:
        order.refused_ns = turn.now_ns
        order.refusals += outcome is Outcome.REJECTED
        if is_newest and asked is not None and not asked.follows:  # else the next book tells
            _drop(order, asked)


def note_book(turn: Turn, child: Child, began_ns: int) -> None:
    """A complete read of the book has been taken in: what it shows is what became of the changes answered before.

    An answer that did not come for long after the change was given up does not come any more.
    """
    for leg in child.legs.values():
        for order in turn.open_orders(leg):
            asked = order.asked
            if asked is None or order.state is not OrderState.WORKING:
                continue
            ended_ns = asked.answered_ns or (asked.lost_ns and asked.lost_ns + LATE_NS)
            if 0 < ended_ns < began_ns:
                _drop(order, asked)
