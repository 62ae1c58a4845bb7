"""A leg's decision: what each child gets of the master's rise, why not, and in what steps."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.schema import Sizing, SizingMode, Timing
from engine.core import reasons
from engine.core.replicator import Replicator
from engine.events import ChildResynced, DayBegan, Outcome
from engine.model import BookStatus, Kind, Side, instrument_id
from tests.unit.core.builders import CALL_LEG, FREE, LOT, PUT_LEG, SESSIONS, Book, Desk, child, instrument, settings
from tests.unit.paper.builders import CALL, PUT


def sized(mode: SizingMode, **fields: object) -> Desk:
    return Desk(settings(child(sizing=Sizing(mode=mode, **fields))))  # type: ignore[arg-type]  # the mode's own key


def bought(desk: Desk) -> int:
    return sum(lots for side, lots in desk.placed() if side is Side.BUY)


@given(steps=st.lists(st.integers(1, 6), min_size=1, max_size=8))
@hypothesis_settings(max_examples=25, deadline=None)
def test_rise_in_steps_loses_no_lot(steps: list[int]) -> None:
    desk = Desk()
    for step in steps:
        desk.buy(step)
        desk.run(1)
    assert desk.lots() == sum(steps) * 3 // 10


@given(moves=st.lists(st.integers(-8, 8), min_size=1, max_size=10))
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_path_back_to_flat_leaves_nothing(moves: list[int]) -> None:
    desk = Desk()
    total = 0
    for move in [*moves, -sum(moves)]:
        if move:
            desk.master(Side.BUY if move > 0 else Side.SELL, abs(move))
            desk.run("0.5")
        total += move
        assert desk.lots() * total >= 0, "never against the master"
        assert abs(desk.lots()) <= abs(total)
    desk.run(5)
    assert desk.lots() == 0
    assert not [units for units in desk.books["C1"].positions.values() if units]


def test_below_one_lot_is_told_and_taken_back_when_it_grows() -> None:
    desk = Desk()
    desk.buy(3)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.BELOW_ONE_LOT})
    desk.buy(1)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 1)], set())


def test_unknown_instrument_is_skipped_for_that_child_only() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.state.instruments["C2"] = desk.state.instruments.pop("")
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    assert desk.reasons("C1") == {reasons.UNKNOWN_INSTRUMENT}


def test_left_out_child_takes_nothing_and_the_others_all() -> None:
    desk = Desk(settings(child("C1"), child("C2")), margins={"C1": 0})
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    assert "C1" in desk.strategy().left_out


def test_fixed_ratio() -> None:
    desk = sized(SizingMode.FIXED_RATIO, ratio=Fraction(1, 2))
    for lots, expected in ((3, 1), (3, 3)):
        desk.buy(lots)
        assert desk.lots() == expected
    desk.sell(4)
    assert desk.lots() == 1


def test_fixed_lots_once_per_leg() -> None:
    desk = sized(SizingMode.FIXED_LOTS, lots=2)
    desk.buy(5)
    desk.buy(5)
    assert desk.lots() == 2
    desk.sell(5)
    assert desk.lots() == 1
    desk.buy(5)
    assert desk.lots() == 1
    desk.sell(10)
    desk.buy(1)
    assert desk.lots() == 2


def test_live_ratio_applies_to_added_lots() -> None:
    desk = Desk(settings(child(sizing=Sizing(mode=SizingMode.LIVE_RATIO))))
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(500_000)
    desk.run(2)
    desk.buy(10)
    assert desk.lots() == 8
    desk.books["C1"].available_inr = Decimal(0)
    desk.run(2)
    desk.buy(10)
    assert (desk.lots(), desk.reasons()) == (8, {reasons.NO_MARGIN_NOW})


def test_risk_budget_buys_added_lots() -> None:
    """10 % of 300,000 pay for four lots of 6,500."""
    desk = sized(SizingMode.RISK_PCT, pct=Decimal(10))
    desk.buy(10)
    assert desk.lots() == 4
    desk.buy(2)
    assert desk.lots() == 6


def test_risk_budget_without_a_margin_buys_nothing() -> None:
    desk = sized(SizingMode.RISK_PCT, pct=Decimal(10))
    desk.child().available_inr = None
    desk.buy(10)
    assert (desk.lots(), desk.reasons()) == (0, {reasons.NO_MARGIN_NOW})


def test_master_that_adds_while_the_exit_works_is_followed_when_it_is_terminal() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.buy(20)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    desk.fill(desk.last())
    assert desk.placed()[2:] == [(Side.BUY, 6)]


def test_partial_exit_under_way_is_finished_before_the_entry_of_the_same_leg() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(5)
    desk.buy(15)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2)]
    desk.fill(desk.last())
    assert desk.placed()[2:] == [(Side.BUY, 5)]
    desk.fill(desk.last())
    assert desk.lots() == 6


def test_entry_under_way_is_not_sent_again_with_the_next_fill() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    desk.buy(1)
    assert len(desk.placed()) == 2


def test_partly_stopped_entry_sends_the_rest_and_says_why() -> None:
    desk = Desk()
    desk.load((instrument(CALL, lot_units=LOT),))
    with desk.paused():
        desk.buy(10)
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.leg().skipped == ""
    assert desk.reasons() == {reasons.PAUSED}


@pytest.mark.parametrize("other", [PUT, CALL])
def test_decision_record_names_master_price_and_orders(other: str) -> None:
    desk = Desk()
    desk.buy(10, symbol=other, price="100.50")
    (copy,) = desk.state.copies
    assert (copy.leg, copy.side, copy.entry) == (PUT_LEG if other == PUT else CALL_LEG, Side.BUY, True)
    assert (copy.master_units, copy.master_price_inr) == (650, Decimal("100.50"))
    assert copy.tags == [desk.last().tag]
    assert bought(desk) == 3


def unknown_call() -> Desk:
    """The master bought 10 lots of a call that the child's broker does not know (yet)."""
    desk = Desk(warm=False)
    desk.state.instruments = {"M": desk.state.instruments[""]}
    desk.run(3)
    desk.buy(10)
    return desk


