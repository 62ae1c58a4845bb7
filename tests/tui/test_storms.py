"""The dashboard in a real pseudo terminal that changes its size all the time, and into which garbage is pasted.

The screen that is left is compared with the stored one, so nothing may be missing or left over; and nothing may have been
sent to the engine. Nothing waits for a time, only for what is to be seen.
"""

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from bench.terminal import IN_A_TERMINAL
from tests.tui.emulator import Emulator
from tests.tui.harness import LARGE, SMALL, STORED, WIDE

ROOT = Path(__file__).parents[2]
PATIENCE_S, AGAIN_S = 60.0, 1.0
"For what takes a moment on an idle machine; and when a key that came too early for a dialog is pressed again."
PROGRAM = """
import json, sys
from dataclasses import dataclass
from pathlib import Path
from tests.tui import snapshots as s
from tui.app import run_dashboard
class Beating(s.FakeFeed):
    def snapshot(self):
        self.publish()
        return self.newest
feed = Beating(getattr(s, sys.argv[1])())
code = run_dashboard(feed)
Path(sys.argv[2]).write_text(json.dumps([type(event).__name__ for event in feed.sent]))
sys.exit(code)
"""
BEGINS, ENDS = b"\x1b[200~", b"\x1b[201~"
F12 = b"\x1b[24~"


class Window:
    """A terminal's window with the dashboard of a stored snapshot in it."""

    def __init__(self, snapshot: str, said: Path, size: tuple[int, int]) -> None:
        self.outside, self._inside = pty.openpty()
        self.emulator, self.raw = Emulator(size[1], size[0]), b""
        termios.tcsetwinsize(self.outside, (size[1], size[0]))
        env = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEXTUAL", "COLUMNS", "LINES"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", IN_A_TERMINAL, sys.executable, "-c", PROGRAM, snapshot, str(said)],
            cwd=ROOT, stdin=self._inside, stdout=self._inside, stderr=self._inside,
            env=env | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )  # fmt: skip
        os.set_blocking(self.outside, False)

    def resize(self, size: tuple[int, int]) -> None:
        self.take(0)
        self.emulator.resize(size[1], size[0])
        termios.tcsetwinsize(self.outside, (size[1], size[0]))

    def take(self, wait_s: float) -> None:
        """Draw what came."""
        while select.select([self.outside], [], [], wait_s)[0]:
            try:
                data = os.read(self.outside, 1 << 16)
            except OSError:  # the program has closed its end
                return
            self.raw = (self.raw + data)[-4000:]
            self.emulator.feed(data)
            wait_s = 0

    def send(self, data: bytes) -> None:
        """Type or paste all of it, while the program draws."""
        until_s = time.monotonic() + PATIENCE_S
        while data:
            assert time.monotonic() < until_s, "the program does not read"
            self.take(0)
            try:
                data = data[os.write(self.outside, data[:4096]) :]
            except BlockingIOError:
                self.take(0.05)

    def until(self, found: Callable[[], bool], press: bytes = b"") -> None:
        """Wait until something is so, pressing a key now and then."""
        until_s, due_s = time.monotonic() + PATIENCE_S, 0.0
        while not found():
            assert time.monotonic() < until_s, "\n".join(self.emulator.lines)
            assert self.process.poll() is None or not press or found()
            if press and time.monotonic() >= due_s:
                due_s = time.monotonic() + AGAIN_S
                self.send(press)
            self.take(0.05)

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.emulator.lines)

    def is_as_stored(self, name: str) -> bool:
        """Wherever the cursor is."""
        stored = (STORED / f"{name}.txt").read_text(encoding="utf-8")
        return [line.replace("›", " ") for line in self.emulator.lines] == stored.replace("›", " ").splitlines()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.outside)
        os.close(self._inside)


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said.json"


@pytest.fixture
def window(said: Path, request: pytest.FixtureRequest) -> Iterator[Window]:
    made = Window(request.param, said, WIDE)
    try:
        made.until(lambda: made.shows("ARMED"))
        yield made
    finally:
        made.close()


def quit_and_see(window: Window, said: Path) -> list[str]:
    """Quit as people do; what was sent to the engine meanwhile."""
    window.until(lambda: window.shows("QUIT"), b"q")
    window.until(said.exists, b"y")
    window.until(lambda: window.process.poll() is not None)
    assert window.process.returncode == 0
    window.take(0.05)
    assert b"\x1b[?1049l" in window.raw and b"\x1b[?2004l" in window.raw
    settings = termios.tcgetattr(window.outside)
    assert settings[3] & termios.ECHO and settings[3] & termios.ICANON
    sent: list[str] = json.loads(said.read_text())
    return sent


SIDES = (1, 2, 5, 20, 23, 24, 36, 60, 79, 80, 120, 200, 400)


