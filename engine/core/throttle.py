"""The rate windows of a broker: whether a write of an account may go now, what waits for its turn, the day's budget.

A broker counts a write at some moment between our sending it and its answer. So a write counts from its sending until a
whole window after its answer: then no window of the broker's clock, wherever it begins, can hold more than the limit.
Nothing here decides what is sent, and nothing that waits is lost or sent twice.
"""

from bisect import bisect_right

import msgspec

from config.order_limits import OrderLimits
from engine.commands import CancelOrder, ModifyOrder
from engine.core import address, reasons
from engine.core.lifecycle import OrderState
from engine.core.state_child import Asked, Child, ChildOrder, Terms, Traffic, UnderWay
from engine.core.turn import ALARM, Turn
from engine.events import Request
from engine.model import NS_PER_S, OrderType

SECOND_NS, MINUTE_NS, HOUR_NS = NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S
LOST_NS = 30 * NS_PER_S
"""A write that nobody answered for so long counts as answered now (a lane answers within its own time-outs)."""
SECOND_RESERVE, RESERVE = 4, 10
"""One part in so many of the second, and of the longer windows and the day, is kept for exits, cancels and changes:
a burst of entries must not make the exit that follows it wait. A tenth of a second's few writes would be none."""
ENDED_AT_BROKER = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})


def begin_process(turn: Turn, limits: dict[str, OrderLimits] | None) -> None:
    """A process starts: the day's limits; what the last one sent and did not hear of counts as answered now."""
    turn.state.order_limits = limits or {}
    for child in turn.state.children.values():
        for write in list(child.traffic.under_way):
            note_answer(turn, child, write.request, write.tag, write.number)
            if (asked := _asked_by(turn, write)) is not None:
                asked.answered_ns = turn.now_ns


def note_write(turn: Turn, child: Child, request: Request, tag: str, number: int = 0) -> None:
    """A write of this turn goes to the broker; `number` tells the changes of an order apart."""
    traffic = _today(turn, child)
    traffic.under_way.append(UnderWay(request=request, tag=tag, at_ns=turn.now_ns, number=number))
    if request is Request.PLACE:
        traffic.placed += 1


def note_answer(turn: Turn, child: Child, request: Request, tag: str, number: int = 0) -> bool:
    """A write ended, however; false when it was not under way (any more)."""
    traffic = child.traffic
    for write in traffic.under_way:
        if (write.request, write.tag, write.number) == (request, tag, number):
            traffic.under_way.remove(write)
            if child.id in turn.state.order_limits:
                traffic.ended_ns.append(turn.now_ns)
            return True
    return False


def _asked_by(turn: Turn, write: UnderWay) -> Asked | None:
    """What a change asked for and is not known to be done, when no other change of the order came after it."""
    order = turn.state.orders.get(write.tag) if write.request is Request.MODIFY else None
    is_newest = order is not None and write.number in (0, order.modifications)  # 0: of a version without numbers
    return order.asked if order is not None and is_newest else None


def note_book(child: Child, rows: int) -> None:
    """A complete read of the book had so many rows: all of the account's orders of the day, whoever placed them."""
    child.traffic.book_rows = max(child.traffic.book_rows, rows)


def may_place(turn: Turn, child: Child, order: ChildOrder, exits_before: int) -> bool:
    """Whether an order may go now. If not, the core is woken when it may.

    `exits_before`: exits of the account that are ready too and are served first.
    """
    limits = turn.state.order_limits.get(child.id)
    if limits is None:
        return True
    if order.entry:
        room = min(_room(turn, child, limits, entry=True), _room(turn, child, limits, entry=False) - exits_before)
    else:
        room = _room(turn, child, limits, entry=False)
    if room <= 0:
        _wake(turn, child, limits, entry=order.entry)
        return False
    return order.entry or _exit_budget(turn, child, limits)


