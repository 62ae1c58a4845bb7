"""What rests for the master's orders: the situations that a scenario file cannot bring about, or shows less well."""

from decimal import Decimal

import msgspec
import pytest

from config.order_limits import OrderLimits
from config.schema import OnOrphanFill, Risk, Timing
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.terms import resting_terms
from engine.events import DayBegan, OrderUpdated, Outcome, PromptAnswered
from engine.model import BookStatus, OrderType, Side, Validity
from tests.unit.core.builders import CALL_LEG, ENTRIES, LOT, SESSIONS, Desk, S, child, instrument
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting, working
from tests.unit.paper.builders import CALL, PUT, ns


def test_only_the_child_whose_order_changed_is_looked_after() -> None:
    desk = Desk(orders(child(), child("C2")), filling=False)
    resting(desk, 10)
    for place in list(desk.unanswered):
        desk.accept(place)
    assert [(p.account, p.price_inr) for p in desk.commands(PlaceOrder)] == [("C1", Decimal(99)), ("C2", Decimal(99))]


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


def test_a_row_of_before_does_not_take_the_master_s_price_back() -> None:
    desk, his, _ = working()
    moved = resting(desk, 10, limit="99.10")
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=msgspec.structs.replace(his, updated_ns=1)))
    assert desk.state.master.orders["M1"].price_inr == moved.price_inr


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


def test_order_first_seen_half_filled_is_copied_as_fills_are_and_rests_for_the_other_half() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    desk.master(Side.BUY, 10, filled=4, limit="100", status=BookStatus.OPEN, order_type=OrderType.LIMIT)
    desk.run(1)
    sent = {place.order_type: place.quantity // LOT for place in desk.commands(PlaceOrder)}
    assert sent == {OrderType.MARKET: 4, OrderType.LIMIT: 6}


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
