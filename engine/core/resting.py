"""What of a child's leg rests for the master's working orders (`follow: orders`), in units. Sums only, no decisions.

A resting entry is not the child's share of what the master holds: it becomes one as his order fills. So a leg's target
is compared with what is held, what is on its way, and of the resting orders only what the master's fills are worth.
Without mirrored orders all sums are those of `follow: fills`.
"""

from engine.core.sizing_rules import MOVING
from engine.core.state_child import Child, ChildLeg, ChildOrder, Mirror
from engine.core.turn import Turn, entry_units_open, held_units, seconds_ns


def rests(order: ChildOrder) -> bool:
    """Whether an order rests for one of the master's."""
    return order.mirrors != ""


def resting_of(turn: Turn, leg: ChildLeg, mirror: Mirror) -> list[ChildOrder]:
    """A mirror's orders that are not finished, oldest first."""
    return [order for order in turn.open_orders(leg) if order.mirrors == mirror.order_id]


def resting_units(turn: Turn, leg: ChildLeg, mirror: Mirror) -> int:
    """Units of a mirror that are not filled yet."""
    return sum(order.remaining for order in resting_of(turn, leg, mirror))


def filled_units(turn: Turn, mirror: Mirror) -> int:
    """Units that a mirror's orders filled, without what is no longer of his order."""
    return mirror.past_units + sum(turn.state.orders[tag].filled for tag in mirror.tags)


def entering(turn: Turn, leg: ChildLeg) -> list[Mirror]:
    """The mirrors of his orders that enter; one of the side that he has left for the other brings nothing any more."""
    if not leg.mirrors:
        return []
    master = turn.state.master.legs.get(leg.leg)
    units = 0 if master is None else master.units
    return [mirror for mirror in leg.mirrors.values() if mirror.entry and mirror.side.sign * units >= 0]


def leave_mirrored(turn: Turn, leg: ChildLeg, reason: str) -> None:
    """The operator exited the leg: what ours filled ahead of the master's orders is missed of them, when they fill.

    What is not filled goes on resting: what he fills of that is a further rise.
    """
    for mirror in leg.mirrors.values():
        if not mirror.entry:
            continue
        filled = filled_units(turn, mirror)
        ahead = max(0, filled + mirror.taken_units - mirror.decided_units)
        untold = mirror.missed_units - mirror.told_units
        mirror.left_units += filled
        mirror.taken_units = mirror.completed_units = 0
        mirror.told_units = mirror.decided_units
        mirror.missed_units = untold + mirror.told_units + ahead
        mirror.reason = reason if ahead else mirror.reason


def end_told(turn: Turn, leg: ChildLeg) -> None:
    """The master is out of a leg: what his orders were missed of was taken off nothing that is left.

    Of those that still rest it is missed when they fill; of the others never again.
    """
    for mirror in leg.mirrors.values():
        if mirror.entry:
            is_over = turn.state.master.orders[mirror.order_id].ended_ns > 0
            mirror.told_units = mirror.missed_units if is_over else min(mirror.told_units, mirror.decided_units)


def closed_ahead(turn: Turn, mirror: Mirror) -> int:
    """Units that an exit closed before the master's did."""
    return max(0, filled_units(turn, mirror) - mirror.decided_units)


def _due_units(turn: Turn, mirror: Mirror) -> int:
    """Units that the master's fills are worth, were not missed, and that neither its orders nor others brought."""
    return mirror.due_units - filled_units(turn, mirror) - mirror.taken_units - mirror.told_units


def owed_units(turn: Turn, leg: ChildLeg, mirror: Mirror) -> int:
    """Resting units of an entry that the master's fills are worth already: they are waited for, not long."""
    return max(0, min(_due_units(turn, mirror), resting_units(turn, leg, mirror)))


