"""A process that is not run for a while: the machine sleeps, or somebody stopped it; the world goes on without it.

What arrives meanwhile waits, no timer fires and nothing is sent. When it is run again its clock has leapt.
"""

from msgspec.structs import replace

from engine.events import AccountRead, Event, MarginTold, OrderUpdated, Outcome, RequestAnswered, TimePassed
from engine.loop import EngineLoop
from paper.lane import AgendaLane, with_time

LOST = "connection lost before the answer"


class SuspendableLoop(EngineLoop):
    """A loop whose process can be suspended, and its lanes with it."""

    lanes: tuple[AgendaLane, ...] = ()
    _kept: list[Event] | None = None
    "What arrived while nobody looked; `None` while the process runs."

    @property
    def is_suspended(self) -> bool:
        """Whether the process is not run."""
        return self._kept is not None

    def suspend(self) -> None:
        """Nothing is handled or sent from now on; what is on its way already arrives."""
        self._kept = []
        for lane in self.lanes:
            lane.suspend()

    def resume(self, *, timers_first: bool, loses: bool) -> None:
        """The process is run again.

        Args:
            timers_first: Whether it looks at the clock before it looks at what has arrived.
            loses: Whether its connections are broken: no answer of that time is heard, no pushed update either.
        """
        kept, self._kept = self._kept or [], None
        now_ns = self.now_ns()
        if timers_first:
            self._handle(TimePassed(at_ns=now_ns))
        for event in kept:
            heard = _after_a_break(event) if loses else event
            if heard is not None:
                self.post(with_time(heard, now_ns))
        for lane in self.lanes:
            lane.resume()

    def forget(self) -> None:
        """The process is gone, and with it what waited for it."""
        self._kept, self.lanes = None, ()

    def _handle(self, event: Event) -> None:
        if self._kept is None:
            super()._handle(event)
        else:
            self._kept.append(event)

    def _next_due_ns(self) -> int | None:
        return super()._next_due_ns() if self._kept is None else self.agenda.next_due_ns


def _after_a_break(event: Event) -> Event | None:
    """What is heard of an event when its connection is broken."""
    match event:
        case OrderUpdated():
            return None
        case RequestAnswered(outcome=Outcome.NOT_SENT):
            return event
        case RequestAnswered():
            return replace(event, outcome=Outcome.UNKNOWN, order_id="", reason=LOST)
        case AccountRead():
            return AccountRead(at_ns=event.at_ns, account=event.account, began_ns=event.began_ns, error=LOST)
        case MarginTold():
            return replace(event, needed_inr=None)
        case _:
            return event
