"""The vendor's own examples over TCP through the adapter: each field that the engine gets is what the payload says."""

import base64
import json
import queue
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from brokers.transport import Transport
from brokers.zerodha import wire
from brokers.zerodha.broker import ZerodhaBroker
from brokers.zerodha.client import KiteClient
from brokers.zerodha.login import Login
from brokers.zerodha.ticker import KiteStream, Listener
from brokers.zerodha.ticks import FULL, QUOTE
from config.credentials import Credentials, Secret
from config.schema import BrokerUrls
from engine.commands import CancelOrder, ModifyOrder
from engine.events import Outcome
from engine.model import (
    NS_PER_S,
    Basket,
    BasketOrder,
    BookStatus,
    DepthLevel,
    Funds,
    InstrumentId,
    OrderReport,
    OrderType,
    Position,
    Quote,
    Side,
    Validity,
    leg_id,
)
from tests.unit.brokers.raw_server import RawServer, Talk, says, serving
from tests.unit.brokers.raw_server import answer as http_answer
from tests.unit.brokers.zerodha.payloads import MOCKS, mock, needs_mocks
from tests.unit.brokers.zerodha.test_broker import broker, place
from tests.unit.brokers.zerodha.test_ticker import NOW, PATIENCE_S, connected, said, say
from tests.unit.brokers.zerodha.test_ticks import message

pytestmark = needs_mocks
INDIA = ZoneInfo("Asia/Kolkata")
LIVE = {
    "PUT ORDER REQ RECEIVED": BookStatus.PENDING,
    "VALIDATION PENDING": BookStatus.PENDING,
    "OPEN PENDING": BookStatus.PENDING,
}
ENDED = {
    "COMPLETE": BookStatus.COMPLETE,
    "CANCELLED": BookStatus.CANCELLED,
    "REJECTED": BookStatus.REJECTED,
}


def official(name: str) -> Any:
    """The payload with its numbers as they are written."""
    return json.loads(mock(name), parse_float=Decimal)


def gives(name: str) -> Talk:
    return says(http_answer(mock(name)))


def money(value: int | Decimal | None) -> Decimal | None:
    """A price of the payload; Kite writes 0 where there is none."""
    return Decimal(value) if value else None


def moment_ns(text: str | None) -> int:
    if text is None:
        return 0
    return int(datetime.fromisoformat(text).replace(tzinfo=INDIA).timestamp()) * NS_PER_S


def order_of(row: Mapping[str, Any]) -> OrderReport:
    """What the payload says of an order, read here and not by the adapter."""
    changed, exchange = moment_ns(row["order_timestamp"]), moment_ns(row["exchange_timestamp"])
    own = [tag for tag in row.get("tags") or () if not tag.startswith(("mktp", "autoslice"))]
    return OrderReport(
        order_id=row["order_id"],
        exchange=row["exchange"],
        symbol=row["tradingsymbol"],
        product=row["product"],
        side=Side(row["transaction_type"]),
        order_type=OrderType(row["order_type"]),
        quantity=row["quantity"],
        filled=row["filled_quantity"],
        average_price_inr=money(row["average_price"]),
        status=ENDED.get(row["status"]) or LIVE.get(row["status"], BookStatus.OPEN),
        status_text=row["status_message"] or "",
        price_inr=money(row["price"]),
        trigger_price_inr=money(row["trigger_price"]),
        tag=row["tag"] or (own[0] if own else ""),
        placed_ns=min(changed, exchange) or changed,
        updated_ns=max(changed, exchange, moment_ns(row.get("exchange_update_timestamp"))),
        validity=Validity.DAY,  # no example is an IOC
        variety=row["variety"],
    )


# REST


def test_order_book_is_what_the_payload_says_field_by_field() -> None:
    rows = official("orders.json")["data"]
    with broker(gives("orders.json")) as (made, _):
        found = made.orders()
    assert {one.order_id: one for one in found} == {row["order_id"]: order_of(row) for row in rows}
    assert [one.placed_ns for one in found] == sorted(one.placed_ns for one in found)


