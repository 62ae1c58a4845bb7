"""Orders that were given up, or cut down, and turn up at the broker after all."""

import pytest

from engine.commands import CancelOrder
from engine.core.lifecycle import OrderState
from engine.events import Outcome, Paused
from engine.model import BookStatus
from tests.unit.core.builders import LOT, Desk
from tests.unit.core.nights import jump
from tests.unit.paper.builders import ns


def _unknown() -> Desk:
    """An entry of 3 lots that was never seen, held."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(150)
    assert desk.last_order().state is OrderState.HELD
    return desk


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.UNKNOWN, Outcome.RATE_LIMITED, Outcome.REJECTED])
def test_order_that_was_given_up_and_works_is_cancelled_until_it_is_gone(outcome: Outcome) -> None:
    desk = _unknown()
    desk.sell(10)
    desk.run(2)
    assert desk.last_order().state is OrderState.WITHDRAWN
    report = desk.accept(desk.last(), answered=False)
    desk.run(40)
    for _ in range(3):
        desk.answer(desk.commands(CancelOrder)[-1], outcome)
        desk.run(30)
    assert len(desk.commands(CancelOrder)) >= 4
    assert sum("surfaced: cancelled" in text for text in desk.notices()) == 1
    desk.cancelled(desk.commands(CancelOrder)[-1])
    asked = len(desk.commands(CancelOrder))
    desk.run(120)
    assert desk.books["C1"].orders[report.order_id].status is BookStatus.CANCELLED
    assert len(desk.commands(CancelOrder)) == asked


def test_order_that_was_given_up_is_not_cancelled_again_after_the_close() -> None:
    desk = _unknown()
    desk.sell(10)
    desk.run(2)
    desk.accept(desk.last(), answered=False)
    desk.run(40)
    jump(desk, ns("15:41"))
    asked = len(desk.commands(CancelOrder))
    desk.run(300)
    assert len(desk.commands(CancelOrder)) == asked


def test_order_that_was_cut_down_before_it_was_given_up_is_cancelled_with_all_its_lots() -> None:
    desk = _unknown()
    desk.sell(6)
    desk.run(2)
    desk.sell(4)
    desk.run(2)
    assert desk.last_order().state is OrderState.WITHDRAWN
    report = desk.accept(desk.last(), answered=False)
    desk.advance(report, filled=LOT, status=BookStatus.OPEN)
    desk.run(40)
    assert len(desk.commands(CancelOrder)) >= 1


@pytest.mark.parametrize("is_paused", [False, True])
def test_held_entry_that_was_cut_down_surfaces_with_all_its_lots(is_paused: bool) -> None:
    desk = _unknown()
    desk.sell(6)
    desk.run(2)
    assert desk.last_order().units == LOT
    if is_paused:
        desk.handle(Paused(at_ns=desk.now_ns))
    desk.accept(desk.last(), answered=False)
    desk.run(1)
    assert desk.last_order().units == 3 * LOT
    assert len(desk.commands(CancelOrder)) == 1
