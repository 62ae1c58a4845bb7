"""What was painted is what the screen should show: nothing is left over, and nothing missing, whatever came in between.

The dashboard's output is drawn by an emulator and compared with a picture that is made anew.
"""

from random import Random

import pytest
from textual import events
from textual._compositor import CompositorUpdate
from textual.screen import Screen
from textual.widget import Widget

from tests.tui import snapshots as s
from tests.tui.emulator import Emulator
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, StillApp, drive
from tui import operations

KEYS = (
    *("1", "2", "3", "4", "5", "6", "7", "i", "d", "b", "n", "s", "g", "question_mark", "escape", "escape", "escape"),
    *("tab", "f12", "ctrl+p", "ctrl+c", "down", "up", "pagedown", "pageup", "home", "end"),
)
WHEELS = (events.MouseScrollDown, events.MouseScrollUp, events.MouseMove)
PICTURES = (s.condor, s.crowd, s.flat, s.killed, s.asking, s.live)
TOLD_S = 0.1
"Notes are over at once."


class Painter:
    """The terminal that the dashboard paints on."""

    def __init__(self, patch: pytest.MonkeyPatch, rng: Random) -> None:
        self._emulator = Emulator(1, 1)
        self._size = (1, 1)
        lay_out = Screen._refresh_layout

        def asked_and_lay_out(screen: Screen[object], *args: object, **options: object) -> None:
            """Something out of sight had news, somebody asks where it is, and perhaps the screen is painted meanwhile."""
            screen._compositor._full_map_invalidated = True
            assert screen._compositor.full_map is not None
            if screen.is_current and rng.random() < 0.5:
                screen._compositor.update_widgets(screen._dirty_widgets)
                screen._compositor_refresh()
            lay_out(screen, *args, **options)  # type: ignore[arg-type]

        patch.setattr(Screen, "_refresh_layout", asked_and_lay_out)
        patch.setattr(StillApp, "_display", self._paint)
        patch.setattr(operations, "TOLD_S", TOLD_S)

    @property
    def lines(self) -> list[str]:
        return self._emulator.lines

    def _paint(self, screen: Screen[object], update: object) -> None:
        app = screen.app
        if app._batch_count or not isinstance(update, CompositorUpdate):
            return
        if self._size != (app.size.width, app.size.height):
            self._size = (app.size.width, app.size.height)
            self._emulator = Emulator(app.size.height, app.size.width)
        self._emulator.feed(update.render_segments(app.console).encode())


async def comes_to_rest(desk: Desk, painter: Painter) -> bool:
    """Wait until notes are over; whether what is painted is right then, or as soon as everything is laid out."""
    await desk.pilot.pause(3 * TOLD_S)
    for _ in range(100):
        await desk.settle()
        if painter.lines == desk.screen:
            return True
    return False


async def use(desk: Desk, rng: Random) -> str:
    """Do something; what it was."""
    screen = desk.app.screen
    widgets: list[Widget] = [screen, *screen.query(Widget)]
    what = rng.choice(("key", "key", "key", "note", "picture", "ask", "news", "wheel", "wait"))
    if what == "key":
        what = rng.choice(KEYS)
        await desk.pilot.press(what)
    elif what == "note":
        desk.app.tell(f"{'x' * rng.randint(1, 60)} {rng.random()}")
    elif what == "picture":
        newest = desk.feed.newest
        desk.feed.newest = s.changed(rng.choice(PICTURES)(), seq=1 if newest is None else newest.seq + 1)
        desk.app.pull()
    elif what == "ask":
        _ = rng.choice(widgets).region
    elif what == "news":
        rng.choice(widgets).refresh()
    elif what == "wheel":
        x, y = rng.randrange(desk.app.size.width), rng.randrange(desk.app.size.height)
        screen._forward_event(rng.choice(WHEELS)(None, x, y, 0, 0, 0, False, False, False, x, y))
    else:
        await desk.settle()
    return what


@pytest.mark.parametrize("seed", range(4))
def test_what_was_painted_is_what_is_to_be_seen(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, painter = Random(seed), Painter(monkeypatch, Random(seed))

    async def script(desk: Desk) -> None:
        done = []
        for _ in range(30):
            done.append(await use(desk, rng))
            if rng.random() < 0.15:
                assert await comes_to_rest(desk, painter), done

    drive(rng.choice((s.condor, s.crowd))(), script, size=rng.choice((WIDE, SMALL, LARGE)), notes=True)
