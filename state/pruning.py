"""What is older than the operator wants to keep is removed: whole days of entries with their commands, and checkpoints.

It must not touch what a recovery may need: the newest checkpoint, the newest one of an earlier day (what is left when
today's is damaged), every entry after that one, and every day since the oldest open strategy, holding or order began.
Checkpoints go first and entries from the oldest on, each batch in one transaction, so that dying in between leaves a
journal without gaps; the next start goes on.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from config.rules import to_ist
from engine.core.lifecycle import TERMINAL
from engine.core.state import State
from engine.errors import StateRefused
from engine.snapshot import StrategyState
from state.checkpoint import Checkpoint, find_checkpoint
from state.journal import SqliteJournal

BATCH_ENTRIES = 5_000
"Entries in one transaction."
BATCHES_MAX = 100
"Transactions at one start; what is left waits for the next one, so that a restart in the middle of a day is quick."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed."""

    keep_days: int
    days: int
    entries: int
    freed_bytes: int
    more: bool
    "There is more to remove; the next start goes on."

    def __str__(self) -> str:
        """For people."""
        days = "1 day" if self.days == 1 else f"{self.days} days"
        rest = "; the next start removes more" if self.more else ""
        return (
            f"state older than {self.keep_days} days was removed: {self.entries:,} journal entries of {days},"
            f" {self.freed_bytes:,} bytes are free again (the journal keeps its size and fills the room){rest}"
        )


def prune(
    journal: SqliteJournal,
    state: State,
    *,
    today: str,
    batch_entries: int = BATCH_ENTRIES,
    batches_max: int = BATCHES_MAX,
) -> Pruned | None:
    """Remove what is older than `state.keep_days` of the configuration; `None` when nothing was.

    Args:
        journal: The open journal, nothing uncommitted in it.
        state: The state at its end.
        today: ISO date of the running session; its checkpoint must exist, otherwise nothing is removed.
        batch_entries: Entries in one transaction.
        batches_max: Transactions at most.

    Raises:
        JournalFailed: The disk refused it. What was removed so far is harmless; nothing may be sent.
    """
    keep_days = state.settings.state.keep_days
    directory = journal.path.parent
    fallback = _fallback(directory, today)
    if keep_days is None or fallback is None:
        return None
    first_kept = _first_kept_day(today, keep_days, _needed_since_ns(state))
    session, days = journal.days_before(first_kept)
    free_bytes = journal.free_bytes()
    files = _old_files(directory, first_kept, kept=fallback.path)
    freed_bytes = sum(path.stat().st_size for path in files)
    for path in files:
        journal.remove_checkpoint(path)
    entries, more = 0, True
    for _ in range(batches_max):
        removed = journal.remove_oldest(through_seq=fallback.seq, before_session=session, entries_max=batch_entries)
        entries += removed
        more = removed == batch_entries
        if not more:
            break
    if not files and not entries:
        return None
    gone = set(days) - set(journal.days_before(first_kept)[1]) | {path.name[:10] for path in files}
    freed_bytes += journal.free_bytes() - free_bytes
    return Pruned(keep_days=keep_days, days=len(gone), entries=entries, freed_bytes=freed_bytes, more=more)


def _fallback(directory: Path, today: str) -> Checkpoint | None:
    """The newest checkpoint of an earlier day, where there is a good one of today as well."""
    try:
        newest = find_checkpoint(directory).newest
        return None if newest is None or newest.day != today else find_checkpoint(directory, before_day=today).newest
    except StateRefused:
        return None


def _first_kept_day(today: str, keep_days: int, needed_since_ns: int | None) -> str:
    first = date.fromisoformat(today) - timedelta(days=keep_days)
    if needed_since_ns is not None:
        first = min(first, to_ist(needed_since_ns).date())
    return first.isoformat()


def _needed_since_ns(state: State) -> int | None:
    """When the oldest thing began that is still open; 0 where that is not known, `None` when nothing is open."""
    began = [s.started_ns or 0 for s in state.strategies.values() if s.state is not StrategyState.FLAT]
    began += [order.created_ns for order in state.orders.values() if order.state not in TERMINAL]
    holds = any(leg.allocation_units for child in state.children.values() for leg in child.legs.values())
    return min(began, default=0 if holds else None)


def _old_files(directory: Path, first_kept: str, *, kept: Path) -> list[Path]:
    """Checkpoints of days before `first_kept` and temporary files that a crash left, oldest first."""
    found = [*directory.glob("????-??-??.json"), *directory.glob("????-??-??.json.tmp")]
    return sorted(path for path in found if path.name[:10] < first_kept and path != kept)
