"""One account's serial way to its broker, and the one translation of commands into calls and answers into events.

`perform` is shared by every lane; `ThreadLane` runs it on a thread of its own: a slow account delays only itself.
"""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from engine.commands import CancelOrder, Command, ModifyOrder, PlaceOrder, ReadAccount
from engine.errors import NeedsLogin, ReadFailed
from engine.events import AccountRead, Event, Outcome, Request, RequestAnswered
from engine.model import NS_PER_S
from engine.ports import Answer, Broker

T = TypeVar("T")
Post = Callable[[Event], None]
OVERTAKE_NS = NS_PER_S
"""A call that is silent for so long no longer makes the next one wait."""
THREADS_MOST = 4
"""Calls under way at once in one lane."""
QUEUE_MOST = 1000
"""Commands waiting in one lane; beyond it the answer is NOT_SENT at once."""


def perform(broker: Broker, command: Command, now: Callable[[], int]) -> Event | None:
    """Carry out one command at a broker and say what came of it; `None` for commands that are not for brokers."""
    match command:
        case PlaceOrder():
            return answered(command, Request.PLACE, broker.place(command), now())
        case ModifyOrder():
            return answered(command, Request.MODIFY, broker.modify(command), now())
        case CancelOrder():
            return answered(command, Request.CANCEL, broker.cancel(command), now())
        case ReadAccount():
            return _read(broker, command, now)
        case _:
            return None


def answered(
    command: PlaceOrder | ModifyOrder | CancelOrder, request: Request, answer: Answer, at_ns: int
) -> RequestAnswered:
    """A write's answer as an event."""
    return RequestAnswered(
        at_ns=at_ns,
        account=command.account,
        request=request,
        tag=command.tag,
        outcome=answer.outcome,
        order_id=answer.order_id,
        reason=answer.reason,
    )


def _read(broker: Broker, command: ReadAccount, now: Callable[[], int]) -> AccountRead:
    """Read orders, positions and funds, in this order; a part that fails stays unknown and the others are kept."""
    began_ns = now()
    failures: list[ReadFailed] = []
    orders = _attempt(lambda: tuple(broker.orders()), failures) if command.orders else None
    positions = _attempt(lambda: tuple(broker.positions()), failures) if command.positions else None
    available = _attempt(broker.available_inr, failures) if command.funds else None
    return AccountRead(
        at_ns=now(),
        account=command.account,
        began_ns=began_ns,
        orders=orders,
        positions=positions,
        available_inr=available,
        error="; ".join(dict.fromkeys(str(failure) for failure in failures)),
        needs_login=any(isinstance(failure, NeedsLogin) for failure in failures),
    )


def _attempt(call: Callable[[], T], failures: list[ReadFailed]) -> T | None:
    """What a read gives, or `None` and its failure kept."""
    try:
        return call()
    except ReadFailed as failure:
        failures.append(failure)
        return None


class ThreadLane:
    """A lane on threads of its own, for brokers whose calls block.

    Commands go out one after the other. A call that is silent for `OVERTAKE_NS` is overtaken: the next one starts on
    another thread, up to `THREADS_MOST`, so that an exit does not wait for the time-out of a lost entry.

    Args:
        broker: The account; its client must bear calls from several threads.
        post: Takes the answers; must not block.
        now: The engine's clock.
        overtake_s: Real seconds after which a silent call is overtaken.
    """

    def __init__(
        self, broker: Broker, post: Post, now: Callable[[], int], *, overtake_s: float = OVERTAKE_NS / NS_PER_S
    ) -> None:
        self._broker, self._post, self._now, self._overtake_s = broker, post, now, overtake_s
        self._queue: queue.Queue[Command | None] = queue.Queue(QUEUE_MOST)
        self._slots = threading.Semaphore(THREADS_MOST)
        self._thread = threading.Thread(target=self._run, name=f"lane-{broker.account}", daemon=True)
        self._thread.start()

    def submit(self, command: Command) -> None:
        """Carry out the command after those before it."""
        try:
            self._queue.put_nowait(command)
        except queue.Full:
            self._refuse(command)

    def _refuse(self, command: Command) -> None:
        full = Answer(outcome=Outcome.NOT_SENT, reason="the lane is full")
        match command:
            case PlaceOrder():
                self._post(answered(command, Request.PLACE, full, self._now()))
            case ModifyOrder():
                self._post(answered(command, Request.MODIFY, full, self._now()))
            case CancelOrder():
                self._post(answered(command, Request.CANCEL, full, self._now()))
            case _:
                pass  # a read that is not answered is asked again

    def close(self, timeout_s: float) -> bool:
        """Take nothing more and finish what waits; true when it came to its end in time."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return False
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Hand out the commands, each when the one before it is answered or overtaken."""
        while (command := self._queue.get()) is not None:
            self._slots.acquire()
            answered_or_not = threading.Event()
            threading.Thread(target=self._call, args=(command, answered_or_not), daemon=True).start()
            answered_or_not.wait(self._overtake_s)
        for _ in range(THREADS_MOST):  # every call under way has been answered
            self._slots.acquire()

    def _call(self, command: Command, done: threading.Event) -> None:
        try:
            event = perform(self._broker, command, self._now)
        except Exception as error:  # noqa: BLE001  the top of a thread: an adapter's bug must not end the lane
            event = _broken(command, error, self._now())
        if event is not None:
            self._post(event)
        done.set()
        self._slots.release()


def _broken(command: Command, error: Exception, at_ns: int) -> Event:
    """An adapter raised what it must not raise: the write's outcome is unknown, the read failed."""
    what = f"{type(error).__name__} in the adapter"
    unknown = Answer(outcome=Outcome.UNKNOWN, reason=what)
    match command:
        case PlaceOrder():
            return answered(command, Request.PLACE, unknown, at_ns)
        case ModifyOrder():
            return answered(command, Request.MODIFY, unknown, at_ns)
        case CancelOrder():
            return answered(command, Request.CANCEL, unknown, at_ns)
        case _:  # of the others only a read reaches an adapter
            account = command.account if isinstance(command, ReadAccount) else ""
            return AccountRead(at_ns=at_ns, account=account, began_ns=at_ns, error=what)
