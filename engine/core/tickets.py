"""The order ticket: the operator adds lots to a leg that the master holds, or takes some off, by hand.

Lots that are added are offered in a prompt, as every entry that the operator asks for, and pass the same gates. They
are part of the child's pair from then on, (B, C + lots), and leave with the master's exits in proportion (R6.15 in
docs/rules.md). A leg that the master does not hold takes no ticket: its lots would be exited.
"""

from engine.core import prompts, reasons
from engine.core.flattening import exit_leg
from engine.core.lifecycle import AT_BROKER
from engine.core.offers import offer
from engine.core.orders import new_copy
from engine.core.plans import is_hedge, lower_by_hand, plan_of, raise_by_hand
from engine.core.resting import entries_against, going_exit_units, rests
from engine.core.settle import settle
from engine.core.sizing import decide_target
from engine.core.sizing_rules import BY_RATIO, NO_ENTRIES, sizing_rule
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import WARNING, Turn, held_units
from engine.events import TicketWritten
from engine.model import Instrument, Side, sign, split_leg

NOT_HELD = "the master does not hold it: lots of ours in it would be exited at once"
UNDECIDED = "what the master holds of it is not decided yet"
LEAVING = "its exits are under way"
LEFT_BEHIND = "an order of the side that the master has left is under way"
ENTERING = "its entries are under way"
NOTHING_TO_TAKE_OFF = "nothing of it is held"


def write_ticket(turn: Turn, event: TicketWritten) -> None:
    """Offer the lots of a ticket, or exit them; every child that takes no part is told why."""
    symbol = split_leg(event.leg)[1]
    master = turn.state.master.legs.get(event.leg)
    if master is None or not master.units:
        turn.notify(WARNING, f"ticket: {NOT_HELD}", symbol=symbol)
        return
    parts: list[tuple[Child, int]] = []
    passed: dict[str, str] = {}
    for child_id in dict.fromkeys(event.children or [child.id for child in turn.configured()]):
        child = turn.state.children.get(child_id)
        if child is None:
            turn.notify(WARNING, f"no child is called {child_id}")
            continue
        units, why = _part(turn, child, master, event)
        if why:
            turn.notify(WARNING, f"ticket: {why}", child.id, symbol)
            passed[child.id] = why
        else:
            parts.append((child, units))
    if not parts:
        return
    if event.lots < 0:
        for child, units in parts:
            _take_off(turn, child, master, units)
        return
    prompt = prompts.open_prompt(turn, prompts.TICKET, fresh=True)
    side = Side.BUY if master.units > 0 else Side.SELL
    copy = new_copy(turn, master.leg, side, entry=True, signal_ns=turn.now_ns, by_master=False)
    copy.passed = passed
    for child, units in parts:
        offer(turn, prompt, child, master, units, copy=copy)


def _part(turn: Turn, child: Child, master: MasterLeg, event: TicketWritten) -> tuple[int, str]:
    """A child's units of a ticket, and why it takes no part."""
    instrument = turn.leg_instrument(child.id, master.leg)
    if child.id not in turn.child_settings:
        return 0, reasons.NOT_CONFIGURED
    if instrument is None:
        return 0, turn.why_unknown(child.id, master.leg)
    if event.lots > 0:
        why = why_not_added(turn, child, master, instrument)
        units = 0 if why else _more_units(turn, child, master, instrument, event)
    else:
        why = _why_not_taken_off(turn, child, master)
        units = 0 if why else _fewer_units(turn, child, master, instrument, event)
    return units, why or ("" if units else reasons.BELOW_ONE_LOT)


def why_not_added(turn: Turn, child: Child, master: MasterLeg, instrument: Instrument) -> str:
    """Why a child takes no more lots of a leg by hand, '' when it does."""
    leg = turn.child_leg(child, master.leg)
    _, no_entry = sizing_rule(turn, child, master, instrument)
    return no_entry or child.stopped.get(master.scope, "") or _why_not_now(turn, leg, master)


