"""The rules are asked about once for each edition."""

from pathlib import Path

import pytest

from engine.errors import JournalFailed
from state.acknowledged import NAME, is_acknowledged, keep_acknowledged


def test_nothing_is_acknowledged_at_first(tmp_path: Path) -> None:
    assert not is_acknowledged(tmp_path, 1)


def test_what_was_acknowledged_is_kept_until_the_rules_change(tmp_path: Path) -> None:
    root = tmp_path / "data"
    keep_acknowledged(root, 2, 5)
    assert [is_acknowledged(root, edition) for edition in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"rules":"2"}'])
def test_damaged_file_acknowledges_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert not is_acknowledged(tmp_path, 1)


def test_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    with pytest.raises(JournalFailed, match="cannot be written"):
        keep_acknowledged(tmp_path / "data", 1, 5)
