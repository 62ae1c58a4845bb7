"""The dashboard as an app: bindings, themes, palette, and the timer that pulls the newest snapshot. Decides nothing.

Imports only what the first paint needs. The engine is never called back and never waited for.
"""

import asyncio
import os
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual._styles_cache import StylesCache
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import ThemeProvider

from config.schema import Settings
from tui.bridge import AccountDesk, EngineFeed, History
from tui.driver import SafeDriver, quiet_standard_streams
from tui.frame import Frame
from tui.looking import Looking
from tui.memory import Memory
from tui.palette import Palette
from tui.screens.dialog import Dialog
from tui.screens.overview import Overview
from tui.theme import DARK, DEFAULTS, LIGHT_DEFAULTS, THEMES

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_TERMINAL_LOST = 129
"As a shell reports SIGHUP: the dashboard is gone, the engine need not be."
HZ = 8


class LockstepApp(Looking):
    """The dashboard.

    Args:
        feed: The engine.
        hz: Looks at the feed so many times a second.
        arm_s: For so long a new question ignores keys (type-ahead).
        desk: Doctor and logins, `None` where every account is on paper.
        memory: What the user wants of the screen; by default forgotten at the end.
        settings: What the session was started with; `None` has nothing to show.
        history: Reads the journal; `None` where there is none.
    """

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "Lockstep"
    ENABLE_COMMAND_PALETTE = True
    clear_cache_s: ClassVar[float] = 60
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "help", tooltip="This help"),
        Binding("c", "confirm", "confirm", tooltip="Answer the prompts that wait"),
        Binding("space", "pause", "pause/resume", tooltip="Pause entries at once; resume after a question"),
        Binding("f12", "kill", "KILL", tooltip="Kill switch, in every dialog too", priority=True),
        Binding("f", "flatten", "flatten", tooltip="Exit everything of all children or of one (typed)"),
        Binding(
            "l", "ticket", "lots by hand", tooltip="Order ticket: more or fewer lots of a leg, for one child or all"
        ),
        Binding("r", "resync", "resync", tooltip="Resync a child: offer missing entries, send due exits"),
        Binding("u", "hasten", "unknown exits", tooltip="Send unknown exits again before their time (typed)"),
        Binding("j", "join", "join", tooltip="Let a left-out child join the running strategy"),
        Binding("k", "cap", "max capital", tooltip="Set a child's capital cap (typed)"),
        Binding("o", "adopt", "adopt", tooltip="Follow a background leg of the master from now on"),
        Binding("t", "terms", "new terms", tooltip="Map a leg whose instrument changed over night (typed)"),
        Binding("m", "mode", "paper/live", tooltip="Switch between PAPER and LIVE (typed)"),
        Binding(
            "x", "reset", "reset", tooltip="Reset the strategy: ratios cleared, what is open becomes exit-only (typed)"
        ),
        Binding("1", "panel('matrix')", "legs", tooltip="Legs as full screen; again or esc goes back"),
        Binding("2", "panel('copies')", "copies", tooltip="Copies as full screen"),
        Binding("3", "panel('needs')", "needs you", tooltip="What needs you, as full screen"),
        Binding("4", "panel('events')", "events", tooltip="Events as full screen"),
        Binding("5", "panel('orders')", "orders", tooltip="Working orders"),
        Binding("6", "panel('accounts')", "accounts", tooltip="All children"),
        Binding("7", "panel('day')", "day", tooltip="The day: results and latencies drawn, what the copies cost"),
        Binding("i", "settings", "settings", tooltip="The session's settings, what they mean and when a change holds"),
        Binding("v", "viewer", "viewer", tooltip="The address at which a browser on this machine may look on"),
        Binding("a", "doctor", "accounts", tooltip="Check every account at its broker, and log one in"),
        Binding("d", "dense", "dense", tooltip="Dense matrix: one mark a child"),
        Binding("b", "ring", "bell", tooltip="Ring the terminal's bell at alarms, drifts and prompts, or no longer"),
        Binding(
            "n", "notes", "notes", tooltip="Notes over the screen of fills, refusals, drifts and alarms, or no longer"
        ),
        Binding("y", "copy", "copy", tooltip="Copy the panel's table to the clipboard, for a spreadsheet"),
        Binding("e", "export", "export", tooltip="Write the panel's table to a CSV file below exports/"),
        Binding("slash", "filter", "filter", tooltip="Filter the panel that fills the screen, else the events"),
        Binding("s", "sort", "sort", tooltip="Another order of the panel's rows"),
        Binding("g", "child", "go to child", tooltip="Find a child by name, state or reason, and see all of it"),
        Binding("ctrl+p", "command_palette", "commands", tooltip="All commands by name", priority=True),
        Binding("q", "quit", "quit", tooltip="Quit; asks when something is open, and in LIVE"),
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        feed: EngineFeed,
        *,
        hz: int = HZ,
        arm_s: float = 0.6,
        desk: AccountDesk | None = None,
        memory: Memory | None = None,
        settings: Settings | None = None,
        history: History | None = None,
    ) -> None:
        super().__init__(feed, arm_s=arm_s, desk=desk, memory=memory, settings=settings, history=history)
        if "TEXTUAL_DRIVER" not in os.environ:
            self.driver_class = SafeDriver
        self.hz = hz
        self.error_text = ""
        "What went wrong, after an exit with EXIT_FAILED. Never holds values of variables."
        self.on_ready: Callable[[], None] | None = None
        self._seen: int | None = None
        self._quiet_ticks = 0
        self._until_clock = 0
        self._asked_to_exit: int | None = None
        self._main_loop: asyncio.AbstractEventLoop | None = None
        for theme in THEMES:
            self.register_theme(theme)
        if "TEXTUAL_THEME" not in os.environ:
            remembered = self.memory.habits.theme
            self.theme = remembered if remembered in self.available_themes else DARK

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DEFAULTS if self.current_theme.dark else LIGHT_DEFAULTS

    def get_default_screen(self) -> Screen[None]:
        return Overview(self.memory.habits)

    def on_mount(self) -> None:
        """Start looking at the feed."""
        self._main_loop = asyncio.get_running_loop()
        if self._asked_to_exit is not None:
            self.call_after_refresh(self.exit, self._asked_to_exit)
            return
        self.theme_changed_signal.subscribe(self, lambda theme: self.remember(theme=theme.name))
        self.set_interval(1 / self.hz, self.tick)
        self.set_interval(self.clear_cache_s, self.clear_styles_cache)
        self.call_after_refresh(self.first_paint)

    def clear_styles_cache(self) -> None:
        """Textual issue 6665: the cache keeps dead widgets alive."""
        StylesCache.get_inner_outer.cache_clear()

    def first_paint(self) -> None:
        """The screen stands."""
        self.pull()
        if self.on_ready is not None:
            self.on_ready()

    # Drawing ----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What the timer does `hz` times a second."""
        self.pull()

    def pull(self) -> None:
        """Take the newest snapshot. Draws when it is new, and once a second for clock and ages."""
        snapshot = self.feed.snapshot()
        if snapshot is None or not self.is_running:  # a last tick may come while the screens are taken down
            return
        new = snapshot.seq != self._seen
        self._quiet_ticks = 0 if new else self._quiet_ticks + 1
        self._until_clock -= 1
        if not new and self._until_clock > 0:
            return
        self._seen, self._until_clock = snapshot.seq, self.hz
        self.answers.forget_gone(snapshot)
        quiet_s, unseen = self._quiet_ticks / self.hz, self.unseen_prompts(snapshot)
        self.frame = Frame(snapshot=snapshot, now_ns=self.feed.now_ns(), quiet_s=quiet_s, unseen=unseen)
        self.draw(self.frame)
        self.tell_news(self._news.look(snapshot))
        self.offer_restart()
        self.offer_prompts()

    def draw(self, frame: Frame) -> None:
        """Give the frame to every open screen; a dialog may see by it that it is not needed any more."""
        before = len(self.screen_stack)
        for screen in self.screen_stack:
            screen.set_class(frame.live, "-live")
            if isinstance(screen, Dialog):
                screen.look(frame)
            elif isinstance(screen, Overview) and screen.is_mounted:
                screen.show_frame(frame)
        if len(self.screen_stack) < before:
            self.ignore_keys()

    # Palette ----------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key's action by name, and the theme."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.tooltip and binding.action != "command_palette":
                yield SystemCommand(binding.description, binding.tooltip, self.runner(binding.action))
        yield SystemCommand(
            "theme", "Change the colours (one theme is safe for colour blindness)", self.action_change_theme
        )
        yield SystemCommand(
            "screenshot",
            "Write a picture of the screen (SVG) below exports/",
            lambda: self.call_after_refresh(self.action_picture),  # the palette is off the screen then
        )

    def runner(self, action: str) -> Callable[[], None]:
        """Runs an action once the palette is closed."""

        def run() -> None:
            self.call_later(self.run_action, action)

        return run

    def action_command_palette(self) -> None:
        """Only from the overview: in a dialog its answer comes first."""
        if len(self.screen_stack) == 1:
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """The themes by name."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    # Leaving ----------------------------------------------------------------------------------------------------

    def request_exit(self, code: int = EXIT_OK) -> None:
        """Leave soon. Callable from every thread and signal handler's thread; never blocks."""
        self._asked_to_exit = code
        loop = self._main_loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._leave, code)
            except RuntimeError:
                return  # the loop is closed: it has left already

    def _leave(self, code: int) -> None:
        """Leave, unless it is left already: the first reason counts."""
        if not self._exit:
            self.exit(code)

    def terminal_lost(self) -> None:
        """The driver found the terminal gone."""
        self.request_exit(EXIT_TERMINAL_LOST)

    def _handle_exception(self, error: Exception) -> None:
        """End the dashboard with the error's text. Textual would print local variables, tokens among them."""
        self._return_code = EXIT_FAILED
        if self._exception is None:
            self.error_text = "".join(traceback.format_exception(error))
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()


def run_dashboard(
    feed: EngineFeed,
    *,
    mouse: bool = True,
    on_ready: Callable[[], None] | None = None,
    app: LockstepApp | None = None,
    on_error: Callable[[str], None] | None = None,
) -> int:
    """Run the dashboard until it is left. The engine is neither started nor stopped here.

    Args:
        feed: The engine.
        mouse: Whether the terminal reports the mouse (then selecting text needs shift).
        on_ready: Called once, when the first picture is drawn.
        app: Made by the caller when it wants to call `request_exit`; a new one otherwise.
        on_error: Gets the traceback's text when the dashboard fails.

    Returns:
        EXIT_OK, the code given to `request_exit`, EXIT_TERMINAL_LOST, or EXIT_FAILED.
    """
    dashboard = LockstepApp(feed) if app is None else app
    dashboard.on_ready = on_ready
    with quiet_standard_streams():
        code = dashboard.run(mouse=mouse)
    if dashboard.error_text:
        if on_error is not None:
            on_error(dashboard.error_text)
        return EXIT_FAILED
    return EXIT_OK if code is None else code
