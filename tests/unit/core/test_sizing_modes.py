"""Children that are sized by no ratio: a budget for each decision, the margins of the moment, a number of lots."""

from decimal import Decimal
from fractions import Fraction

import pytest

from config.schema import Follow, Paper, Risk, Settings, Sizing, SizingMode
from engine.events import BackgroundAdopted, ChildJoined, ChildResynced, Outcome, PromptAnswered
from engine.model import OrderType, Side
from tests.unit.core.builders import HEDGE, HEDGE_LEG, INSTRUMENTS, LOT, PUT_LEG, Book, Desk, child, settings
from tests.unit.paper.builders import CALL, PUT

RISK = Sizing(mode=SizingMode.RISK_PCT, pct=Decimal(10))
"""30,000 of three lakh: four lots at 6,500."""
TWO = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
LIVE = Sizing(mode=SizingMode.LIVE_RATIO)


def _sized(sizing: Sizing, **fields: object) -> Settings:
    return settings(child(sizing=sizing), **fields)


def _rest(desk: Desk, lots: int, side: Side = Side.BUY) -> None:
    desk.master(side, lots, filled=0, order_type=OrderType.LIMIT, limit="99")
    desk.run(1)


def _resync(desk: Desk) -> list[int]:
    """Lots that a resync offers."""
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    return _asked(desk)


def _asked(desk: Desk) -> list[int]:
    return [item.units // LOT for prompt in desk.state.prompts.values() for item in prompt.items]


def _approve(desk: Desk) -> None:
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(2)


# --- a budget for each decision ---------------------------------------------------------------------------------------


def test_budget_bounds_an_order_that_rests_out_of_flat() -> None:
    desk = Desk(_sized(RISK, follow=Follow.ORDERS))
    _rest(desk, 10)
    assert desk.placed() == [(Side.BUY, 4)]


def test_budget_bounds_an_order_that_rests_beside_what_he_holds() -> None:
    desk = Desk(_sized(RISK, follow=Follow.ORDERS))
    desk.buy(20)
    _rest(desk, 20)
    assert desk.placed() == [(Side.BUY, 4), (Side.BUY, 4)]


def test_budget_of_a_sold_option_out_of_flat_is_its_margin() -> None:
    desk = Desk(_sized(RISK, follow=Follow.ORDERS))
    _rest(desk, 10, Side.SELL)
    assert desk.placed() == []


def test_budget_bounds_what_is_adopted() -> None:
    desk = Desk(_sized(RISK), background={PUT_LEG: 10 * LOT})
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=PUT))
    assert _asked(desk) == [4]
    _approve(desk)
    assert desk.lots(leg=PUT_LEG) == 4


def test_budget_bounds_what_a_child_joins_with() -> None:
    desk = Desk(_sized(RISK))
    desk.buy(10)
    desk.settings = settings(child(sizing=RISK), child("C2", sizing=RISK))
    desk.books["C2"] = Book(available_inr=Decimal(300_000))
    desk.restart(with_settings=desk.settings)
    for instrument in INSTRUMENTS:
        desk.quote(instrument.symbol, "100")
    desk.run(3)
    desk.buy(10)
    desk.handle(ChildJoined(at_ns=desk.now_ns, child="C2"))
    assert _asked(desk) == [4]
    _approve(desk)
    assert desk.lots("C2") == 4


def test_budget_bounds_a_rise_below_the_high_at_the_price_of_the_moment() -> None:
    desk = Desk(_sized(RISK, risk=Risk(price_band_pct=None)))
    desk.buy(10)
    desk.sell(9)
    desk.quote(CALL, "300")
    desk.buy(9, price="300")
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 4), (Side.SELL, 4), (Side.BUY, 1)]


# --- a resync offers what was missed, and nothing else ---------------------------------------------------------------


@pytest.mark.parametrize("sizing", [RISK, TWO, LIVE], ids=lambda sizing: sizing.mode.value)
def test_resync_offers_nothing_where_nothing_was_missed(sizing: Sizing) -> None:
    desk = Desk(_sized(sizing))
    desk.buy(10)
    desk.sell(5)
    desk.buy(2)
    desk.books["M"].available_inr = Decimal(400_000)  # the ratio of the moment is larger now
    desk.run(3)
    assert _resync(desk) == []
    assert "resync: nothing is missing" in desk.notices()


@pytest.mark.parametrize(
    ("sizing", "lots"), [(RISK, 4), (TWO, 2), (LIVE, 3)], ids=["a budget", "a number", "the moment"]
)
def test_resync_offers_what_was_missed(sizing: Sizing, lots: int) -> None:
    desk = Desk(_sized(sizing))
    with desk.paused():
        desk.buy(10)
    assert _resync(desk) == [lots]
    _approve(desk)
    assert desk.lots() == lots
    assert _resync(desk) == []


def test_what_was_missed_goes_in_proportion_with_the_master() -> None:
    desk = Desk(_sized(Sizing(mode=SizingMode.FIXED_LOTS, lots=4)))
    with desk.paused():
        desk.buy(10)
    desk.sell(5)
    assert _resync(desk) == [2]


def test_what_a_version_before_did_not_count_is_offered_by_the_sizing_of_now() -> None:
    desk = Desk(_sized(LIVE))
    with desk.paused():
        desk.buy(10)
    desk.leg().missed_units = 0
    desk.restart()
    desk.quote(CALL, "100")
    desk.run(3)
    assert _resync(desk) == [3]


def test_entry_without_a_margin_of_the_moment_is_offered_when_there_is_one() -> None:
    desk = Desk(_sized(LIVE))
    desk.buy(10)
    desk.books["C1"].available_inr = Decimal(0)
    desk.run(2)
    desk.buy(10)
    assert desk.lots() == 3
    desk.books["C1"].available_inr = Decimal(300_000)
    desk.run(2)
    assert _resync(desk) == [3]


# --- a share of what the margin allowed -------------------------------------------------------------------------------


def _short_of_margin() -> Desk:
    """For a leg of the strategy the margin was enough for two lots of five."""
    desk = Desk(_sized(LIVE, paper=Paper(margins=True)), margins={"C1": 1_000_000})
    desk.buy(10)
    desk.run(2)
    desk.strategy().afforded["C1"] = Fraction(2, 5)
    return desk


@pytest.mark.parametrize("parts", [(20,), (10, 10), (5, 5, 5, 5)], ids=str)
def test_share_that_the_margin_allowed_is_taken_once_however_he_buys(parts: tuple[int, ...]) -> None:
    desk = _short_of_margin()
    for lots in parts:
        desk.buy(lots, symbol=HEDGE)
        desk.run(2)
    assert desk.lots(leg=HEDGE_LEG) == 8


def test_share_that_the_margin_allowed_is_not_taken_again_when_an_order_is_sent_again() -> None:
    desk = _short_of_margin()
    desk.filling = False
    desk.master(Side.BUY, 20, symbol=HEDGE)
    desk.run("0.3")
    desk.filling = True
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.run(5)
    assert desk.lots(leg=HEDGE_LEG) == 8
