"""Base of the dialogs: a frame below the header, live lines, a key line. A dialog gives an answer and sends nothing."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.compositor import paint_whole
from tui.frame import Frame
from tui.text import Line, fold, line, to_content
from tui.widgets.line_bar import LineBar
from tui.widgets.live_table import LiveTable, Row

AnswerT = TypeVar("AnswerT")
HEADER_LINES = 3
"Mode, strategy and banner stay visible."
Body = Callable[[Frame, int], Sequence[Line]]
"""Builds the lines of a dialog anew for every frame: (frame, width) -> lines."""


class Dialog(ModalScreen[AnswerT]):
    """A dialog over the matrix; never covers the first three lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("up", "move_body(-1)", show=False),
        Binding("down", "move_body(1)", show=False),
        Binding("pageup", "move_body(-10)", show=False),
        Binding("pagedown", "move_body(10)", show=False),
    ]

    def __init__(self, frame: Frame, title: str, *, danger: bool = False) -> None:
        super().__init__()
        paint_whole(self)
        self.frame = frame
        self.heading = title
        self._most = 0
        self._ahead: list[int] = []
        "Steps of the cursor that were typed before the widgets were there, 0 for the choice."
        self.set_class(danger, "-danger")

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = to_content(line(self.heading))
        with box:
            yield LiveTable(id="body", keeps_keys=True)
            yield from self.controls()
            yield LineBar(id="dialog-keys")

    def controls(self) -> ComposeResult:
        """Widgets between the lines and the keys."""
        yield from ()

    def on_mount(self) -> None:
        """Draw at once; a dialog that opens while the program ends gets no widgets and is not drawn."""
        if not self.has_widgets:
            return
        self.bar.show(self.key_line())
        self.call_after_refresh(lambda: self.look(self.frame))
        self.composed()
        for step in self._ahead:
            self.move_or_take(step)

    def composed(self) -> None:
        """The widgets are there: what a dialog does with them first."""

    @property
    def has_widgets(self) -> bool:
        """Whether there is anything to draw on: before it is composed, and while it goes, there is not."""
        return bool(self.query("#body")) and bool(self.query("#dialog-keys"))

    def look(self, frame: Frame) -> None:
        """Take a newer picture, and draw it when that can be."""
        if self.has_widgets:
            self.show_frame(frame)
        else:
            self.frame = frame

    @property
    def body(self) -> LiveTable:
        """The lines."""
        return self.query_one("#body", LiveTable)

    @property
    def bar(self) -> LineBar:
        """The key line."""
        return self.query_one("#dialog-keys", LineBar)

    def on_resize(self) -> None:
        """Lines are made for a width."""
        self.call_after_refresh(lambda: self.look(self.frame))

    def extra_lines(self) -> int:
        """Lines of the dialog beside its body: frame, keys, controls."""
        return 3

    def fit_height(self) -> None:
        """The dialog leaves the header free, and its keys are always visible."""
        most = max(self.size.height - HEADER_LINES - self.extra_lines(), 2)
        if most != self._most:
            self._most = most
            self.body.styles.max_height = most

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame."""
        self.frame = frame
        self.set_class(frame.live, "-live")
        if self.body.line_width > 0:
            self.fit_height()
            head, rows = self.rows(frame, self.body.line_width)
            self.body.set_rows(rows, head)

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        """Head line and rows of the dialog."""
        raise NotImplementedError

    def key_line(self) -> Line:
        """What the keys do."""
        raise NotImplementedError

    def action_move_body(self, step: int) -> None:
        """Scroll while something else has the keys."""
        self.move_or_take(step)

    def move_or_take(self, step: int) -> None:
        """Move the cursor, or (0) take the row under it; later when the widgets are not there yet."""
        if not self.has_widgets:
            self._ahead.append(step)
        elif step:
            self.body.action_move(step)
        else:
            self.body.action_select()

    def dismiss(self, result: AnswerT | None = None) -> AwaitComplete:
        """Leave with an answer, once.

        A key that was pressed twice is handled by a dialog that is left already, and Textual would close whatever is at
        the top by then.
        """
        if self.app.screen is not self:
            return AwaitComplete()
        return super().dismiss(result)

    def action_close(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


def as_rows(lines: Sequence[Line], width: int) -> list[Row]:
    """Lines that cannot be selected, in full: what there is no room for goes on in the next line."""
    return [Row("", part) for text in lines for part in fold(text, width)]
