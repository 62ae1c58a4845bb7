"""Shares of earlier days count with the positions: at both brokers, whole, or the read has failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from brokers.angel_one import wire as angel_wire
from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient, Session
from brokers.errors import Malformed
from brokers.shares import with_shares
from brokers.transport import Transport
from brokers.zerodha import wire as kite_wire
from brokers.zerodha.broker import ZerodhaBroker
from brokers.zerodha.client import KiteClient
from config.credentials import Secret
from engine.errors import ReadFailed
from engine.model import LegId, Position, leg_id, split_leg
from tests.unit.brokers.angel_one.payloads import success as angel_success
from tests.unit.brokers.angel_one.test_broker import SYMBOLS, Time
from tests.unit.brokers.raw_server import RawServer, Talk, answer, says, serving
from tests.unit.brokers.zerodha.payloads import mock, needs_mocks, position_row, positions, success

INFY, TCS = leg_id("NSE", "INFY", "CNC"), leg_id("NSE", "TCS", "CNC")
FUNDED = leg_id("NSE", "INFY", "MTF")


def held(leg: LegId, net: int, carried: int = 0) -> Position:
    exchange, symbol, product = split_leg(leg)
    return Position(exchange=exchange, symbol=symbol, product=product, net_units=net, overnight_units=carried)


def counted(rows: list[Position], carried: dict[LegId, int]) -> dict[LegId, tuple[int, int]]:
    return {p.leg: (p.net_units, p.overnight_units) for p in with_shares(rows, carried)}


@pytest.mark.parametrize(
    ("rows", "carried", "found"),
    [
        ([], {INFY: 100}, {INFY: (100, 100)}),
        ([], {INFY: 0}, {}),
        ([held(INFY, -30)], {INFY: 100}, {INFY: (70, 100)}),
        ([held(INFY, 30)], {INFY: 100}, {INFY: (130, 100)}),
        ([held(INFY, 30)], {TCS: 5}, {INFY: (30, 0), TCS: (5, 5)}),
        # What the broker carries itself is the same shares, and not as many again.
        ([held(INFY, 100, 100)], {INFY: 100}, {INFY: (100, 100)}),
        ([held(INFY, 60, 100)], {INFY: 100}, {INFY: (60, 100)}),
        ([held(INFY, 60, 100)], {}, {INFY: (60, 100)}),
        # Sold without any of them, as far as is known.
        ([held(INFY, -30)], {}, {INFY: (-30, 0)}),
        ([held(FUNDED, 10)], {INFY: 100}, {FUNDED: (10, 0), INFY: (100, 100)}),
    ],
)
def test_counted_together(rows: list[Position], carried: dict[LegId, int], found: dict[LegId, tuple[int, int]]) -> None:
    assert counted(rows, carried) == found


def test_other_positions_are_left_alone() -> None:
    put = Position(exchange="NFO", symbol="NIFTY26NOV24000PE", product="NRML", net_units=-65, overnight_units=-130)
    assert with_shares([put], {}) == (put,)


# --- Zerodha ----------------------------------------------------------------------------------------------------------


def kite_row(**changes: object) -> dict[str, Any]:
    row = {
        "tradingsymbol": "INFY", "exchange": "NSE", "product": "CNC", "quantity": 70, "used_quantity": 30,
        "t1_quantity": 0, "realised_quantity": 100, "opening_quantity": 100, "mtf": {"quantity": 0},
    }  # fmt: skip
    return row | changes


@contextmanager
def kite(*talks: Talk, counts: bool = True) -> Iterator[tuple[ZerodhaBroker, RawServer]]:
    with serving(*talks) as server:
        transport = Transport(server.url, read_timeout_s=10)
        client = KiteClient(Secret("key"), Secret("token"), transport)
        try:
            yield ZerodhaBroker("Z1", client, counts_shares=counts), server
        finally:
            transport.close()


def test_sale_of_today_is_counted_once() -> None:
    sold = position_row(exchange="NSE", tradingsymbol="INFY", product="CNC", quantity=-30, overnight_quantity=0)
    with kite(says(answer(success([kite_row()]))), says(answer(positions(sold)))) as (made, server):
        assert {p.leg: (p.net_units, p.overnight_units) for p in made.positions()} == {INFY: (70, 100)}
    assert [request.line for request in server.requests] == [
        "GET /portfolio/holdings HTTP/1.1",
        "GET /portfolio/positions HTTP/1.1",
    ]


def test_holdings_are_read_only_where_shares_are_followed() -> None:
    with kite(says(answer(positions(position_row()))), counts=False) as (made, server):
        assert [p.net_units for p in made.positions()] == [-65]
    assert [request.line for request in server.requests] == ["GET /portfolio/positions HTTP/1.1"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {INFY: 100}),
        # Bought yesterday: not delivered yet, and there all the same.
        ({"quantity": 0, "t1_quantity": 1, "realised_quantity": 0, "opening_quantity": 1}, {INFY: 1}),
        ({"opening_quantity": None, "t1_quantity": 5, "realised_quantity": 40}, {INFY: 45}),
        ({"opening_quantity": 0, "realised_quantity": 0, "mtf": {"quantity": 1000}}, {FUNDED: 1000}),
    ],
)
def test_holding_of_zerodha(changes: dict[str, object], found: dict[LegId, int]) -> None:
    (row,) = kite_wire.decode(success([kite_row(**changes)]), tuple[kite_wire.HoldingRow, ...])
    assert {leg: units for leg, units in kite_wire.shares_of(row) if units} == found


@pytest.mark.parametrize(
    "changes",
    [{"opening_quantity": -1}, {"opening_quantity": 10**13}, {"tradingsymbol": ""}, {"mtf": {"quantity": -1}}],
)
def test_holding_of_zerodha_that_cannot_be(changes: dict[str, object]) -> None:
    (row,) = kite_wire.decode(success([kite_row(**changes)]), tuple[kite_wire.HoldingRow, ...])
    with pytest.raises(Malformed):
        kite_wire.shares_of(row)


@pytest.mark.parametrize("body", [b"[]", b"<html>", success(None), success([{"exchange": "NSE"}])])
def test_holdings_that_cannot_be_read_are_not_none(body: bytes) -> None:
    with (
        kite(says(answer(body)), says(answer(positions(position_row())))) as (made, _),
        pytest.raises(ReadFailed, match="the holdings"),
    ):
        made.positions()


@needs_mocks
def test_vendors_example_of_holdings() -> None:
    rows = kite_wire.decode(mock("holdings.json"), tuple[kite_wire.HoldingRow, ...])
    assert [pair for row in rows for pair in kite_wire.shares_of(row) if pair[1]] == [
        (leg_id("NSE", "AARON", "CNC"), 1),
        (leg_id("NSE", "AARON", "MTF"), 1000),
        (leg_id("BSE", "SBIN", "CNC"), 16),
    ]


# --- Angel One --------------------------------------------------------------------------------------------------------


def angel_row(**changes: object) -> dict[str, Any]:
    """The documented example."""
    row = {
        "tradingsymbol": "TATASTEEL-EQ", "exchange": "NSE", "isin": "INE081A01020", "t1quantity": 0,
        "realisedquantity": 2, "quantity": 2, "authorisedquantity": 0, "product": "DELIVERY",
        "collateralquantity": None, "averageprice": 111.87, "symboltoken": "3499",
    }  # fmt: skip
    return row | changes


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, (leg_id("NSE", "TATASTEEL-EQ", "CNC"), 2)),
        ({"t1quantity": "3"}, (leg_id("NSE", "TATASTEEL-EQ", "CNC"), 5)),
        ({"product": "MARGIN"}, (leg_id("NSE", "TATASTEEL-EQ", "MTF"), 2)),
    ],
)
def test_holding_of_angel_one(changes: dict[str, object], found: tuple[LegId, int]) -> None:
    assert angel_wire.shares_of(angel_wire.Row(angel_row(**changes))) == found


@pytest.mark.parametrize(
    "changes", [{"tradingsymbol": ""}, {"exchange": None}, {"realisedquantity": -3}, {"realisedquantity": "x"}]
)
def test_holding_of_angel_one_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        angel_wire.shares_of(angel_wire.Row(angel_row(**changes)))


@contextmanager
def angel(*talks: Talk, counts: bool = True) -> Iterator[tuple[AngelBroker, RawServer]]:
    time = Time()
    with serving(*talks) as server:
        transport = Transport(server.url, read_timeout_s=10)
        client = AngelClient(Secret("k"), transport)
        client.take(Session(jwt=Secret("j"), feed=Secret("f"), refresh=Secret("r"), until_ns=0))
        try:
            yield AngelBroker("A1", client, SYMBOLS, lambda: time.now_ns, time.sleep, counts_shares=counts), server
        finally:
            transport.close()


def test_shares_at_angel_one_count_with_the_positions() -> None:
    with angel(says(answer(angel_success([angel_row()]))), says(answer(angel_success(None)))) as (made, server):
        assert [(p.leg, p.net_units) for p in made.positions()] == [(leg_id("NSE", "TATASTEEL-EQ", "CNC"), 2)]
    assert ["getHolding" in request.line for request in server.requests] == [True, False]


def test_holdings_at_angel_one_are_read_only_where_shares_are_followed() -> None:
    with angel(says(answer(angel_success(None))), counts=False) as (made, server):
        assert made.positions() == ()
    assert len(server.requests) == 1


def test_holdings_of_angel_one_that_cannot_be_read_are_not_none() -> None:
    with (
        angel(says(answer(angel_success([{}]))), says(answer(angel_success(None)))) as (made, _),
        pytest.raises(ReadFailed, match="the holdings"),
    ):
        made.positions()
