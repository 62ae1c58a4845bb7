"""Looking in the app: panels, details, finding, exports, settings, and how the user wants the screen. Sends nothing."""

import contextlib
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from msgspec import structs
from textual.notifications import SeverityLevel

from config.schema import Settings
from engine.commands import Severity
from tui import export
from tui import format as fmt
from tui.bridge import AccountDesk, EngineFeed, History
from tui.frame import Frame, child_of
from tui.memory import Memory
from tui.news import New, News
from tui.restarts import Restarts
from tui.screens import ask_lines as say
from tui.screens import detail
from tui.screens.ask import Finder, Notice
from tui.screens.child_page import ChildPage
from tui.screens.confirm import Confirm
from tui.screens.copy_page import CopyPage
from tui.screens.dialog import Body
from tui.screens.file_lines import Reread, reread
from tui.screens.help import help_lines
from tui.screens.overview import PANELS, Overview
from tui.screens.settings_lines import settings_lines
from tui.text import clean
from tui.widgets.attention import keyed
from tui.widgets.live_table import LiveTable
from tui.widgets.matrix import BACKGROUND
from tui.widgets.panel import Panel

EXPORTS = Path("exports")
LEVELS: dict[Severity, SeverityLevel] = {
    Severity.INFO: "information",
    Severity.WARNING: "warning",
    Severity.ALARM: "error",
}
"""How a note looks."""


