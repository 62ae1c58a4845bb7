"""Packets of Angel's market stream become quotes, exactly; what is no packet is malformed and never a price."""

import json
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.ticks import EXCHANGES, Key, quote_of
from brokers.errors import Malformed
from engine.model import InstrumentId, Quote
from tests.unit.brokers.angel_one.payloads import DEPTH, needs_samples, sample, snap_packet
from tests.unit.paper.builders import NOW, levels

CALL = InstrumentId("NFO:NIFTY26NOV24500CE")
NAMES: dict[Key, InstrumentId] = {(2, "40921"): CALL}
MS = 1_000_000


def read(packet: bytes) -> Quote | None:
    return quote_of(packet, NAMES, NOW, 10)


def quote(packet: bytes) -> Quote:
    found = read(packet)
    assert found is not None
    return found


def test_packet_is_a_quote_with_its_depth() -> None:
    found = quote(snap_packet(at_ms=NOW // MS - 250))
    assert found == Quote(
        instrument=CALL,
        at_ns=NOW - 250 * MS,
        last_inr=Decimal("100.05"),
        bid_inr=Decimal("100.00"),
        ask_inr=Decimal("100.10"),
        bid_units=130,
        ask_units=65,
        bids=levels(("100.00", 130), ("99.95", 65)),
        asks=levels(("100.10", 65), ("100.15", 195)),
        volume_units=123_500,
        open_interest_units=4_500_000,
        stale_at_ns=NOW + 10,
    )


def test_levels_are_sorted_from_the_best_whatever_their_order() -> None:
    found = quote(snap_packet(depth=tuple(reversed(DEPTH))))
    assert (found.bids, found.asks) == (quote(snap_packet()).bids, quote(snap_packet()).asks)


def test_side_that_nobody_is_on_has_no_price() -> None:
    found = quote(snap_packet(last=0, depth=((1, 0, 10_000), (0, 65, 0))))
    assert (found.last_inr, found.bid_inr, found.ask_inr, found.bids, found.asks) == (None, None, None, (), ())


def test_sides_that_cross_are_not_believed() -> None:
    found = quote(snap_packet(depth=((1, 65, 10_010), (0, 65, 10_000))))
    assert (found.last_inr, found.bid_inr, found.ask_inr, found.bids) == (Decimal("100.05"), None, None, ())


@pytest.mark.parametrize("at_ms", [0, -5, 2**62, NOW // MS + 60_000])
def test_time_of_the_exchange_that_cannot_be_is_the_time_of_arrival(at_ms: int) -> None:
    assert quote(snap_packet(at_ms=at_ms)).at_ns == NOW


@pytest.mark.parametrize(("token", "segment"), [("40921", 1), ("40922", 2), ("", 2)])
def test_token_of_another_segment_or_nobodys_is_left_out(token: str, segment: int) -> None:
    assert read(snap_packet(token, segment=segment)) is None


def test_modes_without_depth_are_left_out() -> None:
    assert read(b"\x01" + bytes(50)) is None
    assert read(b"\x02" + bytes(122)) is None


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"pong", b"\x03", snap_packet()[:-1], b"\x02" + bytes(121), b"\x04" * 500]
)
def test_what_is_no_packet_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        read(packet)


def test_segments_have_angels_numbers() -> None:
    assert EXCHANGES == {"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5, "CDS": 13}


@needs_samples
def test_packet_that_the_official_client_reads_is_read_alike() -> None:
    packets = json.loads(sample("binary/synthetic_packets_hex.json"))
    names: dict[Key, InstrumentId] = {(2, "58072"): InstrumentId("NFO:NIFTY26AUGFUT")}
    found = quote_of(bytes.fromhex(packets["angel_mode3_snap"]), names, 2**62, 10)
    assert found is not None
    assert (found.last_inr, found.bid_inr, found.ask_inr) == (
        Decimal("24500.05"),
        Decimal("24500.00"),
        Decimal("24500.05"),
    )
    assert (len(found.bids), len(found.asks), found.volume_units, found.open_interest_units) == (
        5,
        5,
        123_500,
        4_500_000,
    )
    assert quote_of(bytes.fromhex(packets["angel_mode1_ltp"]), names, 2**62, 10) is None


def only_malformed(packet: bytes) -> None:
    try:
        found = read(packet)
    except Malformed:
        return
    if found is not None:
        prices = (found.last_inr, found.bid_inr, found.ask_inr)
        assert all(price is None or price > 0 for price in prices)
        assert found.at_ns <= NOW


@given(st.binary(max_size=500))
def test_any_bytes_are_a_quote_or_malformed(packet: bytes) -> None:
    only_malformed(packet)
    only_malformed(b"\x03\x02" + b"40921".ljust(25, b"\0") + packet)


@given(st.integers(27, 370), st.binary(min_size=8, max_size=8))
def test_damaged_packet_is_a_quote_or_malformed(at: int, damage: bytes) -> None:
    whole = snap_packet()
    only_malformed((whole[:at] + damage + whole[at + 8 :])[:379])


def test_numbers_of_any_size_are_kept_exact() -> None:
    packet = bytearray(snap_packet())
    struct.pack_into("<q", packet, 43, 2**63 - 1)
    assert quote(bytes(packet)).last_inr == Decimal("92233720368547758.07")
