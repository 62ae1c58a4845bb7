"""The files of a simulated market: what it is made of, beside the state of the sessions that traded in it.

It must not know what the inputs mean. Killed at any point, the state of an old market is never taken for a new one's,
and one that is to be kept is in its place or whole under its day.
"""

import contextlib
import shutil
from itertools import count
from pathlib import Path

from config.schema import Mode
from engine.errors import JournalFailed
from state.files import make_directory, sync_directory, write_durably
from state.store import mode_directory, state_files

WORLD_NAME = "world.json"
PAST_NAME = "past"
"Where the state of markets that are over is kept, a directory each: `2026-11-02`, the next of that day `2026-11-02.2`."


def world_of(root: Path) -> bytes:
    """What the market below `root` is made of, as it was written; empty when nothing tells."""
    path = root / WORLD_NAME
    return path.read_bytes() if path.exists() else b""


def has_state(root: Path, mode: Mode) -> bool:
    """Whether sessions left something there; files in which nothing was ever written do not count."""
    return any(path.stat().st_size for path in state_files(mode_directory(root, mode)))


def empty_for(root: Path, mode: Mode, world: bytes, *, keep_under: str = "") -> Path | None:
    """Put the state of the old market away and write what the new one is made of.

    Args:
        root: The data directory of the market.
        mode: Whose state.
        world: What the new market is made of.
        keep_under: ISO date of the day under which the old state is kept; '' removes it.

    Returns:
        Where it is kept, `None` when it was removed, or there was none.

    Raises:
        JournalFailed: The disk refused it. The old state is in its place, or kept.
    """
    state = mode_directory(root, mode)
    old = state.with_name(f"{state.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    kept = _free_place(root, keep_under) if keep_under and has_state(root, mode) else None
    try:
        if kept is not None:
            make_directory(kept.parent)
        with contextlib.suppress(FileNotFoundError):
            state.rename(kept or old)
        if kept is not None:  # a new world must not be on the disk beside the old one's state
            sync_directory(kept.parent)
            sync_directory(root)
        write_durably(root / WORLD_NAME, world)
    except OSError as error:
        raise JournalFailed(f"A new market cannot begin below {root}: {error}. Nothing was started.") from error
    shutil.rmtree(old, ignore_errors=True)
    return kept


def remove_past(root: Path, before_day: str) -> int:
    """Remove what is kept of days before one (ISO); how many sessions' states. What cannot be removed stays, unsaid."""
    old = [path for path in (root / PAST_NAME).glob("????-??-??*") if path.name[:10] < before_day]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return sum(not path.exists() for path in old)


def _free_place(root: Path, day: str) -> Path:
    names = (day if number == 1 else f"{day}.{number}" for number in count(1))
    return next(path for name in names if not (path := root / PAST_NAME / name).exists())
