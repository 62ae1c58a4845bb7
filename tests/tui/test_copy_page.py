"""A copy in depth: stages, sizes, orders, and its trail through the journal."""

import threading
from collections.abc import Sequence

import msgspec
import pytest

from engine.errors import StateRefused
from engine.model import NS_PER_S
from engine.trail import TrailLine
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, assert_screen, drive
from tui.frame import Frame
from tui.screens.copy_lines import BAR, copy_lines, ended_ns
from tui.text import plain


def read(tags: Sequence[str], until_ns: int) -> Sequence[TrailLine]:
    return [line for line in s.trail() if line.tag in tags and line.at_ns <= until_ns]


@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_copy_in_depth_is_as_stored(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await desk.idle()
        assert_screen(f"copy-{size[0]}x{size[1]}", desk)
        if size != LARGE:
            await desk.press("pagedown", "pagedown", "pagedown")
            assert_screen(f"copy-below-{size[0]}x{size[1]}", desk)

    drive(s.staged(), script, size=size, trail=read)


def lines_of(width: int) -> list[str]:
    snapshot = s.staged()
    frame = Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=0)
    return [plain(line) for line in copy_lines(snapshot.copies[0], frame, width)]


def test_stages_follow_each_other_and_the_slowest_childs_fill_the_bar() -> None:
    text = lines_of(110)
    first = next(line for line in text if line.startswith("ZC0001"))
    assert first.split()[4:10] == ["40", "250", "3", "1", "11", "16"]
    bars = [line.strip() for line in text if line.strip() and set(line.strip()) <= set(BAR)]
    slowest = next(line for line in text if line.startswith("ZC0005"))
    total = sum(int(stage) for stage in slowest.split()[4:10])
    assert max(len(bar) for bar in bars) == 110 - 12
    assert len(bars[0]) == pytest.approx((110 - 12) * (40 + 250 + 3 + 1 + 11 + 16) / total, abs=1)
    unknown = next(line for line in text if line.startswith("ZC0004"))
    assert unknown.split()[-4:] == ["–", "–", "?", "unknown"]  # neither its answer nor its end


def test_what_this_program_took_is_one_number_where_there_is_no_room() -> None:
    first = next(line for line in lines_of(70) if line.startswith("ZC0001"))
    assert first.split()[4:8] == ["40", "254", "11", "16"]
    assert all(len(line) <= 70 for line in lines_of(70))


def test_a_decision_without_a_trade_of_the_masters_begins_with_itself() -> None:
    snapshot = s.staged()
    row = msgspec.structs.replace(snapshot.copies[0], traded_ns=0, learned_ns=0)
    frame = Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=0)
    text = [plain(line) for line in copy_lines(row, frame, 110)]
    assert "he did not trade" in text[1]
    assert next(line for line in text if line.startswith("ZC0001")).split()[4:7] == ["–", "0", "3"]


def test_the_journal_is_read_on_a_thread_and_again_while_an_order_is_open() -> None:
    asked: list[tuple[int, bool]] = []

    def reading(tags: Sequence[str], until_ns: int) -> Sequence[TrailLine]:
        asked.append((until_ns, threading.current_thread() is threading.main_thread()))
        return read(tags, until_ns)

    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await desk.idle()
        assert "place SELL 195 MARKET" in desk.text
        assert asked == [(s.NOW, False)]
        desk.app.screen._due_s = 0.0  # type: ignore[attr-defined]  # a second later
        await desk.look()
        await desk.idle()
        assert len(asked) == 2

    drive(s.staged(), script, size=LARGE, trail=reading)


def test_of_a_copy_that_ended_long_ago_the_journal_is_read_once() -> None:
    asked: list[int] = []

    def reading(tags: Sequence[str], until_ns: int) -> Sequence[TrailLine]:
        asked.append(until_ns)
        return ()

    async def script(desk: Desk) -> None:
        await desk.press("2", "down", "enter")
        await desk.idle()
        assert "Nothing of it is there." in desk.text
        await desk.look()
        await desk.idle()
        row = desk.feed.newest.copies[1] if desk.feed.newest else None
        assert row is not None
        assert asked == [(ended_ns(row) or 0) + 5 * NS_PER_S]

    drive(s.staged(), script, size=LARGE, trail=reading)


def test_a_journal_that_cannot_be_read_says_so_and_nothing_else_is_lost() -> None:
    def refusing(tags: Sequence[str], until_ns: int) -> Sequence[TrailLine]:
        raise StateRefused("journal.sqlite3 cannot be read: disk I/O error [red]")

    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await desk.idle()
        assert "cannot be read: disk I/O error [red]" in desk.text
        assert "ZC0001" in desk.text

    drive(s.staged(), script, size=LARGE, trail=refusing)


def test_a_copy_that_newer_ones_pushed_out_says_where_it_is() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await desk.publish(copies=s.copies()[1:])
        assert "no longer among the newest copies" in desk.text

    drive(s.staged(), script)
