"""A child's orders in one leg: the one function that turns a target into withdrawals, cancels and exits.

Entries are made where the master's rise is decided (`engine.core.entries`); everything that takes lots away is here.
An exit is never held for price; the few things that stop it stand in `exit_blocker`.
"""

from config.schema import ConfirmWhen
from engine.commands import CancelOrder
from engine.core import address, hours, prompts, reasons
from engine.core.handover import orphan
from engine.core.lifecycle import AT_BROKER, UNSENT, OrderState
from engine.core.orders import change_state, cut_short, make_orders, new_copy, take_off
from engine.core.plans import close_if_done, make_due
from engine.core.resting import (
    ahead_units,
    asked_units,
    covering_units,
    entries_against,
    entries_along,
    going_entry_units,
    going_exit_units,
    rests,
)
from engine.core.state import Copy
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.terms import exit_terms
from engine.core.throttle import send_change
from engine.core.turn import (
    Turn,
    earlier_orders,
    exit_room,
    exits_open,
    held_units,
    is_of_an_earlier_day,
    seconds_ns,
)
from engine.model import NS_PER_S, Instrument, Side, sign

CANCEL_AGAIN_NS = 5 * NS_PER_S
"""A cancel that changed nothing is asked for again after so long."""
POSITIONS_OLD_NS = 90 * NS_PER_S
"""Positions are read every 30 s: older ones mean that the process slept, or that reads fail."""
READ_MOST_NS = 20 * NS_PER_S
"""An exit waits no longer for positions that are too old to exit by."""


def settle(turn: Turn, child: Child, leg: ChildLeg, copy: Copy | None = None, *, at_once: bool = False) -> None:
    """Bring a leg down to its target: withdraw and cancel entries above it, exit what is held above it.

    Args:
        turn: The turn.
        child: The child.
        leg: Its leg.
        copy: The decision that lowered the target, `None` when something else made the excess.
        at_once: Send the exit without a prompt (what filled late or was adopted late).
    """
    if leg.handed_over:
        _hand_over(turn, child, leg)
        return
    _take_whole_lots(turn, child, leg)
    for order in entries_against(turn, leg):
        _take_back(turn, order, order.remaining)
    over = _over(turn, leg)
    if over > 0:
        _withdraw(turn, child, leg, over)
    stopped = _stopped(turn, child)
    if stopped and child.synced and not child.needs_login:  # else when it is read again
        for order in [o for o in turn.open_orders(leg) if o.entry and o.state is OrderState.WORKING]:
            order.reason = stopped
            cancel(turn, order)
    _withdraw_exits(turn, leg)
    _spare_lots_ahead(turn, leg)
    excess = _keep_odd_units(turn, child, leg, _excess(turn, leg))
    if excess <= 0:
        _send_nothing(turn, child, leg)
        return
    make_due(turn, leg)
    leg.exit_granted = leg.exit_granted or at_once or _is_postponed_enough(turn, leg)
    leg.due_reason = exit_blocker(turn, child, leg)
    if leg.due_reason in hours.READ_FIRST:
        hours.look_soon(turn)
    if leg.due_reason == reasons.AWAITING:
        _ask(turn, child, leg, excess, copy)
    elif not leg.due_reason:
        prompts.drop_exit(turn, child, leg.leg)
        _exit(turn, child, leg, excess, copy)


def _stopped(turn: Turn, child: Child) -> str:
    """What takes entries back that work already, '' for nothing: they would add to what is to become no more."""
    if turn.state.kill:
        return reasons.KILLED
    return reasons.DAILY_LOSS if turn.is_loss_hit(child) else ""


