"""The sandbox in a recorded day: its instruments, its prices, its times, its end; and the command that starts it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException

from config.errors import ConfigError
from engine.clock import VirtualClock
from paper.ist import ist_time
from paper.recorded import RecordedDay, load_day
from paper.sandbox.market import replayed
from paper.sandbox.sandbox import Plan, Sandbox, SandboxThread
from tests.recorded_day import CALL, LOT, PUT, write_day

ROOT = Path(__file__).resolve().parents[4]
REAL = ROOT.parent / "shared" / "data" / "recorded"
REAL_DAYS = ("2025-08-29", "2026-03-11", "2026-03-12", "2026-03-13")
PATIENCE_S = 60


class Replayed:
    """A sandbox in a recorded day, whose clock a test moves."""

    def __init__(self, recorded: RecordedDay) -> None:
        self.clock = VirtualClock(recorded.quotes[0][0])
        plan = Plan(
            day=recorded.day,
            accounts=[("ZC0001", Decimal(10_000_000))],
            enforces_limits=False,
            recorded=recorded,
            clock=self.clock,
        )
        self.thread = SandboxThread(plan)

    def open(self) -> Sandbox:
        self.sandbox = self.thread.__enter__()
        account = self.sandbox.desk.accounts["ZC0001"]
        self.kite = KiteConnect(account.api_key, account.access_token, root=self.sandbox.root_url)
        self.kite.reqsession.trust_env = False
        return self.sandbox

    def to(self, at_ns: int) -> None:
        self.clock.advance(at_ns)
        self.thread.call(self.sandbox.advance)

    def place(self, symbol: str, kind: str, **terms: Any) -> str:
        found = self.kite.place_order("regular", "NFO", symbol, "BUY", LOT, "NRML", kind, **terms)
        assert isinstance(found, str)
        return found

    def status(self, order_id: str) -> tuple[str, float]:
        last = self.kite.order_history(order_id)[-1]
        return last["status"], last["average_price"]


@contextmanager
def replaying(recorded: RecordedDay) -> Iterator[Replayed]:
    made = Replayed(recorded)
    made.open()
    try:
        yield made
    finally:
        made.thread.__exit__()


@pytest.fixture
def recorded(tmp_path: Path) -> RecordedDay:
    return load_day(tmp_path / write_day(tmp_path))


def asks(recorded: RecordedDay, symbol: str) -> list[tuple[int, Decimal]]:
    """(time, ask) of one instrument through the day."""
    return [
        (at_ns, quote.ask_inr)
        for at_ns, quotes in recorded.quotes
        for quote in quotes
        if quote.instrument.endswith(f":{symbol}") and quote.ask_inr is not None
    ]


def test_dump_lists_the_instruments_of_the_day(recorded: RecordedDay) -> None:
    with replaying(recorded) as day:
        listed = {row["tradingsymbol"]: row["lot_size"] for row in day.kite.instruments("NFO")}
    assert listed == {instrument.symbol: instrument.lot_units for instrument in recorded.instruments}
    assert CALL in listed


def test_clock_begins_with_the_first_quote(recorded: RecordedDay) -> None:
    sandbox = Sandbox(Plan(day=recorded.day, accounts=[], recorded=recorded, speed=0.001))
    assert ist_time(sandbox.clock.now_ns()) == "09:30:00"


def test_market_order_fills_at_the_price_of_its_time(recorded: RecordedDay) -> None:
    prices = asks(recorded, CALL)
    with replaying(recorded) as day:
        for at_ns, ask in (prices[0], prices[20], prices[100]):
            day.to(at_ns)
            order_id = day.place(CALL, "MARKET", market_protection=-1)
            assert day.status(order_id) == ("COMPLETE", float(ask))


def test_request_meets_the_market_of_its_own_moment(recorded: RecordedDay) -> None:
    prices = asks(recorded, CALL)
    with replaying(recorded) as day:
        day.clock.advance(prices[50][0])  # and nobody has looked at the market since
        assert day.status(day.place(CALL, "MARKET", market_protection=-1)) == ("COMPLETE", float(prices[50][1]))


def test_resting_order_meets_prices_that_were_there_between_two_looks(recorded: RecordedDay) -> None:
    prices = asks(recorded, PUT)
    lowest = min(ask for _, ask in prices[1:-1])
    assert prices[0][1] > lowest < prices[-1][1]
    with replaying(recorded) as day:
        order_id = day.place(PUT, "LIMIT", price=lowest)
        assert day.status(order_id)[0] == "OPEN"
        day.to(prices[-1][0])
        assert day.status(order_id) == ("COMPLETE", float(lowest))


def test_market_closes_with_the_end_of_the_recording(recorded: RecordedDay) -> None:
    last_ns = recorded.quotes[-1][0]
    with replaying(recorded) as day:
        day.to(last_ns)
        resting = day.place(CALL, "LIMIT", price=1)
        assert day.status(resting)[0] == "OPEN"
        day.to(last_ns + 1_000_000_000)
        assert day.status(resting)[0] == "CANCELLED"
        with pytest.raises(InputException, match="Markets are closed"):
            day.place(CALL, "LIMIT", price=1)


def test_day_without_trading_cannot_be_the_market(tmp_path: Path, recorded: RecordedDay) -> None:
    (tmp_path / "2026-11-02").rename(tmp_path / "2026-11-01")  # a Sunday
    with pytest.raises(ConfigError, match="is no trading day"):
        replayed(load_day(tmp_path / "2026-11-01"))


@pytest.mark.parametrize("name", REAL_DAYS)
def test_real_day_can_be_traded_in(name: str) -> None:
    if not (REAL / name).exists():
        pytest.skip("shared/data/recorded is not beside the checkout")
    real = load_day(REAL / name)
    assert real.day == date.fromisoformat(name)
    with replaying(real) as day:
        order = real.master_orders[0]
        day.to(max(at_ns for at_ns, _ in real.quotes if at_ns <= order.placed_ns))
        args = ("regular", order.exchange, order.symbol, order.side.value, order.quantity, order.product, "MARKET")
        placed = day.kite.place_order(*args, market_protection=-1)
        status, price = day.status(placed)
        assert status == "COMPLETE"
        assert price == pytest.approx(float(order.average_price_inr or 0), rel=0.05)
        assert len(day.kite.instruments()) == len(real.instruments)
        day.to(real.quotes[-1][0] + 60_000_000_000)
        with pytest.raises(InputException, match="Markets are closed"):
            day.kite.place_order(*args, market_protection=-1)


# The command


def command(directory: Path, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / "runner.py"), "sandbox", "--port", "0", *options]


@pytest.mark.parametrize("held_back", [set(), {signal.SIGTERM}], ids=["heard", "held back by who starts it"])
def test_command_serves_a_recorded_day_at_its_speed_until_it_is_told_to_stop(
    tmp_path: Path, held_back: set[signal.Signals]
) -> None:
    name = write_day(tmp_path)
    signal.pthread_sigmask(signal.SIG_BLOCK, held_back)  # what is started inherits it
    try:
        process = subprocess.Popen(
            command(tmp_path, "--accounts", "2", "--recording", name, "--speed", "2"),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held_back)
    try:
        assert process.stdout is not None
        root = process.stdout.readline().split()[3].rstrip(",")
        kite = KiteConnect("keyzm0001", "tokenzm0001", root=root)
        kite.reqsession.trust_env = False
        assert CALL in {row["tradingsymbol"] for row in kite.instruments("NFO")}
        assert (tmp_path / "state/data/sandbox/config.yaml").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--speed", "2"), "with --recording DIR"),
        (("--recording", "nowhere"), "is no directory"),
        (("--recording", "nowhere", "--speed", "max"), "not max"),
        (("--recording", "nowhere", "--speed", "0"), "above 0"),
    ],
)
def test_command_says_what_it_cannot_do(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    done = subprocess.run(
        command(tmp_path, *options), cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_command_says_when_its_port_is_taken(tmp_path: Path, recorded: RecordedDay) -> None:
    with replaying(recorded) as day:
        options = ["--port", str(day.sandbox.port)]
        done = subprocess.run(
            command(tmp_path, *options), cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 1
    assert f"cannot listen on port {day.sandbox.port}" in done.stderr
