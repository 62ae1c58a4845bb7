"""The daily checkpoint: readable, checked, and passed over when damaged."""

import json
from pathlib import Path

import pytest

from engine.errors import BrokenInvariant, StateRefused
from state.checkpoint import STATE_SCHEMA_VERSION, find_checkpoint, newest_checkpoint, write_checkpoint

STATE = b'{"ratios":{"C1":"3/10"},"price_inr":"100.050","big":1793591400123456789,"text":"\xe2\x82\xb9 M&M"}'


def write(directory: Path, day: str, seq: int, state: bytes = STATE) -> Path:
    return write_checkpoint(directory, day, state, seq, STATE_SCHEMA_VERSION)


def test_what_was_written_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-11-02", 7)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert path == found.path == tmp_path / "2026-11-02.json"
    assert (found.day, found.seq, found.state, found.refused) == ("2026-11-02", 7, STATE, ())


def test_the_file_is_readable_json_of_the_promised_shape(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-11-02", 7)
    content = json.loads(path.read_text())
    assert list(content) == ["schema_version", "journal_seq", "day", "checksum", "state"]
    assert (content["schema_version"], content["journal_seq"], content["day"]) == (1, 7, "2026-11-02")
    assert content["state"] == json.loads(STATE)
    assert len(path.read_text().splitlines()) > 10


def test_a_state_that_was_written_with_blanks_is_the_same_state(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-02", 7, b'{ "a" : [1, 2 ],\n "b": {} }')
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.state == b'{"a":[1,2],"b":{}}'


def test_an_empty_directory_has_no_checkpoint(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "missing") is None


def test_the_newest_of_any_day_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "2025-12-31", 5)
    write(tmp_path, "2026-11-02", 9)
    write(tmp_path, "2026-10-30", 7)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.seq == 9


def test_a_later_checkpoint_of_the_day_replaces_the_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-02", 7)
    write(tmp_path, "2026-11-02", 8, b"{}")
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert (found.seq, found.state) == (8, b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["2026-11-02.json"]


@pytest.mark.parametrize(
    ("what", "damaged"),
    [
        ("zero length", b""),
        ("zeros of a torn write", b"\0" * 600),
        ("garbage", b"\xff\xfe\x00garbage" * 40),
        ("other JSON", b"[1, 2]"),
        ("another object", b'{"schema_version": 1}'),
        ("deep nesting", b'{"schema_version": 1, "state": ' + b"[" * 100_000),
        ("invalid text", b'{"schema_version": 1, "day": "\xff"}'),
    ],
)
def test_a_damaged_newest_file_is_passed_over_and_reported(tmp_path: Path, what: str, damaged: bytes) -> None:
    write(tmp_path, "2026-11-02", 7)
    (tmp_path / "2026-11-03.json").write_bytes(damaged)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.seq == 7, what
    assert [file.path.name for file in found.refused] == ["2026-11-03.json"]
    assert found.refused[0].reason
    assert (tmp_path / "2026-11-03.json").read_bytes() == damaged


def test_a_file_cut_anywhere_is_never_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-11-02", 7)
    whole = path.read_bytes()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        assert newest_checkpoint(tmp_path) is None, length
        assert len(find_checkpoint(tmp_path).refused) == 1


def test_a_changed_digit_anywhere_is_never_taken(tmp_path: Path) -> None:
    path = write(tmp_path, "2026-11-02", 7)
    whole = path.read_bytes()
    for index in (index for index, byte in enumerate(whole) if chr(byte).isdigit()):
        changed = bytearray(whole)
        changed[index] = ord("1") if whole[index] != ord("1") else ord("2")
        path.write_bytes(changed)
        try:
            assert newest_checkpoint(tmp_path) is None, changed
        except StateRefused as error:
            assert "schema 2" in str(error)


def test_a_file_under_the_name_of_another_day_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-02", 7).rename(tmp_path / "2026-11-09.json")
    found = find_checkpoint(tmp_path)
    assert found.newest is None
    assert "2026-11-02" in found.refused[0].reason


@pytest.mark.parametrize(
    ("version", "which"), [(STATE_SCHEMA_VERSION + 1, "newer"), (STATE_SCHEMA_VERSION - 1, "older")]
)
def test_another_schema_version_is_refused_with_what_to_do(tmp_path: Path, version: int, which: str) -> None:
    write(tmp_path, "2026-11-02", 7)
    write_checkpoint(tmp_path, "2026-11-03", b'{"unknown": "shape"}', 9, version)
    with pytest.raises(StateRefused, match=rf"2026-11-03.json .*{which} version.*Start the version"):
        newest_checkpoint(tmp_path)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": NaN}', b'{"a": "\xff"}'])
def test_a_state_that_is_no_json_object_is_not_written(tmp_path: Path, body: bytes) -> None:
    write(tmp_path, "2026-11-02", 7)
    with pytest.raises(BrokenInvariant):
        write(tmp_path, "2026-11-02", 8, body)
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.seq == 7


@pytest.mark.parametrize("day", ["", "today", "20261102", "2026-13-01", "../2026-11-02"])
def test_a_day_that_is_no_date_is_not_written(tmp_path: Path, day: str) -> None:
    with pytest.raises(BrokenInvariant):
        write(tmp_path, day, 7)
    assert list(tmp_path.iterdir()) == []


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-02", 7)
    (tmp_path / "2026-11-03.json.tmp").write_bytes(b"half")
    (tmp_path / "notes.json").write_bytes(b"{}")
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert (found.seq, found.refused) == (7, ())


def test_a_checkpoint_that_cannot_be_read_is_passed_over_with_the_systems_words(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-02", 7)
    (tmp_path / "2026-11-03.json").mkdir()
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert (found.day, [(r.path.name, r.reason) for r in found.refused]) == (
        "2026-11-02",
        [("2026-11-03.json", "cannot be read: Is a directory")],
    )
