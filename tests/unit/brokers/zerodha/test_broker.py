"""One Zerodha account as the engine sees it: what is sent for a command, and what each end of a request comes to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from brokers.catalogue import Catalogue
from brokers.transport import Transport
from brokers.zerodha.broker import ZerodhaBroker, instrument_dump
from brokers.zerodha.client import KiteClient
from config.credentials import Credentials, Secret
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core.tags import make_tag
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import Funds, OrderType, Side, Validity
from engine.ports import Answer
from tests.unit.brokers.raw_server import RawServer, Request, Talk, answer, refused_port, says, serving
from tests.unit.brokers.zerodha.payloads import book, order_row, position_row, positions, success

ORDER_ID = "2026100500012345601"
PLACED = says(answer(success({"order_id": ORDER_ID})))
TAG = make_tag("live", "2026-10-05", 0, 1)


@contextmanager
def broker_at(url: str, *, commodity: bool = False, holder: str = "") -> Iterator[ZerodhaBroker]:
    transport = Transport(url, read_timeout_s=10)
    client = KiteClient(Secret("key"), Secret("token"), transport)
    owner = Credentials(path=Path("z.env"), broker="zerodha", values={"user_id": Secret(holder)}) if holder else None
    try:
        yield ZerodhaBroker("Z1", client, commodity=commodity, holder=owner)
    finally:
        transport.close()


@contextmanager
def broker(*talks: Talk, holder: str = "") -> Iterator[tuple[ZerodhaBroker, RawServer]]:
    with serving(*talks) as server, broker_at(server.url, holder=holder) as made:
        yield made, server


def place(**changes: Any) -> PlaceOrder:
    fields: dict[str, Any] = {
        "account": "Z1", "tag": TAG, "exchange": "NFO", "symbol": "NIFTY26OCT24500CE", "product": "NRML",
        "side": Side.BUY, "quantity": 65, "order_type": OrderType.LIMIT, "price_inr": Decimal("101.05"),
    }  # fmt: skip
    return PlaceOrder(**fields | changes)


def fields(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def gone(server: RawServer, request: Request, sock: object) -> bool:
    return False


def error(message: str, error_type: str, status: str) -> Talk:
    body = f'{{"status":"error","message":"{message}","data":null,"error_type":"{error_type}"}}'
    return says(answer(body.encode(), status))


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_limit_order_is_sent_with_all_its_fields_and_no_other() -> None:
    with broker(PLACED) as (made, server):
        assert made.place(place()).order_id == ORDER_ID
    (request,) = server.requests
    assert request.line == "POST /orders/regular HTTP/1.1"
    assert fields(request) == {
        "variety": "regular", "exchange": "NFO", "tradingsymbol": "NIFTY26OCT24500CE", "transaction_type": "BUY",
        "quantity": "65", "product": "NRML", "order_type": "LIMIT", "price": "101.05", "validity": "DAY", "tag": TAG,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({"order_type": OrderType.MARKET, "price_inr": None}, {"order_type": "MARKET", "market_protection": "-1"}),
        (
            {"order_type": OrderType.SL_M, "price_inr": None, "trigger_price_inr": Decimal("99.5")},
            {"order_type": "SL-M", "market_protection": "-1", "trigger_price": "99.5"},
        ),
        (
            {"order_type": OrderType.SL, "trigger_price_inr": Decimal("99.90")},
            {"order_type": "SL", "price": "101.05", "trigger_price": "99.90"},
        ),
        ({"validity": Validity.IOC}, {"validity": "IOC", "price": "101.05"}),
        (
            {"side": Side.SELL, "symbol": "M&M26OCT3000CE"},
            {"transaction_type": "SELL", "tradingsymbol": "M&M26OCT3000CE"},
        ),
        ({"price_inr": Decimal("1E+2")}, {"price": "100"}),
        ({"price_inr": Decimal("0.05")}, {"price": "0.05"}),
        ({"price_inr": Decimal("0.00000010")}, {"price": "0.00000010"}),
    ],
)
def test_field_is_sent_as_kite_wants_it(changes: dict[str, Any], sent: dict[str, str]) -> None:
    with broker(PLACED) as (made, server):
        made.place(place(**changes))
    found = fields(server.requests[0])
    assert {key: found.get(key) for key in sent} == sent
    assert ("market_protection" in found) == ("market_protection" in sent)
    assert ("price" in found) == (changes.get("price_inr", 1) is not None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"order_type": OrderType.MARKET, "price_inr": None},
        {"order_type": OrderType.SL, "trigger_price_inr": Decimal("99.90")},
        {
            "order_type": OrderType.SL_M,
            "price_inr": None,
            "trigger_price_inr": Decimal("99.5"),
            "validity": Validity.IOC,
        },
        {"symbol": "M&M26OCT3000CE", "side": Side.SELL, "quantity": 6500},
    ],
)
def test_order_that_is_started_is_the_same_bytes_as_one_that_is_placed(changes: dict[str, Any]) -> None:
    with broker(PLACED) as (made, server):
        made.place(place(**changes))
        wait = made.start(place(**changes))
        assert wait is not None
        assert wait() == Answer(outcome=Outcome.ACKED, order_id=ORDER_ID)
    placed, started = server.requests
    assert (started.head, started.body) == (placed.head, placed.body)


def test_order_that_is_started_has_left_when_start_comes_back() -> None:
    arrived = threading.Event()

    def notes(server: RawServer, request: Request, sock: socket.socket) -> bool:
        if request.method == "POST":
            arrived.set()
        sock.sendall(answer(success({"order_id": ORDER_ID}) if request.method == "POST" else success([])))
        return True

    with broker(notes) as (made, _):
        made.orders()
        wait = made.start(place())
        assert wait is not None
        assert arrived.wait(10)
        assert wait().outcome is Outcome.ACKED


def test_order_that_is_started_after_another_login_goes_with_its_token() -> None:
    with broker(PLACED) as (made, server):
        made.place(place())
        for token in ("token", "token", "other"):
            made._client.set_access_token(token)
            wait = made.start(place())
            assert wait is not None
            wait()
    assert [r.headers["authorization"] for r in server.requests[1:]] == [
        f"token key:{t}" for t in ("token", "token", "other")
    ]


def test_order_is_not_started_where_no_connection_is_warm() -> None:
    with broker(PLACED) as (made, server):
        assert made.start(place()) is None
        assert (server.connections, server.requests) == (0, [])


@pytest.mark.parametrize("tag", ["", "a-b", "x" * 21])
def test_order_with_a_tag_that_kite_would_not_keep_is_not_started(tag: str) -> None:
    with broker(says(answer(success([])))) as (made, server):
        made.orders()
        assert made.start(place(tag=tag)) is None
    assert [request.method for request in server.requests] == ["GET"]


def test_start_of_what_cannot_be_written_is_proven_not_sent() -> None:
    with broker(says(answer(success([])))) as (made, server):
        made.orders()
        made._client.kite_header_version = "3\r\nX: y"
        wait = made.start(place())
        assert wait is not None
        assert wait().outcome is Outcome.NOT_SENT
    assert [request.method for request in server.requests] == ["GET"]


@pytest.mark.parametrize(
    ("talk", "outcome"),
    [
        (gone, Outcome.UNKNOWN),
        (says(answer(b"<html>", "502 Bad Gateway", "text/html")), Outcome.UNKNOWN),
        (says(answer(b'{"status":"success","data":{"order_id":')), Outcome.UNKNOWN),
        (says(answer(success({}))), Outcome.UNKNOWN),
        (says(answer(success({"order_id": ""}))), Outcome.UNKNOWN),
        (error("Incorrect", "TokenException", "403 Forbidden"), Outcome.NEEDS_LOGIN),
        (error("Too many requests", "NetworkException", "429 X"), Outcome.RATE_LIMITED),
    ],
)
def test_end_of_an_order_that_was_started_is_told_as_of_one_that_was_placed(talk: Talk, outcome: Outcome) -> None:
    with broker(says(answer(success([]))), talk) as (made, server):
        made.orders()
        wait = made.start(place())
        assert wait is not None
        assert wait().outcome is outcome
    assert [request.method for request in server.requests] == ["GET", "POST"]


@pytest.mark.parametrize("tag", ["", "a-b", "a b", "x" * 21, "\u0905", "a\n", "a&b"])
def test_order_with_a_tag_that_kite_would_not_keep_is_not_sent(tag: str) -> None:
    with broker(PLACED) as (made, server):
        assert made.place(place(tag=tag)).outcome is Outcome.NOT_SENT
    assert server.requests == []


def test_only_what_changes_is_sent_with_a_change() -> None:
    change = ModifyOrder(account="Z1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("100.95"))
    with broker(PLACED) as (made, server):
        assert made.modify(change).outcome is Outcome.ACKED
    (request,) = server.requests
    assert request.line == f"PUT /orders/regular/{ORDER_ID} HTTP/1.1"
    assert fields(request) == {"variety": "regular", "order_id": ORDER_ID, "price": "100.95"}


def test_change_to_market_is_sent_with_protection() -> None:
    change = ModifyOrder(account="Z1", tag=TAG, order_id=ORDER_ID, order_type=OrderType.MARKET, quantity=65)
    with broker(PLACED) as (made, server):
        made.modify(change)
    found = fields(server.requests[0])
    assert (found["order_type"], found["market_protection"], found["quantity"]) == ("MARKET", "-1", "65")


def test_cancel_is_sent_for_its_order() -> None:
    with broker(PLACED) as (made, server):
        assert made.cancel(CancelOrder(account="Z1", tag=TAG, order_id=ORDER_ID)).outcome is Outcome.ACKED
    assert server.requests[0].line == f"DELETE /orders/regular/{ORDER_ID} HTTP/1.1"


# --- how a write ends -----------------------------------------------------------------------------------------------

WRITES: list[Callable[[ZerodhaBroker], Any]] = [
    lambda made: made.place(place()),
    lambda made: made.modify(ModifyOrder(account="Z1", tag=TAG, order_id=ORDER_ID, quantity=65)),
    lambda made: made.cancel(CancelOrder(account="Z1", tag=TAG, order_id=ORDER_ID)),
]


@pytest.mark.parametrize("write", WRITES, ids=["place", "modify", "cancel"])
@pytest.mark.parametrize(
    ("talk", "outcome", "reason"),
    [
        (error("Too little", "MarginException", "400 Bad Request"), Outcome.REJECTED, "Too little"),
        (error("Too many requests", "NetworkException", "429 X"), Outcome.RATE_LIMITED, "Too many requests"),
        (error("Over", "TokenException", "403 X"), Outcome.NEEDS_LOGIN, "Over"),
        (error("No IPs configured for this app.", "PermissionException", "403 X"), Outcome.IP_REFUSED, "No IPs configured for this app."),
        (error("Order request timed out.", "OrderException", "400 X"), Outcome.UNKNOWN, "Order request timed out."),
        (error("Down", "NetworkException", "503 X"), Outcome.UNKNOWN, "Down"),
        (says(answer(b"<html>", "502 X", "text/html")), Outcome.UNKNOWN, "HTTP 502 without Kite's own words"),
        (gone, Outcome.UNKNOWN, "the server closed the connection"),
        (says(answer(b'{"status":"success","data":{"order_id":"2026', length=90), close=True), Outcome.UNKNOWN, "the answer was cut short"),
        (says(b"nonsense\r\n\r\n", close=True), Outcome.UNKNOWN, "no usable answer (BadStatusLine)"),
        (says(answer(b"<html>")), Outcome.UNKNOWN, "the answer of Kite is not as documented: no JSON with data"),
        (says(answer(b'{"status":"error","data":{"order_id":"1"}}')), Outcome.UNKNOWN, "the answer of Kite is not as documented: $.status"),
        *((says(answer(success(data))), Outcome.UNKNOWN, "the answer has no order id")
          for data in ({}, None, [], [{"order_id": "1"}], "1", 1, True, {"order_id": ""}, {"order_id": None}, {"order_id": 1}, {"order_id": ["1"]})),
    ],
)  # fmt: skip
def test_end_of_a_write_is_told_and_it_was_sent_once(
    write: Callable[[ZerodhaBroker], Any], talk: Talk, outcome: Outcome, reason: str
) -> None:
    with broker(talk) as (made, server):
        found = write(made)
    assert (found.outcome, found.reason, found.order_id) == (outcome, reason, "")
    assert len(server.requests) == 1


@pytest.mark.parametrize("write", WRITES, ids=["place", "modify", "cancel"])
def test_write_that_nobody_took_was_not_sent(write: Callable[[ZerodhaBroker], Any]) -> None:
    with broker_at(f"http://127.0.0.1:{refused_port()}") as made:
        found = write(made)
    assert (found.outcome, found.reason) == (Outcome.NOT_SENT, "connection refused")


# --- what is read ---------------------------------------------------------------------------------------------------


def test_reads_are_values_of_the_domain() -> None:
    margins = b'{"status":"success","data":{"equity":{"net":99725.05000000002,"utilised":{"debits":145706.55}},"commodity":{"net":100.5}}}'
    with broker(says(answer(book(order_row()))), says(answer(positions(position_row()))), says(answer(margins))) as (
        made,
        _,
    ):
        assert [report.order_id for report in made.orders()] == [ORDER_ID]
        assert [position.net_units for position in made.positions()] == [-65]
        found = made.funds()
        assert (str(found.available_inr), str(found.used_inr)) == ("99725.05000000002", "145706.55")
        assert (made.account, made.instruments()) == ("Z1", ())
    with serving(says(answer(margins))) as server, broker_at(server.url, commodity=True) as made:
        assert made.funds() == Funds(available_inr=Decimal("100.5"))


READS: list[tuple[str, Callable[[ZerodhaBroker], object]]] = [
    ("the order book", lambda made: made.orders()),
    ("the positions", lambda made: made.positions()),
    ("the margins", lambda made: made.funds()),
]


@pytest.mark.parametrize(("what", "read"), READS, ids=[read[0] for read in READS])
@pytest.mark.parametrize(
    ("talk", "kind", "text"),
    [
        (error("Over", "TokenException", "403 X"), NeedsLogin, "Over"),
        (error("Over", "TokenException", "500 X"), ReadFailed, "Over"),
        (error("Too many requests", "NetworkException", "429 X"), ReadFailed, "Too many requests"),
        (error("IP not allowed", "PermissionException", "403 X"), ReadFailed, "IP not allowed"),
        (error("Odd", "InputException", "200 OK"), ReadFailed, "Odd"),
        (gone, ReadFailed, "the server closed the connection"),
        (says(answer(b"[]")), ReadFailed, "the answer of Kite is not as documented: no JSON"),
        (says(answer(success(None))), ReadFailed, "the answer of Kite is not as documented: $.data"),
        (says(answer(b'{"status":"error","data":[]}')), ReadFailed, "the answer of Kite is not as documented"),
    ],
)  # fmt: skip
def test_read_that_failed_says_so_and_is_never_empty(
    what: str, read: Callable[[ZerodhaBroker], object], talk: Talk, kind: type[Exception], text: str
) -> None:
    with broker(talk) as (made, server), pytest.raises(kind) as caught:
        read(made)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{what}: {text}")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "margins",
    [
        {},
        {"equity": None},
        {"commodity": {"net": 5}},
        {"equity": {"net": "NaN"}},
        {"equity": {"net": "sNaN"}},
        {"equity": {"net": "1e999"}},
    ],
)
def test_margin_that_is_none_is_not_told(margins: dict[str, object]) -> None:
    with broker(says(answer(success(margins)))) as (made, _), pytest.raises(ReadFailed):
        made.funds()


@pytest.mark.parametrize("field", ["price", "average_price"])
def test_book_with_a_number_that_is_none_is_not_told(field: str) -> None:
    """A signalling NaN once ended in an error that no caller knew."""
    rows = book(order_row(filled_quantity=65, **{field: "sNaN"}))
    with broker(says(answer(rows))) as (made, _), pytest.raises(ReadFailed):
        made.orders()


# --- the instrument file --------------------------------------------------------------------------------------------

FILE = (
    b"instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    b"instrument_type,segment,exchange\n"
    b"408065,1594,INFY,INFOSYS,0.0,,0.0,0.05,1,EQ,NSE,NSE\n"
    b"408066,1595,INFZ,INFOZYS,0.0,,0.0,0.05,1,EQ,NSE,NSE\n"
)


def dump(talk: Talk) -> str:
    with serving(talk) as server:
        transport = Transport(server.url)
        try:
            return instrument_dump(KiteClient(Secret("key"), None, transport))
        finally:
            transport.close()


def test_instrument_file_is_read_whole() -> None:
    assert len(Catalogue(dump(says(answer(FILE, kind="text/csv"))), date(2026, 10, 5))) == 2


def test_instrument_file_that_was_cut_short_is_not_taken_for_a_shorter_one() -> None:
    """http.client hands out what came before the end of the connection as if it were all."""
    cut = says(answer(FILE[:-30], kind="text/csv", length=len(FILE)), close=True)
    with pytest.raises(ReadFailed) as caught:
        dump(cut)
    assert str(caught.value) == "the instrument file: the answer was cut short"


def test_instrument_file_that_is_no_text_is_not_taken() -> None:
    with pytest.raises(ReadFailed) as caught:
        dump(says(answer(b"\xff\xfe\x00", kind="text/csv")))
    assert str(caught.value) == "the instrument file: it is no text"


# --- whose account it is --------------------------------------------------------------------------------------------


def profile(user_id: str) -> Talk:
    return says(answer(success({"user_id": user_id})))


def test_token_of_another_client_reads_nothing_and_sends_nothing() -> None:
    with broker(profile("AB9999"), profile("AB9999"), holder="AB1234") as (made, server):
        for read in (made.orders, made.funds):
            with pytest.raises(NeedsLogin, match="of another client"):
                read()
        assert made.place(place()).outcome is Outcome.NOT_SENT
        assert made.start(place()) is None
    assert {request.line for request in server.requests} == {"GET /user/profile HTTP/1.1"}


def test_holder_of_a_token_is_asked_for_once() -> None:
    talks = (profile("ab1234"), says(answer(book())), says(answer(positions())), PLACED)
    with broker(*talks, holder="AB1234") as (made, server):
        assert (list(made.orders()), list(made.positions())) == ([], [])
        assert made.place(place()).outcome is Outcome.ACKED
    assert sum("/user/profile" in request.line for request in server.requests) == 1


def test_nothing_is_sent_with_a_token_that_nothing_was_read_with() -> None:
    with broker(profile("AB1234"), says(answer(book())), profile("AB1234"), holder="AB1234") as (made, server):
        made.orders()
        made._client.set_access_token("another")
        assert made.place(place()).outcome is Outcome.NOT_SENT
    assert len(server.requests) == 2


def test_profile_that_fails_is_asked_for_once_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokers.zerodha.broker.ticks_s", lambda: 1.0)
    with broker(gone, holder="AB1234") as (made, server):
        for read in (made.orders, made.positions, made.funds):
            with pytest.raises(ReadFailed):
                read()
    assert len(server.requests) == 1
