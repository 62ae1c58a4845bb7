"""What a broker says of a child's order: in any order and number the same end; late, twice, refused, somebody else's."""

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.schema import OnLegRefused, Risk
from engine.commands import CancelOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.tags import make_tag
from engine.events import ChildResynced, Outcome, Paused, PromptAnswered, Resumed
from engine.model import NS_PER_S, BookStatus, OrderReport, Side
from tests.unit.core.builders import CALL_LEG, LOT, PUT_LEG, Desk, child, settings
from tests.unit.core.resting_orders import LIKE_HIM
from tests.unit.paper.builders import PUT


def sent(lots: int = 10) -> Desk:
    """A desk with one entry sent and not answered."""
    desk = Desk(filling=False)
    desk.buy(lots)
    return desk


def row(desk: Desk, filled: int, status: BookStatus, price: str = "100") -> OrderReport:
    """What the broker says of the newest order, in lots."""
    place = desk.last()
    return msgspec.structs.replace(
        desk.report(
            place.side, place.quantity // LOT, id_="O9", filled=filled, status=status, price=price, tag=place.tag
        ),
        placed_ns=desk.now_ns,
    )


UPDATES = [
    (0, BookStatus.OPEN),
    (1, BookStatus.OPEN),
    (2, BookStatus.OPEN),
    (3, BookStatus.COMPLETE),
]


def end_state(order: list[int], *, answered_at: int) -> tuple[object, ...]:
    desk = sent()
    place = desk.last()
    for number, index in enumerate(order):
        if number == answered_at:
            desk.answer(place, Outcome.ACKED, order_id="O9")
        desk.push(row(desk, *UPDATES[index]))
    desk.books["C1"].positions[CALL_LEG] = 3 * LOT
    desk.run(5)
    leg, record = desk.leg(), desk.order(place)
    return (
        record.state,
        record.filled,
        record.value_inr,
        leg.allocation_units,
        leg.cash_inr,
        leg.open_cost_inr,
        leg.target_units,
        leg.orders,
        desk.child().external,
        desk.placed(),
    )


@given(
    order=st.permutations([0, 1, 2, 3]), extra=st.lists(st.integers(0, 3), max_size=4), answered_at=st.integers(0, 9)
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_permutation_and_repetition_of_the_same_updates_ends_the_same(
    order: list[int], extra: list[int], answered_at: int
) -> None:
    assert end_state([*order, *extra], answered_at=answered_at) == end_state([0, 1, 2, 3], answered_at=0)


def test_filled_quantity_never_shrinks() -> None:
    desk = sent()
    for filled in (2, 1, 0):
        desk.push(row(desk, filled, BookStatus.OPEN))
        assert desk.lots() == 2


def test_average_price_of_partial_fills_is_cumulative() -> None:
    desk = sent()
    desk.push(row(desk, 1, BookStatus.OPEN, "100"))
    desk.push(row(desk, 3, BookStatus.COMPLETE, "101"))
    assert desk.leg().cash_inr == Decimal(-101 * 3 * LOT)
    assert desk.leg().open_cost_inr == Decimal(101 * 3 * LOT)


def test_fill_after_cancel_is_applied_and_its_excess_exited_at_once() -> None:
    desk = sent()
    desk.push(row(desk, 1, BookStatus.CANCELLED))
    assert (desk.lots(), desk.target()) == (1, 1)
    desk.push(row(desk, 3, BookStatus.CANCELLED))
    assert desk.lots() == 3
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2)]
    assert desk.order(desk.commands(type(desk.last()))[0]).state is OrderState.CANCELLED


def test_status_after_a_terminal_one_is_ignored() -> None:
    desk = sent()
    desk.push(row(desk, 3, BookStatus.COMPLETE))
    for status in BookStatus:
        desk.push(row(desk, 3, status))
    assert desk.order(desk.last()).state is OrderState.FILLED
    assert desk.lots() == 3


def test_cancelled_by_somebody_else_is_missed() -> None:
    desk = sent()
    desk.push(row(desk, 1, BookStatus.CANCELLED))
    assert desk.reasons() == {reasons.CANCELLED_AT_BROKER}
    desk.filling = True
    desk.buy(10)
    assert desk.placed()[1:] == [(Side.BUY, 3)], "what was missed is not caught up"


