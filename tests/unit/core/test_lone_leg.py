"""The lone-leg guard: whatever the reason why a child lacks lots of a leg, no further short goes to it (R6.11)."""

from decimal import Decimal

import pytest

from config.schema import (
    Copy,
    CopyAs,
    Follow,
    OnLegBelowLot,
    OnLegRefused,
    Risk,
    Settings,
    Sizing,
    SizingMode,
    StrategyScope,
)
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import ChildResynced, Outcome, PromptAnswered
from engine.model import OrderType, Side
from tests.unit.core.builders import FUT_LEG, HEDGE, HEDGE_LEG, INSTRUMENTS, PUT_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL, FUT, PUT, option

FEWER = "1 of 4 lots sold: the child's one lot goes, the master has 3"


def _without_a_hedge(desk: Desk) -> None:
    """The master keeps 3 lots of the hedge; rounding leaves the child none."""
    desk.buy(4, symbol=HEDGE)
    desk.sell(1, symbol=HEDGE)
    assert desk.placed() == [(Side.BUY, 1), (Side.SELL, 1)], FEWER
    assert desk.leg(leg=HEDGE_LEG).skipped == reasons.BELOW_ONE_LOT


def test_leg_that_a_fall_rounded_away_is_lacking() -> None:
    desk = Desk()
    _without_a_hedge(desk)
    desk.sell(10)
    assert desk.placed() == [(Side.BUY, 1), (Side.SELL, 1)]
    assert reasons.LONE_LEG in desk.reasons()


def test_leg_that_a_fall_rounded_away_stops_shorts_that_would_rest() -> None:
    desk = Desk(settings(follow=Follow.ORDERS))
    _without_a_hedge(desk)
    desk.master(Side.SELL, 10, filled=0, order_type=OrderType.LIMIT, limit="101")
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 1), (Side.SELL, 1)]


def test_leg_that_a_fall_rounded_away_stops_nothing_where_the_settings_say_so() -> None:
    desk = Desk(settings(risk=Risk(on_leg_below_lot=OnLegBelowLot.CONTINUE)))
    _without_a_hedge(desk)
    desk.sell(10)
    assert desk.placed()[-1] == (Side.SELL, 3)


def test_legs_that_a_resync_brings_together_stop_each_other_not() -> None:
    """One of them was rounded away when the master sold of it; both were missed before."""
    desk = Desk()
    with desk.paused():
        desk.sell(10)
        desk.sell(10, symbol=PUT)
        desk.buy(6, symbol=PUT)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (-3, -1)


def test_leg_that_comes_back_lifts_the_guard() -> None:
    desk = Desk()
    _without_a_hedge(desk)
    desk.buy(1, symbol=HEDGE)
    desk.sell(10)
    assert desk.placed()[-2:] == [(Side.BUY, 1), (Side.SELL, 3)]


@pytest.mark.parametrize("is_between", [False, True])
def test_start_of_another_strategy_lifts_no_guard(is_between: bool) -> None:
    hedge, short = (
        option(f"BANKNIFTY26NOV{strike}CE", strike=strike, underlying="BANKNIFTY") for strike in (52000, 51000)
    )
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING))
    desk.load((*INSTRUMENTS, hedge, short))
    desk.quote(hedge.symbol, "100")
    desk.quote(short.symbol, "100")
    desk.run(2)
    desk.buy(3, symbol=hedge.symbol)
    if is_between:
        desk.buy(10)
    desk.sell(10, symbol=short.symbol)
    desk.run(1)
    assert {place.symbol for place in desk.commands(PlaceOrder)} == ({CALL} if is_between else set())
    assert reasons.LONE_LEG in desk.reasons()


def _sized(mode: SizingMode, pct: str | None = None) -> Settings:
    return settings(child(sizing=Sizing(mode=mode, pct=None if pct is None else Decimal(pct))))


def test_leg_without_a_margin_of_the_moment_is_lacking() -> None:
    desk = Desk(_sized(SizingMode.LIVE_RATIO))
    desk.books["C1"].available_inr = Decimal(0)
    desk.run(2)
    desk.buy(10, symbol=HEDGE)
    desk.books["C1"].available_inr = Decimal(300_000)
    desk.run(2)
    desk.sell(10)
    assert desk.placed() == []
    assert {reasons.NO_MARGIN_NOW, reasons.LONE_LEG} <= desk.reasons()


