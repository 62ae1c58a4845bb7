"""Clocks. Nothing here asserts how long anything took: real ones are only compared with themselves."""

import threading
import time

import pytest

from engine.clock import EngineClock, ScaledClock, SystemClock, VirtualClock, ticks_s
from engine.model import NS_PER_S

START = 1_793_591_400 * NS_PER_S
HOUR = 3600 * NS_PER_S


@pytest.mark.parametrize("clock", [SystemClock(), ScaledClock(START, 1.0), ScaledClock(START, 1000.0)])
def test_running_clock_never_goes_back(clock: EngineClock) -> None:
    seen = [clock.now_ns() for _ in range(1000)]
    assert seen == sorted(seen)


def test_scaled_clock_starts_at_its_start() -> None:
    clock = ScaledClock(START, 0.001)
    assert START <= clock.now_ns() < START + NS_PER_S


def test_scaled_clock_runs_as_many_times_faster_as_asked() -> None:
    """Two clocks over the same stretch of real time, the slow one read inside the readings of the fast one."""
    slow, fast = ScaledClock(0, 1.0), ScaledClock(0, 1000.0)
    slow_before, fast_before = slow.now_ns(), fast.now_ns()
    threading.Event().wait(0.02)
    fast_after, slow_after = fast.now_ns(), slow.now_ns()
    slow_outer, fast_inner = slow_after - slow_before, fast_after - fast_before
    assert 0 < fast_inner <= slow_outer * 1000 and fast_inner > slow_outer


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0, 1000.0])
def test_scaled_wait_is_the_market_time_divided_by_the_speed(speed: float) -> None:
    clock = ScaledClock(START, speed)
    wait_s = clock.wait_s(START + HOUR)
    assert 3590 / speed < wait_s <= 3600 / speed


def test_system_clock_waits_in_real_seconds() -> None:
    clock = SystemClock()
    assert 3590 < clock.wait_s(clock.now_ns() + HOUR) <= 3600


@pytest.mark.parametrize("clock", [SystemClock(), ScaledClock(START, 7.0)])
def test_wait_for_the_past_is_none_at_all(clock: EngineClock) -> None:
    assert clock.wait_s(clock.now_ns() - 1) == 0.0


def test_virtual_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(START)
    assert clock.now_ns() == clock.now_ns() == START
    clock.advance(START + 5)
    assert clock.now_ns() == START + 5


def test_virtual_clock_never_goes_back() -> None:
    clock = VirtualClock(START)
    clock.advance(START - 1)
    assert clock.now_ns() == START


def test_virtual_clock_does_not_wait_but_goes_there() -> None:
    clock = VirtualClock(START)
    assert clock.wait_s(START + HOUR) == 0.0
    assert clock.now_ns() == START + HOUR


def test_ticks_never_step_back() -> None:
    seen = [ticks_s() for _ in range(1000)]
    assert seen == sorted(seen)


def test_ticks_go_on_while_the_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that waited in a lane meanwhile is old; on the monotonic clock it would be sent."""
    boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    slept_ns, real = 0, time.clock_gettime_ns

    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: real(clock) + (slept_ns if clock == boot else 0))
    before_s = ticks_s()
    slept_ns = HOUR
    assert ticks_s() - before_s >= HOUR / NS_PER_S


def test_scaled_clock_does_not_pass_what_is_still_to_be_done() -> None:
    """At a speed that nobody can keep the market waits: a signal must not grow old because the machine is slow."""
    clock = ScaledClock(1_000, 1e12)
    clock.hold_at(5_000)
    assert clock.now_ns() == clock.now_ns() == 5_000
    assert clock.wait_s(5_000) == 0
    clock.hold_at(7_000)
    assert clock.now_ns() == 7_000


def test_scaled_clock_never_goes_back() -> None:
    clock = ScaledClock(1_000, 1e12)
    clock.hold_at(7_000)
    assert clock.now_ns() == 7_000
    clock.hold_at(5_000)
    assert clock.now_ns() == 7_000


class Machine:
    """The machine's two clocks, which a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ns, self.boot_ns = START, 0
        monkeypatch.setattr("engine.clock.time.time_ns", lambda: self.wall_ns)
        monkeypatch.setattr("engine.clock._boot_ns", lambda: self.boot_ns)
        self.clock = SystemClock()

    def run(self, seconds: float) -> int:
        """Let time pass; what the clock shows then, since its start."""
        self.wall_ns += int(seconds * NS_PER_S)
        self.boot_ns += int(seconds * NS_PER_S)
        return self.shown()

    def step(self, seconds: float) -> int:
        """Set the machine's time."""
        self.wall_ns += int(seconds * NS_PER_S)
        return self.shown()

    def shown(self) -> int:
        return round((self.clock.now_ns() - START) / NS_PER_S)


def test_step_of_the_machine_s_time_that_is_taken_back_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    assert (machine.run(10), machine.step(19_800), machine.run(5), machine.step(-19_800)) == (10, 10, 15, 15)
    assert machine.run(3600) == 3615


def test_step_forwards_that_stays_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    assert [machine.step(3600), machine.run(9), machine.run(1), machine.run(10)] == [0, 9, 3610, 3620]


def test_small_step_forwards_is_followed_at_once_and_none_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    assert [machine.step(2), machine.run(1), machine.step(-5), machine.run(1)] == [2, 3, 3, 4]


def test_step_is_followed_at_once_where_no_clock_counts_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.clock.COUNTS_SLEEP", False)
    assert Machine(monkeypatch).step(3600) == 3600


def test_time_goes_on_from_a_later_end_of_the_last_session_and_never_back(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    machine.clock.go_on_from(START + 3600 * NS_PER_S)
    assert (machine.shown(), machine.run(10), machine.step(1800), machine.run(3600)) == (3600, 3610, 3610, 7210)
    machine.clock.go_on_from(START)
    assert machine.shown() == 7210


def test_time_that_goes_on_is_exact_where_the_clock_was_put_right_a_moment_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    machine.run(100)
    machine.wall_ns += NS_PER_S
    machine.clock.go_on_from(START + 3600 * NS_PER_S)
    assert (machine.shown(), machine.run(10)) == (3600, 3610)
