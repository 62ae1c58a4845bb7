"""The judge's own reckoning of the daily loss: reached or not, known soon, for the day, and what follows."""

from decimal import Decimal

import pytest

from config.schema import ChildRisk, OnMaxLoss, Risk
from engine.core.state_child import ChildLeg
from engine.model import NS_PER_S
from paper.verify.losses import Losses
from paper.verify.truth import Truth
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, LOT, Desk, child, settings

LIMIT = Decimal(1000)


class Lossy:
    """A desk without a limit, a judge who knows one, and what the account made."""

    def __init__(self, *, of_all: bool = False, on: OnMaxLoss = OnMaxLoss.STOP_ENTRIES) -> None:
        self.desk = Desk(settings(), filling=False)
        own = None if of_all else LIMIT
        risk = Risk(on_max_loss=on, max_daily_loss_inr=LIMIT if of_all else None)
        known = settings(child(risk=ChildRisk(max_daily_loss_inr=own)), risk=risk)
        listed = {each.id: each for each in INSTRUMENTS}
        self.truth = Truth({each.id: each for each in known.children}, listed, lambda: self.desk.state, lambda _: True)
        self.net: Decimal | None = Decimal(0)
        self.losses = Losses(self.truth, known, lambda _account: self.net)
        self.of_all = of_all
        self.look()

    def look(self, *, net: str | None = None, is_hit: bool = False, is_durable: bool = True) -> list[str]:
        """The judge looks; what is wrong."""
        self.net = self.net if net is None else Decimal(net)
        if self.of_all:
            self.desk.state.loss_hit = is_hit
        else:
            self.desk.child().loss_hit = is_hit
        self.losses.looked(self.desk.state, self.desk.now_ns, is_durable=is_durable)
        return self.truth.violations

    def enter(self) -> list[str]:
        """The child enters; what is wrong."""
        self.desk.buy(10)
        self.losses.handed_over(self.desk.child(), self.desk.last_order())
        return self.truth.violations


@pytest.mark.parametrize("of_all", [False, True], ids=["child", "all"])
def test_loss_that_is_not_noticed_in_time_is_told(*, of_all: bool) -> None:
    lossy = Lossy(of_all=of_all)
    assert not lossy.look(net="-1002")
    within_s = int(lossy.desk.settings.timing.poll_interval_s) + 3
    lossy.desk.now_ns += within_s * NS_PER_S
    assert not lossy.look()
    lossy.desk.now_ns += 1
    (text,) = lossy.look()
    assert "entries go on" in text


def test_loss_without_a_price_or_with_fills_not_known_yet_is_not_judged() -> None:
    for net, ours in ((None, 0), (Decimal(-5000), LOT)):
        lossy = Lossy()
        lossy.net, lossy.truth.ours["C1", CALL_LEG] = net, ours
        for _ in range(3):
            assert not lossy.look()
            lossy.desk.now_ns += 60 * NS_PER_S


@pytest.mark.parametrize(("net", "is_told"), [("-999.50", False), ("-900", True)])
def test_loss_that_is_called_reached_and_is_not_is_told(net: str, *, is_told: bool) -> None:
    lossy = Lossy()
    lossy.desk.now_ns += 60 * NS_PER_S
    assert bool(lossy.look(net=net, is_hit=True)) is is_told


def test_what_is_open_may_be_valued_elsewhere_between_the_touch() -> None:
    for units, is_told in ((0, True), (LOT, False)):
        lossy = Lossy()
        lossy.desk.now_ns += 60 * NS_PER_S
        lossy.truth.ours["C1", CALL_LEG] = units
        lossy.desk.child().legs[CALL_LEG] = ChildLeg(leg=CALL_LEG, allocation_units=units)
        assert bool(lossy.look(net="-996", is_hit=True)) is is_told


def test_entry_after_the_loss_is_told() -> None:
    lossy = Lossy()
    assert not lossy.enter()
    lossy.look(net="-1001", is_hit=True)
    (text,) = lossy.enter()
    assert text.startswith("I12 C1")


@pytest.mark.parametrize("is_durable", [True, False])
def test_loss_that_was_durable_survives_a_restart_and_no_other(*, is_durable: bool) -> None:
    lossy = Lossy()
    lossy.look(net="-1001", is_hit=True, is_durable=is_durable)
    lossy.losses.died()
    assert bool(lossy.look(net="0")) is is_durable


@pytest.mark.parametrize(("on", "is_told"), [(OnMaxLoss.EXIT_ALL, True), (OnMaxLoss.STOP_ENTRIES, False)])
def test_lots_that_are_held_after_the_loss_are_told_where_all_is_exited(on: OnMaxLoss, *, is_told: bool) -> None:
    lossy = Lossy(on=on)
    lossy.truth.ours["C1", CALL_LEG] = LOT
    assert not lossy.losses.at_rest()
    lossy.look(net="-1001", is_hit=True)
    assert bool(lossy.losses.at_rest()) is is_told
