"""What Kite's JSON means: nothing that is used gets lost, and what is not as documented is Malformed and nothing else."""

import time
from decimal import Decimal

import pytest

from brokers.errors import Malformed
from brokers.zerodha import wire
from engine.core.tags import make_tag
from engine.model import BookStatus, Funds, OrderReport, OrderType, Position, Side, Validity
from tests.unit.brokers.zerodha.payloads import book, mock, needs_mocks, order_row, position_row, positions, success
from tests.unit.brokers.zerodha.rows import CANARY, IST_0920_03_NS, S, position, report, reports

# --- orders ---------------------------------------------------------------------------------------------------------


def test_order_row_becomes_a_report() -> None:
    assert report() == OrderReport(
        order_id="2026100500012345601",
        exchange="NFO",
        symbol="NIFTY26OCT24500CE",
        product="NRML",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=130,
        filled=0,
        average_price_inr=None,
        status=BookStatus.OPEN,
        status_text="",
        price_inr=Decimal("101.05"),
        trigger_price_inr=None,
        tag="",
        placed_ns=IST_0920_03_NS,
        updated_ns=IST_0920_03_NS + 2 * S,
        validity=Validity.DAY,
        variety="regular",
    )


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("order_id", "251005000000001", "order_id", "251005000000001"),
        ("order_id", "9223372036854775807", "order_id", "9223372036854775807"),
        ("exchange", "BFO", "exchange", "BFO"),
        ("tradingsymbol", "M&M26OCT3000CE", "symbol", "M&M26OCT3000CE"),
        ("product", "MIS", "product", "MIS"),
        ("transaction_type", "SELL", "side", Side.SELL),
        ("order_type", "MARKET", "order_type", OrderType.MARKET),
        ("order_type", "SL", "order_type", OrderType.SL),
        ("order_type", "SL-M", "order_type", OrderType.SL_M),
        ("order_type", "SOMETHING NEW", "order_type", OrderType.LIMIT),
        ("quantity", 3510, "quantity", 3510),
        ("filled_quantity", 65, "filled", 65),
        ("average_price", 12.3, "average_price_inr", None),
        ("price", 0, "price_inr", None),
        ("price", 0.05, "price_inr", Decimal("0.05")),
        ("price", None, "price_inr", None),
        ("trigger_price", 24.9, "trigger_price_inr", Decimal("24.9")),
        ("status_message", "RMS:Margin Exceeds", "status_text", "RMS:Margin Exceeds"),
        ("validity", "IOC", "validity", Validity.IOC),
        ("validity", "TTL", "validity", Validity.DAY),
        ("validity", None, "validity", Validity.DAY),
        ("order_timestamp", None, "placed_ns", 0),
        ("exchange_timestamp", "2026-10-05 10:20:03", "updated_ns", IST_0920_03_NS + 3600 * S),
        ("exchange_update_timestamp", "2026-10-05 10:20:03", "updated_ns", IST_0920_03_NS + 3600 * S),
        ("tag", "LKP2DL0000017F", "tag", "LKP2DL0000017F"),
        ("variety", "amo", "variety", "amo"),
        ("variety", "iceberg", "variety", "iceberg"),
        ("variety", "co", "variety", "co"),
        ("variety", "auction", "variety", "auction"),
        ("variety", "AMO", "variety", "amo"),
        ("variety", "something new", "variety", "something new"),
        ("variety", None, "variety", "regular"),
    ],
)
def test_field_that_is_used_arrives(key: str, value: object, field: str, expected: object) -> None:
    assert getattr(report(**{key: value}), field) == expected


def test_average_price_counts_as_soon_as_a_unit_is_filled() -> None:
    assert report(filled_quantity=65, average_price=101.0).average_price_inr == Decimal("101.0")


def test_order_that_the_exchange_has_not_seen_has_the_time_of_its_placing() -> None:
    found = report(exchange_timestamp=None, exchange_update_timestamp=None, exchange_order_id=None)
    assert found.updated_ns == found.placed_ns == IST_0920_03_NS


