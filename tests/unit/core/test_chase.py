"""What is not filled is moved: an exit through the market, with an alarm; an entry within the slippage limit.

An exit is cancelled and renewed after twenty times; an entry that the market has left behind is held.
"""

from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Copy, CopyAs, Sizing, SizingMode
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.chase import MOST_CHASES
from engine.core.lifecycle import OrderState
from engine.core.terms import MOST_MODIFICATIONS
from engine.events import KillSwitched, Outcome, Paused
from engine.model import BookStatus, OrderReport, OrderType, Side
from tests.unit.core.builders import LOT, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT, ns


def exiting() -> tuple[Desk, OrderReport]:
    """An exit that the broker has and does not fill."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    return desk, desk.accept(desk.last())


def test_exit_is_chased_after_three_seconds() -> None:
    desk, report = exiting()
    desk.run("2.5")
    assert desk.commands(ModifyOrder) == []
    desk.run("1.5")
    (modify,) = desk.commands(ModifyOrder)
    assert (modify.order_id, modify.order_type) == (report.order_id, OrderType.MARKET)
    desk.run(3)
    assert len(desk.commands(ModifyOrder)) == 2


def test_partial_fill_starts_the_wait_anew() -> None:
    desk, report = exiting()
    desk.run(4)
    assert len(desk.commands(ModifyOrder)) == 1
    desk.run(2)
    desk.advance(report, filled=LOT, status=BookStatus.OPEN)
    desk.run(2)
    assert len(desk.commands(ModifyOrder)) == 1


AS_LIMIT = Copy(as_=CopyAs.LIMIT)
NO_SLIPPAGE = Copy(as_=CopyAs.LIMIT, max_slippage_pct=Decimal(0), slippage_ticks=0)


def entering(copied: Copy = AS_LIMIT) -> tuple[Desk, OrderReport]:
    """An entry at a limit that the broker has and does not fill; the master paid 100."""
    desk = Desk(settings(copy=copied), filling=False)
    desk.buy(10)
    return desk, desk.accept(desk.last())


def test_entry_left_behind_is_moved_to_the_market_and_then_rests_there() -> None:
    desk, _ = entering()
    desk.quote(CALL, "100.5")
    desk.run(3)
    assert desk.commands(ModifyOrder) == []
    desk.run(1)
    (modify,) = desk.commands(ModifyOrder)
    assert (modify.order_type, modify.price_inr, modify.quantity) == (OrderType.LIMIT, Decimal("100.50"), None)


def test_entry_is_moved_no_further_than_the_slippage_limit_and_its_rest_is_held() -> None:
    desk, report = entering()
    desk.quote(CALL, "102")
    desk.run(4)
    (modify,) = desk.commands(ModifyOrder)
    assert modify.price_inr == Decimal("101.00")
    report = desk.move(modify)
    desk.run(4)
    assert len(desk.commands(ModifyOrder)) == 1
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    desk.advance(report, filled=LOT, status=BookStatus.CANCELLED)
    order = desk.last_order()
    assert (order.state, order.remaining, order.reason) == (OrderState.HELD, 2 * LOT, reasons.BEYOND_SLIPPAGE)


def test_cancel_of_an_entry_left_behind_is_asked_again_when_nothing_came_of_it() -> None:
    desk, report = entering(NO_SLIPPAGE)
    desk.quote(CALL, "102")
    desk.run(4)
    assert len(desk.commands(CancelOrder)) == 1
    desk.answer(desk.commands(CancelOrder)[0], Outcome.UNKNOWN)
    desk.run(6)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id] * 2


def test_what_is_held_and_was_cut_down_with_the_master_does_not_grow_back_with_the_next_book() -> None:
    desk, report = entering()
    desk.quote(CALL, "102")
    desk.run(4)
    report = desk.move(desk.commands(ModifyOrder)[0])
    desk.run(4)
    ended = desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    held = desk.last_order()
    desk.sell(5)
    assert (held.state, held.remaining) == (OrderState.HELD, LOT)
    desk.quote(CALL, "100")
    desk.buy(5)
    desk.run(1)
    desk.accept(desk.last())
    assert desk.placed()[-1] == (Side.BUY, 2)
    desk.push(ended)
    assert held.remaining == LOT
    assert len(desk.commands(CancelOrder)) == 1  # of what is held: nothing is above the target


def test_repeated_news_of_the_cancel_leave_the_rest_held() -> None:
    desk, report = entering(NO_SLIPPAGE)
    desk.quote(CALL, "102")
    desk.run(4)
    ended = desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    desk.advance(ended, filled=0, status=BookStatus.CANCELLED)
    assert desk.last_order().state is OrderState.HELD
    assert desk.leg().target_units == 3 * LOT


def test_a_change_that_is_not_confirmed_keeps_the_next_one_back() -> None:
    desk, _ = entering()
    desk.silent.add("C1")
    desk.quote(CALL, "100.5")
    desk.run(4)
    desk.quote(CALL, "100.6")
    desk.run(10)
    assert len(desk.commands(ModifyOrder)) == 1
    desk.move(desk.commands(ModifyOrder)[0])
    desk.run(4)
    assert [m.price_inr for m in desk.commands(ModifyOrder)] == [Decimal("100.50"), Decimal("100.60")]


def test_a_change_that_was_refused_is_decided_anew() -> None:
    desk, _ = entering()
    desk.quote(CALL, "100.5")
    desk.run(4)
    desk.answer(desk.commands(ModifyOrder)[0], Outcome.REJECTED, reason="too many")
    desk.run(4)
    assert len(desk.commands(ModifyOrder)) == 2


def test_late_news_of_an_order_do_not_take_its_new_limit_back() -> None:
    desk, report = entering()
    desk.quote(CALL, "100.5")
    desk.run(4)
    desk.move(desk.commands(ModifyOrder)[0])
    desk.push(report)
    assert desk.last_order().terms.price_inr == Decimal("100.50")


def test_paused_entry_is_not_moved() -> None:
    desk, _ = entering()
    desk.quote(CALL, "100.5")
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.run(10)
    assert desk.commands(ModifyOrder) == []


def test_entry_without_a_fresh_quote_is_not_moved() -> None:
    desk, _ = entering()
    desk.quote(CALL, "100.5", stale_at_ns=desk.now_ns)
    desk.run(10)
    assert desk.commands(ModifyOrder) == []


def test_short_beside_a_missing_leg_is_not_moved_but_held() -> None:
    desk = Desk(settings(copy=AS_LIMIT), filling=False)
    desk.sell(10)
    desk.accept(desk.last())
    desk.quote(CALL, "99.5")
    desk.sell(10, symbol=PUT)
    desk.answer(desk.last(), Outcome.REJECTED, reason="no margin")
    desk.run(4)
    assert desk.commands(ModifyOrder) == []
    assert len(desk.commands(CancelOrder)) == 1


def test_entry_that_was_moved_as_often_as_the_broker_allows_is_held() -> None:
    desk, _ = entering()
    desk.last_order().modifications = MOST_MODIFICATIONS
    desk.quote(CALL, "100.5")
    desk.run(4)
    assert desk.commands(ModifyOrder) == []
    assert len(desk.commands(CancelOrder)) == 1


@pytest.mark.parametrize("quoted", ["stale", "missing"])
def test_exit_without_a_fresh_quote_is_alarmed_once_and_not_moved(quoted: str) -> None:
    desk, _ = exiting()
    if quoted == "stale":
        desk.quote(CALL, "100", stale_at_ns=desk.now_ns)
    else:
        desk.state.quotes.clear()
    desk.run(15)
    assert desk.commands(ModifyOrder) == []
    assert sum("waits: no fresh quote" in text for text in desk.notices()) == 1
    desk.quote(CALL, "100")
    desk.run(3)
    assert len(desk.commands(ModifyOrder)) == 1


def test_kill_two_and_a_closed_market_stop_the_chase() -> None:
    desk, _ = exiting()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.run(10)
    assert desk.commands(ModifyOrder) == []
    late, _ = exiting()
    late.now_ns = ns("15:31")
    late.run(10)
    assert late.commands(ModifyOrder) == []


def test_after_twenty_modifications_the_exit_is_cancelled_and_its_rest_sent_anew() -> None:
    desk, report = exiting()
    desk.run(3 * MOST_CHASES + 2)
    assert len(desk.commands(ModifyOrder)) == MOST_CHASES == 20
    desk.run(3)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    desk.advance(report, filled=LOT, status=BookStatus.CANCELLED)
    assert desk.placed()[2:] == [(Side.SELL, 2)]
    desk.fill(desk.last())
    assert desk.lots() == 0


def test_exit_whose_modification_is_refused_is_cancelled_and_sent_anew() -> None:
    desk, report = exiting()
    desk.run(4)
    before = len([r for r in desk.reads() if r.orders])
    desk.answer(desk.commands(ModifyOrder)[0], Outcome.REJECTED, reason="too many")
    desk.run(4)
    assert len([r for r in desk.reads() if r.orders]) > before
    assert len(desk.commands(ModifyOrder)) == 1
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    assert desk.placed()[2:] == [(Side.SELL, 3)]


def test_number_of_moves_is_bounded_in_a_minute() -> None:
    desk, _ = exiting()
    desk.run(60)
    assert len(desk.commands(ModifyOrder)) <= 60 // 3 + 1


NO_MARKET_ORDERS = "Market orders are not allowed for stock options. Place a limit order."


def refused_exit() -> Desk:
    """An exit through the market that the broker does not take, as in contracts that are hardly traded."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason=NO_MARKET_ORDERS)
    return desk


