"""What the dashboard needs of the engine, and nothing more.

The dashboard pulls values and drops operator events; it never waits for the engine and the engine never waits for it.
Must not import the engine's shell.
"""

from typing import Protocol

from engine.events import Operator
from engine.snapshot import Snapshot


class EngineFeed(Protocol):
    """One running engine, seen from the dashboard's thread."""

    @property
    def live_refusal(self) -> str:
        """Why LIVE is impossible (a sentence), '' when it is possible."""
        ...

    def snapshot(self) -> Snapshot | None:
        """The newest picture, `None` before the first. Cheap: called several times a second."""
        ...

    def send(self, event: Operator) -> None:
        """Hand an operator's order to the engine. Thread-safe, never blocks."""
        ...

    def now_ns(self) -> int:
        """The engine's clock (scaled in a replay), for ages, countdowns and the time of operator events."""
        ...
