"""Everything of one child, and what it was sized by before: read beside the dashboard, once and when that changes."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import msgspec
import pytest

from engine.errors import LockstepError
from engine.model import NS_PER_S
from engine.trail import PastRatio
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, assert_screen, drive, read_through
from tui.bridge import Trail
from tui.screens import child_page
from tui.screens.child_lines import past_lines
from tui.screens.child_page import STRATEGIES_MOST, ChildPage
from tui.text import plain, width_of

DAY_NS = 86_400 * NS_PER_S


def past(days: int, ratio: str, **more: object) -> PastRatio:
    base = PastRatio(
        started_ns=s.NOW - days * DAY_NS,
        name="iron condor",
        scope="ACCOUNT",
        source="PAPER",
        baseline_inr=s.rupees("35,00,000"),
        ratio=Fraction(ratio) if ratio else None,
    )
    return msgspec.structs.replace(base, **more)


PAST = (past(0, "3/10"), past(1, "", source="LIVE", name=""), past(3, "2/5"), past(4, "1/7", baseline_inr=None))


class Ratios:
    """A journal with ratios only, and what it was asked."""

    def __init__(self, refusal: str = "", past: Sequence[PastRatio] = PAST) -> None:
        self.past = past
        self.asked: list[tuple[str, int]] = []
        self.refusal = refusal
        self.stopped: Callable[[], bool] | None = None

    def trail(self) -> Trail:
        raise AssertionError("a child's page asks for no trail")

    def ratios(self, account: str, most: int, stopped: Callable[[], bool]) -> Sequence[PastRatio]:
        self.asked.append((account, most))
        self.stopped = stopped
        if self.refusal:
            raise LockstepError(self.refusal)
        return self.past


@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_ratios_so_far_are_as_stored(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        await desk.press("end")
        assert_screen(f"child-past-{size[0]}x{size[1]}", desk)

    drive(s.condor(), script, size=size, history=Ratios())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The page's seconds, in a list of one."""
    now = [100.0]
    monkeypatch.setattr(child_page, "ticks_s", lambda: now[0])
    return now


def test_it_is_read_once_more_when_a_change_is_durable_and_then_no_more(clock: list[float]) -> None:
    """A strategy's start without an order is durable within a second, and the page reads at once."""
    journal = Ratios()
    base = s.condor()

    async def script(desk: Desk) -> None:
        async def later(seconds: float) -> int:
            clock[0] += seconds
            await desk.look()
            await read_through(desk, ChildPage)
            return len(journal.asked)

        await desk.press("g", *"0004", "enter")
        await read_through(desk, ChildPage)
        assert journal.asked == [("ZC0004", STRATEGIES_MOST)]
        assert [await later(1), await later(1), await later(60)] == [1, 2, 2]
        again = [
            msgspec.structs.replace(child, scopes=s.part_of("1/2")) if child.id == "ZC0004" else child
            for child in base.children
        ]
        await desk.publish(children=tuple(again))
        assert [await later(0), await later(2), await later(60)] == [3, 4, 4]
        renamed = msgspec.structs.replace(base.strategies[0], name="iron fly")
        await desk.publish(strategies=(renamed,), children=tuple(again))
        assert [await later(0), await later(2), await later(60)] == [5, 6, 6]

    drive(base, script, history=journal)


def test_a_page_that_was_left_stops_its_read() -> None:
    journal = Ratios()

    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        assert journal.stopped is not None
        assert not journal.stopped()
        await desk.press("escape")
        assert journal.stopped()

    drive(s.condor(), script, history=journal)


def test_a_journal_that_could_not_be_read_is_tried_again_and_what_was_read_stays(clock: list[float]) -> None:
    journal = Ratios()

    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        journal.refusal = "busy"
        clock[0] += 2
        await desk.look()
        await read_through(desk, ChildPage)
        await desk.press("end")
        assert "busy" in desk.text
        assert "iron condor" in desk.text
        journal.refusal = ""
        clock[0] += 5
        await desk.look()
        await read_through(desk, ChildPage)
        assert "busy" not in desk.text

    drive(s.condor(), script, size=LARGE, history=journal)


def test_a_journal_that_cannot_be_read_concerns_only_its_part_of_the_page() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        await desk.press("end")
        assert "the disk is [gone]" in desk.text
        assert desk.top == "ChildPage"

    drive(s.condor(), script, size=LARGE, history=Ratios("the disk is [gone]"))


def test_a_journal_without_strategies_says_so() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        await desk.press("end")
        assert "none yet" in desk.text

    drive(s.condor(), script, size=LARGE, history=Ratios(past=()))


def test_nothing_is_said_of_the_past_without_a_journal_and_of_a_child_that_is_gone() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "enter", "end")
        assert "so far" not in desk.text

    drive(s.condor(), script, size=LARGE)

    async def without(desk: Desk) -> None:
        await desk.press("6", "enter")
        await read_through(desk, ChildPage)
        await desk.publish(children=s.condor().children[1:])
        assert "so far" not in desk.text

    drive(s.condor(), without, size=LARGE, history=Ratios())


@pytest.mark.parametrize("width", [60, 76, 118])
def test_lines_fit_and_the_picture_of_equal_ratios_is_left_out(width: int) -> None:
    lines = past_lines((*PAST, past(9, "1", name="x" * 200, scope="NIFTY")), "", width)
    assert max(map(width_of, lines)) <= width
    assert "█" not in plain(lines[1])  # one picture of several underlyings would be of nothing
    assert plain(past_lines(PAST, "", width)[1]).endswith("▃█·▆")
    assert "█" not in plain(past_lines((PAST[0], past(1, "2999/10000")), "", width)[1])
    assert plain(past_lines(PAST, "", width, is_all=False)[1]).startswith("ratios of the newest 4 strategies")
    assert plain(past_lines((), "", width)[2]) == "none yet"
    assert plain(past_lines(None, "", width)[2]) == "reading the journal …"
