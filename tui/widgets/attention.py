"""Needs you: everything that waits for the operator, most urgent first, each with its key. Empty says so."""

from collections.abc import Iterator, Sequence

from engine.snapshot import Attention
from tui import format as fmt
from tui.frame import Frame
from tui.marks import SEVERITY_MARKS
from tui.text import Line, Span, Tone, clean, line, shorten, wrap
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

NOTHING = "Nothing needs you."
NOT_KNOWN_WHAT = "Not known whether something needs you."


def tail_of(item: Attention, now_ns: int) -> list[Span]:
    """Countdown and key of an item."""
    spans = []
    if item.deadline_ns is not None:
        spans.append(Span(f" {fmt.countdown(item.deadline_ns, now_ns)}", Tone.WARN))
    if item.key:
        spans.append(Span(f" [{item.key}]", Tone.KEY))
    return spans


def keyed(items: Sequence[Attention]) -> Iterator[tuple[str, Attention]]:
    """Each item with what it is about: its key stays the same when others come and go, and while it is counted on."""
    seen: dict[str, int] = {}
    for item in items:
        said = item.text
        if item.account or item.symbol:
            said = "".join(c for c in said if not c.isdigit())  # asked 3 times, then 4: the same item
        about = "|".join((item.key, item.account, item.symbol, said))
        seen[about] = seen.get(about, 0) + 1
        yield f"{about}|{seen[about]}", item


def attention_rows(items: Sequence[Attention], now_ns: int, width: int) -> list[Row]:
    """Rows for lines of `width` cells; long texts take several lines, the first of which is selectable."""
    rows: list[Row] = []
    for key, item in keyed(items):
        mark, tone = SEVERITY_MARKS[item.severity]
        tail = tail_of(item, now_ns)
        room = max(width - 2, 8)
        texts = wrap(whole_text(item), room)
        lines = [[Span(f"{mark} " if i == 0 else "  ", tone), Span(text)] for i, text in enumerate(texts)]
        if len(texts[-1]) + sum(len(s.text) for s in tail) <= room:
            lines[-1] += tail
        elif tail:
            lines.append([Span(" "), *tail])
        rows += [Row(key if i == 0 else "", line(*spans)) for i, spans in enumerate(lines)]
    return rows


def whole_text(item: Attention) -> str:
    """The text, with account and symbol in front when the text does not name them."""
    about = [name for name in (item.account, item.symbol) if name and name not in item.text]
    return clean(" ".join([*about, item.text]))


def nothing_line(frame: Frame) -> Line:
    """That nothing waits; or that nobody can tell, while the master is not seen or no new data come."""
    if not frame.known:
        return line(Span("? ", Tone.WARN), Span(NOT_KNOWN_WHAT, Tone.DIM))
    return line(Span("✓ ", Tone.GOOD), Span(NOTHING, Tone.DIM))


def attention_line(frame: Frame, width: int) -> Line:
    """The most urgent item and how many there are, in one line."""
    items = frame.snapshot.attention
    if not items:
        return line(" ", *nothing_line(frame))
    first, tail = items[0], tail_of(items[0], frame.now_ns)
    mark, tone = SEVERITY_MARKS[first.severity]
    lead = f" {mark} Needs you ({len(items)}) "
    room = width - len(lead) - sum(len(s.text) for s in tail)
    return line(Span(lead, tone), shorten(whole_text(first), room), *tail)


class NeedsYou(Panel):
    """Everything that waits for the operator."""

    def draw(self, frame: Frame, width: int) -> None:
        items = frame.snapshot.attention
        self.set_title(line("Needs you", Span(f" ({len(items)})" if items else "", Tone.KEY)))
        rows = attention_rows(items, frame.now_ns, width)
        self.set_rows(rows or [Row("", nothing_line(frame))])