def test_exit_that_is_refused_through_the_market_goes_at_a_limit_beyond_the_touch() -> None:
    desk = refused_exit()
    desk.run(2)
    exit_ = desk.last()
    assert (exit_.side, exit_.order_type, exit_.price_inr) == (Side.SELL, OrderType.LIMIT, Decimal(99))
    desk.fill(exit_)
    assert desk.lots() == 0


def test_every_other_try_of_a_refused_exit_is_through_the_market() -> None:
    desk = refused_exit()
    for _ in range(3):
        desk.run(20)
        desk.answer(desk.last(), Outcome.REJECTED, reason="Rejected by the broker's risk management.")
    kinds = [place.order_type for place in desk.commands(PlaceOrder) if place.side is Side.SELL]
    assert kinds == [OrderType.MARKET, OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT]


def test_exit_at_a_limit_is_moved_with_the_market_and_not_through_it() -> None:
    desk = refused_exit()
    desk.run(2)
    report = desk.accept(desk.last())
    desk.run(10)
    assert desk.commands(ModifyOrder) == []  # it stands where it would be moved to
    desk.quote(CALL, "90")
    desk.run(4)
    (modify,) = desk.commands(ModifyOrder)
    limit = Decimal("89.10")
    assert (modify.order_id, modify.order_type, modify.price_inr) == (report.order_id, OrderType.LIMIT, limit)


