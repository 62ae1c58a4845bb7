"""The files of a simulated market: emptied for a new one, whatever an interrupted emptying left."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import JournalFailed
from state.market import empty_for, has_state, world_of
from state.session import Session
from state.store import JOURNAL_NAME, mode_directory


def test_emptied_directory_has_only_what_the_new_market_is_made_of(tmp_path: Path) -> None:
    Session(tmp_path, Mode.PAPER, sync=False).crash()
    (tmp_path / "paper.old").mkdir()
    empty_for(tmp_path, Mode.PAPER, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["world.json"]
    assert world_of(tmp_path) == b"new"


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
