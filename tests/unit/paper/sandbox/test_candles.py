"""Candles through the official client: of what the market has shown, and of nothing else."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from kiteconnect.exceptions import InputException, NetworkException
from msgspec.structs import replace

from paper.sandbox.candles import DAYS_MOST, KEPT_MOST, MINUTES, Candles
from tests.unit.paper.builders import CALL, NOW, quote
from tests.unit.paper.sandbox.stand import PUT, Json, Stand, stand
from tests.unit.paper.sandbox.test_client import MOCKS

DAY = datetime(2026, 11, 2)
MINUTE_NS = 60_000_000_000


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        yield made


def token(desk: Stand, symbol: str = CALL) -> int:
    return next(number for number, name in desk.sandbox.desk.tokens.by_token.items() if name == f"NFO:{symbol}")


def show(desk: Stand, time: str, last: str, volume: int = 0, interest: int = 0) -> None:
    desk.to(time)
    desk.quote(last, str(Decimal(last) + 1), volume=volume, interest=interest)


def candles(desk: Stand, interval: str = "minute", *, symbol: str = CALL, until: str = "23:59:59", **more: Any) -> Any:
    found = desk.kite().historical_data(
        token(desk, symbol), "2026-11-02 00:00:00", f"2026-11-02 {until}", interval, **more
    )
    return [
        {key: str(value) for key, value in row.items()} | {"date": row["date"].strftime("%H:%M %z")} for row in found
    ]


def candle(time: str, *prices: float, volume: int = 0) -> Json:
    names = ("open", "high", "low", "close")
    return {"date": f"{time} +0530", **dict(zip(names, map(str, prices), strict=True)), "volume": str(volume)}


def walk(desk: Stand) -> None:
    """From 09:30 on, with a minute in which nothing was quoted."""
    for time, last, volume in (
        ("09:30:10", "100.5", 1000),
        ("09:30:20", "104.5", 1100),
        ("09:30:59", "98.5", 1250),
        ("09:31:00", "99.5", 1300),
        ("09:33:30", "103.5", 1400),
        ("09:45:00", "90.5", 1500),
    ):
        show(desk, time, last, volume)


def test_minute_has_what_was_traded_in_it(desk: Stand) -> None:
    walk(desk)
    assert candles(desk) == [
        candle("09:30", 100.5, 104.5, 98.5, 98.5, volume=250),
        candle("09:31", 99.5, 99.5, 99.5, 99.5, volume=50),
        candle("09:33", 103.5, 103.5, 103.5, 103.5, volume=100),
        candle("09:45", 90.5, 90.5, 90.5, 90.5, volume=100),
    ]


@pytest.mark.parametrize(
    ("interval", "times"),
    [("3minute", ["09:30", "09:33", "09:45"]), ("10minute", ["09:25", "09:45"]), ("15minute", ["09:30", "09:45"])],
)
def test_longer_candles_are_counted_from_the_opening(desk: Stand, interval: str, times: list[str]) -> None:
    walk(desk)
    assert [row["date"][:5] for row in candles(desk, interval)] == times


@pytest.mark.parametrize(("interval", "time"), [("60minute", "09:15"), ("day", "00:00")])
def test_longest_candles_hold_everything(desk: Stand, interval: str, time: str) -> None:
    walk(desk)
    assert candles(desk, interval) == [candle(time, 100.5, 104.5, 90.5, 90.5, volume=500)]


def test_open_interest_is_told_where_it_is_asked_for(desk: Stand) -> None:
    show(desk, "09:30:10", "100.5", 10, interest=6500)
    show(desk, "09:30:20", "100.5", 10, interest=7150)
    assert [row["oi"] for row in candles(desk, oi=True)] == ["7150"]
    assert "oi" not in candles(desk)[0]


def test_span_is_that_of_the_beginnings(desk: Stand) -> None:
    walk(desk)
    assert [row["date"][:5] for row in candles(desk, until="09:33:00")] == ["09:30", "09:31", "09:33"]
    assert [row["date"][:5] for row in candles(desk, until="09:32:59")] == ["09:30", "09:31"]


def test_what_was_never_quoted_has_no_candle(desk: Stand) -> None:
    walk(desk)
    assert candles(desk, symbol=PUT) == []


def test_span_that_ends_before_it_begins_has_none(desk: Stand) -> None:
    walk(desk)
    assert desk.kite().historical_data(token(desk), DAY + timedelta(days=1), DAY, "minute") == []


def test_volume_begins_anew_with_the_day() -> None:
    kept = Candles()
    for at_ns, volume in ((NOW, 500), (NOW + MINUTE_NS, 650), (NOW + 1440 * MINUTE_NS, 40)):
        kept.see([replace(quote(at_ns=at_ns), volume_units=volume)])
    form = {"from": "2026-11-01", "to": "2026-11-30"}
    (instrument,) = kept._minutes
    assert [row[5] for row in kept.between(instrument, "minute", form)["candles"]] == [0, 150, 40]
    assert [row[5] for row in kept.between(instrument, "day", form)["candles"]] == [150, 40]


def test_only_so_many_minutes_are_kept() -> None:
    kept = Candles()
    for number in range(KEPT_MOST + 5):
        kept.see([quote(at_ns=NOW + number * MINUTE_NS)])
    (minutes,) = kept._minutes.values()
    assert len(minutes) == KEPT_MOST


@pytest.mark.parametrize("interval", MINUTES)
def test_longest_span_is_taken_and_a_longer_one_is_refused(desk: Stand, interval: str) -> None:
    kite, most = desk.kite(), timedelta(days=DAYS_MOST[interval])
    assert kite.historical_data(token(desk), DAY - most, DAY, interval) == []
    with pytest.raises(InputException, match=str(most.days)):
        kite.historical_data(token(desk), DAY - most - timedelta(seconds=1), DAY, interval)


@pytest.mark.parametrize(
    ("number", "start", "interval"),
    [(1, DAY, "minute"), ("x", DAY, "minute"), (None, "yesterday", "minute"), (None, DAY, "week"), (None, "", "day")],
)
def test_wrong_request_is_refused(desk: Stand, number: object, start: object, interval: str) -> None:
    with pytest.raises(InputException, match="Invalid"):
        desk.kite().historical_data(number or token(desk), start, DAY, interval)


def test_fourth_request_of_a_second_is_refused() -> None:
    with stand(limits=True) as desk:
        kite = desk.kite()
        for _ in range(3):
            kite.historical_data(token(desk), DAY, DAY, "day")
        with pytest.raises(NetworkException, match="Too many"):
            kite.historical_data(token(desk), DAY, DAY, "day")
        assert kite.orders() == []


@pytest.mark.parametrize(("name", "oi"), [("historical_minute", False), ("historical_oi", True)])
def test_answer_has_the_form_of_the_vendors_example(desk: Stand, name: str, oi: bool) -> None:
    if not MOCKS.exists():
        pytest.skip("shared/data/kite-mocks is not beside the checkout")
    show(desk, "09:30:10", "100.5", 10, interest=6500)
    kite = desk.kite()
    query = {"from": "2026-11-02 00:00:00", "to": "2026-11-03 00:00:00", "interval": "minute", "oi": int(oi)}
    found = kite._get("market.historical", {"instrument_token": token(desk), "interval": "minute"}, query)
    example = json.loads((MOCKS / f"{name}.json").read_text())["data"]
    assert found.keys() == example.keys()
    assert found["candles"][0][0] == "2026-11-02T09:30:00+0530"
    numbers = (int, float)
    shapes = [
        [str if isinstance(v, str) else isinstance(v, numbers) for v in row["candles"][0]] for row in (found, example)
    ]
    assert shapes[0] == shapes[1]
