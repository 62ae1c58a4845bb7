"""What a connection to a broker is told of the network, and how long an answer on it may take.

A router that has forgotten a connection says nothing: without this an order would go into it and never be answered.
"""

import socket
from collections.abc import Callable
from typing import Final

ANSWER_MOST_S: Final = 30.0
"""How long a whole answer may take, beside what its length allows."""
BYTES_PER_S_LEAST: Final = 64 * 1024
"""An instrument file on a slow line may take longer than `ANSWER_MOST_S`; it comes faster than this."""
_UNACKNOWLEDGED_MS: Final = 10_000
_WATCH: Final = {
    "TCP_NODELAY": 1,
    "TCP_KEEPIDLE": 15,  # seconds without traffic until the other side is asked whether it is there
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 2,
    "TCP_USER_TIMEOUT": _UNACKNOWLEDGED_MS,
}
"""Options of TCP by name: not every system has all of them."""


def keep_watch(sock: socket.socket) -> None:
    """Send at once, and have the system notice that the other side cannot be reached any more. Raises `OSError`."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _WATCH.items():
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


class Patient:
    """A connection that is read for one answer, with a limit for each piece and one for the whole.

    A server that drips would otherwise hold its reader for ever. Both methods raise `TimeoutError`.

    Args:
        sock: The connection.
        piece_s: The most seconds for each piece.
        ticks: Real seconds.
    """

    def __init__(self, sock: socket.socket, piece_s: float, ticks: Callable[[], float]) -> None:
        self._sock, self._piece_s, self._ticks = sock, piece_s, ticks
        self._until_s = ticks() + ANSWER_MOST_S

    def recv(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        self._limit()
        piece = self._sock.recv(size)
        self._allow(len(piece))
        return piece

    def recv_into(self, buffer: memoryview) -> int:
        """The same into a buffer; how many bytes came."""
        self._limit()
        count = self._sock.recv_into(buffer)
        self._allow(count)
        return count

    def _limit(self) -> None:
        left_s = self._until_s - self._ticks()
        if left_s <= 0:
            raise TimeoutError
        self._sock.settimeout(min(self._piece_s, left_s))

    def _allow(self, count: int) -> None:
        self._until_s += count / BYTES_PER_S_LEAST
