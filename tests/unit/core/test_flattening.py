"""Leaving at once: what is not there to be left, one leg of it, and a strategy that is left for a refused leg once."""

from decimal import Decimal

import pytest

from config.schema import OnLegRefused, Risk, Sizing, SizingMode
from engine.core import reasons
from engine.events import ChildResynced, Flattened, LegExited, Outcome, PromptAnswered
from engine.model import Side
from tests.unit.core.builders import CALL_LEG, ENTRIES, HEDGE, HEDGE_LEG, LOT, PUT_LEG, Desk, child, settings
from tests.unit.core.turning import filled_at_last, turning_round
from tests.unit.paper.builders import PUT

UNWIND = Risk(on_leg_refused=OnLegRefused.UNWIND)


def exit_leg(desk: Desk, *children: str) -> None:
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG, children=children))
    desk.run(1)


def test_leg_is_exited_for_those_who_hold_it_and_the_others_keep_theirs() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    desk.buy(10, symbol=HEDGE)
    exit_leg(desk)
    assert [desk.lots(one) for one in ("C1", "C2")] == [0, 0]
    assert [desk.lots(one, HEDGE_LEG) for one in ("C1", "C2")] == [3, 3]
    exit_leg(desk)  # nothing is left of it, and of all children nobody is told so
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3), (Side.SELL, 3)]


def test_leg_of_which_nothing_is_open_is_told() -> None:
    desk = Desk()
    exit_leg(desk, "C1")
    exit_leg(desk, "nobody")
    assert [text for text in desk.notices() if "nothing to exit" in text] == [
        "nothing of it is open: nothing to exit"
    ] * 2


def test_next_buy_of_an_exited_leg_is_followed_in_its_own_part_and_exits_with_the_master() -> None:
    desk = Desk()
    desk.buy(10)
    exit_leg(desk, "C1")
    desk.buy(10)
    assert (desk.lots(), desk.leg().flattening) == (3, False)
    desk.sell(20)
    assert desk.lots() == 0


def test_two_slices_that_are_refused_leave_the_strategy_once() -> None:
    desk = Desk(settings(risk=UNWIND), filling=False)
    desk.buy(10, symbol=HEDGE)
    desk.fill(desk.last())
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    for place in list(desk.unanswered):
        desk.answer(place, Outcome.REJECTED, reason="not now")
    assert desk.child().stopped == {"ACCOUNT": reasons.UNWOUND}
    assert sum("the strategy is left" in text for text in desk.notices()) == 1
    assert desk.placed()[-1] == (Side.SELL, 3)
    assert (desk.target(leg=CALL_LEG), desk.target(leg=PUT_LEG), desk.target(leg=HEDGE_LEG)) == (0, 0, 0)


@pytest.mark.parametrize("more", [10, 40], ids=["less than it holds", "more than it holds"])
def test_leg_that_is_being_left_is_left_although_the_master_adds_before_the_exit_can_be_sent(more: int) -> None:
    desk = Desk(settings(risk=UNWIND), filling=False)
    desk.buy(20)
    desk.fill(desk.last())
    desk.buy(10, symbol=PUT)
    desk.answer(desk.last(), Outcome.IP_REFUSED)  # and one order is tried a minute
    assert desk.child().stopped == {"ACCOUNT": reasons.UNWOUND}
    desk.buy(more)
    desk.run(5)
    assert (desk.lots(), desk.target()) == (6, 0)
    desk.run(70)
    desk.fill(desk.last())
    assert desk.lots() == 0
    desk.run(70)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.BUY, Side.SELL]


def test_rise_after_an_exit_by_hand_that_was_refused_waits_for_it_and_is_asked_about() -> None:
    desk = Desk(settings(confirm=ENTRIES), filling=False)
    desk.buy(20)
    answer_prompt(desk)
    desk.fill(desk.last())
    desk.handle(LegExited(at_ns=desk.now_ns, leg=CALL_LEG, children=("C1",)))
    desk.answer(desk.last(), Outcome.REJECTED, reason="not now")
    desk.buy(10)  # before the exit is sent again
    desk.run(3)
    assert not desk.state.prompts
    desk.fill(desk.last())
    assert (desk.lots(), [prompt.kind for prompt in desk.state.prompts.values()]) == (0, ["entry"])
    desk.run(40)  # nobody answers
    desk.sell(1)
    assert (desk.lots(), desk.target()) == (0, 0)
    assert desk.placed() == [(Side.BUY, 6), (Side.SELL, 6), (Side.SELL, 6)]


def test_exit_by_hand_while_the_master_turns_round_is_why_the_entry_is_missed() -> None:
    desk = turning_round()
    exit_leg(desk, "C1")
    assert (desk.leg().entry_pending, desk.target(), desk.reasons()) == (False, 0, {reasons.EXITED_BY_HAND})
    desk.sell(1)  # what he adds from here on is followed
    desk.run(20)
    filled_at_last(desk)
    assert (desk.lots(), desk.reasons()) == (-1, {reasons.EXITED_BY_HAND})


def test_entry_that_a_flatten_keeps_from_following_an_exit_is_missed_and_a_resync_offers_it() -> None:
    """Where no ratio tells what is missing, it is what was missed."""
    desk = turning_round(child(sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2)))
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    assert (desk.leg().entry_pending, desk.reasons()) == (False, {reasons.FLATTENED})
    filled_at_last(desk)
    assert desk.lots() == 0
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(10)
    answer_prompt(desk)
    desk.run(2)
    assert desk.lots() == -2


def test_rise_that_waits_for_an_exit_by_hand_is_missed_with_the_next_exit_by_hand() -> None:
    """He adds while the exit of what he had before is under way; the operator exits the leg once more."""
    desk = turning_round()
    exit_leg(desk, "C1")
    desk.sell(5)
    exit_leg(desk, "C1")
    desk.run(40)
    filled_at_last(desk)
    desk.sell(1)
    desk.run(2)
    assert (desk.lots(), desk.leg().missed_units, desk.reasons()) == (-1, 7 * LOT, {reasons.EXITED_BY_HAND})


@pytest.mark.parametrize("flattens", [False, True], ids=["exited by hand", "flattened"])
def test_resync_offers_the_rise_that_waited_for_an_exit_by_hand(*, flattens: bool) -> None:
    """Where no ratio tells what is missing, it is what was missed."""
    risk = child(sizing=Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(50)))
    desk = Desk(settings(risk), filling=False)
    desk.buy(2)
    desk.fill(desk.last())
    exit_leg(desk, "C1")
    desk.buy(3)
    if flattens:
        desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    else:
        exit_leg(desk, "C1")
    desk.filling = True
    desk.fill(desk.last())
    desk.run(3)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(6)
    assert [item.units // LOT for prompt in desk.state.prompts.values() for item in prompt.items] == [5]


def answer_prompt(desk: Desk) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
