"""How much of a child is to rest for each of the master's orders, and which record an order belongs to.

Sizes only: what is sent, changed or cancelled for them is the matter of `engine.core.resting_orders`.
"""

from config.schema import ConfirmWhen
from engine.core import gates, reasons
from engine.core.delivery import is_sale
from engine.core.mirrored_leg import MirroredLeg
from engine.core.plans import is_hedge, plan_of, store_plan
from engine.core.resting import (
    closed_ahead,
    filled_units,
    going_entry_units,
    going_exit_units,
    not_wanted_back,
    owed_units,
    resting_of,
    resting_units,
)
from engine.core.settle import kept_units
from engine.core.sizing import Plan, decide_target
from engine.core.sizing_rules import MOVING, NO_ENTRIES
from engine.core.state_child import ChildLeg, Mirror
from engine.core.state_master import MasterOrder
from engine.core.turn import Turn, held_units
from engine.model import Side


def size_orders(at: MirroredLeg, orders: list[MasterOrder]) -> None:
    """Size each order of the master that rests, in the order of their placing."""
    turn, master, leg = at.turn, at.master, at.leg
    plan, left, background = plan_of(leg), abs(master.units), abs(master.background_units)
    for order in orders:
        open_units = order.quantity - order.filled
        if master.units * order.side.sign < 0:
            left -= min(open_units, left)
            after = _after_exit(at, plan, left)
            fall, plan = max(0, plan.target_units - after.target_units), after
            mirror = _record(turn, leg, order, entry=False)
            if mirror is not None and turn.settings.confirm.when is not ConfirmWhen.ALL:
                is_undecided = master.window is not None  # the target does not count his newest fills yet
                at.falls[order.order_id] = max(fall, mirror.fall_units) if is_undecided else fall
            continue
        closes = min(open_units, background) if master.background_units * order.side.sign < 0 else 0
        background -= closes
        if closes or is_sale(leg.leg, order.side) or not _takes_side(leg, order.side, at.no_entry):
            continue  # what closes background, if only in part, is followed at its fill
        mirror = _record(turn, leg, order, entry=True)
        if mirror is not None:
            at.added_units += open_units
            _size_entry(at, mirror, order)
    if at.added_units and not at.no_entry:
        leg.peak_units = max(leg.peak_units, abs(master.units) + at.added_units)


def _after_exit(at: MirroredLeg, plan: Plan, left: int) -> Plan:
    """The plan when the master is down to `left` units."""
    up = is_hedge(at.turn, at.child, at.leg)
    return decide_target(plan, plan.sign * left, at.instrument.lot_units, NO_ENTRIES, round_up=up)


def _takes_side(leg: ChildLeg, side: Side, no_entry: str) -> bool:
    """Whether entries of a side may rest: nothing of the other side is planned, and no older plan is being left."""
    if not leg.sign and not no_entry and not leg.allocation_units and not leg.orders:
        store_plan(leg, Plan(sign=side.sign))
    is_left = not leg.decided_units and not leg.mirrors and bool(leg.allocation_units or leg.orders)
    return leg.sign in (side.sign, 0) and not is_left and not leg.due


def _record(turn: Turn, leg: ChildLeg, order: MasterOrder, *, entry: bool) -> Mirror | None:
    """The record of an order, made when missing; `None` while what rests for it means the other thing."""
    found = leg.mirrors.get(order.order_id)
    if found is not None and found.entry is not entry:
        found.sized_units = found.sized_for = 0  # he went through zero meanwhile: what rests is taken away first
        if not found.entry:
            return None  # an exit that outlives its position rests for nobody; its fill is followed
        if resting_of(turn, leg, found) or found.asked_units:
            return None
        found = None
    if found is None:
        found = leg.mirrors[order.order_id] = Mirror(order_id=order.order_id, entry=entry, side=order.side)
        found.seen_units = order.filled
    return found


def _size_entry(at: MirroredLeg, mirror: Mirror, order: MasterOrder) -> None:
    """floor(r x his lots) of an order; while the child takes no entries, what was known before."""
    rule, lot = at.rule, at.instrument.lot_units
    if at.no_entry or rule.lots_for is None:
        at.turn.skip(at.child, at.leg.leg, at.no_entry)
        return
    opens = order.quantity - (order.filled - order.opened_units)
    if mirror.sized_for != opens:
        before, mirror.sized_for = mirror.sized_units, opens
        mirror.sized_units = rule.added_lots(0, opens) * lot
        smaller = max(0, before - mirror.sized_units)  # what was missed of the larger order goes first
        mirror.missed_units = max(mirror.told_units, mirror.missed_units - smaller)
    if not mirror.is_sized and order.opened_units:  # what filled before it could rest is copied as fills are
        due = min(mirror.sized_units, rule.added_lots(0, order.opened_units) * lot)
        mirror.due_units = mirror.taken_units = mirror.completed_units = due
    mirror.is_sized = True
    if not mirror.sized_units and not at.leg.target_units:
        at.turn.skip(at.child, at.leg.leg, reasons.BELOW_ONE_LOT)


