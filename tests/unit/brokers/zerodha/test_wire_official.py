"""The vendor's own examples arrive whole."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from brokers.zerodha import wire
from engine.model import TERMINAL_BOOK, BookStatus, Funds, OrderReport
from tests.unit.brokers.zerodha.payloads import mock, mock_rows, needs_mocks
from tests.unit.brokers.zerodha.rows import reports


def _decimal(value: object) -> Decimal | None:
    return Decimal(str(value)) if value else None


def assert_same(found: OrderReport, row: dict[str, Any]) -> None:
    """Nothing of a row is lost on its way to the engine."""
    assert found.order_id == row["order_id"]
    assert (found.exchange, found.symbol, found.product) == (row["exchange"], row["tradingsymbol"], row["product"])
    assert (found.side.value, found.order_type.value) == (row["transaction_type"], row["order_type"])
    assert (found.quantity, found.filled) == (row["quantity"], row["filled_quantity"])
    assert found.average_price_inr == (_decimal(row["average_price"]) if row["filled_quantity"] else None)
    assert (found.price_inr, found.trigger_price_inr) == (_decimal(row["price"]), _decimal(row["trigger_price"]))
    assert (found.status in TERMINAL_BOOK) == (row["status"] in ("COMPLETE", "CANCELLED", "REJECTED"))
    assert found.status_text == (row["status_message"] or "")
    times = [wire.ist_ns(row[name]) for name in ("order_timestamp", "exchange_timestamp") if row[name]]
    assert found.placed_ns == min(times) > 0
    assert found.updated_ns >= max(times)
    assert found.tag in (row["tag"] or "", *(row.get("tags") or ()))
    assert not found.tag.startswith(("mktp", "autoslice"))


@needs_mocks
def test_official_order_book_arrives_whole() -> None:
    rows = {row["order_id"]: row for row in mock_rows("orders.json")}
    found = reports(mock("orders.json"))
    assert sorted(r.order_id for r in found) == sorted(rows) and len(rows) == 10
    for one in found:
        assert_same(one, rows[one.order_id])
    assert {r.tag for r in found} == {row["tag"] or "" for row in rows.values()}
    assert {r.status for r in found} == {BookStatus.COMPLETE, BookStatus.CANCELLED, BookStatus.REJECTED}


@needs_mocks
def test_official_history_arrives_row_by_row_and_ends_as_its_last_row() -> None:
    rows = mock_rows("order_info.json")
    found = [wire.report_of(row) for row in wire.decode(mock("order_info.json"), tuple[wire.OrderRow, ...])]
    for one, row in zip(found, rows, strict=True):
        assert_same(one, row)
    (last,) = reports(mock("order_info.json"))
    assert last == found[-1]


@needs_mocks
def test_official_postback_is_an_order_row_without_a_wrapper() -> None:
    body = mock("postback.json")
    assert_same(wire.report_of(msgspec.json.decode(body, type=wire.OrderRow)), json.loads(body))


@needs_mocks
def test_official_positions_arrive_whole() -> None:
    rows = mock_rows("positions.json")["net"]
    found = [wire.position_of(row) for row in wire.decode(mock("positions.json"), wire.Positions).net]
    assert [
        (p.exchange, p.symbol, p.product, p.net_units, p.overnight_units) for p in found
    ] == [
        (r["exchange"], r["tradingsymbol"], r["product"], r["quantity"], r["overnight_quantity"]) for r in rows
    ]  # fmt: skip
    assert [p.average_price_inr for p in found] == [
        _decimal(r["average_price"]) if r["quantity"] else None for r in rows
    ]


@needs_mocks
def test_official_margins_are_exact() -> None:
    found = wire.decode(mock("margins.json"), wire.Margins)
    assert found.equity is not None and found.commodity is not None
    assert (str(found.equity.net), str(found.commodity.net)) == ("99725.05000000002", "100661.7")
    funds, cash = wire.funds_of(found.equity), mock_rows("margins.json")["equity"]["available"]["cash"]
    assert funds.used_inr is not None
    assert round(funds.available_inr + funds.used_inr, 2) == Decimal(str(cash)) == Decimal("245431.6")
    assert wire.funds_of(found.commodity) == Funds(available_inr=Decimal("100661.7"), used_inr=Decimal(0))
    basket = wire.decode(mock("basket_margins.json"), wire.BasketMargins)
    exact = json.loads(mock("basket_margins.json"), parse_float=Decimal)["data"]
    assert (basket.initial.total, basket.final.total) == (exact["initial"]["total"], exact["final"]["total"])


@needs_mocks
@pytest.mark.parametrize("name", ["order_response.json", "order_modify.json", "order_cancel.json"])
def test_official_answers_to_writes_have_their_id(name: str) -> None:
    assert wire.decode(mock(name), wire.Placed).order_id == mock_rows(name)["order_id"]


@needs_mocks
@pytest.mark.parametrize("name", ["profile.json", "full_profile.json"])
def test_official_profile_has_its_user(name: str) -> None:
    assert wire.decode(mock(name), wire.Profile).user_id == mock_rows(name)["user_id"]
