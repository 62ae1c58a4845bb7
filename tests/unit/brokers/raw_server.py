"""A server on a bare socket of this machine: it keeps the bytes it was sent and answers with the bytes it was given."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

PATIENCE_S = 30.0
"How long something that surely comes is waited for."


class Request(NamedTuple):
    """One request as it stood on the wire."""

    head: bytes
    body: bytes
    peer: str

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


Talk = Callable[["RawServer", Request, socket.socket], bool]
"""Answers a request; whether the connection stays open."""


def answer(
    body: bytes = b"{}",
    status: str = "200 OK",
    kind: str = "application/json",
    more: tuple[str, ...] = (),
    length: int | None = None,
) -> bytes:
    """The bytes of an answer; `length` is what its Content-Length says."""
    told = len(body) if length is None else length
    lines = (f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {told}", *more)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def says(data: bytes, *, close: bool = False) -> Talk:
    """Answers with these bytes."""

    def talk(_server: "RawServer", _request: Request, sock: socket.socket) -> bool:
        sock.sendall(data)
        return not close

    return talk


def hangs(server: "RawServer", _request: Request, _sock: socket.socket) -> bool:
    """Answers nothing and keeps the connection until the server is closed."""
    server.ended.wait(PATIENCE_S)
    return False


class RawServer:
    """The server; `talks` are used up one by one, the last one for ever."""

    def __init__(self, *talks: Talk, tls: ssl.SSLContext | None = None) -> None:
        self.talks = list(talks) or [says(answer())]
        self.requests: list[Request] = []
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        "Counts connections that this side has closed."
        self.greeted = threading.Semaphore(0)
        "Counts connections that are open, after TLS's own greetings."
        self.ended = threading.Event()
        self._tls, self._lock = tls, threading.Lock()
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def wait_hung_up(self, count: int = 1) -> None:
        """Until this many connections more are closed."""
        for _ in range(count):
            assert self.hung_up.acquire(timeout=PATIENCE_S)

    def close(self) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(PATIENCE_S)
        self._listener.close()
        with self._lock:
            socks, threads = list(self._socks), list(self._threads)
        for sock in socks:
            with _quiet():
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while True:
            try:
                sock, address = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, address[0]), daemon=True)
            with self._lock:
                self.connections += 1
                self._socks.append(sock)
                self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket, peer: str) -> None:
        sock = plain
        try:
            with _quiet():
                if self._tls is not None:
                    sock = self._tls.wrap_socket(plain, server_side=True)
                self.greeted.release()
                while (request := _read(sock, peer)) is not None:
                    with self._lock:
                        self.requests.append(request)
                        talk = self.talks.pop(0) if len(self.talks) > 1 else self.talks[0]
                    if not talk(self, request, sock):
                        break
        finally:
            sock.close()
            plain.close()
            self.hung_up.release()


def _read(sock: socket.socket, peer: str) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := sock.recv(65_536)):
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    wanted = int(Request(head, b"", peer).headers.get("content-length", "0"))
    while len(body) < wanted:
        if not (piece := sock.recv(65_536)):
            return None
        body += piece
    return Request(head, body, peer)


@contextmanager
def _quiet() -> Iterator[None]:
    """The other side may go away at any moment."""
    try:
        yield
    except OSError:
        return


@contextmanager
def serving(*talks: Talk, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """A server that is closed again."""
    server = RawServer(*talks, tls=tls)
    try:
        yield server
    finally:
        server.close()


def refused_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port: int = gone.getsockname()[1]
    return port
