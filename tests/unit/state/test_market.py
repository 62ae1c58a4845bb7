"""The files of a simulated market: emptied for a new one, whatever an interrupted emptying left."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import JournalFailed
from state.market import PAST_NAME, empty_for, has_state, remove_past, world_of
from state.session import Session
from state.store import JOURNAL_NAME, mode_directory


def test_emptied_directory_has_only_what_the_new_market_is_made_of(tmp_path: Path) -> None:
    Session(tmp_path, Mode.PAPER, sync=False).crash()
    (tmp_path / "paper.old").mkdir()
    empty_for(tmp_path, Mode.PAPER, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["world.json"]
    assert world_of(tmp_path) == b"new"


def left(root: Path, mark: str = "x") -> None:
    """A session that left something."""
    directory = mode_directory(root, Mode.PAPER)
    directory.mkdir()
    (directory / JOURNAL_NAME).write_text(mark)


def past(root: Path) -> dict[str, str]:
    return {path.name: (path / JOURNAL_NAME).read_text() for path in (root / PAST_NAME).iterdir()}


def test_state_that_is_kept_lies_whole_under_its_day(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        left(tmp_path, str(number))
        name = "2026-11-02" if number == 1 else f"2026-11-02.{number}"
        assert empty_for(tmp_path, Mode.PAPER, b"new", keep_under="2026-11-02") == tmp_path / PAST_NAME / name
    assert past(tmp_path) == {"2026-11-02": "1", "2026-11-02.2": "2", "2026-11-02.3": "3"}
    assert not mode_directory(tmp_path, Mode.PAPER).exists()


def test_what_has_no_state_is_not_kept(tmp_path: Path) -> None:
    mode_directory(tmp_path, Mode.PAPER).mkdir()
    assert empty_for(tmp_path, Mode.PAPER, b"new", keep_under="2026-11-02") is None
    assert [path.name for path in tmp_path.iterdir()] == ["world.json"]


def test_state_is_kept_once_and_in_no_new_market_when_the_disk_refuses_the_new_one(tmp_path: Path) -> None:
    """The same as a kill between the two steps."""
    left(tmp_path)
    blocked = tmp_path / "world.json.tmp"
    blocked.mkdir()
    with pytest.raises(JournalFailed, match="Nothing was started"):
        empty_for(tmp_path, Mode.PAPER, b"new", keep_under="2026-11-02")
    assert (past(tmp_path), has_state(tmp_path, Mode.PAPER), world_of(tmp_path)) == ({"2026-11-02": "x"}, False, b"")
    blocked.rmdir()
    assert empty_for(tmp_path, Mode.PAPER, b"new", keep_under="2026-11-02") is None
    assert (past(tmp_path), world_of(tmp_path)) == ({"2026-11-02": "x"}, b"new")


def test_state_that_cannot_be_kept_stays_in_its_place(tmp_path: Path) -> None:
    left(tmp_path)
    (tmp_path / PAST_NAME).write_text("in the way")
    with pytest.raises(JournalFailed, match="Nothing was started"):
        empty_for(tmp_path, Mode.PAPER, b"new", keep_under="2026-11-02")
    assert has_state(tmp_path, Mode.PAPER)


def test_only_what_is_older_than_the_day_is_removed_of_what_is_kept(tmp_path: Path) -> None:
    assert remove_past(tmp_path, "2026-11-02") == 0
    names = ["2026-10-30", "2026-11-01.2", "2026-11-02", "2026-11-02.2", "2026-11-03", "my copy"]
    for name in names:
        (tmp_path / PAST_NAME / name / "paper").mkdir(parents=True)
    assert remove_past(tmp_path, "2026-11-02") == 2
    assert sorted(path.name for path in (tmp_path / PAST_NAME).iterdir()) == names[2:]


def test_state_of_the_other_mode_stays(tmp_path: Path) -> None:
    Session(tmp_path, Mode.LIVE, sync=False).crash()
    empty_for(tmp_path, Mode.PAPER, b"new")
    assert has_state(tmp_path, Mode.LIVE)


def test_nothing_tells_what_a_first_market_was_made_of(tmp_path: Path) -> None:
    assert world_of(tmp_path) == b""
    assert not has_state(tmp_path, Mode.PAPER)


@pytest.mark.parametrize(
    ("name", "counts"), [("2026-11-02.json", True), (f"{JOURNAL_NAME}-wal", True), ("notes.txt", False)]
)
def test_state_is_a_checkpoint_or_a_journal_or_its_log(name: str, counts: bool, tmp_path: Path) -> None:
    directory = mode_directory(tmp_path, Mode.PAPER)
    directory.mkdir()
    (directory / name).touch()
    assert not has_state(tmp_path, Mode.PAPER)
    (directory / name).write_bytes(b"x")
    assert has_state(tmp_path, Mode.PAPER) is counts


def test_market_that_cannot_begin_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "world.json.tmp").mkdir()
    with pytest.raises(JournalFailed, match="Nothing was started"):
        empty_for(tmp_path, Mode.PAPER, b"new")
