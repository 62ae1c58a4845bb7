"""Every state of the journal with every state of the checkpoints: rebuilt exactly, or refused with what a person can do."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config.schema import Mode
from engine.errors import BrokenInvariant, StateRefused
from engine.events import Paused, TimePassed
from state.checkpoint import STATE_SCHEMA_VERSION, write_checkpoint
from state.leftover import find_leftover
from state.reader import WHAT_TO_DO
from state.session import Session
from state.store import JOURNAL_NAME, mode_directory
from tests.unit.engine.fakes import S, started
from tests.unit.paper.builders import NOW

FRIDAY, MONDAY = "2026-10-30", "2026-11-02"
ENTRIES = 6
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A directory of two days, the second one died after three more entries, and the state at its end."""
    root, live = tmp_path_factory.mktemp("sound"), b""
    for day in (FRIDAY, MONDAY):
        session = Session(root, Mode.PAPER, sync=False)
        session.start(day, NOW, "1")
        late = S if day == MONDAY else 0
        for event in (started(NOW + late), TimePassed(at_ns=NOW + late + 1), Paused(at_ns=NOW + late + 2)):
            session.append(event, session.replicator.handle(event))
            if isinstance(event, TimePassed):
                session.checkpoint(session.encode_state())
        session.commit()
        live = session.encode_state()
        session.crash()
    return root, live


# Damages of the journal; each gets its directory


def none(directory: Path) -> None:
    """Nothing is wrong."""


def missing(directory: Path) -> None:
    (directory / JOURNAL_NAME).unlink()


def empty(directory: Path) -> None:
    (directory / JOURNAL_NAME).write_bytes(b"")


def zeros(directory: Path) -> None:
    (directory / JOURNAL_NAME).write_bytes(b"\0" * 8192)


def garbage(directory: Path) -> None:
    (directory / JOURNAL_NAME).write_bytes(b"garbage" * 2000)


def torn(directory: Path) -> None:
    path = directory / JOURNAL_NAME
    path.write_bytes(path.read_bytes()[:6000])


def future(directory: Path) -> None:
    _change(directory, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")


def foreign(directory: Path) -> None:
    missing(directory)
    _change(directory, "CREATE TABLE notes (text)")


def first_lost(directory: Path) -> None:
    _change(directory, "DELETE FROM entries WHERE seq = 1")


def last_changed(directory: Path) -> None:
    _change(directory, "UPDATE entries SET event = replace(event, '1', '2') WHERE seq = 6")


def next_to_last_lost(directory: Path) -> None:
    _change(directory, "DELETE FROM entries WHERE seq = 5")


def yesterdays(directory: Path) -> None:
    """Put back from an old backup."""
    _change(directory, "DELETE FROM entries WHERE seq > 3")


def unknown_event(directory: Path) -> None:
    text = '{"type":"MoonLanded","at_ns":1}'
    with closing(sqlite3.connect(directory / JOURNAL_NAME)) as connection:
        check = msgspec.json.decode(b"0")
        connection.execute("UPDATE entries SET event = ?, crc32 = ? WHERE seq = 6", (text, check))
        connection.commit()


def _change(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / JOURNAL_NAME)) as connection:
        connection.execute(statement)
        connection.commit()


# Damages of the checkpoints


def no_checkpoint(directory: Path) -> None:
    for path in directory.glob("*.json"):
        path.unlink()


def monday_empty(directory: Path) -> None:
    (directory / f"{MONDAY}.json").write_bytes(b"")


def monday_torn(directory: Path) -> None:
    path = directory / f"{MONDAY}.json"
    path.write_bytes(path.read_bytes()[:-200])


def both_garbage(directory: Path) -> None:
    for path in directory.glob("*.json"):
        path.write_bytes(b"\xff\0garbage")


def only_temporary(directory: Path) -> None:
    for path in directory.glob("*.json"):
        path.rename(path.with_name(path.name + ".tmp"))


def monday_future(directory: Path) -> None:
    write_checkpoint(directory, MONDAY, b'{"shape":"unknown"}', 5, STATE_SCHEMA_VERSION + 1)


def friday_future_monday_torn(directory: Path) -> None:
    write_checkpoint(directory, FRIDAY, b'{"shape":"unknown"}', 2, STATE_SCHEMA_VERSION + 1)
    monday_torn(directory)


def other_shape(directory: Path) -> None:
    write_checkpoint(directory, MONDAY, b'{"shape":"unknown"}', 5)


def is_ahead(directory: Path) -> None:
    body = (directory / f"{MONDAY}.json").read_bytes()
    state = msgspec.json.encode(msgspec.json.decode(body)["state"])
    write_checkpoint(directory, MONDAY, state, 7)


