"""Lanes: commands go out in turn, answers come back, and a slow account delays only itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from engine.commands import AskMargin, CancelOrder, Command, ModifyOrder, PlaceOrder
from engine.events import AccountRead, Event, MarginTold, Outcome, Request, RequestAnswered, TimePassed
from engine.host import Host
from engine.lanes import QUEUE_MOST, THREADS_MOST, ThreadLane, ThreadLanes
from engine.model import Basket
from tests.unit.engine.fakes import (
    WAIT_S,
    Gate,
    Inbox,
    LoggedJournal,
    ScriptedBroker,
    ScriptedCore,
    Ticking,
    cancel,
    modify,
    notice,
    place,
    read,
)
from tests.unit.engine.test_calls import IDS, WRITES
from tests.unit.paper.builders import NOW


class Line:
    """A lane with its broker and what it told."""

    def __init__(self, account: str = "C1", inbox: Inbox | None = None, overtake_s: float = WAIT_S) -> None:
        self.broker = ScriptedBroker(account)
        self.inbox = Inbox() if inbox is None else inbox
        self.lane = ThreadLane(self.broker, self.inbox, Ticking(), overtake_s=overtake_s)


@contextmanager
def blocked(line: Line) -> Iterator[Gate]:
    """The lane's first call hangs until the block ends, whatever the test finds."""
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


def test_slow_account_delays_only_itself() -> None:
    inbox = Inbox()
    slow, quick = Line("C1", inbox), Line("C2", inbox)
    with blocked(slow) as gate:
        slow.lane.submit(place("SLOW", "C1"))
        gate.wait_until_reached()
        for number in range(5):
            quick.lane.submit(place(f"Q{number}", "C2"))
        assert tags(inbox.wait_for(5)) == ["Q0", "Q1", "Q2", "Q3", "Q4"]
    assert tags(inbox.wait_for(6))[-1] == "SLOW"
    assert quick.lane.close(WAIT_S)


@pytest.mark.rule("R7.20")
def test_what_a_lane_was_given_goes_out_when_the_journal_fails_after_it() -> None:
    """It was durable when it was given; what is decided after the failure reaches no lane."""
    line = Line()
    journal = LoggedJournal()
    core = ScriptedCore([place("T1"), place("T2"), cancel("T3")], [place("T4")], [place("T5")])
    host = Host(core, journal, ThreadLanes({"C1": line.lane}), None, lambda: b"")
    with blocked(line) as gate:
        host.handle(TimePassed(at_ns=NOW))
        gate.wait_until_reached()
        journal.failing = {"commit"}
        for after_ns in (1, 2):
            host.handle(TimePassed(at_ns=NOW + after_ns))
        assert host.failed
    assert tags(line.inbox.wait_for(3)) == ["T1", "T2", "T3"]
    assert [call.split()[-1] for call in line.broker.calls] == ["T1", "T2", "T3"]


class Asked(ScriptedBroker):
    """A broker that lets whoever asks for a margin wait."""

    def __init__(self) -> None:
        super().__init__("C1")
        self.gate = Gate()

    def basket_margin(self, basket: Basket) -> Decimal:
        self.gate(f"margin {basket.account}")
        return Decimal(1)


def test_order_does_not_wait_for_a_question_about_margin() -> None:
    broker, inbox = Asked(), Inbox()
    lane = ThreadLane(broker, inbox, Ticking(), overtake_s=WAIT_S)
    try:
        lane.submit(AskMargin(account="C1", basket=Basket(account="C1", orders=())))
        broker.gate.wait_until_reached()
        lane.submit(place("EXIT"))
        lane.submit(read())
        assert [type(event) for event in inbox.wait_for(2)] == [RequestAnswered, AccountRead]
    finally:
        broker.gate.open()
        assert lane.close(WAIT_S)
    assert isinstance(inbox.wait_for(3)[-1], MarginTold)


def test_lane_is_serial_in_the_order_of_submission() -> None:
    line = Line()
    with blocked(line) as gate:
        for tag in ("A", "B", "C"):
            line.lane.submit(place(tag))
        gate.wait_until_reached()
        assert line.broker.calls == ["place A"]
    assert tags(line.inbox.wait_for(3)) == ["A", "B", "C"]
    assert line.broker.calls == ["place A", "place B", "place C"]


def test_silent_call_is_overtaken_by_the_next_one() -> None:
    """An exit does not wait for the time-out of a lost entry."""
    line = Line(overtake_s=0.01)
    with blocked(line) as gate:
        line.lane.submit(place("LOST"))
        gate.wait_until_reached()
        line.broker.on_call = lambda _call: None
        line.lane.submit(place("EXIT"))
        assert tags(line.inbox.wait_for(1)) == ["EXIT"]
    assert tags(line.inbox.wait_for(2)) == ["EXIT", "LOST"]


