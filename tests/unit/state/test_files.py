"""Writing files that survive a power cut."""

import os
from pathlib import Path

import pytest

from state.files import make_directory, write_durably


def test_data_and_name_are_synced_in_the_order_file_rename_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")
    seen: list[tuple[str, bytes]] = []

    def fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        seen.append((name, path.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_durably(path, b"new")
    assert seen == [("x.json.tmp", b"old"), (tmp_path.name, b"new")]


def test_a_failed_sync_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")

    def fsync(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_temporary_file_left_by_a_crash_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.json.tmp").write_bytes(b"half of something much longer than the new data")
    write_durably(tmp_path / "x.json", b"new")
    assert (tmp_path / "x.json").read_bytes() == b"new"


def test_missing_directories_are_made_and_existing_ones_kept(tmp_path: Path) -> None:
    make_directory(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "file").touch()
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "file").exists()
