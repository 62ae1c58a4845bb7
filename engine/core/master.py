"""The master account: orders become fills, fills become strategy lots, and what changed is decided when its time comes.

A push is a hint and a book row is the truth, and both take the same way through `absorb`, so that any order, number and
repetition of the same news ends in the same state.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from engine.core import conversion, delivery, varieties
from engine.core import strategy as strategies
from engine.core.entries import decide_leg
from engine.core.filters import follows, has_known_hours, why_unfollowed
from engine.core.hours import is_history
from engine.core.records import record_master_fill
from engine.core.resting import going_entries
from engine.core.state_master import MasterLeg, MasterOrder, Window
from engine.core.turn import INFO, WARNING, Turn, seconds_ns
from engine.model import (
    AMO,
    NS_PER_MS,
    NS_PER_S,
    TERMINAL_BOOK,
    BookStatus,
    LegId,
    OrderReport,
    instrument_of,
    is_delivery,
    sign,
    split_leg,
)

QUOTE_WAIT_NS = 2 * NS_PER_S
"""A leg that is new to us waits so long for its first quote."""
WINDOW_MOST_NS = 1000 * NS_PER_MS
"""A window closes at the latest so long after its first fill."""


@dataclass(slots=True)
class Changes:
    """What one event changed of the master."""

    rose: dict[LegId, int] = field(default_factory=dict)
    "Legs with new lots, and when their oldest undecided fill happened; of one that he was out of, since then."
    fell: dict[LegId, int] = field(default_factory=dict)
    "Legs with fewer lots, and when the first of them went."
    out: set[LegId] = field(default_factory=set)
    "Legs that he was out of, in again or not."


def absorb(turn: Turn, report: OrderReport, changes: Changes) -> None:
    """Take in one order update or book row of the master."""
    master = turn.state.master
    order = master.orders.get(report.order_id)
    if order is None and is_history(turn.state, report):
        varieties.tell_of_yesterday(turn, report)
        return  # yesterday's book, shown until the morning
    if order is None:
        apart, order = "", _first_seen(turn, report)
    elif _is_known(order, report):
        return
    else:
        apart = varieties.why_apart(turn, order)
    new = report.filled - order.filled
    if order.status not in TERMINAL_BOOK and not _is_of_before(order, report):
        order.status = report.status
    _take_terms(order, report)
    if _is_kept(order, report):
        order.variety = report.variety
    order.updated_ns = max(order.updated_ns, report.updated_ns)
    scope = turn.scope_of(order.leg)
    if order.followed and order.status not in TERMINAL_BOOK:
        if order.order_id not in master.working:
            strategies.pin(turn, turn.strategy(scope), order)
            master.working.append(order.order_id)
    elif order.order_id in master.working:
        master.working.remove(order.order_id)
    if order.status in TERMINAL_BOOK:
        order.ended_ns = order.ended_ns or turn.now_ns
    varieties.tell(turn, order, apart)
    if new > 0:
        value = (report.average_price_inr or Decimal(0)) * report.filled
        cost, order.value_inr, order.filled = value - order.value_inr, value, report.filled
        order.filled_ns, order.signal_ns = turn.now_ns, report.updated_ns or turn.now_ns
        _fill(turn, order, new, cost, order.signal_ns, changes)
    strategies.unpin(turn, turn.strategy(scope))


def _first_seen(turn: Turn, report: OrderReport) -> MasterOrder:
    state = turn.state
    leg = report.leg
    order = MasterOrder(
        order_id=report.order_id,
        leg=leg,
        side=report.side,
        quantity=report.quantity,
        status=report.status,
        placed_ns=report.placed_ns,
        updated_ns=report.updated_ns,
        order_type=report.order_type.value,
        validity=report.validity,
        variety=report.variety,
    )
    held = state.master.legs.get(leg)
    kind = turn.underlying_and_kind(leg)[1]
    passes = follows(state.settings.filters, leg, kind, report.side, report.order_type.value, turn.now_ns)
    is_sale = delivery.is_sale(leg, report.side)
    has_hours = has_known_hours(leg)
    order.followed = (held is not None and held.units != 0) or (passes and has_hours and not is_sale)
    state.master.orders[order.order_id] = order
    if order.followed:
        turn.subscribe(leg)
    else:
        why, severity = "filtered: not followed", INFO
        if passes and has_hours:
            why = delivery.why_not_followed(turn, leg)
        elif passes:
            why, severity = why_unfollowed(leg), INFO if report.status is BookStatus.REJECTED else WARNING
        turn.notify(severity, f"{report.side} {report.quantity}: {why}", state.master.account, report.symbol)
    return order


def _is_known(order: MasterOrder, report: OrderReport) -> bool:
    """Whether a report says nothing new: no fill, no other status, no newer terms of an order that works."""
    if report.filled > order.filled:
        return False
    if order.status in TERMINAL_BOOK:
        return True
    if report.filled < order.filled and report.status not in TERMINAL_BOOK:
        return True  # of before a fill that is known, even of the same second
    is_same = report.status == order.status or _is_of_before(order, report)
    return is_same and not _has_new_terms(order, report) and not _is_kept(order, report)


def _is_kept(order: MasterOrder, report: OrderReport) -> bool:
    """Whether an order turns out to be one for the opening: Angel's are told by their status alone."""
    return report.variety == AMO != order.variety