@pytest.mark.parametrize("at_once", [True, False])
def test_refused_entry_is_held_with_the_brokers_words(at_once: bool) -> None:
    desk = sent()
    place = desk.last()
    if at_once:
        desk.answer(place, Outcome.REJECTED, reason="Insufficient [funds]")
    else:
        report = desk.accept(place)
        desk.push(msgspec.structs.replace(report, status=BookStatus.REJECTED, status_text="Insufficient [funds]"))
    assert desk.order(place).state is OrderState.HELD
    assert "Insufficient [funds]" in desk.order(place).reason
    desk.run(60)
    assert desk.placed() == [(Side.BUY, 3)]


def test_refused_entry_is_only_missed_where_the_policy_says_continue() -> None:
    desk = Desk(settings(risk=Risk(on_leg_refused=OnLegRefused.CONTINUE)), filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    assert desk.order(desk.last()).state is OrderState.REJECTED
    assert (desk.target(), desk.leg().lacking) == (0, False)


def test_held_entry_is_withdrawn_when_the_master_goes_out() -> None:
    desk = sent()
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    desk.run(3)
    desk.sell(10)
    desk.run(5)
    assert desk.order(desk.last()).state is OrderState.WITHDRAWN
    assert desk.strategy().state.value == "FLAT"


def test_refused_exit_stays_due_and_is_tried_again_later_and_later() -> None:
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    times = []
    for _ in range(4):
        times.append(desk.now_ns)
        desk.answer(desk.last(), Outcome.REJECTED, reason="RMS")
        assert desk.leg().due
        before = len(desk.placed())
        while len(desk.placed()) == before:
            desk.run("0.1")
    waits = [round((b - a) / 1e9) for a, b in itertools.pairwise(times)]
    assert waits == [1, 2, 4]
    desk.fill(desk.last())
    assert desk.lots() == 0


def test_second_order_with_one_tag_halts_the_child_and_counts_as_the_owners() -> None:
    desk = sent()
    place = desk.last()
    first = desk.accept(place)
    second = desk.accept(place, answered=False)
    desk.push(second)
    desk.advance(first)
    desk.advance(second)
    desk.run(5)
    assert "two orders" in desk.child().stopped["ACCOUNT"]
    assert (desk.lots(), desk.child().external) == (3, {CALL_LEG: 3 * LOT})
    desk.filling = True
    desk.buy(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == 0
    desk.sell(10)
    assert desk.lots() == 0
    assert desk.books["C1"].positions[CALL_LEG] == 3 * LOT


def test_second_order_with_one_tag_is_not_answered_by_a_resync_that_was_asked_for_before() -> None:
    desk = sent()
    place = desk.last()
    desk.advance(desk.accept(place))
    desk.silent = {"C1"}
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    second = desk.accept(place, answered=False)
    desk.push(second)
    desk.silent = set()
    desk.run(40)
    assert "two orders" in desk.child().stopped["ACCOUNT"]
    assert any("asked for before this" in notice for notice in desk.notices())


def test_second_order_with_one_tag_takes_back_what_a_resync_offers_already() -> None:
    desk = sent()
    place = desk.last()
    desk.advance(desk.accept(place))
    desk.filling = True
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10, symbol=PUT)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(5)
    assert len(desk.state.prompts) == 1
    desk.push(desk.accept(place, answered=False))
    assert desk.state.prompts == {}
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(5)
    assert "two orders" in desk.child().stopped["ACCOUNT"]
    assert desk.lots(leg=PUT_LEG) == 0


def test_second_order_with_one_tag_halts_the_child_once() -> None:
    """R7.1: the book goes on showing it, and a resync says that the operator has looked."""
    desk = sent()
    place = desk.last()
    desk.advance(desk.accept(place))
    desk.advance(desk.accept(place, answered=False))
    desk.run(5)
    assert "two orders" in desk.child().stopped["ACCOUNT"]
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(40)
    desk.sell(10, symbol=PUT)
    assert desk.placed()[-1] == (Side.SELL, 3)
    desk.accept(desk.last())
    desk.run(20)  # its book is read while it works
    assert desk.child().stopped == {}
    assert sum("two orders" in notice for notice in desk.notices()) == 1


@pytest.mark.parametrize("how", ["found absent", "withdrawn by the operator's flatten"])
def test_entry_that_surfaces_after_it_was_given_up_is_cancelled_and_exited(how: str) -> None:
    desk = sent()
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.run(130)
    assert desk.order(place).state is OrderState.HELD, how
    desk.sell(10)
    assert desk.order(place).state is OrderState.WITHDRAWN
    report = desk.accept(place, answered=False)
    desk.push(report)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    desk.advance(report, filled=2 * LOT, status=BookStatus.CANCELLED)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2)]
    desk.fill(desk.last())
    assert desk.lots() == 0
    assert desk.child().stopped == {"ACCOUNT": reasons.SURFACED}


