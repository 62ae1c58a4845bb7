"""Orders that a lane sends on the thread that decided them, and the threads that wait for their answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from engine.commands import Command, PlaceOrder
from engine.events import AccountRead, Event, Outcome, Request, RequestAnswered
from engine.lanes import QUEUE_MOST, THREADS_MOST, ThreadLane, ThreadLanes
from engine.ports import Answer
from tests.unit.engine.fakes import (
    WAIT_S,
    Gate,
    Inbox,
    LoggedLane,
    ScriptedBroker,
    cancel,
    modify,
    name_of,
    notice,
    place,
    read,
)
from tests.unit.paper.builders import NOW


class StartingBroker(ScriptedBroker):
    """A broker that can send an order without waiting; `place` and the wait for an answer are logged apart."""

    def __init__(self, account: str = "C1") -> None:
        super().__init__(account)
        self.cold = False
        "No connection is warm."
        self.fault: Exception | None = None
        self.started_on: list[int] = []

    def start(self, order: PlaceOrder) -> Callable[[], Answer] | None:
        if self.fault is not None:
            raise self.fault
        if self.cold:
            return None
        self.calls.append(f"start {order.tag}")
        self.started_on.append(threading.get_ident())
        return lambda: self._write("wait", order.tag)


class Line:
    """A lane with its broker and what it told."""

    def __init__(self, account: str = "C1", overtake_s: float = WAIT_S) -> None:
        self.broker, self.inbox = StartingBroker(account), Inbox()
        self.lane = ThreadLane(self.broker, self.inbox, lambda: NOW, overtake_s=overtake_s)


@contextmanager
def blocked(line: Line) -> Iterator[Gate]:
    """The lane's first wait hangs until the block ends, whatever the test finds."""
    gate = Gate()
    line.broker.on_call = gate
    try:
        yield gate
    finally:
        line.broker.on_call = lambda _call: None
        gate.open()
        line.lane.close(WAIT_S)


def tags(events: list[Event]) -> list[str]:
    return [event.tag for event in events if isinstance(event, RequestAnswered)]


def test_order_has_left_when_submit_comes_back() -> None:
    line = Line()
    with blocked(line):
        line.lane.submit(place("A"))
        assert line.broker.calls[0] == "start A"
        assert line.broker.started_on == [threading.get_ident()]
        assert line.inbox.events == []
    (event,) = line.inbox.wait_for(1)
    assert event == RequestAnswered(
        at_ns=NOW, account="C1", request=Request.PLACE, tag="A", outcome=Outcome.ACKED, order_id="O-A"
    )
    assert line.broker.calls == ["start A", "wait A"]


def test_order_without_a_warm_connection_is_placed_by_the_lane() -> None:
    line = Line()
    line.broker.cold = True
    line.lane.submit(place("A"))
    assert tags(line.inbox.wait_for(1)) == ["A"]
    assert line.broker.calls == ["place A"]
    assert line.lane.close(WAIT_S)


def test_second_order_waits_for_the_answer_to_the_first() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place("A"))
        gate.wait_until_reached()
        line.lane.submit(place("B"))
        assert line.broker.calls == ["start A", "wait A"]
    assert tags(line.inbox.wait_for(2)) == ["A", "B"]
    assert line.broker.calls == ["start A", "wait A", "place B"]


def test_order_does_not_pass_what_waits_before_it() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(cancel("A"))
        gate.wait_until_reached()
        line.lane.submit(modify("B"))
        line.lane.submit(place("C"))
        assert line.broker.calls == ["cancel A"]
    assert tags(line.inbox.wait_for(3)) == ["A", "B", "C"]
    assert line.broker.calls == ["cancel A", "modify B", "place C"]


def test_order_does_not_pass_what_no_thread_has_taken_up_yet() -> None:
    line = Line()
    with line.lane._changed:
        line.lane.submit(cancel("A"))
        line.lane.submit(place("B"))
        assert line.broker.calls == []
    assert tags(line.inbox.wait_for(2)) == ["A", "B"]
    assert line.lane.close(WAIT_S)


