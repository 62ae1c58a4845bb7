"""The master account: orders become fills, fills become strategy lots, and complete reads correct what no order showed.

A push is a hint and a book row is the truth, and both take the same way through `absorb`, so that any order, number and
repetition of the same news ends in the same state.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from engine.core import conversion, delivery, freshness
from engine.core import strategy as strategies
from engine.core.conversion import expected_net
from engine.core.entries import decide_leg
from engine.core.expiry import still_listed
from engine.core.filters import follows, has_known_hours, why_unfollowed
from engine.core.hours import day_start_ns, is_history
from engine.core.records import record_master_fill
from engine.core.results import mark_inr
from engine.core.state_master import MasterLeg, MasterOrder, Suspicion, Window
from engine.core.turn import ALARM, INFO, WARNING, Turn, followed_legs, seconds_ns
from engine.events import AccountRead
from engine.model import (
    NS_PER_MS,
    NS_PER_S,
    TERMINAL_BOOK,
    BookStatus,
    LegId,
    OrderReport,
    Position,
    instrument_of,
    is_delivery,
    sign,
    split_leg,
)
from engine.snapshot import StrategyState

QUIET_BEFORE_READ_NS = 2 * NS_PER_S
"""A read proves something about positions only when it began so long after the newest fill."""
READS_APART_NS = NS_PER_S
QUOTE_WAIT_NS = 2 * NS_PER_S
"""A leg that is new to us waits so long for its first quote."""
WINDOW_MOST_NS = 1000 * NS_PER_MS
"""A window closes at the latest so long after its first fill."""
UNEXPLAINED_ALARM_NS = 30 * NS_PER_S
UNEXPLAINED_AGAIN_NS = 600 * NS_PER_S
"""An alarm comes after the first, and again after each of the second."""
CONTRADICTION = "positions and order book contradict each other"


@dataclass(slots=True)
class Changes:
    """What one event changed of the master."""

    rose: dict[LegId, int] = field(default_factory=dict)
    "Legs with new lots, and when their oldest undecided fill happened."
    fell: dict[LegId, int] = field(default_factory=dict)


def absorb(turn: Turn, report: OrderReport, changes: Changes) -> None:
    """Take in one order update or book row of the master."""
    master = turn.state.master
    order = master.orders.get(report.order_id)
    if order is None and is_history(turn.state, report):
        return  # yesterday's book, shown until the morning
    if order is None:
        order = _first_seen(turn, report)
    elif _is_known(order, report):
        return
    new = report.filled - order.filled
    if order.status not in TERMINAL_BOOK and not _is_of_before(order, report):
        order.status = report.status
    _take_terms(order, report)
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
    if new > 0:
        value = (report.average_price_inr or Decimal(0)) * report.filled
        cost, order.value_inr, order.filled = value - order.value_inr, value, report.filled
        order.filled_ns = turn.now_ns
        _fill(turn, order, new, cost, report.updated_ns or turn.now_ns, changes)
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
    return is_same and not _has_new_terms(order, report)


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
    leg.side, leg.limit_inr = order.side, order.price_inr
    master.last_update_ns = turn.now_ns
    if not master.known and at_ns < turn.state.started_ns:
        return  # history from before the program's first day: the positions of the first read hold it
    turn.notify(INFO, f"master {order.side} {new} at {leg.price_inr:.2f}", master.account, split_leg(leg.leg)[1])
    closed = _toward_zero(leg.units, signed)
    if closed:
        leg.open_cost_inr = leg.open_cost_inr * (abs(leg.units) - abs(closed)) / abs(leg.units)
        leg.units += closed
        conversion.keep_within(leg)
        changes.fell.setdefault(leg.leg, at_ns)
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
    return _toward_zero(leg.background_units, rest) if opens else rest


def _follow_sales(turn: Turn, leg: MasterLeg) -> None:
    """Shares were bought: a sale of them that works already is their exit."""
    master = turn.state.master
    for order in master.orders.values():
        is_theirs = order.leg == leg.leg and delivery.is_sale(order.leg, order.side)
        if is_theirs and order.status not in TERMINAL_BOOK and not order.followed:
            order.followed = True
            master.working.append(order.order_id)


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
        changes.fell.setdefault(leg.leg, at_ns)
        turn.strategy(leg.scope).last_fill_ns = turn.now_ns
        taken += closed
    return taken


def _toward_zero(held: int, change: int) -> int:
    """The part of a signed change that brings `held` nearer to zero."""
    if held * change >= 0:
        return 0
    return sign(change) * min(abs(held), abs(change))


def act(turn: Turn, changes: Changes) -> None:
    """Decide what changed: reductions now, rises when their window closes."""
    state = turn.state
    for leg_id, at_ns in changes.fell.items():
        leg = state.master.legs[leg_id]
        if not leg.units or leg_id in changes.rose:
            leg.window = None
            state.timers.pop(f"window:{leg_id}", None)
        strategies.note_master_out(turn, turn.strategy(leg.scope))
        decide_leg(turn, leg, at_ns, reductions_only=True)
    for leg_id, at_ns in changes.rose.items():
        _open_window(turn, state.master.legs[leg_id], at_ns)


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


def take_read(turn: Turn, event: AccountRead) -> None:
    """Take in an answer to a read of the master."""
    master = turn.state.master
    master.read_sent_ns = None
    if event.error and event.error != master.error:
        turn.notify(WARNING, f"the master could not be read: {event.error}", master.account)
    if event.needs_login and not master.needs_login:
        turn.notify(ALARM, "LOGIN REQUIRED: the master's trades are not seen until a login", master.account)
    master.error, master.needs_login = event.error, event.needs_login
    if event.available_inr is not None and event.available_inr.is_finite():
        master.available_inr = event.available_inr
    changes = Changes()
    is_complete = event.orders is not None and event.positions is not None
    if not master.synced and not is_complete:
        return
    positions = None if event.positions is None else still_listed(turn, event.positions)
    if not master.synced and event.orders is not None and positions is not None:
        if _is_doubtful(turn, positions, event.orders):
            return
        _set_background(turn, positions, event.orders)
    if event.orders is not None:
        for report in sorted(event.orders, key=lambda r: (r.updated_ns, r.order_id)):
            absorb(turn, report, changes)
        master.book_began_ns = max(master.book_began_ns, event.began_ns)
    if positions is not None and event.orders is not None and event.began_ns >= master.read_began_ns:
        if not master.synced:
            master.synced = master.known = True
            _ask_before_restart_exits(turn)
        master.read_at_ns, master.read_began_ns, master.silent = turn.now_ns, event.began_ns, False
        master.positions = {position.leg: position.net_units for position in positions if position.net_units}
        _compare(turn, positions, event.began_ns, changes)
        strategies.note_flat_read(turn, positions, event.began_ns)
    act(turn, changes)


def _is_doubtful(turn: Turn, positions: tuple[Position, ...], orders: tuple[OrderReport, ...]) -> bool:
    """Whether a first look is put off, because its positions and its book contradict each other; not for ever."""
    master = turn.state.master
    if not freshness.contradictions(turn, positions, orders):
        return False
    master.error = CONTRADICTION
    if master.doubtful_since_ns is None:
        master.doubtful_since_ns = turn.now_ns
        turn.notify(WARNING, f"the master could not be read: {CONTRADICTION}", master.account)
    if turn.now_ns - master.doubtful_since_ns < UNEXPLAINED_ALARM_NS:
        return True
    what = "nothing is taken for gone" if _was_read_today(turn) else "believed now"
    text = f"{CONTRADICTION} for {UNEXPLAINED_ALARM_NS // NS_PER_S} s: {what}; compare them at the broker"
    turn.notify(ALARM, text, master.account)
    master.error = ""
    return False


def _was_read_today(turn: Turn) -> bool:
    """Whether a process knew all that the master had at some time of this day: what he traded since, the book tells."""
    return turn.state.master.book_began_ns >= day_start_ns(turn.state.day)


def _set_background(turn: Turn, positions: tuple[Position, ...], orders: tuple[OrderReport, ...]) -> None:
    """What the master holds at the start and no recorded strategy explains is background: shown, never copied.

    Fills of this book that are signals and not absorbed yet come on top of what is explained. On a day that was read
    before, positions that contradict the book may be those of before these fills, or lack rows: they take nothing away.
    """
    master = turn.state.master
    doubted = freshness.contradictions(turn, positions, orders) if _was_read_today(turn) else set()
    new: dict[LegId, int] = {}
    for report in orders:
        known = master.orders.get(report.order_id)
        if is_history(turn.state, report):
            continue
        if master.known or report.updated_ns >= turn.state.started_ns:
            filled = report.filled - (0 if known is None else known.filled)
            new[report.leg] = new.get(report.leg, 0) + report.side.sign * max(0, filled)
    net = {position.leg: position.net_units for position in positions}
    for leg_id in list(dict.fromkeys([*(leg for leg, units in net.items() if units), *new, *master.legs])):
        leg = master_leg(turn, leg_id)
        if _is_frozen(turn, leg):
            continue
        held = net.get(leg_id, 0)
        explained = expected_net(turn, leg) - leg.background_units + new.get(leg_id, 0)
        expected = explained + leg.background_units
        rest = held - explained
        if instrument_of(leg_id) in doubted and (new.get(leg_id) or _is_less(held, expected)):
            rest = leg.background_units  # unknown, like at any other time
        elif leg.units and held != expected and _is_less(held, explained):
            rest = 0  # less than the strategy: the comparison of two reads decides
        elif not leg.units and conversion.may_have_come(turn, leg, rest - leg.background_units, net, new):
            rest = leg.background_units  # it left another product of the instrument: two reads decide here too
        leg.background_units = rest
        if rest and not is_delivery(leg_id):
            text = f"background: {rest} units held at the start are not followed"
            turn.notify(INFO, text, master.account, split_leg(leg_id)[1])
    if shares := [leg for leg in master.legs.values() if leg.background_units and is_delivery(leg.leg)]:
        text = f"background: shares of {len(shares)} companies held at the start are not followed"
        turn.notify(INFO, text, master.account)


def _is_less(units: int, than: int) -> bool:
    """Whether signed units are fewer than others, or on the other side of zero."""
    return units * than < 0 or abs(units) < abs(than)


def _is_frozen(turn: Turn, leg: MasterLeg) -> bool:
    """Until the day's file is there, and the operator has mapped a changed leg, its positions prove nothing."""
    unlisted = leg.listed is not None and turn.leg_instrument(turn.state.master.account, leg.leg) is None
    return leg.units != 0 and (bool(leg.changed) or unlisted)


