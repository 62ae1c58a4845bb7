"""One copy in depth, as lines: each child's part with its stages in time, why it is so large, its orders, the journal.

Stages are drawn to one scale: what the master's broker took to tell, what this program took, what the child's broker
took to answer, and what the fill took. Pure builders.
"""

from collections.abc import Sequence
from itertools import pairwise

from engine.model import NS_PER_MS
from engine.snapshot import CopyLine, CopyRow, OrderTrace
from engine.trail import Step, TrailLine
from tui import format as fmt
from tui.frame import Frame
from tui.marks import COPY_TONES, copy_mark
from tui.text import Line, Names, Span, Tone, clean, line, name_column, pad, wrap

GONE = (line(Span("It is no longer among the newest copies; the journal has it.", Tone.DIM)),)
WIDE = 100
"""Lines of so many cells show every stage; shorter ones take those of this program together."""
BAR_LEAST = 8
NAME_LEAST = 10
STAGES = ("seen", "decided", "durable", "sent", "acked", "filled")
"""Until the engine knew of the trade, had decided, had it on disk, had sent it, heard of the answer, and of the end."""
BAR = ("░", "▒", "▒", "▒", "▓", "█")
LEGEND = "stages in ms  ░ his broker  ▒ this program  ▓ answer  █ fill"
STEP_TONES = {Step.INTENT: Tone.BOLD, Step.ANSWER: Tone.PLAIN, Step.PUSH: Tone.PLAIN, Step.BOOK: Tone.DIM}


def find_copy(row_id: str, frame: Frame) -> CopyRow | None:
    """The copy of a row of the overview, `None` when newer ones have pushed it out."""
    return next((copy for copy in frame.snapshot.copies if str(copy.id) == row_id), None)


def copy_lines(row: CopyRow, frame: Frame, width: int) -> list[Line]:
    """A copy without its journal: what was decided, and each child's part of it."""
    kind = "entry" if row.entry else "exit"
    lots = "" if row.master_lots is None else f" {'came to ' if row.learned_ns else ''}{fmt.in_lots(row.master_lots)}"
    master = f"master{lots} at {fmt.price(row.master_price_inr)}"
    traded = f"he traded at {fmt.moment(row.traded_ns)}" if row.traded_ns else "he did not trade"
    rest = 97 if width >= WIDE else 66
    names = name_column(frame.accounts, NAME_LEAST, NAME_LEAST + width - rest)
    out = [
        line(Span(f"{row.side.value} {clean(row.title)}", Tone.BOLD), f"  {kind} at {fmt.moment(row.at_ns)} IST"),
        *(line(text) for text in wrap(f"{master} · {traded}", width)),
        *(line(Span(text, Tone.DIM)) for text in wrap(LEGEND, width)),
        line(),
        line(Span(_head(names, width), Tone.DIM)),
    ]
    longest_ns = max((_ended_ns(part, frame) - _began_ns(row) for part in row.lines), default=0)
    for part in row.lines:
        out += _part(row, part, names, frame, longest_ns, width)
    return out


def trail_lines(trail: Sequence[TrailLine] | None, refusal: str, width: int) -> list[Line]:
    """What the journal has of a copy.

    Args:
        trail: Its lines, `None` while they are read.
        refusal: Why they cannot be read, '' when they can.
        width: Cells of a line.
    """
    out = [line(), line(Span("journal", Tone.BOLD), Span(" · what is on disk of its orders, in its order", Tone.DIM))]
    if refusal:
        return out + [line(Span(text, Tone.WARN)) for text in wrap(refusal, width)]
    if trail is None:
        return [*out, line(Span("is being read…", Tone.DIM))]
    names = name_column((entry.account for entry in trail), NAME_LEAST)
    for entry in trail:
        head = f"{fmt.moment(entry.at_ns)}  {names.pad(entry.account)}"
        tag = f"{clean(entry.tag)} " if width >= WIDE else f"…{clean(entry.tag)[-4:]} "
        step = pad(entry.step.value, 7)
        room = max(width - len(head) - len(step) - len(tag), 20)
        first, *more = wrap(entry.text, room)
        out.append(line(head, Span(step, STEP_TONES[entry.step]), Span(tag, Tone.DIM), first))
        out += [line(" " * (len(head) + len(step) + len(tag)), text) for text in more]
    return out if trail else [*out, line(Span("Nothing of it is there.", Tone.DIM))]


def tags_of(row: CopyRow) -> list[str]:
    """Tags of all its orders."""
    return [order.tag for part in row.lines for order in part.orders]


def ended_ns(row: CopyRow) -> int | None:
    """When the last of its orders had ended, `None` while one is open."""
    if not row.done:
        return None
    return max((order.done_ns for part in row.lines for order in part.orders), default=row.at_ns)


