"""A terminal that is gone when the operator's switch of the mode takes effect: nobody is there to see the other mode."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.terminal import Terminal, runner
from config.schema import Mode
from paper.sandbox.sandbox import SandboxThread
from state.acknowledged import keep_acknowledged
from state.store import JOURNAL_NAME, mode_directory
from tests.test_kill import DONE
from tests.test_live import CHILDREN, PATIENCE_S, Live, Program, enter, equal, leave
from tui.compliance import VERSION_OF_RULES

AGAIN_S = 5.0
"A key that came before anybody listened is pressed again."
CLEAR = b"\x15"
"Empties a line that was typed in part. Apart from what is typed next: Textual may turn them round."


class Shown(Program):
    """The program with its dashboard in a pseudo terminal; `lines` are those of its log."""

    def start(self, config: Path, *options: str, mode: Mode = Mode.LIVE) -> None:
        how = ("--live", "--typed", "LIVE") if mode is Mode.LIVE else ("--paper",)
        self.terminal = Terminal(runner("run", *how, "--config", str(config), *options), self.directory)
        self.process = self.terminal.process
        self.seen = b""
        self._is_watched = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while self._is_watched and self.process is not None and self.process.poll() is None:
            self.seen += self.terminal.read(0.05)

    @property
    def lines(self) -> list[str]:
        logs = sorted((self.directory / "logs").glob("*.log"))
        return [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]

    def hang_up(self) -> None:
        """Close the terminal's window."""
        if self._is_watched:
            self._is_watched = False
            self._reader.join()
            self.terminal.close()

    def press(self, *keys: bytes, what: str, found: Callable[[], bool]) -> None:
        """Press keys, now and then the next ones of them, until something is seen."""
        following, due_s = itertools.cycle(keys), 0.0

        def pressed() -> bool:
            nonlocal due_s
            if found():
                return True
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + AGAIN_S
                self.terminal.send(next(following))
            return False

        self.wait(what, pressed)

    def says(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    thread = SandboxThread(equal())
    with thread:
        made = Live(thread, tmp_path)
        made.program = Shown(tmp_path)
        yield made
        made.program.kill()
        made.program.hang_up()


def lose(live: Live) -> None:
    """Close the terminal while a strategy runs, and wait until the program knows."""
    assert isinstance(live.program, Shown)
    live.program.hang_up()
    live.wait("the loss of the terminal", lambda: any("the terminal is gone" in line for line in live.lines))


def test_without_a_terminal_a_session_on_paper_is_followed_by_none_in_live(live: Live) -> None:
    shown = live.program
    assert isinstance(shown, Shown)
    data = live.directory / "state" / "data"
    keep_acknowledged(data, VERSION_OF_RULES, live.sandbox.clock.now_ns())
    live.start(mode=Mode.PAPER)
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.paper_positions(Mode.PAPER) == dict.fromkeys(CHILDREN, condor))
    shown.press(b"m", what="the question", found=lambda: b"SWITCH TO LIVE" in shown.seen)
    shown.press(b"LIVE\r", CLEAR, what="the answer", found=lambda: shown.says("LIVE from the next strategy on"))
    lose(live)
    leave(live)
    assert shown.process is not None
    assert shown.process.wait(PATIENCE_S) == DONE
    assert live.paper_positions(Mode.PAPER) == {child: {} for child in CHILDREN}
    assert not (mode_directory(data, Mode.LIVE) / JOURNAL_NAME).exists()
    assert [live.orders(child) for child in CHILDREN] == [[], [], []]


def test_without_a_terminal_a_live_session_is_followed_to_its_end_and_the_program_ends(live: Live) -> None:
    shown = live.program
    assert isinstance(shown, Shown)
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    shown.press(b"m", what="the question", found=lambda: b"SWITCH TO PAPER" in shown.seen)
    shown.press(b"y", what="the answer", found=lambda: shown.says("PAPER from the next strategy on"))
    lose(live)
    leave(live)
    assert shown.process is not None
    assert shown.process.wait(PATIENCE_S) == DONE
    assert live.positions() == {child: {} for child in CHILDREN}
    assert [len(live.orders(child)) for child in CHILDREN] == [8, 8, 8]
