"""A request in two steps: it leaves without waiting, and its answer is waited for by whoever has the time."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from brokers.transport import NoAnswer, NotSent
from tests.unit.brokers.raw_server import PATIENCE_S, RawServer, Request, answer, hangs, says, serving
from tests.unit.brokers.transports import SECRET, get, silent_end, transport


def test_started_request_has_left_before_its_answer_is_waited_for() -> None:
    arrived = threading.Event()

    def notes(server: RawServer, request: Request, sock: socket.socket) -> bool:
        arrived.set()
        sock.sendall(answer(b"placed"))
        return True

    with serving(notes) as server, transport(server.url) as made:
        made.warm_up(1)
        started = made.start("POST", "/orders/regular", SECRET, b"once")
        assert started is not None
        assert arrived.wait(PATIENCE_S)
        assert made.finish(started).body == b"placed"
        assert get(made).status == 200
    assert [(r.method, r.body) for r in server.requests] == [("POST", b"once"), ("GET", b"")]
    assert server.connections == 1


def test_each_started_request_has_its_own_head_and_body() -> None:
    asked = [
        ("POST", "/a", {"A": "1"}, b"one"),
        ("POST", "/a", {"A": "1"}, b"longer"),
        ("POST", "/a", {"A": "2"}, b"one"),
        ("POST", "/b", {"A": "2"}, b"one"),
        ("PUT", "/b", {"A": "2"}, b"one"),
        ("GET", "/b", {"A": "2"}, None),
    ]
    headers: dict[str, str] = {}
    with serving() as server, transport(server.url) as made:
        made.warm_up(1)
        for method, target, wanted, body in asked:
            headers.clear()
            headers.update(wanted)  # the caller's mapping is his own and may change
            started = made.start(method, target, headers, body)
            assert started is not None
            made.finish(started)
    found = [(r.method, r.target, {"A": r.headers["a"]}, r.body or None) for r in server.requests]
    assert found == asked


def test_without_a_warm_connection_nothing_is_started() -> None:
    with serving() as server, transport(server.url) as made:
        assert made.start("POST", "/orders/regular", SECRET, b"once") is None
        assert (server.connections, server.requests) == (0, [])


def test_closed_transport_starts_nothing() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(1)
        made.close()
        with pytest.raises(NotSent):
            made.start("POST", "/orders/regular", SECRET, b"once")
        assert server.requests == []


def test_connection_that_the_server_closed_is_not_started_on() -> None:
    with serving(says(answer(), close=True)) as server, transport(server.url) as made:
        get(made)
        server.wait_hung_up()
        assert made.start("POST", "/orders/regular", SECRET, b"once") is None
    assert [r.method for r in server.requests] == ["GET"]


def test_start_never_waits_and_what_did_not_go_at_once_goes_with_the_finish() -> None:
    """More than the system's buffers take, to a server that reads none of it until start has come back."""
    body = bytes(32 * 1024 * 1024)
    back = threading.Event()
    found = bytearray()

    def reads_late(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            assert back.wait(PATIENCE_S)
            while len(found) < len(body) or len(found) < found.find(b"\r\n\r\n") + 4 + len(body):
                found.extend(sock.recv(1 << 20))
            sock.sendall(answer(b"all of it"))

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reads_late, listener)
        with transport(f"http://127.0.0.1:{listener.getsockname()[1]}") as made:
            made.warm_up(1)
            started = made.start("POST", "/", SECRET, body)
            back.set()
            assert started is not None
            assert started.rest
            assert made.finish(started).body == b"all of it"
        reading.result(PATIENCE_S)
    assert found.count(b"POST / HTTP/1.1") == 1


def test_started_request_whose_answer_is_lost_may_have_arrived_and_is_not_sent_again() -> None:
    with serving(silent_end, says(answer(b"next"))) as server, transport(server.url) as made:
        made.warm_up(1)
        started = made.start("POST", "/orders/regular", SECRET, b"once")
        assert started is not None
        with pytest.raises(NoAnswer):
            made.finish(started)
        assert get(made).body == b"next"
    assert [r.method for r in server.requests] == ["POST", "GET"]


def test_connection_that_fails_while_starting_may_have_sent_and_is_not_used_again() -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(1)
        started = made.start("GET", "/orders", SECRET)
        assert started is not None
        started.failure = ConnectionResetError(104, "Connection reset by peer")
        with pytest.raises(NoAnswer) as caught:
            made.finish(started)
        assert str(caught.value) == "connection reset by peer"
        assert get(made).status == 200
        assert server.connections == 2


def test_silent_server_is_not_waited_for_longer_than_the_limit_after_a_start() -> None:
    with serving(hangs) as server, transport(server.url, read_s=0.05) as made:
        made.warm_up(1)
        started = made.start("POST", "/orders/regular", SECRET, b"once")
        assert started is not None
        with pytest.raises(NoAnswer) as caught:
            made.finish(started)
        assert str(caught.value) == "no answer in time"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/orders\r\nX: y", {}),
        ("/orders", {"A": "b\r\nX: y"}),
        ("/orders", {"A: b\r\nX": "y"}),
        ("/orders", {"A": "\x00"}),
    ],
)
def test_request_that_would_become_another_one_certainly_does_not_leave(target: str, headers: dict[str, str]) -> None:
    with serving() as server, transport(server.url) as made:
        made.warm_up(1)
        for send in (made.request, made.start):
            with pytest.raises(NotSent):
                send("POST", target, headers, b"")
    assert server.requests == []
