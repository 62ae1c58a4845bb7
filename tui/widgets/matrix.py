"""The matrix of legs and children: is every child in lockstep with the master, right now?

Layout and lines are pure functions; the widget keeps the selected child and scrolls the columns. When not all children
fit, those that need attention come first; more than 30 become rows of a list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from engine.money import sum_known
from engine.snapshot import CellState, ChildColumn, LegRow, Snapshot
from tui import format as fmt
from tui.frame import Frame, by_urgency, running
from tui.marks import (
    UNITS,
    amount_span,
    capital_text,
    cell_span,
    child_mark,
    least_width,
    mark_span,
    old_price,
    ratio_text,
    ratio_tone,
)
from tui.text import Line, Span, Tone, clean, line, pad, pad_title, short_names, width_of, wrap
from tui.widgets.accounts import SORTS as CHILD_SORTS
from tui.widgets.accounts import account_rows, last_if_unknown, matching
from tui.widgets.live_table import Row
from tui.widgets.panel import NO_MATCH, Panel

WIDE = 100
"From this width on there is room for results and average prices, and for what each child may use."
FRAME_CELLS = 4
"Of a line the frame, the cursor's cell and the scrollbar's take so many."
LIST_FROM = 31
"From so many children on they are rows of a list."
BACKGROUND = "bg|"
"Before the leg, in the key of a row of background lots."
MASTER_W, LAST_W, PNL_W, AVERAGE_W = 6, 10, 10, 10
TITLE_MAX = 24
Make = Callable[[ChildColumn, int], tuple[str, Tone]]
CHILD_MIN, CHILD_MAX, CHILD_NARROW, CHILD_DENSE = 10, 13, 8, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns are drawn, and how wide."""

    title_w: int
    pnl: bool
    average: bool
    last_w: int
    child_w: int
    children: tuple[int, ...]
    "Indices of the children shown, in order."
    before: int
    "Children left of the first one shown."
    after: int
    dense: bool
    common: str
    "What all titles share and is not repeated in each."

    @property
    def left_w(self) -> int:
        """Cells left of the children."""
        return self.title_w + MASTER_W + self.last_w + self.pnl * PNL_W + self.average * AVERAGE_W


