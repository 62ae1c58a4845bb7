"""One of Angel's WebSockets, on a thread of its own, connected again and again until it is closed.

The official clients of these sockets do not check certificates, give up after some tries and never notice a frozen
connection, so they are not used. What arrives is a hint: nothing is replayed after a reconnect. Headers hold the
session, so neither they nor what a server says of them may come into a text.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import websocket
from websocket import _handshake
from websocket._cookiejar import SimpleCookieJar

from brokers.angel_one.client import Session
from engine.errors import LockstepError, NeedsLogin
from engine.model import NS_PER_S

POLL_S: Final = 0.25
"""How soon what is to be sent is sent, and a close is noticed."""
PING: Final = "ping"
PING_EVERY_NS: Final = 10 * NS_PER_S
"""SmartAPI "WebSocket Order Status" and "WebSocket Streaming 2.0"."""
SILENT_NS: Final = 25 * NS_PER_S
"""A connection that does not answer two pings is dead."""
CONNECT_TIMEOUT_S: Final = 10.0
RETRY_FIRST_S: Final = 0.5
RETRY_MOST_S: Final = 30.0
TEXTS_MOST: Final = 1000
_OVER: Final = (401, 403)
_BINARY: Final = websocket.ABNF.OPCODE_BINARY
_DATA: Final = (websocket.ABNF.OPCODE_TEXT, _BINARY)
CLOSE_S: Final = 2.0
"""How long a close waits for the thread; a connection that is being made ends later, and unheard."""
_log = logging.getLogger("websocket")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # the dashboard draws on the terminal that it would write to


class _NoCookies(SimpleCookieJar):
    """websocket-client keeps the cookies of all connections of a process: one account's would be sent for another."""

    def add(self, set_cookie: str | None) -> None:
        """Keep nothing."""


_handshake.CookieJar = _NoCookies()


class SessionOver(LockstepError):
    """The server does not take the session."""

    def __init__(self, session: Session) -> None:
        super().__init__("the session is over")
        self.session = session


