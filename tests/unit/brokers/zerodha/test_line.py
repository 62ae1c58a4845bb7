"""One account's line: what it goes on with when a token comes, and that it stays closed."""

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from brokers.catalogue import Catalogue, Listing
from brokers.line import Line
from brokers.markets import KiteMarket
from brokers.zerodha.line import ZerodhaLine
from brokers.zerodha.ticker import in_reactor
from config.credentials import Credentials, Secret
from config.schema import BrokerUrls
from engine.errors import ReadFailed
from tests.unit.brokers.raw_server import PATIENCE_S, refused_port
from tests.unit.brokers.test_introduce import HEAD
from tests.unit.brokers.test_introduce import line as row_of
from tests.unit.brokers.zerodha.test_ticker import said
from tests.unit.paper.builders import CALL, PUT, option


def credentials(token: str = "") -> Credentials:
    texts = {"api_key": "key", "api_secret": "secret", "user_id": "AB1234"} | ({"access_token": token} if token else {})
    return Credentials(path=Path("z.env"), broker="zerodha", values={key: Secret(text) for key, text in texts.items()})


class Tickers:
    """Where tickers connect to; the tokens that they come with, in order."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener

    def line(self, token: str = "") -> ZerodhaLine:
        here = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        urls = BrokerUrls(root_url=f"http://127.0.0.1:{refused_port()}", ticker_url=here)
        return ZerodhaLine("Z1", credentials(token), urls, lambda: 1, 1)

    def next_token(self) -> str:
        sock, head = self.accept()
        sock.close()
        return parse_qs(urlsplit(head.split(" ")[1]).query)["access_token"][0]

    def accept(self) -> tuple[socket.socket, str]:
        """The next connection, and the request that it begins with."""
        self._listener.settimeout(PATIENCE_S)
        sock, _ = self._listener.accept()
        sock.settimeout(PATIENCE_S)
        return sock, sock.recv(65_536).decode()


@pytest.fixture
def tickers() -> Iterator[Tickers]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Tickers(listener)


def listen(line: Line) -> None:
    line.listen(lambda _report: None, lambda _quotes: None, lambda _connected, _why: None)


def test_token_that_comes_while_somebody_listens_starts_a_ticker(tickers: Tickers) -> None:
    line = tickers.line()
    listen(line)
    line.log_in(credentials("NEW"))
    assert tickers.next_token() == "NEW"
    line.close()


def test_file_of_another_day_gives_new_tokens_to_what_is_subscribed(tickers: Tickers) -> None:
    line = tickers.line("TOKEN")
    line.subscribe([Listing(option(CALL), 11, "1"), Listing(option(PUT), 22, "2")])
    listen(line)
    sock, head = tickers.accept()
    with sock:
        sock.sendall(greeting(head))
        assert [said(sock), said(sock)][0] == {"a": "subscribe", "v": [11, 22]}
        line.use(KiteMarket(Catalogue(HEAD + row_of(CALL), date(2026, 11, 3))))
        line.subscribe([Listing(option(CALL), 22, "1")])
        assert said(sock) == {"a": "unsubscribe", "v": [11]}
        line.subscribe([Listing(option(PUT), 33, "2")])
        assert said(sock) == {"a": "subscribe", "v": [33]}
        line.close()


def test_line_that_is_closed_starts_no_ticker_for_a_token_nor_for_who_listens(tickers: Tickers) -> None:
    """All tickers start on one thread, in turn: the next line's would come second."""
    line = tickers.line()
    listen(line)
    line.close()
    line.log_in(credentials("LATE"))
    listen(line)
    line.close()
    after = tickers.line("AFTER")
    listen(after)
    assert tickers.next_token() == "AFTER"
    after.close()


def test_line_that_was_closed_before_anybody_listened_starts_no_ticker(tickers: Tickers) -> None:
    line = tickers.line("EARLY")
    line.close()
    listen(line)
    after = tickers.line("AFTER")
    listen(after)
    assert tickers.next_token() == "AFTER"
    after.close()


def test_line_that_is_closed_asks_for_nothing(tickers: Tickers) -> None:
    line = tickers.line("TOKEN")
    line.close()
    with pytest.raises(ReadFailed) as caught:
        line.broker.orders()
    assert str(caught.value) == "the order book: the connections are closed"


def test_ticker_that_was_being_connected_at_the_close_ends_when_it_is(tickers: Tickers) -> None:
    line = tickers.line("EARLY")
    listen(line)
    sock, head = tickers.accept()
    with sock:
        line.close()
        closed = threading.Event()
        in_reactor(closed.set)
        assert closed.wait(PATIENCE_S)
        with suppress(ConnectionError):  # it may be gone already
            sock.sendall(greeting(head))
            sock.recv(1)  # ends, instead of waiting for something to come


def greeting(head: str) -> bytes:
    """What a server agrees to a WebSocket with (RFC 6455, 4.2.2)."""
    (key,) = re.findall(r"(?i)^sec-websocket-key: (\S+)", head, re.MULTILINE)
    digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    return "\r\n".join((*lines, f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}", "", "")).encode()
