"""Details of a row, as lines that stay current: a leg, a child, an event, an order. Pure builders."""

from decimal import Decimal

from engine.snapshot import Cell, LegRow
from tui import format as fmt
from tui.frame import Frame
from tui.marks import SEVERITY_MARKS, amount_span, cell_words
from tui.text import Line, Names, Span, Tone, clean, line, name_column, pad, width_of, wrap
from tui.widgets.events import Events
from tui.widgets.matrix import master_average
from tui.widgets.orders import key_of, kind_of

GONE = (line(Span("It is no longer there.", Tone.DIM)),)


def leg_lines(key: str, frame: Frame, width: int) -> list[Line]:
    """Every child's cell of a leg, with numbers and reasons."""
    snapshot = frame.snapshot
    leg = next((row for row in (*snapshot.legs, *snapshot.background) if row.leg == key), None)
    if leg is None:
        return list(GONE)
    lot = "unknown" if leg.lot_units is None else str(leg.lot_units)
    facts = (
        f"master {fmt.lots_or_units(leg.master_lots, leg.lot_units)} at {master_average(leg)}"
        f" · last {fmt.price(leg.last_inr)} · bid {fmt.price(leg.bid_inr)} · ask {fmt.price(leg.ask_inr)}"
        f" · quote {fmt.age(leg.quote_at_ns, frame.now_ns)} old{' STALE' if leg.quote_stale else ''}"
    )
    out = [
        line(Span(clean(leg.symbol), Tone.BOLD), f"  {leg.exchange} {leg.product} · lot {lot} · {clean(leg.scope)}"),
        *(line(Span(part, Tone.WARN if leg.quote_stale else Tone.PLAIN)) for part in wrap(facts, width)),
    ]
    if leg.background_lots:
        out.append(
            line(Span(f"background {fmt.lots_or_units(leg.background_lots, leg.lot_units)}, not copied", Tone.DIM))
        )
    out.append(line())
    names = name_column(frame.accounts, 10)
    out.append(
        line(
            Span(
                f"{pad('child', names.width)}{'state':<12}{'have':>7}{'want':>7}{'avg':>10}{'P&L ₹':>11}  more",
                Tone.DIM,
            )
        )
    )
    for cell in leg.cells:
        out += _cell_lines(cell, leg, names, frame, width)
    return out


def _cell_lines(cell: Cell, leg: LegRow, names: Names, frame: Frame, width: int) -> list[Line]:
    word, tone = cell_words(cell.state, known=frame.known)
    idle = not (cell.have_lots or cell.want_lots)
    first = line(
        Span(names.pad(cell.child), Tone.BOLD),
        Span(pad(word, 12), tone),
        f"{fmt.fit(fmt.lots(cell.have_lots), 7)}{fmt.fit(fmt.lots(cell.want_lots), 7)}",
        Span("–".rjust(10) if idle else fmt.fit(fmt.price(cell.average_inr), 10)),
        Span("–".rjust(11), Tone.DIM)
        if idle and cell.pnl_inr is None
        else amount_span(cell.pnl_inr, 11, old=leg.quote_stale and bool(cell.have_lots)),
    )
    more, room = more_of(cell, frame), width - width_of(first) - 2
    if len(more) <= room:
        first, more = (*first, Span(f"  {more}", Tone.DIM)), ""
    below = max(width - names.width, 20)
    under = [Span(part, Tone.WARN) for part in (wrap(cell.reason, below) if cell.reason else [])]
    under += [Span(part, Tone.DIM) for part in (wrap(more, below) if more else [])]
    return [first, *(line(Span(" " * names.width), span) for span in under)]


def more_of(cell: Cell, frame: Frame) -> str:
    """What else there is of a cell, in words."""
    parts = [
        (cell.working_lots, "working"),
        (cell.awaiting_lots, "awaiting"),
        (cell.unknown_lots, "unknown"),
        (cell.external_lots, "external (own)"),
        (cell.orphaned_lots, "handed over"),
        (cell.missing_lots, "missed (r offers them)"),
        (cell.by_hand_lots, "of what it is to have by ticket"),
    ]
    words = [f"{fmt.lots(value)} {name}" for value, name in parts if value]
    if cell.residue_lots:
        exact = Decimal(cell.residue_lots.numerator) / Decimal(cell.residue_lots.denominator)
        words.append(f"rounding kept {exact.quantize(Decimal('0.01'))}")
    if cell.since_ns is not None:
        words.append(f"for {fmt.age(cell.since_ns, frame.now_ns)}")
    return " · ".join(words)


def event_lines(key: str, events: Events, width: int) -> list[Line]:
    """An event with its whole text."""
    notice = events.notice(key)
    if notice is None:
        return list(GONE)
    mark, tone = SEVERITY_MARKS[notice.severity]
    about = f"{clean(notice.account)} {clean(notice.symbol)}".strip()
    when = f"{fmt.moment(notice.at_ns)} IST"
    head = line(Span(f"{mark} {notice.severity.value}", tone), f"  {when}  {about}  no. {notice.number}")
    return [head, line(), *(line(text) for text in wrap(notice.text, width))]


def order_lines(key: str, frame: Frame, width: int) -> list[Line]:
    """A working order with its whole reason."""
    order = next((o for o in frame.snapshot.working if key_of(o) == key), None)
    if order is None:
        return list(GONE)
    absent = (
        "" if order.deadline_ns is None else f" · called absent in {fmt.countdown(order.deadline_ns, frame.now_ns)}"
    )
    out = [
        line(Span(f"{order.account} {order.side.value} {fmt.number(order.units)} {clean(order.title)}", Tone.BOLD)),
        line(f"{kind_of(order)} · filled {fmt.number(order.filled_units)}"),
        line(f"{clean(order.status)} for {fmt.age(order.since_ns, frame.now_ns)}{absent}"),
        line(Span(f"tag {clean(order.tag)} · order {clean(order.order_id) or 'id not known'}", Tone.DIM)),
    ]
    return [*out, *(line(Span(text, Tone.WARN)) for text in (wrap(order.reason, width) if order.reason else []))]
