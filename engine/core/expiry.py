"""Contracts that are over: legs end as expired for the master and all children, without an order.

The settlement price of the underlying is not known here: the result is taken at the last quote and called provisional.
It must not end a contract before the market has closed and the last news of the day have had their time.
"""

from collections.abc import Iterable
from decimal import Decimal

from engine.core import hours, prompts, reasons
from engine.core import strategy as strategies
from engine.core.lifecycle import OrderState
from engine.core.margin import INDICES
from engine.core.orders import change_state
from engine.core.plans import close_if_done, store_plan
from engine.core.results import mark_inr
from engine.core.sizing import Plan
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import INFO, WARNING, Turn
from engine.model import Instrument, Kind, LegId, Position, instrument_of, sign, split_leg

KEPT_DAYS = 10
"""Brokers list an expired contract for a day or two; so long it is remembered."""
_END = {
    OrderState.QUEUED: OrderState.WITHDRAWN,
    OrderState.HELD: OrderState.WITHDRAWN,
    OrderState.UNKNOWN: OrderState.ABSENT,
    OrderState.SENT: OrderState.CANCELLED,
    OrderState.WORKING: OrderState.CANCELLED,
}


def expire(turn: Turn, *, before: str = "") -> None:
    """End every leg whose contract is over now; `before`: also all whose last day was before that day."""
    state = turn.state
    legs = dict.fromkeys([*state.master.legs, *(leg for child in state.children.values() for leg in child.legs)])
    over: list[LegId] = []
    for leg in legs:
        day = expiry_of(turn, leg)
        if day is not None and (day < before or _is_over(turn, day)):
            state.expired[instrument_of(leg)] = day
            over.append(leg)
    for leg in over:
        _end_leg(turn, leg)
    state.expired = {k: day for k, day in state.expired.items() if hours.days_between(day, state.day) <= KEPT_DAYS}


def expiry_of(turn: Turn, leg: LegId) -> str | None:
    """A contract's last day (ISO) as far as any account's file of today or of the day before tells."""
    instrument = listed_anywhere(turn, leg)
    return None if instrument is None else instrument.expiry


def listed_anywhere(turn: Turn, leg: LegId) -> Instrument | None:
    """The instrument of a leg from any file at hand, the master's first."""
    state = turn.state
    held = state.master.legs.get(leg)
    for account in (state.master.account, *state.children):
        if (found := turn.leg_instrument(account, leg)) is not None:
            return found
    if held is not None and held.listed is not None:
        return held.listed
    known = (child.legs[leg].listed for child in state.children.values() if leg in child.legs)
    return next((instrument for instrument in known if instrument is not None), None)


def still_listed(turn: Turn, positions: Iterable[Position]) -> tuple[Position, ...]:
    """Positions without those in contracts that are over."""
    expired = turn.state.expired
    return tuple(p for p in positions if not expired or instrument_of(p.leg) not in expired)


def days_to_settlement(turn: Turn, child: Child, leg: ChildLeg) -> int | None:
    """Trading days to the expiry of a contract on a stock that is near enough to be warned of, `None` for others."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    if not leg.allocation_units or instrument is None or instrument.expiry is None:
        return None
    if instrument.kind is Kind.EQUITY or instrument.underlying in INDICES:
        return None
    left = _trading_days(turn, instrument.expiry)
    return left if left <= turn.settings.risk.physical_settlement_warn_days else None


def warn_of_settlement(turn: Turn) -> None:
    """Say once a day which allocations will be settled in shares soon."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            left = days_to_settlement(turn, child, leg)
            if left is not None:
                text = f"stock contract, {left} trading days to expiry: it is settled in shares if it stays open"
                turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])


def _trading_days(turn: Turn, expiry: str) -> int:
    """Trading days after today up to a day; calendar days beyond what the calendar covers."""
    state = turn.state
    today, last = (hours.day_number(hours.day_start_ns(day)) for day in (state.day, expiry))
    known = [hours.day_number(session.open_ns) for session in state.sessions]
    if not known or max(known) < last:
        return max(0, last - today)
    return len(dict.fromkeys(number for number in known if today < number <= last))


def _is_over(turn: Turn, day: str) -> bool:
    """Whether a contract's last session has ended, with time for the last news of it."""
    state = turn.state
    if day != state.day:
        return day < state.day
    close_ns = hours.last_close_ns(state, day)
    return close_ns is not None and turn.now_ns >= close_ns + hours.LATE_NEWS_NS


def _end_leg(turn: Turn, leg_id: LegId) -> None:
    master = turn.state.master.legs.get(leg_id)
    for child in turn.state.children.values():
        leg = child.legs.get(leg_id)
        child.external.pop(leg_id, None)
        child.positions.pop(leg_id, None)
        if leg is not None:
            _end_child_leg(turn, child, leg)
    if master is not None:
        _end_master_leg(turn, master)


def _end_child_leg(turn: Turn, child: Child, leg: ChildLeg) -> None:
    for order in list(turn.open_orders(leg)):
        change_state(turn, order, _END[order.state], reasons.EXPIRED)
    prompts.take_out(turn, child, leg, leg.awaiting_units)
    prompts.forget(turn, child, leg.leg)
    units = leg.allocation_units
    if units:
        price = _settled_at(turn, leg, leg.open_cost_inr)
        leg.cash_inr += units * price
        leg.allocation_units, leg.open_cost_inr = 0, Decimal(0)
        text = f"expired: {units} units at {price:.2f}, the last price known; the result is provisional"
        turn.notify(INFO, text, child.id, split_leg(leg.leg)[1])
    store_plan(leg, Plan())
    leg.orphaned_units = 0
    leg.entry_pending, leg.suspicion, leg.night_read = False, None, None
    close_if_done(turn, leg)


def _end_master_leg(turn: Turn, leg: MasterLeg) -> None:
    turn.state.timers.pop(f"window:{leg.leg}", None)
    leg.window, leg.suspicion, leg.moved_to, leg.moved_units = None, None, None, 0
    turn.state.master.unexplained.pop(leg.leg, None)
    leg.background_units = 0
    if leg.units:
        leg.cash_inr += leg.units * _settled_at(turn, leg, leg.open_cost_inr)
        leg.units, leg.open_cost_inr = 0, Decimal(0)
        turn.notify(INFO, "expired", turn.state.master.account, split_leg(leg.leg)[1])
        strategies.note_master_out(turn, turn.strategy(leg.scope))


def _settled_at(turn: Turn, leg: ChildLeg | MasterLeg, open_cost_inr: Decimal) -> Decimal:
    """The last price, or the cost where none is known."""
    mark = mark_inr(turn.quote(leg.leg))
    if mark is not None:
        return mark
    units = leg.allocation_units if isinstance(leg, ChildLeg) else leg.units
    return open_cost_inr / (units * sign(units)) if units else Decimal(0)
