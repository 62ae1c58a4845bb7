"""Death and failure at every I/O point: what was durable is found again, and after a failure nothing can be recorded."""

import errno
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import BrokenInvariant, JournalFailed
from engine.events import Event, Paused, Resumed, SessionStopped, TimePassed
from state.files import write_durably
from state.io_points import IoPoint
from state.session import Session
from state.store import Store, mode_directory
from tests.unit.engine.fakes import S, started
from tests.unit.paper.builders import NOW

FRIDAY, MONDAY = "2026-10-30", "2026-11-02"
NEVER = IoPoint.PRUNE
"Pruning has its own tests; these days are too young for it."
POINTS = [point for point in IoPoint if point is not NEVER]


class Died(BaseException):
    """The process is gone."""


@dataclass
class Watcher:
    """Does something at the n-th visit of a point.

    Attributes:
        seen: Points visited, in order.
    """

    point: IoPoint | None = None
    visit: int = 1
    act: Callable[[Path], None] = lambda path: None
    seen: list[IoPoint] = field(default_factory=list)

    def __call__(self, point: IoPoint, path: Path) -> None:
        self.seen.append(point)
        if point is self.point and self.seen.count(point) == self.visit:
            self.act(path)


@dataclass
class Script:
    """Two days of one small program, and what it was promised.

    Attributes:
        promised: Entries that a commit has returned for.
        appended: Entries handed over.
        states: The encoded state after each entry, '' before the first.
    """

    root: Path
    watch: Watcher
    sync: bool = False
    promised: int = 0
    appended: int = 0
    ended: bool = False
    states: list[bytes] = field(default_factory=lambda: [b""])
    session: Session | None = None

    def run(self) -> None:
        """Both days."""
        self.day(FRIDAY, [started(), TimePassed(at_ns=NOW + S), Paused(at_ns=NOW + 2 * S)])
        self.day(MONDAY, [Resumed(at_ns=NOW + 4 * S), TimePassed(at_ns=NOW + 5 * S), SessionStopped(at_ns=NOW + 6 * S)])

    def day(self, day: str, events: list[Event]) -> None:
        """Commits, two checkpoints and an orderly end."""
        self.ended = False
        self.session = session = Session(self.root, Mode.PAPER, sync=self.sync, watch=self.watch)
        session.start(day, NOW, "1")
        for number, event in enumerate(events):
            self.append(event)
            if number == 1:
                self.checkpoint()
            elif number == 0:
                session.commit()
                self.promised = self.appended
        self.checkpoint()
        session.end(NOW + 3 * S)
        self.ended = True

    def append(self, event: Event) -> None:
        """Decide and record."""
        session = self.opened
        commands = session.replicator.handle(event)
        self.states.append(session.encode_state())
        self.appended += 1
        session.append(event, commands)

    def checkpoint(self) -> None:
        """The checkpoint of now, which is a commit too."""
        self.opened.checkpoint(self.states[-1])
        self.promised = self.appended

    @property
    def opened(self) -> Session:
        assert self.session is not None
        return self.session


def found(root: Path) -> bytes:
    """The state that the next process finds; '' for none."""
    session = Session(root, Mode.PAPER, sync=False)
    try:
        return session.encode_state()
    except BrokenInvariant:
        return b""
    finally:
        session.crash()


def visits() -> list[tuple[IoPoint, int]]:
    """Every visit of every point in the script: (point, which visit)."""
    counts = {
        IoPoint.JOURNAL_OPEN: 2,
        IoPoint.JOURNAL_OPENED: 2,
        IoPoint.SESSION_START: 2,
        IoPoint.APPEND: 6,
        IoPoint.COMMIT: 10,
        IoPoint.COMMITTED: 10,
        IoPoint.TEMPORARY_WRITTEN: 4,
        IoPoint.TEMPORARY_SYNCED: 4,
        IoPoint.REPLACED: 4,
        IoPoint.CHECKPOINT_DONE: 4,
        IoPoint.SESSION_END: 2,
        IoPoint.SESSION_ENDED: 2,
    }
    assert set(counts) == set(POINTS)
    return [(point, visit) for point, count in counts.items() for visit in range(1, count + 1)]


VISITS = visits()


def die(path: Path) -> None:
    raise Died


