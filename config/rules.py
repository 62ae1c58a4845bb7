"""The dated rules of the market: when it is open, freeze quantities, charges, order limits; data in `config/market/`.

The data files are read at the first question and kept. Nothing here knows the time of day: a day or a time comes in as
an argument. A day that the data does not cover has no session, no freeze quantity and no charges, never a guess; only
where exits must be able to go (`sessions_around`, `next_opening`) weekdays after its end have the usual hours.
"""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from config.document import Located
from config.fields import as_decimal, as_int, as_mapping, as_sequence, as_text, check_keys
from config.load import load_document
from config.order_limits import OrderLimits
from config.rates import ChargeRates, ChargeSegment, SegmentRates

DATA: Final = Path(__file__).parent / "market"
IST: Final = timezone(timedelta(hours=5, minutes=30), "IST")
"India has one zone and no summer time."
DAYS_TO_NEXT_MAX: Final = 30

Session = tuple[int, int]
"Opening and closing of a session, ns UTC; open while opening <= now < closing."


class Calendar(msgspec.Struct, frozen=True):
    """`calendar.yaml` as read."""

    hours: tuple[tuple[date, str, str], ...]
    "Regular hours: the day since when, opening and closing (IST), oldest first."
    years: frozenset[int]
    holidays: dict[date, str]
    special: dict[date, tuple[tuple[str, str], ...]]


def ist(day: date, time_of_day: str) -> int:
    """A time of day in India as ns UTC.

    Args:
        day: The day in India.
        time_of_day: `HH:MM` or `HH:MM:SS`.

    Raises:
        ValueError: It is no time of day.
    """
    moment = datetime.combine(day, time.fromisoformat(time_of_day), IST)
    return int(moment.timestamp()) * 1_000_000_000


def to_ist(ns: int) -> datetime:
    """A moment (ns UTC) as date and time in India, exact to the microsecond."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, IST) + timedelta(microseconds=rest // 1000)


def is_covered(day: date) -> bool:
    """Whether the holidays of the day's year are known."""
    return day.year in _calendar().years


def covered_until() -> date:
    """The last day whose holidays are known."""
    return date(max(_calendar().years), 12, 31)


def is_holiday(day: date) -> str | None:
    """The name of the holiday; `None` on other days, weekends included."""
    return _calendar().holidays.get(day)


def trading_sessions(day: date) -> tuple[Session, ...]:
    """The sessions of NSE's F&O segment on a day in India: none on closed days and on days that are not covered."""
    calendar = _calendar()
    if day.year not in calendar.years:
        return ()
    special = calendar.special.get(day)
    if special is not None:
        return tuple((ist(day, opens), ist(day, closes)) for opens, closes in special)
    if day.weekday() >= 5 or day in calendar.holidays:
        return ()
    opens, closes = _regular_hours(calendar, day)
    return ((ist(day, opens), ist(day, closes)),)


def sessions_around(day: date, days_before: int = 1, days_after: int = 10) -> tuple[Session, ...]:
    """All sessions from some days before a day to some days after it, in order.

    After the end of the calendar weekdays have the usual hours: nothing is entered then, but what is held can go out.
    """
    days = (day + timedelta(days=offset) for offset in range(-days_before, days_after + 1))
    return tuple(session for each in days for session in _likely_sessions(each))


def next_opening(day: date) -> date:
    """The first day after `day` with a session, the usual hours of weekdays after the end of the calendar included."""
    later = day + timedelta(days=1)
    while not _likely_sessions(later):
        later += timedelta(days=1)
    return later


def _likely_sessions(day: date) -> tuple[Session, ...]:
    if day <= covered_until() or day.weekday() >= 5:
        return trading_sessions(day)
    opens, closes = _regular_hours(_calendar(), day)
    return ((ist(day, opens), ist(day, closes)),)


def next_trading_day(day: date) -> date | None:
    """The first day after `day` with a session; `None` when the calendar ends before it."""
    for offset in range(1, DAYS_TO_NEXT_MAX + 1):
        later = day + timedelta(days=offset)
        if trading_sessions(later):
            return later
    return None


def freeze_units(underlying: str, day: date) -> int | None:
    """The largest quantity of one order in an index's derivatives, in units; `None` when it is not known."""
    newest = None
    for since, units in _freeze().get(underlying, ()):
        if since <= day:
            newest = units
    return newest


def charge_rates(day: date) -> ChargeRates | None:
    """What trades of a day cost; `None` before the first table."""
    newest = None
    for rates in _charges():
        if date.fromisoformat(rates.since) <= day:
            newest = rates
    return newest


