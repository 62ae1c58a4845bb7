"""`status`: what the running or last session holds, read from beside it."""

import os
from pathlib import Path

import pytest

from config.schema import Mode
from engine.core.state import State
from engine.core.state_child import ChildLeg
from engine.errors import StateRefused
from engine.events import SessionStopped
from engine.model import LegId
from state.lock import InstanceLock
from state.session import Session
from state.status import Status, newest_status
from state.store import JOURNAL_NAME, lock_path, mode_directory
from tests.unit.engine.fakes import S, started
from tests.unit.paper.builders import CALL, NOW, PUT
from tests.unit.state.days import random_day
from tests.unit.state.recovery import RecordedRun

BUSY = 4


def leave_session(root: Path, mode: Mode = Mode.PAPER, *, at_s: int = 0, stopped: bool = False) -> None:
    """A session that began, perhaps ended, and left its files, dated `at_s`."""
    session = Session(root, mode, sync=False)
    session.start("2026-11-02", NOW, "1")
    event = started(NOW + at_s * S)
    session.append(event, session.replicator.handle(event))
    session.commit()
    if stopped:
        end = SessionStopped(at_ns=NOW + (at_s + 1) * S)
        session.append(end, session.replicator.handle(end))
        session.checkpoint(session.encode_state())
        session.end(end.at_ns)
    else:
        session.crash()
    for file in mode_directory(root, mode).iterdir():
        os.utime(file, ns=(NOW + at_s * S, NOW + at_s * S))


def status_of(*roots: Path) -> Status:
    status = newest_status(roots)
    assert status is not None
    return status


def test_no_session_has_no_status(tmp_path: Path) -> None:
    assert newest_status([tmp_path, tmp_path / "missing"]) is None


def test_checkpoint_without_its_journal_is_refused_not_overlooked(tmp_path: Path) -> None:
    leave_session(tmp_path, stopped=True)
    for path in mode_directory(tmp_path, Mode.PAPER).glob(f"{JOURNAL_NAME}*"):
        path.unlink()
    with pytest.raises(StateRefused, match="missing or empty"):
        newest_status([tmp_path])


def test_journal_in_which_nothing_happened_has_no_status(tmp_path: Path) -> None:
    Session(tmp_path, Mode.PAPER, sync=False).crash()
    assert newest_status([tmp_path]) is None


@pytest.mark.parametrize("stopped", [False, True], ids=["died", "ended well"])
def test_last_session_is_told_as_the_last_one(stopped: bool, tmp_path: Path) -> None:
    leave_session(tmp_path, stopped=stopped)
    document = status_of(tmp_path).document
    assert document["session"] == "last"
    assert (document["day"], document["mode"], document["strategy"]) == ("2026-11-02", "paper", "FLAT")


def test_session_that_holds_the_lock_is_running(tmp_path: Path) -> None:
    leave_session(tmp_path)
    with InstanceLock(lock_path(tmp_path)):
        assert status_of(tmp_path).document["session"] == "running"
    assert status_of(tmp_path).document["session"] == "last"


def test_status_of_a_session_that_writes_shows_what_is_durable_and_disturbs_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path, Mode.PAPER, sync=False)
    session.start("2026-11-02", NOW, "1")
    for at_s in range(3):
        event = started(NOW + at_s * S)
        session.append(event, session.replicator.handle(event))
        if at_s == 1:
            session.commit()
    assert status_of(tmp_path).document["at"] == "09:30:01"
    session.commit()
    assert status_of(tmp_path).document["at"] == "09:30:02"
    session.end(NOW + 3 * S)


def test_newest_of_several_directories_and_modes_is_told(tmp_path: Path) -> None:
    leave_session(tmp_path / "a", at_s=10)
    leave_session(tmp_path / "b", Mode.LIVE, at_s=30)
    leave_session(tmp_path / "c", at_s=20)
    roots = [tmp_path / name for name in "abc"]
    assert status_of(*roots).document["at"] == "09:30:30"
    assert status_of(roots[0], roots[2]).document["at"] == "09:30:20"


