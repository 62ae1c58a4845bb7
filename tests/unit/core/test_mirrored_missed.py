"""What is missed of an order of the master that rests: declined, refused, too old, too dear; and what completes it."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import Paper, Risk, Sizing, SizingMode
from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import LegExited, OrderUpdated, Outcome, PromptAnswered, Resumed
from engine.model import BookStatus, OrderType, Side
from tests.unit.core.builders import CALL_LEG, ENTRIES, LOT, Desk, S, child
from tests.unit.core.nights import restart
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting
from tests.unit.paper.builders import CALL, ns


def test_what_an_order_left_short_is_asked_about_where_entries_are() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    his = resting(desk, 10)
    his = ended(desk, his, BookStatus.OPEN, filled=5)
    desk.run(2)
    desk.quote(CALL, "99")
    assert len(desk.state.prompts) == 1
    ended(desk, his, BookStatus.CANCELLED, filled=5)
    desk.run(5)
    assert desk.placed() == []
    (prompt,) = desk.state.prompts.values()
    assert [item.units for item in prompt.items] == [LOT]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.placed() == [(Side.BUY, 1)]


def test_lots_ahead_of_one_order_are_not_taken_for_those_of_another_that_were_declined() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    first = resting(desk, 10, limit="99", id_="M1")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    second = resting(desk, 10, limit="98", id_="M2")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    ended(desk, second, BookStatus.COMPLETE, filled=10)
    desk.run(2)
    assert (desk.lots(), desk.target()) == (3, 0)
    assert reasons.DECLINED in desk.reasons()
    ended(desk, first, BookStatus.CANCELLED)
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_lots_of_an_order_that_was_made_smaller_are_not_taken_for_those_of_another_that_were_declined() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    held = resting(desk, 10, limit="99", id_="M1")
    resting(desk, 10, limit="98", id_="M2")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    for order in desk.commands(PlaceOrder):
        desk.fill(order)
    ended(desk, held, BookStatus.COMPLETE, filled=10)
    desk.run(2)
    third = resting(desk, 10, limit="97", id_="M3")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    ended(desk, third, BookStatus.COMPLETE, filled=10)
    resting(desk, 1, limit="98", id_="M2")  # before it is decided what the third one's fills are worth
    desk.run(2)
    assert (desk.placed(), desk.target()) == ([(Side.BUY, 3), (Side.BUY, 3), (Side.SELL, 3)], 3)
    assert reasons.DECLINED in desk.reasons()


def test_lots_that_were_declined_while_an_order_rested_are_missed_when_he_left_the_leg_before_it_filled() -> None:
    fixed = child(sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2))
    desk = Desk(orders(fixed, confirm=ENTRIES))
    his = resting(desk, 10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    desk.buy(5)  # his order lacks the same two lots
    desk.run(2)
    desk.sell(5)
    desk.run(5)
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(2)
    assert (desk.placed(), desk.state.prompts, desk.target()) == ([], {}, 0)
    assert desk.reasons() == {reasons.DECLINED}


def test_unknown_copy_that_never_appeared_is_missed_and_the_guard_holds() -> None:
    desk = Desk(orders(), filling=False)
    his = resting(desk, 10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(130)
    assert desk.last_order().state is OrderState.ABSENT
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(10)
    assert len(desk.placed()) == 1
    assert desk.target() == 0
    assert desk.leg().lacking


def test_an_order_too_old_to_be_mirrored_is_followed_at_its_fill() -> None:
    desk = Desk(orders(), filling=False)
    desk.run(50)
    his = desk.report(Side.BUY, 10, filled=0, limit="100", order_type=OrderType.LIMIT, placed_s=40)
    his = msgspec.structs.replace(his, updated_ns=his.placed_ns)
    desk.book(his)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=his))
    assert desk.placed() == []
    assert desk.reasons() == {reasons.STALE_SIGNAL}
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run("0.3")
    assert desk.placed() == [(Side.BUY, 3)]


def test_lot_that_was_refused_while_it_rested_is_not_entered_when_only_the_sum_is_worth_one() -> None:
    """Of ten lots a seventh is one lot, of five none; of fifteen it is two, and the second is the one that was refused."""
    desk = Desk(orders(child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(143, 1000)))), filling=False)
    desk.buy(10)
    desk.run(1)
    desk.fill(desk.last())
    his = resting(desk, 10, id_="M2")
    desk.advance(desk.accept(desk.last()), filled=0, status=BookStatus.REJECTED)
    desk.master(Side.BUY, 10, id_="M2", filled=5, limit="99", status=BookStatus.OPEN, order_type=OrderType.LIMIT)
    desk.run(5)
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 1), (Side.BUY, 1)]
    assert (desk.lots(), desk.target(), [why.split(":")[0] for why in desk.reasons()]) == (1, 1, ["refused"])


@pytest.mark.parametrize(
    ("sold", "bought"), [(4, 2), (3, 1)], ids=["through the other side and back", "out of it and in again"]
)
@pytest.mark.parametrize("is_down", [False, True], ids=["entries on", "entries off"])
def test_what_was_missed_of_an_order_that_is_over_is_not_missed_of_what_he_does_after_it(
    sold: int, bought: int, *, is_down: bool
) -> None:
    desk = Desk(orders(LIKE_HIM, risk=Risk(max_lots_per_instrument=1)))
    his = resting(desk, 3)
    if is_down:
        desk.restart(unclean=True)
    ended(desk, his, BookStatus.COMPLETE, filled=3)
    desk.sell(sold, id_="M2")
    desk.run("0.5")
    desk.buy(bought, id_="M3")
    desk.quote(CALL, "100")
    desk.run(2)
    if is_down:
        desk.handle(Resumed(at_ns=desk.now_ns))
    desk.run(10)
    assert (desk.lots(), desk.target()) == (1, 1)


@pytest.mark.parametrize("gap_s", [0, 1, 4])
def test_what_was_declined_of_an_order_that_he_cancels_is_not_missed_of_what_he_buys_instead(gap_s: int) -> None:
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES))
    his = resting(desk, 3)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    desk.run(1)
    ended(desk, his, BookStatus.CANCELLED)
    desk.run(gap_s)
    desk.buy(1, id_="M2")
    desk.run(1)
    assert [item.units for prompt in desk.state.prompts.values() for item in prompt.items] == [LOT]


@pytest.mark.parametrize("gap_s", [0, 1, 4])
def test_what_was_missed_of_an_order_that_ends_when_he_is_out_is_not_missed_of_what_he_buys_instead(gap_s: int) -> None:
    desk = Desk(orders(LIKE_HIM, risk=Risk(max_lots_per_instrument=1)))
    his = ended(desk, resting(desk, 3), BookStatus.OPEN, filled=1)
    desk.run(2)
    desk.sell(1, id_="M2")
    desk.run(10)
    ended(desk, his, BookStatus.CANCELLED, filled=1)
    desk.run(gap_s)
    desk.buy(1, id_="M3")
    desk.run(10)
    assert (desk.lots(), desk.target()) == (1, 1)


def test_what_is_asked_about_for_the_side_that_he_has_left_makes_room_for_the_other() -> None:
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES))
    his = resting(desk, 2, side=Side.SELL, limit="101")
    desk.run(2)
    ended(desk, his, BookStatus.OPEN, filled=1)
    desk.run(2)
    desk.buy(3, id_="M2")
    desk.run(5)
    assert [(item.side, item.units) for prompt in desk.state.prompts.values() for item in prompt.items] == [
        (Side.BUY, 2 * LOT)
    ]


def test_what_was_missed_of_a_side_that_he_has_left_is_not_missed_of_his_entry_on_the_other() -> None:
    desk = Desk(orders(LIKE_HIM, risk=Risk(max_lots_per_instrument=1)))
    his = resting(desk, 3)
    assert desk.placed() == [(Side.BUY, 1)]
    desk.restart(unclean=True)
    ended(desk, his, BookStatus.COMPLETE, filled=3)
    desk.run(5)
    desk.sell(4, id_="M2")
    desk.run(5)
    desk.quote(CALL, "100")
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.run(5)
    assert (desk.lots(), desk.target()) == (-1, -1)


def accepted_late(price: str) -> Desk:
    """Of an order of seven lots at 100 two are accepted when it is over, and he has bought one more at 120 since."""
    desk = Desk(orders(LIKE_HIM), filling=False)
    resting(desk, 5, limit="100")
    five = desk.last()
    larger = resting(desk, 7, limit="100")
    two = desk.last()
    ended(desk, larger, BookStatus.COMPLETE, filled=7)
    desk.run(8)
    desk.quote(CALL, "120")
    desk.buy(1, price="120")
    desk.fill(desk.last())
    desk.quote(CALL, price)
    desk.answer(five, Outcome.REJECTED, reason="not today")
    desk.accept(two)
    [cancel] = desk.commands(CancelOrder)
    desk.cancelled(cancel)
    return desk


def test_part_accepted_when_his_order_is_long_over_goes_through_the_market() -> None:
    desk = accepted_late("100")
    assert desk.placed() == [(Side.BUY, lots) for lots in (5, 2, 1, 2)]
    desk.fill(desk.last())
    desk.run(20)
    assert (desk.lots(), desk.target(), desk.reasons()) == (3, 3, {"refused: not today"})


def test_part_accepted_late_is_measured_by_the_fill_that_it_is_a_copy_of() -> None:
    """At 110 it is dear beside his 100, whatever he paid since."""
    desk = accepted_late("110")
    assert desk.placed() == [(Side.BUY, lots) for lots in (5, 2, 1)]
    assert (desk.lots(), desk.target(), desk.reasons()) == (1, 1, {"refused: not today", reasons.SLIPPAGE})


def test_part_of_what_was_asked_is_approved_and_the_rest_is_missed() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    his = resting(desk, 10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, units={f"C1|{CALL_LEG}": 2 * LOT}))
    assert desk.placed() == [(Side.BUY, 2)]
    desk.fill(desk.last())
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(10)
    assert (desk.lots(), desk.target()) == (2, 2)
    assert desk.reasons() == {reasons.EDITED_DOWN}


def test_what_was_declined_while_it_rested_is_not_asked_about_at_his_fill_after_the_leg_was_exited() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    his = resting(desk, 10)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(2)
    assert desk.state.prompts == {}
    assert desk.target() == 0
    assert reasons.DECLINED in desk.reasons()


def test_what_was_asked_about_when_his_order_ended_with_the_day_is_missed_after_the_night() -> None:
    desk = Desk(orders(confirm=ENTRIES))
    desk.run_to(ns("15:29:50"))
    his = ended(desk, resting(desk, 10), BookStatus.OPEN, filled=8)
    desk.run(9)
    ended(desk, his, BookStatus.CANCELLED, filled=8)
    desk.run(1)
    restart(desk)
    desk.run(60)
    assert (desk.lots(), desk.target(), desk.placed()) == (0, 0, [])
    assert desk.reasons() == {reasons.NOT_FILLED_BY_THE_CLOSE}


def test_what_rests_is_bounded_by_the_margin_and_the_rest_is_missed() -> None:
    desk = Desk(orders(LIKE_HIM, paper=Paper()), margins={"C1": 32_500}, filling=False)
    his = resting(desk, 10)
    placed = desk.last()
    assert placed.quantity == 5 * LOT
    desk.fill(placed, price="99")
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 5)]
    assert (desk.target(), desk.reasons()) == (5, {reasons.SHORT_MARGIN})


def test_what_his_fill_brought_is_not_completed_when_that_is_old() -> None:
    desk = Desk(orders(), filling=False)
    his = resting(desk, 10, limit="100")
    desk.accept(desk.last())
    his = ended(desk, his, BookStatus.OPEN, filled=5)
    desk.run("0.5")
    filled_ns = desk.now_ns
    desk.now_ns += 60 * S  # the machine sleeps
    done = msgspec.structs.replace(
        his, status=BookStatus.COMPLETE, filled=10 * LOT, average_price_inr=Decimal(100), updated_ns=filled_ns
    )
    desk.book(done)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=done))
    desk.run(5)
    desk.cancelled(desk.commands(CancelOrder)[0])
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 3)]
    assert (desk.lots(), desk.target(), desk.reasons()) == (0, 0, {reasons.STALE_SIGNAL})
