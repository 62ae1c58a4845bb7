"""Which keys the app hears: none for a moment after a dialog closed by itself, for they were meant for that dialog."""

import asyncio

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.events import Event, Key

ALWAYS = "f12"
"The kill switch waits for nothing."


class Ears(App[int]):
    """The part of the app that takes keys.

    Args:
        arm_s: For so long keys may still be meant for what was on the screen before.
    """

    def __init__(self, *, arm_s: float) -> None:
        super().__init__()
        self.arm_s = arm_s
        self._deaf_until_s = 0.0
        self._closing_until_s = 0.0
        self.typed_at_s = 0.0
        "When the key was typed that is being obeyed. Textual takes a name like key_s for what handles the key s."

    async def on_event(self, event: Event) -> None:
        """Keys come here first, and again when no dialog wanted them."""
        if isinstance(event, Key):
            self.typed_at_s = event.time
        if isinstance(event, Key) and event.key != ALWAYS and _now_s() < self._deaf_until_s:
            event.stop()
            return
        await super().on_event(event)

    def ignore_keys(self) -> None:
        """Hear no key for a moment."""
        self._deaf_until_s = _now_s() + self.arm_s

    def pop_screen(self) -> AwaitComplete:
        """A dialog is closed: a key that was pressed twice for that must not do what it does without the dialog."""
        self._closing_until_s = _now_s() + self.arm_s
        return super().pop_screen()

    @property
    def has_just_closed(self) -> bool:
        """Whether a dialog was closed a moment ago."""
        return _now_s() < self._closing_until_s


def _now_s() -> float:
    """The time by which timers run."""
    return asyncio.get_running_loop().time()
