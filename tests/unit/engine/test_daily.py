"""A process that runs on is told of the next trading day in its morning, once, and of the newest one only."""

from datetime import date

from config.rules import ist
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.daily import DailyTurn
from engine.events import Event, InstrumentsLoaded
from engine.loop import EngineLoop

MONDAY = date(2026, 11, 2)


def opened(until: date, at: str = "12:00", *, since: date = MONDAY) -> list[tuple[date, int]]:
    """Which days are opened, and when, up to a moment."""
    found: list[tuple[date, int]] = []

    def open_day(day: date, now_ns: int) -> tuple[Event, ...]:
        found.append((day, now_ns))
        return (InstrumentsLoaded(at_ns=now_ns, instruments=()),)

    loop = EngineLoop(VirtualClock(ist(since, "10:00")), Agenda())
    DailyTurn(loop, since, open_day)
    loop.run(until_ns=ist(until, at))
    return found


def test_every_trading_day_is_opened_in_its_morning() -> None:
    days = [day for day, _ in opened(date(2026, 11, 5))]
    assert days == [date(2026, 11, 3), date(2026, 11, 4), date(2026, 11, 5)]
    assert opened(date(2026, 11, 3))[0][1] == ist(date(2026, 11, 3), "06:00")


def test_weekend_and_holiday_are_no_days() -> None:
    """2026-11-10 is Diwali Balipratipada."""
    days = [day for day, _ in opened(date(2026, 11, 11), since=date(2026, 11, 6))]
    assert days == [date(2026, 11, 9), date(2026, 11, 11)]


def test_weekdays_after_the_end_of_the_calendar_are_opened() -> None:
    """The calendar knows 2026: exits must be able to go on Friday 2027-01-01 and Monday 2027-01-04."""
    days = [day for day, _ in opened(date(2027, 1, 4), since=date(2026, 12, 31))]
    assert days == [date(2027, 1, 1), date(2027, 1, 4)]


def test_nothing_before_the_morning() -> None:
    assert opened(date(2026, 11, 3), "05:59") == []


def test_machine_that_slept_for_days_gets_the_newest_day_only() -> None:
    found: list[date] = []

    def open_day(day: date, now_ns: int) -> tuple[Event, ...]:
        found.append(day)
        return ()

    loop = EngineLoop(VirtualClock(ist(date(2026, 11, 5), "09:00")), Agenda())
    DailyTurn(loop, MONDAY, open_day)
    loop.run(until_ns=ist(date(2026, 11, 5), "10:00"))
    assert found == [date(2026, 11, 5)]


def test_what_it_opens_with_reaches_the_process() -> None:
    loop = EngineLoop(VirtualClock(ist(MONDAY, "10:00")), Agenda())
    DailyTurn(loop, MONDAY, lambda _day, now_ns: (InstrumentsLoaded(at_ns=now_ns, instruments=()),))
    taken: list[Event] = []

    class Taker:
        next_due_ns = None

        def handle(self, event: Event) -> None:
            taken.append(event)

    loop.host = Taker()  # type: ignore[assignment]
    loop.run(until_ns=ist(date(2026, 11, 3), "07:00"))
    assert [type(event) for event in taken] == [InstrumentsLoaded]