def _ask_before_restart_exits(turn: Turn) -> None:
    """After an unclean stop the master is flat and a strategy recorded: exits wait for the operator, not long."""
    state = turn.state
    if not state.unclean or state.resume_kept:
        return
    for strategy in state.strategies.values():
        if strategy.state is StrategyState.ACTIVE and not followed_legs(turn, strategy.scope):
            state.restart_exit_until_ns = turn.now_ns + seconds_ns(turn.settings.confirm.timeout_s)
            turn.timer("restart_exit", state.restart_exit_until_ns)
            turn.notify(ALARM, "the master went out while the program was down: children exit after the prompt")


def _compare(turn: Turn, positions: tuple[Position, ...], began_ns: int, changes: Changes) -> None:
    """Zero position enforcement: believe a difference that two reads and the book agree upon."""
    master = turn.state.master
    if not turn.market_open:
        return
    by_book = freshness.net_by_book(master.orders.values(), freshness.carried_with(master.carried, positions))
    master.carried = freshness.remember_carried(master.carried, positions, master.orders.values())
    rows = {position.leg: position for position in positions}
    seen = freshness.told_of(positions, master.orders.values())
    for position in positions:
        if position.net_units:
            master_leg(turn, position.leg)
    converted = conversion.pairs(turn, master.positions)
    for leg in list(master.legs.values()):
        net = rows[leg.leg].net_units if leg.leg in rows else 0
        if not leg.units:
            leg.changed, leg.listed = "", None
        if _is_frozen(turn, leg):
            continue
        if net == expected_net(turn, leg):
            leg.suspicion = None
            master.unexplained.pop(leg.leg, None)
        elif leg.leg in converted:
            origin, other, left = converted[leg.leg]
            last_ns = max(origin.last_fill_ns, other.last_fill_ns)
            if leg is origin and began_ns >= last_ns + QUIET_BEFORE_READ_NS:
                conversion.note(turn, origin, other, left, net, began_ns)
        elif began_ns >= leg.last_fill_ns + QUIET_BEFORE_READ_NS:
            apart_ns = READS_APART_NS if leg.leg in seen else freshness.ABSENT_NS
            _suspect(turn, leg, net, by_book.get(leg.leg, 0), began_ns, apart_ns, changes)


