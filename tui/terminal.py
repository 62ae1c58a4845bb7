"""The terminal of a program that runs engines: dashboard or plain lines, signals, and the orderly end of both.

It outlives the engine of a session: after a switch of the mode the next one is shown in the same terminal. It knows
neither accounts nor files; what it writes and where is handed in.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from config.schema import OnTerminalLost, Settings
from engine import signals
from engine.aside import aside, later
from engine.commands import Severity
from engine.runtime import Runtime
from engine.snapshot import NoticeLine

if TYPE_CHECKING:
    from tui.app import LockstepApp
    from tui.bridge import AccountDesk, History
    from tui.viewer.server import Viewer

STOP_GRACE_S: Final = 12.0
"""How long an orderly end may take."""
EXIT_SWITCH: Final = -1
"""The dashboard's code when the engine has ended to begin anew in the other mode."""
DRAWN_MOST: Final = 3
"""A dashboard that failed is drawn anew; so often in all, since it may fail for good."""
DRAWN_ANEW: Final = "the dashboard failed and is drawn anew; the engine went on; the traceback is in the log"
NOT_DRAWN: Final = "the dashboard failed for good: the strategy is followed to its end unseen; Ctrl-C ends it before"
UNSEEN: Final = (
    "the terminal is gone: the strategy is followed to its end unseen; "
    "`python runner.py run --take-over` carries on in another terminal"
)


