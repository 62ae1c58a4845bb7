"""What rests for the master's orders: the situations that a scenario file cannot bring about, or shows less well."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.order_limits import OrderLimits
from config.schema import Child, Follow, OnOrphanFill, Paper, Risk, Settings, Sizing, SizingMode, Timing
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.handover import keep_excess
from engine.core.lifecycle import OrderState
from engine.core.terms import resting_terms
from engine.events import DayBegan, Flattened, KillSwitched, LegExited, OrderUpdated, Outcome, PromptAnswered, Resumed
from engine.model import BookStatus, OrderReport, OrderType, Side, Validity
from engine.view import Frame, build_snapshot
from engine.view_cells import cell_of
from tests.unit.core.builders import (
    ALL,
    CALL_LEG,
    ENTRIES,
    LOT,
    SESSIONS,
    Desk,
    S,
    child,
    instrument,
    settings,
    turn_of,
)
from tests.unit.core.nights import morning, restart
from tests.unit.paper.builders import CALL, PUT, ns
from tui.text import plain
from tui.widgets.orders import name_cells, order_line

LIKE_HIM = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1)))


def orders(*children: Child, **fields: object) -> Settings:
    """Settings of a day on which orders are followed."""
    return settings(*children, follow=Follow.ORDERS, **fields)


def resting(
    desk: Desk,
    lots: int,
    *,
    side: Side = Side.BUY,
    limit: str = "99",
    id_: str = "M1",
    order_type: OrderType = OrderType.LIMIT,
) -> OrderReport:
    """An order of the master rests, or is changed."""
    report = desk.master(side, lots, id_=id_, filled=0, limit=limit, status=BookStatus.OPEN, order_type=order_type)
    desk.run("0.1")
    return report


def ended(desk: Desk, report: OrderReport, status: BookStatus, *, filled: int = 0) -> OrderReport:
    """The master's order ends."""
    price = report.price_inr if filled else None
    newer = msgspec.structs.replace(
        report, status=status, filled=filled * LOT, average_price_inr=price, updated_ns=desk.now_ns
    )
    desk.book(newer)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=newer))
    return newer


def working(**fields: object) -> tuple[Desk, OrderReport, OrderReport]:
    """Ten lots of the master rest, and three of the child at its broker."""
    desk = Desk(orders(**fields), filling=False)
    his = resting(desk, 10)
    return desk, his, desk.accept(desk.last())


def test_only_the_child_whose_order_changed_is_looked_after() -> None:
    desk = Desk(orders(child(), child("C2")), filling=False)
    resting(desk, 10)
    for place in list(desk.unanswered):
        desk.accept(place)
    assert [(p.account, p.price_inr) for p in desk.commands(PlaceOrder)] == [("C1", Decimal(99)), ("C2", Decimal(99))]


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


def test_an_instrument_unknown_at_the_child_does_not_rest() -> None:
    desk = Desk(orders(), filling=False)
    desk.load((instrument(PUT),), account="C1")
    resting(desk, 10)
    assert desk.placed() == []
    assert desk.reasons() == {reasons.UNKNOWN_INSTRUMENT}


def test_an_order_good_for_a_moment_is_followed_at_its_fill() -> None:
    desk = Desk(orders(), filling=False)
    report = desk.report(Side.BUY, 10, filled=0, limit="99", order_type=OrderType.LIMIT)
    report = msgspec.structs.replace(report, validity=Validity.IOC)
    desk.book(report)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=report))
    assert desk.placed() == []


def test_order_that_the_exchange_has_not_accepted_is_not_mirrored_yet() -> None:
    desk = Desk(orders(), filling=False)
    at_broker = desk.master(
        Side.BUY, 10, id_="M1", filled=0, limit="99", status=BookStatus.PENDING, order_type=OrderType.LIMIT
    )
    desk.run(1)
    assert (desk.placed(), desk.strategy().state.value) == ([], "FLAT")
    resting(desk, 10)
    assert desk.placed() == [(Side.BUY, 3)]
    desk.accept(desk.last())
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=at_broker))  # late news
    desk.run(1)
    assert desk.commands(CancelOrder) == []


def test_order_that_the_exchange_refuses_is_never_mirrored() -> None:
    desk = Desk(orders(), filling=False)
    his = desk.master(
        Side.BUY, 10, id_="M1", filled=0, limit="99", status=BookStatus.PENDING, order_type=OrderType.LIMIT
    )
    desk.run(1)
    ended(desk, his, BookStatus.REJECTED)
    desk.run(5)
    assert (desk.placed(), desk.strategy().state.value) == ([], "FLAT")


