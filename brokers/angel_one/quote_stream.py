"""Angel's market stream of one account: SnapQuotes with depth, by a client of our own. Parsing is in `ticks`.

Frames: SmartAPI "WebSocket Streaming 2.0". After each connection everything is asked for anew, because the server
forgets what was subscribed.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final

from brokers.angel_one.client import Session
from brokers.angel_one.link import RETRY_FIRST_S, Link
from brokers.angel_one.ticks import SNAP_QUOTE, Key, quote_of
from brokers.errors import Malformed
from config.credentials import Secret
from engine.model import NS_PER_S, InstrumentId, Quote

QUOTE_STREAM_URL: Final = "wss://smartapisocket.angelone.in/smart-stream"
UNSUBSCRIBE, SUBSCRIBE = 0, 1
TOKENS_MOST: Final = 1000
"""Subscriptions of one session."""
TOKENS_A_MESSAGE: Final = 200
PING_EVERY_NS: Final = 5 * NS_PER_S
"""Documented is at least every 30 s; where nothing trades, the answers alone tell that the newest quotes still hold."""


class QuoteStream:
    """One account's stream. Every method may be called from any thread; callbacks come on its own one.

    Args:
        api_key: The app's key.
        username: The client code.
        session: The session that holds; raises `NeedsLogin` where there is none. Asked before each connection.
        on_quotes: Takes quotes.
        on_link: Connected or not, and why not.
        on_over: The server does not take this session.
        now_ns: The engine's clock.
        url: The server.
        stale_after_ns: How long a quote holds.
    """

    def __init__(
        self,
        api_key: Secret,
        username: Secret,
        session: Callable[[], Session],
        on_quotes: Callable[[Sequence[Quote]], None],
        on_link: Callable[[bool, str], None],
        on_over: Callable[[Session], None],
        now_ns: Callable[[], int],
        *,
        url: str = QUOTE_STREAM_URL,
        stale_after_ns: int = 10 * NS_PER_S,
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._api_key, self._username, self._on_quotes = api_key, username, on_quotes
        self._now_ns, self._stale_after_ns = now_ns, stale_after_ns
        self._names: dict[Key, InstrumentId] = {}
        self._lock = threading.Lock()
        self._link = Link(
            url,
            session=session,
            headers=self._headers,
            on_data=self._heard,
            on_link=on_link,
            on_over=on_over,
            now_ns=now_ns,
            greeting=self._everything,
            ping_every_ns=PING_EVERY_NS,
            retry_first_s=retry_first_s,
        )
        self.start, self.close, self.reconnect = self._link.start, self._link.close, self._link.reconnect

    @property
    def alive_ns(self) -> int:
        """When the server was last heard, 0 for never."""
        return self._link.alive_ns

    @property
    def linked_ns(self) -> int:
        """When the connection that there is was made, 0 while there is none."""
        return self._link.linked_ns

    def subscribe(self, names: Mapping[Key, InstrumentId]) -> None:
        """Hear quotes of these from now on and of nothing else, over reconnects too.

        Beyond the most that Angel takes they are left out.
        """
        with self._lock:
            wanted = dict(islice(names.items(), TOKENS_MOST))
            fresh = [key for key in wanted if key not in self._names]
            gone = [key for key in self._names if key not in wanted]
            self._names = wanted
            for text in (*subscriptions(gone, UNSUBSCRIBE), *subscriptions(fresh)):
                self._link.send(text)

    def _everything(self) -> Sequence[str]:
        return subscriptions(list(self._names))

    def _headers(self, session: Session) -> Mapping[str, str]:
        return {
            "Authorization": f"Bearer {session.jwt.reveal()}",
            "x-api-key": self._api_key.reveal(),
            "x-client-code": self._username.reveal(),
            "x-feed-token": session.feed.reveal(),
        }

    def _heard(self, data: bytes, is_binary: bool) -> None:
        if not is_binary:
            return  # "pong", or the error of a subscription
        try:
            quote = quote_of(data, self._names, self._now_ns(), self._stale_after_ns)
        except Malformed:
            return
        if quote is not None:
            self._on_quotes((quote,))


def subscriptions(keys: Sequence[Key], action: int = SUBSCRIBE) -> list[str]:
    """The messages that ask for SnapQuotes of these, or for none any more."""
    texts = []
    for start in range(0, len(keys), TOKENS_A_MESSAGE):
        by_segment: dict[int, list[str]] = {}
        for segment, token in keys[start : start + TOKENS_A_MESSAGE]:
            by_segment.setdefault(segment, []).append(token)
        tokens = [{"exchangeType": segment, "tokens": found} for segment, found in by_segment.items()]
        parameters = {"mode": SNAP_QUOTE, "tokenList": tokens}
        texts.append(json.dumps({"correlationID": "lockstep", "action": action, "params": parameters}))
    return texts