def cut_units(turn: Turn, leg: ChildLeg) -> int:
    """Resting entry units beyond what is to rest: until they are off at the broker they may fill, and take up room."""
    found = 0
    for mirror in leg.mirrors.values():
        if mirror.entry:
            stays = mirror.units - filled_units(turn, mirror) - mirror.missed_units - mirror.completed_units
            found += max(0, resting_units(turn, leg, mirror) - max(0, stays))
    return found


def going_entries(turn: Turn, leg: ChildLeg) -> list[ChildOrder]:
    """Unfinished entries that do not rest, oldest first."""
    return [o for o in turn.open_orders(leg) if o.entry and not rests(o)] if leg.orders else []


def is_against(leg: ChildLeg, order: ChildOrder) -> bool:
    """Whether an order trades against the plan; no order does against one without a direction."""
    return order.side.sign == -leg.sign


def entries_against(turn: Turn, leg: ChildLeg) -> list[ChildOrder]:
    """Those of the side that the plan has left: nothing of them is wanted, and they may still fill."""
    return [order for order in going_entries(turn, leg) if is_against(leg, order)]


def entries_along(turn: Turn, leg: ChildLeg) -> list[ChildOrder]:
    """Those in the plan's direction."""
    return [order for order in going_entries(turn, leg) if not is_against(leg, order)]


def going_entry_units(turn: Turn, leg: ChildLeg) -> int:
    """Units of unfinished entries that do not rest, in the plan's direction."""
    return sum(order.remaining for order in entries_along(turn, leg))


def going_exit_units(turn: Turn, leg: ChildLeg) -> int:
    """Units of unfinished exits that do not rest."""
    return sum(o.remaining for o in turn.open_orders(leg) if not o.entry and not rests(o)) if leg.orders else 0


def asked_units(leg: ChildLeg) -> int:
    """Units of resting orders that wait in a prompt."""
    return sum(mirror.asked_units for mirror in leg.mirrors.values())


def on_the_way(turn: Turn, leg: ChildLeg) -> int:
    """Entry units on their way to the target, without what waits in a prompt.

    What a resting exit closed before the master's did is not wanted back: his order is about to close it, too.
    """
    mirrored = not_wanted_back(turn, leg)
    for mirror in entering(turn, leg):
        mirrored += owed_units(turn, leg, mirror) + mirror.taken_units - mirror.completed_units
    return going_entry_units(turn, leg) + mirrored


def not_wanted_back(turn: Turn, leg: ChildLeg) -> int:
    """Units that exits closed before the master's orders did, while those work."""
    return sum(
        closed_ahead(turn, mirror)
        for mirror in leg.mirrors.values()
        if not mirror.entry and mirror.backs and mirror.side.sign != leg.sign
    )


def share(turn: Turn, leg: ChildLeg) -> int:
    """What a leg has and will have of its target: held, on its way, or asked about."""
    return held_units(leg) + on_the_way(turn, leg) + leg.awaiting_units - asked_units(leg)


def ahead_units(turn: Turn, leg: ChildLeg) -> int:
    """Units that resting entries filled before the master's order did: backed by it, not above the target.

    What was taken off them is the part that his fills were worth first; theirs comes after it. Lots against his own
    position are backed by nothing.
    """
    master = turn.state.master.legs.get(leg.leg)
    if not leg.mirrors or (master is not None and master.units * leg.sign < 0):
        return 0
    return sum(
        max(0, min(filled_units(turn, mirror) + mirror.taken_units, mirror.sized_units) - mirror.decided_units)
        for mirror in entering(turn, leg)
        if mirror.backs
    )


def room_for_entries(turn: Turn, leg: ChildLeg, leaving_units: int) -> int:
    """What may still be sent beside what rests: all of it is the child's share when the master's orders fill.

    The target may have risen since the most was found.
    """
    open_units = entry_units_open(turn, leg) + asked_units(leg)
    return max(0, max(leg.most_units, leg.target_units) - held_units(leg) + leaving_units - open_units)


def rests_for_entries(turn: Turn, leg: ChildLeg) -> bool:
    """Whether an entry rests in a leg, or is asked about."""
    return asked_units(leg) > 0 or any(order.entry and rests(order) for order in turn.open_orders(leg))


