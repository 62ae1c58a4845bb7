"""What the dashboard saw of the day: results over time, and every copy in its newest state. Kept by the screen alone.

It begins when the screen does, and anew with each day; the journal has the whole. Bounded, whatever the day brings.
"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from engine.model import NS_PER_S
from engine.snapshot import CopyRow, Snapshot
from tui.format import to_ist
from tui.marks import copy_mark

SAMPLES_MOST = 480
"Then every other one goes, and they are taken half as often."
FIRST_STEP_NS = 2 * NS_PER_S
COPIES_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Results at one moment, in INR before charges; `None` where a price was missing."""

    at_ns: int
    master_inr: Decimal | None
    children_inr: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildDay:
    """What one child's copies were."""

    marks: dict[str, int]
    "How many of its copies stand how, by their mark."
    slippage_inr: Decimal
    "Against the master's prices; + is worse for the child."
    latencies_ms: tuple[int, ...]
    "Sorted."

    @property
    def median_ms(self) -> int | None:
        """`None` without a fill."""
        return round(median(self.latencies_ms)) if self.latencies_ms else None


class DayRecord:
    """Samples and copies of one day."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.copies: dict[int, CopyRow] = {}
        self.since_ns: int | None = None
        self._step_ns = FIRST_STEP_NS

    def see(self, snapshot: Snapshot) -> None:
        """Take what is new of a picture; one of another day, or of a clock that went back, begins anew."""
        newest = self.samples[-1].at_ns if self.samples else self.since_ns
        if newest is not None and (to_ist(newest).date() != to_ist(snapshot.at_ns).date() or snapshot.at_ns < newest):
            self.__init__()  # type: ignore[misc]  # everything anew
            newest = None
        if self.since_ns is None:
            self.since_ns = snapshot.at_ns
        if newest is None or not self.samples or snapshot.at_ns - newest >= self._step_ns:
            self._sample(snapshot)
        for copy in snapshot.copies:
            self.copies[copy.id] = copy
        while len(self.copies) > COPIES_MOST:
            del self.copies[next(iter(self.copies))]

    def _sample(self, snapshot: Snapshot) -> None:
        self.samples.append(Sample(snapshot.at_ns, snapshot.master_pnl_inr, snapshot.children_pnl_inr))
        if len(self.samples) > SAMPLES_MOST:
            del self.samples[1::2]
            self._step_ns *= 2

    def child(self, account: str) -> ChildDay:
        """What became of one child's copies."""
        parts = [part for copy in self.copies.values() for part in copy.lines if part.child == account]
        slips = [part.slippage_inr * part.filled_units for part in parts if part.slippage_inr is not None]
        return ChildDay(
            marks=Counter(map(copy_mark, parts)),
            slippage_inr=sum(slips, Decimal(0)),
            latencies_ms=tuple(sorted(part.latency_ms for part in parts if part.latency_ms is not None)),
        )

    def latencies_ms(self) -> list[int]:
        """Of every child's part of every copy, sorted."""
        parts = (part for copy in self.copies.values() for part in copy.lines)
        return sorted(part.latency_ms for part in parts if part.latency_ms is not None)
