"""The journal: what was committed is there, what was not is not, and damage is never skipped."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs, to_builtins

from config.schema import Mode
from engine.commands import CancelOrder, Notify, ReadAccount, RecordFill, RecordStrategy, Severity
from engine.errors import BrokenInvariant, JournalFailed, StateRefused
from engine.events import Event, KillSwitched, Outcome, Paused, Request, RequestAnswered
from engine.model import Side
from engine.ports import Journal
from state.codec import decode_command
from state.journal import SqliteJournal
from tests.unit.state.samples import COMMAND_CLASSES, EVENT_CLASSES, filled, order, tick

NAME = "journal.sqlite3"


def numbers(journal: SqliteJournal, after_seq: int = 0) -> list[int]:
    return [seq for seq, _ in journal.replay(after_seq)]


def committed(path: Path, count: int) -> SqliteJournal:
    journal = SqliteJournal(path)
    for number in range(1, count + 1):
        journal.append(tick(number), ())
    journal.commit()
    return journal


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_committed_events_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    port: Journal = SqliteJournal(tmp_path / NAME)
    events: list[Event] = [filled(kind) for kind in EVENT_CLASSES]  # type: ignore[misc]  # made from the union itself
    for event in events:
        port.append(event, [filled(kind) for kind in COMMAND_CLASSES])  # type: ignore[misc]  # likewise
    port.commit()
    assert isinstance(port, SqliteJournal)
    port.close()
    journal = SqliteJournal(tmp_path / NAME)
    assert list(journal.replay(0)) == list(enumerate(events, start=1))
    assert journal.last_seq == len(events)
    journal.close()


def test_an_append_without_commit_is_lost_in_a_crash(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 2)
    journal.append(tick(3), [order()])
    assert (journal.last_seq, journal.committed_seq) == (3, 2)
    assert numbers(journal) == [1, 2]
    journal.abandon()
    again = SqliteJournal(tmp_path / NAME)
    assert numbers(again) == [1, 2]
    again.append(tick(4), ())
    again.commit()
    assert list(again.replay(2)) == [(3, tick(4))]
    again.close()


def test_other_connections_see_a_commit_and_nothing_before_it(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 1)
    readers = [SqliteJournal.read_only(tmp_path / NAME) for _ in range(2)]
    for number in range(2, 40):
        journal.append(tick(number), [order(f"T{number}")])
        assert [reader.last_seq for reader in readers] == [number - 1] * 2
        half_read = readers[0].replay(0)
        next(half_read)
        journal.commit()
        assert [reader.last_seq for reader in readers] == [number] * 2
        assert [seq for seq, _ in half_read] == list(range(2, number))
        assert [seq for seq, _ in readers[1].replay(0)] == list(range(1, number + 1))
    for reader in readers:
        reader.close()
    journal.close()


def test_a_reader_cannot_write_and_leaves_the_journal_usable(tmp_path: Path) -> None:
    committed(tmp_path / NAME, 3).close()
    reader = SqliteJournal.read_only(tmp_path / NAME)
    assert [seq for seq, _ in reader.replay(1)] == [2, 3]
    assert not hasattr(reader, "append")
    reader.close()
    journal = SqliteJournal(tmp_path / NAME)
    assert numbers(journal) == [1, 2, 3]
    journal.close()


def test_replay_in_batches_gives_every_event_once(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 1203)
    assert numbers(journal) == list(range(1, 1204))
    assert numbers(journal, 1000) == list(range(1001, 1204))
    assert numbers(journal, 1203) == []
    journal.close()


@pytest.mark.parametrize("missing", [1, 5, 499, 501])
def test_a_missing_entry_is_refused_with_instructions(tmp_path: Path, missing: int) -> None:
    committed(tmp_path / NAME, 600).close()
    change(tmp_path / NAME, f"DELETE FROM entries WHERE seq = {missing}")
    journal = SqliteJournal(tmp_path / NAME)
    with pytest.raises(StateRefused, match=r"incomplete.*backup"):
        numbers(journal)
    with pytest.raises(StateRefused, match=r"incomplete.*backup"):
        journal.check_covers(0)
    assert numbers(journal, missing) == list(range(missing + 1, 601))
    journal.check_covers(missing)
    journal.close()


@pytest.mark.parametrize(
    "damage",
    [
        "event = replace(event, '3', '4')",
        "event = 'garbage'",
        "event = x'ff00'",
        "event = NULL, at_ns = 0",
        "crc32 = 7",
    ],
)
def test_a_changed_entry_is_refused(tmp_path: Path, damage: str) -> None:
    committed(tmp_path / NAME, 5).close()
    if "NULL" in damage:
        with pytest.raises(sqlite3.IntegrityError):
            change(tmp_path / NAME, f"UPDATE entries SET {damage} WHERE seq = 3")
        return
    change(tmp_path / NAME, f"UPDATE entries SET {damage} WHERE seq = 3")
    journal = SqliteJournal(tmp_path / NAME)
    with pytest.raises(StateRefused, match="Entry 3"):
        numbers(journal)
    journal.close()


def test_a_checkpoint_ahead_of_the_journal_is_refused(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 5)
    with pytest.raises(StateRefused, match="newer than the journal"):
        numbers(journal, 6)
    journal.close()


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(StateRefused, match="Nothing was started"):
        SqliteJournal(tmp_path / NAME)
    with pytest.raises(StateRefused):
        SqliteJournal.read_only(tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == content


def test_pages_overwritten_with_garbage_are_refused(tmp_path: Path) -> None:
    committed(tmp_path / NAME, 2000).close()
    with (tmp_path / NAME).open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 12)
    with pytest.raises(StateRefused), closing(SqliteJournal(tmp_path / NAME)) as journal:
        numbers(journal)


def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    reader = SqliteJournal.read_only(tmp_path / NAME)
    assert (reader.last_seq, reader.left_open(), list(reader.replay(0))) == (0, False, [])
    reader.close()
    journal = SqliteJournal(tmp_path / NAME)
    assert journal.last_seq == 0
    journal.close()


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    committed(tmp_path / NAME, 1).close()
    change(tmp_path / NAME, "UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    with pytest.raises(StateRefused, match=r"another version.*schema 1"):
        SqliteJournal(tmp_path / NAME)
    with pytest.raises(StateRefused, match=r"another version.*schema 1"):
        SqliteJournal.read_only(tmp_path / NAME)


def test_a_foreign_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    change(tmp_path / NAME, "CREATE TABLE notes (text)")
    with pytest.raises(StateRefused, match="not a journal"):
        SqliteJournal(tmp_path / NAME)
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_a_missing_journal_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StateRefused):
        SqliteJournal.read_only(tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_a_failed_journal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalFailed):
        SqliteJournal(tmp_path / "file" / NAME)


def test_a_second_writer_fails_and_both_files_stay_one_truth(tmp_path: Path) -> None:
    first, second = committed(tmp_path / NAME, 2), SqliteJournal(tmp_path / NAME)
    first.append(tick(3), ())
    first.commit()
    with pytest.raises(JournalFailed):
        second.append(tick(99), ())
    with pytest.raises(JournalFailed):
        second.commit()
    second.close()
    assert list(first.replay(2)) == [(3, tick(3))]
    first.close()


def test_an_event_that_cannot_be_written_fails_the_journal_for_good(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 2)
    with pytest.raises(JournalFailed):
        journal.append(tick(1 << 70), ())
    with pytest.raises(JournalFailed):
        journal.append(tick(4), ())
    with pytest.raises(JournalFailed):
        journal.commit()
    with pytest.raises(JournalFailed):
        journal.start_session(day="2026-11-02", started_ns=1, mode=Mode.PAPER, program_version="0")
    assert numbers(journal) == [1, 2]
    journal.close()


def test_after_closing_nothing_can_be_recorded(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 1)
    journal.append(tick(2), ())
    journal.close()
    journal.close()
    with pytest.raises(JournalFailed):
        journal.append(tick(3), ())
    with pytest.raises(JournalFailed):
        journal.commit()
    again = SqliteJournal(tmp_path / NAME)
    assert numbers(again) == [1]
    again.close()


def test_a_commit_of_nothing_is_allowed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / NAME)
    journal.commit()
    assert journal.last_seq == 0
    journal.close()


def test_a_commit_waits_for_the_disk_unless_told_otherwise(tmp_path: Path) -> None:
    for sync, level in ((True, 2), (False, 0)):
        journal = SqliteJournal(tmp_path / f"{sync}.sqlite3", sync=sync)
        (found,) = journal._connection.execute("PRAGMA synchronous").fetchone()
        (mode,) = journal._connection.execute("PRAGMA journal_mode").fetchone()
        assert (found, mode) == (level, "wal")
        journal.close()


def test_a_place_that_cannot_hold_a_write_ahead_log_is_refused() -> None:
    with pytest.raises(StateRefused, match="local disk"):
        SqliteJournal(Path(":memory:"))


def test_sessions_are_recorded_and_an_end_is_missing_until_it_is_marked(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / NAME)
    assert not journal.left_open()
    journal.start_session(day="2026-11-02", started_ns=10, mode=Mode.LIVE, program_version="1.2")
    assert journal.left_open()
    with pytest.raises(BrokenInvariant):
        journal.start_session(day="2026-11-02", started_ns=11, mode=Mode.LIVE, program_version="1.2")
    journal.append(tick(12), ())
    journal.end_session(20)
    assert not journal.left_open()
    with pytest.raises(BrokenInvariant):
        journal.end_session(21)
    journal.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        rows = connection.execute("SELECT * FROM sessions").fetchall()
        sessions = connection.execute("SELECT seq, session FROM entries").fetchall()
    assert rows == [(1, 10, "live", "2026-11-02", "1.2", 20)]
    assert sessions == [(1, 1)]


def test_a_checkpoint_without_a_session_is_not_written(tmp_path: Path) -> None:
    journal = committed(tmp_path / NAME, 1)
    with pytest.raises(BrokenInvariant):
        journal.checkpoint(b"{}")
    journal.close()


def test_the_views_show_intents_orders_answers_and_the_operator(tmp_path: Path) -> None:
    at_ns = 1_793_591_100_250_000_000  # 2026-11-02 09:15:00.250 IST
    journal = SqliteJournal(tmp_path / NAME)
    cancel = CancelOrder(account="C1", tag="T2", order_id="9007199254740993123")
    notice = Notify(at_ns=at_ns, severity=Severity.INFO, text="sent", account="C1")
    journal.append(tick(at_ns), [order("T1", 65), cancel, ReadAccount(account="C1", orders=True), notice])
    journal.append(
        RequestAnswered(
            at_ns=at_ns + 1,
            account="C1",
            request=Request.PLACE,
            tag="T1",
            outcome=Outcome.ACKED,
            order_id="9007199254740993124",
        ),
        (),
    )
    journal.append(KillSwitched(at_ns=at_ns + 2, level=2), ())
    journal.append(Paused(at_ns=at_ns + 3), ())
    journal.commit()
    journal.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        assert rows("SELECT seq, at_ist, account, tag, symbol, side, quantity, price_inr FROM v_orders") == [
            (1, "2026-11-02 09:15:00.250", "C1", "T1", "NIFTY26NOV24500CE", "SELL", 65, "100.10")
        ]
        assert rows("SELECT kind, tag, order_id FROM v_intents ORDER BY tag") == [
            ("PlaceOrder", "T1", None),
            ("CancelOrder", "T2", "9007199254740993123"),
        ]
        assert rows("SELECT account, request, tag, outcome, order_id, reason FROM v_answers") == [
            ("C1", "place", "T1", "acked", "9007199254740993124", "")
        ]
        assert rows("SELECT seq, command FROM v_operator") == [(3, "KillSwitched"), (4, "Paused")]
        assert rows("SELECT position, kind, account, tag FROM commands ORDER BY position") == [
            (0, "PlaceOrder", "C1", "T1"),
            (1, "CancelOrder", "C1", "T2"),
            (2, "ReadAccount", "C1", None),
            (3, "Notify", "C1", None),
        ]
        plan = rows("EXPLAIN QUERY PLAN SELECT * FROM commands WHERE tag = 'T1'")
        assert "commands_by_tag" in str(plan)


def fill(account: str, side: Side, units: int, price: str) -> RecordFill:
    return RecordFill(
        account=account, exchange="NFO", symbol="NIFTY26NOV24500CE", product="NRML", side=side, units=units,
        price_inr=Decimal(price), order_id="1", order_tag="", opens=side is Side.SELL, scope="ACCOUNT", strategy=3,
        started_ns=7, source="PAPER",
    )  # fmt: skip


def strategy(state: str, name: str) -> RecordStrategy:
    return RecordStrategy(
        scope="ACCOUNT", strategy=3, started_ns=7, state=state, name=name, source="PAPER", baseline_inr=Decimal(10),
        ratios={"C1": "3/10"},
    )  # fmt: skip


def test_the_views_show_strategies_legs_and_fills(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / NAME)
    journal.append(tick(1), [strategy("ACTIVE", "short call"), fill("C1", Side.SELL, 130, "100.10")])
    journal.append(
        tick(2), [fill("C1", Side.SELL, 65, "99.90"), fill("C1", Side.BUY, 195, "90"), strategy("FLAT", "x")]
    )
    journal.commit()
    journal.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        columns = "strategy, source, state, name, baseline_inr, ratios, ended_ist IS NULL"
        assert connection.execute(f"SELECT {columns} FROM v_strategies").fetchall() == [
            (3, "PAPER", "FLAT", "x", "10", '{"C1":"3/10"}', 0)
        ]
        legs = "SELECT account, symbol, bought, sold, cash_inr FROM v_legs JOIN v_strategies USING (scope, started_ns)"
        assert connection.execute(legs).fetchall() == [("C1", "NIFTY26NOV24500CE", 195, 195, 1956.5)]
        assert connection.execute("SELECT side, units, price_inr FROM v_fills ORDER BY seq").fetchall() == [
            ("SELL", 130, "100.10"), ("SELL", 65, "99.90"), ("BUY", 195, "90")
        ]  # fmt: skip


def copied(account: str, side: Side, units: int, price: str | None, **fields: object) -> RecordFill:
    """A fill of an order of ours that is measured by the master's price."""
    kept = {"order_tag": "T", "copy": 7, "master_price_inr": Decimal("100"), **fields}
    return structs.replace(fill(account, side, units, "0"), price_inr=None if price is None else Decimal(price), **kept)