def test_lots_of_an_unknown_instrument_are_missed_and_not_caught_up_by_a_later_fill() -> None:
    desk = unknown_call()
    assert (desk.placed(), desk.reasons()) == ([], {reasons.UNKNOWN_INSTRUMENT})
    desk.load()
    desk.run(1)
    desk.buy(10)
    assert (desk.placed(), desk.target()) == ([(Side.BUY, 3)], 3)


def test_lots_missed_while_the_instrument_was_unknown_are_offered_by_a_resync() -> None:
    desk = unknown_call()
    desk.load()
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    assert [i.units // LOT for p in desk.state.prompts.values() for i in p.items] == [3]


def test_master_out_of_an_unknown_instrument_starts_the_leg_anew() -> None:
    desk = unknown_call()
    desk.sell(10)
    desk.load()
    desk.run(5)
    desk.buy(10)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 3)], 3)


def test_master_on_the_other_side_of_an_unknown_instrument_is_missed_too() -> None:
    desk = unknown_call()
    desk.sell(20)
    desk.load()
    desk.run(1)
    desk.sell(10)
    assert (desk.placed(), desk.target()) == ([(Side.SELL, 3)], -3)


def test_entry_that_waited_for_its_first_read_is_missed_when_the_new_days_file_lacks_it() -> None:
    desk = Desk(settings(child(), timing=Timing(max_signal_age_s=Decimal(600))))
    desk.silent = {"C1"}
    desk.restart()
    desk.quote(CALL, "100")
    desk.run(3)
    desk.buy(10)
    assert (desk.leg().entry_pending, desk.target()) == (True, 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    desk.silent = set()
    desk.read()
    assert (desk.leg().entry_pending, desk.target(), desk.placed()) == (False, 0, [])
    assert reasons.UNKNOWN_INSTRUMENT in desk.reasons()


def test_entry_that_waits_for_the_exit_of_a_late_fill_is_not_sent_when_the_master_is_out_again() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    entry = desk.accept(desk.last())
    desk.sell(10)
    desk.advance(entry, filled=0, status=BookStatus.CANCELLED)
    assert desk.leg().sign == 0
    desk.advance(entry)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    desk.buy(10)
    assert desk.leg().entry_pending
    desk.sell(10)
    desk.fill(desk.last())
    desk.run(3)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 3), (Side.SELL, 3)], 0)


