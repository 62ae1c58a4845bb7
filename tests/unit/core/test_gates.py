"""The gates before every entry: each one open and closed, exactly at its limit, and what none of them stops."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import (
    Child,
    ChildFilters,
    ChildRisk,
    ConfirmWhen,
    Copy,
    CopyAs,
    Risk,
    Settings,
    Sizing,
    SizingMode,
)
from engine.commands import CancelOrder, ModifyOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import (
    DayBegan,
    Flattened,
    KillSwitched,
    MaxCapitalSet,
    OrderUpdated,
    Outcome,
    Paused,
    QuotesUpdated,
)
from engine.model import Side
from tests.unit.core.builders import (
    ENTRIES,
    FREE,
    PUT_LEG,
    SESSIONS,
    Desk,
    S,
    child,
    instrument,
    quote_of,
    settings,
)
from tests.unit.core.nights import pass_night
from tests.unit.paper.builders import CALL, PUT, ns


def risky(**fields: object) -> Settings:
    return settings(risk=msgspec.structs.replace(Risk(), **fields))


def own(**fields: object) -> Settings:
    return settings(child(risk=msgspec.structs.replace(ChildRisk(), **fields)))


def entered(desk: Desk, lots: int = 10) -> tuple[int, set[str]]:
    """Lots sent for a master's buy, and the reasons for what was not."""
    before = sum(n for _, n in desk.placed())
    desk.buy(lots)
    return sum(n for _, n in desk.placed()) - before, desk.reasons()


def test_nothing_stands_in_the_way() -> None:
    assert entered(Desk()) == (3, set())


def test_pause_stops_entries() -> None:
    desk = Desk()
    desk.handle(Paused(at_ns=desk.now_ns))
    assert entered(desk) == (0, {reasons.PAUSED})


@pytest.mark.parametrize("level", [1, 2])
def test_kill_stops_entries(level: int) -> None:
    desk = Desk()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=level))
    assert entered(desk) == (0, {reasons.KILLED})


def unread() -> Desk:
    """A child that has never been read completely in this process, with a margin for its ratio."""
    desk = Desk(silent=("C1",))
    desk.deliver(desk.picture(orders=None, positions=None))
    desk.state.samples["C1"] = desk.state.samples["M"]
    return desk


def test_child_that_was_not_read_takes_no_entry_and_enters_when_it_is_read_in_time() -> None:
    desk = unread()
    desk.buy(10)
    desk.run(20)
    assert desk.placed() == []
    desk.read()
    assert [side for side, _ in desk.placed()] == [Side.BUY]


@pytest.mark.parametrize(("ahead_s", "copied"), [(9, True), (11, False)])
def test_signal_that_is_far_ahead_of_the_machines_clock_is_not_entered(ahead_s: int, *, copied: bool) -> None:
    """The clock is behind, by nobody knows how much: the signal may be old."""
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    report = desk.report(Side.BUY, 10, id_="M9")
    report = msgspec.structs.replace(report, updated_ns=desk.now_ns + ahead_s * S)
    desk.book(report)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=report))
    desk.run(3)
    assert len(desk.placed()) == 1 + copied
    assert desk.reasons() == (set() if copied else {reasons.CLOCK_BEHIND})


def test_child_that_is_read_too_late_does_not_enter() -> None:
    desk = unread()
    desk.buy(10)
    desk.run(31)
    desk.read()
    desk.run(3)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.STALE_SIGNAL})


def test_child_that_needs_a_login_takes_no_entry() -> None:
    desk = Desk()
    desk.deliver(desk.picture(orders=None, positions=None, available_inr=None, error="token", needs_login=True))
    assert entered(desk) == (0, {reasons.LOGIN_REQUIRED})


def test_flattened_child_takes_no_entry() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    assert entered(desk) == (0, {reasons.FLATTENED})


def test_childs_filter_stops_an_entry_of_a_leg_without_allocation() -> None:
    desk = Desk(settings(child(filters=ChildFilters(deny=("NFO:*CE",)))))
    assert entered(desk) == (0, {reasons.FILTERED})


