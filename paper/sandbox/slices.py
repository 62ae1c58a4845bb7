"""How one request becomes several orders: the legs of an iceberg, and the slices of an order above the freeze quantity.

Pure: it says how many units each has, or why Kite takes it not at all.
"""

from typing import Final

from engine.model import Instrument
from paper.sandbox import errors
from paper.sandbox.errors import refused
from paper.sandbox.forms import Form, number
from paper.sandbox.rows import Iceberg

LEGS_LEAST: Final = 2
LEGS_MOST: Final = 50
"""Legs of an iceberg order [Kite Connect v3, "Orders", 2026-07-14]."""
SLICES_MOST: Final = 10
"""Slices of one request [Zerodha staff, 30 Mar 2026]."""


def first_leg(form: Form, total_units: int) -> Iceberg:
    """The first leg of an iceberg order. The last one is what is left, and may be smaller than the others."""
    legs, units = number(form, "iceberg_legs") or 0, number(form, "iceberg_quantity") or 0
    if not LEGS_LEAST <= legs <= LEGS_MOST:
        raise refused(errors.TOO_FEW_LEGS.format(least=LEGS_LEAST, most=LEGS_MOST))
    if not (legs - 1) * units < total_units <= legs * units:
        raise refused(errors.WRONG_LEG.format(legs=legs, leg=units, total=total_units))
    return Iceberg(leg=1, legs=legs, leg_units=units, total_units=total_units, remaining_units=total_units - units)


def next_leg(known: Iceberg) -> Iceberg | None:
    """The leg after this one, `None` after the last."""
    if known.leg == known.legs:
        return None
    units = min(known.leg_units, known.remaining_units)
    return Iceberg(
        leg=known.leg + 1,
        legs=known.legs,
        leg_units=units,
        total_units=known.total_units,
        remaining_units=known.remaining_units - units,
    )


def slices(total_units: int, instrument: Instrument) -> list[int]:
    """Units of each slice: the largest whole lots below the freeze quantity, and the rest."""
    freeze = instrument.freeze_units
    if freeze is None:
        return [total_units]
    if total_units < freeze:
        raise refused(errors.below_freeze(freeze))
    most = freeze - freeze % instrument.lot_units or freeze
    found = [most] * (total_units // most)
    if total_units % most:
        found.append(total_units % most)
    if len(found) > SLICES_MOST:
        raise refused(errors.TOO_MANY_SLICES.format(count=len(found), most=SLICES_MOST))
    return found