def test_cancelled_order_was_placed_before_it_was_cancelled() -> None:
    """The times of the vendor's own example (orders.json): `order_timestamp` is that of the cancel."""
    times = {"order_timestamp": "2021-05-31 09:18:57", "exchange_timestamp": "2021-05-31 09:15:38"}
    found = report(status="CANCELLED", exchange_update_timestamp="2021-05-31 09:18:58", **times)
    assert found.placed_ns == wire.ist_ns("2021-05-31 09:15:38")
    assert found.updated_ns == wire.ist_ns("2021-05-31 09:18:58")


def test_order_whose_change_is_under_way_keeps_the_time_of_its_placing() -> None:
    """MODIFY PENDING of the vendor's own history (order_info.json)."""
    times = {"order_timestamp": "2017-12-29 11:08:16", "exchange_timestamp": "2017-12-29 11:06:52"}
    found = report(status="MODIFY PENDING", exchange_update_timestamp=None, **times)
    assert (found.placed_ns, found.updated_ns) == (
        wire.ist_ns("2017-12-29 11:06:52"),
        wire.ist_ns("2017-12-29 11:08:16"),
    )


def test_row_with_only_what_must_be_there_is_enough() -> None:
    keys = ("order_id", "status", "exchange", "tradingsymbol", "transaction_type", "order_type", "product", "quantity")
    row = {key: value for key, value in order_row().items() if key in keys}
    (found,) = reports(book(row))
    assert (found.filled, found.tag, found.updated_ns, found.price_inr) == (0, "", 0, None)


def test_keys_that_nobody_knows_are_passed_over() -> None:
    assert report(something_new={"a": [1]}, account_id="ZX0001", validity_ttl=2) == report()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("COMPLETE", BookStatus.COMPLETE),
        ("CANCELLED", BookStatus.CANCELLED),
        ("REJECTED", BookStatus.REJECTED),
        ("TRIGGER PENDING", BookStatus.TRIGGER_PENDING),
        ("PUT ORDER REQ RECEIVED", BookStatus.PENDING),
        ("VALIDATION PENDING", BookStatus.PENDING),
        ("OPEN PENDING", BookStatus.PENDING),
        ("AMO REQ RECEIVED", BookStatus.PENDING),
        ("MODIFY AMO REQ RECEIVED", BookStatus.PENDING),
        ("CANCELLED AMO", BookStatus.CANCELLED),
        ("complete", BookStatus.COMPLETE),
        ("Cancelled", BookStatus.CANCELLED),
    ],
)
def test_status_with_a_meaning_keeps_it(status: str, expected: BookStatus) -> None:
    assert report(status=status).status is expected


@pytest.mark.parametrize(
    "status",
    [
        "OPEN", "MODIFY VALIDATION PENDING", "MODIFY PENDING", "CANCEL PENDING", "MODIFIED", "UPDATE", "NOT MODIFIED",
        "NOT CANCELLED", "SOMETHING NEW", "COMPLETED", "CANCELLED ?", "REJECTED BY", " COMPLETE", "",
    ],
)  # fmt: skip
def test_every_other_status_is_live(status: str) -> None:
    """Kite's list of interim statuses is open; an order that is live is asked for again, one that ended never."""
    assert report(status=status).status is BookStatus.OPEN


@pytest.mark.parametrize(
    ("status", "variety", "expected"),
    [
        ("AMO REQ RECEIVED", "amo", "amo"),
        ("AMO REQ RECEIVED", "regular", "amo"),
        ("modify amo req received", None, "amo"),
        ("OPEN", "amo", "amo"),
        ("OPEN", "regular", "regular"),
        ("CANCELLED AMO", "regular", "regular"),
    ],
)
def test_order_that_waits_for_the_opening_is_told_by_its_status_too(
    status: str, variety: str | None, expected: str
) -> None:
    assert report(status=status, variety=variety).variety == expected


