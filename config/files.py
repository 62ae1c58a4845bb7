"""Small files that people's settings are kept in."""

import os
import stat
import tempfile
from pathlib import Path


def replace_private(path: Path, data: bytes) -> None:
    """Write a file so that at every moment the old or the new one is complete on disk, private from its first byte.

    Raises `OSError`; the old file stands then, and nothing is left beside it.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
