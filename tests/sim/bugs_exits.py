"""Planted bugs about what is decided: exits, and the life of a strategy."""

from collections.abc import Sequence
from decimal import Decimal

from engine.core import (
    answering,
    flattening,
    operator,
    orders,
    plans,
    prompts,
    reasons,
    sending,
    settle,
    sizing,
    strategy,
)
from engine.core.sizing import Plan, SizingRule
from engine.core.sizing_rules import live_ratio
from engine.core.state import Copy, Prompt
from engine.core.state_child import Child, ChildLeg, Terms
from engine.core.turn import Turn, exit_room, net_units
from engine.model import Instrument, Side, sign
from tests.sim.planting import Swap, in_module, planted, replace_everywhere

PASS = ""


@planted
def reduction_leaves_entries_working() -> list[Swap]:
    """The master's reduction does not take back what is ordered and not filled."""
    return [replace_everywhere(settle._withdraw, lambda _turn, _child, _leg, _over: None)]


@planted
def second_signal_second_exit() -> list[Swap]:
    """An exit that is under way is not counted when the next signal comes."""
    names = ("exits_open", "going_exit_units")
    return [in_module(settle, name, lambda _turn, _leg: 0) for name in names]


@planted
def exit_beyond_the_holding() -> list[Swap]:
    """An exit is a lot larger than what is held."""
    right = orders.make_orders

    def wrong(
        turn: Turn,
        child: Child,
        leg: ChildLeg,
        instrument: Instrument,
        side: Side,
        units: int,
        *,
        entry: bool,
        copy: Copy,
        terms: Terms = orders.THROUGH_THE_MARKET,
        reference_inr: Decimal | None = None,
    ) -> None:
        more = 0 if entry else instrument.lot_units
        right(
            turn, child, leg, instrument, side, units + more, entry=entry, copy=copy,
            terms=terms, reference_inr=reference_inr,
        )  # fmt: skip

    return [replace_everywhere(right, wrong)]


@planted
def exit_not_bounded_by_the_position() -> list[Swap]:
    """An exit sells what the ledger says although the broker shows less."""
    return [replace_everywhere(exit_room, lambda _child, leg, *, keeps=True: abs(leg.allocation_units))]


@planted
def exit_takes_what_is_to_stay() -> list[Swap]:
    """An exit is bounded by zero alone: a partial one that was filled and lost its tag and answer is sent again."""

    def wrong(child: Child, leg: ChildLeg, *, keeps: bool = True) -> int:
        return max(0, net_units(child, leg.leg) * sign(leg.allocation_units))

    return [replace_everywhere(exit_room, wrong)]


@planted
def exit_not_looked_at_again_when_sent() -> list[Swap]:
    """An exit that waited is sent as it was decided, whatever positions have shown since."""
    return [replace_everywhere(sending._fits, lambda _turn, _child, _leg, _order: True)]


@planted
def fill_in_a_read_counted_twice() -> list[Swap]:
    """A fill of ours that a read of positions may hold already is added to what it shows."""

    def wrong(child: Child, leg: ChildLeg, *, keeps: bool = True) -> int:
        side = sign(leg.allocation_units)
        keep = leg.target_units if side == leg.sign and keeps else 0
        return max(0, net_units(child, leg.leg) * side - keep)

    return [replace_everywhere(exit_room, wrong)]


@planted
def exits_stop_at_kill_level_1() -> list[Swap]:
    """The kill switch stops exits at level 1 already."""
    right = settle._account_blocker

    def wrong(turn: Turn, child: Child, leg: ChildLeg) -> str:
        return reasons.KILLED if turn.state.kill else right(turn, child, leg)

    return [replace_everywhere(right, wrong)]


@planted
def pause_stops_exits() -> list[Swap]:
    """A pause stops exits, too."""
    right = settle._account_blocker

    def wrong(turn: Turn, child: Child, leg: ChildLeg) -> str:
        return reasons.PAUSED if turn.state.paused else right(turn, child, leg)

    return [replace_everywhere(right, wrong)]