def size_entries(at: MirroredLeg) -> None:
    """What is to rest now: of an order that is over what its fills are worth, all together never above the share."""
    turn, leg, mirrors = at.turn, at.leg, at.entries
    leg.most_units = _most_units(at, mirrors)
    held = max(0, held_units(leg)) + going_entry_units(turn, leg)
    held += sum(mirror.taken_units - mirror.completed_units for mirror in mirrors)
    avail = leg.most_units - held - _missed_of_most(at, mirrors)
    short = leg.target_units - held - not_wanted_back(turn, leg)
    if at.master.window is not None:
        short = avail  # what the master's newest fill is worth is decided in a moment
    for mirror in sorted(mirrors, key=lambda each: not at.his(each).ended_ns):
        gone = filled_units(turn, mirror) + mirror.taken_units + mirror.missed_units
        rest = 0 if at.no_entry else max(0, min(mirror.sized_units - gone, avail))
        if at.his(mirror).ended_ns:
            rest = max(0, min(rest, owed_units(turn, leg, mirror), short))
            short -= rest
        avail -= rest
        mirror.units = gone + rest


def _missed_of_most(at: MirroredLeg, mirrors: list[Mirror]) -> int:
    """What the most still counts and was missed: no other order brings it, and none a second time."""
    if at.turn.child_settings[at.child.id].sizing.mode in MOVING:
        return 0
    missed = 0
    for mirror in mirrors:
        is_over = at.his(mirror).ended_ns > 0  # what he did not fill of it is not counted any more
        units = min(mirror.missed_units, mirror.due_units) if is_over else mirror.missed_units
        missed += max(0, units - mirror.told_units)
    return missed


def _most_units(at: MirroredLeg, mirrors: list[Mirror]) -> int:
    """What the leg comes to when all that rests of the master's fills."""
    turn, child, leg = at.turn, at.child, at.leg
    if turn.child_settings[child.id].sizing.mode in MOVING:  # sized once, whatever the margin does meanwhile
        sized = sum(mirror.sized_units - mirror.decided_units - mirror.missed_units for mirror in mirrors)
        return leg.target_units + max(0, sized)
    if at.no_entry or leg.sign * at.master.units < 0:
        return leg.target_units
    size = abs(at.master.units) + at.added_units
    plan = decide_target(plan_of(leg), leg.sign * size, at.instrument.lot_units, at.rule, round_up=False)
    capital = gates.capital_units(turn, child, leg, at.instrument, size if leg.sign else 0)
    most = plan.target_units if capital is None else min(plan.target_units, capital)
    return max(leg.target_units, most)


def size_exits(at: MirroredLeg) -> list[Mirror]:
    """Size what rests for exits: the fall that each brings, and for a moment what his fill has brought already.

    Returns:
        Those whose orders take the place of an exit that is due: they are to go through the market.
    """
    turn, leg = at.turn, at.leg
    mirrors = sorted(at.exits, key=lambda mirror: not at.his(mirror).filled)
    if not mirrors:
        return []
    in_the_way: list[Mirror] = []
    held, going = abs(leg.allocation_units), going_exit_units(turn, leg)
    due = max(0, held - kept_units(turn, leg) - going)
    room = held - going - due
    ahead = {mirror.order_id: closed_ahead(turn, mirror) if mirror.backs else 0 for mirror in mirrors}
    short = max(0, leg.target_units - held - sum(ahead.values()))  # not held yet: that is given up first
    # Closed ahead of an order that he made smaller since: the exits that rest for his others bring so much less.
    short += sum(max(0, units - at.falls.get(order_id, 0)) for order_id, units in ahead.items())
    for mirror in mirrors:
        order = at.his(mirror)
        fall = max(0, at.falls.get(mirror.order_id, 0) - ahead[mirror.order_id])
        given_up = min(short, fall)
        short -= given_up
        mirror.fall_units = max(0, min(fall - given_up, room))
        room -= mirror.fall_units
        rest, cover = resting_units(turn, leg, mirror), 0
        if order.filled and at.is_within(at.catch_up_until(order.filled_ns)):
            cover = max(0, min(due, rest - mirror.fall_units))
        elif not mirror.fall_units and 0 < rest <= due:
            in_the_way.append(mirror)
            due -= rest
        due -= cover
        mirror.units = filled_units(turn, mirror) + mirror.fall_units + cover
    return in_the_way
