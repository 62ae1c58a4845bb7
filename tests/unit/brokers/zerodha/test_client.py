"""Our client puts the same bytes on the wire as the official one, and tells what came back without telling a secret."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from kiteconnect.connect import KiteConnect

from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent, Transport
from brokers.zerodha.client import KiteClient
from config.credentials import Secret
from engine.events import Outcome
from tests.unit.brokers.raw_server import RawServer, Request, answer, refused_port, says, serving
from tests.unit.brokers.zerodha.payloads import success

KEY, TOKEN, API_SECRET = "canarykey0001", "canarytoken0001canarytoken", "canarysecret0001"
ORDER_ID = "2026100500012345601"
PLACED = success({"order_id": ORDER_ID})
ROWS = success([])
Call = Callable[[Any], object]


@contextmanager
def client(server: RawServer, token: str | None = TOKEN) -> Iterator[KiteClient]:
    transport = Transport(server.url, read_timeout_s=10)
    made = KiteClient(Secret(KEY), None if token is None else Secret(token), transport)
    made.hide(Secret(API_SECRET))
    try:
        yield made
    finally:
        transport.close()


@contextmanager
def stock(server: RawServer, token: str | None = TOKEN) -> Iterator[KiteConnect]:
    made = KiteConnect(KEY, access_token=token, root=server.url)
    made.reqsession.trust_env = False
    try:
        yield made
    finally:
        made.reqsession.close()


def sent(
    maker: Callable[..., Any], call: Call, body: bytes, token: str | None = TOKEN, kind: str = "application/json"
) -> Request:
    with serving(says(answer(body, kind=kind))) as server:
        with maker(server, token) as made:
            call(made)
        (request,) = server.requests
    return request


def on_the_wire(request: Request) -> tuple[str, bytes, dict[str, str | None]]:
    """All that Kite looks at."""
    names = ["authorization", "x-kite-version", "user-agent", "content-type"]
    if request.method in ("POST", "PUT"):
        names.append("content-length")
    return request.line, request.body, {name: request.headers.get(name) for name in names}


# --- the same bytes as the official client --------------------------------------------------------------------------

LIMIT = {
    "variety": "regular", "exchange": "NFO", "tradingsymbol": "NIFTY26OCT24500CE", "transaction_type": "BUY",
    "quantity": 65, "product": "NRML", "order_type": "LIMIT", "price": "101.05", "validity": "DAY", "tag": "LKP2DL00000017F",
}  # fmt: skip
LEG = {
    key: LIMIT[key]
    for key in (
        "exchange",
        "tradingsymbol",
        "transaction_type",
        "variety",
        "product",
        "order_type",
        "quantity",
        "price",
    )
}
SESSION = success({"access_token": "t", "user_id": "ZX0001", "login_time": "2026-10-05 08:00:00"})

CALLS: list[tuple[str, Call, bytes]] = [
    ("place a limit order", lambda k: k.place_order(**LIMIT), PLACED),
    (
        "place a market order with protection",
        lambda k: k.place_order(**LIMIT | {"order_type": "MARKET", "price": None, "market_protection": -1}),
        PLACED,
    ),
    ("place a stop", lambda k: k.place_order(**LIMIT | {"order_type": "SL", "trigger_price": "100.00"}), PLACED),
    ("place with a price of 0", lambda k: k.place_order(**LIMIT | {"price": 0, "trigger_price": 0.0}), PLACED),
    ("place what has to be escaped", lambda k: k.place_order(**LIMIT | {"tradingsymbol": "M&M 26OCT=3000/CE+%\u20b9"}), PLACED),
    ("place with everything", lambda k: k.place_order(
        **LIMIT, validity_ttl=2, disclosed_quantity=65, trigger_price=99.95, iceberg_legs=2, iceberg_quantity=65,
        auction_number="7", algo_id="A1", market_protection=2.5,
    ), PLACED),
    ("place an order after hours", lambda k: k.place_order(**LIMIT | {"variety": "amo"}), PLACED),
    ("change quantity and price", lambda k: k.modify_order("regular", ORDER_ID, quantity=130, price="100.95"), PLACED),
    ("change to market", lambda k: k.modify_order("regular", ORDER_ID, order_type="MARKET", market_protection=-1), PLACED),
    ("change a trigger", lambda k: k.modify_order("regular", ORDER_ID, trigger_price="99.90", validity="IOC"), PLACED),
    ("cancel", lambda k: k.cancel_order("regular", ORDER_ID), PLACED),
    ("cancel a leg", lambda k: k.cancel_order("co", ORDER_ID, parent_order_id="2026100500012345600"), PLACED),
    ("read the book", lambda k: k.orders(), ROWS),
    ("read a history", lambda k: k.order_history(ORDER_ID), ROWS),
    ("read the trades of an order", lambda k: k.order_trades(ORDER_ID), ROWS),
    ("read the positions", lambda k: k.positions(), success({"net": [], "day": []})),
    ("read the margins", lambda k: k.margins(), success({})),
    ("read a segment's margins", lambda k: k.margins("equity"), success({})),
    ("read the profile", lambda k: k.profile(), success({})),
    ("ask the margins of orders", lambda k: k.order_margins([LEG, LEG]), ROWS),
    ("ask the margin of a basket", lambda k: k.basket_order_margins([LEG], mode="compact"), success({})),
    ("ask it without the positions", lambda k: k.basket_order_margins([LEG], consider_positions=False), success({})),
    ("ask prices", lambda k: k.ltp("NFO:NIFTY26OCT24500CE", "NFO:M&M26OCT3000CE", "NSE:NIFTY 50"), success({})),
    ("ask quotes", lambda k: k.quote(["NFO:NIFTY26OCT24500CE"]), success({})),
    ("log in", lambda k: k.generate_session("request", API_SECRET), SESSION),
]  # fmt: skip


@pytest.mark.parametrize(("what", "call", "body"), CALLS, ids=[call[0] for call in CALLS])
@pytest.mark.parametrize("token", [TOKEN, None], ids=["logged in", "before the login"])
def test_same_bytes_as_the_official_client(what: str, call: Call, body: bytes, token: str | None) -> None:
    ours, theirs = sent(client, call, body, token), sent(stock, call, body, token)
    assert on_the_wire(ours) == on_the_wire(theirs)
    assert ours.headers.get("authorization") == (f"token {KEY}:{TOKEN}" if token else None)
    assert ours.headers["x-kite-version"] == "3"
    assert ours.headers["user-agent"].startswith("Kiteconnect-python/5.")


@pytest.mark.parametrize(
    ("ask", "call"),
    [
        (lambda k: k.fetch("market.instruments.all"), lambda k: k.instruments()),
        (lambda k: k.fetch("market.instruments", {"exchange": "NFO"}), lambda k: k.instruments("NFO")),
    ],
    ids=["whole", "of an exchange"],
)
def test_instrument_dump_is_asked_for_as_by_the_official_client_and_packed(ask: Call, call: Call) -> None:
    header = b"instrument_token,last_price,strike,tick_size,lot_size,expiry\n"
    ours, theirs = (sent(maker, how, header, kind="text/csv") for maker, how in ((client, ask), (stock, call)))
    assert on_the_wire(ours) == on_the_wire(theirs)
    assert ours.headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("route", "call"),
    [
        ("orders", lambda k: k.orders()),
        ("portfolio.positions", lambda k: k.positions()),
        ("user.margins", lambda k: k.margins()),
        ("user.profile", lambda k: k.profile()),
    ],
)
def test_read_by_route_is_that_of_the_official_method(route: str, call: Call) -> None:
    ours, theirs = (
        sent(client, lambda k: k.fetch(route), ROWS),
        sent(stock, call, success({}) if "user" in route else ROWS),
    )
    assert on_the_wire(ours) == on_the_wire(theirs)


def test_question_by_route_is_that_of_the_official_method() -> None:
    query = {"consider_positions": True, "mode": "compact"}
    ours = sent(client, lambda k: k.ask("order.margins.basket", [LEG], query), success({}))
    theirs = sent(stock, lambda k: k.basket_order_margins([LEG], mode="compact"), success({}))
    assert on_the_wire(ours) == on_the_wire(theirs)


def test_fields_that_are_not_given_are_not_sent() -> None:
    request = sent(client, lambda k: k.place_order(**LIMIT | {"price": None}), PLACED)
    assert dict(parse_qsl(request.body.decode(), keep_blank_values=True)) == {
        key: str(value) for key, value in LIMIT.items() if key != "price"
    }
    assert sent(client, lambda k: k.cancel_order("regular", ORDER_ID), PLACED).line == (
        f"DELETE /orders/regular/{ORDER_ID} HTTP/1.1"
    )


def test_prices_stand_in_the_form_digit_by_digit() -> None:
    request = sent(client, lambda k: k.place_order(**LIMIT | {"price": Decimal("0.05"), "quantity": 3510}), PLACED)
    fields = dict(parse_qsl(request.body.decode()))
    assert (fields["price"], fields["quantity"]) == ("0.05", "3510")


def test_answer_is_its_data_and_a_read_is_handed_out_as_it_came() -> None:
    with serving(says(answer(PLACED))) as server, client(server) as made:
        assert made.place_order(**LIMIT) == ORDER_ID
        assert made.modify_order("regular", ORDER_ID, quantity=65) == ORDER_ID
        assert made.cancel_order("regular", ORDER_ID) == ORDER_ID
    body = b'{"status":"success","data":{"equity":{"net":99725.05000000002}}}'
    with serving(says(answer(body))) as server, client(server) as made:
        assert made.fetch("user.margins") == body


def test_token_that_is_set_later_is_used_from_then_on() -> None:
    with serving(says(answer(ROWS))) as server, client(server, token=None) as made:
        made.fetch("orders")
        made.set_access_token("later")
        made.fetch("orders")
    assert [r.headers.get("authorization") for r in server.requests] == [None, f"token {KEY}:later"]


# --- the path -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order_id",
    [
        "1/../../user/profile",
        "..%2f",
        "1?variety=amo",
        "1#end",
        "a b",
        "a\r\nX: y",
        "%",
        "\u20b9",
        "1;x",
        "\\..\\",
        "a&b=c",
    ],
)
def test_id_with_odd_characters_stays_one_segment_of_the_path(order_id: str) -> None:
    """An id only ever comes from Kite; still a cancel of it must never become another request."""
    for call in (
        lambda k: k.cancel_order("regular", order_id),
        lambda k: k.modify_order("regular", order_id, quantity=65),
    ):
        request = sent(client, call, PLACED)
        path = urlsplit(request.target)
        assert (path.query, path.fragment) == ("", "")
        assert path.path.startswith("/orders/regular/") and path.path.count("/") == 3
        assert not set(path.path.removeprefix("/orders/regular/")) & set("/?#;&=\\ ")
        assert request.headers.get("x") is None


@pytest.mark.parametrize("order_id", ["", ".", ".."])
def test_id_that_no_quoting_makes_a_segment_is_not_sent(order_id: str) -> None:
    with serving() as server, client(server) as made:
        with pytest.raises(NotSent):
            made.cancel_order("regular", order_id)
        with pytest.raises(NotSent):
            made.order_history(order_id)
        assert server.requests == []


# --- errors ---------------------------------------------------------------------------------------------------------


def error(message: str, error_type: str = "InputException", status: str = "400 Bad Request") -> bytes:
    body = f'{{"status":"error","message":"{message}","data":null,"error_type":"{error_type}"}}'
    return answer(body.encode(), status)


def refusal(told: bytes, call: Call = lambda k: k.place_order(**LIMIT)) -> Refusal:
    with serving(says(told)) as server, client(server) as made, pytest.raises(Refusal) as caught:
        call(made)
    assert len(server.requests) == 1
    return caught.value


@pytest.mark.parametrize(
    ("told", "outcome", "text"),
    [
        (error("Invalid `quantity`."), Outcome.REJECTED, "Invalid `quantity`."),
        (error("Incorrect token.", "TokenException", "403 Forbidden"), Outcome.NEEDS_LOGIN, "Incorrect token."),
        (error("Too many requests", "NetworkException", "429 Too Many Requests"), Outcome.RATE_LIMITED, "Too many requests"),
        (error("IP (192.0.2.7) is not allowed", "PermissionException", "403 Forbidden"), Outcome.IP_REFUSED, "IP (192.0.2.7) is not allowed"),
        (error("Order request timed out."), Outcome.UNKNOWN, "Order request timed out."),
        (error("OMS", "NetworkException", "503 Service Unavailable"), Outcome.UNKNOWN, "OMS"),
        (error("Invalid `quantity`.", status="200 OK"), Outcome.UNKNOWN, "Invalid `quantity`."),
        (error("Incorrect token.", "TokenException", "200 OK"), Outcome.UNKNOWN, "Incorrect token."),
        (answer(b'{"status":"error","message":"m","error_type":"X"}', kind="text/plain"), Outcome.UNKNOWN, "m"),
        (answer(b'{"status":"error","message":"nameless"}'), Outcome.UNKNOWN, "nameless"),
        (answer(b"<html>Bad gateway</html>", "502 Bad Gateway", "text/html"), Outcome.UNKNOWN, "HTTP 502 without Kite's own words"),
        (answer(b"<html>", "429 Too Many Requests", "text/html"), Outcome.RATE_LIMITED, "HTTP 429 without Kite's own words"),
        (answer(b"<html>", "403 Forbidden", "text/html"), Outcome.UNKNOWN, "HTTP 403 without Kite's own words"),
        (answer(b"", "400 Bad Request"), Outcome.UNKNOWN, "HTTP 400 without Kite's own words"),
        (answer(PLACED, "202 Accepted"), Outcome.UNKNOWN, "HTTP 202 without Kite's own words"),
        (answer(b"", "302 Found", more=("Location: /orders",)), Outcome.UNKNOWN, "HTTP 302 without Kite's own words"),
        (answer(b"", "307 Temporary Redirect", more=("Location: /orders",)), Outcome.UNKNOWN, "HTTP 307 without Kite's own words"),
    ],
)  # fmt: skip
def test_error_is_a_refusal_in_kites_words(told: bytes, outcome: Outcome, text: str) -> None:
    found = refusal(told)
    assert (found.outcome, str(found)) == (outcome, text)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"1", b'"x"', b"{}", b'{"status":"success"}', b'{"data":{"order_id":"1"}}', b"<html></html>",
        b'{"status":"error","data":{"order_id":"1"}}', b'{"status":"success","data":{"order_id":"1"}', b"\xff\xfe",
        b'{"status":"ok","data":{"order_id":"1"}}', b'{"status":null,"data":{"order_id":"1"}}', b"[" * 100_000,
        b'{"status":"success","data":' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: body[:50].decode("latin-1"),
)  # fmt: skip
def test_success_that_is_none_is_malformed(body: bytes) -> None:
    with serving(says(answer(body))) as server, client(server) as made:
        with pytest.raises(Malformed) as caught:
            made.place_order(**LIMIT)
        assert len(server.requests) == 1
    assert "order_id" not in str(caught.value)


@pytest.mark.parametrize("data", [b"null", b"[]", b"[1]", b"{}", b'"x"', b"1", b'{"order":"1"}'])
def test_success_without_an_id_ends_in_an_error_that_the_adapter_knows(data: bytes) -> None:
    with (
        serving(says(answer(b'{"status":"success","data":' + data + b"}"))) as server,
        client(server) as made,
        pytest.raises((KeyError, TypeError)),
    ):
        made.place_order(**LIMIT)


def test_lost_request_and_lost_answer_pass_through() -> None:
    def gone(server: RawServer, request: Request, sock: object) -> bool:
        return False

    with serving(gone) as server, client(server) as made:
        with pytest.raises(NoAnswer):
            made.place_order(**LIMIT)
        assert [r.method for r in server.requests] == ["POST"]
    transport = Transport(f"http://127.0.0.1:{refused_port()}")
    with pytest.raises(NotSent):
        KiteClient(Secret(KEY), Secret(TOKEN), transport).place_order(**LIMIT)
    transport.close()


def test_redirect_is_not_followed_and_nothing_is_told_to_another_server() -> None:
    with serving() as other:
        for status in (
            "301 Moved Permanently",
            "302 Found",
            "303 See Other",
            "307 Temporary Redirect",
            "308 Permanent Redirect",
        ):
            assert refusal(answer(b"", status, more=(f"Location: {other.url}/orders",))).outcome is Outcome.UNKNOWN
        assert other.connections == 0


# --- secrets --------------------------------------------------------------------------------------------------------


def echo(status: str) -> Callable[[RawServer, Request, Any], bool]:
    """Answers with an error that repeats what it was sent, and the secrets that it knows of."""

    def talk(server: RawServer, request: Request, sock: Any) -> bool:
        words = f"got {request.headers.get('authorization')} and {API_SECRET} {TOKEN}{KEY}"
        sock.sendall(error(words, "InputException", status))
        return True

    return talk


@pytest.mark.parametrize(
    "status", ["200 OK", "400 Bad Request", "403 Forbidden", "429 Too Many Requests", "500 Server Error"]
)
def test_secret_that_the_server_repeats_is_hidden(status: str) -> None:
    with serving(echo(status)) as server, client(server) as made:
        for call in (
            lambda: made.place_order(**LIMIT),
            lambda: made.fetch("orders"),
            lambda: made.ask("order.margins", [], {}),
        ):
            with pytest.raises(Refusal) as caught:
                call()
            shown = f"{caught.value} {caught.value!r} {caught.value.args}"
            assert "canary" not in shown
            assert str(caught.value) == "got token ***:*** and *** ******"
            assert caught.value.__cause__ is None


def test_secret_that_is_part_of_another_one_does_not_uncover_it() -> None:
    told = error("the token is abcdefgh")
    with serving(says(told)) as server:
        transport = Transport(server.url)
        made = KiteClient(Secret("abcd"), Secret("abcdefgh"), transport)
        with pytest.raises(Refusal) as caught:
            made.fetch("orders")
        transport.close()
    assert str(caught.value) == "the token is ***"


def test_empty_secret_hides_nothing() -> None:
    with serving(says(error("Invalid `quantity`."))) as server, client(server, token="") as made:
        made.hide(Secret(""))
        with pytest.raises(Refusal) as caught:
            made.fetch("orders")
    assert str(caught.value) == "Invalid `quantity`."


def test_client_shows_nothing_of_itself() -> None:
    with serving() as server, client(server) as made:
        assert (repr(made), str(made), f"{made}") == ("KiteClient()",) * 3
