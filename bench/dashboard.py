"""The dashboard in a real terminal: start to first paint, what many children cost, and how fast keys answer.

    python -m bench.dashboard

`python -m bench.dashboard crowd RATE` and `keys RATE FD` are the dashboards under measurement, started by the above. A
key counts as answered by the first thing drawn after it; now and then that is something else, which makes the median a
little low.
"""

import math
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import count, cycle
from pathlib import Path

from msgspec.structs import replace

from bench.demo import ROOT, DemoEngine, FixedFeed, demo_engine, demo_settings
from bench.terminal import SIZE, Terminal, runner
from config.schema import Child, Settings
from engine.events import QuotesUpdated
from engine.model import NS_PER_S, Quote, instrument_id
from engine.snapshot import LegRow, Snapshot

STARTS = 5
CHILDREN, LEGS = 20, 8
ROWS, COLUMNS = SIZE
WARM_UP_S, CROWD_S = 3.0, 15.0
UPDATES_PER_S = 5
EVENTS_PER_S = 1_000
KEYS = 200
FIRST_PAINT = b"DEMO-MASTER"
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
    with Terminal(runner("--demo", "--no-mouse"), directory) as terminal:
        return terminal.wait_for(FIRST_PAINT, 30)


def _bare_s(code: str) -> float:
    with Terminal([sys.executable, "-c", f"{code}; print('ready')"], ROOT) as terminal:
        return terminal.wait_for(b"ready", 30)


def _crowd() -> None:
    print(f"dashboard: {CHILDREN} children with {LEGS} legs, {COLUMNS}x{ROWS}, {CROWD_S:g} s each:")
    print(f"  {_crowd_cost(UPDATES_PER_S)} when every price is new {UPDATES_PER_S} times a second")
    print(f"  {_crowd_cost(1)} when every price is new each second")
    print(f"  {_crowd_cost(0)} when only the clock moves")


def _crowd_cost(rate: int) -> str:
    """What a dashboard takes with so many new pictures a second."""
    with Terminal(_under_measurement("crowd", rate), ROOT) as terminal:
        terminal.wait_for(FIRST_PAINT, 30)
        terminal.take(WARM_UP_S)
        (_, before_s), began_s = terminal.cost(), time.monotonic()
        drawn = terminal.take(CROWD_S)
        (memory_mb, after_s), took_s = terminal.cost(), time.monotonic() - began_s
    return f"{drawn / took_s:,.0f} bytes/s, {(after_s - before_s) / took_s:.1%} of a core, {memory_mb} MB"


def _keys() -> None:
    busy, alone = _key_times(EVENTS_PER_S), _key_times(0)
    print(f"dashboard: a key is answered in {busy}; {alone}")


def _key_times(events_per_s: int) -> str:
    result, into = os.pipe()
    with Terminal([*_under_measurement("keys", events_per_s), str(into)], ROOT, (into,)) as terminal:
        os.close(into)
        terminal.wait_for(FIRST_PAINT, 30)
        terminal.take(2.0)
        moves = cycle([DOWN, DOWN, DOWN, UP, UP, UP])
        times = sorted(terminal.key_s(next(moves)) for _ in range(KEYS))
        terminal.end()
        with os.fdopen(result) as figure:
            handled = float(figure.read())
    p99 = times[math.ceil(KEYS * 0.99) - 1]
    return (
        f"{statistics.median(times) * 1e3:.1f} ms (median), {p99 * 1e3:.1f} ms (p99) of {KEYS} "
        f"while the engine handles {handled:,.0f} events a second"
    )


def _under_measurement(kind: str, rate: int) -> list[str]:
    return [sys.executable, "-m", "bench.dashboard", kind, str(rate)]


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


def _moved(snapshot: Snapshot, step: int, rate: int) -> Snapshot:
    """A step later, of `rate` a second: other prices and profits everywhere."""
    legs = tuple(_moved_leg(leg, Decimal(step % 7 + 1)) for leg in snapshot.legs)
    return replace(snapshot, seq=step + 1, at_ns=snapshot.at_ns + step * NS_PER_S // rate, legs=legs)


def _moved_leg(leg: LegRow, by: Decimal) -> LegRow:
    cells = tuple(replace(cell, pnl_inr=by * 100) for cell in leg.cells)
    return replace(leg, last_inr=(leg.last_inr or Decimal(100)) + by, master_pnl_inr=by * 1000, cells=cells)


def run_crowd(rate: int) -> None:
    """A dashboard with so many new pictures a second, or with one a second that only the clock has changed."""
    from tui.app import LockstepApp, run_dashboard

    base = crowd_snapshot()
    feed = FixedFeed(base)
    app = LockstepApp(feed)

    def publish() -> None:
        for step in count():
            feed.current = (
                _moved(base, step, rate) if rate else replace(base, seq=step, at_ns=base.at_ns + step * NS_PER_S)
            )
            time.sleep(1 / (rate or 1))

    threading.Thread(target=publish, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda _number, _frame: app.request_exit(0))
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
        case ["crowd", rate]:
            run_crowd(int(rate))
        case ["keys", rate, into]:
            run_keys(int(into), int(rate))
        case _:
            main()
