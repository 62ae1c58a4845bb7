"""What comes off a copy: for a smaller order of the master's, to go through the market, or as entries are stopped.

Until the broker has confirmed it, it takes up room and may fill; nothing may count on it.
"""

from fractions import Fraction

import msgspec
import pytest

from config.schema import Sizing, SizingMode
from engine.commands import ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import ChildResynced, Flattened, KillSwitched, Outcome, Paused, PromptAnswered, Resumed
from engine.model import BookStatus, OrderReport, Side
from tests.unit.core.builders import ENTRIES, LOT, Desk, child
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting
from tests.unit.paper.builders import CALL

A_HALF = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)))
A_SEVENTH = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 7)))


def holding(side: Side = Side.BUY, **fields: object) -> tuple[Desk, OrderReport]:
    """Five lots are held, and seven rest for an order of the master's."""
    desk = Desk(orders(LIKE_HIM, **fields), filling=False)
    desk.master(side, 5)
    desk.run("0.3")
    if desk.state.prompts:
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    desk.run(1)
    resting(desk, 7, side=side, limit="100", id_="M2")
    if desk.state.prompts:
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    copy = desk.accept(desk.last())
    desk.run(1)
    return desk, copy


def half_of_three_and_two_that_rest() -> tuple[Desk, OrderReport]:
    """One lot for his three is held, and two orders rest: of four lots far from the market, and of two (given) at it."""
    desk = Desk(orders(A_HALF), filling=False)
    desk.buy(3)
    desk.fill(desk.last())
    desk.run(1)
    resting(desk, 4, limit="98", id_="M2")
    desk.accept(desk.last())
    his = resting(desk, 2, limit="100", id_="M3")
    desk.accept(desk.last())
    return desk, his


def made_smaller(desk: Desk, filled: int, *, lots: int = 5, side: Side = Side.BUY) -> OrderReport:
    """In one moment he trades ten lots through the market, makes the order smaller, and some of it fills."""
    desk.master(side, 10, id_="M3")
    his = resting(desk, lots, side=side, limit="100", id_="M2")
    if filled:
        status = BookStatus.COMPLETE if filled == lots else BookStatus.OPEN
        his = ended(desk, his, status, filled=filled)
    desk.run("0.4")
    return his


def trade(desk: Desk, seconds: int) -> None:
    """The child's broker does what it is asked to for some time, and fills what goes through the market."""
    for _ in range(seconds * 10):
        desk.run("0.1")
        for place in list(desk.unanswered):
            report = desk.accept(place)
            if not desk.order(place).mirrors:
                desk.advance(report)
        for order in [o for o in desk.state.orders.values() if o.state is OrderState.WORKING]:
            report = desk.books["C1"].orders[order.order_id]
            if order.cancelling_ns:
                desk.advance(report, filled=report.filled, status=BookStatus.CANCELLED)
            elif order.asked is not None:
                change = next(c for c in reversed(desk.commands(ModifyOrder)) if c.tag == order.tag)
                report = desk.move(change)
            if not order.mirrors and order.state is OrderState.WORKING:
                desk.advance(report)


def rests(desk: Desk) -> int:
    """Lots that rest."""
    return sum(desk.state.orders[tag].remaining for tag in desk.leg().orders) // LOT


@pytest.mark.rule("R4.8")
def test_copy_that_may_still_be_made_smaller_is_not_moved_as_a_whole() -> None:
    desk, _ = holding()
    resting(desk, 5, limit="100", id_="M2")
    (smaller,) = desk.commands(ModifyOrder)
    his = resting(desk, 7, limit="100", id_="M2")
    ended(desk, his, BookStatus.COMPLETE, filled=7)
    desk.run(4)
    desk.move(smaller)
    trade(desk, 10)
    assert (desk.lots(), rests(desk)) == (12, 0)


@pytest.mark.rule("R4.8")
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("filled", [5, 4, 0])
@pytest.mark.parametrize("seconds", [0, 1, 4, 9])
def test_what_a_copy_has_too_much_is_not_on_its_way_for_another_fill(side: Side, filled: int, seconds: int) -> None:
    desk, _ = holding(side)
    made_smaller(desk, filled, side=side)
    desk.run(seconds)
    trade(desk, 10)
    assert (abs(desk.lots()), rests(desk)) == (15 + filled, 5 - filled)
    assert desk.reasons() == set()