def test_closed_market() -> None:
    desk = Desk(warm=False)
    desk.now_ns = ns("15:29:57")
    desk.run(3)
    desk.quote(CALL, "100")
    assert entered(desk) == (0, {reasons.MARKET_CLOSED})


def test_calendar_that_does_not_cover_the_day() -> None:
    desk = Desk()
    desk.start(sessions=())
    desk.quote(CALL, "100")
    desk.run(3)
    assert entered(desk) == (0, {reasons.NO_CALENDAR})


def test_entry_that_works_at_the_cut_off_is_taken_back_instead_of_moved() -> None:
    desk = Desk(settings(copy=Copy(as_=CopyAs.LIMIT, limit_buffer_ticks=0)), filling=False, warm=False)
    desk.load((instrument(expiry="2026-11-02"),))
    desk.now_ns = ns("14:59:52")
    desk.run(6)
    desk.quote(CALL, "100")
    desk.master(Side.BUY, 10)
    desk.run("0.5")
    desk.accept(desk.last())
    desk.quote(CALL, "100.50")
    desk.run(10)
    assert desk.commands(ModifyOrder) == []
    desk.cancelled(desk.commands(CancelOrder)[-1])
    assert (desk.last_order().state, desk.last_order().reason) == (OrderState.HELD, reasons.EXPIRY_CUTOFF)


EXPIRY = [
    ("a later day", "2026-11-03", "15:10", 3),
    ("its day, before the cut-off", "2026-11-02", "14:59:58", 3),
    ("its day, at the cut-off", "2026-11-02", "15:00", 0),
    ("after its day", "2026-11-01", "10:00", 0),
    ("no expiry", None, "15:10", 3),
]


@pytest.mark.parametrize(("what", "expiry", "time", "lots"), EXPIRY, ids=[row[0] for row in EXPIRY])
def test_expiry_cutoff(what: str, expiry: str | None, time: str, lots: int) -> None:
    desk = Desk(warm=False)
    desk.load((instrument(expiry=expiry),))
    desk.now_ns = ns(time) - 3 * S
    desk.run("2.9")
    desk.quote(CALL, "100")
    desk.run("0.1")
    sent, why = entered(desk)
    assert (sent, why) == (lots, set() if lots else {reasons.EXPIRY_CUTOFF}), what


def test_no_quote() -> None:
    desk = Desk(quoted=False)
    desk.buy(10)
    desk.run(3)
    assert (desk.placed(), desk.reasons()) == ([], {reasons.NO_QUOTE})


@pytest.mark.parametrize(("what", "stale_in_ns", "lots"), [("a nanosecond before", 1, 3), ("exactly then", 0, 0)])
def test_stale_quote(what: str, stale_in_ns: int, lots: int) -> None:
    desk = Desk()
    decided_ns = desk.now_ns + 250_000_000
    desk.quote(CALL, "100", stale_at_ns=decided_ns + stale_in_ns)
    assert entered(desk) == (lots, set() if lots else {reasons.STALE_QUOTE}), what


def test_side_that_nobody_offers_is_no_quote() -> None:
    desk = Desk()
    one_sided = msgspec.structs.replace(quote_of(CALL, "100", desk.now_ns), ask_inr=None)
    desk.handle(QuotesUpdated(at_ns=desk.now_ns, quotes=(one_sided,)))
    assert entered(desk) == (0, {reasons.NO_QUOTE})


SLIPPAGE = [
    ("exactly max_slippage_pct worse", Side.BUY, "101", 3, set()),
    ("a tick more", Side.BUY, "101.05", 0, {reasons.SLIPPAGE}),
    ("better by far less than the band", Side.BUY, "81", 3, set()),
    ("exactly the price band", Side.BUY, "80", 3, set()),
    ("beyond the price band, although better", Side.BUY, "79.95", 0, {reasons.PRICE_BAND}),
    ("a sale exactly so much worse", Side.SELL, "99", 3, set()),
    ("a sale a tick more", Side.SELL, "98.95", 0, {reasons.SLIPPAGE}),
    ("a better sale", Side.SELL, "119", 3, set()),
]