def test_end_of_an_overtaken_call_lets_nothing_pass_the_call_that_overtook_it() -> None:
    line = Line(overtake_s=0.01)
    gates = {"wait": Gate(), "cancel": Gate()}
    line.broker.on_call = lambda call: gates[call](call) if call in gates else None
    line.lane.submit(place("LOST"))
    line.lane.submit(cancel("B"))
    gates["cancel"].wait_until_reached()
    line.lane._overtake_s = WAIT_S
    gates["wait"].open()
    assert tags(line.inbox.wait_for(1)) == ["LOST"]
    while not line.lane._idle:  # the answer is told a moment before the call is over
        pass
    line.lane.submit(place("C"))
    assert line.broker.calls == ["start LOST", "wait LOST", "cancel B"]
    gates["cancel"].open()
    assert tags(line.inbox.wait_for(3)) == ["LOST", "B", "C"]
    assert line.lane.close(WAIT_S)


@pytest.mark.parametrize("command", [cancel("A"), modify("A"), read()], ids=["cancel", "modify", "read"])
def test_only_orders_are_started(command: Command) -> None:
    line = Line()
    line.lane.submit(command)
    line.inbox.wait_for(1)
    assert not any(call.startswith("start") for call in line.broker.calls)
    assert line.lane.close(WAIT_S)


def test_silent_order_that_was_started_is_overtaken() -> None:
    line = Line(overtake_s=0.01)
    with blocked(line) as gate:
        line.lane.submit(place("LOST"))
        gate.wait_until_reached()
        line.broker.on_call = lambda _call: None
        line.lane.submit(place("EXIT"))
        assert tags(line.inbox.wait_for(1)) == ["EXIT"]
        line.lane.submit(place("NEXT"))
        assert tags(line.inbox.wait_for(2)) == ["EXIT", "NEXT"]
    assert tags(line.inbox.wait_for(3)) == ["EXIT", "NEXT", "LOST"]
    assert line.broker.calls == ["start LOST", "wait LOST", "place EXIT", "start NEXT", "wait NEXT"]


def test_orders_that_were_started_count_among_the_calls_under_way() -> None:
    line = Line(overtake_s=0.0)
    entered, go_on = threading.Semaphore(0), threading.Event()

    def hang(_call: str) -> None:
        entered.release()
        go_on.wait(WAIT_S)

    line.broker.on_call = hang
    for number in range(THREADS_MOST + 3):
        line.lane.submit(place(f"T{number}"))
    for _ in range(THREADS_MOST):
        assert entered.acquire(timeout=WAIT_S)
    one_more = entered.acquire(timeout=0.05)
    go_on.set()
    line.inbox.wait_for(THREADS_MOST + 3)
    assert not one_more
    assert line.lane.close(WAIT_S)


def test_adapter_that_raises_while_starting_leaves_the_outcome_unknown_and_nothing_is_sent_again() -> None:
    line = Line()
    line.broker.fault = ValueError("secret token abc")
    line.lane.submit(place("A"))
    (event,) = line.inbox.wait_for(1)
    assert isinstance(event, RequestAnswered)
    assert (event.tag, event.outcome, event.reason) == ("A", Outcome.UNKNOWN, "ValueError in the adapter")
    assert line.broker.calls == []
    line.broker.fault = None
    line.lane.submit(place("B"))
    assert tags(line.inbox.wait_for(2)) == ["A", "B"]
    assert line.lane.close(WAIT_S)


def test_adapter_that_raises_while_waiting_leaves_the_outcome_unknown_and_the_lane_alive() -> None:
    line = Line()
    line.broker.answers["wait"] = ZeroDivisionError()
    line.lane.submit(place("A"))
    (event,) = line.inbox.wait_for(1)
    assert isinstance(event, RequestAnswered)
    assert (event.outcome, event.reason) == (Outcome.UNKNOWN, "ZeroDivisionError in the adapter")
    line.lane.submit(read())
    assert isinstance(line.inbox.wait_for(2)[1], AccountRead)
    assert line.lane.close(WAIT_S)


