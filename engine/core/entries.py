"""A leg's decision: every child's target when the master's holding changed, and the entries that follow from it."""

from dataclasses import replace
from decimal import Decimal

import msgspec

from config.schema import ConfirmWhen, SizingMode
from engine.core import carried, gates, prompts, reasons
from engine.core.lifecycle import AT_BROKER
from engine.core.orders import make_orders, new_copy, price_to_meet
from engine.core.plans import is_hedge, miss, note_missed, plan_of, replan, store_plan, tell_given_up
from engine.core.resting import (
    ahead_units,
    asked_units,
    cut_units,
    end_told,
    entering,
    entries_along,
    going_exit_units,
    missed_due,
    note_entered,
    on_the_way,
    owe,
    rests_for_entries,
    room_for_entries,
    share,
)
from engine.core.settle import settle
from engine.core.sizing import (
    Move,
    Plan,
    SizingRule,
    move_of,
)
from engine.core.sizing_rules import BY_RATIO, NO_ENTRIES, sizing_rule
from engine.core.state import Copy, Sized
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg, MasterOrder
from engine.core.terms import entry_terms
from engine.core.turn import Turn, exits_open, held_units, seconds_ns
from engine.model import Instrument, Side, sign


class Decision:
    """The copy record of one decision, made when the first child has something to do with it."""

    __slots__ = ("_copies", "_passed", "entered_ns", "master", "signal_ns", "sized", "turn")

    def __init__(self, turn: Turn, master: MasterLeg, signal_ns: int, entered_ns: int = 0) -> None:
        self.turn, self.master, self.signal_ns = turn, master, signal_ns
        self.entered_ns = entered_ns or signal_ns
        "When the oldest fill happened of what he turned round to, where others before it took him out."
        self.sized: Sized | None = None
        "How the part of the child was found that is decided on now."
        self._copies: dict[tuple[Side, bool], Copy] = {}
        self._passed: list[tuple[Child, str, Sized | None]] = []

    def copy(self, child: Child, side: Side, *, entry: bool) -> Copy:
        """The copy record of one side, with how this child's part of it was found."""
        found = self._copies.get((side, entry))
        if found is None:
            found = new_copy(self.turn, self.master.leg, side, entry=entry, signal_ns=self.signal_ns)
            self._copies[side, entry] = found
            for passed in self._passed if entry else ():
                _note_passed(found, *passed)
        _note_sized(found, child, self.sized)
        return found

    def pass_over(self, child: Child, side: Side, reason: str) -> None:
        """A child takes no part in an entry; its row says so where another child's part made a record."""
        self._passed.append((child, reason, self.sized))
        if (found := self._copies.get((side, True))) is not None:
            _note_passed(found, child, reason, self.sized)


def _note_passed(copy: Copy, child: Child, reason: str, sized: Sized | None) -> None:
    copy.passed[child.id] = reason
    _note_sized(copy, child, sized)


def _note_sized(copy: Copy, child: Child, sized: Sized | None) -> None:
    if sized is not None:
        copy.sized[child.id] = sized


def decide_leg(
    turn: Turn, master: MasterLeg, signal_ns: int, *, entered_ns: int = 0, reductions_only: bool = False
) -> None:
    """Decide every child's target in a leg, and act on it.

    Args:
        turn: The turn.
        master: The leg of the master.
        signal_ns: When the oldest fill happened that is decided upon.
        entered_ns: The same of what he entered after he was out of the leg, 0 where that is the same.
        reductions_only: Leave children alone for whom it is a rise (their window is still open).
    """
    decision = Decision(turn, master, signal_ns, entered_ns)
    for child in turn.state.children.values():
        decide_child(turn, child, master, decision, reductions_only=reductions_only)


