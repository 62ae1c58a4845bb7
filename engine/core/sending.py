"""The queue of child orders: each is sent, held, cut down or given up when its turn comes.

One place sends. Orders are made and moved along their life in `engine.core.orders`.
"""

from typing import Final

from config.schema import Settings
from engine.commands import PlaceOrder
from engine.core import address, breaker, funds, gates, hours, reasons, throttle
from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.orders import change_state, cut_short, give_up, hold
from engine.core.plans import note_missed
from engine.core.portfolio import lot_units
from engine.core.resting import ahead_units, entries_against, going_entry_units, going_exit_units, rests
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.turn import Turn, entry_units_open, exit_room, held_units, seconds_ns
from engine.events import Request
from engine.model import Side, split_leg

ANSWER_DEADLINE_NS: Final = 30_000_000_000
"""A write that nobody answered for so long counts as unknown (a lane answers within its own time-outs, 18 s)."""

LEAVING_MOST_NS: Final = 180_000_000_000
"""How long bought legs of a strategy that is left wait for its shorts: longer than an order stays unknown."""


def send_queue(turn: Turn) -> None:
    """Send what may go out now, in the order of one moment; keep the rest."""
    state = turn.state
    _take_back_moves(turn)
    throttle.send_waiting(turn)
    if not state.queue:
        return
    queue, state.queue = state.queue, []
    queue.sort(key=lambda tag: _rank(turn, state.orders[tag]))
    behind: dict[str, list[str]] = {}
    for tag in reversed(queue):
        behind.setdefault(state.orders[tag].account, []).append(tag)
    for tag in queue:
        order = state.orders[tag]
        of_account = behind[order.account]
        of_account.pop()
        if order.state is OrderState.QUEUED and not _send(turn, order, of_account):
            state.queue.append(tag)


def _take_back_moves(turn: Turn) -> None:
    """The move of an entry that waited for its turn is judged anew: it is looked at again when it may be moved."""
    for child in turn.state.children.values():
        for change in child.traffic.changes:
            order = turn.state.orders.get(change.tag)
            if order is None or not order.entry or rests(order):
                continue
            leg = child.legs[order.leg]
            if not may_move(turn, child, leg, order) or gates.is_lone_leg(turn, child, leg, order.side):
                throttle.take_back_change(child, order)


def _rank(turn: Turn, order: ChildOrder) -> tuple[int, int, str]:
    """Buys that close shorts, buys that open, sells that close longs, sells that open; then as decided.

    Before them what has waited too long for a buy: where a strategy is left for it, nothing more is entered.
    """
    rank = (0 if order.side is Side.BUY else 2) + (1 if order.entry else 0)
    is_late = order.entry and order.side is Side.SELL and turn.now_ns >= order.wait_until_ns and not rests(order)
    if is_late and _buys_before(turn, turn.state.children[order.account], order):
        rank = -1
    return rank, order.created_ns, order.tag


def _send(turn: Turn, order: ChildOrder, behind: list[str]) -> bool:
    """Send, hold or give up a queued order; false when it has to wait on.

    `behind`: what is looked at after it of the same account.
    """
    state = turn.state
    child = state.children[order.account]
    leg = child.legs[order.leg]
    if order.entry and _entry_is_over(turn, child, leg, order):
        return True
    if (state.kill >= 2 and not leg.flattening) or not child.synced or (order.entry and not state.armed):
        return False
    if child.needs_login:
        if order.entry:
            hold(turn, order, reasons.LOGIN_REQUIRED)
        return order.entry
    if not _is_ready(turn, child, order) or (order.entry and _must_wait(turn, child, leg, order)):
        return False
    if not (fits := _is_cut_to_fit(turn, child, leg, order)):
        return fits is not None
    if (waits := _waits_for_buys(turn, child, order)) is not None:
        return not waits
    if not _has_turn(turn, child, order, behind):
        order.reason = reasons.DAY_USED_UP if throttle.is_day_used_up(turn, child) else reasons.RATE_WINDOW
        return False
    waited = order.reason == reasons.RATE_WINDOW
    why = _recheck(turn, child, leg, order) if waited and order.entry else ""
    if order.entry and not why and gates.is_lone_leg(turn, child, leg, order.side):
        why = reasons.LONE_LEG  # the other leg was refused, or missed, after both were decided
    if why:
        give_up(turn, child, leg, order, why)
    else:
        _place(turn, child, order)
    return True


