"""The replicator: `handle(event) -> commands`. One state, one entry point, no clock but the events' own times.

After every event, in this order: timers that are due, orders whose turn it is, reads that were asked for.
"""

from collections.abc import Callable

from config.schema import Child as ChildSettings
from config.schema import OnMaxLoss, Settings
from engine.commands import Command
from engine.core import (
    answering,
    breaker,
    carried,
    expiry,
    funds,
    hours,
    night,
    offers,
    rebuild,
    restart,
    throttle,
)
from engine.core.accounts import logged_in, take_child_read
from engine.core.answers import note_sleep, order_timer, restart_orders, take_answer
from engine.core.baseline import add_sample, settle_margins
from engine.core.chase import chase
from engine.core.fills import apply_child_report
from engine.core.flattening import flatten, unwind
from engine.core.links import take_link
from engine.core.loss import watch_losses
from engine.core.master import Changes, absorb, act, window_due, windows_now
from engine.core.master_reads import take_read
from engine.core.mirroring import follow
from engine.core.operator import obey
from engine.core.polling import note_silence, poll, read_wanted
from engine.core.records import record_strategies
from engine.core.sending import is_overdue, send_queue
from engine.core.settle import settle, settle_due
from engine.core.state import State
from engine.core.state_child import Child
from engine.core.state_master import Master
from engine.core.strategy import is_quiet
from engine.core.turn import ALARM, INFO, WARNING, Turn
from engine.core.varieties import as_traded
from engine.errors import BrokenInvariant
from engine.events import (
    AccountRead,
    DayBegan,
    Event,
    InstrumentsLoaded,
    LinkChanged,
    LoggedIn,
    MarginTold,
    OperatorEvent,
    OrderUpdated,
    QuotesUpdated,
    RequestAnswered,
    SessionStarted,
    SessionStopped,
    TimePassed,
)
from engine.model import Funds, LegId, is_delivery, usable_quote


class Replicator:
    """The pure core.

    Args:
        state: The state to go on from, `None` for a first start (then the first event is `SessionStarted`).
    """

    def __init__(self, state: State | None = None) -> None:
        self._state = state
        self._child_settings: dict[str, ChildSettings] = {}
        if state is not None:
            self._index(state.settings)
        self._handlers: dict[type, Callable[[Turn, object], None]] = {
            TimePassed: _nothing,
            DayBegan: _day_began,
            InstrumentsLoaded: _instruments,
            QuotesUpdated: _quotes,
            OrderUpdated: _order,
            AccountRead: _read,
            RequestAnswered: _answer,
            MarginTold: _margin_told,
            LoggedIn: _logged_in,
            LinkChanged: _link_changed,
        }

    @property
    def state(self) -> State:
        """The whole state. Read it, do not change it."""
        if self._state is None:
            raise BrokenInvariant("no session has started")
        return self._state

    @property
    def has_begun(self) -> bool:
        """Whether any session ever started: before the very first one there is no state."""
        return self._state is not None

    @property
    def next_due_ns(self) -> int | None:
        """When `TimePassed` is wanted at the latest, `None` for never."""
        if self._state is None or self._state.stopped or not self._state.timers:
            return None
        return min(self._state.timers.values())

    @property
    def is_in_haste(self) -> bool:
        """Whether a fill of the master's is about to be decided, or an order is on its way to a broker."""
        return self._state is not None and (
            any(leg.window is not None for leg in self._state.master.legs.values())
            or any(child.traffic.under_way for child in self._state.children.values())
        )

    def is_overdue(self, tag: str, now_ns: int) -> bool:
        """Whether an entry that was decided must not leave any more: its signal got too old until now."""
        order = None if self._state is None else self._state.orders.get(tag)
        return order is not None and is_overdue(self.state.settings, order, now_ns)

    def handle(self, event: Event) -> list[Command]:
        """Take in one event and decide.

        Raises:
            BrokenInvariant: A bug; nothing of the answer may be sent.
        """
        if type(event) is SessionStarted:
            turn = self._start(event)
        else:
            state = self.state
            before_ns, state.now_ns = state.now_ns, max(state.now_ns, event.at_ns)
            turn = Turn(state, state.now_ns, self._child_settings)
            note_sleep(turn, before_ns)
            if type(event) is SessionStopped:
                state.stopped = True
                turn.notify(INFO, "stopped in an orderly way")
                return turn.out
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(turn, event)
            elif isinstance(event, OperatorEvent):
                obey(turn, event)
            else:
                raise BrokenInvariant(f"no handler for {type(event).__name__}")
        is_news = type(event) is not QuotesUpdated and type(event) is not TimePassed
        if is_news:
            follow(turn, getattr(event, "account", ""))
        if _timers(turn):
            follow(turn)
        send_queue(turn)
        if unwind(turn):
            follow(turn)
            send_queue(turn)
        if is_news:
            record_strategies(turn)
        read_wanted(turn)
        return turn.out

    def _index(self, settings: Settings) -> None:
        self._child_settings = {child.id: child for child in settings.children}

    def _start(self, event: SessionStarted) -> Turn:
        self._index(event.settings)
        state = self._state
        if state is None:
            state = self._state = _fresh(event)
        turn = night.begin_process(state, event, self._child_settings)
        throttle.begin_process(turn, event.order_limits)
        _welcome(turn, event)
        return turn


