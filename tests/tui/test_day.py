"""The day as the screen saw it: samples, copies, curves and bars."""

from decimal import Decimal

import msgspec
import pytest

from engine.model import NS_PER_S
from engine.snapshot import Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, assert_screen, drive
from tui import chart, record
from tui.record import ChildDay, DayRecord
from tui.text import Line
from tui.widgets.day import latency_lines


def later(seconds: int, children: str | None = "9120") -> Snapshot:
    pnl = None if children is None else Decimal(children)
    return msgspec.structs.replace(s.condor(), at_ns=s.NOW + seconds * NS_PER_S, children_day_inr=pnl)


def texts(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in line) for line in lines]


def once(*values: int | None) -> list[record.Range | None]:
    return [None if value is None else (Decimal(value), Decimal(value)) for value in values]


def test_curve_goes_from_the_first_value_to_the_last_over_the_whole_width() -> None:
    drawn = chart.curve(once(0, 1, 3, 4, 6, 7, 9, 10), 4, 2)
    assert [len(row) for row in drawn] == [4, 4]
    assert ord(drawn[1][0]) & 0x40  # the smallest at the bottom left
    assert ord(drawn[0][-1]) & 0x08  # the largest at the top right
    assert all(any(ord(row[x]) != chart.BLANK for row in drawn) for x in range(4))


def test_curve_leaves_a_gap_where_a_value_is_not_known() -> None:
    drawn = chart.curve(once(1, 2, None, None, 2, 1), 3, 1)[0]
    assert ord(drawn[1]) == chart.BLANK
    assert ord(drawn[0]) != chart.BLANK != ord(drawn[2])


@pytest.mark.parametrize("values", [[], [None], [None, None]])
def test_curve_of_nothing_is_empty(values: list[None]) -> None:
    assert chart.curve(values, 2, 2) == [chr(chart.BLANK) * 2] * 2


def test_curve_of_the_same_values_is_a_line_in_the_middle() -> None:
    drawn = chart.curve(once(5, 5, 5, 5), 2, 3)
    assert [any(ord(c) != chart.BLANK for c in row) for row in drawn] == [False, True, False]


def test_short_fall_is_seen_however_many_samples_there_are() -> None:
    kept = DayRecord()
    for second in range(0, 6 * 3600, 2):
        kept.see(later(second, "-50000" if second == 7 * 360 else "0"))
    ours, _ = kept.curves(later(6 * 3600, "0"), 136)
    assert record.span(ours) == (Decimal(-50000), Decimal(0))
    assert sum(each is not None and each[0] < 0 for each in ours) <= 2
    drawn = chart.curve(ours, 68, 4)
    assert sum(ord(cell) != chart.BLANK for cell in drawn[3]) <= 2
    assert sum(ord(cell) != chart.BLANK for cell in drawn[0]) >= 67


def test_curve_is_drawn_over_time_and_what_was_not_seen_is_a_gap() -> None:
    kept = DayRecord()
    for second in (*range(0, 20, 2), *range(80, 100, 2)):
        kept.see(later(second, "1"))
    ours, his = kept.curves(later(100, "1"), 101)
    assert [each is None for each in (ours[0], ours[15], ours[50], ours[90])] == [False, False, True, False]
    assert len(ours) == len(his) == 101


def test_copies_of_yesterday_are_none_of_today() -> None:
    kept = DayRecord()
    kept.see(later(0))
    kept.see(later(24 * 3600))
    assert kept.days(["ZC0001"]) == [ChildDay()]


@pytest.mark.parametrize(("part", "whole", "cells"), [(0, 9, 0), (1, 1000, 1), (9, 9, 10), (3, 0, 0)])
def test_bar_never_shows_something_as_nothing(part: int, whole: int, cells: int) -> None:
    assert len(chart.bar(part, whole, 10)) == cells


def test_samples_are_bounded_and_reach_over_the_whole_day() -> None:
    kept = DayRecord()
    for second in range(0, 6 * 3600, 2):
        kept.see(later(second, str(second)))
    assert len(kept.samples) <= record.SAMPLES_MOST
    assert kept.samples[0].children_inr[0] == 0  # type: ignore[index]
    assert kept.samples[-1].children_inr[1] > 6 * 3600 - 200  # type: ignore[index]
    steps = {b.at_ns - a.at_ns for a, b in zip(kept.samples, kept.samples[1:], strict=False)}
    assert len(steps) == 1


@pytest.mark.parametrize("seconds", [24 * 3600, -3600])
def test_another_day_or_a_clock_that_went_back_begins_anew(seconds: int) -> None:
    kept = DayRecord()
    kept.see(later(0))
    kept.see(msgspec.structs.replace(later(seconds), copies=()))
    assert (len(kept.samples), kept.days(["ZC0001"])[0]) == (1, ChildDay())
    assert kept.since_ns == s.NOW + seconds * NS_PER_S


def test_copies_that_left_the_snapshot_still_count_and_change_with_their_newest_state() -> None:
    kept = DayRecord()
    kept.see(later(0))
    before = kept.days(["ZC0004"])[0]
    assert before.marks == {"✓": 3, "?": 1}
    whole = msgspec.structs.replace(s.copies()[0].lines[3], filled_units=195, status="filled", latency_ms=2000)
    newest = s.copies()[0]
    lines = tuple(whole if part.child == "ZC0004" else part for part in newest.lines)
    kept.see(msgspec.structs.replace(later(2), copies=(msgspec.structs.replace(newest, lines=lines),)))
    after = kept.days(["ZC0004"])[0]
    assert after.marks == {"✓": 4}
    assert after.latencies_ms[-1] == 2000
    assert kept.days(["ZC0001"])[0].slippage_inr == 4 * 195 * Decimal("0.05")
    assert kept.days(["ZC0006"])[0].marks == {"–": 4}


def test_latencies_are_bounded_and_keep_their_spread() -> None:
    day, part = ChildDay(), s.copies()[0].lines[0]
    for value in range(2 * record.LATENCIES_MOST):
        day.add(msgspec.structs.replace(part, latency_ms=value % 1000))
    assert len(day.latencies_ms) <= record.LATENCIES_MOST
    assert day.latencies_ms == sorted(day.latencies_ms)
    assert 450 <= (day.median_ms or 0) <= 550


def test_latencies_are_counted_in_their_buckets() -> None:
    shown = texts(latency_lines([10, 50, 51, 400, 2_501], 60))
    assert shown[0] == "latency median 51 ms · 95 % within 2,501 ms · slowest 2,501 ms · 5 fills"
    assert [row.split()[-1] for row in shown[1:]] == ["2", "1", "0", "1", "0", "0", "1"]
    assert "no child has filled" in texts(latency_lines([], 60))[0]


@pytest.mark.parametrize(("name", "size"), [("day_120x36", (120, 36)), ("day_80x24", SMALL), ("day_200x60", (200, 60))])
def test_day_looks_as_stored(name: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        for second, value in ((2, "4000"), (4, "-2500"), (6, None), (8, "7000")):
            pnl = None if value is None else Decimal(value)
            await desk.publish(at_ns=s.NOW + second * NS_PER_S, children_day_inr=pnl)
        await desk.press("7")
        assert_screen(name, desk)

    drive(s.condor(), script, size=size)


def test_day_without_a_price_says_so() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("7")
        assert "no price of everything that is held yet" in desk.text

    drive(s.condor(children_day_inr=None, master_day_inr=None), script)
