"""Packets of Kite's ticker, written as "WebSocket streaming" of Kite Connect v3 lays them out."""

import struct
from decimal import Decimal

from brokers.zerodha.ticks import quotes_of
from engine.model import DepthLevel, InstrumentId

X = InstrumentId("NSE:X")
TOKEN = 738561
NOW = 1_793_591_400_000_000_000
HOLD = 10_000_000_000


def packet(token: int = TOKEN, volume: int = 5000, units: int = 75, interest: int = 0, orders: int = 3) -> bytes:
    """A full packet: last price 100.05, bid 100.00 and ask 100.10, nothing behind them."""
    head = struct.pack(">11I", token, 10005, 75, 10001, volume, 800, 900, 9900, 10100, 9800, 9950)
    tail = struct.pack(">5I", NOW // 10**9 - 1, interest, interest, interest, NOW // 10**9)
    bid = struct.pack(">IIHH", units, 10000, orders, 0)
    ask = struct.pack(">IIHH", units, 10010, orders, 0)
    empty = bytes(12 * 4)
    return head + tail + bid + empty + ask + empty


def message(*packets: bytes) -> bytes:
    """A binary message."""
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(one)) + one for one in packets)


def test_full_packet_is_a_quote() -> None:
    (quote,) = quotes_of(message(packet()), {TOKEN: X}, NOW, HOLD)
    assert (quote.instrument, quote.at_ns, quote.stale_at_ns) == (X, NOW, NOW + HOLD)
    assert (quote.last_inr, quote.bid_inr, quote.ask_inr) == (Decimal("100.05"), Decimal("100.00"), Decimal("100.10"))
    assert (quote.volume_units, quote.bid_units, quote.ask_units) == (5000, 75, 75)


def test_quantities_beyond_two_thousand_million_are_read_as_they_are() -> None:
    """A cheap share trades more than that a day; with a sign it would be below zero, and its depth left out."""
    many = 3_000_000_000
    told = packet(volume=many, units=many, interest=many, orders=40_000)
    (quote,) = quotes_of(message(told), {TOKEN: X}, NOW, HOLD)
    assert (quote.volume_units, quote.open_interest_units) == (many, many)
    assert quote.bids == (DepthLevel(price_inr=Decimal("100.00"), units=many),)
    assert quote.asks == (DepthLevel(price_inr=Decimal("100.10"), units=many),)
