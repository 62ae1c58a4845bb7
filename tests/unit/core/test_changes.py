"""Changes of an order that are answered late, by nobody, or with a refusal, and what may fill of it meanwhile."""

from decimal import Decimal

import msgspec
import pytest

from engine.commands import CancelOrder, ModifyOrder
from engine.core.lifecycle import OrderState
from engine.events import Outcome
from engine.model import BookStatus, OrderType, Side
from tests.unit.core.builders import LOT, Desk, S
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting


def raised_while_a_change_is_late() -> tuple[Desk, ModifyOrder]:
    """An order of ten lots is to be four, then seven; the first change is seen, and not answered, after the second."""
    desk = Desk(orders(LIKE_HIM), filling=False)
    resting(desk, 10)
    desk.accept(desk.last())
    resting(desk, 4)
    [smaller] = desk.commands(ModifyOrder)
    desk.now_ns += 60 * S  # the machine sleeps
    resting(desk, 7)
    larger = desk.commands(ModifyOrder)[-1]
    assert (smaller.quantity, larger.quantity) == (4 * LOT, 7 * LOT)
    desk.move(smaller, answered=False)
    return desk, larger


def test_units_that_a_change_under_way_may_bring_back_are_not_ordered_a_second_time() -> None:
    desk, larger = raised_while_a_change_is_late()
    desk.run("0.1")
    assert desk.placed() == [(Side.BUY, 10)]
    desk.move(larger)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 10)]
    assert [each.quantity for each in desk.books["C1"].orders.values()] == [7 * LOT]


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.ACKED], ids=["refused", "without an effect"])
def test_units_that_a_change_did_not_bring_back_are_ordered(outcome: Outcome) -> None:
    desk, larger = raised_while_a_change_is_late()
    desk.answer(larger, outcome, order_id=larger.order_id, reason="not today")
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 10), (Side.BUY, 3)]


def test_change_that_a_restart_left_without_an_answer_is_over_with_the_next_read() -> None:
    desk, _ = raised_while_a_change_is_late()
    desk.restart()
    desk.run(20)
    assert desk.last_order().units == 4 * LOT


def test_change_that_nobody_answers_is_over_after_a_while() -> None:
    desk, _ = raised_while_a_change_is_late()
    desk.run(60)
    assert desk.last_order().units == 7 * LOT
    desk.run(60)
    assert desk.last_order().units == 4 * LOT


def test_late_answer_to_an_older_change_says_nothing_of_the_newer_one() -> None:
    desk, larger = raised_while_a_change_is_late()
    desk.answer(desk.commands(ModifyOrder)[0], Outcome.ACKED)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 10)]
    desk.move(larger)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 10)]
    assert [each.quantity for each in desk.books["C1"].orders.values()] == [7 * LOT]


def test_exit_that_goes_to_the_market_while_it_is_made_smaller_is_not_sent_beside() -> None:
    """Some brokers want the quantity repeated with every change: an older one comes back with it."""
    desk = Desk(orders(LIKE_HIM))
    desk.buy(10)
    desk.filling = False
    his = resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    desk.accept(desk.last())
    resting(desk, 4, side=Side.SELL, limit="105", id_="M9")
    [smaller] = desk.commands(ModifyOrder)
    assert smaller.quantity == 4 * LOT
    desk.sell(10)
    desk.run("0.1")
    ended(desk, his, BookStatus.CANCELLED)
    desk.run(4)
    market = desk.commands(ModifyOrder)[-1]
    assert (market.order_type, market.quantity, market.standing_units) == (OrderType.MARKET, None, 10 * LOT)
    desk.move(smaller)
    desk.run("0.1")
    assert desk.placed() == [(Side.BUY, 10), (Side.SELL, 10)]
    exit_ = desk.move(msgspec.structs.replace(market, quantity=market.standing_units))
    desk.advance(exit_)
    desk.run(10)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 10), (Side.SELL, 10)], 0)


def test_refused_changes_are_counted_whatever_becomes_of_older_ones() -> None:
    """An exit that cannot be changed is cancelled, to be sent anew; the answer to its first change hangs."""
    desk = Desk(orders(LIKE_HIM))
    desk.buy(10)
    desk.filling = False
    desk.sell(10)
    desk.accept(desk.last())
    desk.run("3.5")
    desk.run("3.5")
    first, second = desk.commands(ModifyOrder)
    desk.answer(second, Outcome.REJECTED)
    desk.run(4)
    assert len(desk.commands(CancelOrder)) == 1
    desk.answer(first, Outcome.REJECTED)
    assert desk.last_order().refusals == 2


def test_end_of_an_order_tells_its_quantity_however_old_its_clock() -> None:
    desk, larger = raised_while_a_change_is_late()
    shown = desk.books["C1"].orders[larger.order_id]
    desk.now_ns -= S // 2  # stamped in whole seconds
    over = msgspec.structs.replace(shown, status=BookStatus.COMPLETE, filled=4 * LOT, updated_ns=desk.now_ns)
    desk.now_ns += S // 2
    desk.push(msgspec.structs.replace(over, average_price_inr=Decimal(99)))
    ours = desk.state.orders[larger.tag]
    assert (ours.state, ours.units, ours.filled) == (OrderState.FILLED, 4 * LOT, 4 * LOT)


def test_refused_change_says_nothing_of_an_older_one_that_nobody_answered() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    resting(desk, 10)
    desk.accept(desk.last())
    desk.silent.add("C1")
    resting(desk, 4)
    [smaller] = desk.commands(ModifyOrder)
    desk.run(15)
    desk.answer(smaller, Outcome.UNKNOWN)
    desk.run(35)
    resting(desk, 7)
    desk.run(6)
    larger = desk.commands(ModifyOrder)[-1]
    desk.move(smaller, answered=False)
    desk.move(larger, answered=False, push=False)
    desk.run(15)
    desk.answer(larger, Outcome.UNKNOWN)
    desk.run(35)
    resting(desk, 7, limit="98")
    desk.run(6)
    dearer = desk.commands(ModifyOrder)[-1]
    assert (larger.quantity, dearer.quantity) == (7 * LOT, None)
    desk.answer(dearer, Outcome.REJECTED)
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 10)]
    desk.silent.remove("C1")
    desk.run(20)
    assert desk.placed() == [(Side.BUY, 10)]
    assert desk.last_order().units == 7 * LOT
