"""How far the capital has moved that ratios were taken from: only what would change a ratio, and nothing that is not known."""

from decimal import Decimal
from fractions import Fraction

import pytest
from msgspec.structs import replace

from config.schema import Sizing, SizingMode, StrategyScope
from engine.events import BackgroundAdopted, ChildJoined, MaxCapitalSet, PromptAnswered
from engine.model import Funds
from engine.snapshot import ChildScope, StrategyState, StrategyView
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, LOT, Book, Desk, child, settings

FIXED = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2))
LIVE = Sizing(mode=SizingMode.LIVE_RATIO)


def funds(desk: Desk, account: str, available: int, used: int | None) -> None:
    book = desk.books[account]
    book.available_inr, book.used_inr = Decimal(available), None if used is None else Decimal(used)


def started(desk: Desk, used: int | None = 0, masters: int | None = 0) -> Desk:
    """A strategy began while the brokers said that so much was used already."""
    for account, book in desk.books.items():
        book.used_inr = None if (at := masters if account == "M" else used) is None else Decimal(at)
    desk.run(3)
    desk.buy(10)
    return desk


def later(desk: Desk, available: int, used: int | None, account: str = "C1") -> ChildScope:
    """C1's part in the strategy after an account was read anew."""
    funds(desk, account, available, used)
    desk.run(30)
    return part(desk)


def part(desk: Desk, account: str = "C1") -> ChildScope:
    columns = build_snapshot(desk.state, desk.now_ns, Frame()).children
    return next(column for column in columns if column.id == account).scopes[0]


def line(desk: Desk) -> StrategyView:
    return build_snapshot(desk.state, desk.now_ns, Frame()).strategies[0]


def now(found: ChildScope) -> tuple[object, object]:
    return found.capital_now_inr, found.moved


MOVED = [
    ("margin is blocked for ours", 50_000, 250_000, 300_000, "0"),
    ("he pays in while margin is blocked", 110_000, 250_000, 360_000, "0.2"),
    ("he takes out", 10_000, 200_000, 210_000, "-0.3"),
    ("everything is gone", 0, 0, 0, "-1"),
    ("he owes", -50_000, 20_000, -30_000, "-1.1"),
]


@pytest.mark.parametrize(("what", "available", "used", "capital", "moved"), MOVED, ids=[row[0] for row in MOVED])
def test_capital_is_what_is_available_and_used(what: str, available: int, used: int, capital: int, moved: str) -> None:
    found = later(started(Desk()), available, used)
    assert now(found) == (capital, Decimal(moved)), what
    assert (found.ratio, found.capital_inr) == (Fraction(3, 10), Decimal(300_000))


CAPS = [
    ("both beyond it", 1_700_000, 1_200_000, 500_000, "0"),
    ("up to it", 400_000, 1_200_000, 500_000, "0.25"),
    ("below it", 1_700_000, 300_000, 300_000, "-0.4"),
]


@pytest.mark.parametrize(("what", "then", "is_now", "capital", "moved"), CAPS, ids=[row[0] for row in CAPS])
def test_beyond_the_cap_nothing_moves_the_ratio(what: str, then: int, is_now: int, capital: int, moved: str) -> None:
    capped = settings(child(max_capital_inr=Decimal(500_000)))
    desk = started(Desk(capped, margins={"M": 3_500_000, "C1": then}))
    assert now(later(desk, 0, is_now)) == (capital, Decimal(moved)), what


def test_beyond_the_largest_ratio_nothing_moves_it() -> None:
    desk = started(Desk(margins={"C1": 2_000_000}))
    assert now(later(desk, 1_900_000, 1_000_000)) == (1_000_000, Decimal(0))
    assert now(later(desk, 300_000, 450_000)) == (750_000, Decimal("-0.25"))


def test_cap_that_takes_everything_has_nothing_to_compare_with() -> None:
    desk = started(Desk())
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(0)))
    assert now(later(desk, 50_000, 250_000)) == (None, None)


UNKNOWN = [
    ("the broker never says what is used", None, None),
    ("it did not when the ratio was taken", None, 250_000),
    ("it does not any more", 0, None),
]