def test_what_is_taken_off_a_copy_makes_room_as_soon_as_the_broker_has_confirmed_it() -> None:
    desk, _ = holding()
    made_smaller(desk, 0)
    assert desk.placed()[2:] == [(Side.BUY, 8)]
    desk.move(desk.commands(ModifyOrder)[0])
    assert desk.placed()[2:] == [(Side.BUY, 8), (Side.BUY, 2)]


def test_copy_that_is_cancelled_for_a_smaller_order_makes_room_and_misses_nothing() -> None:
    desk = Desk(orders(A_SEVENTH), filling=False)
    resting(desk, 7, limit="100", id_="M2")
    desk.accept(desk.last())
    desk.run(1)
    desk.master(Side.BUY, 9, id_="M3")
    his = resting(desk, 6, limit="100", id_="M2")
    ended(desk, his, BookStatus.COMPLETE, filled=6)
    desk.run("0.4")
    assert desk.placed() == [(Side.BUY, 1), (Side.BUY, 1)]
    trade(desk, 5)
    assert (desk.lots(), desk.target(), desk.reasons()) == (2, 2, set())


def test_lot_that_rounding_leaves_to_the_copies_is_not_waited_for_at_one_that_is_being_cancelled() -> None:
    desk = Desk(orders(A_HALF), filling=False)
    desk.buy(3)
    desk.fill(desk.last())
    desk.run(1)
    gone = resting(desk, 2, limit="99", id_="M2")
    desk.accept(desk.last())
    his = resting(desk, 2, limit="100", id_="M3")
    desk.accept(desk.last())
    desk.run(1)
    ended(desk, gone, BookStatus.CANCELLED)
    ended(desk, his, BookStatus.OPEN, filled=1)
    desk.master(Side.BUY, 2, id_="M4")
    desk.run("0.4")
    assert desk.target() == 3
    trade(desk, 10)
    assert (desk.lots(), rests(desk), desk.reasons()) == (3, 0, set())


def test_copy_that_was_to_be_renewed_and_went_through_the_market_is_missed_when_the_broker_ends_it() -> None:
    desk = Desk(orders(A_SEVENTH), filling=False)
    resting(desk, 7, limit="100", id_="M2")
    desk.answer(desk.last(), Outcome.UNKNOWN)
    resting(desk, 6, limit="100", id_="M2")
    his = resting(desk, 7, limit="100", id_="M2")
    copy = desk.accept(desk.last(), answered=False)
    desk.run(2)
    ended(desk, his, BookStatus.COMPLETE, filled=7)
    desk.run(4)
    assert desk.last_order().renewed
    assert not desk.last_order().mirrors
    desk.advance(copy, filled=0, status=BookStatus.CANCELLED)
    assert (desk.target(), desk.reasons()) == (0, {reasons.CANCELLED_AT_BROKER})


def test_copy_that_fills_before_it_is_smaller_brings_what_waits_for_its_room() -> None:
    desk, copy = holding()
    made_smaller(desk, 5)
    desk.advance(copy)
    trade(desk, 10)
    assert (desk.lots(), desk.placed()[2:]) == (20, [(Side.BUY, 8)])


def test_room_that_does_not_come_in_time_is_missed_and_said() -> None:
    desk, _ = holding()
    made_smaller(desk, 0)
    desk.run(40)
    assert (desk.target(), desk.reasons()) == (13, {reasons.STALE_SIGNAL})
    trade(desk, 10)
    assert (desk.lots(), rests(desk)) == (13, 5)


def test_what_waits_for_room_goes_after_a_restart() -> None:
    desk, _ = holding()
    made_smaller(desk, 4)
    desk.restart()
    desk.quote(CALL, "100")
    trade(desk, 10)
    assert (desk.lots(), rests(desk), desk.reasons()) == (19, 1, set())


def test_what_waits_for_room_is_asked_about_where_entries_are() -> None:
    desk, _ = holding(confirm=ENTRIES)
    made_smaller(desk, 4)
    (prompt,) = desk.state.prompts.values()
    assert [item.units for item in prompt.items] == [8 * LOT]
    desk.move(desk.commands(ModifyOrder)[0])
    (prompt,) = desk.state.prompts.values()
    assert [item.units for item in prompt.items] == [10 * LOT]
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    trade(desk, 10)
    assert (desk.lots(), rests(desk), desk.reasons()) == (19, 1, set())


