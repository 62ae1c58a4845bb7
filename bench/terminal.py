"""A program in a pseudo terminal of its own, as measurements, soaks and tests of the dashboard need it. POSIX only."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

RUNNER: Final = Path(__file__).resolve().parents[1] / "runner.py"
SIZE: Final = (36, 120)
"""Rows and columns."""
READ_BYTES: Final = 1 << 16
TAIL_BYTES: Final = 4000
END_S: Final = 15.0
HANG_UP_S: Final = 60.0
IN_A_TERMINAL: Final = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal the program's own: sizes reach it as signals, and it hangs up when it is closed."""


def runner(*arguments: str) -> list[str]:
    """The command that starts Lockstep."""
    return [sys.executable, str(RUNNER), *arguments]


class Terminal:
    """Runs a command in a terminal and reads what it draws.

    Args:
        command: The program's path and its arguments.
        cwd: Its working directory.
        pass_fds: Descriptors that it inherits.
    """

    def __init__(self, command: Sequence[str], cwd: Path, pass_fds: Sequence[int] = ()) -> None:
        self._outside, inside = pty.openpty()
        self._is_open = True
        termios.tcsetwinsize(inside, SIZE)
        self.started_s = self.drew_s = time.monotonic()
        self.drawn = 0
        "Bytes so far."
        self.tail = b""
        "The last of them."
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", IN_A_TERMINAL, *command],
            cwd=cwd,
            env=_environment(),
            stdin=inside,
            stdout=inside,
            stderr=inside,
            pass_fds=pass_fds,
        )
        os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
        self.close()

    # What it draws

    def read(self, timeout_s: float) -> bytes:
        """What comes within the time, b"" when nothing does or the program has gone."""
        if not select.select([self._outside], [], [], timeout_s)[0]:
            return b""
        try:
            found = os.read(self._outside, READ_BYTES)
        except OSError:
            return b""
        self.drawn += len(found)
        self.tail = (self.tail + found)[-TAIL_BYTES:]
        self.drew_s = time.monotonic()
        return found

    def take(self, for_s: float) -> int:
        """Read for so long, unless the program goes before.

        Returns:
            How many bytes were drawn.
        """
        before, until_s = self.drawn, time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            if not self.read(left_s) and self.process.poll() is not None:
                break
        return self.drawn - before

    def wait_for(self, text: bytes, timeout_s: float) -> float:
        """Seconds since the start until `text` was drawn.

        Raises:
            TimeoutError: It was not.
        """
        seen = b""
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > 0 and self.process.poll() is None:
            seen += self.read(left_s)
            if text in seen:
                return time.monotonic() - self.started_s
        raise TimeoutError(f"{text!r} was not drawn; the last was {seen[-400:]!r}")

    # What is done to it

    def key_s(self, key: bytes, quiet_s: float = 0.02, timeout_s: float = 2.0) -> float:
        """Seconds from a key to the first thing drawn after it, the terminal having been quiet before."""
        while self.read(quiet_s):
            pass
        pressed_s = time.monotonic()
        os.write(self._outside, key)
        if not self.read(timeout_s):
            raise TimeoutError(f"the key {key!r} drew nothing")
        return time.monotonic() - pressed_s

    def send(self, data: bytes) -> None:
        """Type; what the program does not take is dropped, as by a terminal whose buffer is full."""
        os.set_blocking(self._outside, False)
        try:
            os.write(self._outside, data)
        except OSError:
            return
        finally:
            os.set_blocking(self._outside, True)

    def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal other rows and columns."""
        termios.tcsetwinsize(self._outside, size)

    def close(self) -> None:
        """Close the terminal's window."""
        if self._is_open:
            self._is_open = False
            os.close(self._outside)

    # Its process

    def cost(self) -> tuple[int, float]:
        """Resident memory in MB, and seconds of a processor so far. Linux only.

        Raises:
            OSError: It has gone.
        """
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks, pages = int(fields[11]) + int(fields[12]), int(fields[21])
        return pages * os.sysconf("SC_PAGE_SIZE") // 2**20, ticks / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End the process, in an orderly way where it listens."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        until_s = time.monotonic() + END_S
        while self.process.poll() is None and time.monotonic() < until_s:
            self.read(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def hang_up(self) -> int:
        """The window is closed and the process told to end; its exit code.

        Raises:
            subprocess.TimeoutExpired: It goes on.
        """
        self.process.send_signal(signal.SIGTERM)
        self.close()
        return self.process.wait(HANG_UP_S)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEXTUAL", "COLUMNS", "LINES"))}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
