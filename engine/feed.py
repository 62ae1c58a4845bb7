"""Quotes on their way into the core: only what is subscribed, only the newest, at most one batch an interval.

The core's decisions must be reproducible from the journal, so every quote it sees is journalled; this keeps them few.
"""

from collections.abc import Callable, Sequence
from threading import Lock

from msgspec.structs import replace

from engine.events import QuotesUpdated
from engine.model import InstrumentId, Quote


class QuoteFeed:
    """Market data for the engine (an `engine.ports.MarketData`).

    Args:
        post: Takes the events; must not handle them at once (it is called while commands are carried out).
        newest: The newest quote of an instrument, wherever it comes from.
        interval_ns: The least time between two batches; 0 passes everything on at once.
    """

    def __init__(
        self,
        post: Callable[[QuotesUpdated], None],
        newest: Callable[[InstrumentId], Quote | None],
        interval_ns: int,
    ) -> None:
        self._post, self._newest, self._interval_ns = post, newest, interval_ns
        self._subscribed: set[InstrumentId] = set()
        self._waiting: dict[InstrumentId, Quote] = {}
        self._flushed_ns = 0
        self._now_ns = 0

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        """Deliver quotes of these from now on, the newest known ones at once."""
        self._subscribed.update(instruments)
        known = [quote for i in instruments if (quote := self._newest(i)) is not None]
        if known:
            self._post(QuotesUpdated(at_ns=max(self._now_ns, *(q.at_ns for q in known)), quotes=tuple(known)))

    def newest(self, instrument: InstrumentId) -> Quote | None:
        """The newest quote, `None` while there is none."""
        return self._newest(instrument)

    def offer(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """Take new quotes; pass them on now or with the next batch."""
        self._now_ns = now_ns
        for quote in quotes:
            if quote.instrument in self._subscribed:
                self._waiting[quote.instrument] = quote
        self.flush_due(now_ns)

    @property
    def next_due_ns(self) -> int | None:
        """When the next batch may go, `None` when nothing waits."""
        return self._flushed_ns + self._interval_ns if self._waiting else None

    def flush_due(self, now_ns: int) -> None:
        """Pass on what waits when the interval is over."""
        if self._waiting and now_ns - self._flushed_ns >= self._interval_ns:
            quotes, self._waiting = tuple(self._waiting.values()), {}
            self._flushed_ns = now_ns
            self._post(QuotesUpdated(at_ns=now_ns, quotes=quotes))


class SharedFeed(QuoteFeed):
    """The same where quotes come on another thread: they wait under a lock until the engine takes them.

    A broker pushes a quote when it changes. While the connection that it came on lives, one that does not change holds:
    it is passed on again with a later end before the old one grows stale.

    Args:
        post: Takes the events, on the engine's thread.
        ask: Told what is subscribed.
        interval_ns: The least time between two batches.
        renew_ns: So long before its end an unchanged quote is passed on again.
        on_batch: Told every batch, for a paper exchange that trades on it.
    """

    def __init__(
        self,
        post: Callable[[QuotesUpdated], None],
        ask: Callable[[Sequence[InstrumentId]], None],
        interval_ns: int,
        renew_ns: int,
        on_batch: Callable[[Sequence[Quote], int], None] = lambda _quotes, _now_ns: None,
    ) -> None:
        self._known: dict[InstrumentId, Quote] = {}
        self._arrived_ns: dict[InstrumentId, int] = {}
        self._lock = Lock()
        self._ask, self._renew_ns, self._on_batch = ask, renew_ns, on_batch
        super().__init__(post, self._known.get, interval_ns)

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        """Deliver quotes of these from now on, the newest known ones at once."""
        with self._lock:
            super().subscribe(instruments)
        self._ask(instruments)

    def offer(self, quotes: Sequence[Quote], now_ns: int) -> None:
        """Take new quotes, on any thread; the engine passes them on."""
        with self._lock:
            self._now_ns = max(self._now_ns, now_ns)
            for quote in quotes:
                self._known[quote.instrument], self._arrived_ns[quote.instrument] = quote, now_ns
                if quote.instrument in self._subscribed:
                    self._waiting[quote.instrument] = quote

    def renew(self, linked_ns: int, alive_ns: int, hold_ns: int) -> None:
        """What has not changed holds on, where it was heard on the connection that there is.

        Args:
            linked_ns: When that connection was made. What came before it may have changed unheard.
            alive_ns: When it was last heard.
            hold_ns: How much longer than that a quote holds.
        """
        with self._lock:
            for name in self._subscribed:
                quote = self._known.get(name)
                if quote is None or quote.stale_at_ns is None or quote.stale_at_ns - alive_ns > self._renew_ns:
                    continue
                if self._arrived_ns[name] < linked_ns:
                    continue
                self._known[name] = self._waiting[name] = replace(quote, stale_at_ns=alive_ns + hold_ns)

    def forget(self) -> None:
        """Another day: no quote of the last one is known any more."""
        with self._lock:
            for kept in (self._known, self._arrived_ns, self._waiting):
                kept.clear()

    def flush_due(self, now_ns: int) -> None:
        """Pass on what waits when the interval is over."""
        with self._lock:
            batch = tuple(self._waiting.values())
            before_ns = self._flushed_ns
            super().flush_due(now_ns)
        if batch and self._flushed_ns != before_ns:
            self._on_batch(batch, now_ns)
