"""Dated market rules: sessions, freeze quantities and charges of known days."""

import ast
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytz
from hypothesis import given
from hypothesis import strategies as st

from config import rules
from config.fields import as_mapping, as_sequence, as_text
from config.limits import PAPER_BROKER, REAL_BROKERS
from config.load import load_document
from config.order_limits import OrderLimits
from config.rates import ChargeSegment
from config.rules import (
    charge_rates,
    covered_until,
    freeze_units,
    is_covered,
    is_holiday,
    ist,
    next_opening,
    next_trading_day,
    order_limits,
    sessions_around,
    to_ist,
    trading_sessions,
)


def hours(day: str) -> list[str]:
    return [
        f"{to_ist(opens):%H:%M}-{to_ist(closes):%H:%M}" for opens, closes in trading_sessions(date.fromisoformat(day))
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-02-01", ["09:15-15:30"]),  # budget on a Saturday
        ("2025-10-20", ["09:15-15:30"]),
        ("2025-10-21", ["13:45-14:45"]),  # Muhurat
        ("2025-10-22", []),
        ("2026-01-15", []),  # election, declared three days before
        ("2026-01-31", []),
        ("2026-02-01", ["09:15-15:30"]),  # budget on a Sunday
        ("2026-07-31", ["09:15-15:30"]),  # last day of the old hours
        ("2026-08-01", []),
        ("2026-08-03", ["09:15-15:40"]),  # first day of the new hours
        ("2026-11-02", ["09:15-15:40"]),
        ("2026-11-08", []),  # Muhurat of 2026 is not known
        ("2026-11-10", []),
        ("2024-12-31", []),
        ("2027-01-04", []),
    ],
)
def test_sessions_of_a_day(day: str, expected: list[str]) -> None:
    assert hours(day) == expected


def test_sessions_are_ns_utc() -> None:
    opens, closes = trading_sessions(date(2026, 11, 2))[0]
    assert opens == int(datetime(2026, 11, 2, 3, 45, tzinfo=UTC).timestamp()) * 10**9
    assert closes == int(datetime(2026, 11, 2, 10, 10, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(("year", "count"), [(2025, 249), (2026, 246)])
def test_number_of_trading_days(year: int, count: int) -> None:
    # The packages' 247 and 245 sessions of XBOM, plus the budget days and the Muhurat session that they do not have.
    days = [date(year, 1, 1) + timedelta(days=offset) for offset in range(365)]
    assert sum(bool(trading_sessions(day)) for day in days) == count


def test_year_without_data_is_not_covered() -> None:
    assert [is_covered(date(year, 6, 1)) for year in (2024, 2025, 2026, 2027)] == [False, True, True, False]


def test_holiday_has_a_name_and_a_weekend_none() -> None:
    assert is_holiday(date(2026, 12, 25)) == "Christmas"
    assert is_holiday(date(2026, 12, 26)) is None


def test_holidays_are_weekdays() -> None:
    # One on a weekend would be a misread date.
    days = [date(2025, 1, 1) + timedelta(days=offset) for offset in range(730)]
    holidays = [day for day in days if is_holiday(day)]
    assert len(holidays) == 14 + 16
    assert all(day.weekday() < 5 for day in holidays)


def test_sessions_around_a_day_are_in_order() -> None:
    sessions = sessions_around(date(2026, 10, 2), days_before=2, days_after=4)
    assert [to_ist(opens).date().isoformat() for opens, _ in sessions] == [
        "2026-09-30",
        "2026-10-01",
        "2026-10-05",
        "2026-10-06",
    ]


def test_after_the_end_of_the_calendar_weekdays_have_the_usual_hours_and_are_no_trading_days() -> None:
    sessions = sessions_around(date(2027, 1, 1), days_before=1, days_after=3)
    assert [f"{to_ist(opens):%m-%d %H:%M}-{to_ist(closes):%H:%M}" for opens, closes in sessions] == [
        "12-31 09:15-15:40",
        "01-01 09:15-15:40",
        "01-04 09:15-15:40",
    ]
    assert [covered_until(), next_opening(date(2026, 12, 31)), next_opening(date(2026, 11, 6))] == [
        date(2026, 12, 31),
        date(2027, 1, 1),
        date(2026, 11, 9),
    ]
    assert sessions_around(date(2024, 6, 5), 0, 0) == trading_sessions(date(2027, 1, 1)) == ()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-06", "2026-11-09"),
        ("2026-11-09", "2026-11-11"),
        ("2026-01-30", "2026-02-01"),
        ("2024-12-31", "2025-01-01"),
        ("2026-12-30", "2026-12-31"),
        ("2026-12-31", None),
    ],
)
def test_next_trading_day(day: str, expected: str | None) -> None:
    found = next_trading_day(date.fromisoformat(day))
    assert (found.isoformat() if found is not None else None) == expected


