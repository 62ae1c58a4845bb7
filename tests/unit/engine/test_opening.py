"""The first event of a process: what the dated rules say of the day."""

from datetime import date

from config.rules import covered_until, ist, order_limits
from config.schema import Mode
from engine.opening import next_day, opening, sessions_of
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
