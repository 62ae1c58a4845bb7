"""Positions of the master from before, adopted: what is offered of them, and what the children have then."""

from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Child, Sizing, SizingMode
from engine.core import reasons
from engine.events import BackgroundAdopted, Flattened, HandedOver, PromptAnswered
from engine.model import Side
from tests.unit.core.builders import CALL_LEG, HEDGE, HEDGE_LEG, LOT, PUT_LEG, Desk, child, settings
from tests.unit.core.test_offers import approve, ask, background, decline, offered
from tests.unit.paper.builders import CALL, PUT


def test_adopted_background_is_followed_and_its_sale_exited() -> None:
    desk = background()
    ask(desk, "adopt")
    assert offered(desk) == [("adopt", Side.BUY, 3)]
    approve(desk)
    assert (desk.lots(), desk.master_leg().units, desk.master_leg().background_units) == (3, 650, 0)
    desk.sell(5)
    assert desk.lots() == 1
    desk.sell(5)
    assert desk.lots() == 0


def test_declined_adoption_stays_background() -> None:
    desk = background()
    ask(desk, "adopt")
    decline(desk)
    assert (desk.lots(), desk.master_leg().units, desk.master_leg().background_units) == (0, 0, 650)


def test_adoption_by_one_child_leaves_the_other_out_of_the_leg() -> None:
    desk = Desk(settings(child("C1"), child("C2")), background={CALL_LEG: 10 * LOT})
    ask(desk, "adopt")
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, children=("C2",)))
    desk.run(1)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 6)


def test_adoption_of_nothing_is_told() -> None:
    desk = Desk()
    ask(desk, "adopt")
    assert any("no background lots" in text for text in desk.notices())


def test_adopt_prompt_of_yesterday_does_not_break_the_start_of_today() -> None:
    desk = background()
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    desk.now_ns += 24 * 3600 * 1_000_000_000
    desk.restart(day=3)
    desk.run(3)
    assert desk.state.armed
    assert offered(desk) == []


def adopting(*children: Child, margins: dict[str, int] | None = None, lots: int = 10) -> Desk:
    """The operator was asked whether background lots of the master are followed."""
    desk = Desk(settings(*children), margins=margins, background={CALL_LEG: lots * LOT})
    ask(desk, "adopt")
    return desk


def test_adoption_is_not_offered_to_a_child_whose_broker_does_not_know_the_instrument() -> None:
    desk = background()
    desk.state.instruments = {"M": desk.state.instruments[""]}
    ask(desk, "adopt")
    assert (offered(desk), desk.reasons()) == ([], {reasons.UNKNOWN_INSTRUMENT})


@pytest.mark.parametrize(
    ("what", "children", "margins", "lots", "reason"),
    [
        ("no margin", (child(),), {"C1": 0}, 10, "left out: margin zero or negative"),
        ("below one lot", (child(),), None, 3, reasons.BELOW_ONE_LOT),
        (
            "no price of a risk",
            (child(sizing=Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(2))),),
            {"C1": 0},
            10,
            reasons.NO_MARGIN_NOW,
        ),
    ],
)
def test_adoption_that_brings_a_child_nothing_is_not_offered(
    what: str, children: tuple[Child, ...], margins: dict[str, int] | None, lots: int, reason: str
) -> None:
    desk = adopting(*children, margins=margins, lots=lots)
    assert (offered(desk), desk.reasons()) == ([], {reason}), what
    assert (desk.master_leg().units, desk.placed()) == (0, [])


def test_adoption_while_a_strategy_runs_uses_its_ratio() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    desk.buy(10, symbol=PUT)
    desk.books["C1"].available_inr = Decimal(600_000)
    desk.run(5)
    ask(desk, "adopt")
    approve(desk)
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (3, 3)
    assert desk.strategy().ratios == {"C1": Fraction(3, 10)}


@pytest.mark.parametrize(("event", "reason"), [(Flattened, reasons.FLATTENED), (HandedOver, reasons.HANDED_OVER)])
@pytest.mark.parametrize("is_asked_first", [False, True])
def test_adoption_brings_no_child_back_that_was_taken_out(
    event: type[Flattened | HandedOver], reason: str, is_asked_first: bool
) -> None:
    """The other legs are missing there: a resync or a join brings all of them, this one would stand alone."""
    desk = Desk(settings(child("C1"), child("C2")), background={PUT_LEG: 10 * LOT})
    desk.buy(10)
    if is_asked_first:
        ask(desk, "adopt", symbol=PUT)
    desk.handle(event(at_ns=desk.now_ns, children=("C1",)))
    desk.run(2)
    if not is_asked_first:
        ask(desk, "adopt", symbol=PUT)
    approve(desk)
    assert (desk.lots("C1", PUT_LEG), desk.lots("C2", PUT_LEG)) == (0, 3)
    assert reason in desk.child("C1").stopped.values()
    desk.sell(10, symbol=HEDGE)
    assert desk.lots("C1", HEDGE_LEG) == 0


@pytest.mark.parametrize("is_declined", [False, True])
def test_child_without_an_adopted_leg_lacks_it(is_declined: bool) -> None:
    """It was flattened when it was asked, or declined: no short goes beside it, and a rise brings its own part alone."""
    children = tuple(child(name, sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2)) for name in ("C1", "C2"))
    desk = Desk(settings(*children), background={PUT_LEG: 10 * LOT})
    desk.buy(10)
    if not is_declined:
        desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
        desk.run(2)
    ask(desk, "adopt", symbol=PUT)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, children=("C2",)))
    desk.run(1)
    desk.sell(10, symbol=HEDGE)
    desk.buy(1, symbol=PUT)
    assert (desk.lots("C1", HEDGE_LEG), desk.lots("C1", PUT_LEG), desk.lots("C2", PUT_LEG)) == (0, 0, 2)
    ask(desk, "resync")
    assert ("resync", Side.BUY, 2) in offered(desk)


def test_adoption_for_a_fixed_number_of_lots_enters_these() -> None:
    desk = adopting(child(sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=2)))
    assert offered(desk) == [("adopt", Side.BUY, 2)]
    approve(desk)
    assert (desk.lots(), desk.master_leg().units) == (2, 10 * LOT)
    baseline = desk.strategy().baseline
    assert (baseline is not None and baseline.master_inr) == Decimal(1_000_000)
