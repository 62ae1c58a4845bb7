"""The kinds of the master's orders (AMO, iceberg, cover, bracket, auction): which are mirrored, and why others are not.

Whatever its kind, what an order fills is followed. With `follow: orders` some kinds do not rest at the children as
well; that is said once, and stands on the screen while they rest. It must not send or size anything.
"""

from typing import Final

import msgspec

from config.schema import Follow
from engine.core import reasons
from engine.core.state_master import MasterOrder
from engine.core.turn import INFO, WARNING, Turn
from engine.model import AMO, REGULAR, BookStatus, LegId, OrderReport, OrderType, Position, Validity, split_leg

ICEBERG: Final = "iceberg"
"""A leg of one: each is an order of its own, and comes when the one before it is filled [staff, comment/51629]."""
MIRRORED: Final = frozenset({"", REGULAR, AMO, ICEBERG})
"""Kinds whose resting orders are orders like any other, an AMO from when it is at the exchange: before that it may be
refused or cancelled."""
WHY_AT_FILLS: Final = {
    "co": reasons.COVER_ORDER,
    "bo": reasons.BRACKET_ORDER,
    "auction": reasons.AUCTION_ORDER,
}
PRODUCTS: Final = {"CO": "MIS", "BO": "MIS"}
"""Cover and bracket orders are intraday: `CO` is placed as MIS and stands in books only [staff, comment/47143]."""
RESTS: Final = frozenset({OrderType.LIMIT.value, OrderType.SL.value, OrderType.SL_M.value})
"""Types that are mirrored; a MARKET order is followed when it fills."""


def why_at_fills(order: MasterOrder) -> str:
    """Why an order of the master's is followed at its fills and not mirrored, '' when its kind is."""
    if order.variety not in MIRRORED:
        return WHY_AT_FILLS.get(order.variety, reasons.UNKNOWN_VARIETY)
    return reasons.AMO_WAITS if order.variety == AMO and order.status is BookStatus.PENDING else ""


def why_apart(turn: Turn, order: MasterOrder) -> str:
    """The same as people are told it: only of what works, and would rest at the children otherwise."""
    is_working = turn.settings.follow is Follow.ORDERS and order.followed and not order.ended_ns
    why = why_at_fills(order) if is_working else ""
    would_rest = order.order_type in RESTS and order.validity is Validity.DAY
    return why if would_rest or why == reasons.AMO_WAITS else ""


def tell(turn: Turn, order: MasterOrder, before: str) -> None:
    """An order has changed: say why it is not mirrored, unless that was so before, and note it for the children."""
    why = why_apart(turn, order)
    if why == before:
        return
    if why:
        _say(turn, order.side.value, order.quantity, order.leg, why)
    _note_skips(turn, order.leg)


def tell_of_yesterday(turn: Turn, report: OrderReport) -> None:
    """A row of an earlier day that waits for this day's opening; it is no order of this day before that."""
    master = turn.state.master
    is_new = report.order_id not in master.kept_over_night and turn.settings.follow is Follow.ORDERS
    if is_new and report.variety == AMO and report.status is BookStatus.PENDING:
        master.kept_over_night.append(report.order_id)
        _say(turn, report.side.value, report.quantity, report.leg, reasons.AMO_WAITS)


def apart(turn: Turn) -> list[tuple[MasterOrder, str]]:
    """The master's orders that work and are not mirrored, with why."""
    orders = (turn.state.master.orders[order_id] for order_id in turn.state.master.working)
    return [(order, why) for order in orders if (why := why_apart(turn, order))]


def as_traded(report: OrderReport) -> OrderReport:
    """An order of the master's under the product that its position is to be copied in."""
    product = PRODUCTS.get(report.product)
    return report if product is None else msgspec.structs.replace(report, product=product)


def as_held(positions: tuple[Position, ...]) -> tuple[Position, ...]:
    """The same of his positions: what is listed under several such products is one."""
    if not any(position.product in PRODUCTS for position in positions):
        return positions
    found: dict[LegId, Position] = {}
    for position in positions:
        row = msgspec.structs.replace(position, product=PRODUCTS.get(position.product, position.product))
        other = found.get(row.leg)
        if other is not None:
            row = msgspec.structs.replace(
                row,
                net_units=row.net_units + other.net_units,
                overnight_units=row.overnight_units + other.overnight_units,
                average_price_inr=None,
            )
        found[row.leg] = row
    return tuple(found.values())


def _say(turn: Turn, side: str, units: int, leg: LegId, why: str) -> None:
    severity = INFO if why == reasons.AMO_WAITS else WARNING
    turn.notify(severity, f"{side} {units} is not mirrored: {why}", turn.state.master.account, split_leg(leg)[1])


def _note_skips(turn: Turn, leg: LegId) -> None:
    """A child's copies that are not made now, one row a reason, while any order of the leg is the reason for it."""
    now = {why for order, why in apart(turn) if order.leg == leg}
    for child in turn.configured():
        for why in reasons.NOT_MIRRORED:
            if why in now:
                turn.skip(child, leg, why, tells=False)
            else:
                turn.unskip(child, leg, why)
