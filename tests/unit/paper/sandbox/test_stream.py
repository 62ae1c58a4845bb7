"""The ticker through the official client: prices, modes, and every fault of its pushes."""

import queue
from collections.abc import Iterator

import pytest
from kiteconnect import KiteTicker

from brokers.zerodha.ticker import in_reactor
from tests.unit.paper.builders import NOW, levels
from tests.unit.paper.sandbox.stand import CALL, LOT, OTHER, PATIENCE_S, PUT, Json, Stand, Updates, buy, stand, updates


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        made.quote("100.00", "100.10")
        yield made


@pytest.fixture
def heard(desk: Stand) -> Iterator[Updates]:
    with updates(desk) as made:
        yield made


def token(desk: Stand, symbol: str = CALL) -> int:
    return next(int(i["instrument_token"]) for i in desk.kite().instruments() if i["tradingsymbol"] == symbol)


def listen(heard: Updates, mode: str, tokens: list[int]) -> None:
    in_reactor(heard.ticker.subscribe, tokens)
    in_reactor(heard.ticker.set_mode, mode, tokens)


def tick(heard: Updates, mode: str, last: float) -> Json:
    """The first tick of a mode with a last price."""
    while True:
        for one in heard.ticks.get(timeout=PATIENCE_S):
            if one["mode"] == mode and one["last_price"] == last:
                return one


def test_full_tick_has_the_book_of_both_sides(desk: Stand, heard: Updates) -> None:
    listen(heard, "full", [token(desk)])
    desk.quote("101.00", "101.10", bids=levels(("101.00", 650), ("100.95", 65)), asks=levels(("101.10", 1300)))
    told = tick(heard, "full", 101)
    assert told["depth"]["buy"][:2] == [
        {"quantity": 650, "price": 101, "orders": 1},
        {"quantity": 65, "price": 100.95, "orders": 1},
    ]
    assert told["depth"]["sell"][0] == {"quantity": 1300, "price": 101.1, "orders": 1}
    assert (told["total_buy_quantity"], told["total_sell_quantity"]) == (715, 1300)
    assert told["exchange_timestamp"].timestamp() == NOW // 10**9  # in the zone of the process
    assert told["tradable"] is True


def test_touch_is_the_whole_book_where_nothing_more_is_known(desk: Stand, heard: Updates) -> None:
    listen(heard, "full", [token(desk)])
    desk.quote("101.00", "101.10", bid_units=650, ask_units=1300)
    told = tick(heard, "full", 101)
    assert told["depth"]["buy"][0] == {"quantity": 650, "price": 101, "orders": 1}
    assert told["depth"]["sell"][0] == {"quantity": 1300, "price": 101.1, "orders": 1}


def test_quote_tick_has_the_range_of_the_day(desk: Stand, heard: Updates) -> None:
    listen(heard, "quote", [token(desk)])
    desk.quote("110.00", "110.10")
    desk.quote("95.00", "95.10")
    told = tick(heard, "quote", 95)
    assert told["ohlc"] == {"open": 100, "high": 110, "low": 95, "close": 100}
    assert told["change"] == -5


def test_last_price_alone(desk: Stand, heard: Updates) -> None:
    listen(heard, "ltp", [token(desk)])
    desk.quote("95.00", "95.10")
    assert set(tick(heard, "ltp", 95)) == {"tradable", "mode", "instrument_token", "last_price"}


def test_what_is_not_subscribed_is_not_told(desk: Stand, heard: Updates) -> None:
    listen(heard, "ltp", [token(desk), token(desk, PUT)])
    in_reactor(heard.ticker.unsubscribe, [token(desk, PUT)])
    desk.quote("95.00", "95.10")
    tick(heard, "ltp", 95)
    desk.quote("50.00", "50.10", PUT)
    desk.quote("96.00", "96.10")
    tick(heard, "ltp", 96)
    assert heard.ticks.empty()


def test_updates_of_another_are_not_told(desk: Stand, heard: Updates) -> None:
    buy(desk.kite(OTHER), units=2 * LOT)
    buy(desk.kite())
    assert heard.statuses(1) == [("COMPLETE", LOT)]


def test_gap_swallows_an_update(desk: Stand, heard: Updates) -> None:
    desk.push_fault("push_gap")
    buy(desk.kite(), units=2 * LOT)
    buy(desk.kite())
    assert heard.statuses(1) == [("COMPLETE", LOT)]


def test_repeated_update_comes_twice(desk: Stand, heard: Updates) -> None:
    desk.push_fault("push_repeat")
    buy(desk.kite(), units=2 * LOT)
    buy(desk.kite())
    assert heard.statuses(3) == [("COMPLETE", 2 * LOT)] * 2 + [("COMPLETE", LOT)]


def test_reordered_update_comes_behind_the_one_after_it(desk: Stand, heard: Updates) -> None:
    desk.push_fault("push_reorder")
    buy(desk.kite(), units=2 * LOT)
    buy(desk.kite())
    assert heard.statuses(2) == [("COMPLETE", LOT), ("COMPLETE", 2 * LOT)]


def test_late_partial_fill_comes_behind_the_completion(desk: Stand, heard: Updates) -> None:
    desk.push_fault("push_late_partial")
    order_id = buy(desk.kite(), units=2 * LOT)
    complete, late = heard.next(), heard.next()
    assert (complete["status"], complete["filled_quantity"]) == ("COMPLETE", 2 * LOT)
    assert (late["status"], late["filled_quantity"], late["unfilled_quantity"]) == ("UPDATE", LOT, LOT)
    assert complete["order_id"] == late["order_id"] == order_id


def test_frozen_connection_stays_open_and_says_nothing(desk: Stand, heard: Updates) -> None:
    desk.push_fault("freeze")
    buy(desk.kite(), units=2 * LOT)
    with updates(desk) as fresh:
        buy(desk.kite())
        assert fresh.statuses(1) == [("COMPLETE", LOT)]
    assert heard.waiting == 0
    assert heard.ticker.is_connected()


def test_connection_that_is_ended_comes_back_without_what_it_missed(desk: Stand) -> None:
    account = desk.me
    opened: queue.Queue[bool] = queue.Queue()
    rows: queue.Queue[Json] = queue.Queue()
    ticker = KiteTicker(account.api_key, account.access_token, root=desk.sandbox.ticker_url)
    ticker.on_connect = lambda _ws, _response: opened.put(True)
    ticker.on_order_update = lambda _ws, row: rows.put(row)
    ticker.on_error = ticker.on_close = lambda *_: None
    in_reactor(ticker.connect, True)
    try:
        opened.get(timeout=PATIENCE_S)
        desk.push_fault("disconnect")
        buy(desk.kite(), units=2 * LOT)
        opened.get(timeout=PATIENCE_S)
        buy(desk.kite())
        assert rows.get(timeout=PATIENCE_S)["filled_quantity"] == LOT
    finally:
        in_reactor(ticker.close)
