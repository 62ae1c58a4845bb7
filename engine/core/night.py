"""The turn of the day, and what it leaves to find out: orders of yesterday, exits due at the open, accounts to be read.

What a day order of an earlier day filled is told by positions of the new day and by nothing else: it cannot be in the
new day's book, so its absence from it proves nothing. It must not send anything but reads; `settle` does the rest.
"""

from collections.abc import Iterator

from config.rates import ChargeRates
from config.schema import Child as ChildSettings
from engine.core import answering, carried, expiry, hours, mirroring, places, prompts, reasons, results
from engine.core.entries import decide_leg
from engine.core.lifecycle import AT_BROKER, OrderState
from engine.core.orders import change_state, give_up
from engine.core.settle import settle, settle_due
from engine.core.state import Skip, State
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import Master
from engine.core.turn import ALARM, INFO, WARNING, Turn, earlier_orders
from engine.errors import BrokenInvariant
from engine.events import SessionStarted
from engine.model import TradingSession, is_delivery, split_leg
from engine.snapshot import StrategyState

MOMENT = "session"
"""Name of the timer for the next moment of the session."""
TOLD_BEFORE_DAYS = 21
"""So long before its end the calendar is spoken of; the exchange has told the next year's holidays by then."""


def _waits_for_the_next(state: State, child: str) -> None:
    """A child that was not configured before takes no part in what runs."""
    for strategy in state.strategies.values():
        known = child in strategy.ratios or child in strategy.left_out
        if strategy.state is not StrategyState.FLAT and not known:
            strategy.left_out[child] = reasons.NEXT_STRATEGY


def begin_process(state: State, event: SessionStarted, child_settings: dict[str, ChildSettings]) -> Turn:
    """What every start resets: nothing read in this process yet, no read under way; and the day, when it is another."""
    known = state.settings
    state.settings, state.mode, state.mode_next = event.settings, event.mode, None
    for settings in event.settings.children:
        child = state.children.setdefault(settings.id, Child(id=settings.id))
        old = next((c for c in known.children if c.id == settings.id), None)
        if old is None:
            _waits_for_the_next(state, child.id)
        if old is None or old.max_capital_inr != settings.max_capital_inr:
            child.max_capital_inr = settings.max_capital_inr
        child.traded_at = places.place_of(settings, event.mode)
    for child in state.children.values():  # those that are no longer configured, too: nothing of theirs is sent
        child.synced, child.read_sent_ns, child.positions_began_ns, child.positions_at_ns = False, None, 0, None
        child.orders_began_ns, child.own_fills, child.margin_ask = 0, [], None
        child.margin_wait_ns = child.login_lost_ns = 0
        for leg in child.legs.values():
            if leg.lacking and not leg.missed_units:  # of a version that did not count it: all that the master holds
                leg.missed_units = leg.decided_units
    state.now_ns = max(state.now_ns, event.at_ns)
    state.started_ns, state.stopped, state.armed = state.now_ns, False, False
    state.unheard, state.calendar_until = {}, event.calendar_until
    state.unclean = state.unclean or event.unclean
    if event.unclean:
        state.resume_kept = False
    if event.day != state.day:
        state.joined_ns = state.now_ns
    state.master.synced, state.master.read_sent_ns, state.master.read_at_ns = False, None, None
    state.master.read_began_ns, state.master.doubtful_since_ns = 0, None
    turn = Turn(state, state.now_ns, child_settings)
    begin_day(turn, event.day, event.sessions, event.charges)
    # An account's own file is told anew by its broker, which need not be the one of before.
    state.instruments = {"": state.instruments[""]} if "" in state.instruments else {}
    state.unusable, state.subscribed, state.quotes = {}, {}, {}
    if event.settings.master.id != state.master.account:
        _change_master(turn, event.settings.master.id)
    _check_shares(state)
    return turn


def _check_shares(state: State) -> None:
    """Holdings are read where shares are followed: a strategy that has some cannot go on without them."""
    legs = [leg.leg for leg in state.master.legs.values() if leg.units]
    legs += [leg.leg for child in state.children.values() for leg in child.legs.values() if leg.allocation_units]
    for leg in legs:
        _, symbol, product = split_leg(leg)
        if is_delivery(leg) and product not in state.settings.filters.products:
            text = f"shares of {symbol} ({product}) are followed, and filters.products does not list {product} any more"
            raise BrokenInvariant(f"{text}: list it until everybody is flat, or their holdings are not read")


