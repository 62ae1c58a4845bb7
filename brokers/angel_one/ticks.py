"""Packets of Angel's market stream as quotes. Pure, exact: prices are whole paise on the wire.

Layout: SmartAPI "WebSocket Streaming 2.0": little-endian, one packet a frame, its first byte is its mode. Only
SnapQuote (3) is read, the one with depth. The official client divides into floats, so it is not used.
"""

import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from brokers.errors import Malformed
from engine.model import DepthLevel, InstrumentId, Quote

SNAP_QUOTE: Final = 3
LENGTHS: Final = {1: 51, 2: 123, SNAP_QUOTE: 379}
"""Bytes of a packet by its mode."""
EXCHANGES: Final = {"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5, "CDS": 13}
"""Angel's number of an exchange's segment."""
Key = tuple[int, str]
"""(number of the segment, token): the same token means other things on other exchanges."""
PAISA: Final = Decimal("0.01")
NS_PER_MS: Final = 1_000_000
EXCHANGE_MS_MOST: Final = 10**15
"""A time beyond is none: garbage was seen in fields that Angel does not use."""
LEVELS: Final = 10
BUY: Final = 1
_HEAD: Final = struct.Struct("<BB25sqqq")
_TRADED: Final = struct.Struct("<qqqddqqqqqq")
_LEVEL: Final = struct.Struct("<hqqh")
_DEPTH_AT: Final = 147


def quote_of(packet: bytes, names: Mapping[Key, InstrumentId], at_ns: int, stale_after_ns: int) -> Quote | None:
    """The quote of one packet; `None` for other modes and for tokens without a name.

    Args:
        packet: A whole binary frame.
        names: Which instrument a token of a segment is.
        at_ns: When it arrived.
        stale_after_ns: How long a quote holds.

    Raises:
        Malformed: It is no packet, or cut short.
    """
    mode = packet[0] if packet else 0
    if mode not in LENGTHS or len(packet) < LENGTHS[mode]:
        raise Malformed("a packet of the market stream is not as documented")
    if mode != SNAP_QUOTE:
        return None
    _, segment, token, _, exchange_ms, last = _HEAD.unpack_from(packet)
    name = names.get((segment, token.split(b"\0", 1)[0].decode("latin-1").strip()))
    if name is None:
        return None
    _, _, volume, *_, _, interest = _TRADED.unpack_from(packet, _HEAD.size)
    bids, asks = _depth(packet)
    moment_ns = exchange_ms * NS_PER_MS if 0 < exchange_ms < EXCHANGE_MS_MOST else at_ns
    return Quote(
        instrument=name,
        at_ns=min(at_ns, moment_ns),
        last_inr=last * PAISA if last > 0 else None,
        bid_inr=bids[0].price_inr if bids else None,
        ask_inr=asks[0].price_inr if asks else None,
        bid_units=bids[0].units if bids else None,
        ask_units=asks[0].units if asks else None,
        bids=bids,
        asks=asks,
        volume_units=max(volume, 0),
        open_interest_units=max(interest, 0),
        stale_at_ns=at_ns + stale_after_ns,
    )


def _depth(packet: bytes) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
    """Bids and asks, the best first. Each level says which side it is; empty ones are left out."""
    bids: list[DepthLevel] = []
    asks: list[DepthLevel] = []
    for number in range(LEVELS):
        side, units, price, _ = _LEVEL.unpack_from(packet, _DEPTH_AT + number * _LEVEL.size)
        if units > 0 and price > 0:
            (bids if side == BUY else asks).append(DepthLevel(price_inr=price * PAISA, units=units))
    bids.sort(key=lambda level: level.price_inr, reverse=True)
    asks.sort(key=lambda level: level.price_inr)
    if bids and asks and bids[0].price_inr > asks[0].price_inr:
        return (), ()  # no market is crossed: the sides cannot be believed, and nobody may trade upon them
    return tuple(bids), tuple(asks)