@pytest.mark.parametrize(("what", "then", "is_now"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_what_the_broker_does_not_say_is_unknown(what: str, then: int | None, is_now: int | None) -> None:
    desk = started(Desk(), then, then)
    assert now(later(desk, 1_000, is_now)) == (None, None), what
    later(desk, 1_000, is_now, "M")
    assert line(desk).baseline_moved is None


def test_account_that_was_not_read_since_the_start_is_unknown() -> None:
    desk = started(Desk())
    desk.child().available_inr = desk.child().used_inr = None
    assert now(part(desk)) == (None, None)


OWN = [
    ("it is still blocked", 50_000, 450_000, 300_000, "0"),
    ("his own position is closed", 250_000, 250_000, 300_000, "0"),
    ("what the day had lost is booked", 50_000, 250_000, 300_000, "0"),
    ("he pays in", 200_000, 450_000, 450_000, "0.5"),
    ("he takes out", 0, 240_000, 240_000, "-0.2"),
]


@pytest.mark.parametrize(("what", "available", "used", "capital", "moved"), OWN, ids=[row[0] for row in OWN])
def test_what_was_used_before_the_strategy_is_no_movement(
    what: str, available: int, used: int, capital: int, moved: str
) -> None:
    desk = started(Desk(), 200_000)
    assert now(part(desk)) == (300_000, Decimal(0)), "at once"
    assert now(later(desk, available, used)) == (capital, Decimal(moved)), what


def test_what_the_day_had_made_before_the_strategy_is_no_movement() -> None:
    """Kite's debits are below zero then; over the night it is cash."""
    desk = started(Desk(), -100_000)
    assert now(later(desk, 50_000, 150_000)) == (300_000, Decimal(0)), "on the same day"
    assert now(later(desk, 300_000, 0)) == (300_000, Decimal(0)), "on the next"
    assert now(later(desk, 110_000, 0)) == (210_000, Decimal("-0.3")), "of what it may be, the least"


@pytest.mark.parametrize("sizing", [FIXED, LIVE])
def test_ratio_that_is_not_from_margins_has_no_movement(sizing: Sizing) -> None:
    desk = started(Desk(settings(child(sizing=sizing))))
    assert now(later(desk, 1_000, 0)) == (None, None)


def test_child_that_is_not_configured_any_more_has_no_movement() -> None:
    desk = started(Desk(settings(child(), child("C2"))))
    desk.restart(with_settings=settings(child("C2")))
    desk.run(3)
    assert now(part(desk)) == (None, None)


def test_child_that_is_left_out_has_no_movement() -> None:
    desk = started(Desk(margins={"C1": 0}))
    assert now(later(desk, 300_000, 0)) == (None, None)


def joined(desk: Desk, account: str) -> Desk:
    desk.handle(ChildJoined(at_ns=desk.now_ns, child=account))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    return desk


def test_child_that_joined_is_measured_by_what_its_broker_said_then() -> None:
    desk = started(Desk(margins={"C1": 0}))
    later(desk, 300_000, 20_000)
    joined(desk, "C1")
    assert now(later(desk, 30_000, 290_000)) == (300_000, Decimal(0))
    assert now(later(desk, 30_000, 390_000)) == (400_000, Decimal(1) / 3)


def test_child_that_was_configured_later_is_measured_by_what_its_broker_said_when_it_joined() -> None:
    desk = started(Desk())
    desk.books["C2"] = Book(available_inr=Decimal(200_000), used_inr=Decimal(0))
    desk.restart(with_settings=settings(child(), child("C2")))
    desk.run(3)
    joined(desk, "C2")
    later(desk, 0, 100_000, "C2")
    assert now(part(desk, "C2")) == (100_000, Decimal("-0.5"))


def test_strategy_that_was_adopted_is_measured_by_the_margins_of_the_question() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    funds(desk, "M", 1_000_000, 400_000)
    funds(desk, "C1", 300_000, 0)
    desk.run(3)
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL_LEG.split(":")[1]))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    assert now(later(desk, 60_000, 300_000)) == (360_000, Decimal("0.2"))
    assert line(desk).baseline_moved == 0


def test_strategy_that_is_carried_on_after_a_restart_keeps_what_it_is_measured_by() -> None:
    desk = started(Desk(), 10_000)
    later(desk, 100_000, 250_000)
    desk.restart()
    assert now(part(desk)) == (340_000, Decimal(40_000) / 300_000)


def test_margins_of_before_that_lack_what_was_used_are_unknown() -> None:
    desk = started(Desk())
    baseline = desk.strategy().baseline
    assert baseline is not None
    baseline.used_inr = {}
    assert now(later(desk, 900_000, 0)) == (None, None)
    assert line(desk).baseline_moved is None


MASTERS = [
    ("margin is blocked for his strategy", 200_000, 800_000, "0"),
    ("he pays in", 500_000, 800_000, "0.3"),
    ("he takes out", 200_000, 550_000, "-0.25"),
]


