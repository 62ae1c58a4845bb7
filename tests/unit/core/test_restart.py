"""The question of an unclean start: what is open, its answers, and what a start says of itself."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import Mode, Sizing, SizingMode, StrategyScope
from engine.commands import CancelOrder, Notify, PlaceOrder, Severity
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.replicator import Replicator
from engine.core.restart import open_lines
from engine.core.state import State, Strategy
from engine.events import (
    BackgroundAdopted,
    ChildJoined,
    Flattened,
    HandedOver,
    Outcome,
    Paused,
    PromptAnswered,
    Resumed,
    StartedFresh,
)
from engine.model import BookStatus, Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, HEDGE, HEDGE_LEG, LOT, PUT_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT


def died(desk: Desk, *, for_s: float = 20, unclean: bool = True) -> None:
    """The process dies and starts again later on the same state; instruments and quotes come before the reads."""
    desk.now_ns += int(for_s * 1e9)
    silent, desk.silent = desk.silent, set(desk.books)
    desk.restart(unclean=unclean)
    for symbol in (CALL, PUT, HEDGE):
        desk.quote(symbol, "100")
    desk.silent = silent
    for account in desk.books:
        if account not in silent:
            desk.read(account)


def two() -> Desk:
    """Two children, three lots each."""
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    return desk


def say(desk: Desk, kind: type[Resumed | Flattened | HandedOver | StartedFresh], *children: str) -> None:
    fields = {"children": children} if kind in (Flattened, HandedOver) else {}
    desk.handle(kind(at_ns=desk.now_ns, **fields))


# --- flatten ------------------------------------------------------------------------------------------------------


def test_flatten_answers_the_question_and_exits_at_once() -> None:
    desk = two()
    died(desk)
    say(desk, Flattened)
    desk.run(1)
    assert (desk.lots(), desk.lots("C2")) == (0, 0)
    assert (desk.state.unclean, desk.state.armed) == (False, True)
    desk.buy(10)
    desk.run(3)
    assert desk.lots() == 0


def test_flatten_before_the_books_were_read_exits_when_they_are() -> None:
    desk = two()
    desk.silent = {"C1", "C2", "M"}
    died(desk)
    say(desk, Flattened)
    assert desk.lots() == 3
    desk.silent = set()
    desk.read("C1")
    assert desk.lots() == 0
    assert desk.lots("C2") == 3
    desk.read("C2")
    desk.read("M")
    assert (desk.lots("C2"), desk.state.unclean) == (0, False)


def test_flatten_of_one_child_leaves_the_question_for_the_other() -> None:
    desk = two()
    died(desk)
    say(desk, Flattened, "C1")
    desk.run(1)
    assert (desk.lots(), desk.lots("C2"), desk.state.unclean, desk.state.armed) == (0, 3, True, False)
    say(desk, HandedOver, "C2")
    desk.run(1)
    assert (desk.state.unclean, desk.state.armed) == (False, True)


def test_flatten_with_nothing_open_answers_nothing() -> None:
    desk = Desk()
    died(desk)
    say(desk, Flattened)
    assert desk.state.unclean


def test_flatten_passes_the_prompt_of_exits() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    died(desk)
    say(desk, Flattened)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


# --- hand over ----------------------------------------------------------------------------------------------------


def test_hand_over_leaves_the_position_to_its_owner() -> None:
    desk = two()
    died(desk)
    say(desk, HandedOver)
    desk.run(3)
    leg = desk.leg()
    assert (leg.allocation_units, leg.orphaned_units) == (0, 3 * LOT)
    assert desk.child().external == {CALL_LEG: 3 * LOT}
    desk.sell(10)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.strategy().state is StrategyState.FLAT


def test_handed_over_is_shown_until_the_owner_closed_it() -> None:
    desk = two()
    died(desk)
    say(desk, HandedOver)
    desk.run(3)
    desk.owner_trades(-2)
    desk.run(31)
    assert desk.leg().orphaned_units == LOT
    desk.owner_trades(-1)
    desk.run(31)
    assert desk.leg().orphaned_units == 0
    assert sum(text == "what was handed over is closed" for text in desk.notices()) == 1


def test_result_of_what_is_handed_over_ends_at_the_last_price() -> None:
    desk = Desk()
    desk.buy(10)
    died(desk)
    desk.quote(CALL, "110")
    say(desk, HandedOver)
    assert desk.leg().cash_inr == 3 * LOT * 10


def test_hand_over_cancels_what_works_first() -> None:
    desk = Desk()
    desk.buy(10)
    desk.filling = False
    desk.sell(5)
    exit_ = desk.accept(desk.last())
    died(desk)
    say(desk, HandedOver)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [exit_.order_id]
    assert desk.leg().orphaned_units == 0
    desk.advance(exit_, filled=LOT, status=BookStatus.CANCELLED)
    assert (desk.leg().allocation_units, desk.leg().orphaned_units) == (0, 2 * LOT)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2)]


def test_hand_over_waits_for_an_unknown_order() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    died(desk)
    assert desk.order(place).state is OrderState.UNKNOWN
    say(desk, HandedOver)
    assert desk.leg().orphaned_units == 0
    late = desk.accept(place, answered=False)
    desk.advance(late)
    desk.run(3)
    assert (desk.leg().allocation_units, desk.leg().orphaned_units) == (0, 3 * LOT)
    assert desk.placed() == [(Side.BUY, 3)]


def test_what_fills_after_the_hand_over_is_the_owners_too() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    entry = desk.advance(desk.accept(desk.last()), filled=2 * LOT, status=BookStatus.OPEN)
    died(desk)
    say(desk, HandedOver)
    cancelled = desk.advance(entry, filled=2 * LOT, status=BookStatus.CANCELLED)
    assert desk.leg().orphaned_units == 2 * LOT
    desk.advance(cancelled, filled=3 * LOT, status=BookStatus.CANCELLED)
    desk.run(40)
    assert (desk.leg().allocation_units, desk.leg().orphaned_units) == (0, 3 * LOT)
    assert desk.placed() == [(Side.BUY, 3)]


def test_child_that_was_handed_over_takes_part_in_the_next_strategy() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10, symbol=PUT)
    died(desk)
    say(desk, HandedOver, "C1")
    say(desk, Resumed)
    desk.buy(10)
    desk.run(3)
    assert (desk.lots(), desk.lots("C2")) == (0, 3)
    assert desk.reasons() == {reasons.HANDED_OVER}
    desk.sell(10)
    desk.sell(10, symbol=PUT)
    desk.run(60)
    assert desk.strategy().state is StrategyState.FLAT
    desk.buy(10, symbol=PUT)
    desk.run(3)
    assert desk.lots(leg=PUT_LEG) == 3
    desk.sell(10, symbol=PUT)
    desk.run(3)
    assert desk.lots(leg=PUT_LEG) == 0
    assert desk.books["C1"].positions[PUT_LEG] == 3 * LOT


def test_joining_takes_a_handed_over_child_back() -> None:
    desk = Desk()
    desk.buy(10)
    died(desk)
    say(desk, HandedOver)
    desk.run(3)
    desk.handle(ChildJoined(at_ns=desk.now_ns, child="C1"))
    assert len(desk.state.prompts) == 1
    assert desk.lots() == 0


def test_hand_over_of_nothing_and_of_nobody() -> None:
    desk = Desk()
    died(desk)
    say(desk, HandedOver)
    say(desk, HandedOver, "C1")
    say(desk, HandedOver, "C9")
    assert desk.state.unclean
    assert [text for text in desk.notices() if "hand over" in text or "no child" in text] == [
        "nothing of ours is open: nothing to hand over",
        "nothing of ours is open: nothing to hand over",
        "no child is called C9",
    ]


# --- start fresh --------------------------------------------------------------------------------------------------


def test_start_fresh_forgets_the_strategy() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    died(desk)
    say(desk, StartedFresh)
    desk.run(3)
    assert (desk.state.unclean, desk.state.armed) == (False, True)
    assert (desk.state.strategies, desk.state.prompts) == ({}, {})
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 10 * LOT)
    desk.sell(10)
    desk.run(3)
    assert desk.placed() == []


@pytest.mark.parametrize("working", [False, True])
def test_start_fresh_is_refused_with_the_list_while_something_is_open(working: bool) -> None:
    desk = Desk(filling=not working)
    desk.buy(10)
    died(desk)
    say(desk, StartedFresh)
    assert (desk.state.unclean, desk.strategy().state) == (True, StrategyState.ACTIVE)
    refusal = next(text for text in desk.notices() if "start fresh is refused" in text)
    assert ("C1 0 NIFTY26NOV24500CE, 1 unknown" if working else "C1 195 NIFTY26NOV24500CE") in refusal


def test_start_fresh_after_a_clean_stop_changes_nothing() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    say(desk, StartedFresh)
    assert desk.strategy().state is StrategyState.ACTIVE
    assert len(desk.state.prompts) == 1


def test_adopting_after_a_fresh_start_begins_a_strategy() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    died(desk)
    say(desk, StartedFresh)
    desk.run(3)
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    assert desk.placed() == []


# --- what is there at a start ----------------------------------------------------------------------------------------


def test_open_things_are_listed_by_child_and_leg() -> None:
    desk = two()
    desk.filling = False
    desk.sell(5)
    assert open_lines(desk.state) == [
        "C1 195 NIFTY26NOV24500CE, 1 sent",
        "C2 195 NIFTY26NOV24500CE, 1 sent",
    ]


def test_answer_that_was_lost_and_a_position_closed_by_hand_meanwhile_make_no_exit() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.advance(desk.accept(desk.last(), answered=False), push=False)
    desk.owner_trades(-3)
    desk.master(Side.SELL, 10, push=False)
    desk.filling = True
    died(desk)
    say(desk, Resumed)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3)]
    assert (desk.lots(), desk.books["C1"].positions[CALL_LEG]) == (0, 0)


def test_phantom_lots_are_purged_before_any_exit() -> None:
    desk = Desk()
    desk.buy(10)
    desk.owner_trades(-3)
    desk.master(Side.SELL, 10, push=False)
    died(desk)
    say(desk, Resumed)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3)]
    assert "195 units of ours were closed by hand" in desk.notices()
    assert desk.strategy().state is StrategyState.FLAT


@pytest.mark.parametrize(
    ("owner", "ours", "external"),
    [(4, 3, 4), (-2, 1, 0), (-3, 0, 0), (-5, 0, -2), (-13, 0, -10), (0, 3, 0)],
)
@pytest.mark.parametrize("unclean", [True, False])
def test_what_the_owner_traded_while_we_were_down_is_his(owner: int, ours: int, external: int, unclean: bool) -> None:
    desk = Desk()
    desk.buy(10)
    desk.owner_trades(owner)
    died(desk, unclean=unclean)
    desk.run(3)
    assert desk.lots() == ours
    assert desk.child().external.get(CALL_LEG, 0) == external * LOT
    desk.sell(10)
    desk.run(40)
    assert desk.books["C1"].positions[CALL_LEG] == external * LOT


def test_external_lots_from_before_are_not_ours_after_the_start() -> None:
    desk = Desk()
    desk.owner_trades(5)
    desk.run(31)
    desk.buy(10)
    desk.owner_trades(-5)
    died(desk)
    desk.run(3)
    assert (desk.lots(), desk.child().external) == (3, {})


def test_master_out_meanwhile_is_asked_with_a_countdown_and_resume_lets_the_exits_go() -> None:
    desk = two()
    desk.master(Side.SELL, 10, push=False)
    died(desk)
    desk.run(5)
    assert desk.state.restart_exit_until_ns > desk.now_ns
    assert desk.leg().due_reason == reasons.RESTART_EXIT
    say(desk, Resumed)
    desk.run(1)
    assert (desk.lots(), desk.state.restart_exit_until_ns) == (0, 0)


def test_start_says_its_steps_in_order() -> None:
    desk = Desk()
    assert [notice.text for notice in desk.commands(Notify)] == [
        "started in PAPER",
        "state: nothing of ours is open",
        "book and positions are read",
        "armed",
        "book and positions are read",
        "unknown orders: none",
        "differences: none",
        "margins not known yet: none",
    ]


def test_start_names_the_account_that_it_waits_for() -> None:
    desk = Desk(settings(child("C1"), child("C2")), silent=("C2",))
    desk.run(5)
    waiting = [n for n in desk.commands(Notify) if "waits for its book" in n.text]
    assert [(n.account, n.severity) for n in waiting] == [("C2", Severity.WARNING)]
    assert "unknown orders: none" not in desk.notices()
    desk.silent = set()
    desk.read("C2")
    assert desk.notices()[-2:] == ["differences: none", "margins not known yet: none"]


def test_margin_of_a_child_that_is_read_before_the_master_counts() -> None:
    desk = Desk(silent=("M",))
    desk.run(2)
    desk.silent = {"C1"}
    desk.read("M")
    desk.run(3)
    desk.buy(10)
    assert desk.strategy().left_out == {}


def test_margin_of_a_master_whose_book_is_not_known_does_not_count() -> None:
    desk = Desk(silent=("M",))
    desk.deliver(msgspec.structs.replace(desk.picture("M"), orders=None))
    assert "M" not in desk.state.samples


def test_account_whose_margin_is_missing_is_named_at_the_start_and_when_it_is_known() -> None:
    desk = Desk(silent=("C1",))
    desk.deliver(msgspec.structs.replace(desk.picture("C1"), available_inr=None))
    named = [n for n in desk.commands(Notify) if n.text == "margins not known yet: C1"]
    assert [n.severity for n in named] == [Severity.WARNING]
    desk.read("C1")
    desk.read("C1")
    assert [n.account for n in desk.commands(Notify) if n.text == "margin is known"] == ["C1"]


def test_unknown_orders_are_named_at_the_start() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    died(desk)
    assert f"unknown orders: {place.tag}" in desk.notices()


@pytest.mark.parametrize(("mode", "asked"), [(Mode.LIVE, True), (Mode.PAPER, False)])
def test_live_with_something_open_is_resumed_by_the_operator_only(mode: Mode, asked: bool) -> None:
    desk = Desk(settings(mode=mode))
    desk.buy(10)
    died(desk, unclean=False)
    desk.run(3)
    assert (desk.state.unclean, desk.state.armed) == (asked, not asked)


def test_live_with_nothing_open_is_armed() -> None:
    desk = Desk(settings(mode=Mode.LIVE))
    died(desk, unclean=False)
    assert desk.state.armed


def test_approval_of_a_child_that_was_not_read_enters_nothing() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.silent = {"C1"}
    died(desk, for_s=1)
    say(desk, Resumed)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.commands(PlaceOrder) == []
    assert desk.reasons() == {reasons.NOT_READ}


def test_same_events_give_the_same_state() -> None:
    desk = two()
    died(desk)
    say(desk, HandedOver, "C1")
    say(desk, Flattened, "C2")
    desk.run(5)
    again: State | None = None
    core = Replicator(again)
    for event in desk.events:
        core.handle(event)
    assert core.state == desk.state


def test_hand_over_leaves_scopes_that_are_flat_and_legs_that_are_closed_alone() -> None:
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING))
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.run(1)
    desk.strategy("NIFTY")
    other = desk.state.strategies["BANKNIFTY"] = Strategy(scope="BANKNIFTY")
    desk.owner_trades(-3)
    desk.run(70)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (0, 3)
    say(desk, HandedOver)
    desk.run(1)
    assert (other.left_out, desk.strategy("NIFTY").left_out) == ({}, {"C1": reasons.HANDED_OVER})
    assert (desk.leg().handed_over, desk.leg(leg=PUT_LEG).orphaned_units) == (False, 3 * LOT)


def test_start_fresh_before_the_master_is_read_is_armed_by_that_read_and_drops_open_windows() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10)
    assert desk.master_leg().window is not None
    desk.silent = {"M"}
    desk.restart(unclean=True)
    desk.quote(CALL, "100")
    desk.run(2)
    say(desk, StartedFresh)
    assert (desk.state.armed, desk.master_leg().window) == (False, None)
    assert not [name for name in desk.state.timers if name.startswith("window:")]
    desk.read("M")
    assert (desk.state.armed, desk.placed()) == (True, [])
    assert (desk.master_leg().units, desk.master_leg().background_units) == (0, 10 * LOT)


def test_result_of_what_is_handed_over_without_a_price_ends_at_cost() -> None:
    desk = two()
    desk.silent = set(desk.books)
    desk.restart(unclean=True)
    assert not desk.state.quotes
    say(desk, HandedOver, "C1")
    for account in desk.books:
        desk.read(account)
    desk.run(1)
    assert (desk.leg().orphaned_units, desk.leg().cash_inr) == (3 * LOT, Decimal(0))


def next_strategy(desk: Desk) -> None:
    """C1 is handed over, its owner closes it, and the master is flat: the next strategy may begin."""
    say(desk, HandedOver, "C1")
    desk.owner_trades(-desk.leg().orphaned_units // LOT)
    desk.sell(10)
    desk.run(60)
    assert desk.strategy().state is StrategyState.FLAT


def test_prompt_of_a_child_that_was_handed_over_before_only_shrinks_with_the_master() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    next_strategy(desk)
    desk.buy(10)
    assert desk.leg().awaiting_units == 3 * LOT
    desk.sell(1)
    assert desk.leg().awaiting_units == 2 * LOT


def test_lots_that_a_child_handed_over_before_has_missed_are_not_caught_up() -> None:
    desk = Desk()
    desk.buy(10)
    next_strategy(desk)
    sent = desk.placed()
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    desk.sell(1)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.buy(1)
    assert desk.placed() == sent


def test_order_that_surfaces_after_the_hand_over_leaves_nothing_to_judge_later() -> None:
    desk = Desk()
    desk.buy(10)
    desk.filling = False
    desk.sell(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    say(desk, HandedOver)
    desk.run(200)
    assert not desk.leg().orders
    desk.advance(desk.accept(desk.last(), answered=False))
    assert (desk.leg().allocation_units, desk.leg().orphaned_units, desk.leg().surfaced) == (0, 0, False)


@pytest.mark.parametrize(
    "sizing",
    [
        Sizing(mode=SizingMode.FIXED_LOTS, lots=2),
        Sizing(mode=SizingMode.LIVE_RATIO),
        Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 5)),
        Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(50)),
    ],
    ids=lambda sizing: sizing.mode.value,
)
def test_child_without_a_frozen_ratio_goes_on_after_a_restart(sizing: Sizing) -> None:
    desk = Desk(settings(child(sizing=sizing)))
    desk.buy(10)
    died(desk, unclean=False)
    desk.run(3)
    desk.buy(10, symbol=HEDGE)
    assert desk.strategy().left_out == {}
    assert desk.lots(leg=HEDGE_LEG) > 0
