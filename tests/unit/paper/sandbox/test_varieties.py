"""Icebergs, slices and orders for the opening, placed, modified and cancelled through the official client."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, NetworkException

from engine.model import Side
from paper.sandbox import rows
from tests.unit.paper.builders import CALL, future, ns, option
from tests.unit.paper.sandbox.stand import (
    BSE_FUTURE,
    FUT,
    LAST_DAY,
    LOT,
    Json,
    Stand,
    buy,
    history,
    row,
    stand,
    updates,
)

FREEZE = 3510
EVENING, MORNING = ns("16:00"), ns("09:00")


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        made.quote("100.00", "100.10")
        yield made


@pytest.fixture
def closed() -> Iterator[Stand]:
    with stand(at_ns=MORNING) as made:
        yield made


def slice_up(kite: KiteConnect, units: int, **more: str) -> Json:
    placed = kite.place_autoslice_order(
        "regular", "NFO", CALL, "BUY", units, "NRML", "LIMIT", price=100.10, validity="DAY", **more
    )
    assert isinstance(placed, dict)
    return placed


def iceberg(kite: KiteConnect, units: int, legs: int, leg: int, price: str = "100.10", **more: str) -> str:
    return buy(kite, price, units, variety="iceberg", iceberg_legs=legs, iceberg_quantity=leg, **more)


# Icebergs


def test_next_leg_comes_when_the_one_before_is_filled(desk: Stand) -> None:
    kite = desk.kite()
    first = iceberg(kite, 5 * LOT, 3, 2 * LOT, price="90.00", tag="berg")
    assert [r["quantity"] for r in kite.orders()] == [2 * LOT]
    desk.quote("89.90", "90.00")
    shown = kite.orders()
    assert [r["status"] for r in shown] == ["COMPLETE"] * 3
    assert [r["quantity"] for r in shown] == [2 * LOT, 2 * LOT, LOT]
    assert [r["parent_order_id"] for r in shown] == [None, first, first]
    assert [r["meta"]["iceberg"] for r in shown] == [
        {"leg": n, "legs": 3, "leg_quantity": units, "total_quantity": 5 * LOT, "remaining_quantity": left}
        for n, units, left in ((1, 2 * LOT, 3 * LOT), (2, 2 * LOT, LOT), (3, LOT, 0))
    ]
    assert {r["variety"] for r in shown} == {"iceberg"}
    assert {r["tag"] for r in shown} == {"berg"}


def test_cancelled_leg_is_the_last_one(desk: Stand) -> None:
    kite = desk.kite()
    kite.cancel_order("iceberg", iceberg(kite, 4 * LOT, 2, 2 * LOT, price="90.00"))
    desk.quote("89.90", "90.00")
    assert [r["status"] for r in kite.orders()] == ["CANCELLED"]


def test_modified_price_holds_for_the_legs_after_it(desk: Stand) -> None:
    kite = desk.kite()
    first = iceberg(kite, 4 * LOT, 2, 2 * LOT, price="90.00")
    kite.modify_order("iceberg", first, price=95)
    desk.quote("94.90", "95.00")
    assert [(r["status"], r["price"]) for r in kite.orders()] == [("COMPLETE", 95), ("COMPLETE", 95)]


@pytest.mark.parametrize(
    ("legs", "leg", "words"),
    [
        (1, 4 * LOT, "iceberg_legs"),
        (51, LOT, "iceberg_legs"),
        (2, LOT, "iceberg_quantity"),
        (3, 4 * LOT, "iceberg_quantity"),
    ],
)
def test_impossible_iceberg_is_refused_and_nothing_is_placed(desk: Stand, legs: int, leg: int, words: str) -> None:
    kite = desk.kite()
    with pytest.raises(InputException, match=words):
        iceberg(kite, 4 * LOT, legs, leg)
    assert kite.orders() == []


def test_fifty_legs_are_taken(desk: Stand) -> None:
    kite = desk.kite()
    iceberg(kite, 50 * LOT, 50, LOT)
    assert len(kite.orders()) == 50


# Slices


def test_slices_are_orders_with_the_freeze_quantity_and_the_marks_of_their_parent(desk: Stand) -> None:
    kite = desk.kite()
    placed = slice_up(kite, 2 * FREEZE + LOT, tag="mine")
    ids = [child["order_id"] for child in placed["children"]]
    assert [(r["order_id"], r["quantity"]) for r in kite.orders()] == list(zip(ids, (FREEZE, FREEZE, LOT), strict=True))
    parent = placed["order_id"]
    assert parent not in ids
    assert {tuple(r["tags"]) for r in kite.orders()} == {("mine", "autoslice", f"autoslice:{parent}")}


def test_exactly_the_freeze_quantity_is_one_slice(desk: Stand) -> None:
    assert len(slice_up(desk.kite(), FREEZE)["children"]) == 1


def test_below_the_freeze_quantity_there_is_nothing_to_slice(desk: Stand) -> None:
    kite = desk.kite()
    with pytest.raises(InputException, match=r"^Quantity should be greater than or equal to 3510 for order slicing.$"):
        slice_up(kite, FREEZE - LOT)
    assert kite.orders() == []


def test_more_than_ten_slices_are_refused(desk: Stand) -> None:
    kite = desk.kite()
    with pytest.raises(InputException, match="slices"):
        slice_up(kite, 10 * FREEZE + LOT)
    assert kite.orders() == []
    assert len(slice_up(kite, 10 * FREEZE)["children"]) == 10


def test_slice_without_margin_is_an_error_among_the_others() -> None:
    with stand(capital=Decimal(500_000)) as desk:
        desk.quote("100.00", "100.10")
        kite = desk.kite()
        children = slice_up(kite, 2 * FREEZE)["children"]
        assert [set(child) for child in children] == [{"order_id"}, {"error"}]
        error = children[1]["error"]
        assert (error["code"], error["error_type"], error["data"]) == (400, "MarginException", None)
        assert error["message"].startswith("Insufficient funds. Required margin is ")
        assert len(kite.orders()) == 1


def test_order_above_the_freeze_quantity_is_refused_without_slices(desk: Stand) -> None:
    kite = desk.kite()
    with pytest.raises(InputException, match=r"quantity 3575 \(55 lots\) is higher than the maximum"):
        buy(kite, units=FREEZE + LOT)
    assert kite.orders() == []


# For the opening


def test_order_for_the_opening_waits_unpushed_and_goes_to_the_exchange_then(closed: Stand) -> None:
    kite = closed.kite()
    with updates(closed) as heard:
        order_id = buy(kite, variety="amo", tag="early")
        shown = row(kite, order_id)
        assert (shown["status"], shown["variety"], shown["exchange_order_id"]) == ("AMO REQ RECEIVED", "amo", None)
        closed.to("09:14:59")
        assert row(kite, order_id)["status"] == "AMO REQ RECEIVED"
        closed.to("09:15")
        closed.quote("100.00", "100.10")
        assert heard.statuses(1) == [("COMPLETE", LOT)]
        assert heard.waiting == 0
    assert history(kite, order_id)[:2] == ["PUT ORDER REQ RECEIVED", "AMO REQ RECEIVED"]
    shown = row(kite, order_id)
    assert (shown["status"], shown["tag"], shown["variety"]) == ("COMPLETE", "early", "amo")
    assert len(kite.orders()) == 1


def test_book_is_that_of_one_day_and_positions_stay() -> None:
    with stand(at_ns=ns("15:39")) as desk:
        desk.quote("100.00", "100.10")
        kite = desk.kite()
        buy(kite)
        resting = iceberg(kite, 4 * LOT, 2, 2 * LOT, price="90.00")
        desk.to("15:40")
        assert row(kite, resting)["status"] == "CANCELLED"
        waiting = buy(kite, "90.00", variety="amo")
        kite = relogged(desk)
        assert [r["order_id"] for r in kite.orders()] == [waiting]
        assert kite.trades() == []
        found = kite.positions()
        assert [(p["quantity"], p["overnight_quantity"]) for p in found["net"]] == [(LOT, LOT)]
        assert found["day"] == []
        desk.to("09:15", day=3)
        assert row(kite, waiting)["status"] == "OPEN"
        assert len(kite.orders()) == 1


def test_cash_of_the_next_morning_has_the_result_of_the_day() -> None:
    with stand(at_ns=ns("15:39")) as desk:
        desk.quote("100.00", "100.10")
        kite = desk.kite()
        buy(kite)
        desk.quote("110.00", "110.10")
        kite.place_order("regular", "NFO", CALL, "SELL", LOT, "NRML", "MARKET", market_protection=-1)
        before = kite.margins("equity")
        found = relogged(desk).margins("equity")
    cash = before["available"]["cash"]
    assert before["utilised"]["debits"] < 0
    assert (found["available"]["cash"], found["utilised"]["debits"]) == (before["net"], 0)
    assert found["available"]["cash"] > cash


def test_order_after_the_close_waits_for_the_next_day() -> None:
    with stand(at_ns=EVENING) as desk:
        kite = desk.kite()
        order_id = buy(kite, "90.00", variety="amo")
        kite = relogged(desk)
        desk.to("09:15", day=3)
        assert row(kite, order_id)["status"] == "OPEN"


def relogged(desk: Stand) -> KiteConnect:
    """A session that lives on the next day, too."""
    desk.to("06:00", day=3)
    kite = desk.kite()
    session = kite.generate_session(desk.me.request_token, desk.me.api_secret)
    kite.set_access_token(session["access_token"])
    return kite


def test_waiting_order_is_modified_and_cancelled_without_an_update(closed: Stand) -> None:
    kite = closed.kite()
    with updates(closed) as heard:
        kept, dropped = buy(kite, "90.00", variety="amo"), buy(kite, "90.00", variety="amo")
        kite.modify_order("amo", kept, price=91, quantity=2 * LOT)
        kite.cancel_order("amo", dropped)
        assert [(r["status"], r["price"], r["quantity"]) for r in kite.orders()] == [
            ("AMO REQ RECEIVED", 91, 2 * LOT),
            ("CANCELLED", 90, LOT),
        ]
        closed.to("09:15")
        closed.quote("90.90", "91.00")
        assert heard.statuses(1) == [("COMPLETE", 2 * LOT)]
        assert heard.waiting == 0
    assert [r["status"] for r in kite.orders()] == ["COMPLETE", "CANCELLED"]


def test_cancelled_waiting_order_is_not_there_to_cancel_again(closed: Stand) -> None:
    kite = closed.kite()
    order_id = buy(kite, "90.00", variety="amo")
    kite.cancel_order("amo", order_id)
    with pytest.raises(InputException):
        kite.cancel_order("amo", order_id)
    assert history(kite, order_id)[-1] == "CANCELLED"


def test_order_for_the_opening_is_refused_while_the_market_is_open(desk: Stand) -> None:
    kite = desk.kite()
    with pytest.raises(InputException, match="while the market is open"):
        buy(kite, variety="amo")
    assert kite.orders() == []


def test_other_orders_are_refused_while_the_market_is_closed(closed: Stand) -> None:
    kite = closed.kite()
    with pytest.raises(InputException, match="Markets are closed"):
        buy(kite)
    assert kite.orders() == []


def test_order_that_cannot_be_is_not_kept_for_the_opening(closed: Stand) -> None:
    kite = closed.kite()
    order_id = buy(kite, "90.00", variety="amo")
    with pytest.raises(InputException, match="Tick size"):
        buy(kite, "90.02", variety="amo")
    with pytest.raises(InputException, match="Tick size"):
        kite.modify_order("amo", order_id, price=90.02)
    assert [(r["order_id"], r["price"]) for r in kite.orders()] == [(order_id, 90)]


def test_refusal_at_the_opening_is_a_rejected_row_and_pushed(closed: Stand) -> None:
    kite = closed.kite()
    with updates(closed) as heard:
        order_id = buy(kite, "90.00", units=FREEZE, variety="amo")
        closed.sandbox.exchange.set_available("ZC0001", Decimal(1))
        closed.to("09:15")
        assert heard.statuses(1) == [("REJECTED", 0)]
    assert row(kite, order_id)["status_message"].startswith("Insufficient funds")


def test_what_is_not_listed_any_more_at_the_opening_is_rejected_then() -> None:
    with stand(at_ns=EVENING) as desk:
        kite = desk.kite()
        order_id = kite.place_order("amo", "NFO", LAST_DAY, "BUY", LOT, "NRML", "LIMIT", price=1)
        kite = relogged(desk)
        with updates(desk) as heard:
            desk.to("09:15", day=3)
            assert heard.statuses(1) == [("REJECTED", 0)]
        shown = row(kite, order_id)
        assert (shown["status"], shown["exchange_order_id"]) == ("REJECTED", None)
        assert "expired" in shown["status_message"]
        assert "expired" in shown["status_message_raw"]


# All of them


@pytest.mark.parametrize(("symbol", "exchange"), [(CALL, "NFO"), (BSE_FUTURE, "BFO")])
def test_stop_at_the_market_is_refused_where_the_exchange_has_none(desk: Stand, symbol: str, exchange: str) -> None:
    kite = desk.kite()
    terms = {"order_type": "SL-M", "trigger_price": 110, "market_protection": -1}
    with pytest.raises(InputException, match="SL-M"):
        kite.place_order("regular", exchange, symbol, "BUY", LOT, "NRML", **terms)
    assert kite.orders() == []
    taken = kite.place_order("regular", "NFO", FUT, "BUY", LOT, "NRML", **terms)
    shown = row(kite, taken)
    assert (shown["status"], shown["order_type"], shown["price"]) == ("TRIGGER PENDING", "SL-M", 0)
    assert shown["tags"] == ["mktp"]


@pytest.mark.parametrize("variety", ["co", "auction", "bo"])
def test_other_varieties_are_not_taken(desk: Stand, variety: str) -> None:
    with pytest.raises(InputException, match=variety):
        buy(desk.kite(), variety=variety)


@pytest.mark.parametrize(("variety", "at_ns"), [("regular", ns("09:30")), ("iceberg", ns("09:30")), ("amo", MORNING)])
def test_order_is_modified_twenty_five_times_and_no_more(variety: str, at_ns: int) -> None:
    with stand(at_ns=at_ns) as desk:
        kite = desk.kite()
        more = {"iceberg_legs": 2, "iceberg_quantity": LOT} if variety == "iceberg" else {}
        order_id = buy(kite, "90.00", 2 * LOT, variety=variety, **more)
        for number in range(25):
            kite.modify_order(variety, order_id, price=91 + number % 2)
        with pytest.raises(InputException, match=r"^Maximum allowed order modifications exceeded.$"):
            kite.modify_order(variety, order_id, price=95)
        assert row(kite, order_id)["price"] == 91


def test_order_for_some_minutes_is_cancelled_after_them(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00", validity="TTL", validity_ttl=2)
    shown = row(kite, order_id)
    assert (shown["validity"], shown["validity_ttl"]) == ("TTL", 2)
    desk.later(119)
    assert row(kite, order_id)["status"] == "OPEN"
    desk.later(1)
    assert row(kite, order_id)["status"] == "CANCELLED"


def test_market_order_stays_one_without_new_protection_and_a_limit_order_becomes_none(desk: Stand) -> None:
    kite = desk.kite()
    waiting = kite.place_order(
        "regular", "NFO", "NIFTY26NOV24500PE", "BUY", LOT, "NRML", "MARKET", market_protection=-1
    )
    kite.modify_order("regular", waiting, order_type="MARKET", quantity=2 * LOT)
    resting = buy(kite, "90.00")
    with pytest.raises(InputException, match="without market protection"):
        kite.modify_order("regular", resting, order_type="MARKET")
    assert row(kite, resting)["price"] == 90
    kite.modify_order("regular", resting, order_type="MARKET", market_protection=-1)
    shown = row(kite, resting)
    assert (shown["status"], shown["order_type"], shown["price"]) == ("COMPLETE", "LIMIT", 102.1)
    assert shown["tags"] == ["mktp", "mktp:2.00"]
    assert {r["price"] for r in kite.order_history(resting)} == {90, 102.1}
    kite.modify_order("regular", waiting, order_type="LIMIT", price=50)
    shown = row(kite, waiting)
    assert (shown["status"], shown["price"], "tags" in shown) == ("OPEN", 50, False)


@pytest.mark.parametrize(
    ("what", "market", "limit", "mark"),
    [
        ("option below 10", "9.90", "10.40", "mktp:5.00"),
        ("option below 100", "50.00", "51.50", "mktp:3.00"),
        ("option below 500", "100.00", "102.00", "mktp:2.00"),
        ("option above", "500.00", "505.00", "mktp:1.00"),
        ("future", "24500.00", "24622.50", "mktp:0.50"),
    ],
)
def test_own_protection_follows_the_bands(what: str, market: str, limit: str, mark: str) -> None:
    instrument = future() if what == "future" else option()
    found = rows.protected(Decimal(-1), Side.BUY, Decimal(market), instrument)
    assert found == (Decimal(limit), mark)


def test_day_counts_legs_and_slices_each(desk: Stand) -> None:
    kite = desk.kite()
    iceberg(kite, 4 * LOT, 4, LOT)
    slice_up(kite, 2 * FREEZE)
    assert desk.me.limits.placed_today == 6


def test_request_beyond_the_day_places_no_part_of_it() -> None:
    with stand(limits=True) as desk:
        desk.quote("100.00", "100.10")
        desk.me.limits.takes_order(desk.clock.now_ns(), places=False)
        desk.me.limits.placed_today = 4998
        kite = desk.kite()
        with pytest.raises(NetworkException, match=r"Maximum allowed order requests exceeded.") as caught:
            iceberg(kite, 4 * LOT, 4, LOT)
        assert caught.value.code == 429
        assert kite.orders() == []