def decide_child(
    turn: Turn, child: Child, master: MasterLeg, decision: Decision, *, reductions_only: bool = False
) -> None:
    """Decide one child's target in a leg, and act on it."""
    if master.leg not in child.legs and not master.units:
        return
    leg = turn.child_leg(child, master.leg)
    instrument = carried.terms(turn, child, leg)
    before = plan_of(leg)
    move = move_of(before, master.units)
    leg.entry_pending = leg.entry_pending and _is_of_his_side(leg, master)
    if instrument is None:
        _decide_unknown(turn, child, master, leg, move, decision)
        return
    if move is Move.NONE or (move is Move.RISE and reductions_only):
        return
    if move is Move.RISE and _is_being_left(turn, master, leg):
        enter_later(leg, decision.signal_ns, master.units)
        return
    rule, no_entry = NO_ENTRIES, ""
    if move is Move.RISE:
        rule, no_entry = sizing_rule(turn, child, master, instrument)
        if leg.flattening and child.stopped.get(master.scope) in reasons.LEFT:
            rule, no_entry = NO_ENTRIES, child.stopped[master.scope]  # what it still holds is no part of the rise
        leg.handed_over = leg.handed_over and no_entry != ""  # the program trades the leg again
    round_up = move is Move.FALL and is_hedge(turn, child, leg)
    after = replan(leg, before, master.units, instrument.lot_units, rule, round_up=round_up)
    decision.sized = _sized(before, after, master, instrument, rule)
    if move is Move.RISE:
        enter(turn, child, master, leg, instrument, decision, no_entry)
        return
    if move is Move.OUT:
        prompts.drop_tickets(turn, child, leg.leg)
        end_told(turn, leg)
        _ask_no_longer(turn, child, master, leg)
    elif before.target_units and not after.target_units and not leg.lacking:
        leg.skipped = reasons.BELOW_ONE_LOT
    if move is Move.OUT and master.units:
        enter_later(leg, decision.entered_ns, master.units)
    else:  # An entry that waits for this leg's exits goes on as far as the master still holds its lots.
        stays_units = held_units(leg) - going_exit_units(turn, leg)
        leg.entry_pending = leg.entry_pending and move is Move.FALL and leg.target_units > stays_units
    side = Side.SELL if leg.sign > 0 else Side.BUY
    has_exit = held_units(leg) - exits_open(turn, leg) > leg.target_units
    settle(turn, child, leg, decision.copy(child, side, entry=False) if has_exit else None)
    resume_entry(turn, child, leg)


def _ask_no_longer(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg) -> None:
    """What a prompt asks about for orders of the side that he has left for the other takes up no room there."""
    for mirror in leg.mirrors.values():
        if mirror.asked_units and mirror.side.sign * master.units < 0:
            prompts.ask_less(turn, child, leg, mirror, 0)


def _sized(before: Plan, after: Plan, master: MasterLeg, instrument: Instrument, rule: SizingRule) -> Sized:
    return Sized(
        lot_units=instrument.lot_units,
        his_units=after.decided_units if after.sign * master.units >= 0 else 0,
        before_units=before.target_units,
        target_units=after.target_units,
        ratio=rule.ratio,
        sizing=rule.words,
        high_units=before.high_units,
        base_units=before.base_units,
    )


def _is_being_left(turn: Turn, master: MasterLeg, leg: ChildLeg) -> bool:
    """Whether what a leg still has belongs to a plan that is over: an entry follows when it is gone."""
    if not (leg.allocation_units or leg.orders):
        return False
    if leg.decided_units:
        held = held_units(leg)
        if held < 0 or any(order.entry and order.side.sign != leg.sign for order in turn.open_orders(leg)):
            return True  # an order of the side that he has left filled unseen, or still may
        return leg.due and not leg.target_units and held > ahead_units(turn, leg)  # missed, or exited by hand
    is_against = leg.allocation_units * master.units < 0
    if not leg.mirrors or leg.due or is_against or held_units(leg) > ahead_units(turn, leg):
        return True
    return any(not order.entry or order.side.sign != sign(master.units) for order in turn.open_orders(leg))


def _decide_unknown(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, move: Move, decision: Decision) -> None:
    """A leg that today's instrument file does not have: an entry is missed, an exit stays due until it is known."""
    if move is Move.NONE:
        return
    replan(leg, plan_of(leg), master.units, 1, NO_ENTRIES)
    if move is Move.RISE:
        leg.skipped, leg.lacking = turn.why_unknown(child.id, leg.leg), True
        turn.skip(child, leg.leg, leg.skipped, again=True)
        return
    settle(turn, child, leg)
    if move is Move.OUT and master.units:
        enter_later(leg, decision.entered_ns, master.units)
        resume_entry(turn, child, leg)


def enter_later(leg: ChildLeg, signal_ns: int, units: int) -> None:
    """The entry waits until the leg's exits are terminal; with what waits already it is as old as the oldest of it.

    What waits for the other side, and not for that of `units`, is not entered any more.
    """
    if leg.entry_pending and leg.entry_side in (0, sign(units)):  # 0 in states of an older version
        signal_ns = min(signal_ns, leg.entry_signal_ns)
    leg.entry_pending, leg.entry_signal_ns, leg.entry_side = True, signal_ns, sign(units)


