"""Amounts of rupees: as people in India write them, and added where one may not be known. Pure."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

PAISA: Final = Decimal("0.01")


def group_indian(digits: str) -> str:
    """Digits of a whole number in Indian grouping: `1234567` is `12,34,567`."""
    if len(digits) <= 3:
        return digits
    head, tail = digits[:-3], digits[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*groups, tail])


def rupees(amount: Decimal) -> str:
    """An amount with its paise: `₹12,34,567.00`, `-₹5.50`."""
    whole, _, paise = f"{abs(amount.quantize(PAISA, rounding=ROUND_HALF_EVEN)):f}".partition(".")
    return f"{'-' if amount < 0 else ''}₹{group_indian(whole)}.{paise}"


def sum_known(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, `None` as soon as one part is unknown."""
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total
