"""How a write ended, and what is done about an unknown end (FAULTS, steps 3 to 7)."""

from collections.abc import Sequence

from engine.core import address, breaker, hours, reasons, terms, throttle
from engine.core.entries import resume_entry
from engine.core.fills import refuse
from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.orders import change_state, give_up, hold
from engine.core.settle import CANCEL_AGAIN_NS, settle
from engine.core.state_child import Child, ChildOrder
from engine.core.tags import may_be_ours
from engine.core.turn import ALARM, INFO, WARNING, Turn, is_of_an_earlier_day, net_units
from engine.events import Outcome, Request, RequestAnswered
from engine.model import NS_PER_S, STOPS, TERMINAL_BOOK, OrderReport, split_leg

LOOK_AFTER_NS = tuple(int(s * NS_PER_S) for s in (0.5, 1, 2, 4, 8, 15))
"""Pauses between two looks into the order book for an unknown order; the last one repeats."""
ABSENT_AFTER_NS = 120 * NS_PER_S
"""Not before so long after sending is an order called absent..."""
SLEPT_NS = 60 * NS_PER_S
"""No event for so long: the process was not run."""
ABSENT_READS = 3
"""...and only after so many complete reads without it since."""
LATE_LOOK_NS = NS_PER_S
DISAGREE_MOST_NS = 600 * NS_PER_S
"""A position that disagrees (the owner traded the same leg) keeps an order unknown no longer than this."""
CLOCKS_APART_NS = 5 * NS_PER_S
"""A broker's clock may be behind ours by so much."""
BACKOFF_S = (1, 2, 4, 8, 15)
"""Pauses before a write that was proven not accepted is sent again."""
MOST_TRIES = 8
LOGIN_AGAIN_NS = 10 * NS_PER_S
"""Where writes want a login and reads work, a write is tried again at most so often."""


def take_answer(turn: Turn, answer: RequestAnswered) -> None:
    """Take in the answer to a write."""
    state = turn.state
    order = state.orders.get(answer.tag)
    child = state.children.get(answer.account)
    if child is not None and throttle.note_answer(turn, child, answer.request, answer.tag, answer.number):
        breaker.note_end(turn, child, answer.outcome)
        address.note_end(turn, child, answer.outcome)
    if order is None or child is None:
        return
    if answer.outcome is Outcome.NEEDS_LOGIN:
        lose_login(turn, child, turn.now_ns + LOGIN_AGAIN_NS)
    if answer.request is Request.PLACE:
        _placed(turn, child, order, answer)
    else:
        _changed(turn, child, order, answer)
    leg = child.legs[order.leg]
    settle(turn, child, leg)
    resume_entry(turn, child, leg)


