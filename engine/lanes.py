"""One account's serial way to its broker, on threads of its own: a slow account delays only itself."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from engine.calls import answered, broken, perform, unsent
from engine.clock import ticks_s
from engine.commands import AskMargin, Command, PlaceOrder
from engine.events import Event, Request, RequestAnswered
from engine.model import NS_PER_S
from engine.ports import Broker, Lane, Starter

Post = Callable[[Event], None]
OVERTAKE_NS = NS_PER_S
"""A call that is silent for so long no longer makes the next one wait."""
THREADS_MOST = 4
"""Calls under way at once in one lane."""
QUEUE_MOST = 1000
"""Commands waiting in one lane; beyond it the answer is NOT_SENT at once."""
ORDER_WAIT_S = 12.0
"""An order that waits longer for the calls before it is not sent: its signal is old, and the core decides anew. With
the time for its connection this is less than `ANSWER_DEADLINE_NS`, after which the core calls it unknown."""
FULL = "the lane is full"
LATE = "it waited too long for the calls before it"
CLOSED = "the lane is closed"


class _Call:
    """A call under way."""

    __slots__ = ("began_s", "carry_out", "command")

    def __init__(self, command: Command, carry_out: Callable[[], Event | None], began_s: float) -> None:
        self.command, self.carry_out, self.began_s = command, carry_out, began_s


class ThreadLane:
    """A lane on threads of its own, for brokers whose calls block.

    Commands go out one after the other. A call that is silent for `OVERTAKE_NS` is overtaken: the next one starts on
    another thread, up to `THREADS_MOST`, so that an exit does not wait for the time-out of a lost entry. Threads stay
    for the next command; more than one is made only when a command has to wait.

    An order that finds the lane idle is sent by `submit` itself, where the broker can send without waiting (`Starter`):
    waking a thread takes longer than sending, and with a hundred lanes they take turns.

    Args:
        broker: The account; its client must bear calls from several threads.
        post: Takes the answers; must not block.
        now: The engine's clock.
        overtake_s: Real seconds after which a silent call is overtaken.
        order_wait_s: Real seconds after which an order that still waits is not sent.
    """

    def __init__(
        self,
        broker: Broker,
        post: Post,
        now: Callable[[], int],
        *,
        overtake_s: float = OVERTAKE_NS / NS_PER_S,
        order_wait_s: float = ORDER_WAIT_S,
    ) -> None:
        self._broker, self._post, self._now = broker, post, now
        self._overtake_s, self._order_wait_s = overtake_s, order_wait_s
        self._starter = broker if isinstance(broker, Starter) else None
        self._changed = threading.Condition()
        "Guards everything below."
        self._waiting: deque[tuple[Command, float]] = deque()
        "With the time of submission."
        self._started: _Call | None = None
        "An order that `submit` has sent; its answer is not waited for yet."
        self._newest: _Call | None = None
        "The call that the next command waits for, until it is answered or overtaken."
        self._closed = self._given_up = False
        self._idle = 0
        "Threads that wait for something to do."
        self._threads: list[threading.Thread] = []
        self._untold: deque[tuple[Command, Event]] = deque(maxlen=QUEUE_MOST)
        "Answers that could not be posted."
        with self._changed:
            self._add_thread()

    def submit(self, command: Command) -> None:
        """Carry out the command after those before it."""
        if self.start(command):
            self.release()

    def start(self, command: Command) -> bool:
        """The same, but of an order that was sent at once nobody waits for the answer before `release`.

        Returns:
            Whether `release` must be called.
        """
        with self._changed:
            if not self._closed:
                if isinstance(command, PlaceOrder) and self._send(command):
                    return True
                if len(self._waiting) < QUEUE_MOST:
                    self._waiting.append((command, ticks_s()))
                    self._wake()
                    return False
        self._refuse(command, CLOSED if self._closed else FULL)
        return False

    def release(self) -> None:
        """Wait for the answer to what `start` has sent."""
        with self._changed:
            self._wake()

    def _send(self, order: PlaceOrder) -> bool:
        """Send an order on this thread when nothing is before it; false when nothing was sent."""
        if self._starter is None or self._waiting or self._newest is not None:
            return False
        try:
            wait = self._starter.start(order)
        except Exception as error:  # noqa: BLE001  an adapter's bug must not end the engine; it may have sent
            event = broken(order, error, self._now())
            wait = None
            self._started = self._begin(order, lambda: event)
        if wait is not None:
            finish = wait
            self._started = self._begin(order, lambda: answered(order, Request.PLACE, finish(), self._now()))
        return self._started is not None

    def _begin(self, command: Command, carry_out: Callable[[], Event | None]) -> _Call:
        call = _Call(command, carry_out, ticks_s())
        if not isinstance(command, AskMargin):  # a question that nothing waits for: least of all an exit
            self._newest = call
        return call

    def _refuse(self, command: Command, reason: str) -> None:
        event = unsent(command, reason, self._now())
        if event is not None:
            self._tell(command, event)

    def close(self, timeout_s: float) -> bool:
        """Take nothing more and finish what waits; true when it came to its end in time.

        What still waits after that time is not sent any more: nobody would decide on its answer.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until_s = ticks_s() + timeout_s
        while threads := [thread for thread in self._threads if thread.is_alive()]:
            left_s = until_s - ticks_s()
            if left_s <= 0:
                self._give_up()
                return False
            threads[0].join(left_s)
        return True

    def _give_up(self) -> None:
        with self._changed:
            self._given_up = True
            self._wake()
            self._changed.notify_all()

    # With the lock held

    def _wake(self) -> None:
        """Have a thread for what can go on now, and one that overtakes when something waits behind it."""
        if self._started is None and not self._waiting:
            return
        if self._idle:
            self._changed.notify()
            return
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < THREADS_MOST:
            with suppress(RuntimeError):  # the system has no more threads: those that there are go on one by one
                self._add_thread()

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._run, name=f"lane-{self._broker.account}", daemon=True)
        thread.start()
        self._threads.append(thread)
        self._idle += 1

    def _next(self) -> _Call | None:
        """The next call that may begin, waited for; `None` at the end of the lane."""
        while True:
            if self._started is not None:
                call, self._started = self._started, None
                return call
            wait_s = self._wait_s()
            if wait_s is not None and wait_s <= 0:
                return self._take(*self._waiting.popleft())
            if self._closed and not self._waiting:
                return None
            self._changed.wait(wait_s)

    def _take(self, command: Command, since_s: float) -> _Call:
        if self._given_up:
            return self._begin(command, lambda: unsent(command, CLOSED, self._now()))
        if isinstance(command, PlaceOrder) and ticks_s() - since_s > self._order_wait_s:
            return self._begin(command, lambda: unsent(command, LATE, self._now()))
        return self._begin(command, lambda: perform(self._broker, command, self._now))

    def _wait_s(self) -> float | None:
        """Seconds until the next command may begin, 0 for now; `None` when nothing waits."""
        if not self._waiting:
            return None
        if self._newest is None or self._given_up:
            return 0.0
        return self._newest.began_s + self._overtake_s - ticks_s()

    # On the lane's threads

    def _run(self) -> None:
        with self._changed:
            try:
                while (call := self._next()) is not None:
                    self._serve(call)
            finally:
                self._idle -= 1
                self._changed.notify_all()

    def _serve(self, call: _Call) -> None:
        """Carry out a call, the lock released meanwhile."""
        self._idle -= 1
        self._wake()
        self._changed.release()
        try:
            self._carry_out(call)
        finally:
            self._changed.acquire()
            self._idle += 1
            if self._newest is call:
                self._newest = None

    def _carry_out(self, call: _Call) -> None:
        try:
            event = call.carry_out()
        # The top of a thread: neither an adapter's bug nor an SDK that calls sys.exit may take an answer with it.
        except BaseException as error:  # noqa: BLE001
            event = broken(call.command, error, self._now())
        if event is not None:
            self._tell(call.command, event)

    def _tell(self, command: Command, event: Event) -> None:
        """Post an answer, behind those that could not be posted before it."""
        answers = [(command, event)]
        if self._untold:
            with self._changed:
                answers[:0] = self._untold
                self._untold.clear()
        for answer in answers:
            if not self._has_posted(*answer):
                with self._changed:
                    self._untold.append(answer)

    def _has_posted(self, command: Command, event: Event) -> bool:
        """Try twice; an order's answer as it is, a read without what it read, which may be what cannot be posted."""
        try:
            self._post(event)
        except Exception as error:  # noqa: BLE001  whoever stands before the inbox must not end the lane
            if not isinstance(event, RequestAnswered):
                event = broken(command, error, self._now())
            try:
                self._post(event)
            except Exception:  # noqa: BLE001  the same
                return False
        return True


class ThreadLanes(dict[str, Lane]):
    """The lanes of a run by account, of whatever kind (an `engine.ports.Lanes`); one thread uses it.

    A thread that is woken to wait for an answer takes the interpreter from the orders that are still to be sent. So all
    of an event's orders leave first.
    """

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        super().__init__(lanes)
        self._held: list[ThreadLane] = []

    def submit(self, command: Command) -> None:
        """Give a command to its account's lane; an account without one is passed over."""
        lane = self.get(getattr(command, "account", ""))
        if isinstance(lane, ThreadLane):
            if lane.start(command):
                self._held.append(lane)
        elif lane is not None:
            lane.submit(command)

    def release(self) -> None:
        """Everything of an event was submitted: now the answers are waited for."""
        held, self._held = self._held, []
        for lane in held:
            lane.release()
