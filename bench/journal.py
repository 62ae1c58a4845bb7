"""How long a durable commit of the journal takes, beside a bare write and fsync of as many bytes on the same disk."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from math import ceil
from pathlib import Path

from config.schema import Mode
from engine.commands import PlaceOrder
from engine.events import TimePassed
from engine.model import NS_PER_S, OrderType, Side
from state.journal import SqliteJournal

COMMITS = 400
CHILDREN = 10
LOG_BYTES = 4 << 20
DAY_NS = 1_793_592_000 * NS_PER_S


def main() -> None:
    """Measure in turn, so that both meet the same disk, and print."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=_where()) as name:
        directory = Path(name)
        journal = SqliteJournal(directory / "journal.sqlite3")
        log = directory / "journal.sqlite3-wal"
        journal.start_session(day="2026-11-02", started_ns=DAY_NS, mode=Mode.PAPER, program_version="bench")
        descriptor = os.open(directory / "bare", os.O_WRONLY | os.O_CREAT, 0o600)
        commits, bare = [], []
        sizes: list[int] = []
        for number in range(COMMITS):
            bytes_before = log.stat().st_size
            commits.append(_seconds(partial(_commit, journal, number)))
            grown = log.stat().st_size - bytes_before
            # A log that was begun anew is written over its old frames and does not grow.
            sizes.append(grown if grown > 0 else sizes[-1])
            bare.append(_seconds(partial(_write, descriptor, sizes[-1])))
        os.close(descriptor)
        journal.close()
    ratio = statistics.median(commits) / statistics.median(bare)
    print(
        f"journal: a durable commit of one decision with {CHILDREN} orders takes {_figures(commits)}; a bare write of "
        f"the same bytes ({statistics.median(sizes):,.0f}) and fsync {_figures(bare)}: {ratio:.1f} times"
    )


def _where() -> Path:
    """The checkout's own disk: a temporary directory may lie in memory, where fsync costs nothing."""
    return Path(__file__).resolve().parent


def _seconds(action: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    action()
    return time.perf_counter() - began_s


def _commit(journal: SqliteJournal, number: int) -> None:
    at_ns = DAY_NS + number * NS_PER_S
    journal.append(TimePassed(at_ns=at_ns), [_order(number, child) for child in range(CHILDREN)])
    journal.commit()


def _order(number: int, child: int) -> PlaceOrder:
    return PlaceOrder(
        account=f"C{child}",
        tag=f"LS{number:06d}{child:02d}",
        exchange="NFO",
        symbol="NIFTY26NOV24500CE",
        product="NRML",
        side=Side.SELL,
        quantity=65,
        order_type=OrderType.MARKET,
        price_inr=Decimal("100.05"),
    )


def _write(descriptor: int, size_bytes: int) -> None:
    if os.lseek(descriptor, 0, os.SEEK_CUR) > LOG_BYTES:  # like the journal's log, which is begun anew
        os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, b"\0" * size_bytes)
    os.fsync(descriptor)


def _figures(seconds: list[float]) -> str:
    p99 = sorted(seconds)[ceil(len(seconds) * 0.99) - 1]
    return f"{statistics.median(seconds) * 1e3:.2f} ms (median), {p99 * 1e3:.2f} ms (p99)"


if __name__ == "__main__":
    main()
