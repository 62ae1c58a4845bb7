"""Quotes as packets of Kite's ticker: big-endian, prices in paise, the packet's length is its type. Pure.

Layout: Kite Connect v3, "WebSocket streaming" (8 bytes ltp, 44 quote, 184 full with five levels of each side).
"""

import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from engine.model import NS_PER_S, DepthLevel, Quote
from paper.sandbox.market_rows import Range, sides

HEARTBEAT: Final = b"\x00"
MODES: Final = ("ltp", "quote", "full")
LEVELS: Final = 5
_QUOTE: Final = struct.Struct(">I10i")
_FULL: Final = struct.Struct(">5i")
_LEVEL: Final = struct.Struct(">iihh")


def packet(quote: Quote, seen: Range, token: int, mode: str) -> bytes:
    """One instrument's packet.

    Args:
        quote: Its newest quote.
        seen: What it traded at before.
        token: Its token.
        mode: One of `MODES`.
    """
    last = _paise(quote.last_inr)
    if mode == "ltp":
        return struct.pack(">Ii", token, last)
    bids, asks = sides(quote)
    bought, sold = sum(level.units for level in bids), sum(level.units for level in asks)
    volume = (quote.volume_units or 0) & 0x7FFFFFFF
    day = (_paise(price) for price in (seen.opened, seen.high, seen.low, seen.opened))
    head = _QUOTE.pack(token, last, 0, last, volume, bought, sold, *day)
    if mode == "quote":
        return head
    seconds = quote.at_ns // NS_PER_S
    interest = quote.open_interest_units or 0
    tail = _FULL.pack(seconds, interest, seen.interest_high, seen.interest_low, seconds)
    return head + tail + _side(bids) + _side(asks)


def frame(packets: Sequence[bytes]) -> bytes:
    """Packets in one message: their number, and each behind its length."""
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(one)) + one for one in packets)


def _side(levels: Sequence[DepthLevel]) -> bytes:
    rows = [_LEVEL.pack(level.units, _paise(level.price_inr), 1, 0) for level in levels[:LEVELS]]
    return b"".join(rows) + bytes(_LEVEL.size * (LEVELS - len(rows)))


def _paise(price: Decimal | None) -> int:
    return 0 if price is None else int(price * 100)
