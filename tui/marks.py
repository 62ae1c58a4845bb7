"""Marks and words for states: one wording everywhere, and never a colour alone. Pure.

The full reason of a cell is the engine's; only its short form for a narrow cell is made here.
"""

from collections.abc import Sequence
from decimal import Decimal

from engine.commands import Severity
from engine.core.lifecycle import OrderState
from engine.model import NS_PER_S
from engine.snapshot import AWAITS_ANSWER, Cell, CellState, ChildColumn, ChildState, CopyLine, CopyRow, EngineState
from tui import format as fmt
from tui.text import Span, Tone, pad, width_of

CELL_MARKS: dict[CellState, tuple[str, Tone]] = {
    CellState.NONE: ("·", Tone.DIM),
    CellState.IN_STEP: ("✓", Tone.GOOD),
    CellState.SKIPPED: ("–", Tone.DIM),
    CellState.AWAITING: ("ask", Tone.KEY),
    CellState.WORKING: ("…", Tone.INFO),
    CellState.DRIFT: ("▲", Tone.WARN),
    CellState.HELD: ("held", Tone.BAD),
    CellState.UNKNOWN: ("?", Tone.BAD),
}
NOT_KNOWN = ("?", Tone.DIM)
"In place of the mark of what was in step, while nobody sees the master or no new data come."
NOT_SEEN = "not seen"
UNDER_WAY = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.WORKING})
"An order in one of them may still fill."
BRIEF = {"held": "‖", "ask": "c"}
"Marks of one cell, where the word does not fit; `c` is the key that answers."
CHILD_MARKS: dict[ChildState, tuple[str, str, Tone]] = {
    ChildState.IDLE: ("·", "idle", Tone.DIM),
    ChildState.IN_STEP: ("✓", "in step", Tone.GOOD),
    ChildState.WORKING: ("…", "working", Tone.INFO),
    ChildState.SKIPPED: ("–", "skipped", Tone.DIM),
    ChildState.LOSS: ("–", "loss", Tone.WARN),
    ChildState.DRIFT: ("▲", "drift", Tone.WARN),
    ChildState.NOT_READ: ("?", "not read", Tone.WARN),
    ChildState.LEFT_OUT: ("–", "left out", Tone.WARN),
    ChildState.HELD: ("‖", "held", Tone.BAD),
    ChildState.UNKNOWN: ("?", "unknown", Tone.BAD),
    ChildState.LOGIN_REQUIRED: ("✖", "login", Tone.BAD),
}
ENGINE_WORDS: dict[EngineState, tuple[str, Tone]] = {
    EngineState.STARTING: ("STARTING", Tone.WARN),
    EngineState.ARMED: ("ARMED", Tone.GOOD),
    EngineState.DISARMED: ("DISARMED", Tone.ON_WARN),
    EngineState.PAUSED: ("PAUSED", Tone.ON_WARN),
    EngineState.KILLED_ENTRIES: ("KILLED 1", Tone.ON_BAD),
    EngineState.KILLED_ALL: ("KILLED 2", Tone.ON_BAD),
    EngineState.FAILED: ("FAILED", Tone.ON_BAD),
    EngineState.STOPPED: ("STOPPED", Tone.ON_WARN),
}
SEVERITY_MARKS: dict[Severity, tuple[str, Tone]] = {
    Severity.INFO: ("·", Tone.DIM),
    Severity.WARNING: ("▲", Tone.WARN),
    Severity.ALARM: ("✖", Tone.BAD),
}
UNITS = "u"
"""After a number of units, where nobody knows how many make a lot."""
SEVERAL = "several"
"""Instead of a ratio, for a child that has another one in each strategy."""
OLD_RATIO_NS = 24 * 3600 * NS_PER_S
"Capital may have moved since a ratio was frozen so long ago."
MUCH_MOVED = Decimal("0.2")
"Capital that has moved by more than this part of it would give another ratio."
SHORT_REASONS: tuple[tuple[str, str], ...] = (
    ("below one lot", "<1 lot"),
    ("own position", "own"),
    ("margin", "mgn"),
    ("daily loss", "loss"),
    ("max ", "max"),
    ("orders per", "rate"),
    ("declined", "decl"),
    ("edited", "edit"),
    ("paused", "paus"),
    ("killed", "kill"),
    ("disarmed", "disar"),
    ("flattened", "flat"),
    ("reset", "reset"),
    ("stale", "stale"),
    ("refus", "ref"),
    ("slippage", "slip"),
    ("price band", "band"),
    ("price", "price"),
    ("quote", "quote"),
    ("instrument", "instr"),
    ("login", "login"),
    ("expir", "exp"),
    ("filtered", "filt"),
    ("market c", "shut"),
    ("not read", "read"),
    ("by hand", "hand"),
    ("next strategy", "next"),
    ("left out", "out"),
    ("awaiting", "ask"),
)
"Part of a reason -> what a narrow cell says; the detail of the row has the whole reason."


