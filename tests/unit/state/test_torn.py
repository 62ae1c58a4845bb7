"""What a power cut leaves of the journal's files: always a prefix of the commits that holds everything that was synced.

The images are those of a real journal with real syncs. Each case is opened with the real recovery.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from config.schema import Mode
from engine.errors import StateRefused
from state.checkpoint import write_checkpoint
from state.store import JOURNAL_NAME, Store, mode_directory
from state.wal import FRAME_HEADER_BYTES, HEADER_BYTES, check_log, frames_of
from tests.unit.state.samples import order, tick

DAY = "2026-11-02"
COMMITS = 6
PER_COMMIT = 3
"Entries in each commit."


@dataclass(frozen=True)
class Images:
    """The files as they lay after the last commit, the process dead.

    Attributes:
        database: The journal before the log was copied into it.
        log: The write-ahead log with all commits.
        ends: Where the log ended after each commit, the start of the session first.
    """

    database: bytes
    log: bytes
    ends: tuple[int, ...]

    def commits_in(self, bytes_kept: int) -> int:
        """Entry commits that a log of that length holds wholly."""
        return sum(end <= bytes_kept for end in self.ends[1:])

    def begins(self, commit: int) -> int:
        """Where the frames of a commit (1 for the first one with entries) begin."""
        return self.ends[commit - 1]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    root = tmp_path_factory.mktemp("images")
    store = Store(root, Mode.PAPER, sync=True)
    store.open()
    path = mode_directory(root, Mode.PAPER) / JOURNAL_NAME
    log = path.with_name(path.name + "-wal")
    database = path.read_bytes()
    store.start_session(DAY, 1, "0.1.0")
    ends = [log.stat().st_size]
    for _ in range(COMMITS):
        for _ in range(PER_COMMIT):
            seq = store.last_seq + 1
            store.append(tick(seq), [order(f"T{seq}"), order(f"U{seq}")])
        store.commit()
        ends.append(log.stat().st_size)
    found = Images(database, log.read_bytes(), tuple(ends))
    assert path.read_bytes() == database, "nothing was copied from the log yet"
    store.crash()
    return found


def lay(root: Path, database: bytes, log: bytes) -> Path:
    """A directory with these files and nothing else; the journal's path."""
    directory = mode_directory(root, Mode.PAPER)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / JOURNAL_NAME).write_bytes(database)
    (directory / f"{JOURNAL_NAME}-wal").write_bytes(log)
    return directory / JOURNAL_NAME


def found_commits(root: Path) -> int:
    """How many commits the next process finds; each is there wholly, with its commands, or not at all."""
    store = Store(root, Mode.PAPER, sync=False)
    recovered = store.open()
    events = list(recovered.events_after)
    with closing(sqlite3.connect(store.directory / JOURNAL_NAME)) as connection:
        (commands,) = connection.execute("SELECT count(*) FROM commands").fetchone()
    store.close()
    assert recovered.state is None
    assert events == [tick(seq) for seq in range(1, len(events) + 1)]
    assert commands == 2 * len(events)
    commits, rest = divmod(len(events), PER_COMMIT)
    assert not rest
    return commits


# The log cut anywhere


def telling_lengths(images: Images) -> list[int]:
    """Around every border in the log: its header, every frame, every page."""
    frames = [frame.offset for frame in frames_of(images.log)]
    borders = [0, HEADER_BYTES, len(images.log), *frames, *(offset + FRAME_HEADER_BYTES for offset in frames)]
    near = {border + step for border in borders for step in (-1, 0, 1)} | {offset + 2048 for offset in frames}
    return sorted(length for length in near if 0 <= length <= len(images.log))


def check_cut(root: Path, images: Images, length: int) -> None:
    lay(root, images.database, images.log[:length])
    assert found_commits(root) == images.commits_in(length), length


def test_log_cut_at_every_border_leaves_the_commits_before_it(images: Images, tmp_path: Path) -> None:
    lengths = telling_lengths(images)
    assert {images.commits_in(length) for length in lengths} == set(range(COMMITS + 1))
    for length in lengths:
        check_cut(tmp_path, images, length)


