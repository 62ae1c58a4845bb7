"""What the dashboard saw of the day: results over time, and what became of the copies. Kept by the screen alone.

It begins when the screen does, and anew with each day; the journal has the whole. Bounded, whatever the day brings.
"""

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median

from engine.model import NS_PER_S
from engine.snapshot import CopyLine, CopyRow, Snapshot
from tui.format import to_ist
from tui.marks import copy_mark

SAMPLES_MOST = 480
"Then every other one goes, and they are taken half as often."
FIRST_STEP_NS = 2 * NS_PER_S
LATENCIES_MOST = 4_000
"Of one child; then every other one goes, which leaves their spread as it is."


@dataclass(frozen=True, slots=True)
class Sample:
    """Results at one moment, in INR before charges; `None` where a price was missing."""

    at_ns: int
    master_inr: Decimal | None
    children_inr: Decimal | None


@dataclass(slots=True)
class ChildDay:
    """What one child's copies were."""

    marks: Counter[str] = field(default_factory=Counter)
    "How many of its copies stand how, by their mark."
    slippage_inr: Decimal = Decimal(0)
    "Against the master's prices; + is worse for the child."
    latencies_ms: list[int] = field(default_factory=list)
    "Sorted."

    def add(self, part: CopyLine) -> None:
        """Count one copy."""
        self.marks[copy_mark(part)] += 1
        if part.slippage_inr is not None:
            self.slippage_inr += part.slippage_inr * part.filled_units
        if part.latency_ms is not None:
            insort(self.latencies_ms, part.latency_ms)
            if len(self.latencies_ms) > LATENCIES_MOST:
                del self.latencies_ms[::2]

    @property
    def median_ms(self) -> int | None:
        """`None` without a fill."""
        return round(median(self.latencies_ms)) if self.latencies_ms else None


class DayRecord:
    """Samples and copies of one day. A copy that left the snapshot is over: only its sums stay."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.since_ns: int | None = None
        self._step_ns = FIRST_STEP_NS
        self._newest: dict[int, CopyRow] = {}
        self._over: dict[str, ChildDay] = {}

    def see(self, snapshot: Snapshot) -> None:
        """Take what is new of a picture; one of another day, or of a clock that went back, begins anew."""
        newest = self.samples[-1].at_ns if self.samples else self.since_ns
        if newest is not None and (to_ist(newest).date() != to_ist(snapshot.at_ns).date() or snapshot.at_ns < newest):
            self.__init__()  # type: ignore[misc]  # everything anew
            newest = None
        if self.since_ns is None:
            self.since_ns = snapshot.at_ns
        if newest is None or snapshot.at_ns - newest >= self._step_ns:
            self._sample(snapshot)
        shown = {copy.id: copy for copy in snapshot.copies}
        for number in self._newest.keys() - shown.keys():
            for part in self._newest[number].lines:
                self._over.setdefault(part.child, ChildDay()).add(part)
        self._newest = shown

    def _sample(self, snapshot: Snapshot) -> None:
        self.samples.append(Sample(snapshot.at_ns, snapshot.master_pnl_inr, snapshot.children_pnl_inr))
        if len(self.samples) > SAMPLES_MOST:
            del self.samples[1::2]
            self._step_ns *= 2

    def child(self, account: str) -> ChildDay:
        """What became of one child's copies so far."""
        over = self._over.get(account, ChildDay())
        day = ChildDay(over.marks.copy(), over.slippage_inr, over.latencies_ms.copy())
        for copy in self._newest.values():
            for part in copy.lines:
                if part.child == account:
                    day.add(part)
        return day
