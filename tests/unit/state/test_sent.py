"""What a journal says was sent, and when."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.commands import Command
from engine.errors import StateRefused
from engine.events import Event
from state.sent import read_sent
from state.store import JOURNAL_NAME, Store, mode_directory
from tests.unit.state.samples import order, tick


def write(root: Path, *entries: tuple[Event, list[Command]], end_ns: int | None = None) -> None:
    """One session with these entries."""
    store = Store(root, Mode.PAPER, sync=False)
    store.open()
    store.start_session("2026-11-02", 1, "test")
    for event, commands in entries:
        store.append(event, commands)
    store.commit()
    if end_ns is not None:
        store.end_session(end_ns)
    store.close()


def test_requests_have_the_time_of_their_entry_in_order_over_all_sessions(tmp_path: Path) -> None:
    a, b, c = order("A"), order("B"), order("C")
    write(tmp_path, (tick(10), [a, b]), (tick(20), []))
    write(tmp_path, (tick(30), [c]), (tick(40), []))
    sent = read_sent(tmp_path, Mode.PAPER)
    assert sent is not None
    assert sent.writes == ((10, a), (10, b), (30, c))
    assert (sent.last_ns, sent.ended, sent.whole) == (40, False, True)


def test_event_that_tells_of_something_older_was_taken_up_in_its_turn(tmp_path: Path) -> None:
    write(tmp_path, (tick(20), []), (tick(5), [order("A")]))
    sent = read_sent(tmp_path, Mode.PAPER)
    assert sent is not None
    assert [at_ns for at_ns, _ in sent.writes] == [20]
    assert sent.last_ns == 20


def test_only_the_newest_session_tells_whether_the_end_was_orderly(tmp_path: Path) -> None:
    seen = []
    for end_ns in (50, None, 60):
        write(tmp_path, (tick(10), []), end_ns=end_ns)
        sent = read_sent(tmp_path, Mode.PAPER)
        assert sent is not None
        seen.append(sent.ended)
    assert seen == [True, False, True]


def test_nothing_was_sent_where_nothing_is_recorded(tmp_path: Path) -> None:
    assert read_sent(tmp_path, Mode.PAPER) is None
    write(tmp_path)
    assert read_sent(tmp_path, Mode.PAPER) is None


def test_damaged_journal_is_refused(tmp_path: Path) -> None:
    directory = mode_directory(tmp_path, Mode.PAPER)
    directory.mkdir(parents=True)
    (directory / JOURNAL_NAME).write_bytes(b"damaged" * 1000)
    with pytest.raises(StateRefused):
        read_sent(tmp_path, Mode.PAPER)
