"""What the paper broker refuses, in the words that Kite uses, and when. Pure.

It must not decide on margin (the ledger knows that) and must not change anything. A refusal that Kite answers with HTTP
400 comes back as a sentence, '' when there is nothing to refuse.

Wording: freeze quantity [Kite forum 42709, 46716], margin [kiteconnect-mocks, orders.json], modifications [Kite Connect
docs, exceptions]; instrument, tick, closed market, finished and unknown orders as they are quoted by users of the API.
The lot, product and price sentences are worded alike, no verbatim source is known.
"""

from decimal import Decimal

from engine.commands import PlaceOrder
from engine.model import STOPS, Instrument, OrderType, Side

UNKNOWN_INSTRUMENT = "The instrument you are placing an order for has either expired or does not exist."
MARKET_CLOSED = "Markets are closed right now. Use GTT for placing long standing orders instead."
UNKNOWN_ORDER = "Couldn't find that `order_id`."
CANNOT_CANCEL = "Order cannot be cancelled as it is being processed. Try later."
CANNOT_MODIFY = "Order cannot be modified as it is being processed. Try later."
TOO_MANY_MODIFICATIONS = "Maximum allowed order modifications exceeded."
INTRADAY_CLOSED = "MIS orders are blocked for the day as the square-off time has passed. Use NRML instead."
MODIFICATIONS_MAX = 25
"""Modifications of one order [Kite Connect docs, exceptions, 2026-07-14]."""

_LIMITED = frozenset({OrderType.LIMIT, OrderType.SL})


def insufficient_funds(required_inr: Decimal, available_inr: Decimal) -> str:
    """The risk system's refusal of an order whose margin is not there."""
    return (
        f"Insufficient funds. Required margin is {required_inr:.2f} but available margin is {available_inr:.2f}. "
        "Check the orderbook for open orders."
    )


def bad_terms(order: PlaceOrder, instrument: Instrument, *, is_odd_remainder: bool = False) -> str:
    """Why an order's own values are refused: quantity, freeze quantity, prices.

    Args:
        order: What is asked for (for a modification: as it would be afterwards).
        instrument: Its instrument.
        is_odd_remainder: The order closes a position completely; then its quantity need not be whole lots.
    """
    return (
        _bad_quantity(order.quantity, instrument, is_odd_remainder=is_odd_remainder)
        or _above_freeze(order.quantity, instrument)
        or _bad_prices(order, instrument)
    )


def _bad_quantity(quantity: int, instrument: Instrument, *, is_odd_remainder: bool) -> str:
    if quantity <= 0:
        return "Invalid quantity. Quantity should be greater than 0."
    if quantity % instrument.lot_units and not is_odd_remainder:
        return f"Invalid quantity {quantity}. Quantity should be in multiples of lot size {instrument.lot_units}."
    return ""


def _above_freeze(quantity: int, instrument: Instrument) -> str:
    freeze = instrument.freeze_units
    if freeze is None or quantity <= freeze:
        return ""
    lot = instrument.lot_units
    return (
        f"The order quantity {quantity} ({quantity // lot} lots) is higher than the maximum quantity of "
        f"{freeze} ({freeze // lot} lots) allowed by the exchanges."
    )


def _bad_prices(order: PlaceOrder, instrument: Instrument) -> str:
    limit = order.price_inr if order.order_type in _LIMITED else None
    trigger = order.trigger_price_inr if order.order_type in STOPS else None
    if order.order_type in _LIMITED and (limit is None or limit <= 0):
        return "Invalid price. Price should be greater than 0 for a limit order."
    if order.order_type in STOPS and (trigger is None or trigger <= 0):
        return "Invalid trigger price. Trigger price should be greater than 0 for a stoploss order."
    for name, price in (("price", limit), ("trigger price", trigger)):
        if price is not None and price % instrument.tick_inr:
            return (
                f"Tick size for this script is {instrument.tick_inr:.2f}. "
                f"Kindly enter {name} in the multiple of tick size for this script."
            )
    if limit is not None and trigger is not None and order.side.sign * (trigger - limit) > 0:
        beyond = "higher" if order.side is Side.BUY else "lower"
        return f"Trigger price for stoploss {order.side.lower()} orders cannot be {beyond} than the limit price."
    return ""
