"""Files and directories that survive a power cut. It must not know what the files mean."""

import os
from pathlib import Path

from state.io_points import IoPoint, Watch


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path, *, sync: bool = True) -> None:
    """Create `directory` and what is missing above it, each name durable in its parent. Raises `OSError`."""
    if directory.is_dir():
        return
    make_directory(directory.parent, sync=sync)
    directory.mkdir(exist_ok=True)
    if sync:
        sync_directory(directory.parent)


def write_durably(path: Path, data: bytes, *, sync: bool = True, watch: Watch | None = None) -> None:
    """Replace `path` by `data` so that after any crash it holds the old bytes or all of the new ones.

    The temporary file beside it has a fixed name; one that a crash left behind is overwritten. Raises `OSError`, and
    whatever `watch` raises at its points.
    """
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        if watch is not None:
            watch(IoPoint.TEMPORARY_WRITTEN, temporary)
        if sync:
            os.fsync(file.fileno())
    if watch is not None:
        watch(IoPoint.TEMPORARY_SYNCED, temporary)
    temporary.replace(path)
    if watch is not None:
        watch(IoPoint.REPLACED, path)
    if sync:
        sync_directory(path.parent)
