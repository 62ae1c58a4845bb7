"""One read of a file for a page, on a thread of its own. The page looks for what it has brought; nobody waits."""

from collections.abc import Callable
from typing import Generic, TypeVar

from engine.aside import aside
from engine.clock import ticks_s
from engine.errors import LockstepError

T = TypeVar("T")


class Reading(Generic[T]):
    """A read under way, and then what it has brought.

    Args:
        name: Of the thread.
        read: What is done there; it may raise `LockstepError` with what to tell.
    """

    def __init__(self, name: str, read: Callable[[], T]) -> None:
        self.value: T | None = None
        "`None` until it is done, and where it failed."
        self.refusal = ""
        "Why it failed, for people."
        self.took_s = 0.0
        self.done = False
        "Set last: then the rest can be looked at."
        self._read = read
        aside(name, self._run)

    def _run(self) -> None:
        began_s = ticks_s()
        try:
            self.value = self._read()
        except LockstepError as error:
            self.refusal = str(error)
        except Exception as error:  # noqa: BLE001  the page says so; the dashboard and the engine go on
            self.refusal = f"The journal cannot be read: {type(error).__name__}"
        self.took_s = ticks_s() - began_s
        self.done = True
