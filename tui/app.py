"""The dashboard as an app: bindings, themes, palette, and the timer that pulls the newest snapshot. Decides nothing.

Imports only what the first paint needs. The engine is never called back and never waited for.
"""

import asyncio
import contextlib
import os
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual._styles_cache import StylesCache
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen

from config.schema import Settings
from engine.commands import Severity
from tui import export
from tui import format as fmt
from tui.bridge import AccountDesk, EngineFeed, ReadTrail
from tui.driver import SafeDriver, quiet_standard_streams
from tui.frame import Frame
from tui.memory import Memory
from tui.news import New, News
from tui.restarts import Restarts
from tui.screens import ask_lines as say
from tui.screens import detail
from tui.screens.ask import Finder, Notice
from tui.screens.confirm import Confirm
from tui.screens.copy_page import CopyPage
from tui.screens.dialog import Body, Dialog
from tui.screens.help import help_lines
from tui.screens.overview import PANELS, Overview
from tui.screens.settings_lines import settings_lines
from tui.text import clean
from tui.theme import DARK, DEFAULTS, LIGHT_DEFAULTS, THEMES
from tui.widgets.live_table import LiveTable
from tui.widgets.panel import Panel

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_TERMINAL_LOST = 129
"As a shell reports SIGHUP: the dashboard is gone, the engine need not be."
HZ = 8
EXPORTS = Path("exports")
LEVELS: dict[Severity, SeverityLevel] = {
    Severity.INFO: "information",
    Severity.WARNING: "warning",
    Severity.ALARM: "error",
}
"""How a note looks."""


