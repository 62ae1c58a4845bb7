"""The session and the lanes of a run, each with the judge beside it."""

from collections.abc import Callable, Sequence

from engine.commands import CancelOrder, Command, ModifyOrder, PlaceOrder
from engine.events import Event, MaxCapitalSet, OperatorEvent
from engine.ports import Lane, SessionState
from paper.verify.bounds import Bounds
from paper.verify.copies import Copies
from paper.verify.course import Course
from paper.verify.disk import FaultyDisk
from paper.verify.missing import MissingShares


class Heard:
    """A session that tells the judge what the operator ordered and the brokers answered, once the engine has it.

    What is posted to a process that dies before it takes it up was never ordered.
    """

    def __init__(
        self, session: SessionState, course: Course, copies: Copies, shares: MissingShares, bounds: Bounds
    ) -> None:
        self._session, self._course, self._copies = session, course, copies
        self._shares, self._bounds = shares, bounds
        self.replicator, self.unclean = session.replicator, session.unclean
        self.start, self.prune, self.encode_state = session.start, session.prune, session.encode_state
        self.checkpoint, self.end, self.crash = session.checkpoint, session.end, session.crash

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event."""
        self._session.append(event, commands)
        if isinstance(event, OperatorEvent):
            self._course.operated(event, event.at_ns, self.replicator.state)
        if isinstance(event, MaxCapitalSet):
            self._bounds.capped(event)
        self._copies.answered(event)
        self._shares.heard(event)

    def commit(self) -> None:
        """Make what was recorded durable."""
        self._session.commit()
        self._shares.committed()


class WatchedLane:
    """A lane on which the process may die before or after a command is handed over."""

    def __init__(self, lane: Lane, disk: FaultyDisk, handed_over: Callable[[Command], None]) -> None:
        self._lane, self._disk, self._handed_over = lane, disk, handed_over

    def submit(self, command: Command) -> None:
        """Hand a command over."""
        if not isinstance(command, PlaceOrder | CancelOrder | ModifyOrder):
            self._lane.submit(command)
            return
        self._disk.reached("before handing over")
        self._handed_over(command)
        self._lane.submit(command)
        self._disk.reached("after handing over")
