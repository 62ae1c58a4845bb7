"""A copy in depth, with its trail through the journal: read beside the engine, on a thread, while the page is open."""

from collections.abc import Sequence

from engine.clock import ticks_s
from engine.errors import LockstepError
from engine.model import NS_PER_S
from engine.trail import TrailLine
from tui.bridge import ReadTrail
from tui.frame import Frame
from tui.screens.ask import Notice
from tui.screens.copy_lines import GONE, copy_lines, ended_ns, find_copy, tags_of, trail_lines
from tui.text import Line

AGAIN_S = 1.0
"""An open copy's journal is read again after so long."""
SETTLED_NS = 5 * NS_PER_S
"""So long after its end nothing of a copy is news any more: what needs no order is durable within a second."""


class CopyPage(Notice):
    """Every child's copy of one decision."""

    def __init__(self, frame: Frame, row_id: str, read: ReadTrail | None) -> None:
        super().__init__(frame, "COPY", self.lines)
        self._row_id, self._read = row_id, read
        self._trail: Sequence[TrailLine] | None = None
        self._refusal = ""
        self._due_s: float | None = 0.0
        "When the journal is read again, `None` for never."

    def lines(self, frame: Frame, width: int) -> Sequence[Line]:
        """The page."""
        row = find_copy(self._row_id, frame)
        if row is None:
            return GONE
        trail = [] if self._read is None else trail_lines(self._trail, self._refusal, width)
        return [*copy_lines(row, frame, width), *trail]

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame, and read the journal where that may bring something."""
        super().show_frame(frame)
        row = find_copy(self._row_id, frame)
        if self._read is None or row is None or self._due_s is None or ticks_s() < self._due_s:
            return
        end_ns = ended_ns(row)
        is_settled = end_ns is not None and frame.now_ns > end_ns + SETTLED_NS
        self._due_s = None  # one reader at a time
        read, tags = self._read, tags_of(row)
        until_ns = frame.now_ns if end_ns is None else end_ns + SETTLED_NS

        def work() -> None:
            trail, refusal = None, ""
            try:
                trail = read(tags, until_ns)
            except LockstepError as error:
                refusal = str(error)
            self.app.call_from_thread(self.take, trail, refusal, is_settled)

        self.run_worker(work, thread=True, exit_on_error=False)

    def take(self, trail: Sequence[TrailLine] | None, refusal: str, is_settled: bool) -> None:
        """What was read."""
        self._trail, self._refusal = trail, refusal
        self._due_s = None if is_settled else ticks_s() + AGAIN_S
        if self.is_mounted:
            super().show_frame(self.frame)
