"""What people are shown of orders that rest, and the copies that these belong to."""

from decimal import Decimal

from engine.commands import PlaceOrder
from engine.core import reasons
from engine.events import PromptAnswered
from engine.model import BookStatus, OrderType, Side
from engine.view import Frame, build_snapshot
from engine.view_cells import cell_of
from tests.unit.core.builders import ENTRIES, LOT, Desk, child, turn_of
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting, working
from tui.text import plain
from tui.widgets.orders import name_cells, order_line


def test_what_rests_is_shown_with_its_limit_and_trigger() -> None:
    desk = Desk(orders(), filling=False)
    desk.master(
        Side.BUY, 10, id_="M1", filled=0, limit="101", trigger="100.5", status=BookStatus.TRIGGER_PENDING,
        order_type=OrderType.SL,
    )  # fmt: skip
    desk.run("0.1")
    desk.accept(desk.last())
    [working] = build_snapshot(desk.state, desk.now_ns, Frame()).working
    assert (working.limit_inr, working.trigger_inr) == (Decimal(101), Decimal("100.5"))
    screen = order_line(working, name_cells(["C1"], 118), desk.now_ns, 118)
    assert "SL 101.00 trigger 100.50 entry" in plain(screen)


def cell_reason(desk: Desk) -> str:
    """What the screen says of the child's leg."""
    turn = turn_of(desk.state)
    return cell_of(turn, desk.child(), desk.master_leg()).reason


def test_screen_says_what_rests_and_what_is_ahead() -> None:
    desk, _, report = working()
    assert cell_reason(desk) == "rests with the master's order"
    desk.advance(report)
    assert cell_reason(desk) == "filled before the master's order, which backs it"


def test_screen_says_that_an_exit_filled_before_his() -> None:
    desk = Desk(orders(), filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    resting(desk, 10, side=Side.SELL, limit="110", id_="M2")
    desk.fill(desk.last(), price="110")
    assert cell_reason(desk) == "waits for what rests, or closed before the master's order"


def test_children_share_the_copy_of_an_order_and_its_measure_is_his_fill() -> None:
    desk = Desk(orders(child("C1"), child("C2")), filling=False)
    his = resting(desk, 10)
    (copy,) = desk.state.copies
    assert {desk.state.orders[tag].account for tag in copy.tags} == {"C1", "C2"}
    assert (copy.master_units, copy.master_price_inr, copy.signal_ns) == (10 * LOT, Decimal(99), 0)
    desk.run(20)
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    assert (copy.master_price_inr, copy.signal_ns) == (Decimal(99), desk.now_ns)
    assert len(desk.state.copies) == 1


def test_orders_of_one_prompt_belong_to_what_the_master_did_for_each() -> None:
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES), filling=False)
    desk.buy(1)
    desk.run(1)
    resting(desk, 2, id_="M2")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.placed() == [(Side.BUY, 1), (Side.BUY, 2)]
    copies = {copy.id: copy.master_units for copy in desk.state.copies}
    assert [copies[desk.order(place).decision] for place in desk.commands(PlaceOrder)] == [LOT, 2 * LOT]


def test_what_is_declined_of_an_order_that_rests_is_noted_there() -> None:
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES), filling=False)
    desk.buy(1)
    desk.run(1)
    resting(desk, 2, id_="M2")
    desk.sell(1)
    desk.run(1)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    skipped = {copy.master_units // LOT: dict(copy.skipped) for copy in desk.state.copies}
    assert (skipped[1], skipped[2]) == ({}, {"C1": reasons.DECLINED})
