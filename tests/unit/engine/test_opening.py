"""The first event of a process: what the dated rules say of the day."""

from datetime import date

import pytest

from config.rules import covered_until, ist, order_limits
from config.schema import Mode
from engine.clock import SystemClock, VirtualClock
from engine.core.replicator import Replicator
from engine.errors import StateRefused
from engine.model import NS_PER_S
from engine.opening import go_on_in_time, next_day, opening, sessions_of
from tests.unit.engine.fakes import DAY, settings
from tests.unit.paper.builders import NOW, ns


def test_session_of_a_trading_day_is_among_those_around_it_in_order() -> None:
    sessions = sessions_of(DAY)
    assert any(s.open_ns <= NOW < s.close_ns for s in sessions)
    assert [s.open_ns for s in sessions] == sorted(s.open_ns for s in sessions)
    assert min(s.open_ns for s in sessions if s.close_ns > NOW) == ns("09:15")


def test_weekend_has_sessions_around_it_but_none_of_its_own() -> None:
    day_ns = 86_400_000_000_000
    sunday_ns = ns("00:00", 1)
    assert not [s for s in sessions_of(date(2026, 11, 1)) if sunday_ns <= s.open_ns < sunday_ns + day_ns]
    assert sessions_of(date(2026, 11, 1))


def test_day_beyond_the_calendar_has_the_usual_hours_and_the_end_of_what_is_known() -> None:
    monday = date(2099, 1, 5)
    found = [session for session in sessions_of(monday) if session.open_ns <= ist(monday, "12:00") < session.close_ns]
    assert [(session.open_ns, session.close_ns) for session in found] == [(ist(monday, "09:15"), ist(monday, "15:40"))]
    assert not [s for s in sessions_of(monday) if ist(date(2099, 1, 4), "00:00") <= s.open_ns < ist(monday, "00:00")]
    untils = {
        event.calendar_until
        for event in (opening(settings(), monday, NOW, unclean=False), next_day(settings(), DAY, NOW))
    }
    assert untils == {covered_until().isoformat()}


def test_opening_says_day_mode_charges_and_how_the_last_session_ended() -> None:
    event = opening(settings(), DAY, NOW, unclean=True, mode=Mode.LIVE)
    assert (event.at_ns, event.day, event.mode, event.unclean) == (NOW, "2026-11-02", Mode.LIVE, True)
    assert event.sessions == sessions_of(DAY)
    assert event.charges is not None
    assert event.charges.since <= event.day


def test_opening_says_what_each_childs_broker_takes() -> None:
    event = opening(settings(), DAY, NOW, unclean=False)
    assert event.order_limits == {child.id: order_limits("paper", DAY) for child in settings().children}
    assert event.order_limits


def test_opening_is_on_paper_unless_told_otherwise() -> None:
    assert opening(settings(), DAY, NOW, unclean=False).mode is Mode.PAPER


class SetBack(SystemClock):
    """A machine's clock at a time of a test's choice."""

    def __init__(self, now_ns: int) -> None:
        super().__init__()
        self._shift_ns = now_ns - super().now_ns()

    def now_ns(self) -> int:
        return super().now_ns() + self._shift_ns


def last_session_until(at_ns: int) -> Replicator:
    """The core as its last session left it."""
    core = Replicator()
    core.handle(opening(settings(), DAY, at_ns, unclean=False))
    return core


@pytest.mark.rule("R7.21")
def test_time_goes_on_where_the_clock_was_set_back_between_two_sessions() -> None:
    clock = SetBack(NOW)
    assert go_on_in_time(clock, last_session_until(NOW - 5)) == ""
    assert go_on_in_time(clock, Replicator()) == ""
    later_ns = NOW + 3600 * NS_PER_S
    told = go_on_in_time(clock, last_session_until(later_ns))
    assert "is behind the end of the last session" in told
    assert 0 <= clock.now_ns() - later_ns < 60 * NS_PER_S
    assert go_on_in_time(clock, last_session_until(clock.now_ns() + NS_PER_S)) == ""  # a second is no word worth


@pytest.mark.rule("R7.21")
def test_a_session_of_a_later_day_is_refused_with_what_to_do() -> None:
    clock = SetBack(NOW)
    with pytest.raises(StateRefused, match="Set the clock right"):
        go_on_in_time(clock, last_session_until(NOW + 86_400 * NS_PER_S))
    assert clock.now_ns() - NOW < 60 * NS_PER_S


def test_clocks_of_simulated_markets_are_left_alone() -> None:
    clock = VirtualClock(NOW)
    assert go_on_in_time(clock, last_session_until(NOW + 3600 * NS_PER_S)) == ""
    assert clock.now_ns() == NOW
