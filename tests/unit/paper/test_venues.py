"""Markets to trade in: the demo's strategy is copied in ratio, a recorded day is replayed to its end. Virtual time only."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from config.load import load_settings
from config.rules import trading_sessions
from config.schema import Mode, Settings
from engine.agenda import Agenda
from engine.clock import VirtualClock
from engine.core.invariants import violations
from engine.core.replicator import Replicator
from engine.core.turn import Turn
from engine.errors import ConfigError
from engine.loop import EngineLoop
from engine.model import NS_PER_S
from engine.opening import opening
from engine.runtime import Runtime, boot
from engine.snapshot import StrategyState
from engine.view import Frame
from paper.accounts import for_replay
from paper.recorded import load_day
from paper.venues import (
    SETTLE_NS,
    DemoVenue,
    ReplayVenue,
    Venue,
    demo_day,
    demo_expiry,
    demo_start_ns,
    first_ns,
    last_ns,
)
from paper.verdict import replay_result
from state.session import Session
from tests.scenarios.files import ROOT

DAY = date(2026, 11, 2)
DEMO = ROOT / "config" / "demo.yaml"
RATIOS = {"CHILD-1": Decimal(3) / 10, "CHILD-2": Decimal(1) / 7, "CHILD-3": Decimal(1) / 2}


def demo_settings() -> Settings:
    return load_settings(DEMO)


class Run:
    """A venue with an engine on a virtual clock; broken invariants are collected after every round of work."""

    def __init__(self, start_ns: int, make: Callable[[EngineLoop], Venue], settings: Settings, root: Path) -> None:
        self.loop = EngineLoop(VirtualClock(start_ns), Agenda())
        self.venue = make(self.loop)
        session = Session(root, Mode.PAPER, sync=False)
        lanes, feed = self.venue.world.connect()
        start = opening(settings, self.venue.day, start_ns, unclean=False)
        self.host = boot(self.loop, session, lanes, feed, start, self.venue.files, version="test")
        self.runtime = Runtime(self.loop, self.host, session, Frame(), until_ns=self.venue.until_ns)
        self.start_ns = start_ns
        self.violations: list[str] = []
        self.loop.on_beat = self._watch

    @property
    def core(self) -> Replicator:
        return self.host.replicator

    def positions(self) -> dict[str, dict[str, int]]:
        """Net units of every account, master first."""
        return {account: self.venue.world.net_positions(account) for account in self.venue.world.brokers}

    def run(self, until_s: int) -> None:
        self.loop.run(until_ns=self.start_ns + until_s * NS_PER_S)

    def _watch(self) -> None:
        state = self.core.state
        self.violations += violations(Turn(state, state.now_ns, {c.id: c for c in state.settings.children}))


@pytest.fixture
def demo(tmp_path: Path) -> Run:
    settings, start_ns = demo_settings(), demo_start_ns(DAY)
    return Run(start_ns, lambda loop: DemoVenue(settings, loop, DAY, start_ns), settings, tmp_path)


def test_demo_s_children_hold_the_condor_in_their_ratios(demo: Run) -> None:
    demo.run(50)
    held = demo.positions()
    master = held.pop("DEMO-MASTER")
    assert sorted(master.values()) == [-650, -650, 650, 650]
    for child, ratio in RATIOS.items():
        lots = {symbol: int(Decimal(units) / 65 * ratio) for symbol, units in master.items()}
        assert held[child] == {symbol: count * 65 for symbol, count in lots.items() if count}


def test_demo_completes_a_strategy_and_begins_the_next_without_a_broken_invariant(demo: Run) -> None:
    demo.run(175)
    (strategy,) = demo.core.state.strategies.values()
    first = {child: str(ratio) for child, ratio in strategy.last_ratios.items()}
    demo.run(200)
    assert first == {"CHILD-1": "3/10", "CHILD-2": "1/7", "CHILD-3": "1/2"}
    assert demo.core.state.strategies["ACCOUNT"].number == 2
    assert (demo.host.failed, demo.violations) == ("", [])
    for child in RATIOS:
        rows = demo.venue.world.exchange.orders(child)
        assert len(rows) >= 8
        assert all(row.tag and row.filled == row.quantity for row in rows)


def test_demo_is_flat_between_two_strategies(demo: Run) -> None:
    demo.run(175)
    assert demo.positions() == {account: {} for account in demo.positions()}
    assert {s.state for s in demo.core.state.strategies.values()} == {StrategyState.FLAT}
    assert {skip.reason for skip in demo.core.state.skips.values()} <= {"below one lot"}


def test_demo_is_the_same_every_time(tmp_path: Path) -> None:
    settings, start_ns = demo_settings(), demo_start_ns(DAY)
    books = []
    for name in ("a", "b"):
        run = Run(start_ns, lambda loop: DemoVenue(settings, loop, DAY, start_ns), settings, tmp_path / name)
        run.run(30)
        books.append({account: run.venue.world.exchange.orders(account) for account in RATIOS})
    assert books[0] == books[1]
    assert any(books[0].values())


def test_demo_until_flat_ends_after_its_first_strategy(demo: Run) -> None:
    demo.runtime.until_flat = True
    demo.runtime.run()
    elapsed_s = (demo.loop.clock.now_ns() - demo.start_ns) / NS_PER_S
    assert 144 < elapsed_s < 183
    assert demo.positions() == {account: {} for account in demo.positions()}


# Days


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2026, 11, 2), date(2026, 11, 2)),
        (date(2026, 11, 1), date(2026, 11, 2)),
        (date(2026, 10, 31), date(2026, 11, 2)),
    ],
    ids=["trading day", "Sunday", "Saturday"],
)
def test_demo_plays_today_or_the_next_trading_day(today: date, day: date) -> None:
    assert demo_day(today) == day


def test_demo_beyond_the_calendar_plays_the_last_day_that_is_known() -> None:
    day = demo_day(date(2031, 5, 5))
    assert trading_sessions(day)
    assert day < date(2031, 5, 5)


@pytest.mark.parametrize("day", [date(2026, 11, n) for n in range(2, 7)])
def test_demo_s_contracts_expire_some_days_later_on_a_trading_day(day: date) -> None:
    expiry = demo_expiry(day)
    assert 3 <= (expiry - day).days <= 11
    assert trading_sessions(expiry)


# Replays

SYMBOL = "NIFTY26NOV24500CE"
QUOTES = "time,symbol,last,bid,bid_qty,ask,ask_qty,volume_lots,oi_lots\n"
ORDERS = "time,order_id,symbol,side,quantity,price,product\n"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Five minutes in which the master buys ten lots and sells them again."""
    directory = tmp_path / "2026-11-02"
    directory.mkdir()
    times = [f"09:{minute:02d}:{second:02d}" for minute in range(30, 35) for second in range(0, 60, 2)]
    rows = [f"{time},{SYMBOL},100.05,100.00,6500,100.10,6500,10,100\n" for time in times]
    (directory / "quotes.csv").write_text(QUOTES + "".join(rows), encoding="utf-8")
    trades = (f"09:31:01,1001,{SYMBOL},BUY,650,100.10,NRML\n", f"09:33:01,1002,{SYMBOL},SELL,650,100.00,NRML\n")
    (directory / "master_orders.csv").write_text(ORDERS + "".join(trades), encoding="utf-8")
    return directory


