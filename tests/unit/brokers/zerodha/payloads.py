"""Kite's JSON in the documented form with invented accounts, and where the vendor's own examples lie."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[4].parent / "shared/data"
MOCKS = SHARED / "kite-mocks"
needs_mocks = pytest.mark.skipif(not MOCKS.exists(), reason="shared/data/kite-mocks is not beside the checkout")


def mock(name: str) -> bytes:
    """One of the vendor's examples as it is."""
    return (MOCKS / name).read_bytes()


def mock_rows(name: str) -> Any:
    """The `data` of one of the vendor's examples."""
    return json.loads(mock(name))["data"]


def order_row(**changes: object) -> dict[str, object]:
    """An order as the book has it, with every documented key."""
    row: dict[str, object] = {
        "placed_by": "ZX0001",
        "order_id": "2026100500012345601",
        "exchange_order_id": "1000000012345678",
        "parent_order_id": None,
        "status": "OPEN",
        "status_message": None,
        "status_message_raw": None,
        "order_timestamp": "2026-10-05 09:20:03",
        "exchange_update_timestamp": "2026-10-05 09:20:05",
        "exchange_timestamp": "2026-10-05 09:20:04",
        "variety": "regular",
        "modified": False,
        "exchange": "NFO",
        "tradingsymbol": "NIFTY26OCT24500CE",
        "instrument_token": 10752258,
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "validity": "DAY",
        "product": "NRML",
        "quantity": 130,
        "disclosed_quantity": 0,
        "price": 101.05,
        "trigger_price": 0,
        "average_price": 0,
        "filled_quantity": 0,
        "pending_quantity": 130,
        "cancelled_quantity": 0,
        "market_protection": 0,
        "meta": {},
        "tag": None,
        "guid": "01XABCDEFGHIJKL",
    }
    return row | changes


def position_row(**changes: object) -> dict[str, object]:
    """A position with the documented keys that matter."""
    row: dict[str, object] = {
        "tradingsymbol": "NIFTY26OCT24500CE",
        "exchange": "NFO",
        "instrument_token": 10752258,
        "product": "NRML",
        "quantity": -65,
        "overnight_quantity": -130,
        "multiplier": 1,
        "average_price": 88.4,
        "close_price": 91.2,
        "last_price": 95.3,
        "value": 5746.0,
        "pnl": -448.5,
    }
    return row | changes


def book(*rows: dict[str, object]) -> bytes:
    """An answer that holds orders."""
    return success(list(rows))


def positions(*rows: dict[str, object], day: Iterable[dict[str, object]] = ()) -> bytes:
    """An answer that holds positions."""
    return success({"net": list(rows), "day": list(day)})


def success(data: object) -> bytes:
    """An answer that holds this."""
    return json.dumps({"status": "success", "data": data}).encode()
