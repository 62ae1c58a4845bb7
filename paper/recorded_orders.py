"""The master's orders of a recorded day: `master_orders.csv`, or trade books as Zerodha Console exports them.

It must not look at the market. Every order is complete, at the time and the average price that were recorded.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from engine.core.symbols import derivatives_exchange
from engine.errors import ConfigError
from engine.model import BookStatus, OrderReport, OrderType, Side
from paper.recorded_files import Table

ORDERS_FILE = "master_orders.csv"
ORDER_COLUMNS = ("time", "order_id", "symbol", "side", "quantity", "price", "product")
TRADE_COLUMNS = ("symbol", "trade_date", "exchange", "segment", "trade_type", "quantity", "price", "trade_id",
                 "order_id", "order_execution_time")  # fmt: skip
TRADE_OPTIONAL = ("expiry_date",)
TRADE_MARKS = frozenset({"trade_id", "order_execution_time"})
"Columns by which a trade book is recognised under any name."
EXCHANGES: Mapping[tuple[str, str], str] = MappingProxyType(
    {("NSE", "FO"): "NFO", ("BSE", "FO"): "BFO", ("NSE", "EQ"): "NSE", ("BSE", "EQ"): "BSE"}
)
"Kite's exchange by Console's exchange and segment."
PRODUCTS = frozenset({"NRML", "MIS", "CNC", "MTF"})

_ORDER_ID = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOrders:
    """What was read."""

    orders: tuple[OrderReport, ...]
    "By time."
    expiries: Mapping[str, str]
    "ISO expiries by symbol, as far as the file gives them."
    warnings: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _Trades:
    """The trades of one order so far."""

    order_id: str
    exchange: str
    symbol: str
    side: Side
    at_ns: int
    quantity: int = 0
    value_inr: Decimal = field(default=Decimal())


def read_orders(directory: Path, day: date) -> RecordedOrders:
    """Read the orders of the day; `master_orders.csv` goes before trade books. Raises `ConfigError`."""
    path = directory / ORDERS_FILE
    books = find_tradebooks(directory)
    if path.exists():
        ignored = [f"{book.name}: not used, there is {ORDERS_FILE}" for book in books]
        orders, warnings = _read_order_file(path, day)
        return RecordedOrders(orders=orders, expiries={}, warnings=(*ignored, *warnings))
    if not books:
        text = f"has neither {ORDERS_FILE} nor a trade book exported from Zerodha Console (*tradebook*.csv)"
        raise ConfigError(directory, None, "", text)
    return _read_tradebooks(books, day)


def find_tradebooks(directory: Path) -> list[Path]:
    """CSV files that are called a trade book or have its columns, by name."""
    found = []
    for path in sorted(directory.glob("*.csv")):
        if "tradebook" in path.name.lower() or _header(path) >= TRADE_MARKS:
            found.append(path)
    return found


def _header(path: Path) -> set[str]:
    with path.open("rb") as file:
        return {name.strip() for name in file.readline(4096).decode(errors="replace").split(",")}


def _read_order_file(path: Path, day: date) -> tuple[tuple[OrderReport, ...], list[str]]:
    table = Table(path, day, ORDER_COLUMNS)
    orders: dict[str, OrderReport] = {}
    for line, (time, order_id, symbol, side, quantity, price, product) in table.rows():
        _check_order_id(table, line, order_id)
        if order_id in orders:
            raise table.fault(line, "order_id", f"{order_id} was there before; an order has one row")
        if product not in PRODUCTS:
            raise table.fault(line, "product", f"{product!r} is none of {', '.join(sorted(PRODUCTS))}")
        at_ns = table.time_ns(line, "time", time)
        units, price_inr = _traded(table, line, quantity, price)
        orders[order_id] = _report(
            _Trades(
                order_id=order_id,
                exchange=derivatives_exchange(symbol),
                symbol=table.symbol(line, "symbol", symbol),
                side=_side(table, line, "side", side),
                at_ns=at_ns,
                quantity=units,
                value_inr=units * price_inr,
            ),
            product,
        )
    return _in_order(path, list(orders.values()))


def _read_tradebooks(books: list[Path], day: date) -> RecordedOrders:
    orders: dict[str, _Trades] = {}
    expiries: dict[str, str] = {}
    warnings: list[str] = []
    seen: set[tuple[str, str]] = set()
    for path in books:
        warnings += _read_tradebook(Table(path, day, TRADE_COLUMNS, TRADE_OPTIONAL), orders, expiries, seen)
    reports = [_report(trades, _product(trades.exchange)) for trades in orders.values()]
    in_order, more = _in_order(books[0], reports)
    return RecordedOrders(orders=in_order, expiries=expiries, warnings=(*warnings, *more))


def _read_tradebook(
    table: Table, orders: dict[str, _Trades], expiries: dict[str, str], seen: set[tuple[str, str]]
) -> list[str]:
    """Add the trades of one file to `orders`; rows that another file has too (`seen`) once."""
    other_days = repeated = 0
    for line, cells in table.rows():
        symbol, trade_date, exchange, segment, side, quantity, price, trade_id, order_id, time, expiry = cells
        if _iso(table, line, "trade_date", trade_date) != table.day:
            other_days += 1
            continue
        _check_order_id(table, line, order_id)
        if (order_id, trade_id) in seen:
            repeated += 1
            continue
        seen.add((order_id, trade_id))
        kite_exchange = EXCHANGES.get((exchange, segment))
        if kite_exchange is None:
            raise table.fault(line, "segment", f"{exchange} {segment} is none of NSE or BSE with FO or EQ")
        at_ns = table.time_ns(line, "order_execution_time", time)
        units, price_inr = _traded(table, line, quantity, price)
        trade = _Trades(
            order_id=order_id,
            exchange=kite_exchange,
            symbol=table.symbol(line, "symbol", symbol, kite_exchange),
            side=_side(table, line, "trade_type", side),
            at_ns=at_ns,
        )
        order = orders.setdefault(order_id, trade)
        if (order.exchange, order.symbol, order.side) != (trade.exchange, trade.symbol, trade.side):
            raise table.fault(line, "order_id", f"{order_id} is also the order of {order.side} {order.symbol}")
        order.at_ns = max(order.at_ns, at_ns)
        order.quantity += units
        order.value_inr += units * price_inr
        if expiry:
            expiries[symbol] = _iso(table, line, "expiry_date", expiry).isoformat()
    texts = ((other_days, "trades of other days left out"), (repeated, "repeated trades left out"))
    return [f"{table.path.name}: {count} {text}" for count, text in texts if count]


def _in_order(path: Path, orders: list[OrderReport]) -> tuple[tuple[OrderReport, ...], list[str]]:
    """The orders by time, with a warning when they were not."""
    if not orders:
        raise ConfigError(path, None, "", "has no order of the day")
    back = sum(later.placed_ns < earlier.placed_ns for earlier, later in pairwise(orders))
    warnings = [f"{path.name}: {back} orders were earlier than the one before them; sorted by time"] if back else []
    return tuple(sorted(orders, key=lambda order: order.placed_ns)), warnings


def _report(trades: _Trades, product: str) -> OrderReport:
    return OrderReport(
        order_id=trades.order_id,
        exchange=trades.exchange,
        symbol=trades.symbol,
        product=product,
        side=trades.side,
        order_type=OrderType.MARKET,
        quantity=trades.quantity,
        filled=trades.quantity,
        average_price_inr=trades.value_inr / trades.quantity,
        status=BookStatus.COMPLETE,
        placed_ns=trades.at_ns,
        updated_ns=trades.at_ns,
    )


def _product(exchange: str) -> str:
    """A trade book does not name products: derivatives are taken as NRML, equities as CNC."""
    return "NRML" if exchange in ("NFO", "BFO") else "CNC"


def _traded(table: Table, line: int, quantity: str, price: str) -> tuple[int, Decimal]:
    """Units and price, both above zero."""
    units, price_inr = table.units(line, "quantity", quantity), table.number(line, "price", price)
    if not units:
        raise table.fault(line, "quantity", "is zero")
    if not price_inr:
        raise table.fault(line, "price", "is zero")
    return units, price_inr


def _side(table: Table, line: int, column: str, text: str) -> Side:
    try:
        return Side(text.upper())
    except ValueError:
        raise table.fault(line, column, f"{text!r} is neither BUY nor SELL") from None


def _iso(table: Table, line: int, column: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise table.fault(line, column, f"{text!r} is no date, such as 2026-11-02") from None


def _check_order_id(table: Table, line: int, text: str) -> None:
    if _ORDER_ID.fullmatch(text) is None:
        raise table.fault(line, "order_id", f"{text!r} is no order id; a spreadsheet may have changed it")
