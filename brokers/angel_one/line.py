"""One Angel One account: its session, its broker port and its two streams. Nothing is sent before it is used."""

import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from brokers.angel_one import ticks, wire
from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import ROOT_URL, AngelClient, Session
from brokers.angel_one.login import Keeper
from brokers.angel_one.order_stream import ORDER_STREAM_URL, OrderStream
from brokers.angel_one.quote_stream import QUOTE_STREAM_URL, QuoteStream
from brokers.angel_one.refusals import outcome_of
from brokers.angel_one.renewal import RenewingBroker
from brokers.angel_one.symbols import CASH, DERIVATIVES, AngelMarket, Symbols
from brokers.catalogue import Listing
from brokers.errors import Malformed, Refusal
from brokers.line import OnLink, OnOrder, OnQuotes, is_whole
from brokers.markets import Market
from brokers.transport import NoAnswer, NotSent, Transport
from config.credentials import Credentials
from config.schema import AngelOneUrls
from engine.errors import ReadFailed
from engine.events import Outcome
from engine.model import Basket, InstrumentId, OrderReport

SCRIP_URL: Final = "https://margincalculator.angelone.in/OpenAPI_File/files/OpenAPIScripMaster.json"
OK: Final = 200


class AngelLine:
    """One account (a `brokers.line.Line`).

    Args:
        account: Its id in the configuration.
        credentials: Key, client code, PIN and the secret of the codes.
        urls: Where Angel is, for a sandbox.
        now_ns: The engine's clock.
        stale_after_ns: How long a quote holds.
        symbols: The scrips of the day, where they are there already; see `symbols`.
        counts_shares: Whether shares of earlier days count with the positions.
        on_login: Told that the account works again after somebody was told that it needs a login; not blocking.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        account: str,
        credentials: Credentials,
        urls: AngelOneUrls,
        now_ns: Callable[[], int],
        stale_after_ns: int,
        *,
        symbols: Symbols | None = None,
        counts_shares: bool = False,
        on_login: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now_ns, self._stale_after_ns = now_ns, stale_after_ns
        self._urls, self._credentials = urls, credentials
        self._transport = Transport(urls.root_url or ROOT_URL)
        self._keeper = Keeper(credentials, self._transport, now_ns, sleep)
        self._client = AngelClient(credentials["api_key"], self._transport)
        self._client.hide(credentials["username"])  # the PIN is a few digits, sent at logins only: it stands in amounts
        self._requests = AngelBroker(account, self._client, symbols, now_ns, sleep, counts_shares=counts_shares)
        self._broker = RenewingBroker(self._requests, self._client, self._keeper, now_ns, on_login)
        self._names: dict[ticks.Key, InstrumentId] = {}
        self._listeners: tuple[OnOrder, OnQuotes, OnLink] | None = None
        self._orders: OrderStream | None = None
        self._quotes: QuoteStream | None = None
        self._closed = False
        self._changes = threading.Lock()
        "Held by what changes streams and credentials, and may wait for them; guards `_closed`."
        self._lock = threading.Lock()
        "Guards the fields; `subscribe` takes it on the engine's thread, so nobody waits while holding it."

    @property
    def broker(self) -> RenewingBroker:
        """Its requests."""
        return self._broker

    @property
    def symbols(self) -> Symbols | None:
        """The scrips of the day. Until they are set nothing is placed, no book is understood, no update is heard."""
        return self._requests.symbols

    @symbols.setter
    def symbols(self, symbols: Symbols) -> None:
        self._requests.symbols = symbols

    def basket_margin(self, basket: Basket) -> Decimal:
        """What a basket would block beside what the account holds, by Angel. Raises `ReadFailed`."""
        return self._broker.basket_margin(basket)

    def use(self, market: Market) -> None:
        """Name instruments by these scrips of the day from now on; the numbers of other ones are forgotten."""
        if isinstance(market, AngelMarket):
            self.symbols = market.symbols
            with self._lock:
                self._names = {}

    @property
    def alive_ns(self) -> int:
        """When the market stream was last heard, the order stream where nothing is subscribed; 0 for never."""
        stream = self._quotes or self._orders
        return 0 if stream is None else stream.alive_ns

    @property
    def linked_ns(self) -> int:
        """When the connection that `alive_ns` is about was made, 0 while there is none."""
        stream = self._quotes or self._orders
        return 0 if stream is None else stream.linked_ns

    def dump(self) -> str:
        """Angel's scrip master, as `Symbols` takes it. It needs no session.

        Raises:
            ReadFailed: It could not be had.
        """
        url = urlsplit(self._urls.scrip_url or SCRIP_URL)
        transport = Transport(f"{url.scheme}://{url.netloc}")
        try:
            reply = transport.request("GET", url.path, {"Accept-Encoding": "gzip", "Accept": "application/json"})
            if reply.status != OK:
                raise ReadFailed(f"the scrip master: HTTP {reply.status}")
            return reply.body.decode("utf-8")
        except (NotSent, NoAnswer, UnicodeDecodeError) as error:
            text = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error)
            raise ReadFailed(f"the scrip master: {text}") from None
        finally:
            transport.close()

    def listen(
        self,
        on_order: OnOrder,
        on_quotes: OnQuotes,
        on_link: OnLink,
        on_quote_link: OnLink = lambda _connected, _why: None,
    ) -> None:
        """Connect the order stream, and the market stream where anything is subscribed.

        Each logs in by itself where there is no session yet; `on_link` is told of the former, `on_quote_link` of the
        latter.
        """
        with self._changes:
            if self._closed:
                return
            self._stop()
            orders = OrderStream(
                self._keeper.session,
                self._hear_order,
                on_link,
                self._doubt,
                self._now_ns,
                url=self._urls.order_stream_url or ORDER_STREAM_URL,
            )
            with self._lock:
                self._listeners, self._orders = (on_order, on_quotes, on_quote_link), orders
                self._start_quotes()
            orders.start()

    def subscribe(self, listings: Sequence[Listing]) -> None:
        """Hear quotes of these. Their number is the exchange's own, the same at every broker. Never waits."""
        names = {key: listing.instrument.id for listing in listings if (key := self._key(listing))}
        with self._lock:
            self._names |= names
            if self._quotes is None:
                self._start_quotes()
            else:
                self._quotes.subscribe(self._names)

    def log_in(self, credentials: Credentials) -> None:
        """Go on with these credentials: what comes next logs in anew, and the streams connect with the new session.

        What is not whole, or another broker's, changes nothing.
        """
        if not is_whole(credentials, "angel_one"):
            return
        with self._changes:
            if self._closed:  # a file that changes at the end of a session: the next one has the account now
                return
            is_other = credentials["api_key"] != self._credentials["api_key"]
            is_other |= credentials["username"] != self._credentials["username"]
            self._keeper.change(credentials)
            self._client.set_api_key(credentials["api_key"])
            self._client.hide(credentials["username"])
            with self._lock:
                self._credentials = credentials
                orders, quotes = self._orders, self._quotes
                if is_other:  # its headers name key and client code
                    self._quotes = None
            if orders is not None:
                orders.reconnect()
            if quotes is None:
                return
            if not is_other:
                quotes.reconnect()
                return
            quotes.close()
            with self._lock:
                if self._quotes is None:
                    self._start_quotes()

    def close(self) -> None:
        """End every connection; none is made any more."""
        with self._changes:
            self._closed = True
            self._stop()
            self._transport.close()

    def _stop(self) -> None:
        """Nobody listens any more. Under `_changes`, without `_lock`: it waits for the streams' threads."""
        with self._lock:
            streams = (self._orders, self._quotes)
            self._listeners = self._orders = self._quotes = None
        for stream in streams:
            if stream is not None:
                stream.close()

    def _start_quotes(self) -> None:
        """A market stream for whoever listens, once there is anything to hear: Angel takes few connections.

        Under `_lock`.
        """
        if self._listeners is None or not self._names:
            return
        self._quotes = QuoteStream(
            self._credentials["api_key"],
            self._credentials["username"],
            self._keeper.session,
            self._listeners[1],
            self._listeners[2],
            self._doubt,
            self._now_ns,
            url=self._urls.ticker_url or QUOTE_STREAM_URL,
            stale_after_ns=self._stale_after_ns,
        )
        self._quotes.subscribe(self._names)
        self._quotes.start()

    def _key(self, listing: Listing) -> ticks.Key | None:
        """What the market stream calls a listing; `None` where Angel has another contract under its number."""
        instrument = listing.instrument
        segment = ticks.EXCHANGES.get(instrument.exchange)
        if segment is None:
            return None
        if self.symbols is not None and instrument.exchange in DERIVATIVES | CASH:
            scrip = self.symbols.find(instrument.id)
            if isinstance(scrip, str):
                return None
            return segment, scrip.token
        return segment, listing.exchange_token

    def _hear_order(self, report: OrderReport) -> None:
        listeners = self._listeners
        if listeners is None:
            return
        try:
            named = self._requests.named(report)
        except Malformed:
            return  # no scrips yet: the book is read anyway
        listeners[0](named)

    def _doubt(self, session: Session) -> None:
        """A stream does not take the session: it is given up only when requests are refused as well.

        The market stream may have reasons of its own to say 403, and each new session ends the one before it.
        """
        client = AngelClient(self._credentials["api_key"], self._transport)
        client.take(session)
        try:
            envelope = wire.envelope_of(client.rmsLimit())
        except Refusal as refusal:
            is_over = refusal.outcome is Outcome.NEEDS_LOGIN
        except (NotSent, NoAnswer, Malformed):
            return
        else:
            over = outcome_of(envelope.code, envelope.message) is Outcome.NEEDS_LOGIN
            is_over = not envelope.succeeded and over
        if is_over:
            self._keeper.lost(session)
