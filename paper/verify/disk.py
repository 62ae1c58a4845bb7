"""A disk and a process that fail at a chosen I/O point, through the same code paths as the real thing.

`FaultyDisk.reached` is called around every write of the journal and the checkpoint and around every command that is
handed to a lane. It must not know what the points mean, beyond the two files
that a power cut may tear and what makes the journal durable.
"""

import errno
from collections import Counter
from pathlib import Path

from paper.verify.damage import damage
from paper.verify.plan import DamagesCheckpoint

TORN, REPLACED = "temporary_written", "replaced"
APPENDING, COMMITTED = "append", "committed"
OPENING = "journal_open"


class ProcessDied(BaseException):
    """The process is gone. Nothing may catch it but whoever starts the next one."""


class FaultyDisk:
    """Counts I/O points, and lets the process die or the disk fail at one of them."""

    def __init__(self) -> None:
        self.points = 0
        "I/O points reached so far."
        self.met: Counter[str] = Counter()
        "How often the process died or the disk failed at which point."
        self.lives: list[list[str]] | None = None
        "Names of the points reached, by process, where somebody wants them."
        self.failing = False
        self.is_durable = True
        "Whether everything that was appended to the journal is committed."
        self.directory: Path | None = None
        "Where the state lies."
        self._dies_at = self._fails_at = 0
        self._old: dict[Path, bytes | None] = {}

    def die_at(self, points: int) -> None:
        """Let the process die at the n-th point from now (n >= 1)."""
        self._dies_at = self.points + points

    def fail_at(self, points: int) -> None:
        """Let every write fail from the n-th point on."""
        self._fails_at = self.points + points

    def heal(self) -> None:
        """Everything can be written again, and nothing is planned any more."""
        self.lives = None if self.lives is None else [*self.lives, []]
        self.failing, self._dies_at, self._fails_at = False, 0, 0

    def reached(self, point: str, path: Path | None = None) -> None:
        """A point was reached.

        Raises:
            ProcessDied: It was planned here.
            OSError: The disk is full.
        """
        self.points += 1
        if point in (APPENDING, COMMITTED):
            self.is_durable = point == COMMITTED
        if point == OPENING and path is not None:
            self.directory = path.parent
        if self.lives:
            self.lives[-1].append(point)
        if point == TORN and path is not None:
            target = path.with_name(path.name.removesuffix(".tmp"))
            self._old = {target: target.read_bytes() if target.exists() else None}
        if self.points == self._dies_at:
            self._dies_at = 0
            self.met[f"died at {point}"] += 1
            self._tear(point, path)
            raise ProcessDied(point)
        if self.points == self._fails_at:
            self.failing, self._fails_at = True, 0
            self.met[f"disk failed at {point}"] += 1
        if self.failing and path is not None:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    def damage(self, what: DamagesCheckpoint) -> bool:
        """Damage the newest checkpoint; false where there is none to damage."""
        older = next(iter(self._old.values()), None)
        is_damaged = self.directory is not None and damage(self.directory, older, what)
        if is_damaged:
            self.met[f"checkpoint {what.how}"] += 1
        return is_damaged

    def _tear(self, point: str, path: Path | None) -> None:
        """What a power cut does to bytes that were not synced: half of the file, or the old name."""
        if path is None:
            return
        if point == TORN:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif point == REPLACED and path in self._old:
            old = self._old[path]
            if old is None:
                path.unlink()
            else:
                path.write_bytes(old)
