"""Values of the paper exchange as SmartAPI writes them: field names and types as in its documents and live frames."""

import struct
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from engine.model import (
    NS_PER_S,
    BookStatus,
    DepthLevel,
    Funds,
    Instrument,
    Kind,
    OrderReport,
    OrderType,
    Position,
    Quote,
    Side,
    is_delivery,
)

Json = dict[str, Any]
IST = timezone(timedelta(hours=5, minutes=30))
PREFIX = "PAPER_"
FIRST_TOKEN = 40_900
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
SEGMENTS = {"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5}
PRODUCTS = {"CNC": "DELIVERY", "NRML": "CARRYFORWARD", "MIS": "INTRADAY"}
ORDER_TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.SL: "STOPLOSS_LIMIT",
    OrderType.SL_M: "STOPLOSS_MARKET",
}
STATUSES = {
    BookStatus.OPEN: ("open", "AB01"),
    BookStatus.TRIGGER_PENDING: ("trigger pending", "AB10"),
    BookStatus.COMPLETE: ("complete", "AB05"),
    BookStatus.CANCELLED: ("cancelled", "AB02"),
    BookStatus.REJECTED: ("rejected", "AB03"),
}
PENDING = ("open pending", "AB09")


def angel_id(order_id: str) -> str:
    """An order id of the exchange in Angel's form: 15 digits, the date first."""
    return order_id.removeprefix(PREFIX)


