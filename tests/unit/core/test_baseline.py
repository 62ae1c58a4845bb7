"""From which margins a ratio is taken: samples, the debounce of a fall, ages; every limit exactly and one step beside."""

from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Sizing as SizingSettings
from config.schema import SizingMode, Timing
from engine.core import baseline
from engine.core.baseline import KEPT_RUNS, add_sample, freeze_ratios, select_baseline, settle_margins
from engine.core.state import Baseline, Run, Strategy
from engine.core.turn import Turn
from engine.model import Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import START, Desk, S, child, settings, turn_of

Samples = list[tuple[float, float, int]]
"""Stretches of equal samples: first and last second after the start, value."""


def at(seconds: float) -> int:
    return START + round(seconds * S)


def sampled(
    master: Samples, own: Samples | None = None, *, book_s: float = 1000, timing: Timing | None = None
) -> tuple[Turn, Strategy]:
    """A turn whose state has these samples and whose master's book was last read from `book_s` on."""
    desk = Desk(settings(timing=timing or Timing()), warm=False)
    turn = turn_of(desk.state)
    turn.state.samples = {
        account: [Run(first_ns=at(a), last_ns=at(b), value_inr=Decimal(value)) for a, b, value in rows]
        for account, rows in (("M", master), ("C1", master if own is None else own))
    }
    turn.state.master.book_began_ns = at(book_s)
    return turn, turn.strategy("ACCOUNT")


def chosen(turn: Turn, strategy: Strategy, placed_s: float) -> tuple[int | None, int | None]:
    """(master, C1) of the baseline of an order placed at `placed_s`."""
    found = select_baseline(turn, strategy, at(placed_s))
    own = found.children_inr.get("C1")
    return None if found.master_inr is None else int(found.master_inr), None if own is None else int(own)


LEAD = [
    ("a sample exactly 1 s before counts", 10.0, 200),
    ("a sample less than 1 s before does not", 9.999, 100),
    ("much later", 12.0, 200),
]


@pytest.mark.parametrize(("what", "placed_s", "value"), LEAD, ids=[row[0] for row in LEAD])
def test_sample_must_be_a_second_older_than_the_order(what: str, placed_s: float, value: int) -> None:
    turn, strategy = sampled([(0, 8, 100), (9, 20, 200)])
    assert chosen(turn, strategy, placed_s) == (value, value), what


def test_no_sample_before_the_order_gives_a_reason_and_no_baseline() -> None:
    turn, strategy = sampled([(5, 9, 100)])
    found = select_baseline(turn, strategy, at(5.5), "M1")
    assert (found.master_inr, found.children_inr, found.order_id) == (None, {}, "M1")
    assert set(found.reasons) == {"", "C1"}


FALLS = [
    ("a fall of exactly 1 % counts at once", 10_000, 9_900, 15.0, 9_900),
    ("a fall of a rupee more is held", 10_000, 9_899, 15.0, 10_000),
    ("a held fall just before the hold is over", 10_000, 5_000, 19.999, 10_000),
    ("a fall exactly margin_hold_s old counts", 10_000, 5_000, 20.0, 5_000),
    ("a rise counts at once", 5_000, 10_000, 11.0, 10_000),
]


@pytest.mark.parametrize(("what", "before", "after", "placed_s", "value"), FALLS, ids=[row[0] for row in FALLS])
def test_debounce_of_a_fall(what: str, before: int, after: int, placed_s: float, value: int) -> None:
    turn, strategy = sampled([(0, 9, before), (10, 25, after)], [(0, 25, 300)])
    assert chosen(turn, strategy, placed_s) == (value, 300), what


@pytest.mark.parametrize(
    ("what", "book_s", "value"),
    [
        ("no read of the book began after the fall", 9.999, 10_000),
        ("a read that began exactly with the fall", 10.0, 5_000),
        ("a read that began later", 10.5, 5_000),
    ],
)
def test_fall_is_held_until_a_later_read_of_the_book(what: str, book_s: float, value: int) -> None:
    turn, strategy = sampled([(0, 9, 10_000), (10, 60, 5_000)], [(0, 60, 300)], book_s=book_s)
    assert chosen(turn, strategy, 50)[0] == value, what


