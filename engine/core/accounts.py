"""Reads of a child account: its margin, its book, its positions; what is the owner's own and what is ours."""

from collections.abc import Sequence
from decimal import Decimal

from engine.core import carried, delivery, freshness, hours, reasons, rebuild, terms, throttle, yesterday
from engine.core.answers import lose_login, note_absence
from engine.core.entries import resume_entry
from engine.core.expiry import still_listed
from engine.core.fills import apply_child_report
from engine.core.handover import note_gone
from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.orders import change_state
from engine.core.plans import note_missed
from engine.core.resting import rests
from engine.core.settle import settle
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import Suspicion
from engine.core.turn import ALARM, INFO, WARNING, Turn, earlier_orders, net_units
from engine.events import AccountRead
from engine.model import NS_PER_S, LegId, OrderReport, Position, is_delivery, sign, split_leg

QUIET_BEFORE_READ_NS = NS_PER_S
"""A read proves that a position shrank only when it began so long after our newest fill in the leg."""
APART_NS = NS_PER_S
"""Two reads that confirm each other lie so far apart."""
UNEXPLAINED_NS = 600 * NS_PER_S
"""A position that shrank without a trade in the book is believed when all reads of so long agree."""
TELL_AFTER_NS = 30 * NS_PER_S
BOOK_AGAIN_NS = 30 * NS_PER_S
"""What a book did not explain is held against a new one at most so often."""
UNEXPLAINED = (
    "the broker shows {net} units and we opened {ours}, which its order book does not explain: not believed yet;"
    " compare positions and orders at the broker"
)


def take_child_read(turn: Turn, child: Child, event: AccountRead) -> None:
    """Take in an answer to a read of a child."""
    child.read_sent_ns = None
    child.owed_orders = child.asked_orders and event.orders is None
    child.owed_positions = child.asked_positions and event.positions is None
    child.asked_orders = child.asked_positions = False
    if event.needs_login:
        lose_login(turn, child, turn.now_ns)
    elif child.needs_login and event.began_ns > child.login_lost_ns and _works(event):
        logged_in(turn, child)  # nobody may have told: another process was logged in, or the login came before the news
    if event.error and event.error != child.error:
        turn.notify(WARNING, f"could not be read: {event.error}", child.id)
    child.error = event.error
    if (funds := event.funds) is not None:
        child.available_inr, child.used_inr = funds.available_inr, funds.used_inr
        child.available_ns, child.available_began_ns = turn.now_ns, event.began_ns
    overtaken = event.began_ns < max(child.orders_began_ns, child.positions_began_ns)
    rows = None if event.orders is None else [r for r in event.orders if not _is_history(turn, child, r)]
    if rows is not None and not event.orders_are_delta and freshness.is_set_aside(turn, child, rows, event.began_ns):
        child.owed_orders, child.owed_positions = True, event.positions is not None
        child.error = freshness.BEHIND
        return
    if rows is not None:
        _take_book(turn, child, event, rows)
    if event.positions is not None and not overtaken:
        book = None if event.orders_are_delta else rows
        _take_positions(turn, child, still_listed(turn, event.positions), event.began_ns, book)
    if rows is not None and event.positions is not None and not overtaken:
        child.synced = True
        note_absence(turn, child, rows, event.began_ns)
        yesterday.resolve(turn, child, rows, {position.leg for position in event.positions}, event.began_ns)
    for leg in list(child.legs.values()):
        if leg.due or leg.entry_pending:
            settle(turn, child, leg)
            resume_entry(turn, child, leg)


def _works(event: AccountRead) -> bool:
    """Whether a read shows that the account has a session."""
    return event.orders is not None or event.positions is not None


def _take_book(turn: Turn, child: Child, event: AccountRead, rows: Sequence[OrderReport]) -> None:
    """Take in the rows of a book, or those of it that are new."""
    lost = rebuild.lost_orders(turn, child, rows)
    lost_ids = {report.order_id for report in lost}
    for report in rows:
        if report.order_id not in lost_ids:
            apply_child_report(turn, child, report)
    rebuild.adopt(turn, child, lost)
    if not event.orders_are_delta:
        delivery.note_sales(child, rows, turn.now_ns)
    terms.note_book(turn, child, event.began_ns)
    throttle.note_book(child, 0 if event.orders_are_delta else len(rows))
    child.orders_at_ns = turn.now_ns
    child.orders_began_ns = max(child.orders_began_ns, event.began_ns)


def _is_history(turn: Turn, child: Child, report: OrderReport) -> bool:
    """Whether a row is of an earlier day and concerns no order of ours that is open."""
    known = report.tag in turn.state.orders or report.order_id in child.tags
    return not known and hours.is_history(turn.state, report)


