"""Needs you says that nobody sees the master: when it matters, not before he was read, and with what to do."""

import pytest

from engine.commands import Severity
from engine.events import AccountRead, SessionStopped
from engine.model import NS_PER_S
from engine.snapshot import Attention
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import SESSIONS, Desk


def of_master(desk: Desk) -> list[Attention]:
    return [item for item in build_snapshot(desk.state, desk.now_ns, Frame()).attention if item.account == "M"]


@pytest.mark.parametrize("holds", [False, True])
def test_master_that_is_not_read_is_an_alarm_while_the_market_is_open(*, holds: bool) -> None:
    desk = Desk()
    if holds:
        desk.buy(10)
    assert of_master(desk) == []
    desk.silent.add("M")
    desk.run(4)
    assert of_master(desk) == []
    desk.run(8)
    (found,) = of_master(desk)
    assert (found.severity, found.key) == (Severity.ALARM, "a")
    assert found.text == "not read for 12 s: its trades are not seen, exits neither. Log in, or exit by hand"
    desk.silent.clear()
    desk.run(60)
    assert of_master(desk) == []


def test_master_whose_reads_fail_is_an_alarm_when_they_go_on_failing() -> None:
    desk = Desk()
    desk.silent.add("M")
    desk.deliver(desk.picture("M", orders=None, positions=None, error="timeout"))
    assert of_master(desk) == []
    for _ in range(6):
        desk.run(1)
        desk.deliver(desk.picture("M", orders=None, positions=None, error="timeout"))
    assert [item.severity for item in of_master(desk)] == [Severity.ALARM]


@pytest.mark.parametrize("holds", [False, True])
def test_after_the_close_it_matters_only_while_something_of_ours_is_open(*, holds: bool) -> None:
    desk = Desk()
    if holds:
        desk.buy(10)
    desk.run_to(SESSIONS[0].close_ns + 600 * NS_PER_S)
    desk.silent.add("M")
    desk.run(600)
    assert len(of_master(desk)) == holds


def test_order_of_ours_that_is_open_matters_too() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.run(1)
    assert desk.state.orders
    desk.silent.add("M")
    desk.state.sessions = ()
    desk.run(600)
    assert len(of_master(desk)) == 1


def test_before_the_first_complete_read_nothing_is_an_alarm() -> None:
    desk = Desk(warm=False, silent=("M",))
    desk.run(60)
    desk.deliver(desk.picture("M", positions=None, error="timeout"))
    assert of_master(desk) == []
    desk.silent.clear()
    desk.run(5)
    desk.buy(10)
    desk.silent.add("M")
    desk.restart()
    desk.run(60)
    assert of_master(desk) == []


def test_engine_that_was_stopped_does_not_look_at_the_master_any_more() -> None:
    desk = Desk()
    desk.silent.add("M")
    desk.run(10)
    assert len(of_master(desk)) == 1
    desk.handle(SessionStopped(at_ns=desk.now_ns))
    assert of_master(desk) == []


def test_login_that_is_required_is_said_once() -> None:
    desk = Desk()
    desk.silent.add("M")
    desk.run(10)
    desk.handle(AccountRead(at_ns=desk.now_ns, account="M", began_ns=desk.now_ns, error="token", needs_login=True))
    assert [item.text for item in of_master(desk)] == ["login required: its trades are not seen"]
