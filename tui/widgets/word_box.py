"""A line to type in that takes the first line of what is pasted, and no more than it has room for."""

from textual import events
from textual.widgets import Input

from tui.pastes import MOST


class WordBox(Input):
    """One line of typed or pasted text.

    Args:
        id: The widget's id.
        placeholder: Shown while it is empty.
        password: Whether dots are shown for what is typed.
        most: Characters that it takes.
    """

    def __init__(self, *, id: str, placeholder: str, password: bool = False, most: int = MOST) -> None:
        super().__init__(id=id, placeholder=placeholder, password=password, max_length=most)
        self._most = most

    def on_paste(self, event: events.Paste) -> None:
        """The first line with anything in it, as much of it as there is room for; it is never sent by itself."""
        event.prevent_default()
        event.stop()
        pasted = next((line.strip() for line in event.text.splitlines() if line.strip()), "")
        start, end = sorted(self.selection)
        room = self._most - len(self.value) + end - start
        self.replace(pasted[: max(room, 0)], start, end)
