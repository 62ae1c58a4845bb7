"""The screens as plain text, at three sizes. Stored below __snapshots__; see harness.assert_screen."""

from decimal import Decimal

import pytest
from msgspec.structs import replace
from textual.color import Color

from config.schema import Account, Child, Settings
from engine.snapshot import EngineState, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, Pages, assert_screen, drive
from tui.text import plain, width_of
from tui.widgets.line_bar import LineBar
from tui.widgets.live_table import LiveTable

STATES: dict[str, Snapshot] = {
    "condor": s.condor(),
    "flat": s.flat(),
    "asking": s.asking(),
    "live": s.live(),
    "stale": s.stale(),
    "killed": s.killed(),
    "held": s.held(),
    "crowd": s.crowd(),
    "closed": s.flat(market_open=False, market_opens_ns=s.at("09:15:00") + 86_400_000_000_000),
    "disarmed": s.condor(engine=EngineState.DISARMED, engine_reason="what the last session left open waits"),
    "hostile": s.changed(s.hostile(), prompts=()),
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_screen_is_as_stored(name: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        assert_screen(f"{name}-{size[0]}x{size[1]}", desk)

    drive(STATES[name], script, size=size)


PAGES = {
    "copies": ("2",),
    "needs": ("3",),
    "events": ("4",),
    "orders": ("5",),
    "accounts": ("6",),
    "leg": ("1", "enter"),
    "event": ("4", "enter"),
    "help": ("question_mark",),
    "kill": ("f12",),
    "flatten": ("f", "enter"),
    "find": ("g",),
    "mode": ("m",),
}
"""Panels in full and dialogs, by the keys that lead to them."""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_page_is_as_stored(name: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*PAGES[name])
        assert_screen(f"page-{name}-{size[0]}x{size[1]}", desk)

    drive(s.condor(), script, size=size)


IN_A_STATE = {
    "live": s.live(),
    "stale": s.stale(),
    "killed": s.killed(),
    "held": s.held(),
    "hostile": s.changed(s.hostile(), prompts=()),
}
DIALOGS = {
    **{name: PAGES[name] for name in ("leg", "event", "help", "kill", "flatten", "mode")},
    "child": ("6", "enter"),
    "copy": ("2", "enter"),
    "order": ("5", "enter"),
    "settings": ("i",),
    "cap": ("k", "enter"),
    "reset": ("x",),
    "join": ("j",),
    "resync": ("r", "enter"),
    "ticket": ("l", "enter"),
    "quit": ("q",),
}


PANELS = {name: PAGES[name] for name in ("copies", "needs", "events", "orders", "accounts")} | {"day": ("7",)}


SIZED = [
    *((state, SMALL) for state in IN_A_STATE),
    ("live", WIDE),
    *(pytest.param(state, WIDE, marks=pytest.mark.slow) for state in ("stale", "killed", "held")),
    *(pytest.param(state, LARGE, marks=pytest.mark.slow) for state in ("live", "stale", "killed", "held")),
]
"""The smallest window cuts first."""


@pytest.mark.parametrize(("state", "size"), SIZED)
def test_pages_and_dialogs_are_as_stored_in_every_state_and_no_line_of_them_is_cut(
    state: str, size: tuple[int, int]
) -> None:
    """All of a state in one file and one run of the dashboard, by the names of the pages: a start costs most."""
    pages = Pages(state)

    async def script(desk: Desk) -> None:
        for name, keys in (DIALOGS | PANELS).items():
            await desk.press(*keys)
            pages.add(name, desk)
            for table in desk.app.screen.query(LiveTable):
                long = [plain(row.line) for row in table.rows if width_of(row.line) > table.line_width]
                assert not long or desk.top == "Overview", name
            for bar in desk.app.screen.query(LineBar):
                assert width_of(bar.line) <= bar.size.width or not bar.display, (name, plain(bar.line))
            while desk.top != "Overview" or desk.app.overview.panel:
                await desk.press("escape")
        pages.check()

    settings = Settings(master=Account(id="M", broker="paper"), children=(Child(id="C1", broker="paper"),))
    drive(IN_A_STATE[state], script, size=size, settings=settings)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["120x36", "80x24"])
def test_everything_of_a_child_with_its_limits_is_as_stored(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "enter")
        assert_screen(f"child-{size[0]}x{size[1]}", desk)
        if size == SMALL:  # the limits stand below: the page scrolls
            await desk.press("pagedown")
            assert_screen(f"child-below-{size[0]}x{size[1]}", desk)

    drive(s.condor(), script, size=size)


@pytest.mark.parametrize("size", [WIDE, SMALL, LARGE], ids=["120x36", "80x24", "200x60"])
def test_capital_that_has_moved_much_is_told_at_every_size(size: tuple[int, int]) -> None:
    base = s.condor()
    part = s.part_of("3/10", "10,50,000", capital_now_inr=s.rupees("13,86,000"), moved=Decimal("0.32"))
    children = (replace(base.children[0], scopes=part), *base.children[1:])
    strategies = (replace(base.strategies[0], baseline_moved=Decimal("-0.4")),)

    async def script(desk: Desk) -> None:
        assert desk.text.count("-40 % since") == 1
        assert desk.text.count("P&L") >= 1
        await desk.press("6", "enter")
        assert "capital now ₹13,86,000, +32 % since" in desk.text

    drive(s.condor(children=children, strategies=strategies), script, size=size)


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (20, 5), (1, 1)])
def test_too_small_a_terminal_says_so_and_keeps_the_header(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        if size[0] >= 60:
            assert desk.screen[0].startswith(" PAPER")
            assert f"{size[0]}x{size[1]}, needs 80x24" in desk.text

    drive(s.condor(), script, size=size)


def test_header_holds_mode_and_master_at_every_width() -> None:
    from tui.frame import Frame
    from tui.text import plain, width_of
    from tui.widgets.header import header_line

    frame = Frame(snapshot=s.condor(source="replay 2025-08-29", speed=Decimal(60)), now_ns=s.NOW, quiet_s=0)
    for width in range(100, 200):
        text = header_line(frame, width)
        assert width_of(text) <= width
        for part in ("PAPER", "replay 2025-08-29 ×60", "ZM0001", "ARMED", "lockstep" if width > 120 else "4/6"):
            assert part in plain(text)


def test_forty_children_are_a_list_worst_first() -> None:
    async def script(desk: Desk) -> None:
        rows = [text for text in desk.screen if "ZC00" in text][:3]
        assert ["held" in rows[0], "drift" in rows[1], "working" in rows[2]] == [True] * 3

    drive(s.crowd(40, 4), script)


def test_dense_matrix_has_one_mark_a_child() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("d")
        row = next(text for text in desk.screen if "24000 CE" in text)
        assert row.count("✓") >= 12 and "‖" in row and "/" not in row

    drive(s.crowd(), script)


def test_no_colour_is_needed_to_tell_live_from_paper() -> None:
    async def script(desk: Desk) -> None:
        assert desk.screen[0].startswith(" LIVE") and " LIVE " in desk.screen[2]

    drive(s.live(), script)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_no_colour_is_needed_to_find_the_selected_child(size: tuple[int, int], *, dense: bool) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*(["d"] if dense else []), "right", "right")
        (heads,) = [text for text in desk.screen if " leg " in text and "master" in text]
        assert ("[02]" if dense else "[ZC0002]") in heads
        assert heads.count("[") == 1

    drive(s.condor(), script, size=size)


