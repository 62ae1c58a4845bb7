"""Old days are removed, and nothing that a recovery may need."""

import errno
import sqlite3
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.rules import ist
from config.schema import Mode, StateFiles
from engine.core.lifecycle import OrderState
from engine.core.state import State, Strategy
from engine.core.state_child import ChildLeg, ChildOrder
from engine.errors import BrokenInvariant, JournalFailed, StateRefused
from engine.events import TimePassed
from engine.model import Side, leg_id
from engine.snapshot import StrategyState
from state.io_points import IoPoint, Watch
from state.journal import SqliteJournal
from state.pruning import Pruned, prune
from state.reader import JournalReader
from state.session import Session, fold
from state.store import JOURNAL_NAME, latest_state, mode_directory
from tests.unit.engine.fakes import S, started

FIRST = date(2026, 9, 1)
ENTRIES = 6
"Entries of a day: its start, and a second each."
LEG = leg_id("NFO", "NIFTY26NOV24500CE", "NRML")


class Died(BaseException):
    """The process is gone."""


def nth(number: int) -> str:
    """The n-th day, counted from 0."""
    return (FIRST + timedelta(days=number)).isoformat()


def began(root: Path, number: int, *, keep_days: int | None = 3, watch: Watch | None = None) -> Session:
    """The n-th day, up to its first checkpoint."""
    session = Session(root, Mode.PAPER, sync=False, watch=watch)
    at_ns = ist(FIRST + timedelta(days=number), "09:15")
    start = started()
    settings = replace(start.settings, state=StateFiles(keep_days=keep_days))
    session.start(nth(number), at_ns, "1")
    for second in range(ENTRIES):
        event = replace(start, at_ns=at_ns, day=nth(number), settings=settings) if second == 0 else None
        handled = TimePassed(at_ns=at_ns + second * S) if event is None else event
        session.append(handled, session.replicator.handle(handled))
    session.checkpoint(session.encode_state())
    return session


def spent(root: Path, days: range, *, keep_days: int | None = 3) -> None:
    """Whole days, one after the other, nothing removed."""
    for number in days:
        began(root, number, keep_days=keep_days).end(ist(FIRST + timedelta(days=number), "15:30"))


def journal_of(root: Path) -> Path:
    return mode_directory(root, Mode.PAPER) / JOURNAL_NAME


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(journal_of(root))) as connection:
        return connection.execute(query).fetchall()


def days_left(root: Path) -> tuple[list[object], list[str]]:
    """Days of the sessions, and of the checkpoints."""
    files = sorted(path.stem for path in mode_directory(root, Mode.PAPER).glob("*.json"))
    return [row[0] for row in rows(root, "SELECT day FROM sessions ORDER BY id")], files


def recovered(root: Path) -> bytes:
    session = Session(root, Mode.PAPER, sync=False)
    try:
        return session.encode_state()
    finally:
        session.crash()


