"""Complete reads of the master: what he held at the start, and corrections of what no order showed.

One read proves nothing that orders contradict: what is missing, or more than they tell, is believed when reads agree.
"""

from engine.core import conversion, delivery, freshness
from engine.core import strategy as strategies
from engine.core.conversion import expected_net
from engine.core.expiry import still_listed
from engine.core.hours import day_start_ns, is_history
from engine.core.master import Changes, absorb, act, master_leg, toward_zero
from engine.core.results import mark_inr
from engine.core.state_master import MasterLeg, Suspicion
from engine.core.turn import ALARM, INFO, WARNING, Turn, followed_legs, seconds_ns
from engine.core.varieties import as_held, as_traded
from engine.events import AccountRead
from engine.model import (
    NS_PER_S,
    LegId,
    OrderReport,
    Position,
    instrument_of,
    is_delivery,
    split_leg,
)
from engine.snapshot import StrategyState

QUIET_BEFORE_READ_NS = 2 * NS_PER_S
"""A read proves something about positions only when it began so long after the newest fill."""
READS_APART_NS = NS_PER_S
UNEXPLAINED_ALARM_NS = 30 * NS_PER_S
UNEXPLAINED_AGAIN_NS = 600 * NS_PER_S
"""An alarm comes after the first, and again after each of the second."""
CONTRADICTION = "positions and order book contradict each other"


def take_read(turn: Turn, event: AccountRead) -> None:
    """Take in an answer to a read of the master."""
    master = turn.state.master
    master.read_sent_ns = None
    if event.error and event.error != master.error:
        turn.notify(WARNING, f"the master could not be read: {event.error}", master.account)
    if event.needs_login and not master.needs_login:
        turn.notify(ALARM, "LOGIN REQUIRED: the master's trades are not seen until a login", master.account)
    master.error, master.needs_login = event.error, event.needs_login
    if (funds := event.funds) is not None:
        master.available_inr, master.used_inr = funds.available_inr, funds.used_inr
    changes = Changes()
    is_complete = event.orders is not None and event.positions is not None
    if not master.synced and not is_complete:
        return
    orders = None if event.orders is None else tuple(map(as_traded, event.orders))
    positions = None if event.positions is None else still_listed(turn, as_held(event.positions))
    if not master.synced and orders is not None and positions is not None:
        if _is_doubtful(turn, positions, orders):
            return
        _set_background(turn, positions, orders)
    if orders is not None:
        for report in sorted(orders, key=lambda r: (r.updated_ns, r.order_id)):
            absorb(turn, report, changes)
        master.book_began_ns = max(master.book_began_ns, event.began_ns)
    if positions is not None and orders is not None and event.began_ns >= master.read_began_ns:
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
    background = toward_zero(leg.background_units, change) if is_delivery(leg.leg) else 0
    return background, toward_zero(leg.units, change - background)


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
