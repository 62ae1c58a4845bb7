"""Orders of the master that rest, for the tests of what is mirrored."""

from fractions import Fraction

import msgspec

from config.schema import Child, Follow, Settings, Sizing, SizingMode
from engine.events import OrderUpdated
from engine.model import BookStatus, OrderReport, OrderType, Side
from tests.unit.core.builders import LOT, Desk, child, settings

LIKE_HIM = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1)))


def orders(*children: Child, **fields: object) -> Settings:
    """Settings of a day on which orders are followed."""
    return settings(*children, follow=Follow.ORDERS, **fields)


def resting(
    desk: Desk,
    lots: int,
    *,
    side: Side = Side.BUY,
    limit: str = "99",
    id_: str = "M1",
    order_type: OrderType = OrderType.LIMIT,
) -> OrderReport:
    """An order of the master rests, or is changed."""
    report = desk.master(side, lots, id_=id_, filled=0, limit=limit, status=BookStatus.OPEN, order_type=order_type)
    desk.run("0.1")
    return report


def ended(desk: Desk, report: OrderReport, status: BookStatus, *, filled: int = 0) -> OrderReport:
    """The master's order ends."""
    price = report.price_inr if filled else None
    newer = msgspec.structs.replace(
        report, status=status, filled=filled * LOT, average_price_inr=price, updated_ns=desk.now_ns
    )
    desk.book(newer)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=newer))
    return newer


def working(**fields: object) -> tuple[Desk, OrderReport, OrderReport]:
    """Ten lots of the master rest, and three of the child at its broker."""
    desk = Desk(orders(**fields), filling=False)
    his = resting(desk, 10)
    return desk, his, desk.accept(desk.last())
