"""What a simulated market was sent, from the journal of the sessions that traded in it. It changes nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from config.schema import Mode
from engine.commands import Write
from engine.errors import StateRefused
from state.codec import UNDECODABLE, decode
from state.reader import refusing
from state.schema import connect_read_only, is_empty
from state.session import fold
from state.store import JOURNAL_NAME, latest_state, mode_directory

_SPAN = "SELECT min(seq), max(at_ns) FROM entries"
# An event may tell of something older than the one before it; it was taken up, and its requests sent, in its turn.
_WRITES = (
    "SELECT e.seq, e.now_ns, c.body"
    " FROM (SELECT seq, max(at_ns) OVER (ORDER BY seq) AS now_ns FROM entries) e JOIN commands c ON c.seq = e.seq"
    " WHERE c.kind IN (?, ?, ?) ORDER BY c.seq, c.position"
)
_KINDS = tuple(kind.__name__ for kind in get_args(Write))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """All requests of a journal."""

    last_ns: int
    "The time of the last durable entry."
    ended: bool
    "The last session ended in an orderly way."
    whole: bool
    "The journal reaches back to the first entry."
    writes: tuple[tuple[int, Write], ...]
    "With the times at which they were sent, in order. What is durable counts as sent."


def read_sent(root: Path, mode: Mode) -> Sent | None:
    """What the journal below `root` says, `None` when there is none or nothing in it.

    Raises:
        StateRefused: It is damaged or of another version.
    """
    path = mode_directory(root, mode) / JOURNAL_NAME
    if not path.exists():
        return None
    with refusing(path):
        connection = connect_read_only(path)
        try:
            if is_empty(connection):
                return None
            first_seq, last_ns = connection.execute(_SPAN).fetchone()
            rows = connection.execute(_WRITES, _KINDS).fetchall()
            newest = connection.execute("SELECT ended_ns FROM sessions ORDER BY id DESC LIMIT 1").fetchone()
        finally:
            connection.close()
    if last_ns is None:
        return None
    return Sent(
        last_ns=last_ns,
        ended=newest is not None and newest[0] is not None,
        whole=first_seq == 1,
        writes=tuple((at_ns, _decode(path, seq, body)) for seq, at_ns, body in rows),
    )


def is_unanswered(root: Path, mode: Mode) -> bool:
    """Whether the question of an unclean stop still waits, though the last session ended. Raises `StateRefused`."""
    encoded, events = latest_state(root, mode)
    return fold(encoded, events, mode_directory(root, mode)).state.unclean


def _decode(path: Path, seq: int, body: str) -> Write:
    try:
        found: Write = decode(body, Write)
    except UNDECODABLE as error:
        raise StateRefused(f"A command of entry {seq} of {path} cannot be read: {error}.") from error
    return found