class LockstepApp(Restarts):
    """The dashboard.

    Args:
        feed: The engine.
        hz: Looks at the feed so many times a second.
        arm_s: For so long a new question ignores keys (type-ahead).
        desk: Doctor and logins, `None` where every account is on paper.
        memory: What the user wants of the screen; by default forgotten at the end.
        settings: What the session was started with; `None` has nothing to show.
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
        Binding("b", "ring", "bell", tooltip="Ring the terminal's bell at alarms and prompts, or no longer"),
        Binding("n", "notes", "notes", tooltip="Notes over the screen of fills, refusals and alarms, or no longer"),
        Binding("y", "copy", "copy", tooltip="Copy the panel's table to the clipboard, for a spreadsheet"),
        Binding("e", "export", "export", tooltip="Write the panel's table to a CSV file below exports/"),
        Binding("slash", "filter", "filter", tooltip="Filter the panel that fills the screen, else the events"),
        Binding("s", "sort", "sort", tooltip="Another order of the panel's rows: copies, orders, accounts"),
        Binding("g", "child", "go to child", tooltip="Find a child by name, state or reason, and see all of it"),
        Binding("ctrl+p", "command_palette", "commands", tooltip="All commands by name", priority=True),
        Binding("q", "quit", "quit", tooltip="Quit; asks when something is open"),
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
        trail: ReadTrail | None = None,
    ) -> None:
        super().__init__(feed, arm_s=arm_s, desk=desk)
        if "TEXTUAL_DRIVER" not in os.environ:
            self.driver_class = SafeDriver
        self.hz = hz
        self.error_text = ""
        "What went wrong, after an exit with EXIT_FAILED. Never holds values of variables."
        self.on_ready: Callable[[], None] | None = None
        self.memory = memory or Memory()
        self.settings = settings
        self.trail = trail
        self.viewer_url = ""
        "Where a browser on this machine may look on, with its key; '' for nowhere."
        self._news = News()
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
        return Overview(dense=self.memory.habits.dense)

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
        self.frame = Frame(snapshot=snapshot, now_ns=self.feed.now_ns(), quiet_s=self._quiet_ticks / self.hz)
        self.answers.forget_gone(snapshot)
        self.draw(self.frame)
        self.tell_news(self._news.look(snapshot))
        self.offer_restart()
        self.offer_prompts()

    def tell_news(self, new: New) -> None:
        """Ring, and show notes, as the user wants it."""
        habits = self.memory.habits
        if new.rings and habits.bell:
            self.bell()
        if not habits.notes or self.frame is None or len(self.screen_stack) > 1:  # a dialog is never covered
            return
        notes, more = new.notes(frozenset(child.id for child in self.frame.snapshot.children))
        if notes:
            self.clear_notifications()  # a bad minute covers no more of the screen than one look does
        for notice in notes:
            text, title = clean(notice.text), clean(f"{notice.account} {notice.symbol}".strip())
            self.notify(text, title=title, severity=LEVELS[notice.severity], markup=False, timeout=6)
        if more:
            self.notify(f"{more} more in the events", markup=False, timeout=6)

    def draw(self, frame: Frame) -> None:
        """Give the frame to every open screen."""
        for screen in self.screen_stack:
            screen.set_class(frame.live, "-live")
            if isinstance(screen, Overview | Dialog) and screen.is_mounted:
                screen.show_frame(frame)

    # Looking ----------------------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """All keys."""
        frame = self.ready()
        if frame is not None:
            self.push_screen(Notice(frame, "HELP", lambda _f, _w: help_lines(self.BINDINGS, Confirm.BINDINGS)))

    def action_panel(self, name: str) -> None:
        """A panel as the full screen."""
        if name in PANELS:
            self.overview.show_panel(name)

    def action_dense(self) -> None:
        """Marks or numbers."""
        self.overview.matrix.toggle_dense()
        self.remember(dense=self.overview.matrix.dense)

    def action_ring(self) -> None:
        """Ring at what is new, or no longer."""
        self.remember(bell=not self.memory.habits.bell)
        if self.memory.habits.bell:
            self.bell()
            self.tell("The bell rings at alarms and prompts. b turns it off.")
        else:
            self.tell("The bell is off.")

    def action_notes(self) -> None:
        """Notes over the screen, or no longer."""
        self.remember(notes=not self.memory.habits.notes)
        on = "Fills, refusals and alarms are shown as notes here. n turns them off."
        self.tell(on if self.memory.habits.notes else "No more notes: the events have it all.")

    def remember(self, **habits: str | bool) -> None:
        """Keep how the user wants the screen, for the next start too where that can be written."""
        try:
            self.memory.keep(**habits)
        except OSError as error:
            self.tell(f"This lasts until you quit: it could not be written: {error.strerror}", bad=True)

    def action_filter(self) -> None:
        """Type a filter."""
        self.overview.open_filter()

    def action_settings(self) -> None:
        """What the session was started with."""
        frame, settings = self.ready(), self.settings
        if frame is None:
            return
        if settings is None:
            self.tell("There are no settings to show.", bad=True)
            return
        from config.explained import explained  # the screen stands without it

        meanings: dict[str, str] = {}
        with contextlib.suppress(OSError):
            meanings = explained()
        self.push_screen(Notice(frame, "SETTINGS", lambda now, width: settings_lines(now, width, settings, meanings)))

    def action_viewer(self) -> None:
        """Where a browser may look on."""
        frame = self.ready()
        if frame is not None:
            self.push_screen(Notice(frame, "VIEWER", lambda _now, width: say.viewer_lines(width, self.viewer_url)))

    def action_sort(self) -> None:
        """Another order of the rows."""
        focused = self.overview.focused
        order = focused.sort_next() if isinstance(focused, Panel) else ""
        self.tell(f"Sorted by {order}." if order else "This has one order. s sorts copies, orders and accounts.")

    def action_child(self) -> None:
        """Find a child and show all of it; its column is selected behind."""
        frame = self.ready()
        if frame is None:
            return
        self.push_screen(Finder(frame, "GO TO A CHILD", say.child_rows), self.show_child)

    def show_child(self, child: str | None) -> None:
        """Everything of one account."""
        found = None if child is None else self.details("accounts", child)
        if child is None or self.frame is None or found is None:
            return
        self.overview.matrix.select_child(child)
        self.push_screen(Notice(self.frame, *found))

    def panel_table(self) -> tuple[str, export.Table] | None:
        """The name of the panel that has the focus, and what it shows."""
        frame = self.ready()
        if frame is None:
            return None
        focused = self.overview.focused
        panel = focused.id if focused is not None and focused.id in PANELS else "matrix"
        if panel == "day":
            return panel, export.table_of_day(frame.snapshot, self.overview.day.record)
        return panel, export.table_of(panel, frame.snapshot)

    def action_copy(self) -> None:
        """The panel's table to the clipboard, by the terminal (OSC 52)."""
        found = self.panel_table()
        if found is not None:
            panel, table = found
            self.copy_to_clipboard(export.as_tabs(table))
            self.tell(f"{export.count(table)} of {panel} copied, if the terminal lets programs copy.")

    def action_export(self) -> None:
        """The panel's table to a CSV file of its own."""
        found = self.panel_table()
        if found is None:
            return
        panel, table = found
        name = f"{panel}-{fmt.to_ist(self.now()):%Y-%m-%d-%H%M%S-%f}.csv"
        try:
            export.write_csv(table, EXPORTS / name)
        except OSError as error:
            self.tell(f"{EXPORTS / name} could not be written: {error.strerror}", bad=True)
        else:
            self.tell(f"{export.count(table)} written to {EXPORTS / name}")

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Details of a row of the overview."""
        frame, key = self.frame, event.key
        if frame is None:
            return
        if event.table.id == "needs":
            self.act_on_attention(key)
            return
        if event.table.id == "copies":
            self.push_screen(CopyPage(frame, key, self.trail))
            return
        found = self.details(event.table.id or "", key)
        if found is not None:
            self.push_screen(Notice(frame, *found))

    def details(self, table: str, key: str) -> tuple[str, Body] | None:
        """Title and lines for a row."""
        if table == "matrix" and key.startswith("sum|"):
            child = self.overview.matrix.selected_child
            if not child:
                self.overview.show_panel("accounts")
                return None
            return f"CHILD {child}", lambda frame, width: detail.child_lines(child, frame, width)
        if table == "accounts" or (self.frame and any(c.id == key for c in self.frame.snapshot.children)):
            return f"CHILD {key}", lambda frame, width: detail.child_lines(key, frame, width)
        if table == "matrix":
            return "LEG", lambda frame, width: detail.leg_lines(key.removeprefix("bg|"), frame, width)
        if table == "orders":
            return "ORDER", lambda frame, width: detail.order_lines(key, frame, width)
        events = self.overview.events
        return "EVENT", lambda _frame, width: detail.event_lines(key, events, width)

    def act_on_attention(self, key: str) -> None:
        """Do what the item's key does."""
        if self.frame is None:
            return
        number = int(key.split("|", 1)[0])
        items = self.frame.snapshot.attention
        if number < len(items) and items[number].key:
            self.simulate_key(items[number].key.lower())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key's action by name, and the theme."""
        for binding in self.BINDINGS:
            if isinstance(binding, Binding) and binding.tooltip and binding.action != "command_palette":
                yield SystemCommand(binding.description, binding.tooltip, self.runner(binding.action))
        yield SystemCommand(
            "theme", "Change the colours (one theme is safe for colour blindness)", self.action_change_theme
        )
        yield SystemCommand(
            "screenshot", "Save an SVG picture of the screen", lambda: self.set_timer(0.1, self.deliver_screenshot)
        )

    def runner(self, action: str) -> Callable[[], None]:
        """Runs an action once the palette is closed."""

        def run() -> None:
            self.call_later(self.run_action, action)

        return run

    def action_command_palette(self) -> None:
        """Only from the overview: in a dialog its answer comes first."""
        if len(self.screen_stack) == 1:
            super().action_command_palette()

    # Leaving ----------------------------------------------------------------------------------------------------

    def request_exit(self, code: int = EXIT_OK) -> None:
        """Leave soon. Callable from every thread and signal handler's thread; never blocks."""
        self._asked_to_exit = code
        loop = self._main_loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self.exit, code)
            except RuntimeError:
                return  # the loop is closed: it has left already

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
