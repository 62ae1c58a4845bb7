"""One process on a data directory: what whoever is refused is told, and a directory that cannot be used."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import AlreadyRunning, JournalFailed
from state.instance import only_instance
from state.lock import InstanceLock, holder, is_locked
from state.store import lock_path


def test_directory_is_made_and_held_and_given_back(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    with only_instance(root, Mode.PAPER, started_ns=1, advice="") as ended_other:
        assert not ended_other
        found = holder(lock_path(root))
        assert found is not None
        assert found.mode is Mode.PAPER
    assert not is_locked(lock_path(root))


def test_second_one_is_refused_with_the_name_of_the_first_and_the_advice(tmp_path: Path) -> None:
    with (
        InstanceLock(lock_path(tmp_path)),
        pytest.raises(AlreadyRunning, match=r"process \d+.* Wait for it\.$"),
        only_instance(tmp_path, Mode.PAPER, started_ns=1, advice="Wait for it."),
    ):
        pass


def test_directory_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    root = tmp_path / "state" / "data"
    with (
        pytest.raises(JournalFailed, match="Nothing was started"),
        only_instance(root, Mode.PAPER, started_ns=1, advice=""),
    ):
        pass
