"""What the dashboard remembers of its user from one start to the next: how he wants the screen. No trades.

A file that is missing, foreign or damaged is no reason to stop: the screen starts as it does for the first time.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from config.files import replace_private

WORDS_MOST = 200
"Longer filters are cut."
FILTERS_KEPT = ("copies", "accounts")
"""Panels whose filter is remembered: it holds only while its panel fills the screen, which says so in its title.

The others must not begin with rows left out that the operator has forgotten about: of the events it could be an alarm,
of the working orders the one without an outcome, to which an alarm's key leads, of the legs one that has drifted.
What is left out of the accounts stands on the overview all the same, and their title counts who is not in lockstep.
"""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How the user wants the screen. The fields are those of the file, a JSON object."""

    theme: str = ""
    "Name of a theme, '' for the usual one."
    dense: bool = False
    bell: bool = False
    notes: bool = False
    "Fills, refusals, drifts and alarms as notes over the screen."
    sorts: dict[str, str] = {}
    "The order of a panel's rows by its name, of those that are not in their usual one. It moves rows and hides none."
    filters: dict[str, str] = {}
    "The words of a panel's filter, of those in `FILTERS_KEPT`; others in the file are not read."


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
            with contextlib.suppress(OSError, ValueError, RecursionError, msgspec.DecodeError):
                return msgspec.json.decode(self._path.read_bytes(), type=Habits)
        return Habits()

    def keep(self, **changes: str | bool | Mapping[str, str]) -> None:
        """Change some habits and write all of them. Raises `OSError`; they hold until the program ends all the same."""
        habits = msgspec.structs.replace(self.habits, **changes)
        if habits == self.habits:
            return
        self.habits = habits
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_private(self._path, msgspec.json.format(msgspec.json.encode(habits)) + b"\n")
