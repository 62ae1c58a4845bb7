"""Planted bugs about what the operator asks for: a resync beside exits, fills and a flatten."""

from collections.abc import Sequence

import msgspec

from engine.core import answering, flattening, offers, reasons, sending, tickets
from engine.core.plans import plan_of, store_plan
from engine.core.sizing import Plan
from engine.core.state import PromptItem
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn, held_units, reserved
from engine.model import Instrument
from tests.sim.planting import Swap, in_module, planted, replace_everywhere


@planted
def resync_beside_an_exit() -> list[Swap]:
    """A resync enters a leg whose exit is under way, and nothing looks at it again when it is sent."""
    return [
        in_module(offers, "is_leaving", lambda _turn, _leg, _master: False),
        in_module(answering, "is_leaving", lambda _turn, _leg, _master: False),
        in_module(offers, "held_units", lambda leg: abs(leg.allocation_units)),
        in_module(sending, "going_exit_units", lambda _turn, _leg: 0),
    ]


@planted
def resync_before_the_newest_fill_is_decided() -> list[Swap]:
    """A resync judges what is missing while the master's newest fill is not decided yet."""
    right, offer = offers.resync_ready, offers._offer_missing

    def wrong(turn: Turn) -> None:
        legs = turn.state.master.legs
        windows = {leg.leg: leg.window for leg in legs.values() if leg.window is not None}

        def wrong_offer(inner: Turn, child: Child) -> None:
            for leg_id, window in windows.items():
                legs[leg_id].window = window
            offer(inner, child)
            for leg_id in windows:
                legs[leg_id].window = None

        for leg_id in windows:
            legs[leg_id].window = None
        with in_module(offers, "_offer_missing", wrong_offer):
            right(turn)
        for leg_id, window in windows.items():
            legs[leg_id].window = window

    return [replace_everywhere(right, wrong)]


@planted
def resync_outlives_a_flatten() -> list[Swap]:
    """A resync that waits for a read is carried out after a flatten that came later, and takes it back."""
    right = flattening.flatten

    def wrong(turn: Turn, children: Sequence[str], text: str, *, typed: bool = True) -> None:
        asked = {child.id: child.resync_ns for child in turn.state.children.values()}
        right(turn, children, text, typed=typed)
        for child in turn.state.children.values():
            child.resync_ns = asked[child.id]

    return [replace_everywhere(right, wrong)]


@planted
def unwinding_is_forgotten() -> list[Swap]:
    """A child keeps the other legs of a strategy of which one was refused, although it is to leave it then."""
    return [replace_everywhere(flattening.unwind, lambda _turn: False)]


@planted
def unwound_child_enters_again() -> list[Swap]:
    """A child that left a strategy for a refused leg follows the master's next fill."""
    right = flattening.unwind

    def wrong(turn: Turn) -> bool:
        found = right(turn)
        for child in turn.state.children.values():
            child.stopped = {scope: why for scope, why in child.stopped.items() if why != reasons.UNWOUND}
        return found

    return [replace_everywhere(right, wrong)]


@planted
def approved_offer_undoes_an_exit() -> list[Swap]:
    """An approved resync takes what is held for the new target, although the master fell while its prompt was open."""
    right = answering._plan_offered

    def wrong(turn: Turn, kind: str, child: Child, leg: ChildLeg, item: PromptItem) -> int:
        units = right(turn, kind, child, leg, item)
        if units or not leg.sign:
            return units
        size = abs(turn.state.master.legs[leg.leg].units)
        target = max(0, held_units(leg)) + reserved(turn, leg)
        plan = Plan(sign=item.side.sign, high_units=size, base_units=target, target_units=target, decided_units=size)
        store_plan(leg, plan)
        return 0

    return [replace_everywhere(right, wrong)]


@planted
def ticket_decides_a_rise() -> list[Swap]:
    """An approved ticket takes a fill of the master's that is not decided yet for one that is."""
    right = tickets.plan_ticket

    def wrong(turn: Turn, child: Child, leg: ChildLeg, units: int) -> int:
        wanted = right(turn, child, leg, units)
        if wanted:
            size = abs(turn.state.master.legs[leg.leg].units)
            store_plan(leg, msgspec.structs.replace(plan_of(leg), high_units=size, decided_units=size))
        return wanted

    return [replace_everywhere(right, wrong)]


@planted
def ticket_beside_an_exit() -> list[Swap]:
    """A ticket that is approved while the leg's exit is under way enters it again."""
    return [replace_everywhere(tickets._why_not_now, lambda _turn, _leg, _master: "")]


@planted
def ticket_is_given_to_a_child_that_left() -> list[Swap]:
    """A child that was flattened gets the lots of a ticket."""
    right = tickets.why_not_added

    def wrong(turn: Turn, child: Child, master: MasterLeg, instrument: Instrument) -> str:
        stopped = child.stopped.pop(master.scope, "")
        why = right(turn, child, master, instrument)
        return "" if stopped and not why else why

    return [replace_everywhere(right, wrong)]
