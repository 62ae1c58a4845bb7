"""Curves and bars of characters. Pure functions; nothing here knows what the numbers mean."""

from collections.abc import Sequence
from decimal import Decimal

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column (Unicode, braille patterns)."""
BLANK = 0x2800
ACROSS, DOWN = 2, 4
"Dots of a character."


def curve(values: Sequence[tuple[Decimal, Decimal] | None], width: int, height: int) -> list[str]:
    """Amounts from left to right as a line of dots, the largest on top.

    Args:
        values: For each column of dots (`2 * width` of them) the least and the most there; `None` leaves a gap.
        width: Cells of a line.
        height: Lines.

    Returns:
        `height` lines of `width` cells.
    """
    known = [value for value in values if value is not None]
    cells = [[BLANK] * width for _ in range(height)]
    if known:
        low, high = min(least for least, _ in known), max(most for _, most in known)
        before: tuple[int, int] | None = None
        for x, value in enumerate(values[: width * ACROSS]):
            if value is None:
                before = None
                continue
            bottom, top = (_level(each, low, high, height * DOWN) for each in value)
            first, last = (top, bottom) if before is None else (min(top, before[1]), max(bottom, before[0]))
            for dot in range(first, last + 1):
                cells[dot // DOWN][x // ACROSS] |= DOTS[dot % DOWN][x % ACROSS]
            before = top, bottom
    return ["".join(map(chr, row)) for row in cells]


def _level(value: Decimal, low: Decimal, high: Decimal, levels: int) -> int:
    """The row of a value, 0 on top; all in the middle when they are the same."""
    if low == high:
        return levels // 2
    return int((high - value) * (levels - 1) / (high - low))


def bar(part: int, whole: int, width: int) -> str:
    """A bar of `part` in `whole`; something is never shown as nothing."""
    if part <= 0 or whole <= 0:
        return ""
    return "█" * max(1, part * width // whole)
