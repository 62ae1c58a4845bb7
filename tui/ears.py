"""Which keys the app hears: none for a moment after a dialog closed by itself, for they were meant for that dialog."""

from textual.app import App
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
        self._deaf = 0
        "Moments under way in which no key is heard."

    async def on_event(self, event: Event) -> None:
        """Keys come here first, and again when no dialog wanted them."""
        if self._deaf and isinstance(event, Key) and event.key != ALWAYS:
            event.stop()
            return
        await super().on_event(event)

    def ignore_keys(self) -> None:
        """Hear no key for a moment."""
        if self.arm_s > 0:
            self._deaf += 1
            self.set_timer(self.arm_s, self._hear_again)

    def _hear_again(self) -> None:
        self._deaf -= 1
