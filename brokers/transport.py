"""One HTTP request, once: warm connections, no redirect, no retry, and a sure word on whether anything left here.

That word decides whether an order may be sent again (FAULTS, step 3), so nothing here guesses: `NotSent` is raised only
where no byte of a request can have left. It must not know any broker, and must not put headers or bodies into a text.
"""

import http.client
import select
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from brokers.http_message import BODY_MOST, CUT_SHORT, NoAnswer, Reply, Unwritable, head_bytes, read_reply, with_body
from brokers.sockets import Patient, keep_watch
from engine.clock import ticks_s
from engine.errors import LockstepError

__all__ = ["BODY_MOST", "NoAnswer", "NotSent", "Reply", "Started", "Transport"]

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 15.0
READY_MOST_S: Final = 15.0
"""How long a request may wait for its connection. A name server or many addresses can take longer, and an order that
leaves long after the core has called it unknown (`ANSWER_DEADLINE_NS`) could be the second of its kind."""
IDLE_MOST: Final = 8
"""Connections kept warm."""
IDLE_MOST_S: Final = 40.0
"""What idled longer is not used: a router may have forgotten it, and an order into it would be unknown for minutes. An
account at rest is read every 30 s, so that an order finds a warm connection all the same."""
CLOSED: Final = "the connections are closed"
TOO_LATE: Final = "connecting took too long"
NO_ADDRESS: Final = "no address of a server: https://host[:port] is wanted"
HTTP_PORT, HTTPS_PORT = 80, 443


class NotSent(LockstepError):
    """No byte of the request has left this machine."""


class Started:
    """A request that was begun without waiting; only `Transport.finish` knows what to do with it."""

    __slots__ = ("failure", "method", "rest", "sock")

    def __init__(self, sock: socket.socket, method: str, rest: bytes, failure: OSError | None) -> None:
        self.sock, self.method, self.rest, self.failure = sock, method, rest, failure