def send_change(turn: Turn, change: CancelOrder | ModifyOrder) -> None:
    """Cancel or modify an order at the end of this turn, or when the window frees.

    Of an order one change waits at most, the newest one; cancels go first.
    """
    child = turn.state.children[change.account]
    traffic = _today(turn, child)
    waiting = [known for known in traffic.changes if known.tag == change.tag]
    if any(isinstance(known, CancelOrder) for known in waiting):
        return
    traffic.changes = [known for known in traffic.changes if known.tag != change.tag]
    traffic.changes.append(change)


def take_back_change(child: Child, order: ChildOrder) -> None:
    """A modification that waits for its turn is not wanted any more: the order stands where it is to stand."""
    changes = child.traffic.changes
    child.traffic.changes = [known for known in changes if known.tag != order.tag or isinstance(known, CancelOrder)]


def send_waiting(turn: Turn) -> None:
    """Send the changes whose turn it is; a write without an answer for very long is over. Called after every event."""
    for child in turn.state.children.values():
        traffic = child.traffic
        if traffic.under_way and turn.now_ns - traffic.under_way[0].at_ns >= LOST_NS:
            for write in [w for w in traffic.under_way if turn.now_ns - w.at_ns >= LOST_NS]:
                note_answer(turn, child, write.request, write.tag, write.number)
                if (asked := _asked_by(turn, write)) is not None:
                    asked.lost_ns = turn.now_ns
        if traffic.changes:
            _send_changes(turn, child)


def entry_budget(turn: Turn, child: Child) -> int | None:
    """Orders that entries may still place today, what is queued taken off; `None` without a limit."""
    limits = turn.state.order_limits.get(child.id)
    if limits is None or limits.day_placements is None:
        return None
    orders = turn.state.orders
    queued = sum(orders[tag].state is OrderState.QUEUED for leg in child.legs.values() for tag in leg.orders)
    return max(0, _kept_for_exits(limits.day_placements, RESERVE) - _placed(turn, child) - queued)


def is_budget_spent(turn: Turn, child: Child) -> bool:
    """Whether no further entry may be placed today."""
    limits = turn.state.order_limits.get(child.id)
    if limits is None or limits.day_placements is None:
        return False
    return _placed(turn, child) >= _kept_for_exits(limits.day_placements, RESERVE)


def is_day_used_up(turn: Turn, child: Child) -> bool:
    """Whether the broker takes no further order of this account today, exits included."""
    limits = turn.state.order_limits.get(child.id)
    return limits is not None and limits.day_placements is not None and _placed(turn, child) >= limits.day_placements


def waiting_orders(turn: Turn, child: Child) -> int:
    """How many writes of an account wait for a window, or for the next day."""
    orders = (turn.state.orders[tag] for leg in child.legs.values() for tag in leg.orders)
    return len(child.traffic.changes) + sum(
        order.state is OrderState.QUEUED and order.reason in (reasons.RATE_WINDOW, reasons.DAY_USED_UP)
        for order in orders
    )


def _kept_for_exits(most: int, part: int) -> int:
    """What of a limit is left for entries."""
    return most - most // part


def _today(turn: Turn, child: Child) -> Traffic:
    """The account's traffic; the day's counts start anew with the day, and changes of yesterday's orders are over."""
    traffic = child.traffic
    if traffic.day != turn.state.day:
        traffic.day = turn.state.day
        traffic.placed, traffic.book_rows, traffic.told_spent, traffic.changes = 0, 0, False, []
    return traffic


def _placed(turn: Turn, child: Child) -> int:
    """Orders of the account on this day: ours, and those of the owner; never fewer than its book has."""
    traffic = _today(turn, child)
    return max(traffic.placed + len(child.foreign_orders), traffic.book_rows)


def _windows(limits: OrderLimits) -> list[tuple[int, int, int]]:
    """(length in ns, limit, part that is kept for exits)."""
    found = [(SECOND_NS, limits.second, SECOND_RESERVE), (MINUTE_NS, limits.minute, RESERVE)]
    if limits.hour is not None:
        found.append((HOUR_NS, limits.hour, RESERVE))
    return found


