"""A night through the whole live path: lots and shares carried, tokens that died at six, and the master out meanwhile."""

import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from config.rules import ist
from engine.clock import ScaledClock
from engine.model import Quote
from paper.sandbox.sandbox import Plan
from runner import DISARMED
from tests.test_live import CHILDREN, DAY, MASTER, PATIENCE_S, Live, Program, enter, leave
from tests.test_live_shares import SHARE, ShareMarket, following_shares, shares
from tests.test_live_shares import trade as trade_shares

NEXT = DAY + timedelta(days=1)
MORNING_NS = ist(NEXT, "09:20:00")


class NightClock(ScaledClock):
    """Real time on a trading day, until the next morning is jumped to."""

    def __init__(self) -> None:
        super().__init__(ist(DAY, "10:00:00"), 1.0)

    def sleep(self) -> None:
        super().__init__(MORNING_NS, 1.0)


class TwoDays(ShareMarket):
    """Prices that stand still, told once a day."""

    def __init__(self) -> None:
        super().__init__()
        self._first = self._quotes

    def advance(self, now_ns: int) -> Sequence[Quote]:
        if now_ns >= MORNING_NS and self._first:
            self._quotes, self._first = tuple(replace(quote, at_ns=MORNING_NS) for quote in self._first), ()
        return super().advance(now_ns)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    accounts = [(MASTER, Decimal(3_500_000)), *((child, Decimal(1_050_000)) for child in CHILDREN)]
    plan = Plan(day=DAY, market=TwoDays(), accounts=accounts, clock=NightClock())
    with following_shares(plan, tmp_path) as made:
        yield made


def sleep(live: Live) -> None:
    """The next morning: no token of yesterday is good any more."""
    clock = live.sandbox.clock
    assert isinstance(clock, NightClock)

    def wake() -> None:
        clock.sleep()
        live.sandbox.advance()

    live.thread.call(wake)
    log_in(live)
    live.kite.set_access_token(live.sandbox.desk.accounts[MASTER].access_token)


def log_in(live: Live) -> None:
    """`login`, with what each account's page gives back."""
    tokens = [live.sandbox.desk.accounts[user].request_token for user in (MASTER, *CHILDREN)]
    done = subprocess.run(
        Program.command("login", "--config", str(live.config)),
        check=False,
        cwd=live.directory,
        input="".join(f"{token}\n" for token in tokens),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def carry_condor(live: Live) -> dict[str, int]:
    """Every child enters the master's condor, the program ends, and it is the next morning."""
    live.start()
    live.armed()
    condor = enter(live)
    live.wait("the condor", lambda: live.positions() == dict.fromkeys(CHILDREN, condor))
    assert live.stop() == 0
    sleep(live)
    return condor


def test_what_is_carried_over_the_night_is_left_with_the_master_in_the_morning(live: Live) -> None:
    condor = carry_condor(live)
    live.start("--until-flat")  # with something open: exits only, and nobody answers
    live.wait("the start", lambda: any("differences: none" in line for line in live.lines))
    assert live.positions() == dict.fromkeys(CHILDREN, condor)
    leave(live)
    flat(live)


@pytest.mark.slow  # positions have to be read twice
def test_master_that_went_out_before_the_first_process_of_the_morning_is_followed_out(live: Live) -> None:
    carry_condor(live)
    leave(live)
    live.start("--until-flat")
    flat(live)


def test_shares_that_have_become_holdings_are_sold_with_the_master_in_the_morning(live: Live) -> None:
    live.start()
    live.armed()
    trade_shares(live, "BUY", 100)
    live.wait("three tenths", lambda: shares(live) == [30, 30, 30])
    assert live.stop() == 0
    sleep(live)
    assert [row["quantity"] for row in live.kite.positions()["net"] if row["tradingsymbol"] == SHARE] == []
    live.start("--until-flat")
    live.wait("the start", lambda: any("differences: none" in line for line in live.lines))
    trade_shares(live, "SELL", 50)
    live.wait("half of it", lambda: shares(live) == [15, 15, 15])
    trade_shares(live, "SELL", 50)
    live.wait("nothing left", lambda: shares(live) == [0, 0, 0])
    assert live.process is not None
    assert live.process.wait(PATIENCE_S) == DISARMED


def flat(live: Live) -> None:
    """Every child is out, each leg by one order, and the program has ended."""
    live.wait("everybody flat", lambda: live.positions() == {child: {} for child in CHILDREN})
    assert live.process is not None
    assert live.process.wait(PATIENCE_S) == DISARMED
    assert [len(live.orders(child)) for child in CHILDREN] == [4, 4, 4]  # of this day
