"""Planted bugs about what becomes of an order that was sent: answers, time-outs, absence, tags."""

from engine import calls
from engine.core import answers, operator, orders, sending, throttle
from engine.core.lifecycle import OrderState
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.turn import Turn
from engine.events import Event, Outcome, Request, RequestAnswered
from tests.sim.planting import Swap, in_module, planted, replace_everywhere

NEVER_NS = 2**62


@planted
def resent_on_timeout() -> list[Swap]:
    """An order whose answer does not come is sent again at once."""

    def wrong(turn: Turn, _child: Child, order: ChildOrder) -> None:
        orders.change_state(turn, order, OrderState.QUEUED)
        turn.state.queue.append(order.tag)

    return [replace_everywhere(answers.make_unknown, wrong)]


@planted
def unknown_exit_replaced_at_once() -> list[Swap]:
    """An exit whose answer does not come is called absent at once, and another one is sent."""
    right = answers.make_unknown

    def wrong(turn: Turn, child: Child, order: ChildOrder) -> None:
        right(turn, child, order)
        if not order.entry:
            orders.change_state(turn, order, OrderState.ABSENT)

    return [replace_everywhere(right, wrong)]


@planted
def absent_after_the_first_look() -> list[Swap]:
    """An unknown order is called absent after one look into the book."""
    return [in_module(answers, "ABSENT_AFTER_NS", 0), in_module(answers, "ABSENT_READS", 1)]


@planted
def absent_soon() -> list[Swap]:
    """An unknown order is called absent after three looks, but within seconds."""
    return [in_module(answers, "ABSENT_AFTER_NS", 0)]


@planted
def absent_against_the_position() -> list[Swap]:
    """An unknown order is called absent although the position says that it was filled."""
    return [in_module(answers, "DISAGREE_MOST_NS", 0)]


@planted
def absence_counted_from_the_first_start() -> list[Swap]:
    """The time until an unknown order is called absent counts from its sending, whatever process looks for it."""
    right, restart = answers.make_unknown, answers.restart_orders

    def wrong(turn: Turn, child: Child, order: ChildOrder) -> None:
        right(turn, child, order)
        order.resolve_from_ns = order.sent_ns + answers.ABSENT_AFTER_NS

    def wrong_restart(turn: Turn) -> None:
        restart(turn)
        for order in turn.state.orders.values():
            if order.state is OrderState.UNKNOWN:
                order.resolve_from_ns = order.sent_ns + answers.ABSENT_AFTER_NS

    return [replace_everywhere(right, wrong), replace_everywhere(restart, wrong_restart)]


@planted
def unknown_order_forgotten() -> list[Swap]:
    """Nobody ever decides that an unknown order is absent."""
    return [replace_everywhere(answers.note_absence, lambda _turn, _child, _rows, _began_ns: None)]


@planted
def crash_sends_again() -> list[Swap]:
    """After a crash an order that was sent and not answered counts as never sent, and goes out again."""
    right = answers.restart_orders

    def wrong(turn: Turn) -> None:
        for order in turn.state.orders.values():
            if order.state is OrderState.SENT:
                orders.change_state(turn, order, OrderState.QUEUED)
                turn.state.queue.append(order.tag)
        right(turn)

    return [replace_everywhere(right, wrong)]


@planted
def crash_gives_sent_orders_up() -> list[Swap]:
    """After a crash an order that was sent and not answered counts as refused, and is replaced."""
    right = answers.restart_orders

    def wrong(turn: Turn) -> None:
        for order in list(turn.state.orders.values()):
            if order.state is OrderState.SENT:
                orders.change_state(turn, order, OrderState.REJECTED, "lost")
        right(turn)

    return [replace_everywhere(right, wrong)]


