"""A framed live table that draws one slice of the snapshot. Hidden panels do no work."""

from tui.frame import Frame
from tui.widgets.live_table import LiveTable


class Panel(LiveTable):
    """Base of the panels: rebuilt from the newest frame when it, or the size, changes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.frame: Frame | None = None

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame."""
        self.frame = frame
        self.rebuild()

    def rebuild(self) -> None:
        """Draw the newest frame (again), unless the panel is not on the screen."""
        if self.frame is not None and self.display and self.line_width > 0:
            self.draw(self.frame, self.line_width)

    def draw(self, frame: Frame, width: int) -> None:
        """Set title and rows for lines of at most `width` cells."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self.rebuild()

    def on_show(self) -> None:
        """It may have missed frames."""
        self.rebuild()