@pytest.mark.parametrize(
    ("status", "variety", "exchange_time", "expected"),
    [
        ("AMO REQ PROCESSING", "amo", None, BookStatus.PENDING),
        ("AMO REQ PROCESSING", "regular", None, BookStatus.OPEN),
        ("MODIFY PENDING", "amo", "2026-10-05 09:15:00", BookStatus.OPEN),
        ("OPEN", "amo", None, BookStatus.OPEN),
        ("TRIGGER PENDING", "amo", None, BookStatus.TRIGGER_PENDING),
        ("COMPLETE", "amo", None, BookStatus.COMPLETE),
    ],
)
def test_order_for_the_opening_waits_until_the_exchange_has_it(
    status: str, variety: str, exchange_time: str | None, expected: BookStatus
) -> None:
    found = report(status=status, variety=variety, exchange_timestamp=exchange_time, exchange_update_timestamp=None)
    assert found.status is expected


@needs_mocks
def test_varieties_of_the_vendors_examples() -> None:
    rows = wire.decode(mock("orders.json"), tuple[wire.OrderRow, ...])
    assert {wire.report_of(row).variety for row in rows} == {"regular", "iceberg", "auction"}


OURS = make_tag("live", "2026-10-05", 0, 1)


@pytest.mark.parametrize(
    ("tag", "tags", "expected"),
    [
        (None, None, ""),
        (None, [], ""),
        ("", [""], ""),
        (OURS, None, OURS),
        (OURS, [OURS], OURS),
        (None, [OURS], OURS),
        (None, ["mktp", "mktp:2.00"], ""),
        (None, ["mktp", "mktp:2.00", OURS], OURS),
        ("mktp", ["mktp", OURS, "mktp:2.00"], OURS),
        (OURS, ["mktp", "mktp:2.00", OURS], OURS),
        (None, ["autoslice", "autoslice:2026100500012345600"], ""),
        (OURS, ["autoslice", "autoslice:2026100500012345600", OURS], OURS),
        ("autoslice", ["autoslice", "autoslice:2026100500012345600", OURS], OURS),
        ("swing trade", ["swing trade"], "swing trade"),
    ],
)
def test_marks_of_kite_are_never_taken_for_ours(tag: str | None, tags: list[str] | None, expected: str) -> None:
    assert report(tag=tag, tags=tags).tag == expected


def test_our_own_tags_never_look_like_marks_of_kite() -> None:
    assert not OURS.startswith(("autoslice", "mktp"))


# --- the book -------------------------------------------------------------------------------------------------------


def test_book_has_the_oldest_order_first_whatever_kite_sends() -> None:
    late = order_row(order_id="3", order_timestamp="2026-10-05 09:20:05")
    long, short = order_row(order_id="10"), order_row(order_id="9")
    assert [r.order_id for r in reports(book(late, long, short))] == ["9", "10", "3"]
    assert reports(book(long, late, short)) == reports(book(short, long, late))


def test_empty_book_is_empty() -> None:
    assert reports(book()) == ()


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"filled_quantity": 65, "average_price": 10}, {"filled_quantity": 130, "average_price": 10, "status": "COMPLETE"}),
        ({"status": "OPEN"}, {"status": "CANCELLED", "exchange_update_timestamp": "2026-10-05 09:20:06"}),
        ({"status": "OPEN PENDING"}, {"status": "CANCELLED"}),
        ({"status": "PUT ORDER REQ RECEIVED"}, {"status": "REJECTED", "status_message": "RMS"}),
        (
            {"filled_quantity": 65, "average_price": 10, "exchange_update_timestamp": "2026-10-05 09:20:05"},
            {"filled_quantity": 130, "average_price": 10, "exchange_update_timestamp": "2026-10-05 09:20:01"},
        ),
    ],
    ids=["fills grow", "later time", "an end within the same second", "a refusal", "fills beat the time"],
)  # fmt: skip
def test_order_that_stands_twice_counts_once_and_its_latest_state(
    older: dict[str, object], newer: dict[str, object]
) -> None:
    rows = order_row(**older), order_row(**newer)
    expected = report(**newer)
    assert reports(book(*rows)) == (expected,)
    assert reports(book(*reversed(rows))) == (expected,)


