"""What an answer does: all, some, fewer, none; computed anew when it is given, and only ever smaller."""

import pytest

from config.schema import Sizing, SizingMode
from engine.core import reasons
from engine.events import BackgroundAdopted, PromptAnswered
from engine.model import Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, LOT, PUT_LEG, Desk, S, child, settings
from tests.unit.paper.builders import CALL, PUT


def asking() -> Desk:
    desk = Desk(settings(child("C1"), child("C2"), confirm=ENTRIES))
    desk.buy(10)
    return desk


def answer(
    desk: Desk,
    *,
    approve: bool = True,
    children: tuple[str, ...] | None = None,
    units: dict[str, int] | None = None,
    prompt: str = "",
) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=approve, children=children, units=units or {}, prompt=prompt))


def test_approval_of_all_enters_all() -> None:
    desk = asking()
    answer(desk)
    assert (desk.lots("C1"), desk.lots("C2"), desk.state.prompts) == (3, 3, {})


def test_answer_after_the_time_of_its_prompt_is_none() -> None:
    """R4.3: a machine that slept hears of it before its timer fires."""
    desk = asking()
    (prompt,) = desk.state.prompts.values()
    desk.now_ns = prompt.deadline_ns + 60 * S
    answer(desk)
    assert desk.placed() == []
    assert (desk.reasons("C1"), desk.state.prompts) == ({reasons.NOT_ANSWERED}, {})


def test_answer_at_the_very_end_of_its_prompt_counts() -> None:
    desk = asking()
    (prompt,) = desk.state.prompts.values()
    desk.now_ns = prompt.deadline_ns
    answer(desk)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 3)


def test_late_answer_sends_exits_as_their_time_out_does() -> None:
    """R4.4."""
    desk = Desk(settings(child("C1"), confirm=ALL))
    desk.buy(10)
    answer(desk)
    desk.sell(10)
    (prompt,) = desk.state.prompts.values()
    desk.now_ns = prompt.deadline_ns + S
    answer(desk, approve=False)
    assert (len(desk.placed("C1")), desk.state.prompts) == (2, {})


def test_approval_of_some_declines_the_others() -> None:
    desk = asking()
    answer(desk, children=("C2",))
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    assert desk.reasons("C1") == {reasons.DECLINED}
    assert not desk.state.prompts


def test_approval_of_nobody_known_declines_all() -> None:
    desk = asking()
    answer(desk, children=("nobody",))
    assert desk.placed("C1") == desk.placed("C2") == []


def test_decline_of_some_keeps_the_others_waiting() -> None:
    desk = asking()
    answer(desk, approve=False, children=("C1",))
    assert desk.reasons("C1") == {reasons.DECLINED}
    assert (desk.leg("C1").awaiting_units, desk.leg("C2").awaiting_units) == (0, 3 * LOT)
    answer(desk)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)


@pytest.mark.parametrize(
    ("what", "units", "lots"),
    [
        ("fewer", 2 * LOT, 2),
        ("not whole lots", 2 * LOT - 1, 1),
        ("more is not more", 9 * LOT, 3),
        ("zero", 0, 0),
        ("negative", -LOT, 0),
    ],
)
def test_edited_lots_can_only_be_fewer(what: str, units: int, lots: int) -> None:
    desk = asking()
    answer(desk, units={f"C1|{CALL_LEG}": units})
    assert (desk.lots("C1"), desk.lots("C2")) == (lots, 3), what
    assert desk.target("C1") == lots
    assert desk.reasons("C1") == (set() if lots == 3 else {reasons.EDITED_DOWN})


def test_edited_down_lots_are_not_caught_up() -> None:
    desk = asking()
    answer(desk, units={f"C1|{CALL_LEG}": LOT})
    desk.buy(10)
    answer(desk)
    assert (desk.lots("C1"), desk.lots("C2")) == (4, 6)


def test_declined_is_no_drift() -> None:
    desk = asking()
    answer(desk, approve=False)
    assert (desk.target("C1"), desk.lots("C1")) == (0, 0)
    desk.run(60)
    assert desk.placed("C1") == []


def test_price_is_judged_at_the_approval() -> None:
    desk = asking()
    desk.quote(CALL, "102")
    answer(desk)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.SLIPPAGE})


def test_age_of_the_signal_is_judged_when_the_prompt_opens() -> None:
    desk = asking()
    desk.run(20)
    desk.sell(10, symbol=PUT)
    desk.run(15)
    assert desk.now_ns > desk.leg().decided_units * S
    answer(desk)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (3, -3)


def test_approval_after_a_reduction_enters_what_is_left() -> None:
    desk = asking()
    desk.sell(5)
    answer(desk)
    assert desk.placed("C1") == [(Side.BUY, 1)]


def test_approval_twice_enters_once() -> None:
    desk = asking()
    answer(desk)
    answer(desk)
    assert desk.placed("C1") == [(Side.BUY, 3)]


def test_answer_means_the_named_prompt_only() -> None:
    desk = asking()
    answer(desk, prompt="P99")
    assert len(desk.state.prompts) == 1
    answer(desk, prompt=next(iter(desk.state.prompts)))
    assert desk.lots() == 3


def test_restart_declines_what_waited_past_its_time() -> None:
    desk = asking()
    desk.now_ns += 60 * S
    desk.restart()
    desk.run(3)
    assert not desk.state.prompts
    assert desk.placed() == []


def test_reasons_stand_in_the_decision_record() -> None:
    desk = asking()
    answer(desk, children=("C2",))
    entry = next(copy for copy in desk.state.copies if copy.entry)
    assert entry.skipped == {"C1": reasons.DECLINED}
    assert len(entry.tags) == 1


def test_decision_too_old_to_be_kept_does_not_stop_a_decline() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.state.copies.clear()
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    assert (desk.state.prompts, desk.reasons(), desk.target()) == ({}, {reasons.DECLINED}, 0)


def test_adoption_without_a_quote_is_followed_and_entered_by_nobody() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT}, quoted=False)
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.master_leg().units, desk.master_leg().price_inr) == (10 * LOT, None)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.NO_QUOTE})


def test_adoption_while_children_still_exit_goes_on_with_the_same_ratio() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT}, filling=False)
    desk.buy(10, symbol=PUT)
    desk.fill(desk.last())
    desk.sell(10, symbol=PUT)
    assert desk.strategy().state is StrategyState.EXITING
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert (desk.strategy().state, desk.strategy().number) == (StrategyState.ACTIVE, 1)
    assert (desk.last().symbol, desk.placed()[-1]) == (CALL, (Side.BUY, 3))


def test_adoption_before_the_margins_have_settled_goes_on_with_the_strategy_before() -> None:
    fixed = child(sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2))
    desk = Desk(settings(fixed), background={CALL_LEG: 10 * LOT})
    desk.buy(10, symbol=PUT)
    desk.sell(10, symbol=PUT)
    desk.run(3)
    assert (desk.strategy().state, desk.strategy().settled) == (StrategyState.FLAT, False)
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(1)
    assert (desk.strategy().state, desk.strategy().number, desk.lots()) == (StrategyState.ACTIVE, 1, 2)
