"""When intraday positions are squared off and day orders end."""

import pytest

from engine.model import TradingSession
from paper.trading_day import Due, DueKind, dues, is_after_square_off, is_open, ist_day_number
from tests.unit.paper.builders import SESSIONS, ns


def session(start: str, end: str, day: int = 2) -> TradingSession:
    return TradingSession(open_ns=ns(start, day), close_ns=ns(end, day))


@pytest.mark.parametrize(
    ("description", "sessions", "square_off", "close"),
    [
        ("the normal day", (session("09:15", "15:40"),), "15:25", "15:40"),
        ("a short day", (session("09:15", "12:30"),), "12:25", "12:30"),
        ("an evening session", (session("18:00", "19:00"),), "18:55", "19:00"),
        (
            "two stretches: the last one counts",
            (session("09:15", "10:00"), session("11:30", "12:30")),
            "12:25",
            "12:30",
        ),
        ("in any order", (session("11:30", "12:30"), session("09:15", "10:00")), "12:25", "12:30"),
    ],
)
def test_dues(description: str, sessions: tuple[TradingSession, ...], square_off: str, close: str) -> None:
    assert dues(sessions) == (Due(ns(square_off), DueKind.SQUARE_OFF), Due(ns(close), DueKind.CLOSE)), description


def test_each_day_has_its_own() -> None:
    assert [due.at_ns for due in dues(SESSIONS)] == [ns("15:25"), ns("15:40"), ns("15:25", 3), ns("15:40", 3)]


@pytest.mark.parametrize(
    ("time", "opened", "after_square_off"),
    [
        ("09:14:59", False, False),
        ("09:15", True, False),
        ("15:24:59", True, False),
        ("15:25", True, True),
        ("15:39:59", True, True),
        ("15:40", False, False),
    ],
)
def test_hours(time: str, opened: bool, after_square_off: bool) -> None:
    assert is_open(SESSIONS, ns(time)) is opened
    assert is_after_square_off(dues(SESSIONS), ns(time)) is after_square_off


def test_without_sessions_the_market_never_opens() -> None:
    assert not is_open((), ns("10:00"))
    assert dues(()) == ()
    assert not is_after_square_off((), ns("15:30"))


def test_the_day_changes_at_midnight_in_india() -> None:
    assert ist_day_number(ns("23:59:59")) + 1 == ist_day_number(ns("00:00", 3))