@planted
def reduction_of_the_master_rounded_away() -> list[Swap]:
    """Of a partial exit the child keeps the lot that rounding gives it, up instead of down."""
    right = sizing._proportion

    def wrong(plan: Plan, size: int, lot_units: int, *, round_up: bool) -> int:
        return min(plan.base_units, right(plan, size, lot_units, round_up=True) + (lot_units if round_up else 0))

    return [replace_everywhere(right, wrong)]


@planted
def master_out_keeps_the_rounding() -> list[Swap]:
    """When the master is out the child keeps its last lot."""
    right = sizing.decide_target

    def wrong(plan: Plan, master_units: int, lot_units: int, rule: SizingRule, *, round_up: bool) -> Plan:
        made = right(plan, master_units, lot_units, rule, round_up=round_up)
        if not master_units and plan.sign and plan.target_units > lot_units:
            return Plan(sign=plan.sign, base_units=lot_units, target_units=lot_units)
        return made

    return [replace_everywhere(right, wrong)]


@planted
def unanswered_exit_is_declined() -> list[Swap]:
    """An exit that nobody confirmed in time is not sent."""
    right = answering.prompt_due

    def wrong(turn: Turn, prompt_id: str) -> None:
        prompt: Prompt | None = turn.state.prompts.get(prompt_id)
        if prompt is None or prompt.kind != prompts.EXIT:
            right(turn, prompt_id)
            return
        prompts.close(turn, prompt)
        for item in prompt.items:
            leg = turn.state.children[item.child].legs[item.leg]
            leg.target_units = leg.base_units = abs(leg.allocation_units)

    return [replace_everywhere(right, wrong)]


@planted
def strategy_ends_while_a_child_holds() -> list[Swap]:
    """The strategy ends as soon as the master is flat, whatever the children hold."""
    return [in_module(strategy, "is_busy", lambda _turn, _child, _scope: False)]


@planted
def strategy_never_ends() -> list[Swap]:
    """A strategy that everybody is out of stays open, and its ratio with it."""
    return [replace_everywhere(strategy.end_if_flat, lambda _turn, _strategy: None)]


@planted
def reset_forgets_allocations() -> list[Swap]:
    """A reset of the strategy forgets what the children hold."""
    right = operator._reset

    def wrong(turn: Turn, scope: str) -> None:
        right(turn, scope)
        for child in turn.state.children.values():
            for leg in child.legs.values():
                plans.store_plan(leg, Plan())
                leg.allocation_units = 0

    return [replace_everywhere(right, wrong)]


@planted
def ratio_changes_during_the_strategy() -> list[Swap]:
    """The ratios are frozen anew whenever the master adds."""
    right = strategy.begin

    def wrong(turn: Turn, running: object, placed_ns: int, order_id: str) -> None:
        right(turn, running, placed_ns, order_id)  # type: ignore[arg-type]
        for child in turn.state.children.values():
            ratio = live_ratio(turn, child)
            if ratio is not None and child.id in running.ratios:  # type: ignore[attr-defined]
                running.ratios[child.id] = ratio  # type: ignore[attr-defined]

    return [replace_everywhere(right, wrong)]


@planted
def flattened_child_enters_again() -> list[Swap]:
    """A child that was flattened follows the master's next fill."""
    right = flattening.flatten

    def wrong(turn: Turn, children: Sequence[str], text: str, *, typed: bool = True) -> None:
        right(turn, children, text, typed=typed)
        for child_id in children:
            if child_id in turn.state.children:
                turn.state.children[child_id].stopped.clear()

    return [replace_everywhere(right, wrong)]


@planted
def short_legs_exit_the_wrong_way() -> list[Swap]:
    """An exit of a short leg sells."""
    right = orders.make_orders

    def wrong(
        turn: Turn,
        child: Child,
        leg: ChildLeg,
        instrument: Instrument,
        side: Side,
        units: int,
        *,
        entry: bool,
        copy: Copy,
        terms: Terms = orders.THROUGH_THE_MARKET,
        reference_inr: Decimal | None = None,
    ) -> None:
        right(
            turn, child, leg, instrument, side if entry else Side.SELL, units, entry=entry, copy=copy,
            terms=terms, reference_inr=reference_inr,
        )  # fmt: skip

    return [replace_everywhere(right, wrong)]