def stamp(ns: int) -> str:
    """A time as Angel writes it: `20-Oct-2020 13:10:59`."""
    moment = datetime.fromtimestamp(ns // NS_PER_S, IST)
    return f"{moment:%d}-{MONTHS[moment.month - 1].title()}-{moment:%Y %H:%M:%S}"


def symbol_of(instrument: Instrument) -> str:
    """What Angel calls it: SBIN-EQ, NIFTY24NOV2624500CE, NIFTY24NOV26FUT."""
    if instrument.kind is Kind.EQUITY:
        return f"{instrument.symbol}-EQ"
    expiry = date.fromisoformat(instrument.expiry or "")
    day = f"{expiry:%d}{MONTHS[expiry.month - 1]}{expiry:%y}"
    strike = "FUT" if instrument.strike_inr is None else f"{instrument.strike_inr:f}{instrument.kind.value}"
    return f"{instrument.underlying}{day}{strike}"


def scrip_row(instrument: Instrument, token: str) -> Json:
    """A row of the scrip master: strike and tick in paise, all as texts."""
    expiry = date.fromisoformat(instrument.expiry) if instrument.expiry else None
    kind = {Kind.EQUITY: "", Kind.FUTURE: "FUTIDX"}.get(instrument.kind, "OPTIDX")
    strike = Decimal(-1) if instrument.strike_inr is None else instrument.strike_inr * 100
    return {
        "token": token,
        "symbol": symbol_of(instrument),
        "name": instrument.underlying,
        "expiry": "" if expiry is None else f"{expiry:%d}{MONTHS[expiry.month - 1]}{expiry:%Y}",
        "strike": f"{strike:.6f}",
        "lotsize": str(instrument.lot_units),
        "instrumenttype": kind,
        "exch_seg": instrument.exchange,
        "tick_size": f"{instrument.tick_inr * 100:.6f}",
    }


def order_row(report: OrderReport, scrip: Json, variety: str, *, word: str = "") -> Json:
    """A row of the order book: numbers as texts, the id as a number."""
    word = word or STATUSES[report.status][0]
    open_units = report.quantity - report.filled
    cancelled = open_units if report.status is BookStatus.CANCELLED else 0
    reached = report.status is not BookStatus.REJECTED
    return {
        "variety": variety,
        "ordertype": ORDER_TYPES[report.order_type],
        "producttype": PRODUCTS[report.product],
        "duration": report.validity.value,
        "price": f"{report.price_inr or 0:f}" if report.price_inr else "0",
        "triggerprice": f"{report.trigger_price_inr:f}" if report.trigger_price_inr else "0",
        "quantity": str(report.quantity),
        "disclosedquantity": "0",
        "squareoff": "0",
        "stoploss": "0",
        "trailingstoploss": "0",
        "tradingsymbol": scrip["symbol"],
        "transactiontype": report.side.value,
        "exchange": report.exchange,
        "symboltoken": scrip["token"],
        "instrumenttype": scrip["instrumenttype"],
        "strikeprice": "-1",
        "optiontype": "",
        "expirydate": scrip["expiry"],
        "lotsize": scrip["lotsize"],
        "cancelsize": str(cancelled),
        "averageprice": f"{report.average_price_inr:f}" if report.average_price_inr else "0",
        "filledshares": str(report.filled),
        "unfilledshares": str(0 if cancelled else open_units),
        "orderid": int(angel_id(report.order_id)),
        "text": report.status_text,
        "status": word,
        "orderstatus": word,
        "updatetime": stamp(report.updated_ns),
        "exchtime": stamp(report.placed_ns) if reached else "",
        "exchorderupdatetime": stamp(report.updated_ns) if reached else "",
        "fillid": "",
        "filltime": "",
        "parentorderid": "",
        "ordertag": report.tag,
        "uniqueorderid": f"u{angel_id(report.order_id)}",
        "exchangeorderid": f"11{angel_id(report.order_id)}",
    }


def frame(user: str, row: Json, code: str) -> Json:
    """An update of the order stream: some numbers as numbers, without the two further ids."""
    numbers = ("price", "triggerprice", "squareoff", "stoploss", "trailingstoploss", "strikeprice", "averageprice")
    order = row | {name: Decimal(row[name]) for name in numbers} | {"orderid": str(row["orderid"])}
    del order["uniqueorderid"], order["exchangeorderid"]
    return {"user-id": user, "status-code": "200", "order-status": code, "error-message": "", "orderData": order}


def first_frame(user: str) -> Json:
    """What the order stream says first."""
    order = {"variety": "", "orderid": "", "tradingsymbol": "", "price": 0, "quantity": "0", "filledshares": ""}
    return {"user-id": user, "status-code": "200", "order-status": "AB00", "error-message": "", "orderData": order}


def trade_row(report: OrderReport, scrip: Json, number: int, units: int, price: Decimal) -> Json:
    """A row of the trade book."""
    return {
        "exchange": report.exchange,
        "producttype": PRODUCTS[report.product],
        "tradingsymbol": scrip["symbol"],
        "instrumenttype": scrip["instrumenttype"],
        "transactiontype": report.side.value,
        "tradevalue": f"{price * units:.2f}",
        "fillprice": f"{price:f}",
        "fillsize": str(units),
        "orderid": angel_id(report.order_id),
        "fillid": str(50_000_000 + number),
        "filltime": stamp(report.updated_ns)[12:],
    }


def of_today(position: Position) -> Position | None:
    """A position as Angel lists it: of shares what was traded today, nothing of those that were only kept."""
    if not is_delivery(position.leg):
        return position
    today = position.net_units - position.overnight_units
    return replace(position, net_units=today, overnight_units=0) if today else None


def holding_row(position: Position, scrip: Json) -> Json:
    """A row of the holdings: the shares of earlier days."""
    return {
        "tradingsymbol": scrip["symbol"],
        "exchange": position.exchange,
        "isin": "INE009A01021",
        "t1quantity": 0,
        "realisedquantity": position.overnight_units,
        "quantity": max(min(position.net_units, position.overnight_units), 0),
        "authorisedquantity": 0,
        "product": PRODUCTS.get(position.product, "MARGIN"),
        "collateralquantity": None,
        "collateraltype": None,
        "haircut": 0,
        "averageprice": float(position.average_price_inr or 0),
        "ltp": 0,
        "symboltoken": scrip["token"],
        "close": 0,
        "profitandloss": 0,
        "pnlpercentage": 0,
    }


def position_row(position: Position, scrip: Json) -> Json:
    """A row of the positions, all as texts."""
    net, carried = position.net_units, position.overnight_units
    price = f"{position.average_price_inr:f}" if position.average_price_inr else "0"
    return {
        "exchange": position.exchange,
        "symboltoken": scrip["token"],
        "producttype": PRODUCTS[position.product],
        "tradingsymbol": scrip["symbol"],
        "symbolname": scrip["name"],
        "instrumenttype": scrip["instrumenttype"],
        "lotsize": scrip["lotsize"],
        "buyqty": str(max(net - carried, 0)),
        "sellqty": str(max(carried - net, 0)),
        "cfbuyqty": str(max(carried, 0)),
        "cfsellqty": str(max(-carried, 0)),
        "netvalue": "- 2235.80",
        "netqty": str(net),
        "netprice": price,
        "avgnetprice": price,
    }


def rms(funds: Funds) -> Json:
    """Funds: texts, and some that are null."""
    net, used = f"{funds.available_inr:f}", f"{funds.used_inr or 0:f}"
    return {"net": net, "availablecash": net, "collateral": "0", "m2munrealized": None, "utiliseddebits": used}


def quote_row(quote: Quote, scrip: Json) -> Json:
    """A quote by request: numbers as numbers."""
    bid, ask = quote.bid_inr or Decimal(0), quote.ask_inr or Decimal(0)
    return {
        "exchange": scrip["exch_seg"],
        "tradingSymbol": scrip["symbol"],
        "symbolToken": scrip["token"],
        "ltp": quote.last_inr,
        "exchFeedTime": stamp(quote.at_ns),
        "depth": {
            "buy": [{"price": bid, "quantity": quote.bid_units or 0, "orders": 1}],
            "sell": [{"price": ask, "quantity": quote.ask_units or 0, "orders": 1}],
        },
    }


def unfetched_row(exchange: str, token: str) -> Json:
    """A token that nobody knows."""
    return {"exchange": exchange, "symbolToken": token, "message": "Symbol unavailable", "errorCode": "AB4018"}


def packet(quote: Quote, segment: int, token: str, number: int) -> bytes:
    """A SnapQuote of 379 bytes."""
    last = _paise(quote.last_inr)
    head = struct.pack("<BB25sqqq", 3, segment, token.encode(), number, quote.at_ns // 1_000_000, last)
    traded = struct.pack("<qqqddqqqq", 0, last, quote.volume_units or 0, 0.0, 0.0, last, last, last, last)
    more = struct.pack("<qqq", quote.at_ns // NS_PER_S, quote.open_interest_units or 0, 0)
    levels = _side(quote, Side.BUY) + _side(quote, Side.SELL)
    return head + traded + more + levels + struct.pack("<qqqq", last, last, last, last)


def _side(quote: Quote, side: Side) -> bytes:
    """Five levels; a quote that knows the touch alone has one."""
    found: Sequence[DepthLevel] = quote.bids if side is Side.BUY else quote.asks
    price = quote.bid_inr if side is Side.BUY else quote.ask_inr
    units = quote.bid_units if side is Side.BUY else quote.ask_units
    if not found and price is not None:
        found = (DepthLevel(price_inr=price, units=units or 650),)
    flag = 1 if side is Side.BUY else 0
    rows = [struct.pack("<hqqh", flag, level.units, _paise(level.price_inr), 1) for level in found[:5]]
    return b"".join(rows) + struct.pack("<hqqh", flag, 0, 0, 0) * (5 - len(rows))


def _paise(price: Decimal | None) -> int:
    return 0 if price is None else int(price * 100)
