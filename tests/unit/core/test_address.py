"""A broker that takes no orders from this address: what stops, what tries, what ends it."""

from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.address import ALARM_TEXT
from engine.core.lifecycle import OrderState
from engine.events import Outcome
from engine.model import BookStatus, Side
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import FUT_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL, FUT, PUT

WORDS = "Access denied: Unregistered IP address. Register your IP before retrying."


def refuse(desk: Desk) -> None:
    desk.answer(desk.last(), Outcome.IP_REFUSED, reason=WORDS)


def holding() -> Desk:
    """A child with 3 lots of the future, whose broker answers by hand from now on."""
    desk = Desk()
    desk.buy(10, symbol=FUT)
    desk.filling = False
    return desk


def test_entry_is_held_with_the_brokers_words_and_no_further_one_goes() -> None:
    desk = Desk(filling=False)
    desk.buy(4)
    refuse(desk)
    desk.buy(4, symbol=PUT)
    assert len(desk.placed()) == 1
    assert desk.order(desk.last()).state is OrderState.HELD
    assert WORDS in desk.order(desk.last()).reason
    assert reasons.IP_REFUSED in desk.reasons()
    assert desk.notices().count(ALARM_TEXT) == 1


def test_exit_stays_due_and_is_tried_every_minute() -> None:
    desk = holding()
    desk.sell(10, symbol=FUT)
    sent_ns = desk.now_ns
    for number in range(1, 4):
        assert len(desk.placed()) == 1 + number
        refuse(desk)
        assert (desk.leg(leg=FUT_LEG).due, desk.leg(leg=FUT_LEG).due_reason) == (True, reasons.IP_REFUSED)
        desk.run_to(sent_ns + number * 62 * 10**9)
    desk.fill(desk.last())
    assert desk.lots(leg=FUT_LEG) == 0
    assert desk.notices().count(ALARM_TEXT) == 1
    assert any("takes orders from this address again" in text for text in desk.notices())


def test_only_one_exit_tries_at_a_time_and_all_follow_when_it_is_taken() -> None:
    desk = Desk()
    for symbol in (FUT, CALL, PUT):
        desk.sell(10, symbol=symbol)
    desk.filling = False
    desk.master(Side.BUY, 10, symbol=FUT)
    desk.run("0.1")
    refuse(desk)
    for symbol in (CALL, PUT):
        desk.master(Side.BUY, 10, symbol=symbol)
    desk.run(2)
    assert len(desk.placed()) == 4
    desk.run(61)
    assert len(desk.placed()) == 5
    desk.fill(desk.last())
    desk.run(2)
    assert len(desk.placed()) == 7


def test_cancel_waits_and_goes_when_the_minute_is_over() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.accept(desk.last())
    desk.buy(10, symbol=PUT)
    refuse(desk)
    desk.sell(10)
    assert desk.commands(CancelOrder) == []
    desk.run(61)
    assert len(desk.commands(CancelOrder)) == 1


def test_other_children_go_on() -> None:
    desk = Desk(settings(child(), child("C2")), filling=False)
    desk.buy(4)
    first = next(p for p in desk.commands(PlaceOrder) if p.account == "C1")
    desk.answer(first, Outcome.IP_REFUSED, reason=WORDS)
    desk.buy(4, symbol=PUT)
    assert (len(desk.placed("C1")), len(desk.placed("C2"))) == (1, 2)


def test_screen_says_what_to_do() -> None:
    desk = Desk(filling=False)
    desk.buy(4)
    refuse(desk)
    rows = [a for a in build_snapshot(desk.state, desk.now_ns, Frame()).attention if a.text == ALARM_TEXT]
    assert [(a.account, a.deadline_ns) for a in rows] == [("C1", desk.now_ns + 60 * 10**9)]


def test_cancel_that_is_never_answered_does_not_stop_the_exits_for_good() -> None:
    desk = holding()
    desk.buy(10)
    resting = desk.accept(desk.last())
    desk.buy(10, symbol=PUT)
    refuse(desk)
    desk.sell(10)
    desk.run(61)
    assert len(desk.commands(CancelOrder)) == 1
    desk.advance(resting, filled=0, status=BookStatus.CANCELLED)
    sent = len(desk.placed())
    desk.sell(10, symbol=FUT)
    desk.run(40)
    assert len(desk.placed()) == sent + 1
