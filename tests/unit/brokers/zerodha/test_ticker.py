"""The official ticker against a server that answers when it is told to: what a close does to a connection half made."""

import base64
import hashlib
import json
import queue
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from brokers.zerodha.ticker import NO_CONNECTION, SILENT_NS, KiteStream, Listener, in_reactor, reactor
from config.credentials import Secret
from engine.model import NS_PER_S, InstrumentId, Quote
from tests.unit.brokers.zerodha.test_ticks import message, packet

PATIENCE_S = 60
X, Y = InstrumentId("NFO:X"), InstrumentId("NFO:Y")
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
        self.quotes: queue.Queue[Quote] = queue.Queue()
        self.listener = Listener(
            on_order=lambda _report: None,
            on_quotes=self._hear,
            on_link=lambda connected, why: self.links.put((connected, why)),
        )

    def _hear(self, quotes: Sequence[Quote]) -> None:
        for quote in quotes:
            self.quotes.put(quote)

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


@contextmanager
def connected(server: socket.socket) -> Iterator[socket.socket]:
    """The connection that comes in, its handshake answered."""
    connection, key = asked_for(server)
    with connection:
        answer(connection, key)
        yield connection


def said(connection: socket.socket) -> object:
    """The next message of the client: a short text frame with its mask (RFC 6455, 5.2)."""
    head = exactly(connection, 2)
    assert (head[0], head[1] & 0x80) == (0x81, 0x80)
    length = head[1] & 0x7F
    if length == 126:
        length = int.from_bytes(exactly(connection, 2), "big")
    mask, text = exactly(connection, 4), exactly(connection, length)
    return json.loads(bytes(byte ^ mask[at % 4] for at, byte in enumerate(text)))


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        assert piece, "the client has gone"
        data += piece
    return data


def say(connection: socket.socket, message: bytes) -> None:
    """Send a binary message."""
    connection.sendall(struct.pack(">BBH", 0x82, 126, len(message)) + message)


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


def test_connection_that_never_comes_about_is_told_once_and_so_is_the_one_that_does() -> None:
    """Nobody listens at the address, and then somebody does."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    ear, clock = Ear(), iter(range(NOW, 2 * NOW, 4 * NS_PER_S))
    host, port = address
    stream = KiteStream(Secret("key"), Secret("token"), ear.listener, lambda: next(clock), url=f"ws://{host}:{port}")
    stream.start()
    try:
        assert ear.link() == (False, NO_CONNECTION)
        with socket.create_server(address) as server:
            server.settimeout(PATIENCE_S)
            connection, key = asked_for(server)
            answer(connection, key)
            assert ear.link() == (True, "")
            connection.close()
    finally:
        stream.close()


def test_stream_that_was_refused_is_patient(server: socket.socket) -> None:
    ear = Ear()
    stream = stream_of(server, ear, refused_retry_s=3600.0)
    stream.start()
    refuse(asked_for(server)[0])
    assert ear.link() == REFUSED
    assert next_try_s(stream) > 600
    stream.close()


def test_tokens_of_another_day_name_nothing_any_more(server: socket.socket) -> None:
    """A token that was one instrument's is another one's: no price is told under the wrong name."""
    ear = Ear()
    stream = stream_of(server, ear)
    stream.subscribe({11: X, 22: Y})
    stream.start()
    with connected(server) as connection:
        assert said(connection) == {"a": "subscribe", "v": [11, 22]}
        assert said(connection) == {"a": "mode", "v": ["full", [11, 22]]}
        stream.subscribe({22: X, 33: Y})
        assert said(connection) == {"a": "unsubscribe", "v": [11]}
        assert said(connection) == {"a": "subscribe", "v": [33]}
        assert said(connection) == {"a": "mode", "v": ["full", [33]]}
        say(connection, message(packet(11), packet(22)))
        assert ear.quotes.get(timeout=PATIENCE_S).instrument == X
        assert ear.quotes.empty()
        stream.close()


def test_tokens_that_are_gone_are_not_asked_for_at_the_next_connection(server: socket.socket) -> None:
    ear = Ear()
    stream = stream_of(server, ear, refused_retry_s=0.01)
    stream.subscribe({11: X, 22: Y})
    stream.start()
    connection, key = asked_for(server)
    answer(connection, key)
    assert [said(connection), said(connection)][1] == {"a": "mode", "v": ["full", [11, 22]]}
    stream.subscribe({22: Y})
    assert said(connection) == {"a": "unsubscribe", "v": [11]}
    connection.close()
    with connected(server) as connection:
        assert said(connection) == {"a": "subscribe", "v": [22]}
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


def test_listener_that_raises_does_not_end_the_connection(server: socket.socket) -> None:
    ear, heard = Ear(), queue.Queue[Quote]()

    def raises_once(quotes: Sequence[Quote]) -> None:
        heard.put(quotes[0])
        if heard.qsize() == 1:
            raise RuntimeError("a listener's own fault")

    ear.listener = replace(ear.listener, on_quotes=raises_once)
    stream = stream_of(server, ear)
    stream.subscribe({11: X})
    stream.start()
    with connected(server) as connection:
        assert ear.link() == (True, "")
        for _ in range(2):
            say(connection, message(packet(11)))
        assert [heard.get(timeout=PATIENCE_S).instrument for _ in range(2)] == [X, X]
        assert ear.links.empty()
    stream.close()


def test_connection_that_falls_silent_is_dropped_and_made_again(server: socket.socket) -> None:
    """Heartbeats come about every second: a socket that froze tells nothing of its end."""
    ear, now = Ear(), [NOW]
    host, port = server.getsockname()
    stream = KiteStream(Secret("key"), Secret("token"), ear.listener, lambda: now[0], url=f"ws://{host}:{port}")
    stream.subscribe({11: X})
    stream.start()
    with connected(server) as frozen:
        assert ear.link() == (True, "")
        now[0] += SILENT_NS
        frozen.sendall(b"\x82\x01\x00")  # a heartbeat
        say(frozen, message(packet(11)))
        assert ear.quotes.get(timeout=PATIENCE_S).instrument == X
        now[0] += SILENT_NS + 1
        assert ear.link()[0] is False
        with connected(server) as connection:
            assert ear.link() == (True, "")
            assert said(connection) == {"a": "subscribe", "v": [11]}
    stream.close()