def copies(path: Path) -> list[tuple[object, ...]]:
    columns = "copy, account, side, units, average_inr, master_price_inr, slippage_inr, slippage_all_inr"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM v_copies ORDER BY copy, account").fetchall()


def kept(path: Path, *entries: list[RecordFill]) -> list[tuple[object, ...]]:
    journal = SqliteJournal(path)
    for number, fills in enumerate(entries, start=1):
        journal.append(tick(number), fills)
    journal.commit()
    journal.close()
    return copies(path)


def test_copies_are_shown_with_what_was_lost_against_the_price_of_the_master(tmp_path: Path) -> None:
    bought = [copied("C1", Side.BUY, 130, "100.10"), copied("C2", Side.BUY, 65, "99.50")]
    rest = [copied("C1", Side.BUY, 65, "100.40")]
    sold = [copied("C1", Side.SELL, 195, "98.75", copy=8, master_price_inr=Decimal("99"))]
    assert kept(tmp_path / NAME, bought, rest, sold) == [
        (7, "C1", "BUY", 195, 100.2, 100.0, 0.2, 39.0),
        (7, "C2", "BUY", 65, 99.5, 100.0, -0.5, -32.5),
        (8, "C1", "SELL", 195, 98.75, 99.0, 0.25, 48.75),
    ]


