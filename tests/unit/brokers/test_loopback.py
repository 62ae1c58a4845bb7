import socket

import pytest

from brokers.loopback import is_loopback, sandbox_time_ns


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8765", True),
        ("ws://127.0.0.1:8765/ws", True),
        ("http://[::1]:1", True),
        ("https://api.kite.trade", False),
        ("http://localhost:8765", False),
        ("http://127.0.0.1.example.com", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1@api.kite.trade", False),
        ("", False),
        (None, False),
    ],
)
def test_only_numbers_of_this_machine_are_loopback(url: str | None, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_nobody_there_has_no_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert sandbox_time_ns(f"http://127.0.0.1:{port}") is None
