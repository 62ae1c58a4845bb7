"""Where the market calendar ends: entries stop and say so, exits and flattening go on."""

import pytest

from engine.commands import Notify, Severity
from engine.core import reasons
from engine.core.limits import limits
from engine.core.night import TOLD_BEFORE_DAYS
from engine.events import DayBegan, Flattened, SessionStarted
from engine.model import Side
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import FREE, SESSIONS, Desk, turn_of
from tests.unit.core.nights import jump, pass_night
from tests.unit.paper.builders import CALL, ns

pytestmark = pytest.mark.rule("R6.6")
LAST_DAY = "2026-11-02"


def next_morning(desk: Desk, until: str = LAST_DAY) -> None:
    """The day after, for a process that runs on."""
    desk.now_ns = ns("06:00", 3)
    pass_night(desk)
    began = DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE, calendar_until=until)
    desk.handle(began)
    desk.load()
    jump(desk, ns("09:30", 3))
    desk.quote(CALL, "100")


def started(desk: Desk, until: str) -> None:
    """Another process on the same state and day."""
    event = SessionStarted(
        at_ns=desk.now_ns,
        settings=desk.settings,
        mode=desk.settings.mode,
        day="2026-11-02",
        sessions=SESSIONS,
        charges=FREE,
        calendar_until=until,
    )
    desk.handle(event)


def told(desk: Desk) -> list[tuple[Severity, str]]:
    """What was said of the calendar."""
    return [(notice.severity, notice.text) for notice in desk.commands(Notify) if "calendar" in notice.text]


def held_over_night() -> Desk:
    """Three lots of the child, and the calendar ends over night."""
    desk = Desk()
    desk.buy(10)
    next_morning(desk)
    return desk


def test_nothing_is_entered_and_the_masters_exit_is_followed() -> None:
    desk = held_over_night()
    desk.buy(10)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 3)], {reasons.NO_CALENDAR})
    desk.sell(20)
    desk.run(5)
    assert (desk.placed()[1:], desk.lots()) == ([(Side.SELL, 3)], 0)


def test_flatten_goes() -> None:
    desk = held_over_night()
    desk.handle(Flattened(at_ns=desk.now_ns, children=()))
    desk.run(5)
    assert (desk.placed()[1:], desk.lots()) == ([(Side.SELL, 3)], 0)


def test_it_is_an_alarm_that_stays_in_view_and_a_row_of_the_limits() -> None:
    desk = held_over_night()
    text = f"the market calendar ended on {LAST_DAY}: no entries; exits go in the usual hours"
    assert told(desk) == [(Severity.ALARM, text)]
    picture = build_snapshot(desk.state, desk.now_ns, Frame())
    assert (Severity.ALARM, text) in [(item.severity, item.text) for item in picture.attention]
    [row] = [limit for limit in limits(turn_of(desk.state)) if limit.name == "market hours"]
    assert row.now == reasons.NO_CALENDAR
    started(desk, "2026-12-31")
    picture = build_snapshot(desk.state, desk.now_ns, Frame())
    assert not [item for item in picture.attention if "calendar" in item.text]


@pytest.mark.parametrize(
    ("until", "warns"), [("2026-11-23", True), ("2026-11-24", False), ("2026-11-02", True), ("", False)]
)
def test_its_end_is_told_three_weeks_before_at_a_start_and_every_morning(until: str, *, warns: bool) -> None:
    assert TOLD_BEFORE_DAYS == 21
    desk = Desk()
    started(desk, until)
    assert told(desk) == warns * [
        (Severity.WARNING, f"the market calendar ends on {until}: without a newer one nothing is entered after it")
    ]
    again = Desk()
    next_morning(again, "2026-11-24" if warns else "2026-11-25")
    assert len(told(again)) == warns


def test_events_of_an_older_program_know_no_end() -> None:
    desk = Desk()
    desk.buy(10)
    next_morning(desk, "")
    desk.buy(10)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 3), (Side.BUY, 3)], set())