def test_two_steps_of_a_fall_within_the_hold_keep_the_value_before_both() -> None:
    turn, strategy = sampled([(0, 9, 10_000), (10, 11, 9_950), (12, 25, 5_000)])
    assert chosen(turn, strategy, 15)[0] == 10_000


def test_fall_and_full_return_within_the_hold_is_no_fall() -> None:
    turn, strategy = sampled([(0, 9, 10_000), (10, 11, 5_000), (12, 25, 10_000)])
    found = select_baseline(turn, strategy, at(15))
    assert (found.master_inr, found.at_ns) == (Decimal(10_000), at(14))


@pytest.mark.parametrize(
    ("what", "own", "value"),
    [
        ("it fell too", [(0, 9, 500), (10, 25, 300)], 300),
        ("it rose", [(0, 9, 300), (10, 25, 500)], 300),
        ("it has no older sample", [(12, 25, 500)], 500),
    ],
)
def test_smaller_child_value_is_used_while_a_fall_is_held(what: str, own: Samples, value: int) -> None:
    turn, strategy = sampled([(0, 9, 10_000), (10, 25, 5_000)], own)
    assert chosen(turn, strategy, 15) == (10_000, value), what


def test_child_sample_without_a_held_fall_is_the_newest() -> None:
    turn, strategy = sampled([(0, 25, 10_000)], [(0, 9, 300), (10, 25, 500)])
    assert chosen(turn, strategy, 15) == (10_000, 500)


@pytest.mark.parametrize(("what", "late_ns", "fresh"), [("exactly margin_stale_s old", 0, True), ("older", 1, False)])
def test_sample_is_stale_beyond_margin_stale_s(what: str, late_ns: int, fresh: bool) -> None:
    turn, strategy = sampled([(0, 9, 10_000)], [(0, 9, 300)])
    found = select_baseline(turn, strategy, at(69) + late_ns)
    assert (found.master_inr is not None) is fresh, what
    assert ("C1" in found.children_inr) is fresh, what


def test_stale_child_is_left_out_and_the_master_is_not() -> None:
    turn, strategy = sampled([(0, 100, 10_000)], [(0, 9, 300)])
    found = select_baseline(turn, strategy, at(90))
    assert found.master_inr == 10_000
    assert found.reasons == {"C1": "margin stale"}


@pytest.mark.parametrize("value", [0, -1])
def test_margin_that_is_not_positive_is_none(value: int) -> None:
    turn, strategy = sampled([(0, 20, value)])
    found = select_baseline(turn, strategy, at(10))
    assert (found.master_inr, found.children_inr) == (None, {})
    assert set(found.reasons) == {"", "C1"}


def test_sample_from_before_the_scope_was_quiet_does_not_count() -> None:
    turn, strategy = sampled([(0, 9, 100), (10, 20, 200)])
    strategy.quiet_since_ns = at(15)
    assert chosen(turn, strategy, 12) == (200, 200)
    strategy.quiet_since_ns = at(20.5)
    assert chosen(turn, strategy, 30) == (None, None)


def test_equal_samples_are_one_stretch_and_a_gap_ends_it() -> None:
    desk = Desk(warm=False)
    turn = turn_of(desk.state)
    turn.state.samples = {}
    for seconds in (1, 2, 3, 6, 9.5):
        turn.now_ns = at(seconds)
        add_sample(turn, "M", Decimal(100))
    found = [((r.first_ns - START) / S, (r.last_ns - START) / S) for r in turn.state.samples["M"]]
    assert found == [(1, 6), (9.5, 9.5)]


def test_stretch_has_what_was_used_at_its_newest_sample() -> None:
    desk = Desk(warm=False)
    turn = turn_of(desk.state)
    turn.state.samples = {}
    for seconds, used in ((1, Decimal(5)), (2, Decimal(7)), (3, None)):
        turn.now_ns = at(seconds)
        add_sample(turn, "M", Decimal(100), used)
        (run,) = turn.state.samples["M"]
        assert run.used_inr == used


