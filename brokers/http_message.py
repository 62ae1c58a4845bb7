"""One HTTP request as bytes, and one answer from a socket. It must not know connections, brokers or retries.

The common answer, complete in its first piece and with a length, is read here at a tenth of what `http.client` takes
(about 20 us instead of 200). Every other form is left to `http.client`, which reads the same bytes from the start.
"""

import gzip
import http.client
import io
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, Protocol

from engine.errors import LockstepError

BODY_MOST: Final = 128 * 1024 * 1024
"""Bytes of one answer; a whole instrument file has about 12 million."""
CUT_SHORT: Final = "the answer was cut short"
PIECE: Final = 65_536
_TARGET: Final = re.compile(r"[\x21-\x7e]+")
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\x20-\x7e\xa0-\xff]*")
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [^\r\n]*)?")
_WITHOUT_BODY: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_EXPECTS_BODY: Final = ("POST", "PUT")


class NoAnswer(LockstepError):
    """The request may have arrived, and no complete answer came back."""


class Unwritable(ValueError):
    """A request that cannot be written as HTTP; nothing of it may be sent."""


class Readable(Protocol):
    """What an answer is read from."""

    def recv(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...

    def recv_into(self, buffer: memoryview, /) -> int:
        """The same into a buffer; how many bytes came."""
        ...


class Reply(NamedTuple):
    """An answer of the server, complete."""

    status: int
    content_type: str
    body: bytes
    date: str = ""
    "The server's time, as its header has it."


def request_bytes(host: str, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A request, head and body together, so that it leaves in one piece.

    Args:
        host: The Host header.
        method: GET, POST, PUT or DELETE.
        target: Path and query.
        headers: All headers but Host and Content-Length.
        body: What is sent, if anything.

    Raises:
        Unwritable: A target or header with characters that would make another request of it.
    """
    return with_body(head_bytes(host, method, target, headers), method, body)


def head_bytes(host: str, method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The part of a request that does not depend on its body. Raises `Unwritable`."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if not _TARGET.fullmatch(target) or not all(map(_HEADER.fullmatch, lines)):
        raise Unwritable
    if "Accept-Encoding" not in headers:
        lines.append("Accept-Encoding: identity")
    return "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *lines, "")).encode("latin-1")


def with_body(head: bytes, method: str, body: bytes | None) -> bytes:
    """A whole request: what `head_bytes` gave, the length where one is expected, and the body."""
    if body is None and method not in _EXPECTS_BODY:
        return head + b"\r\n"
    body = body or b""
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def read_reply(sock: Readable, method: str) -> tuple[Reply, bool]:
    """Wait for the answer to a request; the answer, and whether the connection can serve another one.

    Raises:
        NoAnswer, OSError, http.client.HTTPException, zlib.error, EOFError, ValueError: It is none, or not complete.
    """
    data = sock.recv(PIECE)
    return _common(data) or _any(_Rest(sock, data), method)


def _common(data: bytes) -> tuple[Reply, bool] | None:
    """A complete answer with a length that stands in one piece, `None` for everything else."""
    head, blank, body = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if not blank or status is None or int(status[1]) in _WITHOUT_BODY:
        return None
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name[0] <= 0x20 or (name := name.lower()) in found:
            return None
        found[name] = value.strip()
    length, kind = found.get(b"content-length", b""), found.get(b"content-type", b"")
    special = b"transfer-encoding" in found or b"content-encoding" in found or b"connection" in found
    if special or not length.isdigit() or kind.count(b"/") != 1 or len(body) < int(length):
        return None
    media = kind.partition(b";")[0].strip().lower().decode("latin-1")
    date = found.get(b"date", b"").decode("latin-1")
    # Bytes behind the answer belong to nobody: a connection with such bytes serves no other request.
    return Reply(int(status[1]), media, body[: int(length)], date), len(body) == int(length)


class _Rest(io.RawIOBase):
    """What is left to read of a connection: a piece that was taken from it, then what comes."""

    def __init__(self, sock: Readable, taken: bytes) -> None:
        self._sock, self._taken = sock, taken
        self._ended = not taken

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffered reader gives a memoryview
        """The next bytes; 0 at the end."""
        if self._taken:
            piece, self._taken = self._taken[: len(buffer)], self._taken[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)
        return 0 if self._ended else self._sock.recv_into(buffer)

    def end(self) -> None:
        """Give what was taken already, and wait for nothing more."""
        self._ended = True


class _Reader(io.BufferedReader):
    """What `http.client` reads from. It closes that at the end of an answer; what stands behind must still be seen."""

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Itself, as `http.client` asks a socket for it."""
        return self

    def close(self) -> None:
        """Nothing: the connection behind it is not its own."""


def _any(rest: _Rest, method: str) -> tuple[Reply, bool]:
    """An answer of whatever form, as `http.client` reads it."""
    reader = _Reader(rest)
    response = http.client.HTTPResponse(reader, method=method)  # type: ignore[arg-type]  # all it does is `makefile`
    response.begin()
    if response.status < HTTPStatus.OK:
        raise NoAnswer("the server sent an announcement instead of an answer")  # the answer may still follow it
    content = response.read(BODY_MOST + 1)
    if len(content) > BODY_MOST:
        raise NoAnswer(f"the answer is longer than {BODY_MOST} bytes")
    if response.length:  # http.client says so only when it is asked for everything
        raise NoAnswer(CUT_SHORT)
    body, headers = _unpacked(response, content), response.headers
    rest.end()
    stays = not response.will_close and not reader.peek(1)
    return Reply(response.status, headers.get_content_type(), body, headers.get("Date", "")), stays


def _unpacked(response: http.client.HTTPResponse, content: bytes) -> bytes:
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        return content
    data = gzip.decompress(content)
    if len(data) > BODY_MOST:
        raise NoAnswer(f"the answer is longer than {BODY_MOST} bytes")
    return data
