"""Everything of one child account, as lines that stay current. Pure builders."""

from collections.abc import Sequence

from engine.snapshot import Cell, ChildColumn, ChildScope, CopyLine, CopyRow, LegRow, Snapshot
from engine.trail import PastRatio
from tui import format as fmt
from tui.frame import Frame, child_of
from tui.marks import COPY_TONES, OLD, amount_span, cell_words, child_mark, copy_mark, has_moved, old_price
from tui.screens.detail import GONE, more_of
from tui.text import Line, Span, Tone, clean, line, pad, pad_title, shorten, wrap

WIDE = 100
"""From this width on there is room for prices."""
NO_RATIO = "–: left out, not there yet, or sized without a ratio"


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
    out += _child_legs(frame.snapshot, account, frame, width)
    orders = [o for o in frame.snapshot.working if o.account == account]
    out += [line(), line(Span(fmt.counted(len(orders), "working order"), Tone.BOLD))]
    out += [line(f"  {o.side.value} {o.filled_units}/{o.units} {clean(o.title)} {clean(o.status)}") for o in orders]
    return [*out, line(), *_copies(frame.snapshot, account, width), line(), *_limits(account, frame, width)]


def _copies(snapshot: Snapshot, account: str, width: int) -> list[Line]:
    """What became of its part of the newest decisions: how much was filled at what price, or why nothing was sent."""
    found = [(copy, part) for copy in snapshot.copies for part in copy.lines if part.child == account]
    if not found:
        return [line(Span("no copies yet", Tone.DIM))]
    wide = width >= WIDE
    slip = f"{'slip':>8}" if wide else ""
    told = "  newest first" if wide else ""
    out = [line(Span(f"{'copy':<14}{'leg':<24}{'filled':>11}{'at':>10}{slip}{told}", Tone.DIM))]
    for copy, part in found:
        out += _copy(copy, part, width, wide=wide)
    return out


def _copy(copy: CopyRow, part: CopyLine, width: int, *, wide: bool) -> list[Line]:
    """One of them, with its reason below where there is no room beside it."""
    mark = copy_mark(part)
    filled = f"{part.filled_units}/{part.units}" if part.units else ""
    slip = "" if part.slippage_inr is None else fmt.number(part.slippage_inr, places=2, signed=True)
    kind = "" if copy.entry else "exit "
    told, reason = f"{kind}{clean(part.status)}", clean(part.reason)
    beside = f"{told}: {reason}" if reason else told
    is_below = len(beside) > width - 63 - 8 * wide
    first = line(
        Span(f"{fmt.clock(copy.at_ns)} ", Tone.DIM),
        Span(f"{copy.side.value:<5}", Tone.GOOD if copy.side.sign > 0 else Tone.WARN),
        pad_title(clean(copy.title), 24),
        fmt.fit(filled, 11),
        fmt.fit(fmt.price(part.average_inr) if part.average_inr is not None else "", 10),
        *([fmt.fit(slip, 8)] if wide else []),
        Span(f"  {mark} ", COPY_TONES.get(mark, Tone.PLAIN)),
        told if is_below else beside,
    )
    below = wrap(reason, max(width - 14, 20)) if is_below and reason else []
    return [first, *(line(Span(" " * 14 + text, Tone.DIM)) for text in below)]


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
    return f"{fmt.in_lots(child.drift_lots)}{since}"


def _child_legs(snapshot: Snapshot, account: str, frame: Frame, width: int) -> list[Line]:
    wide = width >= WIDE
    prices = f"{'avg':>10}{'last':>10}" if wide else ""
    head = f"{'leg':<24} {'state':<12}{'have':>7}{'want':>7}{prices}{'P&L ₹':>11}  more"
    out, before = [], 64 + 20 * wide
    for leg in snapshot.legs:
        for cell in leg.cells:
            if cell.child != account:
                continue
            words, tone = cell_words(cell.state, known=frame.known)
            why = f"{cell.reason} · " if cell.reason else ""
            room = max(width - before, 10)
            texts = wrap(f"{why}{more_of(cell, frame)}".removesuffix(" · "), room)
            out.append(
                line(
                    f"{pad_title(clean(leg.title), 24)} ",
                    Span(pad(words, 12), tone),
                    f"{fmt.fit(fmt.lots(cell.have_lots), 7)}{fmt.fit(fmt.lots(cell.want_lots), 7)}",
                    *(_prices(cell, leg) if wide else []),
                    amount_span(cell.pnl_inr, 11, old=leg.quote_stale and bool(cell.have_lots)),
                    Span(f"  {texts[0]}", Tone.DIM),
                )
            )
            out += [line(Span(" " * before + text, Tone.DIM)) for text in texts[1:]]
    return [line(Span(head, Tone.DIM)), *(out or [line(Span("no legs", Tone.DIM))])]


def _prices(cell: Cell, leg: LegRow) -> list[Span]:
    """What its lots cost on average, and the last price."""
    last = Span(fmt.fit(old_price(leg.last_inr, old=leg.quote_stale), 10), Tone.WARN if leg.quote_stale else Tone.PLAIN)
    return [Span(fmt.fit("–" if cell.average_inr is None else fmt.price(cell.average_inr), 10), Tone.DIM), last]


def past_lines(past: Sequence[PastRatio] | None, refusal: str, width: int, *, is_all: bool = True) -> list[Line]:
    """What it was sized by in the strategies so far, newest first, with a picture of how that went.

    Args:
        past: Newest first; `None` before anything was read.
        refusal: Why the newest read failed, '' when it did not.
        width: Cells of a line.
        is_all: Whether no older ones are left out.
    """
    which = "strategies so far" if is_all or past is None else f"newest {len(past)} strategies"
    title = Span(f"ratios of the {which}", Tone.BOLD)
    why = [line(Span(text, Tone.WARN)) for text in (wrap(clean(refusal), width) if refusal else [])]
    if not past:
        nothing = "reading the journal …" if past is None else "none yet"
        return [line(), line(title), *(why or [line(Span(nothing, Tone.DIM))])]
    many = len({one.scope for one in past}) > 1
    head = f"{'since':<18}{'mode':<7}{'ratio':>8}{'master ₹':>14}  strategy"
    return [
        line(),
        line(title, Span("" if many else f"  {_trend(past)}", Tone.INFO)),
        *why,
        line(Span(head, Tone.DIM)),
        *(_past_line(one, width, many=many) for one in past),
        *([line(Span(NO_RATIO, Tone.DIM))] if any(one.ratio is None for one in past) else []),
    ]


def _trend(past: Sequence[PastRatio]) -> str:
    """The ratios as a picture, oldest left, a dot where there is none; '' where no difference could be seen."""
    drawn = fmt.sparkline([round(one.ratio * 10_000) for one in reversed(past) if one.ratio is not None])
    if len(set(drawn)) < 2:
        return ""
    marks = iter(drawn)
    return "".join("·" if one.ratio is None else next(marks) for one in reversed(past))


def _past_line(one: PastRatio, width: int, *, many: bool) -> Line:
    base = "–" if one.baseline_inr is None else fmt.fit_amount(one.baseline_inr, 14)
    name = f"{one.scope} {one.name}" if many else one.name
    return line(
        Span(f"{fmt.to_ist(one.started_ns):%d %b %Y %H:%M} ", Tone.DIM),
        pad(one.source, 7),
        Span(fmt.fit("–" if one.ratio is None else fmt.ratio(one.ratio), 8), Tone.BOLD),
        base.rjust(14),
        Span(f"  {shorten(clean(name), max(width - 49, 8))}"),
    )
