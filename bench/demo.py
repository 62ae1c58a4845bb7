"""The demo as a measurement needs it: the real engine, taken to any moment of its market at once.

It must not keep anything: the state lies in a directory of its own that is removed.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from config.load import load_settings
from config.schema import Mode, Settings
from engine.agenda import Agenda
from engine.clock import ScaledClock
from engine.events import Operator
from engine.host import Host
from engine.loop import EngineLoop
from engine.model import NS_PER_S
from engine.opening import opening
from engine.runtime import Runtime, boot
from engine.snapshot import Snapshot
from engine.view import Frame, build_snapshot
from paper.venues import DemoVenue, demo_start_ns
from state.session import Session

DAY = date(2026, 11, 23)
ROOT = Path(__file__).resolve().parents[1]
DEMO_CONFIG = ROOT / "config" / "demo.yaml"


def demo_settings() -> Settings:
    """What `runner.py --demo` uses."""
    return load_settings(DEMO_CONFIG)


class WarpClock(ScaledClock):
    """Jumps to whatever is waited for; from `release` on it runs in real time."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns, 1.0)
        self._now_ns: int | None = start_ns

    def release(self) -> None:
        """Real time from here on."""
        super().__init__(self.now_ns(), 1.0)
        self._now_ns = None

    def now_ns(self) -> int:
        return super().now_ns() if self._now_ns is None else self._now_ns

    def wait_s(self, until_ns: int) -> float:
        if self._now_ns is None:
            return super().wait_s(until_ns)
        self._now_ns = max(self._now_ns, until_ns)
        return 0.0


class DemoEngine:
    """An engine in the demo's market that stands still between two calls. Also a feed for a dashboard.

    Args:
        settings: The accounts; all on paper.
        root: Where the state goes.
        sync: Whether a commit waits for the disk.
    """

    live_refusal = ""

    def __init__(self, settings: Settings, root: Path, *, sync: bool) -> None:
        self.start_ns = demo_start_ns(DAY)
        self.clock = WarpClock(self.start_ns)
        self.loop = EngineLoop(self.clock, Agenda())
        venue = DemoVenue(settings, self.loop, DAY, self.start_ns)
        self.session = Session(root, Mode.PAPER, sync=sync)
        lanes, feed = venue.world.connect()
        start = opening(settings, DAY, self.start_ns, unclean=False)
        self.host: Host = boot(self.loop, self.session, lanes, feed, start, venue.files, version="bench")
        self._frame = Frame(source="demo", speed=Decimal(1))
        self._frame.stamps = self.host.stamps.of
        self._runtime: Runtime | None = None

    def run_to(self, second: float) -> None:
        """Go on until so many seconds of the market after its start."""
        self.loop.run(until_ns=self.start_ns + int(second * NS_PER_S))

    def start(self) -> Runtime:
        """Go on in real time, on the engine's own thread."""
        self.clock.release()
        self._runtime = Runtime(self.loop, self.host, self.session, self._frame)
        self._runtime.start()
        return self._runtime

    def end(self) -> None:
        """End the session."""
        if self._runtime is None:
            self.session.end(self.now_ns())
        else:
            self._runtime.stop()

    def snapshot(self) -> Snapshot:
        """The picture of this moment."""
        self._frame.notices = tuple(self.host.notices)
        return build_snapshot(self.host.replicator.state, self.now_ns(), self._frame)

    def now_ns(self) -> int:
        """The market's time."""
        return self.clock.now_ns()

    def send(self, event: Operator) -> None:
        """An operator's order."""
        self.loop.post(event)


@contextmanager
def demo_engine(settings: Settings | None = None, *, sync: bool = False) -> Iterator[DemoEngine]:
    """A demo engine whose files are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as root:
        engine = DemoEngine(settings or demo_settings(), Path(root), sync=sync)
        try:
            yield engine
        finally:
            engine.end()


@dataclass(slots=True)
class FixedFeed:
    """A feed whose snapshot somebody else replaces."""

    current: Snapshot
    live_refusal: str = ""

    def snapshot(self) -> Snapshot:
        """The newest picture."""
        return self.current

    def now_ns(self) -> int:
        """The picture's own time."""
        return self.current.at_ns

    def send(self, event: Operator) -> None:
        """Nobody listens."""
