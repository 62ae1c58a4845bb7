"""The margin estimate: calibrated where a figure of the broker is known, monotone and bounded everywhere."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.margin import MarginPosition, order_margin, portfolio_margin, spot_from_prices
from engine.model import Instrument, Kind
from tests.unit.paper.builders import future, option, share

SPOT = 24700
SPOTS = {"NIFTY": Decimal(SPOT)}


def fair(strike: int, kind: str, spot: int = SPOT) -> Decimal:
    """A price as of a weekly option with six days to go at 13 % volatility."""
    deviation = spot * 0.13 * math.sqrt(6 / 365)
    way = 1 if kind == "CE" else -1
    ratio = way * (spot - strike) / deviation
    density = math.exp(-0.5 * ratio * ratio) / math.sqrt(2 * math.pi)
    value = deviation * (ratio * 0.5 * math.erfc(-ratio / math.sqrt(2)) + density)
    return max(Decimal("0.05"), Decimal(round(value * 20)) / 20)


def leg(strike: int, kind: str, units: int, *, spot: int = SPOT, underlying: str = "NIFTY") -> MarginPosition:
    instrument = option(f"{underlying}26NOV{strike}{kind}", strike=strike, underlying=underlying)
    return MarginPosition(instrument=instrument, units=units, price_inr=fair(strike, kind, spot))


SHORTS = (leg(25000, "CE", -65), leg(24400, "PE", -65))
WINGS = (leg(25100, "CE", 65), leg(24300, "PE", 65))


@pytest.mark.parametrize("kind", ["CE", "PE"])
def test_naked_short_at_the_money_needs_about_one_and_a_half_lakh_a_lot(kind: str) -> None:
    assert 130_000 <= portfolio_margin((leg(SPOT, kind, -65),), SPOTS) <= 160_000


def test_iron_condor_agrees_with_the_brokers_basket_margin() -> None:
    """Kite, 2026-10-07, one lot of 65: initial 293,560 (each leg by itself), final 66,432."""
    initial = sum((portfolio_margin((position,), SPOTS) for position in (*SHORTS, *WINGS)), Decimal(0))
    final = portfolio_margin((*SHORTS, *WINGS), SPOTS)
    assert abs(initial - 293_560) < 293_560 * Decimal("0.05")
    assert abs(final - 66_432) < 66_432 * Decimal("0.05")


def test_hedge_lowers_the_requirement() -> None:
    assert portfolio_margin((*SHORTS, *WINGS), SPOTS) < portfolio_margin(SHORTS, SPOTS) / 2


@pytest.mark.parametrize(
    ("strike", "kind"), [(SPOT, "CE"), (25500, "CE"), (23900, "CE"), (20000, "CE"), (SPOT, "PE"), (25500, "PE")]
)
def test_bought_option_needs_its_premium(strike: int, kind: str) -> None:
    position = leg(strike, kind, 650)
    assert portfolio_margin((position,), SPOTS) == Decimal(round(650 * position.price_inr))


def test_bought_option_of_another_underlying_offsets_nothing() -> None:
    other = leg(58000, "CE", 300, spot=58000, underlying="BANKNIFTY")
    spots = {**SPOTS, "BANKNIFTY": Decimal(58000)}
    apart = portfolio_margin(SHORTS, spots) + portfolio_margin((other,), spots)
    assert abs(portfolio_margin((*SHORTS, other), spots) - apart) <= 1


def test_requirement_grows_with_the_lots() -> None:
    one, ten = portfolio_margin((leg(SPOT, "CE", -65),), SPOTS), portfolio_margin((leg(SPOT, "CE", -650),), SPOTS)
    assert abs(ten - 10 * one) <= 10


def test_nothing_needs_nothing() -> None:
    assert portfolio_margin((), {}) == 0
    assert portfolio_margin((leg(SPOT, "CE", 0),), SPOTS) == 0


def test_positions_of_one_instrument_are_netted() -> None:
    assert portfolio_margin((leg(SPOT, "CE", -65), leg(SPOT, "CE", 65)), SPOTS) == 0


@pytest.mark.parametrize(
    ("description", "units", "price", "more", "other_price", "needed"),
    [
        ("adding pays its own price", 65, 100, 65, 80, 65 * 180),
        ("reducing frees the price of what is held", 130, 100, -65, 80, 65 * 100),
        ("turning pays the price of what is opened", -65, 100, 130, 80, 65 * 80),
    ],
)
def test_price_of_what_is_netted(
    description: str, units: int, price: int, more: int, other_price: int, needed: int
) -> None:
    pair = (
        MarginPosition(instrument=option(), units=units, price_inr=Decimal(price)),
        MarginPosition(instrument=option(), units=more, price_inr=Decimal(other_price)),
    )
    assert portfolio_margin(pair, SPOTS) == needed, description


def test_future_needs_about_a_tenth_of_its_value_and_a_call_bought_caps_a_short_one() -> None:
    short = MarginPosition(instrument=future(), units=-65, price_inr=Decimal(SPOT))
    naked = portfolio_margin((short,), SPOTS)
    assert Decimal("0.08") < naked / (65 * SPOT) < Decimal("0.12")
    assert portfolio_margin((short, leg(SPOT, "CE", 65)), SPOTS) < naked / 2


def test_stock_needs_more_than_an_index() -> None:
    index = portfolio_margin((leg(1500, "CE", -65, spot=1500),), {"NIFTY": Decimal(1500)})
    stock = portfolio_margin((leg(1500, "CE", -65, spot=1500, underlying="INFY"),), {"INFY": Decimal(1500)})
    assert stock > index


def test_share_bought_needs_its_value_and_a_short_one_a_fifth() -> None:
    assert portfolio_margin((MarginPosition(instrument=share(), units=10, price_inr=Decimal(1500)),), {}) == 15_000
    assert portfolio_margin((MarginPosition(instrument=share(), units=-10, price_inr=Decimal(1500)),), {}) == 3_000


def test_order_margin_is_what_it_adds() -> None:
    total = portfolio_margin((*WINGS, *SHORTS), SPOTS)
    assert order_margin(WINGS, SHORTS, SPOTS) == total - portfolio_margin(WINGS, SPOTS)


def test_order_that_lowers_the_requirement_needs_nothing() -> None:
    assert order_margin(SHORTS, WINGS, SPOTS) == 0
    assert order_margin(SHORTS, (leg(25000, "CE", 65),), SPOTS) == 0


def test_missing_spot_is_estimated_near_enough() -> None:
    known, guessed = portfolio_margin((*SHORTS, *WINGS), SPOTS), portfolio_margin((*SHORTS, *WINGS), {})
    assert abs(known - guessed) < known / 20


@pytest.mark.parametrize(
    ("description", "prices", "spot"),
    [
        ("nothing", [], None),
        ("the share itself", [(share(), "1500.5")], "1500.5"),
        (
            "parity at the strike where both sides differ least",
            [
                (option("A24000CE", strike=24000), "560"),
                (option("A24000PE", strike=24000), "40"),
                (option("A24500CE", strike=24500), "120"),
                (option("A24500PE", strike=24500), "95"),
            ],
            "24525",
        ),
        (
            "parity of the nearest expiry",
            [
                (option("B24500CE", expiry="2026-12-29"), "300"),
                (option("B24500PE", expiry="2026-12-29"), "200"),
                (option("A24500CE"), "120"),
                (option("A24500PE"), "95"),
            ],
            "24525",
        ),
        ("parity before a future", [(future(), "24600"), (option("A1CE"), "120"), (option("A1PE"), "95")], "24525"),
        (
            "the nearest future",
            [(future("LATE", expiry="2026-12-29"), "24700"), (future(), "24600"), (option(), "120")],
            "24600",
        ),
        ("one option: at the money", [(option(), "120")], "24500"),
        ("one deep call: strike and price", [(option(), "2000")], "26500"),
        ("one deep put: strike less price", [(option("A24500PE"), "2000")], "22500"),
        (
            "short strangle: the middle",
            [(option("A25000CE", strike=25000), "50"), (option("A24000PE", strike=24000), "50")],
            "24500",
        ),
    ],
)
def test_spot_from_prices(description: str, prices: list[tuple[Instrument, str]], spot: str | None) -> None:
    found = spot_from_prices([(instrument, Decimal(price)) for instrument, price in prices])
    assert found == (None if spot is None else Decimal(spot)), description


legs = st.builds(
    leg,
    strike=st.integers(230, 264).map(lambda hundreds: hundreds * 100),
    kind=st.sampled_from(["CE", "PE"]),
    units=st.integers(-20, 20).map(lambda lots: lots * 65),
)


@given(st.lists(legs, max_size=8), st.lists(legs, min_size=1, max_size=2))
def test_any_portfolio_is_never_negative_and_bounded_by_its_legs(
    existing: list[MarginPosition], added: list[MarginPosition]
) -> None:
    total = portfolio_margin((*existing, *added), SPOTS)
    apart = sum((portfolio_margin((position,), SPOTS) for position in (*existing, *added)), Decimal(0))
    assert 0 <= total <= apart + len(existing) + len(added)
    assert order_margin(existing, added, SPOTS) >= 0


def test_absurd_prices_of_a_pair_are_survived() -> None:
    pair = (leg(24500, "CE", -65), leg(24500, "PE", -65))
    absurd = MarginPosition(instrument=pair[1].instrument, units=-65, price_inr=Decimal(90_000))
    assert portfolio_margin((pair[0], absurd), {}) > 0


@given(price=st.integers(0, 600_000), strike=st.integers(100, 60_000), kind=st.sampled_from([Kind.CALL, Kind.PUT]))
def test_any_price_is_survived(price: int, strike: int, kind: Kind) -> None:
    symbol = f"NIFTY26NOV{strike}{kind.value}"
    position = MarginPosition(instrument=option(symbol, strike=strike), units=-65, price_inr=Decimal(price) / 20)
    assert portfolio_margin((position,), SPOTS) > 0
    assert portfolio_margin((position,), {}) > 0


def test_option_without_a_strike_is_charged_like_a_future() -> None:
    known = leg(24700, "CE", -65)
    odd = replace(known, instrument=replace(known.instrument, symbol="NIFTY26NOVODD", strike_inr=None))
    alone = portfolio_margin((replace(odd, instrument=replace(odd.instrument, kind=Kind.FUTURE)),), SPOTS)
    assert portfolio_margin((odd,), SPOTS) == alone > 0


def test_options_without_strikes_have_no_spot_and_no_margin_that_could_be_reckoned() -> None:
    known = leg(24700, "CE", -65)
    odd = replace(known.instrument, strike_inr=None)
    assert spot_from_prices([(odd, Decimal(100))]) is None
    assert portfolio_margin((replace(known, instrument=odd),), {}) == 0


def test_price_of_almost_nothing_far_from_the_money_ends_in_a_bounded_margin() -> None:
    far = leg(24700, "CE", 65)
    far = replace(far, instrument=replace(far.instrument, strike_inr=Decimal(10) ** 7), price_inr=Decimal("1E-14"))
    assert portfolio_margin((far,), {"NIFTY": Decimal(10)}) == 0