class Terminal:
    """Dashboard or headless lines, for one engine after the other.

    Args:
        headless: No dashboard: lines on `lines`.
        mouse: Whether the dashboard takes the mouse.
        lines: Where lines go.
        words: How a notice reads as a line.
        log: Takes each line for the log file.
        log_path: The log file, for messages.
        screen_path: Where the dashboard keeps what its user wants of it.
        port: Where the picture for a browser is served, 0 for a free port, `None` for nowhere.
    """

    def __init__(
        self,
        *,
        headless: bool,
        mouse: bool,
        lines: TextIO,
        words: Callable[[NoticeLine], str],
        log: Callable[[str], None],
        log_path: Path,
        screen_path: Path | None = None,
        port: int | None = None,
    ) -> None:
        self.headless, self._words = headless, words
        self._mouse, self._lines, self._log, self._log_path = mouse, lines, log, log_path
        self._screen_path = screen_path
        self._port = port
        self.reread: Callable[[], Settings] | None = None
        "Reads the configuration file again, for whoever has changed it meanwhile."
        self._viewer: Viewer | None = None
        self._runtime: Runtime | None = None
        self._app: LockstepApp | None = None
        self._settings: list[object] | None = None
        self._signal = 0
        self._hears = self._asks = self._hung_up = self._lost = False
        signals.hold_back()  # one that comes while a session opens waits for `run`

    @property
    def was_ended(self) -> bool:
        """Whether a signal asked for the end of the program."""
        return self._signal != 0

    @property
    def was_lost(self) -> bool:
        """Whether the terminal is gone: nobody can be asked any more."""
        return self._lost or self._hung_up

    def ask(self, question: Callable[[], bool]) -> bool:
        """A question between two engines; a signal that asks for the end is obeyed at once then."""
        self._asks = True
        try:
            return not self.was_ended and question()
        finally:
            self._asks = False

    def note(self, notice: NoticeLine) -> None:
        """One line for people: into the log, and onto the terminal where no dashboard is."""
        text = self._words(notice)
        self._log(text)
        if self.headless:
            with contextlib.suppress(OSError):  # a closed pipe costs lines, never the session
                print(text, file=self._lines, flush=True)

    def run(
        self,
        runtime: Runtime,
        settings: Settings,
        desk: AccountDesk | None = None,
        history: History | None = None,
    ) -> None:
        """Show a booted engine until it has ended, or the operator leaves; it is stopped in an orderly way then."""
        self._runtime = runtime
        if self.was_ended:  # while the engine was opened
            runtime.loop.stop()
        if not self._hears:
            self._hears = True
            signals.hear(self._signalled)
        self._serve(runtime)
        if self.headless:
            runtime.start()
            runtime.done.wait()
        else:
            self._dashboard(runtime, settings, desk, history)
        runtime.stop(STOP_GRACE_S)

    def _serve(self, runtime: Runtime) -> None:
        """Let browsers on this machine look at the engine; where it cannot be served, the engine runs without."""
        if self._port is None:
            return
        if self._viewer is None:
            from tui.viewer.server import Viewer

            try:
                self._viewer = Viewer(self._port)
            except OSError as error:
                self._port = None
                text = f"the viewer cannot listen: {error.strerror}; the engine runs without it"
                self.note(NoticeLine(number=0, at_ns=runtime.now_ns(), severity=Severity.WARNING, text=text))
                return
            if self.headless:  # with its key: for the terminal alone, never for the log
                print(f"viewer, read only: {self._viewer.url}", file=self._lines, flush=True)
        self._viewer.looker.watch(runtime)

    def _dashboard(
        self, runtime: Runtime, settings: Settings, desk: AccountDesk | None, history: History | None
    ) -> None:
        from tui.app import EXIT_FAILED, EXIT_TERMINAL_LOST, LockstepApp
        from tui.driver import terminal_settings
        from tui.memory import Memory

        self._settings = terminal_settings()
        runtime.start()
        memory = Memory(self._screen_path)
        code = EXIT_FAILED
        for drawn in range(1, DRAWN_MOST + 1):
            app = LockstepApp(runtime, desk=desk, memory=memory, settings=settings, history=history)
            app.reread = self.reread
            app.viewer_url = "" if self._viewer is None else self._viewer.url
            code = self._show(runtime, app)
            if code != EXIT_FAILED or runtime.done.is_set() or drawn == DRAWN_MOST:
                break
            self._warn(runtime, DRAWN_ANEW)
        self._lost = code == EXIT_TERMINAL_LOST
        if code == EXIT_FAILED:
            print(f"the dashboard failed; the traceback is in {self._log_path}", file=sys.stderr)
        if code in (EXIT_TERMINAL_LOST, EXIT_FAILED) and self._goes_on(runtime, settings.on_terminal_lost):
            self._warn(runtime, UNSEEN if self.was_lost else NOT_DRAWN)
            runtime.until_flat = True
            runtime.done.wait()

    def _show(self, runtime: Runtime, app: LockstepApp) -> int:
        """Run one dashboard to its end; its exit code."""
        from tui.app import run_dashboard

        self._app = app
        if heard := self._signal or (signal.SIGHUP if self._hung_up else 0):  # before it was there to be told
            app.request_exit(_exit_code(heard))
        aside("switch", partial(_leave_at_a_switch, runtime, app))
        code = run_dashboard(runtime, mouse=self._mouse, app=app, on_error=self._log)
        self._app = None
        return code

    def _warn(self, runtime: Runtime, text: str) -> None:
        self.note(NoticeLine(number=0, at_ns=runtime.now_ns(), severity=Severity.WARNING, text=text))

    def _goes_on(self, runtime: Runtime, on_lost: OnTerminalLost) -> bool:
        """Whether the engine outlives a lost terminal: a strategy is open and the configuration says so."""
        return on_lost is OnTerminalLost.CONTINUE and runtime.is_open and not self.was_ended

    def _signalled(self, number: int) -> None:
        """On the signal thread: an orderly end, and a last resort when something hangs.

        What was heard is written down before engine and dashboard are looked for: the other thread shows each of them
        first and looks for what was heard then, so that one of the two always sees the other.
        """
        hangs_up = number == signal.SIGHUP and not self.headless
        if hangs_up:  # never the engine's end: a dashboard may have found its terminal gone, and left, before this
            self._hung_up = True
        else:
            self._signal = number
        if self._asks:  # no engine runs, and nothing of one is unfinished
            os._exit(128 + number)
        app, runtime = self._app, self._runtime
        if runtime is not None and not hangs_up:
            runtime.loop.stop()
        if app is not None:
            app.request_exit(_exit_code(number))
        if not hangs_up:
            later(STOP_GRACE_S, partial(_last_resort, 128 + number, self._settings))


def _exit_code(number: int) -> int:
    """The dashboard's code for a signal, as shells report it: EXIT_TERMINAL_LOST for SIGHUP. Ctrl-C is a plain quit."""
    return 0 if number == signal.SIGINT else 128 + number


def _leave_at_a_switch(runtime: Runtime, app: LockstepApp) -> None:
    """End the dashboard when its engine has ended for the other mode; at any other end it stays to be read."""
    runtime.done.wait()
    if runtime.switches_to is not None:
        app.request_exit(EXIT_SWITCH)


def _last_resort(code: int, terminal: list[object] | None) -> None:
    """Something hangs beyond its time: leave the terminal usable and go."""
    if terminal is not None:
        from tui.driver import restore_terminal

        restore_terminal(terminal)
    os._exit(code)
