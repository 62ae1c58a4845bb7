"""Angel's two sockets by our own client: what is heard, what is left out, and that nothing ends them but `close`."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one.client import Session
from brokers.angel_one.link import SILENT_NS, Link
from brokers.angel_one.order_stream import OrderStream, order_of
from brokers.angel_one.quote_stream import TOKENS_MOST, QuoteStream, subscriptions
from brokers.angel_one.ticks import Key
from config.credentials import Secret
from engine.errors import NeedsLogin
from engine.model import BookStatus, InstrumentId, OrderReport, Quote
from tests.contract.angel_server import AngelServer
from tests.unit.brokers.angel_one.payloads import needs_samples, order_row, sample, snap_packet
from tests.unit.brokers.raw_server import answer, refused_port, says, serving
from tests.unit.brokers.tls import certificate as certificate  # noqa: PLC0414  a fixture
from tests.unit.brokers.tls import server_side
from tests.unit.paper.builders import CALL, PUT, option, order, quote

USER = "A123"
PATIENCE_S = 30.0
CALL_ID, PUT_ID = InstrumentId(f"NFO:{CALL}"), InstrumentId(f"NFO:{PUT}")
FAST = 0.01


class Ear:
    """Takes what the streams tell, and waits for it."""

    def __init__(self) -> None:
        self.orders: list[OrderReport] = []
        self.quotes: list[Quote] = []
        self.links: list[tuple[bool, str]] = []
        self.over: list[Session] = []
        self._news = threading.Condition()

    def keep(self, kept: list[Any]) -> Callable[..., None]:
        def take(*news: Any) -> None:
            with self._news:
                kept.append(news if len(news) > 1 else news[0])
                self._news.notify_all()

        return take

    def quote(self, quotes: Any) -> None:
        for one in quotes:
            self.keep(self.quotes)(one)

    def wait(self, found: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(found, PATIENCE_S), self.links

    def wait_links(self, count: int, is_on: bool = True) -> None:
        self.wait(lambda: [on for on, _ in self.links].count(is_on) >= count)


def until(found: Callable[[], object]) -> None:
    """Wait for what happens elsewhere and is not told here."""
    for _ in range(int(PATIENCE_S / FAST)):
        if found():
            return
        threading.Event().wait(FAST)
    raise AssertionError("it did not happen")


@pytest.fixture
def server() -> Iterator[AngelServer]:
    with AngelServer([(USER, Decimal(1_000_000))], [option(), option(PUT)]) as made:
        yield made


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def closing() -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    for stream in made:
        stream.close()


def session_of(server: AngelServer) -> Session:
    account = server.desk.accounts[USER]
    if not account.jwt:
        account.logins += 1
        account.jwt, account.feed = f"jwt{account.logins}", f"feed{account.logins}"
    return Session(jwt=Secret(account.jwt), feed=Secret(account.feed), refresh=Secret(""), until_ns=0)


class Time:
    """Real time that can be moved on."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns


def orders(server: AngelServer, ear: Ear, closing: list[Any], **more: Any) -> OrderStream:
    stream = OrderStream(
        more.get("session", lambda: session_of(server)),
        ear.keep(ear.orders),
        ear.keep(ear.links),
        ear.keep(ear.over),
        more.get("now_ns", time.time_ns),
        url=more.get("url", server.order_stream_url),
        retry_first_s=FAST,
    )
    closing.append(stream)
    stream.start()
    return stream


def quotes(server: AngelServer, ear: Ear, closing: list[Any], **more: Any) -> QuoteStream:
    stream = QuoteStream(
        Secret(server.desk.accounts[USER].api_key),
        Secret(USER),
        more.get("session", lambda: session_of(server)),
        ear.quote,
        ear.keep(ear.links),
        ear.keep(ear.over),
        more.get("now_ns", server.clock.now_ns),
        url=server.ticker_url,
        retry_first_s=FAST,
    )
    closing.append(stream)
    return stream


def keys(server: AngelServer) -> dict[Key, InstrumentId]:
    return {(2, server.desk.scrips[name]["token"]): name for name in (CALL_ID, PUT_ID)}


def trade(server: AngelServer) -> None:
    server.quote(quote(at_ns=server.clock.now_ns()))
    server.call(lambda: server.exchange.place(order(account=USER), server.clock.now_ns()))


# --- order updates --------------------------------------------------------------------------------------------------


