"""What must not end a lane, nor lose an answer: an inbox that refuses, an SDK that exits, a system without threads."""

import threading
from collections.abc import Callable

import pytest

from engine.events import AccountRead, Event, Outcome, RequestAnswered
from engine.lanes import THREADS_MOST, ThreadLane
from tests.unit.engine.fakes import WAIT_S, Gate, Inbox, ScriptedBroker, Ticking, cancel, place, read


class Refusing(Inbox):
    """An inbox with somebody before it who fails."""

    def __init__(self, refuses: Callable[[Event], bool]) -> None:
        super().__init__()
        self.refuses = refuses
        self.refused: list[Event] = []

    def __call__(self, event: Event) -> None:
        if self.refuses(event):
            self.refused.append(event)
            raise LookupError("secret token abc")
        super().__call__(event)


def lane_into(inbox: Inbox, broker: ScriptedBroker | None = None, overtake_s: float = WAIT_S) -> ThreadLane:
    return ThreadLane(ScriptedBroker() if broker is None else broker, inbox, Ticking(), overtake_s=overtake_s)


def tags(events: list[Event]) -> list[str]:
    return [event.tag for event in events if isinstance(event, RequestAnswered)]


def test_answer_that_could_not_be_posted_is_posted_once_more_as_it_is() -> None:
    inbox = Refusing(lambda _event: not inbox.refused)
    lane = lane_into(inbox)
    lane.submit(place("A"))
    (event,) = inbox.wait_for(1)
    assert isinstance(event, RequestAnswered)
    assert (event.tag, event.outcome, event.order_id) == ("A", Outcome.ACKED, "O-A")
    assert lane.close(WAIT_S)


def test_read_that_cannot_be_posted_has_failed() -> None:
    """Its rows are what cannot be looked up: without them it passes, and is asked for again."""
    inbox = Refusing(lambda event: isinstance(event, AccountRead) and event.orders is not None)
    lane = lane_into(inbox)
    lane.submit(read())
    (event,) = inbox.wait_for(1)
    assert isinstance(event, AccountRead)
    assert (event.orders, event.error) == (None, "LookupError in the adapter")
    assert lane.close(WAIT_S)


def test_answer_that_cannot_be_posted_at_all_comes_before_the_next_one() -> None:
    inbox = Refusing(lambda _event: len(inbox.refused) < 2)
    lane = lane_into(inbox)
    for tag in ("A", "B", "C"):
        lane.submit(place(tag))
    assert tags(inbox.wait_for(3)) == ["A", "B", "C"]
    assert lane.close(WAIT_S)


def test_lane_outlives_more_answers_that_cannot_be_posted_than_it_has_threads() -> None:
    refused = threading.Semaphore(0)

    def refuses(event: Event) -> bool:
        refused.release()
        return True

    inbox = Refusing(refuses)
    lane = lane_into(inbox)
    for number in range(THREADS_MOST + 1):
        lane.submit(place(f"T{number}"))
        assert refused.acquire(timeout=WAIT_S)
        assert refused.acquire(timeout=WAIT_S)
    inbox.refuses = lambda _event: False
    lane.submit(cancel("LAST"))
    assert sorted(tags(inbox.wait_for(THREADS_MOST + 2))) == ["LAST", *(f"T{n}" for n in range(THREADS_MOST + 1))]
    assert lane.close(WAIT_S)


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_adapter_that_would_end_the_thread_leaves_the_outcome_unknown_and_the_lane_alive(error: BaseException) -> None:
    inbox, broker = Inbox(), ScriptedBroker()

    def ends(_call: str) -> None:
        raise error

    broker.on_call = ends
    lane = lane_into(inbox, broker)
    for number in range(THREADS_MOST + 1):
        lane.submit(cancel(f"T{number}"))
    events = inbox.wait_for(THREADS_MOST + 1)
    assert {event.outcome for event in events if isinstance(event, RequestAnswered)} == {Outcome.UNKNOWN}
    assert tags(events) == [f"T{number}" for number in range(THREADS_MOST + 1)]
    assert lane.close(WAIT_S)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_died_is_replaced() -> None:
    """Nothing that is known ends one; a lane that lost all of them would be an account that is silently dead."""
    inbox, broker = Inbox(), ScriptedBroker("CX")
    died = threading.Semaphore(0)
    lane = lane_into(inbox, broker)
    right = lane._carry_out

    def dies(_call: object) -> None:
        died.release()
        raise SystemExit

    lane._carry_out = dies  # type: ignore[method-assign, assignment]
    for number in range(THREADS_MOST + 1):
        lane.submit(place(f"LOST{number}"))
        assert died.acquire(timeout=WAIT_S)
        for thread in [thread for thread in threading.enumerate() if thread.name == "lane-CX"]:
            thread.join(WAIT_S)
    lane._carry_out = right  # type: ignore[method-assign]
    lane.submit(place("A"))
    assert tags(inbox.wait_for(1)) == ["A"]
    assert lane.close(WAIT_S)


def test_lane_that_gets_no_further_thread_goes_on_with_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox, broker, gate = Inbox(), ScriptedBroker(), Gate()
    broker.on_call = gate
    lane = lane_into(inbox, broker, overtake_s=0.0)

    def no_more(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_more)
        lane.submit(place("A"))
        gate.wait_until_reached()
        lane.submit(place("B"))  # on the engine's thread, which this must not end
    gate.open()
    assert tags(inbox.wait_for(2)) == ["A", "B"]
    assert lane.close(WAIT_S)


def test_what_still_waits_when_the_close_has_waited_enough_is_not_sent() -> None:
    inbox, broker, gate = Inbox(), ScriptedBroker(), Gate()
    broker.on_call = gate
    lane = lane_into(inbox, broker)
    lane.submit(place("HANGS"))
    gate.wait_until_reached()
    for command in (place("LATE"), read(), cancel("LATER")):
        lane.submit(command)
    assert not lane.close(0.01)
    late = inbox.wait_for(2)
    assert [e.outcome for e in late if isinstance(e, RequestAnswered)] == [Outcome.NOT_SENT, Outcome.NOT_SENT]
    assert tags(late) == ["LATE", "LATER"]
    gate.open()
    assert tags(inbox.wait_for(3)) == ["LATE", "LATER", "HANGS"]
    assert lane.close(WAIT_S)
    assert broker.calls == ["place HANGS"]


def test_order_that_waited_too_long_is_decided_anew_instead_of_sent() -> None:
    """Who sent it has given it up by then; a cancel is as right as it was."""
    inbox, broker, gate = Inbox(), ScriptedBroker(), Gate()
    broker.on_call = gate
    lane = ThreadLane(broker, inbox, Ticking(), overtake_s=WAIT_S, order_wait_s=0.0)
    lane.submit(cancel("HANGS"))
    gate.wait_until_reached()
    lane.submit(place("OLD"))
    lane.submit(cancel("B"))
    gate.open()
    hangs, old, other = inbox.wait_for(3)
    assert tags([hangs, old, other]) == ["HANGS", "OLD", "B"]
    assert isinstance(old, RequestAnswered)
    assert (old.outcome, old.reason) == (Outcome.NOT_SENT, "it waited too long for the calls before it")
    assert lane.close(WAIT_S)
    assert broker.calls == ["cancel HANGS", "cancel B"]
