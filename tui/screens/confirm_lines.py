"""The lines of the confirm dialog. Pure: prompt, edits and time in, styled lines out."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.snapshot import PromptRow, PromptView
from tui import format as fmt
from tui.answers import Answers
from tui.frame import Frame
from tui.marks import OLD, old_price
from tui.text import (
    Line,
    Names,
    Span,
    Tone,
    clean,
    first_fitting,
    fold,
    line,
    name_column,
    pad,
    pad_title,
    shorten,
    width_of,
)
from tui.widgets.header import mode_span
from tui.widgets.live_table import Row

WIDTHS = {"lots": 9, "price": 11, "margin": 12, "of available": 14, "left after": 13, "charges": 9, "ratio": 8}
"""Columns behind the child and the leg."""
DROPPED = ("charges", "left after", "ratio", "of available", "price")
"""Where there is no room, in this order."""
KEPT = ("lots", "price", "margin", "of available"), ("lots", "price", "margin"), ("lots", "margin")
"""Columns that a long id of a child takes no room from, as many as there is room for."""
TICK_W, NAME_LEAST, LEG_LEAST = 4, 9, 22
ON_PAPER = "  on paper"
__all__ = ["PromptRow", "fate_line", "headline", "prompt_rows", "queue_line", "row_key", "title_line"]


def row_key(row: PromptRow) -> str:
    """Key of a row, as `PromptAnswered.units` has it."""
    return f"{row.child}|{row.leg}"


def headline(prompt: PromptView) -> str:
    """Side and title; a prompt of several legs has its own."""
    sides = {row.side for row in prompt.rows}
    one_leg = len({row.leg for row in prompt.rows}) == 1
    return clean(f"{next(iter(sides)).value} {prompt.title}" if one_leg and len(sides) == 1 else prompt.title)


def title_line(prompt: PromptView, frame: Frame) -> Line:
    """Mode, kind and title for the frame of the dialog."""
    return line(mode_span(frame), Span(f" {prompt.kind.upper()} ", Tone.KEY), headline(prompt))


def fact_line(prompt: PromptView, now_ns: int, width: int) -> Line:
    """Side, instrument, the master's lots and price, age of the signal; what there is no room for goes as a whole."""
    return first_fitting(width, lambda level: _facts(prompt, now_ns, level), range(3))


def _facts(prompt: PromptView, now_ns: int, level: int) -> Line:
    spans = [Span(headline(prompt), Tone.BOLD)]
    if prompt.master_lots is not None:
        spans.append(Span(f"  master {fmt.lots(prompt.master_lots)} lots"))
    if prompt.master_price_inr is not None and level < 2:
        spans.append(Span(f" at {fmt.price(prompt.master_price_inr)}"))
    if prompt.signal_ns is not None and level < 1:
        spans.append(Span(f"  signal {fmt.age(prompt.signal_ns, now_ns)} old", Tone.DIM))
    return line(*spans)