def died_at(root: Path, point: IoPoint, visit: int, act: Callable[[Path], None] = die) -> Script:
    """The script, up to its death there."""
    script = Script(root, Watcher(point, visit, act))
    with pytest.raises(Died):
        script.run()
    if script.session is not None:
        script.session.crash()
    return script


def test_every_point_is_visited_as_often_as_the_tests_below_believe(tmp_path: Path) -> None:
    watch = Watcher()
    Script(tmp_path, watch).run()
    assert {(point, visit) for point in POINTS for visit in range(1, watch.seen.count(point) + 1)} == set(VISITS)
    assert NEVER not in watch.seen


def test_watched_and_unwatched_runs_leave_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Script(tmp_path / name, Watcher()).run()
    a, b = (
        {file.name: file.read_bytes() for file in mode_directory(tmp_path / n, Mode.PAPER).glob("*.json")} for n in "ab"
    )
    assert a == b
    assert found(tmp_path / "a") == found(tmp_path / "b")


@pytest.mark.parametrize("sync", [False, True], ids=["memory", "disk"])
def test_points_come_in_the_order_of_the_writes(sync: bool, tmp_path: Path) -> None:
    watch = Watcher()
    script = Script(tmp_path, watch, sync=sync)
    script.day(FRIDAY, [started()])
    at = IoPoint
    commit = [at.COMMIT, at.COMMITTED]
    written = [at.TEMPORARY_WRITTEN, at.TEMPORARY_SYNCED, at.REPLACED, at.CHECKPOINT_DONE]
    beginning = [at.JOURNAL_OPEN, at.JOURNAL_OPENED, at.SESSION_START, *commit]
    ending = [at.SESSION_END, *commit, at.SESSION_ENDED]
    assert watch.seen == [*beginning, at.APPEND, *commit, *written, *ending]


# Death


@pytest.mark.parametrize(("point", "visit"), VISITS)
def test_death_at_any_point_loses_only_what_was_not_committed(point: IoPoint, visit: int, tmp_path: Path) -> None:
    script = died_at(tmp_path, point, visit)
    committed = script.appended if point is IoPoint.COMMITTED else script.promised
    # A checkpoint commits before it writes: its own points lie after that.
    in_checkpoint = {IoPoint.TEMPORARY_WRITTEN, IoPoint.TEMPORARY_SYNCED, IoPoint.REPLACED, IoPoint.CHECKPOINT_DONE}
    if point in in_checkpoint:
        committed = script.appended
    assert found(tmp_path) == script.states[committed]
    assert found(tmp_path) == script.states[committed], "looking at it changes nothing"


@pytest.mark.parametrize(("point", "visit"), VISITS)
def test_session_that_died_before_its_end_was_durable_is_unclean(point: IoPoint, visit: int, tmp_path: Path) -> None:
    died_at(tmp_path, point, visit)
    following = Session(tmp_path, Mode.PAPER, sync=False)
    began, ended = (point, visit) not in BEFORE_THE_BEGINNING, (point, visit) in AFTER_THE_END
    assert following.unclean is (began and not ended)
    following.crash()


BEFORE_THE_BEGINNING = {
    *((p, v) for p in (IoPoint.JOURNAL_OPEN, IoPoint.JOURNAL_OPENED, IoPoint.SESSION_START) for v in (1, 2)),
    (IoPoint.COMMIT, 1),
    (IoPoint.COMMIT, 6),
}
AFTER_THE_END = {
    (IoPoint.SESSION_ENDED, 1),
    (IoPoint.SESSION_ENDED, 2),
    (IoPoint.COMMITTED, 5),
    (IoPoint.COMMITTED, 10),
}


@pytest.mark.parametrize("again", [IoPoint.JOURNAL_OPEN, IoPoint.JOURNAL_OPENED, IoPoint.SESSION_START, IoPoint.COMMIT])
def test_death_during_recovery_after_a_death_changes_nothing(again: IoPoint, tmp_path: Path) -> None:
    script = died_at(tmp_path, IoPoint.COMMITTED, 8)
    for _ in range(3):
        session: Session | None = None
        with pytest.raises(Died):
            session = Session(tmp_path, Mode.PAPER, sync=False, watch=Watcher(again, 1, die))
            session.start(MONDAY, NOW + 9 * S, "1")
        if session is not None:
            session.crash()
        assert found(tmp_path) == script.states[script.appended]


