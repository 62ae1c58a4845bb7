"""A connection that is watched by the system, and an answer that does not take for ever."""

import socket

import pytest

from brokers.sockets import ANSWER_MOST_S, BYTES_PER_S_LEAST, Patient, keep_watch

PIECE_S = 15.0


class Drip(socket.socket):
    """Gives the same piece for ever, each time after so many seconds; notes how long it may take."""

    def __init__(self, piece: bytes, every_s: float) -> None:
        super().__init__()
        self.piece, self.every_s, self.now_s = piece, every_s, 100.0
        self.limits_s: list[float | None] = []

    def settimeout(self, value: float | None) -> None:
        self.limits_s.append(value)

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.now_s += self.every_s
        return self.piece

    def recv_into(self, buffer: memoryview, *_: int) -> int:  # type: ignore[override]
        buffer[: len(self.piece)] = self.recv(len(buffer))
        return len(self.piece)


@pytest.mark.parametrize("into", [False, True], ids=["recv", "recv_into"])
def test_server_that_drips_is_not_waited_for_without_end(into: bool) -> None:
    with Drip(b"x", every_s=12) as sock:
        patient = Patient(sock, PIECE_S, lambda: sock.now_s)
        for _ in range(3):
            assert (patient.recv_into(memoryview(bytearray(9))) if into else len(patient.recv(9))) == 1
        with pytest.raises(TimeoutError):
            patient.recv_into(memoryview(bytearray(9))) if into else patient.recv(9)
        assert sock.limits_s == pytest.approx([PIECE_S, PIECE_S, ANSWER_MOST_S - 24], abs=0.01)


def test_long_answer_that_keeps_coming_may_take_longer() -> None:
    """An instrument file on a slow line: a piece of two seconds in less than that."""
    with Drip(bytes(2 * BYTES_PER_S_LEAST), every_s=1.9) as sock:
        patient = Patient(sock, PIECE_S, lambda: sock.now_s)
        for _ in range(100):
            patient.recv(1)
        assert sock.now_s > 100 + ANSWER_MOST_S


def test_system_notices_a_connection_that_leads_nowhere() -> None:
    with socket.socket() as sock:
        keep_watch(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert 0 < sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) < PIECE_S * 1000
