"""Runs the dashboard without a terminal against a fake feed, and reads its screen as plain text."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from textual.pilot import Pilot

from config.schema import Settings
from engine.events import Operator
from engine.snapshot import Snapshot
from tests.tui.snapshots import FakeFeed
from tui.app import LockstepApp
from tui.bridge import AccountDesk, History
from tui.memory import Memory
from tui.screens.child_page import ChildPage
from tui.screens.copy_page import CopyPage

WIDE = (120, 36)
SMALL = (80, 24)
LARGE = (200, 60)
STORED = Path(__file__).parent / "__snapshots__"


class StillApp(LockstepApp):
    """The dashboard without its timer: a slow test sees no older picture than a fast one."""

    def tick(self) -> None:
        pass


@dataclass
class Desk:
    """The dashboard under test."""

    app: LockstepApp
    feed: FakeFeed
    pilot: Pilot[Any]

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.settle()

    async def type(self, text: str) -> None:
        await self.press(*text, "enter")

    async def settle(self) -> None:
        await self.pilot.pause()
        await self.pilot.pause()

    async def publish(self, **changes: object) -> None:
        self.feed.publish(**changes)
        await self.look()

    async def look(self) -> None:
        """What the timer does."""
        self.app.pull()
        await self.settle()

    @property
    def screen(self) -> list[str]:
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.screen)

    @property
    def sent(self) -> list[Operator]:
        return self.feed.sent

    @property
    def top(self) -> str:
        return type(self.app.screen).__name__


Script = Callable[[Desk], Awaitable[None]]


def drive(
    start: Snapshot | None,
    script: Script,
    *,
    size: tuple[int, int] = WIDE,
    arm_s: float = 0,
    refusal: str = "",
    accounts: AccountDesk | None = None,
    memory: Memory | None = None,
    settings: Settings | None = None,
    history: History | None = None,
    notes: bool = False,
) -> FakeFeed:
    """Run a script against the dashboard; no timer ticks, so the script decides when to look.

    `notes`: whether short notes are drawn.
    """

    async def run() -> FakeFeed:
        feed = FakeFeed(start, live_refusal=refusal)
        app = StillApp(feed, hz=1, arm_s=arm_s, desk=accounts, memory=memory, settings=settings, history=history)
        async with app.run_test(size=size, notifications=notes) as pilot:
            desk = Desk(app, feed, pilot)
            await desk.look()
            await script(desk)
        return feed

    return asyncio.run(run())


def assert_screen(name: str, desk: Desk) -> None:
    """The screen is as stored; `LOCKSTEP_UPDATE_SCREENS=1` stores it anew (then look at the difference)."""
    _assert_stored(name, desk.text)


def _assert_stored(name: str, text: str) -> None:
    path = STORED / f"{name}.txt"
    if os.environ.get("LOCKSTEP_UPDATE_SCREENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n", f"{path.name} differs"


class Pages:
    """Many screens of one run in one stored file.

    Args:
        state: Of the file's name.
    """

    def __init__(self, state: str) -> None:
        self._state, self._size, self._texts = state, (0, 0), list[str]()

    def add(self, page: str, desk: Desk) -> None:
        """Take the screen as it is."""
        self._size = desk.app.size.width, desk.app.size.height
        self._texts.append(f"=== {page}\n{desk.text}")

    def check(self) -> None:
        """All of them are as stored."""
        _assert_stored(f"pages-{self._state}-{self._size[0]}x{self._size[1]}", "\n".join(self._texts))


Page = TypeVar("Page", CopyPage, ChildPage)


async def read_through(desk: Desk, page_type: type[Page]) -> Page:
    """What is being read is there and drawn; the dashboard looks once, however long that takes."""
    page = desk.app.screen
    assert isinstance(page, page_type)
    while page._reading is not None and not page._reading.done:
        await asyncio.sleep(0.002)
    await desk.look()
    return page
