"""An answer covers what was on the screen when it was given, and nothing beyond: the rest is asked anew."""

import pytest

from engine.core import prompts, reasons
from engine.core.prompts import EXTENSIONS
from engine.core.state import Prompt
from engine.events import PromptAnswered
from engine.model import LegId, Side
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, LOT, PUT_LEG, Desk, S, child, settings
from tests.unit.paper.builders import PUT

TIMEOUT_S = 30


def on_screen(desk: Desk, prompt: Prompt | None = None) -> dict[str, int]:
    """What a dashboard would show now."""
    shown = [prompt] if prompt is not None else list(desk.state.prompts.values())
    return {f"{item.child}|{item.leg}": item.side.sign * item.units for each in shown for item in each.items}


def answer(
    desk: Desk,
    shown: dict[str, int] | None,
    *,
    approve: bool = True,
    children: tuple[str, ...] | None = None,
    units: dict[str, int] | None = None,
) -> None:
    prompt = next(iter(desk.state.prompts))
    desk.handle(
        PromptAnswered(
            at_ns=desk.now_ns, approve=approve, prompt=prompt, children=children, units=units or {}, shown=shown
        )
    )


def rows(desk: Desk) -> list[tuple[str, LegId, int]]:
    return [(i.child, i.leg, i.units // LOT) for p in desk.state.prompts.values() for i in p.items]


def asking() -> Desk:
    desk = Desk(settings(child("C1"), child("C2"), confirm=ENTRIES))
    desk.buy(10)
    return desk


def test_leg_that_joined_in_the_last_moment_is_not_approved_with_the_others() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10, symbol=PUT)
    first = next(iter(desk.state.prompts))
    answer(desk, shown)
    assert desk.placed("C1") == desk.placed("C2") == [(Side.BUY, 3)]
    assert rows(desk) == [("C1", PUT_LEG, 3), ("C2", PUT_LEG, 3)]
    [asked] = desk.state.prompts.values()
    assert asked.id != first
    assert asked.deadline_ns == desk.now_ns + TIMEOUT_S * S
    assert not desk.reasons("C1")


def test_what_is_asked_anew_can_be_approved_then() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10, symbol=PUT)
    answer(desk, shown)
    answer(desk, on_screen(desk))
    assert (desk.lots(), desk.lots(leg=PUT_LEG), rows(desk)) == (3, 3, [])


@pytest.mark.rule("R9.5")
def test_lots_of_the_other_side_were_never_shown() -> None:
    """He turned round meanwhile: the same child, leg and number of units are to be sold now."""
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    shown = on_screen(desk)
    desk.sell(20)
    answer(desk, shown)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (0, 3)
    assert [(i.leg, i.side) for p in desk.state.prompts.values() for i in p.items] == [(CALL_LEG, Side.SELL)]


@pytest.mark.rule("R9.5")
def test_units_beyond_what_was_shown_are_asked_anew() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10)
    assert rows(desk) == [("C1", CALL_LEG, 6), ("C2", CALL_LEG, 6)]
    answer(desk, shown)
    assert desk.lots("C1") == desk.lots("C2") == 3
    assert rows(desk) == [("C1", CALL_LEG, 3), ("C2", CALL_LEG, 3)]
    assert desk.leg("C1").awaiting_units == 3 * LOT
    assert desk.target("C1") == 6
    answer(desk, on_screen(desk))
    assert desk.lots("C1") == 6


def test_decline_leaves_what_was_not_shown() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    answer(desk, shown, approve=False)
    assert sorted(rows(desk)) == sorted((c, leg, 3) for c in ("C1", "C2") for leg in (CALL_LEG, PUT_LEG))
    assert desk.target("C1") == 3
    assert desk.reasons("C1") == {reasons.DECLINED}
    answer(desk, on_screen(desk))
    assert (desk.lots("C1"), desk.lots("C1", PUT_LEG)) == (3, 3)


def test_unticked_child_loses_only_what_was_shown() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10)
    answer(desk, shown, children=("C1",))
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 0)
    assert rows(desk) == [("C1", CALL_LEG, 3), ("C2", CALL_LEG, 3)]