def test_each_row_of_a_history_is_what_the_payload_says_field_by_field() -> None:
    rows = official("order_info.json")["data"]
    for row in rows:
        body = json.dumps({"status": "success", "data": [row]}, default=float).encode()
        with broker(says(http_answer(body))) as (made, _):
            assert made.orders() == (order_of(row),)


def test_positions_are_what_the_payload_says_field_by_field() -> None:
    with broker(gives("positions.json")) as (made, _):
        found = made.positions()
    assert found == tuple(
        Position(
            exchange=row["exchange"],
            symbol=row["tradingsymbol"],
            product=row["product"],
            net_units=row["quantity"],
            overnight_units=row["overnight_quantity"],
            average_price_inr=money(row["average_price"]),
        )
        for row in official("positions.json")["data"]["net"]
    )


def test_holdings_stand_beside_the_positions_with_the_units_of_the_payload() -> None:
    rows = official("holdings.json")["data"]
    held = {leg_id(row["exchange"], row["tradingsymbol"], "CNC"): row["opening_quantity"] for row in rows}
    funded = {leg_id(row["exchange"], row["tradingsymbol"], "MTF"): row["mtf"]["quantity"] for row in rows}
    empty = says(http_answer(b'{"status":"success","data":{"net":[],"day":[]}}'))
    with serving(gives("holdings.json"), empty) as server, client_of(server) as client:
        found = ZerodhaBroker("Z1", client, counts_shares=True).positions()
    expected = held | {leg: units for leg, units in funded.items() if units}
    assert {one.leg: (one.net_units, one.overnight_units) for one in found} == {
        leg: (units, units) for leg, units in expected.items()
    }


class client_of:  # noqa: N801 - reads as the context that it is
    """A client of a server."""

    def __init__(self, server: RawServer) -> None:
        self._transport = Transport(server.url, read_timeout_s=10)

    def __enter__(self) -> KiteClient:
        return KiteClient(Secret("key"), Secret("token"), self._transport)

    def __exit__(self, *_: object) -> None:
        self._transport.close()


@pytest.mark.parametrize("segment", ["equity", "commodity"])
def test_funds_are_net_and_debits_of_the_segment_to_the_last_digit(segment: str) -> None:
    said_of = official("margins.json")["data"][segment]
    with serving(gives("margins.json")) as server, client_of(server) as client:
        found = ZerodhaBroker("Z1", client, commodity=segment == "commodity").funds()
    assert found == Funds(available_inr=Decimal(said_of["net"]), used_inr=Decimal(said_of["utilised"]["debits"]))


def test_margin_of_a_basket_is_its_final_total_to_the_last_digit() -> None:
    order = BasketOrder(leg=leg_id("NFO", "X", "NRML"), side=Side.BUY, units=65)
    with broker(gives("basket_margins.json")) as (made, _):
        assert (
            made.basket_margin(Basket(account="Z1", orders=(order,)))
            == official("basket_margins.json")["data"]["final"]["total"]
        )


def test_answer_to_a_write_is_acknowledged_under_the_id_of_the_payload() -> None:
    names = ("order_response.json", "order_modify.json", "order_cancel.json")
    change = ModifyOrder(account="Z1", tag="T", order_id="1", price_inr=Decimal(1))
    with broker(*(gives(name) for name in names)) as (made, _):
        found = [
            made.place(place()),
            made.modify(change),
            made.cancel(CancelOrder(account="Z1", tag="T", order_id="1")),
        ]
    assert [(one.outcome, one.order_id) for one in found] == [
        (Outcome.ACKED, official(name)["data"]["order_id"]) for name in names
    ]


@pytest.mark.parametrize("name", ["profile.json", "full_profile.json"])
def test_profile_is_what_the_payload_says_field_by_field(name: str) -> None:
    said_of, found = official(name)["data"], wire.decode(mock(name), wire.Profile)
    assert found.user_id == said_of["user_id"]
    assert (found.exchanges, found.products) == (tuple(said_of["exchanges"]), tuple(said_of["products"]))


