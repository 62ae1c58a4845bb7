"""What a person orders, and what stays as it was."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Mode, OnMaxLoss, Risk
from engine.commands import CancelOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import (
    Flattened,
    KillSwitched,
    MaxCapitalSet,
    ModeRequested,
    Operator,
    Outcome,
    Paused,
    Resumed,
    StrategyReset,
)
from engine.model import Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import ENTRIES, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT


def held() -> Desk:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    return desk


def test_pause_misses_and_resume_does_not_catch_up() -> None:
    desk = held()
    with desk.paused():
        desk.buy(10)
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    desk.sell(15)
    assert desk.lots() == 3


def test_pause_lets_exits_through() -> None:
    desk = held()
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.sell(10)
    assert desk.lots() == 0


def test_resume_ends_the_disarmed_state_of_an_unclean_start() -> None:
    desk = Desk(unclean=True)
    assert not desk.state.armed
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert (desk.state.armed, desk.state.unclean) == (True, False)


def test_resume_given_before_the_first_read_is_kept() -> None:
    desk = Desk(unclean=True, silent=("M",))
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert not desk.state.armed
    desk.read("M")
    assert desk.state.armed


def test_resume_never_lifts_the_kill_switch() -> None:
    desk = held()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert desk.state.kill == 1


@pytest.mark.parametrize(("asked", "level"), [(-1, 0), (0, 0), (1, 1), (2, 2), (3, 2)])
def test_kill_level_is_kept_within_its_range_and_over_a_restart(asked: int, level: int) -> None:
    desk = held()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=asked))
    desk.restart()
    assert desk.state.kill == level


def test_kill_cancels_working_entries_and_keeps_what_is_held() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    report = desk.accept(desk.last())
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]


def test_kill_cancels_an_entry_that_is_acknowledged_later() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    report = desk.accept(desk.last())
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]


def test_reset_keeps_allocations_exit_only() -> None:
    desk = held()
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    assert desk.placed() == [(Side.BUY, 3)]
    assert reasons.RESET in desk.reasons()
    desk.sell(15)
    assert desk.lots() == 0
    desk.sell(5)
    assert desk.lots() == 0


def test_reset_declines_what_waits() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    assert (desk.state.prompts, desk.placed()) == ({}, [])


def test_reset_of_another_scope_changes_nothing() -> None:
    desk = held()
    desk.handle(StrategyReset(at_ns=desk.now_ns, scope="BANKNIFTY"))
    desk.buy(10)
    assert desk.lots() == 6


def test_flatten_exits_the_children_named_and_stops_their_entries() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 6)


def test_flatten_asks_nobody_and_withdraws_held_entries() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.answer(place, Outcome.REJECTED)
    assert desk.order(place).state is OrderState.HELD
    desk.handle(Flattened(at_ns=desk.now_ns))
    assert desk.order(place).state is OrderState.WITHDRAWN


def test_flattened_child_takes_part_again_in_the_next_strategy() -> None:
    desk = held()
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.sell(10)
    desk.run(20)
    desk.buy(10)
    assert desk.lots() == 3


def test_flatten_leaves_the_owners_lots_alone() -> None:
    desk = held()
    desk.owner_trades(2)
    desk.run(35)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    assert list(desk.books["C1"].positions.values()) == [130]


def test_cap_is_set_lifted_and_survives_a_restart_with_the_same_configuration() -> None:
    desk = Desk()
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(200_000)))
    desk.restart()
    assert desk.child().max_capital_inr == 200_000
    desk.restart(with_settings=settings(child(max_capital_inr=Decimal(100_000))))
    assert desk.child().max_capital_inr == 100_000
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=None))
    assert desk.child().max_capital_inr is None


def test_mode_is_switched_for_the_next_strategy_only() -> None:
    desk = held()
    desk.handle(ModeRequested(at_ns=desk.now_ns, mode=Mode.LIVE))
    assert (desk.state.mode, desk.state.mode_next) == (Mode.PAPER, Mode.LIVE)
    desk.handle(ModeRequested(at_ns=desk.now_ns, mode=Mode.PAPER))
    assert desk.state.mode_next is None
    desk.handle(ModeRequested(at_ns=desk.now_ns, mode=Mode.LIVE, refused="not typed"))
    assert desk.state.mode_next is None


def running() -> Desk:
    return held()


def unanswered() -> Desk:
    return Desk(unclean=True)


def watching() -> Desk:
    """An entry was given up, everybody is flat, and the order may still surface."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(130)
    desk.sell(10)
    desk.run(60)
    return desk


