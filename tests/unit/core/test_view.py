"""The snapshot: every cell says how the child stands and why, unknown is never zero, and an empty state has one too."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from config.schema import ChildRisk, Follow, Mode, Risk, Sizing, SizingMode, StrategyScope, Timing
from engine.commands import Notify, Severity
from engine.core import reasons
from engine.core.replicator import Replicator
from engine.events import (
    AccountRead,
    BackgroundAdopted,
    ChildResynced,
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
from engine.model import NS_PER_MS, NS_PER_S, BookStatus, OrderType, Side, instrument_id, leg_id
from engine.snapshot import Cell, CellState, ChildColumn, ChildState, EngineState, LegRow, Snapshot, StrategyState
from engine.stamps import Stamp
from engine.view import Frame, build_snapshot
from engine.view_cells import sizing_text
from tests.unit.core.builders import (
    ALL,
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
from tests.unit.core.resting_orders import resting
from tests.unit.paper.builders import CALL, PUT, ns, option
from tui.answers import Answers

BANK = "BANKNIFTY26NOV55000CE"


def shot(desk: Desk) -> Snapshot:
    return build_snapshot(desk.state, desk.now_ns, Frame())


def values(*found: object) -> tuple[object, ...]:
    """Values side by side, whatever their numbers are made of."""
    return found


def row(desk: Desk, symbol: str = CALL) -> LegRow:
    return next(leg for leg in shot(desk).legs if leg.symbol == symbol)


def cell(desk: Desk, symbol: str = CALL, account: str = "C1") -> Cell:
    return next(c for c in row(desk, symbol).cells if c.child == account)


def column(desk: Desk, account: str = "C1") -> ChildColumn:
    return next(c for c in shot(desk).children if c.id == account)


def texts(desk: Desk) -> list[str]:
    return [item.text for item in shot(desk).attention]


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


def test_entry_in_a_prompt_is_awaiting() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    found = cell(desk)
    assert values(found.state, found.awaiting_lots, found.have_lots) == (CellState.AWAITING, 3, 0)
    assert found.reason == reasons.AWAITING
    (prompt,) = shot(desk).prompts
    assert values(prompt.kind, prompt.at_deadline, prompt.master_lots) == ("entry", "declined", 10)
    (line,) = prompt.rows
    assert values(line.child, line.units, line.price_inr, line.ratio) == ("C1", 3 * LOT, 100, Fraction(3, 10))
    assert values(line.value_inr, line.available_inr) == (19_500, 300_000)
    (margin,) = prompt.margins
    assert (margin.basket.account, margin.needed_inr, margin.is_brokers) == ("C1", Decimal(19_500), False)
    assert any(text.startswith("confirm entry") for text in texts(desk))


def test_prompt_lists_skipped_children_with_their_reasons() -> None:
    desk = Desk(settings(child("C1"), child("C2"), confirm=ENTRIES))
    desk.owner_trades(-1, "C2")
    desk.read("C2")
    desk.buy(10)
    rows = {r.child: (r.units, r.reason) for r in shot(desk).prompts[0].rows}
    assert rows == {"C1": (3 * LOT, ""), "C2": (0, reasons.OWN_POSITION)}


def test_offered_leg_that_the_master_has_left_is_skipped_and_its_answer_is_asked_no_more() -> None:
    desk = Desk()
    with desk.paused():
        desk.buy(10)
        desk.sell(20, symbol=PUT)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    (before,) = shot(desk).prompts
    assert {row.leg: (row.units, row.reason) for row in before.rows} == {
        CALL_LEG: (3 * LOT, ""),
        PUT_LEG: (6 * LOT, ""),
    }
    desk.sell(10)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert {row.leg: (row.units, row.reason) for row in prompt.rows} == {
        CALL_LEG: (0, reasons.MASTER_IS_OUT),
        PUT_LEG: (6 * LOT, ""),
    }
    assert [order.leg for margin in prompt.margins for order in margin.basket.orders] == [PUT_LEG]
    desk.buy(20, symbol=PUT)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(0, reasons.MASTER_IS_OUT)] * 2
    assert all(row.void_units for row in prompt.rows)
    assert (prompt.margins, Answers().taking_part(prompt)) == ((), ())
    desk.handle(Answers().refusal(prompt, desk.now_ns))
    assert shot(desk).prompts == ()


def test_background_leg_is_offered_until_the_master_is_out_of_it() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(3 * LOT, "")]
    desk.sell(10)
    desk.run(2)
    assert [row for prompt in shot(desk).prompts for row in prompt.rows if row.units] == []


def test_entry_beside_an_order_of_the_masters_that_rests_is_offered() -> None:
    desk = Desk(settings(confirm=ENTRIES, follow=Follow.ORDERS))
    resting(desk, 10)
    desk.run(2)
    (prompt,) = shot(desk).prompts
    assert [(row.units, row.reason) for row in prompt.rows] == [(3 * LOT, "")]


def test_row_whose_price_is_beyond_the_slippage_limit_says_so() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]
    desk.quote(CALL, "101")
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]
    desk.quote(CALL, "110")
    assert [(row.units, row.reason, row.would_be_refused) for row in shot(desk).prompts[0].rows] == [
        (3 * LOT, "slippage 10.0 %, limit 1.0 %", True)
    ]
    desk.quote(CALL, "90")
    assert [row.reason for row in shot(desk).prompts[0].rows] == [""]


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


def test_latency_leaves_out_how_long_the_operator_was_asked() -> None:
    desk = Desk(settings(confirm=ENTRIES), filling=False)
    desk.buy(10)
    desk.run(1)
    desk.run(20)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.fill(desk.last())
    (part,) = shot(desk).copies[0].lines
    assert part.latency_ms is not None
    assert part.latency_ms < 1000


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


def test_entry_that_waits_for_the_childs_first_read_says_so() -> None:
    """Not in step means a reason on the screen."""
    desk = Desk(silent=("C1",))
    desk.deliver(desk.picture(orders=None, positions=None))
    desk.state.samples["C1"] = desk.state.samples["M"]
    desk.buy(10)
    found = cell(desk)
    assert desk.placed() == []
    assert found.state is not CellState.IN_STEP
    assert found.reason


def test_login_is_asked_for() -> None:
    desk = Desk()
    desk.deliver(desk.picture(orders=None, positions=None, error="token", needs_login=True))
    assert column(desk).state is ChildState.LOGIN_REQUIRED
    assert any("login required" in text for text in texts(desk))
    assert shot(desk).in_step == 0


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


def test_master_that_is_not_read_any_more_is_not_connected() -> None:
    desk = Desk()
    assert shot(desk).master.connected
    desk.silent.add("M")
    desk.run(10)
    assert not shot(desk).master.connected
    desk.deliver(desk.picture("M", orders=None, positions=None, error="timeout"))
    assert (shot(desk).master.connected, shot(desk).master.error) == (False, "timeout")


def test_copies_show_every_childs_part_newest_first() -> None:
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    desk.buy(10)
    desk.fill(desk.last("C1"), price="100.50")
    desk.answer(desk.last("C2"), Outcome.REJECTED, reason="margin")
    (copy,) = shot(desk).copies
    lines = {line.child: line for line in copy.lines}
    assert (lines["C1"].filled_units, lines["C1"].average_inr, lines["C1"].slippage_inr) == (
        3 * LOT,
        Decimal("100.5"),
        Decimal("0.5"),
    )
    assert (lines["C2"].status, lines["C2"].filled_units, lines["C2"].slippage_inr) == ("held", 0, None)
    assert values(copy.master_lots, copy.done) == (10, False)


@pytest.mark.parametrize(
    ("what", "traded_ms", "learned_ms", "latency_ms"),
    [
        ("a clock that knows more than seconds is believed", -900, 0, 1400),
        ("a clock of seconds: not before we learned of it", 0, 700, 500),
        ("a clock of seconds: noticed at once", 0, 0, 500),
        ("a clock of seconds: a trade that was noticed late", -4000, 0, 3500),
    ],
)
def test_latency_counts_from_the_masters_fill(what: str, traded_ms: int, learned_ms: int, latency_ms: int) -> None:
    desk = Desk(filling=False)
    desk.run(10)
    start_ns = desk.now_ns  # a whole second
    desk.run(learned_ms / 1000)
    traded_ns = start_ns + traded_ms * NS_PER_MS
    report = replace(desk.report(Side.BUY, 10, id_="MO"), placed_ns=traded_ns, updated_ns=traded_ns)
    desk.book(report)
    desk.push(report, "M")
    desk.run("0.5")
    desk.fill(desk.last("C1"))
    ((line,),) = (copy.lines for copy in shot(desk).copies)
    assert line.latency_ms == latency_ms


def test_rows_that_are_kept_from_one_snapshot_to_the_next_are_what_a_fresh_one_shows() -> None:
    desk, frame = Desk(settings(child("C1"), child("C2")), filling=False), Frame()

    def check() -> Snapshot:
        kept = build_snapshot(desk.state, desk.now_ns, frame)
        assert kept.copies == shot(desk).copies
        return kept

    check()
    desk.buy(10)
    check()
    order = desk.accept(desk.last("C1"))
    for filled in (LOT, 2 * LOT, 3 * LOT):
        status = BookStatus.COMPLETE if filled == 3 * LOT else BookStatus.OPEN
        desk.advance(order, "C1", filled=filled, status=status, price="100.10")
        check()
    desk.answer(desk.last("C2"), Outcome.REJECTED, reason="margin")
    check()
    desk.sell(4)
    check()
    desk.fill(desk.last("C1"))
    desk.run(2)
    assert [copy.done for copy in check().copies] == [True, False]
    copy = desk.state.copies[0]
    copy.skipped["C3"] = "own position"
    check()
    late = desk.state.orders[copy.tags[0]]
    late.filled, late.value_inr = late.filled + LOT, late.value_inr + 1  # a fill after the end
    check()
    instruments = desk.state.instruments[""]
    name = instrument_id("NFO", CALL)
    instruments[name] = replace(instruments[name], lot_units=2 * LOT)
    check()


def test_copy_says_how_each_part_was_sized_and_which_orders_it_became() -> None:
    half = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 20))
    two = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
    desk = Desk(settings(child("C1"), child("C2", sizing=half), child("C3", sizing=two)), filling=False)
    desk.buy(10)
    sent_ns = desk.now_ns
    desk.run("0.2")
    desk.fill(desk.last("C1"))
    desk.buy(5)
    desk.run(1)
    desk.fill(desk.last("C1"))
    desk.sell(3)
    frame = Frame()
    frame.stamps = lambda tag: Stamp(durable_ns=sent_ns + 1, handed_ns=sent_ns + 2)
    exit_, second, first = build_snapshot(desk.state, desk.now_ns, frame).copies
    assert {line.child: line.why for line in first.lines} == {
        "C1": "3/10 x 10 lots = 3.00: target 3",
        "C2": "1/20 x 10 lots = 0.50: target 0",
        "C3": "2 lots for 10 lots: target 2",
    }
    assert {line.child: line.reason for line in first.lines if line.status == "skipped"} == {"C2": "below one lot"}
    assert {line.child: line.why for line in second.lines}["C1"] == "3/10 x 15 lots = 4.50: target 4, it was 3"
    whys = {line.child: line.why for line in exit_.lines}
    assert whys["C1"] == "he keeps 12 of 15 lots, 4 x 12/15 = 3.20: target 3, it was 4"
    (order,) = next(line for line in first.lines if line.child == "C1").orders
    assert (order.order_type, order.price_inr, order.tries, order.status) == (OrderType.MARKET, None, 1, "filled")
    assert order.decided_ns == desk.state.orders[order.tag].created_ns
    assert (order.durable_ns, order.sent_ns) == (sent_ns + 1, sent_ns + 2)
    assert order.done_ns >= order.answered_ns > order.sent_ns
    assert order.order_id
    assert first.learned_ns
    desk.sell(12)
    assert {line.why for line in shot(desk).copies[0].lines} >= {"he is out of it: target 0, it was 3"}


def test_row_of_a_finished_copy_is_not_made_again() -> None:
    desk, frame = Desk(), Frame()
    desk.buy(10)
    desk.run(2)
    (first,) = build_snapshot(desk.state, desk.now_ns, frame).copies
    desk.sell(4)
    newest, kept = build_snapshot(desk.state, desk.now_ns, frame).copies
    assert kept is first
    assert newest.id > kept.id


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


def _short_margin(desk: Desk) -> Decimal:
    """What a short call needs by the prompt that asks about it."""
    desk.sell(10)
    needed = shot(desk).prompts[-1].margins[0].needed_inr
    assert needed is not None
    return needed


def test_margin_of_a_prompt_counts_the_hedge_that_is_held() -> None:
    hedged, alone = Desk(settings(confirm=ENTRIES)), Desk(settings(confirm=ENTRIES))
    hedged.quote(HEDGE, "100")
    hedged.buy(10, symbol=HEDGE)
    hedged.handle(PromptAnswered(at_ns=hedged.now_ns, approve=True))
    hedged.run(3)
    assert 0 < _short_margin(hedged) < _short_margin(alone)


def test_brokers_own_figure_stands_for_the_estimate() -> None:
    desk, frame = Desk(settings(confirm=ENTRIES)), Frame()
    desk.buy(10)
    (estimated,) = build_snapshot(desk.core.state, desk.now_ns, frame).prompts[0].margins
    frame.basket_margins = lambda: {estimated.basket: Decimal(12_345)}
    (said,) = build_snapshot(desk.core.state, desk.now_ns, frame).prompts[0].margins
    assert (said.needed_inr, said.is_brokers) == (Decimal(12_345), True)


def test_child_that_was_not_read_since_the_start_is_not_in_step_and_says_why() -> None:
    desk = Desk()
    desk.restart()
    state = desk.core.state
    state.children["C1"].synced, state.children["C1"].error = False, "the order book: no answer in time"
    assert (column(desk).state, column(desk).reason) == (ChildState.NOT_READ, "the order book: no answer in time")
    assert shot(desk).in_step == 0
    assert any("no answer in time" in item.text and item.key == "a" for item in shot(desk).attention)


def test_child_whose_reads_fail_for_long_is_not_called_in_step_any_more() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(2)
    child_state = desk.core.state.children["C1"]
    child_state.error = "the positions: no answer in time"
    assert column(desk).state is ChildState.IN_STEP
    assert child_state.positions_at_ns is not None
    child_state.positions_at_ns -= 61 * NS_PER_S
    assert column(desk).state is ChildState.NOT_READ
    assert column(desk).reason.endswith("the positions: no answer in time")


def test_masters_login_is_asked_for_above_everything() -> None:
    desk = Desk()
    desk.handle(AccountRead(at_ns=desk.now_ns, account="M", began_ns=desk.now_ns, error="token", needs_login=True))
    assert shot(desk).master.needs_login
    assert any(
        item.account == "M" and "login required" in item.text and item.key == "a" for item in shot(desk).attention
    )
    assert any("LOGIN REQUIRED" in notice.text for notice in desk.commands(Notify))
    desk.run(2)
    assert not shot(desk).master.needs_login


def test_unknown_order_of_an_account_that_is_not_read_is_still_unknown() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    state = desk.state.children["C1"]
    state.error = "the positions: no answer in time"
    assert state.positions_at_ns is not None
    state.positions_at_ns -= 61 * NS_PER_S
    assert column(desk).state is ChildState.UNKNOWN
    assert any("no answer in time" in text for text in texts(desk))


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


def slow(seconds: int) -> Timing:
    return Timing(poll_interval_s=Decimal(seconds))


@pytest.mark.parametrize(("poll_s", "good_s", "late_s"), [(1, 59, 70), (60, 170, 260)])
def test_child_whose_reads_are_never_answered_is_called_not_read_with_the_age(
    poll_s: int, good_s: int, late_s: int
) -> None:
    desk = Desk(settings(timing=slow(poll_s)))
    desk.buy(10)
    desk.run(120)
    read_ns = desk.child().positions_at_ns
    assert read_ns is not None
    desk.silent.add("C1")
    desk.run_to(read_ns + good_s * NS_PER_S)
    assert column(desk).state is ChildState.IN_STEP
    desk.run_to(read_ns + late_s * NS_PER_S)
    assert (column(desk).state, shot(desk).in_step) == (ChildState.NOT_READ, 0)
    assert column(desk).reason == f"not read for {late_s} s: no answer"
    assert column(desk).reason in texts(desk)


@pytest.mark.parametrize("until", ["15:59", "20:00", "23:00"])
def test_child_that_is_read_less_often_at_night_is_read_all_the_same(until: str) -> None:
    desk = Desk()
    desk.buy(10)
    desk.run_to(ns(until))
    for _ in range(30):
        desk.run(7)
        assert column(desk).state is ChildState.IN_STEP


@pytest.mark.parametrize("poll_s", [10, 60])
def test_master_that_is_read_in_slow_polls_is_not_lost_between_them(poll_s: int) -> None:
    desk = Desk(settings(timing=slow(poll_s)))
    desk.run(2 * poll_s)
    for _ in range(poll_s + 2):
        desk.run(1)
        desk.quote(CALL, "100")
        assert shot(desk).master.connected
    desk.silent.add("M")
    desk.run(3 * poll_s)
    desk.quote(CALL, "100")
    assert not shot(desk).master.connected


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


def test_prompt_of_an_exit_does_not_promise_what_the_kill_switch_stops() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)
    desk.sell(10)
    fates = []
    for level in (0, 1, 2):
        desk.handle(KillSwitched(at_ns=desk.now_ns, level=level))
        fates += [prompt.at_deadline for prompt in shot(desk).prompts]
    assert fates == ["sent", "sent", "stopped by the kill switch"]
    sent = len(desk.placed())
    desk.run(35)
    assert len(desk.placed()) == sent


def test_exit_that_was_sent_again_is_complete_when_all_of_it_is_filled() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.advance(desk.accept(desk.last()), filled=3 * LOT)
    desk.run(2)
    desk.sell(10)
    desk.run(1)
    first = desk.accept(desk.last())
    part = desk.advance(first, filled=LOT, status=BookStatus.OPEN)
    desk.advance(part, filled=LOT, status=BookStatus.CANCELLED)
    desk.run(3)
    (line,) = shot(desk).copies[0].lines
    assert (line.units, line.filled_units, len(line.orders)) == (3 * LOT, LOT, 2)
    desk.advance(desk.accept(desk.last()), filled=2 * LOT)
    (line,) = shot(desk).copies[0].lines
    assert (line.units, line.filled_units, line.status) == (3 * LOT, 3 * LOT, "filled")
