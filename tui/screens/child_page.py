"""Everything of one child, with what it was sized by before: read beside the engine while the page is open."""

from collections.abc import Sequence

from engine.clock import ticks_s
from engine.trail import PastRatio
from tui.bridge import History
from tui.frame import Frame, child_of
from tui.reading import Reading
from tui.screens.ask import Notice
from tui.screens.child_lines import child_lines, past_lines
from tui.text import Line

STRATEGIES_MOST = 20
"""Older ones are in the journal (`v_strategies`)."""
DURABLE_S = 2.0
"""What needs no order is durable within a second: so long after a change the journal is read once more."""
AGAIN_S = 5.0
"""A journal that could not be read is tried again after so long."""


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
        self._read_of: object = None
        "What the strategies and the child's ratios were when it was last read: other ones are news."
        self._due_s: float | None = 0.0
        "When it is to be read again, `None` while nothing is new."
        self._left = False

    def on_unmount(self) -> None:
        """Nobody waits for what is still being read."""
        self._left = True

    def lines(self, frame: Frame, width: int) -> Sequence[Line]:
        """The page."""
        lines = child_lines(self._account, frame, width)
        if self._history is None or child_of(frame.snapshot, self._account) is None:
            return lines
        is_all = self._past is None or len(self._past) < STRATEGIES_MOST
        return [*lines, *past_lines(self._past, self._refusal, width, is_all=is_all)]

    def show_frame(self, frame: Frame) -> None:
        """Draw this frame with what was read, and read again where that may bring something."""
        reading = self._reading
        if reading is not None and reading.done:
            self._past = self._past if reading.value is None else reading.value
            self._refusal, self._reading = reading.refusal, None
            if reading.refusal:
                self._due_s = ticks_s() + AGAIN_S
        super().show_frame(frame)
        child, history = child_of(frame.snapshot, self._account), self._history
        if child is None or history is None or self._reading is not None:
            return
        of = (
            [(scope.scope, scope.ratio, scope.ratio_at_ns) for scope in child.ratios],
            [(one.scope, one.started_ns, one.state, one.name) for one in frame.snapshot.strategies],
        )
        is_news, self._read_of = of != self._read_of, of
        if is_news or (self._due_s is not None and ticks_s() >= self._due_s):
            self._due_s = ticks_s() + DURABLE_S if is_news else None
            self._reading = Reading("ratios", lambda: self._read(history))

    def _read(self, history: History) -> Sequence[PastRatio]:
        return history.ratios(self._account, STRATEGIES_MOST, lambda: self._left)
