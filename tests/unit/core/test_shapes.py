"""Names of option strategies: each shape, and what is only near it."""

import pytest

from engine.core.shapes import name_of
from engine.model import Instrument
from tests.unit.paper.builders import future, option

LOT = 65
NEXT = "2026-12-29"


def leg(text: str) -> tuple[Instrument, int]:
    """`-2 24500C` or `1 24500P next`, in lots."""
    lots, what, *later = text.split()
    kind = {"C": "CE", "P": "PE"}[what[-1]]
    listed = option(f"NIFTY26NOV{what[:-1]}{kind}", strike=int(what[:-1]), expiry=NEXT if later else "2026-11-24")
    return listed, int(lots) * LOT


@pytest.mark.parametrize(
    ("legs", "name"),
    [
        ((), ""),
        (("-1 24500C",), "short call"),
        (("3 24500P",), "long put"),
        (("-1 24500C", "-1 24500P"), "short straddle"),
        (("1 24500C", "1 24500P"), "long straddle"),
        (("-2 25000C", "-2 24000P"), "short strangle"),
        (("-2 25000C", "-1 24000P"), "custom"),
        (("-1 24000C", "-1 25000P"), "custom"),
        (("-1 24500C", "-1 24500P next"), "custom"),
        (("1 24500C", "-1 25000C"), "call vertical"),
        (("-1 24500P", "1 24000P"), "put vertical"),
        (("1 24500C", "-2 25000C"), "call ratio"),
        (("-1 24500P", "2 24000P"), "put ratio"),
        (("1 24500C", "-1 24500P"), "custom"),
        (("-1 24500C", "1 24500C next"), "calendar"),
        (("-1 24500C", "1 25000C next"), "custom"),
        (("-1 24500C", "2 24500C next"), "custom"),
        (("-1 24000P", "-1 25000C", "1 25500C"), "jade lizard"),
        (("-1 24000P", "-1 25000C", "2 25500C"), "custom"),
        (("-1 25200P", "-1 25000C", "1 25500C"), "custom"),
        (("1 24000C", "-2 24500C", "1 25000C"), "long call butterfly"),
        (("-1 24000P", "2 24500P", "-1 25000P"), "short put butterfly"),
        (("1 24000C", "-2 24500C", "1 25500C"), "custom"),
        (("1 24000C", "-2 24500C", "1 25000C next"), "custom"),
        (("1 24000C", "-1 24200C", "-1 25000C", "1 25500C"), "custom"),
        (("1 24000P", "-1 24200P", "-1 25000C", "1 25500C"), "iron condor"),
        (("1 24000P", "-1 24500P", "-1 24500C", "1 25000C"), "iron fly"),
        (("-1 24000P", "1 24200P", "1 25000C", "-1 25500C"), "long iron condor"),
        (("1 24000P", "-1 24200P", "-1 25000C", "2 25500C"), "custom"),
        (("1 24000P", "-1 24200P", "1 25000C", "-1 25500C"), "custom"),
        (("1 24000P", "-1 24200P", "-1 25000C", "1 25500C next"), "custom"),
        (("1 24000P", "-1 24200P", "1 25000C", "-1 25500C", "1 26000C"), "custom"),
    ],
)  # fmt: skip
def test_legs_have_the_name_that_traders_give_them(legs: tuple[str, ...], name: str) -> None:
    assert name_of([leg(text) for text in legs]) == name
    assert name_of([leg(text) for text in reversed(legs)]) == name


def test_two_products_of_a_contract_are_one_leg() -> None:
    assert name_of([leg("-1 24500C"), leg("-1 24500C"), leg("-2 24500P")]) == "short straddle"


def test_what_is_no_option() -> None:
    assert name_of([(future(), -LOT)]) == "short future"
    assert name_of([(future(), LOT), leg("-1 24500C")]) == "custom"
    other = option("BANKNIFTY26NOV52000CE", strike=52000, underlying="BANKNIFTY")
    assert name_of([leg("-1 24500C"), (other, -LOT)]) == "custom"
