"""Every invariant of the core can be seen to break; an untouched state breaks none."""

from collections.abc import Callable

import pytest

from engine.core.invariants import violations
from engine.core.lifecycle import OrderState
from tests.unit.core.builders import LOT, Desk, turn_of


def opened(*, filling: bool = True) -> Desk:
    desk = Desk(filling=filling)
    desk.buy(10)
    return desk


def test_sound_state_breaks_nothing() -> None:
    assert violations(turn_of(opened().state)) == []


def more_than_the_ratio(desk: Desk) -> None:
    desk.leg().allocation_units += LOT


def target_above_base(desk: Desk) -> None:
    desk.leg().target_units = desk.leg().base_units + LOT


def against_the_plan(desk: Desk) -> None:
    desk.leg().allocation_units = -LOT


def overfilled(desk: Desk) -> None:
    desk.order(desk.last()).filled += 1


def complete_with_a_rest(desk: Desk) -> None:
    desk.order(desk.last()).filled -= 1


def forgotten(desk: Desk) -> None:
    order = desk.order(desk.last())
    order.state, order.filled = OrderState.WORKING, 0


def exit_beyond_the_position(desk: Desk) -> None:
    order = desk.order(desk.last())
    order.state, order.entry, order.filled, order.units = OrderState.WORKING, False, 0, 4 * LOT
    desk.leg().orders.append(order.tag)


BREAKS = [
    (more_than_the_ratio, "I2"),
    (target_above_base, "I2"),
    (against_the_plan, "I5"),
    (overfilled, "I6"),
    (complete_with_a_rest, "I6"),
    (forgotten, "I9"),
    (exit_beyond_the_position, "I3"),
]


@pytest.mark.parametrize(("spoil", "name"), BREAKS, ids=[spoil.__name__ for spoil, _ in BREAKS])
def test_broken_invariant_is_named(spoil: Callable[[Desk], None], name: str) -> None:
    desk = opened()
    spoil(desk)
    assert any(text.startswith(name) for text in violations(turn_of(desk.state)))


def test_holding_against_the_plan_is_fine_while_its_exit_is_due() -> None:
    desk = opened()
    desk.leg().allocation_units = -LOT
    desk.leg().due = True
    assert not [text for text in violations(turn_of(desk.state)) if text.startswith("I5")]
