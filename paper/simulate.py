"""Runs one scenario: the real core, host, journal and paper exchange on a virtual clock.

Outside the process are the exchange, books, positions, margins, quotes, armed faults and requests under way: they survive
a crash. Inside are memory, timers and pushes; what the journal made durable is found again.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from config.rules import charge_rates, sessions_around
from config.schema import Mode
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.commands import Command, PlaceOrder
from engine.core.invariants import violations
from engine.core.replicator import Replicator
from engine.core.turn import Turn
from engine.events import Event, InstrumentsLoaded, OrderUpdated, Resumed, SessionStarted
from engine.feed import QuoteFeed
from engine.host import Host
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, NS_PER_S, OrderReport, TradingSession
from engine.ports import Journal
from engine.snapshot import NoticeLine
from paper import scenario as act
from paper.broker import PaperBroker
from paper.exchange import Exchange
from paper.faults import Fault, FaultyBroker
from paper.lane import AgendaLane
from paper.scenario import MASTER, Scenario


class ProcessState(Journal, Protocol):
    """What one process has on disk: a journal that was opened and folded."""

    unclean: bool

    @property
    def replicator(self) -> Replicator:
        """The core as recovered."""
        ...

    def start(self, day: str, now_ns: int, version: str) -> None:
        """Record that a process began."""
        ...

    def encode_state(self) -> bytes:
        """The core's state."""
        ...

    def crash(self) -> None:
        """Lose what is not durable."""
        ...


