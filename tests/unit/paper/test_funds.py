"""Margin refusals, margin blocked and released, premium, charges: money at the paper exchange."""

from decimal import Decimal

import pytest

from engine.events import Outcome
from engine.model import BookStatus, OrderType, Side
from tests.unit.paper.builders import CALL, PUT, World, option, order, quote, rates

BUY, SELL = Side.BUY, Side.SELL
LIMIT = OrderType.LIMIT
WING = "NIFTY26NOV24700CE"


def rich(capital: Decimal = Decimal(1_000_000), *, partial_fills: bool = False) -> World:
    listed = (option(), option(PUT), option(WING, strike=24700))
    world = World(margins=True, instruments=listed, capital=capital, partial_fills=partial_fills)
    world.quotes(quote("100", "100"), quote("100", "100", symbol=PUT), quote("30", "30", symbol=WING))
    return world


def available(world: World) -> Decimal:
    return world.exchange.available_inr("C1")


def test_with_margins_off_available_is_what_was_set_and_nothing_blocks() -> None:
    world = World(capital=Decimal(100))
    world.quotes(quote())
    world.accepted(order(SELL, 650))
    assert available(world) == 100
    world.exchange.set_available("C1", Decimal("12.34"))
    world.accepted(order(SELL, 650))
    assert available(world) == Decimal("12.34")
    assert world.exchange.funds("C1").used_inr == 0


def test_order_without_its_margin_is_a_rejected_row_in_the_brokers_words() -> None:
    world = rich(capital=Decimal("1000.50"))
    answer = world.place(order(SELL, 65))
    assert answer.outcome is Outcome.ACKED
    row = world.row(answer.order_id)
    assert row.status is BookStatus.REJECTED
    assert row.status_text.startswith("Insufficient funds. Required margin is 1")
    assert row.status_text.endswith("but available margin is 1000.50. Check the orderbook for open orders.")
    assert [update for _, update in world.updates] == [row]
    assert (world.net(), available(world)) == (0, Decimal("1000.50"))


@pytest.mark.parametrize(("capital", "status"), [(6500, BookStatus.COMPLETE), (6499, BookStatus.REJECTED)])
def test_bought_option_needs_exactly_its_premium(capital: int, status: BookStatus) -> None:
    world = rich(capital=Decimal(capital))
    order_id = world.accepted(order(BUY, 65))
    assert world.row(order_id).status is status


def test_hedged_short_needs_less() -> None:
    world = rich(capital=Decimal(100_000))
    naked = world.accepted(order(SELL, 65))
    assert world.row(naked).status is BookStatus.REJECTED
    world.accepted(order(BUY, 65, symbol=WING))
    hedged = world.accepted(order(SELL, 65))
    assert world.row(hedged).status is BookStatus.COMPLETE


def test_resting_order_blocks_margin_until_it_ends() -> None:
    world = rich()
    before = available(world)
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    assert available(world) == before - 65 * 90
    world.modify(order_id, price_inr=Decimal(80))
    assert available(world) == before - 65 * 80
    world.cancel(order_id)
    assert available(world) == before


def test_resting_order_that_fills_blocks_as_a_position_only() -> None:
    world = rich()
    before = available(world)
    world.accepted(order(BUY, 65, LIMIT, price="90"))
    world.quotes(quote("90", "90"))
    assert available(world) == before - 65 * 90


def test_partly_filled_order_blocks_for_its_rest() -> None:
    world = rich(partial_fills=True)
    before = available(world)
    world.quotes(quote("90", "90", ask_units=65))
    world.accepted(order(BUY, 195, LIMIT, price="90"))
    assert world.net() == 65
    assert available(world) == before - 195 * 90


def test_modified_partly_filled_order_blocks_for_its_rest() -> None:
    world = rich(partial_fills=True)
    before = available(world)
    world.quotes(quote("90", "90", ask_units=65))
    order_id = world.accepted(order(BUY, 195, LIMIT, price="90"))
    assert world.modify(order_id, price_inr=Decimal(80)).outcome is Outcome.ACKED
    assert available(world) == before - 65 * 90 - 130 * 80


