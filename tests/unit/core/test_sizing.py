"""The target of a leg: every move as a row of a table, and what no order or number of steps can change."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.sizing import (
    Move,
    Plan,
    SizingRule,
    affordable_lots,
    by_lots,
    by_ratio,
    capped_ratio,
    decide_target,
    missed,
    move_of,
    residue,
)

LOT = 65
THREE_TENTHS = by_ratio(Fraction(3, 10), LOT)


def plan(high: int, base: int, target: int, decided: int, sign: int = 1) -> Plan:
    """A plan in lots: B, C, T and the master's holding at the last decision."""
    return Plan(
        sign=sign, high_units=high * LOT, base_units=base * LOT, target_units=target * LOT, decided_units=decided * LOT
    )


def in_lots(result: Plan) -> tuple[int, int, int, int, int]:
    """(sign, B, C, T, decided) of a plan in lots."""
    return (
        result.sign,
        result.high_units // LOT,
        result.base_units // LOT,
        result.target_units // LOT,
        result.decided_units // LOT,
    )


def decide(before: Plan, lots: int, rule: SizingRule | None = None, *, round_up: bool = False) -> Plan:
    return decide_target(before, lots * LOT, LOT, rule or SizingRule(lots_for=THREE_TENTHS), round_up=round_up)


EMPTY = Plan()
MOVES = [
    ("first lots, long", EMPTY, 10, False, (1, 10, 3, 3, 10)),
    ("first lots, short", EMPTY, -10, False, (-1, 10, 3, 3, 10)),
    ("first lots below one lot", EMPTY, 3, False, (1, 3, 0, 0, 3)),
    ("new high, nothing missed", plan(10, 3, 3, 10), 17, False, (1, 17, 5, 5, 17)),
    ("new high after everything was missed", plan(10, 0, 0, 10), 20, False, (1, 20, 3, 3, 20)),
    ("new high after a part was missed", plan(20, 3, 3, 20), 30, False, (1, 30, 6, 6, 30)),
    ("new high from a fallen holding", plan(10, 3, 1, 5), 20, False, (1, 20, 6, 6, 20)),
    ("fall", plan(10, 3, 3, 10), 5, False, (1, 10, 3, 1, 5)),
    ("fall of a short", plan(10, 3, 3, 10, -1), -5, False, (-1, 10, 3, 1, 5)),
    ("fall to the exact share", plan(10, 5, 5, 10), 4, False, (1, 10, 5, 2, 4)),
    ("fall of a hedge rounds up", plan(10, 3, 3, 10), 5, True, (1, 10, 3, 2, 5)),
    ("fall of a hedge, exact share", plan(10, 5, 5, 10), 4, True, (1, 10, 5, 2, 4)),
    ("fall of a hedge rounds up to C at most", plan(10, 1, 1, 10), 9, True, (1, 10, 1, 1, 9)),
    ("fall never raises a target lowered before", plan(10, 9, 2, 10), 9, False, (1, 10, 9, 2, 9)),
    ("fall of a leg with nothing", plan(10, 0, 0, 10), 5, False, (1, 10, 0, 0, 5)),
    ("rise again, C is the rounded share of B", plan(10, 3, 0, 2), 7, False, (1, 10, 3, 2, 7)),
    ("rise again up to B, C is the rounded share of B", plan(10, 3, 0, 2), 10, False, (1, 10, 3, 3, 10)),
    ("rise again, C is less: in proportion", plan(10, 2, 0, 2), 7, False, (1, 10, 2, 1, 7)),
    ("rise again never lowers a hedge rounded up", plan(10, 3, 2, 4), 5, False, (1, 10, 3, 2, 5)),
    ("out", plan(10, 3, 3, 10), 0, False, (1, 0, 0, 0, 0)),
    ("out of a hedge is out, whatever the rounding", plan(10, 3, 3, 10), 0, True, (1, 0, 0, 0, 0)),
    ("across zero is an exit first", plan(10, 3, 3, 10), -10, False, (1, 0, 0, 0, 0)),
    ("across zero from short", plan(10, 3, 3, 10, -1), 4, False, (-1, 0, 0, 0, 0)),
    ("no move", plan(10, 3, 2, 10), 10, False, (1, 10, 3, 2, 10)),
]


@pytest.mark.parametrize(("what", "before", "master", "round_up", "after"), MOVES, ids=[row[0] for row in MOVES])
def test_every_move_gives_its_plan(
    what: str, before: Plan, master: int, round_up: bool, after: tuple[int, int, int, int, int]
) -> None:
    assert in_lots(decide(before, master, round_up=round_up)) == after, what


