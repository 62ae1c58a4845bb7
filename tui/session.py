"""One engine on what a venue offers: opened, started, shown in the terminal, ended in an orderly way.

It knows no broker and no file: the venue, the state on disk and the log are handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from config.schema import Mode, Settings
from engine.advice import MarginAdviser
from engine.commands import Notify, Severity
from engine.core.places import moved
from engine.errors import StateRefused
from engine.events import InstrumentsLoaded, Resumed
from engine.feed import QuoteFeed
from engine.host import Host
from engine.loop import EngineLoop
from engine.model import Basket, InstrumentId
from engine.opening import carried_instruments, go_on_in_time, opening
from engine.ports import Lane, SessionState
from engine.runtime import Runtime, boot
from engine.snapshot import NoticeLine
from engine.view import Frame
from tui.bridge import AccountDesk, History
from tui.terminal import Terminal

PUT_BACK: Final = (
    "Nothing was started. Put `live` and `broker` back as they were until everything is closed there, then change them."
)


class Venue(Protocol):
    """Where a session trades: a simulated market, a recorded day, or real accounts."""

    day: date
    carried: tuple[InstrumentId, ...]
    "Instruments of what is open from before; set before `connect`."

    @property
    def until_ns(self) -> int | None:
        """Where it ends by itself (a replay), `None` for never."""
        ...

    @property
    def files(self) -> Sequence[InstrumentsLoaded] | None:
        """Today's instrument files, `None` while they are not there."""
        ...

    def connect(self) -> tuple[Mapping[str, Lane], QuoteFeed]:
        """Lanes and quotes for the process that starts."""
        ...

    def basket_margin(self, basket: Basket) -> Decimal | None:
        """What a basket would block at its broker, `None` where nobody knows. Raises `ReadFailed`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What people are told of a start."""

    notes: Sequence[str]
    "What the check of the state remarked."
    beginning: str
    "How the market began, '' for nothing."
    how_to_answer: str
    "Without a dashboard, after a session that did not end well: how the question is answered."


class TerminalSession:
    """One session.

    Args:
        terminal: Where it is shown.
        loop: The loop with the session's clock.
        venue: Where it trades.
        settings: The configuration.
        stored: The state on disk.
        told: What people are told of the start.
        frame: What snapshots say beside the state.
        mode: Paper or live.
        version: The program's.
        history: Reads the journal for people, `None` where there is none to read.

    Raises:
        StateRefused: A child holds something where its orders would not go any more.
    """

    def __init__(
        self,
        terminal: Terminal,
        loop: EngineLoop,
        venue: Venue,
        settings: Settings,
        stored: SessionState,
        *,
        told: Told,
        frame: Frame,
        mode: Mode,
        version: str,
        history: History | None = None,
    ) -> None:
        self._history = history
        self._terminal, self._loop, self._venue, self._settings, self._stored = terminal, loop, venue, settings, stored
        self.frame, note = frame, terminal.note
        if stored.replicator.has_begun and (gone := moved(stored.replicator.state, settings.children, mode)):
            raise StateRefused(f"{'; '.join(gone)}. {PUT_BACK}")
        venue.carried = carried_instruments(stored.replicator)
        lanes, feed = venue.connect()
        behind = go_on_in_time(loop.clock, stored.replicator)
        now_ns = loop.clock.now_ns()
        for text in _first_steps(settings, told.notes):
            note(NoticeLine(number=0, at_ns=now_ns, severity=Severity.INFO, text=text))
        start = opening(settings, venue.day, now_ns, unclean=stored.unclean, mode=mode)
        self.host: Host = boot(loop, stored, lanes, feed, start, venue.files, version=version, on_notice=note)
        self.runtime = Runtime(loop, self.host, stored, frame, until_ns=venue.until_ns)
        self.tell(told.beginning)
        self.tell(behind, Severity.ALARM)
        if terminal.headless and self.host.replicator.state.unclean:
            if venue.until_ns is None:
                self.tell(told.how_to_answer)
            else:
                self.tell("nobody is there to ask: the replay resumes by itself")
                loop.post(Resumed(at_ns=start.at_ns))

    def tell(self, text: str, severity: Severity = Severity.INFO) -> None:
        """A line of the program's own among the engine's; nothing for ''."""
        if text:
            self.host.note(Notify(at_ns=self.host.replicator.state.now_ns, severity=severity, text=text))

    def show_left_open(self, left_open: str) -> None:
        """Show what the other mode's state holds open, as long as this session runs; nothing for ''."""
        self.frame.left_open = left_open
        self.tell(left_open and f"left open in the other mode: {left_open}")

    def run(
        self,
        *,
        until_flat: bool = False,
        live_refusal: str = "",
        switches: bool = False,
        desk: AccountDesk | None = None,
    ) -> None:
        """Run to the end.

        Args:
            until_flat: End when a strategy has ended.
            live_refusal: Why LIVE is impossible, '' when it is possible.
            switches: Whether the operator's switch of the mode ends this session, for one in the other mode.
            desk: Doctor and logins for the dashboard.
        """
        runtime = self.runtime
        runtime.live_refusal, runtime.until_flat, runtime.switches = live_refusal, until_flat, switches
        adviser = MarginAdviser(runtime.snapshot, self._venue.basket_margin)
        self.frame.basket_margins = adviser.margins
        adviser.start()
        self._terminal.run(runtime, self._settings, desk, self._history)
        adviser.close()


def _first_steps(settings: Settings, notes: Sequence[str]) -> list[str]:
    """The steps of the start before the engine: lock, configuration, state check."""
    children = ", ".join(child.id for child in settings.children)
    steps = ["lock: this is the only instance", f"configuration: master {settings.master.id}, children {children}"]
    return steps + ([f"state check: {note}" for note in notes] or ["state check: nothing to remark"])