def test_two_resting_orders_cannot_use_the_same_money() -> None:
    world = rich(capital=Decimal(10_000))
    world.accepted(order(BUY, 65, LIMIT, price="90"))
    second = world.accepted(order(BUY, 65, LIMIT, price="90"))
    assert world.row(second).status is BookStatus.REJECTED


def test_modification_that_needs_more_than_there_is_is_refused() -> None:
    world = rich(capital=Decimal(10_000))
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    answer = world.modify(order_id, quantity=130)
    assert (answer.outcome, "Insufficient funds" in answer.reason) == (Outcome.REJECTED, True)
    assert (world.row(order_id).quantity, available(world)) == (65, Decimal(10_000 - 65 * 90))
    assert world.modify(order_id, quantity=65, price_inr=Decimal(99)).outcome is Outcome.ACKED


def test_exit_never_needs_margin() -> None:
    world = rich(capital=Decimal(100_000))
    world.accepted(order(BUY, 65, symbol=WING))
    world.accepted(order(SELL, 65))
    world.exchange.set_available("C1", Decimal(-50_000))
    # Selling the hedge leaves a naked short behind, buying the short back costs its premium: both are exits.
    assert world.row(world.accepted(order(SELL, 65, symbol=WING))).status is BookStatus.COMPLETE
    assert world.row(world.accepted(order(BUY, 65))).status is BookStatus.COMPLETE
    entry = world.accepted(order(BUY, 65))
    assert world.row(entry).status is BookStatus.REJECTED


def test_order_across_zero_needs_margin_for_what_it_opens() -> None:
    world = rich(capital=Decimal(50_000))
    world.accepted(order(BUY, 65))
    across = world.accepted(order(SELL, 130))
    assert world.row(across).status is BookStatus.REJECTED


def test_money_paid_in_is_available_with_margins_on() -> None:
    world = rich()
    world.accepted(order(SELL, 65))
    world.exchange.set_available("C1", Decimal(777_777))
    assert available(world) == 777_777


def test_all_margin_comes_back_when_flat() -> None:
    world = rich()
    for side in (SELL, BUY):
        world.accepted(order(side, 65))
        world.accepted(order(side, 65, symbol=PUT))
    assert available(world) == 1_000_000


def test_charges_are_those_of_the_whole_order_however_it_fills() -> None:
    whole, split = World(charges=rates()), World(charges=rates(), partial_fills=True)
    for world in (whole, split):
        world.quotes(quote("100.00", "100.10", bid_units=325))
        world.accepted(order(SELL, 650))
    split.quotes(quote("100.00", "100.10", bid_units=325))
    pnl = whole.exchange.pnl("C1")
    assert pnl.charges == Decimal("148.43")
    assert split.exchange.pnl("C1").charges == pnl.charges
    assert pnl.net == Decimal("650") * Decimal("-0.05") - Decimal("148.43")


def test_charges_are_unknown_without_rates_for_the_day() -> None:
    world = World()
    assert world.exchange.pnl("C1").charges == 0
    world.quotes(quote())
    world.accepted(order())
    assert (world.exchange.pnl("C1").charges, world.exchange.pnl("C1").net) == (None, None)


def test_refused_and_unfilled_orders_cost_nothing() -> None:
    world = World(charges=rates())
    world.accepted(order(BUY, 65, LIMIT, price="1"))
    world.place(order(quantity=1))
    assert world.exchange.pnl("C1").charges == 0


def test_pnl_of_a_round_trip() -> None:
    world = World(charges=rates())
    world.quotes(quote())
    world.accepted(order(BUY, 65))
    world.quotes(quote("110.10", "110.20"))
    assert world.exchange.pnl("C1").open == 65 * Decimal("10.05")
    world.accepted(order(SELL, 65))
    pnl = world.exchange.pnl("C1")
    assert (pnl.realised, pnl.open) == (Decimal(650), Decimal(0))
    assert pnl.charges is not None
    assert pnl.net == 650 - pnl.charges
    assert world.exchange.positions("C1")[0].symbol == CALL
