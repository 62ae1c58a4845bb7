"""The order ticket: which leg, for whom, how many lots, and how a typed number is understood. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from engine.snapshot import Cell, LegRow, Snapshot
from tui import format as fmt
from tui.frame import Frame, child_of
from tui.screens.ask_lines import ALL, NAME_LEAST
from tui.text import Line, Span, Tone, clean, line, name_column, pad, pad_title, shorten, wrap
from tui.widgets.live_table import Row

HINT = "2 more, -1 fewer; 10m: what ten of the master's lots would bring"
PREVIEW_CELLS = 74
"""Room for the preview on the smallest screen."""
MOST_LOTS = 100_000
"""More is taken for a slip of the hand."""
_WRITTEN = re.compile(r"([+-]?)(\d{1,6})(m?)")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What was typed."""

    lots: int
    "+ more, - fewer."
    in_ratio: bool


def parse_ticket(text: str) -> Ticket | None:
    """`2`, `+2`, `-1`, `10m`, `-5 m`; `None` when it is none of these or no lot at all."""
    found = _WRITTEN.fullmatch("".join(text.split()).lower())
    if found is None:
        return None
    lots = int(found[2]) * (-1 if found[1] == "-" else 1)
    return Ticket(lots, bool(found[3])) if 0 < abs(lots) <= MOST_LOTS else None


def ticket_legs(snapshot: Snapshot) -> list[LegRow]:
    """The legs that the master holds and that are followed."""
    return [leg for leg in snapshot.legs if leg.master_lots]


def leg_of(snapshot: Snapshot, leg: str) -> LegRow | None:
    """The row of a leg, `None` when it is gone."""
    return next((row for row in ticket_legs(snapshot) if row.leg == leg), None)


def ticket_leg_rows(frame: Frame, width: int) -> list[Row]:
    """The legs that take a ticket."""
    rows = []
    for leg in ticket_legs(frame.snapshot):
        text = f"the master {fmt.lots_or_units(leg.master_lots, leg.lot_units)}, last {fmt.price(leg.last_inr)}"
        rows.append(Row(leg.leg, line(Span(pad_title(clean(leg.title), 26), Tone.BOLD), shorten(text, width - 27))))
    return rows


def ticket_child_rows(frame: Frame, width: int, leg: str) -> list[Row]:
    """Every child, or one, with what it holds of the leg."""
    row = leg_of(frame.snapshot, leg)
    cells = () if row is None else row.cells
    names = name_column(frame.accounts, NAME_LEAST)
    rows = [Row(ALL, line(Span(pad("all", names.width), Tone.BOLD), f"{len(cells)} children"))]
    for cell in cells:
        reason = f" · {clean(cell.reason)}" if cell.reason else ""
        text = shorten(f"{_holding(cell)}{reason}", width - names.width - 1)
        rows.append(Row(cell.child, line(Span(names.pad(cell.child), Tone.BOLD), text)))
    return rows


def _holding(cell: Cell) -> str:
    wants = f", wants {fmt.lots(cell.want_lots)}" if cell.want_lots != cell.have_lots else ""
    return f"{fmt.lots(cell.have_lots)} lot{'' if abs(cell.have_lots) == 1 else 's'}{wants}"


def _cells(frame: Frame, leg: str, children: Sequence[str]) -> list[Cell]:
    row = leg_of(frame.snapshot, leg)
    return [] if row is None else [cell for cell in row.cells if not children or cell.child in children]


def ticket_lines(frame: Frame, width: int, leg: str, children: Sequence[str]) -> list[Line]:
    """What is held of the leg, and what a ticket does."""
    row = leg_of(frame.snapshot, leg)
    if row is None:
        return [line(Span("The master is out of this leg: it takes no ticket.", Tone.WARN))]
    side = "bought" if row.master_lots > 0 else "sold"
    rule = (
        f"More lots are {side} after a prompt, through the same gates as copies, and leave with the master's exits in"
        " proportion. Fewer are exited at the market at once, and a resync offers them again."
    )
    his = fmt.lots_or_units(row.master_lots, row.lot_units)
    held = f"{clean(row.symbol)}: the master {his}, last {fmt.price(row.last_inr)}"
    names = name_column(frame.accounts, NAME_LEAST)
    rows = [
        line(Span(f"  {names.pad(cell.child)}", Tone.BOLD), _holding(cell)) for cell in _cells(frame, leg, children)
    ]
    return [line(held), *rows, *(line(Span(part, Tone.DIM)) for part in wrap(rule, width))]


def ticket_preview(frame: Frame, leg: str, children: Sequence[str], text: str) -> Line | None:
    """How a typed number is understood, `None` when it is not."""
    ticket = parse_ticket(text)
    row = leg_of(frame.snapshot, leg)
    if row is None:
        return line(Span(" the master is out of it", Tone.WARN))
    if ticket is None:
        return None
    what = f"{abs(ticket.lots)} lot{'s' if abs(ticket.lots) > 1 else ''} {'more' if ticket.lots > 0 else 'fewer'}"
    if ticket.in_ratio:
        what = f"as if the master {'added' if ticket.lots > 0 else 'closed'} {abs(ticket.lots)}"
    cells = _cells(frame, leg, children)
    parts = [part for cell in cells if (part := _becomes(frame, row, cell, ticket))]
    tone = Tone.BOLD if ticket.lots > 0 else Tone.WARN
    room = PREVIEW_CELLS - len(what) - len(" :  and 99 more")
    return line(Span(f" {what}", tone), f": {_joined(parts, room)}" if parts else "")


def _joined(parts: Sequence[str], most: int) -> str:
    """As many as there is room for, and how many more there are: never half of one."""
    shown: list[str] = []
    for part in parts:
        if len(", ".join([*shown, part])) > most:
            break
        shown.append(part)
    left = len(parts) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")


def _becomes(frame: Frame, row: LegRow, cell: Cell, ticket: Ticket) -> str:
    """`C1 +3 → +5`, '' where only the engine knows."""
    way = 1 if row.master_lots > 0 else -1
    lots = Decimal(ticket.lots)
    child = child_of(frame.snapshot, cell.child)
    part = None if child is None else next((each for each in child.scopes if each.scope == row.scope), None)
    if ticket.lots > 0 and part is not None and part.entries_stopped:
        return f"{clean(cell.child)} takes no entries"
    if ticket.in_ratio:
        if ticket.lots < 0 or part is None or part.ratio is None:
            return ""
        before = int(abs(row.master_lots))
        lots = Decimal(_share(part.ratio, before + ticket.lots) - _share(part.ratio, before))
    after = max(Decimal(0), abs(cell.want_lots) + lots) * way
    return f"{clean(cell.child)} {fmt.lots(cell.want_lots)} → {fmt.lots(after)}"


def _share(ratio: Fraction, lots: int) -> int:
    return ratio.numerator * lots // ratio.denominator


def fewer_lines(frame: Frame, width: int, leg: str, children: Sequence[str], text: str) -> list[Line]:
    """What is about to be exited."""
    understood = ticket_preview(frame, leg, children, text)
    if understood is None:
        return ticket_lines(frame, width, leg, children)
    head = line(Span("Exited at the market now, without another question:", Tone.BOLD))
    return [head, understood, *ticket_lines(frame, width, leg, children)]