def _waits_for_buys(turn: Turn, child: Child, order: ChildOrder) -> bool | None:
    """Whether a sale waits for buys before it; false when it waited too long and is held; `None` when it may go."""
    if order.side is not Side.SELL or rests(order):
        return None
    until_ns = order.wait_until_ns
    if not _buys_before(turn, child, order):
        if order.entry or not _is_short_left(turn, child, order):
            return None
        until_ns = order.created_ns + LEAVING_MOST_NS
    if turn.now_ns < until_ns:
        turn.timer(f"order:{order.tag}", until_ns)
        return True
    if order.entry:
        hold(turn, order, reasons.WAITED_FOR_BUY)
        return False
    return None


def _is_short_left(turn: Turn, child: Child, sell: ChildOrder) -> bool:
    """Whether a strategy is being left of which a short of the same underlying is still there, or may be."""
    if child.stopped.get(turn.scope_of(sell.leg)) not in reasons.LEFT:
        return False
    underlying = turn.underlying_and_kind(sell.leg)[0]
    for leg in child.legs.values():
        if turn.underlying_and_kind(leg.leg)[0] != underlying:
            continue
        opens = any(o.entry and o.side is Side.SELL and o.state in AT_BROKER for o in turn.open_orders(leg))
        if opens or (leg.allocation_units < 0 and leg.due):
            return True
    return False


def _buys_before(turn: Turn, child: Child, sell: ChildOrder) -> bool:
    """Whether a buy of the same underlying that was decided no later is not finished."""
    underlying = turn.underlying_and_kind(sell.leg)[0]
    for leg in child.legs.values():
        for order in turn.open_orders(leg):
            if (
                order.side is Side.BUY
                and not rests(order)
                and (order.state is OrderState.QUEUED or order.state in AT_BROKER)
                and order.created_ns <= sell.created_ns
                and turn.underlying_and_kind(order.leg)[0] == underlying
                and (sell.entry or not funds.is_unjudged(turn, child, order))
            ):
                return True
    return False


def _is_ready(turn: Turn, child: Child, order: ChildOrder) -> bool:
    """Whether an order waits neither for the market, nor its backoff, nor a read, nor an address that is refused."""
    if not turn.market_open:
        return False
    if hours.read_needed(turn, child, child.legs[order.leg]):
        hours.look_soon(turn)
        return False
    if order.not_before_ns > turn.now_ns or order.resolve_from_ns > child.orders_began_ns:
        return False
    return not address.stops(turn, child)


