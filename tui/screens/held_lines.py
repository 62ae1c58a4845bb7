"""Lines that name what is open: account, symbol, quantity. For every dialog before something dangerous. Pure."""

from collections.abc import Sequence

from engine.snapshot import Cell, LegRow
from tui import format as fmt
from tui.frame import Frame, open_cells
from tui.text import Line, Span, Tone, clean, line, pad


def held(frame: Frame, width: int, children: Sequence[str] = (), leg: str = "") -> list[Line]:
    """A line for each leg (one when it is named) of each child (all when none is named) that this program opened."""
    found = [pair for pair in open_cells(frame.snapshot, tuple(children)) if leg in ("", pair[1].leg)]
    if not found:
        return [line(Span("  nothing of ours is open", Tone.DIM))]
    return [_one(cell, leg, width) for cell, leg in sorted(found, key=lambda pair: pair[0].child)]


def _one(cell: Cell, leg: LegRow, width: int) -> Line:
    units = "" if leg.lot_units is None else f"{fmt.number(cell.have_lots * leg.lot_units, signed=True)} units"
    unknown = f"  and {fmt.lots(cell.unknown_lots)} lots unknown" if cell.unknown_lots else ""
    name = clean(leg.symbol) if width >= 70 else clean(leg.title)
    return line(
        Span(f"  {pad(clean(cell.child), 9)}", Tone.BOLD),
        f"{pad(name, 22)} {fmt.fit(fmt.lots(cell.have_lots), 7)} lots {fmt.fit(units, 15)}  {clean(leg.product)}",
        Span(unknown, Tone.BAD),
    )