def _suspect(
    turn: Turn, leg: MasterLeg, net: int, by_book: int, began_ns: int, apart_ns: int, changes: Changes
) -> None:
    """Believe a difference that the book confirms when a second read, so much later, says the same."""
    if net != by_book:
        _tell(turn, leg, f"positions say {net}, the order book {by_book}: unknown, nothing is decided on it")
        return
    seen = leg.suspicion
    if seen is None or seen.net_units != net:
        leg.suspicion = Suspicion(net_units=net, began_ns=began_ns, since_ns=turn.now_ns)
        return
    if began_ns - seen.began_ns < apart_ns:
        return
    _, closed = _lost(leg, net - expected_net(turn, leg))
    if closed and delivery.is_missed_by_somebody(turn, leg):
        _tell(turn, leg, delivery.GONE_AT_THE_MASTER.format(units=abs(closed)))
        return
    leg.suspicion = None
    _believe(turn, leg, net, changes)


def _tell(turn: Turn, leg: MasterLeg, text: str) -> None:
    """An alarm about a difference that has lasted, and from time to time again while it lasts."""
    master = turn.state.master
    if turn.now_ns >= master.unexplained.setdefault(leg.leg, turn.now_ns + UNEXPLAINED_ALARM_NS):
        master.unexplained[leg.leg] = turn.now_ns + UNEXPLAINED_AGAIN_NS
        turn.notify(ALARM, text, master.account, split_leg(leg.leg)[1])