def test_baseline_has_what_was_used_beside_each_margin_where_the_broker_says_it() -> None:
    turn, strategy = sampled([(0, 20, 100)])
    turn.state.samples["M"][0].used_inr = Decimal(40)
    assert select_baseline(turn, strategy, at(12)).used_inr == {"": Decimal(40)}
    turn.state.samples["M"][0].used_inr, turn.state.samples["C1"][0].used_inr = None, Decimal(0)
    assert select_baseline(turn, strategy, at(12)).used_inr == {"C1": Decimal(0)}


@pytest.mark.parametrize(("before", "after", "used"), [(300, 200, 2), (200, 300, 1), (200, 200, 2)])
def test_used_is_of_the_sample_that_counts_while_a_fall_is_held(before: int, after: int, used: int) -> None:
    turn, strategy = sampled([(0, 9, 1000), (10, 25, 500)], [(0, 9, before), (10, 25, after)])
    for account in ("M", "C1"):
        for number, run in enumerate(turn.state.samples[account], start=1):
            run.used_inr = Decimal(number)
    found = select_baseline(turn, strategy, at(15))
    assert found.used_inr == {"": Decimal(1), "C1": Decimal(used)}
    assert found.children_inr == {"C1": Decimal(200)}


@pytest.mark.parametrize("value", [0, -1])
def test_margin_that_is_none_has_nothing_beside_it(value: int) -> None:
    turn, strategy = sampled([(0, 20, 100)], [(0, 20, value)])
    turn.state.samples["C1"][0].used_inr = Decimal(3)
    assert select_baseline(turn, strategy, at(12)).used_inr == {}


def test_number_of_stretches_is_bounded() -> None:
    desk = Desk(warm=False)
    turn = turn_of(desk.state)
    for i in range(KEPT_RUNS + 10):
        turn.now_ns = at(i)
        add_sample(turn, "M", Decimal(i))
    runs = turn.state.samples["M"]
    assert len(runs) == KEPT_RUNS
    assert runs[-1].value_inr == KEPT_RUNS + 9


SETTLE = [
    ("two equal ones exactly margin_hold_s after the last fill", [(10, 100), (11, 100)], True),
    ("the first of two is too early", [(9.999, 100), (11, 100)], False),
    ("only one", [(20, 100)], False),
    ("exactly 1 % more", [(10, 10_000), (11, 10_100)], True),
    ("exactly 1 % less", [(10, 10_000), (11, 9_900)], True),
    ("more than 1 % more", [(10, 10_000), (11, 10_101)], False),
    ("more than 1 % less", [(10, 10_000), (11, 9_899)], False),
    ("a third that agrees with the second", [(10, 10_000), (11, 5_000), (12, 5_000)], True),
    ("a third that agrees with the first only", [(10, 10_000), (11, 5_000), (12, 10_000)], False),
]


@pytest.mark.parametrize(("what", "values", "settled"), SETTLE, ids=[row[0] for row in SETTLE])
def test_margins_settle_when_two_samples_agree(what: str, values: list[tuple[float, int]], settled: bool) -> None:
    desk = Desk(warm=False)
    turn = turn_of(desk.state)
    strategy = turn.strategy("ACCOUNT")
    strategy.settled, strategy.last_fill_ns = False, START
    strategy.ratios = {"C1": Fraction(3, 10)}
    for seconds, value in values:
        turn.now_ns = at(seconds)
        settle_margins(turn, strategy, Decimal(value))
    assert strategy.settled is settled, what
    assert bool(strategy.ratios) is not settled, "the ratio is cleared when, and only when, samples count again"


def base(master: int | None = 1_000_000, **children: int) -> Baseline:
    return Baseline(
        at_ns=START,
        master_inr=None if master is None else Decimal(master),
        children_inr={id_: Decimal(value) for id_, value in children.items()},
        reasons={} if master is not None else {"": "stale"},
    )