def test_ids_that_differ_in_the_last_of_19_digits_are_two_orders() -> None:
    found = reports(book(order_row(order_id="2026100500012345601"), order_row(order_id="2026100500012345602")))
    assert [r.order_id for r in found] == ["2026100500012345601", "2026100500012345602"]


# --- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize(
    ("text", "utc_s"),
    [
        ("1970-01-01 05:30:00", 0),
        ("2026-10-05 00:00:00", 1_791_138_600),
        ("2026-10-05 05:29:59", 1_791_158_399),
        ("2026-10-05 05:30:00", 1_791_158_400),
        ("2026-10-05 23:59:59", 1_791_224_999),
        ("2026-03-29 02:30:00", 1_774_731_600),
        ("2028-02-29 09:15:00", 1_835_408_700),
        ("2026-10-05 09:20:03.999", 1_791_172_203),
        ("0001-01-01 00:00:00", 0),
        ("1970-01-01 00:00:00", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_time_is_indias_wherever_the_machine_stands(
    zone: str, text: str | None, utc_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        wire.ist_ns.cache_clear()
        try:
            assert wire.ist_ns(text) == utc_s * S
        finally:
            patch.undo()
            time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-05", "09:20:03", "2026-10-05 09:20", "20261005", "2026-W41-1", "2026-02-30 09:15:00", "2026-10-05 25:00:00",
        "2026-10-05 09:20:03Z", "2026-10-05 09:20:03+05:30", "05-10-2026 09:20:03", "1791172203", "soon", " ",
        "9999-12-31 23:59:59", "2026-10-05 09:20:0x", "1969-12-31 23:59:59",
    ],
)  # fmt: skip
def test_time_that_is_none_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        report(order_timestamp=text)
    assert str(caught.value) == "a time that is none"


# --- positions and money --------------------------------------------------------------------------------------------


def test_position_row_becomes_a_position() -> None:
    assert position() == Position(
        exchange="NFO",
        symbol="NIFTY26OCT24500CE",
        product="NRML",
        net_units=-65,
        overnight_units=-130,
        average_price_inr=Decimal("88.4"),
    )


def test_position_that_is_closed_has_no_price() -> None:
    assert position(quantity=0, average_price=88.4).average_price_inr is None


def test_positions_are_those_held_now_and_not_the_days_trades() -> None:
    found = wire.decode(positions(position_row(), day=[position_row(quantity=999)]), wire.Positions)
    assert [row.quantity for row in found.net] == [-65]


def test_money_is_taken_from_its_text() -> None:
    body = b'{"status":"success","data":{"equity":{"enabled":true,"net":99725.05000000002},"commodity":{"net":1e2}}}'
    found = wire.decode(body, wire.Margins)
    assert found.equity is not None and found.commodity is not None
    assert (str(found.equity.net), found.commodity.net) == ("99725.05000000002", Decimal(100))


def test_segment_that_an_account_lacks_is_none() -> None:
    found = wire.decode(success({"equity": {"enabled": False, "net": 0}}), wire.Margins)
    assert (found.commodity, found.equity) == (None, wire.Segment(net=Decimal(0), enabled=False))


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e999999999999999999", "1e-400"])
def test_amount_that_cannot_be_reckoned_with_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        wire.amount(Decimal(text))
    with pytest.raises(Malformed):
        report(price=text)
    with pytest.raises(Malformed):
        report(average_price=text, filled_quantity=1)
    with pytest.raises(Malformed):
        position(average_price=text)


@pytest.mark.parametrize("text", ["0", "-0", "0E+400", "0.05", "99725.05000000002", "-250.5", "999999999999999"])
def test_amount_that_can_be_is_taken_as_it_is(text: str) -> None:
    assert str(wire.amount(Decimal(text))) == text


# --- the other answers ----------------------------------------------------------------------------------------------


def test_profile_and_placed_and_basket() -> None:
    profile = wire.decode(
        success({"user_id": "ZX0001", "exchanges": ["NFO"], "products": ["NRML"], "email": "x"}), wire.Profile
    )
    assert profile == wire.Profile(user_id="ZX0001", exchanges=("NFO",), products=("NRML",))
    assert wire.decode(success({"order_id": "2026100500012345601"}), wire.Placed).order_id == "2026100500012345601"
    basket = wire.decode(
        b'{"status":"success","data":{"initial":{"total":293560.10},"final":{"total":66432.005}}}', wire.BasketMargins
    )
    assert (basket.initial.total, basket.final.total) == (Decimal("293560.10"), Decimal("66432.005"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"status":"error","message":"Too many requests","error_type":"NetworkException"}', ("NetworkException", "Too many requests")),
        (b'{"status":"error","message":"m","error_type":"X","data":null}', ("X", "m")),
        (b'{"status":"error"}', ("", "")),
        (b'{"status":"error","message":null,"error_type":null}', ("", "")),
        (b'{"error_type":"X"}', ("X", "")),
        (b'{"status":"error","message":["m"],"error_type":"X"}', ("", "")),
        (b'{"status":"error","message":"m","error_type":1}', ("", "")),
        (b"[]", ("", "")),
        (b"", ("", "")),
        (b"<html>502</html>", ("", "")),
        (b"\xff\xfe", ("", "")),
        (b'{"message":"\xff"}', ("", "")),
        (b'{"a":' * 100_000, ("", "")),
        (b'{"status":"error","message":"cut', ("", "")),
    ],
)  # fmt: skip
def test_error_is_kites_or_nobodys(body: bytes, expected: tuple[str, str]) -> None:
    assert wire.decode_error(body) == expected


