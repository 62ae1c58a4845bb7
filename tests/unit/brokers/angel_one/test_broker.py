"""One Angel One account as the engine sees it: what is sent for a command, and what each end of a request comes to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient, Session
from brokers.angel_one.symbols import Symbols
from brokers.transport import Transport
from config.credentials import Secret
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core.tags import make_tag
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import BookStatus, Funds, OrderType, Side, Validity
from tests.unit.brokers.angel_one.payloads import (
    RMS,
    failure,
    gateway_failure,
    order_row,
    position_row,
    scrip_master,
    success,
)
from tests.unit.brokers.raw_server import RawServer, Request, Talk, answer, refused_port, says, serving
from tests.unit.paper.builders import CALL, NOW

ORDER_ID = "261102000000080"
PLACED = says(answer(success({"script": "NIFTY24NOV2624500CE", "orderid": ORDER_ID, "uniqueorderid": "34req"})))
TAG = make_tag("live", "2026-11-02", 0, 1)
SYMBOLS = Symbols(scrip_master(), date(2026, 11, 2))
RATE_LIMIT = answer(b"Access denied because of exceeding access rate", "403 Forbidden", "text/plain")


class Time:
    def __init__(self) -> None:
        self.now_ns = NOW

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@contextmanager
def broker_at(url: str, symbols: Symbols | None = SYMBOLS) -> Iterator[AngelBroker]:
    time = Time()
    transport = Transport(url, read_timeout_s=10)
    client = AngelClient(Secret("canarykey"), transport)
    client.take(Session(jwt=Secret("canaryjwt"), feed=Secret("f"), refresh=Secret("r"), until_ns=0))
    try:
        yield AngelBroker("A1", client, symbols, lambda: time.now_ns, time.sleep)
    finally:
        transport.close()


@contextmanager
def broker(*talks: Talk, symbols: Symbols | None = SYMBOLS) -> Iterator[tuple[AngelBroker, RawServer]]:
    with serving(*talks) as server, broker_at(server.url, symbols) as made:
        yield made, server


def place(**changes: Any) -> PlaceOrder:
    fields: dict[str, Any] = {
        "account": "A1", "tag": TAG, "exchange": "NFO", "symbol": CALL, "product": "NRML", "side": Side.BUY,
        "quantity": 65, "order_type": OrderType.LIMIT, "price_inr": Decimal("101.05"),
    }  # fmt: skip
    return PlaceOrder(**fields | changes)


def sent(request: Request) -> dict[str, object]:
    found: dict[str, object] = json.loads(request.body)
    return found


def book(*rows: dict[str, object]) -> Talk:
    return says(answer(success(list(rows) or None)))


def gone(_server: RawServer, _request: Request, _sock: object) -> bool:
    return False


# --- what is sent ---------------------------------------------------------------------------------------------------


def test_limit_order_is_sent_under_angels_names_with_all_its_fields() -> None:
    with broker(PLACED) as (made, server):
        assert made.place(place()).order_id == ORDER_ID
    (request,) = server.requests
    assert request.line == "POST /rest/secure/angelbroking/order/v1/placeOrder HTTP/1.1"
    assert sent(request) == {
        "variety": "NORMAL", "tradingsymbol": "NIFTY24NOV2624500CE", "symboltoken": "40921", "exchange": "NFO",
        "transactiontype": "BUY", "ordertype": "LIMIT", "producttype": "CARRYFORWARD", "duration": "DAY",
        "price": "101.05", "triggerprice": "0", "quantity": "65", "squareoff": "0", "stoploss": "0", "ordertag": TAG,
    }  # fmt: skip
    assert request.headers["authorization"] == "Bearer canaryjwt"
    assert request.headers["x-privatekey"] == "canarykey"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"order_type": OrderType.MARKET, "price_inr": None},
            {"ordertype": "MARKET", "price": "0", "variety": "NORMAL"},
        ),
        (
            {"order_type": OrderType.SL, "trigger_price_inr": Decimal("99.90")},
            {"ordertype": "STOPLOSS_LIMIT", "variety": "STOPLOSS", "triggerprice": "99.90"},
        ),
        (
            {"order_type": OrderType.SL_M, "price_inr": None, "trigger_price_inr": Decimal("99.5")},
            {"ordertype": "STOPLOSS_MARKET", "variety": "STOPLOSS", "price": "0"},
        ),
        ({"side": Side.SELL, "product": "MIS"}, {"transactiontype": "SELL", "producttype": "INTRADAY"}),
        ({"validity": Validity.IOC}, {"duration": "IOC"}),
        (
            {"exchange": "NSE", "symbol": "BAJAJ-AUTO", "product": "CNC", "quantity": 7},
            {"exchange": "NSE", "tradingsymbol": "BAJAJ-AUTO-EQ", "symboltoken": "263", "producttype": "DELIVERY"},
        ),
        ({"price_inr": Decimal("1E+2")}, {"price": "100"}),
    ],
)
def test_order_is_sent_in_angels_words(changes: dict[str, Any], expected: dict[str, object]) -> None:
    with broker(PLACED) as (made, server):
        assert made.place(place(**changes)).outcome is Outcome.ACKED
    found = sent(server.requests[0])
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"symbol": "NIFTY26NOV99999CE"}, Outcome.REJECTED),
        ({"product": "CO"}, Outcome.REJECTED),
        ({"product": "MTF"}, Outcome.REJECTED),
        ({"product": "BO"}, Outcome.REJECTED),
        ({"tag": "T" * 20}, Outcome.NOT_SENT),
        ({"tag": "with-dash"}, Outcome.NOT_SENT),
        ({"tag": ""}, Outcome.NOT_SENT),
    ],
)
def test_order_that_angel_could_not_keep_is_not_sent(changes: dict[str, Any], outcome: Outcome) -> None:
    with broker(PLACED) as (made, server):
        found = made.place(place(**changes))
    assert found.outcome is outcome
    assert found.reason
    assert not server.requests


def test_without_scrips_nothing_is_placed_and_no_book_is_understood() -> None:
    with broker(book(order_row()), symbols=None) as (made, server):
        assert made.place(place()).outcome is Outcome.NOT_SENT
        assert not server.requests
        with pytest.raises(ReadFailed, match="scrips"):
            made.orders()
        made.symbols = SYMBOLS
        assert [row.symbol for row in made.orders()] == [CALL]


def test_change_repeats_the_whole_order_with_what_is_new() -> None:
    with broker(book(order_row(variety="STOPLOSS", ordertype="STOPLOSS_LIMIT", triggerprice="99")), PLACED) as (
        made,
        server,
    ):
        made.orders()
        change = ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("90.10"))
        assert made.modify(change).outcome is Outcome.ACKED
    assert server.requests[1].line.startswith("POST /rest/secure/angelbroking/order/v1/modifyOrder ")
    assert sent(server.requests[1]) == {
        "variety": "STOPLOSS", "orderid": ORDER_ID, "ordertype": "STOPLOSS_LIMIT", "producttype": "CARRYFORWARD",
        "duration": "DAY", "price": "90.10", "triggerprice": "99", "quantity": "130",
        "tradingsymbol": "NIFTY24NOV2624500CE", "symboltoken": "40921", "exchange": "NFO",
    }  # fmt: skip


def test_second_change_does_not_undo_the_first() -> None:
    with broker(book(order_row()), PLACED) as (made, server):
        made.orders()
        made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("90.10")))
        made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, quantity=65))
    assert (sent(server.requests[2])["price"], sent(server.requests[2])["quantity"]) == ("90.10", "65")


def test_price_is_changed_without_a_quantity_that_has_changed_unseen() -> None:
    """The change to 65 was pushed, and neither answered nor read in a book: whoever saw the push knows better."""
    with broker(book(order_row()), PLACED) as (made, server):
        made.orders()
        change = ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("90.10"), standing_units=65)
        made.modify(change)
    assert sent(server.requests[1])["quantity"] == "65"


def test_change_that_failed_is_not_repeated_by_the_next_one() -> None:
    with broker(book(order_row()), says(answer(failure("AB4008", "no"))), PLACED) as (made, server):
        made.orders()
        made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("90.10")))
        made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, quantity=65))
    assert sent(server.requests[2])["price"] == "101.05"


def test_order_of_our_own_is_changed_before_it_was_read() -> None:
    with broker(PLACED) as (made, server):
        made.place(place(order_type=OrderType.SL, trigger_price_inr=Decimal(99)))
        made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, trigger_price_inr=Decimal(98)))
        made.cancel(CancelOrder(account="A1", tag=TAG, order_id=ORDER_ID))
    assert (sent(server.requests[1])["variety"], sent(server.requests[1])["triggerprice"]) == ("STOPLOSS", "98")
    assert sent(server.requests[2]) == {"variety": "STOPLOSS", "orderid": ORDER_ID}


def test_change_of_an_order_that_was_never_seen_is_not_sent() -> None:
    with broker(PLACED) as (made, server):
        change = ModifyOrder(account="A1", tag=TAG, order_id="1", price_inr=Decimal(90))
        assert made.modify(change).outcome is Outcome.REJECTED
    assert not server.requests


@pytest.mark.parametrize("product", ["MARGIN", "BO", "SOMETHING"])
def test_owners_order_of_another_product_is_not_changed(product: str) -> None:
    with broker(book(order_row(producttype=product)), PLACED) as (made, server):
        made.orders()
        change = ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal("90.10"))
        assert made.modify(change).outcome is Outcome.REJECTED
    assert len(server.requests) == 1


def test_order_after_hours_is_cancelled_as_a_normal_one() -> None:
    with broker(book(order_row(variety="AMO")), PLACED) as (made, server):
        made.orders()
        made.cancel(CancelOrder(account="A1", tag=TAG, order_id=ORDER_ID))
    assert sent(server.requests[1])["variety"] == "NORMAL"


# --- how a write ends -----------------------------------------------------------------------------------------------

WRITES: list[Callable[[AngelBroker], Any]] = [
    lambda made: made.place(place()),
    lambda made: made.modify(ModifyOrder(account="A1", tag=TAG, order_id=ORDER_ID, price_inr=Decimal(90))),
    lambda made: made.cancel(CancelOrder(account="A1", tag=TAG, order_id=ORDER_ID)),
]


def body(**fields: object) -> bytes:
    """An answer of HTTP 200 with these fields."""
    return answer(json.dumps({"message": "", **fields}).encode())


ENDS = [
    ("refused", answer(failure("AB4008", "Order price is out of range")), Outcome.REJECTED),
    ("refusal of the gateway", answer(gateway_failure("AB1012", "Invalid Product Type")), Outcome.REJECTED),
    ("session over", answer(gateway_failure("AG8002", "Token Expired")), Outcome.NEEDS_LOGIN),
    ("session unknown", answer(failure("AB1010", "AMX Session Expired")), Outcome.NEEDS_LOGIN),
    ("address", answer(gateway_failure("AG7002", "Access denied: Unregistered IP address.")), Outcome.IP_REFUSED),
    ("rate limit", RATE_LIMIT, Outcome.RATE_LIMITED),
    ("rate limit as JSON", answer(failure("AB1021", "Too many requests")), Outcome.RATE_LIMITED),
    ("something went wrong", answer(failure("AB1004", "Something Went Wrong, Please Try After Sometime")), Outcome.UNKNOWN),
    ("AMX error", answer(failure("AB1007", "AMX Error")), Outcome.UNKNOWN),
    ("internal error", answer(failure("AB2001", "Internal Error, Please Try After Sometime")), Outcome.UNKNOWN),
    ("failure without a code", answer(json.dumps({"status": False, "message": "?"}).encode()), Outcome.UNKNOWN),
    ("empty body", answer(b""), Outcome.UNKNOWN),
    ("web page", answer(b"<html>Request Rejected</html>", kind="text/html"), Outcome.UNKNOWN),
    ("bad gateway", answer(b"", "502 Bad Gateway"), Outcome.UNKNOWN),
    ("list", answer(b"[]"), Outcome.UNKNOWN),
    ("null", answer(b"null"), Outcome.UNKNOWN),
    ("success as a text", answer(json.dumps({"status": "true", "data": {"orderid": "1"}}).encode()), Outcome.UNKNOWN),
    ("success without data", answer(success(None)), Outcome.UNKNOWN),
    ("success with a truth", answer(success(False)), Outcome.UNKNOWN),
    ("success with a text", answer(success("261102000000080")), Outcome.UNKNOWN),
    ("success without an id", answer(success({"script": "x"})), Outcome.UNKNOWN),
    ("id of another kind", answer(success({"orderid": [1]})), Outcome.UNKNOWN),
    ("success with a code", body(status=True, errorcode="AB2001", data={"orderid": "1"}), Outcome.UNKNOWN),
    ("success with a refusal's code", body(status=True, errorcode="AB1008", data={"orderid": "1"}), Outcome.UNKNOWN),
    ("success with a code of a session", body(status=True, errorcode="AG8001", data=None), Outcome.UNKNOWN),
    ("success of the gateway with a code", body(success=True, errorCode="AB1008", data=None), Outcome.UNKNOWN),
    ("refusal with an id", body(status=False, errorcode="AB1008", message="no", data={"orderid": "1"}), Outcome.UNKNOWN),
    ("refusal with a number as an id", body(status=False, errorcode="AB4008", data={"orderid": 1}), Outcome.UNKNOWN),
    ("refusal with an id of another kind", body(status=False, errorcode="AB4008", data={"orderid": [1]}), Outcome.UNKNOWN),
    ("refusal with another id", body(status=False, errorcode="AB4008", data={"uniqueorderid": "x"}), Outcome.UNKNOWN),
    ("refusal with empty ids", body(status=False, errorcode="AB4008", data={"orderid": ""}), Outcome.REJECTED),
    ("refusal of two minds", body(status=False, success=True, errorcode="AB4008", data=None), Outcome.UNKNOWN),
    ("code that nobody knows", answer(failure("AB9999", "A text")), Outcome.UNKNOWN),
    ("words without a code", answer(failure("", "A text")), Outcome.UNKNOWN),
    ("words of a check", answer(failure("AB9999", "Insufficient Funds")), Outcome.REJECTED),
    ("refusal by a broken server", answer(failure("AB4008", "no"), "502 Bad Gateway"), Outcome.UNKNOWN),
    ("session over at a broken server", answer(failure("AG8002", "no"), "500 Error"), Outcome.UNKNOWN),
    ("rate limit as JSON without its code", answer(failure("", "Too many requests")), Outcome.UNKNOWN),
    ("rate limit as JSON with a code of doubt", answer(failure("AB1004", "Too many requests")), Outcome.UNKNOWN),
    ("rate limit behind the gate", answer(b"Access denied because of exceeding access rate"), Outcome.UNKNOWN),
    ("rate limit of a broken server", answer(b"Too many requests", "503 Service Unavailable"), Outcome.UNKNOWN),
    ("success at a broken server", answer(success({"orderid": "1"}), "504 Gateway Timeout"), Outcome.UNKNOWN),
    ("words of a check that are no JSON", answer(b"Insufficient Funds", kind="text/plain"), Outcome.UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(("what", "data", "outcome"), ENDS, ids=[end[0] for end in ENDS])
def test_write_ends_as_what_its_answer_means(
    write: Callable[[AngelBroker], Any], what: str, data: bytes, outcome: Outcome
) -> None:
    with broker(book(order_row()), says(data)) as (made, server):
        made.orders()
        found = write(made)
    assert (found.outcome, found.order_id) == (outcome, "")
    assert found.reason
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("write", "outcome"), zip(WRITES, [Outcome.UNKNOWN, Outcome.REJECTED, Outcome.REJECTED], strict=True)
)
def test_order_that_is_not_there_is_refused_where_there_has_to_be_one(
    write: Callable[[AngelBroker], Any], outcome: Outcome
) -> None:
    with broker(book(order_row()), says(answer(failure("AB1013", "Order not found")))) as (made, _):
        made.orders()
        assert write(made).outcome is outcome


@pytest.mark.parametrize("data", [success(None), success([order_row()])])
def test_book_of_a_broken_server_is_not_believed(data: bytes) -> None:
    with broker(says(answer(data, "502 Bad Gateway"))) as (made, _), pytest.raises(ReadFailed, match="502"):
        made.orders()


def test_read_of_a_broken_server_still_says_that_the_session_is_over() -> None:
    with broker(says(answer(failure("AG8002", "Token Expired"), "500 Error"))) as (made, _), pytest.raises(NeedsLogin):
        made.orders()


@pytest.mark.parametrize("write", WRITES)
def test_write_whose_connection_dies_is_unknown_and_sent_once(write: Callable[[AngelBroker], Any]) -> None:
    with broker(book(order_row()), gone) as (made, server):
        made.orders()
        assert write(made).outcome is Outcome.UNKNOWN
    assert len(server.requests) == 2


def test_order_that_cannot_leave_is_not_sent() -> None:
    with broker_at(f"http://127.0.0.1:{refused_port()}") as made:
        assert made.place(place()).outcome is Outcome.NOT_SENT


def test_number_as_an_id_becomes_its_text() -> None:
    with broker(says(answer(success({"orderid": 261102000000080})))) as (made, _):
        assert made.place(place()).order_id == ORDER_ID


# --- reads ----------------------------------------------------------------------------------------------------------


def test_book_has_our_names_and_the_oldest_first() -> None:
    rows = [
        order_row(
            orderid="12",
            exchtime="02-Nov-2026 09:20:06",
            orderstatus="complete",
            filledshares="130",
            averageprice="100.125",
        ),
        order_row(orderid="11", ordertag="L1"),
    ]
    with broker(book(*rows)) as (made, server):
        first, second = made.orders()
    assert server.requests[0].line == "GET /rest/secure/angelbroking/order/v1/getOrderBook?%7B%7D HTTP/1.1"
    assert (first.order_id, first.symbol, first.tag, first.status) == ("11", CALL, "L1", BookStatus.OPEN)
    assert (second.status, second.filled, second.average_price_inr) == (BookStatus.COMPLETE, 130, Decimal("100.125"))


def test_empty_answers_are_empty() -> None:
    with broker(says(answer(success(None)))) as (made, _):
        assert (made.orders(), made.positions()) == ((), ())


def test_positions_are_read_with_what_was_carried() -> None:
    with broker(says(answer(success([position_row()])))) as (made, _):
        (position,) = made.positions()
    assert (position.symbol, position.product, position.net_units, position.overnight_units) == (
        CALL,
        "NRML",
        -65,
        -130,
    )
    assert position.average_price_inr == Decimal("88.40")


def test_margin_is_net_exactly() -> None:
    with broker(says(answer(success(RMS)))) as (made, server):
        assert made.funds() == Funds(available_inr=Decimal("1000000.55"))
    assert "getRMS" in server.requests[0].line


def test_debits_are_what_is_used() -> None:
    with broker(says(answer(success(RMS | {"utiliseddebits": "145706.55"})))) as (made, _):
        assert made.funds() == Funds(available_inr=Decimal("1000000.55"), used_inr=Decimal("145706.55"))


READS: list[Callable[[AngelBroker], Any]] = [AngelBroker.orders, AngelBroker.positions, AngelBroker.funds]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "data",
    [
        answer(b""),
        answer(b"[]"),
        answer(b"null"),
        answer(b"<html>"),
        RATE_LIMIT,
        answer(failure("AB1004", "Something Went Wrong")),
        answer(gateway_failure("AG7002", "Access denied: Unregistered IP address.")),
        answer(success("null")),
        answer(success([1])),
        answer(success([{}])),
        answer(json.dumps({"status": "true", "data": None}).encode()),
        answer(json.dumps({"data": None}).encode()),
        answer(json.dumps({"status": True, "message": "SUCCESS", "errorcode": ""}).encode()),
    ],
)
def test_read_that_cannot_be_relied_upon_fails(read: Callable[[AngelBroker], Any], data: bytes) -> None:
    with broker(says(data)) as (made, _), pytest.raises(ReadFailed) as failed:
        read(made)
    assert not isinstance(failed.value, NeedsLogin)


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("body", [gateway_failure("AG8001", "Invalid Token"), failure("AB1011", "Client not login")])
def test_read_without_a_session_needs_a_login(read: Callable[[AngelBroker], Any], body: bytes) -> None:
    with broker(says(answer(body))) as (made, _), pytest.raises(NeedsLogin):
        read(made)


def test_one_bad_row_makes_the_whole_book_unknown() -> None:
    with broker(book(order_row(), order_row(quantity="x"))) as (made, _), pytest.raises(ReadFailed):
        made.orders()


def test_order_for_nothing_that_was_refused_hides_no_other() -> None:
    """Somebody's own, by another program: refused before it had a quantity or a time."""
    odd = order_row(orderid="1", quantity="0", orderstatus="rejected", updatetime="-", exchtime="01-Jan-0001 00:00:00")
    with broker(book(odd, order_row())) as (made, _):
        assert [report.order_id for report in made.orders()] == [ORDER_ID]


def test_reads_of_one_kind_keep_a_second_apart_and_the_kinds_do_not_wait_for_each_other() -> None:
    time, slept = Time(), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    with serving(book()) as server:
        transport = Transport(server.url)
        made = AngelBroker("A1", AngelClient(Secret("k"), transport), SYMBOLS, lambda: time.now_ns, sleep)
        made.orders()
        made.positions()
        assert slept == []
        made.orders()
        assert slept == [pytest.approx(1.02)]
        transport.close()


def test_refusals_for_too_many_reads_make_the_next_one_wait_without_a_request() -> None:
    with broker(says(RATE_LIMIT)) as (made, server):
        for _ in range(5):
            with pytest.raises(ReadFailed):
                made.orders()
    assert len(server.requests) == 2  # a pause of one second is waited for, one of two seconds is not
