"""The documents' own examples through the adapter over TCP: each field the engine gets is what the payload says."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient, Session
from brokers.angel_one.symbols import Symbols
from brokers.angel_one.ticks import Key
from brokers.transport import Transport
from config.credentials import Secret
from config.rules import freeze_units
from engine.commands import CancelOrder, ModifyOrder
from engine.events import Outcome
from engine.model import (
    NS_PER_S,
    Basket,
    BasketOrder,
    BookStatus,
    DepthLevel,
    Funds,
    Instrument,
    InstrumentId,
    Kind,
    OrderReport,
    OrderType,
    Position,
    Quote,
    Side,
    Validity,
    leg_id,
)
from tests.contract.angel_server import AngelServer
from tests.unit.brokers.angel_one.payloads import needs_samples, sample
from tests.unit.brokers.angel_one.test_broker import broker, place
from tests.unit.brokers.angel_one.test_login import keeper
from tests.unit.brokers.angel_one.test_streams import USER, Ear, orders, quotes, until
from tests.unit.brokers.angel_one.test_streams import closing as closing  # noqa: PLC0414  a fixture
from tests.unit.brokers.raw_server import Talk, answer, says, serving
from tests.unit.paper.builders import NOW, option

pytestmark = needs_samples
INDIA = ZoneInfo("Asia/Kolkata")
PRODUCTS = {"DELIVERY": "CNC", "INTRADAY": "MIS", "CARRYFORWARD": "NRML"}
STATUSES = {
    "complete": BookStatus.COMPLETE,
    "cancelled": BookStatus.CANCELLED,
    "rejected": BookStatus.REJECTED,
    "open": BookStatus.OPEN,
    "open pending": BookStatus.PENDING,
}
OURS = {"SBIN-EQ": "SBIN"}
"What the scrips of the samples let us call by Kite's name."


def official(name: str) -> Any:
    """The payload with its numbers as they are written."""
    return json.loads(sample(f"angel/{name}.json"), parse_float=Decimal)


def gives(name: str) -> Talk:
    return says(answer(sample(f"angel/{name}.json")))


def wrapped(data: object) -> Talk:
    """One row of the documents in the envelope of an answer."""
    body = {"status": True, "message": "SUCCESS", "errorcode": "", "data": data}
    return says(answer(json.dumps(body, default=float).encode()))


def scrips() -> Symbols:
    return Symbols(sample("scrip/angel_rows.json"), date(2026, 8, 3))


def number(value: str | int | Decimal | None) -> Decimal:
    """A number, written as one or as a text."""
    return Decimal(str(value or 0).replace(" ", ""))


def price(value: str | int | Decimal) -> Decimal | None:
    return number(value) if number(value) > 0 else None


def moment_ns(text: str) -> int:
    found = datetime.strptime(text, "%d-%b-%Y %H:%M:%S").replace(tzinfo=INDIA) if text else None
    return 0 if found is None else int(found.timestamp()) * NS_PER_S


def order_of(row: Mapping[str, Any], *, named: bool = True) -> OrderReport:
    """What the payload says of an order, read here and not by the adapter."""
    symbol, updated = row["tradingsymbol"], moment_ns(row["updatetime"])
    return OrderReport(
        order_id=str(row["orderid"]),
        exchange=row["exchange"],
        symbol=OURS.get(symbol, symbol) if named else symbol,
        product=PRODUCTS[row["producttype"]],
        side=Side(row["transactiontype"]),
        order_type=OrderType(row["ordertype"]),
        quantity=int(row["quantity"]),
        filled=int(row["filledshares"]),
        average_price_inr=price(row["averageprice"]),
        status=STATUSES[row["orderstatus"]],
        status_text=row["text"],
        price_inr=price(row["price"]),
        trigger_price_inr=price(row["triggerprice"]),
        tag=row.get("ordertag", ""),
        placed_ns=moment_ns(row["exchtime"]) or updated,
        updated_ns=max(updated, moment_ns(row["exchorderupdatetime"])),
        validity=Validity(row["duration"]),
        variety={"NORMAL": "regular"}[row["variety"]],
    )


# REST


@pytest.mark.parametrize("name", ["order_book", "order_details", "postback"])
def test_order_is_what_the_payload_says_field_by_field(name: str) -> None:
    payload = official(name)
    found = payload.get("data", payload)
    rows = found if isinstance(found, list) else [found]
    with broker(wrapped(rows), symbols=scrips()) as (made, _):
        assert made.orders() == tuple(order_of(row) for row in rows)


@pytest.mark.parametrize("name", ["position", "position_live_row"])
def test_position_is_what_the_payload_says_field_by_field(name: str) -> None:
    payload = official(name)
    rows = payload.get("data", [payload])
    with broker(wrapped(rows), symbols=scrips()) as (made, _):
        assert made.positions() == tuple(
            Position(
                exchange=row["exchange"],
                symbol=row["tradingsymbol"],
                product=PRODUCTS[row["producttype"]],
                net_units=int(row["netqty"]),
                overnight_units=int(row["cfbuyqty"]) - int(row["cfsellqty"]),
                average_price_inr=price(row["netprice"]),
            )
            for row in rows
        )


def test_holdings_stand_beside_the_positions_with_the_units_of_the_payload() -> None:
    rows = official("all_holding")["data"]["holdings"]
    assert official("holding") in rows
    with serving(wrapped(rows), wrapped(None)) as server:
        transport = Transport(server.url)
        client = AngelClient(Secret("key"), transport)
        client.take(Session(jwt=Secret("jwt"), feed=Secret("feed"), refresh=Secret("r"), until_ns=0))
        try:
            made = AngelBroker("A1", client, scrips(), lambda: NOW, lambda _s: None, counts_shares=True)
            found = made.positions()
        finally:
            transport.close()
    assert {one.leg: (one.net_units, one.overnight_units) for one in found} == {
        leg_id(row["exchange"], OURS.get(row["tradingsymbol"], row["tradingsymbol"]), PRODUCTS[row["product"]]): (
            row["quantity"],
            row["quantity"],
        )
        for row in rows
    }


def test_funds_are_net_and_debits_to_the_last_digit() -> None:
    said = official("rms_response")["data"]
    with broker(gives("rms_response")) as (made, _):
        assert made.funds() == Funds(available_inr=number(said["net"]), used_inr=number(said["utiliseddebits"]))


def test_margin_of_a_basket_is_its_total_to_the_last_digit() -> None:
    order = BasketOrder(leg=leg_id("NFO", "NIFTY26NOV24500CE", "NRML"), side=Side.BUY, units=65)
    with broker(gives("margin_response")) as (made, _):
        found = made.basket_margin(Basket(account="A1", orders=(order,)))
    assert found == official("margin_response")["data"]["totalMarginRequired"]


def test_answer_to_a_write_is_acknowledged_under_the_id_of_the_payload() -> None:
    names = ("place_response", "modify_response", "cancel_response")
    with broker(*(gives(name) for name in names)) as (made, _):
        first = made.place(place())
        change = ModifyOrder(account="A1", tag="T", order_id=first.order_id, price_inr=Decimal(1))
        found = [first, made.modify(change), made.cancel(CancelOrder(account="A1", tag="T", order_id=first.order_id))]
    assert [(one.outcome, one.order_id) for one in found] == [
        (Outcome.ACKED, official(name)["data"]["orderid"]) for name in names
    ]


@pytest.mark.parametrize("name", ["login_response", "generate_tokens_response"])
def test_session_has_the_three_tokens_of_the_payload(name: str) -> None:
    said = official(name)["data"]
    with keeper(gives(name)) as (made, _, _clock):
        found = made.session()
    assert (found.jwt.reveal(), found.refresh.reveal(), found.feed.reveal()) == (
        said["jwtToken"],
        said["refreshToken"],
        said["feedToken"],
    )


def test_scrip_is_what_the_payload_says_field_by_field() -> None:
    made, rows = scrips(), {row["symbol"]: row for row in json.loads(sample("scrip/angel_rows.json"))}
    expected = {
        "SBIN-EQ": ("SBIN", Kind.EQUITY, None, None),
        "NIFTY11AUG2622350CE": ("NIFTY2681122350CE", Kind.CALL, "2026-08-11", "strike"),
        "NIFTY25AUG26FUT": ("NIFTY26AUGFUT", Kind.FUTURE, "2026-08-25", None),
    }
    for symbol, (ours, kind, expiry, strike) in expected.items():
        row = rows[symbol]
        found = made.find(made.name_of(row["exch_seg"], symbol))
        assert not isinstance(found, str)
        assert (found.symbol, found.token) == (symbol, row["token"])
        assert found.instrument == Instrument(
            exchange=row["exch_seg"],
            symbol=ours,
            lot_units=int(row["lotsize"]),
            tick_inr=Decimal(row["tick_size"]) / 100,
            freeze_units=None if kind is Kind.EQUITY else freeze_units(row["name"], date(2026, 8, 3)),
            underlying=row["name"],
            kind=kind,
            expiry=expiry,
            strike_inr=Decimal(row["strike"]) / 100 if strike else None,
        )


# The streams


@pytest.fixture
def server() -> Iterator[AngelServer]:
    with AngelServer([(USER, Decimal(1_000_000))], [option()]) as made:
        yield made


FRAMES = ("ws_order_first_frame", "ws_order_live_open_pending", "ws_order_live_complete", "ws_order_rejected")


def test_pushed_orders_are_what_the_payload_says_field_by_field(server: AngelServer, closing: list[Any]) -> None:
    ear = Ear()
    orders(server, ear, closing)
    ear.wait_links(1)
    frames = [official(name) for name in FRAMES]
    for frame in frames:
        server.call(lambda frame=frame: server._framed(USER, frame))  # type: ignore[misc]
    ear.wait(lambda: len(ear.orders) >= len(frames) - 1)
    assert ear.orders == [order_of(frame["orderData"], named=False) for frame in frames[1:]]


def test_packet_of_the_market_stream_is_what_the_official_client_reads_field_by_field(
    server: AngelServer, closing: list[Any]
) -> None:
    from SmartApi.smartWebSocketV2 import SmartWebSocketV2

    packet = bytes.fromhex(json.loads(sample("binary/synthetic_packets_hex.json"))["angel_mode3_snap"])
    said = object.__new__(SmartWebSocketV2)._parse_binary_data(packet)  # its constructor makes a folder of logs
    name, ear = InstrumentId("NFO:NIFTY26AUGFUT"), Ear()
    names: dict[Key, InstrumentId] = {(said["exchange_type"], said["token"]): name}
    stream = quotes(server, ear, closing, now_ns=lambda: NOW)
    stream.subscribe(names)
    stream.start()
    ear.wait_links(1)
    until(lambda: any(server.subscribed()))
    for socket in list(server._quotes):
        server.call(lambda socket=socket: server._spawn(socket.send_bytes(packet)))  # type: ignore[misc]
    ear.wait(lambda: bool(ear.quotes))
    (found,) = ear.quotes
    # The documents: a flag of 1 is a buyer. The official client has its two names the wrong way round once more.
    bids, asks = _sides(said)
    assert found == Quote(
        instrument=name,
        at_ns=said["exchange_timestamp"] * 1_000_000,
        last_inr=Decimal(said["last_traded_price"]) / 100,
        bid_inr=bids[0].price_inr,
        ask_inr=asks[0].price_inr,
        bid_units=bids[0].units,
        ask_units=asks[0].units,
        bids=bids,
        asks=asks,
        volume_units=said["volume_trade_for_the_day"],
        open_interest_units=said["open_interest"],
        stale_at_ns=NOW + 10 * NS_PER_S,
    )


def _sides(said: Mapping[str, Any]) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
    levels = [*said["best_5_buy_data"], *said["best_5_sell_data"]]

    def side(flag: int, order: Callable[[DepthLevel], Decimal]) -> tuple[DepthLevel, ...]:
        wanted = [one for one in levels if one["flag"] == flag]
        return tuple(
            sorted(
                (DepthLevel(price_inr=Decimal(one["price"]) / 100, units=one["quantity"]) for one in wanted), key=order
            )
        )

    return side(1, lambda level: -level.price_inr), side(0, lambda level: level.price_inr)
