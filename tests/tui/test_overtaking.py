"""F12 overtakes keys that were typed before it: these kill nothing, and what is typed after it counts at once."""

import pytest
from textual.events import Key

from engine import events as ev
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive


@pytest.mark.parametrize(
    ("typed", "level"),
    [(("2", "f12"), 0), (("1", "2", "f12"), 0), (("f12", "2"), 2), (("2", "f12", "1"), 1)],
    ids=["2 f12", "1 2 f12", "f12 2", "2 f12 1"],
)
def test_keys_of_one_burst_are_for_what_they_were_typed_at(typed: tuple[str, ...], level: int) -> None:
    async def script(desk: Desk) -> None:
        for key in typed:
            desk.app.post_message(Key(key, key if len(key) == 1 else None))
        await desk.settle()
        await desk.settle()
        assert (desk.top == "Kill") is (level == 0)

    sent = [ev.KillSwitched(at_ns=s.NOW, level=level)] if level else []
    assert drive(s.condor(), script).sent == sent


def test_dialog_that_was_overtaken_is_killed_from_by_the_next_key() -> None:
    async def script(desk: Desk) -> None:
        desk.app.post_message(Key("2", "2"))
        desk.app.post_message(Key("f12", None))
        await desk.settle()
        await desk.press("2")

    assert drive(s.condor(), script).sent == [ev.KillSwitched(at_ns=s.NOW, level=2)]
