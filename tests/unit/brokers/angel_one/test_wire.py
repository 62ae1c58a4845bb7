"""SmartAPI's JSON becomes values of the domain, exactly, or it is malformed. Official examples arrive whole."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.angel_one import wire
from brokers.angel_one.wire import Row
from brokers.errors import Malformed
from engine.model import BookStatus, Funds, OrderReport, OrderType, Position, Side, Validity
from tests.unit.brokers.angel_one.payloads import (
    failure,
    gateway_failure,
    needs_samples,
    order_row,
    position_row,
    sample,
    success,
)
from tests.unit.brokers.odd import odd
from tests.unit.paper.builders import ns


def decode(body: bytes) -> Any:
    return wire.envelope(body).data


def report(**changes: object) -> OrderReport:
    return reported(Row(decode(success(order_row(**changes)))))


def reported(row: Row) -> OrderReport:
    found = wire.report_of(row)
    assert found is not None
    return found


def position(**changes: object) -> Position:
    return wire.position_of(Row(decode(success(position_row(**changes)))))


# --- envelopes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (success([]), (True, "", "SUCCESS", [])),
        (success(None), (True, "", "SUCCESS", None)),
        (failure("AB1007", "AMX Error"), (False, "AB1007", "AMX Error", None)),
        (gateway_failure("AG8001", "Invalid Token"), (False, "AG8001", "Invalid Token", "")),
        (b'{"success": true, "message": "SUCCESS", "errorCode": "", "data": 1}', (True, "", "SUCCESS", 1)),
        (
            b'{"status": "false", "message": "no", "errorcode": "AB1007", "data": "null"}',
            (False, "AB1007", "no", "null"),
        ),
        (b'{"status": "true", "data": 1}', (False, "", "", 1)),
        (b'{"status": 1, "data": 1}', (False, "", "", 1)),
        (b'{"status": true, "errorcode": "AB2001", "data": 1}', (False, "AB2001", "", 1)),
        (b'{"data": 1}', (False, "", "", 1)),
        (b"{}", (False, "", "", None)),
    ],
)
def test_only_true_without_a_code_is_a_success(body: bytes, expected: tuple[object, ...]) -> None:
    assert tuple(wire.envelope(body))[:4] == expected


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        (failure("AB1009", "no"), True),
        (gateway_failure("AB1009", "no"), True),
        (b'{"status": "false", "errorcode": "AB1009"}', True),
        (b'{"status": false, "success": true, "errorcode": "AB1009"}', False),
        (b'{"status": true, "success": false}', False),
        (b'{"status": true, "errorcode": "AB1009"}', False),
        (b'{"status": 0, "errorcode": "AB1009"}', False),
        (b'{"status": null, "errorcode": "AB1009"}', False),
        (b'{"errorcode": "AB1009"}', False),
        (success(None), False),
    ],
)
def test_refusal_says_that_it_is_one(body: bytes, is_refused: bool) -> None:
    found = wire.envelope(body)
    assert found.refused is is_refused
    assert not (found.refused and found.succeeded)
    assert found.succeeded is (body == success(None))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b'"x"',
        b"<html>",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b"9" * 5000,
        b"[1e999999999999999999999]",
        b'{"status": true, "message": []}',
    ],
)
def test_what_is_no_envelope_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        wire.envelope(body)


@pytest.mark.parametrize("data", ["null", "", 1, True, {"a": 1}])
def test_what_is_no_list_is_malformed_and_never_empty(data: object) -> None:
    with pytest.raises(Malformed):
        wire.rows(data)


def test_null_is_an_empty_list() -> None:
    assert wire.rows_of(wire.envelope(success(None))) == []


def test_success_that_has_lost_its_data_is_no_empty_list() -> None:
    with pytest.raises(Malformed):
        wire.rows_of(wire.envelope(b'{"status": true, "message": "SUCCESS", "errorcode": ""}'))


# --- orders ---------------------------------------------------------------------------------------------------------


def test_order_row_becomes_a_report() -> None:
    found = report(ordertag="L1", filledshares="65", averageprice="100.075", text="a reason", triggerprice="99.5")
    assert found == OrderReport(
        order_id="261102000000080",
        exchange="NFO",
        symbol="NIFTY24NOV2624500CE",
        product="NRML",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=130,
        filled=65,
        average_price_inr=Decimal("100.075"),
        status=BookStatus.OPEN,
        status_text="a reason",
        price_inr=Decimal("101.05"),
        trigger_price_inr=Decimal("99.5"),
        tag="L1",
        placed_ns=ns("09:20:04"),
        updated_ns=ns("09:20:05"),
        validity=Validity.DAY,
        variety="regular",
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("open", BookStatus.OPEN),
        ("complete", BookStatus.COMPLETE),
        ("Complete", BookStatus.COMPLETE),
        ("rejected", BookStatus.REJECTED),
        ("cancelled", BookStatus.CANCELLED),
        ("cancelled after market order", BookStatus.CANCELLED),
        ("  Cancelled  after\tmarket order ", BookStatus.CANCELLED),
        ("Cancelled AMO", BookStatus.CANCELLED),
        ("canceled", BookStatus.CANCELLED),
        ("expired", BookStatus.CANCELLED),
        ("cancel pending", BookStatus.OPEN),
        ("not cancelled", BookStatus.OPEN),
        ("trigger pending", BookStatus.TRIGGER_PENDING),
        ("modified", BookStatus.OPEN),
        ("open pending", BookStatus.PENDING),
        ("modify pending", BookStatus.OPEN),
        ("validation pending", BookStatus.PENDING),
        ("after market order req received", BookStatus.PENDING),
        ("modify after market order req received", BookStatus.PENDING),
        ("a word that nobody knows", BookStatus.OPEN),
    ],
)
def test_word_of_a_status_has_its_meaning_and_every_other_is_live(word: str, expected: BookStatus) -> None:
    assert report(orderstatus=word, status="?").status is expected
    assert report(orderstatus="", status=word).status is expected


@pytest.mark.parametrize(
    ("variety", "word", "expected"),
    [
        ("NORMAL", "open", "regular"),
        ("STOPLOSS", "trigger pending", "regular"),
        ("ROBO", "open", "bo"),
        ("AMO", "open", "amo"),
        ("NORMAL", "after market order req received", "amo"),
        ("NORMAL", "Modify After Market Order Req Received", "amo"),
        ("NORMAL", "cancelled after market order", "regular"),
        ("normal", "open", "regular"),
        ("SOMETHING NEW", "open", "something new"),
        (None, "open", ""),
    ],
)
def test_variety_has_the_name_that_it_has_at_kite(variety: str | None, word: str, expected: str) -> None:
    assert report(variety=variety, orderstatus=word).variety == expected


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("orderid", 201020000000080, "order_id", "201020000000080"),
        ("orderid", "0012", "order_id", "0012"),
        ("price", 101.05, "price_inr", Decimal("101.05")),
        ("price", "0", "price_inr", None),
        ("price", None, "price_inr", None),
        ("price", 0.0, "price_inr", None),
        ("price", "1,234.50", "price_inr", Decimal("1234.50")),
        ("quantity", 195, "quantity", 195),
        ("quantity", "195.0", "quantity", 195),
        ("filledshares", "", "filled", 0),
        ("transactiontype", "sell", "side", Side.SELL),
        ("producttype", "INTRADAY", "product", "MIS"),
        ("producttype", "DELIVERY", "product", "CNC"),
        ("producttype", "MARGIN", "product", "MTF"),
        ("producttype", "SOMETHING", "product", "SOMETHING"),
        ("ordertype", "MARKET", "order_type", OrderType.MARKET),
        ("ordertype", "STOPLOSS_LIMIT", "order_type", OrderType.SL),
        ("ordertype", "STOPLOSS_MARKET", "order_type", OrderType.SL_M),
        ("duration", "IOC", "validity", Validity.IOC),
        ("ordertag", None, "tag", ""),
        ("exchtime", "", "placed_ns", ns("09:20:05")),
        ("exchorderupdatetime", "02-Nov-2026 09:20:09", "updated_ns", ns("09:20:09")),
        ("averageprice", "99", "average_price_inr", None),
        ("updatetime", "-", "updated_ns", ns("09:20:05")),
        ("exchtime", "-", "placed_ns", ns("09:20:05")),
        ("exchtime", "01-Jan-0001 00:00:00", "placed_ns", ns("09:20:05")),
        ("exchorderupdatetime", "01-Jan-0001 00:00:00", "updated_ns", ns("09:20:05")),
        ("exchorderupdatetime", "31-Dec-9999 23:59:59", "updated_ns", ns("09:20:05")),
        ("exchtime", "2026-11-02 09:20:05", "placed_ns", ns("09:20:05")),
    ],
)
def test_field_that_is_used_arrives(key: str, value: object, field: str, expected: object) -> None:
    assert getattr(report(**{key: value}), field) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("orderid", ""), ("orderid", None), ("orderid", 1.5), ("orderid", True), ("orderid", []),
        ("tradingsymbol", ""), ("exchange", None), ("transactiontype", "HOLD"), ("transactiontype", ""),
        ("quantity", "0"), ("quantity", "-65"), ("quantity", "1.5"), ("quantity", "x"), ("quantity", "9" * 30),
        ("quantity", {}), ("filledshares", "131"), ("filledshares", "-1"), ("filledshares", "NaN"),
        ("price", "Infinity"), ("price", "x"), ("price", True), ("price", []), ("averageprice", "NaN"),
        ("updatetime", {}), ("ordertag", {}),
    ],
)  # fmt: skip
def test_row_that_cannot_be_is_malformed(key: str, value: object) -> None:
    changes = {key: value} | ({"filledshares": "65"} if key == "averageprice" else {})
    with pytest.raises(Malformed):
        report(**changes)


@pytest.mark.parametrize("text", ["yesterday", "02-Foo-2026 09:20:05", "-", "01-Jan-0001 00:00:00"])
def test_order_whose_times_cannot_be_read_has_unknown_ones(text: str) -> None:
    found = report(updatetime=text, exchtime=text, exchorderupdatetime=text)
    assert (found.placed_ns, found.updated_ns) == (0, 0)


@pytest.mark.parametrize("word", ["rejected", "cancelled", "complete", "expired"])
def test_order_for_nothing_that_has_ended_is_none(word: str) -> None:
    assert wire.report_of(Row(order_row(orderstatus=word, quantity="0"))) is None


@pytest.mark.parametrize("changes", [{"orderstatus": "open"}, {"orderstatus": "rejected", "filledshares": "65"}])
def test_order_for_nothing_that_lives_or_was_filled_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        report(quantity="0", **changes)


@pytest.mark.parametrize("row", [None, 1, "x", [], [1]])
def test_row_that_is_no_object_is_malformed(row: object) -> None:
    with pytest.raises(Malformed):
        Row(row)


# --- positions ------------------------------------------------------------------------------------------------------


def test_position_row_becomes_a_position() -> None:
    assert position() == Position(
        exchange="NFO",
        symbol="NIFTY24NOV2624500CE",
        product="NRML",
        net_units=-65,
        overnight_units=-130,
        average_price_inr=Decimal("88.40"),
    )


def test_position_that_is_closed_has_no_price() -> None:
    assert position(netqty="0").average_price_inr is None


def test_number_with_a_space_behind_its_sign_is_read() -> None:
    assert position(netqty="- 65").net_units == -65


@pytest.mark.parametrize(
    ("key", "value"), [("tradingsymbol", ""), ("exchange", ""), ("netqty", "x"), ("netqty", "0.5")]
)
def test_position_that_cannot_be_is_malformed(key: str, value: object) -> None:
    with pytest.raises(Malformed):
        position(**{key: value})


# --- the documents' own examples ------------------------------------------------------------------------------------


@needs_samples
def test_official_order_book_arrives_whole() -> None:
    (row,) = map(reported, wire.rows(decode(sample("angel/order_book.json"))))
    assert (row.order_id, row.symbol, row.product, row.status, row.price_inr) == (
        "201020000000080", "SBIN-EQ", "MIS", BookStatus.CANCELLED, Decimal("194.00"),
    )  # fmt: skip
    assert (row.quantity, row.filled, row.tag, row.placed_ns) == (1, 0, "", wire.ist_ns("20-Oct-2020 13:10:59"))


@needs_samples
def test_official_order_details_arrive_whole() -> None:
    row = reported(Row(decode(sample("angel/order_details.json"))))
    assert (row.order_id, row.status, row.price_inr) == ("231010000000970", BookStatus.REJECTED, Decimal("2298.25"))
    assert row.status_text.startswith("Your order has been rejected due to Insufficient Funds.")


@needs_samples
def test_official_postback_is_an_order_row() -> None:
    row = reported(Row(decode(b'{"status": true, "data": ' + sample("angel/postback.json") + b"}")))
    assert (row.filled, row.quantity, row.tag, row.status) == (74, 1000, "10007712", BookStatus.OPEN)


@needs_samples
def test_official_positions_arrive_whole() -> None:
    (row,) = map(wire.position_of, wire.rows(decode(sample("angel/position.json"))))
    assert (row.symbol, row.product, row.net_units, row.average_price_inr) == (
        "RELIANCE-EQ",
        "CNC",
        1,
        Decimal("2235.80"),
    )
    live = wire.position_of(Row(msgspec.json.decode(sample("angel/position_live_row.json"))))
    assert (live.symbol, live.net_units, live.overnight_units, live.average_price_inr) == (
        "NHPC-EQ",
        2,
        0,
        Decimal("90.17"),
    )


@needs_samples
def test_official_funds_are_exact() -> None:
    found = wire.funds_of(decode(sample("angel/rms_response.json")))
    assert found == Funds(available_inr=Decimal("9999999999999"), used_inr=Decimal(0))


NET = {"net": "1000000.55"}


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ({"utiliseddebits": "145706.55"}, "145706.55"),
        ({"utiliseddebits": 145706.55}, "145706.55"),
        ({"utiliseddebits": "- 2235.80"}, "-2235.80"),
        ({"utiliseddebits": "0"}, "0"),
        ({"utiliseddebits": None}, None),
        ({"utiliseddebits": ""}, None),
        ({}, None),
    ],
)
def test_debits_are_used_and_not_known_where_angel_says_none(said: dict[str, object], used: str | None) -> None:
    found = wire.funds_of(decode(success(NET | said)))
    assert found == Funds(available_inr=Decimal("1000000.55"), used_inr=None if used is None else Decimal(used))


@pytest.mark.parametrize("odd", ["x", "NaN", "sNaN", "Infinity", "1e999", True, [], {}, [1], {"a": 1}, "null"])
def test_debits_that_are_none_take_nothing_from_net(odd: object) -> None:
    found = wire.funds_of(decode(success(NET | {"utiliseddebits": odd})))
    assert found == Funds(available_inr=Decimal("1000000.55"))


@pytest.mark.parametrize("odd", ["x", "NaN", True, [], None, ""])
def test_net_that_is_none_is_malformed_whatever_the_debits(odd: object) -> None:
    with pytest.raises(Malformed):
        wire.funds_of(decode(success({"net": odd, "utiliseddebits": "5"})))


@needs_samples
@pytest.mark.parametrize("name", ["place", "modify", "cancel"])
def test_official_answers_to_writes_have_their_id(name: str) -> None:
    found = wire.envelope(sample(f"angel/{name}_response.json"))
    assert found.succeeded
    assert Row(found.data).text("orderid").isdigit()


@needs_samples
def test_official_failure_with_false_as_a_text_is_a_failure() -> None:
    found = wire.envelope(sample("angel/envelope_error_status_string.json"))
    assert (found.succeeded, found.code) == (False, "AB1007")


@needs_samples
def test_official_error_bodies_are_failures() -> None:
    lines = sample("angel/error_bodies.txt").decode().splitlines()
    bodies = [line.split("\t")[1] for line in lines if not line.startswith("#")]
    found = [wire.envelope(body) for body in bodies if body.startswith("{")]
    assert [(one.succeeded, one.code) for one in found] == [(False, "AB1004"), (False, "AG8001"), (False, "AG7002")]
    with pytest.raises(Malformed):
        wire.envelope(bodies[-1])


@needs_samples
@pytest.mark.parametrize("name", ["quote_full", "quote_ltp", "quote_ohlc", "quote_unfetched", "margin_response", "holding", "all_holding", "trade_book", "ltp_response", "logout_response", "profile_response", "login_response", "generate_tokens_response"])  # fmt: skip
def test_every_other_official_answer_is_decoded_without_a_float(name: str) -> None:
    body = sample(f"angel/{name}.json")
    found = wire.envelope(body) if b'"status"' in body or b'"success"' in body else None
    assert found is None or found.succeeded
    assert not any(isinstance(value, float) for value in _values(None if found is None else found.data))


def _values(data: object) -> Iterator[object]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _values(value)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value)
    else:
        yield data


# --- whatever comes -------------------------------------------------------------------------------------------------

ODD = odd(
    "NaN",
    "sNaN",
    "-Infinity",
    "1e999999",
    "1e-999999",
    "9" * 5000,
    "01-Jan-0001 00:00:00",
    "31-Dec-9999 23:59:59",
    "complete",
)
NUMBERS = st.sampled_from(
    [
        b"1e5",
        b"1e400",
        b"-1e99999",
        b"0." + b"1" * 400,
        b"9" * 400,
        b"1E+999999999999999999",
        b"1e999999999999999999999",
        b"-0",
    ]
)


def only_malformed(body: bytes) -> None:
    """What comes out is understood and can be kept, or it is Malformed."""
    steps: list[Callable[[], object]] = [
        lambda: wire.envelope(body).message,
        lambda: [wire.report_of(row) for row in wire.rows(decode(body))],
        lambda: [wire.position_of(row) for row in wire.rows(decode(body))],
        lambda: Row(decode(body)).number("net"),
        lambda: Row(decode(body)).text("orderid"),
        lambda: Row(decode(body)).texts("exchanges"),
    ]
    for step in steps:
        try:
            found = step()
        except Malformed as error:
            assert len(str(error)) < 200
            continue
        msgspec.msgpack.encode(found)


@given(st.lists(st.tuples(st.sampled_from(sorted(order_row())), ODD), min_size=1, max_size=4))
def test_order_row_with_any_values_is_a_report_or_malformed(changes: list[tuple[str, object]]) -> None:
    only_malformed(success([order_row(**dict(changes))]))


@given(st.lists(st.tuples(st.sampled_from(sorted(position_row())), ODD), min_size=1, max_size=4))
def test_position_row_with_any_values_is_a_position_or_malformed(changes: list[tuple[str, object]]) -> None:
    only_malformed(success([position_row(**dict(changes))]))


@given(st.sampled_from(["price", "quantity", "filledshares", "averageprice", "orderid"]), NUMBERS)
def test_numbers_of_any_size_are_taken_or_malformed(key: str, number: bytes) -> None:
    only_malformed(success([order_row(**{key: "@"})]).replace(b'"@"', number))


@given(
    ODD, st.dictionaries(st.sampled_from(["status", "success", "message", "errorcode", "errorCode"]), ODD, max_size=3)
)
def test_any_envelope_is_understood_or_malformed(data: object, changes: dict[str, object]) -> None:
    only_malformed(json.dumps({"status": True, "data": data} | changes).encode())
    only_malformed(json.dumps(data).encode())


@given(st.binary(max_size=60), st.integers(0, 1200), st.integers(0, 12))
def test_damaged_answer_is_understood_or_malformed(damage: bytes, at: int, length: int) -> None:
    whole = success([order_row()])
    only_malformed(damage)
    only_malformed(whole[:at] + damage[:6] + whole[at + length :])


@pytest.fixture(autouse=True)
def _times_are_not_remembered() -> Iterator[None]:
    wire.ist_ns.cache_clear()
    yield
