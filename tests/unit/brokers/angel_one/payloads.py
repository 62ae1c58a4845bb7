"""Angel's answers in the documented form with invented accounts, and where the documents' own examples lie."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[4].parent / "shared/data/angel-dhan-samples"
needs_samples = pytest.mark.skipif(
    not SAMPLES.exists(), reason="shared/data/angel-dhan-samples is not beside the checkout"
)


def sample(name: str) -> bytes:
    """One of the documents' examples as it is."""
    return (SAMPLES / name).read_bytes()


def sample_json(name: str) -> Any:
    """The same, decoded."""
    return json.loads(sample(name))


def order_row(**changes: object) -> dict[str, object]:
    """An order as the book has it, with every documented key."""
    row: dict[str, object] = {
        "variety": "NORMAL", "ordertype": "LIMIT", "producttype": "CARRYFORWARD", "duration": "DAY",
        "price": "101.05", "triggerprice": "0", "quantity": "130", "disclosedquantity": "0", "squareoff": "0",
        "stoploss": "0", "trailingstoploss": "0", "tradingsymbol": "NIFTY24NOV2624500CE", "transactiontype": "BUY",
        "exchange": "NFO", "symboltoken": "40921", "instrumenttype": "OPTIDX", "strikeprice": "24500",
        "optiontype": "CE", "expirydate": "24NOV2026", "lotsize": "65", "cancelsize": "0", "averageprice": "0",
        "filledshares": "0", "unfilledshares": "130", "orderid": "261102000000080", "text": "", "status": "open",
        "orderstatus": "open", "updatetime": "02-Nov-2026 09:20:05", "exchtime": "02-Nov-2026 09:20:04",
        "exchorderupdatetime": "02-Nov-2026 09:20:05", "fillid": "", "filltime": "", "parentorderid": "",
        "ordertag": "", "uniqueorderid": "34reqfachdfih", "exchangeorderid": "1100000000048358",
    }  # fmt: skip
    return row | changes


def position_row(**changes: object) -> dict[str, object]:
    """A position with the documented keys that matter."""
    row: dict[str, object] = {
        "exchange": "NFO", "symboltoken": "40921", "producttype": "CARRYFORWARD",
        "tradingsymbol": "NIFTY24NOV2624500CE", "symbolname": "NIFTY", "instrumenttype": "OPTIDX", "buyqty": "0",
        "sellqty": "65", "cfbuyqty": "0", "cfsellqty": "130", "netvalue": "- 5746.00", "netqty": "-65",
        "netprice": "88.40", "avgnetprice": "88.40",
    }  # fmt: skip
    return row | changes


def success(data: object) -> bytes:
    """An answer that holds this."""
    return json.dumps({"status": True, "message": "SUCCESS", "errorcode": "", "data": data}).encode()


def failure(code: str, message: str) -> bytes:
    """A refusal in the older of the two shapes."""
    return json.dumps({"status": False, "message": message, "errorcode": code, "data": None}).encode()


def gateway_failure(code: str, message: str) -> bytes:
    """A refusal in the shape of Angel's gateway: other keys, no `status`."""
    return json.dumps({"success": False, "message": message, "errorCode": code, "data": ""}).encode()


LOGGED_IN = {"jwtToken": "canaryjwt.one.two", "refreshToken": "canaryrefresh.one", "feedToken": "canaryfeed.one"}
RMS = {"net": "1000000.55", "availablecash": "900000", "collateral": "100000.55", "m2munrealized": None}
SCRIPS = (
    {
        "token": "40921", "symbol": "NIFTY24NOV2624500CE", "name": "NIFTY", "expiry": "24NOV2026",
        "strike": "2450000.000000", "lotsize": "65", "instrumenttype": "OPTIDX", "exch_seg": "NFO",
        "tick_size": "5.000000",
    },
    {
        "token": "40922", "symbol": "NIFTY24NOV2624500PE", "name": "NIFTY", "expiry": "24NOV2026",
        "strike": "2450000.000000", "lotsize": "65", "instrumenttype": "OPTIDX", "exch_seg": "NFO",
        "tick_size": "5.000000",
    },
    {
        "token": "58072", "symbol": "NIFTY24NOV26FUT", "name": "NIFTY", "expiry": "24NOV2026", "strike": "-1.000000",
        "lotsize": "65", "instrumenttype": "FUTIDX", "exch_seg": "NFO", "tick_size": "10.000000",
    },
    {
        "token": "263", "symbol": "BAJAJ-AUTO-EQ", "name": "BAJAJ-AUTO", "expiry": "", "strike": "-1.000000",
        "lotsize": "1", "instrumenttype": "", "exch_seg": "NSE", "tick_size": "5.000000",
    },
)  # fmt: skip


def scrip_master(*rows: dict[str, str]) -> bytes:
    """A scrip master of these rows, or of the usual ones."""
    return json.dumps(list(rows or SCRIPS)).encode()


Level = tuple[int, int, int]
"""(1 bought or 0 sold, units, paise)"""
DEPTH: tuple[Level, ...] = ((1, 130, 10_000), (1, 65, 9_995), (0, 65, 10_010), (0, 195, 10_015))


def snap_packet(
    token: str = "40921", *, segment: int = 2, last: int = 10_005, at_ms: int = 0, depth: tuple[Level, ...] = DEPTH
) -> bytes:
    """A SnapQuote packet, field by field as "WebSocket Streaming 2.0" lists them."""
    head = bytes([3, segment]) + token.encode().ljust(25, b"\0") + struct.pack("<qqq", 1, at_ms, last)
    traded = struct.pack("<qqqddqqqq", 65, last, 123_500, 1.0, 2.0, last, last, last, last)
    more = struct.pack("<qqq", at_ms // 1000, 4_500_000, 0)
    levels = [struct.pack("<hqqh", side, units, paise, 1) for side, units, paise in depth]
    book = b"".join(levels).ljust(200, b"\0")
    packet = head + traded + more + book + struct.pack("<qqqq", last, last, last, last)
    assert len(packet) == 379
    return packet