def test_held_entry_that_surfaces_while_the_master_is_in_is_ours() -> None:
    desk = sent()
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.run(130)
    desk.advance(desk.accept(place, answered=False))
    assert (desk.order(place).state, desk.lots(), desk.placed()) == (OrderState.FILLED, 3, [(Side.BUY, 3)])


def test_queued_order_that_is_at_the_broker_after_all_is_adopted() -> None:
    desk = sent()
    place = desk.last()
    desk.silent.add("C1")
    desk.answer(place, Outcome.RATE_LIMITED)
    report = desk.accept(place, answered=False)
    desk.push(report)
    assert desk.order(place).state is OrderState.WORKING
    desk.silent.clear()
    desk.read()
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)]


def test_exit_that_surfaces_after_its_replacement_is_repaired_once() -> None:
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    lost = desk.last()
    desk.answer(lost, Outcome.UNKNOWN)
    desk.run(130)
    assert desk.order(lost).state is OrderState.ABSENT
    desk.fill(desk.last())
    assert desk.lots() == 0
    desk.advance(desk.accept(lost, answered=False))
    assert desk.lots() == -3
    assert desk.placed()[3:] == [(Side.BUY, 3)]
    desk.fill(desk.last())
    desk.run(5)
    assert (desk.lots(), len(desk.placed())) == (0, 4)


def test_lots_that_a_surfaced_exit_took_with_the_rest_are_missed_when_its_repair_has_filled() -> None:
    """The repair goes to zero, not to the target: the master still holds lots, and nobody would say why ours are gone."""
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(4)
    lost = desk.last()
    desk.answer(lost, Outcome.UNKNOWN)
    desk.run(130)
    desk.fill(desk.last())
    assert (desk.lots(), desk.target()) == (1, 1)
    desk.advance(desk.accept(lost, answered=False))
    assert desk.placed()[3:] == [(Side.BUY, 1)]
    assert desk.target() == 1
    desk.fill(desk.last())
    desk.run(5)
    assert (desk.lots(), desk.target(), desk.leg().skipped) == (0, 0, reasons.FILLED_LATE)
    assert reasons.FILLED_LATE in desk.reasons()


def test_exit_beyond_what_is_left_is_cancelled_when_the_order_it_replaced_surfaces() -> None:
    """The replacement still works when the lost exit shows up filled: left alone it would open a position."""
    desk = sent()
    desk.checking = False
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    lost = desk.last()
    desk.answer(lost, Outcome.UNKNOWN)
    desk.run(130)
    replacement = desk.accept(desk.last())
    desk.advance(desk.accept(lost, answered=False))
    assert desk.lots() == 0
    assert [c.order_id for c in desk.commands(CancelOrder)] == [replacement.order_id]


def test_order_of_the_owner_changes_external_lots_only() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    report = desk.report(Side.BUY, 2, id_="X1")
    desk.book(report, "C1")
    desk.push(report)
    desk.run(3)
    assert (desk.lots(), desk.child().external) == (3, {CALL_LEG: 2 * LOT})