def test_leg_without_a_price_for_its_risk_is_lacking() -> None:
    desk = Desk(_sized(SizingMode.RISK_PCT, "90"), quoted=False)
    desk.quote(CALL, "100")
    desk.buy(2, symbol=HEDGE)
    desk.run(3)
    desk.sell(2)
    desk.run(1)
    assert desk.placed() == []
    assert {reasons.NO_PRICE_FOR_RISK, reasons.LONE_LEG} <= desk.reasons()


def test_held_entry_that_nobody_refused_is_lacking_where_refusals_are_not() -> None:
    """`on_leg_refused: continue` is about refusals: a limit that was not filled within its bounds is another thing."""
    desk = Desk(settings(copy=Copy(as_=CopyAs.LIMIT), risk=Risk(on_leg_refused=OnLegRefused.CONTINUE)), filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.run("0.3")
    hedge = desk.last()
    desk.accept(hedge)
    desk.quote(HEDGE, "110")
    for _ in range(15):
        seen = len(desk.out)
        desk.run(1)
        for command in desk.out[seen:]:
            if isinstance(command, ModifyOrder):
                desk.move(command)
            if isinstance(command, CancelOrder):
                desk.cancelled(command)
    assert desk.order(hedge).state is OrderState.HELD
    desk.filling = True
    desk.sell(10)
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)]
    assert reasons.LONE_LEG in desk.reasons()


# --- what it stops, and what lifts it ---------------------------------------------------------------------------------


def test_lone_leg_stops_further_shorts_and_lets_buys_through() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
    desk.sell(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == 0
    assert reasons.LONE_LEG in desk.reasons()
    desk.buy(10, symbol=HEDGE)
    assert desk.placed() == [(Side.BUY, 3)]


def test_lone_leg_stops_bought_futures_too() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
    desk.buy(10, symbol=FUT)
    assert desk.lots(leg=FUT_LEG) == 0


def test_missing_lots_of_the_same_leg_do_not_stop_it() -> None:
    desk = Desk()
    with desk.paused():
        desk.sell(10)
    desk.sell(10)
    assert desk.lots() == -3


def test_guard_ends_when_the_master_leaves_the_leg() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
    desk.buy(10, symbol=HEDGE)
    desk.sell(10)
    desk.sell(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == -3


@pytest.mark.parametrize(("policy", "lots"), [(OnLegRefused.HOLD, 0), (OnLegRefused.CONTINUE, -3)])
def test_short_that_waits_for_its_hedge_is_not_sent_when_the_hedge_is_refused(policy: OnLegRefused, lots: int) -> None:
    desk = Desk(settings(risk=Risk(on_leg_refused=policy)), filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10, symbol=CALL)
    desk.run("0.5")
    desk.filling = True
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    assert desk.lots() == lots
    assert (reasons.LONE_LEG in desk.reasons()) is (policy is OnLegRefused.HOLD)


@pytest.mark.parametrize(("policy", "lots"), [(OnLegRefused.HOLD, 0), (OnLegRefused.CONTINUE, -3)])
def test_refused_leg_follows_its_policy(policy: OnLegRefused, lots: int) -> None:
    desk = Desk(settings(risk=Risk(on_leg_refused=policy)), filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    desk.filling = True
    desk.sell(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == lots


@pytest.mark.parametrize(("policy", "lots"), [(OnLegBelowLot.HOLD, 0), (OnLegBelowLot.CONTINUE, -3)])
def test_leg_below_one_lot_follows_its_policy(policy: OnLegBelowLot, lots: int) -> None:
    desk = Desk(settings(risk=Risk(on_leg_below_lot=policy)))
    desk.buy(3)
    assert desk.reasons() == {reasons.BELOW_ONE_LOT}
    desk.sell(10, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == lots


def test_fault_of_one_child_does_not_guard_the_other() -> None:
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    desk.buy(10)
    desk.answer(desk.last("C1"), Outcome.REJECTED, reason="margin")
    desk.fill(desk.last("C2"))
    desk.filling = True
    desk.sell(10, symbol=PUT)
    assert (desk.lots("C1", PUT_LEG), desk.lots("C2", PUT_LEG)) == (0, -3)
