"""An exit that is not filled soon is sent through the market again and again, with an alarm. Never held for price."""

from engine.commands import ModifyOrder
from engine.core.lifecycle import OrderState
from engine.core.settle import cancel
from engine.core.state import ChildLeg, ChildOrder
from engine.core.throttle import send_change
from engine.core.turn import ALARM, Turn, seconds_ns
from engine.model import OrderType, split_leg

MOST_MODIFICATIONS = 20
"""Then the order is cancelled and its rest sent anew: brokers allow 25 modifications of one order (Kite, 2026)."""


def chase_exits(turn: Turn) -> None:
    """Move every exit whose rest has been open too long; called with every poll."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in turn.open_orders(leg):
                if not order.entry and order.state is OrderState.WORKING and order.day == turn.state.day:
                    _chase(turn, leg, order)


def _chase(turn: Turn, leg: ChildLeg, order: ChildOrder) -> None:
    after_ns = seconds_ns(turn.settings.copy.chase_after_s)
    since_ns = max(order.acked_ns, order.chased_ns)
    if (
        turn.now_ns - since_ns < after_ns
        or order.cancelling_ns
        or (turn.state.kill >= 2 and not leg.flattening)
        or not turn.market_open
    ):
        return
    order.chased_ns = turn.now_ns
    symbol = split_leg(order.leg)[1]
    quote = turn.quote(order.leg)
    if quote is None or quote.is_stale(turn.now_ns) or quote.touch(order.side) is None:
        if not order.chases:
            turn.notify(ALARM, f"exit of {order.remaining} waits: no fresh quote", order.account, symbol)
        order.chases = max(order.chases, 1)
        return
    order.chases += 1
    turn.notify(ALARM, f"exit of {order.remaining} is still open: sent through the market again", order.account, symbol)
    if order.chases > MOST_MODIFICATIONS:
        cancel(turn, order)
        return
    send_change(
        turn, ModifyOrder(account=order.account, tag=order.tag, order_id=order.order_id, order_type=OrderType.MARKET)
    )