def _is_of_before(order: MasterOrder, report: OrderReport) -> bool:
    """Whether a status is late news of an order that the exchange has by now."""
    return report.status is BookStatus.PENDING is not order.status


def _has_new_terms(order: MasterOrder, report: OrderReport) -> bool:
    shown = (report.order_type.value, report.quantity, report.price_inr, report.trigger_price_inr)
    return report.updated_ns >= order.terms_ns and shown != (
        order.order_type,
        order.quantity,
        order.price_inr,
        order.trigger_inr,
    )


def _take_terms(order: MasterOrder, report: OrderReport) -> None:
    """Type, quantity, limit and trigger as the broker shows them last; late news change nothing."""
    if report.updated_ns < order.terms_ns or order.ended_ns:
        return
    order.terms_ns = report.updated_ns
    order.order_type, order.quantity = report.order_type.value, report.quantity
    order.price_inr, order.trigger_inr = report.price_inr, report.trigger_price_inr


def master_leg(turn: Turn, leg: LegId) -> MasterLeg:
    """The master's record of a leg, made when missing."""
    legs = turn.state.master.legs
    found = legs.get(leg)
    if found is None:
        found = legs[leg] = MasterLeg(leg=leg, scope=turn.scope_of(leg))
        if not is_delivery(leg):  # dozens of holdings that nobody follows need no quotes
            turn.subscribe(leg)
    return found


def _fill(turn: Turn, order: MasterOrder, new: int, cost: Decimal, at_ns: int, changes: Changes) -> None:
    """Apply newly filled units: strategy lots first, then background; only what is left opens lots."""
    master = turn.state.master
    leg = master_leg(turn, order.leg)
    signed = order.side.sign * new
    leg.price_inr, leg.last_fill_ns, leg.order_type = cost / new, turn.now_ns, order.order_type
    leg.signal_ns, leg.side, leg.limit_inr = at_ns, order.side, order.price_inr
    master.last_update_ns = turn.now_ns
    if not master.known and at_ns < turn.state.started_ns:
        return  # history from before the program's first day: the positions of the first read hold it
    turn.notify(INFO, f"master {order.side} {new} at {leg.price_inr:.2f}", master.account, split_leg(leg.leg)[1])
    closed = toward_zero(leg.units, signed)
    if closed:
        leg.open_cost_inr = leg.open_cost_inr * (abs(leg.units) - abs(closed)) / abs(leg.units)
        leg.units += closed
        conversion.keep_within(leg)
        _note_fall(leg, at_ns, changes)
    rest = signed - closed
    converted = _close_converted(turn, order, rest, cost / new, at_ns, changes)
    rest -= converted
    background = _part_in_background(leg, order, rest)
    leg.background_units += background
    opened = rest - background
    strategy = turn.strategy(leg.scope)
    if closed or opened:
        strategy.last_fill_ns = turn.now_ns
    if opened:
        strategies.begin(turn, strategy, order.placed_ns, order.order_id)  # what was made before is not its own
        order.opened_units += abs(opened)
        if not leg.units:
            leg.opened_from_inr = leg.cash_inr - cost * order.side.sign * abs(closed) / new
        leg.units += opened
        leg.open_cost_inr += cost * abs(opened) / new
        changes.rose.setdefault(leg.leg, at_ns)
        _follow_sales(turn, leg)
    leg.cash_inr -= cost * order.side.sign * abs(closed + opened) / new
    for units, opens in ((abs(closed + converted), False), (abs(opened), True)):
        if units:
            record_master_fill(turn, order, units, cost * units / new, opens=opens)


def _part_in_background(leg: MasterLeg, order: MasterOrder, rest: int) -> int:
    """What of signed units that close no strategy lots is no lots of a strategy: a sale of shares opens nothing."""
    opens = order.followed and not delivery.is_sale(leg.leg, order.side)
    return toward_zero(leg.background_units, rest) if opens else rest


def _follow_sales(turn: Turn, leg: MasterLeg) -> None:
    """Shares were bought: a sale of them that works already is their exit."""
    master = turn.state.master
    for order in master.orders.values():
        is_theirs = order.leg == leg.leg and delivery.is_sale(order.leg, order.side)
        if is_theirs and order.status not in TERMINAL_BOOK and not order.followed:
            order.followed = True
            master.working.append(order.order_id)
            varieties.tell(turn, order, "")


def _close_converted(
    turn: Turn, order: MasterOrder, rest: int, price_inr: Decimal, at_ns: int, changes: Changes
) -> int:
    """A fill in the product that lots were converted to reduces the leg that they belong to; returns what it took."""
    taken = 0
    for leg, closed in conversion.close_moved(turn, order.leg, rest):
        leg.open_cost_inr = leg.open_cost_inr * (abs(leg.units) - abs(closed)) / abs(leg.units)
        leg.cash_inr -= closed * price_inr
        leg.units += closed
        leg.moved_units += closed
        conversion.keep_within(leg)
        leg.last_fill_ns = turn.now_ns
        _note_fall(leg, at_ns, changes)
        turn.strategy(leg.scope).last_fill_ns = turn.now_ns
        taken += closed
    return taken


