"""A running engine: pictures for others, orders from others, and an end that is either orderly or not recorded as one."""

import gc
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from config.schema import Mode
from engine.agenda import Agenda
from engine.clock import EngineClock, ScaledClock, VirtualClock
from engine.commands import Command
from engine.core.replicator import Replicator
from engine.core.state import Strategy
from engine.core.state_child import ChildLeg
from engine.errors import BrokenInvariant
from engine.events import Event, InstrumentsLoaded, Paused, TimePassed
from engine.feed import QuoteFeed
from engine.loop import EngineLoop
from engine.model import leg_id
from engine.ports import SessionState
from engine.runtime import YOUNG_MOST, Runtime, boot
from engine.snapshot import EngineState, NoticeLine, Snapshot, StrategyState
from engine.view import Frame
from state.session import Session
from tests.unit.engine.fakes import WAIT_S, LoggedJournal, LoggedLane, S, started
from tests.unit.paper.builders import NOW, option

STOPPED_WELL = ["append SessionStopped 1", "commit", "commit", "checkpoint state", "end"]
QUIET = "60"
"""Seconds between polls, so that nothing happens by itself during a test."""


class BuggyCore(Replicator):
    """The core with a bug that shows at the next wake-up after it was set."""

    bug: Exception | None = None

    def handle(self, event: Event) -> list[Command]:
        commands = super().handle(event)
        if self.bug is not None and isinstance(event, TimePassed | Paused):
            raise self.bug
        return commands


class Desk:
    """A booted engine whose session is a log, with lanes that never answer."""

    def __init__(self, clock: EngineClock | None = None, *, until_ns: int | None = NOW + 3 * S, poll_s: str = "1.0"):
        self.log: list[str] = []
        self.core = BuggyCore()
        self.journal = LoggedJournal(self.log, self.core)
        self.notices: list[NoticeLine] = []
        self.told = threading.Event()
        self.loop = EngineLoop(VirtualClock(NOW) if clock is None else clock, Agenda())
        self.runtime = run_time(self.loop, self.journal, self._told, until_ns, poll_s)

    def _told(self, line: NoticeLine) -> None:
        self.notices.append(line)
        if "stopped, nothing is sent" in line.text:
            self.told.set()

    def picture(self) -> Snapshot:
        snapshot = self.runtime.snapshot()
        assert snapshot is not None
        return snapshot


def run_time(
    loop: EngineLoop,
    session: SessionState,
    told: Callable[[NoticeLine], None],
    until_ns: int | None,
    poll_s: str = "1.0",
) -> Runtime:
    feed = QuoteFeed(loop.post, lambda _instrument: None, 0)
    lanes = {account: LoggedLane([]) for account in ("M", "C1")}
    start = started(poll_interval_s=poll_s)
    files = [InstrumentsLoaded(at_ns=0, instruments=(option(),))]
    host = boot(loop, session, lanes, feed, start, files, version="1.2.3", on_notice=told)
    return Runtime(loop, host, session, Frame(source="test"), until_ns=until_ns)


class Beats:
    """Lets a test wait for rounds of the loop instead of for time."""

    def __init__(self, loop: EngineLoop) -> None:
        self._inner = loop.on_beat
        self._count = 0
        self._changed = threading.Condition()
        loop.on_beat = self

    def __call__(self) -> None:
        if self._inner is not None:
            self._inner()
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_for_more(self, count: int) -> None:
        with self._changed:
            wanted = self._count + count
            assert self._changed.wait_for(lambda: self._count >= wanted, WAIT_S)


# Boot


def test_boot_records_the_process_before_its_first_event() -> None:
    desk = Desk()
    assert desk.log[0] == "start 2026-11-02 1.2.3"
    kinds = [entry.split()[1] for entry in desk.log if entry.startswith("append")]
    assert kinds == ["SessionStarted", "InstrumentsLoaded"]
    assert desk.core.state.instruments[""].keys() == {option().id}


def test_boot_tells_notices_to_whoever_listens() -> None:
    assert next(line.text for line in Desk().notices) == "started in PAPER"


# The end