def test_lot_that_rounding_leaves_to_the_copy_of_an_order_without_fills_is_not_stale() -> None:
    desk, his = half_of_three_and_two_that_rest()
    desk.run(1)
    ended(desk, his, BookStatus.OPEN, filled=1)
    trade(desk, 10)
    assert (desk.lots(), rests(desk), desk.reasons()) == (2, 2, set())


@pytest.mark.rule("R6.8")
def test_lot_that_rounding_leaves_to_a_copy_is_not_entered_when_his_fill_is_old() -> None:
    desk, his = half_of_three_and_two_that_rest()
    filled_ns = desk.now_ns
    desk.run(40)
    late = msgspec.structs.replace(
        his, filled=LOT, average_price_inr=his.price_inr, status=BookStatus.OPEN, updated_ns=filled_ns
    )
    desk.book(late)
    desk.push(late, "M")
    trade(desk, 10)
    assert (desk.lots(), desk.target(), desk.reasons()) == (1, 1, {reasons.STALE_SIGNAL})


def test_lot_that_missed_ones_leave_to_the_copy_of_an_order_without_fills_is_not_stale() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    desk.buy(5)
    desk.fill(desk.last())
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(5)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.sell(6)  # the pair is (10, 5): 2 of 4 are left
    desk.fill(desk.last())
    desk.run(35)
    resting(desk, 4, limit="99", id_="M2")
    desk.accept(desk.last())
    desk.run(1)
    desk.buy(4)
    assert (desk.target(), desk.leg().most_units) == (4, 7 * LOT)
    trade(desk, 10)
    assert (desk.lots(), rests(desk), desk.reasons()) == (4, 3, {reasons.PAUSED})


@pytest.mark.rule("R7.12")
@pytest.mark.parametrize("seconds", [1, 3.5])
@pytest.mark.parametrize("end", [BookStatus.CANCELLED, BookStatus.REJECTED])
def test_what_the_kill_switch_takes_off_is_not_sent_through_the_market_when_it_is_lifted(
    end: BookStatus, seconds: float
) -> None:
    desk, copy = holding()
    ended(desk, resting(desk, 7, limit="100", id_="M2"), BookStatus.COMPLETE, filled=7)
    desk.run("0.4")
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.run(seconds)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=0))
    desk.advance(copy, filled=0, status=end)
    trade(desk, 10)
    assert (desk.lots(), desk.target(), len(desk.placed())) == (5, 5, 2)
    assert desk.reasons()


@pytest.mark.rule("R4.12")
@pytest.mark.parametrize("end", [BookStatus.CANCELLED, BookStatus.REJECTED])
def test_copy_that_ends_at_the_broker_while_it_is_made_smaller_is_missed_whole(end: BookStatus) -> None:
    desk, copy = holding()
    ended(desk, resting(desk, 7, limit="100", id_="M2"), BookStatus.OPEN, filled=4)
    desk.run(4)
    assert [change.quantity for change in desk.commands(ModifyOrder)] == [3 * LOT]
    desk.advance(copy, filled=0, status=end)
    trade(desk, 10)
    assert (desk.lots(), desk.target(), len(desk.placed())) == (5, 5, 2)
    assert desk.reasons()


@pytest.mark.rule("R4.12")
def test_resync_offers_nothing_beside_a_copy_that_may_still_fill() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    resting(desk, 5, limit="99", id_="M5")
    copy = desk.last()
    desk.answer(copy, Outcome.UNKNOWN)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.master(Side.BUY, 7, id_="M6")
    desk.run(1)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    assert not desk.state.prompts
    assert any("are under way: resync again when they have ended" in text for text in desk.notices())
    assert desk.last() is copy


@pytest.mark.rule("R4.12")
def test_approved_resync_waits_for_what_is_being_taken_off_a_copy() -> None:
    """The master made his order smaller while the prompt was open."""
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES), filling=False)
    resting(desk, 5, limit="99", id_="M5")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.accept(desk.last())
    desk.master(Side.BUY, 7, id_="M6")
    desk.run(1)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    (prompt,) = desk.state.prompts.values()
    assert prompt.kind == "resync"
    resting(desk, 1, limit="99", id_="M5")  # made smaller: four of the five are to come off
    sent = len(desk.commands(PlaceOrder))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run("0.1")
    assert len(desk.commands(PlaceOrder)) == sent
    desk.move(desk.commands(ModifyOrder)[-1])
    desk.run(1)
    assert [place.quantity for place in desk.commands(PlaceOrder)[sent:]] == [7 * LOT]
