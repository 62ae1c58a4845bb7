"""A framed live table that draws one slice of the snapshot. Hidden panels do no work."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events

from tui.frame import Frame
from tui.text import EMPTY, Line, Span, Tone, clean, has_words, line
from tui.widgets.live_table import LiveTable, Row

NO_MATCH = "Nothing matches. / changes the filter."
WORDS_SHOWN = 24
"Of a filter's words in a title, so that what stands behind them is seen."


class Panel(LiveTable):
    """Base of the panels: rebuilt from the newest frame when it, or the size, changes."""

    SORTS: ClassVar[tuple[str, ...]] = ()
    "Orders that the rows can be in, the usual one first; empty where there is only one."
    sort = ""
    "Name of the order that is wanted; one that is not in `orders()` stands for the usual one."

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.frame: Frame | None = None
        self.wanted = ""
        "The filter: words that a row must have."

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

    def filter_by(self, wanted: str) -> None:
        """Show only rows that have all these words."""
        self.wanted = wanted
        self.rebuild()

    def orders(self) -> tuple[str, ...]:
        """`SORTS`, or those of what the panel shows just now."""
        return self.SORTS

    @property
    def order(self) -> str:
        """The name of the order that the rows are in, '' where there is only one."""
        orders = self.orders()
        return self.sort if self.sort in orders else next(iter(orders), "")

    @property
    def is_usual(self) -> bool:
        """Whether the rows are in their usual order."""
        return self.order in ("", *self.orders()[:1])

    def sort_next(self) -> str:
        """Take the next order; its name, '' where there is only one."""
        orders = self.orders()
        if orders:
            self.sort = orders[(orders.index(self.order) + 1) % len(orders)]
        self.rebuild()
        return self.order

    def matches(self, text: str) -> bool:
        """Whether every word of the filter is in a text, in any case."""
        return has_words(text, self.wanted)

    def told(self, found: int) -> tuple[Span, ...]:
        """For the title: the order where it is not the usual one, and the filter with how many rows it leaves."""
        order = "" if self.is_usual else f" · by {self.order}"
        shown = clean(self.wanted)
        shown = shown if len(shown) <= WORDS_SHOWN else f"{shown[: WORDS_SHOWN - 1]}…"
        words = f" · filter '{shown}': {found}" if shown else ""
        return Span(order, Tone.KEY), Span(words, Tone.KEY)

    def show_found(self, found: Sequence[Row], *, of: int, nothing: str, head: Line = EMPTY) -> None:
        """Show what the filter left of so many rows; where that is none, say whether there is anything at all."""
        text = NO_MATCH if of else nothing
        self.set_rows(found or [Row("", line(Span(text, Tone.DIM)))], head)

    def on_click(self, event: events.Click) -> None:
        """A click on the names of the columns takes the next order of the rows; the table's own is called, too."""
        if self.head_lines and event.get_content_offset_capture(self).y == 0:
            self.app.simulate_key("s")

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self.rebuild()

    def on_show(self) -> None:
        """It may have missed frames."""
        self.rebuild()