class Looking(Restarts):
    """The part of the app that shows things, and keeps how the user wants them.

    Args:
        feed: The engine.
        arm_s: For so long a new question ignores keys (type-ahead).
        desk: Doctor and logins, `None` where every account is on paper.
        memory: What the user wants of the screen; by default forgotten at the end.
        settings: What the session was started with; `None` has nothing to show.
        history: Reads the journal; `None` where there is none.
    """

    def __init__(
        self,
        feed: EngineFeed,
        *,
        arm_s: float,
        desk: AccountDesk | None = None,
        memory: Memory | None = None,
        settings: Settings | None = None,
        history: History | None = None,
    ) -> None:
        super().__init__(feed, arm_s=arm_s, desk=desk)
        self.memory = memory or Memory()
        self.settings = settings
        self.history = history
        self.reread: Reread | None = None
        "Reads the configuration file again; `None` where there is none."
        self.viewer_url = ""
        "Where a browser on this machine may look on, with its key; '' for nowhere."
        self._news = News()

    def tell_news(self, new: New) -> None:
        """Ring, and show notes, as the user wants it."""
        habits = self.memory.habits
        if new.rings and habits.bell:
            self.bell()
        if not habits.notes:
            self._news.take_drifts()
        if not habits.notes or self.frame is None or len(self.screen_stack) > 1:  # a dialog is never covered
            return
        children = frozenset(child.id for child in self.frame.snapshot.children)
        drifts = self._news.take_drifts()
        notes, more = new.notes(children, drifts)
        if notes:
            self.clear_notifications()  # a bad minute covers no more of the screen than one look does
        for note in notes:
            severity = LEVELS[note.severity]
            self.notify(clean(note.text), title=clean(note.about), severity=severity, markup=False, timeout=6)
        if more:
            where = "the events and the legs" if drifts else "the events"
            self.notify(f"{more} more in {where}", markup=False, timeout=6)

    def action_help(self) -> None:
        """All keys."""
        frame = self.ready()
        if frame is not None:
            own, confirm = self.BINDINGS, Confirm.BINDINGS
            self.push_screen(Notice(frame, "HELP", lambda _frame, width: help_lines(own, confirm, width)))

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
            self.tell("The bell rings at alarms, drifts and prompts. b turns it off.")
        else:
            self.tell("The bell is off.")

    def action_notes(self) -> None:
        """Notes over the screen, or no longer."""
        self.remember(notes=not self.memory.habits.notes)
        on = "Fills, refusals, drifts and alarms are shown as notes here. n turns them off."
        self.tell(on if self.memory.habits.notes else "No more notes: the events have it all.")

    def remember(self, **habits: str | bool | Mapping[str, str]) -> None:
        """Keep how the user wants the screen, for the next start too where that can be written."""
        try:
            self.memory.keep(**habits)
        except OSError as error:
            self.tell(f"This lasts until you quit: it could not be written: {error.strerror}", bad=True)

    def action_filter(self) -> None:
        """Type a filter."""
        self.overview.open_filter()

    def on_overview_filter_kept(self, event: Overview.FilterKept) -> None:
        """For the next start."""
        self.remember(filters=event.filters)

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
        file = reread(self.reread)
        self.push_screen(
            Notice(frame, "SETTINGS", lambda now, width: settings_lines(now, width, settings, meanings, file))
        )

    def action_viewer(self) -> None:
        """Where a browser may look on."""
        frame = self.ready()
        if frame is not None:
            self.push_screen(Notice(frame, "VIEWER", lambda _now, width: say.viewer_lines(width, self.viewer_url)))

    def action_sort(self) -> None:
        """Another order of the rows."""
        focused = self.overview.focused
        order = focused.sort_next() if isinstance(focused, Panel) else ""
        if order and isinstance(focused, Panel):
            sorts = {name: by for name, by in self.memory.habits.sorts.items() if name != focused.id}
            self.remember(sorts=sorts if focused.is_usual else {**sorts, str(focused.id): order})
        self.tell(f"Sorted by {order}." if order else "What needs you has one order: the most urgent first.")

    def action_child(self) -> None:
        """Find a child and show all of it; its column is selected behind."""
        frame = self.ready()
        if frame is None:
            return
        self.push_screen(Finder(frame, "GO TO A CHILD", say.child_rows), self.show_child)

    def show_child(self, child: str | None) -> None:
        """Everything of one account."""
        if child is not None and self.frame is not None:
            self.overview.matrix.select_child(child)
            self.push_screen(ChildPage(self.frame, child, self.history))

    def panel_table(self) -> tuple[str, export.Table] | None:
        """The name of the panel that has the focus, and what it shows: filtered and sorted as it is."""
        frame = self.ready()
        if frame is None:
            return None
        focused = self.overview.focused
        panel = focused if isinstance(focused, Panel) and focused.id in PANELS else self.overview.matrix
        snapshot, name = frame.snapshot, panel.id or ""
        if name == "day":
            return name, export.table_of_day(self.overview.day.children_of(snapshot))
        if name == "events":  # it keeps more than a snapshot holds
            snapshot = structs.replace(snapshot, notices=tuple(reversed(self.overview.events.ring.notices)))
        lists_children = name == "matrix" and self.overview.matrix.lists_children(snapshot)
        name = "accounts" if lists_children else name
        is_whole = panel.is_usual and not panel.wanted and not lists_children
        shown = None if is_whole else [row.key for row in panel.rows if row.key]
        return name, export.table_of(name, snapshot, shown)

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
        self._write(panel, ".csv", lambda path: export.write_csv(table, path), f"{export.count(table)} written to")

    def action_picture(self) -> None:
        """What the screen shows, as an SVG file of its own."""
        picture = self.export_screenshot()
        self._write("screen", ".svg", lambda path: export.write_new(picture, path), "The picture is in")

    def _write(self, name: str, suffix: str, write: Callable[[Path], None], done: str) -> None:
        """Write a new file below `exports/` with the moment in its name, and tell where it is or why not."""
        stem = EXPORTS / f"{name}-{fmt.to_ist(self.now()):%Y-%m-%d-%H%M%S}"
        path = next(path for n in count(1) if not (path := Path(f"{stem}-{n}{suffix}")).exists())
        try:
            write(path)
        except OSError as error:
            self.tell(f"{path} could not be written: {error.strerror}", bad=True)
        else:
            self.tell(f"{done} {path}")

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """Details of a row of the overview; a key that is held down opens them once, not one over the other."""
        frame, key = self.frame, event.key
        if frame is None or len(self.screen_stack) > 1:
            return
        if event.table.id == "needs":
            self.act_on_attention(key)
        elif event.table.id == "copies":
            self.push_screen(CopyPage(frame, key, None if self.history is None else self.history.trail()))
        elif event.table.id == "matrix" and key.startswith("sum|") and not self.overview.matrix.selected_child:
            self.overview.show_panel("accounts")
        else:
            self.push_screen(self.page(frame, event.table.id or "", key))

    def page(self, frame: Frame, table: str, key: str) -> Notice:
        """What is known of a row."""
        child = self.overview.matrix.selected_child if table == "matrix" and key.startswith("sum|") else key
        if table == "accounts" or child_of(frame.snapshot, child) is not None:
            return ChildPage(frame, child, self.history)
        title, build = self.details(table, key)
        return Notice(frame, title, build)

    def details(self, table: str, key: str) -> tuple[str, Body]:
        """Title and lines for a row that is no child's."""
        if table == "matrix":
            return "LEG", lambda frame, width: detail.leg_lines(key.removeprefix(BACKGROUND), frame, width)
        if table == "orders":
            return "ORDER", lambda frame, width: detail.order_lines(key, frame, width)
        events = self.overview.events
        return "EVENT", lambda _frame, width: detail.event_lines(key, events, width)

    def act_on_attention(self, key: str) -> None:
        """Do what the item's key does; where that asks about what, the item's account or leg is proposed."""
        items = () if self.frame is None else self.frame.snapshot.attention
        item = next((found for about, found in keyed(items) if about == key), None)
        if item is None or not item.key:
            return
        propose = {
            "r": self.action_resync,
            "j": self.action_join,
            "u": self.action_hasten,
            "a": self.action_doctor,
        }.get(item.key)
        propose_leg = {"o": self.action_adopt, "t": self.action_terms}.get(item.key)
        if propose is not None and item.account:
            propose(item.account)
        elif propose_leg is not None and item.symbol:
            propose_leg(item.symbol)
        else:
            self.simulate_key(item.key.lower())
