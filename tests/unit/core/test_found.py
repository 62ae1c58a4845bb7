"""Situations in which an earlier state of the program did something wrong, and no rule's own test looks."""

from msgspec.structs import replace

from engine.core.lifecycle import OrderState
from engine.events import Outcome, Resumed
from engine.model import BookStatus, Side
from tests.unit.core.builders import CALL_LEG, Desk


def sent(lots: int = 10) -> Desk:
    """An entry is on its way and the broker has not answered."""
    desk = Desk(filling=False)
    desk.buy(lots)
    return desk


def holding() -> Desk:
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    return desk


def test_exit_that_the_broker_keeps_cancelling_is_tried_ever_more_slowly() -> None:
    desk = holding()
    desk.sell(10)
    for _ in range(3):
        report = desk.accept(desk.last())
        desk.advance(report, filled=0, status=BookStatus.CANCELLED)
        placed = len(desk.placed())
        desk.run("0.5")
        assert len(desk.placed()) == placed
        desk.run(8)
    assert len(desk.placed()) == 4 + 1
    assert any("tried again in" in text for text in desk.notices())


def test_order_whose_tag_the_broker_dropped_is_known_by_its_id() -> None:
    desk = sent()
    report = desk.accept(desk.last())
    desk.advance(replace(report, tag=""))
    assert desk.lots() == 3
    assert desk.child().external == {}


def test_order_called_absent_that_fills_without_a_push_is_found_in_the_book() -> None:
    desk = sent()
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.run(140)
    assert desk.order(place).state is OrderState.HELD
    desk.advance(desk.accept(place, answered=False), push=False)
    desk.run(70)
    assert desk.lots() == 3
    assert desk.child().external.get(CALL_LEG, 0) == 0


def test_resume_kept_for_one_unclean_start_does_not_arm_the_next() -> None:
    desk = Desk()
    desk.state.resume_kept = True
    desk.restart(unclean=True)
    desk.run(3)
    assert not desk.state.armed
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert desk.state.armed


def test_rise_while_an_exit_works_is_entered_when_it_is_done() -> None:
    desk = holding()
    desk.sell(5)
    leaving = desk.accept(desk.last())
    desk.buy(5)
    desk.run(1)
    desk.advance(leaving)
    assert desk.placed()[-1] == (Side.BUY, 2)
    desk.fill(desk.last())
    assert desk.lots() == 3
