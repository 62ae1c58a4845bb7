"""What the master's fill brought and a resting order missed is sent through the market.

Entries after `catch_up_s`, exits as soon as they are due and nothing else can bring them.
"""

from config.schema import ConfirmWhen
from engine.core.chase import move_now
from engine.core.entries import Decision, enter, enter_completion
from engine.core.lifecycle import OrderState
from engine.core.mirrored_leg import MirroredLeg
from engine.core.orders import find_copy, price_to_meet
from engine.core.plans import make_due
from engine.core.resting import (
    detach,
    filled_units,
    on_the_way,
    owed_units,
    resting_of,
    resting_units,
    room_for_entries,
    share,
)
from engine.core.state_child import ChildOrder, Mirror
from engine.core.turn import held_units

TAKEN_FROM = frozenset({OrderState.WORKING, OrderState.QUEUED})
"""What is unknown is found out first: units of it are not sent another way."""


def catch_up(at: MirroredLeg, mirror: Mirror) -> None:
    """What his fill brought to an entry and the resting order missed goes through the market after a while."""
    turn, leg = at.turn, at.leg
    waiting = owed_units(turn, leg, mirror)
    short = leg.target_units - held_units(leg) - on_the_way(turn, leg) + waiting
    owed = max(0, min(waiting, short))
    if not owed:
        if at.master.window is None:  # else what his newest fill is worth is decided in a moment, and this waits on
            mirror.owed_since_ns = 0
    else:
        mirror.owed_since_ns = mirror.owed_since_ns or turn.now_ns
        if not at.is_within(at.catch_up_until(mirror.owed_since_ns)):
            mirror.owed_since_ns = 0
            _take(at, mirror, owed)
    _complete(at, mirror)


def send_short(at: MirroredLeg, mirror: Mirror) -> None:
    """Lots of the target that only this order left no room for, by rounding: sent now that it is over."""
    leg = at.leg
    short = min(leg.target_units - share(at.turn, leg), room_for_entries(at.turn, leg, 0))
    short -= short % at.instrument.lot_units
    if short < at.instrument.lot_units or leg.entry_pending or leg.due or leg.sign * at.master.units <= 0:
        return
    order = at.his(mirror)
    if order.filled and at.turn.settings.confirm.when is ConfirmWhen.NEVER:
        enter_completion(at.turn, at.child, at.master, leg, at.instrument, short, order)
    else:  # nothing goes unasked, and what he never filled is measured by his newest fill
        decision = Decision(at.turn, at.master, at.master.signal_ns)
        enter(at.turn, at.child, at.master, leg, at.instrument, decision, at.no_entry)


def press(at: MirroredLeg, mirror: Mirror) -> None:
    """The exit is due now: what rests for it goes through the market."""
    for order in resting_of(at.turn, at.leg, mirror):
        if _can_move(order):
            _move(at, order)
            make_due(at.turn, at.leg)


def _take(at: MirroredLeg, mirror: Mirror, units: int) -> None:
    """Send resting units through the market: whole orders are moved there, the rest is taken off them first."""
    for order in resting_of(at.turn, at.leg, mirror):
        if 0 < order.remaining <= units and _can_move(order) and not _is_cut(order):
            units -= order.remaining
            order.reference_inr = order.master_price_inr = price_to_meet(at.his(mirror), at.master)
            _move(at, order)
    can_be_taken = sum(each.remaining for each in resting_of(at.turn, at.leg, mirror) if _may_be_taken_from(each))
    mirror.taken_units += min(units, can_be_taken)


def _can_move(order: ChildOrder) -> bool:
    return order.state is OrderState.WORKING and not order.cancelling_ns


def _may_be_taken_from(order: ChildOrder) -> bool:
    """What is being cancelled for good is missed when it has ended: units of it are not sent another way."""
    return order.state in TAKEN_FROM and (order.renewed or not order.cancelling_ns)


def _is_cut(order: ChildOrder) -> bool:
    """Whether the broker may still take units off an order: it is not moved whole, what goes is sent when it is off."""
    return order.asked is not None and order.asked.units is not None


def _move(at: MirroredLeg, order: ChildOrder) -> None:
    order.signal_ns = _signal_ns(at, order.mirrors)
    detach(at.turn, at.leg, order)
    move_now(at.turn, at.child, at.leg, order)


def _signal_ns(at: MirroredLeg, order_id: str) -> int:
    """How old an entry is that rested for one of his orders: as his first fill of it, not as the newest."""
    copy = find_copy(at.turn, at.leg.mirrors[order_id].copy_id)
    first_ns = 0 if copy is None else copy.signal_ns
    newest_ns = at.turn.state.master.orders[order_id].signal_ns or at.master.signal_ns
    return min(first_ns or newest_ns, newest_ns)


def _complete(at: MirroredLeg, mirror: Mirror) -> None:
    """Send what was taken off the resting orders, once the broker has confirmed that it is off and it is still due."""
    filled = filled_units(at.turn, mirror)
    units = mirror.taken_units - mirror.completed_units
    covered = filled + resting_units(at.turn, at.leg, mirror)
    if units <= 0 or covered + mirror.taken_units + mirror.missed_units > mirror.units:
        return
    over = filled + mirror.taken_units - mirror.due_units  # it filled before it was off
    if at.master.window is None:  # or is not wanted any more
        over = max(over, share(at.turn, at.leg) - at.leg.target_units)
    dropped = max(0, min(units, over))
    mirror.taken_units -= dropped
    units -= dropped
    if not units or units > room_for_entries(at.turn, at.leg, 0):
        return  # what an order that is not known may still bring has taken its place so far
    mirror.completed_units += units
    enter_completion(at.turn, at.child, at.master, at.leg, at.instrument, units, at.his(mirror))
