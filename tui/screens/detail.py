"""Details of a row, as lines that stay current: a leg, a child, an event, an order. Pure builders."""

from decimal import Decimal

from engine.snapshot import Cell, ChildColumn, ChildScope, LegRow, Snapshot
from tui import format as fmt
from tui.frame import Frame, child_of
from tui.marks import OLD, SEVERITY_MARKS, amount_span, cell_mark, child_mark, has_moved
from tui.text import Line, Span, Tone, clean, line, pad, pad_title, shorten, width_of, wrap
from tui.widgets.events import Events
from tui.widgets.matrix import master_average

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
    out.append(line(Span(f"{'child':<10}{'state':<12}{'have':>7}{'want':>7}{'avg':>10}{'P&L ₹':>11}  more", Tone.DIM)))
    for cell in leg.cells:
        out += _cell_lines(cell, leg, frame, width)
    return out


def _cell_lines(cell: Cell, leg: LegRow, frame: Frame, width: int) -> list[Line]:
    mark, tone = cell_mark(cell.state, known=frame.known)
    word = cell.state.value if mark == cell.state.value else f"{mark} {cell.state.value}"
    idle = not (cell.have_lots or cell.want_lots)
    first = line(
        Span(pad(clean(cell.child), 10), Tone.BOLD),
        Span(pad(word, 12), tone),
        f"{fmt.fit(fmt.lots(cell.have_lots), 7)}{fmt.fit(fmt.lots(cell.want_lots), 7)}",
        Span("–".rjust(10) if idle else fmt.fit(fmt.price(cell.average_inr), 10)),
        Span("–".rjust(11), Tone.DIM)
        if idle and cell.pnl_inr is None
        else amount_span(cell.pnl_inr, 11, old=leg.quote_stale and bool(cell.have_lots)),
    )
    more, room = _more(cell, frame), width - width_of(first) - 2
    if len(more) <= room:
        first, more = (*first, Span(f"  {more}", Tone.DIM)), ""
    under = [Span(part, Tone.WARN) for part in (wrap(cell.reason, max(width - 10, 20)) if cell.reason else [])]
    under += [Span(part, Tone.DIM) for part in (wrap(more, max(width - 10, 20)) if more else [])]
    return [first, *(line(Span(" " * 10), span) for span in under)]


def _more(cell: Cell, frame: Frame) -> str:
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


def child_lines(account: str, frame: Frame, width: int) -> list[Line]:
    """Everything of one account."""
    child = child_of(frame.snapshot, account)
    if child is None:
        return list(GONE)
    mark, word, tone = child_mark(child.state, known=frame.known)
    trades = "trades LIVE when the mode is LIVE" if child.live else "paper only"
    who = wrap(f"{clean(child.name)} at {clean(child.broker)} · {trades}", max(width - len(word) - 4, 10))
    out = [line(Span(f"{mark} {word}", tone), f"  {who[0]}"), *(line(f"  {part}") for part in who[1:])]
    for why in (child.reason, child.entries_stopped):
        out += [line(Span(text, Tone.WARN)) for text in (wrap(why, width) if why else [])]
    out += [line(), *_facts(child, frame), line()]
    out.append(line(Span(f"{'leg':<24}{'state':<12}{'have':>7}{'want':>7}{'P&L ₹':>11}  more", Tone.DIM)))
    out += _child_legs(frame.snapshot, account, frame, width)
    orders = [o for o in frame.snapshot.working if o.account == account]
    out += [line(), line(Span(f"{len(orders)} working orders", Tone.BOLD))]
    out += [line(f"  {o.side.value} {o.filled_units}/{o.units} {clean(o.title)} {clean(o.status)}") for o in orders]
    return [*out, line(), *_limits(account, frame, width)]


def _limits(account: str, frame: Frame, width: int) -> list[Line]:
    """What bounds the child's entries, with what is used of it."""
    rows = [limit for limit in frame.snapshot.limits if limit.account == account]
    names = max((len(limit.name) for limit in rows), default=5) + 2
    bounds = min(24, max((len(limit.bound or "off") for limit in rows), default=5) + 2)
    if not rows:
        return []
    out = [line(Span(f"{pad('limit', names)}{pad('bound', bounds)}now", Tone.DIM))]
    for limit in rows:
        bound = "–" if limit.bound is None else clean(limit.bound) or "off"
        stopped = f"  stopped {limit.stopped} today" if limit.stopped else ""
        now = shorten(clean(limit.now) or "–", max(width - names - bounds - len(stopped), 10))
        out.append(line(pad(limit.name, names), pad(shorten(bound, bounds - 1), bounds), now, Span(stopped, Tone.WARN)))
    return out


def _facts(child: ChildColumn, frame: Frame) -> list[Line]:
    cap = "none" if child.max_capital_inr is None else fmt.rupees(child.max_capital_inr)
    facts = (
        ("available", f"{fmt.rupees(child.available_inr)}, {fmt.age(child.available_at_ns, frame.now_ns)} old"),
        ("max capital", f"{cap} · k changes it"),
        *_results(child),
        ("drift", _drift(child, frame)),
        ("last read", f"{fmt.age(child.read_at_ns, frame.now_ns)} ago" if child.read_at_ns is not None else "never"),
    )
    return [*_sizing(child, frame.now_ns), *(_fact(name, text) for name, text in facts)]


