"""The dashboard in a real terminal: start to first paint, processor time with many children, and how fast keys answer.

    python -m bench.dashboard

`python -m bench.dashboard crowd|keys FD RATE` is the dashboard under measurement, started by the above. A key counts as
answered by the first thing drawn after it; now and then that is something else, which makes the median a little low.
"""

import math
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle
from pathlib import Path

from msgspec.structs import replace

from bench.demo import ROOT, DemoEngine, FixedFeed, demo_engine, demo_settings
from bench.terminal import Terminal
from config.schema import Child, Settings
from engine.events import QuotesUpdated
from engine.model import NS_PER_S, Quote, instrument_id
from engine.snapshot import LegRow, Snapshot

STARTS = 5
CHILDREN, LEGS = 20, 8
WARM_UP_S, CROWD_S = 3.0, 15.0
EVENTS_PER_S = 1_000
KEYS = 200
UP, DOWN = b"\x1b[A", b"\x1b[B"
MASTER_CAPITAL_INR = Decimal(3_500_000)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as directory:
        _start(Path(directory))
    _crowd()
    _keys()


def _start(directory: Path) -> None:
    app = [_first_paint_s(directory) for _ in range(STARTS)]
    bare = [_bare_s("import textual.app") for _ in range(STARTS)]
    print(
        f"dashboard: {statistics.median(app) * 1e3:,.0f} ms from start to first paint (worst of {STARTS}: "
        f"{max(app) * 1e3:,.0f}); Python that only imports Textual takes {statistics.median(bare) * 1e3:,.0f}"
    )


def _first_paint_s(directory: Path) -> float:
    with Terminal(["python", str(ROOT / "runner.py"), "--demo", "--no-mouse"], directory) as terminal:
        return terminal.wait_for(b"DEMO-MASTER", 30)


def _bare_s(code: str) -> float:
    with Terminal(["python", "-c", f"{code}; print('ready')"], ROOT) as terminal:
        return terminal.wait_for(b"ready", 30)


def _crowd() -> None:
    busy, idle = _processor_pct("1"), _processor_pct("0")
    print(
        f"dashboard: {busy:.1f} % of one core for {CHILDREN} children with {LEGS} legs, every price new each second; "
        f"{idle:.1f} % when only the clock moves ({CROWD_S:g} s each)"
    )


def _processor_pct(rate: str) -> float:
    with _measured("crowd", rate) as (terminal, result):
        terminal.drain(WARM_UP_S + CROWD_S + 2.0)
        return float(os.read(result, 100))


def _keys() -> None:
    busy, alone = _key_times(EVENTS_PER_S), _key_times(0)
    print(f"dashboard: a key is answered in {busy}; {alone}")


def _key_times(events_per_s: int) -> str:
    with _measured("keys", str(events_per_s)) as (terminal, result):
        terminal.wait_for(b"DEMO-MASTER", 30)
        terminal.drain(2.0)
        moves = cycle([DOWN, DOWN, DOWN, UP, UP, UP])
        times = sorted(terminal.key_s(next(moves)) for _ in range(KEYS))
        terminal.end()
        handled = float(os.read(result, 100))
    p99 = times[math.ceil(KEYS * 0.99) - 1]
    return (
        f"{statistics.median(times) * 1e3:.1f} ms (median), {p99 * 1e3:.1f} ms (p99) of {KEYS} "
        f"while the engine handles {handled:,.0f} events a second"
    )


@contextmanager
def _measured(kind: str, rate: str) -> Iterator[tuple[Terminal, int]]:
    """A dashboard under measurement, and the descriptor that it writes its figure to."""
    result, into = os.pipe()
    try:
        with Terminal(["python", "-m", "bench.dashboard", kind, str(into), rate], ROOT, (into,)) as terminal:
            os.close(into)
            yield terminal, result
    finally:
        os.close(result)


# The dashboards under measurement ---------------------------------------------------------------------------------


def crowd_settings() -> Settings:
    """The demo with many children."""
    children = tuple(
        Child(id=f"ZC{i:04d}", broker="paper", capital_inr=MASTER_CAPITAL_INR * (i + 2) / (CHILDREN + 2))
        for i in range(CHILDREN)
    )
    demo = demo_settings()
    return replace(demo, children=children, risk=replace(demo.risk, max_orders_per_minute=None))


