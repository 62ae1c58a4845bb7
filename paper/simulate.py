"""Runs one scenario: the real core, host, journal and paper exchange on a virtual clock.

Outside the process are the exchange, books, positions, margins, quotes, armed faults and requests under way: they
survive a crash. Inside are memory, timers and pushes; what the journal made durable is found again.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial

from msgspec.structs import replace

from config.order_limits import OrderLimits
from config.rules import charge_rates
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.commands import Command, PlaceOrder
from engine.core.invariants import violations
from engine.core.replicator import Replicator
from engine.core.turn import Turn
from engine.daily import DailyTurn
from engine.events import Event, InstrumentsLoaded, Resumed
from engine.feed import QuoteFeed
from engine.loop import EngineLoop
from engine.model import NS_PER_S
from engine.opening import limits_of, next_day, opening, sessions_of
from engine.ports import Lane, SessionState
from engine.runtime import boot
from engine.snapshot import NoticeLine
from paper import scenario as act
from paper.faults import Fault, FaultKind
from paper.scenario import MASTER, Scenario
from paper.world import World


class Simulation:
    """One run of a scenario.

    Args:
        scenario: What happens.
        open_state: Opens the state on disk, anew after every crash.
        on_notice: Called with (seconds since the start, line), for a trace.
    """

    loop_class: type[EngineLoop] = EngineLoop

    def __init__(
        self,
        scenario: Scenario,
        open_state: Callable[[], SessionState],
        on_notice: Callable[[float, NoticeLine], None] | None = None,
    ) -> None:
        self.scenario = scenario
        self.checks: list[tuple[float, dict[str, dict[str, int]]]] = []
        self.failed: list[str] = []
        self.violations: list[str] = []
        self._open_state, self._on_notice = open_state, on_notice
        self.sessions = sessions_of(scenario.day)
        self.clock = VirtualClock(scenario.start_ns)
        self.agenda = Agenda()
        self.loop = self.loop_class(self.clock, self.agenda, on_beat=self._watch, on_event=self._watch)
        for step in scenario.steps:  # before everything else, so that they come first at their instant
            self.agenda.at(step.at_ns, partial(self._do, step.action))
        self.world = World(
            scenario.settings,
            sessions=self.sessions,
            instruments=scenario.instruments,
            charges=charge_rates(scenario.day),
            loop=self.loop,
            overnight=scenario.master_positions,
            push_master=False,
        )
        for step in scenario.steps:
            if isinstance(step.action, act.ArmFault) and step.action.kind is FaultKind.STALE_READ:
                self.world.brokers[step.action.child].keep_past()
        self.instruments = scenario.instruments
        self._days = DailyTurn(self.loop, scenario.day, self._open_day)
        self._state: SessionState | None = None
        self._resume_kept = False
        self._intents: set[str] = set()
        self._seen_events = -1

    @property
    def replicator(self) -> Replicator:
        """The core of the newest process."""
        if self._state is None:
            raise RuntimeError("the scenario has not begun")
        return self._state.replicator

    def run(self) -> None:
        """Run to the scenario's end."""
        self._boot(self.scenario.start_ns)
        self.loop.run(until_ns=self.scenario.end_ns)
        self._watch()
        for step in self.scenario.steps:
            if isinstance(step.action, act.Check) and step.at_ns > self.scenario.end_ns:
                at_s = (step.at_ns - self.scenario.start_ns) / NS_PER_S
                self.failed.append(f"the check at {at_s:g} s comes after the end")

    def positions(self) -> dict[str, dict[str, int]]:
        """Every child's net positions at the broker, zeros left out."""
        return {child.id: self.world.net_positions(child.id) for child in self.scenario.settings.children}

    def order_limits_of(self, day: date) -> dict[str, OrderLimits]:
        """What each child's broker takes on a day."""
        return limits_of(self.scenario.settings, day)

    def connect(self) -> tuple[Mapping[str, Lane], QuoteFeed]:
        """Fresh lines for a process that starts."""
        return self.world.connect()

    def _boot(self, now_ns: int) -> None:
        """Start a process on whatever the disk holds."""
        self._state = state = self._open_state()
        scenario = self.scenario
        lanes, feed = self.connect()
        start = opening(scenario.settings, self._days.day, now_ns, unclean=state.unclean, mode=scenario.mode)
        start = replace(start, order_limits=self.order_limits_of(self._days.day))
        recorded = _Recorder(state, self._intents)
        files = (InstrumentsLoaded(at_ns=now_ns, instruments=self.instruments),)
        boot(self.loop, recorded, lanes, feed, start, files, version="simulate", on_notice=self._note)
        if self._resume_kept:
            self._resume_kept = False
            self.loop.post(Resumed(at_ns=now_ns))

    def _open_day(self, day: date, now_ns: int) -> Sequence[Event]:
        """The morning of the next trading day: outside the process at once, and for the process if there is one."""
        if self.scenario.instruments_next_day is not None:
            self.instruments = self.scenario.instruments_next_day
        today = day.isoformat()
        self.instruments = tuple(i for i in self.instruments if i.expiry is None or i.expiry >= today)
        self.world.start_day(sessions_of(day), self.instruments, now_ns)
        if self.loop.host is None:
            return ()
        began = replace(next_day(self.scenario.settings, day, now_ns), order_limits=self.order_limits_of(day))
        return (began, InstrumentsLoaded(at_ns=now_ns, instruments=self.instruments))

    def _crash(self, now_ns: int, for_ns: int) -> None:
        """The process dies; memory, timers and pushes are gone."""
        self.world.disconnect()
        if self._state is not None and self.loop.host is not None:
            self._state.crash()
        self.loop.host, self.loop.feed = None, None
        self.loop.drain()
        if for_ns:
            self.agenda.at(now_ns + for_ns, self._boot_if_down)
        else:
            self._boot(now_ns)

    def _boot_if_down(self, now_ns: int) -> None:
        if self.loop.host is None:
            self._boot(now_ns)

    def _do(self, action: act.Action, now_ns: int) -> None:
        """Carry out one step."""
        host = self.loop.host
        match action:
            case act.Quotes(quotes=quotes):
                self.world.quote(quotes, now_ns)
            case act.MasterTrades(report=report):
                self.world.record_master(report, now_ns)
            case act.SetAvailable(amounts=amounts):
                for account, amount in amounts:
                    self.world.exchange.set_available(account, amount)
            case act.Operate(event=event):
                if host is not None:
                    self.loop.post(event)
                self._resume_kept = self._resume_kept or (host is None and isinstance(event, Resumed))
            case act.Check(positions=wanted):
                self._check(wanted, now_ns)
            case act.Crash(for_ns=for_ns):
                self._crash(now_ns, for_ns)
            case _:
                self._disturb(action, now_ns)

    def _disturb(self, action: act.Action, now_ns: int) -> None:
        match action:
            case act.ArmFault():
                fault = Fault(action.on, action.kind, action.times, action.after_ns, action.by_ns)
                self.world.brokers[action.child].arm(fault)
            case act.OwnTrade():
                self.world.exchange.trade(
                    action.child, action.symbol, action.exchange, action.side, action.quantity, action.product, now_ns
                )
            case act.MasterConverts(leg=leg, to=to, quantity=quantity):
                self.world.exchange.convert(MASTER, leg, to, quantity, now_ns)
            case act.MasterUnreadable(for_ns=for_ns):
                self.world.brokers[MASTER].fail_reads_until(now_ns + for_ns)
            case _:
                raise TypeError(f"no such step: {action}")

    def _check(self, wanted: dict[str, dict[str, int]], now_ns: int) -> None:
        seen = self.positions()
        at_s = (now_ns - self.scenario.start_ns) / NS_PER_S
        self.checks.append((at_s, seen))
        for child, positions in wanted.items():
            if {s: q for s, q in positions.items() if q} != seen.get(child):
                self.failed.append(f"at {at_s:g} s: positions of {child}: wanted {positions}, was {seen.get(child)}")

    def _watch(self) -> None:
        """Look for broken invariants: after every event, and after every round of work in the world beside it."""
        host = self.loop.host
        if host is None or (host.events_handled == self._seen_events and not host.failed):
            return
        self._seen_events = host.events_handled
        state = host.replicator.state
        children = {child.id: child for child in state.settings.children}
        found = violations(Turn(state, state.now_ns, children)) + self._at_the_broker()
        if host.failed:
            found.append(f"the engine stopped: {host.failed}")
        at_s = (self.clock.now_ns() - self.scenario.start_ns) / NS_PER_S
        self.violations += [f"{text} (first at {at_s:g} s)" for text in found if not self._known(text)]

    def _known(self, text: str) -> bool:
        return any(known.startswith(text) for known in self.violations)

    def _at_the_broker(self) -> list[str]:
        """Invariants that only the brokers' books show: one order a tag, durable intents, whole lots, freeze."""
        found: list[str] = []
        for child in self.scenario.settings.children:
            tags: set[str] = set()
            for row in self.world.orders(child.id):
                if not row.tag:
                    continue
                if row.tag in tags:
                    found.append(f"I1 {child.id}: two orders with the tag {row.tag}")
                tags.add(row.tag)
                if row.tag not in self._intents:
                    found.append(f"I4 {child.id}: {row.tag} was sent without a durable intent")
        return found

    def _note(self, line: NoticeLine) -> None:
        if self._on_notice is not None:
            self._on_notice((line.at_ns - self.scenario.start_ns) / NS_PER_S, line)


class _Recorder:
    """A session that also tells which intents became durable, for invariant I4."""

    def __init__(self, session: SessionState, intents: set[str]) -> None:
        self._session, self._intents = session, intents
        self._pending: list[str] = []
        self.replicator, self.unclean = session.replicator, session.unclean
        self.start, self.prune, self.encode_state = session.start, session.prune, session.encode_state
        self.checkpoint, self.end, self.crash = session.checkpoint, session.end, session.crash

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        self._session.append(event, commands)
        self._pending += [command.tag for command in commands if isinstance(command, PlaceOrder)]

    def commit(self) -> None:
        self._session.commit()
        self._intents.update(self._pending)
        self._pending.clear()