def test_days_older_than_configured_go_and_the_others_stay(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    live = session.encode_state()
    told = session.prune()
    session.crash()
    kept = [nth(number) for number in (7, 8, 9, 10)]
    assert days_left(tmp_path) == (kept, kept)
    assert rows(tmp_path, "SELECT min(seq), max(seq), count(*) FROM entries") == [(7 * ENTRIES + 1, 11 * ENTRIES, 24)]
    assert rows(tmp_path, "SELECT count(*) FROM commands WHERE seq <= 42") == [(0,)]
    assert recovered(tmp_path) == live
    assert "older than 3 days" in told
    assert "42 journal entries of 7 days" in told
    assert int(told.split(" days, ")[1].split(" bytes")[0].replace(",", "")) > 0


def test_commands_go_with_their_entries_and_others_stay(tmp_path: Path) -> None:
    spent(tmp_path, range(6))
    before = rows(tmp_path, "SELECT seq, position FROM commands WHERE seq > 18 ORDER BY seq")
    assert rows(tmp_path, "SELECT count(*) FROM commands WHERE seq <= 18") != [(0,)]
    session = began(tmp_path, 6)
    session.prune()
    session.crash()
    assert rows(tmp_path, "SELECT seq, position FROM commands WHERE seq <= 36 ORDER BY seq") == before


def test_nothing_is_removed_twice_and_nothing_is_told_of_nothing(tmp_path: Path) -> None:
    spent(tmp_path, range(6))
    session = began(tmp_path, 6)
    assert session.prune()
    assert session.prune() == ""
    session.crash()


@pytest.mark.parametrize(("keep_days", "kept"), [(None, 11), (3650, 11), (10, 11), (9, 10), (1, 2)])
def test_as_many_days_as_configured_are_kept(keep_days: int | None, kept: int, tmp_path: Path) -> None:
    spent(tmp_path, range(10), keep_days=keep_days)
    session = began(tmp_path, 10, keep_days=keep_days)
    session.prune()
    session.crash()
    days = [nth(number) for number in range(11 - kept, 11)]
    assert days_left(tmp_path) == (days, days)


def test_numbers_go_on_and_later_days_remove_the_next(tmp_path: Path) -> None:
    spent(tmp_path, range(5))
    for number in range(5, 9):
        session = began(tmp_path, number)
        assert "6 journal entries of 1 day," in session.prune() or number == 5
        session.end(ist(FIRST + timedelta(days=number), "15:30"))
    assert rows(tmp_path, "SELECT min(seq), max(seq) FROM entries") == [(5 * ENTRIES + 1, 9 * ENTRIES)]
    assert days_left(tmp_path)[0] == [nth(number) for number in (5, 6, 7, 8)]


# What a recovery may need


def test_last_day_before_a_long_pause_stays_as_the_fallback(tmp_path: Path) -> None:
    spent(tmp_path, range(3))
    session = began(tmp_path, 60)
    live = session.encode_state()
    session.prune()
    session.crash()
    assert days_left(tmp_path)[1] == [nth(2), nth(60)]
    (mode_directory(tmp_path, Mode.PAPER) / f"{nth(60)}.json").write_bytes(b"")
    assert recovered(tmp_path) == live


def test_without_a_checkpoint_of_today_nothing_goes(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = Session(tmp_path, Mode.PAPER, sync=False)
    session.start(nth(10), ist(FIRST + timedelta(days=10), "09:15"), "1")
    assert session.prune() == ""
    session.crash()
    assert len(days_left(tmp_path)[1]) == 10


@pytest.mark.parametrize("damage", [b"", b"{}", None], ids=["empty", "damaged", "missing"])
def test_without_a_good_checkpoint_of_an_earlier_day_nothing_goes(damage: bytes | None, tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    for path in mode_directory(tmp_path, Mode.PAPER).glob("*.json"):
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
    session = began(tmp_path, 10)
    live = session.encode_state()
    assert session.prune() == ""
    session.crash()
    (mode_directory(tmp_path, Mode.PAPER) / f"{nth(10)}.json").write_bytes(b"")
    assert recovered(tmp_path) == live


def test_entries_after_the_fallback_stay_however_old_they_are(tmp_path: Path) -> None:
    """The days after it left no good checkpoint: only the journal knows what happened on them."""
    spent(tmp_path, range(10))
    for number in range(4, 10):
        (mode_directory(tmp_path, Mode.PAPER) / f"{nth(number)}.json").write_bytes(b"")
    session = began(tmp_path, 30)
    live = session.encode_state()
    session.prune()
    session.crash()
    assert rows(tmp_path, "SELECT min(seq) FROM entries") == [(4 * ENTRIES + 1,)]
    (mode_directory(tmp_path, Mode.PAPER) / f"{nth(30)}.json").write_bytes(b"")
    assert recovered(tmp_path) == live


def open_strategy(state: State, day: str) -> None:
    at_ns = ist(date.fromisoformat(day), "09:20")
    state.strategies["x"] = Strategy(scope="x", state=StrategyState.ACTIVE, started_ns=at_ns)


def exiting_strategy(state: State, day: str) -> None:
    at_ns = ist(date.fromisoformat(day), "09:20")
    state.strategies["x"] = Strategy(scope="x", state=StrategyState.EXITING, started_ns=at_ns)


def unknown_order(state: State, day: str) -> None:
    state.orders["T"] = ChildOrder(
        tag="T",
        account="C1",
        leg=LEG,
        side=Side.BUY,
        units=65,
        entry=True,
        decision=1,
        state=OrderState.UNKNOWN,
        created_ns=ist(date.fromisoformat(day), "09:20"),
    )


@pytest.mark.parametrize("what", [open_strategy, exiting_strategy, unknown_order])
def test_days_since_the_oldest_open_thing_stay(what: object, tmp_path: Path) -> None:
    assert callable(what)
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    what(session.replicator.state, nth(4))
    session.prune()
    session.crash()
    assert days_left(tmp_path)[0] == [nth(number) for number in range(4, 11)]


def test_holding_that_nothing_dates_keeps_everything(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    session.replicator.state.children["C1"].legs[LEG] = ChildLeg(leg=LEG, allocation_units=65)
    assert session.prune() == ""
    session.crash()
    assert len(days_left(tmp_path)[0]) == 11


def test_what_is_done_keeps_nothing(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    open_strategy(session.replicator.state, nth(1))
    session.replicator.state.strategies["x"].state = StrategyState.FLAT
    unknown_order(session.replicator.state, nth(1))
    session.replicator.state.orders["T"].state = OrderState.FILLED
    session.prune()
    session.crash()
    assert days_left(tmp_path)[0] == [nth(number) for number in (7, 8, 9, 10)]


# Bounds, readers, failures


def pruned_in_batches(root: Path, batch_entries: int, batches_max: int) -> tuple[Pruned | None, SqliteJournal]:
    session = began(root, 10)
    state = session.replicator.state
    session.crash()
    journal = SqliteJournal(journal_of(root), sync=False)
    return prune(journal, state, today=nth(10), batch_entries=batch_entries, batches_max=batches_max), journal


@pytest.mark.parametrize(
    ("batch_entries", "batches_max", "gone", "more"),
    [(1, 100, 42, False), (5, 100, 42, False), (42, 100, 42, False), (5, 3, 15, True), (1, 1, 1, True)],
)
def test_batches_are_bounded_and_the_next_start_goes_on(
    batch_entries: int, batches_max: int, gone: int, more: bool, tmp_path: Path
) -> None:
    spent(tmp_path, range(10))
    told, journal = pruned_in_batches(tmp_path, batch_entries, batches_max)
    assert told is not None
    assert (told.entries, told.more) == (gone, more)
    assert ("the next start removes more" in str(told)) is more
    journal.check_covers(gone)
    assert [seq for seq, _ in journal.replay(gone)] == list(range(gone + 1, 67))
    journal.close()


def test_journal_that_lacks_its_removed_entries_says_so(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    session.prune()
    session.crash()
    for path in mode_directory(tmp_path, Mode.PAPER).glob("*.json"):
        path.write_bytes(b"")
    with pytest.raises(StateRefused, match=r"begins after entry 42.*state\.keep_days.*move the"):
        Session(tmp_path, Mode.PAPER, sync=False)
    with pytest.raises(StateRefused, match=r"begins after entry 42.*state\.keep_days"):
        latest_state(tmp_path, Mode.PAPER)


def test_gap_after_the_removed_entries_is_still_damage(tmp_path: Path) -> None:
    spent(tmp_path, range(10))
    session = began(tmp_path, 10)
    session.prune()
    session.crash()
    with closing(sqlite3.connect(journal_of(tmp_path))) as connection:
        connection.execute("DELETE FROM entries WHERE seq = 50")
        connection.commit()
    reader = JournalReader.open(journal_of(tmp_path))
    with pytest.raises(StateRefused, match="incomplete"):
        reader.check_covers(42, 66)
    reader.close()


def test_reader_that_took_an_older_checkpoint_before_still_finds_what_follows_it(tmp_path: Path) -> None:
    """`status` reads the checkpoint first and the journal then; pruning may happen in between."""
    spent(tmp_path, range(10))
    state, _ = latest_state(tmp_path, Mode.PAPER)
    reader = JournalReader.open(journal_of(tmp_path))
    session = began(tmp_path, 40)
    live = session.encode_state()
    session.prune()
    session.commit()
    events = [event for _, event in reader.replay(10 * ENTRIES)]
    session.crash()
    reader.close()
    assert fold(state, events).state == Session(tmp_path, Mode.PAPER, sync=False).replicator.state
    assert recovered(tmp_path) == live


def test_nothing_is_removed_between_an_append_and_its_commit(tmp_path: Path) -> None:
    session = began(tmp_path, 0)
    spent_journal = session._store._journal
    session.append(TimePassed(at_ns=ist(FIRST, "10:00")), ())
    with pytest.raises(BrokenInvariant):
        spent_journal.remove_oldest(through_seq=3, before_session=9, entries_max=5)
    session.commit()
    session.crash()


def test_last_entry_is_never_removed(tmp_path: Path) -> None:
    """The numbers of entries are part of the tags of orders: they must never begin anew."""
    spent(tmp_path, range(2))
    journal = SqliteJournal(journal_of(tmp_path), sync=False)
    journal.remove_oldest(through_seq=10**9, before_session=10**9, entries_max=10**9)
    journal.close()
    again = SqliteJournal(journal_of(tmp_path), sync=False)
    assert again.last_seq == 2 * ENTRIES
    again.close()


def visits(point: IoPoint) -> list[tuple[IoPoint, int]]:
    return [(point, visit) for visit in range(1, 9 if point is IoPoint.PRUNE else 2)]


@pytest.mark.parametrize("error", [None, OSError(errno.ENOSPC, "No space left on device"), sqlite3.OperationalError()])
@pytest.mark.parametrize(
    ("point", "visit"), [row for p in (IoPoint.PRUNE, IoPoint.COMMIT, IoPoint.COMMITTED) for row in visits(p)]
)
def test_death_or_failure_while_removing_is_harmless(
    point: IoPoint, visit: int, error: Exception | None, tmp_path: Path
) -> None:
    spent(tmp_path, range(10))
    seen: list[IoPoint] = []

    def watch(at: IoPoint, path: Path) -> None:
        if removing:
            seen.append(at)
            if at is point and seen.count(at) == visit:
                raise Died if error is None else error

    removing = False
    session = began(tmp_path, 10, watch=watch)
    live = session.encode_state()
    removing = True
    with pytest.raises(Died if error is None else JournalFailed):
        session.prune()
    if error is not None:
        with pytest.raises(JournalFailed):
            session.commit()
    session.crash()
    assert recovered(tmp_path) == live
    (mode_directory(tmp_path, Mode.PAPER) / f"{nth(10)}.json").write_bytes(b"")
    assert recovered(tmp_path) == live, "from the checkpoint of the day before"
    following = began(tmp_path, 11)
    following.prune()
    following.crash()
    kept = [nth(number) for number in range(8, 12)]
    assert days_left(tmp_path)[0][:2] == kept[:2]
    assert days_left(tmp_path)[1] == kept
