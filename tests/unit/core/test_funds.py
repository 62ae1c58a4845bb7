"""Margin before entry: who is asked, what is taken off, and what later legs get. A bought lot of 65 at 100 needs 6,500."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import Child, Mode, OnLegRefused, OnShortMargin, Paper, Risk, Settings, Sizing, SizingMode
from engine.commands import AskMargin
from engine.core import reasons
from engine.events import ChildResynced, MarginTold, OrderUpdated, PromptAnswered, Resumed
from engine.model import BookStatus, Side
from tests.unit.core.builders import CALL_LEG, HEDGE, HEDGE_LEG, LOT, PUT_LEG, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT

RATIO = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1))


def on_paper(**risk: object) -> Settings:
    return settings(child(sizing=RATIO), paper=Paper(), risk=Risk(**risk))  # type: ignore[arg-type]


def at_broker(**fields: object) -> Settings:
    one: Child = child(broker="zerodha", live=True, sizing=RATIO)
    return settings(one, mode=Mode.LIVE, **fields)


def asked(desk: Desk) -> list[AskMargin]:
    return desk.commands(AskMargin)


def tell(desk: Desk, needed: int | None, number: int = -1) -> None:
    """The broker says what the newest question (or another one) needs."""
    ask = asked(desk)[number]
    amount = None if needed is None else Decimal(needed)
    desk.handle(MarginTold(at_ns=desk.now_ns, account=ask.account, basket=ask.basket, needed_inr=amount))


# --- the estimate -----------------------------------------------------------------------------------------------------


def test_what_is_affordable_in_whole_lots_is_bought() -> None:
    desk = Desk(on_paper(), margins={"C1": 20_000})
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.reasons() == {reasons.SHORT_MARGIN}
    assert not desk.leg().lacking


def test_by_skip_it_is_all_or_nothing() -> None:
    desk = Desk(on_paper(on_short_margin=OnShortMargin.SKIP), margins={"C1": 20_000})
    desk.buy(10)
    assert desk.placed() == []
    assert desk.leg().lacking
    desk = Desk(on_paper(on_short_margin=OnShortMargin.SKIP), margins={"C1": 65_000})
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 10)]


def test_margins_that_are_off_on_paper_stop_nothing() -> None:
    desk = Desk(settings(child(sizing=RATIO)), margins={"C1": 1})
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 10)]


def test_legs_of_one_decision_are_reduced_alike() -> None:
    desk = Desk(on_paper(), margins={"C1": 20_000})
    desk.master(Side.BUY, 10)
    desk.master(Side.BUY, 4, symbol=HEDGE)
    desk.run("0.3")
    assert desk.placed() == [(Side.BUY, 2)]
    assert (desk.lots(), desk.lots(leg=HEDGE_LEG)) == (2, 0)


def test_later_leg_gets_the_same_share() -> None:
    desk = Desk(on_paper(), margins={"C1": 32_500})
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(1_000_000)
    desk.run(2)
    desk.buy(7, symbol=HEDGE)
    assert (desk.lots(), desk.lots(leg=HEDGE_LEG)) == (5, 3)
    assert not desk.leg(leg=HEDGE_LEG).lacking


def test_short_beside_a_reduced_leg_is_no_lone_leg() -> None:
    desk = Desk(on_paper(), margins={"C1": 32_500})
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(10_000_000)
    desk.run(2)
    desk.sell(10, symbol=HEDGE)
    assert (desk.lots(), desk.lots(leg=HEDGE_LEG)) == (5, -5)


def test_short_beside_a_leg_of_which_nothing_can_be_had_is_one() -> None:
    desk = Desk(on_paper(), margins={"C1": 6_000})
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(10_000_000)
    desk.run(2)
    desk.sell(10, symbol=HEDGE)
    assert desk.placed() == []
    assert desk.reasons() == {reasons.SHORT_MARGIN, reasons.LONE_LEG}


def test_leg_of_which_nothing_can_be_had_unwinds() -> None:
    desk = Desk(on_paper(on_leg_refused=OnLegRefused.UNWIND), margins={"C1": 70_000})
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(5_000)
    desk.run(2)
    desk.buy(10, symbol=HEDGE)
    assert desk.placed() == [(Side.BUY, 10), (Side.SELL, 10)]
    assert desk.child().stopped == {"ACCOUNT": reasons.UNWOUND}


def test_resync_looks_at_the_margin_anew() -> None:
    desk = Desk(on_paper(), margins={"C1": 32_500})
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(1_000_000)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert desk.lots() == 10
    desk.buy(7, symbol=HEDGE)
    assert desk.lots(leg=HEDGE_LEG) == 7


def test_next_strategy_is_judged_by_itself() -> None:
    desk = Desk(on_paper(), margins={"C1": 32_500})
    desk.buy(10)
    desk.sell(10)
    desk.books["C1"].available_inr = Decimal(1_000_000)
    desk.run(20)
    desk.buy(10)
    assert desk.lots() == 10


def test_what_is_sent_and_not_in_the_brokers_figure_yet_counts() -> None:
    desk = Desk(on_paper(), margins={"C1": 70_000})
    desk.silent.add("C1")
    desk.buy(8)
    desk.buy(4, symbol=HEDGE)
    assert desk.lots() == 8
    assert desk.lots(leg=HEDGE_LEG) == 2


def test_old_figure_stops_entries_not_exits() -> None:
    desk = Desk(on_paper(), margins={"C1": 300_000})
    desk.buy(2)
    desk.books["C1"].available_inr = None
    desk.run(61)
    desk.buy(2)
    assert (desk.lots(), desk.reasons()) == (2, set())
    desk.run(6)
    assert (desk.lots(), desk.reasons()) == (2, {reasons.MARGIN_UNKNOWN})
    desk.sell(4)
    assert desk.lots() == 0


# --- the broker -------------------------------------------------------------------------------------------------------


def test_broker_is_not_asked_beyond_doubt() -> None:
    desk = Desk(at_broker(), margins={"C1": 130_000})
    desk.buy(10)
    assert (asked(desk), desk.placed()) == ([], [(Side.BUY, 10)])


def test_entry_waits_for_the_brokers_answer_and_goes() -> None:
    desk = Desk(at_broker(), margins={"C1": 60_000})
    desk.buy(10)
    assert (len(asked(desk)), desk.placed()) == (1, [])
    tell(desk, 60_000)
    assert desk.placed() == [(Side.BUY, 10)]


def test_brokers_figure_takes_off_what_the_estimate_would_not() -> None:
    desk = Desk(at_broker(), margins={"C1": 100_000})
    desk.buy(10)
    tell(desk, 200_000)
    assert desk.placed() == [(Side.BUY, 5)]
    assert any("₹2,00,000.00 are needed (the broker says), ₹1,00,000.00 available" in n for n in desk.notices())


@pytest.mark.parametrize("answer", [True, False])
def test_without_an_answer_the_estimate_counts(answer: bool) -> None:
    desk = Desk(at_broker(), margins={"C1": 32_500})
    desk.buy(10)
    if answer:
        tell(desk, None)
    else:
        desk.run(2)
    assert desk.placed() == [(Side.BUY, 5)]
    assert len(asked(desk)) == 1


def test_leg_that_joins_meanwhile_is_asked_about_with_the_first_when_that_is_answered() -> None:
    desk = Desk(at_broker(), margins={"C1": 100_000})
    desk.buy(10)
    desk.buy(10, symbol=HEDGE)
    assert len(asked(desk)) == 1
    tell(desk, 10)  # about the first leg alone: the answer to a question that is no longer asked
    assert [o.leg for o in asked(desk)[-1].basket.orders] == [CALL_LEG, HEDGE_LEG]
    assert desk.placed() == []
    tell(desk, 130_000)
    assert sorted(desk.placed()) == [(Side.BUY, 7), (Side.BUY, 7)]


def test_legs_that_come_one_after_the_other_do_not_prolong_the_wait() -> None:
    desk = Desk(at_broker(), margins={"C1": 7_000})
    for number in range(6):
        desk.buy(1, symbol=(CALL, HEDGE)[number % 2])
        desk.run("0.9")
    assert desk.placed()
    assert len(asked(desk)) == 1


def test_broker_that_was_silent_is_asked_again_later_and_not_waited_for_until_then() -> None:
    desk = Desk(at_broker(), margins={"C1": 40_000})
    desk.buy(4)
    desk.run(2)
    desk.buy(2, symbol=HEDGE)
    assert desk.placed() == [(Side.BUY, 4), (Side.BUY, 2)]
    assert len(asked(desk)) == 1
    desk.run(20)
    desk.buy(4, symbol=PUT)
    assert len(asked(desk)) == 2


def test_short_has_its_full_time_to_wait_for_its_hedge_after_the_margin_was_judged() -> None:
    desk = Desk(at_broker(risk=Risk(leg_wait_s=Decimal(1))), margins={"C1": 200_000})
    desk.master(Side.BUY, 1, symbol=HEDGE)
    desk.master(Side.SELL, 1)
    desk.run(5)
    assert (desk.lots(leg=HEDGE_LEG), desk.lots()) == (1, -1)


def test_exit_does_not_wait_for_an_entry_whose_figure_is_missing() -> None:
    desk = Desk(on_paper(), margins={"C1": 10_000_000})
    desk.buy(2)
    desk.books["C1"].available_inr = None
    desk.run(61)
    desk.buy(2, symbol=HEDGE)
    desk.sell(2)
    assert desk.placed() == [(Side.BUY, 2), (Side.SELL, 2)]


def test_entry_that_came_later_waits_its_own_time_for_a_missing_figure() -> None:
    desk = Desk(on_paper(), margins={"C1": 10_000_000})
    desk.books["C1"].available_inr = None
    desk.run(61)
    desk.buy(2)
    desk.run(4)
    desk.buy(2, symbol=HEDGE)
    desk.run("1.5")
    assert {skip.symbol for skip in desk.state.skips.values()} == {CALL}
    desk.books["C1"].available_inr = Decimal(10_000_000)
    desk.run(2)
    assert desk.placed() == [(Side.BUY, 2)]


def test_share_of_a_risk_budget_is_that_of_its_own_lots() -> None:
    risk = child(sizing=Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(200)))
    desk = Desk(settings(risk, paper=Paper()), margins={"C1": 13_000})
    desk.buy(10)
    assert desk.lots() == 2
    desk.books["C1"].available_inr = Decimal(20_000)
    desk.run(2)
    desk.buy(10, symbol=HEDGE)
    assert desk.lots(leg=HEDGE_LEG) == 3


def test_exit_does_not_wait_for_an_answer_about_an_entry() -> None:
    desk = Desk(at_broker(), margins={"C1": 60_000})
    desk.buy(4, symbol=PUT)
    desk.run(2)
    desk.buy(10)
    assert len(asked(desk)) == 1
    desk.sell(4, symbol=PUT)
    assert desk.lots(leg=PUT_LEG) == 0
    assert desk.lots() == 0


def test_restart_asks_again() -> None:
    desk = Desk(at_broker(), margins={"C1": 60_000})
    desk.buy(10)
    desk.restart()
    desk.run(1)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.quote(CALL, "100")
    assert len(asked(desk)) == 2
    tell(desk, 50_000)
    assert desk.placed() == [(Side.BUY, 10)]
    assert desk.leg().allocation_units == 10 * LOT


def test_figure_that_is_missing_for_once_neither_unwinds_nor_reduces_later_legs() -> None:
    desk = Desk(on_paper(on_leg_refused=OnLegRefused.UNWIND), margins={"C1": 300_000})
    desk.buy(4)
    desk.books["C1"].available_inr = None
    desk.run(61)
    desk.buy(4, symbol=HEDGE)
    desk.run(6)
    assert (desk.reasons(), desk.child().stopped, desk.strategy().afforded) == ({reasons.MARGIN_UNKNOWN}, {}, {})
    assert desk.leg(leg=HEDGE_LEG).lacking


def test_refused_order_blocks_nothing_at_the_broker() -> None:
    desk = Desk(on_paper(), margins={"C1": 70_000}, filling=False)
    desk.buy(10)
    accepted = desk.accept(desk.last())
    refused = msgspec.structs.replace(accepted, status=BookStatus.REJECTED, status_text="by risk management")
    desk.book(refused, "C1")
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="C1", report=refused))
    desk.run(3)
    desk.buy(11, symbol=HEDGE)
    assert desk.placed() == [(Side.BUY, 10), (Side.BUY, 10)]


def test_what_only_the_broker_wants_margin_for_is_shared_by_lots() -> None:
    desk = Desk(at_broker(), margins={"C1": 1_900_000})
    desk.silent.add("C1")
    desk.sell(10, symbol=HEDGE)
    tell(desk, 0)
    desk.buy(2)  # closes risk, so that the estimate falls; the broker wants 4 lakh for it
    tell(desk, 400_000)
    assert (desk.lots(leg=HEDGE_LEG), desk.lots()) == (-10, 1)


def test_later_entry_is_asked_about_though_one_before_it_was_withdrawn_while_it_waited() -> None:
    desk = Desk(at_broker(), margins={"C1": 60_000})
    desk.buy(10)
    desk.sell(10)
    tell(desk, 1)
    desk.run(60)
    desk.buy(10)
    assert (len(asked(desk)), desk.placed()) == (2, [])
    tell(desk, 60_000)
    assert desk.placed() == [(Side.BUY, 10)]


def test_answer_that_is_no_figure_or_nobodys_is_none() -> None:
    desk = Desk(at_broker(), margins={"C1": 32_500})
    desk.buy(10)
    basket = asked(desk)[-1].basket
    desk.handle(MarginTold(at_ns=desk.now_ns, account="nobody", basket=basket, needed_inr=Decimal(1)))
    assert desk.placed() == []
    desk.handle(MarginTold(at_ns=desk.now_ns, account="C1", basket=basket, needed_inr=Decimal("NaN")))
    assert desk.placed() == [(Side.BUY, 5)]
