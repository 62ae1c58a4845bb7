"""Accounts that are not read, or were not for long, are never called in step."""

from decimal import Decimal

import pytest

from config.schema import Timing
from engine.commands import Notify
from engine.events import AccountRead, Outcome
from engine.model import NS_PER_S
from engine.snapshot import CellState, ChildState
from tests.unit.core.builders import Desk, settings
from tests.unit.core.views import cell, column, shot, texts
from tests.unit.paper.builders import CALL, ns


def test_entry_that_waits_for_the_childs_first_read_says_so() -> None:
    """Not in step means a reason on the screen."""
    desk = Desk(silent=("C1",))
    desk.deliver(desk.picture(orders=None, positions=None))
    desk.state.samples["C1"] = desk.state.samples["M"]
    desk.buy(10)
    found = cell(desk)
    assert desk.placed() == []
    assert found.state is not CellState.IN_STEP
    assert found.reason


def test_login_is_asked_for() -> None:
    desk = Desk()
    desk.deliver(desk.picture(orders=None, positions=None, error="token", needs_login=True))
    assert column(desk).state is ChildState.LOGIN_REQUIRED
    assert any("login required" in text for text in texts(desk))
    assert shot(desk).in_step == 0


def test_master_that_is_not_read_any_more_is_not_connected() -> None:
    desk = Desk()
    assert shot(desk).master.connected
    desk.silent.add("M")
    desk.run(10)
    assert not shot(desk).master.connected
    desk.deliver(desk.picture("M", orders=None, positions=None, error="timeout"))
    assert (shot(desk).master.connected, shot(desk).master.error) == (False, "timeout")


def test_child_that_was_not_read_since_the_start_is_not_in_step_and_says_why() -> None:
    desk = Desk()
    desk.restart()
    state = desk.core.state
    state.children["C1"].synced, state.children["C1"].error = False, "the order book: no answer in time"
    assert (column(desk).state, column(desk).reason) == (ChildState.NOT_READ, "the order book: no answer in time")
    assert shot(desk).in_step == 0
    assert any("no answer in time" in item.text and item.key == "a" for item in shot(desk).attention)


def test_child_whose_reads_fail_for_long_is_not_called_in_step_any_more() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(2)
    child_state = desk.core.state.children["C1"]
    child_state.error = "the positions: no answer in time"
    assert column(desk).state is ChildState.IN_STEP
    assert child_state.positions_at_ns is not None
    child_state.positions_at_ns -= 61 * NS_PER_S
    assert column(desk).state is ChildState.NOT_READ
    assert column(desk).reason.endswith("the positions: no answer in time")


def test_masters_login_is_asked_for_above_everything() -> None:
    desk = Desk()
    desk.handle(AccountRead(at_ns=desk.now_ns, account="M", began_ns=desk.now_ns, error="token", needs_login=True))
    assert shot(desk).master.needs_login
    assert any(
        item.account == "M" and "login required" in item.text and item.key == "a" for item in shot(desk).attention
    )
    assert any("LOGIN REQUIRED" in notice.text for notice in desk.commands(Notify))
    desk.run(2)
    assert not shot(desk).master.needs_login


def test_unknown_order_of_an_account_that_is_not_read_is_still_unknown() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    state = desk.state.children["C1"]
    state.error = "the positions: no answer in time"
    assert state.positions_at_ns is not None
    state.positions_at_ns -= 61 * NS_PER_S
    assert column(desk).state is ChildState.UNKNOWN
    assert any("no answer in time" in text for text in texts(desk))


def slow(seconds: int) -> Timing:
    return Timing(poll_interval_s=Decimal(seconds))


@pytest.mark.parametrize(("poll_s", "good_s", "late_s"), [(1, 59, 70), (60, 170, 260)])
def test_child_whose_reads_are_never_answered_is_called_not_read_with_the_age(
    poll_s: int, good_s: int, late_s: int
) -> None:
    desk = Desk(settings(timing=slow(poll_s)))
    desk.buy(10)
    desk.run(120)
    read_ns = desk.child().positions_at_ns
    assert read_ns is not None
    desk.silent.add("C1")
    desk.run_to(read_ns + good_s * NS_PER_S)
    assert column(desk).state is ChildState.IN_STEP
    desk.run_to(read_ns + late_s * NS_PER_S)
    assert (column(desk).state, shot(desk).in_step) == (ChildState.NOT_READ, 0)
    assert column(desk).reason == f"not read for {late_s} s: no answer"
    assert column(desk).reason in texts(desk)


@pytest.mark.parametrize("until", ["15:59", "20:00", "23:00"])
def test_child_that_is_read_less_often_at_night_is_read_all_the_same(until: str) -> None:
    desk = Desk()
    desk.buy(10)
    desk.run_to(ns(until))
    for _ in range(30):
        desk.run(7)
        assert column(desk).state is ChildState.IN_STEP


@pytest.mark.parametrize("poll_s", [10, 60])
def test_master_that_is_read_in_slow_polls_is_not_lost_between_them(poll_s: int) -> None:
    desk = Desk(settings(timing=slow(poll_s)))
    desk.run(2 * poll_s)
    for _ in range(poll_s + 2):
        desk.run(1)
        desk.quote(CALL, "100")
        assert shot(desk).master.connected
    desk.silent.add("M")
    desk.run(3 * poll_s)
    desk.quote(CALL, "100")
    assert not shot(desk).master.connected
