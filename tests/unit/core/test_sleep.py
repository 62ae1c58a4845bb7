"""A process that was not run for an hour: what it knew is old, and the time was none in which anything could appear."""

import pytest

from engine.commands import ReadAccount
from engine.core import reasons
from engine.core.answers import ABSENT_AFTER_NS
from engine.core.lifecycle import OrderState
from engine.core.settle import READ_MOST_NS
from engine.events import Outcome, TimePassed
from engine.model import Side
from tests.unit.core.builders import CALL_LEG, Desk, S

HOUR_NS = 3600 * S


def _sleep(desk: Desk) -> None:
    desk.now_ns += HOUR_NS


def test_exit_after_a_sleep_waits_for_what_the_child_has_by_now() -> None:
    """The owner closed his lots by hand meanwhile; the master's answer comes first, and he is out, too."""
    desk = Desk()
    desk.buy(10)
    desk.run(60)
    _sleep(desk)
    desk.owner_trades(-3)
    desk.master(Side.SELL, 10, push=False)
    desk.silent |= {"M", "C1"}
    desk.handle(TimePassed(at_ns=desk.now_ns))
    desk.read("M")
    assert desk.leg().due_reason == reasons.NOT_READ
    asked = desk.commands(ReadAccount)[-1]
    assert (asked.account, asked.positions) == ("C1", True)
    desk.run(1)
    desk.read("C1")
    desk.silent.clear()
    desk.run(60)
    assert desk.books["C1"].positions[CALL_LEG] == 0
    assert desk.placed() == [(Side.BUY, 3)]


def _unread() -> Desk:
    """3 lots, and the reads of their account have failed for minutes when the master goes out."""
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.silent.add("C1")
    desk.run(300)
    desk.sell(10)
    return desk


def test_exit_waits_no_longer_than_a_moment_for_reads_that_fail() -> None:
    desk = _unread()
    due_ns = desk.now_ns
    assert desk.placed() == [(Side.BUY, 3)]
    desk.run(30)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    assert desk.last_order().created_ns - due_ns <= READ_MOST_NS + 2 * S


def test_read_that_fails_at_once_is_not_asked_for_again_and_again() -> None:
    """The answer asks for nothing: the next poll does."""
    desk = _unread()
    asked = len(desk.reads())
    for _ in range(3):
        desk.deliver(desk.picture(orders=None, positions=None, available_inr=None, error="token", needs_login=True))
    assert len(desk.reads()) - asked <= 1


@pytest.mark.parametrize("is_known", [False, True])
def test_time_asleep_is_no_time_in_which_an_order_could_appear(is_known: bool) -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(40)
    desk.filling = False
    desk.sell(10)
    exit_ = desk.last()
    desk.run("0.1")
    if is_known:
        desk.answer(exit_, Outcome.UNKNOWN)
    _sleep(desk)
    woke_ns = desk.now_ns
    desk.handle(TimePassed(at_ns=woke_ns))
    desk.run(100)
    assert desk.order(exit_).state is OrderState.UNKNOWN
    assert len(desk.placed()) == 2
    desk.run(60)
    assert desk.order(exit_).state is OrderState.ABSENT
    assert desk.order(exit_).changed_ns - woke_ns >= ABSENT_AFTER_NS