def test_run_to_the_end_of_a_replay_is_an_orderly_stop() -> None:
    desk = Desk()
    desk.runtime.run()
    assert desk.log[-5:] == STOPPED_WELL
    assert desk.runtime.done.is_set()
    assert desk.picture().finished
    assert desk.picture().engine is EngineState.STOPPED
    assert desk.loop.clock.now_ns() == NOW + 3 * S


def test_stop_from_another_thread_is_orderly_and_says_when_it_is_done() -> None:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None)
    desk.runtime.start()
    assert desk.runtime.stop(WAIT_S)
    assert desk.log[-5:] == STOPPED_WELL
    assert desk.picture().engine is EngineState.STOPPED


def test_clock_stands_still_when_the_engine_has_ended() -> None:
    """Ages on the screen count from the end: a replay that is over is not a master that is silent."""
    desk = Desk()
    desk.runtime.run()
    ended_ns = desk.runtime.now_ns()
    assert isinstance(desk.loop.clock, VirtualClock)
    desk.loop.clock.advance(ended_ns + 3600 * S)
    assert desk.runtime.now_ns() == ended_ns


def test_second_stop_changes_nothing() -> None:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None)
    desk.runtime.start()
    desk.runtime.stop(WAIT_S)
    log = list(desk.log)
    assert desk.runtime.stop(WAIT_S)
    assert desk.log == log


def test_stop_of_an_engine_that_hangs_says_so() -> None:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None)
    hangs, go_on = threading.Event(), threading.Event()

    def hang(_at_ns: int) -> None:
        hangs.set()
        go_on.wait(WAIT_S)

    desk.loop.agenda.at(NOW, hang)
    desk.runtime.start()
    assert hangs.wait(WAIT_S)
    ended_in_time = desk.runtime.stop(0.01)
    go_on.set()
    assert not ended_in_time
    assert desk.runtime.stop(WAIT_S)


def test_next_session_after_an_orderly_stop_is_clean(tmp_path: Path) -> None:
    session = Session(tmp_path, Mode.PAPER, sync=False)
    run_time(EngineLoop(VirtualClock(NOW), Agenda()), session, lambda _line: None, NOW + 3 * S).run()
    following = Session(tmp_path, Mode.PAPER, sync=False)
    assert not following.unclean
    assert following.replicator.state.stopped
    following.crash()


# Until flat


def strategy(state: StrategyState, number: int) -> Strategy:
    return Strategy(scope="ACCOUNT", number=number, state=state)


@pytest.mark.parametrize(
    ("strategies", "ends"),
    [
        ([], False),
        ([strategy(StrategyState.FLAT, 0)], False),
        ([strategy(StrategyState.ACTIVE, 1)], False),
        ([strategy(StrategyState.EXITING, 1)], False),
        ([strategy(StrategyState.FLAT, 1)], True),
        ([strategy(StrategyState.FLAT, 1), strategy(StrategyState.ACTIVE, 1)], False),
        ([strategy(StrategyState.FLAT, 1), strategy(StrategyState.FLAT, 0)], True),
    ],
    ids=["none", "not begun", "runs", "exits", "ended", "one of two ended", "one ended, one never begun"],
)
def test_until_flat_ends_when_a_strategy_has_run_and_none_runs(strategies: list[Strategy], ends: bool) -> None:
    desk = Desk()
    desk.core.state.strategies.update({str(number): s for number, s in enumerate(strategies)})
    desk.runtime.until_flat = True
    desk.runtime.run()
    assert (desk.loop.clock.now_ns() < NOW + 3 * S) is ends


def test_ended_strategy_does_not_end_a_run_that_is_not_until_flat() -> None:
    desk = Desk()
    desk.core.state.strategies["ACCOUNT"] = strategy(StrategyState.FLAT, 1)
    desk.runtime.run()
    assert desk.loop.clock.now_ns() == NOW + 3 * S


# Snapshots and orders of others


def test_there_is_no_picture_before_the_first_one() -> None:
    desk = Desk()
    assert desk.runtime.snapshot() is None
    assert not desk.runtime.is_open


