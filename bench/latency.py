"""From the master's order update leaving Kite to the last child's order arriving there, beside three others.

Everybody meets the same server (`bench.kite`), which answers an order after 20 ms, and starts from a ticker's frame.
The others: the stock SDK in a loop and in a thread pool, and finished bytes on warm sockets, which nothing can beat.
"""

import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import IO, Any, Final, cast

from bench.replica import STAGES

CHILDREN: Final = (1, 10, 50, 100)
ROUNDS: Final = 20
"""Of which the master buys in every other one and sells in the others."""
BLOCKS: Final = 2
WARM_ROUNDS: Final = 2
LOOP_ROUNDS: Final = 4
"""A loop takes 20 ms and more for each child."""
LOTS: Final = 10
BASE_LOTS: Final = 10
PAUSE_S: Final = (0.2, 0.7)
"""At random, so that rounds meet every phase of the polls."""
NAMES: Final = {"loop": "SDK, loop", "pool": "SDK, pool", "own": "Lockstep", "floor": "bytes"}
NS_PER_MS: Final = 1_000_000
Round = dict[str, Any]


class Contestant:
    """One process, and what it was measured at."""

    def __init__(self, name: str, children: int, port: int, directory: Path) -> None:
        self.name, self.children, self._port = name, children, port
        module = ["bench.replica"] if name == "own" else ["bench.rivals", name]
        more = [str(directory)] if name == "own" else []
        self._process = subprocess.Popen(
            [sys.executable, "-m", *module, str(port), str(children), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._input, self._output = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        if self._output.readline().strip() != "ready":
            raise RuntimeError(f"{name} with {children} children did not start")

    def play(self, side: str, lots: int) -> Round:
        """The master trades once."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        body = json.dumps({"side": side, "lots": lots, "wanted": self.children})
        connection.request("POST", "/bench/round", body)
        found: Round = json.loads(connection.getresponse().read())
        connection.close()
        if len(found["arrived_ns"]) < self.children:
            raise RuntimeError(f"{self.name}: {len(found['arrived_ns'])} of {self.children} orders arrived")
        if self.name == "own":
            self._input.write("\n")
            self._input.flush()
            found["stages"] = json.loads(self._output.readline())
        return found

    def close(self) -> None:
        """End it."""
        self._input.close()
        self._process.wait(30)


@contextmanager
def server(children: int) -> Iterator[int]:
    """Kite in a process of its own; its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.kite", str(children)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(cast("IO[str]", process.stdout).readline())
        finally:
            cast("IO[str]", process.stdin).close()


def measure(name: str, children: int, rounds: int) -> list[Round]:
    """Play some rounds against one contestant."""
    chance = random.Random(7)
    with server(children) as port, tempfile.TemporaryDirectory(prefix=".bench-", dir=_where()) as directory:
        contestant = Contestant(name, children, port, Path(directory))
        try:
            contestant.play("BUY", BASE_LOTS)  # so that the rounds are neither the first nor the last of a strategy
            found = []
            for number in range(WARM_ROUNDS + rounds):
                time.sleep(chance.uniform(*PAUSE_S))
                found.append(contestant.play("BUY" if number % 2 == 0 else "SELL", LOTS))
        finally:
            contestant.close()
    return found[WARM_ROUNDS:]


def main() -> None:
    """Measure all, print a table, and what Lockstep's time goes into."""
    own: dict[int, list[Round]] = {}
    print("latency, ms from the master's update leaving Kite to the last child's order arriving there (median and p90)")
    print(f"{'children':>8} " + " ".join(f"{name:>15}" for name in NAMES.values()) + "  of bytes  of pool")
    for children in CHILDREN:
        spans: dict[str, list[float]] = {name: [] for name in NAMES}
        for _ in range(BLOCKS):
            for name in NAMES:
                rounds = measure(name, children, LOOP_ROUNDS // BLOCKS if name == "loop" else ROUNDS // BLOCKS)
                spans[name] += [_span_ms(found) for found in rounds]
                if name == "own":
                    own.setdefault(children, []).extend(rounds)
        middle = {name: statistics.median(found) for name, found in spans.items()}
        cells = " ".join(f"{middle[name]:>7.2f} {_p90(spans[name]):>7.2f}" for name in NAMES)
        ratios = f"{middle['own'] / middle['floor']:>7.1f}x {middle['pool'] / middle['own']:>7.1f}x"
        print(f"{children:>8} {cells}  {ratios}", flush=True)
    _print_stages(own)


def _print_stages(own: dict[int, list[Round]]) -> None:
    """Where Lockstep's time goes: when each stage is over, and what that is for one order."""
    print("Lockstep, ms from the update leaving Kite to the end of each stage (median), and where the time of one goes")
    print(f"{'children':>8} " + " ".join(f"{stage:>9}" for stage in (*STAGES, "arrived")))
    for children, rounds in own.items():
        heard, decided, durable, sent = (
            statistics.median(_after_ms(found, stage) for found in rounds) for stage in STAGES
        )
        arrived = statistics.median(_span_ms(found) for found in rounds)
        cost_us = statistics.median(cost / 1000 for found in rounds for cost in found["cost_ns"])
        print(
            f"{children:>8} {heard:>9.2f} {decided:>9.2f} {durable:>9.2f} {sent:>9.2f} {arrived:>9.2f}  "
            f"{(decided - heard) / children * 1000:.0f} us to decide an order, {durable - decided:.1f} ms to make all "
            f"durable, {(sent - durable) / children * 1000:.0f} us to send one; Kite's own {cost_us:.0f} us an order"
        )


def _after_ms(found: Round, stage: str) -> float:
    return float(found["stages"][stage] - found["left_ns"]) / NS_PER_MS


def _span_ms(found: Round) -> float:
    return float(max(found["arrived_ns"]) - found["left_ns"]) / NS_PER_MS


def _p90(values: Sequence[float]) -> float:
    return sorted(values)[ceil(len(values) * 0.9) - 1]


def _where() -> Path:
    """The checkout's own disk: a temporary directory may lie in memory, where fsync costs nothing."""
    return Path(__file__).resolve().parent


if __name__ == "__main__":
    main()
