"""Profit and loss of our allocations, and the daily loss limit. An unknown price makes the result unknown, not zero."""

from decimal import Decimal

from config.schema import OnMaxLoss
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import ALARM, Turn
from engine.model import LegId, Quote
from engine.money import rupees


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
        return Decimal(0)
    mark = mark_inr(turn.quote(leg))
    return None if mark is None else mark * units


def leg_pnl(turn: Turn, leg: ChildLeg) -> Decimal | None:
    """Result of one leg before charges, `None` without a price."""
    value = open_value(turn, leg.leg, leg.allocation_units)
    return None if value is None else leg.cash_inr + value


def child_pnl(turn: Turn, child: Child) -> Decimal | None:
    """Result of a child's allocations of the day before charges, `None` when a price is missing."""
    total = Decimal(0)
    for leg in child.legs.values():
        result = leg_pnl(turn, leg)
        if result is None:
            return None
        total += result
    return total


def child_charges(child: Child) -> Decimal:
    """Charges on our own orders of the day."""
    return sum((leg.charges_inr for leg in child.legs.values()), Decimal(0))


def child_net(turn: Turn, child: Child) -> Decimal | None:
    """Result of a child since the previous close, after charges; `None` when a price is missing."""
    result = child_pnl(turn, child)
    if result is None:
        return None
    return result - child_charges(child) - sum((leg.day_start_inr for leg in child.legs.values()), Decimal(0))


def total_net(turn: Turn) -> Decimal | None:
    """The same of all configured children together."""
    results = [child_net(turn, child) for child in turn.configured()]
    return None if None in results else sum((result for result in results if result is not None), Decimal(0))


def watch_losses(turn: Turn) -> list[Child]:
    """Stop entries where a daily loss limit is reached, once; returns the children to be exited completely."""
    state = turn.state
    hit: list[Child] = []
    total = Decimal(0)
    for child in turn.configured():
        net = child_net(turn, child)
        if net is None:
            continue
        total += net
        limit = turn.child_settings[child.id].risk.max_daily_loss_inr
        if limit is not None and net <= -limit and not child.loss_hit:
            child.loss_hit = True
            turn.notify(
                ALARM, f"daily loss limit of {rupees(limit)} reached: {rupees(net)}; no further entries", child.id
            )
            hit.append(child)
    limit = turn.settings.risk.max_daily_loss_inr
    if limit is not None and total <= -limit and not state.loss_hit:
        state.loss_hit = True
        turn.notify(
            ALARM, f"daily loss limit of {rupees(limit)} over all children reached: {rupees(total)}; no further entries"
        )
        hit = turn.configured()
    return hit if turn.settings.risk.on_max_loss is OnMaxLoss.EXIT_ALL else []
