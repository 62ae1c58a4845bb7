from decimal import Decimal
from fractions import Fraction

import pytest

from engine.model import NS_PER_S
from tests.tui.snapshots import at
from tui import format as fmt


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "₹0"),
        ("999", "₹999"),
        ("1000", "₹1,000"),
        ("100000", "₹1,00,000"),
        ("-1234567", "-₹12,34,567"),
        ("123456789", "₹12,34,56,789"),
        ("0.4", "₹0"),
        ("-0.4", "₹0"),
        ("NaN", "?"),
    ],
)
def test_rupees_are_grouped_in_lakh_and_crore(value: str, text: str) -> None:
    assert fmt.rupees(Decimal(value)) == text


def test_unknown_amount_is_never_zero() -> None:
    assert fmt.rupees(None) == "?"
    assert fmt.fit_amount(None, 5) == "    ?"


def test_signed_amounts_carry_the_plus_but_zero_none() -> None:
    assert fmt.rupees(Decimal(18450), signed=True) == "+₹18,450"
    assert fmt.rupees(Decimal(0), signed=True) == "₹0"


@pytest.mark.parametrize(
    ("width", "text"), [(9, "10,50,000"), (7, "10.50 L"), (5, "#####"), (1, "#"), (0, ""), (11, "  10,50,000")]
)
def test_number_that_does_not_fit_is_never_clipped(width: int, text: str) -> None:
    assert fmt.fit_amount(Decimal(1050000), width) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("3", "+3"),
        ("-10", "-10"),
        ("0", "0"),
        ("-1.50", "-1.5"),
        ("0.333", "+0.33"),
        ("1200", "+1,200"),
        ("0.0015", "≈0"),
        ("-0.001", "≈0"),
        ("2.998", "≈+3"),
    ],
)
def test_lots_have_a_sign_and_decimals_only_for_odd_remainders(value: str, text: str) -> None:
    assert fmt.lots(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(3, 10), "3/10"),
        (Fraction(1), "1"),
        (Fraction(104987, 351234), "≈0.2989"),
        (None, "–"),
        (Fraction(1, 99), "1/99"),
        (Fraction(1, 100), "≈0.0100"),
    ],
)
def test_ratios_are_fractions_while_readable(value: Fraction | None, text: str) -> None:
    assert fmt.ratio(value) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("0.32", "+32 %"),
        ("-0.254", "-25 %"),
        ("0.004", "0 %"),
        ("-0.004", "0 %"),
        ("0", "0 %"),
        ("1234.5", "+1,23,450 %"),
    ],
)
def test_parts_are_whole_percents_with_their_sign(part: str, text: str) -> None:
    assert fmt.percent(Decimal(part)) == text


def test_times_are_indian() -> None:
    assert fmt.clock(at("11:42:07")) == "11:42:07"
    assert fmt.short_clock(at("15:30:00")) == "15:30"
    assert fmt.clock(None) == "?"


def test_next_opening_names_the_day_when_it_is_another() -> None:
    now = at("16:00:00")
    assert fmt.day_clock(at("17:15:00"), now) == "17:15"
    assert fmt.day_clock(at("09:15:00") + 24 * 3600 * NS_PER_S, now) == "Tue 09:15"
    assert fmt.day_clock(at("09:15:00") + 10 * 24 * 3600 * NS_PER_S, now) == "12 Nov 09:15"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (Decimal("0.24"), "0.2 s"),
        (Decimal("9.99"), "9.9 s"),
        (Decimal(10), "10 s"),
        (Decimal(119), "119 s"),
        (Decimal(120), "2 min"),
        (Decimal(7500), "2 h 05 min"),
        (Decimal(200_000), "2 d"),
        (Decimal(-3), "0.0 s"),
    ],
)
def test_durations_are_short(seconds: Decimal, text: str) -> None:
    assert fmt.duration(int(seconds * NS_PER_S)) == text


def test_countdown_rounds_up_and_ends_with_now() -> None:
    assert fmt.countdown(NS_PER_S * 74 - 1, 0) == "74 s left"
    assert fmt.countdown(1, 0) == "1 s left"
    assert fmt.countdown(0, 5) == "now"
    assert fmt.countdown(NS_PER_S * 200, 0) == "3 min left"


def test_speed_is_shown_only_when_it_is_not_real_time() -> None:
    assert [fmt.speed(Decimal(x)) for x in ("1", "4", "0.5", "0", "Infinity")] == [
        "",
        "×4",
        "×0.5",
        "×max",
        "×max",
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("525000", 525000),
        ("5,25,000", 525000),
        ("₹5.25 L", 525000),
        ("1.2cr", 12000000),
        ("0", None),
        ("-5", None),
        ("1e9", None),
        ("", None),
        ("abc", None),
        ("٣", None),
        ("1.", None),
    ],
)
def test_typed_amounts_are_understood_or_refused(text: str, amount: int | None) -> None:
    assert fmt.parse_amount(text) == amount


def test_sparkline_is_scaled_to_the_largest() -> None:
    assert fmt.sparkline([0, 50, 100]) == "▁▄█"
    assert fmt.sparkline([]) == ""


def test_one_of_a_thing_is_called_so() -> None:
    assert [fmt.in_lots(n) for n in (0, 1, -1, 2, Decimal("0.5"))] == [
        "0 lots",
        "+1 lot",
        "-1 lot",
        "+2 lots",
        "+0.5 lots",
    ]
    assert fmt.in_lots(1, signed=False) == "1 lot"
    assert [fmt.counted(n, "leg") for n in (0, 1, 2)] == ["0 legs", "1 leg", "2 legs"]
    assert [fmt.lots_or_units(Decimal(n), lot) for n, lot in ((1, 65), (1, None), (-650, None))] == [
        "+1 lot", "+1 unit", "-650 units",
    ]  # fmt: skip
