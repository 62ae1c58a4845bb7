"""The judge's own count of what limits allow: each bound reached and passed, and the reasons that are told."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import ChildRisk, Risk, Settings
from engine.commands import PlaceOrder
from engine.core import reasons
from engine.events import MaxCapitalSet
from paper.verify.bounds import Bounds
from paper.verify.chance import draw
from paper.verify.plan import Plan
from paper.verify.truth import Truth
from tests.unit.core.builders import INSTRUMENTS, Desk, child, instrument, settings, turn_of
from tests.unit.paper.builders import PUT


def of_all(**fields: object) -> Settings:
    return settings(risk=msgspec.structs.replace(Risk(max_orders_per_minute=None), **fields))


def own(**fields: object) -> Settings:
    risk = msgspec.structs.replace(ChildRisk(), **fields)
    return settings(child(risk=risk), risk=Risk(max_orders_per_minute=None))


def planned(known: Settings) -> Plan:
    """A day with these settings on which every price is 100 and every child has three lakh."""
    day = draw(1)
    children = tuple(msgspec.structs.replace(each, capital_inr=Decimal(300_000)) for each in known.children)
    return replace(day.with_settings(msgspec.structs.replace(known, children=children)), happenings=())


class Bounded:
    """A desk without limits, and a judge who knows some: what the desk does beyond them is a violation."""

    def __init__(self, known: Settings) -> None:
        self.desk = Desk(settings(), filling=False)
        listed = {each.id: each for each in INSTRUMENTS}
        self.truth = Truth({each.id: each for each in known.children}, listed, lambda: self.desk.state, lambda _: True)
        self.bounds = Bounds(self.truth, planned(known))
        self._seen = 0

    def judged(self) -> list[str]:
        """What is wrong with the orders sent since the last look."""
        for command in self.desk.commands(PlaceOrder)[self._seen :]:
            self._seen += 1
            order = self.desk.state.orders[command.tag]
            key = ("C1", order.leg)
            if order.entry:
                self.bounds.handed_over(self.desk.state, self.desk.child(), order)
            self.desk.fill(command)
            self.truth.ours[key] = self.truth.ours.get(key, 0) + order.side.sign * order.units
        self.bounds.looked(self.desk.state)
        return self.truth.violations


LIMITS = [
    ("max_lots_per_order", 3, 2),
    ("max_lots_per_instrument", 3, 2),
    ("max_open_lots", 3, 2),
    ("max_orders_per_minute", 1, 0),
    ("max_orders_per_day", 1, 0),
    ("max_position_pct", Decimal("6.5"), Decimal("6.4")),
]


@pytest.mark.parametrize(("name", "reached", "passed"), LIMITS)
@pytest.mark.parametrize("where", [of_all, own], ids=["all", "child"])
def test_entry_beyond_a_limit_is_told(name: str, reached: int | Decimal, passed: int | Decimal, where: type) -> None:
    for bound, is_told in ((reached, False), (passed, True)):
        at = Bounded(where(**{name: bound}))
        at.desk.buy(10)
        assert bool(at.judged()) is is_told
        assert all(text.startswith("I12 C1") and name in text for text in at.judged())


def test_slices_are_one_order() -> None:
    at = Bounded(own(max_lots_per_order=3))
    at.desk.load((instrument(freeze_units=65),))
    at.desk.buy(20)
    assert any("brings 4" in text for text in at.judged())


def test_lots_of_other_legs_are_open_too() -> None:
    at = Bounded(own(max_open_lots=5, max_lots_per_instrument=5))
    at.desk.buy(10)
    assert not at.judged()
    at.desk.buy(10, symbol=PUT)
    assert len(at.judged()) == 1


def test_orders_of_a_minute_end_with_it() -> None:
    at = Bounded(own(max_orders_per_minute=1, max_orders_per_day=2))
    at.desk.buy(10)
    at.desk.run(60)
    at.desk.buy(10)
    assert not at.judged()
    at.desk.run(61)
    at.desk.buy(10)
    assert [text.split()[-3] for text in at.judged()] == ["max_orders_per_day"]


@pytest.mark.parametrize(("most", "is_told"), [(Fraction(3, 10), False), (Fraction(1, 4), True)])
def test_ratio_beyond_the_largest_is_told(most: Fraction, *, is_told: bool) -> None:
    at = Bounded(settings(child(max_ratio=most)))
    at.desk.buy(10)
    assert bool(at.judged()) is is_told


@pytest.mark.parametrize(("raised", "is_told"), [(200_000, True), (300_000, False), (None, False)])
def test_ratio_beyond_every_cap_is_told(raised: int | None, *, is_told: bool) -> None:
    at = Bounded(settings(child(max_capital_inr=Decimal(250_000))))
    cap = None if raised is None else Decimal(raised)
    at.bounds.capped(MaxCapitalSet(at_ns=0, child="C1", max_capital_inr=cap))
    at.desk.buy(10)
    assert bool(at.judged()) is is_told


@pytest.mark.parametrize(
    ("known", "reason", "what"),
    [
        (own(), reasons.MAX_OPEN_LOTS, "no such limit"),
        (own(max_open_lots=4), reasons.MAX_OPEN_LOTS, "3 of 4 lots are taken"),
        (own(max_lots_per_instrument=4), reasons.MAX_LOTS_PER_INSTRUMENT, "3 of 4 lots are taken"),
        (own(max_open_lots=3), reasons.MAX_OPEN_LOTS, ""),
    ],
)
def test_reason_that_is_not_true_is_told(known: Settings, reason: str, what: str) -> None:
    at = Bounded(known)
    at.desk.buy(10)
    assert not at.judged()
    turn_skip(at.desk, reason)
    assert [what in text for text in at.judged()] == ([True] if what else [])


def turn_skip(desk: Desk, reason: str) -> None:
    """The engine says that it kept lots of the call out."""
    leg = desk.leg()
    leg.skipped = reason
    turn_of(desk.state).skip(desk.child(), leg.leg, reason)