@pytest.mark.parametrize(
    ("what", "before", "units", "move"),
    [
        ("nothing and nothing", EMPTY, 0, Move.NONE),
        ("nothing to long", EMPTY, 65, Move.RISE),
        ("nothing to short", EMPTY, -65, Move.RISE),
        ("the same", plan(2, 1, 1, 2), 130, Move.NONE),
        ("one unit more", plan(2, 1, 1, 2), 131, Move.RISE),
        ("one unit less", plan(2, 1, 1, 2), 129, Move.FALL),
        ("out", plan(2, 1, 1, 2), 0, Move.OUT),
        ("other side", plan(2, 1, 1, 2), -1, Move.OUT),
        ("an exit before the entry the other way", Plan(sign=1), 0, Move.OUT),
    ],
)
def test_move_is_told_by_side_and_size(what: str, before: Plan, units: int, move: Move) -> None:
    assert move_of(before, units) is move, what


def test_child_without_entries_keeps_its_target_on_a_rise() -> None:
    none = SizingRule(lots_for=None)
    assert in_lots(decide(plan(10, 3, 3, 10), 20, none)) == (1, 20, 3, 3, 20)
    assert in_lots(decide(plan(10, 3, 1, 5), 8, none)) == (1, 10, 3, 1, 8)
    assert in_lots(decide(EMPTY, 10, none)) == (1, 10, 0, 0, 10)


def test_mode_that_does_not_enter_again_keeps_its_target_below_the_high() -> None:
    fixed = SizingRule(lots_for=by_lots(2), re_enters=False)
    first = decide(EMPTY, 5, fixed)
    assert in_lots(first) == (1, 5, 2, 2, 5)
    assert in_lots(decide(first, 10, fixed)) == (1, 10, 2, 2, 10)
    fallen = decide(decide(first, 10, fixed), 5, fixed)
    assert in_lots(fallen) == (1, 10, 2, 1, 5)
    assert in_lots(decide(fallen, 10, fixed)) == (1, 10, 2, 1, 10)


def test_smaller_live_ratio_adds_little_and_sells_nothing() -> None:
    """3 lots for 10 at 3/10; at 1/10 the next 10 bring 2 - 1 = 1; at a ratio of nearly zero they bring none."""
    before = plan(10, 3, 3, 10)
    assert decide(before, 20, SizingRule(lots_for=by_ratio(Fraction(1, 10), LOT))).target_units == 4 * LOT
    assert decide(before, 20, SizingRule(lots_for=by_ratio(Fraction(1, 1000), LOT))).target_units == 3 * LOT


@pytest.mark.parametrize(
    ("what", "before", "have", "after"),
    [
        ("all missed", plan(10, 3, 3, 10), 0, (1, 10, 0, 0, 10)),
        ("a part missed", plan(20, 6, 6, 20), 4, (1, 20, 4, 4, 20)),
        ("missed after a fall: B is what he holds now", plan(10, 3, 1, 5), 0, (1, 5, 0, 0, 5)),
        ("more committed than wanted keeps the target", plan(10, 3, 1, 5), 2, (1, 5, 2, 1, 5)),
    ],
)
def test_missed_lots_become_the_pair(what: str, before: Plan, have: int, after: tuple[int, ...]) -> None:
    assert in_lots(missed(before, have * LOT)) == after, what


def test_missed_lots_are_not_caught_up_by_the_next_rise() -> None:
    assert in_lots(decide(missed(plan(10, 3, 3, 10), 0), 20)) == (1, 20, 3, 3, 20)


RATIOS = st.fractions(min_value=Fraction(1, 100), max_value=Fraction(2), max_denominator=1000)
HOLDINGS = st.lists(st.integers(min_value=0, max_value=200), min_size=1, max_size=12)


@given(ratio=RATIOS, holdings=HOLDINGS, hedge=st.booleans())
def test_target_is_never_above_the_ratio_times_the_peak(ratio: Fraction, holdings: list[int], hedge: bool) -> None:
    rule = SizingRule(lots_for=by_ratio(ratio, LOT))
    now, peak = EMPTY, 0
    for lots in holdings:
        if move_of(now, lots * LOT) is Move.OUT:
            now, peak = decide(now, lots, rule), 0
            assert now.target_units == 0
            now = EMPTY
            continue
        peak = max(peak, lots)
        now = decide(now, lots, rule, round_up=hedge)
        assert 0 <= now.target_units <= ratio * peak // 1 * LOT
        assert now.target_units <= now.base_units
        assert now.target_units % LOT == 0


