"""The demo's master: what it orders, when, and that it is flat again after each strategy."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from engine.commands import PlaceOrder
from engine.core.symbols import parse_symbol
from engine.model import NS_PER_S, OrderType, Side, TradingSession
from paper.ist import ist_ns
from paper.market import NEVER_NS, SimulatedMarket
from paper.script import CYCLE_S, JITTER_MS, PLAN, MasterScript

DAY = date(2026, 11, 2)
OPEN_NS, CLOSE_NS = ist_ns(DAY, 9 * 3600 + 900), ist_ns(DAY, 15 * 3600 + 1800)
SESSION = TradingSession(open_ns=OPEN_NS, close_ns=CLOSE_NS)
START_NS = ist_ns(DAY, 9 * 3600 + 1800)
LOT = 65


def play(script: MasterScript, market: SimulatedMarket, until_ns: int) -> list[tuple[int, PlaceOrder]]:
    """All orders up to a time, each with its own."""
    orders = []
    while script.next_due_ns() <= until_ns:
        now_ns = script.next_due_ns()
        market.advance(now_ns)
        orders += [(now_ns, order) for order in script.due_orders(now_ns)]
    return orders


def start(start_ns: int = START_NS, seed: int = 7) -> tuple[MasterScript, SimulatedMarket]:
    market = SimulatedMarket(seed, start_ns, DAY, (SESSION,))
    return MasterScript(market, "ZM0001", start_ns, seed), market


def net_lots(orders: list[tuple[int, PlaceOrder]]) -> dict[str, int]:
    """Lots held after the orders, zeros left out."""
    net = Counter[str]()
    for _, order in orders:
        net[order.symbol] += order.side.sign * order.quantity // LOT
    return {symbol: lots for symbol, lots in net.items() if lots}


def test_nothing_is_due_before_the_first_order() -> None:
    script, _ = start()
    assert START_NS + 6 * NS_PER_S <= script.next_due_ns() < START_NS + 7 * NS_PER_S
    assert script.due_orders(script.next_due_ns() - 1) == ()


def test_condor_is_complete_after_25_seconds_with_bodies_and_wings_around_the_spot() -> None:
    script, market = start()
    middle = round(market.spot_inr("NIFTY") / 50) * 50
    orders = play(script, market, START_NS + 26 * NS_PER_S)
    held: dict[tuple[str, int], int] = {}
    for symbol, lots in net_lots(orders).items():
        parts = parse_symbol("NFO", symbol)
        assert parts is not None
        assert parts.strike_inr is not None
        held[parts.kind.value, int(parts.strike_inr) - middle] = lots
    assert held == {("CE", 300): 10, ("PE", -300): 10, ("CE", 150): -10, ("PE", -150): -10}
    assert [order.side for _, order in orders] == [Side.BUY] * 3 + [Side.SELL] * 4


@pytest.mark.parametrize(
    ("after_s", "lots"),
    [
        (26, [-10, -10, 10, 10]),
        (63, [-10, -10, 10, 10]),  # adjusted
        (105, [-5, -5, 5, 5]),  # half off
        (145, []),  # out
        (CYCLE_S + 26, [-10, -10, 10, 10]),  # the next strategy
        (CYCLE_S + 145, []),
    ],
)
def test_master_holds_what_the_plan_says(after_s: int, lots: list[int]) -> None:
    script, market = start()
    assert sorted(net_lots(play(script, market, START_NS + after_s * NS_PER_S)).values()) == lots


def test_adjustment_moves_the_put_body_one_strike_away() -> None:
    script, market = start()
    before = net_lots(play(script, market, START_NS + 26 * NS_PER_S))
    adjustment = play(script, market, START_NS + 63 * NS_PER_S)
    (old, new) = (order for _, order in adjustment)
    strikes = [parts.strike_inr for order in (old, new) if (parts := parse_symbol("NFO", order.symbol)) is not None]
    assert before[old.symbol] == -10
    assert (old.side, new.side) == (Side.BUY, Side.SELL)
    assert strikes[0] is not None
    assert strikes[1] == strikes[0] - 50


def test_half_and_exit_buy_back_the_shorts_first() -> None:
    script, market = start()
    orders = [
        order.side for at, order in play(script, market, START_NS + 150 * NS_PER_S) if at > START_NS + 99 * NS_PER_S
    ]
    assert orders == [Side.BUY, Side.BUY, Side.SELL, Side.SELL] * 2


def test_orders_are_market_orders_of_the_master_each_with_its_own_tag() -> None:
    script, market = start()
    orders = [order for _, order in play(script, market, START_NS + 3 * CYCLE_S * NS_PER_S)]
    assert {(order.account, order.product, order.order_type) for order in orders} == {
        ("ZM0001", "NRML", OrderType.MARKET)
    }
    assert len({order.tag for order in orders}) == len(orders) == 3 * len(PLAN)
    assert all(len(order.tag) <= 19 and order.tag.isalnum() for order in orders)
    assert all(order.quantity % LOT == 0 for order in orders)


def test_next_strategy_follows_45_seconds_after_the_exit_around_the_spot_of_then() -> None:
    script, market = start()
    orders = play(script, market, START_NS + 60 * CYCLE_S * NS_PER_S)
    gap_s = (orders[len(PLAN)][0] - orders[len(PLAN) - 1][0]) / NS_PER_S
    assert gap_s == pytest.approx(45, abs=JITTER_MS / 1000)
    assert len({orders[index][1].symbol for index in range(0, len(orders), len(PLAN))}) > 1


def test_every_order_is_given_once_also_to_a_slow_caller() -> None:
    quick, market = start()
    slow, other = start()
    expected = [order for _, order in play(quick, market, START_NS + 170 * NS_PER_S)]
    given: list[PlaceOrder] = []
    for second in range(0, 171, 2):
        other.advance(START_NS + second * NS_PER_S)
        given += slow.due_orders(START_NS + second * NS_PER_S)
    assert [(order.tag, order.side, order.quantity) for order in given] == [
        (order.tag, order.side, order.quantity) for order in expected
    ]


def test_a_late_caller_gets_the_plan_moved_and_not_all_at_once() -> None:
    script, market = start()
    play(script, market, START_NS + 26 * NS_PER_S)
    late_ns = START_NS + 3600 * NS_PER_S
    market.advance(late_ns)
    assert len(script.due_orders(late_ns)) == 1
    assert script.next_due_ns() == pytest.approx(late_ns + 2 * NS_PER_S, abs=JITTER_MS * 1_000_000)


def test_no_strategy_begins_that_would_not_end_before_the_close() -> None:
    script, _ = start(CLOSE_NS - (CYCLE_S - 1) * NS_PER_S)
    assert script.next_due_ns() == NEVER_NS
    assert script.due_orders(CLOSE_NS) == ()
    fits, _ = start(CLOSE_NS - (CYCLE_S + 1) * NS_PER_S)
    assert fits.next_due_ns() < CLOSE_NS


def test_before_the_opening_the_first_strategy_waits_for_it() -> None:
    script, _ = start(OPEN_NS - 3600 * NS_PER_S)
    assert OPEN_NS + 6 * NS_PER_S <= script.next_due_ns() < OPEN_NS + 7 * NS_PER_S


def test_no_order_is_given_after_the_close() -> None:
    script, market = start()
    play(script, market, START_NS + 26 * NS_PER_S)
    market.advance(CLOSE_NS + NS_PER_S)
    assert script.due_orders(CLOSE_NS + NS_PER_S) == ()
    assert script.next_due_ns() == NEVER_NS


def test_a_spot_at_the_edge_of_the_chain_still_has_four_different_legs() -> None:
    class AtTheEdge(SimulatedMarket):
        def spot_inr(self, underlying: str) -> Decimal:
            return Decimal(25_900)

    market = AtTheEdge(7, START_NS, DAY, (SESSION,))
    script = MasterScript(market, "ZM0001", START_NS, 7)
    orders = play(script, market, START_NS + 26 * NS_PER_S)
    assert sorted(net_lots(orders).values()) == [-10, -10, 10, 10]


def test_same_seed_gives_the_same_times() -> None:
    end_ns = START_NS + 100 * NS_PER_S
    assert play(*start(seed=7), end_ns) == play(*start(seed=7), end_ns)
    assert start(seed=8)[0].next_due_ns() != start(seed=7)[0].next_due_ns()