@pytest.mark.slow
def test_log_cut_at_every_byte_leaves_the_commits_before_it(images: Images, tmp_path: Path) -> None:
    for length in range(len(images.log) + 1):
        check_cut(tmp_path, images, length)


# Something behind the last commit that was synced


def tails(images: Images) -> Iterator[tuple[str, bytes]]:
    """What may lie behind the end of a log."""
    random = Random(7)
    frame = images.log[images.begins(COMMITS) : images.begins(COMMITS) + FRAME_HEADER_BYTES + 4096]
    yield "zeros", b"\0" * 9000
    yield "ones", b"\xff" * 9000
    yield "noise", random.randbytes(9000)
    yield "its own last frames again", images.log[images.begins(COMMITS) :]
    yield "its first frames again", images.log[HEADER_BYTES : HEADER_BYTES + 2 * len(frame)]
    yield "another log", images.log[:HEADER_BYTES] + frame
    yield "text", b"no space left on device\n" * 400


@pytest.mark.parametrize("kept", range(1, COMMITS + 1))
def test_garbage_behind_a_commit_is_no_entry(kept: int, images: Images, tmp_path: Path) -> None:
    for name, tail in tails(images):
        lengths = (0, 1, FRAME_HEADER_BYTES, 4095, 4119, 4120, 4121, len(tail))
        for length in lengths:
            lay(tmp_path, images.database, images.log[: images.ends[kept]] + tail[:length])
            assert found_commits(tmp_path) >= kept, (name, length)
            if "again" not in name:
                lay(tmp_path, images.database, images.log[: images.ends[kept]] + tail[:length])
                assert found_commits(tmp_path) == kept, (name, length)


