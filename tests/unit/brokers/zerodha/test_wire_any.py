"""Whatever comes is understood, or Malformed."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.errors import Malformed
from brokers.zerodha import wire
from tests.unit.brokers.odd import odd
from tests.unit.brokers.zerodha.payloads import book, order_row, position_row, positions, success
from tests.unit.brokers.zerodha.rows import reports

ODD = odd("NaN", "sNaN", "-Infinity", "1e999999", "1e-999999", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "COMPLETE")
ANY_JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
NUMBERS = st.sampled_from(
    [b"1e5", b"1e400", b"-1e99999", b"0." + b"1" * 400, b"9" * 400, b"1E+999999999999999999", b"-0"]
)


def only_malformed(body: bytes) -> None:
    """What comes out is understood and can be kept, or it is Malformed."""
    steps: list[Callable[[], object]] = [
        lambda: reports(body),
        lambda: [wire.position_of(row) for row in wire.decode(body, wire.Positions).net],
        lambda: [
            wire.amount(segment.net)
            for found in [wire.decode(body, wire.Margins)]
            for segment in (found.equity, found.commodity)
            if segment is not None
        ],
        lambda: wire.decode(body, wire.Placed),
        lambda: wire.decode(body, wire.Profile),
    ]
    for step in steps:
        try:
            found = step()
        except Malformed as error:
            assert len(str(error)) < 200
            continue
        msgspec.msgpack.encode(found)
    wire.decode_error(body)


@given(st.lists(st.tuples(st.sampled_from(sorted(order_row())), ODD), min_size=1, max_size=4), st.booleans())
def test_order_row_with_any_values_is_a_report_or_malformed(changes: list[tuple[str, object]], twice: bool) -> None:
    row = order_row(**dict(changes))
    only_malformed(json.dumps({"status": "success", "data": [row, order_row()] if twice else [row]}).encode())


@given(st.lists(st.tuples(st.sampled_from(sorted(position_row())), ODD), min_size=1, max_size=4))
def test_position_row_with_any_values_is_a_position_or_malformed(changes: list[tuple[str, object]]) -> None:
    only_malformed(positions(position_row(**dict(changes))))


@given(st.sampled_from(["price", "quantity", "filled_quantity", "average_price"]), NUMBERS)
def test_numbers_of_any_size_are_taken_or_malformed(key: str, number: bytes) -> None:
    only_malformed(book(order_row(**{key: "@"})).replace(b'"@"', number))


@given(ANY_JSON)
def test_any_json_in_the_wrapper_is_understood_or_malformed(data: object) -> None:
    only_malformed(json.dumps({"status": "success", "data": data}).encode())
    only_malformed(json.dumps(data).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_malformed(body: bytes) -> None:
    only_malformed(body)


@given(st.data())
def test_damaged_answer_is_understood_or_malformed(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from([book(order_row(tags=["mktp"])), positions(position_row()), success({"order_id": "1"})])
    )
    at = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 12))
    only_malformed(whole[:at] + data.draw(st.binary(max_size=6)) + whole[at + length :])


@pytest.mark.parametrize(
    "opening", [b"[", b'{"a":', b'{"status":"success","data":[', b'{"status":"success","data":{"net":[']
)
def test_nesting_without_end_is_malformed(opening: bytes) -> None:
    only_malformed(opening * 100_000)
    only_malformed(b'{"status":"success","data":' + opening * 100_000)
