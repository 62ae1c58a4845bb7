"""The one screen that is always there: header, strategy, matrix, copies, needs-you, events; each panel full screen too.

Panels are shown and hidden, never made anew. Answers nothing itself: rows are handed to the app's details.
"""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from tui.compositor import paint_whole
from tui.frame import Frame
from tui.memory import FILTERS_KEPT, WORDS_MOST, Habits
from tui.text import Line, Span, Tone, clean, line
from tui.widgets.accounts import Accounts
from tui.widgets.attention import NeedsYou, attention_line
from tui.widgets.copies import Copies, copy_lines
from tui.widgets.day import Day
from tui.widgets.events import Events
from tui.widgets.header import banner_line, header_line
from tui.widgets.keybar import key_line
from tui.widgets.line_bar import LineBar
from tui.widgets.matrix import Matrix
from tui.widgets.orders import Orders
from tui.widgets.panel import Panel
from tui.widgets.strategy_line import strategy_line
from tui.widgets.word_box import WordBox

WIDTH_MIN, HEIGHT_MIN = 80, 24
WIDE, TALL = 110, 30
PANELS = ("matrix", "copies", "needs", "events", "orders", "accounts", "day")
FILTERED = ("matrix", "copies", "events", "orders", "accounts")
"What needs the operator is never filtered away."
MIDDLE_LINES = 8
"Copies and needs-you on the overview."
EVENTS_LEAST = 4
"Fewer lines than these are not worth a frame."


