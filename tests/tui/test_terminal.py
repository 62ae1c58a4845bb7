"""The terminal of a program between two engines: signals, questions, and lines where no dashboard is."""

import io
import signal
from pathlib import Path

import pytest

from config.schema import Account, Child, Settings
from engine.commands import Severity
from engine.snapshot import NoticeLine
from tests.unit.engine.test_runtime import Desk
from tui.app import EXIT_FAILED
from tui.terminal import DRAWN_ANEW, DRAWN_MOST, Terminal

SETTINGS = Settings(master=Account(id="M", broker="paper"), children=(Child(id="C1", broker="paper"),))


def terminal(lines: io.StringIO, log: list[str]) -> Terminal:
    return Terminal(
        headless=True, mouse=False, lines=lines, words=lambda notice: notice.text, log=log.append, log_path=Path("log")
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
    made = terminal(io.StringIO(), [])
    made._signal = signal.SIGHUP
    assert not made.was_ended


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
    made = Terminal(
        headless=False,
        mouse=False,
        lines=io.StringIO(),
        words=lambda notice: notice.text,
        log=log.append,
        log_path=Path("log"),
    )
    made.run(desk.runtime, SETTINGS)
    assert running == [True] * shown
    assert log.count(DRAWN_ANEW) == shown - 1
