"""The master's account: fills, windows, background, reads that correct, and news in any order."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.schema import Filters, Timing
from engine.core import reasons
from engine.core.master_reads import CONTRADICTION
from engine.events import Resumed
from engine.model import BookStatus, OrderReport, OrderType, Side, leg_id
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, LOT, PUT_LEG, Desk, S, instrument, settings
from tests.unit.core.nights import pass_night, restart
from tests.unit.paper.builders import CALL, PUT, ns


def test_fills_within_the_window_are_decided_together() -> None:
    desk = Desk()
    for lots in (1, 2, 3, 4):
        desk.master(Side.BUY, lots)
        desk.run("0.05")
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 3)]


def test_window_closes_a_second_after_its_first_fill_at_the_latest() -> None:
    desk = Desk()
    for _ in range(10):
        desk.master(Side.BUY, 1)
        desk.run("0.2")
        if desk.placed():
            break
    assert desk.master_leg().units // LOT == 5
    assert desk.placed() == [(Side.BUY, 1)]


def test_window_is_a_setting() -> None:
    desk = Desk(settings(timing=Timing(aggregation_ms=0)))
    desk.master(Side.BUY, 10)
    assert desk.placed() == [(Side.BUY, 3)]


def test_reduction_is_not_aggregated() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.master(Side.SELL, 10)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_in_and_out_within_the_window_sends_nothing() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10)
    desk.run("0.1")
    desk.master(Side.SELL, 10)
    desk.run(20)
    assert desk.placed() == []
    assert not desk.master_leg().units


def test_reversal_in_one_order_is_an_exit_and_then_an_entry() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.sell(30)
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3), (Side.SELL, 6)]
    assert (desk.lots(), desk.strategy().number) == (-6, 1)


def test_entry_half_of_a_reversal_waits_until_the_exit_is_terminal() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(30)
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    desk.fill(desk.last())
    assert desk.placed()[2:] == [(Side.SELL, 6)]


def test_first_quote_that_arrives_after_the_window_decides_at_once() -> None:
    desk = Desk(quoted=False)
    desk.buy(10)
    desk.run("0.5")
    assert desk.placed() == []
    desk.quote(CALL, "100")
    assert desk.placed() == [(Side.BUY, 3)]


def test_first_quote_is_waited_for_two_seconds_and_no_longer() -> None:
    desk = Desk(quoted=False)
    desk.master(Side.BUY, 10)
    desk.run("1.9")
    assert desk.reasons() == set()
    desk.run("0.2")
    assert desk.reasons() == {reasons.NO_QUOTE}
    desk.quote(CALL, "100")
    desk.run(5)
    assert desk.placed() == []


def test_quote_of_another_instrument_does_not_end_the_wait() -> None:
    desk = Desk(quoted=False)
    desk.buy(10)
    desk.quote(PUT, "100")
    assert desk.placed() == []
    assert desk.master_leg().window is not None


def test_fill_exactly_as_old_as_allowed_is_copied_and_an_older_one_is_not() -> None:
    for age_s, copied in ((29, True), (31, False)):
        desk = Desk()
        report = desk.report(Side.BUY, 10, id_="M1", placed_s=age_s)
        late = msgspec.structs.replace(report, updated_ns=desk.now_ns - age_s * S)
        desk.run(30)
        late = msgspec.structs.replace(late, placed_ns=desk.now_ns - age_s * S, updated_ns=desk.now_ns - age_s * S)
        desk.book(late)
        desk.push(late, "M")
        desk.run(1)
        assert bool(desk.placed()) is copied


def test_old_fill_does_not_come_along_with_a_fresh_one() -> None:
    desk = Desk()
    desk.run(60)
    desk.buy(10)
    old = msgspec.structs.replace(
        desk.report(Side.BUY, 10, id_="M9"), placed_ns=desk.now_ns - 40 * S, updated_ns=desk.now_ns - 40 * S
    )
    desk.book(old)
    desk.push(old, "M")
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    assert desk.reasons() == {reasons.STALE_SIGNAL}


def test_unclean_start_waits_and_enters_once_when_resumed_in_time() -> None:
    desk = Desk(unclean=True)
    desk.buy(10)
    desk.run(5)
    assert desk.placed() == []
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert desk.placed() == [(Side.BUY, 3)]


def test_fills_from_before_the_first_start_are_history() -> None:
    desk = Desk(warm=False, silent=("M",))
    desk.book(msgspec.structs.replace(desk.report(Side.BUY, 10, id_="M1"), updated_ns=desk.now_ns - 3600 * S))
    desk.read("M")
    desk.run(5)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 650)


# --- reads -------------------------------------------------------------------------------------------------------


def vanish(desk: Desk) -> None:
    """The lots are gone from positions and book agrees (the order that opened them was carried forward)."""
    desk.state.master.orders.clear()
    desk.books["M"].orders.clear()
    desk.books["M"].positions.clear()


def opened() -> Desk:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.silent.add("M")
    return desk


def test_lots_that_no_read_lists_are_exited_when_they_agree_for_half_a_minute() -> None:
    desk = opened()
    vanish(desk)
    desk.read("M")
    desk.run(25)
    desk.read("M")
    assert desk.lots() == 3
    desk.run(10)
    desk.read("M")
    assert desk.lots() == 0


def test_lots_gone_without_an_order_are_exited_after_two_reads_a_second_apart() -> None:
    desk = opened()
    vanish(desk)
    desk.books["M"].positions[CALL_LEG] = 0  # closed, and still listed
    desk.read("M")
    assert desk.lots() == 3
    desk.run("0.999")
    desk.read("M")
    assert desk.lots() == 3
    desk.run("0.001")
    desk.read("M")
    assert desk.lots() == 0


def test_two_reads_that_disagree_with_each_other_decide_nothing() -> None:
    desk = opened()
    vanish(desk)
    for units in (0, 130, 0, 130):
        desk.books["M"].positions[CALL_LEG] = units
        desk.books["M"].overnight[CALL_LEG] = units
        desk.read("M")
        desk.run(1)
    assert desk.lots() == 3


def test_read_that_began_less_than_two_seconds_after_the_last_fill_proves_nothing() -> None:
    desk = Desk()
    desk.silent.add("M")
    desk.master(Side.BUY, 10)
    vanish(desk)
    for _ in range(2):
        desk.run("0.99")
        desk.read("M")
    assert desk.master_leg().suspicion is None
    desk.run("0.02")
    desk.read("M")
    assert desk.master_leg().suspicion is not None


@pytest.mark.parametrize("missing", ["orders", "positions"])
def test_partial_read_is_never_flat(missing: str) -> None:
    desk = opened()
    vanish(desk)
    for _ in range(5):
        desk.deliver(msgspec.structs.replace(desk.picture("M"), **{missing: None, "error": "timeout"}))
        desk.run(2)
    assert desk.lots() == 3


def test_positions_that_contradict_the_book_decide_nothing_and_are_alarmed_after_30_s() -> None:
    desk = opened()
    desk.books["M"].positions[CALL_LEG] = 0
    for _ in range(32):
        desk.read("M")
        desk.run(1)
    assert desk.lots() == 3
    assert any("unknown" in text for text in desk.notices())


def test_lots_that_appear_without_an_order_are_background() -> None:
    desk = opened()
    desk.books["M"].positions[PUT_LEG] = 650
    desk.books["M"].overnight[PUT_LEG] = 650
    for _ in range(4):
        desk.read("M")
        desk.run(1)
    assert (desk.master_leg(PUT_LEG).units, desk.master_leg(PUT_LEG).background_units) == (0, 650)
    assert desk.placed() == [(Side.BUY, 3)]


def test_master_that_cannot_be_read_for_30_s_is_alarmed_once() -> None:
    desk = opened()
    desk.run(100)
    assert sum("no complete read of the master" in text for text in desk.notices()) == 1


def test_master_read_that_nobody_answers_is_asked_again() -> None:
    desk = opened()
    before = len(desk.reads("M"))
    desk.run(39)
    assert len(desk.reads("M")) == before + 1
    desk.run(5)
    assert len(desk.reads("M")) == before + 2


def test_lots_that_are_gone_leave_their_value_in_the_masters_result() -> None:
    """650 bought and gone at the same price are no loss of 65,000."""
    desk = opened()
    vanish(desk)
    desk.books["M"].positions[CALL_LEG] = 0
    for _ in range(3):
        desk.read("M")
        desk.run(1)
    assert desk.master_leg().units == 0
    assert desk.master_leg().cash_inr == 0
    desk.buy(10)
    row = build_snapshot(desk.state, desk.now_ns, Frame()).legs[0]
    assert row.master_pnl_inr == 0


def test_stop_loss_filtered_by_its_type_before_the_entry_still_closes_what_is_followed() -> None:
    """Whether an order is followed is decided when it is first seen, not when it reduces followed lots."""
    desk = Desk(settings(filters=Filters(order_types=("MARKET",))))
    desk.master(Side.SELL, 10, id_="SL1", filled=0, order_type=OrderType.SL_M, status=BookStatus.TRIGGER_PENDING)
    desk.run(1)
    desk.buy(10)
    desk.run(3)
    desk.master(Side.SELL, 10, id_="SL1", order_type=OrderType.SL_M)
    desk.run(10)
    assert desk.lots() == 0


# --- any order, any number -----------------------------------------------------------------------------------------


def updates(desk: Desk) -> list[OrderReport]:
    """Two orders and a part of a third, each update as the broker would push it."""
    return [
        desk.report(Side.BUY, 10, id_="M1", filled=0),
        desk.report(Side.BUY, 10, id_="M1", filled=4),
        desk.report(Side.BUY, 10, id_="M1"),
        desk.report(Side.BUY, 5, id_="M2", filled=2),
        desk.report(Side.BUY, 5, id_="M2", filled=2, status=BookStatus.CANCELLED),
        desk.report(Side.SELL, 3, id_="M3", filled=0),
        desk.report(Side.SELL, 3, id_="M3"),
        desk.report(Side.SELL, 6, id_="P1", symbol=PUT, filled=1),
        desk.report(Side.SELL, 6, id_="P1", symbol=PUT),
    ]


def end_state(order: list[int], *, read: bool) -> tuple[object, ...]:
    """What is left after these updates in this order, within one window, and ten quiet seconds."""
    desk = Desk()
    rows = updates(desk)
    for row in rows:
        desk.book(row)
    desk.books["M"].orders.update({"M1": rows[2], "M2": rows[4], "M3": rows[6], "P1": rows[8]})
    desk.books["M"].positions = {CALL_LEG: 9 * LOT, PUT_LEG: -6 * LOT}
    for index in order:
        desk.push(rows[index], "M")
    if read:
        desk.read("M")
    desk.run(10)
    legs = [
        (leg.leg, leg.units, leg.background_units, leg.cash_inr, leg.open_cost_inr)
        for leg in desk.state.master.legs.values()
    ]
    own = [(leg.leg, leg.allocation_units, leg.target_units, leg.sign) for leg in desk.child().legs.values()]
    return (
        sorted(legs),
        sorted(own),
        sorted(desk.placed()),
        sorted((o.order_id, o.filled, o.status, o.value_inr) for o in desk.state.master.orders.values()),
        desk.state.master.working,
        desk.strategy().ratios,
    )


IN_ORDER = end_state(list(range(9)), read=True)


@given(order=st.permutations(list(range(9))), extra=st.lists(st.integers(0, 8), max_size=6), read=st.booleans())
@hypothesis_settings(max_examples=60, deadline=None)
def test_any_permutation_and_repetition_of_the_same_updates_ends_the_same(
    order: list[int], extra: list[int], read: bool
) -> None:
    assert end_state([*order, *extra], read=read) == IN_ORDER


@given(order=st.permutations([2, 4, 6, 8]))
@hypothesis_settings(max_examples=24, deadline=None)
def test_missing_updates_do_not_change_the_end(order: list[int]) -> None:
    assert end_state(order, read=False) == IN_ORDER


def test_updates_that_never_arrive_are_found_in_the_book() -> None:
    assert end_state([], read=False) == IN_ORDER


def test_late_news_of_the_same_second_does_not_take_back_a_change_that_has_filled_since() -> None:
    desk = Desk()
    small = desk.master(Side.BUY, 2, id_="MO1", filled=0, order_type=OrderType.LIMIT, limit="100")
    desk.master(Side.BUY, 10, id_="MO1", filled=9, order_type=OrderType.LIMIT, limit="100")
    desk.push(small, "M")
    order = desk.state.master.orders["MO1"]
    assert (order.quantity // LOT, order.filled // LOT) == (10, 9)


def test_late_partial_fill_after_complete_changes_nothing() -> None:
    desk = Desk()
    rows = updates(desk)
    for row in (rows[2], rows[1], rows[0]):
        desk.book(rows[2])
        desk.push(row, "M")
    assert desk.master_leg().units == 650
    assert desk.state.master.orders["M1"].status is BookStatus.COMPLETE
    assert desk.state.master.working == []


def test_fill_of_a_zero_quantity_or_without_price_does_not_divide_by_zero() -> None:
    desk = Desk()
    report = msgspec.structs.replace(desk.report(Side.BUY, 10, id_="M1"), average_price_inr=None)
    desk.book(report)
    desk.push(report, "M")
    desk.run(1)
    assert desk.master_leg().price_inr == Decimal(0)
    assert desk.placed() == []
    assert desk.reasons() == {reasons.SLIPPAGE}


def test_closed_market_decides_nothing_on_reads() -> None:
    desk = opened()
    vanish(desk)
    desk.now_ns = ns("16:00")
    for _ in range(3):
        desk.read("M")
        desk.run(2)
    assert (desk.lots(), desk.master_leg().units) == (3, 650)


def test_fills_of_a_downtime_that_reach_into_the_background_are_no_reversal() -> None:
    desk = Desk(background={CALL_LEG: 3 * LOT})
    desk.buy(20)
    desk.master(Side.SELL, 20, push=False)
    desk.master(Side.SELL, 1, push=False)
    desk.restart()
    desk.run(1)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 2 * LOT)
    assert desk.placed() == [(Side.BUY, 6), (Side.SELL, 6)]


def test_book_of_yesterday_that_is_still_shown_in_the_morning_changes_no_background() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    desk.sell(4)
    desk.run(3)
    assert desk.master_leg().background_units == 6 * LOT
    pass_night(desk, keep_orders=True)
    restart(desk, "08:30", slept=True)
    desk.run(3)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 6 * LOT)


def test_changed_leg_gets_no_background_at_a_restart_before_it_is_mapped() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    twice = tuple(instrument(i.symbol, lot_units=2 * LOT) for i in INSTRUMENTS)
    for book in desk.books.values():
        book.positions = {leg: 2 * units for leg, units in book.positions.items()}
    restart(desk, instruments=twice)
    desk.run(3)
    assert desk.master_leg().background_units == 0
    restart(desk, instruments=twice, slept=True)
    desk.run(3)
    assert desk.master_leg().changed
    assert (desk.master_leg().units, desk.master_leg().background_units) == (10 * LOT, 0)


@pytest.mark.rule("R3.5")
def test_first_look_whose_positions_contradict_its_book_is_put_off() -> None:
    desk = opened_then_dead()
    desk.books["M"].positions.clear()
    desk.restart(unclean=True)
    desk.run(20)
    shown = build_snapshot(desk.state, desk.now_ns, Frame()).master
    assert (desk.state.master.synced, shown.error) == (False, CONTRADICTION)
    desk.books["M"].positions[CALL_LEG] = 10 * LOT
    desk.run(10)
    assert (desk.state.master.synced, desk.state.master.error) == (True, "")
    assert (desk.master_leg().units, desk.master_leg().background_units) == (10 * LOT, 0)


def test_lots_beyond_the_book_at_a_start_are_background_after_30_s_with_an_alarm() -> None:
    desk = opened_then_dead()
    desk.books["M"].positions[CALL_LEG] = 12 * LOT
    desk.restart(unclean=True)
    desk.run(60)
    assert desk.state.master.synced
    assert desk.master_leg().background_units == 2 * LOT
    assert any(f"{CONTRADICTION} for 30 s" in text for text in desk.notices())


@pytest.mark.rule("R3.5")
@pytest.mark.parametrize("shown", [None, 4, -3])
def test_background_that_positions_lack_at_a_start_is_not_taken_for_gone(shown: int | None) -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    lies = {} if shown is None else {CALL_LEG: shown * LOT}
    desk.books["M"].positions = dict(lies)
    if shown is None:
        desk.books["M"].overnight.clear()
    desk.restart()
    desk.run(60)
    assert desk.state.master.synced
    assert any(CONTRADICTION in text and "nothing is taken for gone" in text for text in desk.notices())
    desk.master(Side.SELL, 4)
    desk.books["M"].positions = dict(lies)
    desk.run(3)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 6 * LOT)
    assert desk.placed() == []


@pytest.mark.rule("R3.5")
@pytest.mark.parametrize("side", list(Side))
def test_trades_of_a_downtime_that_positions_lack_are_his(side: Side) -> None:
    desk = Desk()
    desk.master(side, 10, push=False)
    desk.books["M"].positions.clear()
    desk.restart()
    desk.run(60)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (side.sign * 10 * LOT, 0)
    desk.books["M"].positions[CALL_LEG] = side.sign * 10 * LOT
    desk.run(60)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (side.sign * 10 * LOT, 0)


@pytest.mark.rule("R3.5")
@pytest.mark.parametrize("sold", [4, 10, 14])
def test_sale_of_a_downtime_that_older_positions_lack_is_followed(sold: int) -> None:
    desk = opened_then_dead()
    desk.master(Side.SELL, sold, push=False)
    desk.books["M"].positions[CALL_LEG] = 10 * LOT
    desk.restart()
    desk.run(60)
    assert (desk.master_leg().units, desk.master_leg().background_units) == ((10 - sold) * LOT, 0)
    desk.books["M"].positions[CALL_LEG] = (10 - sold) * LOT
    desk.run(60)
    assert (desk.master_leg().units, desk.master_leg().background_units) == ((10 - sold) * LOT, 0)


def test_first_look_of_a_day_that_goes_on_contradicting_itself_is_believed() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    pass_night(desk)
    desk.books["M"].positions[CALL_LEG] = 4 * LOT
    restart(desk, slept=True)
    desk.run(20)
    assert not desk.state.master.synced
    desk.run(40)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 4 * LOT)
    assert any(f"{CONTRADICTION} for 30 s: believed now" in text for text in desk.notices())


def test_conversion_before_the_first_look_is_no_contradiction() -> None:
    desk = opened_then_dead()
    desk.books["M"].positions = {CALL_LEG: 4 * LOT, leg_id("NFO", CALL, "MIS"): 6 * LOT}
    desk.restart(unclean=True)
    desk.run(3)
    assert desk.state.master.synced


def opened_then_dead() -> Desk:
    """A desk whose master bought 10 lots today."""
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    return desk
