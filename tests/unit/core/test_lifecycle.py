"""The life cycle table: every pair of states is legal or refused, and a refused one changes nothing."""

import itertools

import msgspec
import pytest

from engine.core.lifecycle import AT_BROKER, LEGAL, TERMINAL, UNSENT, OrderState, is_legal
from engine.core.orders import change_state
from engine.errors import BrokenInvariant
from state.codec import encode
from tests.unit.core.builders import Desk, turn_of

PAIRS = list(itertools.product(OrderState, OrderState))


def desk_with(state: OrderState) -> tuple[Desk, str]:
    """A desk whose one order stands in a state."""
    desk = Desk(filling=False)
    desk.buy(10)
    tag = desk.last().tag
    desk.state.orders[tag].state = state
    return desk, tag


@pytest.mark.parametrize(("old", "new"), [p for p in PAIRS if p in LEGAL])
def test_legal_change_is_made(old: OrderState, new: OrderState) -> None:
    desk, tag = desk_with(old)
    change_state(turn_of(desk.state), desk.state.orders[tag], new, "why")
    order = desk.state.orders[tag]
    assert (order.state, order.reason) == (new, "why")
    assert (tag in desk.leg().orders) == (new not in TERMINAL)
    assert (f"order:{tag}" in desk.state.timers) == (new not in TERMINAL)


@pytest.mark.parametrize(("old", "new"), [p for p in PAIRS if p not in LEGAL and p[0] is not p[1]])
def test_illegal_change_is_refused_and_changes_nothing(old: OrderState, new: OrderState) -> None:
    desk, tag = desk_with(old)
    before = encode(desk.state)
    with pytest.raises(BrokenInvariant, match=tag):
        change_state(turn_of(desk.state), desk.state.orders[tag], new, "why")
    assert encode(desk.state) == before


@pytest.mark.parametrize("state", OrderState)
def test_staying_is_legal(state: OrderState) -> None:
    assert is_legal(state, state)


def test_terminal_states_are_final() -> None:
    assert not [pair for pair in LEGAL if pair[0] in TERMINAL]


def test_every_other_state_has_a_way_out_to_a_terminal_one() -> None:
    reached = set(TERMINAL)
    while more := {old for old, new in LEGAL if new in reached} - reached:
        reached |= more
    assert reached == set(OrderState)


def test_every_state_is_unsent_at_the_broker_or_terminal() -> None:
    assert set(OrderState) == UNSENT | AT_BROKER | TERMINAL
    assert not UNSENT & AT_BROKER
    assert not (UNSENT | AT_BROKER) & TERMINAL


def test_nothing_the_broker_may_have_is_called_withdrawn() -> None:
    assert not [old for old, new in LEGAL if new is OrderState.WITHDRAWN and old in AT_BROKER]


def test_order_of_another_leg_is_left_alone() -> None:
    desk, tag = desk_with(OrderState.WORKING)
    other = msgspec.structs.replace(desk.state.orders[tag], tag="OTHER")
    desk.state.orders["OTHER"] = other
    desk.leg().orders.append("OTHER")
    change_state(turn_of(desk.state), desk.state.orders[tag], OrderState.FILLED)
    assert desk.leg().orders == ["OTHER"]
