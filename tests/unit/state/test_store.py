"""Recovery: the newest good checkpoint plus the journal after it, in every state that a crash can leave behind."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.schema import Mode
from engine.errors import BrokenInvariant, JournalFailed, StateRefused
from engine.events import Event
from engine.ports import Journal
from state.checkpoint import newest_checkpoint, write_checkpoint
from state.store import Store, latest_state, lock_path
from tests.unit.state.samples import order, tick

DAY = "2026-11-02"


def started(root: Path, day: str = DAY, mode: Mode = Mode.PAPER) -> Store:
    store = Store(root, mode)
    store.open()
    store.start_session(day, 1, "0.1.0")
    return store


@dataclass(frozen=True)
class Found:
    """What a start finds, read to the end."""

    state: bytes | None
    events: list[Event]
    unclean: bool
    notes: tuple[str, ...]


def recover(root: Path, mode: Mode = Mode.PAPER) -> Found:
    store = Store(root, mode)
    try:
        found = store.open()
        return Found(found.state, list(found.events_after), found.unclean, found.notes)
    finally:
        store.close()


def test_a_first_start_finds_nothing_and_is_clean(tmp_path: Path) -> None:
    recovered = recover(tmp_path)
    assert (recovered.state, recovered.events, recovered.unclean, recovered.notes) == (None, [], False, ())


def test_without_a_checkpoint_all_events_come_back(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), [order()])
    store.append(tick(2), ())
    store.commit()
    store.crash()
    recovered = recover(tmp_path)
    assert recovered.state is None
    assert recovered.events == [tick(1), tick(2)]
    assert recovered.unclean
    assert any("rebuilt from all 2 entries" in note for note in recovered.notes)


def test_the_events_can_be_read_twice_and_exclude_what_came_later(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.end_session(2)
    store.close()
    again = Store(tmp_path, Mode.PAPER)
    recovered = again.open()
    again.start_session(DAY, 3, "0.1.0")
    again.append(tick(4), ())
    again.commit()
    assert list(recovered.events_after) == list(recovered.events_after) == [tick(1)]
    assert len(recovered.events_after) == 1
    again.close()


def test_a_crash_between_append_and_commit_loses_exactly_that(tmp_path: Path) -> None:
    port: Journal = started(tmp_path)
    port.append(tick(1), ())
    port.checkpoint(b'{"seen":1}')
    port.append(tick(2), ())
    port.commit()
    port.append(tick(3), [order()])
    assert isinstance(port, Store)
    port.crash()
    recovered = recover(tmp_path)
    assert recovered.state == b'{"seen":1}'
    assert recovered.events == [tick(2)]
    assert recovered.unclean


def test_a_checkpoint_commits_first(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b'{"seen":1}')
    assert store.last_seq == 1
    store.crash()
    recovered = recover(tmp_path)
    assert (recovered.state, recovered.events) == (b'{"seen":1}', [])


def test_an_orderly_end_is_clean_and_a_start_after_it_is_not_until_it_ends_too(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.end_session(9)
    store.close()
    assert not recover(tmp_path).unclean
    started(tmp_path).crash()
    recovered = recover(tmp_path)
    assert recovered.unclean
    assert "The last session did not end in an orderly way." in recovered.notes


def test_closing_without_an_end_is_unclean(tmp_path: Path) -> None:
    started(tmp_path).close()
    assert recover(tmp_path).unclean


def test_the_newest_state_of_an_earlier_day_is_carried_forward(tmp_path: Path) -> None:
    store = started(tmp_path, "2026-10-30")
    store.append(tick(1), ())
    store.checkpoint(b'{"day":"friday"}')
    store.end_session(2)
    store.close()
    monday = Store(tmp_path, Mode.PAPER)
    assert monday.open().state == b'{"day":"friday"}'
    monday.start_session("2026-11-02", 3, "0.1.0")
    monday.append(tick(4), ())
    monday.checkpoint(b'{"day":"monday"}')
    monday.close()
    assert sorted(path.name for path in (tmp_path / "paper").glob("*.json")) == ["2026-10-30.json", "2026-11-02.json"]
    assert recover(tmp_path).state == b'{"day":"monday"}'


@pytest.mark.parametrize("damage", [b"", b"\0\0\0", b"garbage", None])
def test_a_damaged_checkpoint_falls_back_to_the_older_one_and_the_journal(tmp_path: Path, damage: bytes | None) -> None:
    first = started(tmp_path, "2026-10-30")
    first.append(tick(1), ())
    first.checkpoint(b'{"seen":1}')
    first.end_session(2)
    first.close()
    second = started(tmp_path, DAY)
    second.append(tick(2), ())
    second.checkpoint(b'{"seen":2}')
    second.append(tick(3), ())
    second.commit()
    second.crash()
    newest = tmp_path / "paper" / f"{DAY}.json"
    newest.write_bytes(newest.read_bytes()[:-20] if damage is None else damage)
    recovered = recover(tmp_path)
    assert recovered.state == b'{"seen":1}'
    assert recovered.events == [tick(2), tick(3)]
    assert any(f"{DAY}.json was passed over" in note for note in recovered.notes)


def test_with_every_checkpoint_damaged_the_journal_alone_is_enough(tmp_path: Path) -> None:
    store = started(tmp_path)
    for number in range(1, 4):
        store.append(tick(number), ())
    store.checkpoint(b'{"seen":3}')
    store.crash()
    (tmp_path / "paper" / f"{DAY}.json").write_bytes(b"")
    recovered = recover(tmp_path)
    assert recovered.state is None
    assert recovered.events == [tick(1), tick(2), tick(3)]
    assert len(recovered.notes) == 3


def test_a_journal_that_ends_before_the_checkpoint_is_refused(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b"{}")
    store.close()
    write_checkpoint(tmp_path / "paper", DAY, b"{}", 2)
    with pytest.raises(StateRefused, match="newer than the journal"):
        recover(tmp_path)


def test_a_missing_journal_beside_a_checkpoint_is_refused(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b"{}")
    store.close()
    (tmp_path / "paper" / "journal.sqlite3").unlink()
    with pytest.raises(StateRefused, match="backup"):
        latest_state(tmp_path, Mode.PAPER)
    with pytest.raises(StateRefused, match="backup"):
        recover(tmp_path)


def test_a_refused_store_is_not_open(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    write_checkpoint(tmp_path / "paper", DAY, b"{}", 2)
    store = Store(tmp_path, Mode.PAPER)
    with pytest.raises(StateRefused):
        store.open()
    with pytest.raises(BrokenInvariant):
        store.start_session(DAY, 1, "0.1.0")


def test_paper_and_live_share_nothing(tmp_path: Path) -> None:
    paper, live = started(tmp_path), started(tmp_path, mode=Mode.LIVE)
    paper.append(tick(1), ())
    paper.checkpoint(b'{"mode":"paper"}')
    live.append(tick(2), ())
    live.commit()
    paper.end_session(3)
    paper.close()
    live.crash()
    assert latest_state(tmp_path, Mode.PAPER) == (b'{"mode":"paper"}', ())
    assert latest_state(tmp_path, Mode.LIVE) == (None, (tick(2),))
    assert not recover(tmp_path).unclean
    assert recover(tmp_path, Mode.LIVE).unclean
    assert {path.name for path in tmp_path.iterdir()} == {"paper", "live"}
    assert lock_path(tmp_path).parent == tmp_path


def test_events_outside_of_a_session_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, Mode.PAPER)
    with pytest.raises(BrokenInvariant):
        store.append(tick(1), ())
    store.open()
    with pytest.raises(BrokenInvariant):
        store.append(tick(1), ())
    store.start_session(DAY, 1, "0.1.0")
    store.append(tick(1), ())
    store.end_session(2)
    with pytest.raises(BrokenInvariant):
        store.append(tick(3), ())
    assert store.last_seq == 1
    store.close()


def test_opening_twice_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    store = started(tmp_path)
    with pytest.raises(BrokenInvariant):
        store.open()
    store.append(tick(1), ())
    store.commit()
    store.close()


def test_after_a_crash_the_old_object_records_nothing(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.crash()
    with pytest.raises(JournalFailed):
        store.append(tick(1), ())
    with pytest.raises(JournalFailed):
        store.commit()
    with pytest.raises(JournalFailed):
        store.checkpoint(b"{}")


def test_a_failed_checkpoint_stops_the_journal_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b'{"seen":1}')
    store.append(tick(2), ())

    def fsync(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(JournalFailed, match="Input/output error"):
            store.checkpoint(b'{"seen":2}')
    with pytest.raises(JournalFailed):
        store.checkpoint(b'{"seen":2}')
    with pytest.raises(JournalFailed):
        store.append(tick(3), ())
    with pytest.raises(JournalFailed):
        store.commit()
    store.crash()
    recovered = recover(tmp_path)
    assert recovered.state == b'{"seen":1}'
    assert recovered.events == [tick(2)]


def test_a_state_that_is_no_json_is_a_bug_and_changes_nothing(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b'{"seen":1}')
    with pytest.raises(BrokenInvariant):
        store.checkpoint(b"{")
    found = newest_checkpoint(tmp_path / "paper")
    assert found is not None
    assert found.state == b'{"seen":1}'
    store.close()


def test_the_status_of_nothing_is_nothing_and_creates_nothing(tmp_path: Path) -> None:
    assert latest_state(tmp_path / "data", Mode.LIVE) == (None, ())
    assert list(tmp_path.iterdir()) == []


def test_the_status_sees_committed_events_while_a_store_is_open(tmp_path: Path) -> None:
    store = started(tmp_path)
    store.append(tick(1), ())
    store.checkpoint(b"{}")
    store.append(tick(2), ())
    assert latest_state(tmp_path, Mode.PAPER) == (b"{}", ())
    store.commit()
    assert latest_state(tmp_path, Mode.PAPER) == (b"{}", (tick(2),))
    store.close()


def test_a_crash_before_the_store_was_opened_does_no_harm(tmp_path: Path) -> None:
    store = Store(tmp_path, Mode.PAPER)
    store.crash()
    assert (recover(tmp_path).state, recover(tmp_path).unclean) == (None, False)
