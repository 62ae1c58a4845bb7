"""Small dialogs: a question decided by a letter, a typed word, a typed amount, and something to read."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.frame import Frame
from tui.screens.dialog import Body, Dialog, as_rows
from tui.text import Line, Span, Tone, has_words, keys, line, plain
from tui.widgets.line_bar import LineBar
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.word_box import WordBox


class Notice(Dialog[None]):
    """Lines to read; any of enter, q and esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "close", "close", show=False, priority=True),
    ]

    def __init__(self, frame: Frame, title: str, body: Body, *, danger: bool = False) -> None:
        super().__init__(frame, title, danger=danger)
        self.build = body

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        return (), as_rows(self.build(frame, width), width)

    def key_line(self) -> Line:
        return keys(("↑ ↓", "scroll"), ("enter", "close"))


class Question(Dialog[bool]):
    """Yes or no, by letter. `yes` and `no` say what happens; a yes counts only when it was not typed ahead."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
    ]

    def __init__(
        self, frame: Frame, title: str, body: Body, *, yes: str, no: str, danger: bool = False, arm_s: float = 0
    ) -> None:
        super().__init__(frame, title, danger=danger)
        self.build, self.yes, self.no = body, yes, no
        self.arm_s, self.armed = arm_s, arm_s <= 0

    def composed(self) -> None:
        if not self.armed:
            self.set_timer(self.arm_s, self.arm)

    def arm(self) -> None:
        """A yes counts from now on."""
        self.armed = True

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        return (), as_rows(self.build(frame, width), width)

    def key_line(self) -> Line:
        return keys(("y", self.yes), ("n", self.no))

    def action_answer(self, yes: bool) -> None:
        """The operator decided."""
        if self.armed or not yes:
            self.dismiss(yes)


class Typed(Dialog[bool]):
    """Done only when the operator types a word; the lines above say to what it applies and stay current."""

    def __init__(self, frame: Frame, title: str, body: Body, *, word: str) -> None:
        super().__init__(frame, title, danger=True)
        self.build, self.word = body, word

    def controls(self) -> ComposeResult:
        yield WordBox(placeholder=f"type {self.word} and press enter", id="typed")

    def extra_lines(self) -> int:
        return 5

    def composed(self) -> None:
        self.query_one("#typed", Input).focus()

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        return (), as_rows(self.build(frame, width), width)

    def key_line(self) -> Line:
        return keys((f"{self.word} enter", "do it"), ("esc", "leave it"))

    @on(Input.Submitted, "#typed")
    def submitted(self, event: Input.Submitted) -> None:
        """Only the exact word counts."""
        if event.value.strip() == self.word:
            self.dismiss(True)
        else:
            event.input.clear()  # or the next try is typed behind this one
            self.bar.show(line(Span(f" That is not {self.word}. Nothing was done.", Tone.WARN)))


class TypedValue(Dialog[str]):
    """A typed value with a preview; the parser says whether it will do."""

    def __init__(
        self,
        frame: Frame,
        title: str,
        body: Body,
        *,
        hint: str,
        preview: Callable[[str], Line | None],
        what: str = "an amount",
        does: str = "set it",
    ) -> None:
        super().__init__(frame, title)
        self.build, self.hint, self.preview = body, hint, preview
        self.what, self.does = what, does

    def controls(self) -> ComposeResult:
        yield WordBox(placeholder=self.hint, id="typed")
        yield LineBar(id="preview")

    def extra_lines(self) -> int:
        return 6

    def composed(self) -> None:
        self.query_one("#typed", Input).focus()

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        return (), as_rows(self.build(frame, width), width)

    def key_line(self) -> Line:
        return keys(("enter", self.does), ("esc", "leave it"))

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame; the preview may mean something else by now."""
        super().show_frame(frame)
        for typed in self.query("#typed").results(Input):
            self._show_preview(typed.value)

    @on(Input.Changed, "#typed")
    def changed(self, event: Input.Changed) -> None:
        """Show how the value is understood."""
        self._show_preview(event.value)

    def _show_preview(self, text: str) -> None:
        understood = self.preview(text)
        bad = line(Span(f" not {self.what}", Tone.WARN)) if text else ()
        self.query_one("#preview", LineBar).show(bad if understood is None else understood)

    @on(Input.Submitted, "#typed")
    def submitted(self, event: Input.Submitted) -> None:
        """Give the text back when it is understood."""
        if self.preview(event.value) is not None:
            self.dismiss(event.value)


class _Choice(Dialog[str]):
    """Gives back the key of the row that is taken."""

    def __init__(self, frame: Frame, title: str, choices: Callable[[Frame, int], list[Row]]) -> None:
        super().__init__(frame, title)
        self.choices = choices


class Picker(_Choice):
    """Choose one of several rows; gives back the row's key.

    Nothing is taken for a moment (a key that is held down opened it), and no row is proposed in the place of one that
    has gone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", show=False)]
    "For who types ahead of the dialog: the cursor moves in its rows as soon as they are there."

    def __init__(
        self, frame: Frame, title: str, choices: Callable[[Frame, int], list[Row]], *, arm_s: float, first: str = ""
    ) -> None:
        super().__init__(frame, title, choices)
        self.first, self.arm_s = first, arm_s
        self.armed = arm_s <= 0

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        return (), self.choices(frame, width)

    def composed(self) -> None:
        self.body.focus()
        self.body.replaces_cursor = False
        if self.first:
            self.body.start_at(self.first)
        if not self.armed:
            self.set_timer(self.arm_s, self.arm)

    def arm(self) -> None:
        """A row can be taken from now on."""
        self.armed = True
        self.bar.show(self.key_line())

    def action_take(self) -> None:
        """The row under the cursor is taken."""
        self.move_or_take(0)

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """The row is taken, when that was not typed ahead."""
        event.stop()
        if self.armed:
            self.dismiss(event.key)

    def key_line(self) -> Line:
        taken = keys(("enter", "take it")) if self.armed else line(Span(" enter counts in a moment …", Tone.DIM))
        return line(*keys(("↑ ↓", "choose")), *taken, *keys(("esc", "leave it")))


class Finder(_Choice):
    """Choose one of several rows by typing some of it; gives back the row's key."""

    def controls(self) -> ComposeResult:
        yield WordBox(placeholder="type a part of a name, a state or a reason", id="typed")

    def extra_lines(self) -> int:
        return 5

    def composed(self) -> None:
        self.body.always_marks = True
        self.query_one("#typed", Input).focus()

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        found = self.query("#typed").results(Input)
        wanted = next((box.value for box in found), "")
        rows = [row for row in self.choices(frame, width) if has_words(f"{row.key} {plain(row.line)}", wanted)]
        return (), rows or [Row("", line(Span("Nothing matches.", Tone.DIM)))]

    def key_line(self) -> Line:
        return keys(("type", "find"), ("↑ ↓", "choose"), ("enter", "see it"), ("esc", "leave it"))

    @on(Input.Changed, "#typed")
    def changed(self) -> None:
        """Show what is left."""
        self.show_frame(self.frame)

    @on(Input.Submitted, "#typed")
    def submitted(self) -> None:
        """The row under the cursor is taken."""
        self.body.action_select()

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """The row is taken."""
        event.stop()
        self.dismiss(event.key)