def _room(turn: Turn, child: Child, limits: OrderLimits, *, entry: bool) -> int:
    """Writes that all windows have room for now."""
    traffic = _clean(turn, child, limits)
    room = []
    for span_ns, most, part in _windows(limits):
        recent = len(traffic.ended_ns) - bisect_right(traffic.ended_ns, turn.now_ns - span_ns)
        usable = _kept_for_exits(most, part) if entry else most
        room.append(usable - recent - len(traffic.under_way))
    return min(room)


def _clean(turn: Turn, child: Child, limits: OrderLimits) -> Traffic:
    """Forget what no window reaches any more."""
    traffic = _today(turn, child)
    longest_ns = HOUR_NS if limits.hour is not None else MINUTE_NS
    del traffic.ended_ns[: bisect_right(traffic.ended_ns, turn.now_ns - longest_ns)]
    return traffic


def _wake(turn: Turn, child: Child, limits: OrderLimits, *, entry: bool) -> None:
    """Be woken when the fullest window frees; an answer that is awaited wakes the core by itself."""
    traffic = child.traffic
    due_ns = []
    for span_ns, most, part in _windows(limits):
        recent = traffic.ended_ns[bisect_right(traffic.ended_ns, turn.now_ns - span_ns) :]
        usable = _kept_for_exits(most, part) if entry else most
        over = len(recent) + len(traffic.under_way) - usable + 1
        if 0 < over <= len(recent):
            due_ns.append(recent[over - 1] + span_ns)
        elif over > 0:
            due_ns.append(traffic.under_way[0].at_ns + LOST_NS)
    if due_ns:
        name = f"rate:{child.id}"
        turn.timer(name, min(max(due_ns), turn.state.timers.get(name, max(due_ns))))


def _exit_budget(turn: Turn, child: Child, limits: OrderLimits) -> bool:
    """Whether the broker takes another order of this account today at all; said once when it does not."""
    if not is_day_used_up(turn, child):
        return True
    if not child.traffic.told_spent:
        child.traffic.told_spent = True
        text = f"all {limits.day_placements} orders of the day are used up: exits wait; close by hand at the broker"
        turn.notify(ALARM, text, child.id)
    return False


def _send_changes(turn: Turn, child: Child) -> None:
    """Send what waits, cancels first; what is no longer wanted is dropped."""
    traffic = _today(turn, child)
    limits = turn.state.order_limits.get(child.id)
    kept: list[CancelOrder | ModifyOrder] = []
    for change in sorted(traffic.changes, key=lambda each: not isinstance(each, CancelOrder)):
        order = turn.state.orders.get(change.tag)
        if order is None or not _is_wanted(turn, child, order, change):
            continue
        if address.stops(turn, child) or (limits is not None and _room(turn, child, limits, entry=False) <= 0):
            kept.append(change)
            continue
        if isinstance(change, CancelOrder):
            order.cancelling_ns = turn.now_ns
            note_write(turn, child, Request.CANCEL, change.tag)
            turn.out.append(change)
        else:
            order.chased_ns = turn.now_ns
            order.modifications += 1
            order.asked = Asked(
                terms=terms_of(change),
                units=change.quantity,
                standing_units=order.units,
                sent_ns=turn.now_ns,
                shown_units=None if order.asked is None else order.asked.shown_units,
                follows=order.asked is not None,
            )
            note_write(turn, child, Request.MODIFY, change.tag, order.modifications)
            turn.out.append(msgspec.structs.replace(change, standing_units=order.units, number=order.modifications))
    traffic.changes = kept
    if kept and limits is not None:
        _wake(turn, child, limits, entry=False)


def terms_of(change: ModifyOrder) -> Terms:
    """The terms that a modification asks for."""
    type_ = change.order_type or OrderType.MARKET
    return Terms(order_type=type_, price_inr=change.price_inr, trigger_inr=change.trigger_price_inr)


def _is_wanted(turn: Turn, child: Child, order: ChildOrder, change: CancelOrder | ModifyOrder) -> bool:
    """Whether a change that waited still means something."""
    if isinstance(change, CancelOrder):
        return order.state not in ENDED_AT_BROKER and order.remaining > 0
    killed = turn.state.kill >= 2 and not child.legs[order.leg].flattening
    return order.state is OrderState.WORKING and not order.cancelling_ns and not killed