def frozen(desk: Desk, found: Baseline) -> Strategy:
    strategy = Strategy(scope="ACCOUNT")
    freeze_ratios(turn_of(desk.state), strategy, found)
    return strategy


def test_ratios_are_exact_and_capped() -> None:
    desk = Desk(
        settings(
            child("C1"),
            child("C2", max_capital_inr=Decimal(500_000)),
            child("C3", max_ratio=Fraction(1, 10)),
            child("C4"),
        )
    )
    strategy = frozen(desk, base(3_500_000, C1=1_050_000, C2=1_000_000, C3=1_000_000, C4=9_000_000))
    assert strategy.ratios == {"C1": Fraction(3, 10), "C2": Fraction(1, 7), "C3": Fraction(1, 10), "C4": Fraction(1)}


def test_child_without_margin_is_left_out_and_the_others_are_not() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    strategy = frozen(desk, base(C2=300_000))
    assert strategy.ratios == {"C2": Fraction(3, 10)}
    assert set(strategy.left_out) == {"C1"}


def test_without_the_masters_margin_nobody_has_a_ratio() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    strategy = frozen(desk, base(None, C1=300_000, C2=300_000))
    assert strategy.ratios == {}
    assert set(strategy.left_out) == {"C1", "C2"}


@pytest.mark.parametrize("cap", [0, -1])
def test_cap_that_is_not_positive_leaves_the_child_out(cap: int) -> None:
    strategy = frozen(Desk(settings(child(max_capital_inr=Decimal(cap)))), base(C1=300_000))
    assert (strategy.ratios, list(strategy.left_out)) == ({}, ["C1"])


@pytest.mark.parametrize(
    ("sizing", "ratio"),
    [
        (SizingSettings(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)), Fraction(1, 2)),
        (SizingSettings(mode=SizingMode.FIXED_RATIO, ratio=Fraction(3)), Fraction(1)),
        (SizingSettings(mode=SizingMode.FIXED_LOTS, lots=2), None),
        (SizingSettings(mode=SizingMode.LIVE_RATIO), None),
        (SizingSettings(mode=SizingMode.RISK_PCT, pct=Decimal(2)), None),
    ],
)
def test_other_sizing_modes_need_no_margin(sizing: SizingSettings, ratio: Fraction | None) -> None:
    strategy = frozen(Desk(settings(child(sizing=sizing))), base(None))
    assert strategy.ratios.get("C1") == ratio
    assert strategy.left_out == {}


def test_working_order_pins_the_baseline_of_its_placing() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10, filled=0, id_="M1")
    desk.books["M"].available_inr = Decimal(400_000)
    desk.run(60)
    desk.master(Side.BUY, 10, id_="M1", placed_s=60)
    desk.run(1)
    assert desk.strategy().ratios == {"C1": Fraction(3, 10)}


def test_pinned_baseline_of_yesterday_is_not_used_today() -> None:
    """His order ended unseen over night; no margin of yesterday may size a strategy of today."""
    desk = Desk()
    desk.master(Side.BUY, 10, filled=0, id_="M1")
    desk.run(5)
    desk.books["M"].orders.clear()
    desk.books["M"].available_inr = Decimal(2_000_000)
    desk.now_ns += 24 * 3600 * S
    desk.restart(day=3)
    desk.quote("NIFTY26NOV24500CE", "100")
    desk.run(5)
    desk.buy(10)
    assert desk.strategy().state is StrategyState.ACTIVE
    assert desk.strategy().ratios == {"C1": Fraction(3, 20)}


def test_lead_is_one_second() -> None:
    assert baseline.MIN_LEAD_NS == S


def test_of_two_falls_the_larger_older_value_is_kept() -> None:
    turn, strategy = sampled([(0, 50, 900_000), (51, 52, 1_200_000), (53, 54, 800_000)], book_s=0)
    assert chosen(turn, strategy, 56) == (1_200_000, 800_000)
