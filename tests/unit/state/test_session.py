"""Sessions: what a process leaves on the disk is exactly what the next one knows."""

import sqlite3
from fractions import Fraction
from pathlib import Path

import pytest

from config.schema import Mode
from engine.commands import PlaceOrder, RecordStrategy
from engine.core.replicator import Replicator
from engine.errors import BrokenInvariant, JournalFailed, StateRefused
from engine.events import Event, KillSwitched, Paused, SessionStopped, TimePassed
from state.codec import encode
from state.journal import SqliteJournal
from state.session import Session, fold
from state.store import JOURNAL_NAME, mode_directory
from tests.unit.engine.fakes import S, started
from tests.unit.paper.builders import NOW
from tests.unit.state.days import LASTS_S, random_day
from tests.unit.state.recovery import RecordedRun

SEEDS = range(12)
BUSY = 4


def opened(root: Path, mode: Mode = Mode.PAPER) -> Session:
    return Session(root, mode, sync=False)


def begun(root: Path) -> Session:
    """A session that has handled its first event, durably."""
    session = opened(root)
    session.start("2026-11-02", NOW, "1")
    handle(session, started())
    session.commit()
    return session


def handle(session: Session, event: Event) -> None:
    session.append(event, session.replicator.handle(event))


# Random days


@pytest.mark.parametrize("seed", SEEDS)
def test_state_rebuilt_from_checkpoint_and_journal_is_the_live_one_byte_for_byte(seed: int, tmp_path: Path) -> None:
    run = RecordedRun(random_day(seed), tmp_path)
    assert run.checkpoints
    assert run.rebuilt() == run.live
    assert run.rebuilt() == run.live, "looking at it changes nothing"
    assert run.rebuilt_from_the_journal_alone() == run.live


@pytest.mark.parametrize("seed", SEEDS[BUSY : BUSY + 4])
def test_journal_replayed_decides_the_same_again(seed: int, tmp_path: Path) -> None:
    RecordedRun(random_day(seed), tmp_path)
    path = mode_directory(tmp_path, Mode.PAPER) / JOURNAL_NAME
    reader = SqliteJournal.read_only(path)
    core = Replicator()
    again = [
        (seq, position, encode(command).decode())
        for seq, event in reader.replay(0)
        for position, command in enumerate(core.handle(event))
    ]
    reader.close()
    connection = sqlite3.connect(path)
    recorded = connection.execute("SELECT seq, position, body FROM commands ORDER BY seq, position").fetchall()
    connection.close()
    assert again == recorded


def test_random_days_do_trade() -> None:
    """Guards the tests above: days on which nothing happens prove nothing."""
    steps = [step for seed in SEEDS for step in random_day(seed).steps]
    assert {type(step.action).__name__ for step in steps} >= {
        "MasterTrades",
        "ArmFault",
        "Crash",
        "Operate",
        "OwnTrade",
    }
    assert all(NOW <= step.at_ns < NOW + LASTS_S * S for step in steps)


def test_random_day_sends_orders(tmp_path: Path) -> None:
    run = RecordedRun(random_day(BUSY), tmp_path)
    assert run.simulation.replicator.state.intents > 10
    assert any(run.simulation.world.exchange.orders(child) for child in ("C1", "C2"))


# Beginnings and ends


def test_first_session_has_no_state_and_is_clean(tmp_path: Path) -> None:
    session = opened(tmp_path)
    with pytest.raises(BrokenInvariant):
        _ = session.replicator.state
    assert not session.unclean
    assert session.notes == ()
    session.crash()


def test_orderly_end_is_followed_by_a_clean_start_with_the_same_state(tmp_path: Path) -> None:
    session = begun(tmp_path)
    handle(session, KillSwitched(at_ns=NOW + 1, level=2))
    handle(session, SessionStopped(at_ns=NOW + 2))
    live = session.encode_state()
    session.checkpoint(live)
    session.end(NOW + 2)
    following = opened(tmp_path)
    assert not following.unclean
    assert following.encode_state() == live
    assert following.replicator.state.kill == 2
    following.crash()