def _note_fall(leg: MasterLeg, at_ns: int, changes: Changes) -> None:
    """Lots of a leg went; what he enters after the last of them is no older than that."""
    changes.fell.setdefault(leg.leg, at_ns)
    if not leg.units:
        changes.out.add(leg.leg)
        changes.rose.pop(leg.leg, None)


def toward_zero(held: int, change: int) -> int:
    """The part of a signed change that brings `held` nearer to zero."""
    if held * change >= 0:
        return 0
    return sign(change) * min(abs(held), abs(change))


def act(turn: Turn, changes: Changes) -> None:
    """Decide what changed: reductions now, rises when their window closes."""
    state = turn.state
    for leg_id, at_ns in changes.fell.items():
        leg = state.master.legs[leg_id]
        if leg_id in changes.out:
            _renew_waiting(turn, leg, changes.rose.get(leg_id, at_ns))
        elif leg.window is not None and leg_id in changes.rose:  # his newest lots are decided with those that wait
            changes.rose[leg_id] = min(changes.rose[leg_id], leg.window.signal_ns)
        if not leg.units or leg_id in changes.rose:
            leg.window = None
            state.timers.pop(f"window:{leg_id}", None)
        strategies.note_master_out(turn, turn.strategy(leg.scope))
        decide_leg(turn, leg, at_ns, entered_ns=changes.rose.get(leg_id, at_ns), reductions_only=True)
    for leg_id, at_ns in changes.rose.items():
        _open_window(turn, state.master.legs[leg_id], at_ns)


def _renew_waiting(turn: Turn, master: MasterLeg, entered_ns: int) -> None:
    """Entries in a leg that he was out of were for what he had before: they are for what he entered since.

    Lots that a plan counts go on waiting, since they are not decided again; what no plan counts is decided now.
    """
    for child in turn.state.children.values():
        if (leg := child.legs.get(master.leg)) is None:
            continue
        if leg.entry_pending:
            leg.entry_pending, leg.entry_signal_ns = leg.decided_units > 0 and leg.sign * master.units > 0, entered_ns
        for order in going_entries(turn, leg):  # what its end leaves open is for the same
            if order.side.sign * master.units > 0:
                order.signal_ns = max(order.signal_ns, entered_ns)


def _open_window(turn: Turn, leg: MasterLeg, signal_ns: int) -> None:
    """Wait a little for further fills of the same leg; each one extends the wait up to a second after the first."""
    wait_ns = turn.settings.timing.aggregation_ms * NS_PER_MS
    if turn.now_ns - signal_ns > seconds_ns(turn.settings.timing.max_signal_age_s):
        _decide_old(turn, leg, signal_ns)
        return
    if leg.window is None:
        leg.window = Window(first_ns=turn.now_ns, due_ns=turn.now_ns + wait_ns, signal_ns=signal_ns)
    else:
        leg.window.due_ns = min(turn.now_ns + wait_ns, leg.window.first_ns + WINDOW_MOST_NS)
        leg.window.signal_ns = min(leg.window.signal_ns, signal_ns)
    turn.timer(f"window:{leg.leg}", leg.window.due_ns)


def _decide_old(turn: Turn, leg: MasterLeg, signal_ns: int) -> None:
    """A fill that is too old to copy is decided at once, so that a fresh one after it does not bring it along."""
    pending = leg.window
    leg.window = None
    turn.state.timers.pop(f"window:{leg.leg}", None)
    decide_leg(turn, leg, signal_ns if pending is None else min(signal_ns, pending.signal_ns))


def window_due(turn: Turn, leg_id: LegId) -> None:
    """A window closed: decide the leg, or wait on while the engine is not armed and the signal is fresh."""
    leg = turn.state.master.legs.get(leg_id)
    if leg is None or leg.window is None:
        return
    oldest_ns = leg.window.signal_ns + seconds_ns(turn.settings.timing.max_signal_age_s)
    if not turn.state.armed and turn.now_ns <= oldest_ns:
        turn.timer(f"window:{leg_id}", oldest_ns + 1)
        return
    quote_by_ns = turn.state.subscribed.get(instrument_of(leg_id), 0) + QUOTE_WAIT_NS
    if turn.quote(leg_id) is None and turn.now_ns < quote_by_ns:
        turn.timer(f"window:{leg_id}", quote_by_ns)
        return
    signal_ns = leg.window.signal_ns
    leg.window = None
    decide_leg(turn, leg, signal_ns)


def windows_now(turn: Turn) -> None:
    """Decide what waited for the engine to be armed, or for a first quote."""
    for leg in list(turn.state.master.legs.values()):
        if leg.window is not None and leg.window.due_ns <= turn.now_ns:
            window_due(turn, leg.leg)
