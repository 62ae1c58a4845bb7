"""Positions, holdings, funds and margins as Kite Connect writes them. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from engine.core.charges import NO_CHARGES, Charges
from engine.model import InstrumentId
from paper.ledger import Holding
from paper.sandbox.account import Traded
from paper.sandbox.rows import Json

ZERO: Final = Decimal(0)


def position_row(
    leg: tuple[str, str, str], holding: Holding, traded: Traded, prices: tuple[Decimal, Decimal], token: int
) -> Json:
    """One row of the net positions.

    Args:
        leg: Exchange, symbol and product.
        holding: What is held.
        traded: What was traded of it today.
        prices: The last price, and that of the previous close, which is what a carried position counts with.
        token: The instrument's.
    """
    carried, close = holding.overnight_units, prices[1]
    with_carried = Traded(
        bought=traded.bought + max(carried, 0),
        bought_inr=traded.bought_inr + max(carried, 0) * close,
        sold=traded.sold + max(-carried, 0),
        sold_inr=traded.sold_inr + max(-carried, 0) * close,
    )
    average = (holding.average_inr or close) if holding.net_units else ZERO
    return _position(leg, with_carried, traded, holding.net_units, average, prices, token, carried)


def day_row(leg: tuple[str, str, str], traded: Traded, prices: tuple[Decimal, Decimal], token: int) -> Json:
    """One row of today's activity."""
    net = traded.bought - traded.sold
    average = ZERO
    if net:
        average = _per(traded.bought_inr, traded.bought) if net > 0 else _per(traded.sold_inr, traded.sold)
    return _position(leg, traded, traded, net, average, prices, token, 0)


def _position(
    leg: tuple[str, str, str],
    both: Traded,
    today: Traded,
    net: int,
    average: Decimal,
    prices: tuple[Decimal, Decimal],
    token: int,
    carried: int,
) -> Json:
    exchange, symbol, product = leg
    last, close = prices
    value = both.sold_inr - both.bought_inr
    pnl = value + net * last
    return {
        "tradingsymbol": symbol,
        "exchange": exchange,
        "instrument_token": token,
        "product": product,
        "quantity": net,
        "overnight_quantity": carried,
        "multiplier": 1,
        "average_price": average,
        "close_price": close if carried else 0,
        "last_price": last,
        "value": value,
        "pnl": pnl,
        "m2m": pnl,
        # All of it stands here, of closed positions too [kiteconnect-mocks, positions.json].
        "unrealised": pnl,
        "realised": 0,
        "buy_quantity": both.bought,
        "buy_price": _per(both.bought_inr, both.bought),
        "buy_value": both.bought_inr,
        "buy_m2m": both.bought_inr,
        "sell_quantity": both.sold,
        "sell_price": _per(both.sold_inr, both.sold),
        "sell_value": both.sold_inr,
        "sell_m2m": both.sold_inr,
        "day_buy_quantity": today.bought,
        "day_buy_price": _per(today.bought_inr, today.bought),
        "day_buy_value": today.bought_inr,
        "day_sell_quantity": today.sold,
        "day_sell_price": _per(today.sold_inr, today.sold),
        "day_sell_value": today.sold_inr,
    }


def of_today(holding: Holding) -> Holding:
    """What of shares is of today: bought, or sold of those that were there."""
    net = holding.net_units - holding.overnight_units
    return Holding(net_units=net, cost_inr=net * (holding.average_inr or ZERO), has_basis=holding.has_basis)


