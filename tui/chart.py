"""Curves and bars of characters. Pure functions; nothing here knows what the numbers mean."""

from collections.abc import Sequence
from decimal import Decimal

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column (Unicode, braille patterns)."""
BLANK = 0x2800
ACROSS, DOWN = 2, 4
"Dots of a character."


def curve(values: Sequence[Decimal | None], width: int, height: int) -> list[str]:
    """Values from left to right as a line of dots, the largest on top; `None` leaves a gap.

    Args:
        values: What is drawn, at equal distances; spread or thinned out over the whole width.
        width: Cells of a line.
        height: Lines.

    Returns:
        `height` lines of `width` cells.
    """
    shown = _spread(values, width * ACROSS)
    known = [value for value in shown if value is not None]
    cells = [[BLANK] * width for _ in range(height)]
    if known:
        low, high = min(known), max(known)
        before: int | None = None
        for x, value in enumerate(shown):
            y = None if value is None else _level(value, low, high, height * DOWN)
            if y is not None:
                for dot in range(min(y, y if before is None else before), max(y, y if before is None else before) + 1):
                    cells[dot // DOWN][x // ACROSS] |= DOTS[dot % DOWN][x % ACROSS]
            before = y
    return ["".join(map(chr, row)) for row in cells]


def _level(value: Decimal, low: Decimal, high: Decimal, levels: int) -> int:
    """The row of a value, 0 on top; all in the middle when they are the same."""
    if low == high:
        return levels // 2
    return int((high - value) * (levels - 1) / (high - low))


def _spread(values: Sequence[Decimal | None], count: int) -> list[Decimal | None]:
    """So many of the values, evenly taken, from the first to the last."""
    if len(values) < 2:
        return list(values)
    return [values[index * (len(values) - 1) // (count - 1)] for index in range(count)]


def bar(part: int, whole: int, width: int) -> str:
    """A bar of `part` in `whole`; something is never shown as nothing."""
    if part <= 0 or whole <= 0:
        return ""
    return "█" * max(1, part * width // whole)
