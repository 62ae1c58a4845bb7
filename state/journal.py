"""The journal's one writer: every event with its commands, in order, durable at each commit.

It must not decide anything, and it never tries again: after the first failure nothing can be made durable by this
object any more, so nothing may be sent. One thread uses it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

from config.schema import Mode
from engine.commands import Command
from engine.errors import BrokenInvariant, JournalFailed
from engine.events import Event
from state.checkpoint import write_checkpoint
from state.codec import encode
from state.files import make_directory
from state.io_points import IoPoint, Watch
from state.reader import JournalReader, refusing
from state.schema import connect, remove_oldest
from state.wal import check_log

_ENTRY = "INSERT INTO entries (seq, session, at_ns, event_kind, event, crc32) VALUES (?, ?, ?, ?, ?, ?)"
_COMMAND = "INSERT INTO commands (seq, position, kind, account, tag, body) VALUES (?, ?, ?, ?, ?, ?)"
_SESSION = "INSERT INTO sessions (started_ns, mode, day, program_version) VALUES (?, ?, ?, ?)"

_UNWRITABLE = (TypeError, ValueError, OverflowError, NotImplementedError, RecursionError)
"What a value raises that has no JSON or SQL form. An event left out would make every later replay wrong."


class SqliteJournal:
    """An `engine.ports.Journal` in one SQLite file.

    Args:
        path: The file; it and its directory are created when they are missing.
        sync: Whether a commit waits for the disk; `False` for simulations only.
        watch: Called at every I/O point; for simulations only.

    Raises:
        StateRefused: The file is damaged, no journal, or of another version.
        JournalFailed: It cannot be created or written.
    """

    def __init__(self, path: Path, *, sync: bool = True, watch: Watch | None = None) -> None:
        self.path = path
        self._sync, self._watch = sync, watch
        self._failure = ""
        self._in_transaction = False
        self._session: int | None = None
        self._day = ""
        self._connection = _open(path, sync=sync, watch=watch)
        self._reader = JournalReader(path, self._connection)
        self._last_seq = self._committed_seq = self._reader.last_seq

    @staticmethod
    def read_only(path: Path) -> JournalReader:
        """Open a journal that another process may be writing. Raises `StateRefused`."""
        return JournalReader.open(path)

    @property
    def last_seq(self) -> int:
        """Number of the last appended entry, 0 when there is none."""
        return self._last_seq

    @property
    def committed_seq(self) -> int:
        """Number of the last durable entry."""
        return self._committed_seq

    @property
    def session(self) -> int | None:
        """Number of the session that runs."""
        return self._session

    @property
    def day(self) -> str:
        """Trading date (ISO) of the session that runs or ran last in this process, '' for none."""
        return self._day

    def append(self, event: Event, commands: Sequence[Command]) -> None:
        """Record an event and what was decided on it; durable only after `commit`. Raises `JournalFailed`."""
        self._check_usable()
        seq = self._last_seq + 1
        try:
            self._at(IoPoint.APPEND)
            body = encode(event)
            row = (seq, self._session, event.at_ns, type(event).__name__, body.decode(), crc32(body))
            rows = [_command_row(seq, position, command) for position, command in enumerate(commands)]
            self._begin()
            self._connection.execute(_ENTRY, row)
            if rows:
                self._connection.executemany(_COMMAND, rows)
        except (sqlite3.Error, OSError, *_UNWRITABLE) as error:
            raise self._fail(error) from error
        self._last_seq = seq

    def commit(self) -> None:
        """Make everything appended durable. Raises `JournalFailed`: then nothing may be sent, now or later."""
        self._check_usable()
        if not self._in_transaction:
            return
        with self._failing():
            self._at(IoPoint.COMMIT)
            self._connection.execute("COMMIT")
            self._in_transaction = False
            self._committed_seq = self._last_seq
            self._at(IoPoint.COMMITTED)

    def checkpoint(self, state: bytes) -> None:
        """Write the checkpoint of the session's day beside the journal, valid up to the last appended event.

        Everything appended is committed first, so that a checkpoint is never ahead of the journal.
        """
        if self._session is None:
            raise BrokenInvariant("The checkpoint was not written: no session has been started.")
        self.commit()
        with self._failing():
            seq = self._committed_seq
            write_checkpoint(self.path.parent, self._day, state, seq, sync=self._sync, watch=self._watch)

    def replay(self, after_seq: int) -> Iterator[tuple[int, Event]]:
        """Committed events after `after_seq`, in order, each with its number. Raises `StateRefused`."""
        return self._reader.replay(after_seq, self._committed_seq)

    def check_covers(self, after_seq: int) -> None:
        """Check that every entry after `after_seq` is there, up to the last durable one. Raises `StateRefused`."""
        self._reader.check_covers(after_seq, self._committed_seq)

    def left_open(self) -> bool:
        """Whether the newest session was begun and never ended."""
        return self._reader.left_open()

    def start_session(self, *, day: str, started_ns: int, mode: Mode, program_version: str) -> None:
        """Record, durably, that a session begins."""
        if self._session is not None:
            raise BrokenInvariant(f"Session {self._session} still runs; end it before another one starts.")
        self._check_usable()
        with self._failing():
            self._at(IoPoint.SESSION_START)
            self._begin()
            cursor = self._connection.execute(_SESSION, (started_ns, mode.value, day, program_version))
        self.commit()
        self._session, self._day = cursor.lastrowid, day

    def days_before(self, day: str) -> tuple[int, tuple[str, ...]]:
        """The first session of `day` (ISO) or later, 0 for none, and the days of the sessions before it."""
        with self._failing():
            query = "SELECT coalesce(min(id), 0) FROM sessions WHERE day >= ?"
            (first,) = self._connection.execute(query, (day,)).fetchone()
            days = self._connection.execute("SELECT DISTINCT day FROM sessions WHERE id < ? ORDER BY day", (first,))
            return first, tuple(row[0] for row in days)

    def remove_oldest(self, *, through_seq: int, before_session: int, entries_max: int) -> int:
        """Remove old entries, durably, in one transaction; how many went. Raises `JournalFailed`.

        Args:
            through_seq: Nothing after this entry is removed, and never the last one: numbers are not used twice.
            before_session: Nothing of this session and later ones is removed.
            entries_max: How many entries at most.
        """
        self._check_usable()
        if self._in_transaction:
            raise BrokenInvariant("Old entries were to be removed between an append and its commit.")
        through_seq = min(through_seq, self._committed_seq - 1)
        with self._failing():
            self._at(IoPoint.PRUNE)
            self._begin()
            removed = remove_oldest(
                self._connection, through_seq=through_seq, before_session=before_session, entries_max=entries_max
            )
        self.commit()
        return removed

    def free_bytes(self) -> int:
        """Room inside the file that new entries use before it grows. Raises `JournalFailed`."""
        with self._failing():
            (pages,) = self._connection.execute("PRAGMA freelist_count").fetchone()
            (page_bytes,) = self._connection.execute("PRAGMA page_size").fetchone()
        return int(pages) * int(page_bytes)

    def remove_checkpoint(self, path: Path) -> None:
        """Delete an old checkpoint; durable with the next one that is written. Raises `JournalFailed`."""
        self._check_usable()
        with self._failing():
            if self._watch is not None:
                self._watch(IoPoint.PRUNE, path)
            path.unlink(missing_ok=True)

    def end_session(self, ended_ns: int) -> None:
        """Record, durably and together with what was appended, that the session ended in an orderly way."""
        if self._session is None:
            raise BrokenInvariant("No session runs that could be ended.")
        self._check_usable()
        with self._failing():
            self._at(IoPoint.SESSION_END)
            self._begin()
            self._connection.execute("UPDATE sessions SET ended_ns = ? WHERE id = ?", (ended_ns, self._session))
        self.commit()
        self._session = None
        with self._failing():
            self._at(IoPoint.SESSION_ENDED)

    def close(self) -> None:
        """Close the file. What was not committed is dropped; every later call raises `JournalFailed`."""
        self._failure = self._failure or "it is closed"
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._connection.close()

    def abandon(self) -> None:
        """Drop what was not committed, as a crash would, and close the file."""
        self.close()

    def _at(self, point: IoPoint) -> None:
        if self._watch is not None:
            self._watch(point, self.path)

    def _begin(self) -> None:
        if not self._in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
            self._in_transaction = True

    def _check_usable(self) -> None:
        if self._failure:
            raise JournalFailed(self._sentence())

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._fail(error) from error

    def _fail(self, error: Exception) -> JournalFailed:
        self._failure = str(error) or type(error).__name__
        with suppress(sqlite3.Error):
            self._connection.rollback()
        self._in_transaction = False
        return JournalFailed(self._sentence())

    def _sentence(self) -> str:
        return (
            f"The journal cannot be written: {self._failure}. Nothing more is sent. Put the disk right and start again;"
            f" the books of all accounts are read first. ({self.path})"
        )


def _open(path: Path, *, sync: bool, watch: Watch | None) -> sqlite3.Connection:
    try:
        if watch is not None:
            watch(IoPoint.JOURNAL_OPEN, path)
        make_directory(path.parent, sync=sync)
        check_log(path)
        with _damage_refused(path):
            connection = connect(path, sync=sync, watch=watch)
    except (sqlite3.Error, OSError) as error:
        raise JournalFailed(
            f"The journal {path} cannot be opened for writing: {error}. Nothing was started."
        ) from error
    return connection


@contextmanager
def _damage_refused(path: Path) -> Iterator[None]:
    """A damaged file is for the operator to judge; a full disk or a missing permission is not damage."""
    try:
        yield
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        with refusing(path):
            raise error


def _command_row(seq: int, position: int, command: Command) -> tuple[int, int, str, str | None, str | None, str]:
    account: str | None = getattr(command, "account", None)
    tag: str | None = getattr(command, "tag", None)
    return seq, position, type(command).__name__, account, tag, encode(command).decode()