def replay(directory: Path, root: Path) -> Run:
    settings = for_replay(demo_settings(), DEMO, answered=False)
    day = load_day(directory)
    return Run(first_ns(day), lambda loop: ReplayVenue(settings, loop, day), settings, root)


def test_replay_begins_before_its_first_thing_and_ends_after_its_last(recorded: Path) -> None:
    day = load_day(recorded)
    assert first_ns(day) < min(day.quotes[0][0], day.master_orders[0].placed_ns)
    assert last_ns(day) == max(day.quotes[-1][0], day.master_orders[-1].updated_ns)


def test_replay_is_copied_and_ends_flat(recorded: Path, tmp_path: Path) -> None:
    run = replay(recorded, tmp_path / "state")
    run.loop.run(until_ns=last_ns(load_day(recorded)) - 150 * NS_PER_S)
    half = run.positions()
    run.runtime.run()
    assert half == {
        "DEMO-MASTER": {SYMBOL: 650},
        "CHILD-1": {SYMBOL: 195},
        "CHILD-2": {SYMBOL: 65},
        "CHILD-3": {SYMBOL: 325},
    }
    assert run.positions() == {account: {} for account in half}
    assert run.loop.clock.now_ns() == last_ns(load_day(recorded)) + SETTLE_NS == run.venue.until_ns
    assert (run.host.failed, run.violations) == ("", [])


def test_replay_s_document_has_every_account_s_result(recorded: Path, tmp_path: Path) -> None:
    run = replay(recorded, tmp_path / "state")
    run.runtime.run()
    document = replay_result(run.venue, run.core.state)
    assert (document["day"], document["name"]) == ("2026-11-02", "2026-11-02")
    assert document["master"] == {"orders": 2, "positions": {}}
    pnl = document["pnl_inr"]
    assert isinstance(pnl, dict)
    assert set(pnl) == {"DEMO-MASTER", *RATIOS}
    assert pnl["DEMO-MASTER"]["realised"] == -65
    assert pnl["CHILD-1"]["realised"] == pytest.approx(-19.5)
    assert pnl["CHILD-1"]["charges"] > 0
    assert (document["violations"], document["failed"]) == ([], [])


def test_replay_s_master_is_pushed_once_for_each_order(recorded: Path, tmp_path: Path) -> None:
    run = replay(recorded, tmp_path / "state")
    run.runtime.run()
    told = [line.text for line in run.host.notices if line.text.startswith("master ")]
    assert told == ["master BUY 650 at 100.10", "master SELL 650 at 100.00"]


def test_day_without_market_data_is_refused(recorded: Path) -> None:
    (recorded / "quotes.csv").unlink()
    with pytest.raises(ConfigError):
        load_day(recorded)