def test_death_is_followed_by_an_unclean_start_without_what_was_not_durable(tmp_path: Path) -> None:
    session = begun(tmp_path)
    durable = session.encode_state()
    handle(session, Paused(at_ns=NOW + 1))
    session.crash()
    following = opened(tmp_path)
    assert following.unclean
    assert following.encode_state() == durable
    assert not following.replicator.state.paused
    assert following.notes
    following.crash()


def test_every_start_after_a_death_is_unclean_until_one_ends_well(tmp_path: Path) -> None:
    begun(tmp_path).crash()
    second = opened(tmp_path)
    second.start("2026-11-02", NOW + S, "1")
    second.crash()
    third = opened(tmp_path)
    assert third.unclean
    third.start("2026-11-02", NOW + 2 * S, "1")
    third.end(NOW + 3 * S)
    fourth = opened(tmp_path)
    assert not fourth.unclean
    fourth.crash()


def test_nothing_can_be_recorded_after_the_end(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.end(NOW + 1)
    with pytest.raises((JournalFailed, BrokenInvariant)):
        session.append(TimePassed(at_ns=NOW + 2), [])


def test_paper_and_live_know_nothing_of_each_other(tmp_path: Path) -> None:
    begun(tmp_path).crash()
    live = opened(tmp_path, Mode.LIVE)
    assert not live.unclean
    with pytest.raises(BrokenInvariant):
        _ = live.replicator.state
    live.crash()


# Damage


def test_damaged_checkpoint_is_passed_over_and_the_journal_gives_the_same_state(tmp_path: Path) -> None:
    run = RecordedRun(random_day(BUSY), tmp_path)
    for checkpoint in run.checkpoints:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    session = opened(tmp_path)
    assert session.encode_state() == run.live
    assert any("passed over" in note for note in session.notes)
    session.crash()


def test_damaged_journal_is_refused_and_nothing_starts(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.crash()
    connection = sqlite3.connect(mode_directory(tmp_path, Mode.PAPER) / JOURNAL_NAME)
    connection.execute("UPDATE entries SET event = replace(event, 'C1', 'C9') WHERE seq = 1")
    connection.commit()
    connection.close()
    with pytest.raises(StateRefused):
        opened(tmp_path)


# Folding


def test_fold_of_nothing_is_a_core_that_has_not_begun() -> None:
    with pytest.raises(BrokenInvariant):
        _ = fold(None, ()).state


def test_fold_goes_on_from_a_state_as_from_the_events_that_made_it() -> None:
    events: list[Event] = [started(), *(TimePassed(at_ns=NOW + n * S) for n in range(4)), Paused(at_ns=NOW + 5 * S)]
    whole = encode(fold(None, events).state)
    for cut in range(1, len(events)):
        half = encode(fold(None, events[:cut]).state)
        assert encode(fold(half, events[cut:]).state) == whole


def test_folding_sends_nothing_anew(tmp_path: Path) -> None:
    """Commands of the past are decided again and thrown away; only the following events lead to orders."""
    run = RecordedRun(random_day(BUSY), tmp_path)
    books = {child: len(run.simulation.world.exchange.orders(child)) for child in ("C1", "C2")}
    session = opened(tmp_path)
    commands = session.replicator.handle(SessionStopped(at_ns=NOW + LASTS_S * S))
    assert not [command for command in commands if isinstance(command, PlaceOrder)]
    assert books == {child: len(run.simulation.world.exchange.orders(child)) for child in ("C1", "C2")}
    session.crash()


def test_trail_reads_the_journal_of_the_session(tmp_path: Path) -> None:
    session = begun(tmp_path)
    trail = session.trail()
    assert list(trail.read(("LKP1XD0000001MT",), NOW + 10 * S, lambda: False)) == []
    assert not trail.is_behind


def test_ratios_are_those_of_the_sessions_journal(tmp_path: Path) -> None:
    session = begun(tmp_path)
    assert list(session.ratios("C1", 5, lambda: False)) == []
    strategy = RecordStrategy(
        scope="ACCOUNT", strategy=1, started_ns=NOW, state="ACTIVE", name="", source="PAPER", baseline_inr=None,
        ratios={"C1": "1/2"},
    )  # fmt: skip
    session.append(TimePassed(at_ns=NOW + S), [strategy])
    session.commit()
    assert [one.ratio for one in session.ratios("C1", 5, lambda: False)] == [Fraction(1, 2)]