def short_reason(reason: str, width: int) -> str:
    """A reason in `width` cells: a known short word, else its first word."""
    lowered = reason.lower()
    word = next((short for part, short in SHORT_REASONS if part in lowered), reason.split(" ", maxsplit=1)[0])
    return pad(word, width).rstrip()


def cell_mark(state: CellState, *, known: bool) -> tuple[str, Tone]:
    """The mark of a cell's state; nothing is called in step while it is not known (`known`) what the master has."""
    return NOT_KNOWN if state is CellState.IN_STEP and not known else CELL_MARKS[state]


def cell_words(state: CellState, *, known: bool) -> tuple[str, Tone]:
    """The same with its word, as `cell_mark` has it."""
    mark, tone = cell_mark(state, known=known)
    word = NOT_SEEN if mark == NOT_KNOWN[0] and state is CellState.IN_STEP else state.value
    return (word if mark == word else f"{mark} {word}"), tone


def child_mark(state: ChildState, *, known: bool) -> tuple[str, str, Tone]:
    """Mark and word of a child's state; `? not seen` while nobody sees whether it is in step."""
    mark, word, tone = CHILD_MARKS[state]
    return (NOT_KNOWN[0], NOT_SEEN, NOT_KNOWN[1]) if state is ChildState.IN_STEP and not known else (mark, word, tone)


def cell_span(cell: Cell, width: int, *, known: bool = True) -> Span:
    """A cell of the matrix, right-aligned in `width` cells: the richest wording that fits, `####` when none does."""
    mark, tone = cell_mark(cell.state, known=known)
    have, want = fmt.lots(cell.have_lots), fmt.lots(cell.want_lots)
    pair = have if cell.have_lots == cell.want_lots else f"{have}/{want}"
    ext = " ext" if cell.external_lots else ""
    if cell.state is CellState.NONE:
        wordings = [f"{mark}{ext}", mark]
    elif cell.state is CellState.SKIPPED and not cell.have_lots:
        room = width - len(mark) - 1
        wordings = [f"{mark} {short_reason(cell.reason, room)}".rstrip(), mark]
    else:
        wordings = [f"{pair} {mark}{ext}", f"{pair} {mark}", f"{pair} {BRIEF.get(mark, mark)}"]
    text = next((w for w in wordings if width_of((Span(w),)) <= width), "#" * width)
    return Span(text.rjust(width), tone)


def least_width(cell: Cell) -> int:
    """Cells that the shortest wording of a cell takes."""
    mark = CELL_MARKS[cell.state][0]
    if cell.state is CellState.NONE or (cell.state is CellState.SKIPPED and not cell.have_lots):
        return len(mark)
    pair = len(fmt.lots(cell.have_lots))
    if cell.have_lots != cell.want_lots:
        pair += len(fmt.lots(cell.want_lots)) + 1
    return pair + 1 + len(BRIEF.get(mark, mark))


