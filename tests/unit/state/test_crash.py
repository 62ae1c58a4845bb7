"""Real processes that are killed, run out of disk, or read while another one writes."""

from pathlib import Path

import pytest

from config.schema import Mode
from engine.events import Event
from state.store import Recovered, Store
from tests.unit.state.children import Child
from tests.unit.state.samples import tick


def recover(root: Path) -> tuple[Recovered, list[Event]]:
    store = Store(root, Mode.PAPER)
    recovered = store.open()
    events = list(recovered.events_after)
    store.close()
    return recovered, events


def test_everything_reported_as_committed_survives_kill_9_ten_times_over(tmp_path: Path) -> None:
    last = 0
    for lines_before_kill in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89):
        writer = Child("write", tmp_path)
        reported = [int(writer.line()) for _ in range(lines_before_kill)]
        reported += [int(line) for line in writer.kill()]
        assert reported == list(range(last + 1, reported[-1] + 1))
        recovered, events = recover(tmp_path)
        seen = 0 if recovered.state is None else int(recovered.state[8:-1])
        # One entry can be durable and not yet reported.
        last = seen + len(events)
        assert last in (reported[-1], reported[-1] + 1)
        assert events == [tick(number) for number in range(seen + 1, last + 1)]
        assert len(events) <= 14
        assert recovered.unclean


# 33 kB is the shared memory of the log; below that not even the first commit is possible.
@pytest.mark.parametrize("bytes_max", [60_000, 61_234, 100_000, 150_001, 200_000])
def test_a_full_disk_fails_the_journal_for_good_and_keeps_what_was_committed(tmp_path: Path, bytes_max: int) -> None:
    lines = Child("write_until_full", tmp_path, bytes_max).finish()
    committed = [int(line.split()[1]) for line in lines if line.startswith("committed")]
    rest = lines[len(committed) :]
    assert committed == list(range(1, len(committed) + 1))
    assert rest[0].startswith("failed The journal")
    assert rest[1:] == ["still failed"] * 3
    recovered, events = recover(tmp_path)
    assert recovered.state is None
    assert events[: len(committed)] == [tick(number) for number in committed]
    assert len(events) - len(committed) in (0, 1)
    assert recovered.unclean


def test_a_checkpoint_that_does_not_fit_fails_and_keeps_the_earlier_one(tmp_path: Path) -> None:
    assert Child("checkpoint_until_full", tmp_path).finish() == ["failed", "failed"]
    recovered, events = recover(tmp_path)
    assert (recovered.state, events, len(recovered.notes)) == (b'{"seen":1}', [], 1)


def test_two_processes_read_whole_views_while_a_third_writes(tmp_path: Path) -> None:
    store = Store(tmp_path, Mode.PAPER)
    store.open()
    store.start_session("2026-11-02", 1, "0.1.0")
    count = 1500
    readers = [Child("read", tmp_path, count) for _ in range(2)]
    assert [reader.line() for reader in readers] == ["reading"] * 2
    for number in range(1, count + 1):
        store.append(tick(number), ())
        store.commit()
        if number % 100 == 0:
            store.checkpoint(b'{"seen":%d}' % number)
    assert [reader.finish() for reader in readers] == [["saw all"], ["saw all"]]
    store.end_session(2)
    store.close()
