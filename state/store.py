"""Everything durable of one mode: journal and checkpoints in one directory, recovery from them, orderly ends.

It must not interpret the state, take the instance lock (the composition root does, at `lock_path`), or touch the other
mode's directory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.schema import Mode
from engine.commands import Command
from engine.errors import BrokenInvariant
from engine.events import Event
from state.checkpoint import Found, find_checkpoint
from state.journal import SqliteJournal
from state.reader import JournalReader

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
    """

    def __init__(self, root: Path, mode: Mode, *, sync: bool = True) -> None:
        self.mode = mode
        self.directory = mode_directory(root, mode)
        self._sync = sync
        self._opened: SqliteJournal | None = None

    def open(self) -> Recovered:
        """Open the files and say what they hold.

        Raises:
            StateRefused: They are damaged or of another version; the text says what to do.
            JournalFailed: They cannot be written.
        """
        if self._opened is not None:
            raise BrokenInvariant(f"The state in {self.directory} is open already.")
        journal = SqliteJournal(self.directory / JOURNAL_NAME, sync=self._sync)
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


def latest_state(root: Path, mode: Mode) -> tuple[bytes | None, tuple[Event, ...]]:
    """The newest checkpoint's state and the events after it, also while another process writes. Changes nothing.

    Raises:
        StateRefused: The files are damaged or of another version.
    """
    directory = mode_directory(root, mode)
    # The checkpoint first: the journal can only have grown since.
    newest = find_checkpoint(directory).newest
    state, after_seq = (None, 0) if newest is None else (newest.state, newest.seq)
    path = directory / JOURNAL_NAME
    if newest is None and not path.exists():
        return None, ()
    reader = JournalReader.open(path)
    try:
        return state, tuple(event for _, event in reader.replay(after_seq))
    finally:
        reader.close()


def _recover(journal: SqliteJournal, found: Found) -> Recovered:
    after_seq = 0 if found.newest is None else found.newest.seq
    journal.check_covers(after_seq)
    unclean = journal.left_open()
    events = EventsAfter(journal, after_seq)
    return Recovered(
        state=None if found.newest is None else found.newest.state,
        events_after=events,
        unclean=unclean,
        notes=_notes(found, len(events), unclean=unclean),
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