def owe(turn: Turn, leg: ChildLeg, units: int) -> None:
    """Units that the target counts on and that only resting orders leave room for: they are waited for, not long.

    Of an order that a prompt asks about, what the master's own fills are worth is due already.
    """
    mirrors = entering(turn, leg)
    opens = [resting_units(turn, leg, mirror) + mirror.asked_units for mirror in mirrors]
    dues = [max(0, min(_due_units(turn, mirror), most)) for mirror, most in zip(mirrors, opens, strict=True)]
    units -= sum(dues) - sum(owed_units(turn, leg, mirror) for mirror in mirrors)
    for mirror, open_units, due_units in zip(mirrors, opens, dues, strict=True):
        free = max(0, min(units, open_units - due_units))
        mirror.due_units += free
        units -= free


def note_entered(turn: Turn, leg: ChildLeg, units: int) -> None:
    """What an order of its own brings of the master's fills does not rest any more."""
    for mirror in entering(turn, leg):
        own = max(0, min(units, _due_units(turn, mirror) - resting_units(turn, leg, mirror)))
        mirror.taken_units += own
        mirror.completed_units += own
        units -= own


def covering_units(turn: Turn, leg: ChildLeg, most: int) -> int:
    """Up to `most` units that are due and that resting exits may still fill.

    All that rests for an order which has just filled; of the others what is more than their part of a later fall, until
    it is taken off or goes through the market.
    """
    if not leg.mirrors or most <= 0:
        return 0
    wait_ns = seconds_ns(turn.settings.copy.catch_up_s)
    found = 0
    for mirror in leg.mirrors.values():
        order = turn.state.master.orders[mirror.order_id]
        if mirror.entry:
            continue
        rest = resting_units(turn, leg, mirror)
        is_fresh = order.filled and turn.now_ns < order.filled_ns + wait_ns
        found += rest if is_fresh else max(0, rest - mirror.fall_units)
    return min(found, most)


def detach(turn: Turn, leg: ChildLeg, order: ChildOrder) -> None:
    """An order no longer rests for the master's: it is one of its own, to be filled now."""
    mirror = leg.mirrors[order.mirrors]
    if mirror.entry:
        mirror.taken_units += order.remaining
        mirror.completed_units += order.remaining
    mirror.done_units += order.filled
    mirror.tags.remove(order.tag)
    order.mirrors = ""


def missed_due(turn: Turn, child: Child, leg: ChildLeg, most: int) -> int:
    """Up to `most` units that the master's fills are worth and that were missed while his order rested.

    Orders are sized one by one and the target by all of them together: what the target counts on and only a missed lot
    leaves room for is missed, too, although the order's own fills are not worth a lot yet.
    """
    due_units = missed = 0
    for mirror in entering(turn, leg):
        untold = mirror.missed_units - mirror.told_units
        due = _due_units(turn, mirror) - resting_units(turn, leg, mirror) - mirror.asked_units
        due_units += max(0, min(due, untold))
        missed += min(untold, _wanted_units(turn, child, leg, mirror))
    if turn.child_settings[child.id].sizing.mode not in MOVING and leg.target_units <= leg.most_units:
        due_units = max(due_units, leg.target_units - (leg.most_units - missed))
    return min(due_units, missed, most)


def _wanted_units(turn: Turn, child: Child, leg: ChildLeg, mirror: Mirror) -> int:
    """Units of an entry that have not come: of an order that has ended, what its fills are worth, rounded up."""
    wanted, his = mirror.sized_units, turn.state.master.orders[mirror.order_id]
    if his.ended_ns:
        instrument = turn.leg_instrument(child.id, leg.leg)
        rest_units = 0 if instrument is None else instrument.lot_units
        wanted = min(wanted, mirror.due_units + rest_units) if his.opened_units else 0
    return max(0, wanted - filled_units(turn, mirror) - mirror.taken_units)