def _head(names: Names, width: int) -> str:
    titles, cells = ((*STAGES, "status"), 8) if width >= WIDE else (("seen", "ours", "acked", "filled"), 7)
    stages = "".join(title.rjust(cells) for title in titles)
    return f"{pad('child', names.width)}{'filled':>9}{'price':>9}{'slip':>7}{stages}"


def _part(row: CopyRow, part: CopyLine, names: Names, frame: Frame, longest_ns: int, width: int) -> list[Line]:
    mark = copy_mark(part)
    slip = "–" if part.slippage_inr is None else fmt.number(part.slippage_inr, places=2, signed=True)
    average = "–" if part.average_inr is None else fmt.price(part.average_inr)
    filled = f"{fmt.number(part.filled_units)}/{fmt.number(part.units)}"
    stages = _stages(row, part)
    shown = stages if width >= WIDE else [stages[0], _together(stages[1:4]), *stages[4:]]
    first = line(
        Span(names.pad(part.child), Tone.BOLD),
        f"{fmt.fit(filled, 9)}{fmt.fit(average, 9)}{fmt.fit(slip, 7)}",
        "".join(fmt.fit(_ms(stage), 8 if width >= WIDE else 7) for stage in shown),
        Span(f"  {mark} {clean(part.status)}" if width >= WIDE else f"  {mark}", COPY_TONES[mark]),
    )
    room = max(width - names.width, 20)
    under = [Span(text, Tone.WARN) for text in (wrap(part.reason, room) if part.reason else [])]
    under += [Span(text, Tone.DIM) for text in (wrap(part.why, room) if part.why else [])]
    under += [Span(text, Tone.DIM) for order in part.orders for text in wrap(_order(order), room)]
    out = [first]
    bar = _bar(stages, longest_ns, max(width - names.width - 2, BAR_LEAST))
    if bar:
        out.append(line(" " * names.width, Span(bar, Tone.INFO)))
    return out + [line(" " * names.width, span) for span in under]


def _order(order: OrderTrace) -> str:
    terms = order.order_type.value + ("" if order.price_inr is None else f" {fmt.price(order.price_inr)}")
    resent = f" · sent {order.tries} times" if order.tries > 1 else ""
    where = f"order {clean(order.order_id)}" if order.order_id else "the broker's id is not known"
    state = f"{fmt.number(order.filled_units)}/{fmt.number(order.units)} {clean(order.status)}"
    return f"{clean(order.tag)} · {where} · {terms} {state}{resent}"


def _slowest(part: CopyLine) -> OrderTrace | None:
    """The order that ended last, or is still open: what the child's part waited for."""
    return max(part.orders, key=lambda order: (not order.done_ns, order.done_ns), default=None)


def _began_ns(row: CopyRow) -> int:
    return row.traded_ns or row.at_ns


def _ended_ns(part: CopyLine, frame: Frame) -> int:
    order = _slowest(part)
    if order is None:
        return 0
    return order.done_ns or min(frame.now_ns, order.answered_ns or order.sent_ns or order.decided_ns)


def _stages(row: CopyRow, part: CopyLine) -> list[int | None]:
    """How long each stage took in ns, as in `STAGES`; `None` for one that is not over, or of which nothing is known."""
    order = _slowest(part)
    if order is None:
        return [None] * len(STAGES)
    seen_ns = max(row.learned_ns, row.traded_ns) if row.traded_ns and row.learned_ns else 0
    times = seen_ns, order.decided_ns, order.durable_ns, order.sent_ns, order.answered_ns, order.done_ns
    found: list[int | None] = []
    last_ns = _began_ns(row)
    for at_ns in times:
        found.append(max(0, at_ns - last_ns) if at_ns else None)
        last_ns = max(last_ns, at_ns)
    if not part.filled_units:
        found[-1] = None  # its end was none
    return found


def _together(stages: Sequence[int | None]) -> int | None:
    known = [stage for stage in stages if stage is not None]
    return sum(known) if known else None


def _ms(stage: int | None) -> str:
    return "–" if stage is None else fmt.number((stage + NS_PER_MS // 2) // NS_PER_MS)


def _bar(stages: Sequence[int | None], longest_ns: int, cells: int) -> str:
    """Stages side by side, to the scale of the slowest child."""
    if longest_ns <= 0:
        return ""
    edges, total = [0], 0
    for stage in stages:
        total += stage or 0
        edges.append(round(min(total, longest_ns) * cells / longest_ns))
    return "".join(glyph * (to - since) for glyph, (since, to) in zip(BAR, pairwise(edges), strict=True))