def test_copy_whose_prices_are_not_all_known_has_no_slippage(tmp_path: Path) -> None:
    unpriced = [copied("C1", Side.BUY, 65, "101"), copied("C1", Side.BUY, 65, None)]
    unmeasured = [copied("C2", Side.SELL, 65, "101", copy=9, master_price_inr=None)]
    assert kept(tmp_path / NAME, unpriced, unmeasured) == [
        (7, "C1", "BUY", 130, None, 100.0, None, None),
        (9, "C2", "SELL", 65, 101.0, None, None, None),
    ]


def test_copy_of_an_order_that_rests_is_measured_by_what_the_master_got_for_it_in_the_end(tmp_path: Path) -> None:
    """It may be filled before his: then his limit is the measure for so long."""
    ours = [copied("C1", Side.BUY, 65, "99", master_price_inr=Decimal("99"))]
    his = [copied("M", Side.BUY, 65, "98", order_tag="", master_price_inr=None)]
    again = [copied("M", Side.BUY, 195, "98.40", order_tag="", master_price_inr=None)]
    assert kept(tmp_path / NAME, ours, his, again) == [(7, "C1", "BUY", 65, 99.0, 98.3, 0.7, 45.5)]


def test_fills_of_an_earlier_program_can_be_read_and_are_of_no_known_copy(tmp_path: Path) -> None:
    now = fill("C1", Side.BUY, 65, "100")
    old = to_builtins(now)
    del old["copy"], old["master_price_inr"]
    assert decode_command(json.dumps(old)) == now
    assert (now.copy, now.master_price_inr) == (None, None)
    assert kept(tmp_path / NAME, [now]) == []
    change(tmp_path / NAME, f"UPDATE commands SET body = '{json.dumps(old)}'")
    assert copies(tmp_path / NAME) == []
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        rows = connection.execute("SELECT units, price_inr, copy, master_price_inr FROM v_fills").fetchall()
    assert rows == [(65, "100", None, None)]


def test_a_view_of_an_earlier_program_is_renewed(tmp_path: Path) -> None:
    committed(tmp_path / NAME, 1).close()
    change(tmp_path / NAME, "DROP VIEW v_operator")
    change(tmp_path / NAME, "CREATE VIEW v_operator AS SELECT 1 AS stale")
    SqliteJournal(tmp_path / NAME).close()
    with closing(sqlite3.connect(tmp_path / NAME)) as connection:
        assert connection.execute("SELECT seq, command FROM v_operator").fetchall() == []
