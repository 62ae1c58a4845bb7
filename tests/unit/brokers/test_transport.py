"""One request is sent once, over a connection that is sure to be open, and its end is told for sure."""

import gzip
import itertools
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokers.transport import BODY_MOST, IDLE_MOST, IDLE_MOST_S, NoAnswer, NotSent, Reply, Transport
from engine.errors import LockstepError
from tests.unit.brokers.raw_server import PATIENCE_S, RawServer, Request, answer, hangs, refused_port, says, serving
from tests.unit.brokers.transports import CANARY, SECRET, Surplus, get, silent_end, transport


def breaks_off(server: RawServer, request: Request, sock: socket.socket) -> bool:
    """Ends the connection with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


# --- what is sent, and over which connection -------------------------------------------------------------------------


def test_request_goes_out_as_given_and_its_answer_comes_back() -> None:
    told = answer(b'{"a":1}', more=("Date: Mon, 05 Oct 2026 03:45:00 GMT",))
    with serving(says(told)) as server, transport(server.url) as made:
        reply = made.request("POST", "/orders/regular?a=b", {"X-Kite-Version": "3"}, b"quantity=65")
    assert reply == Reply(200, "application/json", b'{"a":1}', "Mon, 05 Oct 2026 03:45:00 GMT")
    (sent,) = server.requests
    assert (sent.line, sent.body) == ("POST /orders/regular?a=b HTTP/1.1", b"quantity=65")
    assert sent.headers["host"] == f"127.0.0.1:{server.port}"
    assert (sent.headers["x-kite-version"], sent.headers["content-length"]) == ("3", "11")


def test_one_connection_serves_one_request_after_another() -> None:
    with serving() as server, transport(server.url) as made:
        for number in range(5):
            get(made, f"/{number}")
    assert (server.connections, [r.target for r in server.requests]) == (1, ["/0", "/1", "/2", "/3", "/4"])


def test_connection_that_the_server_closed_while_idle_is_not_used() -> None:
    with serving(says(answer(b"first"), close=True), says(answer(b"second"))) as server, transport(server.url) as made:
        assert get(made).body == b"first"
        server.wait_hung_up()
        assert made.request("POST", "/orders/regular", SECRET, b"once").body == b"second"
    assert [r.method for r in server.requests] == ["GET", "POST"]
    assert server.connections == 2


def test_connection_with_bytes_that_nobody_asked_for_is_not_used() -> None:
    surplus = Surplus()
    with serving(surplus, says(answer(b"right"))) as server, transport(server.url) as made:
        assert get(made).body == b"mine"
        surplus.send()
        assert get(made).body == b"right"
        assert server.connections == 2


def test_answer_that_comes_with_another_one_is_not_followed_by_that_one() -> None:
    talks = (says(answer(b"mine") + answer(b"other")), says(answer(b"right")))
    with serving(*talks) as server, transport(server.url) as made:
        assert [get(made).body, get(made).body] == [b"mine", b"right"]


def test_chunked_answer_that_comes_with_another_one_is_not_followed_by_that_one() -> None:
    talks = (says(CHUNKED + b"4\r\nmine\r\n0\r\n\r\n" + answer(b"other")), says(answer(b"right")))
    with serving(*talks) as server, transport(server.url) as made:
        assert [get(made).body, get(made).body] == [b"mine", b"right"]
        assert server.connections == 2


def test_all_idle_connections_that_were_closed_are_passed_over() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(3)
        get(made)
        server.talks[:] = [says(answer(), close=True), says(answer(b"fresh"))]
        get(made)
        server.wait_hung_up()
        assert get(made).body == b"fresh"
    assert len(server.requests) == 3


class Ticks:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_connection_that_idled_too_long_is_closed_and_not_used() -> None:
    """A router in between may have forgotten it without a word."""
    ticks = Ticks()
    with serving() as server:
        made = Transport(server.url, ticks=ticks)
        get(made)
        ticks.now_s += IDLE_MOST_S
        get(made)
        assert server.connections == 1
        ticks.now_s += IDLE_MOST_S + 0.1
        made.request("POST", "/orders/regular", SECRET, b"once")
        server.wait_hung_up()
        assert server.connections == 2
        made.close()
    assert [request.method for request in server.requests] == ["GET", "GET", "POST"]


def test_reads_keep_one_connection_warm_and_the_others_grow_old() -> None:
    ticks = Ticks()
    with serving() as server:
        made = Transport(server.url, ticks=ticks)
        made.warm_up(3)
        for _ in range(3):
            ticks.now_s += IDLE_MOST_S / 2
            get(made)
        started = made.start("POST", "/orders/regular", SECRET, b"once")
        assert started is not None
        assert made.start("POST", "/orders/regular", SECRET, b"next") is None
        server.wait_hung_up(2)
        made.finish(started)
        made.close()
    assert (server.connections, len(server.requests)) == (3, 4)


def test_connection_is_watched_by_the_system() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(1)
        started = made.start("GET", "/orders", SECRET)
        assert started is not None
        assert started.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        made.finish(started)


def test_answer_that_closes_ends_the_connection() -> None:
    with serving(says(answer(b"a", more=("Connection: close",))), says(answer(b"b"))) as server:
        with transport(server.url) as made:
            assert [get(made).body, get(made).body] == [b"a", b"b"]
        assert server.connections == 2


def test_warm_up_opens_connections_that_requests_then_use() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(3)
        made.warm_up(2)
        get(made)
        assert made.request("GET", "/", {}).status == 200
    assert server.connections == 3


def test_warm_up_is_limited_and_leaves_failures_to_the_request() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(100)
        get(made)
        assert server.connections == IDLE_MOST
    with transport(f"http://127.0.0.1:{refused_port()}") as made:
        made.warm_up(3)
        with pytest.raises(NotSent):
            get(made)


def test_proxy_variables_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    with serving() as server, transport(server.url) as made:
        assert get(made).status == 200
    assert len(server.requests) == 1


def test_requests_leave_from_the_given_address() -> None:
    with serving() as server, transport(server.url, source_ip="127.0.0.2") as made:
        get(made)
    assert server.requests[0].peer == "127.0.0.2"


def test_address_that_is_not_this_machines_sends_nothing() -> None:
    with serving() as server, transport(server.url, source_ip="192.0.2.1") as made, pytest.raises(NotSent):
        get(made)
    assert (server.connections, server.requests) == (0, [])


# --- answers of every form ------------------------------------------------------------------------------------------

PACKED = gzip.compress(b"instrument_token,exchange_token\n")
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("told", "status", "kind", "body"),
    [
        (CHUNKED + b'4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n', 200, "application/json", b'{"a":1}'),
        (CHUNKED + b"2;name=value\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", 200, "application/json", b"{}"),
        (
            answer(PACKED, kind="text/csv", more=("Content-Encoding: gzip",)),
            200,
            "text/csv",
            b"instrument_token,exchange_token\n",
        ),
        (answer(PACKED, more=("Content-Encoding: GZIP",)), 200, "application/json", b"instrument_token,exchange_token\n"),
        (answer(b"", "204 No Content"), 204, "application/json", b""),
        (answer(b"{}", kind="Application/JSON; charset=utf-8"), 200, "application/json", b"{}"),
        (answer(b"<html>", "502 Bad Gateway", "text/html"), 502, "text/html", b"<html>"),
        (answer(b"no", "429 Too Many Requests"), 429, "application/json", b"no"),
        (answer(b"x", "302 Found", more=("Location: /elsewhere",)), 302, "application/json", b"x"),
        (answer(b"x", "307 Temporary Redirect", more=("Location: /elsewhere",)), 307, "application/json", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"after"), 200, "application/json", b"after"),
    ],
    ids=[
        "chunks", "chunks with extensions and trailer", "gzip", "gzip in capitals", "no content", "kind with charset",
        "web page", "too many requests", "redirect", "redirect that keeps the method", "continue",
    ],
)  # fmt: skip
def test_answer_is_handed_over_whole_and_the_connection_stays(told: bytes, status: int, kind: str, body: bytes) -> None:
    with serving(says(told)) as server, transport(server.url) as made:
        replies = [made.request("POST", "/orders/regular", SECRET, b"q=1") for _ in range(2)]
    assert [(r.status, r.content_type, r.body) for r in replies] == [(status, kind, body)] * 2
    assert (len(server.requests), server.connections) == (2, 1)


def test_answer_without_a_length_ends_with_the_connection() -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\na,b\n"
    with serving(says(told, close=True)) as server, transport(server.url) as made:
        assert [get(made).body, get(made).body] == [b"a,b\n", b"a,b\n"]
        assert server.connections == 2


def test_answer_that_ends_in_its_head_has_nothing_but_its_status() -> None:
    """Without a length the end of the connection is the end of the answer: no JSON, so nobody takes it for one."""
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Ty", close=True)) as server, transport(server.url) as made:
        assert get(made) == Reply(200, "text/plain", b"", "")


def test_redirect_is_not_followed() -> None:
    with serving() as other, serving(says(answer(b"", "302 Found", more=(f"Location: {other.url}/x",)))) as server:
        with transport(server.url) as made:
            assert made.request("POST", "/orders/regular", SECRET, b"q=1").status == 302
        assert (len(server.requests), other.connections) == (1, 0)


# --- what certainly did not leave -----------------------------------------------------------------------------------


def test_refused_connection_means_not_sent() -> None:
    with transport(f"http://127.0.0.1:{refused_port()}") as made, pytest.raises(NotSent) as caught:
        get(made)
    assert str(caught.value) == "connection refused"


def test_unknown_host_means_not_sent() -> None:
    with transport("http://lockstep.invalid") as made, pytest.raises(NotSent):
        get(made)


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "x..invalid"])
def test_host_that_is_no_name_means_not_sent(host: str) -> None:
    with transport(f"http://{host}") as made, pytest.raises(NotSent):
        get(made)


def test_request_whose_connection_took_too_long_does_not_leave_and_the_next_one_uses_it() -> None:
    """Its sender has given it up by then, and may have decided on another one."""
    with serving() as server:
        made = Transport(server.url, ready_most_s=0.0)
        with pytest.raises(NotSent) as caught:
            made.request("POST", "/orders/regular", SECRET, b"old")
        assert str(caught.value) == "connecting took too long"
        assert made.request("POST", "/orders/regular", SECRET, b"new").status == 200
        made.close()
    assert ([request.body for request in server.requests], server.connections) == ([b"new"], 1)


def test_silent_tls_server_means_not_sent() -> None:
    with serving(hangs) as server, transport(f"https://127.0.0.1:{server.port}", connect_s=0.05) as made:
        with pytest.raises(NotSent) as caught:
            get(made)
        assert str(caught.value) == "no answer in time"
        assert server.requests == []


def test_server_without_tls_means_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def greet() -> None:
            sock, _ = plain.accept()
            with sock:
                sock.recv(10)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with transport(f"https://127.0.0.1:{plain.getsockname()[1]}") as made, pytest.raises(NotSent) as caught:
            get(made)
        thread.join(PATIENCE_S)
    assert str(caught.value).startswith("TLS failed: ")


# --- what may have arrived ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "talk",
    [
        silent_end,
        breaks_off,
        says(answer(b'{"data":{"order_id":', length=100), close=True),
        says(answer(b"", length=100), close=True),
        says(CHUNKED + b"5\r\nab", close=True),
        says(CHUNKED + b"2\r\nab\r\n", close=True),
        says(CHUNKED + b"zz\r\nab\r\n0\r\n\r\n", close=True),
        says(b"\x00\x01\x02 nonsense\r\n\r\n", close=True),
        says(b"HTTP/1.1 abc OK\r\n\r\n", close=True),
        says(b"HTTP/9.9 200 OK\r\n\r\n", close=True),
        says(b"SSH-2.0-OpenSSH_9.2\r\n", close=True),
        says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", close=True),
        says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", close=True),
        says(answer(PACKED[:-9], more=("Content-Encoding: gzip",))),
        says(answer(b"plain", more=("Content-Encoding: gzip",))),
        says(answer(PACKED[:12] + b"\xff" * 30, more=("Content-Encoding: gzip",))),
        says(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        says(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        hangs,
    ],
    ids=[
        "closed after reading", "reset after reading", "half of the body", "head without body",
        "half a chunk", "chunks without their end", "chunk of no length", "garbage", "status of letters", "other version",
        "other protocol", "too many headers", "header too long", "half of the gzip", "gzip that is none",
        "damaged gzip", "early hints alone", "other protocol agreed", "no answer in time",
    ],
)  # fmt: skip
def test_whatever_goes_wrong_after_sending_is_no_answer_and_was_sent_once(
    talk: Callable[[RawServer, Request, socket.socket], bool],
) -> None:
    slow = talk is hangs
    with serving(talk, says(answer(b"next"))) as server:
        with transport(server.url, read_s=0.05 if slow else PATIENCE_S) as made:
            with pytest.raises(NoAnswer) as caught:
                made.request("POST", "/orders/regular", SECRET, f"tag={CANARY}".encode())
            assert [r.method for r in server.requests] == ["POST"]
            assert made.request("GET", "/orders", SECRET).body == b"next"
        assert server.connections == 2
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)


def test_answer_that_stops_in_the_middle_is_no_answer() -> None:
    def begins(server: RawServer, request: Request, sock: socket.socket) -> bool:
        sock.sendall(answer(b"{", length=2))
        return hangs(server, request, sock)

    with serving(begins) as server, transport(server.url, connect_s=6 * PATIENCE_S, read_s=0.05) as made:
        with pytest.raises(NoAnswer) as caught:
            get(made)
        assert str(caught.value) == "no answer in time"


def test_answer_that_drips_is_no_answer_in_the_end() -> None:
    """Each piece comes in time, and their number has no end: it would hold a thread of the lane for ever."""

    def drips(server: RawServer, request: Request, sock: socket.socket) -> bool:
        sock.sendall(answer(b"{", length=BODY_MOST))
        while not server.ended.is_set():
            sock.sendall(b"{")
        return False

    with serving(drips) as server:
        made = Transport(server.url, read_timeout_s=PATIENCE_S, ticks=itertools.count(0.0, 7.0).__next__)
        with pytest.raises(NoAnswer) as caught:
            made.request("POST", "/orders/regular", SECRET, b"once")
        made.close()
    assert str(caught.value) == "no answer in time"


def test_idle_connection_that_dies_with_the_request_on_it_is_not_tried_again() -> None:
    with serving(says(answer()), silent_end) as server, transport(server.url) as made:
        get(made)
        with pytest.raises(NoAnswer) as caught:
            made.request("DELETE", "/orders/regular/1", SECRET)
        assert str(caught.value) == "the server closed the connection"
    assert ([r.method for r in server.requests], server.connections) == (["GET", "DELETE"], 1)


def test_early_hints_never_shift_answers_to_the_next_request() -> None:
    """http.client takes a 103 for the answer; the real one would then be read by the next request."""
    late = threading.Event()

    def hints(server: RawServer, request: Request, sock: socket.socket) -> bool:
        sock.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        assert late.wait(PATIENCE_S)
        sock.sendall(answer(b"first"))
        return True

    with serving(hints, says(answer(b"second"))) as server, transport(server.url) as made:
        with pytest.raises(NoAnswer):
            get(made)
        late.set()
        assert get(made).body == b"second"


def test_answer_beyond_all_measure_is_no_answer() -> None:
    packer = zlib.compressobj(wbits=31)
    piece = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(piece) for _ in range(BODY_MOST // len(piece) + 1)) + packer.flush()
    with serving(says(answer(bomb, more=("Content-Encoding: gzip",)))) as server, transport(server.url) as made:
        with pytest.raises(NoAnswer) as caught:
            get(made)
        assert "longer than" in str(caught.value)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/orders", {"Authorization": f"token {CANARY}\r\nX: y"}),
        ("/orders", {"Authorization": f"token {CANARY}\u20b9"}),
        (f"/orders {CANARY}", {}),
        (f"/orders\r\n{CANARY}", {}),
        (f"/orders/{CANARY}\u20b9", {}),
    ],
    ids=["header of two lines", "header beyond latin", "path with a blank", "path of two lines", "path beyond ascii"],
)
def test_request_that_cannot_be_written_sends_nothing_and_repeats_nothing(target: str, headers: dict[str, str]) -> None:
    with serving() as server, transport(server.url) as made:
        with pytest.raises((NoAnswer, NotSent)) as caught:
            made.request("GET", target, headers)
        assert CANARY not in str(caught.value)
        assert get(made).status == 200
    assert [r.target for r in server.requests] == ["/orders"]


def test_no_failure_names_a_header() -> None:
    """The canary stands in the headers of every request here; the texts of both failures are words of our own."""
    texts = []
    with transport(f"http://127.0.0.1:{refused_port()}") as made:
        texts.append(_failure(made))
    with serving(says(f"HTTP/1.1 {CANARY}\r\n\r\n".encode(), close=True)) as server, transport(server.url) as made:
        texts.append(_failure(made))
    with serving(silent_end) as server, transport(server.url) as made:
        texts.append(_failure(made))
    assert texts == ["connection refused", "no usable answer (BadStatusLine)", "the server closed the connection"]


def _failure(made: Transport) -> str:
    with pytest.raises(LockstepError) as caught:
        get(made)
    assert caught.value.args == (str(caught.value),)
    return str(caught.value)


# --- many at once, and the end --------------------------------------------------------------------------------------


def test_many_threads_each_get_their_own_answer() -> None:
    def echo(server: RawServer, request: Request, sock: socket.socket) -> bool:
        sock.sendall(answer(request.target.encode() + b" " + request.body))
        return True

    def ask(number: int) -> tuple[bytes, bytes]:
        body = f"q={number}".encode()
        return made.request("POST", f"/{number}", SECRET, body).body, f"/{number} ".encode() + body

    with serving(echo) as server, transport(server.url) as made, ThreadPoolExecutor(16) as pool:
        pairs = list(pool.map(ask, range(400)))
    assert all(got == wanted for got, wanted in pairs)
    assert sorted(int(r.target[1:]) for r in server.requests) == list(range(400))
    assert server.connections <= 16 + 400 // 4  # more than are kept warm come and go


def test_no_more_connections_are_kept_than_are_meant_to_be() -> None:
    together = threading.Barrier(IDLE_MOST + 3)

    def meet(server: RawServer, request: Request, sock: socket.socket) -> bool:
        together.wait(PATIENCE_S)
        sock.sendall(answer())
        return True

    with serving(meet) as server, transport(server.url) as made:
        with ThreadPoolExecutor(IDLE_MOST + 3) as pool:
            list(pool.map(lambda _: get(made), range(IDLE_MOST + 3)))
        server.wait_hung_up(3)
        assert not server.hung_up.acquire(blocking=False)


def test_close_ends_what_is_idle_and_then_nothing_is_connected_or_sent() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(2)
        get(made)
        made.close()
        server.wait_hung_up(2)
        with pytest.raises(NotSent) as caught:
            get(made)
        assert str(caught.value) == "the connections are closed"
        made.warm_up(5)
        made.close()
        assert (server.connections, len(server.requests)) == (2, 1)


def test_connection_in_use_at_the_close_ends_with_its_request() -> None:
    asked, go = threading.Event(), threading.Event()

    def waits(server: RawServer, request: Request, sock: socket.socket) -> bool:
        asked.set()
        assert go.wait(PATIENCE_S)
        sock.sendall(answer(b"late"))
        return True

    with serving(waits) as server, transport(server.url) as made, ThreadPoolExecutor(1) as pool:
        running = pool.submit(get, made)
        assert asked.wait(PATIENCE_S)
        made.close()
        go.set()
        assert running.result(PATIENCE_S).body == b"late"
        server.wait_hung_up()


# --- the address ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "", "api.kite.trade", "ftp://api.kite.trade", "https://", "https:///orders", "https://api.kite.trade/v3",
        "https://api.kite.trade:99999", "https://api.kite.trade:port", "http://[::1", "https://api.kite.trade?a=b",
        "https://api.kite.trade#a", f"https://user:{CANARY}@api.kite.trade", f"https://{CANARY}@api.kite.trade",
    ],
)  # fmt: skip
def test_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        Transport(url)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8765", "http://127.0.0.1:8765/", "https://api.kite.trade", "http://[::1]:1"]
)
def test_address_of_a_server_is_taken(url: str) -> None:
    Transport(url).close()
