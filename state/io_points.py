"""The places where a process may die or a disk may fail, by name, so that a simulation can do it at exactly that place.

It must not do I/O or decide anything: the code that writes calls the watch, if there is one, and goes on. What a watch
raises takes the way of the real thing: `OSError` and `sqlite3.Error` end as `JournalFailed`, once and for good; a
`BaseException` passes through untouched, and the object can then only be given up with `crash()`.
"""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path


class IoPoint(StrEnum):
    """A place in the code that writes. The path that the watch is given stands in brackets."""

    JOURNAL_OPEN = "journal_open"
    "Before the journal is opened or created (the journal)."
    JOURNAL_OPENED = "journal_opened"
    "It is open and its tables are there; the state has not been recovered (the journal)."
    SESSION_START = "session_start"
    "Before the beginning of a session is recorded (the journal)."
    PRUNE = "prune"
    "Before a batch of old entries is removed (the journal), or an old checkpoint (that file)."
    APPEND = "append"
    "Before an entry is written (the journal)."
    COMMIT = "commit"
    "Before what was appended is made durable (the journal)."
    COMMITTED = "committed"
    "After it is durable (the journal)."
    TEMPORARY_WRITTEN = "temporary_written"
    "The temporary file is written and not synced: a power cut may tear it (the temporary file)."
    TEMPORARY_SYNCED = "temporary_synced"
    "It is durable; the file still holds the old bytes, if there is one (the temporary file)."
    REPLACED = "replaced"
    "Renamed, the directory not synced: a power cut may bring the old file back (the file)."
    CHECKPOINT_DONE = "checkpoint_done"
    "The checkpoint is durable (the file)."
    SESSION_END = "session_end"
    "Before the end of a session is recorded (the journal)."
    SESSION_ENDED = "session_ended"
    "After it is durable (the journal)."


Watch = Callable[[IoPoint, Path], None]
"Called at every point, on the thread that writes."
