"""Lines that name what is open: account, symbol, quantity. For every dialog before something dangerous. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from engine.snapshot import LegRow, WorkingOrder
from tui import format as fmt
from tui.frame import Frame, Open, open_cells
from tui.text import Line, Names, Span, Tone, clean, line, name_column, pad_title, width_of, wrap

NAME_LEAST, REST_CELLS = 9, 59
"Cells of the account, and of what stands beside it."


def held(frame: Frame, width: int, children: Sequence[str] = (), leg: str = "") -> list[Line]:
    """Lines for each leg (one when it is named) of each child (all when none is named) that this program opened."""
    found = [one for one in open_cells(frame.snapshot, tuple(children)) if leg in ("", one.leg.leg)]
    if not found:
        return [line(Span("  nothing of ours is open", Tone.DIM))]
    names = name_column(frame.accounts, NAME_LEAST, width - REST_CELLS)
    return [row for one in sorted(found, key=lambda one: one.cell.child) for row in _lines(one, names, width)]


def order_words(order: WorkingOrder, leg: LegRow) -> str:
    """An order that is not finished: `entry BUY 3 lots queued`."""
    rest = order.units - order.filled_units
    much = f"{fmt.number(rest)} units"
    if leg.lot_units is not None:
        much = fmt.in_lots(Decimal(rest) / leg.lot_units, signed=False)
    return f"{'entry' if order.entry else 'exit'} {order.side.value} {much} {clean(order.status)}"


def _lines(one: Open, names: Names, width: int) -> list[Line]:
    """A line for what is held, with what is under way behind it where there is room, else below."""
    cell, leg = one.cell, one.leg
    units = "" if leg.lot_units is None else f"{fmt.number(cell.have_lots * leg.lot_units, signed=True)} units"
    name = clean(leg.symbol) if width >= 70 else clean(leg.title)
    head = line(
        Span(f"  {names.pad(cell.child)}", Tone.BOLD),
        f"{pad_title(name, 22)} {fmt.fit(fmt.lots(cell.have_lots), 7)} {fmt.word(cell.have_lots, 'lot'):<4}",
        f" {fmt.fit(units, 15)}  {clean(leg.product)}",
    )
    more = [f"{fmt.in_lots(cell.unknown_lots)} unknown"] if cell.unknown_lots else []
    more += [order_words(order, leg) for order in one.orders if not (cell.unknown_lots and order.deadline_ns)]
    if not more:
        return [head]
    text = f"and {', '.join(more)}"
    if width_of(head) + 2 + len(text) <= width:
        return [line(*head, Span(f"  {text}", Tone.BAD))]
    indent = 2 + names.width
    return [head, *(line(" " * indent, Span(part, Tone.BAD)) for part in wrap(text, width - indent))]
