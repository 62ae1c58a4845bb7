"""A table for live data on Textual's line API: cached strips, one dirty region a line.

DataTable renders every visible cell on every change (53 % of a core at 10 Hz against 7 %). Rows come as finished lines;
this module decides nothing about what they say.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.text import EMPTY, Line, clean, to_content
from tui.widgets.tones import rich_tone

GUTTER = 1
"The first cell of a line shows the cursor, also without colours."


class Row(NamedTuple):
    """One line with the key by which the cursor follows it; '' for lines that cannot be selected."""

    key: str
    line: Line


class LiveTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of styled text with an optional fixed head line and a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"live--cursor", "live--head"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move_page(-1)", show=False),
        Binding("pagedown", "move_page(1)", show=False),
        Binding("home", "move_end(-1)", show=False),
        Binding("end", "move_end(1)", show=False),
        Binding("enter", "select", show=False),
    ]

    class Selected(Message):
        """The operator wants to see more of a row."""

        def __init__(self, table: "LiveTable", key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

        @property
        def control(self) -> "LiveTable":
            """The table, so that handlers can be bound to its id."""
            return self.table

    def __init__(self, *, id: str | None = None, classes: str | None = None, keeps_keys: bool = False) -> None:
        """`keeps_keys`: keys that come before the first rows are obeyed when these are there, and not lost."""
        super().__init__(id=id, classes=classes)
        self._early: list[int] | None = [] if keeps_keys else None
        "Steps of the cursor before the first rows, 0 for the choice; `None` from then on."
        self._rows: tuple[Row, ...] = ()
        self._head: Line = EMPTY
        self._strips: dict[Line, Strip] = {}
        self._cursor = ""
        self.always_marks = False
        "Show the cursor without the focus too: an input beside the table has it."
        self.replaces_cursor = True
        "The cursor goes to the nearest row when its own has gone; else it is on none until the user moves it."
        self._lost = False
        self.newest_first = False
        "The cursor stays on the first row, whichever that is, until the user moves it from there."
        self._moved = False

    @property
    def line_width(self) -> int:
        """Cells that a line may take."""
        return max(self.scrollable_content_region.width - GUTTER, 0)

    @property
    def cursor_key(self) -> str:
        """Key of the row under the cursor, '' when there is none."""
        return self._cursor

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    @property
    def head_lines(self) -> int:
        """1 when there is a fixed head line."""
        return 1 if self._head else 0

    def start_at(self, key: str) -> None:
        """Put the cursor on the row with that key, now or when it comes."""
        self._cursor = key

    def set_title(self, title: Line, subtitle: Line = EMPTY) -> None:
        """Title and subtitle in the frame, redrawn only when they changed."""
        for name, text in (("border_title", title), ("border_subtitle", subtitle)):
            shown = getattr(self, f"_shown_{name}", None)
            if shown != text:
                setattr(self, f"_shown_{name}", text)
                setattr(self, name, to_content(text))

    def set_rows(self, rows: Sequence[Row], head: Line = EMPTY) -> None:
        """Show these rows; only lines that differ are drawn again."""
        new, old = tuple(rows), self._rows
        if head != self._head:
            relaid = bool(head) != bool(self._head)
            self._head = head
            self.refresh() if relaid else self._refresh_screen_line(0)
        self._rows = new
        keys = [row.key for row in new]
        if self.newest_first and not self._moved:
            self._cursor = next((key for key in keys if key), "")
        elif not self._cursor or self._cursor not in keys:
            self._move_cursor_near(old)
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            if before is None or index >= len(new) or before != new[index]:
                self._refresh_row(index)
        if len(old) != len(new) or self.virtual_size.height != len(new) + self.head_lines:
            self.virtual_size = Size(self.scrollable_content_region.width, len(new) + self.head_lines)
        live = {row.line for row in new} | {self._head}
        self._strips = {text: strip for text, strip in self._strips.items() if text in live}
        self._obey_early_keys()

    def _obey_early_keys(self) -> None:
        """Do what was typed before there were rows."""
        early, self._early = self._early, None
        for step in early or ():
            self.action_move(step) if step else self.action_select()

    def _move_cursor_near(self, old: tuple[Row, ...]) -> None:
        """Keep the cursor at its place when its row is gone; on the first row when there was none."""
        if not self.replaces_cursor and (self._cursor or self._lost):
            self._cursor, self._lost = "", True
            return
        old_index = next((i for i, row in enumerate(old) if row.key and row.key == self._cursor), 0)
        candidates = [i for i, row in enumerate(self._rows) if row.key]
        nearest = min(candidates, key=lambda i: abs(i - old_index), default=None)
        self._cursor = "" if nearest is None else self._rows[nearest].key

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        if y == 0 and self._head:
            return self._strip(self._head, " ").adjust_cell_length(width).apply_style(base)
        index = y - self.head_lines + self.scroll_offset.y
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[index]
        if row.key and row.key == self._cursor and (self.has_focus or self.always_marks):
            marked = self.get_component_rich_style("live--cursor")
            return self._strip(row.line, "›", keep=False).adjust_cell_length(width).apply_style(base + marked)
        return self._strip(row.line, " ").adjust_cell_length(width).apply_style(base)

    def _strip(self, text: Line, gutter: str, *, keep: bool = True) -> Strip:
        strip = self._strips.get(text) if keep else None
        if strip is None:
            strip = Strip([Segment(gutter), *(Segment(clean(s.text), rich_tone(self, s.tone)) for s in text)])
            if keep:
                self._strips[text] = strip
        return strip

    def notify_style_update(self) -> None:
        """A theme or pseudo class changed: the cached strips have the wrong colours."""
        self._strips.clear()
        super().notify_style_update()

    def _refresh_screen_line(self, y: int) -> None:
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _refresh_row(self, index: int) -> None:
        y = index + self.head_lines - self.scroll_offset.y
        if y >= self.head_lines:
            self._refresh_screen_line(y)

    def cursor_index(self) -> int | None:
        """Index of the row under the cursor."""
        return next((i for i, row in enumerate(self._rows) if row.key and row.key == self._cursor), None)

    def _go(self, index: int) -> None:
        before = self.cursor_index()
        self._cursor, self._lost = self._rows[index].key, False
        self._moved = any(row.key for row in self._rows[:index])
        for changed in {before, index} - {None}:
            self._refresh_row(changed)  # type: ignore[arg-type]  # None is taken out
        room = self.size.height - self.head_lines
        top = self.scroll_offset.y
        if index < top or index >= top + room:
            self.scroll_to(y=index if index < top else index - room + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Move the cursor by `step` selectable rows."""
        if self._early is not None:
            self._early.append(step)
            return
        selectable = [i for i, row in enumerate(self._rows) if row.key]
        here = self.cursor_index()
        if not selectable:
            self.scroll_relative(y=step, animate=False)
        elif here is None:
            self._go(selectable[0])
        else:
            place = min(max(selectable.index(here) + step, 0), len(selectable) - 1)
            self._go(selectable[place])

    def action_move_page(self, direction: int) -> None:
        """Move by what fits on the screen."""
        self.action_move(direction * max(self.size.height - self.head_lines - 1, 1))

    def action_move_end(self, direction: int) -> None:
        """Move to the first (-1) or last (1) row."""
        self.action_move(direction * len(self._rows))

    def action_select(self) -> None:
        """Ask for details of the row under the cursor."""
        if self._early is not None:
            self._early.append(0)
            return
        if self._cursor:
            self.post_message(self.Selected(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a double click asks for details."""
        y = event.get_content_offset_capture(self).y - self.head_lines
        index = y + self.scroll_offset.y
        if y >= 0 and 0 <= index < len(self._rows) and self._rows[index].key:
            self._go(index)
            if event.chain == 2:
                self.action_select()

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()
