"""One Zerodha account: its client, its broker port and its stream, with the day's token that all of them need."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

from brokers.catalogue import Listing
from brokers.line import OnLink, OnOrder, OnQuotes, is_whole
from brokers.markets import Market
from brokers.transport import Transport
from brokers.zerodha.broker import ZerodhaBroker, instrument_dump
from brokers.zerodha.client import ROOT_URL, KiteClient
from brokers.zerodha.ticker import TICKER_URL, KiteStream, Listener
from config.credentials import Credentials
from config.schema import BrokerUrls
from engine.model import Basket, InstrumentId


class ZerodhaLine:
    """One account (a `brokers.line.Line`).

    Args:
        account: Its id in the configuration.
        credentials: Key, secret, and the day's token where there is one.
        urls: Where Kite is, for a sandbox.
        now_ns: The engine's clock.
        stale_after_ns: How long a quote holds.
        counts_shares: Whether shares of earlier days count with the positions.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: BrokerUrls,
        now_ns: Callable[[], int],
        stale_after_ns: int,
        *,
        counts_shares: bool = False,
    ) -> None:
        self._now_ns, self._stale_after_ns = now_ns, stale_after_ns
        self._ticker_url = urls.ticker_url or TICKER_URL
        self._transport = Transport(urls.root_url or ROOT_URL)
        self._client = KiteClient(credentials["api_key"], credentials.get("access_token"), self._transport)
        self._client.hide(*credentials.values())
        self._credentials = credentials
        self._broker = ZerodhaBroker(account, self._client, counts_shares=counts_shares, holder=credentials)
        self._listener: Listener | None = None
        self._stream: KiteStream | None = None
        self._tokens: dict[int, InstrumentId] = {}
        self._closed = False
        self._lock = threading.Lock()

    @property
    def broker(self) -> ZerodhaBroker:
        """Its requests."""
        return self._broker

    @property
    def alive_ns(self) -> int:
        """When the ticker was last heard, 0 for never."""
        stream = self._stream
        return 0 if stream is None else stream.alive_ns

    @property
    def linked_ns(self) -> int:
        """When the ticker's connection that there is was made, 0 while there is none."""
        stream = self._stream
        return 0 if stream is None else stream.linked_ns

    def dump(self) -> str:
        """Kite's instrument dump."""
        return instrument_dump(self._client)

    def listen(self, on_order: OnOrder, on_quotes: OnQuotes, on_link: OnLink) -> None:
        """Connect the ticker, if there is a token."""
        with self._lock:
            if self._closed:
                return
            self._listener = Listener(
                on_order=lambda report: on_order(self._client.told(report)), on_quotes=on_quotes, on_link=on_link
            )
            self._restart()

    def basket_margin(self, basket: Basket) -> Decimal:
        """What a basket would block, by Kite. Raises `ReadFailed`."""
        return self._broker.basket_margin(basket)

    def use(self, market: Market) -> None:
        """Forget the tokens of what is subscribed: another day's file may give them to other instruments."""
        with self._lock:
            self._tokens = {}

    def subscribe(self, listings: Sequence[Listing]) -> None:
        """Hear quotes of these."""
        with self._lock:
            self._tokens |= {listing.token: listing.instrument.id for listing in listings}
            if self._stream is not None:
                self._stream.subscribe(self._tokens)

    def log_in(self, credentials: Credentials) -> None:
        """Go on with another token: requests at once, and a new ticker.

        What is not whole, or another broker's, changes nothing.
        """
        if not is_whole(credentials, "zerodha"):
            return
        token = credentials.get("access_token")
        with self._lock:
            if self._closed:  # a file that changes at the end of a session
                return
            self._credentials = credentials
            self._client.hide(*credentials.values())
            self._client.set_access_token(None if token is None else token.reveal())
            if self._listener is not None:
                self._restart()

    def close(self) -> None:
        """End every connection; none is made any more."""
        with self._lock:
            self._closed, self._listener = True, None
            if self._stream is not None:
                self._stream.close()
                self._stream = None
            self._transport.close()

    def _restart(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        token = self._credentials.get("access_token")
        if token is None or self._listener is None:
            return
        self._stream = KiteStream(
            self._credentials["api_key"],
            token,
            self._listener,
            self._now_ns,
            url=self._ticker_url,
            stale_after_ns=self._stale_after_ns,
        )
        self._stream.subscribe(self._tokens)
        self._stream.start()
