"""A paper account behind the broker's port."""

from decimal import Decimal

import pytest

from engine.commands import CancelOrder, ModifyOrder
from engine.errors import BrokenInvariant
from engine.events import Outcome
from engine.model import BookStatus, OrderType
from engine.ports import Broker
from paper.broker import PaperBroker
from tests.unit.paper.builders import NOW, World, order, quote


class FixedClock:
    """Says what it is told."""

    def __init__(self, now_ns: int) -> None:
        self.at_ns = now_ns

    def now_ns(self) -> int:
        return self.at_ns


def broker(world: World) -> Broker:
    return PaperBroker(world.exchange, "C1", FixedClock(NOW))


def test_order_goes_through_its_life_behind_the_port() -> None:
    world = World()
    world.quotes(quote())
    account = broker(world)
    answer = account.place(order(order_type=OrderType.LIMIT, price="90"))
    assert answer.outcome is Outcome.ACKED
    change = ModifyOrder(account="C1", tag="T1", order_id=answer.order_id, price_inr=Decimal("100.10"))
    assert account.modify(change).outcome is Outcome.ACKED
    assert [row.status for row in account.orders()] == [BookStatus.COMPLETE]
    assert [row.net_units for row in account.positions()] == [65]
    assert account.cancel(CancelOrder(account="C1", tag="T1", order_id=answer.order_id)).outcome is Outcome.REJECTED
    assert account.account == "C1"
    assert account.funds().available_inr == 1_000_000
    assert list(account.instruments()) == list(world.instruments)


def test_order_of_another_account_is_a_bug_and_is_not_sent() -> None:
    world = World()
    with pytest.raises(BrokenInvariant, match="C2"):
        broker(world).place(order(account="C2"))
    assert world.exchange.orders("C1") == ()
