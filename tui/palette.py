"""Textual's command palette without its fault: a page key while its list is being built must not end the dashboard."""

from contextlib import suppress
from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette

from tui.compositor import paint_whole


class Palette(CommandPalette):
    """The command palette."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        paint_whole(self)

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Leave, once: a key that was pressed twice reaches a palette that is left already."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()

    def _action_command_list(self, action: str) -> None:
        """Move in the list; nothing where its lines are not counted yet (a KeyError of `OptionList`)."""
        with suppress(KeyError, IndexError):
            super()._action_command_list(action)