def test_edited_down_units_are_edited_down_from_what_was_shown() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10)
    answer(desk, shown, units={f"C1|{CALL_LEG}": 2 * LOT, f"C2|{CALL_LEG}": 5 * LOT})
    assert (desk.lots("C1"), desk.lots("C2")) == (2, 3)
    assert rows(desk) == [("C1", CALL_LEG, 3), ("C2", CALL_LEG, 3)]
    assert desk.target("C1") == 5


def test_answer_to_a_picture_that_has_nothing_of_it_sends_nothing() -> None:
    desk = asking()
    answer(desk, {})
    assert desk.placed("C1") == []
    assert rows(desk) == [("C1", CALL_LEG, 3), ("C2", CALL_LEG, 3)]


def test_answer_without_a_picture_means_everything() -> None:
    desk = asking()
    desk.buy(10)
    answer(desk, None)
    assert (desk.lots("C1"), rows(desk)) == (6, [])


def test_fewer_units_than_shown_are_what_is_approved() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.sell(5)
    answer(desk, shown)
    assert (desk.lots("C1"), rows(desk)) == (1, [])


def test_master_who_leaves_takes_the_rest_out_of_its_prompt() -> None:
    desk = asking()
    shown = on_screen(desk)
    desk.buy(10)
    answer(desk, shown)
    desk.sell(20)
    assert (desk.lots("C1"), desk.leg("C1").awaiting_units, rows(desk)) == (0, 0, [])


# Exits


def exiting() -> Desk:
    """3 lots, of which 2 should go and wait for an answer; two children."""
    desk = Desk(settings(child("C1"), child("C2"), confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.sell(4)
    assert rows(desk) == [("C1", CALL_LEG, 2), ("C2", CALL_LEG, 2)]
    return desk


def test_exit_sends_no_more_than_was_shown_and_asks_for_the_rest() -> None:
    desk = exiting()
    shown = on_screen(desk)
    desk.sell(6)
    answer(desk, shown)
    assert desk.lots("C1") == desk.lots("C2") == 1
    desk.run(2)
    assert rows(desk) == [("C1", CALL_LEG, 1), ("C2", CALL_LEG, 1)]
    assert {p.kind for p in desk.state.prompts.values()} == {prompts.EXIT}
    answer(desk, on_screen(desk))
    assert desk.lots("C1") == desk.lots("C2") == 0


def test_rest_of_an_exit_goes_when_nobody_answers() -> None:
    desk = exiting()
    shown = on_screen(desk)
    desk.sell(6)
    answer(desk, shown)
    desk.run(TIMEOUT_S + 2)
    assert (desk.lots("C1"), rows(desk)) == (0, [])


@pytest.mark.rule("R9.5")
def test_exit_that_is_approved_for_others_again_and_again_goes_after_three_time_outs() -> None:
    desk = exiting()
    asked_ns = desk.now_ns
    while desk.lots("C2") == 3 and desk.now_ns < asked_ns + 300 * S:
        answer(desk, on_screen(desk), children=("C1",)) if desk.state.prompts else None
        desk.run(20)
    assert desk.lots("C2") == 1
    assert desk.now_ns - asked_ns <= (EXTENSIONS * TIMEOUT_S + 20) * S


def test_other_exit_keeps_its_full_time_beside_one_that_was_put_off() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.sell(10)
    for _ in range(3):
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
        desk.run(25)
    desk.sell(10, symbol=PUT)
    since_ns = desk.now_ns
    desk.run(20)
    assert desk.lots() == 0
    assert desk.lots(leg=PUT_LEG) == 3
    desk.run_to(since_ns + 31 * S)
    assert desk.lots(leg=PUT_LEG) == 0


def test_next_exit_of_a_leg_is_asked_from_the_beginning() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.sell(4)
    for _ in range(3):
        desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
        desk.run(25)
    desk.run(40)
    assert desk.lots() == 1
    desk.sell(6)
    desk.run(25)
    assert desk.lots() == 1
    desk.run(10)
    assert desk.lots() == 0
