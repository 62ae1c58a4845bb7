"""Half an hour of a busy day in one process: whether its memory stays flat, and what it does when its terminal goes.

    python -m bench.steady [--minutes 30] [--children 20] [--speed 10]

The demo's market runs faster than a clock does, with many children, in a pseudo terminal; somebody looks around in the
dashboard meanwhile. At the end the terminal's window is closed while a strategy is open: the engine has to go on, and
SIGTERM has to end it in an orderly way. It ends with 1 when memory grew by more than the orders of the day take, or one
of these did not happen.
"""

import argparse
import json
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.demo import DEMO_CONFIG
from bench.terminal import Terminal, runner

LETTERS = tuple(bytes([code]) for code in b"12345678d?/")
LOOKS = (*LETTERS, b"\r", b"\x1b", b"\x1b", b"\x1b[A", b"\x1b[B", b"\x1b[5~", b"\x1b[6~")
"Keys that look and order nothing."
LOOKS_PER_S = 2.0
SAMPLE_S = 10.0
WARM_SHARE = 0.2
"""What the program takes while it warms up is no growth."""
ORDER_KB_MOST = 10.0
"""What one order of the day may take: in the engine's state, and in the books of the paper exchange."""
GROWS_MB_MOST = 10.0
"""What else may grow between the second fifth and the last."""
OPENS_S = 120.0
GOES_ON_S = 4.0
"""Less than a strategy of the demo takes: with its end the engine ends, too."""
GONE = "the terminal is gone"


@dataclass
class Seen:
    """What a run came to."""

    rss_mb: list[int] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    "Placed so far, by sample of the memory."
    cpu_s: float = 0.0
    drawn: int = 0
    events: int = 0
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def configure(directory: Path, children: int, speed: float) -> Path:
    """The demo's configuration with more children, and its market faster."""
    text = DEMO_CONFIG.read_text(encoding="utf-8").partition("children:")[0]
    rows = [
        f"  - {{id: CHILD-{n}, broker: paper, capital_inr: {900_000 + 50_000 * n}}}" for n in range(1, children + 1)
    ]
    path = directory / "steady.yaml"
    path.write_text("\n".join([f"{text}children:", *rows, f"demo: {{speed: {speed:g}}}", ""]), encoding="utf-8")
    return path


def count(directory: Path, query: str) -> int:
    """What the journal says, 0 before there is one."""
    path = next(iter(directory.rglob("journal.sqlite3")), None)
    if path is None:
        return 0
    journal = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(journal.execute(query).fetchone()[0])
    finally:
        journal.close()


def events_of(directory: Path) -> int:
    """How many events the engine has handled."""
    return count(directory, "select count(*) from entries")


def orders_of(directory: Path) -> int:
    """How many orders were placed: each has a tag."""
    return count(directory, "select count(distinct tag) from commands where tag is not null")


def is_open(directory: Path) -> bool:
    """Whether a strategy runs, as another process sees it."""
    found = subprocess.run(runner("status", "--json"), cwd=directory, capture_output=True, check=True)
    return bool(json.loads(found.stdout)["strategy"] != "FLAT")


def look_around(terminal: Terminal, directory: Path, until_s: float, seen: Seen) -> None:
    """Look at everything until the time is over, and write down what it takes."""
    rng, sampled_s = Random(1), time.monotonic()
    while time.monotonic() < until_s and terminal.process.poll() is None:
        terminal.send(rng.choice(LOOKS))
        seen.drawn += terminal.take(1 / LOOKS_PER_S)
        if time.monotonic() - sampled_s >= SAMPLE_S:
            sampled_s = time.monotonic()
            rss_mb, seen.cpu_s = terminal.cost()
            seen.rss_mb.append(rss_mb)
            seen.orders.append(orders_of(directory))


def lose(terminal: Terminal, directory: Path, seen: Seen) -> None:
    """Close the window as soon as a strategy has begun; see that the engine goes on; end it."""
    opens_s = time.monotonic() + OPENS_S
    for state in (False, True):
        while is_open(directory) is not state and time.monotonic() < opens_s:
            terminal.take(0.2)
    before = events_of(directory)
    terminal.close()
    time.sleep(GOES_ON_S)
    if terminal.process.poll() is not None:
        seen.wrong.append(f"it ended with its terminal: {terminal.process.returncode}")
        return
    if events_of(directory) <= before:
        seen.wrong.append("nothing went on after the terminal was gone")
    if not any(GONE in path.read_text(encoding="utf-8") for path in directory.rglob("*.log")):
        seen.wrong.append("the log does not say that the terminal is gone")
    terminal.process.send_signal(signal.SIGTERM)
    if (code := terminal.process.wait(60)) != 0:
        seen.wrong.append(f"SIGTERM ended it with {code}")


def by_fifths(samples: list[int]) -> tuple[float, float]:
    """The median after the warm-up, and that of the last fifth."""
    part = max(1, int(len(samples) * WARM_SHARE))
    return statistics.median(samples[part : 2 * part] or samples), statistics.median(samples[-part:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, and say what was seen. Without `argv` it takes the command line's."""
    parser = argparse.ArgumentParser(prog="python -m bench.steady", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--children", type=int, default=20)
    parser.add_argument("--speed", type=float, default=10.0, help="of the market's clock (default 10)")
    arguments = parser.parse_args(argv)
    seen = Seen()
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        config = configure(directory, arguments.children, arguments.speed)
        terminal, began_s = Terminal(runner("run", "--config", str(config)), directory), time.monotonic()
        look_around(terminal, directory, began_s + arguments.minutes * 60, seen)
        seen.took_s, seen.events = time.monotonic() - began_s, events_of(directory)
        if terminal.process.poll() is None:
            lose(terminal, directory, seen)
        else:
            seen.wrong.append(f"it ended by itself: {terminal.process.returncode}: {terminal.tail[-300:]!r}")
        if any("Traceback" in path.read_text(encoding="utf-8") for path in directory.rglob("*.log")):
            seen.wrong.append("a traceback is in the log")
    if not seen.rss_mb:
        print("\n".join(["it ended before it was looked at", *seen.wrong]))
        return 1
    (first_mb, last_mb), (first, last) = by_fifths(seen.rss_mb), by_fifths(seen.orders)
    if last_mb - first_mb > GROWS_MB_MOST + (last - first) * ORDER_KB_MOST / 1024:
        seen.wrong.append("memory grows")
    print(f"{seen.took_s:.0f} s, {seen.events / seen.took_s:.0f} events/s, {seen.drawn // 1024} kB drawn")
    print(f"memory {first_mb:.0f} MB after the warm-up, {last_mb:.0f} MB at the end, most {max(seen.rss_mb)} MB")
    print(f"orders {first:.0f} after the warm-up, {last:.0f} at the end: ", end="")
    print(f"{(last_mb - first_mb) * 1024 / max(1.0, last - first):.1f} kB an order")
    print(f"{seen.cpu_s / seen.took_s:.0%} of a core")
    for text in seen.wrong:
        print(f"WRONG {text}")
    return 1 if seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
