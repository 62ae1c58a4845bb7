"""What is written is one request; what is read in one piece is what `http.client` would have read."""

import io
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import http_message
from brokers.http_message import Reply, Unwritable, read_reply, request_bytes
from tests.unit.brokers.raw_server import answer

HOST = "api.kite.trade"
DATE = "Date: Mon, 05 Oct 2026 03:45:00 GMT"


class Pieces(socket.socket):
    """A socket that gives these pieces, one a call, or as much of one as is asked for."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__()
        self.pieces = list(pieces)

    def recv(self, size: int, flags: int = 0) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if piece[size:]:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def recv_into(self, buffer: memoryview, *_: int) -> int:  # type: ignore[override]
        piece = self.recv(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


def read(*pieces: bytes) -> tuple[Reply, bool]:
    with Pieces(*pieces) as sock:
        return read_reply(sock, "POST")


def as_http_client_reads(data: bytes) -> tuple[Reply, bool]:
    with Pieces() as sock:
        return http_message._any(http_message._Rest(sock, data), "POST")


def test_request_is_written_in_one_piece_with_its_length() -> None:
    data = request_bytes(HOST, "POST", "/orders/regular", {"X-Kite-Version": "3"}, b"quantity=65")
    assert data == (
        b"POST /orders/regular HTTP/1.1\r\nHost: api.kite.trade\r\nX-Kite-Version: 3\r\n"
        b"Accept-Encoding: identity\r\nContent-Length: 11\r\n\r\nquantity=65"
    )


@pytest.mark.parametrize(
    ("method", "body", "length"), [("GET", None, b""), ("DELETE", None, b""), ("PUT", None, b"0"), ("POST", b"", b"0")]
)
def test_length_is_said_where_a_body_is_expected(method: str, body: bytes | None, length: bytes) -> None:
    data = request_bytes(HOST, method, "/", {}, body)
    assert (b"Content-Length: " + length + b"\r\n" in data) == bool(length)
    assert (b"Content-Length" in data) == bool(length)


def test_own_wish_for_an_encoding_is_the_only_one() -> None:
    data = request_bytes(HOST, "GET", "/instruments", {"Accept-Encoding": "gzip"}, None)
    assert data.count(b"Accept-Encoding") == 1
    assert b"Accept-Encoding: gzip\r\n" in data


@pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/a\x00", "/\u20b9"])
def test_target_that_is_none_cannot_be_written(target: str) -> None:
    with pytest.raises(Unwritable):
        request_bytes(HOST, "GET", target, {}, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("A b", "x"), ("A", "x\ny"), ("A", "x\r"), ("A", "\u20b9"), ("A:", "x"), ("A", "\x7f")],
)
def test_header_that_is_none_cannot_be_written(name: str, value: str) -> None:
    with pytest.raises(Unwritable):
        request_bytes(HOST, "GET", "/", {name: value}, None)


ANSWERS = [
    answer(b'{"a":1}', more=(DATE,)),
    answer(b"", "200 OK"),
    answer(b"no", "429 Too Many Requests", "Application/JSON; charset=utf-8", more=(DATE, "Server: x")),
    answer(b"x", "302 Found", more=("Location: /elsewhere",)),
    b"HTTP/1.1 200\r\nContent-Length: 1\r\nContent-Type:text/html\r\n\r\nx",
    answer(b"<html>", "502 Bad Gateway", "text/html"),
]


@pytest.mark.parametrize("data", ANSWERS)
def test_common_answer_is_read_at_once_and_as_http_client_reads_it(data: bytes) -> None:
    assert http_message._common(data) == as_http_client_reads(data)


@pytest.mark.parametrize(
    "data",
    [
        answer(b"a", more=("Connection: close",)),
        answer(b"a", more=("Content-Encoding: gzip",)),
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 100 Continue\r\nContent-Type: a/b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX: y\r\n folded: z\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: -1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 1\r\nno header\r\n\r\na",
        b"HTTP/1.1 2000 OK\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Ty",
        b"",
    ],
)
def test_answer_of_any_other_form_is_left_to_http_client(data: bytes) -> None:
    assert http_message._common(data) is None


def test_answer_that_comes_in_pieces_is_read_whole() -> None:
    data = answer(b'{"a":1}' * 9, more=(DATE,))
    for cut in range(1, len(data)):
        assert read(data[:cut], data[cut:]) == (Reply(200, "application/json", b'{"a":1}' * 9, DATE[6:]), True)


def test_connection_with_bytes_behind_the_answer_serves_no_other_request() -> None:
    reply, stays = read(answer(b"mine") + b"x")
    assert (reply.body, stays) == (b"mine", False)
    assert read(answer(b"mine"))[1]


TOKENS = st.sampled_from(["Content-Length", "Content-Type", "Date", "X", "x", "Connection", "Transfer-Encoding"])
VALUES = st.sampled_from(["0", "1", "3", "text/html", "a/b; c=d", "close", "keep-alive", "chunked", " 1 ", "", "1,1"])


@given(
    st.sampled_from(["200 OK", "400", "204 x", "304", "500 "]),
    st.lists(st.tuples(TOKENS, VALUES), max_size=5),
    st.binary(max_size=4),
)
def test_whatever_is_taken_for_common_http_client_reads_the_same(
    status: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    data = f"HTTP/1.1 {status}\r\n".encode() + b"".join(f"{n}: {v}\r\n".encode() for n, v in headers) + b"\r\n" + body
    found = http_message._common(data)
    if found is not None:
        reply, stays = as_http_client_reads(data)
        assert found[0] == reply
        assert found[1] <= stays


def test_rest_of_a_connection_begins_with_what_was_taken() -> None:
    with Pieces(b"and more") as sock:
        assert io.BufferedReader(http_message._Rest(sock, b"taken ")).read() == b"taken and more"


FORMS = {
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunks with a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}",
    "long": b"HTTP/1.1 200 OK\r\nContent-Length: 8192\r\nConnection: keep-alive\r\n\r\n" + bytes(8192),
}


@pytest.mark.parametrize("told", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("cut", [0, 1, 30])
def test_connection_with_bytes_behind_an_answer_of_any_form_serves_no_other_request(told: bytes, cut: int) -> None:
    """Wherever the pieces end. What was not taken from the connection is seen there, when it is to be used again."""
    pieces = (told[:cut], told[cut:]) if cut else (told,)
    assert read(*pieces)[1]
    for surplus in (b"\r", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", bytes(20_000)):
        with Pieces(*pieces[:-1], pieces[-1] + surplus) as sock:
            _, stays = read_reply(sock, "POST")
            assert stays == (sock.pieces == [surplus])