def test_copy_that_was_not_accepted_takes_the_newest_terms_with_it() -> None:
    desk = Desk(orders(), filling=False)
    resting(desk, 10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED, reason="429")
    assert desk.last_order().state is OrderState.QUEUED
    resting(desk, 7, limit="99.5")
    desk.run(3)
    place = desk.last()
    assert (place.quantity, place.price_inr) == (2 * LOT, Decimal("99.50"))


def test_copy_that_was_not_accepted_is_withdrawn_with_his_cancel() -> None:
    desk = Desk(orders(), filling=False)
    his = resting(desk, 10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED, reason="429")
    ended(desk, his, BookStatus.CANCELLED)
    assert desk.last_order().state is OrderState.WITHDRAWN
    desk.run(5)
    assert len(desk.placed()) == 1


def test_one_change_is_under_way_at_a_time() -> None:
    desk, _, _ = working()
    for price in ("99.10", "99.20", "99.30"):
        resting(desk, 10, limit=price)
    assert [m.price_inr for m in desk.commands(ModifyOrder)] == [Decimal("99.10")]
    desk.move(desk.commands(ModifyOrder)[0])
    assert [m.price_inr for m in desk.commands(ModifyOrder)] == [Decimal("99.10"), Decimal("99.30")]


def test_change_whose_answer_is_lost_in_a_sleep_of_the_machine_is_looked_for_before_another_one() -> None:
    """FAULTS, step 6."""
    desk, _, _ = working()
    resting(desk, 10, limit="99.10")
    change = desk.commands(ModifyOrder)[0]
    desk.now_ns += 60 * S
    desk.answer(change, Outcome.UNKNOWN)
    assert desk.commands(ModifyOrder) == [change]
    desk.run(10)  # the book shows the old terms
    assert [m.price_inr for m in desk.commands(ModifyOrder)] == [Decimal("99.10"), Decimal("99.10")]


def test_change_of_the_price_says_what_is_ordered_by_now() -> None:
    """Some brokers want the quantity repeated: one that was only pushed would be taken back by an older answer."""
    desk, _, _ = working()
    resting(desk, 4)
    smaller = desk.commands(ModifyOrder)[0]
    assert (smaller.quantity, smaller.standing_units) == (LOT, 3 * LOT)
    desk.move(smaller, answered=False)
    resting(desk, 4, limit="99.10")
    desk.run(3)
    moved = desk.commands(ModifyOrder)[1]
    assert (moved.quantity, moved.standing_units) == (None, LOT)


def test_what_stays_of_a_smaller_order_moves_with_his_price_before_the_rest_is_gone() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    resting(desk, 60)
    for place in desk.commands(PlaceOrder):
        desk.accept(place)
    assert desk.placed() == [(Side.BUY, 54), (Side.BUY, 6)]  # the exchange freezes more
    desk.silent.add("C1")
    resting(desk, 54, limit="99.10")
    assert len(desk.commands(CancelOrder)) == 1
    assert [change.price_inr for change in desk.commands(ModifyOrder)] == [Decimal("99.10")]


def test_a_change_that_waits_for_its_turn_is_not_made_when_the_master_comes_back() -> None:
    limits = {"C1": OrderLimits(second=1, minute=100, hour=None, day_placements=None)}
    desk = Desk(orders(), filling=False, limits=limits)
    resting(desk, 10)
    desk.accept(desk.last())
    resting(desk, 10, limit="99.10")
    assert len(desk.state.children["C1"].traffic.changes) == 1
    resting(desk, 10, limit="99")
    desk.run(3)
    assert desk.commands(ModifyOrder) == []


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


def test_a_row_of_before_does_not_take_the_master_s_price_back() -> None:
    desk, his, _ = working()
    moved = resting(desk, 10, limit="99.10")
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=msgspec.structs.replace(his, updated_ns=1)))
    assert desk.state.master.orders["M1"].price_inr == moved.price_inr


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


def test_exits_ask_and_do_not_rest_when_all_copies_are_asked_about() -> None:
    desk = Desk(orders(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)
    resting(desk, 10, side=Side.SELL, limit="120", id_="M9")
    desk.run(5)
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


def test_what_fills_ahead_of_him_after_a_late_approval_is_backed_by_his_order() -> None:
    desk = Desk(orders(confirm=ENTRIES), filling=False)
    his = ended(desk, resting(desk, 20), BookStatus.OPEN, filled=10)
    desk.run(1)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    desk.run(10)
    assert (desk.lots(), desk.target(), desk.placed()) == (6, 3, [(Side.BUY, 6)])
    ended(desk, his, BookStatus.COMPLETE, filled=20)
    desk.run(10)
    assert (desk.lots(), desk.target(), desk.placed()) == (6, 6, [(Side.BUY, 6)])


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


def test_what_was_handed_over_rests_no_entries() -> None:
    desk, _, report = working()
    desk.leg().handed_over = True
    desk.run(1)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]