@pytest.mark.parametrize("window", ["condor"], indirect=True)
def test_storm_of_sizes_leaves_the_picture_of_the_last_one(window: Window, said: Path) -> None:
    rng = Random(1)
    for page in ("condor", "page-help"):
        window.until(lambda page=page: window.shows("HELP") == (page == "page-help"), b"?" if page != "condor" else b"")  # type: ignore[misc]
        for width, height in (WIDE, SMALL, LARGE):
            for _ in range(40):
                window.resize((rng.choice(SIDES), rng.choice(SIDES)))
                window.take(rng.choice((0, 0.01)))
            window.resize((width, height))
            window.until(lambda name=f"{page}-{width}x{height}": window.is_as_stored(name))  # type: ignore[misc]
    window.until(lambda: window.is_as_stored("condor-200x60"), b"\x1b")
    assert quit_and_see(window, said) == []


def garbage(rng: Random, size: int) -> bytes:
    """What no key may be found in: dangerous keys and words, controls, sequences of all kinds, and no text at all."""
    parts = (
        b"f\rFLATTEN\r", b"mLIVE\r", b" ", b"y\r", b"2", F12 + b"2", F12 + b"1", b"x\rRESET\r", b"q", b"\x11y", b"\x10\r",
        b"l\r\r10m\ry", b"\x1b", b"\x1b[48;1;1;1;1t", b"\x1b[<0;5;5M", b"\x1b[I", b"\x1b]0;title", b"\x1b[2J", b"\x1bP",
        b"\r\n", b"\x00\x07\x08\x0e\x7f", b"\xff\xfe", "\u202e१२३💥".encode(), b"[red]", BEGINS, bytes(range(32)),
    )  # fmt: skip
    made = b"FLATTEN\r\n\x1bf\rFLATTEN\r" + b" " * 30 + b"\r"
    while len(made) < size:
        made += rng.choice(parts)
    return made.replace(ENDS, b"")


@pytest.mark.parametrize("window", ["live"], indirect=True)
def test_garbage_that_is_pasted_is_no_key_wherever_it_is_pasted(window: Window, said: Path) -> None:
    rng, stored = Random(2), "live-120x36"
    window.until(lambda: window.is_as_stored(stored))
    window.send(BEGINS + garbage(rng, 100_000) + ENDS)
    for keys, found in (
        (b"?", "Keys"),
        (b"f", "FLATTEN"),
        (F12, "KILL SWITCH"),
        (b"m", "SWITCH TO PAPER"),
        (b"/", "esc clears it"),
    ):
        window.until(lambda found=found: window.shows(found), keys)  # type: ignore[misc]
        if keys == b"f":
            window.until(lambda: window.shows("type FLATTEN and press enter"), b"\r")
        window.send(BEGINS + garbage(rng, 100_000) + ENDS)
        if keys == b"/":
            window.until(lambda: window.shows("filter 'FLATTEN': 0"))  # the first line of it is typed
        window.until(lambda: window.is_as_stored(stored), b"\x1b")
    assert quit_and_see(window, said) == []


@pytest.mark.parametrize("window", ["live"], indirect=True)
def test_what_the_terminal_answers_types_nothing(window: Window, said: Path) -> None:
    window.until(lambda: window.is_as_stored("live-120x36"))
    answers = (
        b"\x1b]11;rgb:f/c/?\x07",
        b"\x1bP>|f\rFLATTEN\r\x1b\\",
        b"\x1b[?64;1;22c",
        b"\x1b[>41;388;0c",
        b"\x1b[0n",
    )
    for _ in range(20):
        window.send(b"".join(answers))
    window.until(lambda: window.shows("KILL SWITCH"), F12)  # what came before it has been heard
    window.until(lambda: window.is_as_stored("live-120x36"), b"\x1b")
    window.send(b"".join(answers))
    window.until(lambda: window.shows("HELP"), b"?")  # and no other dialog is on the screen
    window.until(lambda: window.is_as_stored("live-120x36"), b"\x1b")
    assert quit_and_see(window, said) == []


@pytest.mark.parametrize("window", ["condor"], indirect=True)
def test_noise_on_the_line_sends_nothing(window: Window, said: Path) -> None:
    rng = Random(3)
    keys = b"\t\r\n\x10\x11"  # of those that are keys, what moves on, chooses, and quits
    controls = bytes(byte for byte in range(32) if byte not in keys)
    parts = (
        controls,
        b"\x1b[99;99;99z",
        b"\x1b[?1;2c",
        b"\x1b[999~",
        b"\x80\xff\xc3",
        b"\x1b]11;rgb:0/0/0\x07",
        b"\x1b[0n",
    )
    for _ in range(50):
        window.send(b"".join(rng.choice(parts) for _ in range(20)))
    window.until(lambda: window.shows("KILL SWITCH"), F12)  # heard whatever the noise has opened
    window.until(lambda: window.is_as_stored("condor-120x36"), b"\x1b")
    assert quit_and_see(window, said) == []
