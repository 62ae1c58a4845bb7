"""A child leg's plan in the state, and what becomes of it when lots are missed, or added by hand."""

import msgspec

from engine.core import reasons
from engine.core.resting import share
from engine.core.sizing import Plan, SizingRule, decide_target, missed
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import WARNING, Turn
from engine.model import Kind, split_leg


def plan_of(leg: ChildLeg) -> Plan:
    """The leg's plan as a value."""
    return Plan(
        sign=leg.sign,
        high_units=leg.high_units,
        base_units=leg.base_units,
        target_units=leg.target_units,
        decided_units=leg.decided_units,
    )


def store_plan(leg: ChildLeg, plan: Plan) -> None:
    """Make `plan` the leg's plan."""
    leg.sign, leg.high_units, leg.base_units = plan.sign, plan.high_units, plan.base_units
    leg.target_units, leg.decided_units = plan.target_units, plan.decided_units
    leg.peak_units = max(leg.peak_units, plan.decided_units) if plan.sign else 0
    leg.by_hand_units = min(leg.by_hand_units, plan.base_units)
    leg.peak_by_hand_units = leg.peak_by_hand_units if plan.sign else 0


def note_missed(turn: Turn, child: Child, leg: ChildLeg, reason: str, *, guards: bool = True) -> None:
    """Lots that the target counted on will not come: what is committed is the child's share from now on.

    `guards`: whether the lone-leg guard counts the leg as lacking lots. Lots that a ticket added are missed first: the
    leg is whole without them, and nothing of it was skipped.
    """
    have = share(turn, leg)
    if have >= leg.target_units:
        return
    is_whole = not miss(turn, child, leg, max(0, have))
    if is_whole:
        leg.skipped = "" if leg.skipped == reason else leg.skipped
        tell_given_up(turn, child, leg, reason)
        return
    leg.skipped = reason
    is_smaller = reason == reasons.SHORT_MARGIN and have > 0  # as the strategy's other legs are, or will be
    leg.lacking = leg.lacking or (guards and not is_smaller)
    turn.skip(child, leg.leg, reason, in_part=have > 0, again=True)


def tell_given_up(turn: Turn, child: Child, leg: ChildLeg, reason: str) -> None:
    """Lots of a ticket will not come, and nothing that the sizing gives is missed."""
    turn.notify(WARNING, f"lots of a ticket are given up: {reason}", child.id, split_leg(leg.leg)[1])


def by_hand_units(turn: Turn, child: Child, leg: ChildLeg) -> int:
    """What a ticket added of a leg's target: all beyond what the rest of its pair gives for the master's holding."""
    if not leg.by_hand_units or not leg.high_units:
        return 0
    instrument = turn.leg_instrument(child.id, leg.leg)
    lot_units = 1 if instrument is None else instrument.lot_units
    own = (leg.base_units - leg.by_hand_units) * leg.decided_units // (leg.high_units * lot_units) * lot_units
    return max(0, min(leg.by_hand_units, leg.target_units - own))


def replan(
    leg: ChildLeg, before: Plan, master_units: int, lot_units: int, rule: SizingRule, *, round_up: bool = False
) -> Plan:
    """Decide a leg's plan anew (`decide_target`): what was missed shrinks as he leaves, and grows by what is not sized.

    Of an entry without a sizing (a margin or an instrument that is not known) it is an upper bound: all his lots.
    """
    after = decide_target(before, master_units, lot_units, rule, round_up=round_up)
    store_plan(leg, after)
    if after.decided_units < before.decided_units:
        leg.missed_units = leg.missed_units * after.decided_units // before.decided_units
    elif rule.lots_for is None:
        leg.missed_units += after.decided_units - before.decided_units
    return after


def miss(turn: Turn, child: Child, leg: ChildLeg, committed_units: int) -> bool:
    """Of a leg's target only `committed_units` are left: a ticket's lots go first.

    When all of those have gone and nothing else, the pair is what it would be without them.

    Returns:
        Whether lots that the sizing gives are among those that went.
    """
    plan, own_units = plan_of(leg), leg.base_units - leg.by_hand_units
    short, by_hand = leg.target_units - committed_units, by_hand_units(turn, child, leg)
    leg.missed_units += max(0, short - by_hand)
    if 0 < short == by_hand:
        store_plan(leg, msgspec.structs.replace(plan, base_units=own_units, target_units=committed_units))
    else:
        store_plan(leg, missed(plan, committed_units))
    leg.by_hand_units = min(by_hand - min(short, by_hand), committed_units)
    return short > by_hand


def raise_by_hand(leg: ChildLeg, units: int, missing_units: int) -> None:
    """A ticket adds units to what the child has; those that make up for missed ones are the sizing's, not its own."""
    by_hand = leg.by_hand_units + max(0, units - missing_units)
    plan = plan_of(leg)
    raised = msgspec.structs.replace(plan, base_units=plan.base_units + units, target_units=plan.target_units + units)
    store_plan(leg, raised)
    leg.missed_units = max(0, leg.missed_units - units)
    leg.by_hand_units = by_hand
    leg.peak_by_hand_units = max(leg.peak_by_hand_units, by_hand)
    if units >= missing_units:
        leg.lacking, leg.skipped = False, ""


def lower_by_hand(turn: Turn, child: Child, leg: ChildLeg, units: int) -> None:
    """A ticket takes units off: they are missed from then on, and a resync offers what the sizing gives of them."""
    if miss(turn, child, leg, leg.target_units - units):
        leg.lacking, leg.skipped = True, reasons.TAKEN_OFF
        turn.skip(child, leg.leg, reasons.TAKEN_OFF, in_part=True, tells=False)


def is_hedge(turn: Turn, child: Child, leg: ChildLeg) -> bool:
    """Whether a bought option covers a short one of the same underlying and type that the child still holds."""
    if leg.sign <= 0:
        return False
    underlying, kind = turn.underlying_and_kind(leg.leg)
    if kind not in (Kind.CALL, Kind.PUT):
        return False
    return any(
        other.allocation_units < 0 and turn.underlying_and_kind(other.leg) == (underlying, kind)
        for other in child.legs.values()
    )


def make_due(turn: Turn, leg: ChildLeg) -> None:
    """An exit is due; since now, when none was."""
    if not leg.due:
        leg.due, leg.due_since_ns = True, turn.now_ns


def close_if_done(turn: Turn, leg: ChildLeg) -> None:
    """A leg that the master is out of and in which nothing is left starts anew with its next entry."""
    if not leg.allocation_units and not leg.orders:
        leg.listed, leg.changed, leg.night_read = None, "", None
    if leg.allocation_units or leg.orders or leg.awaiting_units or leg.decided_units or leg.mirrors:
        return
    store_plan(leg, Plan())
    leg.due, leg.due_reason, leg.due_since_ns, leg.cut_told = False, "", 0, False
    leg.exit_after_ns, leg.exit_tries, leg.exit_as_limit = 0, 0, False
    leg.skipped, leg.lacking, leg.flattening, leg.missed_units = "", False, False, 0
