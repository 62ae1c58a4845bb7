"""One process's session on a mode's state: open, recover the core by folding the journal, record, end.

Recovery is `newest good checkpoint + the events after it`, folded through the same core that made them.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from config.schema import Mode
from engine.commands import Command
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.events import Event
from state.codec import decode, encode
from state.store import Store


class Session:
    """An open session; an `engine.ports.Journal` that also knows how it began.

    Args:
        root: The data directory.
        mode: Paper or live.
        sync: Whether a commit waits for the disk; `False` for simulations only.

    Raises:
        StateRefused: The files are damaged or of another version.
        JournalFailed: They cannot be written.
    """

    def __init__(self, root: Path, mode: Mode, *, sync: bool = True) -> None:
        self._store = Store(root, mode, sync=sync)
        recovered = self._store.open()
        self._unclean = recovered.unclean
        self.notes = recovered.notes
        self._replicator = fold(recovered.state, recovered.events_after)

    @property
    def unclean(self) -> bool:
        """Whether the session before did not end in an orderly way."""
        return self._unclean

    @property
    def replicator(self) -> Replicator:
        """The core as recovered."""
        return self._replicator

    def start(self, day: str, now_ns: int, version: str) -> None:
        """Record that a process began."""
        self._store.start_session(day, now_ns, version)

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event and its commands."""
        self._store.append(event, commands)

    def commit(self) -> None:
        """Make everything recorded durable."""
        self._store.commit()

    def checkpoint(self, state: bytes) -> None:
        """Write the checkpoint of the day."""
        self._store.checkpoint(state)

    def encode_state(self) -> bytes:
        """The core's state as JSON."""
        return encode(self._replicator.state)

    def end(self, now_ns: int) -> None:
        """Record an orderly end and close the files."""
        self._store.end_session(now_ns)
        self._store.close()

    def crash(self) -> None:
        """Lose what is not durable, as a dying process does."""
        self._store.crash()


def fold(state: bytes | None, events: Iterable[Event]) -> Replicator:
    """The core after a checkpoint (none: from the beginning) and the events that followed it."""
    replicator = Replicator(None if state is None else decode(state, State))
    for event in events:
        replicator.handle(event)
    return replicator
