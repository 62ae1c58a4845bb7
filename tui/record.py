"""What the dashboard saw of the day: results over time, and what became of the copies. Kept by the screen alone.

It begins when the screen does, and anew with each day; the journal has the whole. Bounded, whatever the day brings.
"""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
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
GAP_STEPS = 5
"So many samples missing leave a gap in a curve."
LATENCIES_MOST = 4_000
"Of one child; then every other one goes, which leaves their spread as it is."


Range = tuple[Decimal, Decimal]
"""Least and most of some amounts, INR."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Results of the day over a short time, in INR before charges; `None` where a price was missing."""

    at_ns: int
    master_inr: Range | None
    children_inr: Range | None


def span(ranges: Iterable[Range | None]) -> Range | None:
    """The least and the most of several; `None` of nothing known."""
    known = [each for each in ranges if each is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def _now(snapshot: Snapshot) -> Sample:
    master, children = (
        None if value is None else (value, value) for value in (snapshot.master_day_inr, snapshot.children_day_inr)
    )
    return Sample(snapshot.at_ns, master, children)


@dataclass(slots=True)
class ChildDay:
    """What one child's copies were."""

    marks: Counter[str] = field(default_factory=Counter)
    "How many of its copies stand how, by their mark."
    slippage_inr: Decimal = Decimal(0)
    "Against the master's prices; + is worse for the child."
    latencies_ms: list[int] = field(default_factory=list)
    "Sorted."

    def copy(self) -> "ChildDay":
        """The same, to be added to."""
        return ChildDay(self.marks.copy(), self.slippage_inr, self.latencies_ms.copy())

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
        self._step_ns = FIRST_STEP_NS
        self._newest: dict[int, CopyRow] = {}
        self._over: dict[str, ChildDay] = {}

    @property
    def since_ns(self) -> int | None:
        """When the first look was, `None` before it."""
        return self.samples[0].at_ns if self.samples else None

    def see(self, snapshot: Snapshot) -> None:
        """Take what is new of a picture; one of another day, or of a clock that went back, begins anew."""
        today = to_ist(snapshot.at_ns).date()
        newest_ns = self.samples[-1].at_ns if self.samples else snapshot.at_ns
        if to_ist(newest_ns).date() != today or snapshot.at_ns < newest_ns:
            self.samples, self._step_ns, self._newest, self._over = [], FIRST_STEP_NS, {}, {}
        if not self.samples or snapshot.at_ns - newest_ns >= self._step_ns:
            self._sample(snapshot)
        shown = {copy.id: copy for copy in snapshot.copies if to_ist(copy.at_ns).date() == today}
        for number in self._newest.keys() - shown.keys():
            for part in self._newest[number].lines:
                self._over.setdefault(part.child, ChildDay()).add(part)
        self._newest = shown

    def _sample(self, snapshot: Snapshot) -> None:
        self.samples.append(_now(snapshot))
        if len(self.samples) > SAMPLES_MOST:
            pairs = [self.samples[i : i + 2] for i in range(0, len(self.samples), 2)]
            self.samples = [
                Sample(pair[0].at_ns, span(s.master_inr for s in pair), span(s.children_inr for s in pair))
                for pair in pairs
            ]
            self._step_ns *= 2

    def curves(self, snapshot: Snapshot, count: int) -> tuple[list[Range | None], list[Range | None]]:
        """Results of the children and of the master, in `count` columns of equal time from the first look until now.

        Between two samples the older one holds; where nothing was seen for long there is a gap.
        """
        samples = [*self.samples, _now(snapshot)]
        first_ns, whole_ns = samples[0].at_ns, max(snapshot.at_ns - samples[0].at_ns, 1)
        columns: list[list[Sample]] = [[] for _ in range(count)]
        for sample in samples:
            columns[(sample.at_ns - first_ns) * (count - 1) // whole_ns].append(sample)
        held: list[Sample] = []
        for x, found in enumerate(columns):
            at_ns = first_ns + x * whole_ns // max(count - 1, 1)
            if found:
                held = found[-1:]
            elif held and at_ns - held[0].at_ns <= GAP_STEPS * self._step_ns:
                columns[x] = held
        ours = [span(sample.children_inr for sample in each) for each in columns]
        his = [span(sample.master_inr for sample in each) for each in columns]
        return ours, his

    def days(self, accounts: Iterable[str]) -> list[ChildDay]:
        """What became of the children's copies so far, in their order."""
        found = {account: self._over.get(account, ChildDay()).copy() for account in accounts}
        for copy in self._newest.values():
            for part in copy.lines:
                if part.child in found:
                    found[part.child].add(part)
        return list(found.values())
