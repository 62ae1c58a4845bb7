"""Reading the journal: the committed events in order, checked one by one, and how the last session ended.

It must not change the file. Damage is `StateRefused`, never skipped: a missing event is a missing order.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

from engine.errors import StateRefused
from engine.events import Event
from state.codec import UNDECODABLE, decode_event
from state.schema import connect_read_only, is_empty, removed_seq

_BATCH_ROWS = 500
WHAT_TO_DO = (
    "Nothing was started. Keep a copy of the directory and put the whole of it back from a backup. Without one, move"
    " the directory aside and start anew: orders of today that carry the program's mark are recognised in the brokers'"
    " books then, and what they filled is rebuilt as ours, for exits only. What is older counts as the accounts' own:"
    " check every account's positions at its broker first."
)
"What a person does about state that is refused."


class JournalReader:
    """Committed entries of a journal that this process or another one writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "JournalReader":
        """Open the file for reading only.

        Raises:
            StateRefused: It is missing, damaged, or of another version.
        """
        with refusing(path):
            return cls(path, connect_read_only(path))

    @property
    def last_seq(self) -> int:
        """Number of the last entry that this connection sees, 0 when there is none."""
        with refusing(self.path):
            if is_empty(self._connection):
                return 0
            (seq,) = self._connection.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()
        return int(seq)

    def replay(self, after_seq: int, until_seq: int | None = None) -> Iterator[tuple[int, Event]]:
        """Events after `after_seq`, in order, each with its number; up to `until_seq`, or the last one of this moment.

        Raises:
            StateRefused: An entry is missing, damaged or unreadable.
        """
        last = self.last_seq if until_seq is None else until_seq
        self._check_reaches(after_seq, last)
        seq = after_seq
        while seq < last:
            rows = self._rows(seq, min(seq + _BATCH_ROWS, last))
            if not rows:
                raise self._gap(seq + 1)
            for row_seq, text, check in rows:
                seq += 1
                if row_seq != seq:
                    raise self._gap(seq)
                yield seq, self._decode(seq, text, check)

    def check_covers(self, after_seq: int, until_seq: int) -> None:
        """Check that every number after `after_seq` up to `until_seq` is there. Raises `StateRefused`."""
        self._check_reaches(after_seq, until_seq)
        with refusing(self.path):
            query = "SELECT count(*), coalesce(max(seq), ?) FROM entries WHERE seq > ? AND seq <= ?"
            count, last = self._connection.execute(query, (after_seq, after_seq, until_seq)).fetchone()
        if after_seq + count != last or last < until_seq:
            raise self._gap(after_seq + 1)

    def left_open(self) -> bool:
        """Whether the newest session was begun and never ended."""
        with refusing(self.path):
            if is_empty(self._connection):
                return False
            row = self._connection.execute("SELECT ended_ns FROM sessions ORDER BY id DESC LIMIT 1").fetchone()
        return row is not None and row[0] is None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _rows(self, after_seq: int, until_seq: int) -> list[tuple[int, str, int]]:
        query = "SELECT seq, event, crc32 FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq"
        with refusing(self.path):
            return self._connection.execute(query, (after_seq, until_seq)).fetchall()

    def _decode(self, seq: int, text: str, check: int) -> Event:
        try:
            if crc32(text.encode()) != check:
                raise ValueError("its check sum does not match")
            return decode_event(text)
        except (*UNDECODABLE, AttributeError) as error:
            raise StateRefused(f"Entry {seq} of {self.path} cannot be read: {error}. {WHAT_TO_DO}") from error

    def _check_reaches(self, after_seq: int, last: int) -> None:
        if after_seq > last:
            raise StateRefused(
                f"The checkpoint is newer than the journal {self.path}, which ends at entry {last} and should reach"
                f" {after_seq} at least: orders may be missing. {WHAT_TO_DO}"
            )

    def _gap(self, seq: int) -> StateRefused:
        with refusing(self.path):
            removed = removed_seq(self._connection)
        if seq <= removed:
            return StateRefused(
                f"{self.path} begins after entry {removed}, because older ones were removed (state.keep_days), and no"
                f" good checkpoint reaches so far. {WHAT_TO_DO}"
            )
        return StateRefused(f"{self.path} is incomplete: an entry from {seq} on is missing. {WHAT_TO_DO}")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn SQLite's complaints about a file that is read into `StateRefused`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StateRefused(f"{path} cannot be read: {error}. {WHAT_TO_DO}") from error
