"""The live path with ten children, each of whom meets the broker's fault, in a program that is killed meanwhile."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.core import reasons
from engine.core.address import ALARM_TEXT as ADDRESS_REFUSED
from engine.events import ChildResynced, PromptAnswered
from paper.sandbox.faults import ACCEPTS, PUSHES, Fault, Kind, PushFault
from paper.sandbox.sandbox import SandboxThread
from tests.operated import OperatedProgram, operate
from tests.test_kill import DISARMED, DONE
from tests.test_live import LOT, MASTER, PATIENCE_S, Live, Program, enter, equal, leave

pytestmark = pytest.mark.slow

TEN = tuple(f"ZC{number:04}" for number in range(1, 11))
PATIENCE_FOR_THE_ABSENT_S = 4 * PATIENCE_S
"An order is called absent two minutes after it was sent, when three complete reads have not shown it."
SLOW_S = 2.0
AGAIN = 100
"So many looks, or some seconds, are between two resyncs."

SETTLED = [
    Kind.ACCEPTED_THEN_TIMEOUT,
    Kind.TIMED_OUT_400,
    Kind.TRUNCATED,
    Kind.DROPPED_AFTER,
    Kind.RATE_LIMITED,
    Kind.UNAVAILABLE,
    Kind.HTML,
    Kind.NO_ID,
    Kind.SLOW,
    Kind.ACCEPTED_LATE,
]
"Faults after which everything is done all the same."
REFUSED = [Kind.REJECTED, Kind.RMS_REFUSED, Kind.REJECTED_ROW]
"Faults after which nothing was done, and everybody knows it."
LOST = [Kind.TIMEOUT_NOT_ACCEPTED, Kind.DROPPED_BEFORE, Kind.SERVER_ERROR]
"Faults after which nobody can know that nothing was done."
READS = [
    *(
        (request, kind)
        for request in ("orders", "positions")
        for kind in (Kind.SERVER_ERROR, Kind.TRUNCATED, Kind.HTML)
    ),
    *(("orders", kind) for kind in (Kind.UNSORTED, Kind.RATE_LIMITED, Kind.DROPPED_BEFORE, Kind.SLOW)),
    ("margins", Kind.TIMED_OUT_400),
    ("any", Kind.UNAVAILABLE),
]
"Requests that only look, and how they go wrong."


class Ten(Live):
    """A sandbox with ten children."""

    def __init__(self, thread: SandboxThread, directory: Path) -> None:
        super().__init__(thread, directory, TEN)
        self.program = OperatedProgram(directory)

    def struck(self, kind: Kind) -> dict[str, dict[str, int]]:
        """The program starts, and the first order of each child meets this fault; what everybody is to hold."""
        self.start()
        self.armed()
        self.arm_each("place", kind, TEN)
        return dict.fromkeys(TEN, enter(self))

    def arm_each(self, request: str, kind: Kind, accounts: Sequence[str], times: int = 1) -> None:
        """So many of the next requests of each account meet this fault."""
        faults = [Fault(request, kind, account, times, SLOW_S) for account in accounts]
        self.thread.call(lambda: self.sandbox.server.script.arm(faults))

    def arm_pushes(self, kind: str, times: int) -> None:
        """So many of the next updates of everybody's orders meet this fault."""
        faults = [PushFault(kind, account, times) for account in (MASTER, *TEN)]
        self.thread.call(lambda: self.sandbox.server.arm(faults))

    def wait_to_be_told(self, why: str, patience_s: float = PATIENCE_S) -> None:
        """Until this was said of every child."""

        def found() -> bool:
            return all(any(child in line and why in line for line in self.lines) for child in TEN)

        self.program.wait(f"ten times {why}", found, patience_s)

    def resync_until(self, condor: dict[str, dict[str, int]]) -> None:
        """The operator resyncs every child, and approves what is offered, until nobody lacks lots."""
        looks = 0

        def found() -> bool:
            nonlocal looks
            if looks % AGAIN == 0:
                lack = [child for child, held in self.positions().items() if held != condor[child]]
                operate(self, *(ChildResynced(at_ns=0, child=child) for child in lack))
            looks += 1
            operate(self, PromptAnswered(at_ns=0, approve=True))
            return self.positions() == condor

        self.program.wait("the condor after a resync", found, 2 * PATIENCE_S)

    def filled(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """(side, lots) of every order that filled."""
        return {child: tuple(sorted((side, lots) for _, side, lots in self.orders(child))) for child in TEN}

    def wait_for_hits(self, kind: Kind) -> None:
        script = self.sandbox.server.script
        self.wait(f"ten times {kind}", lambda: script.hits == {kind.value: len(TEN)})

    def book(self, child: str) -> list[tuple[str, str, str]]:
        """(tag, symbol, side) of every order that reached the broker, whatever became of it."""
        account = self.sandbox.desk.accounts[child]
        rows = self.thread.call(lambda: self.sandbox.desk.orders(account))
        return [(row["tag"], row["tradingsymbol"], row["transaction_type"]) for row in rows]

    def books(self) -> dict[str, list[tuple[str, str, str]]]:
        return {child: self.book(child) for child in TEN}

    def kill_and_start(self) -> None:
        """`kill -9`, and the next process until it has read the books."""
        self.program.kill()
        self.start()
        self.wait("the books", lambda: any("differences" in line for line in self.lines))

    def status(self) -> dict[str, object]:
        """What the program itself takes for true."""
        done = subprocess.run(
            Program.command("status", "--json"),
            check=True,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    def is_settled(self) -> bool:
        """Whether everybody is flat, at the broker and in the program's books, and nothing is under way."""
        if any(self.positions().values()):
            return False
        found = self.status()
        return found["children"] == {child: {} for child in TEN} and not found["working"] and not found["unknown"]


@pytest.fixture
def ten(tmp_path: Path) -> Iterator[Ten]:
    thread = SandboxThread(equal(TEN))
    with thread:
        made = Ten(thread, tmp_path)
        yield made
        made.program.kill()


def assert_nothing_is_doubled(ten: Ten) -> None:
    """Each child has at most one order of each leg and side, and each order its own tag."""
    for child, orders in ten.books().items():
        assert max(Counter((symbol, side) for _, symbol, side in orders).values(), default=0) <= 1, (child, orders)
        assert len({tag for tag, _, _ in orders}) == len(orders), (child, orders)


@pytest.mark.parametrize("kind", SETTLED)
def test_condor_is_entered_once_by_each_child_and_a_kill_changes_nothing(ten: Ten, kind: Kind) -> None:
    condor = ten.struck(kind)
    ten.wait("the condor", lambda: ten.positions() == condor)
    ten.wait_for_hits(kind)
    entered = ten.books()
    assert {child: len(orders) for child, orders in entered.items()} == dict.fromkeys(TEN, 4)
    assert_nothing_is_doubled(ten)
    ten.kill_and_start()
    held = {child: {symbol: lots * LOT for symbol, lots in legs.items()} for child, legs in condor.items()}
    ten.wait("the same condor", lambda: ten.status()["children"] == held)
    assert (ten.positions(), ten.books()) == (condor, entered)
    leave(ten)
    ten.wait("everybody flat", ten.is_settled)
    assert {child: len(orders) for child, orders in ten.books().items()} == dict.fromkeys(TEN, 8)
    assert_nothing_is_doubled(ten)
    assert ten.stop() == DISARMED


@pytest.mark.parametrize("kind", SETTLED)
def test_killed_while_nobody_has_answered_each_order_is_known_to_the_next_process(ten: Ten, kind: Kind) -> None:
    """Nor is one that the broker refused, or that still waited in its lane: it is looked for until it is called absent."""
    ten.struck(kind)
    ten.wait_for_hits(kind)
    ten.kill_and_start()
    if kind in ACCEPTS or kind is Kind.SLOW:
        ten.wait("what was accepted", lambda: all(ten.books().values()))
    entered = ten.books()
    leave(ten)
    ten.program.wait("everybody flat", ten.is_settled, PATIENCE_FOR_THE_ABSENT_S)
    assert_nothing_is_doubled(ten)
    assert {child: orders[: len(entered[child])] for child, orders in ten.books().items()} == entered
    assert ten.stop() == DISARMED


@pytest.mark.parametrize("kind", LOST)
def test_order_that_never_arrived_is_held_for_the_operator_who_resyncs(ten: Ten, kind: Kind) -> None:
    condor = ten.struck(kind)
    ten.wait_for_hits(kind)
    ten.wait_to_be_told(reasons.NEVER_APPEARED, PATIENCE_FOR_THE_ABSENT_S)
    assert_nothing_is_doubled(ten)
    # What another process sees is what is durable: a little later than what the program says.
    ten.wait("nothing unknown", lambda: (ten.status()["unknown"], ten.status()["working"]) == ([], []))
    found = ten.status()
    placed = {tag for orders in ten.books().values() for tag, _, _ in orders}
    assert isinstance(found["held"], list)
    assert len(found["held"]) >= len(TEN)
    assert not placed & set(found["held"])
    assert_resynced(ten, condor)


@pytest.mark.parametrize("kind", REFUSED)
def test_order_that_was_refused_is_missed_until_the_operator_resyncs(ten: Ten, kind: Kind) -> None:
    condor = ten.struck(kind)
    ten.wait_for_hits(kind)
    ten.wait_to_be_told(reasons.refused(""))
    assert_nothing_is_doubled(ten)
    assert_resynced(ten, condor)


def test_children_whose_token_has_died_take_part_after_their_logins(ten: Ten) -> None:
    condor = ten.struck(Kind.TOKEN_EXPIRED)
    ten.wait_to_be_told("LOGIN REQUIRED")
    for child in TEN:
        ten.log_in(child, child)
    ten.wait_to_be_told("logged in again")
    assert_nothing_is_doubled(ten)
    assert_resynced(ten, condor)


def test_children_whose_address_was_refused_take_part_when_it_is_taken(ten: Ten) -> None:
    condor = ten.struck(Kind.IP_REFUSED)
    ten.wait_to_be_told(ADDRESS_REFUSED)
    assert_nothing_is_doubled(ten)
    assert_resynced(ten, condor)


def assert_resynced(ten: Ten, condor: dict[str, dict[str, int]]) -> None:
    """After a resync everybody has the whole condor, each lot once; and is out of it with the master."""
    ten.resync_until(condor)
    assert ten.filled() == dict.fromkeys(TEN, 2 * (("BUY", 3),) + 2 * (("SELL", 3),))
    leave(ten)
    ten.wait("everybody flat", ten.is_settled)
    assert ten.filled() == dict.fromkeys(TEN, 4 * (("BUY", 3),) + 4 * (("SELL", 3),))
    assert ten.stop() == DONE


def assert_condor_and_out(ten: Ten) -> None:
    """The condor is copied whole and left again, each order once."""
    condor = dict.fromkeys(TEN, enter(ten))
    ten.wait("the condor", lambda: ten.positions() == condor)
    leave(ten)
    ten.wait("everybody flat", ten.is_settled)
    assert {child: len(orders) for child, orders in ten.books().items()} == dict.fromkeys(TEN, 8)
    assert_nothing_is_doubled(ten)
    assert ten.stop() == DONE


@pytest.mark.parametrize(("request_", "kind"), READS, ids=[f"{request}-{kind}" for request, kind in READS])
def test_read_that_goes_wrong_changes_nothing(ten: Ten, request_: str, kind: Kind) -> None:
    """The master's go wrong, too, but for what he orders himself."""
    ten.start()
    ten.armed()
    ten.arm_each(request_, kind, TEN if request_ == "any" else (MASTER, *TEN), times=2)
    assert_condor_and_out(ten)
    assert ten.sandbox.server.script.hits


def test_connection_that_falls_silent_costs_entries_that_the_operator_resyncs(ten: Ten) -> None:
    """Without a quote nothing is entered; when the silence is noticed, there are quotes again."""
    ten.start()
    ten.armed()
    ten.arm_pushes("freeze", times=1)
    condor = dict.fromkeys(TEN, enter(ten))
    ten.wait_to_be_told(reasons.NO_QUOTE)
    ten.wait_to_be_told("order updates are heard again")
    assert_nothing_is_doubled(ten)
    assert_resynced(ten, condor)


@pytest.mark.parametrize("kind", sorted({*PUSHES} - {"freeze"}))
def test_push_that_goes_wrong_changes_nothing(ten: Ten, kind: str) -> None:
    ten.start()
    ten.armed()
    ten.arm_pushes(kind, times=3)
    assert_condor_and_out(ten)
