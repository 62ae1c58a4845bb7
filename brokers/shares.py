"""Shares of earlier days, which brokers keep apart from the positions, counted with them. Pure.

At both brokers a position in an equity delivery product is the trades of the day: shares bought today stand there until
the night, and a sale of shares of earlier days is a negative position beside the holding (Zerodha support, "Why do
stocks sold from the holdings show up as a negative position"; settlement T+1). The engine knows one number of a leg.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from engine.model import LegId, Position, is_delivery, split_leg


def with_shares(positions: Iterable[Position], carried: Mapping[LegId, int]) -> tuple[Position, ...]:
    """The positions with the shares of earlier days, those that nothing was traded of today included.

    Args:
        positions: As the broker lists them. What it carries itself of a delivery leg is the same shares.
        carried: Shares at the begin of the day by leg, those that are not delivered yet (T+1) included.
    """
    left = dict(carried)
    found: list[Position] = []
    for position in positions:
        if not is_delivery(position.leg):
            found.append(position)
            continue
        before = max(left.pop(position.leg, 0), position.overnight_units)
        today = position.net_units - position.overnight_units
        found.append(replace(position, net_units=before + today, overnight_units=before))
    return (*found, *(_untouched(leg, units) for leg, units in left.items() if units))


def _untouched(leg: LegId, units: int) -> Position:
    exchange, symbol, product = split_leg(leg)
    return Position(exchange=exchange, symbol=symbol, product=product, net_units=units, overnight_units=units)


def add_up(rows: Sequence[tuple[LegId, int]]) -> dict[LegId, int]:
    """Shares by leg."""
    found: dict[LegId, int] = {}
    for leg, units in rows:
        found[leg] = found.get(leg, 0) + units
    return found