BACKUP = "backup"
VERSION = "Start the version that wrote it"
ASIDE = "Move it aside"
REBUILT = ""
FRESH = "fresh"

# One row a state of the journal; one column a state of the checkpoints. What stands there: the words of the refusal, or
# that the state is rebuilt exactly, or that this is a first start.
CHECKPOINTS: tuple[Damage, ...] = (
    none, no_checkpoint, monday_empty, monday_torn, both_garbage, only_temporary,
    monday_future, friday_future_monday_torn, other_shape, is_ahead,
)  # fmt: skip
R, B, V, F, A = REBUILT, BACKUP, VERSION, FRESH, ASIDE
TABLE: dict[Damage, tuple[str, ...]] = {
    none:              (R, R, R, R, R, R, V, V, B, B),
    missing:           (B, F, B, B, B, B, V, V, B, B),
    empty:             (B, F, B, B, B, B, V, V, B, B),
    zeros:             (B, B, B, B, B, B, B, B, B, B),
    garbage:           (B, B, B, B, B, B, B, B, B, B),
    torn:              (B, B, B, B, B, B, B, B, B, B),
    future:            (V, V, V, V, V, V, V, V, V, V),
    foreign:           (A, A, A, A, A, A, A, A, A, A),
    first_lost:        (R, B, R, R, B, B, V, V, B, B),
    last_changed:      (B, B, B, B, B, B, V, V, B, B),
    next_to_last_lost: (R, B, B, B, B, B, V, V, B, B),
    yesterdays:        (B, R, R, R, R, R, V, V, B, B),
    unknown_event:     (B, B, B, B, B, B, V, V, B, B),
}  # fmt: skip
"`yesterdays` without a checkpoint that says how far the journal reached cannot be told from a whole one."
CASES = [(j, c, words) for j, row in TABLE.items() for c, words in zip(CHECKPOINTS, row, strict=True)]


@pytest.fixture
def laid(sound: tuple[Path, bytes], tmp_path: Path) -> Iterator[tuple[Path, bytes]]:
    root, live = sound
    shutil.copytree(root, tmp_path / "root")
    yield tmp_path / "root", live


@pytest.mark.parametrize(
    ("journal", "checkpoints", "words"), CASES, ids=[f"{j.__name__}-{c.__name__}" for j, c, _ in CASES]
)
def test_state_is_rebuilt_or_refused_with_what_to_do(
    journal: Damage, checkpoints: Damage, words: str, laid: tuple[Path, bytes]
) -> None:
    root, live = laid
    directory = mode_directory(root, Mode.PAPER)
    checkpoints(directory)
    journal(directory)
    if words in {BACKUP, VERSION, ASIDE}:
        for attempt in range(2):
            with pytest.raises(StateRefused, match=f"{words}|{VERSION}"):  # it reads the checkpoint first
                find_leftover(root, Mode.PAPER)
            with pytest.raises(StateRefused, match=words) as refusal:
                Session(root, Mode.PAPER, sync=False)
            assert str(directory) in str(refusal.value), attempt
        return
    session = Session(root, Mode.PAPER, sync=False)
    if words == FRESH:
        with pytest.raises(BrokenInvariant):
            _ = session.replicator.state
        assert session.notes == ()
        assert not session.unclean
    elif journal is yesterdays:
        assert session.replicator.state.now_ns < msgspec.json.decode(live)["now_ns"]
    else:
        assert session.encode_state() == live
    session.crash()


def test_instructions_can_be_followed(laid: tuple[Path, bytes]) -> None:
    """Moved aside, the next start is a first one; put back from a backup, it goes on as if nothing had happened."""
    root, live = laid
    directory = mode_directory(root, Mode.PAPER)
    shutil.copytree(directory, root / "backup")
    garbage(directory)
    with pytest.raises(StateRefused):
        Session(root, Mode.PAPER, sync=False)
    directory.rename(root / "aside")
    fresh = Session(root, Mode.PAPER, sync=False)
    assert (fresh.notes, fresh.unclean) == ((), False)
    fresh.crash()
    shutil.rmtree(directory)
    (root / "backup").rename(directory)
    restored = Session(root, Mode.PAPER, sync=False)
    assert restored.encode_state() == live
    restored.crash()


def test_instructions_name_what_becomes_of_todays_orders_and_of_older_ones() -> None:
    for part in ("copy of the directory", "backup", "move the directory aside", "mark", "exits only", "positions"):
        assert part in WHAT_TO_DO
