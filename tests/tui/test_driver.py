"""The dashboard in a real pseudo terminal: painting, stray output, suspension, a terminal that is gone."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui.app import EXIT_TERMINAL_LOST
from tui.driver import GuardedFile

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from tests.tui import snapshots as s
from tui.app import run_dashboard
def ready():
    os.write(2, b"STRAY-FD"); print("STRAY-PRINT"); print("STRAY-ERR", file=sys.__stderr__, flush=True)
sys.exit(run_dashboard(s.FakeFeed(s.flat()), on_ready=ready))
"""

RESIZED_WHILE_READING = """
import os, signal, sys, termios
from tests.tui import snapshots as s
from tui import driver
from tui.app import run_dashboard
def ready():
    read = os.get_terminal_size
    def older(number):
        found, os.get_terminal_size = read(number), read
        terminal_is(20, 60)
        return found
    def terminal_is(height, width):
        termios.tcsetwinsize(driver._terminal[-1].fileno(), (height, width))
        signal.raise_signal(signal.SIGWINCH)
    os.get_terminal_size = older
    terminal_is(36, 100)
sys.exit(run_dashboard(s.FakeFeed(s.flat()), on_ready=ready))
"""

RESIZED_AT_THE_START = """
import signal, sys, termios
from tests.tui import snapshots as s
from tui import driver
from tui.app import run_dashboard
begin = driver.SafeDriver.start_application_mode
def begin_and_resize(self):
    begin(self)
    termios.tcsetwinsize(driver._terminal[-1].fileno(), (20, 60))
    signal.raise_signal(signal.SIGWINCH)
driver.SafeDriver.start_application_mode = begin_and_resize
sys.exit(run_dashboard(s.FakeFeed(s.flat())))
"""


class Terminal:
    """The outside of a pseudo terminal with the dashboard in it."""

    def __init__(self, process: subprocess.Popen[bytes], outside: int) -> None:
        self.process, self.outside, self.seen = process, outside, b""

    def read_until(self, wanted: bytes, limit_s: float = 20) -> None:
        until_s = time.monotonic() + limit_s
        while wanted not in self.seen:
            ready, _, _ = select.select([self.outside], [], [], max(0, until_s - time.monotonic()))
            assert ready, f"{wanted!r} did not come"
            self.seen += os.read(self.outside, 65536)

    def drain(self) -> None:
        while select.select([self.outside], [], [], 5)[0]:
            try:
                data = os.read(self.outside, 65536)
            except OSError:
                return
            if not data:
                return
            self.seen += data


@contextmanager
def terminal(stdin: int | None = None, program: str = PROGRAM) -> Iterator[Terminal]:
    outside, inside = pty.openpty()
    termios.tcsetwinsize(inside, (36, 120))
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    env.pop("TEXTUAL_DRIVER", None)
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=inside if stdin is None else stdin,
        stdout=inside,
        stderr=inside,
        env=env,
    )
    os.close(inside)
    try:
        yield Terminal(process, outside)
    finally:
        process.kill()
        process.wait()


def test_quit_restores_the_terminal_and_stray_output_never_shows() -> None:
    with terminal() as tty:
        tty.read_until(b"Nothing needs you")
        os.write(tty.outside, b"q")
        tty.drain()
        assert tty.process.wait(10) == 0
        assert b"\x1b[?1049l" in tty.seen
        assert b"STRAY" not in tty.seen
        os.close(tty.outside)


def test_closed_terminal_ends_the_dashboard_soon_with_its_code() -> None:
    with terminal() as tty:
        tty.read_until(b"Nothing needs you")
        os.close(tty.outside)
        assert tty.process.wait(10) == EXIT_TERMINAL_LOST


def test_hang_up_with_sigcont_ends_too() -> None:
    with terminal() as tty:
        tty.read_until(b"Nothing needs you")
        tty.process.send_signal(signal.SIGCONT)
        os.close(tty.outside)
        tty.process.send_signal(signal.SIGCONT)
        assert tty.process.wait(10) == EXIT_TERMINAL_LOST


def test_sigcont_without_a_suspension_changes_nothing() -> None:
    with terminal() as tty:
        tty.read_until(b"Nothing needs you")
        tty.process.send_signal(signal.SIGCONT)
        os.write(tty.outside, b"q")
        tty.drain()
        assert tty.process.wait(10) == 0
        assert tty.seen.count(b"\x1b[?1049h") == 1
        os.close(tty.outside)


@pytest.mark.parametrize("program", [RESIZED_WHILE_READING, RESIZED_AT_THE_START], ids=["read", "the start"])
def test_size_that_changes_during_that_is_the_one_that_is_drawn(program: str) -> None:
    with terminal(program=program) as tty:
        tty.read_until(b"Terminal too small: 60x20")
        os.close(tty.outside)


def test_end_of_input_ends_the_dashboard_soon_with_its_code() -> None:
    reading, writing = os.pipe()
    with terminal(stdin=reading) as tty:
        os.close(reading)
        tty.read_until(b"Nothing needs you")
        os.close(writing)
        tty.drain()
        assert tty.process.wait(10) == EXIT_TERMINAL_LOST
        os.close(tty.outside)


class Gone(io.StringIO):
    """A terminal that is gone."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")


def test_write_to_a_lost_terminal_is_dropped_and_told_once() -> None:
    told: list[bool] = []
    file = GuardedFile(Gone(), lambda: told.append(True))
    assert [file.write("abc"), file.write("de")] == [3, 2]
    file.flush()
    assert told == [True]


def test_flush_of_a_lost_terminal_is_told() -> None:
    told: list[bool] = []
    GuardedFile(Gone(), lambda: told.append(True)).flush()
    assert told == [True]