def test_only_so_many_calls_are_under_way_at_once() -> None:
    line = Line(overtake_s=0.0)
    entered = threading.Semaphore(0)
    go_on = threading.Event()

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


def test_close_waits_until_the_last_answer_is_handed_over() -> None:
    """What is closed is followed by the orderly end: an answer that comes after it is lost."""
    posting, go_on = threading.Event(), threading.Event()

    def post(_event: Event) -> None:
        posting.set()
        go_on.wait(WAIT_S)

    lane = ThreadLane(ScriptedBroker(), post, Ticking(), overtake_s=WAIT_S)
    lane.submit(place())
    assert posting.wait(WAIT_S)
    closed = lane.close(0.05)
    go_on.set()
    assert not closed


def test_submit_does_not_wait_for_the_call() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place("A"))
        gate.wait_until_reached()
        line.lane.submit(place("B"))
        assert line.inbox.events == []


@pytest.mark.parametrize(("command", "request_"), WRITES, ids=IDS)
def test_adapter_that_raises_in_a_write_leaves_its_outcome_unknown(command: Command, request_: Request) -> None:
    line = Line()
    line.broker.answers[request_.value] = ValueError("secret token abc")
    line.lane.submit(command)
    (event,) = line.inbox.wait_for(1)
    assert isinstance(event, RequestAnswered)
    assert (event.request, event.tag, event.outcome) == (request_, "T1", Outcome.UNKNOWN)
    assert event.reason == "ValueError in the adapter", "what an SDK says may hold a secret"
    assert line.lane.close(WAIT_S)


def test_adapter_that_raises_in_a_read_leaves_the_account_unknown() -> None:
    line = Line()
    line.broker.reads["positions"] = ZeroDivisionError()
    line.lane.submit(read())
    (event,) = line.inbox.wait_for(1)
    assert isinstance(event, AccountRead)
    assert (event.orders, event.positions, event.available_inr) == (None, None, None)
    assert event.error == "ZeroDivisionError in the adapter"
    assert line.lane.close(WAIT_S)


def test_lane_lives_on_after_an_adapter_raised() -> None:
    line = Line()
    line.broker.answers["place"] = ValueError()
    line.lane.submit(place("A"))
    line.lane.submit(cancel("B"))
    assert tags(line.inbox.wait_for(2)) == ["A", "B"]
    assert line.lane.close(WAIT_S)


def test_full_lane_answers_writes_as_not_sent_and_never_calls() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place("FIRST"))
        gate.wait_until_reached()
        for _ in range(QUEUE_MOST):
            line.lane.submit(read())
        for command in (place("P"), modify("M"), cancel("C"), read(), notice()):
            line.lane.submit(command)
        answers = [e for e in line.inbox.wait_for(3) if isinstance(e, RequestAnswered)]
        assert [(a.tag, a.request.value, a.outcome) for a in answers] == [
            ("P", "place", Outcome.NOT_SENT),
            ("M", "modify", Outcome.NOT_SENT),
            ("C", "cancel", Outcome.NOT_SENT),
        ]
    assert [call for call in line.broker.calls if " " in call] == ["place FIRST"]


def test_close_finishes_what_waits_and_takes_nothing_more() -> None:
    line = Line()
    for tag in ("A", "B", "C"):
        line.lane.submit(place(tag))
    assert line.lane.close(WAIT_S)
    line.lane.submit(place("LATE"))
    assert line.broker.calls == ["place A", "place B", "place C"]
    assert tags(line.inbox.events)[:3] == ["A", "B", "C"]


def test_close_of_a_lane_that_hangs_says_so() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place())
        gate.wait_until_reached()
        assert not line.lane.close(0.01)


def test_close_of_a_lane_that_hangs_with_a_full_queue_says_so() -> None:
    line = Line()
    with blocked(line) as gate:
        line.lane.submit(place())
        gate.wait_until_reached()
        for _ in range(QUEUE_MOST):
            line.lane.submit(read())
        assert not line.lane.close(0.01)


def test_lane_thread_does_not_keep_the_process_alive() -> None:
    line = Line("CX")
    (thread,) = [t for t in threading.enumerate() if t.name == "lane-CX"]
    assert thread.daemon
    assert line.lane.close(WAIT_S)
    assert not thread.is_alive()


def test_types_of_commands_are_all_in_the_table() -> None:
    """Guards the parameters above: a new kind of write needs its row."""
    assert {type(command) for command, _ in WRITES} == {PlaceOrder, ModifyOrder, CancelOrder}
    assert {request for _, request in WRITES} == set(Request)


def test_command_that_is_not_for_brokers_is_answered_by_nobody() -> None:
    inbox = Inbox()
    lane = ThreadLane(ScriptedBroker(), inbox, Ticking())
    lane.submit(notice())
    lane.submit(place())
    assert lane.close(WAIT_S)
    assert [type(event) for event in inbox.events] == [RequestAnswered]
