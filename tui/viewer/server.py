"""Serves the picture to browsers on this machine. Only reads; one key, shown in the terminal alone, opens it.

One thread, and a short-lived one a request: neither the engine nor the dashboard ever waits for a browser.
"""

import hmac
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from engine.clock import ticks_s
from tui.bridge import EngineFeed
from tui.frame import Frame
from tui.viewer import page

LOOPBACK = "127.0.0.1"
SILENT_S = 5
"A browser that says nothing for so long is left."
AGAIN_S = 0.5
"All tabs share a picture for so long."


class Looker:
    """The newest picture of whatever engine runs, made at most every half second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feed: EngineFeed | None = None
        self._seen: int | None = None
        self._seen_s = self._made_s = 0.0
        self._html = page.picture(None)

    def watch(self, feed: EngineFeed) -> None:
        """Look at this engine from now on."""
        with self._lock:
            self._feed, self._seen, self._made_s = feed, None, 0.0

    def html(self) -> str:
        """The picture as HTML. Thread-safe."""
        with self._lock:
            now_s = ticks_s()
            if self._feed is not None and now_s - self._made_s >= AGAIN_S:
                self._html, self._made_s = page.picture(self._frame(self._feed, now_s)), now_s
            return self._html

    def _frame(self, feed: EngineFeed, now_s: float) -> Frame | None:
        snapshot = feed.snapshot()
        if snapshot is None:
            return None
        if snapshot.seq != self._seen:
            self._seen, self._seen_s = snapshot.seq, now_s
        return Frame(snapshot=snapshot, now_ns=feed.now_ns(), quiet_s=now_s - self._seen_s)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A tab that was closed, or a picture that could not be drawn: the page says that it is old."""


class Viewer:
    """The server.

    Args:
        port: Where it listens on this machine; 0 takes a free one.

    Raises:
        OSError: The port is taken, or may not be used.
    """

    def __init__(self, port: int) -> None:
        self.looker = Looker()
        self._key = secrets.token_urlsafe(24)
        self._server = _Server((LOOPBACK, port), _handler(self.looker.html, self._key))
        threading.Thread(target=self._server.serve_forever, name="viewer", daemon=True).start()

    @property
    def url(self) -> str:
        """The address with its key, for the terminal alone: never for a log."""
        return f"http://{LOOPBACK}:{self._server.server_port}/#{self._key}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(picture: Callable[[], str], key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SILENT_S
        server_version, sys_version = "Lockstep", ""

        def do_GET(self) -> None:
            """The page to anybody near by, the picture to who has the key."""
            port = cast(_Server, self.server).server_port
            if self.headers.get("Host") not in (f"{LOOPBACK}:{port}", f"localhost:{port}"):
                self._answer(HTTPStatus.FORBIDDEN, "another name of this machine is not served")  # DNS rebinding
            elif self.path == "/":
                nonce = secrets.token_urlsafe(12)
                self._answer(HTTPStatus.OK, page.shell(nonce), nonce)
            elif self.path != "/picture":
                self._answer(HTTPStatus.NOT_FOUND, "there is nothing here")
            elif not hmac.compare_digest(self.headers.get("X-Lockstep-Key", "").encode(), key.encode()):
                self._answer(HTTPStatus.FORBIDDEN, "the key is wrong")
            else:
                self._answer(HTTPStatus.OK, picture())

        def _answer(self, status: HTTPStatus, text: str, nonce: str = "") -> None:
            body = text.encode("utf-8", "replace")
            allowed = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; " if nonce else ""
            with suppress(OSError):  # the tab was closed
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header(
                    "Content-Security-Policy",
                    f"default-src 'none'; {allowed}base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                )
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written: the terminal is the dashboard's."""

    return Handler