@given(ratio=RATIOS, steps=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=10))
def test_rise_in_any_steps_gives_the_target_of_one_step(ratio: Fraction, steps: list[int]) -> None:
    rule = SizingRule(lots_for=by_ratio(ratio, LOT))
    now, total = EMPTY, 0
    for step in steps:
        total += step
        now = decide(now, total, rule)
    assert now == decide(EMPTY, total, rule)
    assert now.target_units == ratio * total // 1 * LOT


@given(
    ratio=RATIOS,
    base=st.integers(min_value=0, max_value=50),
    high=st.integers(min_value=1, max_value=100),
    falls=st.lists(st.integers(min_value=0, max_value=99), min_size=1, max_size=6),
    hedge=st.booleans(),
)
def test_fall_never_raises_a_target(ratio: Fraction, base: int, high: int, falls: list[int], hedge: bool) -> None:
    rule = SizingRule(lots_for=by_ratio(ratio, LOT))
    now = plan(high, base, base, high)
    for lots in sorted((lots for lots in falls if 0 < lots < high), reverse=True):
        after = decide(now, lots, rule, round_up=hedge)
        assert after.target_units <= now.target_units
        now = after


@given(
    ratio=RATIOS, master_lot=st.integers(1, 100), lots=st.integers(min_value=0, max_value=300), lot=st.integers(1, 100)
)
def test_ratio_takes_whole_lots_below_the_exact_share(ratio: Fraction, master_lot: int, lots: int, lot: int) -> None:
    units = master_lot * lots
    taken = by_ratio(ratio, lot)(units)
    assert taken * lot <= ratio * units < (taken + 1) * lot
    assert residue(ratio, -units, lot) == ratio * Fraction(units, lot) - taken


def test_ratio_is_exact_where_floats_are_not() -> None:
    assert by_ratio(Fraction(29, 100), 1)(100) == 29


def test_fixed_lots_come_with_the_first_unit() -> None:
    assert [by_lots(2)(units) for units in (0, 1, 65, 6500)] == [0, 2, 2, 2]


@pytest.mark.parametrize(
    ("what", "budget", "high", "size", "lots"),
    [
        ("as many as it pays for", 20_000, 0, 10, 3),
        ("exactly three", 18_000, 0, 10, 3),
        ("a rupee short of three", 17_999, 0, 10, 2),
        ("never more than the master's own", 20_000, 0, 2, 2),
        ("only beyond the old high", 20_000, 10, 20, 3),
        ("no more than is beyond the old high", 20_000, 10, 12, 2),
        ("nothing for nothing", 20_000, 0, 0, 0),
        ("a budget below one lot", 5_999, 0, 10, 0),
    ],
)
def test_risk_budget_pays_for_added_lots(what: str, budget: int, high: int, size: int, lots: int) -> None:
    most = affordable_lots(Decimal(budget), Decimal(6000))
    rule = SizingRule(lots_for=by_ratio(Fraction(1), LOT), most_lots=most)
    assert rule.added_lots(high * LOT, size * LOT) == lots, what


def test_risk_budget_bounds_a_rise_after_a_partial_exit_too() -> None:
    """What it does not pay for is missed: a further rise brings no more than its own part."""
    rule = SizingRule(lots_for=by_ratio(Fraction(1), LOT), most_lots=2)
    before = Plan(sign=1, high_units=10 * LOT, base_units=8 * LOT, target_units=1 * LOT, decided_units=1 * LOT)
    after = decide(before, 9, rule)
    assert (after.target_units, after.high_units, after.base_units) == (3 * LOT, 9 * LOT, 3 * LOT)
    assert decide(after, 10, rule).target_units == 4 * LOT


@pytest.mark.parametrize(
    ("what", "available", "cap", "baseline", "most", "ratio"),
    [
        ("exact thirds", "300000", None, "900000", 1, Fraction(1, 3)),
        ("capped by capital", "1000000", "500000", "2000000", 1, Fraction(1, 4)),
        ("a cap above the margin does nothing", "300000", "900000", "900000", 1, Fraction(1, 3)),
        ("at most one", "2000000", None, "1000000", 1, Fraction(1)),
        ("more when allowed", "2000000", None, "1000000", 3, Fraction(2)),
        ("paise count", "0.01", None, "3.00", 1, Fraction(1, 300)),
    ],
)
def test_ratio_is_capital_over_baseline(
    what: str, available: str, cap: str | None, baseline: str, most: int, ratio: Fraction
) -> None:
    cap_inr = None if cap is None else Decimal(cap)
    assert capped_ratio(Decimal(available), cap_inr, Decimal(baseline), Fraction(most)) == ratio, what