def order_limits(broker: str, day: date) -> OrderLimits | None:
    """How many orders a broker takes from one account on a day; `None` for a broker that is not listed.

    A day before the broker's first entry has the first one: less to send is the safe side.
    """
    rows = _order_limits().get(broker, ())
    held = [limits for since, limits in rows if since <= day] or [limits for _, limits in rows[:1]]
    return held[-1] if held else None


def _regular_hours(calendar: Calendar, day: date) -> tuple[str, str]:
    hours = [(opens, closes) for since, opens, closes in calendar.hours if since <= day]
    return hours[-1]


@cache
def _calendar() -> Calendar:
    root = load_document(DATA / "calendar.yaml")
    parts = check_keys(root, ("hours", "years", "special"), ("hours", "years", "special"))
    holidays: dict[date, str] = {}
    years: set[int] = set()
    for year, node in as_mapping(parts["years"]).items():
        years.add(int(year))
        days = check_keys(node, ("holidays",), ("holidays",))["holidays"]
        holidays |= {date.fromisoformat(day): as_text(name) for day, name in as_mapping(days).items()}
    return Calendar(
        hours=tuple(_hours(node) for node in as_sequence(parts["hours"])),
        years=frozenset(years),
        holidays=holidays,
        special=dict(_special(node) for node in as_sequence(parts["special"])),
    )


def _hours(node: Located) -> tuple[date, str, str]:
    keys = check_keys(node, ("since", "open", "close", "source"), ("since", "open", "close", "source"))
    return _date(keys["since"]), as_text(keys["open"]), as_text(keys["close"])


def _special(node: Located) -> tuple[date, tuple[tuple[str, str], ...]]:
    keys = check_keys(node, ("date", "name", "sessions", "source"), ("date", "name", "sessions", "source"))
    sessions = []
    for session in as_sequence(keys["sessions"]):
        opens, closes = (as_text(end) for end in as_sequence(session))
        sessions.append((opens, closes))
    return _date(keys["date"]), tuple(sessions)


@cache
def _freeze() -> dict[str, tuple[tuple[date, int], ...]]:
    names = ("since", "units", "source")
    table = {}
    for underlying, node in as_mapping(load_document(DATA / "freeze.yaml")).items():
        rows = [check_keys(row, names, names) for row in as_sequence(node)]
        table[underlying] = tuple((_date(row["since"]), as_int(row["units"])) for row in rows)
    return table


@cache
def _order_limits() -> dict[str, tuple[tuple[date, OrderLimits], ...]]:
    windows = ("second", "minute", "hour", "day_placements")
    names = ("since", "source", *windows)
    table = {}
    for broker, node in as_mapping(load_document(DATA / "order_limits.yaml")).items():
        rows = [check_keys(row, names, names) for row in as_sequence(node)]
        table[broker] = tuple((_date(row["since"]), _limits({name: row[name] for name in windows})) for row in rows)
    return table


def _limits(nodes: dict[str, Located]) -> OrderLimits:
    plans = {name: None if node.is_null else _plan(node) for name, node in nodes.items()}
    second, minute = plans["second"], plans["minute"]
    if second is None or minute is None:
        raise nodes["second"].fault("a broker has a limit for the second and for the minute")
    return OrderLimits(second=second, minute=minute, hour=plans["hour"], day_placements=plans["day_placements"])


def _plan(node: Located) -> int:
    keys = check_keys(node, ("limit", "plan"), ("limit", "plan"))
    plan = as_int(keys["plan"])
    if not 1 <= plan <= as_int(keys["limit"]):
        raise node.fault("plan must lie between 1 and limit")
    return plan


@cache
def _charges() -> tuple[ChargeRates, ...]:
    return tuple(_rates(node) for node in as_sequence(load_document(DATA / "charges.yaml")))


def _rates(node: Located) -> ChargeRates:
    names = ("since", "source", "gst_pct", "segments")
    keys = check_keys(node, names, names)
    _date(keys["since"])
    segments = check_keys(keys["segments"], tuple(ChargeSegment), tuple(ChargeSegment))
    return ChargeRates(
        since=as_text(keys["since"]),
        source=as_text(keys["source"]),
        gst_pct=as_decimal(keys["gst_pct"]),
        segments={ChargeSegment(name): _segment(segment) for name, segment in segments.items()},
    )


def _segment(node: Located) -> SegmentRates:
    names = SegmentRates.__struct_fields__
    rates: dict[str, Decimal] = {name: as_decimal(value) for name, value in check_keys(node, names, names).items()}
    return SegmentRates(**rates)


def _date(node: Located) -> date:
    try:
        return date.fromisoformat(as_text(node))
    except ValueError:
        raise node.fault("must be a day such as 2026-10-05") from None