def _is_of_his_side(leg: ChildLeg, master: MasterLeg) -> bool:
    """Whether what waits to enter is still of the side that he is on; what he did since then is decided by itself."""
    return leg.entry_side * master.units > 0 or (not leg.entry_side and master.units != 0)


def resume_entry(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """Decide the entry that waited for a leg's exits, once they are terminal."""
    if not leg.entry_pending or not child.synced:
        return
    master = turn.state.master.legs.get(leg.leg)
    if master is None or not _is_of_his_side(leg, master):
        leg.entry_pending = False
        return
    stale_ns = leg.entry_signal_ns + seconds_ns(turn.settings.timing.max_signal_age_s)
    is_leaving = going_exit_units(turn, leg) or _cancelling_units(turn, leg) or cut_units(turn, leg)
    if is_leaving or _is_being_left(turn, master, leg):
        if turn.now_ns > stale_ns:
            miss_waiting(turn, child, leg, reasons.STALE_SIGNAL)
        return
    if not turn.state.armed and turn.now_ns <= stale_ns:
        return
    instrument = carried.terms(turn, child, leg)
    leg.entry_pending = False
    decision = Decision(turn, master, leg.entry_signal_ns)
    if not leg.decided_units:
        leg.sign = 0
    if move_of(plan_of(leg), master.units) is Move.RISE:
        decide_child(turn, child, master, decision)
    elif instrument is None:
        note_missed(turn, child, leg, turn.why_unknown(child.id, leg.leg))
    else:
        _, no_entry = sizing_rule(turn, child, master, instrument)
        enter(turn, child, master, leg, instrument, decision, no_entry)


def miss_waiting(turn: Turn, child: Child, leg: ChildLeg, reason: str) -> None:
    """An entry that waits is missed (its signal is old, or the leg is left): a resync offers it."""
    leg.entry_pending = False
    master = turn.state.master.legs[leg.leg]
    before = plan_of(leg) if leg.decided_units else Plan()
    if move_of(before, master.units) is Move.RISE:
        instrument = carried.terms(turn, child, leg)
        lot_units = 1 if instrument is None else instrument.lot_units
        replan(leg, before, master.units, lot_units, NO_ENTRIES)
    else:
        stays_units = max(0, share(turn, leg) - going_exit_units(turn, leg))
        if stays_units >= leg.target_units:
            return  # an entry that is being cancelled covers it; what its end leaves open is missed then
        if not miss(turn, child, leg, stays_units):
            tell_given_up(turn, child, leg, reason)
            return
    leg.skipped, leg.lacking = reason, True
    turn.skip(child, leg.leg, reason, again=True)


def _cancelling_units(turn: Turn, leg: ChildLeg) -> int:
    """Units of entries that the broker was asked to cancel and has not ended yet."""
    entries = entries_along(turn, leg)
    return sum(order.remaining for order in entries if order.cancelling_ns and order.state in AT_BROKER)


def enter(
    turn: Turn,
    child: Child,
    master: MasterLeg,
    leg: ChildLeg,
    instrument: Instrument,
    decision: Decision,
    no_entry: str,
) -> None:
    """Send, or ask about, what a leg's target wants beyond what is committed; what cannot go is missed."""
    side = Side.BUY if leg.sign > 0 else Side.SELL
    if no_entry:
        turn.skip(child, leg.leg, no_entry, again=True)
        decision.pass_over(child, side, no_entry)
        note_missed(turn, child, leg, no_entry)
        stays_units = max(0, share(turn, leg) - going_exit_units(turn, leg))
        if stays_units < leg.target_units:  # what an exit takes is not wanted back
            miss(turn, child, leg, stays_units)
        leg.skipped, leg.lacking = no_entry, leg.lacking or no_entry in reasons.OF_THE_MOMENT
        return
    if leg.target_units < instrument.lot_units:
        if leg.lacking:
            return  # missed for another reason, which stays
        leg.skipped = reasons.BELOW_ONE_LOT
        turn.skip(child, leg.leg, reasons.BELOW_ONE_LOT)
        decision.pass_over(child, side, reasons.BELOW_ONE_LOT)
        return
    turn.unskip(child, leg.leg, reasons.BELOW_ONE_LOT)
    leaving, cancelling = going_exit_units(turn, leg), _cancelling_units(turn, leg)
    wanted = leg.target_units - held_units(leg) + leaving - on_the_way(turn, leg) + cancelling
    fresh = turn.now_ns - decision.signal_ns <= seconds_ns(turn.settings.timing.max_signal_age_s)
    spare = wanted + _for_nothing_missed(turn, leg, decision, leaving) if leg.mirrors else 0
    if spare > 0:
        wanted -= note_missed_while_resting(turn, child, leg, spare)
        is_bounded = fresh and rests_for_entries(turn, leg)  # what is too old is missed, and not waited for
        room = room_for_entries(turn, leg, leaving) if is_bounded else wanted
        later = max(0, min(wanted - room, cut_units(turn, leg)))
        if later:
            enter_later(leg, decision.signal_ns, master.units)  # as soon as what is being taken off leaves its room
        wanted -= later
        owe(turn, leg, wanted - min(wanted, room))
        wanted = min(wanted, room)
        note_entered(turn, leg, wanted)
    if wanted < instrument.lot_units:
        return
    if leaving or cancelling or (fresh and not child.synced):
        enter_later(leg, decision.signal_ns, master.units)
        return
    asked = _entry(turn, child, master, leg, instrument, side, decision.signal_ns, master.price_inr)
    allowed, why = gates.check(asked, wanted)
    copy = decision.copy(child, side, entry=True)
    leg.skipped = why
    if turn.settings.confirm.when is ConfirmWhen.NEVER or not allowed:
        prompts.take_out(turn, child, leg, leg.awaiting_units - asked_units(leg))
        if allowed:
            _send(asked, allowed, copy)
    else:
        prompt = prompts.open_prompt(turn, prompts.ENTRY)
        units = allowed + asked_units(leg)
        prompts.ask(turn, prompt, child, leg, side, units, entry=True, signal_ns=decision.signal_ns, decision=copy.id)
    if why:
        copy.skipped[child.id] = why
        note_missed(turn, child, leg, why)


def _for_nothing_missed(turn: Turn, leg: ChildLeg, decision: Decision, leaving_units: int) -> int:
    """Units that come in place of nothing missed: filled for orders of the master's that he has not filled.

    Those of an order that he made smaller are among them. They go, and were kept only until it is decided what his
    newest fills are worth.
    """
    ahead = ahead_units(turn, leg)
    before_units = leg.target_units if decision.sized is None else decision.sized.before_units
    return ahead + max(0, held_units(leg) - leaving_units - before_units - ahead)


def note_missed_while_resting(turn: Turn, child: Child, leg: ChildLeg, most: int) -> int:
    """What was missed while the master's order rested is missed now that it fills: the target is lowered by it."""
    found = missed_due(turn, child, leg, max(0, most))
    if not found:
        return 0
    left = found
    reason = reasons.DECLINED
    for mirror in entering(turn, leg):
        told = min(left, mirror.missed_units - mirror.told_units)
        mirror.told_units += told
        left -= told
        reason = mirror.reason if told and mirror.reason else reason
    if miss(turn, child, leg, leg.target_units - found):
        leg.skipped, leg.lacking = reason, True
        turn.skip(child, leg.leg, reason, again=True)
    return found


def enter_approved(
    turn: Turn,
    child: Child,
    leg: ChildLeg,
    units: int,
    copy: Copy,
    why_less: str,
    reference_inr: Decimal | None,
    *,
    is_ticket: bool = False,
) -> None:
    """Send an approved entry: computed anew at this moment, it can only become smaller.

    Args:
        turn: The turn.
        child: The child.
        leg: Its leg, no longer awaiting.
        units: Approved units.
        copy: The decision that asked.
        why_less: Why it is fewer than were asked for, '' when it is not.
        reference_inr: What slippage is measured against.
        is_ticket: They are lots by hand: what is ahead of the master does not take their place.
    """
    master = turn.state.master.legs[leg.leg]
    instrument = turn.leg_instrument(child.id, leg.leg)
    if instrument is None or child.id not in turn.child_settings:
        missing = turn.why_unknown(child.id, leg.leg) if instrument is None else reasons.NOT_CONFIGURED
        note_missed(turn, child, leg, missing)
        return
    side = Side.BUY if leg.sign > 0 else Side.SELL
    ahead = ahead_units(turn, leg) if is_ticket else 0
    wanted = min(units, leg.target_units - share(turn, leg) + ahead)
    wanted = wanted // instrument.lot_units * instrument.lot_units
    why = ""
    if wanted > 0:
        asked = _entry(turn, child, master, leg, instrument, side, None, reference_inr)
        asked = replace(asked, is_ticket=is_ticket)
        allowed, why = gates.check(asked, wanted)
        if allowed:
            for order in _send(asked, allowed, copy):
                order.signal_ns = turn.now_ns  # how old the master's was counted when it was asked about
    reason = why or why_less
    if reason:
        copy.skipped[child.id] = reason
    note_missed(turn, child, leg, reason or reasons.DECLINED)


def enter_completion(
    turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, instrument: Instrument, units: int, order: MasterOrder
) -> None:
    """Send what the master's fill brought and the child's resting order missed, within the slippage limit.

    What an order that has not filled left no room for came with his newest fill in the leg.
    """
    side = Side.BUY if leg.sign > 0 else Side.SELL
    reference, signal_ns = price_to_meet(order, master), order.signal_ns or master.signal_ns
    asked = _entry(turn, child, master, leg, instrument, side, signal_ns, reference)
    allowed, why = gates.check(asked, units)
    copy = Decision(turn, master, signal_ns).copy(child, side, entry=True)
    if allowed:
        _send(asked, allowed, copy)
    if why:
        copy.skipped[child.id] = why
        note_missed(turn, child, leg, why)


def _send(asked: gates.Entry, units: int, copy: Copy) -> list[ChildOrder]:
    """Queue an entry that passed its gates, on the terms that `copy.as` wants."""
    turn, instrument, side, reference = asked.turn, asked.instrument, asked.side, asked.reference_inr
    return make_orders(
        turn,
        asked.child,
        asked.leg,
        instrument,
        side,
        units,
        entry=True,
        copy=copy,
        terms=entry_terms(turn, asked.child.id, asked.master, instrument, side, reference),
        reference_inr=reference,
    )


def _entry(
    turn: Turn,
    child: Child,
    master: MasterLeg,
    leg: ChildLeg,
    instrument: Instrument,
    side: Side,
    signal_ns: int | None,
    reference_inr: Decimal | None,
) -> gates.Entry:
    return gates.Entry(
        turn=turn,
        child=child,
        settings=turn.child_settings[child.id],
        master=master,
        leg=leg,
        instrument=instrument,
        side=side,
        signal_ns=signal_ns,
        reference_inr=reference_inr,
    )


def count_from_here(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg) -> None:
    """A resync found a leg at rest with its share of what the master holds: his further rises count from there.

    Lots that were missed while he held more are no part of its pair any more.
    """
    instrument = turn.leg_instrument(child.id, leg.leg)
    is_at_rest = not (leg.orders or leg.due or leg.entry_pending or leg.awaiting_units or leg.mirrors)
    if instrument is None or not is_at_rest or not leg.sign or leg.by_hand_units:
        return
    rule, _ = sizing_rule(turn, child, master, instrument)
    if rule.lots_for is None or turn.child_settings[child.id].sizing.mode is not SizingMode.FROZEN_RATIO:
        return
    held, lot = abs(leg.allocation_units), instrument.lot_units
    lacks = leg.base_units < rule.lots_for(leg.high_units) * lot
    if lacks and leg.target_units == held == rule.lots_for(abs(master.units)) * lot:
        store_plan(leg, msgspec.structs.replace(plan_of(leg), high_units=abs(master.units), base_units=held))


def missing_units(
    turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, instrument: Instrument, *, is_new: bool = False
) -> int:
    """Units that a child would have more had it missed nothing: what `resync` offers.

    A ratio tells them by what the master holds now; in the other modes what was missed was kept. `is_new`: the child
    takes part in the leg from now on (join, adopt), and all that its sizing gives at this moment is missing.
    """
    rule, no_entry = sizing_rule(turn, child, master, instrument)
    if no_entry or rule.lots_for is None:
        return 0
    lot = instrument.lot_units
    missing = rule.lots_for(abs(master.units)) * lot - share(turn, leg)
    if rule.most_lots is not None:  # one decision's worth
        missing = min(missing, rule.most_lots * lot)
    if not is_new and turn.child_settings[child.id].sizing.mode not in BY_RATIO:
        missing = min(missing, leg.missed_units // lot * lot)
    return max(0, missing)
