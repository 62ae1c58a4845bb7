"""What the master's orders mean for a child: what he would hold if they filled, and where a copy of one must stand.

The judge's own sums over the master's book as the engine knows it. It must not ask the engine what a copy is to be.
"""

from decimal import Decimal

from config.schema import Follow
from engine.core.state import State
from engine.core.state_child import Terms
from engine.core.state_master import MasterOrder
from engine.model import Instrument, LegId, Side, is_delivery, sign

RESTS = frozenset({"LIMIT", "SL", "SL-M"})
"""Types of the master's orders that are mirrored."""


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


def sells_shares(leg: LegId, side: Side) -> bool:
    """Whether an order sells shares. The judge's own word for it: the engine's may be wrong."""
    return side is Side.SELL and is_delivery(leg)


def opens(state: State, order: MasterOrder) -> bool:
    """Whether an order of the master's would open lots, and not only close what he holds, followed or not."""
    if sells_shares(order.leg, order.side):
        return False
    master = state.master.legs.get(order.leg)
    held = 0 if master is None else master.units + master.background_units
    return held * order.side.sign >= 0 or order.quantity - order.filled > abs(held)


def _working(state: State, leg: LegId, side: Side) -> int:
    """What works of a side, without what would only close lots from before the start: those are not followed."""
    orders = (state.master.orders[order_id] for order_id in state.master.working)
    working = sum(order.quantity - order.filled for order in orders if order.leg == leg and order.side is side)
    master = state.master.legs.get(leg)
    background = 0 if master is None else master.background_units
    return max(0, working - abs(background)) if background * side.sign < 0 else working


def stands_with(terms: Terms, his: MasterOrder, instrument: Instrument) -> bool:
    """Whether a copy stands where the master's order does: on the child's tick, a limit never worse than his."""
    if his.order_type not in RESTS or terms.order_type.value != his.order_type:
        return False
    is_limit, is_stop = his.order_type != "SL-M", his.order_type != "LIMIT"
    trigger = his.trigger_inr if is_stop else None
    if trigger is None:
        is_triggered = terms.trigger_inr is None
    else:
        is_triggered = terms.trigger_inr is not None and _is_near(terms.trigger_inr, trigger, his.side.sign, instrument)
    if not is_limit or his.price_inr is None or terms.price_inr is None:
        return is_triggered and terms.price_inr is None
    is_at_the_trigger = is_stop and terms.price_inr == terms.trigger_inr
    return is_triggered and (is_at_the_trigger or _is_near(terms.price_inr, his.price_inr, -his.side.sign, instrument))


def _is_near(price: Decimal, his: Decimal, sign: int, instrument: Instrument) -> bool:
    """Whether a price is less than a tick from his, on the side of `sign`, and on the tick."""
    return 0 <= (price - his) * sign < instrument.tick_inr and not price % instrument.tick_inr


def told(terms: Terms) -> str:
    """A copy's terms in words."""
    return f"{terms.order_type} {terms.price_inr or ''}/{terms.trigger_inr or ''}"


def told_of(his: MasterOrder) -> str:
    """The terms of the master's order in words."""
    return f"{his.order_type} {his.price_inr or ''}/{his.trigger_inr or ''}{' that ended' if his.ended_ns else ''}"
