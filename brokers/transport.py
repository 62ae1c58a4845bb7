"""One HTTP request, once: warm connections, no redirect, no retry, and a sure word on whether anything left here.

That word decides whether an order may be sent again (FAULTS, step 3), so nothing here guesses: `NotSent` is raised only
where no byte of a request can have left. It must not know any broker, and must not put headers or bodies into a text.
"""

import gzip
import http.client
import select
import socket
import ssl
import threading
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from engine.errors import LockstepError

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 15.0
BODY_MOST: Final = 128 * 1024 * 1024
"""Bytes of one answer; a whole instrument file has about 12 million."""
IDLE_MOST: Final = 8
"""Connections kept warm."""
NO_ADDRESS: Final = "no address of a server: https://host[:port] is wanted"
CUT_SHORT: Final = "the answer was cut short"


class NotSent(LockstepError):
    """No byte of the request has left this machine."""


class NoAnswer(LockstepError):
    """The request may have arrived, and no complete answer came back."""


class Reply(NamedTuple):
    """An answer of the server, complete."""

    status: int
    content_type: str
    body: bytes
    date: str = ""
    "The server's time, as its header has it."


class Transport:
    """Connections to one server for one account. Every method may be called from any thread.

    Args:
        root_url: `https://host[:port]`; `http` only makes sense on this machine (a sandbox).
        source_ip: The address of this machine that requests leave from, '' for the system's choice.
        connect_timeout_s: For each address of the server; looking up its name is the system's own time.
        read_timeout_s: For each piece of the answer.
    """

    def __init__(
        self,
        root_url: str,
        *,
        source_ip: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._host, self._port, self._secure = _address(root_url)
        self._tls = ssl.create_default_context() if self._secure else None
        self._source = (source_ip, 0) if source_ip else None
        self._connect_s, self._read_s = connect_timeout_s, read_timeout_s
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Send one request and wait for its answer.

        Args:
            method: GET, POST, PUT or DELETE.
            target: Path and query.
            headers: All headers but Host and Content-Length.
            body: What is sent, if anything.

        Raises:
            NotSent: It certainly did not leave.
            NoAnswer: It may have arrived.
        """
        connection = self._warm() or self._connect()
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            reply = _reply(response)
        except (OSError, http.client.HTTPException, zlib.error, EOFError, ValueError) as error:
            connection.close()
            raise NoAnswer(_why(error)) from None
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._keep(connection)
        return reply

    def warm_up(self, count: int) -> None:
        """Have `count` connections ready, as far as the server takes them; failures are left to the next request."""
        while not self._closed and len(self._idle) < min(count, IDLE_MOST):
            try:
                self._keep(self._connect())
            except NotSent:
                return

    def close(self) -> None:
        """Close what is idle; connections in use are closed when their request ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _warm(self) -> http.client.HTTPConnection | None:
        """An idle connection that the server has not closed, the one used last first."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _is_spent(connection.sock):
                return connection
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._new()
        try:
            connection.connect()
            connection.sock.settimeout(self._read_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise NotSent(_why(error)) from None
        return connection

    def _new(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(
                self._host, self._port, timeout=self._connect_s, source_address=self._source
            )
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._connect_s, source_address=self._source, context=self._tls
        )

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MOST:
                self._idle.append(connection)
                return
        connection.close()


def _address(root_url: str) -> tuple[str, int | None, bool]:
    """(host, port, whether it is TLS). The text of a failure does not repeat the address: it may hold a password."""
    try:
        parts = urlsplit(root_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(NO_ADDRESS) from None
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not host or more or parts.scheme not in ("http", "https"):
        raise ValueError(NO_ADDRESS)
    return host, port, parts.scheme == "https"


def _is_spent(sock: socket.socket | None) -> bool:
    """Whether an idle connection must not be used: closed by the server, or with bytes that nobody asked for."""
    if sock is None:
        return True
    try:
        poller = select.poll()
        poller.register(sock, select.POLLIN | select.POLLHUP | select.POLLERR)
        is_readable = bool(poller.poll(0))
        return not _says_nothing(sock) if isinstance(sock, ssl.SSLSocket) and is_readable else is_readable
    except (OSError, ValueError):
        return True


def _says_nothing(sock: ssl.SSLSocket) -> bool:
    """Whether what has arrived is TLS's own, such as the session tickets that follow every handshake of TLS 1.3."""
    timeout_s = sock.gettimeout()
    sock.settimeout(0)
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:
        return True
    finally:
        sock.settimeout(timeout_s)
    return False


def _reply(response: http.client.HTTPResponse) -> Reply:
    if response.status < HTTPStatus.OK:
        raise NoAnswer("the server sent an announcement instead of an answer")  # the answer may still follow it
    content = response.read(BODY_MOST + 1)
    if len(content) > BODY_MOST:
        raise NoAnswer(f"the answer is longer than {BODY_MOST} bytes")
    if response.length:  # http.client says so only when it is asked for everything
        raise NoAnswer(CUT_SHORT)
    body, headers = _unpacked(response, content), response.headers
    return Reply(response.status, headers.get_content_type(), body, headers.get("Date", ""))


def _unpacked(response: http.client.HTTPResponse, content: bytes) -> bytes:
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        return content
    data = gzip.decompress(content)
    if len(data) > BODY_MOST:
        raise NoAnswer(f"the answer is longer than {BODY_MOST} bytes")
    return data


def _why(error: Exception) -> str:
    """The failure in few words; never a header, a body or an address with a token in it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or 'no reason given'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    names = {"IncompleteRead": CUT_SHORT, "RemoteDisconnected": "the server closed the connection"}
    return names.get(type(error).__name__, f"no usable answer ({type(error).__name__})")
