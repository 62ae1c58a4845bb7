"""Shares of earlier days, which brokers keep apart from the positions, counted with them. Pure.

At both brokers a position in an equity delivery product is the trades of the day: shares bought today stand there until
the night, and a sale of shares of earlier days is a negative position beside the holding (Zerodha support, "Why do
stocks sold from the holdings show up as a negative position"; settlement T+1). The engine knows one number of a leg.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from engine.events import AccountRead, Event, OrderUpdated
from engine.model import (
    DELIVERY_PRODUCTS,
    InstrumentId,
    LegId,
    OrderReport,
    Position,
    instrument_id,
    is_delivery,
    split_leg,
)

E = TypeVar("E", bound=Event)
R = TypeVar("R", OrderReport, Position)
HOME: Final = "NSE"
OTHER: Final = "BSE"


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


def at_one_exchange(event: E, is_listed: Callable[[InstrumentId], bool]) -> E:
    """What a broker says, with shares that are listed at both exchanges under the name of NSE.

    Shares in a demat account belong to no exchange: brokers list them under the one that closed higher, and they are
    bought and sold at either (Zerodha support, "Why are my holdings shown under BSE"). Their orders, positions and
    holdings are one leg. Names are taken to mean the same company at both, as they do in Kite's instrument file.

    Args:
        event: An update or a read.
        is_listed: Whether there is such an instrument.
    """
    match event:
        case OrderUpdated(report=report) if _is_elsewhere(report, is_listed):
            return replace(event, report=_at_home(report, is_listed))
        case AccountRead(orders=orders, positions=positions):
            if any(_is_elsewhere(order, is_listed) for order in orders or ()):
                event = replace(event, orders=tuple(_at_home(order, is_listed) for order in orders or ()))
            if any(_is_elsewhere(position, is_listed) for position in positions or ()):
                event = replace(event, positions=_together(positions or (), is_listed))
    return event


def _is_elsewhere(row: OrderReport | Position, is_listed: Callable[[InstrumentId], bool]) -> bool:
    is_other = row.exchange == OTHER and row.product in DELIVERY_PRODUCTS
    return is_other and is_listed(instrument_id(HOME, row.symbol))


def _at_home(row: R, is_listed: Callable[[InstrumentId], bool]) -> R:
    return replace(row, exchange=HOME) if _is_elsewhere(row, is_listed) else row


def _together(positions: Iterable[Position], is_listed: Callable[[InstrumentId], bool]) -> tuple[Position, ...]:
    found: dict[LegId, Position] = {}
    for position in positions:
        named = _at_home(position, is_listed)
        if (known := found.get(named.leg)) is not None:
            net = known.net_units + named.net_units
            overnight = known.overnight_units + named.overnight_units
            named = replace(known, net_units=net, overnight_units=overnight)
        found[named.leg] = named
    return tuple(found.values())
