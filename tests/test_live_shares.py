"""Equity delivery through the whole live path: holdings of before, shares bought, and sold."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from config.rules import ist
from engine.model import Instrument, Quote, leg_id
from paper.sandbox.sandbox import Plan, SandboxThread
from tests.test_live import CHILDREN, DAY, MASTER, Live, StillMarket
from tests.unit.paper.builders import share

SHARE = "INFY"
LEG = leg_id("NSE", SHARE, "CNC")
OWN = 40


class ShareMarket(StillMarket):
    """The still market with a share at 1,500."""

    def __init__(self) -> None:
        super().__init__()
        price = Decimal(1500)
        self._instruments = (*self._instruments, share(SHARE))
        quote = Quote(
            instrument=share(SHARE).id, at_ns=ist(DAY, "10:00:00"), last_inr=price, bid_inr=price, ask_inr=price
        )
        self._quotes = (*self._quotes, quote)

    def instruments(self) -> Sequence[Instrument]:
        return self._instruments


@contextmanager
def following_shares(plan: Plan, directory: Path) -> Iterator[Live]:
    """A sandbox, and a program that follows shares, too."""
    thread = SandboxThread(plan)
    with thread:
        made = Live(thread, directory)
        with made.config.open("a", encoding="utf-8") as file:
            file.write("filters: {products: [NRML, CNC]}\n")
        yield made
        made.program.kill()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A master with 40 shares of his own, a first child with 7."""
    children = [(child, Decimal(1_050_000)) for child in CHILDREN]
    plan = Plan(
        day=DAY,
        market=ShareMarket(),
        accounts=[(MASTER, Decimal(3_500_000)), *children],
        overnight={MASTER: {LEG: OWN}, CHILDREN[0]: {LEG: 7}},
    )
    with following_shares(plan, tmp_path) as made:
        yield made


def trade(live: Live, side: str, units: int) -> None:
    live.kite.place_order("regular", "NSE", SHARE, side, units, "CNC", "MARKET", tag="own", market_protection=-1)


def shares(live: Live) -> list[int]:
    """What the children have in all, shares of before included."""
    exchange = live.sandbox.exchange
    return live.thread.call(
        lambda: [
            sum(holding.net_units for leg, holding in exchange.holdings(child).items() if leg == LEG)
            for child in CHILDREN
        ]
    )


def test_shares_are_bought_and_sold_in_proportion_and_own_ones_stay(live: Live) -> None:
    live.start()
    live.armed()
    trade(live, "SELL", 10)
    live.wait("a sale of his own shares is seen", lambda: any("no strategy holds" in line for line in live.lines))
    trade(live, "BUY", 110)
    live.wait("three tenths of what he bought", lambda: shares(live) == [7 + 33, 33, 33])
    trade(live, "SELL", 60)
    live.wait("in proportion", lambda: shares(live) == [7 + 15, 15, 15])
    trade(live, "SELL", 80)
    live.wait("out, and no share more", lambda: shares(live) == [7, 0, 0])
    time.sleep(3)
    assert shares(live) == [7, 0, 0]
    assert live.stop() == 0
    sides = [side for _, side, _ in live.orders(CHILDREN[0])]
    assert sides == ["BUY", "SELL", "SELL"]
