"""The lane to a paper account: latency, one after the other, overtaking what is silent, and death on the way."""

import pytest

from engine.commands import ReadAccount
from engine.events import Event, Paused, RequestAnswered
from engine.lanes import OVERTAKE_NS
from engine.model import NS_PER_MS
from paper.faults import FaultKind, FaultOn
from paper.lane import with_time
from tests.unit.engine.fakes import cancel, notice, read
from tests.unit.paper.builders import NOW, order
from tests.unit.paper.faulty import Line

OVERTAKE_MS = OVERTAKE_NS // NS_PER_MS


def test_order_arrives_one_way_later_and_its_answer_another_way_later() -> None:
    line = Line()
    line.submit(order(tag="A"))
    line.run(1000)
    assert line.at_exchange() == [(50, "A")]
    assert line.answers() == [(100, "A", "acked")]


def test_nothing_has_arrived_before_its_latency_is_over() -> None:
    line = Line()
    line.submit(order(tag="A"))
    line.run(49)
    assert line.at_exchange() == []
    line.run(99)
    assert line.at_exchange() == [(50, "A")]
    assert line.answers() == []


def test_answer_is_dated_when_it_arrives() -> None:
    line = Line()
    line.submit(order(tag="A"), read())
    line.run(1000)
    assert [event.at_ns - NOW for _, event in line.heard] == [at_ns for at_ns, _ in line.heard] == [100 * NS_PER_MS] * 2


def test_without_latency_everything_happens_at_once_but_not_inside_the_caller() -> None:
    line = Line(latency_ns=0)
    line.submit(order(tag="A"))
    assert line.heard == []
    line.run(0)
    assert line.answers() == [(0, "A", "acked")]


def test_next_command_starts_when_the_one_before_is_answered() -> None:
    line = Line()
    line.submit(order(tag="A"), order(tag="B"), order(tag="C"))
    line.run(1000)
    assert line.at_exchange() == [(50, "A"), (150, "B"), (250, "C")]
    assert line.answers() == [(100, "A", "acked"), (200, "B", "acked"), (300, "C", "acked")]


def test_reads_have_no_latency_but_wait_for_their_turn() -> None:
    line = Line()
    line.submit(read(), order(tag="A"), read())
    line.run(1000)
    assert [at_ms for at_ms, _ in line.reads()] == [0, 100]
    assert [[row.tag for row in event.orders or ()] for _, event in line.reads()] == [[], ["A"]]


def test_command_that_is_not_for_brokers_is_answered_by_nothing_and_blocks_nobody() -> None:
    line = Line()
    line.submit(notice(), order(tag="A"))
    line.run(1000)
    assert line.answers() == [(200, "A", "acked")]
    assert len(line.heard) == 1


# Slow calls


def test_slow_call_is_answered_that_much_after_it_was_sent() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, by_ms=700)
    line.submit(order(tag="A"))
    line.run(2000)
    assert line.at_exchange() == [(50, "A")]
    assert line.answers() == [(700, "A", "acked")]


def test_slow_call_holds_the_next_one_until_it_is_overtaken() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, by_ms=10_000)
    line.submit(order(tag="A"), order(tag="B"))
    line.run(20_000)
    assert line.at_exchange() == [(50, "A"), (50 + OVERTAKE_MS + 50, "B")]
    assert line.answers() == [(OVERTAKE_MS + 150, "B", "acked"), (10_000, "A", "acked")]


def test_late_answer_of_an_overtaken_call_starts_nothing_twice() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, times=2, by_ms=5000)
    line.submit(order(tag="A"), order(tag="B"), order(tag="C"))
    line.run(20_000)
    assert [tag for _, tag in line.at_exchange()] == ["A", "B", "C"]
    assert sorted(tag for _, tag, _ in line.answers()) == ["A", "B", "C"]


def test_late_answer_of_an_overtaken_call_does_not_let_the_one_after_next_go() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, by_ms=1500)
    line.arm(FaultKind.SLOW, by_ms=10_000)
    line.submit(order(tag="A"), order(tag="B"), order(tag="C"))
    line.run(20_000)
    second = 50 + OVERTAKE_MS + 50
    assert line.at_exchange() == [(50, "A"), (second, "B"), (second + OVERTAKE_MS + 50, "C")]


@pytest.mark.parametrize("by_ms", [0, 10, 50, 99, 100])
def test_answer_never_comes_before_the_order_arrived(by_ms: int) -> None:
    line = Line()
    line.arm(FaultKind.SLOW, by_ms=by_ms)
    line.submit(order(tag="A"))
    line.run(1000)
    ((at_ns, event),) = line.heard
    assert at_ns >= 50 * NS_PER_MS
    assert event.at_ns - NOW >= 50 * NS_PER_MS


def test_slow_parts_of_one_read_add_up() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, FaultOn.ORDERS, by_ms=300)
    line.arm(FaultKind.SLOW, FaultOn.MARGINS, by_ms=400)
    line.submit(read(), read())
    line.run(5000)
    assert [at_ms for at_ms, _ in line.reads()] == [700, 700]


def test_slowness_of_a_call_does_not_stick_to_the_next_one() -> None:
    line = Line()
    line.arm(FaultKind.SLOW, FaultOn.ORDERS, by_ms=300)
    line.submit(ReadAccount(account="C1", orders=True), order(tag="A"))
    line.run(5000)
    assert line.answers() == [(400, "A", "acked")]


# Death


def test_order_on_its_way_at_death_arrives_and_its_answer_is_lost() -> None:
    line = Line()
    line.submit(order(tag="A"))
    line.run(20)
    line.lane.die()
    line.run(1000)
    assert line.at_exchange() == [(50, "A")]
    assert line.heard == []


def test_answer_on_its_way_at_death_is_lost() -> None:
    line = Line()
    line.submit(order(tag="A"))
    line.run(70)
    line.lane.die()
    line.run(1000)
    assert line.heard == []


def test_orders_that_waited_their_turn_die_with_the_process() -> None:
    line = Line()
    line.submit(order(tag="A"), order(tag="B"), cancel("B"))
    line.run(20)
    line.lane.die()
    line.run(10_000)
    assert line.at_exchange() == [(50, "A")]


def test_dead_lane_takes_no_orders() -> None:
    line = Line()
    line.lane.die()
    line.submit(order(tag="A"))
    line.run(1000)
    assert line.at_exchange() == []
    assert line.heard == []


def test_line_taken_over_is_as_busy_as_it_was_and_its_answers_go_to_whoever_asked() -> None:
    line = Line()
    line.submit(order(tag="A"), order(tag="B"))
    line.run(20)
    heard: list[Event] = []
    line.lane.listen(heard.append)
    line.submit(order(tag="C"))
    line.run(1000)
    assert line.at_exchange() == [(50, "A"), (150, "B"), (250, "C")]
    assert line.answers() == [(100, "A", "acked"), (200, "B", "acked")]
    assert [event.tag for event in heard if isinstance(event, RequestAnswered)] == ["C"]


def test_event_moved_to_another_time_is_otherwise_the_same() -> None:
    event = Paused(at_ns=NOW)
    assert with_time(event, NOW) is event
    assert with_time(event, NOW + 1) == Paused(at_ns=NOW + 1)
    assert not isinstance(with_time(event, NOW + 1), RequestAnswered)
