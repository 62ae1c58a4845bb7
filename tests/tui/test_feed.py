"""The dashboard and the engine meet only in the feed: pulled, never waited for."""

import asyncio
import inspect
import pkgutil
import subprocess
import sys
import threading
from pathlib import Path

import tui
from engine.commands import Severity
from engine.model import NS_PER_S
from engine.snapshot import NoticeLine, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.app import EXIT_FAILED, LockstepApp, run_dashboard
from tui.driver import SafeDriver

ROOT = Path(__file__).parents[2]


def test_same_snapshot_is_not_drawn_again_within_a_second() -> None:
    async def script(desk: Desk) -> None:
        drawn: list[int] = []
        desk.app.hz = 8
        await desk.publish()
        desk.app.draw = lambda frame: drawn.append(frame.snapshot.seq)  # type: ignore[method-assign]
        for _ in range(7):
            desk.app.pull()
        assert drawn == []
        desk.app.pull()
        assert len(drawn) == 1

    drive(s.condor(), script)


def test_stalled_engine_is_called_stalled_and_recovers() -> None:
    async def script(desk: Desk) -> None:
        desk.feed.now += 5 * NS_PER_S
        for _ in range(5):
            await desk.look()
        assert "NO NEW DATA FROM THE ENGINE" in desk.screen[2]
        assert "OLD DATA" in desk.text
        await desk.publish(at_ns=desk.feed.now)
        assert "NO NEW DATA" not in desk.text

    drive(s.condor(), script)


def test_stall_is_seen_although_the_engines_clock_stands_still() -> None:
    async def script(desk: Desk) -> None:
        for _ in range(5):
            await desk.look()
        assert "NO NEW DATA FROM THE ENGINE" in desk.text

    drive(s.condor(), script)


def test_missed_events_are_counted() -> None:
    async def script(desk: Desk) -> None:
        late = NoticeLine(number=40, at_ns=s.NOW, severity=Severity.INFO, text="after a gap")
        await desk.publish(notices=(late,))
        assert "34 events are only in the journal" in desk.text

    drive(s.condor(), script)


def test_newest_event_is_on_top_and_older_ones_are_kept() -> None:
    async def script(desk: Desk) -> None:
        for number in range(6, 30):
            line = NoticeLine(number=number, at_ns=s.NOW, severity=Severity.INFO, text=f"event {number}")
            await desk.publish(notices=(line,))
        assert len(desk.app.overview.events.ring.notices) == 29
        first = next(text for text in desk.screen if "event " in text)
        assert "event 29" in first

    drive(s.condor(), script)


def test_exit_asked_for_by_another_thread_leaves_with_its_code() -> None:
    async def script(desk: Desk) -> None:
        thread = threading.Thread(target=desk.app.request_exit, args=(143,))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        await desk.settle()
        assert desk.app.return_value == 143

    drive(s.condor(), script)


def test_exit_asked_for_before_the_start_is_not_lost() -> None:
    async def run() -> None:
        app = LockstepApp(s.FakeFeed(s.flat()))
        app.request_exit(130)
        async with app.run_test() as pilot:
            await pilot.pause()
        assert app.return_value == 130

    asyncio.run(run())


def test_exit_asked_for_after_the_end_does_nothing() -> None:
    async def run() -> LockstepApp:
        app = LockstepApp(s.FakeFeed(s.flat()))
        async with app.run_test():
            app.exit(0)
        return app

    app = asyncio.run(run())
    app.request_exit(1)
    assert app.return_value == 0


def test_tick_after_the_screens_were_taken_down_draws_nothing() -> None:
    """A slow machine: the timer fires between the end and the last screen. It was an exit with an error."""

    async def run() -> None:
        app = LockstepApp(s.FakeFeed(s.flat()))
        async with app.run_test() as pilot:
            app.pull()
            await pilot.pause()
            await app.screen.query("*").remove()
            app._running = False
            app._seen = None
            app.pull()
            app._running = True

    asyncio.run(run())


class BrokenFeed(s.FakeFeed):
    """Fails after the first picture, with something secret in a local variable."""

    def snapshot(self) -> Snapshot | None:
        access_token = "s3cr3t" + "-t0ken"
        assert access_token
        if self.newest is None:
            raise RuntimeError("the feed broke")
        taken, self.newest = self.newest, None
        return taken


class HeadlessApp(LockstepApp):
    """As `run_dashboard` runs it, without a terminal."""

    def run(self, **_: object) -> int | None:
        return super().run(headless=True)


def test_dashboard_that_fails_gives_code_and_text_without_local_variables() -> None:
    errors: list[str] = []
    app = HeadlessApp(BrokenFeed(s.flat()), hz=50)
    assert run_dashboard(app.feed, app=app, on_error=errors.append) == EXIT_FAILED
    assert "the feed broke" in errors[0]
    assert "s3cr3t-t0ken" not in errors[0]


def test_minute_timer_runs_in_a_running_dashboard() -> None:
    cleared: list[bool] = []

    class CountingApp(HeadlessApp):
        clear_cache_s = 0.01

        def clear_styles_cache(self) -> None:
            super().clear_styles_cache()
            cleared.append(True)
            self.request_exit(5)

    app = CountingApp(s.FakeFeed(s.flat()))
    errors: list[str] = []
    assert run_dashboard(app.feed, app=app, on_error=errors.append) == 5
    assert cleared and not errors


def test_ready_is_told_once_after_the_first_picture() -> None:
    told: list[bool] = []
    app = HeadlessApp(s.FakeFeed(s.flat()))

    def ready() -> None:
        told.append(app.frame is not None)
        app.request_exit(7)

    assert run_dashboard(app.feed, app=app, on_ready=ready) == 7
    assert told == [True]


def test_nothing_calls_into_or_waits_for_a_thread() -> None:
    forbidden = ("call_from_thread", "run_worker", "@work", "threading", ".result()", ".join(timeout")
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name == "tui.viewer.server":  # answers browsers on threads of its own: nobody here waits for it
            continue
        source = inspect.getsource(__import__(module.name, fromlist=["_"]))
        for word in forbidden:
            assert word not in source, f"{module.name} uses {word}"


def test_import_stays_light() -> None:
    code = "import sys, tui.app; print(' '.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    heavy = {
        "pandas",
        "numpy",
        "kiteconnect",
        "SmartApi",
        "markdown_it",
        "twisted",
        "sqlite3",
        "engine.core.replicator",
    }
    assert not loaded & heavy
    assert not {
        m for m in loaded if m.startswith("textual.widgets._") and m.endswith(("_data_table", "_footer", "_markdown"))
    }


def test_driver_is_ours_unless_the_environment_names_one(monkeypatch: object) -> None:
    from pytest import MonkeyPatch

    assert isinstance(monkeypatch, MonkeyPatch)
    assert LockstepApp(s.FakeFeed(None)).driver_class is SafeDriver
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.headless_driver:HeadlessDriver")
    assert LockstepApp(s.FakeFeed(None)).driver_class is not SafeDriver
