"""The terminal of a program between two engines: signals, questions, and lines where no dashboard is."""

import io
import signal
from pathlib import Path

from config.schema import Account, Child, Settings
from engine.commands import Severity
from engine.snapshot import NoticeLine
from tests.unit.engine.test_runtime import Desk
from tui.terminal import Terminal

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
