"""Copies: what was decided, and what became of it at every child. Pure lines and the panel of them."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from engine.snapshot import CopyRow
from tui import format as fmt
from tui.frame import Frame
from tui.marks import copy_counts, joined
from tui.text import Line, Span, Tone, clean, line, plain, width_of
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

NOTHING = "No copies yet today."
TREND = 16
"Copies in the latency picture."


def worst_latency(row: CopyRow) -> int | None:
    """The slowest child's milliseconds from the master's update to the last fill."""
    return max((part.latency_ms for part in row.lines if part.latency_ms is not None), default=None)


def slippages(row: CopyRow) -> list[Decimal]:
    """What each child paid beyond the master's price, a unit."""
    return [part.slippage_inr for part in row.lines if part.slippage_inr is not None]


def copy_lines(copies: Sequence[CopyRow], width: int) -> list[Line]:
    """Copies in aligned columns of at most `width` cells, the richest wording that fits them all."""
    built: list[Line] = []
    for level in range(5):
        built = _aligned([_columns(row, level) for row in copies])
        if all(width_of(text) <= width for text in built):
            break
    return built


def _columns(row: CopyRow, level: int) -> list[list[Span]]:
    latency = worst_latency(row)
    slips = slippages(row)
    sent = sum(1 for part in row.lines if part.units)
    title = clean(row.title) if level < 4 else clean(row.title).split(" ", 1)[-1]
    columns = [
        [Span(fmt.clock(row.at_ns) if level < 4 else fmt.short_clock(row.at_ns), Tone.DIM)],
        [Span(title)],
        [Span(f"{row.side.value:<4}", Tone.GOOD if row.side.sign > 0 else Tone.WARN), Span(f" {_his_lots(row):>6}")],
        [Span("" if row.entry else "exit")],
        [Span(f"→ {sent} children" if level < 1 else "", Tone.DIM)],
        joined(copy_counts(row)),
    ]
    if level < 3:
        columns.append([Span(f"{latency:>4} ms" if latency is not None else "", Tone.DIM)])
    if level < 2:
        columns.append([Span(f"slip {fmt.number(max(slips), places=2, signed=True)}" if slips else "", Tone.DIM)])
    return columns


def _his_lots(row: CopyRow) -> str:
    """What he came to hold by his trade, `to -10`; of an order that rests its lots; nothing where he did neither."""
    if row.master_lots is None:
        return ""
    return f"to {fmt.lots(row.master_lots)}" if row.learned_ns else fmt.lots(abs(row.master_lots), signed=False)


def _aligned(rows: list[list[list[Span]]]) -> list[Line]:
    widths = [max(width_of(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        spans: list[Span] = []
        for cell, width in zip(row, widths, strict=True):
            if width:
                spans += [*cell, Span(" " * (width - width_of(cell) + 1))]
        lines.append(line(*spans[:-1]))
    return lines


def latency_trend(copies: tuple[CopyRow, ...]) -> str:
    """The newest copies' latencies as a picture, oldest left."""
    values = [v for v in (worst_latency(row) for row in copies[:TREND]) if v is not None]
    return fmt.sparkline(values[::-1])


_SORTS: dict[str, Callable[[CopyRow], tuple[str | int | Decimal, ...]]] = {
    "time": lambda _row: (),
    "slowest": lambda row: (-(worst_latency(row) or 0),),
    "slippage": lambda row: (-max(slippages(row), default=Decimal(0)),),
    "leg": lambda row: (row.title, -row.at_ns),
}
"""By name; worst first."""


class Copies(Panel):
    """The newest copies, newest first."""

    SORTS = tuple(_SORTS)

    def draw(self, frame: Frame, width: int) -> None:
        self.newest_first = self.is_usual
        newest = frame.snapshot.copies
        trend = latency_trend(newest)
        latest = worst_latency(newest[0]) if newest else None
        copies = sorted(newest, key=_SORTS[self.order])
        texts = copy_lines(copies, width)
        rows = [
            Row(str(row.id), text) for row, text in zip(copies, texts, strict=True) if self.matches(_text(row, text))
        ]
        latency = Span(f" · latency {trend} {latest} ms" if latest is not None else "", Tone.DIM)
        self.set_title(line("Copies", latency, *self.told(len(rows))))
        self.show_found(rows, of=len(copies), nothing=NOTHING)


def _text(row: CopyRow, shown: Line) -> str:
    """What a filter looks at: the line, and every child with its status and reason."""
    return " ".join((plain(shown), *(f"{part.child} {part.status} {part.reason}" for part in row.lines)))