class Transport:
    """Connections to one server for one account. Every method may be called from any thread.

    Args:
        root_url: `https://host[:port]`; `http` only makes sense on this machine (a sandbox).
        source_ip: The address of this machine that requests leave from, '' for the system's choice.
        connect_timeout_s: For each address of the server; looking up its name is the system's own time.
        read_timeout_s: For each piece of the answer; `Patient` limits the whole of it.
        ready_most_s: A request whose connection took longer is not sent.
        ticks: Real seconds, those that the machine slept included.
    """

    def __init__(
        self,
        root_url: str,
        *,
        source_ip: str = "",
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        ready_most_s: float = READY_MOST_S,
        ticks: Callable[[], float] = ticks_s,
    ) -> None:
        self._host, self._port, secure = _address(root_url)
        self._host_header = _host_header(self._host, self._port, HTTPS_PORT if secure else HTTP_PORT)
        self._tls = ssl.create_default_context() if secure else None
        self._source = (source_ip, 0) if source_ip else None
        self._connect_s, self._read_s, self._ready_s = connect_timeout_s, read_timeout_s, ready_most_s
        self._ticks = ticks
        self._idle: list[tuple[socket.socket, float]] = []
        "With the time of their last use, the newest last."
        self._head: tuple[tuple[str, str, Mapping[str, str]], bytes] | None = None
        "What was started last, and the bytes of its head."
        self._lock = threading.Lock()
        self._closed = False

    @property
    def server(self) -> str:
        """Which server it is, for telling servers apart."""
        return f"{self._host}:{self._port}"

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        """Send one request and wait for its answer.

        Args:
            method: GET, POST, PUT or DELETE.
            target: Path and query.
            headers: All headers but Host and Content-Length.
            body: What is sent, if anything.

        Raises:
            NotSent: It certainly did not leave, as nothing does after `close`.
            NoAnswer: It may have arrived.
        """
        data = with_body(self._head_of(method, target, headers), method, body)
        return self.finish(Started(self._warm() or self._connect_in_time(), method, data, None))

    def start(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None = None) -> Started | None:
        """Send one request as far as that needs no waiting; `finish` sends the rest and waits for the answer.

        `None`: no connection is warm, and nothing was sent. What was started must be finished, once. Raises `NotSent`.
        """
        kept = self._head
        if kept is None or kept[0] != (method, target, headers):  # orders differ in their bodies only
            kept = self._head = (method, target, dict(headers)), self._head_of(method, target, headers)
        data = with_body(kept[1], method, body)
        sock = self._warm()
        if sock is None:
            return None
        sent, failure = 0, None
        try:
            sock.settimeout(0)
            sent = sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            pass  # the system's buffer is full: all of it is sent where waiting is allowed
        except OSError as error:
            failure = error
        return Started(sock, method, data[sent:], failure)

    def finish(self, started: Started) -> Reply:
        """Wait for the answer to what was started. Raises `NoAnswer`."""
        sock = started.sock
        try:
            if started.failure is not None:
                raise started.failure
            sock.settimeout(self._read_s)
            if started.rest:
                sock.sendall(started.rest)
            reply, stays = read_reply(Patient(sock, self._read_s, self._ticks), started.method)
        except NoAnswer:
            sock.close()
            raise
        except (OSError, http.client.HTTPException, zlib.error, EOFError, ValueError) as error:
            sock.close()
            raise NoAnswer(_why(error)) from None
        except BaseException:
            sock.close()
            raise
        if stays:
            self._keep(sock)
        else:
            sock.close()
        return reply

    def warm_up(self, count: int) -> None:
        """Have `count` connections ready, as far as the server takes them; failures are left to the next request."""
        while not self._closed and len(self._idle) < min(count, IDLE_MOST):
            try:
                self._keep(self._connect())
            except NotSent:
                return

    def close(self) -> None:
        """Close what is idle, and send nothing more; connections in use are closed when their request ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for sock, _ in idle:
            sock.close()

    def _head_of(self, method: str, target: str, headers: Mapping[str, str]) -> bytes:
        """The head of a request without its length. Raises `NotSent`."""
        try:
            return head_bytes(self._host_header, method, target, headers)
        except Unwritable:
            text = "the request cannot be written: a character that stands in no header or path"
            raise NotSent(text) from None

    def _warm(self) -> socket.socket | None:
        """An idle connection that surely still lives, the one used last first. Raises `NotSent`."""
        while True:
            with self._lock:
                if self._closed:
                    raise NotSent(CLOSED)
                if not self._idle:
                    return None
                sock, used_s = self._idle.pop()
            if self._ticks() - used_s <= IDLE_MOST_S and not _is_spent(sock):
                return sock
            sock.close()

    def _connect_in_time(self) -> socket.socket:
        """A new connection; one that came too late for its request serves the next. Raises `NotSent`."""
        began_s = self._ticks()
        sock = self._connect()
        if self._ticks() - began_s > self._ready_s:
            self._keep(sock)
            raise NotSent(TOO_LATE)
        return sock

    def _connect(self) -> socket.socket:
        sock: socket.socket | None = None
        try:
            sock = socket.create_connection((self._host, self._port), self._connect_s, self._source)
            keep_watch(sock)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except (OSError, ValueError) as error:
            if sock is not None:
                sock.close()
            raise NotSent(_why(error)) from None
        if self._closed:  # while it was made
            sock.close()
            raise NotSent(CLOSED)
        return sock

    def _keep(self, sock: socket.socket) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MOST:
                self._idle.append((sock, self._ticks()))
                return
        sock.close()


def _address(root_url: str) -> tuple[str, int, bool]:
    """(host, port, whether it is TLS). The text of a failure does not repeat the address: it may hold a password."""
    try:
        parts = urlsplit(root_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(NO_ADDRESS) from None
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not host or more or parts.scheme not in ("http", "https"):
        raise ValueError(NO_ADDRESS)
    secure = parts.scheme == "https"
    return host, port or (HTTPS_PORT if secure else HTTP_PORT), secure


def _host_header(host: str, port: int, usual_port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == usual_port else f"{shown}:{port}"


def _is_spent(sock: socket.socket) -> bool:
    """Whether an idle connection must not be used: closed by the server, or with bytes that nobody asked for."""
    try:
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True  # decrypted already, so that the system knows nothing of it
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
