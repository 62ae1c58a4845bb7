"""A bar of one line that redraws only when its text changed, and never asks for a new layout."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.text import EMPTY, Line, clean
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

    def render_line(self, y: int) -> Strip:
        if y:
            return Strip.blank(self.size.width, self.rich_style)
        segments = [Segment(clean(span.text), rich_tone(self, span.tone)) for span in self._line]
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)
