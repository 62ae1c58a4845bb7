"""Exits of the master that rest, what they close ahead of his, and exits beside what rests."""

import msgspec
import pytest

from config.order_limits import OrderLimits
from config.schema import OnOrphanFill, Risk
from engine.commands import CancelOrder, ModifyOrder
from engine.core import reasons
from engine.core.handover import keep_excess
from engine.core.lifecycle import OrderState
from engine.events import Flattened, KillSwitched, LegExited, Outcome, PromptAnswered
from engine.model import BookStatus, OrderType, Side
from tests.unit.core.builders import ALL, CALL_LEG, LOT, Desk, S, turn_of
from tests.unit.core.nights import morning
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting, working
from tests.unit.paper.builders import CALL


def test_an_exit_that_went_to_the_market_waits_for_no_kill_switch_that_was_lifted() -> None:
    desk = Desk(orders())
    desk.buy(10)
    desk.filling = False
    resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    desk.accept(desk.last())
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.sell(10)
    desk.run(3)
    assert desk.leg().due_reason == reasons.KILLED
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=0))
    desk.run("0.1")
    assert desk.leg().due
    assert desk.leg().due_reason == ""


def test_exits_that_wait_their_turn_spare_lots_ahead_when_others_closed_what_was_due() -> None:
    limits = {"C1": OrderLimits(second=1, minute=100, hour=None, day_placements=None)}
    desk = Desk(orders(LIKE_HIM), filling=False, limits=limits)
    desk.buy(10)
    desk.run(1)
    desk.fill(desk.last())
    desk.run(2)
    resting(desk, 5, limit="99", id_="M5")
    ahead = desk.accept(desk.last())
    desk.run(2)
    resting(desk, 4, side=Side.SELL, limit="105", id_="M9")
    closing = desk.accept(desk.last())
    desk.advance(ahead, price="99")
    assert desk.lots() == 15
    desk.sell(10)
    assert [o.remaining for o in desk.state.orders.values() if o.state is OrderState.QUEUED] == [10 * LOT]
    desk.advance(closing, price="105")
    desk.run(3)
    assert desk.placed()[-1] == (Side.SELL, 6)
    desk.fill(desk.last())
    assert desk.lots() == 5


def test_an_exit_that_waits_and_is_against_the_plan_is_not_made_anew_with_every_event() -> None:
    limits = {"C1": OrderLimits(second=1, minute=4, hour=None, day_placements=None)}
    desk = Desk(orders(LIKE_HIM), filling=False, limits=limits)
    desk.buy(4)
    desk.run(2)
    old = desk.accept(desk.last())
    desk.run(2)
    desk.sell(4)
    desk.run(2)
    old = desk.advance(old, filled=0, status=BookStatus.CANCELLED)
    desk.run(45)
    resting(desk, 2, side=Side.SELL, limit="105", id_="M7")
    desk.run(3)
    mine = desk.advance(desk.accept(desk.last()), filled=LOT, status=BookStatus.OPEN, price="105")
    resting(desk, 2, side=Side.SELL, limit="105.5", id_="M7")
    before = len(desk.state.orders)
    desk.advance(old, filled=4 * LOT)  # a fill after its cancel
    for _ in range(12):
        desk.run("0.03")
        desk.push(mine)
    assert len(desk.state.orders) - before <= 2


def test_exits_ask_and_do_not_rest_when_all_copies_are_asked_about() -> None:
    desk = Desk(orders(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)
    resting(desk, 10, side=Side.SELL, limit="120", id_="M9")
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)]


def test_an_exited_leg_lets_go_what_filled_ahead_and_goes_on_resting_for_the_rest() -> None:
    desk, his, mine = working()
    mine = desk.advance(mine, filled=2 * LOT, status=BookStatus.OPEN)
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG))
    desk.fill(desk.last())
    desk.advance(mine, filled=2 * LOT, status=BookStatus.CANCELLED)
    desk.run(2)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2), (Side.BUY, 1)]
    desk.fill(desk.last())
    desk.run(2)
    assert desk.lots() == 1  # ahead of him, and backed by his order
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(10)
    assert (desk.lots(), desk.target()) == (1, 1)
    assert len(desk.placed()) == 3


def test_an_order_that_turns_from_entry_to_exit_is_taken_away_first() -> None:
    desk, _, report = working()
    desk.sell(20, price="100")
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    assert desk.placed() == [(Side.BUY, 3)]
    desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    assert desk.placed()[1:] == [(Side.SELL, 6)]


