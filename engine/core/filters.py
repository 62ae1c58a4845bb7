"""Which of the master's fills are followed, and which entries a child takes. Names only, no orders."""

from fnmatch import fnmatchcase

from config.schema import ChildFilters, Filters
from engine.model import Kind, LegId, Side, split_leg


def follows(filters: Filters, leg: LegId, kind: Kind | None, side: Side, order_type: str, ist_time: str) -> bool:
    """Whether a master order opens a leg that is followed.

    Args:
        filters: The global filters.
        leg: The order's leg.
        kind: What the instrument is, `None` when unknown.
        side: The order's side.
        order_type: The order's type, spelled as at Kite.
        ist_time: Time of day `HH:MM` in India.
    """
    return (
        _named(filters, leg, kind, side, ist_time)
        and split_leg(leg)[2] in filters.products
        and (not filters.order_types or order_type in filters.order_types)
    )


def child_allows(filters: ChildFilters, leg: LegId, kind: Kind | None, side: Side, ist_time: str) -> bool:
    """Whether a child takes new entries in a leg (arguments as for `follows`)."""
    return _named(filters, leg, kind, side, ist_time) and (
        not filters.products or split_leg(leg)[2] in filters.products
    )


def _named(filters: Filters | ChildFilters, leg: LegId, kind: Kind | None, side: Side, ist_time: str) -> bool:
    exchange, symbol, _ = split_leg(leg)
    name = f"{exchange}:{symbol}"
    return (
        any(fnmatchcase(name, glob) for glob in filters.allow)
        and not any(fnmatchcase(name, glob) for glob in filters.deny)
        and (not filters.exchanges or exchange in filters.exchanges)
        and (not filters.sides or side in filters.sides)
        and (not filters.options_only or kind in (Kind.CALL, Kind.PUT))
        and (filters.from_time is None or ist_time >= filters.from_time)
        and (filters.to_time is None or ist_time < filters.to_time)
    )
