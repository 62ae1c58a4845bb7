"""Everything durable of one mode: journal and checkpoints in one directory, recovery from them, orderly ends.

It must not interpret the state, take the instance lock (the composition root does, at `lock_path`), or touch the other
mode's directory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.schema import Mode
from engine.commands import Command
from engine.core.state import State
from engine.errors import BrokenInvariant, StateRefused
from engine.events import Event
from state.checkpoint import Found, find_checkpoint
from state.io_points import Watch
from state.journal import SqliteJournal
from state.pruning import Pruned, prune
from state.reader import WHAT_TO_DO, JournalReader

JOURNAL_NAME = "journal.sqlite3"
LOCK_NAME = "lockstep.lock"


class EventsAfter:
    """The events after a checkpoint. They are read from the file each time, so their number is no matter of memory."""

    def __init__(self, journal: SqliteJournal, after_seq: int) -> None:
        self._journal = journal
        self._after_seq, self._until_seq = after_seq, journal.committed_seq

    def __len__(self) -> int:
        return self._until_seq - self._after_seq

    def __iter__(self) -> Iterator[Event]:
        for seq, event in self._journal.replay(self._after_seq):
            if seq > self._until_seq:
                return
            yield event


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What the disk knows at a start."""

    state: bytes | None
    "JSON of the newest good checkpoint; `None`: there is none, fold the events from the first one on."
    events_after: EventsAfter
    "Events after that checkpoint, in order."
    unclean: bool
    "The last session did not end in an orderly way."
    notes: tuple[str, ...]
    "What the operator should know about the files."


class Store:
    """An `engine.ports.Journal` with recovery, for one mode. One thread uses it.

    Args:
        root: The data directory; each mode has its own directory below it.
        mode: Paper or live.
        sync: Whether a commit waits for the disk; `False` for simulations only.
        watch: Called at every I/O point; for simulations only.
    """

    def __init__(self, root: Path, mode: Mode, *, sync: bool = True, watch: Watch | None = None) -> None:
        self.mode = mode
        self.directory = mode_directory(root, mode)
        self._sync, self._watch = sync, watch
        self._opened: SqliteJournal | None = None

    def open(self) -> Recovered:
        """Open the files and say what they hold.

        Raises:
            StateRefused: They are damaged or of another version; the text says what to do.
            JournalFailed: They cannot be written.
        """
        if self._opened is not None:
            raise BrokenInvariant(f"The state in {self.directory} is open already.")
        journal = SqliteJournal(self.directory / JOURNAL_NAME, sync=self._sync, watch=self._watch)
        try:
            recovered = _recover(journal, find_checkpoint(self.directory))
        except BaseException:
            journal.close()
            raise
        self._opened = journal
        return recovered

    @property
    def last_seq(self) -> int:
        """Number of the last appended journal entry."""
        return self._journal.last_seq

    def start_session(self, day: str, now_ns: int, version: str) -> None:
        """Record that a session begins; `day` is the trading date (ISO) and names the checkpoint."""
        self._journal.start_session(day=day, started_ns=now_ns, mode=self.mode, program_version=version)

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event and what was decided on it; durable only after `commit`."""
        journal = self._journal
        if journal.session is None:
            raise BrokenInvariant("An event was to be recorded outside of a session.")
        journal.append(event, commands)

    def commit(self) -> None:
        """Make everything appended durable. Raises `JournalFailed`: then nothing may be sent, now or later."""
        self._journal.commit()

    def checkpoint(self, state: bytes) -> None:
        """Commit, then write the daily checkpoint, valid up to the last appended event. Raises `JournalFailed`."""
        self._journal.checkpoint(state)

    def prune(self, state: State) -> Pruned | None:
        """Remove what is older than the configuration keeps. Raises `JournalFailed`."""
        return prune(self._journal, state, today=self._journal.day)

    def end_session(self, now_ns: int) -> None:
        """Commit, and mark the orderly end: without it the next start is an unclean one."""
        self._journal.end_session(now_ns)

    def close(self) -> None:
        """Close the files; what was not committed is dropped."""
        if self._opened is not None:
            self._opened.close()

    def crash(self) -> None:
        """Drop what was not committed, as the death of the process would; a new `Store` finds the rest."""
        if self._opened is not None:
            self._opened.abandon()

    @property
    def _journal(self) -> SqliteJournal:
        if self._opened is None:
            raise BrokenInvariant(f"The state in {self.directory} has not been opened.")
        return self._opened


def mode_directory(root: Path, mode: Mode) -> Path:
    """Where the files of `mode` lie. Paper and live never share one."""
    return root / mode.value


def lock_path(root: Path) -> Path:
    """The lock of the data directory, one for both modes."""
    return root / LOCK_NAME


def state_files(directory: Path) -> list[Path]:
    """What shows that sessions of a mode left something: its journal with its log, and its checkpoints, good or not."""
    return [*sorted(directory.glob(f"{JOURNAL_NAME}*")), *_checkpoint_files(directory)]


def latest_state(root: Path, mode: Mode) -> tuple[bytes | None, tuple[Event, ...]]:
    """The newest checkpoint's state and the events after it, also while another process writes. Changes nothing.

    Raises:
        StateRefused: The files are damaged or of another version.
    """
    directory = mode_directory(root, mode)
    # The checkpoints first: the journal can only have grown since.
    files = _checkpoint_files(directory)
    newest = find_checkpoint(directory).newest
    state, after_seq = (None, 0) if newest is None else (newest.state, newest.seq)
    path = directory / JOURNAL_NAME
    if not path.exists():
        _check_not_lost(directory, files, 0)
        return None, ()
    reader = JournalReader.open(path)
    try:
        _check_not_lost(directory, files, reader.last_seq)
        return state, tuple(event for _, event in reader.replay(after_seq))
    finally:
        reader.close()


def _recover(journal: SqliteJournal, found: Found) -> Recovered:
    after_seq = 0 if found.newest is None else found.newest.seq
    journal.check_covers(after_seq)
    directory = journal.path.parent
    _check_not_lost(directory, _checkpoint_files(directory), journal.last_seq)
    unclean = journal.left_open()
    events = EventsAfter(journal, after_seq)
    return Recovered(
        state=None if found.newest is None else found.newest.state,
        events_after=events,
        unclean=unclean,
        notes=_notes(found, len(events), unclean=unclean),
    )


def _checkpoint_files(directory: Path) -> list[Path]:
    """Checkpoints, good or not, and temporary files of them."""
    return sorted(directory.glob("????-??-??.json*"))


def _check_not_lost(directory: Path, files: Sequence[Path], last_seq: int) -> None:
    """A checkpoint is never written before its journal has entries: a damaged one without them is no first start."""
    if files and not last_seq:
        raise StateRefused(
            f"{directory / JOURNAL_NAME} is missing or empty, and {files[-1].name} shows that it was not. {WHAT_TO_DO}"
        )


def _notes(found: Found, events: int, *, unclean: bool) -> tuple[str, ...]:
    notes = [f"The checkpoint {file.path} was passed over: {file.reason}." for file in found.refused]
    if found.newest is None and events:
        notes.append(f"There is no good checkpoint: the state is rebuilt from all {events} entries of the journal.")
    elif found.newest is not None and found.refused:
        notes.append(f"The state is rebuilt from {found.newest.path} and {events} entries of the journal after it.")
    if unclean:
        notes.append("The last session did not end in an orderly way.")
    return tuple(notes)
