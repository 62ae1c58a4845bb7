"""Candles of what the sandbox's market has shown since it began. Before that there was nothing: no candle is invented.

Form: Kite Connect v3, "Historical candle data", and the vendor's recorded answers (kiteconnect-mocks, historical_minute
and historical_oi).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from engine.model import NS_PER_S, InstrumentId, Quote
from paper.ist import IST
from paper.sandbox import errors
from paper.sandbox.errors import refused
from paper.sandbox.forms import Form
from paper.sandbox.rows import Json

MINUTES: Final = {
    "minute": 1, "3minute": 3, "5minute": 5, "10minute": 10, "15minute": 15, "30minute": 30, "60minute": 60,
    "day": 1440,
}  # fmt: skip
DAYS_MOST: Final = {
    "minute": 60, "3minute": 100, "5minute": 100, "10minute": 100, "15minute": 200, "30minute": 200, "60minute": 400,
    "day": 2000,
}  # fmt: skip
"""Days of one request [staff, Kite forum, comment/53245]."""
KEPT_MOST: Final = 1000
"""Minutes of an instrument that are kept: more than two days of trading."""
OPENING: Final = timedelta(hours=9, minutes=15)
"""Candles of some minutes are counted from here."""


@dataclass(slots=True)
class Candle:
    """What was traded in a minute, or in several."""

    start: datetime
    opened: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int = 0
    interest: int = 0
    day_volume: int = 0
    "What the day had traded by its end."

    def row(self, *, with_interest: bool) -> list[Any]:
        """The candle as Kite writes it."""
        found = [f"{self.start:%Y-%m-%dT%H:%M:%S%z}", self.opened, self.high, self.low, self.close, self.volume]
        return [*found, self.interest] if with_interest else found


class Candles:
    """The minutes of everything that was quoted."""

    def __init__(self) -> None:
        self._minutes: dict[InstrumentId, deque[Candle]] = {}

    def see(self, quotes: Sequence[Quote]) -> None:
        """Take quotes in."""
        for quote in quotes:
            if quote.last_inr is not None:
                self._take(self._minutes.setdefault(quote.instrument, deque(maxlen=KEPT_MOST)), quote, quote.last_inr)

    def between(self, instrument: InstrumentId | None, interval: str, form: Form) -> Json:
        """The candles of an instrument that begin in the span of a request.

        Args:
            instrument: Whose, `None` for one that is not listed.
            interval: One of `MINUTES`.
            form: `from` and `to`, times of India, and `oi`, 1 for open interest as well.
        """
        if instrument is None:
            raise refused(errors.UNKNOWN_TOKEN)
        if interval not in MINUTES:
            raise refused(errors.NO_INTERVAL)
        start, end = _time(form, "from"), _time(form, "to")
        if end - start > timedelta(days=DAYS_MOST[interval]):
            raise refused(errors.SPAN_TOO_LONG.format(most=DAYS_MOST[interval]))
        candles = _joined(self._minutes.get(instrument, ()), MINUTES[interval])
        shown = (candle for candle in candles if start <= candle.start <= end)
        return {"candles": [candle.row(with_interest=form.get("oi") == "1") for candle in shown]}

    def _take(self, minutes: deque[Candle], quote: Quote, last: Decimal) -> None:
        start = datetime.fromtimestamp(quote.at_ns // NS_PER_S, IST).replace(second=0)
        newest = minutes[-1] if minutes else None
        day_volume = quote.volume_units or 0
        if newest is None or newest.start < start:
            minutes.append(
                newest := Candle(start, last, last, last, last, 0, 0, _traded_before(newest, start, day_volume))
            )
        newest.high, newest.low, newest.close = max(newest.high, last), min(newest.low, last), last
        newest.volume += max(0, day_volume - newest.day_volume)
        newest.day_volume = max(newest.day_volume, day_volume)
        newest.interest = quote.open_interest_units or 0


def _traded_before(newest: Candle | None, start: datetime, day_volume: int) -> int:
    """The day's volume when a minute begins: what was traded before the first quote of all is no minute's."""
    if newest is None:
        return day_volume
    return newest.day_volume if newest.start.date() == start.date() else 0


def _joined(minutes: Iterable[Candle], length: int) -> Iterator[Candle]:
    """Candles of so many minutes, from the opening on; a day's begins at midnight."""
    for start, group in groupby(minutes, lambda candle: _start(candle.start, length)):
        parts = list(group)
        yield Candle(
            start,
            opened=parts[0].opened,
            high=max(part.high for part in parts),
            low=min(part.low for part in parts),
            close=parts[-1].close,
            volume=sum(part.volume for part in parts),
            interest=parts[-1].interest,
        )


def _start(minute: datetime, length: int) -> datetime:
    midnight = minute.replace(hour=0, minute=0)
    if length == MINUTES["day"]:
        return midnight
    opening = midnight + OPENING
    return opening + (minute - opening) // timedelta(minutes=length) * timedelta(minutes=length)


def _time(form: Form, name: str) -> datetime:
    """A time of India."""
    try:
        return datetime.fromisoformat(form.get(name, "")).replace(tzinfo=IST)
    except ValueError:
        raise refused(f"Invalid `{name}`.") from None