def crowd_snapshot() -> Snapshot:
    """The engine's own picture of the condor, with every leg shown as often as it takes to have enough of them."""
    with demo_engine(crowd_settings()) as engine:
        engine.run_to(29)
        taken = engine.snapshot()
    legs = [replace(leg, leg=f"{leg.leg}{n}", symbol=f"{leg.symbol}{n}") for n in range(LEGS) for leg in taken.legs]
    return replace(taken, legs=tuple(legs[:LEGS]))


def _moved(snapshot: Snapshot, step: int) -> Snapshot:
    """A second later: other prices and profits everywhere."""
    legs = tuple(_moved_leg(leg, Decimal(step % 7 + 1)) for leg in snapshot.legs)
    return replace(snapshot, seq=step + 1, at_ns=snapshot.at_ns + step * NS_PER_S, legs=legs)


def _moved_leg(leg: LegRow, by: Decimal) -> LegRow:
    cells = tuple(replace(cell, pnl_inr=by * 100) for cell in leg.cells)
    return replace(leg, last_inr=(leg.last_inr or Decimal(100)) + by, master_pnl_inr=by * 1000, cells=cells)


def run_crowd(into: int, *, moving: bool) -> None:
    """A dashboard that measures its own processor time and leaves."""
    from tui.app import LockstepApp, run_dashboard

    base = crowd_snapshot()
    feed = FixedFeed(base)
    app = LockstepApp(feed)

    def publish() -> None:
        before_s = after_s = 0.0
        begin, end = int(WARM_UP_S), int(WARM_UP_S + CROWD_S)
        for step in range(end + 1):
            before_s = time.process_time() if step == begin else before_s
            after_s = time.process_time()
            feed.current = _moved(base, step) if moving else replace(base, seq=step, at_ns=base.at_ns + step * NS_PER_S)
            time.sleep(1.0)
        os.write(into, f"{(after_s - before_s) / CROWD_S * 100}".encode())
        os.close(into)
        app.request_exit(0)

    threading.Thread(target=publish, daemon=True).start()
    run_dashboard(feed, mouse=False, app=app)


def run_keys(into: int, events_per_s: int) -> None:
    """The demo's engine on its thread, with that many more events a second through its inbox and its journal."""
    from tui.app import LockstepApp, run_dashboard

    with demo_engine(crowd_settings(), sync=True) as engine:
        engine.run_to(29)
        legs = engine.snapshot().legs
        runtime = engine.start()
        if events_per_s:
            threading.Thread(target=_post_quotes, args=(engine, legs, events_per_s), daemon=True).start()
        before, began_s = engine.host.events_handled, time.perf_counter()
        app = LockstepApp(runtime)
        signal.signal(signal.SIGTERM, lambda _number, _frame: app.request_exit(0))
        run_dashboard(runtime, mouse=False, app=app)
        handled = engine.host.events_handled - before
        os.write(into, f"{handled / (time.perf_counter() - began_s)}".encode())
        os.close(into)


def _post_quotes(engine: DemoEngine, legs: Sequence[LegRow], events_per_s: int) -> None:
    """One quote an event, at an even pace."""
    began_s, posted = time.perf_counter(), 0
    while not engine.loop.stopping:
        while posted < (time.perf_counter() - began_s) * events_per_s:
            leg = legs[posted % len(legs)]
            by = Decimal(posted % 20) / 20
            quote = Quote(
                instrument=instrument_id(leg.exchange, leg.symbol),
                at_ns=engine.now_ns(),
                last_inr=(leg.last_inr or Decimal(100)) + by,
                bid_inr=(leg.bid_inr or Decimal(100)) + by,
                ask_inr=(leg.ask_inr or Decimal(100)) + by,
            )
            engine.loop.post(QuotesUpdated(at_ns=quote.at_ns, quotes=(quote,)))
            posted += 1
        time.sleep(0.001)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["crowd", into, rate]:
            run_crowd(int(into), moving=rate == "1")
        case ["keys", into, rate]:
            run_keys(int(into), int(rate))
        case _:
            main()