def _take_positions(
    turn: Turn,
    child: Child,
    positions: tuple[Position, ...],
    began_ns: int,
    book: Sequence[OrderReport] | None,
) -> None:
    """Take in positions.

    Args:
        turn: The turn.
        child: Whose they are.
        positions: Complete.
        began_ns: When the read began.
        book: The whole book of the same read, `None` when it was not read.
    """
    carried_units = freshness.carried_with(child.carried, positions)
    if turn.market_open and book is not None:  # before the open some brokers still show the day before
        child.carried = freshness.remember_carried(child.carried, positions, book)
    by_book = None if book is None else freshness.net_by_book(book, carried_units)
    child.own_fills = [fill for fill in child.own_fills if fill.at_ns > began_ns]
    child.positions = {position.leg: position.net_units for position in positions if position.net_units}
    child.positions_began_ns, child.positions_at_ns = began_ns, turn.now_ns
    seen = freshness.told_of(positions, book or ())
    for leg_id in list(dict.fromkeys([*child.positions, *child.legs, *child.external])):
        if _is_carried(turn, child, leg_id):
            continue
        if _is_quiet(turn, child, leg_id, began_ns):
            is_explained = by_book is not None and by_book.get(leg_id, 0) == child.positions.get(leg_id, 0)
            believed_after_ns = UNEXPLAINED_NS if not is_explained else 0 if leg_id in seen else freshness.ABSENT_NS
            _compare(turn, child, leg_id, began_ns, believed_after_ns)
            if book is None and _is_open_whose(turn, child, leg_id):
                child.owed_orders = child.owed_positions = True
        else:
            child.want_positions = True


def _is_carried(turn: Turn, child: Child, leg_id: LegId) -> bool:
    """Whether a leg came over the night in a way that its positions say nothing of yet: what is ours stays as it is."""
    leg = child.legs.get(leg_id)
    if leg is None or not (leg.allocation_units or leg.orders):
        return False
    carried.note_converted_back(turn, child, leg)
    unlisted = leg.listed is not None and turn.leg_instrument(child.id, leg_id) is None
    return ((unlisted or leg.changed != "") and not leg.flattening) or bool(earlier_orders(turn, leg))


def _is_quiet(turn: Turn, child: Child, leg_id: LegId, began_ns: int) -> bool:
    """Whether a read proves what is ours and what is the owner's: nothing of ours moved around it."""
    leg = child.legs.get(leg_id)
    orders = () if leg is None else turn.open_orders(leg)
    if any(order.state in AT_BROKER and (is_delivery(leg_id) or not _lies_still(order)) for order in orders):
        return False
    return began_ns >= child.own_fill_ns.get(leg_id, 0) + QUIET_BEFORE_READ_NS


def _lies_still(order: ChildOrder) -> bool:
    """An order that rests may do so for hours: reads count meanwhile, and what it fills is news of ours."""
    return rests(order) and order.state is OrderState.WORKING


def _is_open_whose(turn: Turn, child: Child, leg_id: LegId) -> bool:
    """Whether a change of a position may be a fill of an order of ours that rests, which nobody has told of yet."""
    leg = child.legs.get(leg_id)
    if leg is None or net_units(child, leg_id) == leg.allocation_units + child.external.get(leg_id, 0):
        return False
    return any(order.state in AT_BROKER for order in turn.open_orders(leg))


def _compare(turn: Turn, child: Child, leg_id: LegId, began_ns: int, believed_after_ns: int) -> None:
    """Split a net position into ours and the owner's: a manual trade changes external lots first.

    Args:
        turn: The turn.
        child: Whose position it is.
        leg_id: Its leg.
        began_ns: When the read began.
        believed_after_ns: So long reads must agree that ours is gone; 0 where the day's book explains it.
    """
    net = net_units(child, leg_id)
    leg = child.legs.get(leg_id)
    ours = 0 if leg is None else leg.allocation_units
    if leg is not None and is_delivery(leg_id) and net < ours > 0:
        _miss_shares(turn, child, leg, net)
        ours = leg.allocation_units
        if net < ours > 0:
            return
    if leg is not None and ours and net * sign(ours) < abs(ours):
        _shrink(turn, child, leg, net, began_ns, believed_after_ns)
        ours = leg.allocation_units
    elif leg is not None:
        leg.suspicion = None
    if turn.market_open:  # before the open some brokers still show the day before
        delivery.note_all_there(child, leg_id, began_ns)
    external = net - ours
    kept, is_of_today = child.external.get(leg_id, 0), not believed_after_ns and not child.carried.get(leg_id)
    if leg is not None:
        is_unknown = is_delivery(leg_id) and ours and external < kept and not is_of_today
        if is_unknown and not _his_are_gone(turn, child, leg, net, kept - external):
            external = kept  # his own, too, are gone by a sale and not otherwise; or a read that lied had more
            _ask_for_the_book(turn, child)
        elif not is_unknown:
            leg.fewer_of_his = None
    if believed_after_ns and _is_open_whose(turn, child, leg_id):
        external = kept  # whose trade it was is told by a book that explains the positions of its own read
    if external:
        child.external[leg_id] = external
    else:
        child.external.pop(leg_id, None)
    if leg is not None and leg.orphaned_units:
        note_gone(turn, child, leg)