def _lost(leg: MasterLeg, change: int) -> tuple[int, int]:
    """Signed units of a change without an order: of the background first where it is shares, and of the strategy.

    Shares that a broker showed twice in the morning are background, and are gone when it shows them once.
    """
    background = _toward_zero(leg.background_units, change) if is_delivery(leg.leg) else 0
    return background, _toward_zero(leg.units, change - background)


def _believe(turn: Turn, leg: MasterLeg, net: int, changes: Changes) -> None:
    """The master's position changed without an order that was seen: lots gone are exited, lots more are background."""
    change = net - expected_net(turn, leg)
    background, closed = _lost(leg, change)
    symbol = split_leg(leg.leg)[1]
    if closed:
        _value_of_gone(turn, leg, closed)
        leg.open_cost_inr = leg.open_cost_inr * (abs(leg.units) - abs(closed)) / abs(leg.units)
        leg.units += closed
        conversion.keep_within(leg)
        changes.fell.setdefault(leg.leg, turn.now_ns)
        turn.strategy(leg.scope).last_fill_ns = turn.now_ns
        turn.notify(
            WARNING, f"{abs(closed)} units are gone without an order: exited", turn.state.master.account, symbol
        )
    rest = change - closed
    leg.background_units += rest
    if background:
        text = f"{abs(background)} units of the background are gone without an order"
        turn.notify(WARNING, text, turn.state.master.account, symbol)
    if rest - background:
        text = f"{rest - background} units appeared without an order: background"
        turn.notify(WARNING, text, turn.state.master.account, symbol)


def _value_of_gone(turn: Turn, leg: MasterLeg, closed: int) -> None:
    """Lots that are gone without an order leave at the last price, or at cost where there is none."""
    mark = mark_inr(turn.quote(leg.leg))
    price = leg.open_cost_inr / abs(leg.units) if mark is None else mark
    leg.cash_inr -= closed * price
