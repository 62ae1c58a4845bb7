"""Shares of earlier days count with the positions: at both brokers, whole, or the read has failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from brokers.angel_one import wire as angel_wire
from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient, Session
from brokers.errors import Malformed
from brokers.shares import at_one_exchange, with_shares
from brokers.transport import Transport
from brokers.zerodha import wire as kite_wire
from brokers.zerodha.broker import ZerodhaBroker
from brokers.zerodha.client import KiteClient
from config.credentials import Secret
from engine.errors import ReadFailed
from engine.events import AccountRead, OrderUpdated
from engine.model import LegId, OrderReport, OrderType, Position, Side, leg_id, split_leg
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


# --- two exchanges ----------------------------------------------------------------------------------------------------


AT_BSE = leg_id("BSE", "INFY", "CNC")


def listed(name: str) -> bool:
    """What this day's file has."""
    return name in ("NSE:INFY", "BSE:INFY", "BSE:ONLYBSE")


def read(*rows: Position, orders: tuple[OrderReport, ...] = ()) -> AccountRead:
    return AccountRead(at_ns=1, account="M", began_ns=1, orders=orders, positions=rows)


def sale(exchange: str = "BSE", symbol: str = "INFY", product: str = "CNC") -> OrderReport:
    return OrderReport(
        order_id="1", exchange=exchange, symbol=symbol, product=product, side=Side.SELL,
        order_type=OrderType.MARKET, quantity=10,
    )  # fmt: skip


def test_shares_of_both_exchanges_are_one_leg() -> None:
    found = at_one_exchange(read(held(AT_BSE, 100, 100), held(INFY, -40), orders=(sale(),)), listed)
    assert [(p.leg, p.net_units, p.overnight_units) for p in found.positions or ()] == [(INFY, 60, 100)]
    assert [order.leg for order in found.orders or ()] == [INFY]
    assert at_one_exchange(OrderUpdated(at_ns=1, account="M", report=sale()), listed).report.leg == INFY


@pytest.mark.parametrize(
    "row", [held(leg_id("BSE", "ONLYBSE", "CNC"), 5), held(leg_id("BSE", "INFY", "MIS"), 5), held(INFY, 5)]
)
def test_other_rows_keep_their_exchange(row: Position) -> None:
    event = read(row, orders=(sale("BSE", "ONLYBSE"), sale(product="MIS")))
    assert at_one_exchange(event, listed) is event


def test_read_without_rows_stays_as_it_is() -> None:
    failed = AccountRead(at_ns=1, account="M", began_ns=1, orders=None, positions=None, error="no answer")
    assert at_one_exchange(failed, listed) is failed


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
        # Pledged, wholly and in part.
        ({"opening_quantity": 0, "quantity": 0, "realised_quantity": 0, "collateral_quantity": 100}, {INFY: 100}),
        ({"opening_quantity": 40, "realised_quantity": 40, "collateral_quantity": 60}, {INFY: 100}),
        ({"opening_quantity": 0, "realised_quantity": 0, "mtf": {"quantity": 1000}}, {FUNDED: 1000}),
        ({"opening_quantity": 0, "realised_quantity": 0, "mtf": {"quantity": 7, "used_quantity": 3}}, {FUNDED: 10}),
        ({"mtf": None}, {INFY: 100}),
        ({"t1_quantity": None, "realised_quantity": None}, {INFY: 100}),
        ({"opening_quantity": -5, "realised_quantity": -5}, {}),
        ({"tradingsymbol": ""}, {}),
        ({"exchange": None}, {}),
    ],
)
def test_holding_of_zerodha(changes: dict[str, object], found: dict[LegId, int]) -> None:
    (row,) = kite_wire.decode(success([kite_row(**changes)]), tuple[kite_wire.HoldingRow, ...])
    assert dict(kite_wire.shares_of(row)) == found


def test_holding_of_zerodha_that_cannot_be() -> None:
    (row,) = kite_wire.decode(success([kite_row(opening_quantity=10**13)]), tuple[kite_wire.HoldingRow, ...])
    with pytest.raises(Malformed):
        kite_wire.shares_of(row)


@pytest.mark.parametrize("body", [b"[]", b"<html>", success(None), success([{"opening_quantity": "x"}])])
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
        ({"collateralquantity": 4}, (leg_id("NSE", "TATASTEEL-EQ", "CNC"), 6)),
        ({"realisedquantity": -3}, (leg_id("NSE", "TATASTEEL-EQ", "CNC"), 0)),
        ({"product": "MARGIN"}, (leg_id("NSE", "TATASTEEL-EQ", "MTF"), 2)),
    ],
)
def test_holding_of_angel_one(changes: dict[str, object], found: tuple[LegId, int]) -> None:
    assert angel_wire.shares_of(angel_wire.Row(angel_row(**changes))) == found


@pytest.mark.parametrize("changes", [{"tradingsymbol": ""}, {"exchange": None}])
def test_holding_of_angel_one_that_names_nothing(changes: dict[str, object]) -> None:
    assert angel_wire.shares_of(angel_wire.Row(angel_row(**changes))) is None


def test_holding_of_angel_one_that_cannot_be() -> None:
    with pytest.raises(Malformed):
        angel_wire.shares_of(angel_wire.Row(angel_row(realisedquantity="x")))


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
        angel(says(answer(angel_success([angel_row(realisedquantity="x")]))), says(answer(angel_success(None)))) as (
            made,
            _,
        ),
        pytest.raises(ReadFailed, match="the holdings"),
    ):
        made.positions()
