"""One row a child account: how it stands, what it was sized by, what it may use. Pure rows and the panel of them."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from engine.snapshot import CellState, ChildColumn, ChildState
from tui import format as fmt
from tui.frame import Frame, urgency
from tui.marks import BRIEF, CHILD_MARKS, amount_span, capital_text, cell_mark, child_mark, ratio_text, ratio_tone
from tui.text import Line, Names, Span, Tone, clean, line, name_column, pad, shorten
from tui.widgets.live_table import Row
from tui.widgets.panel import Panel

COUNTED = (CellState.IN_STEP, CellState.WORKING, CellState.DRIFT, CellState.HELD, CellState.UNKNOWN, CellState.SKIPPED)
CALM = frozenset({ChildState.IDLE, ChildState.IN_STEP})
NAME_LEAST, REST_CELLS, WIDE_CELLS, NOTE_CELLS = 9, 59, 27, 10
"Cells of the account, of the columns behind it, of two more where there is room, and of the note that then stays."
WITH_READ, READ_CELLS = 140, 8
"From this width on there is room for the age of the newest read, too."

SORTS: dict[str, Callable[[ChildColumn], tuple[str | int | Decimal, ...]]] = {
    "configuration": lambda _child: (),
    "state": lambda child: (urgency(child),),
    "day P&L": lambda child: (last_if_unknown(child.day_inr),),
    "capital": lambda child: (-(child.capital_inr or 0),),
    "drift": lambda child: (-abs(child.drift_lots),),
}
"""Orders of the accounts by name: those that need attention, lose most, are largest, are furthest away come first."""


def last_if_unknown(pnl_inr: Decimal | None) -> Decimal:
    """A result to sort by: the largest loss first, and what is not known last."""
    return Decimal("Infinity") if pnl_inr is None else pnl_inr


def account_rows(frame: Frame, width: int, *, sort: str) -> tuple[Line, list[Row]]:
    """Head and rows for lines of `width` cells, in one of the orders `SORTS`."""
    snapshot, wide = frame.snapshot, width >= 100
    order = sorted(range(len(snapshot.children)), key=lambda i: SORTS[sort](snapshot.children[i]))
    kept = REST_CELLS + wide * WIDE_CELLS + READ_CELLS * (width >= WITH_READ) + NOTE_CELLS * (wide or frame.live)
    names = name_column(frame.accounts, NAME_LEAST, width - kept)
    head = f"{pad('child', names.width)}{'state':<12}{'legs':<15}{'ratio':>8}{'capital ₹':>13}{'day P&L ₹':>11}"
    head += f"{'available ₹':>14}{'max ₹':>13}" if wide else ""
    head += "read".rjust(READ_CELLS) if width >= WITH_READ else ""
    rows = [Row(snapshot.children[i].id, _row(frame, i, names, width, wide=wide)) for i in order]
    return line(Span(f"{head}  note" if len(head) + 6 <= width else head, Tone.DIM)), rows


def _row(frame: Frame, index: int, names: Names, width: int, *, wide: bool) -> Line:
    child = frame.snapshot.children[index]
    mark, word, tone = child_mark(child.state, known=frame.known)
    spans = [
        Span(names.pad(child.id), Tone.BOLD),
        Span(pad(f"{mark} {word}", 12), tone),
        *_counts(frame, index, 15),
        Span(fmt.fit(ratio_text(child), 8), ratio_tone(child, frame.now_ns)),
        Span(capital_text(child, 13)),
        amount_span(child.day_inr, 11, old=child.pnl_stale),
    ]
    used = names.width + REST_CELLS
    if wide:
        cap = "–".rjust(13) if child.max_capital_inr is None else fmt.fit_amount(child.max_capital_inr, 13)
        spans += [Span(fmt.fit_amount(child.available_inr, 14)), Span(cap)]
        used += WIDE_CELLS
    if width >= WITH_READ:
        read = "never" if child.read_at_ns is None else fmt.age(child.read_at_ns, frame.now_ns)
        spans.append(Span(fmt.fit(read, READ_CELLS), Tone.DIM))
        used += READ_CELLS
    where = ("LIVE" if child.live else "on paper") if frame.live else ""
    told = " · ".join(part for part in (where, note(child)) if part)
    room = width - used - 2
    return line(*spans, Span(f"  {shorten(clean(told), room)}" if room > 0 else "", Tone.DIM))


def _counts(frame: Frame, index: int, width: int) -> list[Span]:
    spans: list[Span] = []
    for state in COUNTED:
        count = sum(1 for leg in frame.snapshot.legs if leg.cells[index].state is state)
        if count:
            mark, tone = cell_mark(state, known=frame.known)
            spans.append(Span(f"{BRIEF.get(mark, mark)}{count} ", tone))
    taken = sum(len(span.text) for span in spans)
    return [*spans, Span(" " * max(width - taken, 0))] if taken <= width else [Span("#" * width)]


def note(child: ChildColumn) -> str:
    """Why it stands as it does, in the engine's words."""
    return " · ".join(part for part in (child.reason, child.entries_stopped) if part)


def matching(panel: Panel, frame: Frame, rows: list[Row]) -> list[Row]:
    """The rows of children that a panel's filter leaves, by all that is known of them."""
    told = {
        child.id: f"{child.id} {child.name} {child.broker} {CHILD_MARKS[child.state][1]} {child.sizing} {note(child)}"
        for child in frame.snapshot.children
    }
    return [row for row in rows if panel.matches(told[row.key])]


def _hidden(children: Sequence[ChildColumn], found: Sequence[Row]) -> str:
    """For the title: how many of those that a filter leaves out want to be looked at."""
    shown = {row.key for row in found}
    count = sum(child.state not in CALM and child.id not in shown for child in children)
    return f" · {count} hidden not in lockstep" if count else ""


class Accounts(Panel):
    """All children."""

    SORTS = tuple(SORTS)

    def draw(self, frame: Frame, width: int) -> None:
        head, rows = account_rows(frame, width, sort=self.order)
        snapshot = frame.snapshot
        known = "?" if frame.in_step is None else frame.in_step
        found = matching(self, frame, rows)
        text = f"Accounts · {known} of {len(snapshot.children)} in lockstep"
        self.set_title(line(text, *self.told(len(found)), Span(_hidden(snapshot.children, found), Tone.WARN)))
        self.show_found(found, of=len(rows), nothing="No children are configured.", head=head)