def test_without_a_fresh_quote_a_refused_exit_goes_through_the_market_again() -> None:
    desk = refused_exit()
    desk.quote(CALL, "100", stale_at_ns=desk.now_ns)
    desk.run(2)
    assert desk.last().order_type is OrderType.MARKET


def test_slices_that_are_refused_together_are_one_try() -> None:
    """Above the freeze quantity: an even number of them must not bring the same kind of order again and again."""
    like_him = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1)))
    desk = Desk(settings(like_him), filling=False)
    desk.buy(60)
    for place in list(desk.unanswered):
        desk.fill(place)
    desk.run(3)
    desk.sell(60)
    market = list(desk.unanswered)
    for place in market:
        desk.answer(place, Outcome.REJECTED, reason=NO_MARKET_ORDERS)
    desk.run(2)
    limits = list(desk.unanswered)
    assert [place.order_type for place in (*market, *limits)] == [OrderType.MARKET] * 2 + [OrderType.LIMIT] * 2
    for place in limits:
        desk.fill(place)
    assert desk.lots() == 0


def test_exit_at_a_limit_stays_where_it_is_while_there_is_no_fresh_quote() -> None:
    desk = refused_exit()
    desk.run(2)
    desk.accept(desk.last())
    desk.quote(CALL, "100", stale_at_ns=desk.now_ns)
    desk.run(30)
    assert (desk.commands(ModifyOrder), desk.commands(CancelOrder)) == ([], [])
    assert desk.last_order().state is OrderState.WORKING
