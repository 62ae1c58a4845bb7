"""What the dashboard remembers of its user from one start to the next: theme, dense matrix, bell, notes. No trades.

A file that is missing, foreign or damaged is no reason to stop: the screen starts as it does for the first time.
"""

import contextlib
from pathlib import Path

import msgspec

from config.files import replace_private


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How the user wants the screen. The fields are those of the file, a JSON object."""

    theme: str = ""
    "Name of a theme, '' for the usual one."
    dense: bool = False
    bell: bool = False
    notes: bool = False
    "Fills, refusals and alarms as notes over the screen."


class Memory:
    """The file of the habits.

    Args:
        path: The file; `None` forgets everything at the end of the program.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.habits = self._read()

    def _read(self) -> Habits:
        if self._path is not None:
            with contextlib.suppress(OSError, msgspec.DecodeError):
                return msgspec.json.decode(self._path.read_bytes(), type=Habits)
        return Habits()

    def keep(self, **changes: str | bool) -> None:
        """Change some habits and write all of them. Raises `OSError`; they hold until the program ends all the same."""
        habits = msgspec.structs.replace(self.habits, **changes)
        if habits == self.habits:
            return
        self.habits = habits
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_private(self._path, msgspec.json.format(msgspec.json.encode(habits)) + b"\n")