# --- what is not as documented --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"status":"success"}',
        b'{"data":[]}',
        b'{"status":"success","data":null}',
        b'{"status":"success","data":{}}',
        b'{"status":"success","data":"[]"}',
        b'{"status":"success","data":[]',
        b'{"status":"success","data":[null]}',
        b'{"status":"success","data":[[]]}',
        b'{"status":"error","data":[]}',
        b'{"status":"ERROR","data":[]}',
        b'{"status":"","data":[]}',
        b'{"status":null,"data":[]}',
        b'{"status":"error","message":"x","error_type":"TokenException","data":[]}',
        b"<!doctype html>",
        b"\xff\xfe\x00",
        b'{"status":"success","data":[' + b"[" * 200_000,
    ],
)
def test_answer_that_is_no_book_is_malformed_and_never_empty(body: bytes) -> None:
    with pytest.raises(Malformed):
        wire.decode(body, tuple[wire.OrderRow, ...])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("order_id", "status", "exchange", "tradingsymbol", "transaction_type", "quantity")),
        *((key, "") for key in ("order_id", "exchange", "tradingsymbol", "transaction_type", "product")),
        *((key, 1) for key in ("order_id", "status", "exchange", "tradingsymbol", "order_type", "product", "tag")),
        ("transaction_type", "buy"),
        ("transaction_type", CANARY),
        ("quantity", 0),
        ("quantity", -65),
        ("quantity", "65"),
        ("quantity", 65.5),
        ("quantity", True),
        ("quantity", 10**30),
        ("filled_quantity", -1),
        ("filled_quantity", 131),
        ("filled_quantity", None),
        ("filled_quantity", 10**30),
        ("price", CANARY),
        ("price", []),
        ("average_price", {}),
        ("order_timestamp", CANARY),
        ("order_timestamp", 1_791_172_203),
        ("exchange_timestamp", CANARY),
        ("exchange_update_timestamp", CANARY),
        ("tags", CANARY),
        ("tags", [CANARY, 1]),
        ("status_message", {CANARY: 1}),
    ],
)
def test_row_that_cannot_be_is_malformed_and_its_content_is_not_repeated(key: str, value: object) -> None:
    """One bad row makes the whole book unknown: which orders there are cannot be said."""
    row = dict.fromkeys(("placed_by", "guid", "tag", "status_message"), CANARY) | {key: value}
    with pytest.raises(Malformed) as caught:
        reports(book(order_row(order_id="1"), order_row(**row)))
    assert CANARY not in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("order_id", "text"),
    [
        ("2026100500012345601", "order 2026100500012345601 has quantities that cannot be"),
        (CANARY, "an order has quantities that cannot be"),
        ("9" * 5000, "an order has quantities that cannot be"),
        ("\u0661\u0662", "an order has quantities that cannot be"),
    ],
    ids=["an id", "no id", "far too long", "digits of another script"],
)
def test_bad_row_is_named_by_its_id_when_that_is_one(order_id: str, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        report(order_id=order_id, filled_quantity=10**40)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "key", ["order_id", "status", "exchange", "tradingsymbol", "transaction_type", "order_type", "product", "quantity"]
)
def test_row_without_what_must_be_there_is_malformed(key: str) -> None:
    row = order_row()
    del row[key]
    with pytest.raises(Malformed) as caught:
        reports(book(row))
    assert str(caught.value) == "the answer of Kite is not as documented: $.data[0]"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quantity", None), ("quantity", "1"), ("quantity", 1.5), ("quantity", 10**30), ("quantity", -(10**30)),
        ("overnight_quantity", None), ("overnight_quantity", 10**30), ("product", ""), ("exchange", ""),
        ("tradingsymbol", ""), ("tradingsymbol", None), ("average_price", CANARY),
    ],
)  # fmt: skip
def test_position_that_cannot_be_is_malformed(key: str, value: object) -> None:
    with pytest.raises(Malformed) as caught:
        position(**{key: value})
    assert CANARY not in str(caught.value)


