"""Values of the paper exchange as Kite Connect writes them. Pure.

Field names, order and types: Kite Connect v3 documents and the vendor's recorded answers (kiteconnect-mocks). Numbers
stay `Decimal` here and become JSON numbers when they are encoded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from engine.model import NS_PER_S, BookStatus, Instrument, InstrumentId, OrderReport, OrderType, Quote
from paper.exchange import Exchange
from paper.ledger import Holding

IST: Final = timezone(timedelta(hours=5, minutes=30))
PREFIX: Final = "PAPER_"
SEGMENT_BYTE: Final = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7}
FIRST_TOKEN: Final = 35_000
PROTECTED_TAG: Final = "mktp"
Json = dict[str, Any]


def kite_id(order_id: str) -> str:
    """An order id of the exchange in Kite's form: 15 digits, the date first."""
    return order_id.removeprefix(PREFIX)


def exchange_id(order_id: str) -> str:
    """Back from `kite_id`."""
    return f"{PREFIX}{order_id}"


def stamp(ns: int) -> str:
    """A time as Kite writes it: India, to the second."""
    return datetime.fromtimestamp(ns // NS_PER_S, IST).strftime("%Y-%m-%d %H:%M:%S")


class Tokens:
    """Instrument tokens: a number of the exchange's for each instrument, with Kite's segment in the last byte."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self.by_id: dict[InstrumentId, int] = {}
        for number, instrument in enumerate(sorted(instruments, key=lambda i: i.id), start=FIRST_TOKEN):
            self.by_id[instrument.id] = number << 8 | SEGMENT_BYTE.get(instrument.exchange, 1)
        self.by_token = {token: key for key, token in self.by_id.items()}


def order_row(
    report: OrderReport, user_id: str, token: int, *, status: str | None = None, variety: str = "regular"
) -> Json:
    """One row of the order book."""
    is_market = report.order_type in (OrderType.MARKET, OrderType.SL_M)
    cancelled = report.quantity - report.filled if report.status is BookStatus.CANCELLED else 0
    done = report.status in (BookStatus.COMPLETE, BookStatus.CANCELLED, BookStatus.REJECTED)
    tags = [tag for tag in (report.tag, PROTECTED_TAG if is_market else "") if tag]
    reached = report.status is not BookStatus.REJECTED
    row: Json = {
        "account_id": user_id,
        "placed_by": user_id,
        "order_id": kite_id(report.order_id),
        "exchange_order_id": f"1{kite_id(report.order_id)}" if reached else None,
        "parent_order_id": None,
        "status": status or report.status.value,
        "status_message": report.status_text if report.status is BookStatus.REJECTED else None,
        "status_message_raw": f"RMS:{report.status_text}" if report.status is BookStatus.REJECTED else None,
        "order_timestamp": stamp(report.placed_ns),
        "exchange_update_timestamp": stamp(report.updated_ns) if reached else None,
        "exchange_timestamp": stamp(report.placed_ns) if reached else None,
        "variety": variety,
        "modified": False,
        "exchange": report.exchange,
        "tradingsymbol": report.symbol,
        "instrument_token": token,
        "order_type": "LIMIT" if report.order_type is OrderType.MARKET else report.order_type.value,
        "transaction_type": report.side.value,
        "validity": report.validity.value,
        "validity_ttl": 0,
        "product": report.product,
        "quantity": report.quantity,
        "disclosed_quantity": 0,
        "price": report.price_inr or 0,
        "trigger_price": report.trigger_price_inr or 0,
        "auction_number": None,
        "average_price": report.average_price_inr or 0,
        "filled_quantity": report.filled,
        "pending_quantity": 0 if done else report.quantity - report.filled,
        "cancelled_quantity": cancelled,
        "market_protection": 0,
        "meta": {},
        "tag": report.tag or None,
        "guid": "XXXXXX",
    }
    if tags:
        row["tags"] = tags
    return row


def trade_row(report: OrderReport, number: int, units: int, price: Decimal, token: int) -> Json:
    """One trade."""
    return {
        "trade_id": str(number),
        "order_id": kite_id(report.order_id),
        "exchange": report.exchange,
        "tradingsymbol": report.symbol,
        "instrument_token": token,
        "product": report.product,
        "average_price": price,
        "quantity": units,
        "exchange_order_id": f"1{kite_id(report.order_id)}",
        "transaction_type": report.side.value,
        "fill_timestamp": stamp(report.updated_ns),
        "order_timestamp": stamp(report.placed_ns)[11:],
        "exchange_timestamp": stamp(report.updated_ns),
    }


def position_row(leg: tuple[str, str, str], holding: Holding, last: Decimal | None, token: int) -> Json:
    """One row of the positions."""
    exchange, symbol, product = leg
    price = last or Decimal(0)
    value = holding.net_units * price - holding.cost_inr if holding.net_units else Decimal(0)
    pnl = holding.realised_inr + value
    return {
        "tradingsymbol": symbol,
        "exchange": exchange,
        "instrument_token": token,
        "product": product,
        "quantity": holding.net_units,
        "overnight_quantity": holding.overnight_units,
        "multiplier": 1,
        "average_price": holding.average_inr or 0,
        "close_price": 0,
        "last_price": price,
        "value": -holding.cost_inr,
        "pnl": pnl,
        "m2m": pnl,
        "unrealised": value,
        "realised": holding.realised_inr,
    }


def margin_rows(available: Decimal, capital: Decimal) -> Json:
    """Funds of both segments; the commodity one is empty."""

    def segment(net: Decimal, opening: Decimal) -> Json:
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
            "utilised": {
                "debits": opening - net,
                "exposure": 0,
                "m2m_realised": 0,
                "m2m_unrealised": 0,
                "option_premium": 0,
                "payout": 0,
                "span": 0,
                "holding_sales": 0,
                "turnover": 0,
                "liquid_collateral": 0,
                "stock_collateral": 0,
                "delivery": 0,
            },
        }

    return {"equity": segment(available, capital), "commodity": segment(Decimal(0), Decimal(0))}


def quote_row(quote: Quote, token: int, *, depth: bool) -> Json:
    """A quote as `/quote` (with depth) or `/quote/ohlc` gives it."""
    last = quote.last_inr or 0
    row: Json = {
        "instrument_token": token,
        "last_price": last,
        "ohlc": {"open": last, "high": last, "low": last, "close": last},
    }
    if not depth:
        return row
    buy = [{"price": level.price_inr, "quantity": level.units, "orders": 1} for level in quote.bids]
    sell = [{"price": level.price_inr, "quantity": level.units, "orders": 1} for level in quote.asks]
    blank = {"price": 0, "quantity": 0, "orders": 0}
    row |= {
        "timestamp": stamp(quote.at_ns),
        "last_trade_time": stamp(quote.at_ns),
        "last_quantity": 0,
        "buy_quantity": sum(level.units for level in quote.bids),
        "sell_quantity": sum(level.units for level in quote.asks),
        "volume": quote.volume_units or 0,
        "average_price": last,
        "oi": quote.open_interest_units or 0,
        "oi_day_high": 0,
        "oi_day_low": 0,
        "net_change": 0,
        "lower_circuit_limit": 0,
        "upper_circuit_limit": 0,
        "depth": {"buy": (buy + [blank] * 5)[:5], "sell": (sell + [blank] * 5)[:5]},
    }
    return row


CSV_HEAD: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)


def instruments_csv(exchange: Exchange, tokens: Tokens, only: str = "") -> str:
    """The instrument dump, of one exchange where it is named."""
    lines = [CSV_HEAD]
    for instrument in exchange.instruments():
        if only and instrument.exchange != only:
            continue
        token = tokens.by_id[instrument.id]
        segment = f"{instrument.exchange}-OPT" if instrument.is_option else instrument.exchange
        strike = instrument.strike_inr or 0
        lines.append(
            f"{token},{token >> 8},{instrument.symbol},{instrument.underlying},0.0,{instrument.expiry or ''},{strike},"
            f"{instrument.tick_inr},{instrument.lot_units},{instrument.kind.value},{segment},{instrument.exchange}"
        )
    return "\n".join(lines) + "\n"


def basket_row(initial: Decimal, final: Decimal, orders: Sequence[Mapping[str, object]]) -> Json:
    """The margins of a basket."""

    def side(total: Decimal) -> Json:
        return {"type": "", "tradingsymbol": "", "exchange": "", "span": total, "exposure": 0, "total": total}

    return {"initial": side(initial), "final": side(final), "orders": list(orders)}