def sectors(images: Images, commit: int) -> list[int]:
    return list(range(images.begins(commit) // 512 * 512, images.ends[commit], 512))


def lose(log: bytes, offset: int, begin: int, fill: bytes) -> bytes:
    """The log with one sector lost, but nothing before `begin` touched."""
    start, end = max(offset, begin), min(offset + 512, len(log))
    return log[:start] + fill * (end - start) + log[end:]


@pytest.mark.parametrize("fill", [b"\0", b"\xff"], ids=["zeros", "ones"])
def test_any_sector_of_the_last_commit_may_be_lost_before_its_sync(fill: bytes, images: Images, tmp_path: Path) -> None:
    """Sectors reach the disk in any order; the commit before was synced and stays."""
    begin = images.begins(COMMITS)
    for offset in sectors(images, COMMITS):
        lay(tmp_path, images.database, lose(images.log, offset, begin, fill))
        assert found_commits(tmp_path) in {COMMITS - 1, COMMITS}


# Damage in what was synced


def test_any_lost_sector_of_a_synced_commit_is_refused(images: Images, tmp_path: Path) -> None:
    for commit in range(1, COMMITS - 1):
        for offset in sectors(images, commit):
            damaged = lose(images.log, offset, images.begins(commit), b"\xa5")
            path = lay(tmp_path, images.database, damaged)
            with pytest.raises(StateRefused, match=r"damaged at byte.*durable.*backup.*carry the program's mark"):
                Store(tmp_path, Mode.PAPER, sync=False).open()
            assert path.with_name(f"{JOURNAL_NAME}-wal").read_bytes() == damaged, "kept for whoever can repair it"
            assert path.read_bytes() == images.database


def test_lost_sector_of_the_last_commit_but_one_is_refused_where_it_can_be_told(images: Images, tmp_path: Path) -> None:
    """Without its own mark of a commit it looks like a part of the last one, torn; the checkpoint tells them apart."""
    commit, refused = COMMITS - 1, 0
    for offset in sectors(images, commit):
        damaged = lose(images.log, offset, images.begins(commit), b"\xa5")
        lay(tmp_path, images.database, damaged)
        try:
            assert found_commits(tmp_path) == commit - 1
        except StateRefused:
            refused += 1
        path = lay(tmp_path, images.database, damaged)
        write_checkpoint(path.parent, DAY, b"{}", commit * PER_COMMIT)
        with pytest.raises(StateRefused, match=r"backup"):
            Store(tmp_path, Mode.PAPER, sync=False).open()
    assert refused >= len(sectors(images, commit)) * 3 // 4


def test_log_that_ends_before_the_checkpoint_is_refused_whatever_was_lost(images: Images, tmp_path: Path) -> None:
    """The checkpoint says how far the journal reached."""
    for covered in range(1, COMMITS + 1):
        for length in [length for length in telling_lengths(images) if length < images.ends[covered]][-12:]:
            path = lay(tmp_path, images.database, images.log[:length])
            write_checkpoint(path.parent, DAY, b"{}", covered * PER_COMMIT)
            with pytest.raises(StateRefused, match=r"newer than the journal.*backup"):
                Store(tmp_path, Mode.PAPER, sync=False).open()


def test_log_without_its_journal_is_refused(images: Images, tmp_path: Path) -> None:
    path = lay(tmp_path, b"", images.log)
    for remove in (False, True):
        if remove:
            path.unlink()
        with pytest.raises(StateRefused, match="missing or empty, but its log"):
            Store(tmp_path, Mode.PAPER, sync=False).open()
        assert path.with_name(f"{JOURNAL_NAME}-wal").read_bytes() == images.log


def test_journal_without_any_log_is_as_old_as_its_last_copy(images: Images, tmp_path: Path) -> None:
    path = lay(tmp_path, images.database, b"")
    path.with_name(f"{JOURNAL_NAME}-wal").unlink()
    assert found_commits(tmp_path) == 0


# The journal torn while the log was copied into it


def test_any_page_may_be_torn_while_the_log_is_copied(images: Images, tmp_path: Path) -> None:
    """The log is synced before and kept until the journal is: it mends every page that the copy had touched."""
    path = lay(tmp_path, images.database, images.log)
    assert found_commits(tmp_path) == COMMITS
    copied = path.read_bytes()
    pages = max(len(copied), len(images.database)) // 4096
    for page in range(pages):
        at = page * 4096
        for torn in (images.database[at : at + 4096], b"\0" * 4096, copied[at : at + 1000] + b"\xff" * 3096):
            if not torn or copied[at : at + 4096] == images.database[at : at + 4096]:
                continue
            mixed = copied[:at] + torn + copied[at + 4096 :]
            lay(tmp_path, mixed, images.log)
            assert found_commits(tmp_path) == COMMITS, page
        lay(tmp_path, copied[:at] + images.database[at:], images.log)
        assert found_commits(tmp_path) == COMMITS, "the copying stopped before this page"


# The check itself


def test_check_agrees_with_sqlite_on_a_whole_log(images: Images, tmp_path: Path) -> None:
    frames = list(frames_of(images.log))
    assert all(frame.is_whole for frame in frames)
    assert [f.offset + FRAME_HEADER_BYTES + 4096 for f in frames if f.is_commit] == list(images.ends)
    path = lay(tmp_path, images.database, images.log)
    check_log(path)
    with closing(sqlite3.connect(path)) as connection:
        (_, in_log, _) = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert in_log == len(frames)


@pytest.mark.parametrize("log", [b"", b"short", b"\0" * 32, b"\xff" * 9000])
def test_log_that_is_none_has_no_frames(log: bytes) -> None:
    assert list(frames_of(log)) == []


def test_frames_of_an_earlier_generation_are_not_counted(images: Images, tmp_path: Path) -> None:
    """A log that was begun anew lies over the rest of the old one, whose frames carry another mark."""
    old = bytearray(images.log)
    for frame in frames_of(images.log):
        if frame.offset >= images.ends[1]:
            old[frame.offset + 8] ^= 0xFF
    lay(tmp_path, images.database, bytes(old))
    assert found_commits(tmp_path) == 1
