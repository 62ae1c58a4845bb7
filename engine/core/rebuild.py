"""Orders in a child's book that carry our mark and that the journal does not know: adopted as ours, exits only.

It happens when the state was begun anew or restored from an older copy. What was filled is ours, working entries are
cancelled, working exits stay. No strategy is known for it, so that nothing is ever entered because of it: the pair of
each leg is (the master's holding, ours), and his reductions are followed from there.
"""

from collections.abc import Iterable

from engine.core import reasons
from engine.core.fills import apply_child_report, take_fill
from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.master import master_leg
from engine.core.orders import new_copy
from engine.core.plans import is_hedge, store_plan
from engine.core.results import mark_inr
from engine.core.settle import cancel, settle
from engine.core.sizing import Plan
from engine.core.state import Strategy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.tags import number_of
from engine.core.turn import ALARM, WARNING, Turn, exits_open, followed_legs, seconds_ns
from engine.model import BookStatus, LegId, OrderReport, sign, split_leg
from engine.snapshot import StrategyState

_STATE = {
    BookStatus.COMPLETE: OrderState.FILLED,
    BookStatus.CANCELLED: OrderState.CANCELLED,
    BookStatus.REJECTED: OrderState.REJECTED,
}


def lost_orders(turn: Turn, child: Child, reports: Iterable[OrderReport]) -> list[OrderReport]:
    """The rows of a child's book with our mark of this mode and day that the journal does not know, in their order.

    The counter of intents is raised beyond their numbers, so that no tag is ever given twice.
    """
    state = turn.state
    found: list[tuple[int, OrderReport]] = []
    for report in reports:
        known = state.orders.get(report.tag)
        if (known is not None and known.account == child.id) or report.order_id in child.tags:
            continue
        number = number_of(report.tag, state.mode.value, state.day)
        if number is not None:
            found.append((number, report))
            state.intents = max(state.intents, number)
    return [report for _, report in sorted(found, key=lambda row: (row[0], row[1].placed_ns, row[1].order_id))]


def adopt(turn: Turn, child: Child, lost: list[OrderReport]) -> None:
    """Make records of lost orders; the rest of the book has been taken in before."""
    legs: dict[LegId, ChildLeg] = {}
    for report in lost:
        known = turn.state.orders.get(report.tag)
        if known is not None and known.account == child.id:
            apply_child_report(turn, child, report)  # a second order with one tag
            continue
        leg = turn.child_leg(child, report.leg)
        _adopt_one(turn, child, leg, report)
        legs[leg.leg] = leg
    if not legs:
        return
    for leg in legs.values():
        _keep(leg)
        for order in [o for o in turn.open_orders(leg) if o.entry]:
            cancel(turn, order)
    turn.state.untied = True
    _stop(turn, child, legs)
    ours = ", ".join(f"{leg.allocation_units} {split_leg(leg.leg)[1]}" for leg in legs.values())
    text = f"{len(lost)} orders with our mark are not in the journal: adopted from the book, ours is now {ours}"
    turn.notify(ALARM, f"{text}; exits only until you answer", child.id)


def _adopt_one(turn: Turn, child: Child, leg: ChildLeg, report: OrderReport) -> None:
    state = turn.state
    entry = leg.allocation_units * report.side.sign >= 0
    copy = new_copy(turn, leg.leg, report.side, entry=entry, signal_ns=report.placed_ns, by_master=False)
    end = _STATE.get(report.status, OrderState.WORKING)
    order = ChildOrder(
        # Two children that changed places in the configuration may have been given the same tag.
        tag=report.tag if report.tag not in state.orders else f"{report.tag}.{child.id}",
        account=child.id,
        leg=leg.leg,
        side=report.side,
        units=report.filled if end is OrderState.FILLED else report.quantity,
        entry=entry,
        day=state.day,
        decision=copy.id,
        state=end,
        order_id=report.order_id,
        reason=report.status_text or reasons.REBUILT,
        signal_ns=report.placed_ns,
        created_ns=report.placed_ns,
        sent_ns=report.placed_ns,
        acked_ns=report.placed_ns,
        changed_ns=turn.now_ns,
        done_ns=turn.now_ns if end in TERMINAL else 0,
    )
    state.orders[order.tag] = order
    copy.tags.append(order.tag)
    child.tags[report.order_id] = order.tag
    child.foreign_orders.pop(report.order_id, None)
    child.entries_today += entry
    if end not in TERMINAL:
        leg.orders.append(order.tag)
    take_fill(turn, child, leg, order, report)


def _keep(leg: ChildLeg) -> None:
    """Until the master's holding is known the target is what is held."""
    side, held = sign(leg.allocation_units), abs(leg.allocation_units)
    same = bool(side) and side == leg.sign
    store_plan(
        leg,
        Plan(
            sign=side or leg.sign,
            high_units=leg.high_units if same else 0,
            base_units=held,
            target_units=held,
            decided_units=leg.decided_units if same else 0,
        ),
    )
    leg.rebuilt, leg.entry_pending = True, False