def test_newer_empty_directory_does_not_hide_an_older_session(tmp_path: Path) -> None:
    leave_session(tmp_path / "a", at_s=10)
    Session(tmp_path / "b", Mode.PAPER, sync=False).crash()
    assert status_of(tmp_path / "a", tmp_path / "b").document["at"] == "09:30:10"


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    leave_session(tmp_path)
    path = mode_directory(tmp_path, Mode.PAPER) / JOURNAL_NAME
    path.write_bytes(b"not a journal" * 100)
    with pytest.raises(StateRefused):
        newest_status([tmp_path])


def held(state: State) -> dict[str, dict[str, int]]:
    return {
        child.id: {leg.leg.split(":")[1]: leg.allocation_units for leg in child.legs.values() if leg.allocation_units}
        for child in state.children.values()
    }


@pytest.mark.parametrize("seed", range(BUSY, BUSY + 6))
def test_status_holds_what_the_state_holds(seed: int, tmp_path: Path) -> None:
    state = RecordedRun(random_day(seed), tmp_path).simulation.replicator.state
    status = status_of(tmp_path)
    document = status.document
    assert document["children"] == held(state)
    (strategy,) = state.strategies.values()
    assert document["strategy"] == strategy.state.value
    assert document["ratios"] == {child: str(ratio) for child, ratio in strategy.ratios.items()}
    by_state = {name: [o.tag for o in state.orders.values() if o.state.value == name] for name in ("working", "held")}
    assert {name: document[name] for name in by_state} == by_state
    assert (document["armed"], document["paused"], document["kill"]) == (state.armed, state.paused, state.kill)


def test_text_names_every_account_and_every_order_that_is_not_done() -> None:
    status = Status(
        document={
            "session": "last",
            "day": "2026-11-02",
            "mode": "paper",
            "at": "09:31:00",
            "strategy": "ACTIVE",
            "ratios": {"C1": "3/10"},
            "master": {"M": {CALL: 650}},
            "children": {"C1": {CALL: 195, PUT: -65}, "C2": {}},
            "working": ["T1"],
            "unknown": ["T2"],
            "held": [],
        }
    )
    text = status.text()
    assert text.splitlines()[0] == "last session of 2026-11-02, paper, last heard of at 09:31:00 IST"
    for part in (
        "strategy ACTIVE; ratios C1 3/10",
        f"M: +650 {CALL}",
        f"C1: +195 {CALL}, -65 {PUT}",
        "C2: nothing",
        "working: T1",
        "unknown: T2",
    ):
        assert part in text
    assert "held:" not in text


@pytest.mark.parametrize("stopped", [False, True], ids=["died", "ended well"])
def test_status_says_whether_the_last_session_ended_well(stopped: bool, tmp_path: Path) -> None:
    leave_session(tmp_path, stopped=stopped)
    status = status_of(tmp_path)
    assert status.document["unclean"] is not stopped
    assert ("not ended well" in status.text()) is not stopped


def test_running_session_is_not_unclean(tmp_path: Path) -> None:
    leave_session(tmp_path)
    with InstanceLock(lock_path(tmp_path)):
        assert status_of(tmp_path).document["unclean"] is False


def test_status_shows_what_was_handed_over(tmp_path: Path) -> None:
    session = Session(tmp_path, Mode.PAPER, sync=False)
    session.start("2026-11-02", NOW, "1")
    event = started(NOW)
    session.append(event, session.replicator.handle(event))
    leg = LegId(f"NFO:{CALL}:NRML")
    child = next(iter(session.replicator.state.children.values()))
    child.legs[leg] = ChildLeg(leg=leg, orphaned_units=195)
    session.checkpoint(session.encode_state())
    session.crash()
    status = status_of(tmp_path)
    assert status.document["orphaned"] == {child.id: {CALL: 195}}
    assert f"handed over and not closed by their owners: {child.id} +195 {CALL}" in status.text()


@pytest.mark.parametrize(("session", "said"), [("running", "exits only until you"), ("last", "the next start takes")])
def test_missing_answer_is_told_of_the_session_that_it_concerns(session: str, said: str) -> None:
    document = {"session": session, "day": "", "mode": "paper", "at": "", "strategy": "FLAT", "ratios": {}}
    lists: dict[str, object] = {"master": {}, "children": {}, "working": [], "unknown": [], "held": []}
    (line,) = Status(document={**document, **lists, "unclean": True}).text().splitlines()[2:]
    assert said in line
    assert ("next start" in line) is (session == "last")
