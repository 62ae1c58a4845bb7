"""Reads keep Angel's limits by waiting a little; long waits fail, and refusals make the pause grow."""

import pytest

from brokers.angel_one.pace import MARGIN_NS, Pace
from engine.errors import ReadFailed
from engine.model import NS_PER_S

APART_S = 1 + MARGIN_NS / NS_PER_S


class Time:
    def __init__(self) -> None:
        self.now_ns = 1_000 * NS_PER_S
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_ns += round(seconds * NS_PER_S)

    def pace(self, per_second: int = 1) -> Pace:
        return Pace(per_second, lambda: self.now_ns, self.sleep)


def test_first_read_waits_for_nothing_and_the_next_one_for_a_second() -> None:
    time = Time()
    pace = time.pace()
    pace.wait()
    assert time.slept == []
    pace.wait()
    assert time.slept == [APART_S]


@pytest.mark.parametrize("per_second", [1, 2, 10])
def test_no_second_has_more_reads_than_the_limit(per_second: int) -> None:
    time = Time()
    pace = time.pace(per_second)
    sent = []
    for _ in range(50):
        pace.wait()
        sent.append(time.now_ns)
    for first, later in zip(sent, sent[per_second:], strict=False):
        assert later - first > NS_PER_S


def test_read_after_a_pause_waits_for_nothing() -> None:
    time = Time()
    pace = time.pace()
    pace.wait()
    time.now_ns += 2 * NS_PER_S
    pace.wait()
    assert time.slept == []


def test_read_that_would_wait_long_fails_and_costs_the_others_nothing() -> None:
    time = Time()
    waits: list[float] = []
    pace = Pace(1, lambda: time.now_ns, waits.append)  # several threads at the same moment
    pace.wait()
    pace.wait()
    for _ in range(3):
        with pytest.raises(ReadFailed):
            pace.wait()
    time.now_ns += 2 * NS_PER_S
    pace.wait()
    assert waits == [APART_S, pytest.approx(2 * APART_S - 2)]


def test_pause_after_refusals_grows_to_a_minute_and_ends_with_an_answer() -> None:
    time = Time()
    pace = time.pace()
    pauses = []
    for _ in range(9):
        pace.refused()
        start_ns = time.now_ns
        for _ in range(1000):
            try:
                pace.wait()
                break
            except ReadFailed:
                time.now_ns += NS_PER_S // 10
        pauses.append(round((time.now_ns - start_ns) / NS_PER_S))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    pace.answered()
    pace.refused()
    time.now_ns += 2 * NS_PER_S
    pace.wait()


def test_clock_that_is_set_back_does_not_stop_the_reads() -> None:
    time = Time()
    pace = time.pace()
    pace.wait()
    time.now_ns -= 900 * NS_PER_S
    pace.wait()