def mark_span(cell: Cell, width: int, *, known: bool = True) -> Span:
    """Only the mark of a cell (dense matrix)."""
    mark, tone = cell_mark(cell.state, known=known)
    return Span(BRIEF.get(mark, mark).rjust(width), tone)


def copy_mark(part: CopyLine) -> str:
    """The mark of one child's part of a copy."""
    if "unknown" in part.status.lower():
        return "?"
    if part.units == 0:
        return "–"
    if part.filled_units >= part.units:
        return "✓"
    if part.status == AWAITS_ANSWER:
        return "ask"
    return "…" if part.status in UNDER_WAY and not part.reason else "▲"


COPY_TONES = {"✓": Tone.GOOD, "ask": Tone.KEY, "▲": Tone.WARN, "…": Tone.INFO, "?": Tone.BAD, "–": Tone.DIM}


def copy_counts(row: CopyRow) -> list[Span]:
    """`✓5 ▲1`: how many children stand how in a copy."""
    found = [copy_mark(part) for part in row.lines]
    return [
        Span(f"{mark}{' ' if mark.isalpha() else ''}{found.count(mark)}", tone)
        for mark, tone in COPY_TONES.items()
        if mark in found
    ]


def amount_tone(value: Decimal | None) -> Tone:
    """Green above zero, red below; the sign says it too."""
    if value is None:
        return Tone.DIM
    return Tone.GOOD if value > 0 else Tone.BAD if value < 0 else Tone.PLAIN


OLD = "▲"
"Behind a price that is old, and what was reckoned with one."


def amount_span(value: Decimal | None, width: int, *, old: bool) -> Span:
    """A result in `width` cells; with its mark where a price in it is old."""
    if not old or value is None:
        return Span(fmt.fit_amount(value, width, signed=True), amount_tone(value))
    return Span(fmt.fit(f"{fmt.fit_amount(value, width - 1, signed=True).strip()}{OLD}", width), Tone.WARN)


def old_price(value: Decimal | None, *, old: bool) -> str:
    """A price, with its mark where it is old."""
    return f"{fmt.price(value)}{OLD if old and value is not None else ''}"


def joined(spans: Sequence[Span], gap: str = " ") -> list[Span]:
    """Spans with a gap between them."""
    out: list[Span] = []
    for span in spans:
        out += [Span(gap), span] if out else [span]
    return out


def is_old_ratio(frozen_at_ns: int | None, now_ns: int) -> bool:
    """Whether a ratio was frozen more than a day ago; `None` for one that is set."""
    return frozen_at_ns is not None and now_ns - frozen_at_ns > OLD_RATIO_NS


def has_moved(moved: Decimal | None) -> bool:
    """Whether the capital that a ratio was taken from has moved much since, up or down; `None`: nobody knows."""
    return moved is not None and abs(moved) > MUCH_MOVED


def ratio_text(child: ChildColumn) -> str:
    """A child's ratio, `several` where it has another one in each strategy."""
    return SEVERAL if child.ratios and child.ratio is None else fmt.ratio(child.ratio)


def capital_text(child: ChildColumn, width: int) -> str:
    """The capital that a child is sized by in `width` cells, `several` where it is another one in each strategy."""
    if len({scope.capital_inr for scope in child.ratios}) > 1:
        return fmt.fit(SEVERAL, width)
    return fmt.fit_amount(child.capital_inr, width) if child.capital_inr is not None else fmt.fit("–", width)


def ratio_tone(child: ChildColumn, now_ns: int) -> Tone:
    """How a child's ratio is coloured: a warning when it is above 1, older than a day, or its capital moved much."""
    is_odd = any((scope.ratio or 0) > 1 or has_moved(scope.moved) for scope in child.ratios)
    return Tone.WARN if is_odd or is_old_ratio(child.ratio_at_ns, now_ns) else Tone.PLAIN
