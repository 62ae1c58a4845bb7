"""Indian time for market data: from a day and a time of the day to nanoseconds UTC and back.

India has one zone, UTC+5:30, without summer time. It must not read a clock.
"""

from datetime import UTC, date, datetime, timedelta, timezone

from engine.model import NS_PER_S

IST = timezone(timedelta(hours=5, minutes=30), "IST")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ist_ns(day: date, seconds: int = 0) -> int:
    """Nanoseconds UTC of `seconds` after midnight IST of `day`."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=IST)
    return (int((midnight - _EPOCH).total_seconds()) + seconds) * NS_PER_S


def ist_time(at_ns: int) -> str:
    """`HH:MM:SS` IST, for people."""
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, IST):%H:%M:%S}"