def test_exit_of_a_rebuilt_leg_is_decided_before_its_instrument_is_known_and_sent_when_it_is() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.core = Replicator(None)
    desk.start()
    desk.run(3)
    desk.sell(5)
    desk.run(5)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 3)], 3)
    assert (desk.leg().due_reason, desk.target()) == (reasons.UNKNOWN_INSTRUMENT, 1)
    desk.load()
    desk.quote(CALL, "100")
    desk.run(5)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 3), (Side.SELL, 2)], 1)


def test_risk_without_a_price_enters_nothing() -> None:
    desk = sized(SizingMode.RISK_PCT, pct=Decimal(2))
    desk.quote(CALL, "0")
    desk.buy(10)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.NO_PRICE_FOR_RISK})


def test_risk_of_a_sale_whose_margin_rounds_to_nothing_enters_nothing() -> None:
    desk = sized(SizingMode.RISK_PCT, pct=Decimal(2))
    desk.load((instrument(CALL, kind=Kind.EQUITY, lot_units=1, tick_inr=Decimal("0.01")),))
    desk.quote(CALL, "0.05")
    desk.sell(10)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.NO_PRICE_FOR_RISK})


def test_risk_of_a_child_without_a_margin_enters_nothing() -> None:
    desk = Desk(settings(child(sizing=Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(2)))), margins={"C1": 0})
    desk.buy(10)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.NO_MARGIN_NOW})


def test_child_new_in_the_configuration_waits_while_the_strategy_before_it_goes_on() -> None:
    desk = Desk()
    desk.buy(10)
    desk.sell(10)
    desk.run(3)
    desk.books["C2"] = Book(available_inr=Decimal(300_000))
    desk.restart(with_settings=settings(child("C1"), child("C2")))
    desk.quote(CALL, "100")
    desk.run(3)
    desk.buy(10)
    assert (desk.strategy().number, desk.lots("C1"), desk.placed("C2")) == (1, 3, [])
    assert desk.reasons("C2") == {reasons.NEXT_STRATEGY}


def test_account_with_a_file_of_its_own_is_not_reckoned_by_another_brokers() -> None:
    """R2.4: what the child's own broker does not list is skipped there, with the reason of whoever looked."""
    desk = Desk()
    desk.load((), account="C1", unusable={instrument_id("NFO", CALL): "not listed at Angel One"})
    desk.buy(10)
    desk.run(3)
    assert (desk.placed(), desk.reasons("C1")) == ([], {"unknown instrument: not listed at Angel One"})


def test_reason_goes_when_the_instrument_is_listed_later() -> None:
    desk = Desk()
    desk.load((), account="C1", unusable={instrument_id("NFO", CALL): "not listed at Angel One"})
    desk.load((instrument(CALL),), account="C1")
    desk.buy(10)
    desk.run(3)
    assert (desk.lots(), desk.reasons("C1")) == (3, set())


def test_rise_that_a_child_takes_no_part_in_wants_nothing_back_of_what_an_exit_takes() -> None:
    desk = Desk()
    desk.buy(10)
    desk.filling = False
    desk.sell(5)
    desk.strategy().exit_only = True
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(2)
    assert (desk.lots(), desk.target()) == (1, 1)
