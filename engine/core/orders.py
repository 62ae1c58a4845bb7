"""Child orders: made from decisions in slices, sent in their turn, moved along the life cycle table.

One place makes orders and one place sends them. Whether an order is wanted is decided elsewhere.
"""

from decimal import Decimal
from typing import Final

import msgspec

from config.schema import OnLegRefused
from engine.core import reasons
from engine.core.lifecycle import TERMINAL, OrderState, is_legal
from engine.core.plans import by_hand_units, note_missed
from engine.core.resting import rests
from engine.core.sizing import slice_most
from engine.core.state import Copy
from engine.core.state_child import Child, ChildLeg, ChildOrder, Terms
from engine.core.state_master import MasterLeg, MasterOrder
from engine.core.tags import make_tag
from engine.core.turn import (
    ALARM,
    Turn,
    seconds_ns,
)
from engine.errors import BrokenInvariant
from engine.model import Instrument, LegId, Side, split_leg

THROUGH_THE_MARKET: Final = Terms()


def make_orders(
    turn: Turn,
    child: Child,
    leg: ChildLeg,
    instrument: Instrument,
    side: Side,
    units: int,
    *,
    entry: bool,
    copy: Copy,
    terms: Terms = THROUGH_THE_MARKET,
    reference_inr: Decimal | None = None,
) -> list[ChildOrder]:
    """Queue orders for `units` in slices of whole lots, each at most the freeze quantity.

    An odd remainder (an exit to zero of a changed lot size) goes out with the last slice.

    Returns:
        The orders.
    """
    most = slice_most(instrument) or units
    number = 0
    made: list[ChildOrder] = []
    if entry:
        leg.handed_over = leg.flattening = False  # the program trades the leg again
    while units > 0:
        slice_units = min(units, most)
        order = _queue(turn, child, leg, side, slice_units, number, entry=entry, copy=copy)
        order.terms, order.reference_inr = msgspec.structs.replace(terms), reference_inr
        made.append(order)
        units -= slice_units
        number += 1
    return made


def _queue(
    turn: Turn, child: Child, leg: ChildLeg, side: Side, units: int, number: int, *, entry: bool, copy: Copy
) -> ChildOrder:
    state = turn.state
    order = ChildOrder(
        tag=_next_tag(turn, child.id),
        account=child.id,
        leg=leg.leg,
        side=side,
        units=units,
        entry=entry,
        decision=copy.id,
        slice=number,
        signal_ns=copy.signal_ns,
        master_price_inr=copy.master_price_inr,
        created_ns=turn.now_ns,
        day=state.day,
        changed_ns=turn.now_ns,
        wait_until_ns=turn.now_ns + seconds_ns(turn.settings.risk.leg_wait_s),
    )
    state.orders[order.tag] = order
    leg.orders.append(order.tag)
    state.queue.append(order.tag)
    copy.tags.append(order.tag)
    if entry:
        child.entry_times_ns.append(turn.now_ns)
        child.entries_today += 1
    return order


def _next_tag(turn: Turn, account: str) -> str:
    """A tag that no order ever had: mark, mode, day, child, number of the intent, check characters (15 characters)."""
    state = turn.state
    state.intents += 1
    return make_tag(state.mode.value, state.day, turn.place_of(account), state.intents)


def change_state(turn: Turn, order: ChildOrder, new: OrderState, reason: str = "") -> None:
    """Move an order along the table; a finished one leaves its leg's list.

    Raises:
        BrokenInvariant: The change is not legal: a bug.
    """
    if not is_legal(order.state, new):
        raise BrokenInvariant(f"order {order.tag} cannot go from {order.state} to {new}")
    order.state = new
    order.changed_ns = turn.now_ns
    if reason:
        order.reason = reason
    if order.sent_ns and new in (OrderState.HELD, OrderState.ABSENT, OrderState.WITHDRAWN):
        turn.state.children[order.account].watches = True
    if new in TERMINAL and order.entry and order.acked_ns and order.remaining:
        turn.state.children[order.account].released_ns = turn.now_ns
    if new in TERMINAL:
        _note_end_of_resting(turn, order)
        order.done_ns = turn.now_ns
        turn.state.children[order.account].legs[order.leg].orders.remove(order.tag)
        turn.state.timers.pop(f"order:{order.tag}", None)


def _note_end_of_resting(turn: Turn, order: ChildOrder) -> None:
    """A resting order ended without our wish: what it did not fill is not placed again, nor sent another way."""
    mirror = turn.state.children[order.account].legs[order.leg].mirrors.get(order.mirrors)
    if mirror is None or order.renewed or not order.remaining:
        return
    mirror.missed_units += order.remaining
    mirror.taken_units -= min(order.remaining, mirror.taken_units - mirror.completed_units)
    mirror.reason = mirror.reason or order.reason or order.state.value


def take_off(turn: Turn, order: ChildOrder, most: int, reason: str) -> int:
    """Take up to `most` units off an order that is not sent; it is withdrawn when nothing is left. Returns how many."""
    off = min(most, order.remaining)
    if off == order.remaining:
        change_state(turn, order, OrderState.WITHDRAWN, reason)
    else:
        order.units -= off
    return off