def _stop(turn: Turn, child: Child, legs: Iterable[LegId]) -> None:
    """No entries until the operator answers: for the child, and for everybody when no strategy is known at all."""
    state = turn.state
    running = [s.scope for s in state.strategies.values() if s.state is not StrategyState.FLAT and not s.exit_only]
    if running:
        for scope in dict.fromkeys([*running, *(turn.scope_of(leg) for leg in legs)]):
            child.stopped[scope] = reasons.REBUILT
    else:
        state.unclean, state.armed = True, False


def lift(turn: Turn) -> bool:
    """The operator resumes: children whose orders were adopted take entries again; false when there was none."""
    lifted = False
    for child in turn.state.children.values():
        for scope in [scope for scope, why in child.stopped.items() if why == reasons.REBUILT]:
            child.stopped.pop(scope)
            lifted = True
    return lifted


def tie(turn: Turn) -> None:
    """Take the pairs of rebuilt legs, once the master was read; called after every read."""
    state = turn.state
    if not state.untied or not state.master.synced:
        return
    state.untied = False
    rebuilt = [(child, leg) for child in state.children.values() for leg in child.legs.values() if leg.rebuilt]
    for child, leg in rebuilt:
        master = master_leg(turn, leg.leg)
        strategy = turn.strategy(master.scope)
        if strategy.state is StrategyState.FLAT:
            _begin_exit_only(turn, strategy)
        _follow(turn, master, strategy, leg)
        if strategy.exit_only:
            strategy.left_out[child.id] = reasons.REBUILT
            strategy.state = StrategyState.ACTIVE if followed_legs(turn, strategy.scope) else StrategyState.EXITING
        _take_pair(turn, child, leg, master, strategy)
    if state.unclean and not state.resume_kept and any(_excess(turn, leg) > 0 for _, leg in rebuilt):
        state.restart_exit_until_ns = turn.now_ns + seconds_ns(turn.settings.confirm.timeout_s)
        turn.timer("restart_exit", state.restart_exit_until_ns)
        turn.notify(ALARM, "the master does not hold what children hold of ours: they exit after the prompt")
    for child, leg in rebuilt:
        leg.rebuilt = False
        settle(turn, child, leg)


def _excess(turn: Turn, leg: ChildLeg) -> int:
    same = sign(leg.allocation_units) == leg.sign
    return abs(leg.allocation_units) - exits_open(turn, leg) - (leg.target_units if same else 0)


def _begin_exit_only(turn: Turn, strategy: Strategy) -> None:
    """A strategy of which only the exits are known: no baseline, no ratio."""
    strategy.number += 1
    strategy.state, strategy.mode, strategy.exit_only = StrategyState.ACTIVE, turn.state.mode, True
    strategy.started_ns, strategy.settled, strategy.settle_value_inr = turn.now_ns, False, None
    strategy.baseline, strategy.pinned, strategy.flat_reads = None, None, 0
    strategy.ratios, strategy.last_ratios, strategy.last_baseline_inr = {}, {}, None
    strategy.left_out = dict.fromkeys(turn.state.children, reasons.REBUILT)


def _follow(turn: Turn, master: MasterLeg, strategy: Strategy, leg: ChildLeg) -> None:
    """Lots of the master that what is ours was copied from are followed again, not background."""
    units = master.background_units
    if units * leg.allocation_units <= 0 or (master.units and not strategy.exit_only):
        return
    master.units, master.background_units = master.units + units, 0
    price = mark_inr(turn.quote(leg.leg)) or master.price_inr
    if price is not None:
        master.cash_inr -= price * units
        master.open_cost_inr += price * abs(units)
    text = f"{units} units are followed again, for exits"
    turn.notify(WARNING, text, turn.state.master.account, split_leg(leg.leg)[1])


def _take_pair(turn: Turn, child: Child, leg: ChildLeg, master: MasterLeg, strategy: Strategy) -> None:
    """(the master's holding, ours); what he does not hold in the same direction is to be exited."""
    held, size = abs(leg.allocation_units) - exits_open(turn, leg), abs(master.units)
    side = sign(master.units)
    target = held if side and side == sign(leg.allocation_units) and not leg.flattening else 0
    most = _most(turn, child, leg, master, strategy)
    if most is not None:
        target = min(target, most)
    store_plan(
        leg,
        Plan(
            sign=side or sign(leg.allocation_units),
            high_units=size,
            base_units=target,
            target_units=target,
            decided_units=size,
        ),
    )
    leg.skipped = reasons.REBUILT
    if ratio := strategy.ratios.get(child.id):  # he held what explains it, at some time
        needed = -(-abs(leg.allocation_units) * ratio.denominator // ratio.numerator)
        leg.peak_units = max(leg.peak_units, needed)


def _most(turn: Turn, child: Child, leg: ChildLeg, master: MasterLeg, strategy: Strategy) -> int | None:
    """What the known ratio of a running strategy allows: he may have reduced while the journal was away."""
    ratio = strategy.ratios.get(child.id)
    instrument = turn.leg_instrument(child.id, leg.leg)
    if ratio is None or instrument is None:
        return None
    numerator, denominator = abs(master.units) * ratio.numerator, ratio.denominator * instrument.lot_units
    up = is_hedge(turn, child, leg)
    return (-(-numerator // denominator) if up else numerator // denominator) * instrument.lot_units
