"""The order book as the official client reads it: statuses, histories, ids, and what of it is pushed."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from kiteconnect.exceptions import InputException

from paper.sandbox.ids import OrderIds
from tests.unit.paper.builders import NOW
from tests.unit.paper.sandbox.stand import LOT, Stand, buy, history, row, stand, updates

OPENED = ["PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN"]
MODIFIED = ["MODIFY VALIDATION PENDING", "MODIFY PENDING", "MODIFIED", "OPEN"]


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        made.quote("100.00", "100.10")
        yield made


def test_resting_order_passes_the_interim_statuses_before_the_exchange_has_it(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00")
    rows = kite.order_history(order_id)
    assert [r["status"] for r in rows] == OPENED
    assert [r["exchange_order_id"] is None for r in rows] == [True, True, True, False]
    assert [r["exchange_timestamp"] is None for r in rows] == [True, True, True, False]


def test_filled_order_has_one_row_more_and_its_trade(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite)
    assert history(kite, order_id) == [*OPENED, "COMPLETE"]
    assert [t["quantity"] for t in kite.order_trades(order_id)] == [LOT]


def test_cancelled_order_passes_cancel_pending_and_keeps_its_open_units(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00")
    assert kite.cancel_order("regular", order_id) == order_id
    assert history(kite, order_id) == [*OPENED, "CANCEL PENDING", "CANCELLED"]
    shown = row(kite, order_id)
    assert (shown["pending_quantity"], shown["cancelled_quantity"], shown["filled_quantity"]) == (LOT, LOT, 0)


def test_modified_order_says_so_with_the_old_price_until_it_is_done(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00")
    before = row(kite, order_id)
    desk.later(60)
    kite.modify_order("regular", order_id, price=91)
    rows = kite.order_history(order_id)
    assert [r["status"] for r in rows] == [*OPENED, *MODIFIED]
    assert [r["price"] for r in rows[4:]] == [90, 90, 90, 91]
    after = row(kite, order_id)
    assert (before["modified"], after["modified"]) == (False, True)
    assert (after["exchange_timestamp"] - before["exchange_timestamp"]).total_seconds() == 60
    assert (after["order_timestamp"] - before["order_timestamp"]).total_seconds() == 60


def test_order_without_margin_is_rejected_in_the_book_with_both_messages() -> None:
    with stand(capital=Decimal(1000)) as poor:
        poor.quote("100.00", "100.10")
        kite = poor.kite()
        order_id = kite.place_order("regular", "NFO", "NIFTY26NOV24500CE", "SELL", LOT, "NRML", "LIMIT", price=100)
        assert history(kite, order_id) == [*OPENED[:2], "REJECTED"]
        shown = row(kite, order_id)
        assert shown["status_message"].startswith("Insufficient funds. Required margin is ")
        assert shown["status_message_raw"].startswith("RMS:Margin Exceeds,Required:")
        assert shown["exchange_order_id"] is None


def test_stop_order_waits_for_its_trigger_then_opens(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "110.00", order_type="SL", trigger_price=105)
    assert history(kite, order_id) == [*OPENED[:3], "TRIGGER PENDING"]
    desk.quote("104.90", "105.00")
    assert history(kite, order_id) == [*OPENED[:3], "TRIGGER PENDING", "COMPLETE"]


def test_market_order_is_shown_as_the_limit_that_it_became(desk: Stand) -> None:
    kite = desk.kite()
    shown = row(kite, buy(kite, None, tag="mine"))
    # 100.10 lies in the band of 2 %.
    assert (shown["order_type"], shown["price"], shown["market_protection"]) == ("LIMIT", 102.1, 0)
    assert (shown["tag"], shown["tags"]) == ("mine", ["mine", "mktp", "mktp:2.00"])


def test_given_protection_decides_the_limit(desk: Stand) -> None:
    kite = desk.kite()
    shown = row(kite, buy(kite, None, market_protection=5))
    assert (shown["price"], shown["tags"]) == (105.1, ["mktp", "mktp:5.00"])


def test_remark_of_the_exchange_on_a_waiting_order_is_no_row(desk: Stand) -> None:
    kite = desk.kite()
    order_id = buy(kite, "90.00")
    desk.quote("101.00", "100.90")  # crossed: nobody trades on it, and the paper exchange says so
    assert history(kite, order_id) == OPENED


def test_ids_have_nineteen_digits_and_hold_the_time() -> None:
    # The vendor's recorded id 1953341975595868160 is of 2025-08-07 11:56:32.978 IST.
    at_ns = 1_754_547_992_978_000_000
    assert OrderIds().new(at_ns) == "1953341975595868160"


def test_ids_of_one_moment_rise(desk: Stand) -> None:
    kite = desk.kite()
    ids = [buy(kite, "90.00") for _ in range(5)]
    assert [len(i) for i in ids] == [19] * 5
    assert ids == sorted(set(ids))


def test_ids_rise_beyond_what_one_millisecond_holds() -> None:
    made = OrderIds()
    ids = [int(made.new(NOW)) for _ in range(5000)]
    assert ids == sorted(set(ids))


def test_unknown_order_has_no_history_and_no_trades(desk: Stand) -> None:
    kite = desk.kite()
    for read in (kite.order_history, kite.order_trades):
        with pytest.raises(InputException, match="order_id"):
            read("1953341975595868160")


def test_nobody_sees_the_orders_of_another(desk: Stand) -> None:
    order_id = buy(desk.kite())
    other = desk.kite("ZC0002")
    assert other.orders() == []
    with pytest.raises(InputException):
        other.order_history(order_id)


def test_updates_tell_fills_ends_and_changes_but_no_opening(desk: Stand) -> None:
    kite = desk.kite()
    with updates(desk) as heard:
        order_id = buy(kite, "90.00")
        kite.modify_order("regular", order_id, price=91)
        kite.cancel_order("regular", order_id)
        assert heard.statuses(3) == [("UPDATE", 0), ("CANCELLED", 0), ("CANCELLED", 0)]
        buy(kite)
        assert heard.statuses(1) == [("COMPLETE", LOT)]
    assert {r["status"] for r in kite.orders()} == {"CANCELLED", "COMPLETE"}


def test_partial_fill_is_pushed_as_update_and_stands_as_open_in_the_book() -> None:
    with stand(partial_fills=True) as desk, updates(desk) as heard:
        desk.quote("100.00", "100.10", ask_units=LOT)
        kite = desk.kite()
        order_id = buy(kite, units=3 * LOT)
        assert heard.statuses(1) == [("UPDATE", LOT)]
        shown = row(kite, order_id)
        assert (shown["status"], shown["filled_quantity"], shown["pending_quantity"]) == ("OPEN", LOT, 2 * LOT)
        desk.quote("100.00", "100.05", ask_units=2 * LOT)
        assert heard.statuses(1) == [("COMPLETE", 3 * LOT)]
        assert [(t["quantity"], t["average_price"]) for t in kite.order_trades(order_id)] == [
            (LOT, 100.1),
            (2 * LOT, 100.1),
        ]


def test_trigger_that_is_reached_without_a_fill_is_pushed_as_open(desk: Stand) -> None:
    with updates(desk) as heard:
        buy(desk.kite(), "105.00", order_type="SL", trigger_price=105)
        desk.quote("105.90", "106.00")
        assert heard.statuses(1) == [("OPEN", 0)]


def test_update_has_the_sums_of_a_postback(desk: Stand) -> None:
    with updates(desk) as heard:
        buy(desk.kite(), units=2 * LOT, tag="mine")
        told = heard.next()
    assert (told["user_id"], told["unfilled_quantity"], told["tag"]) == ("ZC0001", 0, "mine")
    assert len(told["checksum"]) == 64
    assert not {"tags", "modified"} & set(told)
