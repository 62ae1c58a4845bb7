"""A transport, and servers that misbehave, for the tests of what is sent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from brokers.transport import Reply, Transport
from tests.unit.brokers.raw_server import PATIENCE_S, RawServer, Request, answer

CANARY = "canary-7c1e"
SECRET = {"Authorization": f"token key:{CANARY}"}


@contextmanager
def transport(
    url: str, *, source_ip: str = "", connect_s: float = 3.0, read_s: float = PATIENCE_S
) -> Iterator[Transport]:
    made = Transport(url, source_ip=source_ip, connect_timeout_s=connect_s, read_timeout_s=read_s)
    try:
        yield made
    finally:
        made.close()


def get(made: Transport, target: str = "/orders") -> Reply:
    return made.request("GET", target, SECRET)


def silent_end(server: RawServer, request: Request, sock: socket.socket) -> bool:
    return False


class Surplus:
    """Answers, and when it is told to, sends an answer that nobody asked for over the same connection."""

    def __init__(self) -> None:
        self._go, self._sent = threading.Event(), threading.Event()

    def __call__(self, server: RawServer, request: Request, sock: socket.socket) -> bool:
        sock.sendall(answer(b"mine"))
        assert self._go.wait(PATIENCE_S)
        sock.sendall(answer(b"somebody else's"))
        self._sent.set()
        return True

    def send(self) -> None:
        self._go.set()
        assert self._sent.wait(PATIENCE_S)
