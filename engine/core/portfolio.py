"""What an account holds and has under way, and what that ties up by the estimate of `engine.core.margin`.

It decides nothing.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.margin import MarginPosition, portfolio_margin
from engine.core.resting import rests
from engine.core.results import mark_inr
from engine.core.state_child import Child, ChildOrder
from engine.core.turn import Turn, net_units
from engine.model import Basket, BasketOrder, LegId, Side

Units = dict[LegId, int]
"""Signed units by leg."""


class Book:
    """What an account holds and has under way, and what it would tie up with more."""

    def __init__(self, turn: Turn, child: Child) -> None:
        self._turn, self._child = turn, child
        self._beside = _with_orders(turn, child)
        self._known_inr = self._margin(_known(turn, child))
        self._sums: dict[frozenset[tuple[LegId, int]], Decimal] = {}

    def needed(self, added: Units) -> Decimal:
        """Margin beyond what the broker's figure has blocked, with `added` to all that is under way."""
        key = frozenset(added.items())
        if key not in self._sums:
            together = dict(self._beside)
            for leg, units in added.items():
                together[leg] = together.get(leg, 0) + units
            self._sums[key] = self._margin(together) - self._known_inr
        return self._sums[key]

    def part(self, units: Units, wanted: Units) -> Decimal:
        """Which part of the margin of what is wanted fewer units need."""
        whole = self.needed(wanted) - self.needed({})
        if whole > 0:
            return (self.needed(units) - self.needed({})) / whole
        return Decimal(sum(map(abs, units.values()))) / sum(map(abs, wanted.values()))

    def _margin(self, units: Units) -> Decimal:
        return portfolio_margin(positions_of(self._turn, self._child, units), {})


def units_of(orders: Iterable[ChildOrder]) -> Units:
    """What orders would fill."""
    found: Units = {}
    for order in orders:
        found[order.leg] = found.get(order.leg, 0) + order.side.sign * order.remaining
    return found


def _known(turn: Turn, child: Child) -> Units:
    """What the broker's figure counts: held, or working, before its read began."""
    at_ns = child.available_began_ns
    found = dict(child.positions)
    for fill in child.own_fills:
        if fill.at_ns <= at_ns:
            found[fill.leg] = found.get(fill.leg, 0) + fill.units
    for leg in child.legs.values():
        working = [
            o for o in turn.open_orders(leg) if o.entry and o.state is OrderState.WORKING and o.acked_ns <= at_ns
        ]
        found[leg.leg] = found.get(leg.leg, 0) + units_of(working).get(leg.leg, 0)
    return found


def _with_orders(turn: Turn, child: Child) -> Units:
    """What is held when all that is under way has filled: entries, and exits that do not rest."""
    legs = dict.fromkeys([*child.positions, *child.legs])
    found = {leg: net_units(child, leg) for leg in legs}
    for leg in child.legs.values():
        under_way = [
            o
            for o in turn.open_orders(leg)
            if (o.state in AT_BROKER or (o.state is OrderState.QUEUED and (o.afforded or not o.entry)))
            and (o.entry or not rests(o))
        ]
        found[leg.leg] += units_of(under_way).get(leg.leg, 0)
    return found


def positions_of(turn: Turn, child: Child, units: Units) -> list[MarginPosition]:
    """Those whose instrument and price are known."""
    found = []
    for leg, signed in units.items():
        instrument, price = turn.leg_instrument(child.id, leg), mark_inr(turn.quote(leg))
        if signed and instrument is not None and price is not None:
            found.append(MarginPosition(instrument=instrument, units=signed, price_inr=price))
    return found


def lot_units(turn: Turn, child: Child, leg: LegId) -> int:
    """Units in a lot of a leg at the child's broker; 1 where that is unknown."""
    instrument = turn.leg_instrument(child.id, leg)
    return 1 if instrument is None else instrument.lot_units


def basket_of(child: Child, orders: Iterable[BasketOrder]) -> Basket:
    """Orders that would be sent together, and what the program holds for the child beside them."""
    held = tuple(
        BasketOrder(leg=leg.leg, side=_side(leg.allocation_units), units=abs(leg.allocation_units))
        for leg in child.legs.values()
        if leg.allocation_units
    )
    return Basket(account=child.id, orders=tuple(orders), held=held)


def _side(units: int) -> Side:
    return Side.BUY if units > 0 else Side.SELL