@given(st.dates(date(2024, 1, 1), date(2028, 1, 1)))
def test_sessions_lie_in_their_day_and_do_not_overlap(day: date) -> None:
    ends = [end for session in trading_sessions(day) for end in session]
    assert ends == sorted(set(ends))
    assert all(to_ist(end).date() == day for end in ends)


# Times


@given(st.integers(0, 2**62))
def test_ist_agrees_with_the_zone_database(ns: int) -> None:
    moment = to_ist(ns)
    seconds = datetime.fromtimestamp(ns // 10**9, pytz.timezone("Asia/Kolkata"))
    assert moment.replace(microsecond=0).isoformat() == seconds.isoformat()
    assert moment.microsecond == ns % 10**9 // 1000


@pytest.mark.parametrize(("text", "clock"), [("09:15", "09:15:00"), ("23:59:59", "23:59:59")])
def test_time_of_day_goes_both_ways(text: str, clock: str) -> None:
    assert f"{to_ist(ist(date(2026, 11, 2), text)):%Y-%m-%d %H:%M:%S}" == f"2026-11-02 {clock}"


@pytest.mark.parametrize("text", ["", "9:15", "24:00", "noon"])
def test_no_time_of_day_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ist(date(2026, 11, 2), text)


# Freeze quantities and charges


@pytest.mark.parametrize(
    ("underlying", "day", "units"),
    [
        ("NIFTY", "2026-10-04", 1800),
        ("NIFTY", "2026-10-05", 3510),
        ("NIFTY", "2027-06-01", 3510),
        ("BANKNIFTY", "2025-08-31", 600),
        ("BANKNIFTY", "2025-09-01", 900),
        ("BANKNIFTY", "2025-11-03", 600),
        ("BANKNIFTY", "2026-11-02", 1440),
        ("FINNIFTY", "2026-11-02", 3240),
        ("MIDCPNIFTY", "2026-11-02", 5760),
        ("NIFTYNXT50", "2026-11-02", 1125),
        ("SENSEX", "2026-11-02", 1000),
        ("BANKEX", "2026-11-02", 900),
        ("NIFTY", "2025-06-30", None),
        ("RELIANCE", "2026-11-02", None),
        ("nifty", "2026-11-02", None),
    ],
)
def test_freeze_quantity(underlying: str, day: str, units: int | None) -> None:
    assert freeze_units(underlying, date.fromisoformat(day)) == units


@pytest.mark.parametrize(
    ("underlying", "lots", "lot"),
    [("NIFTY", 54, 65), ("BANKNIFTY", 48, 30), ("FINNIFTY", 54, 60), ("MIDCPNIFTY", 48, 120), ("NIFTYNXT50", 45, 25)],
)
def test_freeze_quantity_of_october_2026_is_whole_lots(underlying: str, lots: int, lot: int) -> None:
    assert freeze_units(underlying, date(2026, 10, 5)) == lots * lot


@pytest.mark.parametrize(
    ("day", "options_stt", "futures_stt"),
    [("2024-10-01", "0.1", "0.02"), ("2026-03-31", "0.1", "0.02"), ("2026-04-01", "0.15", "0.05")],
)
def test_stt_changes_with_the_budget(day: str, options_stt: str, futures_stt: str) -> None:
    rates = charge_rates(date.fromisoformat(day))
    assert rates is not None
    assert rates.segments[ChargeSegment.OPTIONS].stt_sell_pct == Decimal(options_stt)
    assert rates.segments[ChargeSegment.FUTURES].stt_sell_pct == Decimal(futures_stt)


def test_days_before_the_first_table_have_no_charges() -> None:
    assert charge_rates(date(2024, 9, 30)) is None


def test_options_pay_a_flat_brokerage_and_futures_the_smaller_one() -> None:
    rates = charge_rates(date(2026, 11, 2))
    assert rates is not None
    options, futures = rates.segments[ChargeSegment.OPTIONS], rates.segments[ChargeSegment.FUTURES]
    assert (options.brokerage_pct, options.brokerage_max_inr) == (Decimal(0), Decimal(20))
    assert (futures.brokerage_pct, futures.brokerage_max_inr) == (Decimal("0.03"), Decimal(20))
    assert rates.gst_pct == 18


def test_options_round_trip_costs_what_is_computed_by_hand() -> None:
    # 1 lot of 65 sold at 100 and bought back at 50: turnover 6,500 and 3,250.
    rates = charge_rates(date(2026, 11, 2))
    assert rates is not None
    options = rates.segments[ChargeSegment.OPTIONS]
    stt = 6500 * options.stt_sell_pct / 100
    exchange = 9750 * options.exchange_pct / 100
    sebi = 9750 * options.sebi_pct / 100
    stamp = 3250 * options.stamp_buy_pct / 100
    gst = (40 + exchange + sebi) * rates.gst_pct / 100
    assert (stt, sebi, stamp) == (Decimal("9.75"), Decimal("0.00975"), Decimal("0.0975"))
    assert round(40 + stt + exchange + sebi + stamp + gst, 2) == Decimal("61.15")


# The data itself


@pytest.mark.parametrize("name", ["calendar", "freeze", "charges"])
def test_every_entry_of_the_data_has_its_source(name: str) -> None:
    text = (rules.DATA / f"{name}.yaml").read_text(encoding="utf-8")
    dated = len(re.findall(r"(since|date): 20[0-9]{2}-", text))
    assert dated > 0
    assert len(re.findall(r"source: \S", text)) == dated


def test_entries_of_the_data_are_in_the_order_of_their_dates() -> None:
    calendar = load_document(rules.DATA / "calendar.yaml")
    lists = [
        *(load_document(rules.DATA / "freeze.yaml").entries or {}).values(),
        load_document(rules.DATA / "charges.yaml"),
    ]
    for node in [*lists, calendar.at(("hours",))]:
        dates = [item.at(("since",)).text for item in node.items or ()]
        assert dates == sorted({each for each in dates if each is not None})


def test_rules_do_not_ask_for_the_time() -> None:
    tree = ast.parse(Path(rules.__file__).read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"now", "today", "utcnow", "time_ns", "monotonic"}


CALENDARS = Path("../shared/data/calendar/calendar_packages_printout.txt")


@pytest.mark.skipif(not CALENDARS.is_file(), reason="the printed calendars are not beside this checkout")
@pytest.mark.parametrize("year", [2025, 2026])
def test_weekday_closures_agree_with_the_calendar_packages(year: int) -> None:
    line = next(
        line
        for line in CALENDARS.read_text(encoding="utf-8").splitlines()
        if line.startswith("exchange_calendars") and f"XBOM {year}:" in line
    )
    printed = re.findall(rf"'({year}-\d\d-\d\d) ", line)
    days = [date(year, 1, 1) + timedelta(days=offset) for offset in range(365)]
    assert [day.isoformat() for day in days if is_holiday(day)] == printed


# How many orders a broker takes


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("zerodha", OrderLimits(second=8, minute=400, hour=None, day_placements=5000)),
        ("angel_one", OrderLimits(second=8, minute=500, hour=1000, day_placements=None)),
        ("paper", OrderLimits(second=8, minute=400, hour=None, day_placements=5000)),
        ("somebody", None),
    ],
)
def test_order_limits_of_a_broker(broker: str, expected: OrderLimits | None) -> None:
    assert order_limits(broker, date(2026, 11, 2)) == expected


@pytest.mark.parametrize("broker", [*REAL_BROKERS, PAPER_BROKER])
def test_every_broker_has_limits_on_every_day(broker: str) -> None:
    for day in (date(2020, 1, 1), date(2026, 3, 31), date(2026, 4, 1), date(2030, 1, 1)):
        assert order_limits(broker, day) is not None


def test_order_limits_have_their_sources() -> None:
    for rows in as_mapping(load_document(rules.DATA / "order_limits.yaml")).values():
        sources = [as_text(as_mapping(row)["source"]) for row in as_sequence(rows)]
        assert sources
        assert all(sources)
