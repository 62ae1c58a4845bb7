"""Over TLS a request is sent once, too, to a server that somebody vouches for."""

import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from brokers.transport import NotSent, Transport
from tests.unit.brokers.raw_server import PATIENCE_S, RawServer, Request, answer, says, serving
from tests.unit.brokers.tls import certificate as certificate  # noqa: PLC0414  a fixture
from tests.unit.brokers.tls import server_side
from tests.unit.brokers.transports import SECRET, Surplus, get, transport

BOTH = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate, which this process vouches for."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@BOTH
def test_warm_connection_is_used_over_tls(trusted: Path, version: ssl.TLSVersion) -> None:
    """A TLS 1.3 server sends session tickets after the handshake: bytes that are no answer."""
    with serving(tls=server_side(trusted, version)) as server, transport(server.url) as made:
        made.warm_up(1)
        assert server.greeted.acquire(timeout=PATIENCE_S)
        for _ in range(3):
            assert get(made).status == 200
    assert (server.connections, len(server.requests)) == (1, 3)


@BOTH
def test_connection_that_the_server_closed_is_not_used_over_tls(trusted: Path, version: ssl.TLSVersion) -> None:
    talks = (says(answer(b"first"), close=True), says(answer(b"second")))
    with serving(*talks, tls=server_side(trusted, version)) as server, transport(server.url) as made:
        assert get(made).body == b"first"
        server.wait_hung_up()
        assert get(made).body == b"second"
    assert (server.connections, len(server.requests)) == (2, 2)


def test_tls_connection_with_bytes_that_nobody_asked_for_is_not_used(trusted: Path) -> None:
    surplus = Surplus()
    tls = server_side(trusted, ssl.TLSVersion.TLSv1_3)
    with serving(surplus, says(answer(b"right")), tls=tls) as server, transport(server.url) as made:
        assert get(made).body == b"mine"
        surplus.send()
        assert get(made).body == b"right"
        assert server.connections == 2


def test_tls_connection_whose_surplus_is_decrypted_already_is_not_used(trusted: Path) -> None:
    """The rest of a record that was read in part: no longer in the socket, where a poll would see it."""

    def in_two_records(server: RawServer, request: Request, sock: socket.socket) -> bool:
        told = answer(b"m" * 8192)
        sock.sendall(told[:-8192])
        sock.sendall(told[-8192:] + answer(b"somebody else's"))
        return True

    tls = server_side(trusted, ssl.TLSVersion.TLSv1_3)
    with serving(in_two_records, says(answer(b"right")), tls=tls) as server, transport(server.url) as made:
        assert get(made).body == b"m" * 8192
        assert get(made).body == b"right"
        assert server.connections == 2


def test_connection_that_was_being_made_at_the_close_sends_nothing(trusted: Path) -> None:
    tls = server_side(trusted, ssl.TLSVersion.TLSv1_3)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        made = Transport(f"https://127.0.0.1:{listener.getsockname()[1]}")

        def closes_before_it_greets() -> bytes:
            plain, _ = listener.accept()
            made.close()
            with tls.wrap_socket(plain, server_side=True) as sock:
                return sock.recv(1)

        heard = pool.submit(closes_before_it_greets)
        with pytest.raises(NotSent) as caught:
            get(made)
        assert str(caught.value) == "the connections are closed"
        assert heard.result(PATIENCE_S) == b""


def test_certificate_that_nobody_vouches_for_means_not_sent(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with serving(tls=server_side(certificate, ssl.TLSVersion.TLSv1_3)) as server, transport(server.url) as made:
        with pytest.raises(NotSent) as caught:
            get(made)
        assert str(caught.value) == "TLS failed: CERTIFICATE_VERIFY_FAILED"
    assert server.requests == []


@BOTH
def test_request_is_started_over_tls(trusted: Path, version: ssl.TLSVersion) -> None:
    with serving(tls=server_side(trusted, version)) as server, transport(server.url) as made:
        made.warm_up(1)
        assert server.greeted.acquire(timeout=PATIENCE_S)
        for _ in range(2):
            started = made.start("POST", "/orders/regular", SECRET, b"once")
            assert started is not None
            assert made.finish(started).status == 200
    assert (server.connections, [r.body for r in server.requests]) == (1, [b"once", b"once"])
