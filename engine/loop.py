"""The engine's loop: one thread, one inbox. Takes events, runs what is due beside the core, wakes the core in time.

With a virtual clock the same loop is a simulation: it never waits, and the same input gives the same run.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from engine.agenda import Agenda
from engine.clock import EngineClock
from engine.events import Event, OperatorEvent, SessionStopped, TimePassed
from engine.feed import QuoteFeed
from engine.host import Host

INBOX_MOST = 100_000
"""Events waiting for the engine; a full inbox makes the sender wait, never lose."""
IDLE_S = 0.2
"""The longest wait without looking at the stop flag."""
BATCH_MOST = 500
"""Events handled before due work gets its turn."""
WAITED_NS = 1_000_000_000
"""An event that waited so long counts from when it is taken up."""
NEVER_NS = 2**62
"""Later than any time."""


class EngineLoop:
    """Drives a host.

    Args:
        clock: Real, scaled or virtual time.
        agenda: Work beside the core in the same thread (the paper exchange, a simulated market).
        on_beat: Called after every round of work, at the engine's thread (snapshots).
        on_event: Called after every event that a host handled (a simulation looks whether every rule holds).
    """

    def __init__(
        self,
        clock: EngineClock,
        agenda: Agenda,
        *,
        on_beat: Callable[[], None] | None = None,
        on_event: Callable[[], None] | None = None,
    ) -> None:
        self.clock, self.agenda = clock, agenda
        self.host: Host | None = None
        self.feed: QuoteFeed | None = None
        self.on_beat, self.on_event = on_beat, on_event
        self._inbox: queue.Queue[Event] = queue.Queue(INBOX_MOST)
        self._own: deque[Event] = deque()
        "What the engine's thread posts to itself (the world beside the core): handled before the inbox."
        self._owner = threading.get_ident()
        self._stop = threading.Event()

    def post(self, event: Event) -> None:
        """Put an event into the inbox; safe from every thread, and never waits on the engine's own."""
        if threading.get_ident() == self._owner:
            self._own.append(event)
        else:
            self._inbox.put(event)

    def now_ns(self) -> int:
        """What the clock shows."""
        return self.clock.now_ns()

    def stop(self) -> None:
        """Ask for an orderly end; safe from every thread and from a signal handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for."""
        return self._stop.is_set()

    def run(self, until_ns: int | None = None, finished: Callable[[], bool] | None = None) -> None:
        """Work until `stop`, until nothing is left before `until_ns`, or until `finished` says so."""
        self._owner = threading.get_ident()
        while True:
            is_finished = self._work(until_ns, finished)
            while self._own or not self._inbox.empty():  # what was ordered or answered before the end still counts
                self.drain()
            # ... and may begin something that must be seen to its end: a fill of the master that came at that moment.
            if not is_finished or finished is None or finished():
                return

    def _work(self, until_ns: int | None, finished: Callable[[], bool] | None) -> bool:
        """Returns whether it ended because `finished` said so."""
        while not self._stop.is_set():
            self.drain()
            if finished is not None and finished():
                return True
            due_ns = self._next_due_ns()
            self.clock.hold_at(NEVER_NS if due_ns is None else due_ns)
            if until_ns is not None and (due_ns is None or due_ns > until_ns):
                if not self._wait(until_ns) and not self._own and self._inbox.empty():
                    return False
                continue
            if due_ns is None:
                self._wait(self.clock.now_ns() + 10_000_000_000)
            elif self.clock.now_ns() >= due_ns or not self._wait(due_ns):
                self._run_due(due_ns)
            if self.on_beat is not None:
                self.on_beat()
        return False

    def drain(self) -> None:
        """Handle what waits, at most a batch of it."""
        for _ in range(BATCH_MOST):
            event = self._next_event()
            if event is None:
                return
            self._handle(event)

    def _next_event(self) -> Event | None:
        if self._own:
            return self._own.popleft()
        try:
            return self._inbox.get_nowait()
        except queue.Empty:
            return None

    def _handle(self, event: Event) -> None:
        if self.host is not None:
            self.host.handle(self._dated(event))
            if self.on_event is not None:
                self.on_event()

    def _dated(self, event: Event) -> Event:
        """An operator's order counts from when it is taken up, and the clock stands still there until it is done.

        So what it sends goes out at the time that the journal has for it, and a simulated market can be rebuilt. What
        waited for long while the engine was held up is taken up now: what comes of it is decided by the time of now.
        """
        now_ns = self.clock.now_ns()
        if not isinstance(event, OperatorEvent):
            return event if now_ns - event.at_ns < WAITED_NS else replace(event, at_ns=now_ns)
        self.clock.hold_at(now_ns)
        return replace(event, at_ns=now_ns) if event.at_ns < now_ns else event

    def _next_due_ns(self) -> int | None:
        times = [self.agenda.next_due_ns]
        if self.host is not None:
            times.append(self.host.next_due_ns)
        if self.feed is not None:
            times.append(self.feed.next_due_ns)
        known = [t for t in times if t is not None]
        return min(known) if known else None

    def _run_due(self, due_ns: int) -> None:
        """One thing that is due: the world before the core, as events of one instant come before timers."""
        if self.agenda.next_due_ns is not None and self.agenda.next_due_ns <= due_ns:
            self.agenda.run_next()
            return
        now_ns = max(due_ns, self.clock.now_ns())
        if self.feed is not None and self.feed.next_due_ns is not None and self.feed.next_due_ns <= due_ns:
            self.feed.flush_due(now_ns)
            return
        self._handle(TimePassed(at_ns=now_ns))

    def _wait(self, until_ns: int) -> bool:
        """Wait for an event or a time; true when an event came (and was handled) or the wait goes on."""
        seconds = self.clock.wait_s(until_ns)
        if seconds <= 0:
            return False
        try:
            event = self._inbox.get(timeout=min(seconds, IDLE_S))
        except queue.Empty:
            return self.clock.now_ns() < until_ns
        self._handle(event)
        return True


def stop_host(host: Host, now_ns: int) -> None:
    """End a session in an orderly way: the last event, the checkpoint, durable."""
    host.handle(SessionStopped(at_ns=now_ns))
    host.checkpoint(now_ns)
