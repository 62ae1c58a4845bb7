"""Kite's WebSocket of one account: quotes and order updates, by kiteconnect's KiteTicker with its gaps closed.

All tickers of a process share Twisted's one reactor, which runs on a thread of its own; everything is done there. What
arrives is a hint, a wake-up: nothing is replayed after a reconnect, and the order book stays the truth. Closed gaps:
kiteconnect never notices a frozen connection, gives up after some tries, does not check the server's certificate, and
drops the connection when a callback raises.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from autobahn.twisted.websocket import connectWS
from kiteconnect import KiteTicker
from twisted.internet import reactor as _installed
from twisted.internet import ssl, task

from brokers.errors import Malformed
from brokers.zerodha import ticks, wire
from config.credentials import Secret
from engine.model import NS_PER_S, InstrumentId, OrderReport, Quote

TICKER_URL: Final = "wss://ws.kite.trade"
SILENT_NS: Final = 6 * NS_PER_S
"""Kite beats about once a second; a connection that is silent for so long is dead."""
WATCH_EVERY_S: Final = 1.0
NO_CONNECTION: Final = "no connection comes about"
RETRY_MOST_S: Final = 5
REFUSED_RETRY_S: Final = 30.0
"""After a refused handshake: too many connections end, and a new token is known everywhere, within a minute."""
REFUSED: Final = "upgrade failed (403"
CONNECT_TIMEOUT_S: Final = 10
reactor: Final[Any] = _installed  # Twisted's types know only the interface
_running = threading.Event()
_starting = threading.Lock()


class _Frame(msgspec.Struct):
    """A text message."""

    type: str = ""
    data: msgspec.Raw = msgspec.Raw()


_log = logging.getLogger("kiteconnect")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # kiteconnect writes every lost connection to the terminal that the dashboard draws on
_FRAME: Final = msgspec.json.Decoder(_Frame)
_ORDER: Final = msgspec.json.Decoder(wire.OrderRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whom a stream tells; called on the reactor's thread, must not block."""

    on_order: Callable[[OrderReport], None]
    "An order of the account changed."
    on_quotes: Callable[[Sequence[Quote]], None] = lambda _quotes: None
    on_link: Callable[[bool, str], None] = lambda _connected, _why: None
    "Connected or not, and why not."


