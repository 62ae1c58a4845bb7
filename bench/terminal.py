"""A process in a pseudo terminal of 120x36, as the measurements of the dashboard need it. POSIX only."""

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from types import TracebackType
from typing import Self

COLUMNS, ROWS = 120, 36
READ_BYTES = 1 << 16
END_S = 15.0


class Terminal:
    """Runs a command in a terminal of its own and reads what it draws.

    Args:
        command: Program and arguments; Python's own when the first is "python".
        cwd: Its working directory.
        pass_fds: Descriptors that it inherits.
    """

    def __init__(self, command: Sequence[str], cwd: Path, pass_fds: Sequence[int] = ()) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        arguments = [sys.executable if part == "python" else part for part in command]
        self.started_s = time.perf_counter()
        self.process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=_environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
        os.close(self.master)

    def end(self) -> None:
        """End the process, in an orderly way where it listens."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        deadline_s = time.perf_counter() + END_S
        while self.process.poll() is None and time.perf_counter() < deadline_s:
            self.read(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def read(self, timeout_s: float) -> bytes:
        """What comes within the time, b"" when nothing does."""
        ready, _, _ = select.select([self.master], [], [], timeout_s)
        if not ready:
            return b""
        try:
            return os.read(self.master, READ_BYTES)
        except OSError:
            return b""  # the process has closed its end

    def drain(self, for_s: float) -> None:
        """Read and forget."""
        until_s = time.perf_counter() + for_s
        while (left_s := until_s - time.perf_counter()) > 0:
            self.read(left_s)

    def wait_for(self, text: bytes, timeout_s: float) -> float:
        """Seconds since the start until `text` was drawn.

        Raises:
            TimeoutError: It was not.
        """
        seen = b""
        until_s = time.perf_counter() + timeout_s
        while (left_s := until_s - time.perf_counter()) > 0 and self.process.poll() is None:
            seen += self.read(left_s)
            if text in seen:
                return time.perf_counter() - self.started_s
        raise TimeoutError(f"{text!r} was not drawn; the last was {seen[-400:]!r}")

    def key_s(self, key: bytes, quiet_s: float = 0.02, timeout_s: float = 2.0) -> float:
        """Seconds from a key to the first thing drawn after it, the terminal having been quiet before."""
        while self.read(quiet_s):
            pass
        pressed_s = time.perf_counter()
        os.write(self.master, key)
        if not self.read(timeout_s):
            raise TimeoutError(f"the key {key!r} drew nothing")
        return time.perf_counter() - pressed_s


def _environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTUAL")}
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
