"""A copy in depth, with its trail through the journal: read beside the engine while the page is open."""

from collections.abc import Sequence

from engine.clock import ticks_s
from engine.model import NS_PER_S
from engine.trail import TrailLine
from tui.bridge import Trail
from tui.frame import Frame
from tui.reading import Reading
from tui.screens.ask import Notice
from tui.screens.copy_lines import GONE, copy_lines, ended_ns, find_copy, tags_of, trail_lines
from tui.text import Line

AGAIN_S = 1.0
"""The journal is read again after so long, or ten times what reading took."""
SETTLED_NS = 5 * NS_PER_S
"""So long after its end nothing of a copy is news any more: what needs no order is durable within a second."""


class CopyPage(Notice):
    """Every child's copy of one decision."""

    def __init__(self, frame: Frame, row_id: str, trail: Trail | None) -> None:
        super().__init__(frame, "COPY", self.lines)
        self._row_id, self._trail = row_id, trail
        self._reading: Reading[Sequence[TrailLine]] | None = None
        self._shown: Sequence[TrailLine] | None = None
        self._refusal = ""
        self._due_s = 0.0
        self._settled: object = None
        "What the last read was of, when nothing more can come of that."
        self._left = False

    def on_unmount(self) -> None:
        """Nobody waits for what is still being read."""
        self._left = True

    def lines(self, frame: Frame, width: int) -> Sequence[Line]:
        """The page."""
        row = find_copy(self._row_id, frame)
        if row is None:
            return GONE
        trail = [] if self._trail is None else trail_lines(self._shown, self._refusal, width)
        return [*copy_lines(row, frame, width), *trail]

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame with what was read, and read further where that may bring something."""
        trail = self._trail
        if trail is not None:
            self._take(trail)
        super().show_frame(frame)
        row = find_copy(self._row_id, frame)
        if trail is None or row is None or self._reading is not None or ticks_s() < self._due_s:
            return
        tags, end_ns = tags_of(row), ended_ns(row)
        of = (tuple(tags), end_ns)
        if of == self._settled:
            return
        is_settled = end_ns is not None and frame.now_ns > end_ns + SETTLED_NS
        until_ns = end_ns + SETTLED_NS if end_ns is not None and is_settled else frame.now_ns
        self._settled = of if is_settled else None
        self._reading = Reading("trail", lambda: trail.read(tags, until_ns, lambda: self._left))

    def _take(self, trail: Trail) -> None:
        """What a read has brought."""
        reading = self._reading
        if reading is None or not reading.done:
            return
        self._reading, self._shown, self._refusal = None, reading.value, reading.refusal
        self._due_s = ticks_s() + max(AGAIN_S, 10 * reading.took_s)
        if reading.refusal:
            self._settled = None
        elif trail.is_behind:
            self._due_s, self._settled = ticks_s() + reading.took_s, None
