"""How a copy is sent: through the market, at a limit near the master's price, or as he did it."""

from decimal import Decimal

import pytest

from config.schema import Copy, CopyAs
from engine.core.terms import on_tick
from engine.model import OrderType, Side
from tests.unit.core.builders import Desk, settings


def sent(
    as_: CopyAs, *, side: Side = Side.BUY, price: str = "100", **fields: object
) -> tuple[OrderType, Decimal | None]:
    """Type and limit of the copy of one order of the master."""
    desk = Desk(settings(copy=Copy(as_=as_, **fields.pop("copied", {}))), filling=False)  # type: ignore[arg-type]
    (desk.buy if side is Side.BUY else desk.sell)(10, price=price, **fields)
    place = desk.last()
    return place.order_type, place.price_inr


@pytest.mark.parametrize(
    ("price", "side", "limit"),
    [
        ("100", Side.BUY, "100.10"),
        ("100", Side.SELL, "99.90"),
        ("100.03", Side.BUY, "100.15"),
        ("100.03", Side.SELL, "99.90"),
    ],
    ids=["bought", "sold", "bought off the tick", "sold off the tick"],
)
def test_limit_is_the_masters_price_and_the_buffer_on_the_tick(price: str, side: Side, limit: str) -> None:
    assert sent(CopyAs.LIMIT, side=side, price=price) == (OrderType.LIMIT, Decimal(limit))


def test_limit_is_never_beyond_the_slippage_limit() -> None:
    copied = {"limit_buffer_ticks": 1000, "max_slippage_pct": Decimal(2)}
    assert sent(CopyAs.LIMIT, copied=copied) == (OrderType.LIMIT, Decimal("102.00"))


@pytest.mark.parametrize("type_", [OrderType.LIMIT, OrderType.SL])
def test_same_takes_the_masters_limit(type_: OrderType) -> None:
    assert sent(CopyAs.SAME, order_type=type_, limit="100.25") == (OrderType.LIMIT, Decimal("100.25"))


@pytest.mark.parametrize("type_", [OrderType.MARKET, OrderType.SL_M])
def test_same_goes_through_the_market_where_the_master_did(type_: OrderType) -> None:
    assert sent(CopyAs.SAME, order_type=type_) == (OrderType.MARKET, None)


def test_same_without_a_limit_in_the_books_goes_through_the_market() -> None:
    assert sent(CopyAs.SAME, order_type=OrderType.LIMIT) == (OrderType.MARKET, None)


def test_exit_goes_through_the_market() -> None:
    desk = Desk(settings(copy=Copy(as_=CopyAs.LIMIT)))
    desk.buy(10)
    desk.sell(10)
    assert desk.last().order_type is OrderType.MARKET


def test_a_price_on_the_tick_is_at_least_one_tick() -> None:
    assert on_tick(Decimal("0.01"), Decimal("0.05"), up=False) == Decimal("0.05")
    assert on_tick(Decimal("100.03"), Decimal("0.05"), up=True) == Decimal("100.05")
    assert on_tick(Decimal("100.03"), Decimal("0.05"), up=False) == Decimal("100.00")