def _changed(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
    """A cancel or modification ended: the book tells what came of it, then it is decided anew."""
    child.want_orders = child.want_orders or answer.outcome is not Outcome.ACKED
    if answer.request is Request.MODIFY:
        terms.note_answer(turn, order, answer.outcome, answer.number)
        child.want_orders = child.want_orders or order.asked is not None
    elif answer.outcome is Outcome.REJECTED:
        order.cancelling_ns, order.cancel_refused = turn.now_ns, True


def lose_login(turn: Turn, child: Child, until_ns: int) -> None:
    """The broker wants a login. A read that works proves one, when it began after `until_ns`."""
    child.login_lost_ns = max(child.login_lost_ns, until_ns)
    if not child.needs_login:
        child.needs_login = True
        turn.notify(ALARM, "LOGIN REQUIRED: the account is stopped until a login", child.id)


def _placed(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
    leg = child.legs[order.leg]
    match answer.outcome:
        case Outcome.ACKED:
            if not order.order_id:
                order.order_id = answer.order_id
                child.tags[answer.order_id] = order.tag
            if order.state in (OrderState.SENT, OrderState.UNKNOWN):
                order.acked_ns = order.acked_ns or turn.now_ns
                change_state(turn, order, OrderState.WORKING)
                turn.state.timers.pop(f"order:{order.tag}", None)
        case _ if order.state is not OrderState.SENT:
            return  # adopted meanwhile by a push or a read: that is the truth
        case Outcome.REJECTED:
            refuse(turn, child, leg, order, answer.reason)
        case Outcome.NEEDS_LOGIN if order.entry:
            hold(turn, order, reasons.LOGIN_REQUIRED)
        case Outcome.IP_REFUSED if order.entry:
            refuse(turn, child, leg, order, answer.reason or reasons.IP_REFUSED)
        case Outcome.NEEDS_LOGIN | Outcome.IP_REFUSED:  # the exit stays due until the account takes orders again
            change_state(turn, order, OrderState.REJECTED, answer.reason or answer.outcome.value)
        case Outcome.NOT_SENT | Outcome.RATE_LIMITED:
            _again_later(turn, child, order, answer)
        case _:
            make_unknown(turn, child, order)


def _again_later(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
    """Proven not accepted: back off, read the book, then send the same intent again."""
    leg = child.legs[order.leg]
    change_state(turn, order, OrderState.QUEUED, answer.reason or answer.outcome.value)
    if order.entry and order.tries >= MOST_TRIES:
        give_up(turn, child, leg, order, reasons.refused(order.reason))
        return
    pause_s = BACKOFF_S[min(order.tries, len(BACKOFF_S)) - 1]
    order.not_before_ns = turn.now_ns + pause_s * NS_PER_S
    order.resolve_from_ns = turn.now_ns
    child.want_orders = True
    turn.state.queue.append(order.tag)
    turn.timer(f"order:{order.tag}", order.not_before_ns)
    symbol = split_leg(order.leg)[1]
    turn.notify(
        WARNING, f"{answer.outcome.value}: sent again in {pause_s} s after a read of the book", child.id, symbol
    )


def make_unknown(turn: Turn, child: Child, order: ChildOrder) -> None:
    """The order may exist: look for its tag, again and again; nothing is sent in its place meanwhile."""
    change_state(turn, order, OrderState.UNKNOWN)
    order.resolve_step, order.absent_reads, order.hastened = 0, 0, False
    order.resolve_from_ns = max(order.sent_ns, turn.state.started_ns, turn.state.woke_ns) + ABSENT_AFTER_NS
    turn.timer(f"order:{order.tag}", turn.now_ns + LOOK_AFTER_NS[0])
    symbol = split_leg(order.leg)[1]
    turn.notify(ALARM, f"no answer to {order.side} {order.units}: looked for by its tag {order.tag}", child.id, symbol)


def note_sleep(turn: Turn, since_ns: int) -> None:
    """Time in which the process was not run (the machine slept) is none in which an order could have appeared.

    The time-outs of a request that was under way stand still, too: its bytes may leave after the wake.
    """
    if turn.now_ns - since_ns < SLEPT_NS:
        return
    turn.state.woke_ns = turn.now_ns
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in turn.open_orders(leg):
                if order.state is OrderState.UNKNOWN:
                    order.resolve_from_ns = max(order.resolve_from_ns, turn.now_ns + ABSENT_AFTER_NS)
                    order.absent_reads = 0


def order_timer(turn: Turn, tag: str) -> None:
    """An order's own deadline: an answer that never came, another look for one that is unknown, or to be gone."""
    order = turn.state.orders.get(tag)
    if order is None:
        return  # of an earlier day, and forgotten
    child = turn.state.children[order.account]
    if order.state is OrderState.SENT:
        throttle.note_answer(turn, child, Request.PLACE, tag)
        breaker.note_end(turn, child, Outcome.UNKNOWN)
        make_unknown(turn, child, order)
    elif order.state is OrderState.UNKNOWN:
        child.want_orders = child.want_positions = True
        order.resolve_step += 1
        pause = LOOK_AFTER_NS[min(order.resolve_step, len(LOOK_AFTER_NS) - 1)]
        if turn.now_ns >= order.resolve_from_ns:
            pause = LATE_LOOK_NS
        else:
            pause = min(pause, order.resolve_from_ns - turn.now_ns)
        turn.timer(f"order:{tag}", turn.now_ns + pause)
    elif order.state in TERMINAL and order.cancelling_ns:
        child.want_orders = True  # it was given up, and worked all the same


def note_absence(turn: Turn, child: Child, rows: Sequence[OrderReport], began_ns: int) -> None:
    """A complete read of a child's book has been taken in: what is still unknown was not in it, by its tag."""
    for leg in list(child.legs.values()):
        for order in list(turn.open_orders(leg)):
            if order.state is not OrderState.UNKNOWN or began_ns < order.resolve_from_ns:
                continue
            if is_of_an_earlier_day(turn.state, order) or _is_after_its_day(order, began_ns):
                continue  # absence from another day's book says nothing of it: a broker empties its book in the night
            agrees = net_units(child, order.leg) == leg.allocation_units + order.external_units
            if not agrees and began_ns < order.resolve_from_ns + DISAGREE_MOST_NS:
                continue
            if not order.entry and not order.hastened and (twin := _untagged_twin(child, order, rows)):
                _tell_twin(turn, order, twin)
                continue
            order.absent_reads += 1
            if order.absent_reads < ABSENT_READS:
                continue
            turn.state.timers.pop(f"order:{order.tag}", None)
            child.want_positions = child.want_positions or not agrees  # what is the owner's is seen by the next read
            if order.entry:
                hold(turn, order, reasons.NEVER_APPEARED)
                settle(turn, child, leg)  # the master may be out by now: then nobody needs to decide
                continue
            change_state(turn, order, OrderState.ABSENT, reasons.NEVER_APPEARED)
            symbol = split_leg(order.leg)[1]
            turn.notify(ALARM, "the exit never appeared at the broker: sent again", child.id, symbol)
            settle(turn, child, leg)


def _is_after_its_day(order: ChildOrder, at_ns: int) -> bool:
    return hours.day_number(at_ns) > hours.day_number(hours.day_start_ns(order.day))


def _untagged_twin(child: Child, order: ChildOrder, rows: Sequence[OrderReport]) -> str:
    """The id of an order without a whole tag that works and may be the exit that is looked for, '' for none.

    A broker may show an order without the tag that it was sent with, or cut or change it. Called absent, an exit would
    be sent a second time; an entry is held for the operator, who looks before he lets it go.
    """
    since_ns = order.sent_ns - CLOCKS_APART_NS
    for row in rows:
        is_like_it = (row.leg, row.side, row.quantity) == (order.leg, order.side, order.units)
        is_like_it &= (row.order_type in STOPS) == (order.terms.order_type in STOPS)
        is_nobodys = may_be_ours(row.tag) and row.order_id not in child.tags and row.status not in TERMINAL_BOOK
        if is_like_it and is_nobodys and (not row.placed_ns or row.placed_ns >= since_ns):
            return row.order_id
    return ""


def _tell_twin(turn: Turn, order: ChildOrder, twin: str) -> None:
    if order.reason != reasons.UNTAGGED:
        order.reason = reasons.UNTAGGED
        text = (
            f"no answer to the exit of {order.units}, and order {twin} without a tag looks like it: not sent again"
            " while that works; where it is not ours, let the exit go (u)"
        )
        turn.notify(ALARM, text, order.account, split_leg(order.leg)[1])


def hasten_exits(turn: Turn, child_id: str) -> None:
    """The operator looked at the broker himself: one more fresh read without an exit is enough to send it again.

    A position that does not agree keeps it unknown, as always.
    """
    child = turn.state.children.get(child_id)
    if child is None:
        turn.notify(WARNING, f"no child is called {child_id}")
        return
    found = [
        order
        for leg in child.legs.values()
        for order in turn.open_orders(leg)
        if order.state is OrderState.UNKNOWN and not order.entry and not is_of_an_earlier_day(turn.state, order)
    ]
    if not found:
        turn.notify(INFO, "no exit is unknown", child_id)
    for order in found:
        order.resolve_from_ns, order.absent_reads, order.hastened = turn.now_ns, ABSENT_READS - 1, True
        child.want_orders = child.want_positions = True
        turn.timer(f"order:{order.tag}", turn.now_ns + LATE_LOOK_NS)
        text = f"exit of {order.remaining}: sent again when one more read does not show it"
        turn.notify(WARNING, text, child_id, split_leg(order.leg)[1])


def restart_orders(turn: Turn) -> None:
    """After a restart: what was sent and not answered is unknown; cancels are asked for again at the first look."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            for order in list(turn.open_orders(leg)):
                if order.cancelling_ns:  # on its way out still; whether that was heard nobody knows
                    order.cancelling_ns = min(order.cancelling_ns, turn.now_ns - CANCEL_AGAIN_NS)
                if is_of_an_earlier_day(turn.state, order):
                    continue  # positions resolve it
                if order.state is OrderState.SENT:
                    make_unknown(turn, child, order)
                elif order.state is OrderState.UNKNOWN:
                    order.resolve_from_ns = turn.now_ns + ABSENT_AFTER_NS
                    order.resolve_step, order.absent_reads = 0, 0
                    turn.timer(f"order:{order.tag}", turn.now_ns + LOOK_AFTER_NS[0])
