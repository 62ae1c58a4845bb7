"""Reads of a child account: its margin, its book, its positions; what is the owner's own and what is ours."""

from decimal import Decimal

from engine.core import reasons
from engine.core.answers import note_absence
from engine.core.entries import resume_entry
from engine.core.fills import apply_child_report
from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.orders import change_state
from engine.core.plans import note_missed
from engine.core.settle import settle
from engine.core.state import Child, ChildLeg, Suspicion
from engine.core.turn import ALARM, WARNING, Turn, net_units
from engine.events import AccountRead
from engine.model import NS_PER_S, LegId, Position, sign, split_leg

QUIET_BEFORE_READ_NS = NS_PER_S
"""A read proves that a position shrank only when it began so long after our newest fill in the leg."""


def take_child_read(turn: Turn, child: Child, event: AccountRead) -> None:
    """Take in an answer to a read of a child."""
    child.read_sent_ns = None
    child.owed_orders = child.asked_orders and event.orders is None
    child.owed_positions = child.asked_positions and event.positions is None
    child.asked_orders = child.asked_positions = False
    if event.needs_login and not child.needs_login:
        child.needs_login = True
        turn.notify(ALARM, "LOGIN REQUIRED: the account is stopped until a login", child.id)
    if event.error and event.error != child.error:
        turn.notify(WARNING, f"could not be read: {event.error}", child.id)
    child.error = event.error
    if event.available_inr is not None and event.available_inr.is_finite():
        child.available_inr, child.available_ns = event.available_inr, turn.now_ns
    overtaken = event.began_ns < max(child.orders_began_ns, child.positions_began_ns)
    if event.orders is not None:
        for report in event.orders:
            apply_child_report(turn, child, report)
        child.orders_at_ns = turn.now_ns
        child.orders_began_ns = max(child.orders_began_ns, event.began_ns)
    if event.positions is not None and not overtaken:
        _take_positions(turn, child, event.positions, event.began_ns)
    if event.orders is not None and event.positions is not None and not overtaken:
        child.synced = True
        note_absence(turn, child, event.began_ns)
    for leg in list(child.legs.values()):
        if leg.due or leg.entry_pending:
            settle(turn, child, leg)
            resume_entry(turn, child, leg)


def _take_positions(turn: Turn, child: Child, positions: tuple[Position, ...], began_ns: int) -> None:
    child.own_fills = [fill for fill in child.own_fills if fill.at_ns >= began_ns]
    child.positions = {position.leg: position.net_units for position in positions if position.net_units}
    child.positions_began_ns, child.positions_at_ns = began_ns, turn.now_ns
    for leg_id in list(dict.fromkeys([*child.positions, *child.legs, *child.external])):
        if _is_quiet(turn, child, leg_id, began_ns):
            _compare(turn, child, leg_id, began_ns)
        else:
            child.want_positions = True


def _is_quiet(turn: Turn, child: Child, leg_id: LegId, began_ns: int) -> bool:
    """Whether a read proves what is ours and what is the owner's: nothing of ours moved around it."""
    leg = child.legs.get(leg_id)
    if leg is not None and any(order.state in AT_BROKER for order in turn.open_orders(leg)):
        return False
    return began_ns >= child.own_fill_ns.get(leg_id, 0) + QUIET_BEFORE_READ_NS


def _compare(turn: Turn, child: Child, leg_id: LegId, began_ns: int) -> None:
    """Split a net position into ours and the owner's: a manual trade changes external lots first."""
    net = net_units(child, leg_id)
    leg = child.legs.get(leg_id)
    ours = 0 if leg is None else leg.allocation_units
    if leg is not None and ours and net * sign(ours) < abs(ours):
        _shrink(turn, child, leg, net, began_ns)
        ours = leg.allocation_units
    elif leg is not None:
        leg.suspicion = None
    external = net - ours
    if external:
        child.external[leg_id] = external
    else:
        child.external.pop(leg_id, None)


def _shrink(turn: Turn, child: Child, leg: ChildLeg, net: int, began_ns: int) -> None:
    """The broker holds less than we think is ours: believed when a second read says the same."""
    seen = leg.suspicion
    if seen is None or seen.net_units != net:
        leg.suspicion = Suspicion(net_units=net, began_ns=began_ns, since_ns=turn.now_ns)
        child.want_positions = True
        return
    if began_ns <= seen.began_ns:
        return
    side = sign(leg.allocation_units)
    gone = abs(leg.allocation_units) - max(0, net * side)
    _price_of_shrink(turn, leg, side * gone)
    leg.open_cost_inr = leg.open_cost_inr * (abs(leg.allocation_units) - gone) / abs(leg.allocation_units)
    leg.allocation_units = side * max(0, net * side)
    leg.suspicion = None
    text = f"{gone} units of ours were closed by hand"
    turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])
    note_missed(turn, child, leg, reasons.CLOSED_BY_HAND)
    settle(turn, child, leg)


def _price_of_shrink(turn: Turn, leg: ChildLeg, units: int) -> None:
    """What was closed by hand leaves our result at the last price: the owner's price is not known here."""
    quote = turn.quote(leg.leg)
    price = None if quote is None else (quote.last_inr or quote.bid_inr or quote.ask_inr)
    leg.cash_inr += units * (price or Decimal(0))


def logged_in(turn: Turn, child: Child) -> None:
    """The account has a session again: its book is read before anything else."""
    child.needs_login = False
    child.synced = False
    child.want_orders = child.want_positions = True
    for leg in child.legs.values():
        for order in list(turn.open_orders(leg)):
            if order.state is OrderState.HELD and order.reason == reasons.LOGIN_REQUIRED:
                change_state(turn, order, OrderState.WITHDRAWN)
                note_missed(turn, child, leg, reasons.LOGIN_REQUIRED)