@pytest.mark.parametrize(("what", "side", "price", "lots", "why"), SLIPPAGE, ids=[row[0] for row in SLIPPAGE])
def test_slippage_against_the_master(what: str, side: Side, price: str, lots: int, why: set[str]) -> None:
    desk = Desk()
    desk.quote(CALL, price)
    desk.master(side, 10, price="100")
    desk.run("0.3")
    assert (sum(n for _, n in desk.placed()), desk.reasons()) == (lots, why), what


@pytest.mark.parametrize(("price", "lots"), [("1.20", 3), ("1.25", 0)])
def test_cheap_options_may_slip_by_ticks(price: str, lots: int) -> None:
    """1 % of 1.00 is less than a tick; four ticks are allowed."""
    desk = Desk(settings(copy=Copy(slippage_ticks=4), risk=Risk(price_band_pct=None)))
    desk.quote(CALL, price)
    desk.master(Side.BUY, 10, price="1.00")
    desk.run("0.3")
    assert sum(n for _, n in desk.placed()) == lots


@pytest.mark.parametrize(("external", "lots"), [(-1, 0), (1, 3)])
def test_own_position_of_the_other_side_stops_an_entry(external: int, lots: int) -> None:
    desk = Desk()
    desk.owner_trades(external)
    desk.read()
    assert entered(desk) == (lots, set() if lots else {reasons.OWN_POSITION})


def test_cap_lowered_while_the_strategy_runs_binds_at_once() -> None:
    desk = Desk()
    desk.buy(10)
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(200_000)))
    assert entered(desk) == (1, {reasons.MAX_CAPITAL})


def test_cap_raised_while_the_strategy_runs_changes_nothing() -> None:
    desk = Desk(settings(child(max_capital_inr=Decimal(100_000))))
    desk.buy(10)
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(300_000)))
    assert entered(desk) == (1, set())


HALF = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2))


@pytest.mark.parametrize(
    ("sizing", "cap_inr", "lots"),
    [
        (HALF, 1_000_000, 5),  # a tenth of the master's ten lakh for every lakh; the child's own three are no bound
        (HALF, 100_000, 1),
        (Sizing(mode=SizingMode.FIXED_LOTS, lots=2), 200_000, 2),
        (Sizing(mode=SizingMode.FIXED_LOTS, lots=2), 100_000, 1),
        (Sizing(mode=SizingMode.FIXED_LOTS, lots=2), 1, 0),
        (Sizing(mode=SizingMode.LIVE_RATIO), 100_000, 1),
    ],
)
def test_cap_binds_in_every_sizing_mode(sizing: Sizing, cap_inr: int, lots: int) -> None:
    desk = Desk(settings(child(sizing=sizing, max_capital_inr=Decimal(cap_inr))))
    desk.buy(10)
    assert desk.lots() == lots


def test_cap_that_cannot_be_evaluated_lets_nothing_pass() -> None:
    desk = Desk(settings(child(sizing=HALF, max_capital_inr=Decimal(1_000_000))), margins={"M": 0})
    assert entered(desk) == (0, {reasons.MAX_CAPITAL})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"max_lots_per_instrument": 3}, reasons.MAX_LOTS_PER_INSTRUMENT),
        ({"max_position_pct": Decimal("6.5")}, reasons.MAX_POSITION),
    ],
)
def test_bound_of_an_instrument_counts_all_its_products(fields: dict[str, object], reason: str) -> None:
    """Three lots of 6,500 are 6.5 % of three lakh, and all that the limit allows."""
    desk = Desk(risky(**fields))
    desk.buy(10)
    report = msgspec.structs.replace(desk.report(Side.BUY, 10, id_="MIS"), product="MIS")
    desk.book(report)
    desk.push(report, "M")
    desk.run(1)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 3)], {reason})


