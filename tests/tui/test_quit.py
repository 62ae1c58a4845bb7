"""Leaving the dashboard: at once where nobody is left alone, after a question else."""

import pytest

from config.schema import Mode
from engine.snapshot import EngineState
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive


def test_quit_leaves_at_once_when_nothing_is_open() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("q")
        assert desk.app.return_value == 0

    drive(s.flat(), script)


def test_quit_asks_with_nothing_open_while_real_orders_would_follow_the_master() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("q")
        assert "what the master trades from now on is not copied" in " ".join(desk.text.split())
        await desk.press("y")
        assert desk.app.return_value is None
        desk.app.screen.arm()  # type: ignore[attr-defined]  # as if the 0.6 s had passed
        await desk.press("y")
        assert desk.app.return_value == 0

    drive(s.flat(mode=Mode.LIVE), script, arm_s=3600)


@pytest.mark.parametrize(
    "calm",
    [
        {"mode": Mode.PAPER},
        {"market_open": False},
        {"engine": EngineState.PAUSED},
    ],
)
def test_quit_does_not_ask_when_no_real_order_would_follow(calm: dict[str, object]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("q")
        assert desk.app.return_value == 0

    drive(s.flat(**({"mode": Mode.LIVE} | calm)), script)


def test_key_that_closed_a_dialog_and_came_twice_quits_nothing() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("question_mark", "q", "q")
        assert (desk.top, desk.app.return_value) == ("Overview", None)
        assert "q again quits" in [str(note.message) for note in desk.app._notifications][-1]
        desk.app.arm_s = 0
        await desk.press("question_mark", "escape", "q")
        assert desk.app.return_value == 0

    drive(s.flat(), script, arm_s=3600)


def test_keys_of_kill_and_quit_in_turn_pile_up_no_dialogs() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("enter", *["f12", "ctrl+q"] * 5)
        assert [type(screen).__name__ for screen in desk.app.screen_stack[1:]] == ["Notice", "Kill", "Question", "Kill"]
        await desk.press("escape", "escape", "escape", "escape")
        assert desk.top == "Overview"

    drive(s.condor(), script)


def test_quit_asks_with_a_strategy_open() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("q")
        assert desk.app.return_value is None
        assert "nobody follows the master" in " ".join(desk.text.split())
        await desk.press("ctrl+q", "n")
        assert desk.top == "Overview"
        await desk.press("ctrl+q", "y")
        assert desk.app.return_value == 0

    drive(s.condor(), script)


def test_the_key_that_ends_other_programs_says_once_what_ends_this_one() -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*["ctrl+c"] * 5)
        assert [note.message for note in desk.app._notifications] == ["ctrl+c ends nothing here: ctrl+q quits."]

    drive(s.condor(), script)