def fate_line(prompt: PromptView, now_ns: int, width: int) -> Line:
    """Countdown as a bar and what happens at its end."""
    total = max(prompt.deadline_ns - prompt.opened_ns, 1)
    left = max(min(prompt.deadline_ns - now_ns, total), 0)
    bar = 24 if width >= 100 else 12
    full = -(-left * bar // total)
    tone = Tone.WARN if left * 3 < total else Tone.INFO
    what = clean(prompt.at_deadline) or "it ends"
    return line(
        Span("█" * full, tone),
        Span("░" * (bar - full), Tone.DIM),
        Span(f" {fmt.countdown(prompt.deadline_ns, now_ns)}", tone),
        Span(f", then {what}"),
    )


def prompt_rows(
    prompt: PromptView,
    answers: Answers,
    now_ns: int,
    width: int,
    on_paper: Collection[str] = (),
    accounts: Iterable[str] = (),
) -> tuple[Line, list[Row]]:
    """Facts, column heads, a row a child (and leg), and the totals.

    Args:
        prompt: The question.
        answers: What is ticked and how many lots.
        now_ns: The engine's time.
        width: Cells of a line.
        on_paper: Children beside LIVE ones.
        accounts: All children, also those that are not asked about: what their ids are told apart from.
    """
    paper_cells = len(ON_PAPER) if on_paper else 0
    plan = _plan(prompt, width - paper_cells, accounts)
    rows = [Row("", _column_heads(plan))]
    shown = sorted(prompt.rows, key=lambda row: not row.reason) if len(prompt.rows) > 10 else prompt.rows
    for row in shown:
        cells = _child_line(prompt, row, answers, width - paper_cells, plan)
        rows.append(Row(row_key(row), line(*cells, Span(ON_PAPER, Tone.DIM) if row.child in on_paper else "")))
        if row.units and row.reason and len(row.reason) + 2 > width - paper_cells - plan.used:
            below = shorten(clean(row.reason), width - TICK_W)
            rows.append(Row("", line(" " * TICK_W, Span(below, Tone.WARN))))
    rows += [Row("", part) for part in fold(_total_line(prompt, answers, width), width)]
    return fact_line(prompt, now_ns, width), rows


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which columns there is room for."""

    names: Names
    leg_w: int
    "0 where all rows are of one leg."
    columns: tuple[str, ...]

    @property
    def who_w(self) -> int:
        """Cells of the tick and the child."""
        return TICK_W + self.names.width

    @property
    def used(self) -> int:
        """Cells that a row takes without its note."""
        return self.who_w + self.leg_w + _cells_of(self.columns)


def _plan(prompt: PromptView, width: int, accounts: Iterable[str]) -> _Plan:
    """Columns go as a whole, what matters least first: no number is cut, and two legs never look alike."""
    many = len({row.leg for row in prompt.rows}) > 1
    least = TICK_W + NAME_LEAST + _cells_of(KEPT[-1])
    longest = max((width_of((Span(clean(row.title)),)) for row in prompt.rows), default=0)
    leg_w = min(max(longest + 3, LEG_LEAST), width - least) if many else 0
    rooms = (width - TICK_W - leg_w - _cells_of(kept) for kept in KEPT)
    room = next((room for room in rooms if room >= NAME_LEAST), NAME_LEAST)
    names = name_column((*accounts, *(row.child for row in prompt.rows)), NAME_LEAST, room)
    columns = list(WIDTHS)
    for name in DROPPED:
        if TICK_W + names.width + leg_w + _cells_of(columns) > width:
            columns.remove(name)
    return _Plan(names, leg_w, tuple(columns))


def _cells_of(columns: Iterable[str]) -> int:
    return sum(WIDTHS[name] for name in columns)


def _column_heads(plan: _Plan) -> Line:
    leg = pad("leg", plan.leg_w)
    text = f"    {pad('child', plan.names.width)}{leg}{''.join(name.rjust(WIDTHS[name]) for name in plan.columns)}"
    return line(Span(text, Tone.DIM))


def _child_line(prompt: PromptView, row: PromptRow, answers: Answers, width: int, plan: _Plan) -> Line:
    taking = answers.ticked(prompt, row.child) and row.units > 0
    tick = Span("[✓] ", Tone.GOOD) if taking else Span("[ ] ", Tone.DIM)
    who = Span(plan.names.pad(row.child), Tone.BOLD if taking else Tone.DIM)
    leg = Span(f"{row.side.value[0]} {pad_title(clean(row.title), plan.leg_w - 3)} " if plan.leg_w else "")
    if not row.units:
        why = clean(row.reason) or "nothing to do"
        return line(tick, who, leg, Span(f"       – {shorten(why, width - plan.who_w - plan.leg_w - 9)}", Tone.WARN))
    needed = _needed(prompt, row.child, answers)
    short = needed is not None and row.available_inr is not None and needed > row.available_inr
    margin = _margin_text(prompt, row, answers)
    cells = {
        "lots": Span(fmt.fit(_lots_text(prompt, row, answers), 9), Tone.PLAIN if taking else Tone.DIM),
        "price": Span(
            fmt.fit(old_price(row.price_inr, old=row.price_stale), 11), Tone.WARN if row.price_stale else Tone.PLAIN
        ),
        "margin": Span(
            fmt.fit(f"{margin.strip()}{OLD}" if short and margin else margin, 12), Tone.BAD if short else Tone.PLAIN
        ),
        "of available": Span(fmt.fit_amount(row.available_inr, 14), Tone.DIM),
        "left after": Span(_left_text(needed, row, margin), Tone.BAD if short else Tone.DIM),
        "charges": Span(fmt.fit_amount(_part(row.charges_inr, answers.share(prompt, row)), 9), Tone.DIM),
        "ratio": Span(fmt.fit(fmt.ratio(row.ratio), 8)),
    }
    room = width - plan.used
    note = f"  {clean(row.reason)}" if row.reason and len(row.reason) + 2 <= room else ""
    return line(tick, who, leg, *(cells[name] for name in plan.columns), Span(note, Tone.WARN))


def _needed(prompt: PromptView, child: str, answers: Answers) -> Decimal | None:
    """What a child's part needs; edited down, the part that its least reduced leg keeps."""
    margin = next((one for one in prompt.margins if one.basket.account == child), None)
    if margin is None or margin.needed_inr is None:
        return None
    shares = [answers.share(prompt, row) for row in prompt.rows if row.child == child and row.units]
    return margin.needed_inr * max(shares, default=Decimal(0))


def _margin_text(prompt: PromptView, row: PromptRow, answers: Answers) -> str:
    """The need of a child's whole part, in its first row; the legs of a basket hedge each other."""
    first = next((one for one in prompt.rows if one.child == row.child and one.units), row)
    if not any(one.basket.account == row.child for one in prompt.margins):
        return ""
    return fmt.fit_amount(_needed(prompt, row.child, answers), 12) if first is row else ""


def _left_text(needed: Decimal | None, row: PromptRow, margin: str) -> str:
    """What a child has left when its whole part is in, beside the margin that this takes."""
    if not margin:
        return " " * WIDTHS["left after"]
    left = None if needed is None or row.available_inr is None else row.available_inr - needed
    return fmt.fit_amount(left, WIDTHS["left after"])


def _part(value: Decimal | None, share: Decimal) -> Decimal | None:
    return None if value is None else value * share


def _lots_text(prompt: PromptView, row: PromptRow, answers: Answers) -> str:
    units = answers.units(prompt, row)
    if not row.lot_units:
        return fmt.number(units)
    text = fmt.lots(Decimal(units) / row.lot_units, signed=False)
    return text if units == row.units else f"{text} of {fmt.lots(Decimal(row.units) / row.lot_units, signed=False)}"


def _total_line(prompt: PromptView, answers: Answers, width: int) -> Line:
    taking = answers.taking_part(prompt)
    children = dict.fromkeys(row.child for row in prompt.rows)
    rows = [row for row in prompt.rows if row.child in taking and row.units]
    children_in = dict.fromkeys(row.child for row in rows)
    margins = [_needed(prompt, child, answers) for child in children_in]
    known = [margin for margin in margins if margin is not None]
    total = fmt.rupees(sum(known, Decimal(0))) if len(known) == len(margins) else fmt.UNKNOWN
    theirs = {margin.basket.account for margin in prompt.margins if margin.is_brokers}
    by_broker = bool(children_in) and theirs >= set(children_in)
    said = "by the broker" if by_broker else "about"
    units = sum(answers.units(prompt, row) for row in rows)
    text = f"{len(taking)} of {len(children)} children · {fmt.number(units)} units · margin {said} {total}"
    refused = sum(answers.units(prompt, row) for row in rows if row.would_be_refused)
    told = f" · {'all' if refused == units else fmt.number(refused)} refused at this price" if refused else ""
    charges = [_part(row.charges_inr, answers.share(prompt, row)) for row in rows]
    paid = "" if not rows or None in charges else f" · charges {fmt.rupees(sum(filter(None, charges), Decimal(0)))}"
    whole = line(" " * TICK_W, Span(text, Tone.BOLD), Span(told, Tone.WARN), Span(paid, Tone.DIM))
    return whole if width_of(whole) <= width else whole[:-1]


def queue_line(prompt: PromptView, answers: Answers, now_ns: int, width: int) -> Line:
    """One prompt of the queue with its symbol, children and lots; where they do not fit, how many and how much."""
    rows = [row for row in prompt.rows if row.units and answers.ticked(prompt, row.child)]
    who = ", ".join(f"{clean(row.child)} {_lots_text(prompt, row, answers)}" for row in rows) or "no child"
    units = sum(answers.units(prompt, row) for row in rows)
    lead = f"next: {headline(prompt)} · {fmt.countdown(prompt.deadline_ns, now_ns)} · "
    if len(lead) + len(who) > width - 10:
        who = f"{len({row.child for row in rows})} children, {fmt.number(units)} units"
        who = who if len(lead) + len(who) <= width - 10 else f"{fmt.number(units)} units"
    return line(Span(lead), Span(who, Tone.DIM))
