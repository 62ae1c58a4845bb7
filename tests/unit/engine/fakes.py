"""Stand-ins at the ports for the tests of the shell: each keeps what it was asked, in order."""

import threading
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from config.schema import Account, Child, Settings, Timing
from engine.commands import (
    AskMargin,
    CancelOrder,
    Command,
    ModifyOrder,
    Notify,
    PlaceOrder,
    ReadAccount,
    RecordFill,
    RecordStrategy,
    Severity,
    Subscribe,
)
from engine.core.replicator import Replicator
from engine.errors import JournalFailed
from engine.events import Event, Outcome, SessionStarted
from engine.model import NS_PER_S, Funds, Instrument, InstrumentId, OrderReport, Position, Quote
from engine.opening import opening
from engine.ports import Answer
from tests.unit.paper.builders import CALL, NOW, order

S = NS_PER_S
DAY = date(2026, 11, 2)
WAIT_S = 10.0
"""How long a test waits for another thread before it fails; it never takes that long."""

Log = list[str]


def settings(poll_interval_s: str = "1.0") -> Settings:
    return Settings(
        master=Account(id="M", broker="paper", capital_inr=Decimal(3_500_000)),
        children=(Child(id="C1", broker="paper", capital_inr=Decimal(1_050_000)),),
        timing=Timing(poll_interval_s=Decimal(poll_interval_s)),
    )


def started(at_ns: int = NOW, *, unclean: bool = False, poll_interval_s: str = "1.0") -> SessionStarted:
    return opening(settings(poll_interval_s), DAY, at_ns, unclean=unclean)


def place(tag: str = "T1", account: str = "C1") -> PlaceOrder:
    return order(account=account, tag=tag)


def modify(tag: str = "T1", account: str = "C1") -> ModifyOrder:
    return ModifyOrder(account=account, tag=tag, order_id="O1", price_inr=Decimal("100.05"))


def cancel(tag: str = "T1", account: str = "C1") -> CancelOrder:
    return CancelOrder(account=account, tag=tag, order_id="O1")


def read(account: str = "C1") -> ReadAccount:
    return ReadAccount(account=account, orders=True, positions=True, funds=True)


def notice(text: str = "something happened", at_ns: int = NOW) -> Notify:
    return Notify(at_ns=at_ns, severity=Severity.INFO, text=text, account="C1", symbol=CALL)


def name_of(command: Command) -> str:
    """A command in a log: its kind, and its tag or account."""
    match command:
        case PlaceOrder() | ModifyOrder() | CancelOrder():
            return f"{type(command).__name__} {command.tag}"
        case ReadAccount() | AskMargin() | RecordFill():
            return f"{type(command).__name__} {command.account}"
        case RecordStrategy():
            return f"RecordStrategy {command.name}"
        case Subscribe():
            return f"Subscribe {','.join(command.instruments)}"
        case Notify():
            return f"Notify {command.text}"


class ScriptedCore(Replicator):
    """A core that answers each event with the next list of commands, or raises the next error."""

    def __init__(self, *script: list[Command] | Exception, due_ns: int | None = None) -> None:
        super().__init__()
        super().handle(started())
        self.script = list(script)
        self.seen: list[Event] = []
        self.due_ns = due_ns
        self.haste = False

    @property
    def is_in_haste(self) -> bool:
        return self.haste

    @property
    def next_due_ns(self) -> int | None:
        return self.due_ns

    def handle(self, event: Event) -> list[Command]:
        self.seen.append(event)
        if self.due_ns is not None and event.at_ns >= self.due_ns:
            self.due_ns = None
        step: list[Command] | Exception = self.script.pop(0) if self.script else []
        if isinstance(step, Exception):
            raise step
        return step


class LoggedJournal:
    """A session on no disk that writes every call into a log, and fails when told to."""

    def __init__(self, log: Log | None = None, core: Replicator | None = None) -> None:
        self.log: Log = [] if log is None else log
        self.failing: set[str] = set()
        self.pruned = ""
        self.replicator = Replicator() if core is None else core
        self.unclean = False

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        self._do("append", f"append {type(event).__name__} {len(commands)}")

    def commit(self) -> None:
        self._do("commit", "commit")

    def checkpoint(self, state: bytes) -> None:
        self._do("checkpoint", f"checkpoint {state.decode()}")

    def start(self, day: str, now_ns: int, version: str) -> None:
        self._do("start", f"start {day} {version}")

    def prune(self) -> str:
        self._do("prune", "prune")
        return self.pruned

    def encode_state(self) -> bytes:
        return b"state"

    def end(self, now_ns: int) -> None:
        self._do("end", "end")

    def crash(self) -> None:
        self._do("crash", "crash")

    def _do(self, call: str, entry: str) -> None:
        if call in self.failing:
            raise JournalFailed(f"{call} failed")
        self.log.append(entry)


class LoggedLane:
    """A lane that only writes down what it is to carry out."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def submit(self, command: Command) -> None:
        self.log.append(name_of(command))


class LoggedMarket:
    """A market that only writes down what is subscribed."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        self.log.append(f"Subscribe {','.join(instruments)}")

    def newest(self, instrument: InstrumentId) -> Quote | None:
        return None


class ScriptedBroker:
    """An account whose every call answers, raises, or first waits for the test to let it go."""

    def __init__(self, account: str = "C1") -> None:
        self.account = account
        self.calls: Log = []
        self.answers: dict[str, Answer | Exception] = {}
        self.reads: dict[str, Any] = {"orders": (), "positions": (), "funds": Funds(available_inr=Decimal(5))}
        self.on_call: Callable[[str], None] = lambda _call: None

    def place(self, order: PlaceOrder) -> Answer:
        return self._write("place", order.tag)

    def modify(self, order: ModifyOrder) -> Answer:
        return self._write("modify", order.tag)

    def cancel(self, order: CancelOrder) -> Answer:
        return self._write("cancel", order.tag)

    def orders(self) -> Sequence[OrderReport]:
        rows: Sequence[OrderReport] = self._read_rows("orders")
        return rows

    def positions(self) -> Sequence[Position]:
        rows: Sequence[Position] = self._read_rows("positions")
        return rows

    def funds(self) -> Funds:
        found = self._read_rows("funds")
        assert isinstance(found, Funds)
        return found

    def instruments(self) -> Sequence[Instrument]:
        return ()

    def _write(self, call: str, tag: str) -> Answer:
        self.calls.append(f"{call} {tag}")
        self.on_call(call)
        answer = self.answers.get(call, Answer(outcome=Outcome.ACKED, order_id=f"O-{tag}"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _read_rows(self, call: str) -> Any:
        self.calls.append(call)
        self.on_call(call)
        result = self.reads[call]
        if isinstance(result, Exception):
            raise result
        return result


class Ticking:
    """A clock that is one nanosecond later at every look."""

    def __init__(self) -> None:
        self.ns = NOW

    def __call__(self) -> int:
        self.ns += 1
        return self.ns


class Gate:
    """Stops a broker's call inside until the test opens it."""

    def __init__(self) -> None:
        self.reached, self._open = threading.Event(), threading.Event()

    def __call__(self, _call: str) -> None:
        self.reached.set()
        assert self._open.wait(WAIT_S)

    def wait_until_reached(self) -> None:
        assert self.reached.wait(WAIT_S), "the call never came"

    def open(self) -> None:
        self._open.set()


class Inbox:
    """Takes events from other threads and lets a test wait for them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Event]:
        """The first `count` events."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events) >= count, WAIT_S), self.events
            return self.events[:count]
