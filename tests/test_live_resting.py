"""A stop of the master that rests and is moved again and again, mirrored by ten children through the real client library.

Brokers take 25 modifications of one order, his included: after those he cancels it and places it anew, as a trader would.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from kiteconnect.exceptions import InputException
from msgspec.structs import replace

from engine.model import NS_PER_S, Quote, instrument_id
from paper.rejections import MODIFICATIONS_MAX
from paper.sandbox.limits import ORDERS_PER_SECOND, Limits
from paper.sandbox.sandbox import SandboxThread
from tests.test_kill import DONE
from tests.test_live import LOT, MASTER, PATIENCE_S, Live, equal, symbols

TEN = tuple(f"ZC{number:04}" for number in range(1, 11))
MOVES = 30
STEP_INR = Decimal("0.50")
LOTS, SHARE_LOTS = 10, 3


@dataclass(slots=True)
class Counted(Limits):
    """The broker's limits of one account, with the time of every write."""

    at_ns: list[int] = field(default_factory=list)

    def takes_order(self, now_ns: int, *, places: bool) -> str:
        self.at_ns.append(now_ns)
        return Limits.takes_order(self, now_ns, places=places)

    def most_in_a_second(self) -> int:
        """Of a second of the server's clock, which the broker counts by, and of any second."""
        by_clock = Counter(at_ns // NS_PER_S for at_ns in self.at_ns)
        sliding = max(sum(first <= at_ns < first + NS_PER_S for at_ns in self.at_ns) for first in self.at_ns)
        return max(*by_clock.values(), sliding)


class Stop:
    """The master's stop on a leg that he is short of."""

    def __init__(self, live: Live, symbol: str) -> None:
        self._live, self._symbol = live, symbol
        self._order_id, self._moved = "", 0
        key = f"NFO:{symbol}"
        self.trigger_inr = Decimal(str(live.kite.ltp([key])[key]["last_price"])).quantize(Decimal(1)) + 60
        self.place()

    def place(self) -> None:
        self._order_id = self._live.kite.place_order(
            "regular", "NFO", self._symbol, "BUY", LOTS * LOT, "NRML", "SL", tag="own", **self._prices()
        )
        self._moved = 0

    def move(self) -> None:
        """Trail it by one step."""
        self.trigger_inr -= STEP_INR
        if self._moved == MODIFICATIONS_MAX:
            with pytest.raises(InputException):
                self._live.kite.modify_order("regular", self._order_id, **self._prices())
            self.cancel()
            self.place()
            return
        self._live.kite.modify_order("regular", self._order_id, **self._prices())
        self._moved += 1

    def cancel(self) -> None:
        self._live.kite.cancel_order("regular", self._order_id)

    def _prices(self) -> dict[str, float]:
        return {"trigger_price": float(self.trigger_inr), "price": float(self.trigger_inr + 5)}


class Resting(Live):
    """A sandbox with ten children that mirror resting orders."""

    def __init__(self, thread: SandboxThread, directory: Path) -> None:
        super().__init__(thread, directory, TEN)
        self.config.write_text(self.config.read_text() + "follow: orders\n")
        self.counted = {user: Counted() for user in (MASTER, *TEN)}
        for user, counted in self.counted.items():
            self.sandbox.desk.accounts[user].limits = counted

    def stops(self) -> list[list[tuple[int, Decimal]]]:
        """(lots, trigger) of what rests at each child's broker."""
        desk = self.sandbox.desk
        books = self.thread.call(lambda: [desk.orders(desk.accounts[user]) for user in TEN])
        return [
            [
                (row["quantity"] // LOT, Decimal(str(row["trigger_price"])))
                for row in book
                if row["status"] == "TRIGGER PENDING"
            ]
            for book in books
        ]

    def limits(self) -> list[list[tuple[int, Decimal]]]:
        """(lots, limit) of what rests at a limit at each child's broker."""
        desk = self.sandbox.desk
        books = self.thread.call(lambda: [desk.orders(desk.accounts[user]) for user in TEN])
        return [
            [(row["quantity"] // LOT, Decimal(str(row["price"]))) for row in book if row["status"] == "OPEN"]
            for book in books
        ]

    def follows(self, stop: Stop) -> None:
        wanted = [[(SHARE_LOTS, stop.trigger_inr)]] * len(TEN)
        self.wait(f"ten stops at {stop.trigger_inr}", lambda: self.stops() == wanted)


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[Resting]:
    thread = SandboxThread(equal(TEN))
    with thread:
        made = Resting(thread, tmp_path)
        yield made
        made.program.kill()


def start_short(resting: Resting) -> str:
    """The master is short, his children their share of it."""
    resting.start("--until-flat")
    resting.armed()
    symbol = symbols(resting)[2]
    resting.trade(symbol, "SELL", LOTS)
    resting.wait("ten shares", lambda: resting.positions() == {child: {symbol: -SHARE_LOTS} for child in TEN})
    return symbol


def leave(resting: Resting, symbol: str) -> None:
    """He cancels his stop and buys back: nobody is left with anything, and no stop was ever doubled."""
    resting.wait("no stop left", lambda: resting.stops() == [[]] * len(TEN))
    resting.trade(symbol, "BUY", LOTS)
    assert resting.process is not None
    assert resting.process.wait(PATIENCE_S) == DONE
    assert resting.positions() == {child: {} for child in TEN}
    assert [sum(lots for _, _, lots in resting.orders(child)) for child in TEN] == [2 * SHARE_LOTS] * len(TEN)


def assert_within_limits(resting: Resting) -> None:
    for user in TEN:
        assert resting.counted[user].most_in_a_second() <= ORDERS_PER_SECOND


def test_stop_that_is_moved_thirty_times_is_right_at_every_child_at_each_step(resting: Resting) -> None:
    symbol = start_short(resting)
    stop = Stop(resting, symbol)
    resting.follows(stop)
    for _ in range(MOVES):
        stop.move()
        resting.follows(stop)
    stop.cancel()
    leave(resting, symbol)
    assert_within_limits(resting)


def test_stop_that_is_moved_faster_than_the_limits_allow_ends_right(resting: Resting) -> None:
    symbol = start_short(resting)
    resting.counted[MASTER].enforced = False  # a hand faster than any broker would take it
    stop = Stop(resting, symbol)
    for _ in range(MOVES):
        stop.move()
        assert all(len(at_child) <= 1 for at_child in resting.stops())
    resting.follows(stop)
    stop.cancel()
    leave(resting, symbol)
    assert_within_limits(resting)
    # What he had already moved on from is not sent.
    assert all(len(resting.counted[user].at_ns) < 2 + 1 + MOVES + 1 for user in TEN)


@pytest.mark.rule("R4.14")
def test_iceberg_rests_leg_by_leg_at_every_child(resting: Resting) -> None:
    """His book has one leg after the other, each as an order of its own."""
    symbol = start_short(resting)
    last_inr = resting.kite.ltp([f"NFO:{symbol}"])[f"NFO:{symbol}"]["last_price"]
    limit_inr = Decimal(str(last_inr)).quantize(Decimal(1)) - 20
    legs = {"iceberg_legs": 2, "iceberg_quantity": LOTS // 2 * LOT, "price": float(limit_inr)}
    resting.kite.place_order("iceberg", "NFO", symbol, "BUY", LOTS * LOT, "NRML", "LIMIT", tag="own", **legs)
    resting.wait("the first leg's part of the shares", lambda: resting.limits() == [[(2, limit_inr)]] * len(TEN))
    resting.thread.call(lambda: resting.sandbox.quote([risen(resting, symbol, limit_inr - 1)]))
    assert resting.process is not None
    assert resting.process.wait(PATIENCE_S) == DONE
    assert resting.positions() == {child: {} for child in TEN}
    assert [sum(lots for _, _, lots in resting.orders(child)) for child in TEN] == [2 * SHARE_LOTS] * len(TEN)
    assert [row["variety"] for row in resting.kite.orders() if row["transaction_type"] == "BUY"] == ["iceberg"] * 2
    assert_within_limits(resting)


@pytest.mark.rule("R4.14")
def test_stop_that_the_broker_keeps_for_him_is_followed_when_it_is_triggered(resting: Resting) -> None:
    """A GTT is in no order book until its price is reached; what it places then is an order like any other."""
    symbol = start_short(resting)
    row = resting.kite.ltp([f"NFO:{symbol}"])[f"NFO:{symbol}"]
    stop_inr = Decimal(str(row["last_price"])).quantize(Decimal(1)) + 20
    leg = {"transaction_type": "BUY", "quantity": LOTS * LOT, "order_type": "LIMIT", "product": "NRML"}
    order = leg | {"price": float(stop_inr + 5)}
    resting.kite.place_gtt("single", symbol, "NFO", [float(stop_inr)], row["last_price"], [order])
    assert resting.stops() == [[]] * len(TEN)
    resting.thread.call(lambda: resting.sandbox.quote([risen(resting, symbol, stop_inr)]))
    assert resting.process is not None
    assert resting.process.wait(PATIENCE_S) == DONE
    assert resting.positions() == {child: {} for child in TEN}
    assert_within_limits(resting)


def risen(resting: Resting, symbol: str, price_inr: Decimal) -> Quote:
    """The market of a leg at another price."""
    known = resting.sandbox.exchange.newest(instrument_id("NFO", symbol))
    assert known is not None
    prices = {"last_inr": price_inr, "bid_inr": price_inr - 1, "ask_inr": price_inr + 1}
    return replace(known, at_ns=resting.sandbox.clock.now_ns(), **prices)
