"""By mouse alone: keys of key lines are clicked, the names of columns sort, a row is chosen and opened."""

import pytest

from engine.events import PromptAnswered
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, drive
from tui.screens.overview import PANELS
from tui.text import key_at, keys
from tui.widgets.live_table import LiveTable


async def click(desk: Desk, words: str, times: int = 1) -> None:
    """Click on words of the screen."""
    y = next(y for y, row in reversed(list(enumerate(desk.screen))) if words in row)
    await desk.pilot.click(offset=(desk.screen[y].index(words), y), times=times)
    await desk.settle()


@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE])
def test_prompt_is_answered_and_left_by_clicks(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await click(desk, "ZC0002 ")
        await click(desk, "space untick")
        await click(desk, "y approve")

    sent = drive(s.condor(prompts=(s.prompt(),)), script, size=size).sent
    [answer] = sent
    assert isinstance(answer, PromptAnswered)
    assert (answer.approve, answer.children) == (True, ("ZC0001", "AC0003", "ZC0004", "ZC0005"))


def test_lots_are_fewer_and_more_by_the_half_of_the_arrows_that_is_clicked() -> None:
    async def script(desk: Desk) -> None:
        await click(desk, "ZC0002 ")
        await click(desk, "← →")
        assert "4 of 5" in desk.text
        await click(desk, "→ lots")
        assert "4 of 5" not in desk.text

    assert drive(s.condor(prompts=(s.prompt(),)), script).sent == []


def test_kill_switch_is_opened_and_left() -> None:
    async def script(desk: Desk) -> None:
        await click(desk, "F12 KILL")
        assert desk.top == "Kill"
        await click(desk, "esc leave it")
        assert desk.top == "Overview"

    assert drive(s.condor(), script).sent == []


def test_typed_word_is_not_given_by_a_click() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("f", "enter")
        await click(desk, "FLATTEN enter")
        assert desk.top != "Overview"

    assert drive(s.condor(), script).sent == []


def test_names_of_the_columns_sort_and_a_double_click_opens_the_row() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6")
        await click(desk, "ratio    capital")
        assert "by state" in desk.text
        await click(desk, "ZC0002 ", times=2)
        assert "CHILD ZC0002" in desk.text
        await click(desk, "enter close")
        assert desk.top == "Overview"
        await click(desk, "1-7 panels")
        assert desk.top == "Palette"

    drive(s.condor(), script)


def test_click_on_the_names_of_scrolled_columns_moves_no_cursor() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("1", "end")
        table = desk.app.overview.query_one(f"#{PANELS[0]}", LiveTable)
        before, (x, y) = table.cursor_key, table.region.offset
        await desk.pilot.click(offset=(x + 4, y + 1))
        await desk.settle()
        assert table.cursor_key == before

    drive(s.crowd(children=20, legs=60), script, size=SMALL)


def test_what_is_no_key_presses_nothing() -> None:
    line = keys(("F12", "KILL"), ("type", "find"), ("FLATTEN enter", "do it"), ("↑ ↓", "choose"), ("7", "day"))
    found = {key_at(line, x) for x in range(80)}
    assert found == {"", "f12", "up", "down", "7"}
    assert key_at((), 3) == ""