def _change_master(turn: Turn, account: str) -> None:
    """Another master account: only when nothing of the old one is followed any more."""
    state = turn.state
    if any(strategy.state is not StrategyState.FLAT for strategy in state.strategies.values()):
        text = f"the master was {state.master.account} and is {account} now, with a strategy open"
        raise BrokenInvariant(f"{text}: configure the old master until everybody is flat")
    for prompt in list(state.prompts.values()):
        prompts.close(turn, prompt)
    state.master = Master(account=account)
    state.samples = {}


def begin_day(turn: Turn, day: str, sessions: tuple[TradingSession, ...], charges: ChargeRates | None) -> None:
    """Turn to a day: questions and orders of the day before end, what is open is carried on.

    Args:
        turn: The turn, with the instruments and quotes of the day before.
        day: The day, ISO; the present one changes nothing but sessions and charges.
        sessions: The trading sessions around it.
        charges: Its rates.
    """
    state = turn.state
    changed: list[tuple[Child, ChildLeg]] = []
    if day != state.day:
        expiry.expire(turn, before=day)
        _decide_windows(turn)
        _close_prompts(turn)
        changed = _end_orders(turn)
        carried.remember(turn)
        _new_day(turn, day)
    state.sessions, state.charges = sessions, charges
    expiry.expire(turn)
    if day == state.day and state.day_began_ns == turn.now_ns:
        for child, leg in changed:
            settle(turn, child, leg)
        turn.notify(INFO, f"the trading day {day} begins")
    plan_moments(turn)


def tell_calendar(turn: Turn) -> None:
    """Say where the calendar ends, in time; and what goes on when it has."""
    state = turn.state
    until = state.calendar_until
    if not state.sessions:
        turn.notify(ALARM, "the market calendar does not know this day: no entries, no exits")
    elif not hours.is_covered(state):
        turn.notify(ALARM, hours.calendar_ended(state))
    elif until and hours.days_between(state.day, until) <= TOLD_BEFORE_DAYS:
        turn.notify(WARNING, f"the market calendar ends on {until}: without a newer one nothing is entered after it")


def plan_moments(turn: Turn) -> None:
    """Be woken at the next moment of the session, and look after what yesterday left."""
    state = turn.state
    at_ns = hours.next_moment_ns(state, turn.now_ns)
    if at_ns is None:
        state.timers.pop(MOMENT, None)
    else:
        turn.timer(MOMENT, at_ns)
    if any(True for _ in _waiting(turn)):
        hours.look_soon(turn)


def session_moment(turn: Turn) -> None:
    """The open, the close, the square-off: every child is read anew, and what is over ends."""
    expiry.expire(turn)
    for child in turn.configured():
        child.want_orders = child.want_positions = True
    if not turn.market_open:
        _after_close(turn)
    settle_due(turn)
    plan_moments(turn)


def look_again(turn: Turn) -> None:
    """Read the accounts anew that something waits for."""
    for child in _waiting(turn):
        child.want_orders = child.want_positions = True
        hours.look_soon(turn)


def _waiting(turn: Turn) -> Iterator[Child]:
    """Configured children with exits that wait for a read, or orders of an earlier day whose end is not known."""
    for child in turn.configured():
        if any(_needs_a_read(turn, child, leg) for leg in child.legs.values()):
            yield child


def _needs_a_read(turn: Turn, child: Child, leg: ChildLeg) -> bool:
    """Whether an exit waits for a read, or a read may tell what an order of an earlier day filled."""
    if leg.due_reason in hours.READ_FIRST or (leg.orders and hours.read_needed(turn, child, leg)):
        return True
    left = (order for order in earlier_orders(turn, leg) if order.state in AT_BROKER)
    return any(not hours.waits_for_the_open(turn, child, leg, order) for order in left)


def _after_close(turn: Turn) -> None:
    """What waited to be sent is withdrawn with the market closed: entries are missed, exits stay due."""
    for child in turn.state.children.values():
        for leg in child.legs.values():
            if _take_back(turn, child, leg):
                settle(turn, child, leg)


def _take_back(turn: Turn, child: Child, leg: ChildLeg) -> bool:
    """Withdraw a leg's queued orders; true when there were any."""
    queued = [order for order in turn.open_orders(leg) if order.state is OrderState.QUEUED]
    for order in queued:
        if order.entry:
            give_up(turn, child, leg, order, reasons.MARKET_CLOSED)
        else:
            change_state(turn, order, OrderState.WITHDRAWN, reasons.DAY_OVER)
    return bool(queued)


