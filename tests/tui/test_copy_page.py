"""A copy in depth: stages, sizes, orders, and its trail through the journal."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import msgspec
import pytest

from engine.errors import LockstepError
from engine.model import NS_PER_S
from engine.trail import PastRatio, TrailLine
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, assert_screen, drive, read_through
from tui.frame import Frame
from tui.screens import copy_page
from tui.screens.copy_lines import BAR, copy_lines, ended_ns
from tui.screens.copy_page import CopyPage
from tui.text import plain


class Journal:
    """A trail that is handed out, and what was asked of it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.asked: list[tuple[int, bool]] = []
        self.refusal = refusal
        self.is_behind = False

    def trail(self) -> "Journal":
        return self

    def ratios(self, account: str, most: int, stopped: Callable[[], bool]) -> Sequence[PastRatio]:
        raise AssertionError("a copy's page asks for no ratios")

    def read(self, tags: Sequence[str], until_ns: int, stopped: Callable[[], bool]) -> Sequence[TrailLine]:
        self.asked.append((until_ns, threading.current_thread() is threading.main_thread()))
        if self.refusal is not None:
            raise self.refusal
        return [line for line in s.trail() if line.tag in tags and line.at_ns <= until_ns]


@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_copy_in_depth_is_as_stored(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await read_through(desk, CopyPage)
        assert_screen(f"copy-{size[0]}x{size[1]}", desk)
        if size != LARGE:
            await desk.press("pagedown", "pagedown", "pagedown")
            assert_screen(f"copy-below-{size[0]}x{size[1]}", desk)

    drive(s.staged(), script, size=size, history=Journal())


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


class Ticks:
    """The page's own clock, which goes on when the test says so: a slow machine is no reason to read again."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    standing = Ticks()
    monkeypatch.setattr(copy_page, "ticks_s", standing)
    return standing


def test_the_journal_is_read_on_a_thread_and_again_while_an_order_is_open(ticks: Ticks) -> None:
    journal = Journal()

    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        page = await read_through(desk, CopyPage)
        assert "place SELL 195 MARKET" in desk.text
        assert journal.asked == [(s.NOW, False)]
        await desk.look()
        assert len(journal.asked) == 1  # not before a second is over
        page._due_s = 0.0
        await desk.look()
        await read_through(desk, CopyPage)
        assert len(journal.asked) == 2
        journal.is_behind = True  # more entries than one read looks through
        page._due_s = 0.0
        await desk.look()
        for _ in range(500):
            await asyncio.sleep(0.002)
            ticks.now_s += 1.0
            await desk.look()
            if len(journal.asked) > 4:
                break
        assert len(journal.asked) > 4

    drive(s.staged(), script, size=LARGE, history=journal)


def test_of_a_copy_that_ended_long_ago_the_journal_is_read_once_until_it_goes_on() -> None:
    journal = Journal()

    async def script(desk: Desk) -> None:
        await desk.press("2", "down", "enter")
        page = await read_through(desk, CopyPage)
        assert "Nothing of it is there." in desk.text
        page._due_s = 0.0
        await desk.look()
        newest, older, *others = desk.feed.newest.copies if desk.feed.newest else ()
        assert journal.asked == [((ended_ns(older) or 0) + 5 * NS_PER_S, False)]
        again = s.trace("LKP1XD0000009ZZ", 65, s.NOW, status="sent", filled_units=0)  # a refused exit is tried again
        line = msgspec.structs.replace(older.lines[0], orders=(again,))
        await desk.publish(copies=(newest, msgspec.structs.replace(older, lines=(line,), done=False), *others))
        await read_through(desk, CopyPage)
        assert len(journal.asked) == 2

    drive(s.staged(), script, size=LARGE, history=journal)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (LockstepError("journal.sqlite3 cannot be read now: disk I/O error [red]"), "disk I/O error [red]"),
        (ValueError("secret"), "The journal cannot be read: ValueError"),
    ],
)
def test_a_journal_that_cannot_be_read_says_so_and_nothing_else_is_lost(error: Exception, words: str) -> None:
    journal = Journal(error)

    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        page = await read_through(desk, CopyPage)
        assert words in desk.text
        assert "secret" not in desk.text
        assert "ZC0001" in desk.text
        journal.refusal, page._due_s = None, 0.0
        await desk.look()
        await read_through(desk, CopyPage)
        assert "place SELL 195 MARKET" in desk.text

    drive(s.staged(), script, size=LARGE, history=journal)


def test_a_page_that_was_left_stops_its_reader() -> None:
    began, ended = threading.Event(), threading.Event()

    class Slow(Journal):
        def read(self, tags: Sequence[str], until_ns: int, stopped: Callable[[], bool]) -> Sequence[TrailLine]:
            began.set()
            while not stopped():
                pass
            ended.set()
            return ()

    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        assert "is being read…" in desk.text
        assert began.wait(5)
        await desk.press("escape")
        assert ended.wait(5)

    drive(s.staged(), script, size=LARGE, history=Slow())


def test_a_copy_that_newer_ones_pushed_out_says_where_it_is() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "enter")
        await desk.publish(copies=s.copies()[1:])
        assert "no longer among the newest copies" in desk.text

    drive(s.staged(), script)