def _fresh(event: SessionStarted) -> State:
    children = {c.id: Child(id=c.id, max_capital_inr=c.max_capital_inr) for c in event.settings.children}
    return State(
        settings=event.settings,
        mode=event.mode,
        day=event.day,
        master=Master(account=event.settings.master.id),
        children=children,
    )


def _welcome(turn: Turn, event: SessionStarted) -> None:
    state = turn.state
    turn.notify(INFO, f"started in {event.mode.value.upper()}", state.master.account)
    night.tell_calendar(turn)
    if event.unclean:
        turn.notify(ALARM, "the last session did not end well: exits only until you answer")
    restart.welcome(turn)
    restart_orders(turn)
    legs: set[LegId] = {leg.leg for leg in state.master.legs.values() if leg.units or not is_delivery(leg.leg)}
    legs.update(state.master.orders[order_id].leg for order_id in state.master.working)  # one may have filled meanwhile
    for child in state.children.values():
        legs.update(child.legs)
        if child.id not in turn.child_settings:
            turn.notify(WARNING, "is no longer configured: its allocations are not traded", child.id)
    for leg in sorted(legs):
        turn.subscribe(leg)
    for name in [n for n in state.timers if n.startswith(("prompt:", "window:"))]:
        state.timers[name] = max(state.timers[name], turn.now_ns)
    turn.timer("poll", turn.now_ns)


def _timers(turn: Turn) -> bool:
    """Run every timer that is due, earliest first, and then what a poll looks after; false when there was none."""
    timers = turn.state.timers
    now_ns, ran = turn.now_ns, False
    while timers and min(timers.values()) <= now_ns:
        due = [(at_ns, name) for name, at_ns in timers.items() if at_ns <= now_ns]
        for _, name in sorted(due):
            if timers.get(name, now_ns + 1) <= now_ns:
                del timers[name]
                _timer(turn, name)
                ran = True
    return ran


def _timer(turn: Turn, name: str) -> None:
    kind, _, key = name.partition(":")
    match kind:
        case "poll":
            poll(turn)
            _look_after(turn)
        case "window":
            window_due(turn, LegId(key))
        case "prompt":
            answering.prompt_due(turn, key)
        case "order":
            order_timer(turn, key)
        case "exit":
            child_id, _, leg_id = key.partition("|")
            child = turn.state.children[child_id]
            leg = child.legs.get(LegId(leg_id))
            if leg is not None:
                settle(turn, child, leg)
        case "start_up":
            restart.note_waiting(turn)
        case "restart_exit":
            settle_due(turn)
        case night.MOMENT:
            night.session_moment(turn)
        case hours.LOOK:
            night.look_again(turn)
        case "rate" | "catch_up" | "margin":
            pass  # what waited is looked at after every event
        case _:
            raise BrokenInvariant(f"no timer is called {name}")


def _look_after(turn: Turn) -> None:
    settle_due(turn)
    chase(turn)
    breaker.look_after(turn)
    note_silence(turn)
    hit = watch_losses(turn)
    for child in hit:
        for leg in child.legs.values():
            settle(turn, child, leg)  # entries that work are taken back
    if hit and turn.settings.risk.on_max_loss is OnMaxLoss.EXIT_ALL:
        flatten(turn, [child.id for child in hit], "exited completely: daily loss limit", typed=False)


