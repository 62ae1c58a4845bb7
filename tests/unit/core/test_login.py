"""A session that is over, and one that holds: reads that work prove it, whoever logged in."""

from engine.events import AccountRead, LoggedIn, Outcome
from engine.model import Side
from tests.unit.core.builders import Desk, S

ENTERED_AND_LEFT = [(Side.BUY, 3), (Side.SELL, 3)]


def _dead(desk: Desk) -> AccountRead:
    """The answer to a read with a token that is over."""
    return desk.picture(orders=None, positions=None, available_inr=None, error="token is invalid", needs_login=True)


def _holding() -> Desk:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    return desk


def test_process_that_starts_with_a_good_session_needs_no_login() -> None:
    desk = _holding()
    desk.deliver(_dead(desk))
    assert desk.child().needs_login
    desk.restart()
    desk.run(10)
    assert not desk.child().needs_login
    desk.sell(10)
    assert desk.placed() == ENTERED_AND_LEFT


def test_late_answer_of_the_old_session_does_not_outlive_the_login() -> None:
    desk = _holding()
    desk.deliver(_dead(desk))
    desk.run(5)
    late = _dead(desk)
    desk.run("0.05")
    desk.handle(LoggedIn(at_ns=desk.now_ns, account="C1"))
    desk.run("0.05")
    desk.deliver(late)
    assert desk.child().needs_login
    desk.run(35)
    assert not desk.child().needs_login
    desk.sell(10)
    assert desk.placed() == ENTERED_AND_LEFT


def test_read_that_began_before_the_session_was_lost_proves_nothing() -> None:
    desk = _holding()
    desk.silent.add("C1")
    early = desk.picture()
    desk.run(1)
    desk.deliver(_dead(desk))
    desk.deliver(early)
    assert desk.child().needs_login


def test_write_that_wants_a_login_where_reads_work_is_not_tried_with_every_read() -> None:
    desk = _holding()
    desk.filling = False
    desk.sell(10)
    for _ in range(60):
        for place in list(desk.unanswered):
            desk.answer(place, Outcome.NEEDS_LOGIN)
        desk.run(1)
    tries = len(desk.placed()) - 1
    assert 3 <= tries <= 7
    desk.filling = True
    desk.run(30)
    assert desk.lots() == 0


def test_exit_of_an_account_without_a_session_goes_with_the_first_read_that_works() -> None:
    desk = _holding()
    desk.silent.add("C1")
    desk.deliver(_dead(desk))
    desk.sell(10)
    desk.run(20)
    assert desk.placed() == ENTERED_AND_LEFT[:1]
    desk.silent.clear()
    began_ns = desk.now_ns
    desk.run(35)
    assert desk.placed() == ENTERED_AND_LEFT
    assert desk.last_order().created_ns - began_ns <= 31 * S