LOTS = [
    ("per order, exactly", {"max_lots_per_order": 3}, 3),
    ("per order, beyond", {"max_lots_per_order": 2}, 2),
    ("per instrument, exactly", {"max_lots_per_instrument": 3}, 3),
    ("per instrument, beyond", {"max_lots_per_instrument": 1}, 1),
    ("open, beyond", {"max_open_lots": 1}, 1),
    ("open, none", {"max_open_lots": 0}, 0),
]


@pytest.mark.parametrize(("what", "limit", "lots"), LOTS, ids=[row[0] for row in LOTS])
@pytest.mark.parametrize("where", [risky, own], ids=["all", "child"])
def test_lot_limits(what: str, limit: dict[str, int], lots: int, where: type) -> None:
    assert entered(Desk(where(**limit)))[0] == lots, what


def test_lots_of_other_legs_count_as_open() -> None:
    desk = Desk(risky(max_open_lots=5))
    desk.buy(10, symbol=PUT)
    assert entered(desk) == (2, {reasons.MAX_OPEN_LOTS})


BOTH = [
    ({"max_lots_per_order": 2, "max_lots_per_instrument": 1}, {}, reasons.MAX_LOTS_PER_INSTRUMENT),
    ({"max_lots_per_order": 2, "max_open_lots": 1}, {}, reasons.MAX_OPEN_LOTS),
    ({"max_lots_per_instrument": 2}, {"max_open_lots": 1}, reasons.MAX_OPEN_LOTS),
    ({"max_lots_per_order": 2}, {"max_lots_per_order": 1}, reasons.MAX_LOTS_PER_ORDER),
    ({"max_lots_per_order": 1}, {"max_lots_per_order": 2}, reasons.MAX_LOTS_PER_ORDER),
    ({"max_position_pct": Decimal(6)}, {"max_position_pct": Decimal(3)}, reasons.MAX_POSITION),
]


@pytest.mark.parametrize(("of_all", "of_child", "reason"), BOTH)
def test_entry_that_two_limits_cut_passes_both(
    of_all: dict[str, object], of_child: dict[str, object], reason: str
) -> None:
    """R6.1: the strongest bound counts, whichever is asked first."""
    both = settings(
        child(risk=msgspec.structs.replace(ChildRisk(), **of_child)), risk=msgspec.structs.replace(Risk(), **of_all)
    )
    assert entered(Desk(both)) == (1, {reason})


@pytest.mark.parametrize(("minute", "day"), [(2, 1), (1, 2)])
@pytest.mark.parametrize("where", [risky, own], ids=["all", "child"])
def test_orders_of_a_minute_and_of_a_day_are_both_counted(minute: int, day: int, where: type) -> None:
    """R6.2: an entry of three slices, of which one may go."""
    desk = Desk(where(max_orders_per_minute=minute, max_orders_per_day=day))
    desk.load((instrument(freeze_units=65),))
    assert entered(desk)[0] == 1


