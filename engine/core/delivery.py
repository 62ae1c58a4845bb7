"""Equity delivery (CNC, MTF): shares are sold by who has them, and may be missing from an account that still owns them.

Brokers keep shares apart from positions, and in the morning it can take them a while to show everything; an adapter
counts both together (`brokers.shares`). So a sale is never an entry, and shares that are gone without an order are
asked about and not exited. It must not change anything.
"""

from collections.abc import Iterable, Mapping

from engine.core.state import Child, ChildLeg, MasterLeg
from engine.core.turn import Turn
from engine.model import LegId, OrderReport, Side, is_delivery, split_leg

GONE_AT_THE_MASTER = (
    "{units} shares are gone without an order: nothing is exited. If the broker shows its holdings late, wait;"
    " if they were sold elsewhere, exit the leg by hand"
)
GONE_AT_A_CHILD = (
    "the broker shows {net} shares and we bought {ours}, without a sale in its order book: not believed. If its"
    " holdings are late, wait; if they were sold elsewhere, exit the leg by hand: what is not there is not sold"
)


def is_sale(leg: LegId, side: Side) -> bool:
    """Whether an order sells shares: it closes what is there, and opens nothing."""
    return side is Side.SELL and is_delivery(leg)


def why_not_followed(turn: Turn, leg: LegId) -> str:
    """What is said of a sale of shares in a leg that no strategy holds.

    The same shares may be followed under the name of the other exchange, where the broker lists them.
    """
    exchange, symbol, product = split_leg(leg)
    for other in turn.state.master.legs.values():
        at, name, kind = split_leg(other.leg)
        if other.units and (name, kind) == (symbol, product):
            return (
                f"sold at {exchange}, followed at {at}: not followed; if these are the shares, exit {other.leg} by hand"
            )
    return "a sale of shares that no strategy holds is not followed"


def is_missed_by_somebody(turn: Turn, leg: MasterLeg) -> bool:
    """Whether a child has shares of a leg, or orders for some: they would be sold if the master's were gone."""
    if not is_delivery(leg.leg):
        return False
    legs = (child.legs.get(leg.leg) for child in turn.state.children.values())
    return any(own is not None and (own.allocation_units or own.orders) for own in legs)


def sold_by_hand(child: Child, rows: Iterable[OrderReport]) -> dict[LegId, int]:
    """Shares that a child's owner sold himself today, by leg."""
    found: dict[LegId, int] = {}
    for row in rows:
        if is_sale(row.leg, row.side) and row.filled and row.order_id not in child.tags:
            found[row.leg] = found.get(row.leg, 0) + row.filled
    return found


def is_sold(child: Child, leg_id: LegId, sold: Mapping[LegId, int]) -> bool:
    """Whether sales by hand explain all that is missing of our shares in a leg; true for legs that are no shares."""
    leg = child.legs.get(leg_id)
    ours = 0 if leg is None else leg.allocation_units
    return not is_delivery(leg_id) or sold.get(leg_id, 0) >= ours - child.positions.get(leg_id, 0)


def is_unbelievable(leg: ChildLeg) -> bool:
    """Whether shares of a child that are missing without a sale still count: until it leaves the leg by hand."""
    return is_delivery(leg.leg) and not leg.flattening
