"""Leans on the real program in a pseudo terminal: keys, garbage, pastes and sizes at random, for as long as is wanted.

    python -m bench.soak [--minutes 5] [--seed 1] [--keys 20]

The demo trades meanwhile. An orderly quit that the keys bring about is answered by a new start. It ends with what was
sent, what the processes took, and 1 when one of them failed, hung, or wrote a traceback.
"""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.terminal import SIZE, Terminal, runner

KEYS = [
    *(bytes([code]) for code in b"abcdefghijklmnoprstuvwxyz0123456789 /?.-+"),
    *(
        b"\r",
        b"\r",
        b"\x1b",
        b"\x7f",
        b"\t",
        b"\x10",
        b"\x1b[A",
        b"\x1b[B",
        b"\x1b[C",
        b"\x1b[D",
        b"\x1b[5~",
        b"\x1b[6~",
    ),
    *(b"\x1b[H", b"\x1b[F", b"\x1bOP", b"\x1b[24~", b"\x1b[Z", b"y", b"n"),
]
GARBAGE = (
    b"\x1b[200~FLATTEN\rFLATTEN\r\x1b[201~",
    b"\x1b[200~" + b"k" * 20_000 + b"\x1b[201~",
    b"\xff\xfe\x00\x80",
    b"\x1b[<0;5;5M\x1b[<0;5;5m\x1b[<64;10;10M",
    b"\x1b[999;999R\x1b]52;c;AAAA\x07\x1bP+q\x1b\\",
    "१२३ \U0001f4a5 \u202e".encode(),
)
SIZES = (SIZE, (24, 80), (60, 200), (10, 40), (1, 1), (100, 300), (24, 81))
HANGS_S = 30.0
"""A program that draws nothing for so long although its clock runs hangs."""


@dataclass
class Tally:
    """What was sent, and what became of it."""

    keys: int = 0
    sizes: int = 0
    garbage: int = 0
    drawn: int = 0
    starts: int = 0
    orderly: int = 0
    most_rss_mb: int = 0
    cpu_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def lean(terminal: Terminal, rng: Random, tally: Tally, until_s: float, keys_a_second: int) -> None:
    """Until the program has gone, or the time is over."""
    cpu_s = 0.0
    while time.monotonic() < until_s and terminal.process.poll() is None:
        what = rng.random()
        if what < 0.04:
            terminal.resize(rng.choice(SIZES))
            tally.sizes += 1
        elif what < 0.06:
            terminal.send(rng.choice(GARBAGE))
            tally.garbage += 1
        else:
            burst = rng.choice((1, 1, 1, 2, 5))
            terminal.send(b"".join(rng.choice(KEYS) for _ in range(burst)))
            tally.keys += burst
        tally.drawn += terminal.take(1 / keys_a_second)
        try:
            rss_mb, cpu_s = terminal.cost()
        except OSError:
            break
        tally.most_rss_mb = max(tally.most_rss_mb, rss_mb)
        if time.monotonic() - terminal.drew_s > HANGS_S:
            tally.wrong.append("it draws nothing any more")
            terminal.process.kill()
            break
    tally.cpu_s += cpu_s


def _shortened(traceback: str) -> list[str]:
    """Each line once: those of a recursion are many."""
    return list(dict.fromkeys(traceback.splitlines()))[-150:]


def main() -> int:
    """Lean on it, and say what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keys", type=int, default=20, help="bursts of keys a second (default 20)")
    arguments = parser.parse_args()
    rng, tally, began_s = Random(arguments.seed), Tally(), time.monotonic()
    until_s = began_s + arguments.minutes * 60
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        while time.monotonic() < until_s and not tally.wrong:
            terminal = Terminal(runner("run", "--demo"), directory)
            tally.starts += 1
            lean(terminal, rng, tally, until_s, arguments.keys)
            is_over = terminal.process.poll() is None
            code = terminal.hang_up() if is_over else terminal.process.wait()
            if code not in (0, 130, 143, -signal.SIGTERM):
                tally.wrong.append(f"it ended with {code}: {terminal.tail[-300:]!r}")
            tally.orderly += not is_over
            terminal.close()
        for path in directory.rglob("*.log"):
            for part in path.read_text(encoding="utf-8", errors="replace").split("Traceback (most recent")[1:]:
                tally.wrong.append("a traceback in the log:\n" + "\n".join(_shortened(part.partition("\n\n")[0])))
    took_s = time.monotonic() - began_s
    print(f"{took_s:.0f} s, {tally.starts} starts, {tally.orderly} ended by the keys in an orderly way")
    print(f"{tally.keys} keys, {tally.garbage} pastes and garbage, {tally.sizes} sizes, {tally.drawn // 1024} kB drawn")
    print(f"most memory {tally.most_rss_mb} MB, {tally.cpu_s / took_s:.0%} of a core")
    for text in tally.wrong:
        print(f"WRONG {text}")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
