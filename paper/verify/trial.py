"""One simulated day: troubles, then peace, then the verdict; then the master goes out, and everybody must be flat.

It is the scenario simulation with a disk and a process that fail at any I/O point, pushes that get lost, and a judge
that keeps his own book. Everything follows from the plan: the same plan gives the same run, step by step.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from config.order_limits import OrderLimits
from config.schema import Follow, OnOrphanFill
from engine.commands import CancelOrder, Command, ModifyOrder, PlaceOrder
from engine.core.state import State
from engine.errors import JournalFailed
from engine.events import (
    Event,
    LoggedIn,
    OrderUpdated,
    Resumed,
)
from engine.feed import QuoteFeed
from engine.host import Host
from engine.model import NS_PER_MS, NS_PER_S, TERMINAL_BOOK, OrderReport
from engine.ports import Lane, SessionState
from engine.snapshot import NoticeLine
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.verify.backing import backed_units
from paper.verify.bounds import Bounds
from paper.verify.conduct import Conduct
from paper.verify.copies import Copies
from paper.verify.course import Course
from paper.verify.damage import CHECKPOINT
from paper.verify.disk import FaultyDisk, ProcessDied
from paper.verify.doubles import Doubles
from paper.verify.grounds import Grounds
from paper.verify.losses import Losses
from paper.verify.memory import Memory, remembered
from paper.verify.missing import MissingShares
from paper.verify.peace import Peaceful, Phase
from paper.verify.plan import (
    CopiesTag,
    DamagesCheckpoint,
    Dies,
    DiskFails,
    Happening,
    LatePush,
    LogsIn,
    MasterBooks,
    Plan,
    PushTrouble,
    Suspended,
    Trouble,
    UnknownStatus,
)
from paper.verify.promises import Promises
from paper.verify.statuses import Statuses
from paper.verify.suspended import SuspendableLoop
from paper.verify.truth import Key, Truth
from paper.verify.watched import Heard, WatchedLane
from paper.verify.windows import Windows
from paper.verify.words import describe

OpenState = Callable[[Callable[[str, Path], None]], SessionState]
"""Opens the state on disk; is given what to call at every I/O point."""
SETTLED_NS = 40 * NS_PER_S
"""What happens after the troubles is known to everybody so long after it (positions are read every 30 s)."""
STEPS_MOST = 50_000
STEPS_PER_S = 15
"""A process that polls through the hours of a whole day handles so many a second beside them."""
ORDERS_MOST = 500
"""A simulated day that needs more goes round in circles (I16)."""
REMEMBERED = 4
"""One in so many runs remembers every event and proves that the disk gives the same state again, and every run whose
disk or process fails at an I/O point."""
NO_STEPS = (
    MasterBooks, LatePush, PushTrouble, Dies, DiskFails, LogsIn, Suspended, DamagesCheckpoint, CopiesTag,
    UnknownStatus,
)  # fmt: skip
"""What scenarios do not know."""


@dataclass(slots=True)
class Step:
    """One line of a run's history."""

    at_ns: int
    text: str
    events: int
    "Events that the engine had handled."


@dataclass(slots=True)
class Outcome:
    """What one run came to."""

    seed: int
    steps: int = 0
    violations: list[str] = field(default_factory=list)
    broken_at: int | None = None
    "Events handled when the first violation was seen."
    faults: Counter[str] = field(default_factory=Counter)
    orders: int = 0


