"""Contracts that are over: no orders, no drift, a provisional result; and the warning before shares are delivered."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from config.schema import Risk, Settings
from engine.core import expiry, reasons
from engine.core.lifecycle import OrderState
from engine.events import Outcome, QuotesUpdated
from engine.model import Instrument, Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, PUT_LEG, Desk, quote_of, settings, turn_of
from tests.unit.core.nights import SESSIONS, jump, pass_night, restart
from tests.unit.paper.builders import CALL, PUT, ns

S = 1_000_000_000
TODAY = tuple(replace(i, expiry="2026-11-02") if i.symbol == CALL else i for i in INSTRUMENTS)
AFTER = ns("15:30") + 31 * S


def expiring(instruments: tuple[Instrument, ...] = TODAY, with_settings: Settings | None = None) -> Desk:
    """3 lots of a contract that ends today, for the master's 10."""
    desk = Desk(with_settings)
    desk.load(instruments)
    desk.buy(10)
    desk.run(3)
    return desk


def test_leg_ends_after_the_close_for_everybody() -> None:
    desk = expiring()
    desk.quote(CALL, "140")
    jump(desk, ns("15:30") + 10 * S)
    assert desk.lots() == 3, "the last news of the day have their time"
    sent = len(desk.placed())
    jump(desk, AFTER + 5 * S)
    assert (desk.leg().allocation_units, desk.master_leg().units) == (0, 0)
    assert len(desk.placed()) == sent
    assert not desk.leg().due
    assert any("provisional" in text for text in desk.notices())


def test_result_is_taken_at_the_last_quote() -> None:
    desk = expiring()
    desk.quote(CALL, "140")
    jump(desk, AFTER + S)
    assert desk.leg().cash_inr == 195 * Decimal(40)
    assert desk.master_leg().cash_inr == 650 * Decimal(40)


def test_without_a_quote_the_result_is_nothing() -> None:
    desk = expiring()
    desk.state.quotes.clear()
    jump(desk, AFTER + S)
    assert desk.leg().cash_inr == 0


def test_strategy_ends_although_the_brokers_still_list_the_contract() -> None:
    desk = expiring()
    jump(desk, AFTER + 10 * S)
    assert desk.books["M"].positions[CALL_LEG] == 650
    assert desk.strategy().state is StrategyState.FLAT
    assert desk.child().external == {}
    restart(desk)
    desk.run(60)
    assert desk.strategy().state is StrategyState.FLAT
    assert desk.child().external == {}
    assert CALL_LEG not in desk.state.master.legs
    assert len(desk.placed()) == 1


def test_process_that_was_down_at_the_close_ends_it_at_the_next_start() -> None:
    desk = expiring()
    pass_night(desk)
    restart(desk, slept=True, instruments=tuple(i for i in INSTRUMENTS if i.symbol != CALL))
    desk.run(60)
    assert desk.lots() == 0
    assert desk.strategy().state is StrategyState.FLAT
    assert not [text for text in desk.notices() if "changed over night" in text]


def test_process_that_starts_in_the_evening_ends_it_then() -> None:
    desk = expiring()
    desk.now_ns = ns("18:00")
    desk.start(sessions=SESSIONS)
    desk.run(60)
    assert desk.leg().allocation_units == 0
    assert desk.strategy().state is StrategyState.FLAT


def test_other_legs_go_on() -> None:
    desk = expiring()
    desk.buy(10, symbol=PUT)
    desk.run(3)
    jump(desk, AFTER + 10 * S)
    assert desk.lots(leg=PUT_LEG) == 3
    assert desk.strategy().state is StrategyState.ACTIVE


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.UNKNOWN, OrderState.ABSENT), (Outcome.REJECTED, OrderState.WITHDRAWN)],
)
def test_open_orders_of_it_end(outcome: Outcome, state: OrderState) -> None:
    desk = Desk(filling=False)
    desk.load(TODAY)
    desk.now_ns = ns("14:59")
    desk.run(5)
    desk.buy(10)
    desk.answer(desk.last(), outcome)
    order = desk.order(desk.last())
    desk.silent.add("C1")
    jump(desk, AFTER + 5 * S)
    assert (order.state, order.reason) == (state, reasons.EXPIRED)
    assert not desk.leg().orders


def test_background_in_an_expired_contract_is_gone() -> None:
    desk = Desk(background={CALL_LEG: 130})
    desk.load(TODAY)
    desk.run(3)
    assert desk.master_leg().background_units == 130
    jump(desk, AFTER + 5 * S)
    assert desk.master_leg().background_units == 0


# --- physical settlement ---------------------------------------------------------------------------------------------


def stock(expiry_day: str) -> tuple[Instrument, ...]:
    return tuple(replace(i, expiry=expiry_day, underlying="RELIANCE") for i in INSTRUMENTS)


@pytest.mark.parametrize(
    ("expiry_day", "days"),
    [("2026-11-02", 0), ("2026-11-03", 1), ("2026-11-06", 4), ("2026-11-07", None), ("2026-11-24", None)],
)
def test_stock_contracts_are_shown_before_their_expiry(expiry_day: str, days: int | None) -> None:
    desk = expiring(stock(expiry_day))
    turn = turn_of(desk.state)
    assert expiry.days_to_settlement(turn, desk.child(), desk.leg()) == days


def test_index_contracts_and_empty_legs_are_not() -> None:
    desk = expiring()
    assert expiry.days_to_settlement(turn_of(desk.state), desk.child(), desk.leg()) is None
    desk = Desk()
    desk.load(stock("2026-11-03"))
    desk.buy(1)
    assert expiry.days_to_settlement(turn_of(desk.state), desk.child(), desk.leg()) is None


def test_days_are_counted_by_the_calendar_of_sessions() -> None:
    """A weekend or a holiday brings the settlement no nearer."""
    desk = expiring(stock("2026-11-05"))
    desk.state.sessions = tuple(s for s in SESSIONS if s.open_ns != ns("09:15", 4))
    assert expiry.days_to_settlement(turn_of(desk.state), desk.child(), desk.leg()) == 2


def test_warning_can_be_switched_off() -> None:
    desk = expiring(stock("2026-11-03"), with_settings=settings(risk=Risk(physical_settlement_warn_days=0)))
    assert expiry.days_to_settlement(turn_of(desk.state), desk.child(), desk.leg()) is None


def test_late_quote_of_an_expired_contract_changes_nothing() -> None:
    desk = expiring()
    jump(desk, AFTER + 5 * S)
    before = desk.leg().cash_inr
    desk.handle(QuotesUpdated(at_ns=desk.now_ns, quotes=(quote_of(CALL, "900", desk.now_ns),)))
    desk.run(5)
    assert desk.leg().cash_inr == before
    assert desk.placed() == [(Side.BUY, 3)]


def test_contract_that_only_a_child_knows_ends_for_it_too() -> None:
    desk = expiring()
    del desk.state.master.legs[CALL_LEG]
    desk.silent = {"M"}
    desk.run_to(AFTER)
    assert (desk.lots(), CALL_LEG in desk.state.master.legs) == (0, False)


def test_carried_contract_is_over_by_what_a_child_knew_of_it_before_todays_file() -> None:
    desk = expiring()
    del desk.state.master.legs[CALL_LEG]
    desk.silent = {"M"}
    desk.leg().listed = TODAY[0]
    desk.state.instruments = {}
    assert expiry.listed_anywhere(turn_of(desk.state), CALL_LEG) == TODAY[0]
    desk.leg().listed = None
    assert expiry.listed_anywhere(turn_of(desk.state), CALL_LEG) is None
