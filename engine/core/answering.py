"""What an answer to a prompt does: approved, edited down, declined, postponed, or not given in time."""

from engine.core import prompts, reasons
from engine.core import strategy as strategies
from engine.core.baseline import note_joined
from engine.core.entries import count_from_here, enter_approved, missing_units
from engine.core.master import window_due
from engine.core.offers import is_leaving, leaving_text
from engine.core.orders import find_copy, new_copy, note_skipped
from engine.core.plans import note_missed, store_plan
from engine.core.resting import asked_units, share
from engine.core.resting_orders import grant
from engine.core.settle import exit_part, settle
from engine.core.sizing import Plan
from engine.core.state import Prompt, PromptItem
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.tickets import plan_ticket
from engine.core.turn import INFO, WARNING, Turn, held_units
from engine.events import PromptAnswered
from engine.model import sign, split_leg
from engine.snapshot import StrategyState


def answer(turn: Turn, event: PromptAnswered) -> None:
    """Approve or decline the prompts that the operator means."""
    state = turn.state
    wanted = [p for p in state.prompts.values() if not event.prompt or p.id == event.prompt]
    if not wanted:
        turn.notify(INFO, "no prompt waits for that answer")
    for prompt in wanted:
        if prompt.deadline_ns < turn.now_ns:  # the process was not run for a while, and its timer comes after this
            prompt_due(turn, prompt.id)
            continue
        if event.shown is not None and (event.approve or prompt.kind != prompts.EXIT):
            prompts.part_unseen(turn, prompt, event.shown)
        if event.approve:
            approve(turn, prompt, event.children, event.units)
        else:
            decline(turn, prompt, reasons.DECLINED, event.children)


def approve(turn: Turn, prompt: Prompt, children: tuple[str, ...] | None, units: dict[str, int]) -> None:
    """Carry out a prompt for the children named (all when `None`); the others are declined."""
    chosen = [i for i in prompt.items if children is None or i.child in children]
    others = [i for i in prompt.items if i not in chosen]
    prompts.close(turn, prompt)
    if prompt.kind == prompts.ADOPT and chosen:
        _adopted(turn, chosen[0])
        _leave_out_the_others(turn, prompt)
    if prompt.kind in prompts.OF_HIS_LOTS:
        for leg_id in dict.fromkeys(item.leg for item in chosen):
            window_due(turn, leg_id)  # what is offered is reckoned from all that he holds: his newest fills, too
        for item in chosen:
            leg = turn.state.children[item.child].legs[item.leg]
            if not _why_nothing(turn, prompt.kind, leg, item):
                leg.lacking, leg.skipped = False, ""  # what is about to be sent must not stop the other legs
    for item in chosen:
        _approve_item(turn, prompt.kind, item, units.get(f"{item.child}|{item.leg}"))
    for item in others:
        _decline_item(turn, prompt.kind, item, reasons.DECLINED)


def _leave_out_the_others(turn: Turn, prompt: Prompt) -> None:
    """Children to whom an adopted leg was not offered have no part in it, for the reason that was told."""
    leg_id = prompt.items[0].leg
    symbol = split_leg(leg_id)[1]
    for child in turn.configured():
        if any(item.child == child.id for item in prompt.items):
            continue
        told = [skip.reason for skip in turn.state.skips.values() if (skip.child, skip.symbol) == (child.id, symbol)]
        _pass_over(turn, child, turn.state.master.legs[leg_id], told[-1] if told else reasons.NEXT_STRATEGY)


def decline(turn: Turn, prompt: Prompt, reason: str, children: tuple[str, ...] | None = None) -> None:
    """Decline a prompt (for the children named only, when given); an exit is postponed, never declined."""
    declined = [i for i in prompt.items if children is None or i.child in children]
    if prompt.kind == prompts.EXIT:
        prompts.prolong(turn, prompt)
        turn.notify(WARNING, reasons.POSTPONED)
        return
    kept = [i for i in prompt.items if i not in declined]
    prompt.items = declined
    prompts.close(turn, prompt)
    if kept:
        prompt.items = kept
        turn.state.prompts[prompt.id] = prompt
        turn.timer(f"prompt:{prompt.id}", prompt.deadline_ns)
    for item in declined:
        _decline_item(turn, prompt.kind, item, reason)


def prompt_due(turn: Turn, prompt_id: str) -> None:
    """Nobody answered in time: entries are declined, exits sent."""
    prompt = turn.state.prompts[prompt_id]
    if prompt.kind == prompts.EXIT:
        approve(turn, prompt, None, {})
    else:
        decline(turn, prompt, reasons.NOT_ANSWERED)


def _approve_item(turn: Turn, kind: str, item: PromptItem, edited_units: int | None) -> None:
    child = turn.state.children[item.child]
    leg = child.legs[item.leg]
    if not item.entry and item.is_part:
        exit_part(turn, child, leg, item.units)
        return
    if not item.entry:
        leg.exit_granted = True
        settle(turn, child, leg)
        return
    units = item.units if edited_units is None else max(0, min(item.units, edited_units))
    reason = reasons.EDITED_DOWN if units < item.units else ""
    asked = item.units
    if kind == prompts.ENTRY and asked_units(leg):
        asked -= asked_units(leg)
        units = grant(leg, units, reason)
        if asked <= 0:
            return
    if why := _why_nothing(turn, kind, leg, item):
        turn.notify(WARNING, why, item.child, split_leg(item.leg)[1])
        return
    if kind == prompts.TICKET:
        units = asked = plan_ticket(turn, child, leg, units)
        if not units:
            return
    elif kind in prompts.OF_HIS_LOTS:
        units = min(units, _plan_offered(turn, kind, child, leg, item))
    less = reasons.EDITED_DOWN if units < asked else ""
    reference = item.reference_inr or turn.state.master.legs[leg.leg].price_inr
    copy = find_copy(turn, item.decision) or new_copy(turn, item.leg, item.side, entry=True, signal_ns=item.signal_ns)
    enter_approved(turn, child, leg, units, copy, less, reference, is_ticket=kind == prompts.TICKET)