# What a power cut does to the checkpoint's files


def torn(bytes_kept: int, tail: bytes = b"") -> Callable[[Path], None]:
    def tear(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:bytes_kept] + tail)
        raise Died

    return tear


@pytest.mark.parametrize("visit", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "tear", [torn(0), torn(1), torn(200), torn(100, b"\0" * 4096), torn(0, b"\xff" * 50), torn(-3)]
)
def test_torn_temporary_file_is_never_read(visit: int, tear: Callable[[Path], None], tmp_path: Path) -> None:
    script = died_at(tmp_path, IoPoint.TEMPORARY_WRITTEN, visit, tear)
    assert found(tmp_path) == script.states[script.appended]


@pytest.mark.parametrize("visit", [1, 2, 3, 4])
def test_rename_that_was_not_durable_brings_the_old_checkpoint_back(visit: int, tmp_path: Path) -> None:
    old: dict[Path, bytes] = {}

    class Undo(Watcher):
        def __call__(self, point: IoPoint, path: Path) -> None:
            if point is IoPoint.TEMPORARY_SYNCED and path.with_suffix("").exists():
                old[path.with_suffix("")] = path.with_suffix("").read_bytes()
            super().__call__(point, path)

    def undo(path: Path) -> None:
        path.rename(path.with_name(path.name + ".tmp"))
        if path in old:
            path.write_bytes(old[path])
        raise Died

    script = Script(tmp_path, Undo(IoPoint.REPLACED, visit, undo))
    with pytest.raises(Died):
        script.run()
    script.opened.crash()
    assert bool(old) is (visit > 1)
    assert found(tmp_path) == script.states[script.appended]


# Failure


def no_space(path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def bad_disk(path: Path) -> None:
    raise OSError(errno.EIO, "Input/output error")


def bad_database(path: Path) -> None:
    raise sqlite3.OperationalError("disk I/O error")


@pytest.mark.parametrize("fail", [no_space, bad_disk, bad_database])
@pytest.mark.parametrize(("point", "visit"), VISITS)
def test_failure_at_any_point_is_a_failed_journal_for_good(
    point: IoPoint, visit: int, fail: Callable[[Path], None], tmp_path: Path
) -> None:
    script = Script(tmp_path, Watcher(point, visit, fail))
    with pytest.raises(JournalFailed, match="Nothing"):
        script.run()
    if script.session is not None and not script.ended:
        check_dead(script.session)
        script.session.crash()
    assert found(tmp_path) in script.states[script.promised : script.appended + 1]


def check_dead(session: Session) -> None:
    """The disk works again, and still nothing may be recorded by this object."""
    attempts: list[Callable[[], None]] = [
        lambda: session.append(TimePassed(at_ns=NOW + 9 * S), ()),
        session.commit,
        lambda: session.checkpoint(b"{}"),
        lambda: session.end(NOW + 9 * S),
        lambda: session.start(MONDAY, NOW + 9 * S, "1"),
    ]
    for attempt in attempts:
        with pytest.raises((JournalFailed, BrokenInvariant)):
            attempt()
    with pytest.raises(JournalFailed):
        session.commit()


@pytest.mark.parametrize("point", [IoPoint.TEMPORARY_WRITTEN, IoPoint.TEMPORARY_SYNCED, IoPoint.REPLACED])
def test_file_holds_the_old_or_the_new_bytes_after_a_failure(point: IoPoint, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new", watch=Watcher(point, 1, no_space))
    assert path.read_bytes() == (b"new" if point is IoPoint.REPLACED else b"old")


def test_recovery_that_fails_closes_the_journal(tmp_path: Path) -> None:
    """A journal that the core cannot fold is a bug; the file must be free for whoever looks into it."""
    store = Store(tmp_path, Mode.PAPER, sync=False)
    store.open()
    store.start_session(FRIDAY, NOW, "1")
    store.append(Paused(at_ns=NOW), ())
    store.commit()
    store.close()
    with pytest.raises(BrokenInvariant):
        Session(tmp_path, Mode.PAPER, sync=False)
    open_files = [descriptor.resolve() for descriptor in list(Path("/proc/self/fd").iterdir())]
    assert not [path for path in open_files if tmp_path in path.parents]
