"""The official ticker against a server that answers when it is told to: what a close does to a connection half made."""

import base64
import hashlib
import queue
import socket
from collections.abc import Iterator

import pytest

from brokers.zerodha.ticker import KiteStream, Listener, in_reactor, reactor
from config.credentials import Secret

PATIENCE_S = 60
NOW = 1_793_591_400_000_000_000
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 4.2.2


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_S)
        yield listening


class Ear:
    """Hears what a stream tells, in order."""

    def __init__(self) -> None:
        self.links: queue.Queue[tuple[bool, str]] = queue.Queue()
        self.listener = Listener(
            on_order=lambda _report: None, on_link=lambda connected, why: self.links.put((connected, why))
        )

    def link(self) -> tuple[bool, str]:
        return self.links.get(timeout=PATIENCE_S)


def stream_of(server: socket.socket, ear: Ear | None = None, refused_retry_s: float = 3600.0) -> KiteStream:
    host, port = server.getsockname()
    listener, url = (ear or Ear()).listener, f"ws://{host}:{port}"
    return KiteStream(Secret("key"), Secret("token"), listener, lambda: NOW, url=url, refused_retry_s=refused_retry_s)


def asked_for(server: socket.socket) -> tuple[socket.socket, bytes]:
    """The connection that comes in, and the key of its handshake, read to the end and not answered."""
    connection, _peer = server.accept()
    connection.settimeout(PATIENCE_S)
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096)
    lines = dict(line.lower().split(b": ", 1) for line in request.split(b"\r\n") if b": " in line)
    key = request[request.lower().index(lines[b"sec-websocket-key"]) :].split(b"\r\n", 1)[0]
    return connection, key


def answer(connection: socket.socket, key: bytes) -> None:
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def end_of(connection: socket.socket) -> bool:
    """Wait until the other side has ended it."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def tries_on(stream: KiteStream) -> bool:
    """Whether a lost connection would be made again."""
    told: queue.Queue[bool] = queue.Queue()
    in_reactor(lambda: told.put(bool(stream._ticker.factory.continueTrying)))
    return told.get(timeout=PATIENCE_S)


def refuse(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    connection.close()


def next_try_s(stream: KiteStream) -> float:
    """In how many seconds the next connection is made."""
    told: queue.Queue[float] = queue.Queue()
    in_reactor(lambda: told.put(stream._ticker.factory._callID.getTime() - reactor.seconds()))
    return told.get(timeout=PATIENCE_S)


REFUSED = (False, "the login is over, or the key has too many connections")


def test_stream_that_was_refused_comes_back_when_it_is_taken(server: socket.socket) -> None:
    ear = Ear()
    stream = stream_of(server, ear, refused_retry_s=0.01)
    stream.start()
    for _ in range(3):
        refuse(asked_for(server)[0])
        assert ear.link() == REFUSED
    connection, key = asked_for(server)
    with connection:
        assert stream.linked_ns == 0
        answer(connection, key)
        assert ear.link() == (True, "")
        assert stream.linked_ns == NOW
        connection.close()
        assert ear.link()[0] is False
        assert (stream.linked_ns, stream.alive_ns) == (0, NOW)
    stream.close()


def test_stream_that_was_refused_is_patient(server: socket.socket) -> None:
    ear = Ear()
    stream = stream_of(server, ear, refused_retry_s=3600.0)
    stream.start()
    refuse(asked_for(server)[0])
    assert ear.link() == REFUSED
    assert next_try_s(stream) > 600
    stream.close()


def test_stream_that_is_merely_lost_comes_back_at_once(server: socket.socket) -> None:
    ear = Ear()
    stream = stream_of(server, ear)
    stream.start()
    asked_for(server)[0].close()
    assert ear.link()[0] is False
    assert next_try_s(stream) < 60
    stream.close()


def test_stream_closed_in_the_middle_of_its_handshake_never_comes_back(server: socket.socket) -> None:
    stream = stream_of(server)
    stream.start()
    connection, key = asked_for(server)
    with connection:
        stream.close()
        answer(connection, key)
        assert end_of(connection)
    assert not tries_on(stream)
