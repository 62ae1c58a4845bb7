"""When instrument files are read anew, on a clock that the test moves."""

from datetime import date

from brokers.refresh import PAUSE_MOST_NS, PAUSE_NS, Refresh, is_settled
from config.rules import ist
from engine.model import instrument_id

DAY, NEXT_DAY = date(2026, 11, 2), date(2026, 11, 3)
CALL, PUT = frozenset({instrument_id("NFO", "CALL")}), frozenset({instrument_id("NFO", "PUT")})
TEN = ist(DAY, "10:00")


def at(time_of_day: str) -> int:
    return ist(DAY, time_of_day)


def opened(time_of_day: str) -> Refresh:
    """Files of the day were read at a time of the day."""
    refresh = Refresh()
    refresh.turn_to(DAY, at(time_of_day))
    refresh.filled()
    return refresh


def test_file_of_half_past_eight_is_that_of_the_day() -> None:
    assert [is_settled(DAY, at(time)) for time in ("08:29:59", "08:30")] == [False, True]
    assert not is_settled(NEXT_DAY, at("15:00"))


def test_file_of_before_is_read_once_more_at_half_past_eight() -> None:
    refresh = opened("07:00")
    assert [refresh.begins(at(time)) for time in ("07:01", "08:29:59", "08:30")] == [False, False, True]
    refresh.settled()
    assert [refresh.begins(at(time)) for time in ("08:31", "08:35", "15:00")] == [False] * 3


def test_file_that_cannot_be_had_at_half_past_eight_is_asked_for_until_it_is_there() -> None:
    refresh = opened("07:00")
    times = ("08:30", "08:34:59", "08:35", "08:39:59", "08:40")
    assert [refresh.begins(at(time)) for time in times] == [True, False, True, False, True]
    refresh.settled()
    assert not refresh.begins(at("08:45"))


def test_file_of_after_is_not_read_once_more() -> None:
    refresh = opened("08:30")
    assert [refresh.begins(at(time)) for time in ("08:30", "09:00", "15:00")] == [False] * 3


def test_each_day_has_its_own_half_past_eight() -> None:
    refresh = opened("09:00")
    refresh.turn_to(NEXT_DAY, at("23:59"))
    refresh.filled()
    assert [refresh.begins(ist(NEXT_DAY, time)) for time in ("08:29:59", "08:30")] == [False, True]


def test_what_the_files_lack_is_looked_for_at_once() -> None:
    refresh = opened("09:00")
    assert not refresh.begins(TEN)
    refresh.lack(CALL)
    assert refresh.begins(TEN)


def test_what_was_found_is_looked_for_no_more() -> None:
    refresh = opened("09:00")
    refresh.lack(CALL)
    refresh.begins(TEN)
    refresh.filled()
    assert not refresh.begins(TEN + PAUSE_MOST_NS)


def reads(refresh: Refresh, within_ns: int) -> list[int]:
    """When the files are read within a time, where they never have what they lack; in units of the first pause."""
    found = []
    for now_ns in range(TEN, TEN + within_ns, PAUSE_NS):
        if refresh.begins(now_ns):
            found.append((now_ns - TEN) // PAUSE_NS)
            refresh.filled()
            refresh.lack(CALL)
    return found


def test_what_is_never_there_is_looked_for_ever_more_seldom() -> None:
    refresh = opened("09:00")
    refresh.lack(CALL)
    assert PAUSE_MOST_NS == 12 * PAUSE_NS
    assert reads(refresh, 5 * PAUSE_MOST_NS) == [0, 2, 6, 14, 26, 38, 50]


def test_something_else_that_is_lacking_is_looked_for_after_the_first_pause() -> None:
    refresh = opened("09:00")
    refresh.lack(CALL)
    assert reads(refresh, PAUSE_MOST_NS) == [0, 2, 6]
    later_ns = TEN + PAUSE_MOST_NS
    refresh.lack(CALL)
    assert not refresh.begins(later_ns)
    refresh.lack(PUT)
    assert refresh.begins(later_ns)
