"""The question of an unclean start in the snapshot, drift with its age, and what a resync would offer."""

import pytest

from config.schema import Confirm, ConfirmWhen
from engine.core.turn import Turn
from engine.events import ChildResynced, Flattened, HandedOver, KillSwitched, PromptAnswered, Resumed
from engine.model import NS_PER_S, Side
from engine.snapshot import CellState, ChildState, EngineState, RestartView, Snapshot, StrategyState
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, ENTRIES, LOT, Desk, child, settings
from tests.unit.core.test_restart import died


def shot(desk: Desk, frame: Frame | None = None) -> Snapshot:
    return build_snapshot(desk.state, desk.now_ns, frame or Frame())


def question(desk: Desk) -> RestartView:
    found = shot(desk).restart
    assert found is not None
    return found


def test_clean_start_asks_nothing() -> None:
    desk = Desk()
    desk.buy(10)
    assert shot(desk).restart is None


def test_question_lists_what_is_open_with_the_master_and_the_strategy() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    begun_ns = desk.now_ns
    desk.buy(10)
    desk.filling = False
    desk.sell(5)
    died(desk)
    asked = question(desk)
    assert [(r.child, r.units, r.working, r.unknown, r.held) for r in asked.rows] == [
        ("C1", 3 * LOT, 0, 1, 0),
        ("C2", 3 * LOT, 0, 1, 0),
    ]
    assert [units for _, units in asked.master] == [5 * LOT]
    assert (asked.strategy, asked.strategy_state) == ("long call", StrategyState.ACTIVE)
    assert asked.started_ns is not None
    assert abs(asked.started_ns - begun_ns) < NS_PER_S
    assert not asked.may_start_fresh


def test_reason_of_being_disarmed_leaves_room_for_the_key() -> None:
    """The screen puts `DISARMED, exits only` before it and `space answers` behind it; all is to fit into 80 cells."""
    desk = Desk()
    died(desk)
    picture = shot(desk)
    assert (picture.engine, picture.engine_reason) == (EngineState.DISARMED, "what the last session left open waits")


def test_question_is_gone_when_it_is_answered() -> None:
    desk = Desk()
    died(desk)
    assert question(desk).may_start_fresh
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert shot(desk).restart is None


def test_children_that_were_dealt_with_are_marked() -> None:
    desk = Desk(settings(child("C1"), child("C2"), child("C3")))
    desk.buy(10)
    desk.filling = False
    desk.silent = {"C1", "C2", "C3", "M"}
    died(desk)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    assert [row.answer for row in question(desk).rows] == ["flattened", "", ""]


def test_exits_that_wait_have_their_countdown_in_the_question_and_in_needs_you() -> None:
    desk = Desk(settings(confirm=Confirm(when=ConfirmWhen.NEVER)))
    desk.buy(10)
    desk.master(Side.SELL, 10, push=False)
    died(desk)
    until_ns = question(desk).exits_ns
    assert until_ns is not None
    assert until_ns - desk.now_ns == 30 * NS_PER_S
    row = next(item for item in shot(desk).attention if item.key == "space")
    assert row.deadline_ns == until_ns
    desk.run(31)
    assert shot(desk).attention[0].deadline_ns is None


@pytest.mark.parametrize("level", [1, 2])
def test_unanswered_question_is_in_needs_you_beside_the_kill_switch(level: int) -> None:
    desk = Desk()
    desk.buy(10)
    died(desk)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=level))
    picture = shot(desk)
    assert [item.key for item in picture.attention[:2]] == ["F12", "space"]
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert [item.key for item in shot(desk).attention] == ["F12"]


def test_handed_over_lots_are_shown_until_they_are_closed() -> None:
    desk = Desk()
    desk.buy(10)
    died(desk)
    desk.handle(HandedOver(at_ns=desk.now_ns))
    desk.run(3)
    picture = shot(desk)
    assert picture.legs[0].cells[0].orphaned_lots == 3
    assert picture.children[0].state is ChildState.LEFT_OUT
    assert any("195 units handed over" in item.text for item in picture.attention)
    desk.owner_trades(-3)
    desk.run(31)
    assert not any("handed over:" in item.text for item in shot(desk).attention)


def test_missed_lots_are_what_resync_offers() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=False))
    cell = shot(desk).legs[0].cells[0]
    assert [int(n) for n in (cell.have_lots, cell.want_lots, cell.missing_lots)] == [0, 0, 3]
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [row.units for row in prompt.rows] == [3 * LOT]


def test_nothing_is_missing_of_a_leg_in_step_or_of_no_strategy() -> None:
    desk = Desk()
    desk.buy(10)
    assert shot(desk).legs[0].cells[0].missing_lots == 0
    turn = Turn(desk.state, desk.now_ns, {})
    assert turn.state.children["C1"].legs[CALL_LEG].allocation_units == 3 * LOT


def test_drift_has_its_age() -> None:
    desk = Desk()
    desk.buy(10)
    assert shot(desk).children[0].drift_since_ns is None
    desk.filling = False
    since_ns = desk.now_ns
    desk.sell(10)
    desk.run(3)
    column = shot(desk).children[0]
    assert column.drift_lots == 3
    assert column.drift_since_ns is not None
    assert since_ns <= column.drift_since_ns <= since_ns + NS_PER_S
    assert shot(desk).legs[0].cells[0].state is CellState.WORKING


@pytest.mark.parametrize("left_open", ["live state of 2026-11-02: holdings C1 +195 X", ""])
def test_what_the_other_mode_left_open_is_shown(left_open: str) -> None:
    frame = Frame()
    frame.left_open = left_open
    texts = [item.text for item in shot(Desk(), frame).attention]
    assert texts == ([f"left open in the other mode: {left_open}"] if left_open else [])
