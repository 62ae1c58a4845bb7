"""The day at a glance: results drawn over time, what each child's copies cost, how fast they were. Lines and panel.

Drawn from what this screen saw (`tui.record`); it says since when.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median

from engine.snapshot import ChildColumn, Snapshot
from tui import chart
from tui import format as fmt
from tui.frame import Frame
from tui.marks import COPY_TONES, amount_span, amount_tone
from tui.record import ChildDay, DayRecord, Range, span
from tui.text import NAME_MOST, Line, Names, Span, Tone, line, name_column, pad
from tui.widgets.accounts import last_if_unknown
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

AXIS = 12
"Cells of the amounts beside a curve."
CURVE_MOST, CURVE_LEAST = 7, 3
BUCKETS_MS = (50, 100, 250, 500, 1_000, 2_500)
"Copies as fast as this, and faster than the one before."


def curve_lines(
    name: str, newest: Decimal | None, values: Sequence[Range | None], width: int, height: int
) -> list[Line]:
    """A curve with its name and newest amount, and the largest and smallest amount beside it."""
    head = line(Span(f"{name} ", Tone.BOLD), Span(fmt.rupees(newest, signed=True), amount_tone(newest)))
    ends = span(values)
    if ends is None:
        return [head, line(Span(" " * AXIS + "no price of everything that is held yet", Tone.DIM))]
    low, high = ends
    drawn = chart.curve(values, max(width - AXIS, 1), height)
    told = {height // 2: high} if low == high else {0: high, height - 1: low}
    amounts = [fmt.fit_amount(told[y], AXIS - 1, signed=True) if y in told else " " * (AXIS - 1) for y in range(height)]
    tone = amount_tone(newest) or Tone.INFO
    return [head, *(line(Span(f"{amounts[y]} ", Tone.DIM), Span(drawn[y], tone)) for y in range(height))]


def time_line(first_ns: int, last_ns: int, width: int) -> Line:
    """When the curves begin and end."""
    first, last = fmt.short_clock(first_ns), fmt.short_clock(last_ns)
    return line(Span(" " * AXIS + first + last.rjust(max(width - AXIS - len(first), len(last) + 1)), Tone.DIM))


def children_lines(children: Sequence[tuple[ChildColumn, ChildDay]], width: int) -> list[Line]:
    """What each child made and what its copies were."""
    wide = width >= 100
    names = name_column((child.id for child, _ in children), 9, NAME_MOST if wide else width - 64)
    head = f"{pad('child', names.width)}{'P&L ₹':>12}{'charges ₹':>11}{'after them':>12}{'slippage ₹':>12}"
    head += f"{'median':>10}{'slowest':>10}" if wide else ""
    return [
        line(Span(f"{head}  copies", Tone.DIM)),
        *(_child_line(*each, names, wide=wide) for each in children),
    ]


def _child_line(child: ChildColumn, day: ChildDay, names: Names, *, wide: bool) -> Line:
    after = None if child.day_inr is None else child.day_inr - child.charges_inr
    spans = [
        Span(names.pad(child.id), Tone.BOLD),
        amount_span(child.day_inr, 12, old=child.pnl_stale),
        Span(fmt.fit_amount(child.charges_inr, 11)),
        amount_span(after, 12, old=child.pnl_stale),
        Span(fmt.fit_amount(day.slippage_inr, 12, signed=True), amount_tone(-day.slippage_inr)),
    ]
    if wide:
        slowest = day.latencies_ms[-1] if day.latencies_ms else None
        spans += [Span(fmt.fit(_ms(day.median_ms), 10)), Span(fmt.fit(_ms(slowest), 10))]
    marks = [Span(f" {mark}{day.marks[mark]}", tone) for mark, tone in COPY_TONES.items() if day.marks.get(mark)]
    return line(*spans, " ", *(marks or [Span(" none", Tone.DIM)]))


def _ms(value: int | None) -> str:
    return "–" if value is None else f"{fmt.number(value)} ms"


def latency_lines(latencies_ms: Sequence[int], width: int) -> list[Line]:
    """How many copies were how fast, from the master's fill to the child's last."""
    if not latencies_ms:
        return [line(Span("latency ", Tone.BOLD), Span("no child has filled a copy yet", Tone.DIM))]
    count = len(latencies_ms)
    head = line(
        Span("latency ", Tone.BOLD),
        f"median {_ms(round(median(latencies_ms)))} · 95 % within {_ms(latencies_ms[-(-count * 95 // 100) - 1])}"
        f" · slowest {_ms(latencies_ms[-1])} · {fmt.number(count)} fills",
    )
    bounds = [*BUCKETS_MS, None]
    counts = [0] * len(bounds)
    for value in latencies_ms:
        counts[next(i for i, most in enumerate(bounds) if most is None or value <= most)] += 1
    out = [head]
    for most, found in zip(bounds, counts, strict=True):
        name = f"> {_ms(BUCKETS_MS[-1])}" if most is None else f"≤ {_ms(most)}"
        bar = chart.bar(found, max(counts), max(width - AXIS - 8, 1))
        out.append(line(Span(f"{name:>{AXIS - 1}} ", Tone.DIM), Span(bar, Tone.INFO), f" {fmt.number(found)}"))
    return out


_SORTS: dict[str, Callable[[ChildColumn, ChildDay], tuple[int | Decimal, ...]]] = {
    "configuration": lambda _child, _day: (),
    "day P&L": lambda child, _day: (last_if_unknown(child.day_inr),),
    "slippage": lambda _child, day: (-day.slippage_inr,),
    "slowest": lambda _child, day: (-day.latencies_ms[-1] if day.latencies_ms else 0,),
}
"""Orders of the children by name: the largest loss, the most slippage, the slowest copy come first."""


class Day(Panel):
    """Results, copies and latencies of the day."""

    SORTS = tuple(_SORTS)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.record = DayRecord()

    def show_frame(self, frame: Frame) -> None:
        self.record.see(frame.snapshot)
        super().show_frame(frame)

    def children_of(self, snapshot: Snapshot) -> tuple[tuple[ChildColumn, ChildDay], ...]:
        """Every child and what its copies were, in the order that the operator wants."""
        days = self.record.days(child.id for child in snapshot.children)
        both = zip(snapshot.children, days, strict=True)
        return tuple(sorted(both, key=lambda each: _SORTS[self.order](*each)))

    def draw(self, frame: Frame, width: int) -> None:
        snapshot, record = frame.snapshot, self.record
        children = self.children_of(snapshot)
        ours, his = record.curves(snapshot, max(width - AXIS, 1) * chart.ACROSS)
        since = f"Day · as this screen saw it since {fmt.clock(record.since_ns)}"
        self.set_title(line(since, *self.told(len(children))))
        room = self.size.height - 16 - len(snapshot.children)
        height = min(max(room // 2, CURVE_LEAST), CURVE_MOST)
        lines = [
            *curve_lines("children P&L", snapshot.children_day_inr, ours, width, height),
            *curve_lines("master P&L", snapshot.master_day_inr, his, width, height),
            time_line(record.samples[0].at_ns, snapshot.at_ns, width),
            line(),
            *children_lines(children, width),
            line(),
            *latency_lines(sorted(value for _, day in children for value in day.latencies_ms), width),
        ]
        self.set_rows([Row("", each) for each in lines])