@pytest.mark.parametrize("limit", ["max_lots_per_order", "max_lots_per_instrument", "max_open_lots"])
def test_entry_that_is_sent_again_is_not_in_its_own_way(limit: str) -> None:
    """R6.1: what was not accepted and goes again is counted once."""
    desk = Desk(risky(**{limit: 3}), filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    assert not desk.reasons()


@pytest.mark.parametrize(("pct", "lots"), [("6.5", 3), ("6.4999", 2), ("2", 0)])
def test_position_as_a_part_of_the_capital(pct: str, lots: int) -> None:
    """Three lots at 100 are 19,500: 6.5 % of 300,000."""
    assert entered(Desk(risky(max_position_pct=Decimal(pct))))[0] == lots


def test_position_limit_without_a_known_margin_fails_closed() -> None:
    desk = Desk(risky(max_position_pct=Decimal(100)))
    desk.child().available_inr = None
    assert entered(desk) == (0, {reasons.MAX_POSITION})


@pytest.mark.parametrize(("limit", "lots"), [(2, 4), (1, 2), (0, 0)])
def test_orders_per_minute_count_slices(limit: int, lots: int) -> None:
    desk = Desk(risky(max_orders_per_minute=limit))
    desk.load((instrument(freeze_units=130),))
    assert entered(desk, 20)[0] == lots


def test_orders_per_minute_are_free_again_after_a_minute() -> None:
    desk = Desk(risky(max_orders_per_minute=1))
    assert entered(desk)[0] == 3
    desk.run("59.6")
    assert entered(desk) == (0, {reasons.ORDERS_PER_MINUTE})
    desk.run(1)
    assert entered(desk)[0] == 3


def test_orders_per_day_do_not_stop_exits() -> None:
    desk = Desk(own(max_orders_per_day=1))
    assert entered(desk)[0] == 3
    desk.run(70)
    assert entered(desk) == (0, {reasons.ORDERS_PER_DAY})
    desk.sell(20)
    assert desk.lots() == 0


# --- limits while a prompt waits, and what cannot be evaluated --------------------------------------------------------


def asking(*children: Child, **fields: object) -> Settings:
    return msgspec.structs.replace(settings(*children, **fields), confirm=ENTRIES)


BUGS: list[tuple[str, Settings, int]] = [
    ("cap", asking(child(max_capital_inr=Decimal(300_000))), 6),
    ("max_lots_per_instrument", asking(risk=Risk(max_lots_per_instrument=6)), 6),
    ("max_open_lots", asking(risk=Risk(max_open_lots=6)), 6),
    ("max_position_pct", asking(risk=Risk(max_position_pct=Decimal(13))), 6),
]


@pytest.mark.parametrize(("limit", "with_settings", "lots"), BUGS, ids=[row[0] for row in BUGS])
def test_lots_that_await_an_answer_are_not_counted_twice(limit: str, with_settings: Settings, lots: int) -> None:
    """A further fill asks for the whole again; what waits in the prompt that it replaces is no use of the limit."""
    assert with_settings.confirm.when is ConfirmWhen.ENTRIES
    desk = Desk(with_settings)
    desk.buy(10)
    desk.buy(10)
    assert desk.leg().awaiting_units // 65 == lots, limit
    assert desk.reasons() == set()


def test_daily_loss_that_cannot_be_evaluated_stops_entries() -> None:
    """Without charge rates the result after charges is unknown: with a limit set, entries fail closed."""
    desk = Desk(own(max_daily_loss_inr=Decimal(1000)))
    desk.state.charges = None
    assert entered(desk) == (0, {reasons.DAILY_LOSS_UNKNOWN})


def test_daily_loss_with_a_price_missing_stops_entries() -> None:
    desk = Desk(own(max_daily_loss_inr=Decimal(1000)))
    desk.buy(10, symbol=PUT)
    del desk.state.quotes[instrument(PUT).id]
    assert entered(desk)[0] == 0


def test_sizing_without_a_ratio_is_gated_alike() -> None:
    fixed = child(sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)), risk=ChildRisk(max_open_lots=4))
    assert entered(Desk(settings(fixed))) == (4, {reasons.MAX_OPEN_LOTS})


def test_carried_leg_takes_no_entry_before_the_days_file_is_there() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    pass_night(desk)
    desk.now_ns = ns("09:20", 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    desk.run(5)
    desk.quote(CALL, "100")
    desk.buy(10)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 3)], 3)
    assert reasons.UNKNOWN_INSTRUMENT in desk.reasons()


def test_open_lots_that_cannot_be_counted_stop_entries() -> None:
    desk = Desk(risky(max_open_lots=20))
    desk.buy(10)
    desk.run(3)
    pass_night(desk)
    desk.now_ns = ns("09:20", 3)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    desk.load((instrument(PUT),))
    desk.quote(PUT, "100")
    desk.run(5)
    desk.buy(10, symbol=PUT)
    assert (desk.lots(leg=PUT_LEG), desk.reasons()) == (0, {reasons.MAX_OPEN_LOTS})
