"""Every I/O point of a small day at which the process can die, once and twice: enumerated, not sampled.

A day of a strategy of four legs with three children: entered leg by leg, one leg reduced, adjusted, and given up. With
`follow: orders` the same by orders that rest: copied while they do, moved, filled ahead of the master's and after it,
and taken back. The process dies at the k-th point of its life, the one after it at its j-th; each time somebody resumes
at once. In the end every child holds exactly its share (what was held for the operator comes with a resync), and then
nobody holds anything.

    python -m tests.sim.crash_points [fills|orders] [appends]         every pair
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path

from msgspec.structs import replace

from config.schema import Account, Child, Confirm, ConfirmWhen, Follow, Mode, Paper, Risk, Settings, Timing
from engine.core.symbols import instrument_from_symbol
from engine.model import NS_PER_MS, BookStatus, OrderReport, OrderType, Side
from engine.ports import SessionState
from paper import scenario as act
from paper.scenario import MASTER, Scenario
from paper.verify.campaign import run_plan
from paper.verify.draft import DAY, LOT, START_NS, TICK, quote
from paper.verify.plan import Happening, Plan, Trouble
from paper.verify.trial import Trial
from state.session import Session

LEGS = ("NIFTY26NOV24700CE", "NIFTY26NOV24300PE", "NIFTY26NOV24500CE", "NIFTY26NOV24500PE")
TRADES = (
    (1100, LEGS[0], Side.BUY, 10),
    (1500, LEGS[1], Side.BUY, 10),
    (1900, LEGS[2], Side.SELL, 10),
    (2300, LEGS[3], Side.SELL, 10),
    (3700, LEGS[3], Side.BUY, 4),
    (4100, LEGS[2], Side.SELL, 6),
    (5100, LEGS[3], Side.BUY, 6),
)
"""(ms after the start, symbol, side, lots of the master)."""
OPEN, DONE, GONE = BookStatus.OPEN, BookStatus.COMPLETE, BookStatus.CANCELLED
RESTS = (
    ("M0", LEGS[0], Side.BUY, 10, ((1100, OPEN, 0, "100"), (1400, DONE, 10, "100"))),  # copies fill before his does
    ("M1", LEGS[1], Side.BUY, 10, ((1500, OPEN, 0, "99.5"), (1700, OPEN, 0, "99.2"), (1900, DONE, 10, "99.2"))),
    ("M2", LEGS[2], Side.SELL, 10, ((2300, OPEN, 0, "100.8"), (2500, OPEN, 4, "100.8"), (2700, DONE, 10, "100.8"))),
    ("M3", LEGS[0], Side.BUY, 6, ((2900, OPEN, 0, "99"), (3100, GONE, 0, "99"))),
    ("M4", LEGS[2], Side.BUY, 4, ((6500, OPEN, 0, "98"), (6700, OPEN, 0, "100"), (7000, DONE, 4, "100"))),
    ("M5", LEGS[1], Side.SELL, 10, ((7300, OPEN, 0, "100.6"), (7500, DONE, 10, "100.6"))),
)
"""His order, symbol, side, lots, and what becomes of it: (ms after the start, status, lots filled, limit in rupees)."""
CALM_MS = {Follow.FILLS: 6000, Follow.ORDERS: 11_000}


def plan(deaths: tuple[int, ...] = (), follow: Follow = Follow.FILLS) -> Plan:
    """The day, with the process dying at these points of its lives."""
    settings = Settings(
        master=Account(id=MASTER, broker="paper", capital_inr=Decimal(1_000_000)),
        children=tuple(
            Child(id=f"C{i}", broker="paper", capital_inr=Decimal(amount))
            for i, amount in enumerate((300_000, 500_000, 1_000_000))
        ),
        confirm=Confirm(when=ConfirmWhen.NEVER),
        follow=follow,
        timing=Timing(poll_interval_s=Decimal(5), aggregation_ms=100),
        risk=Risk(max_orders_per_minute=None),
        paper=Paper(margins=False, latency_ms=20, quote_stale_s=Decimal(100_000)),
    )
    scenario = Scenario(
        name="crash points",
        day=DAY,
        start_ns=START_NS,
        end_ns=START_NS,
        settings=settings,
        instruments=tuple(instrument_from_symbol("NFO", symbol, LOT, TICK, 8 * LOT) for symbol in LEGS),
        instruments_next_day=None,
        master_positions={},
        steps=(),
        expect={},
    )
    return Plan(
        seed=0,
        scenario=scenario,
        happenings=tuple(_happenings(follow)),
        calm_ns=START_NS + CALM_MS[follow] * NS_PER_MS,
        resync=True,
        deaths=deaths,
        resumes=True,
    )


def _happenings(follow: Follow) -> Iterator[Happening]:
    for symbol in LEGS:
        yield _at(0, act.Quotes(quotes=(quote(symbol, START_NS),)))
    for ms, report in _traded() if follow is Follow.FILLS else _rested():
        yield _at(ms, act.MasterTrades(report=report))


def _traded() -> Iterator[tuple[int, OrderReport]]:
    for number, (ms, symbol, side, lots) in enumerate(TRADES):
        yield ms, _report(f"M{number}", ms, symbol, side, lots)


def _rested() -> Iterator[tuple[int, OrderReport]]:
    for order_id, symbol, side, lots, course in RESTS:
        placed_ns = START_NS + course[0][0] * NS_PER_MS
        for ms, status, filled, price in course:
            report = replace(
                _report(order_id, ms, symbol, side, lots),
                order_type=OrderType.LIMIT,
                price_inr=Decimal(price),
                filled=filled * LOT,
                average_price_inr=Decimal(price) if filled else None,
                status=status,
                placed_ns=placed_ns,
            )
            yield ms, report


def _at(ms: int, trouble: Trouble) -> Happening:
    return Happening(at_ns=START_NS + ms * NS_PER_MS, trouble=trouble)


def _report(order_id: str, ms: int, symbol: str, side: Side, lots: int) -> OrderReport:
    return OrderReport(
        order_id=order_id,
        exchange="NFO",
        symbol=symbol,
        product="NRML",
        side=side,
        order_type=OrderType.MARKET,
        quantity=lots * LOT,
        filled=lots * LOT,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        placed_ns=START_NS + ms * NS_PER_MS,
        updated_ns=START_NS + ms * NS_PER_MS,
    )


def open_at(root: Path, watch: object) -> SessionState:
    """The real session."""
    return Session(root, Mode.PAPER, sync=False, watch=watch)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Death:
    """One run: where the processes died, what was wrong, and which points the last of them would have had."""

    deaths: tuple[int, ...]
    violations: tuple[str, ...]
    last_life: tuple[str, ...]
    positions: tuple[tuple[str, str, int], ...]


def die(deaths: tuple[int, ...], follow: Follow = Follow.FILLS) -> Death:
    """Run the day with these deaths."""
    trial = run_plan(plan(deaths, follow), open_at, names_points=True)
    lives = trial.disk.lives or []
    last = lives[len(deaths)] if len(lives) > len(deaths) else []
    filled = sorted((c.id, r.tag, r.filled) for c in trial.scenario.settings.children for r in _rows(trial, c.id))
    return Death(deaths, tuple(trial.violations), tuple(last), tuple(filled))


def _rows(trial: Trial, child: str) -> Sequence[OrderReport]:
    return trial.world.exchange.orders(child)


def points(life: Sequence[str], *, appends: bool) -> list[int]:
    """The points of a life at which to die, from 1 on.

    An entry that is appended and not committed changes nothing on disk or outside: to die before it is to die after the
    commit before it, but for the time. Such points may be left out of pairs.
    """
    return [i + 1 for i, name in enumerate(life) if appends or name != "append"]


def pairs(first: int, follow: Follow = Follow.FILLS, *, appends: bool = False) -> list[Death]:
    """Every second death of the process after one that died at its `first` point."""
    once = die((first,), follow)
    return [die((first, second), follow) for second in points(once.last_life, appends=appends)]


def main(arguments: Sequence[str]) -> int:
    """Every single point and every pair."""
    follow = Follow.ORDERS if Follow.ORDERS.value in arguments else Follow.FILLS
    appends = "appends" in arguments
    alone = die((), follow)
    singles = points(alone.last_life, appends=True)
    firsts = points(alone.last_life, appends=False)
    with ProcessPoolExecutor() as pool:
        ones = list(pool.map(partial(die, follow=follow), ((first,) for first in singles), chunksize=10))
        print(f"single deaths: {len(ones)}, broken: {sum(bool(d.violations) for d in ones)}", flush=True)
        twos = list(chain.from_iterable(pool.map(partial(pairs, follow=follow, appends=appends), firsts)))
    broken = [death for death in (alone, *ones, *twos) if death.violations]
    print(f"pairs: {len(twos)} (of {len(firsts)} first points), broken: {sum(bool(d.violations) for d in twos)}")
    for death in broken[:20]:
        print(death.deaths, death.violations[0])
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
