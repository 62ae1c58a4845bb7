"""Looks at SQLite's write-ahead log before SQLite does: whether something that was committed and synced is damaged.

SQLite takes the log up to the first frame whose check sum is wrong and forgets the rest, which is right for a write
that a power cut tore. Each commit is synced before the next one begins, so only the last one can be torn; where two
commits or more lie behind the first wrong frame, the disk has lost something that was durable. It must not change the
file.

Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.errors import StateRefused
from state.reader import WHAT_TO_DO, refusing

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_MAGIC = 0x377F0682
"The lowest bit tells the byte order of the check sums: 1 for big endian."
_WORD = 0xFFFFFFFF
_PAGE_BYTES_MAX = 65536


class Frame(NamedTuple):
    """One frame as it lies in the log."""

    offset: int
    is_commit: bool
    "It closes a transaction."
    is_whole: bool
    "Its check sum continues that of the frames before it."


def check_log(path: Path) -> None:
    """Check the log of the journal at `path` before it is opened for writing.

    Raises:
        StateRefused: Commits that were durable are damaged, or the log has lost its journal.
    """
    log = path.with_name(path.name + "-wal")
    with refusing(path):
        if not log.exists() or not log.stat().st_size:
            return
        if not path.exists() or not path.stat().st_size:
            raise StateRefused(f"{path} is missing or empty, but its log {log.name} is there. {WHAT_TO_DO}")
        frames = list(frames_of(log.read_bytes()))
    broken = next((number for number, frame in enumerate(frames) if not frame.is_whole), len(frames))
    behind = [frame for frame in frames[broken:] if frame.is_commit]
    if len(behind) > 1:
        raise StateRefused(
            f"{log} is damaged at byte {frames[broken].offset}: at least {len(behind) - 1} commits that were durable"
            f" cannot be read. {WHAT_TO_DO}"
        )


def frames_of(data: bytes) -> Iterator[Frame]:
    """The frames of a log that belong to its present generation, whole or not; none when its header is damaged."""
    if len(data) < HEADER_BYTES:
        return
    magic, _, page_bytes, _, salt_1, salt_2, sum_1, sum_2 = struct.unpack(">8I", data[:HEADER_BYTES])
    if magic & ~1 != _MAGIC or not 512 <= page_bytes <= _PAGE_BYTES_MAX:
        return
    order = ">" if magic & 1 else "<"
    sums = _check_sum(data[:24], order, (0, 0))
    whole = sums == (sum_1, sum_2)
    size = FRAME_HEADER_BYTES + page_bytes
    for offset in range(HEADER_BYTES, len(data) - size + 1, size):
        _, pages, *salts, sum_1, sum_2 = struct.unpack_from(">6I", data, offset)
        if tuple(salts) != (salt_1, salt_2):
            whole = False
            continue
        if whole:
            sums = _check_sum(data[offset : offset + 8], order, sums)
            sums = _check_sum(data[offset + FRAME_HEADER_BYTES : offset + size], order, sums)
            whole = sums == (sum_1, sum_2)
        yield Frame(offset, pages > 0, whole)


def _check_sum(data: bytes, order: str, start: tuple[int, int]) -> tuple[int, int]:
    first, second = start
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word, following in zip(words, words, strict=True):
        first = (first + word + second) & _WORD
        second = (second + following + first) & _WORD
    return first, second