def _send_nothing(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """Nothing more is to be sent of an exit: what is due rests, is on its way, or has gone."""
    covered = covering_units(turn, leg, _needed(turn, leg))
    if covered:
        make_due(turn, leg)
    if leg.due_reason and leg.due_reason not in (reasons.CUT_SHORT, exit_blocker(turn, child, leg)):
        leg.due_reason = ""  # what stopped it holds no more
    if leg.due and not covered and not going_exit_units(turn, leg):
        leg.due, leg.due_reason, leg.due_since_ns, leg.exit_granted, leg.exit_tries = False, "", 0, False, 0
        leg.asked_since_ns, leg.cut_told = 0, False
        prompts.drop_exit(turn, child, leg.leg)
    leg.surfaced = leg.surfaced and bool(leg.orders)
    close_if_done(turn, leg)


def _take_whole_lots(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """Round a target down that was decided while the lot was unknown; an odd holding keeps what it was given."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    if instrument is not None and not leg.changed and not leg.allocation_units % instrument.lot_units:
        leg.target_units -= leg.target_units % instrument.lot_units


def _keep_odd_units(turn: Turn, child: Child, leg: ChildLeg, excess: int) -> int:
    """What of an excess can be sold: no part of a lot goes before the whole holding does; it belongs to the target."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    if excess <= 0 or instrument is None or leg.changed or not leg.allocation_units % instrument.lot_units:
        return excess
    if not kept_units(turn, leg):
        return excess
    odd = excess % instrument.lot_units
    leg.target_units += odd
    return excess - odd


def exit_part(turn: Turn, child: Child, leg: ChildLeg, units: int) -> None:
    """Send the part of a due exit that the operator saw and approved; the rest stays in its prompt."""
    leg.exit_granted = True
    blocker = exit_blocker(turn, child, leg)
    part = min(units, _excess(turn, leg))
    if not blocker and part > 0:
        _exit(turn, child, leg, part, None)
    leg.exit_granted = False


def _is_postponed_enough(turn: Turn, leg: ChildLeg) -> bool:
    """Whether an exit was asked about for so long that it goes, however often it was put off or approved in part."""
    most_ns = prompts.EXTENSIONS * seconds_ns(turn.settings.confirm.timeout_s)
    return bool(leg.asked_since_ns) and turn.now_ns - leg.asked_since_ns >= most_ns


def settle_due(turn: Turn) -> None:
    """Try again what is due: called with every poll."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            if leg.due:
                settle(turn, child, leg)


def _over(turn: Turn, leg: ChildLeg) -> int:
    """Entry units above the target; what resting orders filled ahead of the master's is backed by them."""
    over = held_units(leg) + going_entry_units(turn, leg) + leg.awaiting_units - asked_units(leg) - leg.target_units
    return over - max(0, min(over, ahead_units(turn, leg)))


def kept_units(turn: Turn, leg: ChildLeg) -> int:
    """What of a holding is to stay: the target, and what is ahead of it while the master's order backs it.

    While it is open what the master's newest fills are worth, all that rested for them may be it.
    """
    if sign(leg.allocation_units) != leg.sign:
        return 0
    kept = leg.target_units + ahead_units(turn, leg)
    master = turn.state.master.legs.get(leg.leg)
    is_backed = any(mirror.entry and mirror.backs for mirror in leg.mirrors.values())
    if not is_backed or leg.flattening or master is None or master.window is None:
        return kept
    if master.units * leg.sign <= leg.decided_units:
        return kept
    return max(kept, min(abs(leg.allocation_units), leg.most_units))


def _excess(turn: Turn, leg: ChildLeg) -> int:
    """Units held above the target and not in an exit yet; all of a holding against the plan's direction."""
    needed = _needed(turn, leg)
    return needed - covering_units(turn, leg, needed) if needed > 0 else needed


def _needed(turn: Turn, leg: ChildLeg) -> int:
    """Units that are due and in no exit but what rests; 0 or less for none."""
    return abs(leg.allocation_units) - kept_units(turn, leg) - going_exit_units(turn, leg)


def exit_blocker(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Why an exit cannot go out now, '' when it can (the only gates of an exit)."""
    if why := _account_blocker(turn, child, leg):
        return why
    if leg.changed and not leg.flattening:
        return leg.changed
    if _terms(turn, child, leg) is None:
        return turn.why_unknown(child.id, leg.leg)
    if not turn.market_open:
        return reasons.MARKET_CLOSED
    if any(order.state in AT_BROKER for order in earlier_orders(turn, leg)):
        return reasons.EARLIER_DAY
    if needed := hours.read_needed(turn, child, leg) or _why_unsure(turn, child, leg):
        return needed
    if turn.now_ns < leg.exit_after_ns:
        return reasons.REFUSED_SOON_AGAIN
    if turn.now_ns < turn.state.restart_exit_until_ns and not leg.exit_granted:
        return reasons.RESTART_EXIT
    if turn.settings.confirm.when is ConfirmWhen.ALL and not leg.exit_granted:
        return reasons.AWAITING
    return ""


def _account_blocker(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Why an exit of any instrument could not go out, '' when it could."""
    if turn.state.kill >= 2 and not leg.flattening:
        return reasons.KILLED
    if child.id not in turn.child_settings:
        return reasons.NOT_CONFIGURED
    if not child.synced:
        return reasons.NOT_READ
    if leg.rebuilt and not leg.flattening:
        return reasons.REBUILT
    if child.needs_login:
        return reasons.LOGIN_REQUIRED
    return reasons.IP_REFUSED if address.stops(turn, child) else ""


def _why_unsure(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Why what is known of a child's positions is no ground for an exit: the owner may have closed them meanwhile.

    It is read anew, once; a read that fails is tried again with the polls. When none comes soon our own ledger decides,
    since an exit is not to be missed.
    """
    is_old = turn.now_ns - child.positions_began_ns > POSITIONS_OLD_NS
    if not is_old or turn.now_ns - max(leg.due_since_ns, turn.state.woke_ns) >= READ_MOST_NS:
        return ""
    if leg.due_reason != reasons.NOT_READ:
        child.want_orders = child.want_positions = True
    return reasons.NOT_READ


def _terms(turn: Turn, child: Child, leg: ChildLeg) -> Instrument | None:
    """The instrument that an exit trades: today's, or for a leg that is flattened what it was when it vanished."""
    today = turn.leg_instrument(child.id, leg.leg)
    return leg.listed if today is None and leg.flattening else today


def _ask(turn: Turn, child: Child, leg: ChildLeg, excess: int, copy: Copy | None) -> None:
    """Ask before an exit; it can be postponed, not declined, and goes at the prompt's time-out."""
    for prompt in turn.state.prompts.values():
        for item in prompt.items:
            if prompt.kind == prompts.EXIT and (item.child, item.leg) == (child.id, leg.leg):
                item.units = excess
                return
    side = Side.SELL if leg.allocation_units > 0 else Side.BUY
    copy = copy or _exit_copy(turn, leg, side)
    prompt = prompts.open_prompt(turn, prompts.EXIT, fresh=bool(leg.asked_since_ns))
    if leg.asked_since_ns:
        prompts.shorten(turn, prompt, leg.asked_since_ns)
    leg.asked_since_ns = leg.asked_since_ns or turn.now_ns
    prompts.ask(turn, prompt, child, leg, side, excess, entry=False, signal_ns=copy.signal_ns, decision=copy.id)


def _withdraw(turn: Turn, child: Child, leg: ChildLeg, over: int) -> None:
    """Take back entry units above the target: prompts, then unsent orders, then cancels; newest first."""
    over -= prompts.take_out(turn, child, leg, min(over, leg.awaiting_units - asked_units(leg)))
    for order in reversed(entries_along(turn, leg)):
        if over <= 0:
            return
        over -= _take_back(turn, order, over)


def _take_back(turn: Turn, order: ChildOrder, units: int) -> int:
    """Take units off an entry that is not sent, or cancel one that is; returns how many may go by it."""
    if is_of_an_earlier_day(turn.state, order):
        return 0  # what it filled is being found out; nothing of it works any more
    if order.state in UNSENT:
        return take_off(turn, order, units, "withdrawn: the master went out")
    cancel(turn, order)
    return order.remaining


def _hand_over(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """Cancel what still works in a leg that was handed over; then what is held is the owner's."""
    prompts.take_out(turn, child, leg, leg.awaiting_units)
    prompts.drop_exit(turn, child, leg.leg)
    for order in list(turn.open_orders(leg)):
        if order.state in UNSENT:
            change_state(turn, order, OrderState.WITHDRAWN, reasons.HANDED_OVER)
        else:
            cancel(turn, order)
    if not leg.orders:
        orphan(turn, child, leg)


def _spare_lots_ahead(turn: Turn, leg: ChildLeg) -> None:
    """Take back exits that wait for their turn while others closed what was due: lots ahead of the master's stay."""
    ahead = ahead_units(turn, leg) if leg.mirrors else 0
    if not ahead or sign(leg.allocation_units) != leg.sign:
        return
    over = going_exit_units(turn, leg) - max(0, abs(leg.allocation_units) - leg.target_units - ahead)
    for order in reversed([o for o in turn.open_orders(leg) if not o.entry and not rests(o)]):
        if over <= 0:
            return
        if order.state is OrderState.QUEUED:
            over -= take_off(turn, order, over, reasons.NOTHING_TO_EXIT)


def _withdraw_exits(turn: Turn, leg: ChildLeg) -> None:
    """Take back exits beyond what is held (a replaced order surfaced filled): left alone they would flip."""
    over = exits_open(turn, leg) - abs(leg.allocation_units) if leg.orders else 0
    if over <= 0:
        return
    for order in reversed([o for o in turn.open_orders(leg) if not o.entry]):
        if over <= 0:
            return
        over -= order.remaining
        if order.state is OrderState.QUEUED:
            change_state(turn, order, OrderState.WITHDRAWN, reasons.NOTHING_TO_EXIT)
        else:
            order.renewed = order.renewed or rests(order)  # what is left of the holding rests again
            cancel(turn, order)


def cancel(turn: Turn, order: ChildOrder) -> None:
    """Ask the broker to cancel an order that it is known to have; one that is not known yet is cancelled when found."""
    if order.state is not OrderState.WORKING or not order.order_id or is_of_an_earlier_day(turn.state, order):
        return
    if not order.cancelling_ns or turn.now_ns - order.cancelling_ns >= CANCEL_AGAIN_NS:
        ask_cancel(turn, order)


def ask_cancel(turn: Turn, order: ChildOrder) -> None:
    """Ask for a cancel, whatever state an order is in; its end is ours from now on."""
    order.cancelling_ns, order.cancel_refused = turn.now_ns, False
    send_change(turn, CancelOrder(account=order.account, tag=order.tag, order_id=order.order_id))


def _exit(turn: Turn, child: Child, leg: ChildLeg, excess: int, copy: Copy | None) -> None:
    instrument = _terms(turn, child, leg)
    lot = 1 if instrument is None else instrument.lot_units
    units = min(excess, exit_room(child, leg) - going_exit_units(turn, leg))
    out_completely = excess == abs(leg.allocation_units)
    if not out_completely or units < excess:
        units = units // lot * lot
    if units < excess:
        cut_short(turn, child, leg, excess - max(0, units))
    units = min(units, exit_room(child, leg, keeps=False) - exits_open(turn, leg))  # what rests goes first or is moved
    if units <= 0 or instrument is None:
        return
    side = Side.SELL if leg.allocation_units > 0 else Side.BUY
    if copy is None or copy.side is not side or copy.entry:
        copy = _exit_copy(turn, leg, side)
    terms = exit_terms(turn, leg, instrument, side)
    make_orders(turn, child, leg, instrument, side, units, entry=False, copy=copy, terms=terms)


def _exit_copy(turn: Turn, leg: ChildLeg, side: Side) -> Copy:
    """The decision that an exit without one of its own belongs to: the leg's newest exit, or a new one.

    An order of the operator's is none of the master's: its lots were not late when it comes hours after his exit.
    """
    for copy in reversed(turn.state.copies):
        if copy.leg == leg.leg:
            is_older = leg.flattening and copy.at_ns < leg.due_since_ns
            if copy.side is side and not copy.entry and not is_older:
                return copy
            break
    return new_copy(turn, leg.leg, side, entry=False, signal_ns=turn.now_ns, by_master=False)
