"""What a broker says of a child's order: fills, ends, refusals.

Cumulative and monotonic: late and repeated news change nothing, a fill counts in whatever state it arrives.
"""

from decimal import Decimal

from config.schema import OnLegRefused
from engine.core import prompts, reasons, terms
from engine.core.charges import order_charges, segment_of
from engine.core.delivery import is_sale
from engine.core.entries import enter_later, resume_entry
from engine.core.lifecycle import TERMINAL, UNSENT, OrderState
from engine.core.orders import average_inr, change_state, hold
from engine.core.plans import by_hand_units, note_missed
from engine.core.records import record_child_fill
from engine.core.resting import going_exit_units, is_against, rests, share
from engine.core.settle import CANCEL_AGAIN_NS, ask_cancel, settle
from engine.core.state_child import Child, ChildLeg, ChildOrder, OwnFill
from engine.core.tags import is_our_tag, number_of
from engine.core.turn import ALARM, INFO, WARNING, Turn, exits_open, is_of_an_earlier_day
from engine.model import NS_PER_S, TERMINAL_BOOK, BookStatus, OrderReport, OrderType, split_leg

REFUSED_AGAIN_S = (1, 2, 4, 8, 15, 30, 60)
"""A refused exit is tried again after so long; the last one repeats."""

SHOWN_AFTER_NS = NS_PER_S
"""A broker's positions hold a fill so long after its order book says so, at the latest; clocks may differ as much."""

GIVEN_UP = frozenset({OrderState.ABSENT, OrderState.WITHDRAWN})

_END = {
    BookStatus.COMPLETE: OrderState.FILLED,
    BookStatus.CANCELLED: OrderState.CANCELLED,
    BookStatus.REJECTED: OrderState.REJECTED,
}


def apply_child_report(turn: Turn, child: Child, report: OrderReport) -> None:
    """Take in what the broker says of one order of a child, ours or not."""
    tag = report.tag if report.tag in turn.state.orders else child.tags.get(report.order_id, "")
    order = turn.state.orders.get(tag)
    if order is not None and order.account != child.id:  # another account's tag: only the order id can tell
        order = turn.state.orders.get(child.tags.get(report.order_id, ""))
    if order is None or order.account != child.id:
        _foreign(turn, child, report)
        return
    if order.order_id and report.order_id != order.order_id:
        _second_order(turn, child, order, report)
        return
    leg = child.legs[order.leg]
    was_done = order.state in TERMINAL
    order.order_id = report.order_id
    child.tags[report.order_id] = order.tag
    if (order.state in UNSENT or order.state in GIVEN_UP) and report.status not in TERMINAL_BOOK:
        order.units = max(order.units, report.quantity)  # the broker has all of it, whatever was taken off since
    terms.note_report(order, report)
    late = take_fill(turn, child, leg, order, report)
    _take_status(turn, child, leg, order, report)
    if order.state in GIVEN_UP:
        _surfaced(turn, child, order, report, filled=late)
    if was_done and not late:
        return
    was_surfaced = leg.surfaced
    settle(turn, child, leg, at_once=late and (was_done or order.entry))
    # A repair goes to zero: what was to stay, and went with the excess, is missed when it has ended.
    if (was_done or was_surfaced) and not exits_open(turn, leg) and not leg.entry_pending:
        note_missed(turn, child, leg, reasons.FILLED_LATE)
    if late and not order.entry and is_of_an_earlier_day(turn.state, order) and not leg.entry_pending:
        note_missed(turn, child, leg, reasons.EXITED_AHEAD)  # it rested for an order of the master's that is over
    resume_entry(turn, child, leg)


