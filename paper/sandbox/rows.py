"""Orders and trades of the paper exchange as Kite Connect writes them. Pure.

Field names, order and types: Kite Connect v3 documents and the vendor's recorded answers (kiteconnect-mocks). Numbers
stay `Decimal` here and become JSON numbers when they are encoded.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from engine.model import NS_PER_S, BookStatus, Instrument, InstrumentId, OrderReport, OrderType, Side
from paper.ist import IST

SEGMENT_BYTE: Final = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7}
FIRST_TOKEN: Final = 35_000
PROTECTED_TAG: Final = "mktp"
PUSHED: Final = ("account_id", "modified", "validity_ttl", "auction_number", "tags")
"""Keys of the book that an update leaves out [kiteconnect-mocks, postback.json]."""
BANDS: Final = {
    True: ((10, "5"), (100, "3"), (500, "2"), (None, "1")),
    False: ((100, "2"), (500, "1"), (None, "0.5")),
}
"""Kite's own protection in percent below each price, options first [Zerodha support, market protection, 2026-07-14]."""
Json = dict[str, Any]
_FUNDS: Final = re.compile(r"Required margin is (\S+) but available margin is (\d+\.\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Iceberg:
    """Where in an iceberg order a leg stands."""

    leg: int
    legs: int
    leg_units: int
    total_units: int
    remaining_units: int
    "Of the legs after this one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What Kite shows of an order and the exchange does not know."""

    variety: str = "regular"
    parent_id: str | None = None
    marks: tuple[str, ...] = ()
    "Tags that Kite adds by itself."
    iceberg: Iceberg | None = None
    ttl_minutes: int = 0
    "0 for an order of the day."
    disclosed_units: int = 0
    protected_inr: Decimal | None = None
    "The limit that a market order became."
    exchange_order_id: str = ""
    is_modified: bool = False
    asked_ns: int = 0
    "When somebody last asked for something about it."
    exchange_ns: int = 0
    "When the exchange last took its terms."


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


def protected(given: Decimal, side: Side, market_inr: Decimal, instrument: Instrument) -> tuple[Decimal, str]:
    """The limit that a market order becomes, and the tag that says by how many percent."""
    percent = given
    if given == -1:
        bands = BANDS[instrument.is_option]
        percent = Decimal(next(text for below, text in bands if below is None or market_inr < below))
    tick = instrument.tick_inr
    limit = market_inr * (100 + side.sign * percent) / 100
    ticks = (limit / tick).to_integral_value(ROUND_HALF_UP)
    return max(ticks * tick, tick), f"{PROTECTED_TAG}:{percent:.2f}"


def order_row(
    order_id: str,
    report: OrderReport,
    terms: Terms,
    user_id: str,
    token: int,
    *,
    status: str | None = None,
    is_at_exchange: bool = True,
) -> Json:
    """One row of the order book, or of a history under the interim `status`."""
    is_cancelled, is_rejected = report.status is BookStatus.CANCELLED, report.status is BookStatus.REJECTED
    reached = is_at_exchange and not is_rejected
    row: Json = {
        "account_id": user_id,
        "placed_by": user_id,
        "order_id": order_id,
        "exchange_order_id": terms.exchange_order_id if reached else None,
        "parent_order_id": terms.parent_id,
        "status": status or report.status.value,
        "status_message": report.status_text if is_rejected and not status else None,
        "status_message_raw": raw_message(report.status_text) if is_rejected and not status else None,
        "order_timestamp": stamp(terms.asked_ns),
        "exchange_update_timestamp": stamp(report.updated_ns) if reached else None,
        "exchange_timestamp": stamp(terms.exchange_ns) if reached else None,
        "variety": terms.variety,
        "modified": terms.is_modified,
        "exchange": report.exchange,
        "tradingsymbol": report.symbol,
        "instrument_token": token,
        "order_type": "LIMIT" if report.order_type is OrderType.MARKET else report.order_type.value,
        "transaction_type": report.side.value,
        "validity": "TTL" if terms.ttl_minutes else report.validity.value,
        "validity_ttl": terms.ttl_minutes,
        "product": report.product,
        "quantity": report.quantity,
        "disclosed_quantity": terms.disclosed_units,
        "price": (terms.protected_inr if report.order_type is OrderType.MARKET else report.price_inr) or 0,
        "trigger_price": report.trigger_price_inr or 0,
        "auction_number": None,
        "average_price": report.average_price_inr or 0,
        "filled_quantity": report.filled,
        # Kite leaves the open units of a cancelled order where they were [kiteconnect-mocks, orders.json].
        "pending_quantity": 0 if is_rejected else report.quantity - report.filled,
        "cancelled_quantity": report.quantity - report.filled if is_cancelled and not status else 0,
        "market_protection": 0,
        "meta": {} if terms.iceberg is None else {"iceberg": _iceberg(terms.iceberg)},
        "tag": report.tag or None,
        "guid": "XXXXXX",
    }
    tags = [tag for tag in (report.tag, *terms.marks) if tag]
    if tags:
        row["tags"] = tags
    return row


def update_of(row: Json, status: str, api_secret: str) -> Json:
    """A row as it is pushed."""
    text = f"{row['order_id']}{row['order_timestamp']}{api_secret}"
    kept = {key: value for key, value in row.items() if key not in PUSHED}
    return kept | {
        "status": status,
        "user_id": row["placed_by"],
        "unfilled_quantity": row["pending_quantity"],
        "app_id": 1,
        "checksum": hashlib.sha256(text.encode()).hexdigest(),
    }


def raw_message(text: str) -> str:
    """A refusal in the words of the order system itself."""
    if (found := _FUNDS.search(text)) is None:
        return text
    return (
        f"RMS:Margin Exceeds,Required:{found[1]}, Available:{found[2]} for entity account-XXXXX "
        "across exchange across segment across product "
    )


def trade_row(order_row: Json, number: int, units: int, price: Decimal, at_ns: int) -> Json:
    """One trade of an order."""
    same = ("order_id", "exchange", "tradingsymbol", "instrument_token", "product")
    return {
        "trade_id": str(number),
        **{key: order_row[key] for key in same},
        "average_price": price,
        "quantity": units,
        "exchange_order_id": order_row["exchange_order_id"],
        "transaction_type": order_row["transaction_type"],
        "fill_timestamp": stamp(at_ns),
        "order_timestamp": order_row["order_timestamp"][11:],
        "exchange_timestamp": stamp(at_ns),
    }


def _iceberg(leg: Iceberg) -> Json:
    return {
        "leg": leg.leg,
        "legs": leg.legs,
        "leg_quantity": leg.leg_units,
        "total_quantity": leg.total_units,
        "remaining_quantity": leg.remaining_units,
    }