class Link:
    """One connection. Every method may be called from any thread.

    Args:
        url: The server.
        session: The session that holds; raises `NeedsLogin` where there is none. Asked before each connection.
        headers: What names a session to the server.
        on_data: Takes each message: its bytes, and whether it is binary. What it raises is left out.
        on_link: Connected or not, and why not.
        on_over: The server does not take this session.
        now_ns: The clock that silence is measured by.
        greeting: What is sent after each connection.
        ping_every_ns: How often the server is asked for a sign of life.
        retry_first_s: The first pause between two connections; it doubles up to half a minute.
    """

    def __init__(
        self,
        url: str,
        *,
        session: Callable[[], Session],
        headers: Callable[[Session], Mapping[str, str]],
        on_data: Callable[[bytes, bool], None],
        on_link: Callable[[bool, str], None],
        on_over: Callable[[Session], None],
        now_ns: Callable[[], int],
        greeting: Callable[[], Sequence[str]] = tuple,
        ping_every_ns: int = PING_EVERY_NS,
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._url, self._session, self._headers, self._on_data, self._on_link = url, session, headers, on_data, on_link
        self._on_over, self._now_ns, self._greeting = on_over, now_ns, greeting
        self._ping_every_ns, self._retry_first_s = ping_every_ns, retry_first_s
        self._tls = ssl.create_default_context() if urlsplit(url).scheme == "wss" else None
        self._texts: list[str] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._renewed = threading.Event()
        self._is_connected = self._has_heard = False
        self._seen_ns = self._linked_ns = 0
        self._thread = threading.Thread(target=self._run, name="angel-link", daemon=True)

    @property
    def alive_ns(self) -> int:
        """When the server was last heard, 0 for never."""
        return self._seen_ns

    @property
    def linked_ns(self) -> int:
        """When the connection that there is was made, 0 while there is none."""
        return self._linked_ns

    def start(self) -> None:
        """Connect, and stay connected until `close`."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Send a text on the connection that there is; a later one begins with its greeting."""
        with self._lock:
            if self._is_connected and len(self._texts) < TEXTS_MOST:
                self._texts.append(text)

    def reconnect(self) -> None:
        """Drop the connection and make another one, at once: the session is another one."""
        self._renewed.set()

    def close(self) -> None:
        """End the connection; nobody is told of anything any more, once it has returned."""
        self._ended.set()
        self._renewed.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_S)

    # On its own thread

    def _run(self) -> None:
        pause_s = self._retry_first_s
        while not self._ended.is_set():
            self._renewed.clear()
            self._has_heard = False
            why = self._live()
            self._tell(False, why)
            if self._has_heard:
                pause_s = self._retry_first_s
            if not self._ended.is_set():
                self._renewed.wait(pause_s)
            pause_s = min(pause_s * 2, RETRY_MOST_S)

    def _live(self) -> str:
        """One connection from its beginning to its end; returns why it ended."""
        try:
            connection = self._connect(self._session())
        except NeedsLogin as error:
            return str(error)
        except SessionOver as over:
            self._on_over(over.session)
            return "the login is over"
        except Exception as error:  # noqa: BLE001  websocket-client raises what its layers raise; texts hold headers
            return f"no connection ({type(error).__name__})"
        try:
            return self._talk(connection)
        except Exception as error:  # noqa: BLE001  the same
            return f"the connection ended ({type(error).__name__})"
        finally:
            self._linked_ns = 0
            with self._lock:
                self._is_connected = False
                self._texts.clear()
            connection.shutdown()  # type: ignore[no-untyped-call]

    def _connect(self, session: Session) -> websocket.WebSocket:
        """Raises `SessionOver`, and whatever websocket-client raises."""
        connection = websocket.WebSocket(enable_multithread=False, skip_utf8_validation=True)
        sock = self._open()
        try:
            connection.connect(  # type: ignore[no-untyped-call]
                self._url,
                socket=sock,
                header=[f"{name}: {value}" for name, value in self._headers(session).items()],
                timeout=CONNECT_TIMEOUT_S,
                suppress_origin=True,
                redirect_limit=0,  # the session goes to nobody else
            )
        except Exception as error:
            sock.close()
            if isinstance(error, websocket.WebSocketBadStatusException) and error.status_code in _OVER:
                raise SessionOver(session) from None
            raise
        connection.settimeout(POLL_S)
        return connection

    def _open(self) -> socket.socket:
        """A socket to the server, its certificate checked; as with orders, no proxy that a variable names."""
        parts = urlsplit(self._url)
        host, port = parts.hostname or "", parts.port or (80 if self._tls is None else 443)
        sock = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        if self._tls is None:
            return sock
        try:
            return self._tls.wrap_socket(sock, server_hostname=host)
        except Exception:
            sock.close()
            raise

    def _talk(self, connection: websocket.WebSocket) -> str:
        now_ns = self._now_ns()
        heard_ns = self._seen_ns = self._linked_ns = pinged_ns = now_ns
        with self._lock:
            self._is_connected = True
            self._texts[:] = self._greeting()
        self._tell(True, "")
        while not (self._renewed.is_set() or self._ended.is_set()):
            for text in self._take():
                connection.send(text)
            now_ns = self._now_ns()
            if now_ns - pinged_ns >= self._ping_every_ns:
                connection.send(PING)
                pinged_ns = now_ns
            if now_ns - heard_ns >= SILENT_NS:
                return "the server has fallen silent"
            try:
                opcode, data = connection.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                continue
            heard_ns = self._seen_ns = self._now_ns()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return "the server closed the connection"
            self._has_heard = True
            if opcode in _DATA:
                self._hand_on(data, opcode == _BINARY)
        return "the session is another one"

    def _take(self) -> list[str]:
        with self._lock:
            texts, self._texts = self._texts, []
        return texts

    def _tell(self, is_connected: bool, why: str) -> None:
        if not self._ended.is_set():
            self._on_link(is_connected, why)

    def _hand_on(self, data: bytes, is_binary: bool) -> None:
        if self._ended.is_set():
            return
        try:
            self._on_data(bytes(data), is_binary)
        except Exception:  # noqa: BLE001  a message that nobody understands must not end the connection
            return
