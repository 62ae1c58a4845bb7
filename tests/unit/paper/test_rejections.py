"""What the order desk refuses, at each boundary, in the broker's words."""

from decimal import Decimal

import pytest

from engine.commands import PlaceOrder
from engine.model import OrderType, Side
from paper.rejections import bad_terms, insufficient_funds
from tests.unit.paper.builders import option, order, share

LIMIT, SL, SL_M = OrderType.LIMIT, OrderType.SL, OrderType.SL_M


@pytest.mark.parametrize(
    ("description", "given", "words"),
    [
        ("one lot", order(quantity=65), ""),
        ("one unit more than a lot", order(quantity=66), "multiples of lot size 65"),
        ("no units", order(quantity=0), "greater than 0"),
        ("negative units", order(quantity=-65), "greater than 0"),
        ("the freeze quantity", order(quantity=3510), ""),
        (
            "one lot above it",
            order(quantity=3575),
            "The order quantity 3575 (55 lots) is higher than the maximum quantity of 3510 (54 lots) allowed by the exchanges",
        ),
        ("on the tick", order(order_type=LIMIT, price="100.05"), ""),
        ("off the tick", order(order_type=LIMIT, price="100.02"), "Tick size for this script is 0.05. Kindly enter price in the multiple"),
        ("the price of a market order does not matter", order(price="100.02"), ""),
        ("a limit order without price", order(order_type=LIMIT), "Invalid price"),
        ("a limit order at zero", order(order_type=LIMIT, price="0"), "Invalid price"),
        ("a stop without trigger", order(order_type=SL_M), "Invalid trigger price"),
        ("a trigger off the tick", order(order_type=SL_M, trigger="100.01"), "Kindly enter trigger price in the multiple"),
        ("the trigger of a limit order does not matter", order(order_type=LIMIT, price="100", trigger="0.01"), ""),
        ("a buy stop at its limit", order(order_type=SL, price="100", trigger="100"), ""),
        ("a buy stop above its limit", order(order_type=SL, price="100", trigger="100.05"), "buy orders cannot be higher"),
        ("a sell stop at its limit", order(Side.SELL, order_type=SL, price="100", trigger="100"), ""),
        ("a sell stop below its limit", order(Side.SELL, order_type=SL, price="100", trigger="99.95"), "sell orders cannot be lower"),
    ],
)  # fmt: skip
def test_terms(description: str, given: PlaceOrder, words: str) -> None:
    refusal = bad_terms(given, option())
    assert (words in refusal) if words else refusal == "", (description, refusal)


def test_odd_remainder_may_be_closed_but_never_above_freeze() -> None:
    assert bad_terms(order(quantity=30), option(), is_odd_remainder=True) == ""
    assert "maximum quantity" in bad_terms(order(quantity=3511), option(), is_odd_remainder=True)


def test_without_a_freeze_quantity_any_quantity_passes() -> None:
    assert bad_terms(order(quantity=10_000_000), share()) == ""


def test_insufficient_funds_is_worded_as_kite_does() -> None:
    """kiteconnect-mocks, orders.json."""
    assert insufficient_funds(Decimal("95417.84"), Decimal("74251.8")) == (
        "Insufficient funds. Required margin is 95417.84 but available margin is 74251.80. "
        "Check the orderbook for open orders."
    )
