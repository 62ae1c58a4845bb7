"""The newest quotes of the paper exchange, what a position is worth by them, and where each underlying stands.

It must not decide what fills: that is `matching`.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.core.margin import spot_from_prices
from engine.model import Instrument, InstrumentId, Quote


class QuoteBoard:
    """Newest quote by instrument, numbered as they arrive."""

    def __init__(self) -> None:
        self._quotes: dict[InstrumentId, Quote] = {}
        self._numbers: dict[InstrumentId, int] = {}
        self._count = 0
        self._members: dict[str, dict[InstrumentId, Instrument]] = {}
        self._spots: dict[str, Decimal | None] = {}

    def know(self, instruments: Iterable[Instrument]) -> None:
        """Learn which instruments belong to which underlying."""
        for instrument in instruments:
            self._members.setdefault(instrument.underlying, {})[instrument.id] = instrument
        self._spots.clear()

    def forget_instruments(self) -> None:
        """Before the instruments of a new day are made known."""
        self._members.clear()
        self._spots.clear()

    def update(self, quote: Quote) -> bool:
        """Store a quote; one that is older than the stored one changes nothing and gives False."""
        known = self._quotes.get(quote.instrument)
        if known is not None and quote.at_ns < known.at_ns:
            return False
        self._count += 1
        self._quotes[quote.instrument] = quote
        self._numbers[quote.instrument] = self._count
        self._spots.clear()
        return True

    def newest(self, instrument: InstrumentId) -> Quote | None:
        """The newest quote, `None` when there never was one."""
        return self._quotes.get(instrument)

    def number(self, instrument: InstrumentId) -> int:
        """Number of the newest quote, 0 when there never was one: tells whether it was seen before."""
        return self._numbers.get(instrument, 0)

    def mark_inr(self, instrument: InstrumentId) -> Decimal | None:
        """Price of one unit for valuation, stale or not: the middle, else the last, else the side that is there."""
        quote = self._quotes.get(instrument)
        if quote is None:
            return None
        bid, ask = _positive(quote.bid_inr), _positive(quote.ask_inr)
        if bid is not None and ask is not None and bid <= ask:
            return (bid + ask) / 2
        return _positive(quote.last_inr) or bid or ask

    def last_inr(self, instrument: InstrumentId) -> Decimal | None:
        """The last traded price, else `mark_inr`: what a contract settles at after its last day."""
        quote = self._quotes.get(instrument)
        last = None if quote is None else _positive(quote.last_inr)
        return last if last is not None else self.mark_inr(instrument)

    def spot_inr(self, underlying: str) -> Decimal | None:
        """Where the underlying stands by the quotes of its instruments (`spot_from_prices`)."""
        if underlying not in self._spots:
            marks = (
                (instrument, self.mark_inr(key))
                for key, instrument in self._members.get(underlying, {}).items()
                if key in self._quotes
            )
            self._spots[underlying] = spot_from_prices((known, mark) for known, mark in marks if mark is not None)
        return self._spots[underlying]


def _positive(price: Decimal | None) -> Decimal | None:
    return price if price is not None and price > 0 else None
