"""One running engine: its thread, its snapshots, its inbox. What the dashboard and headless runs hold in their hands.

The engine never waits for whoever looks at it: a snapshot is published by assignment and pulled.
"""

import gc
import threading
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from config.schema import Mode
from engine.clock import ticks_s
from engine.commands import Notify, Severity
from engine.core.restart import holds_something
from engine.errors import JournalFailed
from engine.events import InstrumentsLoaded, Operator, SessionStarted
from engine.feed import QuoteFeed
from engine.host import Host
from engine.loop import EngineLoop, stop_host
from engine.ports import Lane, SessionState
from engine.snapshot import NoticeLine, Snapshot, StrategyState
from engine.view import Frame, build_snapshot

PUBLISH_EVERY_S = 0.2
"""Real seconds between two snapshots at least."""
ALIVE_EVERY_S = 1.0
"""Real seconds between two snapshots at most: a screen without a new one says that the engine hangs."""

YOUNG_MOST = 20_000
"""Objects made before the collector looks at them. It looks at what one decision for a hundred children made ten times
at Python's 700, and at everything that was ever made after some of these times: 120 ms in which no order leaves."""


def boot(
    loop: EngineLoop,
    session: SessionState,
    lanes: Mapping[str, Lane],
    feed: QuoteFeed,
    start: SessionStarted,
    files: Sequence[InstrumentsLoaded] | None,
    *,
    version: str,
    on_notice: Callable[[NoticeLine], None] | None = None,
) -> Host:
    """Start a session on a loop: journal open, first events handled, first reads under way.

    Args:
        loop: The loop.
        session: What is on disk.
        lanes: The ways to the accounts.
        feed: The quotes.
        start: The first event.
        files: The instrument files of the day, the common one last; `None` when they are not there yet and follow.
        version: The program's.
        on_notice: Told of every notice.
    """
    host = Host(session.replicator, session, lanes, feed, session.encode_state, on_notice, now=loop.now_ns)
    loop.host, loop.feed = host, feed
    session.start(start.day, start.at_ns, version)
    host.handle(start)
    for file in files or ():  # the common one last: what is carried on is compared with its own broker's terms
        host.handle(replace(file, at_ns=start.at_ns))
    _tidy_up(host, session, start.at_ns)
    return host


def _tidy_up(host: Host, session: SessionState, now_ns: int) -> None:
    """Remove old state: the first event has brought today's checkpoint, and the first reads are under way."""
    if host.failed:
        return
    try:
        session.commit()  # the instruments of the day may still wait for their commit
        told = session.prune()
    except JournalFailed as error:
        host.fail(str(error), now_ns)
        return
    if told:
        host.note(Notify(at_ns=now_ns, severity=Severity.INFO, text=told))


class Runtime:
    """A booted engine and its thread.

    Args:
        loop: The loop, with a host.
        host: The host on it.
        session: The session that is to be ended in an orderly way.
        frame: What snapshots say beside the state.
        live_refusal: Why LIVE is impossible, '' when it is possible.
        until_ns: Where the loop ends by itself (the end of a replay), `None` for never.
    """

    def __init__(
        self,
        loop: EngineLoop,
        host: Host,
        session: SessionState,
        frame: Frame,
        *,
        live_refusal: str = "",
        until_ns: int | None = None,
    ) -> None:
        self.loop, self.host = loop, host
        self.live_refusal = live_refusal
        self._session, self._frame = session, frame
        frame.stamps = host.stamps.of
        self._until_ns = until_ns
        self.until_flat = False
        "End when a strategy has run and ended; may be set while running."
        self.switches = False
        "End when the operator's switch to the other mode takes effect: whoever runs this engine begins anew then."
        self._snapshot: Snapshot | None = None
        self._published_s, self._published_events = 0.0, -1
        self._lock = threading.Lock()
        self._ended = False
        self._ended_ns: int | None = None
        self.done = threading.Event()
        self._collector: tuple[int, int, int] | None = None
        loop.on_beat = self._beat
        self._thread = threading.Thread(target=self.run, name="engine", daemon=True)

    # Seen from other threads

    def snapshot(self) -> Snapshot | None:
        """The newest picture."""
        return self._snapshot

    def send(self, event: Operator) -> None:
        """Hand an operator's order to the engine."""
        self.loop.post(event)

    def now_ns(self) -> int:
        """The engine's clock; it stands still when the engine has ended."""
        return self.loop.clock.now_ns() if self._ended_ns is None else self._ended_ns

    def start(self) -> None:
        """Run on a thread of its own."""
        _, middle, old = self._collector = gc.get_threshold()
        gc.freeze()  # what was loaded for the start stays to the end: no look at it finds anything
        gc.set_threshold(YOUNG_MOST, middle, old)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """End in an orderly way and wait for it; true when it ended in time."""
        self.loop.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return self.done.is_set()

    @property
    def is_open(self) -> bool:
        """Whether a strategy runs (as of the newest snapshot)."""
        snapshot = self._snapshot
        return snapshot is not None and any(s.state is not StrategyState.FLAT for s in snapshot.strategies)

    @property
    def switches_to(self) -> Mode | None:
        """The mode that the operator asked for, once nothing of this one is open any more."""
        state = self.host.replicator.state
        is_flat = all(strategy.state is StrategyState.FLAT for strategy in state.strategies.values())
        # What was given up is watched to the end of the day: the other mode would not see it surface.
        is_watching = any(child.watches for child in state.children.values())
        is_open = state.prompts or state.unclean or is_watching or holds_something(state)
        if state.mode_next is state.mode or not is_flat or is_open:
            return None
        return state.mode_next

    # On the engine's thread

    def run(self) -> None:
        """Work until the end of the replay, until flat, or until `stop`; then end the session."""
        try:
            self.loop.run(self._until_ns, self._is_finished)
            self._frame.finished = True
            self._publish()
        except Exception as error:  # noqa: BLE001  the top of the engine's thread: it must say that it is dead
            self.host.fail(f"a fault in the program: {type(error).__name__}: {error}", self.loop.clock.now_ns())
        finally:
            self._end()

    def _end(self) -> None:
        """The orderly stop: nothing further is decided, everything is durable."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
        now_ns = self._ended_ns = self.loop.clock.now_ns()
        stop_host(self.host, now_ns)
        if not self.host.failed:
            try:
                self._session.end(now_ns)
            except JournalFailed as error:
                self.host.fail(str(error), now_ns)
        self._publish()
        if self._collector is not None:
            gc.set_threshold(*self._collector)
            gc.unfreeze()
        self.done.set()

    def _is_finished(self) -> bool:
        """Whether a strategy has run and ended, where that is the end; or the other mode's turn has come."""
        if not self.until_flat:
            return self.switches and self.switches_to is not None
        strategies = self.host.replicator.state.strategies.values()
        return any(s.number for s in strategies) and all(s.state is StrategyState.FLAT for s in strategies)

    def _beat(self) -> None:
        age_s = ticks_s() - self._published_s
        has_news = self._published_events != self.host.events_handled
        if age_s >= ALIVE_EVERY_S or (has_news and age_s >= PUBLISH_EVERY_S):
            self._publish()

    def _publish(self) -> None:
        self._published_s, self._published_events = ticks_s(), self.host.events_handled
        self._frame.notices = tuple(self.host.notices)
        self._frame.engine_failed = self.host.failed
        self._snapshot = build_snapshot(self.host.replicator.state, self.now_ns(), self._frame)