def test_close_waits_for_the_answer_to_an_order_that_was_never_released() -> None:
    line = Line()
    assert line.lane.start(place("A"))
    assert line.lane.close(WAIT_S)
    assert tags(line.inbox.events) == ["A"]


def test_closed_lane_starts_nothing_and_says_so() -> None:
    line = Line()
    assert line.lane.close(WAIT_S)
    for command in (place("P"), modify("M"), cancel("C"), read()):
        assert not line.lane.start(command)
    assert line.broker.calls == []
    answers = [event for event in line.inbox.events if isinstance(event, RequestAnswered)]
    assert [(event.tag, event.outcome, event.reason) for event in answers] == [
        (tag, Outcome.NOT_SENT, "the lane is closed") for tag in ("P", "M", "C")
    ]
    assert len(line.inbox.events) == len(answers)


def test_full_lane_refuses_at_once() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place("FIRST"))
        gate.wait_until_reached()
        for _ in range(QUEUE_MOST):
            line.lane.submit(read())
        assert not line.lane.start(place("P"))
        (event,) = line.inbox.wait_for(1)
        assert isinstance(event, RequestAnswered)
        assert (event.tag, event.outcome) == ("P", Outcome.NOT_SENT)


def test_one_thread_serves_one_command_after_another() -> None:
    line = Line("CX")
    seen: set[int] = set()
    line.broker.on_call = lambda _call: seen.add(threading.get_ident())
    for number in range(20):
        line.lane.submit(place(f"T{number}") if number % 2 else read())
        line.inbox.wait_for(number + 1)
        while not line.lane._idle:  # the answer is told a moment before the call is over
            pass
    assert len(seen) == 1
    assert line.lane.close(WAIT_S)


def test_threads_of_a_lane_are_no_more_than_calls_may_be_under_way() -> None:
    line = Line("CX", overtake_s=0.0)
    with blocked(line) as gate:
        for number in range(3 * THREADS_MOST):
            line.lane.submit(cancel(f"T{number}"))
        gate.wait_until_reached()
        assert 1 <= sum(thread.name == "lane-CX" for thread in threading.enumerate()) <= THREADS_MOST
    assert not any(thread.name == "lane-CX" for thread in threading.enumerate())


# All lanes together


def test_all_orders_of_an_event_have_left_before_the_first_answer_is_waited_for() -> None:
    lines = {account: Line(account) for account in ("C1", "C2", "C3")}
    lanes = ThreadLanes({account: line.lane for account, line in lines.items()})
    for account in lines:
        lanes.submit(place("T", account))
    assert [line.broker.calls[0] for line in lines.values()] == ["start T"] * 3
    lanes.release()
    for line in lines.values():
        assert tags(line.inbox.wait_for(1)) == ["T"]
        assert line.lane.close(WAIT_S)


def test_lane_of_another_kind_gets_what_is_its_own_at_once() -> None:
    line = Line()
    log: list[str] = []
    lanes = ThreadLanes({"C1": line.lane, "C2": LoggedLane(log)})
    lanes.submit(place("T", "C2"))
    assert log == [name_of(place("T", "C2"))]
    lanes.release()
    assert line.lane.close(WAIT_S)
    assert line.broker.calls == []


def test_release_without_anything_started_does_nothing() -> None:
    line = Line()
    lanes = ThreadLanes({"C1": line.lane})
    lanes.release()
    lanes.submit(read())
    lanes.release()
    assert isinstance(line.inbox.wait_for(1)[0], AccountRead)
    assert line.lane.close(WAIT_S)


@pytest.mark.parametrize("command", [place("T", "GONE"), notice()], ids=["unknown account", "notice"])
def test_command_for_nobody_is_passed_over(command: Command) -> None:
    line = Line("C2")
    lanes = ThreadLanes({"C2": line.lane})
    lanes.submit(command)
    lanes.release()
    assert line.lane.close(WAIT_S)
    assert line.broker.calls == []
