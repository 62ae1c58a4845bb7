"""Everything of one child, with what it was sized by before: read beside the engine when the page opens."""

from collections.abc import Sequence

from engine.trail import PastRatio
from tui.bridge import History
from tui.frame import Frame, child_of
from tui.reading import Reading
from tui.screens.ask import Notice
from tui.screens.child_lines import child_lines, past_lines
from tui.text import Line

STRATEGIES_MOST = 20
"""Older ones are in the journal (`v_strategies`)."""


class ChildPage(Notice):
    """One account.

    Args:
        frame: What is drawn first.
        account: The child.
        history: The journal, `None` where there is none.
    """

    def __init__(self, frame: Frame, account: str, history: History | None) -> None:
        super().__init__(frame, f"CHILD {account}", self.lines)
        self._account, self._history = account, history
        self._reading: Reading[Sequence[PastRatio]] | None = None
        self._past: Sequence[PastRatio] | None = None
        self._refusal = ""
        self._read_at: object = None
        "The ratios that the child had when it was last read: others are news."
        self._closed = False

    def on_unmount(self) -> None:
        """Nobody waits for what is still being read."""
        self._closed = True

    def lines(self, frame: Frame, width: int) -> Sequence[Line]:
        """The page."""
        lines = child_lines(self._account, frame, width)
        if self._history is None or child_of(frame.snapshot, self._account) is None:
            return lines
        return [*lines, *past_lines(self._past, self._refusal, width)]

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame with what was read, and read again when a ratio was taken since."""
        if self._reading is not None and self._reading.done:
            self._past, self._refusal, self._reading = self._reading.value, self._reading.refusal, None
        super().show_frame(frame)
        child, history = child_of(frame.snapshot, self._account), self._history
        if child is None or history is None or self._reading is not None:
            return
        ratios = [(scope.scope, scope.ratio, scope.ratio_at_ns) for scope in child.ratios]
        if ratios != self._read_at:
            self._read_at = ratios
            self._reading = Reading(
                "ratios", lambda: history.ratios(self._account, STRATEGIES_MOST, lambda: self._closed)
            )
