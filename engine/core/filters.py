"""Which of the master's fills are followed, and which entries a child takes. Names only, no orders."""

from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase

from config.schema import FOLLOWED_EXCHANGES, ChildFilters, Filters
from engine.model import NS_PER_S, Kind, LegId, Side, split_leg

IST = timezone(timedelta(hours=5, minutes=30))


def has_known_hours(leg: LegId) -> bool:
    """Whether a leg is traded at an exchange whose hours are known, so that its exits can be."""
    return split_leg(leg)[0] in FOLLOWED_EXCHANGES


def why_unfollowed(leg: LegId) -> str:
    """What is said of a leg at an exchange whose hours are not known."""
    return f"{split_leg(leg)[0]} is not followed: its hours are its own"


def follows(filters: Filters, leg: LegId, kind: Kind | None, side: Side, order_type: str, now_ns: int) -> bool:
    """Whether the filters let a master order open a leg.

    Args:
        filters: The global filters.
        leg: The order's leg.
        kind: What the instrument is, `None` when unknown.
        side: The order's side.
        order_type: The order's type, spelled as at Kite.
        now_ns: The time, for filters with a window.
    """
    return (
        _named(filters, leg, kind, side, now_ns)
        and split_leg(leg)[2] in filters.products
        and (not filters.order_types or order_type in filters.order_types)
    )


def child_allows(
    filters: ChildFilters, leg: LegId, kind: Kind | None, side: Side, order_type: str, now_ns: int
) -> bool:
    """Whether a child takes new entries in a leg (arguments as for `follows`)."""
    return (
        _named(filters, leg, kind, side, now_ns)
        and (not filters.products or split_leg(leg)[2] in filters.products)
        and (not filters.order_types or order_type in filters.order_types)
    )


def _named(filters: Filters | ChildFilters, leg: LegId, kind: Kind | None, side: Side, now_ns: int) -> bool:
    exchange, symbol, _ = split_leg(leg)
    name = f"{exchange}:{symbol}"
    return (
        any(fnmatchcase(name, glob) for glob in filters.allow)
        and not any(fnmatchcase(name, glob) for glob in filters.deny)
        and (not filters.exchanges or exchange in filters.exchanges)
        and (not filters.sides or side in filters.sides)
        and (not filters.options_only or kind in (Kind.CALL, Kind.PUT))
        and (filters.from_time is None or ist_time(now_ns) >= filters.from_time)
        and (filters.to_time is None or ist_time(now_ns) < filters.to_time)
    )


def ist_time(at_ns: int) -> str:
    """Time of day in India, `HH:MM`."""
    return datetime.fromtimestamp(at_ns // NS_PER_S, tz=IST).strftime("%H:%M")