@pytest.mark.parametrize(("what", "available", "used", "moved"), MASTERS, ids=[row[0] for row in MASTERS])
def test_masters_capital_is_told_of_the_strategy_and_not_of_each_child(
    what: str, available: int, used: int, moved: str
) -> None:
    desk = started(Desk())
    found = later(desk, available, used, "M")
    assert line(desk).baseline_moved == Decimal(moved), what
    assert found.moved == 0


def test_masters_background_is_no_movement() -> None:
    desk = started(Desk(background={CALL_LEG: 10 * LOT}), masters=400_000)
    later(desk, 200_000, 1_200_000, "M")
    assert line(desk).baseline_moved == 0


def test_master_without_a_baseline_has_no_movement() -> None:
    desk = started(Desk(margins={"M": 0}))
    later(desk, 900_000, 0, "M")
    assert line(desk).baseline_moved is None


def test_strategy_that_is_over_has_no_movement() -> None:
    desk = started(Desk())
    desk.sell(10)
    desk.run(3)
    later(desk, 2_000_000, 0, "M")
    found = line(desk)
    assert (found.state, found.baseline_moved) == (StrategyState.FLAT, None)


def test_every_strategy_has_its_own_measure() -> None:
    desk = started(Desk(settings(strategy_scope=StrategyScope.UNDERLYING)))
    strategy = desk.state.strategies["NIFTY"]
    assert strategy.baseline is not None
    other = replace(
        strategy, scope="BANKNIFTY", baseline=replace(strategy.baseline, children_inr={"C1": Decimal(200_000)})
    )
    desk.state.strategies["BANKNIFTY"] = other
    later(desk, 50_000, 250_000)
    column = build_snapshot(desk.state, desk.now_ns, Frame()).children[0]
    assert [scope.moved for scope in column.scopes] == [0, Decimal("0.5")]
    assert column.capital_now_inr == 300_000
    strategy.baseline.joined["C1"] = Funds(available_inr=Decimal(100_000), used_inr=Decimal(50_000))
    assert part(desk).capital_now_inr == 250_000


# --- the next ratio -----------------------------------------------------------------------------------------------


def next_ratio(desk: Desk, cap: int | None = None) -> Fraction | None:
    """What is told of the ratio that a strategy would freeze now with this cap."""
    column = build_snapshot(desk.state, desk.now_ns, Frame()).children[0]
    assert column.next_ratio is not None
    return column.next_ratio.capped(None if cap is None else Decimal(cap))


@pytest.mark.parametrize("cap", [None, 200_000, 100_000, 900_000, 0])
def test_ratio_that_a_strategy_would_freeze_is_the_one_that_it_freezes(cap: int | None) -> None:
    desk = Desk()
    desk.run(30)
    if cap is not None:
        desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(cap)))
    told = next_ratio(desk, cap)
    desk.buy(10)
    assert told == desk.strategy().ratios.get("C1")


def test_while_a_strategy_runs_the_next_ratio_is_of_what_would_be_available_without_it() -> None:
    desk = started(Desk())
    funds(desk, "C1", 110_000, 250_000)  # he pays in while margin is blocked
    funds(desk, "M", 100_000, 900_000)
    desk.run(30)
    assert (next_ratio(desk), next_ratio(desk, 200_000)) == (Fraction(36, 100), Fraction(2, 10))


def test_next_ratio_is_unknown_while_a_strategy_of_another_underlying_runs() -> None:
    desk = started(Desk(replace(settings(), strategy_scope=StrategyScope.UNDERLYING)))
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children[0].next_ratio is None


@pytest.mark.parametrize("account", ["C1", "M"])
def test_next_ratio_is_unknown_where_the_broker_does_not_say_what_is_used(account: str) -> None:
    desk = started(Desk())
    funds(desk, account, 110_000, None)
    desk.run(30)
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children[0].next_ratio is None


@pytest.mark.parametrize("sizing", [FIXED, LIVE])
def test_ratio_that_is_not_frozen_has_no_next_one(sizing: Sizing) -> None:
    desk = Desk(settings(child(sizing=sizing)))
    desk.run(30)
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children[0].next_ratio is None


def test_next_ratio_is_unknown_before_the_first_margins_and_without_money() -> None:
    desk = Desk(silent=("M",))
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children[0].next_ratio is None
    desk = Desk()
    funds(desk, "C1", 0, 0)
    desk.run(30)
    assert build_snapshot(desk.state, desk.now_ns, Frame()).children[0].next_ratio is None
