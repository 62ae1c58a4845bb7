"""One running program per data directory: a lock that the operating system releases, whatever way the process ends.

It must not judge by the process id in the file: ids are used again, and a killed process leaves its own behind. The
text is for people and for `--take-over`; only the lock counts. The file is never deleted, because a lock on a deleted
file protects nothing.
"""

import fcntl
import os
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import pytz

from config.schema import Mode
from engine.errors import AlreadyRunning
from engine.model import NS_PER_S, Value
from state.codec import UNDECODABLE

_ATTEMPTS_MAX = 20_000
"Attempts, some 50 ms together, while somebody only asks; that takes microseconds, or a time slice when preempted."


class Holder(Value, frozen=True):
    """What the holder of a lock wrote about itself."""

    pid: int
    started_ns: int
    mode: Mode | None

    def __str__(self) -> str:
        """For people."""
        mode = f", {self.mode.value} mode" if self.mode is not None else ""
        if not self.started_ns:
            return f"process {self.pid}{mode}"
        since = datetime.fromtimestamp(self.started_ns // NS_PER_S, pytz.timezone("Asia/Kolkata"))
        return f"process {self.pid}, since {since:%Y-%m-%d %H:%M:%S} IST{mode}"


class InstanceLock:
    """The right to run on a data directory.

    Args:
        path: The lock file; its directory is created when it is missing.
        mode: Written into the file.
        started_ns: Written into the file, 0 when it does not matter.
    """

    def __init__(self, path: Path, *, mode: Mode | None = None, started_ns: int = 0) -> None:
        self.path = path
        self._mode, self._started_ns = mode, started_ns
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock or fail at once.

        Raises:
            AlreadyRunning: Another instance (or another lock object of this process) holds it.
            OSError: The file cannot be opened or written.
        """
        if self.held:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _take(descriptor):
                raise AlreadyRunning(_refusal(self.path, _read_holder(descriptor)))
            text = msgspec.json.encode(Holder(pid=os.getpid(), started_ns=self._started_ns, mode=self._mode))
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text + b"\n", 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether an instance holds the lock at this moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the lock; `None` when nobody does (or when the holder has not written its name yet)."""
    if not is_locked(path):
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_holder(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    # Whoever only asks shares the lock for a moment. A shared lock can be had beside that, but not beside an instance.
    for _ in range(_ATTEMPTS_MAX):
        if _try(descriptor, fcntl.LOCK_EX):
            return True
        if not _try(descriptor, fcntl.LOCK_SH):
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _try(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(descriptor: int) -> Holder | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
    except UNDECODABLE:
        return None


def _refusal(path: Path, other: Holder | None) -> str:
    who = str(other) if other is not None else "a process that has not written its name yet"
    return f"Another instance runs on {path.parent} ({who})."