def test_an_order_that_closes_background_does_not_rest_and_the_next_one_does() -> None:
    desk = Desk(orders(), background={CALL_LEG: -10 * LOT}, filling=False)
    resting(desk, 12)
    assert desk.placed() == []
    resting(desk, 20, id_="M2")
    assert desk.placed() == [(Side.BUY, 6)]


@pytest.mark.parametrize("keeps", [OnOrphanFill.CLOSE, OnOrphanFill.KEEP])
def test_lots_ahead_over_a_night_are_closed_at_the_open_or_kept(keeps: OnOrphanFill) -> None:
    seldom = Timing(poll_interval_s=Decimal(20))
    desk = Desk(orders(risk=Risk(on_orphan_fill=keeps), timing=seldom), filling=False, warm=False)
    desk.run(25)
    resting(desk, 10)
    desk.fill(desk.last())
    desk.run_to(ns("15:31"))
    desk.books["C1"].orders.clear()
    desk.books["M"].orders.clear()
    desk.now_ns = ns("09:10", 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS))
    desk.load()
    desk.quote(CALL, "100")
    desk.run_to(ns("09:16", 3))
    assert [side for side, _ in desk.placed()][1:] == ([Side.SELL] if keeps is OnOrphanFill.CLOSE else [])
    assert desk.leg().orphaned_units == (0 if keeps is OnOrphanFill.CLOSE else 3 * LOT)


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


@pytest.mark.parametrize(
    ("side", "type_", "price", "trigger", "wanted"),
    [
        (Side.BUY, OrderType.LIMIT, "100.03", None, ("100.00", None)),
        (Side.SELL, OrderType.LIMIT, "100.03", None, ("100.05", None)),
        (Side.BUY, OrderType.SL, "100.01", "100.01", ("100.05", "100.05")),
        (Side.SELL, OrderType.SL, "100.04", "100.04", ("100.00", "100.00")),
        (Side.BUY, OrderType.SL_M, None, "100.01", (None, "100.05")),
    ],
    ids=["buy", "sell", "buy stop", "sell stop", "buy stop at the market"],
)
def test_terms_are_on_the_child_s_tick(
    side: Side, type_: OrderType, price: str | None, trigger: str | None, wanted: tuple[str | None, str | None]
) -> None:
    desk = Desk(orders())
    resting(desk, 10, side=side, order_type=type_, limit=price or "100")
    order = desk.state.master.orders["M1"]
    order.price_inr = None if price is None else Decimal(price)
    order.trigger_inr = None if trigger is None else Decimal(trigger)
    terms = resting_terms(order, instrument())
    shown = (terms.price_inr, terms.trigger_inr)
    assert shown == tuple(None if text is None else Decimal(text) for text in wanted)


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


def test_order_first_seen_half_filled_is_copied_as_fills_are_and_rests_for_the_other_half() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    desk.master(Side.BUY, 10, filled=4, limit="100", status=BookStatus.OPEN, order_type=OrderType.LIMIT)
    desk.run(1)
    sent = {place.order_type: place.quantity // LOT for place in desk.commands(PlaceOrder)}
    assert sent == {OrderType.MARKET: 4, OrderType.LIMIT: 6}


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


@pytest.mark.rule("R4.8")
def test_fill_of_another_resting_order_does_not_put_off_what_is_owed() -> None:
    desk, his, _ = working()
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    first = desk.last()
    desk.run("0.9")
    other = resting(desk, 20, id_="M2")
    desk.accept(desk.last())
    desk.run("1.1")
    ended(desk, other, BookStatus.COMPLETE, filled=20)  # what it is worth is decided a moment later
    desk.run("1.2")
    assert [change.tag for change in desk.commands(ModifyOrder)] == [first.tag]


def test_instrument_that_is_gone_while_only_an_immediate_order_works_says_nothing() -> None:
    desk = Desk(orders())
    desk.load((), account="C1", unusable={instrument().id: "not listed"})
    report = desk.report(Side.BUY, 10, filled=0, limit="99", order_type=OrderType.LIMIT, status=BookStatus.OPEN)
    report = msgspec.structs.replace(report, validity=Validity.IOC)
    desk.book(report)
    desk.push(report, "M")
    assert (desk.placed(), desk.reasons()) == ([], set())


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


def test_orders_of_one_prompt_belong_to_what_the_master_did_for_each() -> None:
    desk = Desk(orders(LIKE_HIM, confirm=ENTRIES), filling=False)
    desk.buy(1)
    desk.run(1)
    resting(desk, 2, id_="M2")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.placed() == [(Side.BUY, 1), (Side.BUY, 2)]
    copies = {copy.id: copy.master_units for copy in desk.state.copies}
    assert [copies[desk.order(place).decision] for place in desk.commands(PlaceOrder)] == [LOT, 2 * LOT]


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
