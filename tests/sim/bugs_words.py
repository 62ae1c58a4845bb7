"""Planted bugs about what people are told of lots that do not come: nothing, or what is not so."""

from collections.abc import Sequence

from engine.core import entries, gates, plans, reasons
from engine.core.resting import going_entries, going_entry_units, is_against
from engine.core.sizing import Plan, SizingRule, missed
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn, seconds_ns
from engine.model import LegId
from tests.sim.planting import Swap, in_module, planted, replace_everywhere


@planted
def entry_beside_an_unknown_order_of_the_other_side() -> list[Swap]:
    """An order of the side that he has left, which may still fill, counts as on its way to the other side."""

    right = entries._is_being_left

    def wrong(turn: Turn, master: MasterLeg, leg: ChildLeg) -> bool:
        kept = leg.orders
        leg.orders = [tag for tag in kept if not is_against(leg, turn.state.orders[tag])]
        is_being_left = right(turn, master, leg)
        leg.orders = kept
        return is_being_left

    def wrong_units(turn: Turn, leg: ChildLeg) -> int:
        return sum(order.remaining for order in going_entries(turn, leg))

    return [
        replace_everywhere(right, wrong),
        replace_everywhere(going_entry_units, wrong_units),
    ]


@planted
def missed_again_without_a_word() -> list[Swap]:
    """Lots that are missed for a reason that was told before are missed in silence."""
    right = Turn.skip

    def wrong(
        turn: Turn,
        child: Child,
        leg: LegId,
        reason: str,
        *,
        in_part: bool = False,
        tells: bool = True,
        again: bool = False,
    ) -> None:
        right(turn, child, leg, reason, in_part=in_part, tells=tells, again=False)

    return [replace_everywhere(right, wrong)]


@planted
def lots_left_out_of_a_target() -> list[Swap]:
    """A further rise of the master's adds a lot less to a target than it is worth."""
    right = plans.replan

    def wrong(
        leg: ChildLeg,
        before: Plan,
        master_units: int,
        lot_units: int,
        rule: SizingRule,
        *,
        round_up: bool = False,
    ) -> Plan:
        after = right(leg, before, master_units, lot_units, rule, round_up=round_up)
        if not before.target_units or after.target_units <= before.target_units:
            return after
        less = missed(after, after.target_units - lot_units)
        plans.store_plan(leg, less)
        return less

    return [replace_everywhere(right, wrong)]


@planted
def reason_of_another_gate() -> list[Swap]:
    """Whatever gate stops an entry, it is called paused."""
    right = gates.check

    def wrong(entry: gates.Entry, units: int, of: Sequence[gates.Gate] | None = None) -> gates.Verdict:
        allowed, why = right(entry, units, of)
        return allowed, reasons.PAUSED if why else ""

    return [replace_everywhere(right, wrong)]


@planted
def fresh_signal_called_stale() -> list[Swap]:
    """A signal is called stale after a tenth of the age that is allowed."""
    right = seconds_ns
    return [in_module(gates, "seconds_ns", lambda seconds: right(seconds) // 10)]
