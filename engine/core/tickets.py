"""The order ticket: the operator adds lots to a leg that the master holds, or takes some off, by hand.

Lots that are added are offered in a prompt, as every entry that the operator asks for, and pass the same gates. They
are the child's share from then on: the pair becomes (m, allocation + reserved), and they leave with the master's exits
in proportion (R6.15 in docs/rules.md). A leg that the master does not hold takes no ticket: its lots would be exited.
"""

from engine.core import prompts, reasons
from engine.core.flattening import exit_leg
from engine.core.offers import offer
from engine.core.orders import new_copy
from engine.core.plans import is_hedge, lower_by_hand, plan_of, raise_by_hand
from engine.core.settle import settle
from engine.core.sizing import decide_target
from engine.core.sizing_rules import NO_ENTRIES, sizing_rule
from engine.core.state import Child, ChildLeg, MasterLeg
from engine.core.turn import WARNING, Turn, exits_open, held_units
from engine.events import TicketWritten
from engine.model import Side, sign, split_leg

NOT_HELD = "the master does not hold it: lots of ours in it would be exited at once"
UNDECIDED = "what the master holds of it is not decided yet"
LEAVING = "its exits are under way"
NOTHING_TO_TAKE_OFF = "nothing of it is held"


def write_ticket(turn: Turn, event: TicketWritten) -> None:
    """Offer the lots of a ticket, or exit them; every child that takes no part is told why."""
    symbol = split_leg(event.leg)[1]
    master = turn.state.master.legs.get(event.leg)
    if master is None or not master.units:
        turn.notify(WARNING, f"ticket: {NOT_HELD}", symbol=symbol)
        return
    parts: list[tuple[Child, int]] = []
    for child_id in event.children or tuple(child.id for child in turn.configured()):
        child = turn.state.children.get(child_id)
        if child is None:
            turn.notify(WARNING, f"no child is called {child_id}")
            continue
        units, why = _part(turn, child, master, event)
        if why:
            turn.notify(WARNING, f"ticket: {why}", child.id, symbol)
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
    for child, units in parts:
        offer(turn, prompt, child, master, units, copy=copy)


def why_not_added(turn: Turn, child: Child, master: MasterLeg) -> str:
    """Why a child takes no more lots of a leg by hand, '' when it does."""
    instrument = turn.leg_instrument(child.id, master.leg)
    if instrument is None:
        return turn.why_unknown(child.id, master.leg)
    leg = turn.child_leg(child, master.leg)
    _, no_entry = sizing_rule(turn, child, master, leg, instrument)
    return no_entry or child.stopped.get(master.scope, "") or _why_not_now(turn, leg, master)


def _why_not_now(turn: Turn, leg: ChildLeg, master: MasterLeg) -> str:
    """Why a leg's plan cannot be changed at this moment, '' when it can."""
    if leg.handed_over:
        return reasons.HANDED_OVER
    if not leg.decided_units or leg.sign != sign(master.units):
        return UNDECIDED
    is_leaving = leg.due or leg.flattening or leg.entry_pending or exits_open(turn, leg) or held_units(leg) < 0
    return LEAVING if is_leaving else ""


def _part(turn: Turn, child: Child, master: MasterLeg, event: TicketWritten) -> tuple[int, str]:
    """A child's units of a ticket, and why it takes no part."""
    if child.id not in turn.child_settings:
        return 0, reasons.NOT_CONFIGURED
    if event.lots > 0:
        if why := why_not_added(turn, child, master):
            return 0, why
        units = _added_units(turn, child, master, event)
        return units, "" if units else reasons.BELOW_ONE_LOT
    leg = turn.child_leg(child, master.leg)
    if turn.state.kill > 1:
        return 0, reasons.KILLED
    if why := _why_not_now(turn, leg, master):
        return 0, why
    if not leg.target_units:
        return 0, NOTHING_TO_TAKE_OFF
    units = _fewer_units(turn, child, master, event)
    return units, "" if units else reasons.BELOW_ONE_LOT


def _added_units(turn: Turn, child: Child, master: MasterLeg, event: TicketWritten) -> int:
    instrument = turn.leg_instrument(child.id, master.leg)
    assert instrument is not None  # noqa: S101  why_not_added said so
    if not event.in_ratio:
        return event.lots * instrument.lot_units
    rule, _ = sizing_rule(turn, child, master, turn.child_leg(child, master.leg), instrument)
    his_lot = turn.leg_instrument(turn.state.master.account, master.leg) or instrument
    lots = 0 if rule.lots_for is None else rule.lots_for(event.lots * his_lot.lot_units)
    return lots * instrument.lot_units


def _fewer_units(turn: Turn, child: Child, master: MasterLeg, event: TicketWritten) -> int:
    leg = turn.child_leg(child, master.leg)
    instrument = turn.leg_instrument(child.id, master.leg)
    lot_units = 1 if instrument is None else instrument.lot_units
    if not event.in_ratio:
        return min(-event.lots * lot_units, leg.target_units)
    his_lot = turn.leg_instrument(turn.state.master.account, master.leg) or instrument
    his_units = -event.lots * (1 if his_lot is None else his_lot.lot_units)
    left_units = max(0, leg.decided_units - his_units)
    if not left_units:
        return leg.target_units
    plan = plan_of(leg)
    round_up = is_hedge(turn, child, leg)
    after = decide_target(plan, leg.sign * left_units, lot_units, NO_ENTRIES, round_up=round_up)
    return plan.target_units - after.target_units


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
    if why := why_not_added(turn, child, master):
        turn.notify(WARNING, f"ticket: {why}", child.id, split_leg(leg.leg)[1])
        return 0
    raise_by_hand(leg, units)
    return units