def _why_not_taken_off(turn: Turn, child: Child, master: MasterLeg) -> str:
    leg = turn.child_leg(child, master.leg)
    if turn.state.kill > 1:
        return reasons.KILLED
    if why := _why_not_now(turn, leg, master):
        return why
    if any(order.entry and order.state in AT_BROKER and not rests(order) for order in turn.open_orders(leg)):
        return ENTERING  # a cancel takes the whole order off, and more than was asked for
    return "" if leg.target_units else NOTHING_TO_TAKE_OFF


def _why_not_now(turn: Turn, leg: ChildLeg, master: MasterLeg) -> str:
    """Why a leg's plan cannot be changed at this moment, '' when it can."""
    if leg.handed_over:
        return reasons.HANDED_OVER
    if not leg.decided_units or leg.sign != sign(master.units):
        return UNDECIDED
    if entries_against(turn, leg):
        return LEFT_BEHIND
    is_leaving = leg.flattening and (leg.allocation_units or leg.orders)
    is_leaving = is_leaving or leg.due or leg.entry_pending or going_exit_units(turn, leg) or held_units(leg) < 0
    return LEAVING if is_leaving else ""


def _more_units(turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, event: TicketWritten) -> int:
    """Each its own lots, or what the child's sizing would give for so many more of the master's."""
    if not event.in_ratio:
        return event.lots * instrument.lot_units
    leg = turn.child_leg(child, master.leg)
    rule, _ = sizing_rule(turn, child, master, instrument)
    if rule.lots_for is None or not rule.re_enters:
        return 0
    before = leg.decided_units
    return rule.added_lots(before, before + event.lots * _his_lot_units(turn, instrument)) * instrument.lot_units


def _fewer_units(turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, event: TicketWritten) -> int:
    """Each its own lots, or what an exit of so many of the master's would take."""
    leg, lot_units = turn.child_leg(child, master.leg), instrument.lot_units
    if not event.in_ratio:
        return min(-event.lots * lot_units, leg.target_units)
    left_units = leg.decided_units + event.lots * _his_lot_units(turn, instrument)
    if left_units <= 0:
        return leg.target_units
    plan, round_up = plan_of(leg), is_hedge(turn, child, leg)
    after = decide_target(plan, leg.sign * left_units, lot_units, NO_ENTRIES, round_up=round_up)
    return plan.target_units - after.target_units


def _his_lot_units(turn: Turn, instrument: Instrument) -> int:
    """Units in a lot at the master's broker; the child's where his is not known."""
    his = turn.instrument(turn.state.master.account, instrument.id)
    return instrument.lot_units if his is None else his.lot_units


def _take_off(turn: Turn, child: Child, master: MasterLeg, units: int) -> None:
    leg = turn.child_leg(child, master.leg)
    if units >= leg.target_units:
        exit_leg(turn, leg.leg, (child.id,))
        return
    turn.notify(WARNING, f"{units} taken off by the operator", child.id, split_leg(leg.leg)[1])
    lower_by_hand(turn, child, leg, units)
    settle(turn, child, leg, at_once=True)


def plan_ticket(turn: Turn, child: Child, leg: ChildLeg, units: int) -> int:
    """Make approved lots of a ticket part of a leg's plan; returns the units that are wanted now."""
    master = turn.state.master.legs[leg.leg]
    instrument = turn.leg_instrument(child.id, leg.leg)
    if instrument is None:
        turn.notify(WARNING, f"ticket: {turn.why_unknown(child.id, leg.leg)}", child.id, split_leg(leg.leg)[1])
        return 0
    if why := why_not_added(turn, child, master, instrument):
        turn.notify(WARNING, f"ticket: {why}", child.id, split_leg(leg.leg)[1])
        return 0
    raise_by_hand(leg, units, _missed_units(turn, child, master, leg, instrument))
    return units


def _missed_units(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg, instrument: Instrument) -> int:
    """What a leg's pair lacks of what the sizing gives for the master's largest holding."""
    if turn.child_settings[child.id].sizing.mode not in BY_RATIO:
        return leg.missed_units // instrument.lot_units * instrument.lot_units
    rule, _ = sizing_rule(turn, child, master, instrument)
    whole = 0 if rule.lots_for is None else rule.lots_for(leg.high_units) * instrument.lot_units
    return max(0, whole - (leg.base_units - leg.by_hand_units))
