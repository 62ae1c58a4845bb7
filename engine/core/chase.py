"""What is not filled soon is moved: exits through the market, again and again; entries within the slippage limit.

An exit is never held for price. An entry that the market has left behind is cancelled, and its rest is held.
"""

from decimal import Decimal

from engine.commands import ModifyOrder
from engine.core import gates, reasons
from engine.core.lifecycle import OrderState
from engine.core.resting import rests
from engine.core.sending import may_move, why_stopped, why_too_late
from engine.core.settle import cancel
from engine.core.state_child import Child, ChildLeg, ChildOrder, Terms
from engine.core.terms import (
    MOST_MODIFICATIONS,
    ask,
    better_of,
    exit_terms,
    is_asked,
    is_worn_out,
    market_inr,
    on_tick,
    worst_price_inr,
)
from engine.core.throttle import send_change
from engine.core.turn import ALARM, WARNING, Turn, seconds_ns
from engine.model import Instrument, OrderType, Side, split_leg

MOST_CHASES = 20
"""Then an exit is cancelled and its rest sent anew: brokers allow 25 modifications of one order (Kite, 2026)."""


def chase(turn: Turn) -> None:
    """Move every order whose rest has been open too long; called with every poll."""
    if not turn.market_open:
        return
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in list(turn.open_orders(leg)):
                if order.state is OrderState.WORKING and order.day == turn.state.day:
                    _look_at(turn, child, leg, order)


def _look_at(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> None:
    if order.held_after_cancel or order.cancelling_ns:
        _cancel_again(turn, child, leg, order)
    elif not rests(order) and _is_late(turn, order):  # what rests waits for its price, as the master's does
        move_now(turn, child, leg, order)


def _cancel_again(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> None:
    """Ask for a cancel again that came to nothing. What rested rests anew then, where entries are on by now.

    After a start the book is read first: it may show that the cancel was heard, and who is not read is not traded.
    """
    if child.synced and not child.needs_login:
        order.renewed = order.renewed or (rests(order) and not why_stopped(turn, child, leg))
        cancel(turn, order)


def move_now(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> None:
    """Move an order at once: it has rested long enough."""
    if order.entry:
        _chase_entry(turn, child, leg, order)
    else:
        _chase_exit(turn, leg, order)


def _is_late(turn: Turn, order: ChildOrder) -> bool:
    since_ns = max(order.acked_ns, order.chased_ns)
    return not order.cancelling_ns and turn.now_ns - since_ns >= seconds_ns(turn.settings.copy.chase_after_s)


def _chase_exit(turn: Turn, leg: ChildLeg, order: ChildOrder) -> None:
    if turn.state.kill >= 2 and not leg.flattening:
        return
    order.chased_ns = turn.now_ns
    symbol = split_leg(order.leg)[1]
    needs_quote = order.terms.order_type is OrderType.MARKET or leg.exit_as_limit
    if needs_quote and market_inr(turn, order.leg, order.side) is None:
        if not order.chases:
            turn.notify(ALARM, f"exit of {order.remaining} waits: no fresh quote", order.account, symbol)
        order.chases = max(order.chases, 1)
        return
    order.chases += 1
    if order.chases > MOST_CHASES or is_worn_out(order):
        text = f"exit of {order.remaining} is still open and cannot be changed: cancelled, to be sent anew"
        turn.notify(ALARM, text, order.account, symbol)
        cancel(turn, order)
        return
    instrument = turn.leg_instrument(order.account, order.leg)
    if leg.exit_as_limit and instrument is not None:
        _move_exit(turn, order, exit_terms(turn, leg, instrument, order.side))
        return
    again = " again" if order.terms.order_type is OrderType.MARKET else ""
    text = f"exit of {order.remaining} is still open: sent through the market{again}"
    turn.notify(ALARM, text, order.account, symbol)
    send_change(
        turn, ModifyOrder(account=order.account, tag=order.tag, order_id=order.order_id, order_type=OrderType.MARKET)
    )


def _move_exit(turn: Turn, order: ChildOrder, terms: Terms) -> None:
    """Move an exit at a limit with the market: through it the broker takes none."""
    if terms == order.terms or is_asked(turn, order):
        return
    text = f"exit of {order.remaining} is still open: moved to {terms.price_inr:.2f}"
    turn.notify(ALARM, text, order.account, split_leg(order.leg)[1])
    ask(turn, order, terms=terms)


def _chase_entry(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> None:
    """Move an entry to the market, at most to the worst price allowed; beyond that it is given to the operator."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    if instrument is None or is_asked(turn, order):
        return
    if stopped := child.stopped.get(turn.scope_of(leg.leg)) or why_too_late(turn, child, leg):
        _hold(turn, order, stopped)
        return
    if not may_move(turn, child, leg, order):
        return
    if gates.is_lone_leg(turn, child, leg, order.side):
        _hold(turn, order, reasons.LONE_LEG)
        return
    market = market_inr(turn, order.leg, order.side)
    if market is None or order.reference_inr is None:
        return
    limit = _limit_inr(turn, order, instrument, market, order.reference_inr)
    if order.terms.order_type is OrderType.LIMIT and order.terms.price_inr == limit:
        order.chased_ns = turn.now_ns
        if limit != on_tick(market, instrument.tick_inr, up=order.side is Side.BUY):
            _hold(turn, order, reasons.BEYOND_SLIPPAGE)
        return
    if order.modifications >= MOST_MODIFICATIONS:
        _hold(turn, order, reasons.MOVED_TOO_OFTEN)
        return
    order.chased_ns = turn.now_ns
    text = f"entry of {order.remaining} is still open: moved to {limit:.2f}"
    turn.notify(WARNING, text, order.account, split_leg(order.leg)[1])
    ask(turn, order, terms=Terms(order_type=OrderType.LIMIT, price_inr=limit))


def _limit_inr(turn: Turn, order: ChildOrder, instrument: Instrument, market: Decimal, reference: Decimal) -> Decimal:
    """The market's price on the tick, or the worst one allowed where the market is beyond it."""
    side = order.side
    at_market = on_tick(market, instrument.tick_inr, up=side is Side.BUY)
    return better_of(side, at_market, worst_price_inr(turn, order.account, instrument, side, reference))


def _hold(turn: Turn, order: ChildOrder, reason: str) -> None:
    """Cancel an entry; what it has not filled by then is held."""
    order.held_after_cancel = reason
    cancel(turn, order)