@pytest.mark.parametrize("is_shown", [False, True])
def test_exit_that_rested_and_is_found_filled_after_the_night_is_missed(*, is_shown: bool) -> None:
    desk = Desk(orders())
    desk.buy(10)
    desk.run(5)
    desk.filling = False
    resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    rest = desk.accept(desk.last(), answered=False)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.books["C1"].positions[CALL_LEG] = 0
    if is_shown:
        desk.books["C1"].orders = {
            rest.order_id: msgspec.structs.replace(rest, status=BookStatus.COMPLETE, filled=3 * LOT)
        }
    desk.books["M"].orders.clear()
    morning(desk, "09:20", keep_orders=is_shown)
    desk.quote(CALL, "100")
    desk.run(60)
    assert (desk.lots(), desk.target()) == (0, 0)
    assert reasons.EXITED_AHEAD in desk.reasons()


def test_exit_of_his_that_outlives_his_position_rests_for_nobody_and_is_followed_at_its_fill() -> None:
    desk = Desk(orders())
    desk.buy(10)
    desk.filling = False
    his = resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    desk.accept(desk.last())
    desk.sell(10)
    (change,) = desk.commands(ModifyOrder)  # what rests is the exit that is due: it goes through the market
    desk.advance(desk.move(change))
    desk.filling = True
    desk.run(5)
    assert desk.lots() == 0
    placed = len(desk.placed())
    desk.quote(CALL, "105")
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    desk.run(5)
    assert desk.placed()[placed:] == [(Side.SELL, 3)]
    assert desk.lots() == -3


def test_exit_that_fills_in_part_takes_the_target_with_it() -> None:
    desk = Desk(orders(LIKE_HIM))
    desk.buy(10)
    desk.filling = False
    his = resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    ours = desk.accept(desk.last())
    ended(desk, his, BookStatus.OPEN, filled=4)
    desk.run(1)
    assert desk.target() == 6
    desk.advance(ours, filled=4 * LOT, status=BookStatus.OPEN, price="105")
    desk.run(5)
    assert (desk.lots(), desk.leg().due) == (6, False)


def test_lots_ahead_that_are_being_exited_are_not_kept_for_the_owner() -> None:
    desk = Desk(orders(risk=Risk(on_orphan_fill=OnOrphanFill.KEEP)), filling=False)
    his = resting(desk, 10)
    desk.fill(desk.last(), price="99")
    assert desk.lots() == 3
    desk.handle(Flattened(at_ns=desk.now_ns))
    leaving = desk.last()
    ended(desk, his, BookStatus.CANCELLED)
    desk.run(5)
    assert desk.leg().orphaned_units == 0
    desk.fill(leaving, price="98")
    assert desk.lots() == 0


def test_exit_that_rests_stays_as_it_is_when_the_leg_is_left_by_hand() -> None:
    desk = Desk(orders(), filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(2)
    resting(desk, 10, side=Side.SELL, limit="110")
    desk.accept(desk.last())
    mirror = desk.leg().mirrors["M1"]
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG))
    assert (mirror.entry, mirror.left_units) == (False, 0)


def test_lots_that_are_all_in_exits_are_kept_for_nobody() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(2)
    desk.sell(10)
    keep_excess(turn_of(desk.state), desk.child(), desk.leg(), LOT)
    assert (desk.lots(), desk.child().external) == (3, {})


def test_exit_that_goes_to_the_market_as_soon_as_it_is_due_is_due_until_it_has_ended() -> None:
    desk, his, ours = working()
    ended(desk, his, BookStatus.CANCELLED)
    desk.advance(ours)  # ahead of his order for a moment, so that nothing is due yet when he is out
    desk.buy(10)
    desk.run("0.3")
    his = resting(desk, 10, side=Side.SELL, limit="105", id_="M9")
    exit_ = desk.accept(desk.last(), answered=False)
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    assert (desk.placed(), desk.lots(), desk.leg().due) == ([(Side.BUY, 3), (Side.SELL, 3)], 3, False)
    desk.silent.add("C1")
    desk.now_ns += 60 * S
    desk.push(exit_)
    assert [change.order_type for change in desk.commands(ModifyOrder)] == [OrderType.MARKET]
    assert desk.leg().due
    desk.advance(exit_)
    assert (desk.lots(), desk.leg().due) == (0, False)