def equity(**fields: object) -> wire.Segment:
    found = wire.decode(success({"equity": {"net": 100.5} | fields}), wire.Margins).equity
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("utilised", "used"),
    [
        ({"debits": 2.5}, "2.5"),
        ({"debits": "2.5"}, "2.5"),
        ({"debits": -2.5}, "-2.5"),
        ({"debits": 0, "span": []}, "0"),
    ],
)
def test_debits_are_what_is_used(utilised: object, used: str) -> None:
    assert wire.funds_of(equity(utilised=utilised)) == Funds(available_inr=Decimal("100.5"), used_inr=Decimal(used))


@pytest.mark.parametrize(
    "utilised",
    [
        None, [], {}, 5, "x", {"debits": None}, {"debits": "x"}, {"debits": True}, {"debits": []}, {"debits": {}},
        {"debits": "NaN"}, {"debits": "sNaN"}, {"debits": "-Infinity"}, {"debits": "1e999"}, {"debits": "1e-999"},
    ],
)  # fmt: skip
def test_debits_that_are_none_take_nothing_from_net(utilised: object) -> None:
    assert wire.funds_of(equity(utilised=utilised)) == Funds(available_inr=Decimal("100.5"))
    assert wire.funds_of(equity()) == Funds(available_inr=Decimal("100.5"))


@pytest.mark.parametrize("net", ["NaN", "sNaN", "1e999"])
def test_net_that_is_no_amount_is_malformed_whatever_the_debits(net: str) -> None:
    with pytest.raises(Malformed):
        wire.funds_of(equity(net=net, utilised={"debits": 5}))