def test_update_of_an_order_is_heard_with_what_the_book_says(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = orders(server, ear, closing)
    ear.wait_links(1)
    trade(server)
    ear.wait(lambda: bool(ear.orders) and ear.orders[-1].filled == 65)
    assert [(r.status, r.filled) for r in ear.orders] == [
        (BookStatus.PENDING, 0),
        (BookStatus.OPEN, 0),
        (BookStatus.COMPLETE, 65),
    ]
    assert ear.orders[-1].symbol == "NIFTY24NOV2624500CE"
    assert stream.alive_ns > 0


@needs_samples
@pytest.mark.parametrize(
    ("name", "status", "filled", "price"),
    [
        ("complete", BookStatus.COMPLETE, 1, Decimal("265.62")),
        ("open_pending", BookStatus.PENDING, 0, None),
    ],
)
def test_live_frame_is_read(name: str, status: BookStatus, filled: int, price: Decimal | None) -> None:
    report = order_of(sample(f"angel/ws_order_live_{name}.json"))
    assert report is not None
    assert (report.status, report.filled, report.average_price_inr, report.symbol) == (
        status,
        filled,
        price,
        "NIFTYBEES-EQ",
    )


@needs_samples
def test_rejected_order_is_told_by_its_status_and_not_by_the_code_beside_it() -> None:
    report = order_of(sample("angel/ws_order_rejected.json"))
    assert report is not None
    assert (report.status, report.status_text, report.tag) == (BookStatus.REJECTED, "Adapter is Logged Off", "10007712")


@needs_samples
def test_first_frame_is_no_order() -> None:
    assert order_of(sample("angel/ws_order_first_frame.json")) is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0",
        b"pong",
        b"null",
        b"[]",
        b"1",
        b'"x"',
        b"{}",
        b'{"orderData": null}',
        b'{"orderData": []}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_frame_that_is_no_order_is_left_out(frame: bytes) -> None:
    assert order_of(frame) is None


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63 - 2, max_value=2**70),
    st.floats(),
    st.text(max_size=9),
    st.sampled_from(["NaN", "sNaN", "1e999999", "-Infinity", "9" * 400, "99-Foo-2020 10:00:00", "1-Jan-0001 00:00:00"]),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


@given(st.lists(st.tuples(st.sampled_from(sorted(order_row())), ANYTHING), max_size=4))
def test_order_with_any_values_is_understood_or_left_out(changes: list[tuple[str, object]]) -> None:
    order_of(json.dumps({"orderData": order_row(**dict(changes))}).encode())


@given(st.binary(max_size=50), st.integers(0, 1000), st.integers(0, 20))
def test_any_bytes_are_understood_or_left_out(damage: bytes, at: int, length: int) -> None:
    whole = json.dumps({"orderData": order_row()}).encode()
    order_of(damage)
    order_of(whole[:at] + damage + whole[at + length :])


# --- quotes ---------------------------------------------------------------------------------------------------------