class KiteStream:
    """One account's stream. Every method may be called from any thread.

    Args:
        api_key: The app's key.
        access_token: The day's token; a new one needs a new stream.
        listener: Who is told.
        now_ns: The engine's clock.
        url: The server.
        stale_after_ns: How long a quote holds.
        refused_retry_s: The pause before the next connection after one that Kite refused.
    """

    def __init__(
        self,
        api_key: Secret,
        access_token: Secret,
        listener: Listener,
        now_ns: Callable[[], int],
        *,
        url: str = TICKER_URL,
        stale_after_ns: int = 10 * NS_PER_S,
        refused_retry_s: float = REFUSED_RETRY_S,
    ) -> None:
        self._listener, self._now_ns, self._stale_after_ns = listener, now_ns, stale_after_ns
        self._refused_retry_s = refused_retry_s
        self._names: Mapping[int, InstrumentId] = {}
        self._seen_ns = self._linked_ns = self._started_ns = 0
        self._closed = self._is_told_down = False
        self._ticker = _VerifiedTicker(api_key.reveal(), access_token.reveal(), root=url)
        self._ticker.on_message = self._heard
        self._ticker.on_connect = self._connected
        self._ticker.on_close = self._lost
        self._watch = task.LoopingCall(self._look)

    def start(self) -> None:
        """Connect, and stay connected until `close`."""
        in_reactor(self._start)

    def close(self) -> None:
        """End the connection."""
        in_reactor(self._close)

    def subscribe(self, tokens: Mapping[int, InstrumentId]) -> None:
        """Hear quotes with depth of these from now on and of nothing else, over reconnects too."""
        in_reactor(self._subscribe, dict(tokens))

    @property
    def alive_ns(self) -> int:
        """When the server was last heard, 0 for never."""
        return self._seen_ns

    @property
    def linked_ns(self) -> int:
        """When the connection that there is was made, 0 while there is none."""
        return self._linked_ns

    # On the reactor's thread

    def _start(self) -> None:
        if not self._closed:
            self._started_ns = self._now_ns()
            self._ticker.connect(threaded=True)
            self._watch.start(WATCH_EVERY_S, now=False)

    def _close(self) -> None:
        self._closed = True
        if self._watch.running:
            self._watch.stop()
        factory = getattr(self._ticker, "factory", None)
        if factory is not None:
            factory.stopTrying()
        if self._ticker.ws is not None:
            self._ticker.ws.dropConnection(abort=True)

    def _subscribe(self, tokens: Mapping[int, InstrumentId]) -> None:
        fresh = [token for token in tokens if token not in self._names]
        gone = [token for token in self._names if token not in tokens]
        self._names = tokens
        for token in gone:  # kiteconnect would ask for them at the next connection
            self._ticker.subscribed_tokens.pop(token, None)
        if self._ticker.is_connected():
            if gone:
                self._ticker.unsubscribe(gone)
            if fresh:
                self._ask(fresh)

    def _ask(self, tokens: list[int]) -> None:
        self._ticker.subscribe(tokens)
        self._ticker.set_mode(self._ticker.MODE_FULL, tokens)

    def _connected(self, _ticker: object, _response: object) -> None:
        """The handshake is done; kiteconnect subscribes anew by itself, but only what it was told before."""
        self._seen_ns = self._linked_ns = self._now_ns()
        reactor.callLater(0, self._open)

    def _open(self) -> None:
        if self._closed:  # while it was being connected: nothing was there to drop, and kiteconnect tries again by now
            self._close()
        elif self._ticker.is_connected():
            if self._names:
                self._ask(list(self._names))
            self._is_told_down = False
            self._listener.on_link(True, "")

    def _lost(self, _ticker: object, code: object, reason: object) -> None:
        self._linked_ns, self._is_told_down = 0, True
        refused = REFUSED in str(reason)
        if refused:  # the factory tries again, slowly: the same answer is given when a key has too many connections
            self._ticker.factory.delay = self._refused_retry_s
        why = "the login is over, or the key has too many connections" if refused else f"the connection ended ({code})"
        self._listener.on_link(False, why)

    def _look(self) -> None:
        """Drop a connection that has fallen silent: the factory then makes a new one. Tell when none comes about."""
        now_ns = self._now_ns()
        if self._ticker.is_connected():
            if now_ns - self._seen_ns > SILENT_NS:
                self._ticker.ws.dropConnection(abort=True)
        elif not self._is_told_down and now_ns - self._started_ns > SILENT_NS:  # kiteconnect tells of ended ones only
            self._is_told_down = True
            self._listener.on_link(False, NO_CONNECTION)

    def _heard(self, _ticker: object, payload: bytes, is_binary: bool) -> None:
        """Every message. What cannot be understood is left out: the book is read anyway."""
        self._seen_ns = now_ns = self._now_ns()
        try:
            if is_binary:
                quotes = tuple(ticks.quotes_of(payload, self._names, now_ns, self._stale_after_ns))
                if quotes:
                    self._listener.on_quotes(quotes)
                return
            frame = _FRAME.decode(payload)
            if frame.type == "order":
                self._listener.on_order(wire.report_of(_ORDER.decode(frame.data)))
        except (Malformed, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        except Exception:  # noqa: BLE001  whoever listens must not cost the connection: the SDK drops it for that
            return


class _VerifiedTicker(KiteTicker):  # type: ignore[misc]  # kiteconnect has no types
    """KiteTicker that checks the server's certificate, never gives up, and does not parse what is parsed here."""

    def connect(self, threaded: bool = False, disable_ssl_verification: bool = False, proxy: object = None) -> None:
        """Connect on the running reactor; the arguments are kiteconnect's and do not matter here."""
        self._create_connection(
            self.socket_url, useragent=self._user_agent(), proxy=None, headers={"X-Kite-Version": "3"}
        )
        self.factory.maxRetries, self.factory.maxDelay = None, RETRY_MOST_S
        host = urlsplit(self.root).hostname or ""
        context = ssl.optionsForClientTLS(host) if self.factory.isSecure else None
        connectWS(self.factory, contextFactory=context, timeout=CONNECT_TIMEOUT_S)

    def _parse_text_message(self, payload: bytes) -> None:
        """Nothing: `KiteStream` has read it."""


def in_reactor(work: Callable[..., object], *arguments: object) -> None:
    """Have something done on the reactor's thread, which is started when there is none."""
    with _starting:
        if not _running.is_set():
            thread = threading.Thread(target=_run_reactor, name="reactor", daemon=True)
            thread.start()
            _running.wait()
    reactor.callFromThread(work, *arguments)


def _run_reactor() -> None:
    reactor.callWhenRunning(_running.set)
    reactor.run(installSignalHandlers=False)
