"""Results: what legs, children and the master made. An unknown price makes a result unknown, not zero.

A result since a leg was opened is not that of today once the leg was carried over a night, and not that of the running
strategy once the leg was traded before it: both are reckoned from what the result was when the day, or it, began.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.core.state import Strategy
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn
from engine.model import LegId, Quote, sign
from engine.money import sum_known

ZERO = Decimal(0)


def mark_inr(quote: Quote | None) -> Decimal | None:
    """The price at which an open position is valued: the last trade, else the middle of the touch."""
    if quote is None:
        return None
    if quote.last_inr is not None:
        return quote.last_inr
    if quote.bid_inr is not None and quote.ask_inr is not None:
        return (quote.bid_inr + quote.ask_inr) / 2
    return quote.bid_inr if quote.bid_inr is not None else quote.ask_inr


def open_value(turn: Turn, leg: LegId, units: int) -> Decimal | None:
    """What `units` (signed) of a leg are worth now, `None` without a price."""
    if not units:
        return ZERO
    mark = mark_inr(turn.quote(leg))
    return None if mark is None else mark * units


def leg_pnl(turn: Turn, leg: ChildLeg | MasterLeg) -> Decimal | None:
    """Result of one leg before charges, `None` without a price."""
    value = open_value(turn, leg.leg, _units(leg))
    return None if value is None else leg.cash_inr + value


def opened_pnl(turn: Turn, leg: ChildLeg | MasterLeg) -> Decimal | None:
    """Result of what a leg holds since it was opened, parts closed since with it; `None` without a price."""
    result = leg_pnl(turn, leg)
    return None if result is None else result - leg.opened_from_inr


def realised_inr(leg: ChildLeg | MasterLeg) -> Decimal:
    """Result of a leg's closed lots before charges: proceeds less cost, with what is open taken at its own cost."""
    return leg.cash_inr + leg.open_cost_inr * sign(_units(leg))


def child_pnl(turn: Turn, child: Child) -> Decimal | None:
    """Result of a child's legs since each was opened, before charges; `None` when a price is missing."""
    return sum_known(leg_pnl(turn, leg) for leg in child.legs.values())


def child_day(turn: Turn, child: Child) -> Decimal | None:
    """Result of a child since the previous close, before charges; `None` when a price is missing."""
    return _since(child_pnl(turn, child), (leg.day_start_inr for leg in child.legs.values()))


def child_charges(child: Child) -> Decimal:
    """Charges on our own orders of the day."""
    return sum((leg.charges_inr - leg.day_start_charges_inr for leg in child.legs.values()), ZERO)


def child_net(turn: Turn, child: Child) -> Decimal | None:
    """Result of a child since the previous close, after charges; `None` when a price is missing."""
    result = child_day(turn, child)
    return None if result is None else result - child_charges(child)


def total_net(turn: Turn) -> Decimal | None:
    """The same of all configured children together."""
    return sum_known(child_net(turn, child) for child in turn.configured())


def master_day(turn: Turn) -> Decimal | None:
    """Result of the master's followed lots since the previous close, closed ones included, before charges."""
    legs = turn.state.master.legs.values()
    return _since(sum_known(leg_pnl(turn, leg) for leg in legs), (leg.day_start_inr for leg in legs))


def strategy_pnl(turn: Turn, strategy: Strategy, account: str) -> Decimal | None:
    """Result of one account in a strategy since it began, before charges; `None` when a price is missing."""
    result = sum_known(leg_pnl(turn, leg) for leg in _legs_in(turn, account, strategy.scope))
    return _since(result, (strategy.earlier_inr.get(account, ZERO),))


def begin_strategy(turn: Turn, strategy: Strategy) -> None:
    """What was made in a scope before a strategy begins is not the strategy's."""
    strategy.earlier_inr = {}
    for account in (turn.state.master.account, *turn.state.children):
        legs = _legs_in(turn, account, strategy.scope)
        if earlier := sum((realised_inr(leg) for leg in legs), ZERO):
            strategy.earlier_inr[account] = earlier
        for leg in legs:
            if not _units(leg):  # what was closed is told of until another strategy begins, whoever takes part in it
                leg.opened_from_inr = leg.cash_inr


def begin_day(turn: Turn) -> None:
    """A new day counts from here: from the last prices known, or from cost where there is none."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            leg.day_start_inr, leg.day_start_charges_inr = _result_now(turn, leg), leg.charges_inr
    for leg_of_master in turn.state.master.legs.values():
        leg_of_master.day_start_inr = _result_now(turn, leg_of_master)


def keep_closed(turn: Turn, account: str, leg: ChildLeg | MasterLeg) -> None:
    """A leg that is over is dropped: what it made stays with the strategy it was made in."""
    strategy = turn.strategy(turn.scope_of(leg.leg))
    strategy.earlier_inr[account] = strategy.earlier_inr.get(account, ZERO) - leg.cash_inr


def _since(result: Decimal | None, before: Iterable[Decimal]) -> Decimal | None:
    return None if result is None else result - sum(before, ZERO)


def _result_now(turn: Turn, leg: ChildLeg | MasterLeg) -> Decimal:
    result = leg_pnl(turn, leg)
    return realised_inr(leg) if result is None else result


def _units(leg: ChildLeg | MasterLeg) -> int:
    return leg.units if isinstance(leg, MasterLeg) else leg.allocation_units


def _legs_in(turn: Turn, account: str, scope: str) -> list[ChildLeg | MasterLeg]:
    state = turn.state
    legs = state.master.legs if account == state.master.account else state.children[account].legs
    return [leg for leg in legs.values() if turn.scope_of(leg.leg) == scope]
