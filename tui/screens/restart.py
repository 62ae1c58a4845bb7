"""The question of an unclean start: what was left open, and a letter for each choice. Sends nothing itself.

It can be put aside; the engine goes on with exits only. Keys count only after it has been on the screen for a moment
(type-ahead): it opens by itself.
"""

from typing import ClassVar

from textual.binding import Binding, BindingType

from engine.snapshot import RestartView
from tui.frame import Frame
from tui.screens import restart_lines as lines
from tui.screens.dialog import Dialog, as_rows
from tui.text import Line, Span, Tone, keys, line
from tui.widgets.live_table import Row

RESUME, FLATTEN, HAND_OVER, FRESH = "resume", "flatten", "hand over", "start fresh"


class Restart(Dialog[str]):
    """Gives back the choice; nothing when it is put aside."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "choose('resume')", "resume", tooltip="Go on: entries are sent again, waiting exits go now"),
        Binding("f", "choose('flatten')", "flatten", tooltip="Exit what was left open (typed)"),
        Binding("h", "choose('hand over')", "hand over", tooltip="Leave what is open to its owners (typed)"),
        Binding("s", "choose('start fresh')", "start fresh", tooltip="Forget the last strategy; when nothing is open"),
        Binding("q", "app.quit", show=False),
        Binding("l,escape", "close", "later", tooltip="Put it aside; space opens it again"),
    ]

    def __init__(self, frame: Frame, *, arm_s: float) -> None:
        super().__init__(frame, "WHAT THE LAST SESSION LEFT", danger=True)
        self.arm_s = arm_s
        self.armed = arm_s <= 0

    @property
    def question(self) -> RestartView | None:
        """What is asked, `None` when it was answered meanwhile."""
        return self.frame.snapshot.restart

    def composed(self) -> None:
        if not self.armed:
            self.set_timer(self.arm_s, self.arm)

    def arm(self) -> None:
        """Keys count from now on."""
        self.armed = True

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame; leave when it was answered elsewhere."""
        super().show_frame(frame)
        if frame.snapshot.restart is None and self.is_current:
            self.dismiss(None)
        elif self.is_mounted:
            self.bar.show(self.key_line())

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        question = frame.snapshot.restart
        return (), [] if question is None else as_rows(lines.question_lines(question, frame, width), width)

    def key_line(self) -> Line:
        question = self.question
        if question is not None and question.may_start_fresh:
            return keys(("r", "resume"), ("s", "start fresh"), ("l", "later"))
        return keys(("r", "resume"), ("f", "FLATTEN"), ("h", "HAND OVER"), ("l", "later"))

    def action_choose(self, choice: str) -> None:
        """The operator decided; typed words are asked for by the app."""
        question = self.question
        if not self.armed or question is None:
            return
        if (choice == FRESH) is not question.may_start_fresh and choice != RESUME:
            why = "something is open: not possible" if choice == FRESH else "nothing of ours is open"
            self.bar.show(line(Span(f" {choice}: {why}", Tone.WARN)))
            return
        self.dismiss(choice)

    def action_close(self) -> None:
        """Put it aside, when that was not typed ahead."""
        if self.armed:
            self.dismiss(None)
