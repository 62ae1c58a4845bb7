"""Who may run on a data directory: one process. Another one is refused with what it can do, or ends the first one.

It must not start a session; it only holds the directory for one.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from config.schema import Mode
from engine.errors import AlreadyRunning, JournalFailed
from state.lock import InstanceLock, holder, is_locked
from state.store import lock_path

NAME_S = 2.0
"How long a refusal waits for the name of whoever took the lock in the same instant."
_LOOK_S = 0.02


@contextlib.contextmanager
def only_instance(root: Path, mode: Mode, *, started_ns: int, advice: str, end_other_s: float = 0) -> Iterator[bool]:
    """Hold the data directory `root` (made when it is missing); gives whether another instance was ended for it.

    Args:
        root: The data directory.
        mode: Written into the lock.
        started_ns: When this process began; written into the lock.
        advice: What whoever is refused can do.
        end_other_s: How long the running instance has to end in an orderly way; 0: it is not asked to.

    Raises:
        AlreadyRunning: Another instance holds it.
        JournalFailed: It cannot be created or written.
    """
    path = lock_path(root)
    other = holder(path) if end_other_s else None
    if other is not None:
        _end(other.pid, path, end_other_s)
    lock = InstanceLock(path, mode=mode, started_ns=started_ns)
    try:
        _acquire(lock, path)
    except AlreadyRunning as error:
        raise AlreadyRunning(f"{error} {advice}") from None
    except OSError as error:
        raise JournalFailed(f"The directory {root} cannot be used: {error}. Nothing was started.") from error
    with lock:
        yield other is not None


def _acquire(lock: InstanceLock, path: Path) -> None:
    try:
        lock.acquire()
    except AlreadyRunning:
        # Whoever took the lock in this instant writes its name in the next: a refusal should say who it is.
        for _ in range(int(NAME_S / _LOOK_S)):
            if not is_locked(path) or holder(path) is not None:
                break
            time.sleep(_LOOK_S)
        lock.acquire()


def _end(pid: int, path: Path, within_s: float) -> None:
    """Ask the running instance to stop in an orderly way, and wait for its lock."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    for _ in range(int(within_s / _LOOK_S)):
        if not is_locked(path):
            return
        time.sleep(_LOOK_S)