def _must_wait(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
    """Whether an entry waits: for exits of its leg, entries of the other side or above the target, or a trial's end."""
    if entries_against(turn, leg):
        return True
    is_crowded = held_units(leg) + going_entry_units(turn, leg) > leg.target_units + ahead_units(turn, leg)
    if leg.mirrors:  # what is being taken off what rests may still fill
        is_crowded = (is_crowded and not rests(order)) or held_units(leg) + entry_units_open(turn, leg) > leg.most_units
    return is_crowded or going_exit_units(turn, leg) > 0 or breaker.waits(turn, child, order)


def _is_cut_to_fit(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool | None:
    """Cut an order down to what the broker holds (an exit) or the margin allows (an entry).

    Returns:
        Whether something is left of it; `None` while it has to wait.
    """
    if not order.entry:
        return _fits(turn, child, leg, order)
    if not funds.is_judged(turn, child, order) or turn.scope_of(leg.leg) in child.unwinding:
        return None  # of a strategy that is left at the end of this event nothing more is sent
    return order.state is OrderState.QUEUED


def _fits(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
    """Cut an exit down to what the broker holds now, by what was read or filled since it was decided.

    False when nothing is left of it: it is withdrawn, and stays due.
    """
    at_broker = [o for o in turn.open_orders(leg) if not o.entry and o.state in AT_BROKER]
    room = exit_room(child, leg, keeps=False) - sum(o.remaining for o in at_broker)
    if not rests(order):
        room = min(room, exit_room(child, leg) - sum(o.remaining for o in at_broker if not rests(o)))
    if order.remaining <= room:
        return True
    lot = lot_units(turn, child, leg.leg)
    fits = max(0, room) // lot * lot
    cut_short(turn, child, leg, order.remaining - fits)
    if not fits:
        change_state(turn, order, OrderState.WITHDRAWN, reasons.CUT_SHORT)
        return False
    order.units = order.filled + fits
    return True


def _has_turn(turn: Turn, child: Child, order: ChildOrder, behind: list[str]) -> bool:
    """Whether the broker's rate windows let an order go now: exits that are ready come before every entry."""
    exits = 0
    if order.entry and child.id in turn.state.order_limits:
        exits = sum(_is_ready_exit(turn, child, turn.state.orders[tag]) for tag in behind) if behind else 0
    return throttle.may_place(turn, child, order, exits)


def _is_ready_exit(turn: Turn, child: Child, order: ChildOrder) -> bool:
    if order.entry or order.state is not OrderState.QUEUED:
        return False
    waits = order.side is Side.SELL and turn.now_ns < order.wait_until_ns and _buys_before(turn, child, order)
    return not waits and _is_ready(turn, child, order)


def _entry_is_over(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
    """Whether an entry that waited must not be sent any more; then it is given up."""
    if stopped := why_stopped(turn, child, leg):
        reason = stopped
    elif too_late := why_too_late(turn, child, leg):
        reason = too_late
    elif breaker.blocks(child):
        reason = reasons.BROKER_FAILING
    elif address.refuses(turn, child):
        reason = reasons.IP_REFUSED
    elif throttle.is_budget_spent(turn, child):
        reason = reasons.DAILY_BUDGET
    elif is_overdue(turn.settings, order, turn.now_ns):
        reason = reasons.STALE_SIGNAL if turn.state.armed else reasons.DISARMED
    elif order.tries and order.not_before_ns <= turn.now_ns:
        reason = _recheck(turn, child, leg, order)
    else:
        return False
    if not reason:
        return False
    give_up(turn, child, leg, order, reason)
    return True


def is_overdue(settings: Settings, order: ChildOrder, now_ns: int) -> bool:
    """Whether an entry is too old to be sent.

    What rests waits for no fill of the master's: it is as old as the order of his that it goes with, or its change.
    """
    since_ns = order.created_ns if rests(order) else order.signal_ns
    return order.entry and now_ns - since_ns > seconds_ns(settings.timing.max_signal_age_s)


def why_too_late(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Why the hour allows no entry in a leg any more, '' when it does."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    if instrument is None or child.id not in turn.child_settings:
        return reasons.SQUARE_OFF if hours.is_near_square_off(turn, leg.leg) else ""
    return gates.why_not_now(turn, turn.child_settings[child.id], leg, instrument)


def why_stopped(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """What has stopped entries since an order was decided, '' for nothing."""
    state = turn.state
    if state.kill >= 1:
        return reasons.KILLED
    if state.paused:
        return reasons.PAUSED
    if turn.is_loss_hit(child):
        return reasons.DAILY_LOSS
    return child.stopped.get(turn.scope_of(leg.leg), "") or leg.changed


def may_move(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
    """Whether an entry that works may be moved to the market: entries are on, and its leg still wants it."""
    if why_stopped(turn, child, leg):
        return False
    committed = held_units(leg) + going_entry_units(turn, leg)
    if committed > leg.target_units + ahead_units(turn, leg):
        return False  # what is being cancelled may still fill: nothing is hurried beside it
    # Copies filled ahead of the master's order may have brought it meanwhile: then it is for what he fills next.
    return committed - order.remaining < leg.target_units


def _recheck(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> str:
    """A resend is computed anew at this moment and can only become smaller; why it must not go, '' when it may."""
    master = turn.state.master.legs.get(leg.leg)
    instrument = turn.leg_instrument(child.id, leg.leg)
    if master is None or instrument is None or child.id not in turn.child_settings:
        return turn.why_unknown(child.id, leg.leg)
    entry = gates.Entry(
        turn=turn,
        child=child,
        settings=turn.child_settings[child.id],
        master=master,
        leg=leg,
        instrument=instrument,
        side=order.side,
        signal_ns=None,
        reference_inr=order.master_price_inr,
        own_units=order.remaining,
    )
    asked = gates.RESTING_AGAIN if rests(order) else gates.AT_RESEND
    allowed, why = gates.check(entry, order.remaining, asked)
    if allowed < order.remaining:
        order.units -= order.remaining - allowed
        note_missed(turn, child, leg, why)
    return why if not allowed else ""


def _place(turn: Turn, child: Child, order: ChildOrder) -> None:
    change_state(turn, order, OrderState.SENT)
    if order.reason == reasons.RATE_WINDOW:
        order.reason = ""
    throttle.note_write(turn, child, Request.PLACE, order.tag)
    breaker.note_sent(child, order)
    order.sent_ns = turn.now_ns
    order.tries += 1
    order.external_units = child.external.get(order.leg, 0)
    turn.timer(f"order:{order.tag}", turn.now_ns + ANSWER_DEADLINE_NS)
    exchange, symbol, product = split_leg(order.leg)
    turn.out.append(
        PlaceOrder(
            account=order.account,
            tag=order.tag,
            exchange=exchange,
            symbol=symbol,
            product=product,
            side=order.side,
            quantity=order.units,
            order_type=order.terms.order_type,
            price_inr=order.terms.price_inr,
            trigger_price_inr=order.terms.trigger_inr,
        )
    )