def test_themes_can_be_changed_while_running() -> None:
    async def script(desk: Desk) -> None:
        before = desk.text
        for theme in ("lockstep-colour-blind", "lockstep-light", "textual-light", "nord", "lockstep"):
            desk.app.theme = theme
            await desk.settle()
            assert desk.text == before

    drive(s.condor(), script)


def test_resize_from_and_to_nothing_keeps_the_picture() -> None:
    async def script(desk: Desk) -> None:
        before = desk.text
        for size in ((1, 1), SMALL, (200, 60), WIDE):
            await desk.pilot.resize_terminal(*size)
            await desk.settle()
        assert desk.text == before

    drive(s.condor(), script)


def test_hostile_text_survives_every_dialog() -> None:
    async def script(desk: Desk) -> None:
        assert "[red]M&M" in desk.text
        for keys in (("f12",), ("enter",), ("f", "enter"), ("r",), ("k", "enter"), ("j",), ("x",), ("q",), ("m",)):
            await desk.press("escape", "escape")
            await desk.press(*keys)
            assert "\x1b" not in desk.text
        await desk.press("escape", "escape", "2", "enter")
        assert "[b]rejected" in desk.text

    drive(s.hostile(), script)


def test_no_color_leaves_marks_and_words_in_shades_of_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(desk: Desk) -> None:
        strips = desk.app.screen._compositor.render_strips()
        for line_filter in desk.app.get_line_filters():
            strips = [strip.apply_filter(line_filter, Color(0, 0, 0)) for strip in strips]
        colours = {
            colour.get_truecolor()
            for strip in strips
            for segment in strip
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None
        }
        assert colours
        assert all(max(colour) - min(colour) <= 1 for colour in colours)
        assert "-2/-3 ?" in desk.text

    drive(s.condor(), script)
