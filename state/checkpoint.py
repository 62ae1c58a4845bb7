"""The daily checkpoint: one readable JSON file a day with the whole state and the journal position that it belongs to.

It must not look into the state and never deletes anything. A checkpoint only saves time: it can always be rebuilt from
the journal, so a damaged one is passed over and reported; one of another schema version is refused, because reading it
wrongly would be worse than not starting.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from engine.errors import BrokenInvariant, StateRefused
from state.codec import UNDECODABLE
from state.files import write_durably
from state.io_points import IoPoint, Watch

STATE_SCHEMA_VERSION = 1
"Version of the state inside the checkpoint; another one is refused."


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFile:
    """A checkpoint that was passed over, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint that passed every check."""

    path: Path
    day: str
    seq: int
    "Number of the last journal entry that the state contains."
    schema_version: int
    state: bytes
    "Compact JSON of the state."
    refused: tuple[RefusedFile, ...] = ()
    "Newer files that were damaged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a directory holds: the newest good checkpoint, and the damaged newer ones."""

    newest: Checkpoint | None
    refused: tuple[RefusedFile, ...]


class _Version(msgspec.Struct):
    schema_version: int


class _File(msgspec.Struct, kw_only=True):
    schema_version: int
    journal_seq: int
    day: str
    checksum: str
    state: msgspec.Raw


class _Damaged(Exception):
    """The file is not what was written; the text says what is wrong."""


def write_checkpoint(
    directory: Path,
    day: str,
    body: bytes,
    seq: int,
    schema_version: int = STATE_SCHEMA_VERSION,
    *,
    sync: bool = True,
    watch: Watch | None = None,
) -> Path:
    """Write the checkpoint of `day`, replacing an earlier one of that day in one step.

    Args:
        directory: Where the checkpoints of one mode lie; it must exist.
        day: ISO date of the trading day; the name of the file.
        body: JSON object of the state.
        seq: Number of the last journal entry that the state contains; it must be durable already.
        schema_version: Version of the state.
        sync: Whether to wait for the disk; `False` for simulations only.
        watch: Called at every I/O point; for simulations only.

    Raises:
        BrokenInvariant: `body` is no JSON object or `day` is no date. Nothing was changed.
        OSError: The disk refused it. The earlier file is untouched; nothing may be sent.
    """
    _check_day(day)
    state = _compact_state(body)
    checksum = _checksum(schema_version, seq, day, state)
    file = _File(schema_version=schema_version, journal_seq=seq, day=day, checksum=checksum, state=msgspec.Raw(state))
    path = directory / f"{day}.json"
    write_durably(path, msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n", sync=sync, watch=watch)
    if watch is not None:
        watch(IoPoint.CHECKPOINT_DONE, path)
    return path


def newest_checkpoint(directory: Path) -> Checkpoint | None:
    """The newest good checkpoint of any day, with the newer ones that were damaged; `None` when none is good.

    Raises:
        StateRefused: The newest readable one is of another schema version.
    """
    return find_checkpoint(directory).newest


def find_checkpoint(directory: Path, before_day: str | None = None) -> Found:
    """Like `newest_checkpoint`, but tells of the damaged files when no good one is left, too.

    Args:
        directory: Where the checkpoints of one mode lie.
        before_day: ISO date; only files of earlier days are looked at.

    Raises:
        StateRefused: The newest readable one is of another schema version.
    """
    refused: list[RefusedFile] = []
    for path in sorted(directory.glob("????-??-??.json"), reverse=True):
        if before_day is not None and path.stem >= before_day:
            continue
        try:
            checkpoint = _read(path)
        except _Damaged as damage:
            refused.append(RefusedFile(path=path, reason=str(damage)))
            continue
        return Found(newest=_with_refused(checkpoint, tuple(refused)), refused=tuple(refused))
    return Found(newest=None, refused=tuple(refused))


def _read(path: Path) -> Checkpoint:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _Damaged(f"cannot be read: {error.strerror}") from error
    if not data.strip(b"\0 \t\r\n"):
        raise _Damaged("empty")
    try:
        _check_version(path, msgspec.json.decode(data, type=_Version).schema_version)
        file = msgspec.json.decode(data, type=_File)
        state = msgspec.json.format(bytes(file.state), indent=-1)
    except UNDECODABLE as error:
        raise _Damaged(f"not a whole checkpoint: {error}") from error
    if file.checksum != _checksum(file.schema_version, file.journal_seq, file.day, state):
        raise _Damaged("the checksum does not match: the file was changed after it was written")
    if f"{file.day}.json" != path.name:
        raise _Damaged(f"the file says that it is of {file.day}")
    return Checkpoint(path=path, day=file.day, seq=file.journal_seq, schema_version=file.schema_version, state=state)


def _with_refused(checkpoint: Checkpoint, refused: tuple[RefusedFile, ...]) -> Checkpoint:
    return Checkpoint(
        path=checkpoint.path,
        day=checkpoint.day,
        seq=checkpoint.seq,
        schema_version=checkpoint.schema_version,
        state=checkpoint.state,
        refused=refused,
    )


def _check_version(path: Path, version: int) -> None:
    if version == STATE_SCHEMA_VERSION:
        return
    which = "newer" if version > STATE_SCHEMA_VERSION else "older"
    raise StateRefused(
        f"{path} was written by a {which} version of the program (state schema {version}, this program reads"
        f" {STATE_SCHEMA_VERSION}). Start the version that wrote it; change versions only when every account is flat,"
        f" with {path.parent} moved aside."
    )


def _check_day(day: str) -> None:
    try:
        known = date.fromisoformat(day).isoformat() == day
    except ValueError:
        known = False
    if not known:
        raise BrokenInvariant(f"The checkpoint was not written: {day!r} is not an ISO date.")


def _compact_state(body: bytes) -> bytes:
    try:
        body.decode()  # what is raw below is not looked at as text
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        return msgspec.json.format(body, indent=-1)
    except UNDECODABLE as error:
        raise BrokenInvariant(f"The checkpoint was not written: the state is not a JSON object ({error}).") from error


def _checksum(schema_version: int, seq: int, day: str, state: bytes) -> str:
    # The position is covered too: a state with the wrong position would apply events twice or never.
    return hashlib.sha256(f"{schema_version} {seq} {day}\n".encode() + state).hexdigest()