def _why_nothing(turn: Turn, kind: str, leg: ChildLeg, item: PromptItem) -> str:
    """Why nothing of an approved entry is sent, '' when it is: what he did meanwhile comes first."""
    master = turn.state.master.legs[item.leg]
    if master.units * item.side.sign <= 0:
        return f"{reasons.MASTER_IS_OUT}: nothing was sent"
    if kind in prompts.OF_HIS_LOTS and master.window is not None:
        return reasons.NOT_DECIDED
    return leaving_text([split_leg(item.leg)[1]]) if kind == prompts.RESYNC and is_leaving(turn, leg, master) else ""


def _plan_offered(turn: Turn, kind: str, child: Child, leg: ChildLeg, item: PromptItem) -> int:
    """Make the plan that an offered entry (join, adopt, resync) brings about; returns the units left of it."""
    master = turn.state.master.legs[leg.leg]
    strategy = turn.strategy(master.scope)
    if item.ratio is not None:
        strategy.ratios[child.id] = item.ratio
        if kind == prompts.JOIN and strategy.baseline is not None:
            note_joined(strategy.baseline, child.id, item.told)
    was_handed_over = strategy.left_out.get(child.id) == reasons.HANDED_OVER
    if kind == prompts.JOIN or (item.ratio is not None and not was_handed_over):
        strategy.left_out.pop(child.id, None)
    if kind != prompts.ADOPT:  # one leg alone brings no child back
        child.stopped.pop(master.scope, None)
    strategy.afforded.pop(child.id, None)  # the margin is looked at anew
    size = abs(master.units)
    instrument = turn.leg_instrument(child.id, leg.leg)
    missing = 0
    if instrument is not None:
        missing = missing_units(turn, child, master, leg, instrument, is_new=kind != prompts.RESYNC)
    units = min(item.units, missing)
    if not units and leg.sign:
        count_from_here(turn, child, master, leg)  # the master fell meanwhile: what is due stays due
        return 0
    target = max(0, held_units(leg)) + share(turn, leg) - held_units(leg) + units
    leg.lacking, leg.flattening, leg.skipped, leg.missed_units = False, False, "", missing - units
    store_plan(
        leg,
        Plan(
            sign=item.side.sign,
            high_units=size,
            base_units=target,
            target_units=target,
            decided_units=size,
        ),
    )
    if missing > units:
        leg.lacking, leg.skipped = True, reasons.ADDED_MEANWHILE
        turn.skip(child, leg.leg, reasons.ADDED_MEANWHILE, in_part=True)
    return units


def _decline_item(turn: Turn, kind: str, item: PromptItem, reason: str) -> None:
    child = turn.state.children[item.child]
    leg = child.legs[item.leg]
    if kind == prompts.ENTRY:
        for mirror in leg.mirrors.values():
            if mirror.asked_units:
                note_skipped(turn, mirror.copy_id, item.child, reason)
        if item.units > asked_units(leg):
            note_skipped(turn, item.decision, item.child, reason)
        grant(leg, 0, reason)
        note_missed(turn, child, leg, reason)
    elif kind == prompts.JOIN:
        turn.strategy(turn.scope_of(leg.leg)).left_out[child.id] = reasons.NEXT_STRATEGY
        turn.skip(child, leg.leg, reason)
    elif kind == prompts.ADOPT:
        _pass_over(turn, child, turn.state.master.legs[item.leg], reason)
        turn.skip(child, leg.leg, reason)


def _pass_over(turn: Turn, child: Child, master: MasterLeg, reason: str) -> None:
    """A child takes no part in a leg that is followed from now on: a later rise brings its own part."""
    leg, size = turn.child_leg(child, master.leg), abs(master.units)
    if not size or leg.allocation_units or leg.orders:
        return
    store_plan(leg, Plan(sign=sign(master.units), high_units=size, decided_units=size))
    leg.skipped, leg.lacking, leg.missed_units = reason, reason != reasons.BELOW_ONE_LOT, size


def _adopted(turn: Turn, item: PromptItem) -> None:
    """The operator adopted a background leg: it is followed from now on."""
    master = turn.state.master.legs[item.leg]
    if not master.background_units:
        return
    strategy = turn.strategy(master.scope)
    baseline = strategy.baseline
    if strategy.state is StrategyState.FLAT:
        strategies.begin(turn, strategy, turn.now_ns, "")
        strategy.baseline = baseline or strategy.baseline
    elif strategy.state is StrategyState.EXITING:
        strategies.begin(turn, strategy, turn.now_ns, "")
    mark = turn.quote(master.leg)
    master.opened_from_inr = master.cash_inr
    master.units, master.background_units = master.background_units, 0
    if mark is not None and mark.last_inr is not None:
        master.price_inr = mark.last_inr
        master.cash_inr -= mark.last_inr * master.units
        master.open_cost_inr = mark.last_inr * abs(master.units)
