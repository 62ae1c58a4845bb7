"""Packets of Kite's ticker as quotes. Pure, exact: prices are whole paise (or finer for currencies) on the wire.

Layout: Kite Connect v3, "WebSocket streaming". kiteconnect's own parser divides into floats and reads times in the
machine's zone, so it is not used.
"""

import struct
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from brokers.errors import Malformed
from engine.model import NS_PER_S, DepthLevel, InstrumentId, Quote

LTP, INDEX, INDEX_FULL, QUOTE, FULL = 8, 28, 32, 44, 184
CURRENCY: Final = {3: Decimal("0.0000001"), 6: Decimal("0.0001"), 12: Decimal("0.0001")}
PAISA: Final = Decimal("0.01")
DEPTH_AT: Final = 64
LEVELS: Final = 5
_TOKEN: Final = struct.Struct(">I")
_BODY: Final = struct.Struct(">IiIi3I4i")
_TAIL: Final = struct.Struct(">5I")
_LEVEL: Final = struct.Struct(">IiHh")
"""Quantities have no sign: a cheap share trades more than 2**31 a day."""


def quotes_of(message: bytes, names: Mapping[int, InstrumentId], at_ns: int, stale_after_ns: int) -> Iterator[Quote]:
    """The quotes of one binary message. Only full packets: the shorter ones know no bid and no ask.

    Kite sends some of those between a subscription and its mode; tokens without a name are left out as well.

    Args:
        message: The whole frame.
        names: Which instrument a token is.
        at_ns: When it arrived.
        stale_after_ns: How long a quote holds.

    Raises:
        Malformed: It is cut short or has a packet of a length that Kite does not document.
    """
    if len(message) < 2:
        return
    (count,) = struct.unpack_from(">H", message)
    place = 2
    for _ in range(count):
        if place + 2 > len(message):
            raise Malformed("a ticker message was cut short")
        (length,) = struct.unpack_from(">H", message, place)
        place += 2
        if place + length > len(message):
            raise Malformed("a ticker message was cut short")
        if length not in (LTP, INDEX, INDEX_FULL, QUOTE, FULL):
            raise Malformed(f"a ticker packet of {length} bytes is unknown")
        (token,) = _TOKEN.unpack_from(message, place)
        name = names.get(token)
        if name is not None and length == FULL:
            yield _quote(message, place, name, at_ns, at_ns + stale_after_ns)
        place += length


def _quote(message: bytes, place: int, name: InstrumentId, at_ns: int, stale_at_ns: int) -> Quote:
    token, last, _, _, volume, *_ = _BODY.unpack_from(message, place)
    unit = CURRENCY.get(token & 0xFF, PAISA)
    _, interest, _, _, exchange_s = _TAIL.unpack_from(message, place + QUOTE)
    bids = _side(message, place + DEPTH_AT, unit)
    asks = _side(message, place + DEPTH_AT + LEVELS * _LEVEL.size, unit)
    return Quote(
        instrument=name,
        at_ns=min(at_ns, exchange_s * NS_PER_S) if exchange_s > 0 else at_ns,
        last_inr=_price(last, unit),
        bid_inr=bids[0].price_inr if bids else None,
        ask_inr=asks[0].price_inr if asks else None,
        bid_units=bids[0].units if bids else None,
        ask_units=asks[0].units if asks else None,
        bids=bids,
        asks=asks,
        volume_units=volume,
        open_interest_units=interest,
        stale_at_ns=stale_at_ns,
    )


def _side(message: bytes, place: int, unit: Decimal) -> tuple[DepthLevel, ...]:
    """Up to five levels; empty ones (price or quantity 0) are left out."""
    found = []
    for level in range(LEVELS):
        units, price, _, _ = _LEVEL.unpack_from(message, place + level * _LEVEL.size)
        if units > 0 and price > 0:
            found.append(DepthLevel(price_inr=price * unit, units=units))
    return tuple(found)


def _price(value: int, unit: Decimal) -> Decimal | None:
    return value * unit if value > 0 else None
