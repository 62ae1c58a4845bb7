"""The terminal of a program between two engines: signals, questions, and lines where no dashboard is."""

import io
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from config.schema import Account, Child, Settings
from engine.clock import ScaledClock
from engine.commands import Severity
from engine.snapshot import NoticeLine, StrategyState
from tests.unit.engine.test_runtime import QUIET, Beats, Desk, strategy
from tests.unit.paper.builders import NOW
from tui.app import EXIT_FAILED, EXIT_OK, EXIT_TERMINAL_LOST, LockstepApp
from tui.terminal import DRAWN_ANEW, DRAWN_MOST, EXIT_SWITCH, UNSEEN, Terminal

SETTINGS = Settings(master=Account(id="M", broker="paper"), children=(Child(id="C1", broker="paper"),))


def terminal(lines: io.StringIO, log: list[str]) -> Terminal:
    return Terminal(
        headless=True, mouse=False, lines=lines, words=lambda notice: notice.text, log=log.append, log_path=Path("log")
    )


def in_a_terminal(log: Callable[[str], None]) -> Terminal:
    return Terminal(
        headless=False,
        mouse=False,
        lines=io.StringIO(),
        words=lambda notice: notice.text,
        log=log,
        log_path=Path("log"),
    )


def test_notice_goes_into_the_log_and_onto_a_headless_terminal() -> None:
    lines = io.StringIO()
    log: list[str] = []
    terminal(lines, log).note(NoticeLine(number=1, at_ns=0, severity=Severity.INFO, text="armed"))
    assert (lines.getvalue(), log) == ("armed\n", ["armed"])


class ClosedPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_closed_pipe_costs_lines_only() -> None:
    log: list[str] = []
    terminal(ClosedPipe(), log).note(NoticeLine(number=1, at_ns=0, severity=Severity.INFO, text="armed"))
    assert log == ["armed"]


def test_signal_between_two_engines_stops_the_next_one_at_once() -> None:
    made, desk = terminal(io.StringIO(), []), Desk(until_ns=None)
    made._signal = signal.SIGTERM
    made._hears = True
    made.run(desk.runtime, SETTINGS)
    assert made.was_ended
    assert desk.runtime.done.is_set()


def test_nothing_is_asked_after_the_end_was_asked_for() -> None:
    made = terminal(io.StringIO(), [])
    assert made.ask(lambda: True)
    made._signal = signal.SIGINT
    assert not made.ask(lambda: True)


def test_lost_terminal_is_no_end_of_the_program() -> None:
    made = in_a_terminal(list[str]().append)
    made._signalled(signal.SIGHUP)
    assert not made.was_ended


def test_lost_terminal_takes_nothing_back_of_the_end_that_was_asked_for() -> None:
    made = in_a_terminal(list[str]().append)
    made._signal = signal.SIGTERM
    made._signalled(signal.SIGHUP)
    assert made.was_ended


@pytest.mark.parametrize(
    ("codes", "shown"),
    [((0,), 1), ((EXIT_FAILED, 0), 2), ((EXIT_FAILED,) * 5, DRAWN_MOST)],
    ids=["sound", "fails once", "fails always"],
)
def test_dashboard_that_failed_is_drawn_anew_beside_an_engine_that_goes_on(
    codes: tuple[int, ...], shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, log, left, running = Desk(until_ns=None), list[str](), list(codes), list[bool]()

    def run_dashboard(*_given: object, **_named: object) -> int:
        running.append(not desk.runtime.done.is_set())
        return left.pop(0)

    monkeypatch.setattr("tui.app.run_dashboard", run_dashboard)
    made = in_a_terminal(log.append)
    made.run(desk.runtime, SETTINGS)
    assert running == [True] * shown
    assert log.count(DRAWN_ANEW) == shown - 1


def with_a_strategy() -> Desk:
    desk = Desk(ScaledClock(NOW, 1.0), until_ns=None, poll_s=QUIET)
    desk.core.state.strategies["ACCOUNT"] = strategy(StrategyState.ACTIVE, 1)
    return desk


def leaves(desk: Desk, code: int, *heard: tuple[Terminal, int]) -> Callable[..., int]:
    """A dashboard that is left with a code once the engine has shown itself, and the signals that come meanwhile."""
    beats = Beats(desk.loop)

    def run_dashboard(*_given: object, **_named: object) -> int:
        beats.wait_for_more(2)
        for made, number in heard:
            made._signalled(number)
        return code

    return run_dashboard


def test_hang_up_that_is_heard_after_the_dashboard_found_its_terminal_gone_does_not_stop_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, stopped = with_a_strategy(), list[bool]()
    monkeypatch.setattr("tui.app.run_dashboard", leaves(desk, EXIT_TERMINAL_LOST))

    def log(text: str) -> None:
        if text == UNSEEN:
            made._signalled(signal.SIGHUP)
            stopped.append(desk.loop.stopping)
            desk.loop.stop()

    made = in_a_terminal(log)
    made.run(desk.runtime, SETTINGS)
    assert stopped == [False]


def test_window_closed_after_quit_keeps_no_engine_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, log = with_a_strategy(), list[str]()
    made = in_a_terminal(log.append)
    monkeypatch.setattr("tui.app.run_dashboard", leaves(desk, EXIT_OK, (made, signal.SIGHUP)))
    made.run(desk.runtime, SETTINGS)
    assert (desk.runtime.done.is_set(), log) == (True, [])


def test_window_closed_after_the_end_was_asked_for_does_not_say_that_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, log = with_a_strategy(), list[str]()
    made = in_a_terminal(log.append)
    monkeypatch.setattr("tui.terminal.later", lambda *_given: None)  # the last resort
    heard = [(made, signal.SIGINT), (made, signal.SIGHUP)]
    monkeypatch.setattr("tui.app.run_dashboard", leaves(desk, EXIT_TERMINAL_LOST, *heard))
    made.run(desk.runtime, SETTINGS)
    assert (desk.runtime.done.is_set(), log) == (True, [])


def test_hang_up_between_two_sessions_leaves_nobody_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, made = Desk(until_ns=None), in_a_terminal(list[str]().append)
    monkeypatch.setattr("tui.app.run_dashboard", leaves(desk, EXIT_SWITCH))
    made.run(desk.runtime, SETTINGS)
    made._signalled(signal.SIGHUP)
    assert made.was_lost


def test_hang_up_before_the_dashboard_is_drawn_is_told_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, log, asked = Desk(until_ns=None), list[str](), list[int | None]()

    def run_dashboard(*_given: object, app: LockstepApp, **_named: object) -> int:
        asked.append(app._asked_to_exit)
        return EXIT_TERMINAL_LOST

    monkeypatch.setattr("tui.app.run_dashboard", run_dashboard)
    made = in_a_terminal(log.append)
    made._hears = True
    made._signalled(signal.SIGHUP)
    made.run(desk.runtime, SETTINGS)
    assert asked == [EXIT_TERMINAL_LOST]


def test_hang_up_while_the_dashboard_leaves_for_the_other_mode_leaves_nobody_to_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, made = Desk(until_ns=None), in_a_terminal(list[str]().append)

    def run_dashboard(*_given: object, **_named: object) -> int:
        made._signalled(signal.SIGHUP)
        return EXIT_SWITCH

    monkeypatch.setattr("tui.app.run_dashboard", run_dashboard)
    made.run(desk.runtime, SETTINGS)
    assert made.was_lost
