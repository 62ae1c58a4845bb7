"""Somebody leans on the keyboard: bursts of keys, pastes, sizes and pictures at random never end the dashboard."""

import asyncio
import os
from random import Random

import pytest
from textual import events

from engine.snapshot import Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import LARGE, SMALL, WIDE, Desk, drive
from tests.tui.test_restart import NOTHING, WAITING

KEYS = (
    *"abcdefghijklmnopqrstuvwxyz0123456789 /?-+.",
    *("enter", "escape", "up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "shift+tab"),
    *("space", "backspace", "delete", "f1", "f12", "ctrl+p", "ctrl+q", "ctrl+a", "ctrl+z", "question_mark", "slash"),
    *("enter", "escape", "down", "y", "n"),
)
WORDS = ("FLATTEN", "RESET", "LIVE", "KILL", "EXIT", "RESUME", "RESEND", "none", "2", "-1", "10m", "5 L")
PASTES = ("FLATTEN\nFLATTEN\n", "\x1b[200~[red]\u202e\x00", "k" * 5000, "१२३ \U0001f4a5")
SIZES = (WIDE, SMALL, LARGE, (40, 10), (1, 1), (300, 20))
SEEDS = int(os.environ.get("LOCKSTEP_MONKEYS", "40"))


def picture(rng: Random) -> Snapshot:
    """One of the stored situations."""
    makes = (s.flat, s.condor, s.asking, s.live, s.stale, s.killed, s.hostile, s.staged, s.crowd)
    found = rng.choice((*makes, None))
    return rng.choice((NOTHING, WAITING)) if found is None else found()


def mouse(rng: Random) -> events.Event:
    """The mouse moved, pressed, let go, or its wheel turned, anywhere."""
    kind = rng.choice(
        (events.MouseMove, events.MouseDown, events.MouseUp, events.MouseScrollUp, events.MouseScrollDown)
    )
    x, y = rng.randint(0, 150), rng.randint(0, 40)
    return kind(None, x, y, 0, 0, rng.choice((0, 1)), False, False, False, x, y)


async def lean(desk: Desk, rng: Random, bursts: int) -> None:
    """Bursts of keys, each faster than the dashboard looks at them."""
    for _ in range(bursts):
        what = rng.random()
        if what < 0.1:
            number = 0 if desk.feed.newest is None else desk.feed.newest.seq
            desk.feed.newest = s.changed(picture(rng), seq=number + 1)
            await desk.look()
        elif what < 0.15:
            await desk.pilot.resize_terminal(*rng.choice(SIZES))
        elif what < 0.2:
            desk.app.post_message(events.Paste(rng.choice(PASTES)))
        keys = [rng.choice(KEYS) for _ in range(rng.randint(1, 8))]
        if rng.random() < 0.2:
            keys += [*rng.choice(WORDS), *["enter"] * rng.randint(1, 3)]
        for key in keys:
            desk.app.post_message(events.Key(key, key if len(key) == 1 else None))
            if rng.random() < 0.2:
                desk.app.post_message(mouse(rng))
        if rng.random() < 0.7:
            await desk.settle()
        if not desk.app.is_running or desk.app.return_code is not None:
            return


async def keys_of(seed: int, desk: Desk) -> None:
    rng = Random(seed)
    await lean(desk, rng, 60)
    await desk.settle()


@pytest.mark.parametrize("seed", range(4))
def test_keys_at_random_end_nothing_but_by_an_orderly_quit(seed: int) -> None:
    monkey(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 4 + SEEDS))
def test_many_more_keys_at_random(seed: int) -> None:
    monkey(seed)


def monkey(seed: int) -> None:
    """One seed: an error of the dashboard is raised by the harness."""

    async def script(desk: Desk) -> None:
        await asyncio.wait_for(keys_of(seed, desk), 300)
        assert desk.app.return_code in (None, 0)

    drive(picture(Random(f"{seed}: first")), script)