@pytest.mark.parametrize("filled", [0, 1])
@pytest.mark.parametrize(("mode", "day"), [("paper", "2026-11-01"), ("live", "2026-11-02")])
def test_order_with_our_mark_of_another_day_or_mode_counts_as_the_owners_and_is_told_once(
    filled: int, mode: str, day: str
) -> None:
    desk = Desk()
    report = desk.report(Side.SELL, 1, id_="X1", symbol=PUT, filled=filled, tag=make_tag(mode, day, 0, 1))
    desk.book(report, "C1")
    desk.push(report)
    desk.push(report)
    desk.run(3)
    assert desk.child().external == ({PUT_LEG: -LOT} if filled else {})
    assert sum("carries our mark" in text for text in desk.notices()) == 1


def test_order_of_another_child_with_our_tag_is_not_ours_here() -> None:
    desk = sent()
    stray = msgspec.structs.replace(row(desk, 3, BookStatus.COMPLETE), order_id="X7")
    desk.push(stray, "M")
    assert desk.order(desk.last()).filled == 0


def test_tag_of_another_childs_order_moves_only_the_order_that_the_id_names() -> None:
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    desk.buy(10)
    first, second = desk.unanswered
    desk.accept(first)
    own = desk.accept(second)
    desk.advance(msgspec.structs.replace(own, tag=first.tag), "C2")
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    stranger = msgspec.structs.replace(own, order_id="O77", tag=first.tag, filled=LOT, average_price_inr=Decimal(100))
    desk.push(stranger, "C2")
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    assert (desk.order(first).filled, desk.order(second).filled) == (0, 3 * LOT)


def test_day_without_charge_rates_charges_nothing_and_books_the_fill() -> None:
    desk = Desk(filling=False)
    desk.state.charges = None
    desk.buy(10)
    desk.fill(desk.last())
    assert (desk.lots(), desk.leg().charges_inr, desk.leg().cash_inr) == (3, Decimal(0), Decimal(-300 * LOT))


def test_fill_is_not_from_before_its_order_was_sent_whatever_the_brokers_clock_shows() -> None:
    desk = Desk(filling=False)
    desk.run(3)
    desk.silent.add("C1")
    desk.read()
    desk.run("0.2")
    desk.buy(10)
    report = desk.accept(desk.last())
    slow = msgspec.structs.replace(
        report,
        filled=report.quantity,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        updated_ns=desk.now_ns - 5 * NS_PER_S,
    )
    desk.book(slow, "C1")
    desk.push(slow)
    desk.sell(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    assert not any("the broker shows less" in text for text in desk.notices())


def test_fill_without_a_time_counts_from_when_we_learned_of_it() -> None:
    desk = sent()
    report = desk.accept(desk.last())
    done = msgspec.structs.replace(report, filled=3 * LOT, average_price_inr=Decimal(100), updated_ns=0)
    desk.run(2)
    desk.push(msgspec.structs.replace(done, status=BookStatus.COMPLETE))
    assert [(fill.units, fill.at_ns) for fill in desk.child().own_fills] == [(3 * LOT, desk.now_ns)]


def test_late_fill_beyond_what_is_held_opens_the_rest_at_its_own_price() -> None:
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    lost = desk.last()
    desk.answer(lost, Outcome.UNKNOWN)
    desk.run(140)
    again = desk.accept(desk.last())
    desk.advance(again, filled=2 * LOT, status=BookStatus.OPEN)
    assert desk.lots() == 1
    desk.advance(desk.accept(lost, answered=False), price="90")
    assert (desk.lots(), desk.leg().open_cost_inr) == (-2, Decimal(2 * LOT * 90))


def test_rest_of_a_cancelled_entry_is_sent_anew_when_the_exit_beside_it_takes_more_than_the_target_leaves() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(8)
    desk.fill(desk.last())
    desk.buy(3)
    entry = desk.last()
    desk.sell(8)
    desk.run(7)
    desk.buy(2)  # what is held and under way covers it, so far
    desk.accept(entry)
    desk.run("0.2")
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.filling = True
    for exit_ in list(desk.unanswered):
        desk.fill(exit_)
    desk.run(5)
    assert (desk.lots(), desk.target(), desk.reasons()) == (5, 5, set())
