"""The live path with ten children, each of whom meets the broker's fault, in a program that is killed meanwhile."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from engine.core import reasons
from paper.sandbox.faults import ACCEPTS, Fault, Kind
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.test_kill import DISARMED, DONE
from tests.test_live import DAY, LOT, MASTER, PATIENCE_S, Live, Program, StillMarket, enter, leave

pytestmark = pytest.mark.slow

TEN = tuple(f"ZC{number:04}" for number in range(1, 11))
PATIENCE_FOR_THE_ABSENT_S = 4 * PATIENCE_S
"An order is called absent two minutes after it was sent, when three complete reads have not shown it."
SLOW_S = 2.0

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
]
"Faults after which everything is done all the same."
LOST = [Kind.TIMEOUT_NOT_ACCEPTED, Kind.DROPPED_BEFORE]
"Faults after which nobody can know that nothing was done."


class Ten(Live):
    """A sandbox with ten children."""

    def arm(self, kind: Kind) -> None:
        """The next order of each child meets this fault."""
        faults = [Fault("place", kind, child, 1, SLOW_S) for child in TEN]
        self.thread.call(lambda: self.sandbox.server.script.arm(faults))

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
    accounts = [(MASTER, Decimal(3_500_000)), *((child, Decimal(1_050_000)) for child in TEN)]
    thread = SandboxThread(Plan(day=DAY, market=StillMarket(), accounts=accounts))
    with thread:
        made = Ten(thread, tmp_path, TEN)
        yield made
        made.program.kill()


def assert_nothing_is_doubled(ten: Ten) -> None:
    """Each child has at most one order of each leg and side, and each order its own tag."""
    for child, orders in ten.books().items():
        assert max(Counter((symbol, side) for _, symbol, side in orders).values(), default=0) <= 1, (child, orders)
        assert len({tag for tag, _, _ in orders}) == len(orders), (child, orders)


@pytest.mark.parametrize("kind", SETTLED)
def test_condor_is_entered_once_by_each_child_and_a_kill_changes_nothing(ten: Ten, kind: Kind) -> None:
    ten.start()
    ten.armed()
    ten.arm(kind)
    condor = dict.fromkeys(TEN, enter(ten))
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
    ten.start()
    ten.armed()
    ten.arm(kind)
    enter(ten)
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
def test_order_that_never_arrived_is_held_for_the_operator(ten: Ten, kind: Kind) -> None:
    ten.start()
    ten.armed()
    ten.arm(kind)
    enter(ten)
    ten.wait_for_hits(kind)

    def told() -> set[str]:
        return {child for child in TEN for line in ten.lines if child in line and reasons.NEVER_APPEARED in line}

    ten.program.wait("ten held", lambda: told() == set(TEN), PATIENCE_FOR_THE_ABSENT_S)
    assert_nothing_is_doubled(ten)
    # What another process sees is what is durable: a little later than what the program says.
    ten.wait("nothing unknown", lambda: (ten.status()["unknown"], ten.status()["working"]) == ([], []))
    found = ten.status()
    placed = {tag for orders in ten.books().values() for tag, _, _ in orders}
    assert isinstance(found["held"], list)
    assert len(found["held"]) >= len(TEN)
    assert not placed & set(found["held"])
    assert ten.stop() == DONE