def test_quote_is_heard_with_our_name(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = quotes(server, ear, closing)
    stream.subscribe(keys(server))
    stream.start()
    until(lambda: server.subscribed() == [set(keys(server))])
    server.quote(quote(at_ns=server.clock.now_ns()))
    ear.wait(lambda: bool(ear.quotes))
    found = ear.quotes[0]
    assert (found.instrument, found.bid_inr, found.ask_inr, found.last_inr) == (
        CALL_ID,
        Decimal("100.00"),
        Decimal("100.10"),
        Decimal("100.05"),
    )
    assert found.stale_at_ns is not None
    assert found.stale_at_ns > server.clock.now_ns()


def test_instrument_that_is_added_later_is_heard_too(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = quotes(server, ear, closing)
    stream.start()
    ear.wait_links(1)
    wanted: dict[Key, InstrumentId] = {}
    for key, name in keys(server).items():
        wanted |= {key: name}
        stream.subscribe(wanted)
    until(lambda: server.subscribed() == [set(keys(server))])
    server.quote(quote(symbol=PUT, at_ns=server.clock.now_ns()))
    ear.wait(lambda: [q.instrument for q in ear.quotes] == [PUT_ID])


def test_instrument_whose_number_is_another_ones_today_is_heard_under_its_own(
    server: AngelServer, ear: Ear, closing: list[Any]
) -> None:
    """What was the call's number is the put's, and nobody is told a price of the one under the name of the other."""
    call, put = (key for key, _ in sorted(keys(server).items(), key=lambda pair: pair[1] != CALL_ID))
    stream = quotes(server, ear, closing)
    stream.subscribe({call: PUT_ID, put: CALL_ID})
    stream.start()
    until(lambda: server.subscribed() == [{call, put}])
    stream.subscribe({call: CALL_ID})
    until(lambda: server.subscribed() == [{call}])
    server.quote(quote(symbol=PUT, at_ns=server.clock.now_ns()))
    server.quote(quote(at_ns=server.clock.now_ns()))
    ear.wait(lambda: bool(ear.quotes))
    assert [q.instrument for q in ear.quotes] == [CALL_ID]


def test_newest_quote_comes_at_once(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    server.quote(quote(at_ns=server.clock.now_ns()))
    stream = quotes(server, ear, closing)
    stream.subscribe(keys(server))
    stream.start()
    ear.wait(lambda: [q.instrument for q in ear.quotes] == [CALL_ID])


def test_after_a_reconnect_everything_is_asked_for_again_once(
    server: AngelServer, ear: Ear, closing: list[Any]
) -> None:
    stream = quotes(server, ear, closing)
    stream.subscribe(keys(server))
    stream.start()
    for count in (1, 2, 3):
        ear.wait_links(count)
        until(lambda: server.subscribed() == [set(keys(server))])
        server.drop_streams()
    ear.wait_links(4)


def test_subscriptions_are_cut_into_messages_and_bounded() -> None:
    many: list[Key] = [(2 if n % 2 else 4, str(n)) for n in range(450)]
    texts = [json.loads(text) for text in subscriptions(many)]
    found = [(e["exchangeType"], t) for text in texts for e in text["params"]["tokenList"] for t in e["tokens"]]
    assert (len(texts), sorted(found)) == (3, sorted(many))
    assert {(text["action"], text["params"]["mode"]) for text in texts} == {(1, 3)}
    assert subscriptions([]) == []


def test_subscriptions_beyond_what_angel_takes_are_left_out(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = quotes(server, ear, closing)
    stream.subscribe({(2, str(n)): CALL_ID for n in range(TOKENS_MOST + 7)})
    stream.subscribe({(2, str(n)): CALL_ID for n in range(TOKENS_MOST)} | {(4, "1"): PUT_ID})
    stream.start()
    until(lambda: [len(found) for found in server.subscribed()] == [TOKENS_MOST])


# --- the connection -------------------------------------------------------------------------------------------------


def test_lost_connection_is_told_and_made_again_and_again(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream, linked_ns = orders(server, ear, closing), {0}
    for count in range(1, 6):
        ear.wait_links(count)
        linked_ns.add(stream.linked_ns)
        server.drop_streams()
    ear.wait_links(6)
    assert len(linked_ns) == 6
    assert [on for on, _ in ear.links][:4] == [True, False, True, False]
    trade(server)
    ear.wait(lambda: bool(ear.orders))


def test_connection_is_kept_alive_by_pings(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    clock = Time()
    stream = orders(server, ear, closing, now_ns=clock)
    ear.wait_links(1)
    for _ in range(5):
        clock.ahead_ns += 11_000_000_000
        moved_ns = clock()
        until(lambda moved_ns=moved_ns: stream.alive_ns >= moved_ns)  # type: ignore[misc]
    assert [on for on, _ in ear.links] == [True]


def test_connection_that_falls_silent_is_dropped_and_made_again(
    server: AngelServer, ear: Ear, closing: list[Any]
) -> None:
    clock = Time()
    server.is_mute = True
    orders(server, ear, closing, now_ns=clock)
    ear.wait_links(1)

    def silent() -> bool:
        clock.ahead_ns += SILENT_NS // 10
        return (False, "the server has fallen silent") in ear.links

    until(silent)
    ear.wait_links(2)


def test_session_that_is_over_is_told_and_the_next_one_is_used(
    server: AngelServer, ear: Ear, closing: list[Any]
) -> None:
    old = session_of(server)
    sessions = [old, session_of(server)]
    server.end_sessions()
    orders(server, ear, closing, session=lambda: sessions[0])
    ear.wait(lambda: bool(ear.over))
    assert ear.over[0] is old
    assert (False, "the login is over") in ear.links
    sessions[0] = session_of(server)
    ear.wait_links(1)


def test_quote_stream_tells_of_a_session_that_is_over(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    old = session_of(server)
    server.end_sessions()
    quotes(server, ear, closing, session=lambda: old).start()
    ear.wait(lambda: bool(ear.over))


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_both_refusals_of_a_session_are_told(status: str, ear: Ear, closing: list[Any], server: AngelServer) -> None:
    with serving(says(answer(b"jwt1 is bad", status), close=True)) as raw:
        orders(server, ear, closing, url=raw.url.replace("http", "ws"))
        ear.wait(lambda: bool(ear.over))


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Oops", "302 Found"])
def test_other_refusals_do_not_end_the_session(status: str, ear: Ear, closing: list[Any], server: AngelServer) -> None:
    more = ("Location: ws://127.0.0.1:1/jwt1",)
    with serving(says(answer(b"jwt1", status, more=more), close=True)) as raw:
        orders(server, ear, closing, url=raw.url.replace("http", "ws"))
        ear.wait_links(3, is_on=False)
        assert not ear.over
        assert all("jwt1" not in why and why for _, why in ear.links)
        assert len(raw.requests) >= 3
        assert raw.requests[0].headers["authorization"] == "Bearer jwt1"


def test_without_a_session_nothing_is_sent_and_the_reason_is_told(
    server: AngelServer, ear: Ear, closing: list[Any]
) -> None:
    def none() -> Session:
        raise NeedsLogin("the PIN is wrong")

    orders(server, ear, closing, session=none)
    ear.wait_links(3, is_on=False)
    assert ear.links[0] == (False, "the PIN is wrong")
    assert not server.handshakes


def test_server_that_is_not_there_is_tried_until_close(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = orders(server, ear, closing, url=f"ws://127.0.0.1:{refused_port()}")
    ear.wait_links(4, is_on=False)
    stream.close()
    count = len(ear.links)
    threading.Event().wait(10 * FAST)
    assert len(ear.links) == count


def test_pauses_between_tries_grow(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    orders(server, ear, closing, url=f"ws://127.0.0.1:{refused_port()}")
    ear.wait_links(3, is_on=False)
    threading.Event().wait(30 * FAST)
    assert len(ear.links) < 10  # thirty without growing


def test_another_session_is_taken_up_at_once(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = orders(server, ear, closing)
    ear.wait_links(1)
    stream.reconnect()
    ear.wait_links(2)
    assert ear.links[1] == (False, "the session is another one")


def test_callback_that_raises_does_not_end_the_connection(server: AngelServer, closing: list[Any]) -> None:
    ear, seen = Ear(), []

    def raises(data: bytes, _is_binary: bool) -> None:
        seen.append(data)
        raise RuntimeError("a bug of the hearer")

    link = Link(
        server.order_stream_url, session=lambda: session_of(server),
        headers=lambda session: {"Authorization": f"Bearer {session.jwt.reveal()}"},
        on_data=raises, on_link=ear.keep(ear.links), on_over=lambda _session: None,
        now_ns=time.time_ns, retry_first_s=FAST,
    )  # fmt: skip
    closing.append(link)
    link.start()
    ear.wait_links(1)
    trade(server)
    trade(server)
    until(lambda: len(seen) >= 6)
    assert ear.links == [(True, "")]


def test_close_before_the_start_and_twice_is_quiet(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    stream = quotes(server, ear, closing)
    stream.close()
    stream.close()
    assert ear.links == []


def test_cookies_of_one_account_are_not_sent_for_another(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    more = ("Set-Cookie: session=canarycookie; Domain=127.0.0.1", "Location: ws://127.0.0.1:1/")
    with serving(says(answer(b"", "302 Found", more=more), close=True)) as raw:
        orders(server, ear, closing, url=raw.url.replace("http", "ws"))
        ear.wait_links(3, is_on=False)
        assert all("cookie" not in request.headers for request in raw.requests)


@pytest.mark.parametrize("is_trusted", [False, True])
def test_session_goes_only_to_a_server_with_a_good_certificate(
    is_trusted: bool,
    server: AngelServer,
    ear: Ear,
    closing: list[Any],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = server_side(certificate, ssl.TLSVersion.TLSv1_3)
    with serving(says(answer(b"", "500 Oops"), close=True), tls=tls) as raw:
        orders(server, ear, closing, url=raw.url.replace("https", "wss"))
        ear.wait_links(2, is_on=False)
        assert bool(raw.requests) is is_trusted


def test_redirect_is_not_followed(server: AngelServer, ear: Ear, closing: list[Any]) -> None:
    with serving(says(answer(b"", "500 Oops"), close=True)) as other:
        more = (f"Location: {other.url.replace('http', 'ws')}/",)
        with serving(says(answer(b"", "302 Found", more=more), close=True)) as raw:
            orders(server, ear, closing, url=raw.url.replace("http", "ws"))
            ear.wait_links(3, is_on=False)
        assert not other.requests


def test_no_proxy_is_used(server: AngelServer, ear: Ear, closing: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    orders(server, ear, closing)
    ear.wait_links(1)


@given(st.binary(max_size=400))
def test_any_frame_of_the_market_stream_is_a_quote_or_left_out(frame: bytes) -> None:
    heard: list[Quote] = []
    none: Any = None
    stream = QuoteStream(Secret("k"), Secret("u"), none, heard.extend, none, none, lambda: 1, url="ws://127.0.0.1")
    stream.subscribe({(2, "40921"): CALL_ID})
    stream._heard(frame, True)
    stream._heard(frame, False)
    stream._heard(snap_packet(), True)
    assert heard[-1].instrument == CALL_ID
