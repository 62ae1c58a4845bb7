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
from engine.events import ChildResynced, Paused, PromptAnswered, Resumed
from engine.model import OrderType, Side
from tests.unit.core.builders import HEDGE, HEDGE_LEG, INSTRUMENTS, PUT_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT, option

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
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.sell(10)
    desk.sell(10, symbol=PUT)
    desk.buy(6, symbol=PUT)
    desk.handle(Resumed(at_ns=desk.now_ns))
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
