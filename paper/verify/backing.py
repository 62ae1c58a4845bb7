"""What the master would hold if everything that works of his filled: what a child's share is measured by.

The judge's own sum over the master's book as the engine knows it.
"""

from config.schema import Follow
from engine.core.state import State
from engine.model import LegId, Side, sign


def backed_units(state: State, leg: LegId, side: Side | None = None) -> int:
    """Units, unsigned, of the side given, or of the larger one.

    In `follow: fills` it is what he holds: his working orders back nothing.
    """
    master = state.master.legs.get(leg)
    held = 0 if master is None else master.units
    sides = [side] if side is not None else [Side.BUY, Side.SELL]
    found = []
    for each in sides:
        if held and sign(held) != each.sign:
            continue
        found.append(abs(held) + (_working(state, leg, each) if state.settings.follow is Follow.ORDERS else 0))
    return max(found, default=0)


def _working(state: State, leg: LegId, side: Side) -> int:
    orders = (state.master.orders[order_id] for order_id in state.master.working)
    return sum(order.quantity - order.filled for order in orders if order.leg == leg and order.side is side)