def plan(snapshot: Snapshot, width: int, *, selected: str, dense: bool) -> Columns:
    """The columns for lines of `width` cells; the selected child is always among them."""
    wide = width >= WIDE
    titles = [clean(leg.title) for leg in (*snapshot.legs, *snapshot.background)]
    common = "" if wide else common_words(titles)
    title_w = min(max((width_of((Span(bare_title(t, common)),)) for t in titles), default=8), TITLE_MAX)
    title_w = max(title_w, 10)
    prices = (old_price(leg.last_inr, old=leg.quote_stale) for leg in (*snapshot.legs, *snapshot.background))
    last_w = max([LAST_W, *(len(text) + 1 for text in prices)])
    fixed = title_w + MASTER_W + last_w + (PNL_W + AVERAGE_W if wide else 0)
    child_w = CHILD_DENSE if dense else _child_width(snapshot, width - fixed, wide=wide)
    fit = max((width - fixed) // child_w, 1)
    if not dense:
        room = (width - fixed) // min(fit, max(len(snapshot.children), 1))
        child_w = max(min(room, max(CHILD_MAX, _longest_name(snapshot) + 2)), child_w)
    order = list(range(len(snapshot.children))) if fit >= len(snapshot.children) else by_urgency(snapshot.children)
    place = next((i for i, index in enumerate(order) if snapshot.children[index].id == selected), 0)
    start = min(max(place - fit + 1, 0), max(len(order) - fit, 0))
    shown = tuple(order[start : start + fit])
    return Columns(
        title_w=title_w,
        pnl=wide,
        average=wide,
        last_w=last_w,
        child_w=child_w,
        children=shown,
        before=start,
        after=len(order) - start - len(shown),
        dense=dense,
        common=common,
    )


def pages(snapshot: Snapshot, width: int) -> list[Columns]:
    """The columns of all children, those that need attention first, in as many blocks as it takes."""
    first = plan(snapshot, width, selected="", dense=False)
    if not first.after:
        return [first]
    order, fit = by_urgency(snapshot.children), len(first.children)
    return [
        replace(first, children=tuple(order[start : start + fit]), before=start, after=max(len(order) - start - fit, 0))
        for start in range(0, len(order), fit)
    ]


def _child_width(snapshot: Snapshot, room: int, *, wide: bool) -> int:
    """As wide as the widest cell wants (its shortest wording on a small screen)."""
    cells = [cell for leg in snapshot.legs for cell in leg.cells]
    if wide:
        longest = max((len(cell_span(cell, CHILD_MAX).text.strip()) for cell in cells), default=0)
    else:
        longest = max((least_width(cell) for cell in cells), default=0)
    wanted = max(CHILD_MIN if wide else CHILD_NARROW, longest + 1, _longest_name(snapshot) + 1)
    return max(min(wanted, CHILD_MAX, room), 1)


def _longest_name(snapshot: Snapshot) -> int:
    return max((len(c.id) for c in snapshot.children), default=0)


def common_words(titles: Sequence[str]) -> str:
    """The first word and the last word that all titles share (`NIFTY … 02Sep`), as one string, '' when they do not."""
    split = [t.split(" ") for t in titles]
    if not split or any(len(words) < 3 for words in split):
        return ""
    first, last = split[0][0], split[0][-1]
    return f"{first} {last}" if all(w[0] == first and w[-1] == last for w in split) else ""


def bare_title(title: str, common: str) -> str:
    """A title without what all of them share."""
    if not common:
        return title
    first, last = common.split(" ")
    return title.removeprefix(f"{first} ").removesuffix(f" {last}")


def head_line(snapshot: Snapshot, columns: Columns, selected: str) -> Line:
    """The names of the columns; the selected child stands in brackets."""
    spans = [Span(pad("leg", columns.title_w) + "master".rjust(MASTER_W) + "last".rjust(columns.last_w), Tone.DIM)]
    if columns.pnl:
        spans.append(Span("P&L ₹".rjust(PNL_W), Tone.DIM))
    if columns.average:
        spans.append(Span("avg".rjust(AVERAGE_W), Tone.DIM))
    names, narrower = (_names(snapshot, columns.child_w - gap, dense=columns.dense) for gap in (1, 2))
    for index in columns.children:
        child = snapshot.children[index]
        is_selected = child.id == selected
        name = (narrower if is_selected else names)[child.id]
        shown = f"[{name}]" if is_selected else name
        spans.append(Span(shown.rjust(columns.child_w), Tone.KEY if is_selected else Tone.BOLD))
    return line(*spans)


def _names(snapshot: Snapshot, width: int, *, dense: bool) -> dict[str, str]:
    """Ids of all children, no two alike; dense ones are ends where these tell them apart."""
    ids = [child.id for child in snapshot.children]
    ends = {name: clean(name)[-width:] for name in ids}
    return ends if dense and len(set(ends.values())) == len(ids) else short_names(ids, width)


def _his(leg: LegRow) -> str:
    """The master's lots; his units where nobody knows how many make a lot."""
    lots = leg.master_lots if leg.followed else leg.background_lots
    return fmt.lots(lots) if leg.lot_units is not None else f"{lots:+f}{UNITS}"


def leg_line(leg: LegRow, columns: Columns, *, known: bool = True) -> Line:
    """One leg of the master with every shown child's cell."""
    title = pad_title(bare_title(clean(leg.title), columns.common), columns.title_w)
    last_tone = Tone.WARN if leg.quote_stale else Tone.PLAIN
    spans = [
        Span(title, Tone.PLAIN if leg.followed else Tone.DIM),
        Span(fmt.fit(_his(leg), MASTER_W), Tone.BOLD),
        Span(fmt.fit(old_price(leg.last_inr, old=leg.quote_stale), columns.last_w), last_tone),
    ]
    if columns.pnl:
        spans.append(amount_span(leg.master_pnl_inr, PNL_W, old=leg.quote_stale and bool(leg.master_lots)))
    if columns.average:
        spans.append(Span(fmt.fit(master_average(leg), AVERAGE_W), Tone.DIM))
    if not leg.followed:
        return line(*spans, Span(f"  background, not copied{' · o adopts' if leg.adoptable else ''}", Tone.DIM))
    for index in columns.children:
        if columns.dense:
            spans.append(mark_span(leg.cells[index], columns.child_w, known=known))
        else:
            spans += [Span(" "), cell_span(leg.cells[index], columns.child_w - 1, known=known)]
    return line(*spans)


def master_average(leg: LegRow) -> str:
    """The average price of the master's lots; a dash where he has no lots any more."""
    return fmt.price(leg.master_average_inr) if leg.master_lots or leg.background_lots else "–"


def closed_inr(snapshot: Snapshot) -> Decimal | None:
    """What the master made in what runs with lots that are in no row any more, `None` where a price is missing."""
    whole = sum_known(strategy.master_pnl_inr for strategy in running(snapshot))
    shown = sum_known(leg.master_pnl_inr for leg in snapshot.legs)
    return None if whole is None or shown is None else whole - shown


def closed_line(snapshot: Snapshot, columns: Columns) -> Line:
    """What makes the rows add up to the strategy's result; empty where they do by themselves."""
    closed = closed_inr(snapshot) if columns.pnl and snapshot.legs else None
    if not closed:
        return ()
    before = columns.title_w + MASTER_W + columns.last_w
    return line(
        Span(pad("closed before", before), Tone.DIM),
        amount_span(closed, PNL_W, old=any(leg.quote_stale for leg in snapshot.legs)),
    )


def summary_lines(snapshot: Snapshot, columns: Columns, *, live: bool, known: bool = True) -> list[Row]:
    """State, ratio, capital, profit and drift of every shown child."""
    if columns.dense:
        marks = [_summary("state", columns, snapshot, lambda child, _: _mark_only(child, known=known))]
        return (
            [*marks, _summary("L is LIVE", columns, snapshot, lambda child, _: _trades_mark(child))] if live else marks
        )
    rows = [_summary("state", columns, snapshot, partial(_state, known=known))]
    if live:
        rows.append(_summary("trades", columns, snapshot, _trades))
    rows.append(_summary("ratio", columns, snapshot, partial(_ratio, now_ns=snapshot.at_ns)))
    rows.append(_summary("capital ₹", columns, snapshot, _capital))
    if columns.pnl:
        rows.append(_summary("available ₹", columns, snapshot, _available))
    if columns.pnl and _has_caps(snapshot):
        rows.append(_summary("at most ₹", columns, snapshot, _cap))
    rows.append(_summary("day P&L ₹", columns, snapshot, _profit))
    rows.append(_summary("drift lots", columns, snapshot, _drift))
    return rows


def _summary(name: str, columns: Columns, snapshot: Snapshot, make: Make) -> Row:
    spans = [Span(pad(name, columns.left_w), Tone.DIM)]
    for index in columns.children:
        text, tone = make(snapshot.children[index], columns.child_w - 1)
        spans.append(Span(" " + text.rjust(columns.child_w - 1), tone))
    return Row(f"sum|{name}", line(*spans))


def _mark_only(child: ChildColumn, *, known: bool) -> tuple[str, Tone]:
    mark, _, tone = child_mark(child.state, known=known)
    return mark, tone


def _state(child: ChildColumn, width: int, *, known: bool) -> tuple[str, Tone]:
    mark, word, tone = child_mark(child.state, known=known)
    return (f"{mark} {word}" if len(word) + 2 <= width else word if len(word) <= width else mark), tone


def _trades(child: ChildColumn, _width: int) -> tuple[str, Tone]:
    return ("LIVE", Tone.BAD) if child.live else ("paper", Tone.DIM)


def _trades_mark(child: ChildColumn) -> tuple[str, Tone]:
    return ("L", Tone.BAD) if child.live else ("p", Tone.DIM)


def _ratio(child: ChildColumn, width: int, now_ns: int) -> tuple[str, Tone]:
    if not child.ratios:
        return ("none", Tone.WARN) if child.left_out else ("–", Tone.DIM)
    return fmt.fit(ratio_text(child), width), ratio_tone(child, now_ns)


def _capital(child: ChildColumn, width: int) -> tuple[str, Tone]:
    text = capital_text(child, width) if child.ratios else fmt.fit_amount(child.available_inr, width)
    return text, Tone.PLAIN


def _available(child: ChildColumn, width: int) -> tuple[str, Tone]:
    return fmt.fit_amount(child.available_inr, width), Tone.PLAIN


def _has_caps(snapshot: Snapshot) -> bool:
    return any(child.max_capital_inr is not None for child in snapshot.children)


def _cap(child: ChildColumn, width: int) -> tuple[str, Tone]:
    cap = child.max_capital_inr
    return (fmt.fit("–", width), Tone.DIM) if cap is None else (fmt.fit_amount(cap, width), Tone.PLAIN)


def _profit(child: ChildColumn, width: int) -> tuple[str, Tone]:
    text, tone = amount_span(child.day_inr, width, old=child.pnl_stale)
    return text, tone


def _drift(child: ChildColumn, width: int) -> tuple[str, Tone]:
    """What it has too much or too little of what it wants, and what it missed for good and does not want any more."""
    drift = f"▲ {fmt.lots(child.drift_lots)}" if child.drift_lots else "0"
    if not child.missed_lots:
        return (fmt.fit(drift, width), Tone.WARN) if child.drift_lots else (drift, Tone.DIM)
    missed = fmt.lots(child.missed_lots, signed=False)
    wordings = [f"{drift} · {missed} missed"]
    if child.drift_lots:
        wordings += [f"{drift} · {missed} miss", f"{drift}, {missed} miss", f"{drift}…"]
    else:
        wordings += [f"{missed} missed", f"{missed} miss"]
    return next((text for text in wordings if len(text) <= width), fmt.fit(wordings[-1], width)), Tone.WARN


_WAITS = (CellState.AWAITING, CellState.HELD, CellState.UNKNOWN)
"""What waits for the operator, the most urgent last: before what only works, or has drifted and is being mended."""
_URGENCY = {state: rank for rank, state in enumerate((*(other for other in CellState if other not in _WAITS), *_WAITS))}
_SORTS: dict[str, Callable[[LegRow], tuple[str | int | Decimal, ...]]] = {
    "opening": lambda _leg: (),
    "what needs you": lambda leg: (-max((_URGENCY[cell.state] for cell in leg.cells), default=0),),
    "P&L": lambda leg: (last_if_unknown(leg.master_pnl_inr),),
    "name": lambda leg: (leg.title,),
}
"""Orders of the legs by name: the most urgent cell, the master's largest loss come first."""
_CHILDREN_FIRST = "state"


class Matrix(Panel):
    """Legs and children with a cursor on a leg and a selected child."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "child(-1)", show=False),
        Binding("right", "child(1)", show=False),
    ]

    def __init__(self, *, id: str, dense: bool = False) -> None:
        super().__init__(id=id)
        self.selected_child = ""
        self.dense = dense
        self._has_legs = False

    def draw(self, frame: Frame, width: int) -> None:
        snapshot = frame.snapshot
        if self.lists_children(snapshot):
            head, rows = account_rows(frame, width, sort=self.order)
            found = matching(self, frame, rows)
            self.set_title(line("Children, worst first" if self.is_usual else "Children", *self.told(len(found))))
            self.show_found(found, of=len(rows), nothing="", head=head)
            return
        if not any(c.id == self.selected_child for c in snapshot.children):
            self.selected_child = ""
        columns = plan(snapshot, width, selected=self.selected_child, dense=self.dense)
        had_legs, self._has_legs = self._has_legs, bool(snapshot.legs)
        if self._has_legs and not had_legs:
            self.start_at(snapshot.legs[0].leg)
        all_legs = (("", snapshot.legs), (BACKGROUND, snapshot.background))
        legs = [
            Row(f"{kind}{leg.leg}", leg_line(leg, columns, known=frame.known))
            for kind, found in all_legs
            for leg in sorted(found, key=_SORTS[self.order])
            if self.matches(f"{leg.title} {leg.symbol} {leg.exchange} {leg.product}")
        ]
        title = (*title_line(frame, columns), *self.told(len(legs)))
        if not legs:
            is_hidden = bool(snapshot.legs or snapshot.background)
            text = NO_MATCH if is_hidden else empty_sentence(frame)
            legs = [Row("", line(Span(part, Tone.DIM))) for part in wrap(text, width)]
        closed = [Row("", text) for text in (closed_line(snapshot, columns),) if text]
        self.set_title(title, children_note(columns, len(snapshot.children)))
        self.set_rows(
            [*legs, *closed, *summary_lines(snapshot, columns, live=frame.live, known=frame.known)],
            head_line(snapshot, columns, self.selected_child),
        )

    def orders(self) -> tuple[str, ...]:
        """Of the legs, or of the children where these are the rows."""
        if self.frame is None or not self.lists_children(self.frame.snapshot):
            return tuple(_SORTS)
        return _CHILDREN_FIRST, *(name for name in CHILD_SORTS if name != _CHILDREN_FIRST)

    @staticmethod
    def lists_children(snapshot: Snapshot) -> bool:
        """Whether there are too many children for columns: then it has a row for each."""
        return len(snapshot.children) >= LIST_FROM

    def wanted_lines(self, frame: Frame, width: int) -> int:
        """Lines that it would like to have, frame included, where it is `width` cells wide with its frame."""
        snapshot = frame.snapshot
        if self.lists_children(snapshot):
            return len(snapshot.children) + 3
        is_wide = width - FRAME_CELLS >= WIDE
        money = 1 + _has_caps(snapshot) if is_wide else 0
        summary = (1 if self.dense else 5 + money) + frame.live
        closed = is_wide and bool(closed_inr(snapshot)) and bool(snapshot.legs)
        return max(len(snapshot.legs) + len(snapshot.background), 1) + closed + summary + 3

    def action_child(self, step: int) -> None:
        """Select the next or previous child; the columns follow."""
        if self.frame is None or not self.frame.snapshot.children:
            return
        snapshot = self.frame.snapshot
        columns = plan(snapshot, self.line_width, selected=self.selected_child, dense=self.dense)
        all_fit = columns.before + columns.after == 0
        order = list(range(len(snapshot.children))) if all_fit else by_urgency(snapshot.children)
        ids = [snapshot.children[i].id for i in order]
        here = ids.index(self.selected_child) + step if self.selected_child in ids else 0
        self.selected_child = ids[min(max(here, 0), len(ids) - 1)]
        self.rebuild()

    def select_child(self, child: str) -> None:
        """Select a child by its id; the columns follow."""
        self.selected_child = child
        if self.frame is not None and self.lists_children(self.frame.snapshot):
            self.start_at(child)
        self.rebuild()

    def toggle_dense(self) -> None:
        """One mark a child, or numbers."""
        self.dense = not self.dense
        self.rebuild()


def title_line(frame: Frame, columns: Columns) -> Line:
    """The frame's title, with the words that all legs share; says so when the picture is old."""
    shared = f" · {columns.common}" if columns.common else ""
    old = Span("  OLD DATA ", Tone.ON_BAD) if frame.stalled else Span("")
    unit = "marks" if columns.dense else "have/want in lots"
    return line(
        Span(" LIVE ", Tone.ON_BAD) if frame.live else "", " " if frame.live else "", f"Legs{shared} · {unit}", old
    )


def children_note(columns: Columns, total: int) -> Line:
    """Which of the children are shown when not all are."""
    if not columns.before and not columns.after:
        return ()
    first = columns.before + 1
    return line(f"children {first}-{first + len(columns.children) - 1} of {total}, worst first · ← →")


def empty_sentence(frame: Frame) -> str:
    """What is said when there is no leg."""
    snapshot = frame.snapshot
    if snapshot.finished:
        return "No open legs. The recording has ended."
    if not snapshot.market_open:
        return "No open legs. The market is closed."
    return f"No open legs. When {snapshot.master.account} trades, its legs and every child's lots appear here."
