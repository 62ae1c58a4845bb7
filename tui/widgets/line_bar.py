"""A bar of one line that redraws only when its text changed, and asks for no new layout; its keys can be clicked."""

from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui.text import EMPTY, Line, clean, key_at
from tui.widgets.tones import rich_tone


class LineBar(Widget):
    """One line of styled text."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._line: Line = EMPTY

    @property
    def line(self) -> Line:
        """What is shown."""
        return self._line

    def show(self, line: Line) -> None:
        """Show this line; nothing is drawn when it is shown already."""
        if line != self._line:
            self._line = line
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click on a key of a key line presses it."""
        key = key_at(self._line, event.get_content_offset_capture(self).x)
        if key:
            event.stop()
            self.app.simulate_key(key)

    def render_line(self, y: int) -> Strip:
        if y:
            return Strip.blank(self.size.width, self.rich_style)
        segments = [Segment(clean(span.text), rich_tone(self, span.tone)) for span in self._line]
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)