def _nothing(turn: Turn, event: object) -> None:
    """Time passed: the timers do the rest."""


def _day_began(turn: Turn, event: object) -> None:
    assert isinstance(event, DayBegan)  # noqa: S101
    turn.state.calendar_until = event.calendar_until or turn.state.calendar_until
    night.begin_day(turn, event.day, event.sessions, event.charges)
    turn.state.order_limits = event.order_limits or turn.state.order_limits
    night.tell_calendar(turn)


def _instruments(turn: Turn, event: object) -> None:
    assert isinstance(event, InstrumentsLoaded)  # noqa: S101
    known = turn.state.instruments.setdefault(event.account, {})
    unusable = turn.state.unusable.setdefault(event.account, {})
    for instrument in event.instruments:
        if instrument.lot_units > 0 and instrument.tick_inr > 0:
            known[instrument.id] = instrument
            unusable.pop(instrument.id, None)
        else:
            turn.notify(WARNING, "unusable in the instrument file: lot or tick is not above 0", "", instrument.symbol)
    unusable |= event.unusable
    carried.check(turn, event.account)
    expiry.warn_of_settlement(turn)


def _quotes(turn: Turn, event: object) -> None:
    assert isinstance(event, QuotesUpdated)  # noqa: S101
    known = turn.state.quotes
    is_awaited = any((was := known.get(q.instrument)) is None or was.is_stale(turn.now_ns) for q in event.quotes)
    for quote in event.quotes:
        known[quote.instrument] = usable_quote(quote)
    if is_awaited:
        windows_now(turn)
        follow(turn)


def _order(turn: Turn, event: object) -> None:
    assert isinstance(event, OrderUpdated)  # noqa: S101
    state = turn.state
    if event.account == state.master.account:
        state.master.push_at_ns = turn.now_ns
        if not state.master.synced:
            return  # the first complete read brings it, together with what was held before it
        changes = Changes()
        absorb(turn, as_traded(event.report), changes)
        act(turn, changes)
    elif (child := state.children.get(event.account)) is not None:
        apply_child_report(turn, child, event.report)


def _read(turn: Turn, event: object) -> None:
    assert isinstance(event, AccountRead)  # noqa: S101
    state = turn.state
    if event.account == state.master.account:
        take_read(turn, event)
    elif (child := state.children.get(event.account)) is not None:
        take_child_read(turn, child, event)
    else:
        return
    rebuild.tie(turn)
    if (funds := event.funds) is not None:
        _sample(turn, event.account, funds)
    restart.note_read(turn, event.account)
    if event.account == state.master.account:
        _arm(turn)
    offers.resync_ready(turn)


def _arm(turn: Turn) -> None:
    """Entries are armed when the master was read, and after an unclean stop when the operator resumed."""
    state = turn.state
    if state.armed or not state.master.synced:
        return
    if not state.unclean:
        state.armed, state.resume_kept = True, False
        turn.notify(INFO, "armed")
        windows_now(turn)
    elif state.resume_kept:
        restart.rearm(turn)


def _sample(turn: Turn, account: str, funds: Funds) -> None:
    """Keep a margin. The master's counts when his book is known: he may not be flat."""
    is_master = account == turn.state.master.account
    if is_master and not turn.state.master.synced:
        return
    restart.note_margin(turn, account)
    add_sample(turn, account, funds.available_inr, funds.used_inr)
    if is_master:
        for strategy in turn.state.strategies.values():
            if is_quiet(turn, strategy) and not strategy.settled:
                settle_margins(turn, strategy, funds.available_inr)


def _answer(turn: Turn, event: object) -> None:
    assert isinstance(event, RequestAnswered)  # noqa: S101
    take_answer(turn, event)


def _margin_told(turn: Turn, event: object) -> None:
    assert isinstance(event, MarginTold)  # noqa: S101
    funds.take_answer(turn, event)


def _logged_in(turn: Turn, event: object) -> None:
    assert isinstance(event, LoggedIn)  # noqa: S101
    child = turn.state.children.get(event.account)
    if child is not None:
        logged_in(turn, child)


def _link_changed(turn: Turn, event: object) -> None:
    assert isinstance(event, LinkChanged)  # noqa: S101
    take_link(turn, event)