def holding_row(
    key: InstrumentId, holding: Holding, funded: Holding, prices: tuple[Decimal, Decimal], token: int
) -> Json:
    """One row of the shares in the demat account.

    Args:
        key: The instrument.
        holding: Those that are paid.
        funded: Those that were bought with margin funding.
        prices: The last price, and that of the previous close.
        token: The instrument's.
    """
    last, close = prices
    exchange, symbol = key.split(":", 1)
    average, units = holding.average_inr or close, holding.overnight_units
    used, funded_average = max(units - holding.net_units, 0), funded.average_inr or close
    return {
        "tradingsymbol": symbol,
        "exchange": exchange,
        "instrument_token": token,
        "isin": "",
        "product": "CNC",
        "price": 0,
        "quantity": units - used,
        "used_quantity": used,
        "t1_quantity": 0,
        "realised_quantity": units,
        "authorised_quantity": 0,
        "authorised_date": "1970-01-01 00:00:00",
        "authorisation": {},
        "opening_quantity": units,
        "short_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": "",
        "discrepancy": False,
        "average_price": average,
        "last_price": last,
        "close_price": close,
        "pnl": (last - average) * units,
        "day_change": last - close,
        "day_change_percentage": (last - close) / close * 100 if close else 0,
        "mtf": {
            "quantity": funded.overnight_units,
            "used_quantity": max(funded.overnight_units - funded.net_units, 0),
            "average_price": funded_average if funded.overnight_units else 0,
            "value": funded.overnight_units * funded_average,
            "initial_margin": 0,
        },
    }


def margin_rows(available: Decimal, capital: Decimal) -> Json:
    """Funds of both segments; the commodity one is empty. Net and debits are the cash of the morning together."""

    def segment(net: Decimal, opening: Decimal) -> Json:
        free = ("exposure", "m2m_realised", "m2m_unrealised", "option_premium", "payout", "span", "holding_sales")
        others = ("turnover", "liquid_collateral", "stock_collateral", "delivery")
        return {
            "enabled": True,
            "net": net,
            "available": {
                "adhoc_margin": 0,
                "cash": opening,
                "opening_balance": opening,
                "live_balance": net,
                "collateral": 0,
                "intraday_payin": 0,
            },
            "utilised": {"debits": opening - net, **dict.fromkeys((*free, *others), 0)},
        }

    return {"equity": segment(available, capital), "commodity": segment(ZERO, ZERO)}


def margin_row(
    total: Decimal,
    order: Mapping[str, object] | None = None,
    premium: Decimal = ZERO,
    charges: Charges = NO_CHARGES,
) -> Json:
    """What one order would block, or (`order` is `None`) a side of a basket. The whole margin stands as span."""
    asked = order or {}
    return {
        "type": "equity" if order else "",
        "tradingsymbol": asked.get("tradingsymbol", ""),
        "exchange": asked.get("exchange", ""),
        "span": total - premium,
        "exposure": 0,
        "option_premium": premium,
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": 0,
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 1 if order else 0,
        "charges": charges_row(charges),
        "total": total,
    }


def charges_row(charges: Charges) -> Json:
    """Charges of an order."""
    return {
        "transaction_tax": charges.stt,
        "transaction_tax_type": "stt" if charges.total else "",
        "exchange_turnover_charge": charges.exchange,
        "sebi_turnover_charge": charges.sebi,
        "brokerage": charges.brokerage,
        "stamp_duty": charges.stamp,
        "gst": {"igst": charges.gst, "cgst": 0, "sgst": 0, "total": charges.gst},
        "total": charges.total,
    }


def note_row(order: Mapping[str, object], price: Decimal, charges: Charges) -> Json:
    """One order of a virtual contract note."""
    asked = ("transaction_type", "tradingsymbol", "exchange", "variety", "product", "order_type", "quantity")
    return {key: order.get(key) for key in asked} | {"price": price, "charges": charges_row(charges)}


def basket_row(initial: Decimal, final: Decimal, orders: Sequence[Json]) -> Json:
    """The margins of a basket, and what all its orders cost."""
    charges = charges_row(NO_CHARGES)
    for order in orders:
        charges = _added(charges, order["charges"])
    return {"initial": margin_row(initial), "final": margin_row(final), "orders": list(orders), "charges": charges}


def _added(one: Json, other: Json) -> Json:
    """Two tables of charges together."""
    return {
        key: _added(value, other[key]) if isinstance(value, dict) else value + other[key]
        for key, value in one.items()
        if not isinstance(value, str)
    } | {key: other[key] for key, value in one.items() if isinstance(value, str)}


def _per(value: Decimal, units: int) -> Decimal:
    return (value / units).quantize(Decimal("0.0001")) if units else ZERO