class Trial(Peaceful):
    """One run of a plan.

    Args:
        plan: What happens.
        open_state: Opens the state on disk, anew after every death.
        keeps_history: Whether to keep a history for people.
    """

    loop_class = SuspendableLoop
    loop: SuspendableLoop

    def __init__(self, plan: Plan, open_state: OpenState, *, keeps_history: bool = False) -> None:
        self.plan = plan
        self.disk = FaultyDisk()
        self.history: list[Step] = []
        self.faults: Counter[str] = Counter()
        self.steps = 0
        self.broken_at: int | None = None
        self._keeps_history = keeps_history
        self._open = open_state
        is_remembered = plan.seed % REMEMBERED == 0 or any(
            h.kind in ("dies", "disk", CHECKPOINT) for h in plan.happenings
        )
        self._memory = Memory() if is_remembered else None
        super().__init__(plan.scenario, self._opened, self._heard)
        self.truth = Truth(
            {child.id: child for child in plan.scenario.settings.children},
            {instrument.id: instrument for instrument in plan.scenario.instruments},
            lambda: None if self._state is None else self._state.replicator.state,
            self._intents.__contains__,
        )
        self.truth.master = dict(plan.scenario.master_positions)
        lies = (FaultKind.STALE_READ, FaultKind.PARTIAL_READ, FaultKind.EMPTY_READ, FaultKind.ROWLESS_READ)
        faults = [h.trouble for h in plan.happenings if isinstance(h.trouble, act.ArmFault)]
        self.windows = Windows(self.truth, self.order_limits_of(plan.scenario.day))
        self.copies = Copies(self.truth, self.windows)
        deceived = {fault.child for fault in faults if fault.kind in lies}
        self.course = Course(self.truth, self.copies, self.windows, deceived)
        self.bounds = Bounds(self.truth, plan)
        self.losses = Losses(self.truth, plan.scenario.settings, lambda account: self.world.exchange.pnl(account).net)
        self.promises, self.grounds = Promises(self.truth), Grounds(self.truth)
        self.conduct = Conduct(self.truth, self.course, self.copies, self.bounds, self.losses)
        for child in plan.scenario.settings.children:
            self.world.brokers[child.id].on_write = lambda on, child=child.id: self._received(child, on)
        self.world.on_change = self._changed
        self.world.push_delays_ns = self._push_delays
        self._statuses = Statuses()
        for account, broker in self.world.brokers.items():
            broker.shown = lambda row, of=account: self._statuses.as_shown(of, row, self.clock.now_ns())  # type: ignore[misc]
        self._doubles = Doubles(self.world, self.course)
        self._missing_shares = MissingShares(self.truth)
        self._pushes: dict[str, tuple[tuple[int, ...], int]] = {}
        self._booked: dict[str, OrderReport] = {}
        self._resting: dict[str, OrderReport] = {}
        self._kept: dict[Key, int] = {}
        self._again = plan.deaths
        self._phases = deque([Phase.TROUBLES, *([Phase.RESYNC] if plan.resync else []), Phase.OUT])
        late = (happening.at_ns + SETTLED_NS for happening in plan.happenings if happening.at_ns > plan.calm_ns)
        self._late_until_ns = max((plan.calm_ns, *late))
        for happening in plan.happenings:
            if isinstance(happening.trouble, act.ArmFault) and happening.trouble.kind is FaultKind.STALE_READ:
                self.world.brokers[happening.trouble.child].keep_past()
            self.agenda.at(happening.at_ns, lambda now_ns, h=happening: self._happen(h, now_ns))  # type: ignore[misc]
        self.agenda.at(plan.calm_ns, self._calm)

    def run(self) -> None:
        """Run to the verdict."""
        self._survive(lambda: self._boot(self.scenario.start_ns))
        while not self._ended:
            self._survive(lambda: self.loop.run(finished=lambda: self._ended))
        self._count_steps()
        if self._memory is not None and self._memory.state_of(len(self._memory.events)) != self.replicator.state:
            self._found("I7 the events recorded do not give the state at the end")
        for broker in self.world.brokers.values():
            self.faults.update(broker.hits)
        self.faults.update(self.disk.met)
        if self._statuses.count:
            self.faults["unknown status"] += self._statuses.count

    def outcome(self) -> Outcome:
        """What the run came to."""
        rows = sum(len(self.world.exchange.orders(c.id)) for c in self.scenario.settings.children)
        return Outcome(
            seed=self.plan.seed,
            steps=self.steps,
            violations=self.violations,
            broken_at=self.broken_at,
            faults=self.faults,
            orders=rows,
        )

    # The process

    def _opened(self) -> SessionState:
        session = self._open(self.disk.reached)
        session = session if self._memory is None else remembered(session, self._memory, self._found)
        return Heard(session, self.course, self.copies, self._missing_shares, self.bounds)

    def order_limits_of(self, day: date) -> dict[str, OrderLimits]:
        """What each child's broker takes on a day: on some days less than the dated table says."""
        usual, narrow = super().order_limits_of(day), self.plan.order_limits
        return usual if narrow is None else dict.fromkeys(usual, narrow)

    def connect(self) -> tuple[Mapping[str, Lane], QuoteFeed]:
        """Lines that tell the judge what goes over them, and on which the process may die."""
        lanes, feed = self.world.connect()
        self.loop.lanes = tuple(lanes.values())
        return {account: WatchedLane(lane, self.disk, self.handed_over) for account, lane in lanes.items()}, feed

    def _survive(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ProcessDied as death:
            self._tell(f"the process dies at {death}")
            self._restart(self.clock.now_ns(), self._down_ns)
        except JournalFailed as failure:
            if not self.disk.failing:
                raise
            self._tell(str(failure))
            self._restart(self.clock.now_ns(), self._down_ns)
        except Exception as error:  # noqa: BLE001  the top of a simulated process: its bug is what is looked for
            self._found(f"the process failed: {type(error).__name__}: {error}")
            self._ended = True

    def _restart(self, now_ns: int, for_ns: int) -> None:
        """The process is gone; memory, timers and pushes with it. Another one is started after a while."""
        self._count_steps()
        if self.loop.host is not None and self.loop.host.events_handled:
            self.course.died()
            self.losses.died()
            self.promises.died()
            self._missing_shares.died()
            self._doubles.died()
        self.world.disconnect()
        if self._state is not None:
            self._state.crash()
        self.loop.host, self.loop.feed = None, None
        self.loop.drain()
        self.loop.forget()
        self.agenda.at(now_ns + max(1, for_ns), self._boot_if_down)

    def _boot(self, now_ns: int) -> None:
        if self.disk.lives is not None:
            self.disk.lives.append([])
        if self._again:
            self.disk.die_at(self._again[0])
            self._again = self._again[1:]
        self.disk.failing = False
        self._seen_events = -1
        self.disk.is_durable = True
        self.course.booted(now_ns)
        self.grounds.booted(now_ns)
        self._tell("the process starts")
        super()._boot(now_ns)
        if self.plan.resumes and self.replicator.state.unclean:
            self._order(Resumed(at_ns=now_ns))

    def _count_steps(self) -> None:
        if self.loop.host is not None:
            self.steps += self.loop.host.events_handled

    def _open_day(self, day: date, now_ns: int) -> Sequence[Event]:
        self.windows.began_day()
        return super()._open_day(day, now_ns)

    def _crash(self, now_ns: int, for_ns: int) -> None:
        self.faults["killed"] += 1
        self._restart(now_ns, for_ns)

    # What happens

    def _happen(self, happening: Happening, now_ns: int) -> None:
        self._tell(describe(happening.trouble))
        if not self._happens_to_the_process(happening.trouble):
            self._happens_outside(happening.trouble, now_ns)

    def _happens_to_the_process(self, trouble: Trouble) -> bool:
        """The process or its disk will fail; false when it is something else."""
        match trouble:
            case Dies(points=points, for_ns=for_ns, again=again):
                self._down_ns, self._again = for_ns, again
                if self.loop.host is not None:
                    self.disk.die_at(points)
            case DiskFails(points=points, for_ns=for_ns):
                self._down_ns = for_ns
                if self.loop.host is not None:
                    self.disk.fail_at(points)
            case Suspended():
                self._suspend(trouble)
            case DamagesCheckpoint(for_ns=for_ns, again=again):
                if self.loop.host is not None:
                    self._again = again
                    self._crash(self.clock.now_ns(), for_ns)
                self.disk.damage(trouble)
            case _:
                return False
        return True

    def _suspend(self, trouble: Suspended) -> None:
        host = self.loop.host
        if host is None or host.failed or self.loop.is_suspended:
            return
        self.faults["clock stepped" if trouble.is_step else "suspended"] += 1
        self.loop.suspend()
        self.agenda.at(self.clock.now_ns() + trouble.for_ns, lambda now_ns: self._resume(host, trouble, now_ns))

    def _resume(self, host: Host, trouble: Suspended, now_ns: int) -> None:
        if self.loop.host is host:
            self._tell("the process is run again")
            self.course.resumed(now_ns)
            self.losses.resumed(trouble.for_ns)
            self.loop.resume(timers_first=trouble.timers_first, loses=trouble.loses)

    def _happens_outside(self, trouble: Trouble, now_ns: int) -> None:
        match trouble:
            case act.MasterTrades(report=report):
                self._record(report, now_ns)
                if self.world.is_connected:
                    self.loop.post(OrderUpdated(at_ns=now_ns, account=self.world.master, report=report))
            case MasterBooks(report=report):
                self.faults["master push lost"] += 1
                self._record(report, now_ns)
            case LatePush(report=report):
                self.faults["master push late or repeated"] += 1
                self.grounds.told_late(report.leg)
                if self.world.is_connected:
                    self.loop.post(OrderUpdated(at_ns=now_ns, account=self.world.master, report=report))
            case PushTrouble(child=child, delays_ns=delays_ns, for_ns=for_ns):
                self._pushes[child] = (delays_ns, now_ns + for_ns)
            case UnknownStatus():
                self._statuses.trouble(trouble, now_ns)
            case CopiesTag():
                self.faults["two orders with one tag"] += self._doubles.copy(trouble, self.replicator.state, now_ns)
            case LogsIn(child=child):
                self._log_in(child, now_ns)
            case act.ArmFault() as fault:
                if fault.kind is FaultKind.ACCEPTED_LATE:
                    self._late_until_ns = max(self._late_until_ns, self.plan.calm_ns + fault.after_ns)
                self._do(fault, now_ns)
            case _:
                self._act(trouble, now_ns)

    def _act(self, trouble: Trouble, now_ns: int) -> None:
        """What every scenario knows."""
        if isinstance(trouble, NO_STEPS):
            raise TypeError(f"no step of a scenario: {trouble}")
        if isinstance(trouble, act.OwnTrade):
            self.faults["manual trade"] += 1
        self._do(trouble, now_ns)

    def _record(self, report: OrderReport, now_ns: int) -> None:
        """A row of the master's book; the judge keeps its own count of his position."""
        before = self._booked.get(report.order_id)
        new = report.filled - (0 if before is None else before.filled)
        self.grounds.master_booked(report, now_ns)
        if new > 0:
            self._booked[report.order_id] = report
            had_units = self.truth.master.get(report.leg, 0)
            self.truth.master_traded(report.leg, report.side.sign * new)
            self.grounds.master_traded(report, had_units)
            self.course.master_traded(report, now_ns)
        rests = self.scenario.settings.follow is Follow.ORDERS
        if new > 0 or rests:  # an order that rests is copied before it fills
            self.conduct.rose_ns[report.leg] = now_ns
        if rests:
            self._resting[report.order_id] = report
            if report.status in TERMINAL_BOOK:
                del self._resting[report.order_id]
        self.world.exchange.record(self.world.master, report, now_ns)

    def _log_in(self, child: str, now_ns: int) -> None:
        self.world.brokers[child].log_in()
        if self.loop.host is not None:
            self.loop.post(LoggedIn(at_ns=now_ns, account=child))

    def _push_delays(self, account: str) -> tuple[int, ...]:
        usual = (self.scenario.settings.paper.latency_ms * NS_PER_MS,)
        delays_ns, until_ns = self._pushes.get(account, (usual, 0))
        if self.clock.now_ns() >= until_ns:
            return usual
        self.faults["child push lost" if not delays_ns else "child push late or repeated"] += 1
        return delays_ns

    # What is seen

    def _watch(self) -> None:
        host = self.loop.host
        if host is not None and host.failed:
            if not self.disk.failing:
                self._found(f"the engine stopped: {host.failed}")
                self._ended = True
            else:
                self._tell(host.failed)
                self._restart(self.clock.now_ns(), self._down_ns)
            return
        moved = host if host is not None and host.events_handled != self._seen_events else None
        if moved is None and not self.truth.violations:
            return  # looked at before, and what happened beside it since broke nothing
        known = len(self.violations)
        if moved is not None:
            self._look_at(moved)
        super()._watch()
        for text in self.truth.violations:
            self._found(text)
        self.truth.violations.clear()
        if len(self.violations) > known:
            self._mark()

    def _look_at(self, host: Host) -> None:
        """The engine has handled another event: its state, beside the judge's own book."""
        state = host.replicator.state
        for leg in state.master.legs.values():
            self.truth.master_known(leg.leg, backed_units(state, leg.leg))
        self._note_kept(state)
        self.course.looked(state)
        self.bounds.looked(state)
        self.promises.looked(state)
        self.grounds.looked(state)
        self.truth.violations += self._doubles.looked(state)
        self.losses.looked(state, self.clock.now_ns(), is_durable=self.disk.is_durable)
        passed_s = (self.clock.now_ns() - self.plan.scenario.start_ns) // NS_PER_S
        most = STEPS_MOST + STEPS_PER_S * passed_s
        if self.steps + host.events_handled > most:
            self._found(f"I16 more than {most} events")
            self._ended = True

    def _note_kept(self, state: State) -> None:
        """Lots that a child's resting order filled and the master's did not may be the owner's (`on_orphan_fill`)."""
        if state.settings.risk.on_orphan_fill is not OnOrphanFill.KEEP:
            return
        for child in state.children.values():
            for leg in child.legs.values():
                key = (child.id, leg.leg)
                new = leg.orphaned_units - self._kept.get(key, 0)
                if abs(leg.orphaned_units) > abs(self._kept.get(key, 0)):
                    self.truth.handed_to_the_owner(key, new)
                self._kept[key] = leg.orphaned_units

    def _at_the_broker(self) -> list[str]:
        return []  # the judge's own book has it all

    def _found(self, text: str) -> None:
        if not self._known(text):
            self.violations.append(text)
            self._mark()

    def _mark(self) -> None:
        if self.broken_at is None:
            host = self.loop.host
            self.broken_at = self.steps + (0 if host is None else host.events_handled)
            self._tell(f"VIOLATION {self.violations[-1]}")

    def _heard(self, _at_s: float, line: NoticeLine) -> None:
        where = " ".join(part for part in (line.account, line.symbol) if part)
        self._tell(f"  {where + ': ' if where else ''}{line.text}")

    def _tell(self, text: str) -> None:
        if self._keeps_history:
            host = self.loop.host if hasattr(self, "loop") else None
            events = self.steps + (0 if host is None else host.events_handled)
            self.history.append(Step(self.clock.now_ns(), text, events))

    def _changed(self, account: str, row: OrderReport) -> None:
        row = self._doubles.as_they_are(account, row)
        self.truth.changed(account, row)
        if account != self.world.master:
            self.course.changed(account, row, self.clock.now_ns())
            self.copies.seen(row)
            self._missing_shares.changed(account, row)

    def _received(self, account: str, on: FaultOn) -> None:
        self.windows.arrived(account, on, self.clock.now_ns())

    def handed_over(self, command: Command) -> None:
        """The engine hands a command to a lane."""
        self._note_kept(self.replicator.state)
        is_durable = self.disk.is_durable and (not isinstance(command, PlaceOrder) or command.tag in self._intents)
        self.conduct.handed_over(command, self.replicator.state, is_durable=is_durable)
        if isinstance(command, PlaceOrder):
            state = self.replicator.state
            self._tell(f"  -> {command.account} {command.side} {command.quantity} {command.symbol} {command.tag}")
            self.truth.handed_over(command, state.orders[command.tag], state)
            self.truth.violations += self._doubles.handed_over(command, state)
            if len(state.orders) > ORDERS_MOST:
                self._found(f"I16 more than {ORDERS_MOST} orders")
                self._ended = True
        elif isinstance(command, CancelOrder):
            self._tell(f"  -> {command.account} cancel {command.order_id} {command.tag}")
        elif isinstance(command, ModifyOrder):
            terms = f"{command.order_type} {command.quantity or ''} {command.price_inr or ''}"
            self._tell(f"  -> {command.account} change {command.order_id} {command.tag} to {terms}")
        if isinstance(command, PlaceOrder | ModifyOrder | CancelOrder):
            self.windows.handed_over(command.account, self.clock.now_ns())
