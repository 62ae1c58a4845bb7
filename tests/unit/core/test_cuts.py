"""What comes off a copy: for a smaller order of the master's, to go through the market, or as entries are stopped.

Until the broker has confirmed it, it takes up room and may fill; nothing may count on it.
"""

from fractions import Fraction

import pytest

from config.schema import Sizing, SizingMode
from engine.commands import ModifyOrder
from engine.core.lifecycle import OrderState
from engine.events import PromptAnswered
from engine.model import BookStatus, OrderReport, Side
from tests.unit.core.builders import LOT, Desk, child
from tests.unit.core.test_mirroring import LIKE_HIM, ended, orders, resting

A_HALF = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)))
A_SEVENTH = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 7)))


def holding(side: Side = Side.BUY, **fields: object) -> tuple[Desk, OrderReport]:
    """Five lots are held, and seven rest for an order of the master's."""
    desk = Desk(orders(LIKE_HIM, **fields), filling=False)
    desk.master(side, 5)
    desk.run("0.3")
    if desk.state.prompts:
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    desk.run(1)
    resting(desk, 7, side=side, limit="100", id_="M2")
    if desk.state.prompts:
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    copy = desk.accept(desk.last())
    desk.run(1)
    return desk, copy


def trade(desk: Desk, seconds: int) -> None:
    """The child's broker does what it is asked to for some time, and fills what goes through the market."""
    for _ in range(seconds * 10):
        desk.run("0.1")
        for place in list(desk.unanswered):
            report = desk.accept(place)
            if not desk.order(place).mirrors:
                desk.advance(report)
        for order in [o for o in desk.state.orders.values() if o.state is OrderState.WORKING]:
            report = desk.books["C1"].orders[order.order_id]
            if order.cancelling_ns:
                desk.advance(report, filled=report.filled, status=BookStatus.CANCELLED)
            elif order.asked is not None:
                change = next(c for c in reversed(desk.commands(ModifyOrder)) if c.tag == order.tag)
                report = desk.move(change)
            if not order.mirrors and order.state is OrderState.WORKING:
                desk.advance(report)


def rests(desk: Desk) -> int:
    """Lots that rest."""
    return sum(desk.state.orders[tag].remaining for tag in desk.leg().orders) // LOT


@pytest.mark.rule("R4.8")
def test_copy_that_may_still_be_made_smaller_is_not_moved_as_a_whole() -> None:
    desk, _ = holding()
    resting(desk, 5, limit="100", id_="M2")
    (smaller,) = desk.commands(ModifyOrder)
    his = resting(desk, 7, limit="100", id_="M2")
    ended(desk, his, BookStatus.COMPLETE, filled=7)
    desk.run(4)
    desk.move(smaller)
    trade(desk, 10)
    assert (desk.lots(), rests(desk)) == (12, 0)