def _shrink(turn: Turn, child: Child, leg: ChildLeg, net: int, began_ns: int, believed_after_ns: int) -> None:
    """The broker holds less than we think is ours: believed when a second read says the same and the book explains it.

    What no trade of the book explains (a conversion, or positions older than the book) is believed much later, and
    never while the market is closed: nobody can have closed it then.
    """
    if believed_after_ns and not turn.market_open:
        leg.suspicion = None
        return
    seen = leg.suspicion
    if seen is None or seen.net_units != net:
        leg.suspicion = Suspicion(net_units=net, began_ns=began_ns, since_ns=turn.now_ns)
        child.owed_orders = child.owed_positions = True
        return
    if began_ns < seen.began_ns + APART_NS:
        child.owed_orders = child.owed_positions = True
        return
    is_unexplained = believed_after_ns >= UNEXPLAINED_NS
    if is_unexplained and not leg.flattening and carried.note_converted(turn, child, leg, net):
        return
    if turn.now_ns - seen.since_ns < believed_after_ns:
        _tell_once(turn, child, leg, seen, UNEXPLAINED)
        child.owed_orders = child.owed_positions = True
        return
    _close_by_hand(turn, child, leg, abs(leg.allocation_units) - max(0, net * sign(leg.allocation_units)))


def _miss_shares(turn: Turn, child: Child, leg: ChildLeg, net: int) -> None:
    """The broker shows fewer shares than are ours: gone are those that the owner sold, the others are waited for."""
    missing = leg.allocation_units - max(0, net)
    if leg.suspicion is not None and leg.suspicion.net_units != net:
        leg.suspicion = None
    gone = missing if delivery.is_given_up(child, leg) else min(missing, child.sold_of_ours.get(leg.leg, 0))
    if gone:
        delivery.note_fewer(child, leg, net)
        _close_by_hand(turn, child, leg, gone)
    if gone == missing:
        leg.suspicion = None
    elif leg.suspicion is None:
        leg.suspicion = Suspicion(net_units=net, began_ns=turn.now_ns, since_ns=turn.now_ns)
        child.owed_orders = child.owed_positions = True  # the book may have a sale by hand
    else:
        _ask_for_the_book(turn, child)
        _tell_once(turn, child, leg, leg.suspicion, delivery.GONE_AT_A_CHILD)


def _his_are_gone(turn: Turn, child: Child, leg: ChildLeg, net: int, fewer: int) -> bool:
    """Whether fewer of the owner's own shares are there for so long that he has sold them on another day."""
    if not turn.market_open:
        return False
    seen = leg.fewer_of_his
    if seen is None or seen.net_units != net:
        leg.fewer_of_his = Suspicion(net_units=net, began_ns=turn.now_ns, since_ns=turn.now_ns)
        return False
    if turn.now_ns - seen.since_ns < UNEXPLAINED_NS:
        return False
    leg.fewer_of_his = None
    text = f"{fewer} of the owner's own shares are gone, and no order of today sold them: they are not counted any more"
    turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])
    return True


def _ask_for_the_book(turn: Turn, child: Child) -> None:
    """A book may explain what positions show; one that was read without it may have been late, or wrong."""
    if turn.now_ns - child.orders_began_ns >= BOOK_AGAIN_NS:
        child.owed_orders = child.owed_positions = True


def _close_by_hand(turn: Turn, child: Child, leg: ChildLeg, gone: int) -> None:
    """Units of ours are gone, without an order of ours: what is left is ours, and what is gone is missed."""
    side, held = sign(leg.allocation_units), abs(leg.allocation_units)
    _price_of_shrink(turn, leg, side * gone)
    leg.open_cost_inr = leg.open_cost_inr * (held - gone) / held
    leg.allocation_units = side * (held - gone)
    leg.suspicion = None
    text = f"{gone} units of ours were closed by hand"
    turn.notify(WARNING, text, child.id, split_leg(leg.leg)[1])
    note_missed(turn, child, leg, reasons.CLOSED_BY_HAND)
    settle(turn, child, leg)


def _tell_once(turn: Turn, child: Child, leg: ChildLeg, seen: Suspicion, text: str) -> None:
    if seen.told or turn.now_ns - seen.since_ns < TELL_AFTER_NS:
        return
    seen.told = True
    text = text.format(net=seen.net_units, ours=leg.allocation_units)
    turn.notify(ALARM, text, child.id, split_leg(leg.leg)[1])


def _price_of_shrink(turn: Turn, leg: ChildLeg, units: int) -> None:
    """What was closed by hand leaves our result at the last price: the owner's price is not known here."""
    quote = turn.quote(leg.leg)
    price = None if quote is None else (quote.last_inr or quote.bid_inr or quote.ask_inr)
    leg.cash_inr += units * (price or Decimal(0))


def logged_in(turn: Turn, child: Child) -> None:
    """The account has a session again: its book is read before anything else."""
    if child.needs_login:
        turn.notify(INFO, "logged in again: its book and positions are read first", child.id)
    child.needs_login = False
    child.synced = False
    child.want_orders = child.want_positions = True
    for leg in child.legs.values():
        for order in list(turn.open_orders(leg)):
            if order.state is OrderState.HELD and order.reason == reasons.LOGIN_REQUIRED:
                change_state(turn, order, OrderState.WITHDRAWN)
                note_missed(turn, child, leg, reasons.LOGIN_REQUIRED)
