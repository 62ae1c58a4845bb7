"""One process's session on a mode's state: open, recover the core by folding the journal, record, end.

Recovery is `newest good checkpoint + the events after it`, folded through the same core that made them.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from config.schema import Mode
from engine.commands import Command
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.errors import StateRefused
from engine.events import Event
from engine.trail import PastRatio
from state.codec import UNDECODABLE, decode, encode
from state.io_points import Watch
from state.past import past_ratios
from state.reader import WHAT_TO_DO
from state.store import JOURNAL_NAME, Store
from state.trail import JournalTrail


class Session:
    """An open session; an `engine.ports.Journal` that also knows how it began.

    Args:
        root: The data directory.
        mode: Paper or live.
        sync: Whether a commit waits for the disk; `False` for simulations only.
        watch: Called at every I/O point; for simulations only.

    Raises:
        StateRefused: The files are damaged or of another version.
        JournalFailed: They cannot be written.
    """

    def __init__(self, root: Path, mode: Mode, *, sync: bool = True, watch: Watch | None = None) -> None:
        self._store = Store(root, mode, sync=sync, watch=watch)
        recovered = self._store.open()
        self._unclean = recovered.unclean
        self.notes = recovered.notes
        try:
            self._replicator = fold(recovered.state, recovered.events_after, self._store.directory)
        except BaseException:
            self._store.close()
            raise

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

    def prune(self) -> str:
        """Remove what is older than configured, once today's checkpoint exists; a line for people, '' for nothing."""
        pruned = self._store.prune(self._replicator.state)
        return "" if pruned is None else str(pruned)

    def encode_state(self) -> bytes:
        """The core's state as JSON."""
        return encode(self._replicator.state)

    def trail(self) -> JournalTrail:
        """Reads the journal for people, beside the writer, on any thread."""
        return JournalTrail(self._store.directory / JOURNAL_NAME)

    def ratios(self, account: str, most: int, stopped: Callable[[], bool]) -> Sequence[PastRatio]:
        """What a child was sized by in the newest strategies; see `past_ratios`. On any thread."""
        return past_ratios(self._store.directory / JOURNAL_NAME, account, most, stopped)

    def end(self, now_ns: int) -> None:
        """Record an orderly end and close the files."""
        self._store.end_session(now_ns)
        self._store.close()

    def crash(self) -> None:
        """Lose what is not durable, as a dying process does."""
        self._store.crash()


def fold(state: bytes | None, events: Iterable[Event], directory: Path | None = None) -> Replicator:
    """The core after a checkpoint (none: from the beginning) and the events that followed it.

    Args:
        state: JSON of the checkpoint's state.
        events: What was recorded after it, in order.
        directory: Where they were read, for messages.

    Raises:
        StateRefused: The checkpoint's state or an event is of another shape than this program's.
    """
    try:
        replicator = Replicator(None if state is None else decode(state, State))
    except UNDECODABLE as error:
        raise StateRefused(
            f"The newest checkpoint in {directory or 'the state'} was written by another version of the program and"
            f" cannot be read: {error}. Start the version that wrote it. {WHAT_TO_DO}"
        ) from error
    for event in events:
        replicator.handle(event)
    return replicator