class Simulation:
    """One run of a scenario.

    Args:
        scenario: What happens.
        open_state: Opens the state on disk, anew after every crash.
        on_notice: Called with (seconds since the start, line), for a trace.
    """

    def __init__(
        self,
        scenario: Scenario,
        open_state: Callable[[], ProcessState],
        on_notice: Callable[[float, NoticeLine], None] | None = None,
    ) -> None:
        self.scenario = scenario
        self.checks: list[tuple[float, dict[str, dict[str, int]]]] = []
        self.failed: list[str] = []
        self.violations: list[str] = []
        self._open_state, self._on_notice = open_state, on_notice
        self.sessions = tuple(TradingSession(open_ns=a, close_ns=b) for a, b in sessions_around(scenario.day))
        self.clock = VirtualClock(scenario.start_ns)
        self.agenda = Agenda()
        self.loop = EngineLoop(self.clock, self.agenda, on_beat=self._watch)
        self.exchange = Exchange(
            paper=scenario.settings.paper,
            sessions=self.sessions,
            instruments=scenario.instruments,
            charges=charge_rates(scenario.day),
            on_update=self._push,
        )
        self.brokers: dict[str, FaultyBroker] = {}
        self._open_accounts()
        self._lanes: dict[str, AgendaLane] = {}
        self._state: ProcessState | None = None
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
        for step in self.scenario.steps:
            self.agenda.at(step.at_ns, lambda at_ns, action=step.action: self._do(action, at_ns))
        self._boot(self.scenario.start_ns)
        self._clockwork(self.scenario.start_ns)
        self.loop.run(until_ns=self.scenario.end_ns)
        self._watch()

    def positions(self) -> dict[str, dict[str, int]]:
        """Every child's net positions at the broker, zeros left out."""
        return {
            child.id: {p.symbol: p.net_units for p in self.exchange.positions(child.id) if p.net_units}
            for child in self.scenario.settings.children
        }

    def _open_accounts(self) -> None:
        settings = self.scenario.settings
        for account in (settings.master, *settings.children):
            overnight = self.scenario.master_positions if account.id == MASTER else {}
            capital = account.capital_inr
            if capital is None:
                raise ValueError(f"{account.id} has no capital")
            self.exchange.add_account(account.id, capital, overnight)
            inner = PaperBroker(self.exchange, account.id, self.clock)
            self.brokers[account.id] = FaultyBroker(inner, self.agenda, self.clock.now_ns)

    def _boot(self, now_ns: int) -> None:
        """Start a process on whatever the disk holds."""
        self._state = state = self._open_state()
        scenario = self.scenario
        latency_ns = scenario.settings.paper.latency_ms * NS_PER_MS
        self._lanes = {
            account: AgendaLane(broker, self.agenda, self.loop.post, self.clock.now_ns, latency_ns)
            for account, broker in self.brokers.items()
        }
        self.loop.feed = QuoteFeed(self.loop.post, self.exchange.newest, 0)
        host = Host(
            state.replicator, _Recorder(state, self._intents), self._lanes, self.loop.feed, state.encode_state, self._note
        )
        self.loop.host = host
        state.start(scenario.day.isoformat(), now_ns, "simulate")
        host.handle(
            SessionStarted(
                at_ns=now_ns,
                settings=scenario.settings,
                mode=Mode.PAPER,
                day=scenario.day.isoformat(),
                sessions=self.sessions,
                charges=charge_rates(scenario.day),
                unclean=state.unclean,
            )
        )
        host.handle(InstrumentsLoaded(at_ns=now_ns, instruments=scenario.instruments))
        if self._resume_kept:
            self._resume_kept = False
            host.handle(Resumed(at_ns=now_ns))

    def _crash(self, now_ns: int, for_ns: int) -> None:
        """The process dies; memory, timers and pushes are gone."""
        for lane in self._lanes.values():
            lane.die()
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

    def _clockwork(self, now_ns: int) -> None:
        """Square-off, day end: what the exchange does by itself."""
        due_ns = self.exchange.next_due_ns()
        if due_ns is not None:
            self.agenda.at(max(due_ns, now_ns), self._exchange_due)

    def _exchange_due(self, now_ns: int) -> None:
        self.exchange.run_due(now_ns)
        self._clockwork(now_ns + 1)

    def _push(self, account: str, report: OrderReport) -> None:
        """An order update on its way to the running process."""
        host = self.loop.host
        if host is None or account == MASTER:
            return
        delay_ns = self.scenario.settings.paper.latency_ms * NS_PER_MS
        self.agenda.at(
            self.clock.now_ns() + delay_ns,
            lambda at_ns: self._deliver(host, OrderUpdated(at_ns=at_ns, account=account, report=report)),
        )

    def _deliver(self, host: Host, event: Event) -> None:
        if self.loop.host is host:
            host.handle(event)

    def _do(self, action: act.Action, now_ns: int) -> None:
        """Carry out one step."""
        host = self.loop.host
        match action:
            case act.Quotes(quotes=quotes):
                self.exchange.update_quotes(quotes, now_ns)
                if self.loop.feed is not None:
                    self.loop.feed.offer(quotes, now_ns)
            case act.MasterTrades(report=report):
                self.exchange.record(MASTER, report, now_ns)
                if host is not None:
                    host.handle(OrderUpdated(at_ns=now_ns, account=MASTER, report=report))
            case act.SetAvailable(amounts=amounts):
                for account, amount in amounts:
                    self.exchange.set_available(account, amount)
            case act.Operate(event=event):
                if host is not None:
                    host.handle(event)
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
                self.brokers[action.child].arm(fault)
            case act.OwnTrade():
                self.exchange.trade(
                    action.child, action.symbol, action.exchange, action.side, action.quantity, action.product, now_ns
                )
            case act.MasterUnreadable(for_ns=for_ns):
                self.brokers[MASTER].fail_reads_until(now_ns + for_ns)
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
        """Look for broken invariants after every round of work."""
        host = self.loop.host
        if host is None or host.events_handled == self._seen_events:
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
            for row in self.exchange.orders(child.id):
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
    """A journal that also tells which intents became durable, for invariant I4."""

    def __init__(self, journal: Journal, intents: set[str]) -> None:
        self._journal, self._intents = journal, intents
        self._pending: list[str] = []

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        self._journal.append(event, commands)
        self._pending += [command.tag for command in commands if isinstance(command, PlaceOrder)]

    def commit(self) -> None:
        self._journal.commit()
        self._intents.update(self._pending)
        self._pending.clear()

    def checkpoint(self, state: bytes) -> None:
        self._journal.checkpoint(state)
