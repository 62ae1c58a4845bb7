"""A terminal driver that survives a terminal that is gone, and keeps stray output off the screen while the app runs.

Stock Textual 8.2.8 enters application mode twice when SIGCONT comes with a hang-up, loses its writer thread to EIO and
then blocks the event loop, spins at end of input (facts: 87-120 % of a core), finds keys in pastes (`tui.pastes`)
and in what the terminal answers (`tui.replies`), and may keep an older window size.
Private names of the driver are used here and nowhere else; the Textual version is pinned.
"""

import asyncio
import os
import selectors
import signal
import sys
import termios
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Protocol, runtime_checkable

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Paste, Resize
from textual.geometry import Size

from tui.pastes import Pasted, Pastes
from tui.replies import Replies

RESTORE = (
    b"\x1b[<u\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?1049l\x1b[?25h\x1b[0m"
)
"Leaves everything that the driver may have switched on."

SIZE_AGAIN_S = 0.1
"So long after the beginning the size is read once more."

_terminal: list[IO[str]] = []
"The terminal behind the standard streams while they are redirected."


@runtime_checkable
class LosesTerminal(Protocol):
    """An app that wants to know that its terminal is gone."""

    def terminal_lost(self) -> None:
        """Called from a foreign thread, perhaps more than once."""
        ...


class GuardedFile:
    """The terminal as a file that swallows every write after the first that fails."""

    def __init__(self, file: IO[str], on_lost: Callable[[], None]) -> None:
        self._file, self._on_lost = file, on_lost
        self.lost = False

    def write(self, text: str) -> int:
        """Write, or drop when the terminal is gone."""
        if not self.lost:
            try:
                return self._file.write(text)
            except (OSError, ValueError):
                self._lose()
        return len(text)

    def flush(self) -> None:
        """Flush, or do nothing when the terminal is gone."""
        if not self.lost:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self._lose()

    def fileno(self) -> int:
        """The terminal's file number."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """It stands for a terminal."""
        return True

    def _lose(self) -> None:
        self.lost = True
        self._on_lost()


class SafeDriver(LinuxDriver):
    """The Linux driver with guarded output, an input thread that ends at end of input, and a tame SIGCONT."""

    def __init__(
        self, app: object, *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)  # type: ignore[arg-type]  # it is the app
        terminal = _terminal[-1] if _terminal else sys.__stderr__
        if terminal is None:
            raise OSError("there is no terminal")
        self._terminal_number = terminal.fileno()
        self._file = GuardedFile(terminal, self.tell_lost)  # type: ignore[assignment]  # all that the writer thread uses

    def tell_lost(self) -> None:
        """Tell the app, from whichever thread noticed it."""
        if isinstance(self._app, LosesTerminal):
            self._app.terminal_lost()

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            width, height = os.get_terminal_size(self._terminal_number)
        except (OSError, ValueError):
            return super()._get_terminal_size()
        return width or 80, height or 24

    def start_application_mode(self) -> None:
        """Begin, and from now on read the terminal's size in the event loop.

        Stock Textual reads it in the signal handler; one that is interrupted by the next tells its older size last.
        """
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's
        loop = asyncio.get_running_loop()

        def on_resize(*_: object) -> None:
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._tell_size)

        signal.signal(signal.SIGWINCH, on_resize)
        loop.call_later(SIZE_AGAIN_S, self._tell_size)  # stock Textual tells meanwhile what it read before

    def _tell_size(self) -> None:
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(Resize(size, size))

    def _sigcont_application(self, *_: object) -> None:
        """Come back only from a real suspension: a hang-up sends SIGCONT too."""
        if self._must_signal_resume:
            super()._sigcont_application()

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except (OSError, EOFError, ValueError):
            self.tell_lost()

    def run_input_thread(self) -> None:
        """Read keys until told to stop. Raises `EOFError` or `OSError` when the terminal is gone."""
        parser, pastes, replies = XTermParser(self._debug), Pastes(), Replies()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(pastes.wait_s):
                    data = os.read(self.fileno, 4096)
                    if not data:
                        raise EOFError
                    came = [*_without(replies, pastes.feed(decode(data)))]
                else:
                    came = [*_without(replies, pastes.wait()), replies.wait()]
                for part in (part for part in came if part):
                    for event in [Paste(part.text)] if isinstance(part, Pasted) else parser.feed(part):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)


def _without(replies: Replies, came: Iterable[str | Pasted]) -> Iterator[str | Pasted]:
    """What came, without the terminal's answers in what is typed."""
    for part in came:
        if isinstance(part, Pasted):
            replies.end()
            yield part
        else:
            yield replies.feed(part)


@contextmanager
def quiet_standard_streams() -> Iterator[None]:
    """Standard output and error go nowhere inside, also for child processes; the driver keeps the terminal.

    Whoever has something to say logs to a file: the streams' content may hold secrets of an SDK.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        _terminal.append(terminal)
        yield
    finally:
        _terminal.remove(terminal)
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
        for number in (*kept, nowhere):
            os.close(number)
        with suppress(OSError, ValueError):
            terminal.close()


def terminal_settings() -> list[object] | None:
    """The terminal's settings, to be given to `restore_terminal`; `None` when there is no terminal."""
    try:
        return list(termios.tcgetattr(0))
    except (termios.error, ValueError):
        return None


def restore_terminal(settings: list[object] | None) -> None:
    """Last resort before `os._exit`, from any thread: put the terminal back without waiting for it."""
    number = _terminal[-1].fileno() if _terminal else 2
    with suppress(OSError, ValueError):
        os.set_blocking(number, False)
        os.write(number, RESTORE)
    if settings is not None:
        with suppress(termios.error, ValueError):
            termios.tcsetattr(0, termios.TCSANOW, settings)  # type: ignore[arg-type]  # as tcgetattr gave it
