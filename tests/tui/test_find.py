"""Finding things: a child by a part of its name, rows by a filter, another order of them."""

import msgspec
import pytest

from engine.snapshot import ChildState
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, drive
from tui.screens.overview import PANELS


def column(desk: Desk, part: str) -> list[str]:
    """Lines of the screen that have a part."""
    return [row for row in desk.screen if part in row]


def test_child_is_found_by_a_part_of_its_name_and_shown() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("g", *"0004")
        assert column(desk, "Account ZC0004")
        assert not column(desk, "Account ZC0001")
        await desk.press("enter")
        assert "CHILD ZC0004" in desk.text
        await desk.press("enter")
        assert desk.app.overview.matrix.selected_child == "ZC0004"

    drive(s.condor(), script)


def test_arrows_choose_among_what_is_left_and_escape_leaves_it() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("g", *"step", "down", "enter")
        assert "CHILD ZC0002" in desk.text
        await desk.press("enter", "g", *"nobody")
        assert "Nothing matches." in desk.text
        await desk.press("enter")
        assert desk.top == "Finder"  # nothing to take
        await desk.press("escape")
        assert desk.top == "Overview"

    drive(s.condor(), script)


@pytest.mark.parametrize(
    ("panel", "words", "stays", "goes"),
    [
        ("1", "ce", "24900", "24350"),
        ("2", "sell 24750", "24750 CE", "24350 PE"),
        ("4", "alarm", "no answer; the order", "The market is open"),
        ("6", "zc0004", "ZC0004", "ZC0001"),
    ],
)
@pytest.mark.parametrize("size", [(120, 36), SMALL])
def test_filter_is_for_the_panel_that_fills_the_screen(
    panel: str, words: str, stays: str, goes: str, size: tuple[int, int]
) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(panel, "slash", *words, "enter")
        assert f"filter '{words}'" in desk.text
        body = "\n".join(desk.screen[3:])
        assert stays in body
        assert goes not in body.replace("24900 CE", "") or panel == "1"
        await desk.press("slash", *"x y z")
        assert "Nothing matches" in desk.text
        await desk.press("escape")
        assert "filter '" not in desk.text
        assert desk.app.overview.panel == PANELS[int(panel) - 1]  # only a second escape leaves it
        assert goes in "\n".join(desk.screen[3:])
        await desk.press("escape")
        assert not desk.app.overview.panel

    drive(s.condor(), script, size=size)


def test_what_needs_the_operator_is_never_filtered_away() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("3", "slash")
        assert desk.app.overview.filtered.id == "events"
        await desk.press(*"nothing here", "enter", "3")
        assert "unknown" in desk.text

    drive(s.condor(), script)


def test_accounts_are_sorted_by_what_is_asked_and_the_title_says_so() -> None:
    base = s.condor()
    children = tuple(
        s.made(child, inr) for child, inr in zip(base.children, ("5", "-700", "3", "9", "-20", "0"), strict=True)
    )

    async def script(desk: Desk) -> None:
        def order() -> list[str]:
            return [row.key for row in desk.app.overview.query_one("#accounts").rows]  # type: ignore[attr-defined]

        await desk.press("6")
        assert order() == [child.id for child in children]
        assert "by " not in desk.screen[2]
        await desk.press("s")
        assert children[[c.id for c in children].index(order()[0])].state is not ChildState.IN_STEP
        await desk.press("s")
        assert order() == ["ZC0002", "ZC0005", "ZC0006", "AC0003", "ZC0001", "ZC0004"]
        assert "by day P&L" in desk.text
        await desk.press("s", "s", "s")
        assert order() == [child.id for child in children]

    drive(s.condor(children=children), script)


def test_copies_and_orders_have_orders_too_and_legs_say_that_they_have_one() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "s")
        slowest = [max(p.latency_ms or 0 for p in row.lines) for row in s.copies()]
        first = desk.app.overview.query_one("#copies").rows[0].key  # type: ignore[attr-defined]
        assert int(first) == s.copies()[slowest.index(max(slowest))].id
        await desk.press("5", "s")
        assert "by age" in desk.text
        await desk.press("1", "s")
        assert any("one order" in note.message for note in desk.app._notifications)

    drive(s.condor(), script)


def test_filter_ends_with_the_full_screen_of_its_panel() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("1", "slash", *"24350", "enter", "1")
        assert "24750" in desk.text
        await desk.press("6", "slash", *"zc0004", "tab", "5")
        assert not desk.app.overview.has_class("-filtering")
        await desk.press("6")
        assert "ZC0001" in desk.text

    drive(s.condor(), script)


def test_filter_finds_words_that_a_small_screen_cuts_off() -> None:
    order = msgspec.structs.replace(s.condor().working[0], reason="a very long reason that ends with tortoise")

    async def script(desk: Desk) -> None:
        await desk.press("5", "slash", *"tortoise", "enter")
        assert len([row for row in desk.app.overview.query_one("#orders").rows if row.key]) == 1  # type: ignore[attr-defined]

    drive(s.condor(working=(order,)), script, size=SMALL)