def test_login_takes_the_token_of_the_payload_when_it_is_the_holders() -> None:
    said_of = official("generate_session.json")["data"]
    values = {name: Secret(name) for name in ("api_key", "api_secret")} | {"user_id": Secret(said_of["user_id"])}
    holder = Credentials(path=Path("z.env"), broker="zerodha", values=values)
    with serving(gives("generate_session.json")) as server:
        login = Login(holder, BrokerUrls(root_url=server.url))
        try:
            assert login.exchange("request123").reveal() == said_of["access_token"]
        finally:
            login.close()


# The ticker


class Ear:
    """Hears one stream."""

    def __init__(self) -> None:
        self.orders: queue.Queue[OrderReport] = queue.Queue()
        self.quotes: queue.Queue[Quote] = queue.Queue()
        self.listener = Listener(on_order=self.orders.put, on_quotes=self._hear)

    def _hear(self, quotes: Sequence[Quote]) -> None:
        for quote in quotes:
            self.quotes.put(quote)


TOKENS = {official("ticker_full.json")["instrument_token"]: InstrumentId("NSE:INFY")} if MOCKS.exists() else {}


@pytest.fixture
def heard() -> Iterator[tuple[Ear, socket.socket]]:
    """The real KiteTicker, connected, with one instrument subscribed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        host, port = server.getsockname()
        ear = Ear()
        stream = KiteStream(Secret("key"), Secret("token"), ear.listener, lambda: NOW, url=f"ws://{host}:{port}")
        stream.subscribe(TOKENS)
        stream.start()
        with connected(server) as connection:
            assert said(connection) == {"a": "subscribe", "v": list(TOKENS)}
            yield ear, connection
        stream.close()


def test_full_packet_of_the_ticker_is_the_quote_of_the_payload_field_by_field(
    heard: tuple[Ear, socket.socket],
) -> None:
    ear, connection = heard
    say(connection, message(base64.b64decode(mock("ticker_full.packet"))))
    said_of = official("ticker_full.json")
    bids, asks = (
        tuple(
            DepthLevel(price_inr=Decimal(level["price"]), units=level["quantity"]) for level in said_of["depth"][side]
        )
        for side in ("buy", "sell")
    )
    assert ear.quotes.get(timeout=PATIENCE_S) == Quote(
        instrument=InstrumentId("NSE:INFY"),
        at_ns=int(datetime.fromisoformat(said_of["timestamp"]).timestamp()) * NS_PER_S,
        last_inr=Decimal(said_of["last_price"]),
        bid_inr=bids[0].price_inr,
        ask_inr=asks[0].price_inr,
        bid_units=bids[0].units,
        ask_units=asks[0].units,
        bids=bids,
        asks=asks,
        volume_units=said_of["volume"],
        open_interest_units=said_of["oi"],
        stale_at_ns=NOW + 10 * NS_PER_S,
    )


def test_quote_packet_without_depth_makes_no_quote(heard: tuple[Ear, socket.socket]) -> None:
    ear, connection = heard
    packets = [base64.b64decode(mock(name)) for name in ("ticker_quote.packet", "ticker_full.packet")]
    assert [len(one) for one in packets] == [QUOTE, FULL]
    say(connection, message(*packets))
    assert ear.quotes.get(timeout=PATIENCE_S).bids
    assert ear.quotes.empty()


def test_postback_pushed_by_the_ticker_is_what_the_payload_says_field_by_field(
    heard: tuple[Ear, socket.socket],
) -> None:
    ear, connection = heard
    text = b'{"type":"order","data":' + mock("postback.json") + b"}"
    connection.sendall(struct.pack(">BBH", 0x81, 126, len(text)) + text)
    assert ear.orders.get(timeout=PATIENCE_S) == order_of(official("postback.json"))