@planted
def expired_token_exit_taken_for_sent() -> list[Swap]:
    """An exit that the broker refused for want of a login counts as working."""
    right = answers._placed

    def wrong(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
        if answer.outcome is Outcome.NEEDS_LOGIN and not order.entry and order.state is OrderState.SENT:
            orders.change_state(turn, order, OrderState.WORKING)
            return
        right(turn, child, order, answer)

    return [replace_everywhere(right, wrong)]


@planted
def login_forgotten() -> list[Swap]:
    """After a login the account stays stopped."""
    from engine.core import accounts

    return [replace_everywhere(accounts.logged_in, lambda _turn, _child: None)]


@planted
def rate_limited_order_lost() -> list[Swap]:
    """An order that met a rate limit is never sent again."""
    right = answers._again_later

    def wrong(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
        right(turn, child, order, answer)
        if answer.outcome is Outcome.RATE_LIMITED and order.tag in turn.state.queue:
            turn.state.queue.remove(order.tag)

    return [replace_everywhere(right, wrong)]


@planted
def unsent_exit_not_sent_again() -> list[Swap]:
    """An exit of which no byte left, or that was not accepted, is given up."""
    right = answers._again_later

    def wrong(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
        if order.entry:
            right(turn, child, order, answer)
            return
        orders.change_state(turn, order, OrderState.REJECTED, answer.reason)
        child.legs[order.leg].target_units = abs(child.legs[order.leg].allocation_units)

    return [replace_everywhere(right, wrong)]


@planted
def lane_repeats_a_write() -> list[Swap]:
    """The lane sends a write again when it gets no answer, as HTTP clients do."""
    right = calls.perform

    def wrong(broker: object, command: object, now: object) -> Event | None:
        event = right(broker, command, now)  # type: ignore[arg-type]
        if isinstance(event, RequestAnswered) and event.outcome is Outcome.UNKNOWN:
            event = right(broker, command, now)  # type: ignore[arg-type]
        return event

    return [replace_everywhere(right, wrong)]


@planted
def refused_exit_given_up() -> list[Swap]:
    """An exit that the broker refused is not tried again."""
    from engine.core import fills

    def wrong(_turn: Turn, _child: Child, leg: ChildLeg, _reason: str) -> None:
        leg.exit_after_ns = NEVER_NS

    return [replace_everywhere(fills._again_soon, wrong)]


@planted
def refused_entry_sent_again() -> list[Swap]:
    """An entry that the broker refused is sent once more."""
    from engine.core import fills

    right = fills.refuse

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder, text: str) -> None:
        if order.entry and order.tries < 2 and order.state is OrderState.SENT:
            orders.change_state(turn, order, OrderState.QUEUED)
            turn.state.queue.append(order.tag)
            return
        right(turn, child, leg, order, text)

    return [replace_everywhere(right, wrong)]


@planted
def one_fault_stops_everybody() -> list[Swap]:
    """An entry held at one child stops the entries of all children."""
    right = orders.hold

    def wrong(turn: Turn, order: ChildOrder, reason: str) -> None:
        right(turn, order, reason)
        for child in turn.state.children.values():
            child.stopped[turn.scope_of(order.leg)] = reason

    return [replace_everywhere(right, wrong)]


@planted
def unknown_stops_everybody_for_a_while() -> list[Swap]:
    """While an order of one child is unknown, no order of the other children goes out."""
    right = sending._is_ready

    def wrong(turn: Turn, child: Child, order: ChildOrder) -> bool:
        blocked = any(o.state is OrderState.UNKNOWN and o.account != child.id for o in turn.state.orders.values())
        return not blocked and right(turn, child, order)

    return [replace_everywhere(right, wrong)]


@planted
def cancels_are_lost() -> list[Swap]:
    """A cancel is decided and never handed over."""
    return [replace_everywhere(throttle.send_change, lambda _turn, _change: None)]


@planted
def kill_forgets_the_queue() -> list[Swap]:
    """The kill switch stops decisions, and what was queued goes out."""
    over = sending._entry_is_over

    def wrong_over(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        level, turn.state.kill = turn.state.kill, 0
        try:
            return over(turn, child, leg, order)
        finally:
            turn.state.kill = level

    return [
        replace_everywhere(operator._stop_entries, lambda _turn, _child, _leg, _reason: None),
        replace_everywhere(over, wrong_over),
    ]


@planted
def answer_overrules_adoption() -> list[Swap]:
    """A time-out makes an order unknown again that a push or the book had shown already."""
    right = answers._placed

    def wrong(turn: Turn, child: Child, order: ChildOrder, answer: RequestAnswered) -> None:
        if answer.outcome is Outcome.UNKNOWN and order.state is not OrderState.SENT and answer.request is Request.PLACE:
            answers.make_unknown(turn, child, order)
            return
        right(turn, child, order, answer)

    return [replace_everywhere(right, wrong)]