class Overview(Screen[None]):
    """Everything at a glance.

    Args:
        habits: How the user wants the panels.
    """

    AUTO_FOCUS = "#matrix"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "overview", "overview", show=False, tooltip="Back to the overview"),
    ]

    class FilterKept(Message):
        """The operator is done with the filter of a panel that is remembered."""

        def __init__(self, filters: dict[str, str]) -> None:
            super().__init__()
            self.filters = filters
            "By panel; those without words are left out."

    def __init__(self, habits: Habits) -> None:
        super().__init__()
        paint_whole(self)
        self._habits = habits
        self._filters = {
            name: clean(words)[:WORDS_MOST] for name, words in habits.filters.items() if name in FILTERS_KEPT
        }
        self.panel = ""
        self.frame: Frame | None = None
        self._matrix_height: int | str = ""

    def compose(self) -> ComposeResult:
        yield LineBar(id="header")
        yield LineBar(id="strategy")
        yield LineBar(id="banner")
        yield LineBar(id="too-small")
        yield Matrix(id="matrix", dense=self._habits.dense)
        with Horizontal(id="middle"):
            yield Copies(id="copies")
            yield NeedsYou(id="needs")
        yield Events(id="events")
        yield Orders(id="orders")
        yield Accounts(id="accounts")
        yield Day(id="day")
        yield LineBar(id="last-copy")
        yield LineBar(id="needs-line")
        hint = "filter: words, an account, a symbol; enter keeps it, esc clears it"
        yield WordBox(placeholder=hint, id="filter", most=WORDS_MOST)
        yield LineBar(id="keys")

    def on_mount(self) -> None:
        """Nothing is known before the first snapshot."""
        for panel in self.query(Panel):
            panel.sort = self._habits.sorts.get(panel.id or "", "")
        self.query_one("#header", LineBar).show(line(Span(" LOCKSTEP ", Tone.ON_CALM), "  starting …"))
        self.query_one("#strategy", LineBar).show(line(Span(" Waiting for the engine's first picture.", Tone.DIM)))
        self.choose_layout()

    @property
    def matrix(self) -> Matrix:
        """The heart of the screen."""
        return self.query_one("#matrix", Matrix)

    @property
    def day(self) -> Day:
        """The day's results."""
        return self.query_one("#day", Day)

    @property
    def events(self) -> Events:
        """The event list."""
        return self.query_one("#events", Events)

    def bar(self, name: str) -> LineBar:
        """A one-line bar by its id."""
        return self.query_one(f"#{name}", LineBar)

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame."""
        self.frame = frame
        width = self.size.width
        self.bar("header").show(header_line(frame, width))
        self.bar("strategy").show(strategy_line(frame, width))
        banner = banner_line(frame, width)
        self.bar("banner").show(banner)
        self.set_class(bool(banner), "-banner")
        self.set_class(frame.stalled, "-stalled")
        self.bar("last-copy").show(_last_copy(frame, width))
        self.bar("needs-line").show(attention_line(frame, width))
        self.fit_heights(frame)
        for panel in self.query(Panel):
            panel.show_frame(frame)

    def on_resize(self) -> None:
        """Classes decide what fits."""
        self.choose_layout()
        if self.frame is not None:
            self.show_frame(self.frame)

    def choose_layout(self) -> None:
        """Choose the layout for the size and the panel."""
        width, height = self.size
        tiny = width < WIDTH_MIN or height < HEIGHT_MIN
        self.set_class(tiny, "-tiny")
        self.set_class(not tiny and (width < WIDE or height < TALL), "-compact")
        for name in PANELS:
            self.set_class(self.panel == name, f"-only-{name}")
        self.set_class(bool(self.panel), "-single")
        text = f" Terminal too small: {width}x{height}, needs {WIDTH_MIN}x{HEIGHT_MIN}. The engine runs on."
        self.bar("too-small").show(line(Span(text, Tone.WARN)))
        self.bar("keys").show(key_line(width))
        if not tiny and self.focused is None:
            self.query_one(f"#{self.panel or 'matrix'}", Panel).focus()

    def fit_heights(self, frame: Frame) -> None:
        """The matrix gets the lines that it wants and there are; on a small screen events get what is left."""
        compact = self.has_class("-compact")
        banner = int(self.has_class("-banner"))
        most = self.size.height - banner - (5 if compact else MIDDLE_LINES + 8)
        wanted = min(self.matrix.wanted_lines(frame, self.size.width), max(most, 6))
        roomy = compact and most - wanted >= EVENTS_LEAST
        self.set_class(roomy, "-roomy")
        height = "1fr" if self.panel or (compact and not roomy) else wanted
        if height != self._matrix_height:
            self._matrix_height = height
            self.matrix.styles.height = height

    def show_panel(self, name: str) -> None:
        """One panel as the full screen; the same again, or '', goes back to the overview."""
        left = self.filtered
        if self.has_class("-filtering"):
            self.remove_class("-filtering")
            self.keep_filter()
        self.panel = "" if name == self.panel else name
        if left is not self.filtered and left is not self.events:  # beside others it would hide rows without a word
            left.filter_by("")
        if self.filtered.id in FILTERS_KEPT:
            self.filtered.filter_by(self._filters.get(self.panel, ""))
        self.choose_layout()
        if self.frame is not None:
            self.fit_heights(self.frame)
        self.query_one(f"#{self.panel or 'matrix'}", Panel).focus()

    def action_overview(self) -> None:
        """Clears the filter that is being typed, else goes back to the overview."""
        if self.has_class("-filtering"):
            self.close_filter(clear=True)
        elif self.panel:
            self.show_panel("")

    @property
    def filtered(self) -> Panel:
        """The panel that a filter is for: the one that fills the screen where that can be filtered, else the events."""
        return self.query_one(f"#{self.panel if self.panel in FILTERED else 'events'}", Panel)

    def open_filter(self) -> None:
        """Type a filter for a panel."""
        if self.filtered is self.events and self.panel != "events" and (self.panel or self.has_class("-compact")):
            self.show_panel("events")
        box = self.query_one("#filter", Input)
        self.add_class("-filtering")
        box.value = self.filtered.wanted
        box.focus()

    def close_filter(self, *, clear: bool) -> None:
        """End typing; the filter stays unless it is cleared."""
        self.remove_class("-filtering")
        if clear:
            self.filtered.filter_by("")
        self.keep_filter()
        self.filtered.focus()

    def keep_filter(self) -> None:
        """Have the filter again when its panel fills the screen again, where that is one of `FILTERS_KEPT`."""
        name, words = self.filtered.id or "", self.filtered.wanted
        if name in FILTERS_KEPT and words != self._filters.get(name, ""):
            self._filters[name] = words
            self.post_message(self.FilterKept({panel: kept for panel, kept in self._filters.items() if kept}))

    @on(Input.Changed, "#filter")
    def filter_typed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        if self.has_class("-filtering"):
            self.filtered.filter_by(event.value)

    @on(Input.Submitted, "#filter")
    def filter_done(self) -> None:
        """Keep the filter."""
        self.close_filter(clear=False)


def _last_copy(frame: Frame, width: int) -> Line:
    copies = frame.snapshot.copies
    if not copies:
        return line(Span(" No copies yet today.", Tone.DIM))
    return (Span(" "), *copy_lines(copies[:1], width - 1)[0])