def take_fill(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> bool:
    """Apply what is newly filled; true when there was anything new."""
    filled = report.filled
    new = filled - order.filled
    if new <= 0:
        return False
    order.units = max(order.units, filled)  # an unsent order may have been reduced before it surfaced after all
    price = report.average_price_inr
    value = order.value_inr if price is None else price * filled
    cost = value - order.value_inr
    leg.charges_inr -= _charges(turn, order)
    order.filled, order.value_inr = filled, value
    leg.charges_inr += _charges(turn, order)
    order.changed_ns = turn.now_ns
    signed = order.side.sign * new
    _take_cost(leg, signed, cost)
    if not leg.allocation_units:
        leg.opened_from_inr = leg.cash_inr
    leg.allocation_units += signed
    leg.cash_inr -= cost * order.side.sign
    record_child_fill(turn, order, new, cost)
    held_from_ns = _held_from(turn, order, report)
    if held_from_ns >= child.positions_began_ns:
        filled_ns = report.updated_ns and max(report.updated_ns, order.sent_ns)
        child.own_fills.append(OwnFill(leg=leg.leg, units=signed, at_ns=held_from_ns, filled_ns=filled_ns))
    child.own_fill_ns[leg.leg] = turn.now_ns
    if order.cancelling_ns == 0 and order.chased_ns:
        order.chased_ns = turn.now_ns
    return True


def _held_from(turn: Turn, order: ChildOrder, report: OrderReport) -> int:
    """From when on the broker's positions hold a fill: one that we learn of late is in reads that we have already.

    Never from before the order was sent, whatever the broker's clock shows.
    """
    if not report.updated_ns:
        return turn.now_ns
    return min(turn.now_ns, max(report.updated_ns, order.sent_ns) + SHOWN_AFTER_NS)


def _surfaced(turn: Turn, child: Child, order: ChildOrder, report: OrderReport, *, filled: bool) -> None:
    """An order that was given up or replaced is at the broker after all: cancel it; what it filled is exited."""
    may_again = turn.market_open and not is_of_an_earlier_day(turn.state, order)
    is_due = turn.now_ns - order.cancelling_ns >= CANCEL_AGAIN_NS and may_again
    if report.status not in TERMINAL_BOOK and (is_due or not order.cancelling_ns):
        if not order.cancelling_ns:
            turn.notify(ALARM, "an order that was given up surfaced: cancelled", child.id, report.symbol)
        ask_cancel(turn, order)
        turn.timer(f"order:{order.tag}", turn.now_ns + CANCEL_AGAIN_NS)
    if filled:
        _stop(turn, child, order, reasons.SURFACED)
        child.legs[order.leg].surfaced = True
        text = f"an order that was given up surfaced with {order.filled} filled: the excess is closed, entries stopped"
        turn.notify(ALARM, text, child.id, report.symbol)


def _take_cost(leg: ChildLeg, signed: int, value_inr: Decimal) -> None:
    """Keep the average cost of what is open: added lots add theirs, closed lots take their part with them."""
    held = leg.allocation_units
    if held * signed >= 0:
        leg.open_cost_inr += value_inr
        return
    closed = min(abs(held), abs(signed))
    leg.open_cost_inr = leg.open_cost_inr * (abs(held) - closed) / abs(held)
    if abs(signed) > closed:
        leg.open_cost_inr = value_inr * (abs(signed) - closed) / abs(signed)


def _charges(turn: Turn, order: ChildOrder) -> Decimal:
    """What an order has cost by now: some of it is due for the order, however many fills it has."""
    instrument = turn.leg_instrument(order.account, order.leg)
    rates = turn.state.charges
    if instrument is None or rates is None or not order.filled:
        return Decimal(0)
    segment = segment_of(instrument, split_leg(order.leg)[2])
    return order_charges(rates, segment, order.side, order.filled, order.value_inr / order.filled).total


def _take_status(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, report: OrderReport) -> None:
    if order.state in TERMINAL:
        return
    end = _END.get(report.status)
    if end is None:
        if order.state is not OrderState.WORKING:
            if not order.acked_ns:
                order.acked_ns = turn.now_ns
            change_state(turn, order, OrderState.WORKING)
            turn.state.timers.pop(f"order:{order.tag}", None)
        return
    if not order.acked_ns:
        order.acked_ns = turn.now_ns
    if end is OrderState.REJECTED and order.remaining:
        if order.state is not OrderState.HELD:
            refuse(turn, child, leg, order, report.status_text)
        return
    if end is OrderState.CANCELLED and order.held_after_cancel and order.remaining:
        if order.state is not OrderState.HELD:
            hold(turn, order, order.held_after_cancel)
        return
    _take_end(turn, child, leg, order, end, report.status_text)


def _take_end(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, end: OrderState, status_text: str) -> None:
    """An order is over at the broker, filled or cancelled; a refusal with nothing left is one too."""
    why = order.reason if order.reason in reasons.TAKEN_BACK else ""
    if end is OrderState.FILLED and why:
        order.reason = ""  # it was faster than its cancel
    change_state(turn, order, end, "" if end is OrderState.FILLED else why or status_text)
    _tell_end(turn, order)
    is_renewed = order.renewed and rests(order)  # nothing of it is missed: what is wanted of it is placed anew
    is_unwanted = not rests(order) and is_against(leg, order)  # nor of one of the side that the plan has left
    if order.entry and order.remaining and not is_renewed and not is_unwanted:
        is_ours = end is OrderState.CANCELLED and order.cancelling_ns > 0 and not order.cancel_refused and not why
        left_units = share(turn, leg) - going_exit_units(turn, leg)
        if is_ours and not rests(order) and not leg.mirrors and left_units < leg.target_units:
            # The master sold less than a cancel takes back: the rest is sent anew.
            enter_later(leg, order.signal_ns, order.side.sign)
        else:
            note_missed(turn, child, leg, why or reasons.CANCELLED_AT_BROKER)
    if not order.entry and not order.remaining:
        leg.exit_tries = 0
    elif not order.entry and not order.cancelling_ns and not rests(order):
        _again_soon(turn, child, leg, f"cancelled at the broker: {status_text}".rstrip(": "))


def _tell_end(turn: Turn, order: ChildOrder) -> None:
    """One line for an order that came to its end."""
    what = "entry" if order.entry else "exit"
    price = average_inr(order)
    filled = f"{order.filled} filled at {price:.2f}" if price is not None else "nothing filled"
    rest = f", {order.remaining} not ({order.reason or order.state.value})" if order.remaining else ""
    severity = WARNING if order.remaining and not order.renewed else INFO
    turn.notify(severity, f"{what} {order.side} {filled}{rest}", order.account, split_leg(order.leg)[1])


def refuse(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, text: str) -> None:
    """A definite refusal: an entry is held and stops the child's entries, an exit stays due and is tried again."""
    reason = reasons.refused(text)
    if not order.entry:
        change_state(turn, order, OrderState.REJECTED, reason)
        if rests(order):  # nothing is due of it: the master's fill is followed through the market
            turn.notify(WARNING, f"exit is not mirrored: {reason}", child.id, split_leg(leg.leg)[1])
        else:
            leg.exit_as_limit = order.terms.order_type is OrderType.MARKET
            _again_soon(turn, child, leg, reason)
        return
    if turn.settings.risk.on_leg_refused is not OnLegRefused.CONTINUE:
        hold(turn, order, reason)
        return
    change_state(turn, order, OrderState.REJECTED, reason)
    if order.remaining > by_hand_units(turn, child, leg):
        turn.skip(child, leg.leg, reason)
    note_missed(turn, child, leg, reason, guards=False)


def _again_soon(turn: Turn, child: Child, leg: ChildLeg, reason: str) -> None:
    """An exit came back without us asking: it stays due and is tried again, ever more slowly, with an alarm."""
    if turn.now_ns < leg.exit_after_ns:
        return  # another slice of the same try
    wait_s = REFUSED_AGAIN_S[min(leg.exit_tries, len(REFUSED_AGAIN_S) - 1)]
    leg.exit_tries += 1
    leg.exit_after_ns = turn.now_ns + wait_s * NS_PER_S
    turn.timer(f"exit:{child.id}|{leg.leg}", leg.exit_after_ns)
    turn.notify(ALARM, f"exit {reason}; tried again in {wait_s} s", child.id, split_leg(leg.leg)[1])


def _second_order(turn: Turn, child: Child, order: ChildOrder, report: OrderReport) -> None:
    """Two broker orders with one tag: halt the child's entries; the operator must look, once.

    The second one counts as the owner's.
    """
    if _note_foreign(child, report) is not None:
        return  # a resync or another strategy goes on
    text = f"two orders carry the tag {order.tag}: {order.order_id} and {report.order_id}"
    _stop(turn, child, order, text)
    turn.notify(ALARM, f"{text}; entries stopped, look at the broker's order book", child.id, report.symbol)
    child.want_positions = True


def _stop(turn: Turn, child: Child, order: ChildOrder, reason: str) -> None:
    """Stop a child's entries until a resync: one that was asked for before, or offers already, knew not the reason."""
    scope = turn.scope_of(order.leg)
    child.stopped[scope] = reason
    if prompts.void_resync(turn, child, {leg for leg in child.legs if turn.scope_of(leg) == scope}):
        turn.notify(WARNING, "the resync that was asked for before this does not count: look, and ask again", child.id)


def _foreign(turn: Turn, child: Child, report: OrderReport) -> None:
    """An order that is not ours: the owner's own. Its fills change external lots, which the next read shows."""
    state = turn.state
    if number_of(report.tag, state.mode.value, state.day) is not None:
        child.want_orders = True  # ours, and lost from the journal: the next read of the book adopts it
        return
    before = _note_foreign(child, report)
    if is_our_tag(report.tag) and before is None:
        text = f"order {report.order_id} carries our mark, but of another day or mode; it counts as the owner's"
        turn.notify(WARNING, text, child.id, report.symbol)


def _note_foreign(child: Child, report: OrderReport) -> int | None:
    """Keep what an order that is not ours has filled; returns what it had before, `None` where it is new."""
    before = child.foreign_orders.get(report.order_id)
    if report.filled > (before or 0):
        child.want_positions = True
        child.want_orders = child.want_orders or is_sale(report.leg, report.side)  # only a whole book tells of it
    child.foreign_orders[report.order_id] = max(report.filled, before or 0)
    return before