@pytest.mark.parametrize(("state", "is_open"), [(StrategyState.FLAT, False), (StrategyState.ACTIVE, True)])
def test_strategy_is_open_as_the_newest_picture_shows_it(state: StrategyState, is_open: bool) -> None:
    desk = Desk()
    desk.core.state.strategies["ACCOUNT"] = strategy(state, 1)
    desk.runtime.run()
    assert desk.runtime.is_open is is_open


def test_collector_looks_seldom_while_the_engine_runs_and_as_before_when_it_has_ended() -> None:
    before = gc.get_threshold()
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None, poll_s=QUIET)
    assert gc.get_threshold() == before
    desk.runtime.start()
    assert (gc.get_threshold()[0], gc.get_freeze_count() > 0) == (YOUNG_MOST, True)
    desk.runtime.stop(WAIT_S)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_picture_is_published_while_the_engine_runs_and_shows_what_was_sent_to_it() -> None:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None, poll_s=QUIET)
    beats = Beats(desk.loop)
    desk.runtime.start()
    beats.wait_for_more(2)
    first = desk.picture()
    desk.runtime.send(Paused(at_ns=desk.runtime.now_ns()))
    beats.wait_for_more(3)
    second = desk.picture()
    desk.runtime.stop(WAIT_S)
    assert not first.finished
    assert second.seq > first.seq
    assert len(second.notices) > len(first.notices)
    assert desk.core.state.paused


def test_nothing_new_means_no_new_picture() -> None:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None, poll_s=QUIET)
    beats = Beats(desk.loop)
    desk.runtime.start()
    beats.wait_for_more(3)
    first = desk.picture()
    beats.wait_for_more(2)
    assert desk.picture() is first
    desk.runtime.stop(WAIT_S)


# Failures


@pytest.mark.parametrize("call", ["append", "commit"])
def test_failed_journal_ends_without_an_orderly_end_and_the_picture_says_why(call: str) -> None:
    desk = Desk()
    desk.journal.failing = {call}
    desk.runtime.run()
    assert "end" not in desk.log
    assert "append SessionStopped 1" not in desk.log
    assert desk.runtime.done.is_set()
    assert (desk.picture().engine, desk.picture().engine_reason) == (EngineState.FAILED, f"{call} failed")


def test_broken_invariant_ends_without_an_orderly_end() -> None:
    desk = Desk()
    desk.core.bug = BrokenInvariant("never")
    desk.runtime.run()
    assert "end" not in desk.log
    assert desk.picture().engine is EngineState.FAILED


def test_any_other_bug_of_the_core_ends_without_an_orderly_end() -> None:
    """What the core had half done is in no journal: the next start must ask, as after every unclean end."""
    desk = Desk()
    desk.core.bug = KeyError("C9")
    with suppress(KeyError):
        desk.runtime.run()
    assert "end" not in desk.log
    assert desk.runtime.done.is_set()
    assert desk.picture().engine is EngineState.FAILED


def test_bug_of_the_core_is_not_kept_in_the_checkpoint(tmp_path: Path) -> None:
    """The state that comes back is that of the journal, not what the failed event left behind."""
    session = Session(tmp_path, Mode.PAPER, sync=False)
    loop = EngineLoop(VirtualClock(NOW), Agenda())
    runtime = run_time(loop, session, lambda _line: None, NOW + 3 * S)

    def break_it(_at_ns: int) -> None:
        session.replicator.state.timers["no such timer"] = NOW + S

    loop.agenda.at(NOW + S, break_it)
    with suppress(KeyError):
        runtime.run()
    session.crash()
    following = Session(tmp_path, Mode.PAPER, sync=False)
    following.crash()
    assert following.unclean
    assert "no such timer" not in following.replicator.state.timers


def test_failure_shows_while_the_engine_still_runs() -> None:
    """After a failure no event is handled any more; the screen must not go on to say ARMED."""
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None, poll_s=QUIET)
    beats = Beats(desk.loop)
    desk.runtime.start()
    beats.wait_for_more(3)
    desk.journal.failing = {"append"}
    desk.runtime.send(Paused(at_ns=desk.runtime.now_ns()))
    assert desk.told.wait(WAIT_S)
    beats.wait_for_more(3)
    shown = desk.picture().engine
    desk.runtime.stop(WAIT_S)
    assert shown is EngineState.FAILED


