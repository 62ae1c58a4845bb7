"""A child leg's plan in the state: missed lots, hedges, and when a leg starts anew."""

import pytest

from engine.core.lifecycle import OrderState
from engine.core.plans import close_if_done, is_hedge, note_missed, plan_of, store_plan
from engine.core.sizing import Plan
from engine.core.state_child import ChildLeg
from engine.model import LegId
from tests.unit.core.builders import CALL_LEG, FUT_LEG, HEDGE_LEG, LOT, PUT_LEG, Desk, turn_of


def leg(leg_id: LegId = CALL_LEG, *, sign: int = 0, **lots: int) -> ChildLeg:
    """A leg from lots by field."""
    made = ChildLeg(leg=leg_id, sign=sign)
    for name, value in lots.items():
        setattr(made, f"{name}_units", value * LOT)
    return made


def test_stored_plan_is_read_back() -> None:
    plan = Plan(sign=-1, high_units=650, base_units=195, target_units=130, decided_units=400)
    record = leg()
    store_plan(record, plan)
    assert plan_of(record) == plan


def test_peak_grows_with_the_plan_and_starts_anew_with_an_empty_one() -> None:
    record = leg()
    for decided in (650, 1300, 650):
        store_plan(record, Plan(sign=1, high_units=1300, decided_units=decided))
    assert record.peak_units == 1300
    store_plan(record, Plan())
    assert record.peak_units == 0


def test_missed_lots_leave_their_reason_and_the_guard() -> None:
    desk = Desk()
    record = leg(sign=1, high=10, base=3, target=3, decided=10, allocation=1)
    desk.child().legs[CALL_LEG] = record
    note_missed(turn_of(desk.state), desk.child(), record, "why")
    assert plan_of(record) == Plan(sign=1, high_units=650, base_units=65, target_units=65, decided_units=650)
    assert (record.skipped, record.lacking, desk.reasons()) == ("why", True, {"why"})


def test_nothing_is_missed_when_the_target_is_committed() -> None:
    desk = Desk()
    record = leg(sign=1, high=10, base=3, target=3, decided=10, allocation=1, awaiting=2)
    before = plan_of(record)
    note_missed(turn_of(desk.state), desk.child(), record, "why")
    assert (plan_of(record), record.skipped, record.lacking, desk.reasons()) == (before, "", False, set())


def test_refusal_does_not_set_the_guard_where_the_policy_goes_on() -> None:
    desk = Desk()
    record = leg(sign=1, high=10, base=3, target=3, decided=10)
    note_missed(turn_of(desk.state), desk.child(), record, "refused", guards=False)
    assert (record.skipped, record.lacking) == ("refused", False)


HEDGES = [
    ("a bought call with a short call open", leg(CALL_LEG, sign=1), leg(HEDGE_LEG, allocation=-1), True),
    ("a bought call with a long call open", leg(CALL_LEG, sign=1), leg(HEDGE_LEG, allocation=1), False),
    ("a bought call with a short put open", leg(CALL_LEG, sign=1), leg(PUT_LEG, allocation=-1), False),
    ("a bought call with a short future open", leg(CALL_LEG, sign=1), leg(FUT_LEG, allocation=-1), False),
    ("a bought future with a short call open", leg(FUT_LEG, sign=1), leg(CALL_LEG, allocation=-1), False),
    ("a sold call with a short call open", leg(CALL_LEG, sign=-1), leg(HEDGE_LEG, allocation=-1), False),
    ("a bought call with a short call closed", leg(CALL_LEG, sign=1), leg(HEDGE_LEG), False),
]


@pytest.mark.parametrize(("what", "own", "other", "hedge"), HEDGES, ids=[row[0] for row in HEDGES])
def test_hedge_table(what: str, own: ChildLeg, other: ChildLeg, hedge: bool) -> None:
    desk = Desk()
    desk.child().legs = {own.leg: own, other.leg: other}
    assert is_hedge(turn_of(desk.state), desk.child(), own) is hedge, what


def test_leg_that_is_done_starts_anew() -> None:
    desk = Desk()
    record = leg(sign=1)
    record.skipped, record.lacking, record.due, record.flattening, record.exit_tries = "why", True, True, True, 3
    close_if_done(turn_of(desk.state), record)
    assert record == ChildLeg(leg=CALL_LEG)


@pytest.mark.parametrize("field", ["allocation", "awaiting", "decided"])
def test_leg_in_which_something_is_left_is_kept(field: str) -> None:
    desk = Desk()
    record = leg(CALL_LEG, sign=1)
    setattr(record, f"{field}_units", LOT)
    close_if_done(turn_of(desk.state), record)
    assert record.sign == 1


def test_leg_with_an_open_order_is_kept() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.sell(10)
    assert desk.order(desk.last()).state is OrderState.SENT
    assert desk.leg().sign == 1