def _fact(name: str, text: str, tone: Tone = Tone.PLAIN) -> Line:
    return line(Span(pad(name, 13), Tone.DIM), Span(text, tone))


def _sizing(child: ChildColumn, now_ns: int) -> list[Line]:
    """How it is sized: its ratio, or a line for each strategy where it has several; and what its capital is now."""
    if len(child.ratios) > 1:
        out = [_fact("sizing", clean(child.sizing))]
        for scope in child.ratios:
            out += [_fact(clean(scope.scope), _ratio(scope, now_ns)), *_capital_now(scope)]
        return out
    ratio = _ratio(child.ratios[0], now_ns) if child.ratios else "ratio – from –"
    now = _capital_now(child.ratios[0]) if child.ratios else []
    return [_fact("sizing", f"{clean(child.sizing)}, {ratio}"), *now]


def _capital_now(scope: ChildScope) -> list[Line]:
    """What a ratio would be taken from now, where that is known."""
    if scope.capital_now_inr is None or scope.moved is None:
        return []
    text = f"capital now {fmt.rupees(scope.capital_now_inr)}, {fmt.percent(scope.moved)} since"
    return [_fact("", text, Tone.WARN if has_moved(scope.moved) else Tone.PLAIN)]


def _ratio(scope: ChildScope, now_ns: int) -> str:
    base = "–" if scope.capital_inr is None else fmt.rupees(scope.capital_inr)
    taken = "" if scope.ratio_at_ns is None else f", {fmt.age(scope.ratio_at_ns, now_ns)} ago"
    return f"ratio {fmt.ratio(scope.ratio)} from {base}{taken}"


def _results(child: ChildColumn) -> list[tuple[str, str]]:
    """What it made today; and of what was carried into today, what that made since it was opened."""
    old = OLD if child.pnl_stale else ""
    day, whole = (f"{fmt.rupees(value, signed=True)}{old}" for value in (child.day_inr, child.pnl_inr))
    closed = f", of it closed {fmt.rupees(child.realised_inr, signed=True)}"
    after = None if child.day_inr is None else child.day_inr - child.charges_inr
    charges = ("charges", f"{fmt.rupees(child.charges_inr)}, after them {fmt.rupees(after, signed=True)}{old}")
    if child.day_inr == child.pnl_inr:
        return [("day P&L", day + closed), charges]
    return [("day P&L", day), charges, ("since opened", whole + closed)]


def _drift(child: ChildColumn, frame: Frame) -> str:
    since = "" if child.drift_since_ns is None else f" for {fmt.age(child.drift_since_ns, frame.now_ns)}"
    return f"{fmt.lots(child.drift_lots)} lots{since}"


def _child_legs(snapshot: Snapshot, account: str, frame: Frame, width: int) -> list[Line]:
    out = []
    for leg in snapshot.legs:
        for cell in leg.cells:
            if cell.child != account:
                continue
            mark, tone = cell_mark(cell.state, known=frame.known)
            why = f"{cell.reason} · " if cell.reason else ""
            room = max(width - 63, 10)
            texts = wrap(f"{why}{_more(cell, frame)}".removesuffix(" · "), room)
            out.append(
                line(
                    pad_title(clean(leg.title), 24),
                    Span(pad(mark if mark == cell.state.value else f"{mark} {cell.state.value}", 12), tone),
                    f"{fmt.fit(fmt.lots(cell.have_lots), 7)}{fmt.fit(fmt.lots(cell.want_lots), 7)}",
                    amount_span(cell.pnl_inr, 11, old=leg.quote_stale and bool(cell.have_lots)),
                    Span(f"  {texts[0]}", Tone.DIM),
                )
            )
            out += [line(Span(" " * 63 + text, Tone.DIM)) for text in texts[1:]]
    return out or [line(Span("no legs", Tone.DIM))]


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
    order = next((o for o in frame.snapshot.working if f"{o.account}|{o.tag}" == key), None)
    if order is None:
        return list(GONE)
    absent = (
        "" if order.deadline_ns is None else f" · called absent in {fmt.countdown(order.deadline_ns, frame.now_ns)}"
    )
    out = [
        line(Span(f"{order.account} {order.side.value} {fmt.number(order.units)} {clean(order.title)}", Tone.BOLD)),
        line(
            f"{order.order_type.value} {'entry' if order.entry else 'exit'} · filled {fmt.number(order.filled_units)}"
        ),
        line(f"{clean(order.status)} for {fmt.age(order.since_ns, frame.now_ns)}{absent}"),
        line(Span(f"tag {clean(order.tag)} · order {clean(order.order_id) or 'id not known'}", Tone.DIM)),
    ]
    return [*out, *(line(Span(text, Tone.WARN)) for text in (wrap(order.reason, width) if order.reason else []))]