def hold(turn: Turn, order: ChildOrder, reason: str) -> None:
    """Stop an entry until the operator decides, or leave the strategy that it belongs to, where that is wanted."""
    child = turn.state.children[order.account]
    was_stopped = reason == child.stopped.get(turn.scope_of(order.leg))  # for something else: what is held is in doubt
    leg = child.legs[order.leg]
    if not rests(order) and order.remaining <= by_hand_units(turn, child, leg):
        change_state(turn, order, _GIVEN_UP.get(order.state, OrderState.REJECTED), reason)
        note_missed(turn, child, leg, reason)  # of a ticket: the leg is whole without it
        return
    if reason != reasons.LOGIN_REQUIRED and not was_stopped:  # without a session nothing can be left either
        want_unwound(turn, child, order.leg, reason)
    if rests(order):
        _give_up_resting(turn, order, reason)
        return
    change_state(turn, order, OrderState.HELD, reason)
    symbol = split_leg(order.leg)[1]
    turn.notify(ALARM, f"{order.side} {order.remaining} {reason}; resync to try again", order.account, symbol)


def want_unwound(turn: Turn, child: Child, leg: LegId, reason: str) -> None:
    """A leg cannot be had: by `on_leg_refused: unwind` the whole strategy is left at the end of this event."""
    if turn.settings.risk.on_leg_refused is OnLegRefused.UNWIND:
        turn.skip(child, leg, reason)
        child.unwinding.append(turn.scope_of(leg))


_GIVEN_UP = {
    OrderState.QUEUED: OrderState.WITHDRAWN,
    OrderState.UNKNOWN: OrderState.ABSENT,
}


def _give_up_resting(turn: Turn, order: ChildOrder, reason: str) -> None:
    """A resting entry that cannot be: its lots are missed when the master's order fills, and a resync offers them."""
    leg = turn.state.children[order.account].legs[order.leg]
    change_state(turn, order, _GIVEN_UP.get(order.state, OrderState.REJECTED), reason)
    leg.skipped, leg.lacking = reason, True
    turn.skip(turn.state.children[order.account], leg.leg, reason)
    note_missed(turn, turn.state.children[order.account], leg, reason)
    text = f"{order.side} {order.remaining} {reason}: does not rest with the master's order"
    turn.notify(ALARM, text, order.account, split_leg(order.leg)[1])


def give_up(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, reason: str) -> None:
    """Withdraw an unsent entry: its lots are missed."""
    change_state(turn, order, OrderState.WITHDRAWN, reason)
    note_missed(turn, child, leg, reason)


def cut_short(turn: Turn, child: Child, leg: ChildLeg, units: int) -> None:
    """Units of an exit wait: the broker shows less than our ledger, and is read again."""
    if not leg.cut_told:
        leg.cut_told = True
        symbol = split_leg(leg.leg)[1]
        text = f"exit of {units} waits: the broker shows less than our ledger; positions are read again"
        turn.notify(ALARM, text, child.id, symbol)
    child.want_positions = True
    leg.due_reason = reasons.CUT_SHORT


def new_copy(turn: Turn, leg: LegId, side: Side, *, entry: bool, signal_ns: int, by_master: bool = True) -> Copy:
    """Record a decision on a leg. `by_master`: the master traded, so that his price is what slippage is measured by."""
    state = turn.state
    state.decisions += 1
    master = state.master.legs.get(leg)
    copy = Copy(
        id=state.decisions,
        at_ns=turn.now_ns,
        leg=leg,
        side=side,
        entry=entry,
        master_units=0 if master is None or not by_master else master.units,
        master_price_inr=None if master is None or not by_master else master.price_inr,
        signal_ns=signal_ns,
        learned_ns=0 if master is None or not by_master else master.last_fill_ns,
    )
    state.copies.append(copy)
    del state.copies[:-KEPT_COPIES]
    for old in state.copies[-EXPLAINED_COPIES - 1 : -EXPLAINED_COPIES]:
        old.sized, old.passed = {}, {}  # for people, who see the newest ones
    return copy


KEPT_COPIES = 200
"""Decisions kept for the screen."""
EXPLAINED_COPIES = 60
"""Of them, those that say how they were sized."""


def find_copy(turn: Turn, number: int) -> Copy | None:
    """The record of a decision, `None` when it is too old to be kept, or there was none."""
    return next((copy for copy in reversed(turn.state.copies) if copy.id == number), None)


def note_skipped(turn: Turn, number: int, child: str, reason: str) -> None:
    """Say in a decision's record, where it is kept, why a child's part of it was not made."""
    copy = find_copy(turn, number)
    if copy is not None:
        copy.skipped[child] = reason


def average_inr(order: ChildOrder | MasterOrder) -> Decimal | None:
    """The order's average fill price."""
    return order.value_inr / order.filled if order.filled else None


def price_to_meet(order: MasterOrder, master: MasterLeg) -> Decimal | None:
    """The average price of the master's order; while nothing of it is filled, that of his newest fill in the leg."""
    average = average_inr(order)
    return master.price_inr if average is None else average
