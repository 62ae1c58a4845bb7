"""Equity delivery (CNC, MTF): shares are sold by who has them, and may be missing from an account that still owns them.

Brokers keep shares apart from positions, and in the morning it can take them a while to show everything; an adapter
counts both together (`brokers.shares`). So a sale is never an entry, and shares that are gone without an order are
asked about and not exited. It must not send anything.
"""

from collections.abc import Iterable

from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn
from engine.model import NS_PER_S, LegId, OrderReport, Side, is_delivery, split_leg

SHOWN_AFTER_NS = 30 * NS_PER_S
"""A read of positions that began so long after a sale was learned of has it."""

GONE_AT_THE_MASTER = (
    "{units} shares are gone without an order: nothing is exited. If the broker shows its holdings late, wait;"
    " if they were sold elsewhere, exit the leg by hand"
)
GONE_AT_A_CHILD = (
    "the broker shows {net} shares and we bought {ours}, without a sale in its order book: they stay ours, and their"
    " exits wait until it shows them. If they were sold on another day, exit the leg by hand and then resync the child"
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


def note_sales(child: Child, rows: Iterable[OrderReport], now_ns: int) -> None:
    """Sales of shares by a child's owner in a whole book: they take his own shares first, and then ours.

    Each sale is taken once, whatever the positions show and when.
    """
    total: dict[LegId, int] = {}
    for row in rows:
        if is_sale(row.leg, row.side) and row.filled and row.order_id not in child.tags:
            total[row.leg] = total.get(row.leg, 0) + row.filled
    for leg, units in total.items():
        new = units - child.sold.get(leg, 0)
        if new > 0:
            child.sold[leg], child.sold_ns = units, now_ns
            own = max(0, child.external.get(leg, 0))
            child.sold_of_ours[leg] = child.sold_of_ours.get(leg, 0) + max(0, new - own)
            if own:
                child.external[leg] = max(0, own - new)


def note_fewer(child: Child, leg: ChildLeg, net: int) -> None:
    """A read of positions shows fewer shares than are ours: of a sale, what it shows explains nothing later."""
    left = child.sold_of_ours.pop(leg.leg, 0) - (leg.allocation_units - net)
    if left > 0:
        child.sold_of_ours[leg.leg] = left


def note_all_there(child: Child, leg: LegId, began_ns: int) -> None:
    """A read of positions shows all shares that are ours: what was sold long enough before it was none of them."""
    if began_ns >= child.sold_ns + SHOWN_AFTER_NS:
        child.sold_of_ours.pop(leg, None)


def is_given_up(child: Child, leg: ChildLeg) -> bool:
    """Whether the operator takes the broker's figure of shares: he exited the leg by hand, and resyncs the child.

    He can only know the figure when he has been told: one read may lack what the next one lists.
    """
    is_told = leg.suspicion is not None and leg.suspicion.told
    return is_told and leg.flattening and child.resync_ns is not None
