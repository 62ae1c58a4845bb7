"""Remembers what a session was told, to prove that what is found again on disk is what was there (invariant I7).

It must not decide anything: it stands before a session and compares after a restart.
"""

from collections.abc import Callable, Sequence

from engine.commands import Command
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.errors import BrokenInvariant
from engine.events import Event
from engine.ports import SessionState


class Memory:
    """Every event that sessions on one disk were told, and how many of them are known to be durable."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.durable = 0

    def is_found_again(self, found: State | None) -> bool:
        """Whether a recovered state is that of the durable events, or of those that a dying commit still wrote.

        What was not durable is forgotten from here on.
        """
        for count in dict.fromkeys((self.durable, len(self.events))):
            if self.state_of(count) == found:
                del self.events[count:]
                self.durable = count
                return True
        return False

    def state_of(self, count: int) -> State | None:
        """The state after the first `count` events, folded anew."""
        replicator = Replicator()
        for event in self.events[:count]:
            replicator.handle(event)
        return replicator.state if count else None


class RememberedSession:
    """A session whose events are remembered (an `engine.ports.SessionState`)."""

    def __init__(self, session: SessionState, memory: Memory) -> None:
        self._session, self._memory = session, memory
        self.replicator, self.unclean = session.replicator, session.unclean
        self.start, self.encode_state, self.crash = session.start, session.encode_state, session.crash
        self.prune = session.prune

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event."""
        self._session.append(event, commands)
        self._memory.events.append(event)

    def commit(self) -> None:
        """Make everything durable."""
        self._session.commit()
        self._memory.durable = len(self._memory.events)

    def checkpoint(self, state: bytes) -> None:
        """Write the checkpoint."""
        self._session.checkpoint(state)
        self._memory.durable = len(self._memory.events)

    def end(self, now_ns: int) -> None:
        """End in an orderly way."""
        self._session.end(now_ns)
        self._memory.durable = len(self._memory.events)


def remembered(session: SessionState, memory: Memory, report: Callable[[str], None]) -> SessionState:
    """The session, compared with what is remembered of the ones before it on the same disk."""
    if not memory.is_found_again(state_of(session.replicator)):
        report("I7 the state found on disk is not that of the events recorded")
    return RememberedSession(session, memory)


def state_of(replicator: Replicator) -> State | None:
    """A core's state, `None` before its first event."""
    try:
        return replicator.state
    except BrokenInvariant:
        return None