def _decide_windows(turn: Turn) -> None:
    """Fills that were not decided when the day ended are too old to be copied: decided now, they are missed."""
    for leg in list(turn.state.master.legs.values()):
        if leg.window is not None:
            signal_ns, leg.window = leg.window.signal_ns, None
            turn.state.timers.pop(f"window:{leg.leg}", None)
            decide_leg(turn, leg, signal_ns)


def _close_prompts(turn: Turn) -> None:
    """Questions of a day that is over: entries are declined, exits go at the open without asking again."""
    for prompt in list(turn.state.prompts.values()):
        if prompt.kind != prompts.EXIT:
            answering.decline(turn, prompt, reasons.NOT_ANSWERED)
            continue
        for item in prompt.items:
            turn.state.children[item.child].legs[item.leg].exit_granted = True
        prompts.close(turn, prompt)


def _end_orders(turn: Turn) -> list[tuple[Child, ChildLeg]]:
    """Orders of the day that ends: what was not sent is withdrawn; returns the legs in which something changed."""
    state = turn.state
    changed: list[tuple[Child, ChildLeg]] = []
    for child in state.children.values():
        for leg in child.legs.values():
            if not leg.orders:
                continue
            changed.append((child, leg))
            _take_back(turn, child, leg)
            for order in list(turn.open_orders(leg)):
                _end_order(turn, child, leg, order)
    return changed


def _end_order(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> None:
    state = turn.state
    order.day = order.day or state.day
    state.timers.pop(f"order:{order.tag}", None)
    order.cancelling_ns = 0
    if order.state is OrderState.HELD and order.day == state.day:
        give_up(turn, child, leg, order, order.reason)
    elif order.state is OrderState.SENT:
        change_state(turn, order, OrderState.UNKNOWN)


def _still_missing(state: State) -> dict[str, Skip]:
    """Copies not made in legs that the master still holds: what is missing keeps its reason over the night.

    What was not mirrored is over with the orders of its day.
    """
    held = {split_leg(leg.leg)[1] for leg in state.master.legs.values() if leg.units}
    return {
        key: skip
        for key, skip in state.skips.items()
        if skip.symbol in held and skip.reason not in reasons.NOT_MIRRORED
    }


def _new_day(turn: Turn, day: str) -> None:
    """Counters of the day start anew; what is open is carried on."""
    state = turn.state
    state.day, state.day_began_ns, state.loss_hit = day, turn.now_ns, False
    state.skips, state.instruments, state.unusable = _still_missing(state), {}, {}
    results.begin_day(turn)
    mirroring.forget_day(turn)
    open_tags = [tag for child in state.children.values() for leg in child.legs.values() for tag in leg.orders]
    state.orders = {tag: state.orders[tag] for tag in open_tags}
    state.queue = [tag for tag in state.queue if tag in state.orders]
    for child in state.children.values():
        _new_day_of(turn, child)
    master = state.master
    master.orders, master.working, master.unexplained, master.carried = {}, [], {}, {}
    master.kept_over_night = []
    held = [k for child in state.children.values() for k in child.legs]
    for key, leg_of_master in list(master.legs.items()):
        if not (leg_of_master.units or leg_of_master.background_units or key in held):
            results.keep_closed(turn, master.account, master.legs.pop(key))
    for leg_of_master in master.legs.values():
        leg_of_master.suspicion = None
        if is_delivery(leg_of_master.leg):  # more sold than was there: it was delivered
            leg_of_master.background_units = max(0, leg_of_master.background_units)
    state.copies, state.samples = [], {}
    for strategy in state.strategies.values():
        strategy.pinned, strategy.quiet_since_ns = None, state.now_ns


def _new_day_of(turn: Turn, child: Child) -> None:
    child.entries_today, child.loss_hit, child.foreign_orders, child.watches = 0, False, {}, False
    child.carried, child.sold, child.stops = {}, {}, {}
    child.tags = {order_id: tag for order_id, tag in child.tags.items() if tag in turn.state.orders}
    for key, leg in list(child.legs.items()):
        if not (leg.allocation_units or leg.orders or leg.sign or leg.orphaned_units):
            results.keep_closed(turn, child.id, child.legs.pop(key))
    child.sold_of_ours = {key: units for key, units in child.sold_of_ours.items() if key in child.legs}
    for leg in child.legs.values():
        leg.suspicion, leg.fewer_of_his, leg.night_read = None, None, None
