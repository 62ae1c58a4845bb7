"""Clocks: the one place that reads the machine's time.

`SystemClock` is real time. `ScaledClock` runs a market day from a chosen start at a chosen speed. `VirtualClock` stands
still until it is moved: simulations and replays at full speed.
"""

import time

from engine.model import NS_PER_S

STEP_NS = 2 * NS_PER_S
"""Less than this a clock is put right without a second thought."""
STAYS_NS = 10 * NS_PER_S
"""A larger step forwards is believed when it has stayed for so long."""
COUNTS_SLEEP = hasattr(time, "CLOCK_BOOTTIME")
"""Without a clock that counts sleep the end of a sleep is a step, and believed at once."""


class SystemClock:
    """Real time that never goes back: a step of the machine's clock backwards is not followed, one forwards is.

    Between steps it follows the boot clock, which goes on while the machine sleeps. A large step forwards is followed
    when it has stayed: a clock that is wrong for a moment, after a resume or a bad time server, would make it too late
    for everything until the real time has caught up.
    """

    speed = 1.0

    def __init__(self) -> None:
        self._wall_ns, self._boot_ns = time.time_ns(), _boot_ns()
        self._stepped_ns: int | None = None
        "When the present step forwards was first seen, by the boot clock."

    def now_ns(self) -> int:
        """Nanoseconds UTC since the epoch."""
        wall_ns, boot_ns = time.time_ns(), _boot_ns()
        steady_ns = self._wall_ns + boot_ns - self._boot_ns
        if wall_ns - steady_ns <= STEP_NS or not COUNTS_SLEEP:
            self._stepped_ns = None
        elif self._stepped_ns is None:
            self._stepped_ns = boot_ns
        if wall_ns <= steady_ns or (self._stepped_ns is not None and boot_ns - self._stepped_ns < STAYS_NS):
            return steady_ns
        self._wall_ns, self._boot_ns = wall_ns, boot_ns
        return wall_ns

    def go_on_from(self, at_ns: int) -> None:
        """Show `at_ns` now where that is later than the machine's time, and go on from there."""
        behind_ns = max(0, at_ns - self.now_ns())  # first, as that may move what is added to
        self._wall_ns += behind_ns

    def wait_s(self, until_ns: int) -> float:
        """Real seconds until this clock shows `until_ns`; 0 when it does already."""
        return max(0.0, (until_ns - self.now_ns()) / NS_PER_S)

    def hold_at(self, due_ns: int) -> None:
        """Real time waits for nobody."""


class ShiftedClock(SystemClock):
    """Real time moved onto another day: for a sandbox, whose trading day need not be today.

    Args:
        start_ns: What it shows first.
    """

    def __init__(self, start_ns: int) -> None:
        super().__init__()
        self._shift_ns = start_ns - super().now_ns()

    def now_ns(self) -> int:
        """Nanoseconds UTC since the epoch, moved."""
        return super().now_ns() + self._shift_ns


class ScaledClock:
    """A clock that started at `start_ns` and runs at most `speed` times as fast as real time.

    It follows the monotonic clock, so that a step of the machine's time does not move the market. It never passes what
    is still to be done (`hold_at`): at a speed that the machine cannot keep, the market waits and no signal grows old.
    """

    def __init__(self, start_ns: int, speed: float) -> None:
        self.speed = speed
        self._start_ns = start_ns
        self._zero_ns = time.monotonic_ns()
        self._held_ns: int | None = None
        self._shown_ns = start_ns

    def now_ns(self) -> int:
        """Nanoseconds UTC since the epoch, on the scaled time line."""
        running_ns = self._running_ns()
        now_ns = running_ns if self._held_ns is None else min(running_ns, self._held_ns)
        self._shown_ns = max(self._shown_ns, now_ns)
        return self._shown_ns

    def wait_s(self, until_ns: int) -> float:
        """Real seconds until this clock may show `until_ns`; 0 when it may already."""
        return max(0.0, (until_ns - self._running_ns()) / NS_PER_S / self.speed)

    def hold_at(self, due_ns: int) -> None:
        """Do not pass `due_ns` before this is called again."""
        self._held_ns = due_ns

    def _running_ns(self) -> int:
        return self._start_ns + int((time.monotonic_ns() - self._zero_ns) * self.speed)


class VirtualClock:
    """A clock that is moved by hand and never goes back."""

    speed = float("inf")

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """The time it was last moved to."""
        return self._now_ns

    def advance(self, to_ns: int) -> None:
        """Move on to `to_ns`; an earlier time changes nothing."""
        self._now_ns = max(self._now_ns, to_ns)

    def wait_s(self, until_ns: int) -> float:
        """Never waits: moves to `until_ns` at once."""
        self.advance(until_ns)
        return 0.0

    def hold_at(self, due_ns: int) -> None:
        """It stands still anyway."""


def _boot_ns() -> int:
    """A clock that counts sleep and never steps, where the system has one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock)


def ticks_s() -> float:
    """Real seconds on a clock that never steps, those of sleep included: what waited meanwhile is old."""
    return _boot_ns() / NS_PER_S


EngineClock = SystemClock | ScaledClock | VirtualClock
