"""One instance per data directory, with real processes."""

import fcntl
import os
from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import AlreadyRunning
from state.lock import InstanceLock, holder, is_locked
from tests.unit.state.children import Child


def test_a_second_process_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lock"
    with InstanceLock(path, mode=Mode.LIVE, started_ns=1_793_591_100_000_000_000) as lock:
        assert lock.held
        (line,) = Child("hold", path).finish()
        assert f"process {os.getpid()}, since 2026-11-02 09:15:00 IST, live mode" in line
        found = holder(path)
        assert found is not None
        assert (found.pid, found.mode) == (os.getpid(), Mode.LIVE)
    assert not is_locked(path)
    assert holder(path) is None


def test_kill_9_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = Child("hold", path)
    assert process.line() == "held"
    with pytest.raises(AlreadyRunning, match=str(process.pid)):
        InstanceLock(path).acquire()
    assert process.kill() == []
    lock = InstanceLock(path)
    lock.acquire()
    found = holder(path)
    assert found is not None
    assert found.pid == os.getpid()
    lock.release()


def test_an_orderly_end_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = Child("hold", path)
    assert process.line() == "held"
    assert process.finish() == ["released"]
    with InstanceLock(path):
        pass


def test_the_lock_is_kept_within_one_process_too(tmp_path: Path) -> None:
    first, second = InstanceLock(tmp_path / "lock"), InstanceLock(tmp_path / "lock")
    first.acquire()
    first.acquire()
    with pytest.raises(AlreadyRunning):
        second.acquire()
    assert not second.held
    first.release()
    first.release()
    second.acquire()
    second.release()


def test_a_refused_attempt_leaves_the_holder_s_text(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with InstanceLock(path, mode=Mode.PAPER, started_ns=5):
        text = path.read_bytes()
        with pytest.raises(AlreadyRunning):
            InstanceLock(path).acquire()
        assert path.read_bytes() == text


def test_a_failure_inside_the_context_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError), InstanceLock(path):
        raise RuntimeError
    assert not is_locked(path)


@pytest.mark.parametrize("text", [b"", b"garbage", b'{"pid": "x"}', b"\xff\xfe"])
def test_unreadable_text_in_the_file_does_not_matter(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(text)
    assert holder(path) is None
    with InstanceLock(path):
        path.write_bytes(text)
        assert is_locked(path)
        assert holder(path) is None
        with pytest.raises(AlreadyRunning, match="not written its name"):
            InstanceLock(path).acquire()


def test_a_stale_text_of_a_killed_process_does_not_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(f'{{"pid": {os.getpid()}, "started_ns": 1, "mode": "live"}}')
    assert holder(path) is None
    with InstanceLock(path):
        pass


def test_somebody_who_only_asks_is_not_taken_for_an_instance(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open() as asker:
        fcntl.flock(asker, fcntl.LOCK_SH)
        assert not is_locked(path)
        with pytest.raises(AlreadyRunning):
            InstanceLock(path).acquire()
    with InstanceLock(path):
        pass


def test_an_instance_starts_while_others_ask_all_the_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    asker = Child("ask", path)
    assert asker.line() == "asking"
    for _ in range(2000):
        with InstanceLock(path):
            pass
    asker.kill()


def test_asking_about_a_missing_file_creates_nothing(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "lock")
    assert holder(tmp_path / "lock") is None
    assert list(tmp_path.iterdir()) == []
