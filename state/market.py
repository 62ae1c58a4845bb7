"""The files of a simulated market: what it is made of, beside the state of the sessions that traded in it.

It must not know what the inputs mean. Killed at any point, the state of an old market is never taken for a new one's.
"""

import contextlib
import shutil
from pathlib import Path

from config.schema import Mode
from engine.errors import JournalFailed
from state.files import write_durably
from state.store import mode_directory, state_files

WORLD_NAME = "world.json"


def world_of(root: Path) -> bytes:
    """What the market below `root` is made of, as it was written; empty when nothing tells."""
    path = root / WORLD_NAME
    return path.read_bytes() if path.exists() else b""


def has_state(root: Path, mode: Mode) -> bool:
    """Whether sessions left something there; files in which nothing was ever written do not count."""
    return any(path.stat().st_size for path in state_files(mode_directory(root, mode)))


def empty_for(root: Path, mode: Mode, world: bytes) -> None:
    """Remove the state of the old market and write what the new one is made of. Raises `JournalFailed`."""
    state = mode_directory(root, mode)
    old = state.with_name(f"{state.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    try:
        with contextlib.suppress(FileNotFoundError):
            state.rename(old)
        write_durably(root / WORLD_NAME, world)
    except OSError as error:
        raise JournalFailed(f"A new market cannot begin below {root}: {error}. Nothing was started.") from error
    shutil.rmtree(old, ignore_errors=True)
