"""Quotes on their way into the core: only what is subscribed, only the newest, at most one batch an interval.

The core's decisions must be reproducible from the journal, so every quote it sees is journalled; this keeps them few.
"""

from collections.abc import Callable, Sequence

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
        """The newest quote, `None` when there never was one."""
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