@pytest.mark.parametrize(
    ("make", "when"),
    [
        (Desk, "now"),
        (running, "after the running strategy"),
        (unanswered, "when the question of the start is answered"),
        (watching, "tomorrow"),
    ],
    ids=["nothing is open", "a strategy runs", "an unclean start is not answered", "an order is watched"],
)
def test_switch_of_the_mode_says_when_it_takes_effect(make: Callable[[], Desk], when: str) -> None:
    desk = make()
    desk.handle(ModeRequested(at_ns=desk.now_ns, mode=Mode.LIVE))
    assert f"LIVE from the next strategy on ({when}" in desk.notices()[-1]
    assert (desk.state.mode, desk.state.mode_next) == (Mode.PAPER, Mode.LIVE)


COMMANDS: list[Operator] = [
    Paused(at_ns=0),
    Resumed(at_ns=0),
    KillSwitched(at_ns=0, level=0),
    KillSwitched(at_ns=0, level=2),
    StrategyReset(at_ns=0),
    StrategyReset(at_ns=0, scope="nothing"),
    ModeRequested(at_ns=0, mode=Mode.PAPER),
    MaxCapitalSet(at_ns=0, child="nobody", max_capital_inr=None),
    Flattened(at_ns=0, children=("nobody",)),
    Flattened(at_ns=0),
]


@pytest.mark.parametrize("command", COMMANDS, ids=[type(c).__name__ for c in COMMANDS])
def test_every_command_ends_in_a_notice_also_on_an_empty_desk(command: Operator) -> None:
    desk = Desk(warm=False)
    before = len(desk.notices())
    desk.handle(command)
    assert len(desk.notices()) > before


def test_reset_while_flat_takes_the_margins_from_now_on() -> None:
    desk = held()
    desk.sell(10)
    desk.run(3)
    assert (desk.strategy().state, desk.strategy().settled) == (StrategyState.FLAT, False)
    desk.books["M"].available_inr = Decimal(2_000_000)
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    desk.run(3)
    desk.buy(20)
    assert desk.strategy().ratios == {"C1": Fraction(3, 20)}


def test_reset_gives_up_what_waits_to_be_sent() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    desk.handle(StrategyReset(at_ns=desk.now_ns))
    desk.run(10)
    assert (desk.placed(), desk.target()) == ([(Side.BUY, 3)], 0)
    assert reasons.RESET in desk.reasons()


def test_resume_before_the_first_read_of_a_clean_start_has_nothing_to_resume() -> None:
    desk = Desk(silent=("M",))
    desk.handle(Resumed(at_ns=desk.now_ns))
    assert desk.notices()[-1] == "nothing to resume"
    assert not desk.state.resume_kept
    desk.read("M")
    assert desk.state.armed


def test_exit_at_the_loss_limit_waits_while_everything_is_killed() -> None:
    """Only what the operator types passes kill level 2."""
    risk = Risk(max_daily_loss_inr=Decimal(1000), on_max_loss=OnMaxLoss.EXIT_ALL)
    desk = Desk(settings(risk=risk))
    desk.buy(10)
    desk.run(3)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.quote(CALL, "50")
    desk.run(5)
    assert desk.state.loss_hit
    assert (desk.placed(), desk.leg().due_reason) == ([(Side.BUY, 3)], reasons.KILLED)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=0))
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
