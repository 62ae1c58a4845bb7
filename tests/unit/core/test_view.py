"""The snapshot: every cell says how the child stands and why, unknown is never zero, and an empty state has one too."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from config.schema import ChildRisk, Mode, Risk, Sizing, SizingMode, StrategyScope
from engine.commands import Notify, Severity
from engine.core import reasons
from engine.core.replicator import Replicator
from engine.events import (
    Flattened,
    KillSwitched,
    MaxCapitalSet,
    Outcome,
    Paused,
    PromptAnswered,
    QuotesUpdated,
    SessionStarted,
    SessionStopped,
)
from engine.model import NS_PER_S, BookStatus, Side, instrument_id, leg_id
from engine.snapshot import CellState, ChildState, EngineState, StrategyState
from engine.view import Frame, build_snapshot
from engine.view_cells import sizing_text
from tests.unit.core.builders import (
    CALL_LEG,
    ENTRIES,
    HEDGE,
    INSTRUMENTS,
    LOT,
    PUT_LEG,
    SESSIONS,
    START,
    Desk,
    child,
    quote_of,
    settings,
)
from tests.unit.core.views import cell, column, row, shot, texts, values
from tests.unit.paper.builders import CALL, PUT, option

BANK = "BANKNIFTY26NOV55000CE"


def test_empty_state_has_a_snapshot() -> None:
    core = Replicator()
    core.handle(SessionStarted(at_ns=START, settings=settings(), mode=Mode.PAPER, day="2026-11-02", sessions=()))
    snapshot = build_snapshot(core.state, START, Frame())
    assert snapshot.engine is EngineState.STARTING
    assert (snapshot.legs, snapshot.copies, snapshot.working, snapshot.prompts) == ((), (), (), ())
    assert (snapshot.market_open, snapshot.market_opens_ns, snapshot.market_closes_ns) == (False, None, None)
    assert snapshot.master.available_inr is None
    assert (snapshot.children[0].state, snapshot.in_step) == (ChildState.NOT_READ, 0)


def test_quiet_desk_shows_its_sample_and_the_market() -> None:
    desk = Desk()
    desk.buy(1)
    desk.sell(1)
    desk.run(30)
    snapshot = shot(desk)
    assert (snapshot.engine, snapshot.market_open) == (EngineState.ARMED, True)
    assert snapshot.market_closes_ns == SESSIONS[0].close_ns
    assert snapshot.market_opens_ns == SESSIONS[1].open_ns
    assert snapshot.sample is not None
    assert values(snapshot.sample.master_inr, snapshot.sample.settled) == (1_000_000, True)
    assert snapshot.strategies[0].state is StrategyState.FLAT


def test_child_in_step() -> None:
    desk = Desk()
    desk.buy(10)
    found = cell(desk)
    assert values(found.state, found.have_lots, found.want_lots, found.reason) == (CellState.IN_STEP, 3, 3, "")
    assert values(found.average_inr, found.pnl_inr, found.residue_lots) == (100, 0, 0)
    assert column(desk).state is ChildState.IN_STEP
    assert column(desk).ratio == Fraction(3, 10)
    assert texts(desk) == []


def test_short_lots_are_negative() -> None:
    desk = Desk()
    desk.sell(11)
    found = cell(desk)
    assert values(found.have_lots, found.want_lots, found.residue_lots) == (-3, -3, Fraction(3, 10))
    assert row(desk).master_lots == -11


def test_sent_and_working_orders() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    assert values(cell(desk).state, cell(desk).working_lots, cell(desk).have_lots) == (CellState.WORKING, 3, 0)
    report = desk.accept(desk.last())
    desk.advance(report, filled=LOT, status=BookStatus.OPEN)
    assert values(cell(desk).state, cell(desk).working_lots, cell(desk).have_lots) == (CellState.WORKING, 2, 1)
    (working,) = shot(desk).working
    assert (working.units, working.filled_units, working.order_id) == (3 * LOT, LOT, report.order_id)


def test_window_of_the_master_is_working() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10)
    assert cell(desk).state is CellState.WORKING


def test_unknown_order_is_unknown_and_asks_for_attention() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    found = cell(desk)
    assert values(found.state, found.unknown_lots, found.working_lots) == (CellState.UNKNOWN, 3, 0)
    assert found.reason
    assert column(desk).state is ChildState.UNKNOWN
    assert any("unknown BUY" in text for text in texts(desk))
    assert shot(desk).working[0].deadline_ns == desk.order(desk.last()).resolve_from_ns


def test_held_order_is_held_with_the_brokers_words() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="Margin [red]exceeds[/red] ₹")
    found = cell(desk)
    assert found.state is CellState.HELD
    assert "Margin [red]exceeds[/red] ₹" in found.reason
    assert any("Margin [red]exceeds" in text for text in texts(desk))
    assert column(desk).reason == found.reason


def test_missed_entry_is_skipped_with_its_reason() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
    found = cell(desk)
    assert values(found.state, found.reason, found.want_lots) == (CellState.SKIPPED, reasons.PAUSED, 0)
    assert column(desk).state is ChildState.SKIPPED


def test_below_one_lot_is_skipped_with_its_residue() -> None:
    desk = Desk()
    desk.buy(3)
    found = cell(desk)
    assert (found.state, found.reason) == (CellState.SKIPPED, reasons.BELOW_ONE_LOT)
    assert found.residue_lots == Fraction(9, 10)


def test_left_out_child_is_shown_so() -> None:
    desk = Desk(settings(child("C1"), child("C2")), margins={"C1": 0})
    desk.buy(10)
    assert cell(desk).state is CellState.SKIPPED
    assert (column(desk).state, column(desk).ratio) == (ChildState.LEFT_OUT, None)
    assert column(desk).reason
    assert column(desk, "C2").state is ChildState.IN_STEP
    assert any("left out" in text for text in texts(desk))


def test_exit_that_cannot_go_is_drift_with_its_reason() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.sell(5)
    found = cell(desk)
    assert (found.state, found.reason) == (CellState.DRIFT, reasons.KILLED)
    assert values(found.have_lots, found.want_lots) == (3, 1)
    assert column(desk).drift_lots == 2
    assert any("exit due" in text for text in texts(desk))


def test_leg_that_the_master_left_is_shown_as_long_as_a_child_holds_it() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.sell(10)
    assert values(row(desk).master_lots, row(desk).followed, cell(desk).have_lots) == (0, True, 3)
    desk.handle(Flattened(at_ns=desk.now_ns))
    assert shot(desk).legs == ()


def test_flattened_child_is_not_in_step() -> None:
    """It holds what it wants, nothing, while the master holds ten lots: that is no lockstep."""
    desk = Desk()
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    assert desk.lots() == 0
    assert (cell(desk).state, cell(desk).reason) == (CellState.SKIPPED, reasons.FLATTENED)
    assert shot(desk).in_step == 0


def test_flatten_is_no_copy_of_the_master() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(2)
    newest = shot(desk).copies[0]
    assert values(newest.entry, newest.master_lots, newest.master_price_inr) == (False, None, None)


def test_capital_is_what_the_ratio_was_taken_from_whatever_the_cap_says_now() -> None:
    desk = Desk()
    desk.buy(10)
    before = column(desk).capital_inr
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(1)))
    assert (column(desk).capital_inr, before) == (Decimal(300_000), Decimal(300_000))


def test_in_step_counts_children_that_need_nobody() -> None:
    desk = Desk(settings(child("C1"), child("C2"), child("C3")), filling=False)
    assert shot(desk).in_step == 3
    desk.buy(10)
    desk.fill(desk.last("C1"))
    desk.answer(desk.last("C2"), Outcome.UNKNOWN)
    desk.answer(desk.last("C3"), Outcome.REJECTED, reason="margin")
    assert shot(desk).in_step == 1
    assert [c.state for c in shot(desk).children] == [ChildState.IN_STEP, ChildState.UNKNOWN, ChildState.HELD]


def test_missing_price_makes_every_result_of_it_unknown() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    desk.sell(10, symbol=PUT)
    del desk.state.quotes[instrument_id("NFO", PUT)]
    snapshot = shot(desk)
    assert cell(desk, PUT).pnl_inr is None
    assert cell(desk).pnl_inr == 0
    assert [c.pnl_inr for c in snapshot.children] == [None, None]
    assert (snapshot.children_day_inr, snapshot.master_day_inr) == (None, None)
    assert (row(desk, PUT).last_inr, row(desk, PUT).quote_stale) == (None, True)


def test_profit_is_realised_plus_open() -> None:
    desk = Desk()
    desk.buy(10)
    desk.quote(CALL, "100.50")
    desk.sell(5, price="100.50")
    desk.quote(CALL, "103")
    assert column(desk).realised_inr == 0
    assert column(desk).pnl_inr == 3 * LOT
    assert row(desk).master_pnl_inr == Decimal("0.5") * 5 * LOT + 3 * 5 * LOT


def test_masters_result_keeps_the_legs_that_he_closed() -> None:
    """Both totals cover the same legs; a closed leg leaves the matrix, not the result."""
    desk = Desk()
    desk.buy(10, symbol=PUT)
    desk.buy(10)
    desk.run(3)
    open_inr = row(desk).master_pnl_inr
    desk.quote(PUT, "100.50")
    desk.sell(10, symbol=PUT, price="100.50")
    desk.run(3)
    snapshot = shot(desk)
    assert [leg.symbol for leg in snapshot.legs] == [CALL]
    assert snapshot.master_day_inr == Decimal("0.50") * 10 * LOT
    assert open_inr == 0


def test_every_strategy_has_its_own_ratio_result_and_stop() -> None:
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING))
    desk.load((*INSTRUMENTS, option(BANK, strike=55000, underlying="BANKNIFTY")))
    desk.quote(BANK, "100")
    desk.buy(10)
    desk.books["M"].available_inr = Decimal(500_000)
    desk.run(20)
    desk.buy(10, symbol=BANK)
    desk.quote(CALL, "101")
    desk.child().stopped["NIFTY"] = "a leg is missing"
    found, snapshot = column(desk), shot(desk)
    parts = {part.scope: values(part.ratio, part.capital_inr) for part in found.scopes}
    assert parts == {"NIFTY": (Fraction(3, 10), 300_000), "BANKNIFTY": (Fraction(3, 5), 300_000)}
    assert values(found.ratio, found.capital_inr) == (None, 300_000)
    assert found.entries_stopped == "NIFTY: a leg is missing"
    results = {each.scope: values(each.master_pnl_inr, each.children_pnl_inr) for each in snapshot.strategies}
    assert results == {"NIFTY": (10 * LOT, 3 * LOT), "BANKNIFTY": (0, 0)}
    assert values(snapshot.master_day_inr, snapshot.children_day_inr) == (10 * LOT, 3 * LOT)
    desk.child().stopped["BANKNIFTY"] = "a leg is missing"
    assert column(desk).entries_stopped == "a leg is missing"


def test_stale_quote_is_marked() -> None:
    desk = Desk()
    desk.buy(10)
    desk.quote(CALL, "100", stale_at_ns=desk.now_ns + 1)
    assert not row(desk).quote_stale
    desk.now_ns += 1
    assert row(desk).quote_stale


def test_external_lots_stand_beside_ours() -> None:
    desk = Desk()
    desk.buy(10)
    desk.owner_trades(2)
    desk.run(35)
    assert values(cell(desk).have_lots, cell(desk).external_lots, cell(desk).state) == (3, 2, CellState.IN_STEP)


def test_background_is_shown_apart() -> None:
    desk = Desk(background={CALL_LEG: 650})
    snapshot = shot(desk)
    assert snapshot.legs == ()
    assert [values(leg.symbol, leg.background_lots) for leg in snapshot.background] == [(CALL, 10)]
    assert any("not followed" in text for text in texts(desk))


def test_unknown_instrument_is_skipped() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.state.instruments["C2"] = desk.state.instruments.pop("")
    desk.buy(10)
    found = cell(desk)
    assert (found.state, found.reason) == (CellState.SKIPPED, reasons.UNKNOWN_INSTRUMENT)


def test_most_urgent_comes_first() -> None:
    desk = Desk(settings(confirm=ENTRIES), background={PUT_LEG: 650}, filling=False)
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.buy(10, symbol=HEDGE)
    severities = [item.severity.value for item in shot(desk).attention]
    assert severities == ["alarm", "warning", "info"]


ENGINE = [
    ("paused", [Paused(at_ns=0)], EngineState.PAUSED),
    ("killed 1", [KillSwitched(at_ns=0, level=1)], EngineState.KILLED_ENTRIES),
    ("killed 2 over paused", [Paused(at_ns=0), KillSwitched(at_ns=0, level=2)], EngineState.KILLED_ALL),
    ("stopped", [SessionStopped(at_ns=0)], EngineState.STOPPED),
]


@pytest.mark.parametrize(("what", "events", "state"), ENGINE, ids=[r[0] for r in ENGINE])
def test_engine_state(what: str, events: list[Paused | KillSwitched | SessionStopped], state: EngineState) -> None:
    desk = Desk()
    for event in events:
        desk.handle(event)
    assert shot(desk).engine is state, what


def test_unclean_start_is_disarmed_and_a_failure_beats_everything() -> None:
    desk = Desk(unclean=True)
    assert shot(desk).engine is EngineState.DISARMED
    frame = Frame()
    frame.engine_failed = "disk full"
    snapshot = build_snapshot(desk.state, desk.now_ns, frame)
    assert (snapshot.engine, snapshot.engine_reason) == (EngineState.FAILED, "disk full")


def test_new_leg_while_disarmed_says_that_it_waits_for_resume() -> None:
    desk = Desk()
    desk.buy(10)
    desk.restart(unclean=True)
    desk.quote(PUT, "100")
    desk.quote(CALL, "100")
    desk.run(3)
    desk.buy(10, symbol=PUT)
    desk.run(1)
    assert (cell(desk, PUT).state, cell(desk, PUT).reason) == (CellState.WORKING, reasons.DISARMED)
    desk.run(40)
    assert (cell(desk, PUT).state, cell(desk, PUT).reason) == (CellState.SKIPPED, reasons.STALE_SIGNAL)


def test_start_of_a_strategy_is_told_in_numbers_that_people_read() -> None:
    desk = Desk()
    desk.buy(10)
    told = [notice.text for notice in desk.out if isinstance(notice, Notify)]
    assert "strategy started, baseline ₹10,00,000.00: C1 0.3000" in told


def test_numbers_count_without_gaps() -> None:
    desk, frame = Desk(), Frame()
    assert [build_snapshot(desk.state, desk.now_ns, frame).seq for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("sizing", "text"),
    [
        (Sizing(), "frozen ratio"),
        (Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)), "fixed 1/2"),
        (Sizing(mode=SizingMode.FIXED_LOTS, lots=2), "2 lots"),
        (Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(2)), "risk 2 %"),
        (Sizing(mode=SizingMode.LIVE_RATIO), "live ratio"),
    ],
)
def test_sizing_for_people(sizing: Sizing, text: str) -> None:
    assert sizing_text(child(sizing=sizing)) == text


def test_child_that_one_strategy_leaves_out_shows_the_unknown_order_of_another() -> None:
    desk = Desk(settings(strategy_scope=StrategyScope.UNDERLYING), filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    scope, running = next(iter(desk.state.strategies.items()))
    running.left_out["C1"] = "left out: margin stale"
    assert scope == "NIFTY"
    found = column(desk)
    assert (found.state, found.left_out) == (ChildState.UNKNOWN, "left out: margin stale")
    assert any(item.key == "j" and item.account == "C1" for item in shot(desk).attention)


def test_reason_of_a_child_is_that_of_its_worst_leg() -> None:
    desk = Desk(filling=False)
    desk.buy(3)
    desk.buy(10, symbol=PUT)
    desk.answer(desk.last(), Outcome.REJECTED, reason="price out of band")
    assert next(c.reason for leg in shot(desk).legs for c in leg.cells) == reasons.BELOW_ONE_LOT
    assert column(desk).state is ChildState.HELD
    assert "price out of band" in column(desk).reason


@pytest.mark.parametrize("of_all", [False, True])
def test_child_whose_loss_limit_has_struck_is_not_in_step_and_says_so(*, of_all: bool) -> None:
    most = Decimal(1000)
    of_child, total = (None, most) if of_all else (most, None)
    limited = child("C1", risk=ChildRisk(max_daily_loss_inr=of_child))
    desk = Desk(settings(limited, child("C2"), risk=Risk(max_daily_loss_inr=total)))
    desk.buy(10)
    desk.run(2)
    assert shot(desk).in_step == 2
    desk.quote(CALL, "50")
    desk.run(5)
    struck = ["C1", "C2"] if of_all else ["C1"]
    assert [c.id for c in shot(desk).children if c.state is ChildState.LOSS] == struck
    assert shot(desk).in_step == 2 - len(struck)
    assert column(desk).reason.startswith(reasons.DAILY_LOSS)
    found = [item for item in shot(desk).attention if item.text.startswith(reasons.DAILY_LOSS)]
    assert [(item.account, item.severity) for item in found] == [(account, Severity.ALARM) for account in struck]


def test_background_lots_beside_strategy_lots_have_a_row_that_tells_only_of_them() -> None:
    desk = Desk(background={CALL_LEG: 5 * LOT})
    assert shot(desk).background[0].adoptable
    desk.buy(10)
    (leg,), (background,) = shot(desk).legs, shot(desk).background
    assert values(leg.master_lots, leg.background_lots, leg.followed) == (10, 5, True)
    assert values(background.master_lots, background.background_lots, background.followed) == (0, 5, False)
    assert (background.master_average_inr, background.master_pnl_inr) == (None, None)
    assert not background.adoptable
    assert all(item.key != "o" for item in shot(desk).attention)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], "NIFTY 24500 CE 24Nov"),
        ([("NFO", CALL, "MIS")], "NIFTY 24500 CE 24Nov NRML"),
        ([("BFO", CALL, "NRML")], "NIFTY 24500 CE 24Nov NFO"),
        ([("BFO", CALL, "MIS")], "NIFTY 24500 CE 24Nov NFO NRML"),
        ([("NFO", PUT, "MIS"), ("NFO", f"X{CALL}", "MIS")], "NIFTY 24500 CE 24Nov"),
    ],
)
def test_title_names_product_and_exchange_where_another_leg_has_the_same(
    others: list[tuple[str, str, str]], expected: str
) -> None:
    desk = Desk()
    desk.buy(10)
    leg = desk.state.master.legs[CALL_LEG]
    assert row(desk).title == "NIFTY 24500 CE 24Nov"
    assert shot(desk).copies[0].title == "NIFTY 24500 CE 24Nov"
    for other in others:
        desk.state.master.legs[leg_id(*other)] = replace(leg, leg=leg_id(*other), units=0)
    assert (row(desk).title, shot(desk).copies[0].title) == (expected, expected)


def test_results_and_prices_from_an_old_quote_are_marked() -> None:
    desk = Desk(settings(child("C1"), child("C2"), confirm=ENTRIES), margins={"C2": 0})
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)
    desk.buy(10)

    def marked() -> tuple[bool, ...]:
        snapshot = shot(desk)
        (prompt,) = snapshot.prompts
        return snapshot.master_pnl_stale, *(c.pnl_stale for c in snapshot.children), prompt.rows[0].price_stale

    desk.quote(CALL, "101")
    assert marked() == (False, False, False, False)
    old = quote_of(CALL, "101", desk.now_ns - 600 * NS_PER_S, desk.now_ns - 1)
    desk.handle(QuotesUpdated(at_ns=desk.now_ns, quotes=(old,)))
    assert marked() == (True, True, False, True)