# The disk


def test_end_that_cannot_be_recorded_is_a_failure_and_still_an_end() -> None:
    desk = Desk()
    desk.journal.failing = {"end"}
    desk.runtime.run()
    assert desk.runtime.done.is_set(), "whoever waits for the end must not wait for ever"
    assert desk.runtime.host.failed == "end failed"
    assert desk.notices[-1].text == "the engine stopped, nothing is sent any more: end failed"
    assert desk.picture().engine is EngineState.FAILED


def test_old_state_is_removed_at_the_start_after_the_first_checkpoint_and_told() -> None:
    desk = Desk()
    kinds = [entry.partition(" ")[0] for entry in desk.log]
    assert kinds.index("checkpoint") < kinds.index("prune")
    assert kinds.count("prune") == 1
    loop, journal = EngineLoop(VirtualClock(NOW), Agenda()), LoggedJournal()
    journal.pruned = "3 days were removed"
    notices: list[NoticeLine] = []
    run_time(loop, journal, notices.append, None)
    assert notices[-1].text == "3 days were removed"


def test_old_state_that_cannot_be_removed_stops_the_engine() -> None:
    loop, journal = EngineLoop(VirtualClock(NOW), Agenda()), LoggedJournal()
    journal.failing = {"prune"}
    runtime = run_time(loop, journal, lambda _: None, None)
    assert runtime.host.failed == "prune failed"


def test_nothing_is_removed_after_a_start_that_failed() -> None:
    loop, journal = EngineLoop(VirtualClock(NOW), Agenda()), LoggedJournal()
    journal.failing = {"commit"}
    runtime = run_time(loop, journal, lambda _: None, None)
    assert runtime.host.failed == "commit failed"
    assert "prune" not in journal.log


# The switch between the modes


def asked(desk: Desk, mode: Mode | None) -> Desk:
    desk.core.state.mode_next = mode
    return desk


def test_switch_ends_the_session_when_nothing_is_open() -> None:
    desk = asked(Desk(until_ns=None), Mode.LIVE)
    desk.runtime.switches = True
    desk.runtime.run()
    assert desk.runtime.switches_to is Mode.LIVE
    assert desk.log[-5:] == STOPPED_WELL


def test_switch_waits_for_the_running_strategy() -> None:
    desk = asked(Desk(), Mode.LIVE)
    desk.core.state.strategies["ACCOUNT"] = strategy(StrategyState.ACTIVE, 1)
    desk.runtime.switches = True
    desk.runtime.run()
    assert desk.runtime.switches_to is None
    assert desk.loop.clock.now_ns() == NOW + 3 * S


def test_switch_waits_for_what_a_child_still_holds() -> None:
    desk = asked(Desk(), Mode.LIVE)
    leg = ChildLeg(leg=leg_id("NFO", option().symbol, "NRML"), sign=1, allocation_units=65)
    desk.core.state.children["C1"].legs[leg.leg] = leg
    assert desk.runtime.switches_to is None


def test_switch_waits_while_an_order_that_was_given_up_may_surface() -> None:
    desk = asked(Desk(), Mode.LIVE)
    desk.core.state.children["C1"].watches = True
    assert desk.runtime.switches_to is None


def test_switch_waits_for_the_answer_to_an_unclean_start() -> None:
    desk = asked(Desk(), Mode.LIVE)
    desk.core.state.unclean = True
    assert desk.runtime.switches_to is None


@pytest.mark.parametrize("mode", [None, Mode.PAPER])
def test_mode_that_nobody_asked_for_is_no_switch(mode: Mode | None) -> None:
    assert asked(Desk(), mode).runtime.switches_to is None


def test_session_that_cannot_switch_goes_on() -> None:
    desk = asked(Desk(), Mode.LIVE)
    desk.runtime.run()
    assert desk.loop.clock.now_ns() == NOW + 3 * S
