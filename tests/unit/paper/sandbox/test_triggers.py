"""Good-till-triggered orders through the official client: kept, listed, modified, deleted, placed at their price."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect.exceptions import GeneralException, InputException

from tests.unit.paper.sandbox.stand import CALL, LOT, ME, OTHER, PUT, Json, Stand, stand
from tests.unit.paper.sandbox.test_client import MOCKS, keys


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand() as made:
        made.quote("100.00", "100.10")
        yield made


@pytest.fixture
def kite(desk: Stand) -> KiteConnect:
    return desk.kite()


def leg(**changes: object) -> Json:
    row: Json = {"transaction_type": "SELL", "quantity": LOT, "order_type": "LIMIT", "product": "NRML", "price": 80.05}
    return row | changes


def place(kite: KiteConnect, symbol: str = CALL) -> int:
    placed: int = kite.place_gtt("single", symbol, "NFO", [80.5], 100.0, [leg()])["trigger_id"]
    return placed


def test_trigger_is_kept_for_a_year_and_listed_as_kite_writes_it(kite: KiteConnect, desk: Stand) -> None:
    number = place(kite)
    (shown,) = kite.get_gtts()
    token = desk.sandbox.desk.tokens.by_token
    assert shown == kite.get_gtt(number)
    assert token[shown["condition"].pop("instrument_token")] == f"NFO:{CALL}"
    assert shown == {
        "id": number,
        "user_id": ME,
        "parent_trigger": None,
        "type": "single",
        "status": "active",
        "condition": {"exchange": "NFO", "last_price": 100.0, "tradingsymbol": CALL, "trigger_values": [80.5]},
        "orders": [{"exchange": "NFO", "tradingsymbol": CALL} | leg() | {"result": None}],
        "meta": {},
        "created_at": "2026-11-02 09:30:00",
        "updated_at": "2026-11-02 09:30:00",
        "expires_at": "2027-11-02 09:30:00",
    }


def test_trigger_with_two_legs_has_two_of_each(kite: KiteConnect) -> None:
    kite.place_gtt("two-leg", CALL, "NFO", [80, 120], 100, [leg(), leg(price=120)])
    (shown,) = kite.get_gtts()
    assert (shown["condition"]["trigger_values"], [one["price"] for one in shown["orders"]]) == (
        [80, 120],
        [80.05, 120],
    )


def test_newest_trigger_comes_first_and_nobody_elses_is_listed(kite: KiteConnect, desk: Stand) -> None:
    first, second, others = place(kite), place(kite, PUT), place(desk.kite(OTHER))
    assert [row["id"] for row in kite.get_gtts()] == [second, first]
    with pytest.raises(GeneralException) as caught:
        kite.get_gtt(others)
    assert caught.value.code == 404


def test_modified_trigger_keeps_its_id_and_its_end(kite: KiteConnect, desk: Stand) -> None:
    number = place(kite)
    before = kite.get_gtt(number)
    desk.later(60)
    changed = kite.modify_gtt(number, "two-leg", CALL, "NFO", [70, 130], 101, [leg(price=70), leg(price=130)])
    assert changed == {"trigger_id": number}
    after = kite.get_gtt(number)
    assert (after["type"], after["condition"]["trigger_values"], after["updated_at"]) == (
        "two-leg",
        [70, 130],
        "2026-11-02 09:31:00",
    )
    assert [after[key] for key in ("id", "created_at", "expires_at")] == [
        before[key] for key in ("id", "created_at", "expires_at")
    ]


def test_deleted_trigger_is_listed_no_more_and_stays_as_it_is(kite: KiteConnect) -> None:
    number, other = place(kite), place(kite)
    assert kite.delete_gtt(number) == {"trigger_id": number}
    assert [row["id"] for row in kite.get_gtts()] == [other]
    assert kite.get_gtt(number)["status"] == "deleted"
    works: list[Callable[[], object]] = [
        lambda: kite.delete_gtt(number),
        lambda: kite.modify_gtt(number, "single", CALL, "NFO", [1], 1, [leg()]),
    ]
    for work in works:
        with pytest.raises(InputException, match="not active"):
            work()
    assert kite.get_gtt(number)["condition"]["trigger_values"] == [80.5]


@pytest.mark.parametrize("number", [1, "x", "²"])
def test_trigger_that_is_not_there_is_refused(kite: KiteConnect, number: object) -> None:
    with pytest.raises(GeneralException):
        kite.get_gtt(number)
    with pytest.raises(GeneralException):
        kite.delete_gtt(number)


def test_trigger_outlives_the_day(kite: KiteConnect, desk: Stand) -> None:
    number = place(kite)
    desk.to("05:59", day=3)
    assert [row["id"] for row in kite.get_gtts()] == [number]


def test_trigger_of_a_leap_day_ends_on_the_28th(kite: KiteConnect, desk: Stand) -> None:
    at_ns = int(datetime.fromisoformat("2028-02-29T10:00:00+05:30").timestamp()) * 1_000_000_000
    desk.me.token_until_ns = at_ns + 1
    desk.clock.advance(at_ns)
    assert kite.get_gtt(place(kite))["expires_at"] == "2029-02-28 10:00:00"


def states(kite: KiteConnect) -> list[tuple[str, list[str | None]]]:
    """Of each trigger its state, and for each of its orders what became of it."""
    return [
        (row["status"], [one["result"] and one["result"]["order_result"]["status"] for one in row["orders"]])
        for row in kite.get_gtts()
    ]


@pytest.mark.parametrize(
    ("value", "misses", "reaches"), [(80, "80.05", "80.00"), (120, "119.95", "120.00")], ids=["below", "above"]
)
def test_single_trigger_places_its_order_once_when_its_price_is_reached(
    kite: KiteConnect, desk: Stand, value: int, misses: str, reaches: str
) -> None:
    kite.place_gtt("single", CALL, "NFO", [value], 100.0, [leg(price=200)])
    desk.quote(misses, "130.00")
    assert (states(kite), kite.orders()) == ([("active", [None])], [])
    desk.later(60)
    desk.quote(reaches, "130.00")
    desk.quote(reaches, "130.00")
    (row,), (shown,) = kite.orders(), kite.get_gtts()
    assert [row[key] for key in ("tradingsymbol", "transaction_type", "quantity", "price", "status", "tag")] == [
        CALL,
        "SELL",
        LOT,
        200,
        "OPEN",
        None,
    ]
    assert (shown["status"], shown["updated_at"]) == ("triggered", "2026-11-02 09:31:00")
    result = shown["orders"][0]["result"]
    assert result["order_result"] == {"status": "success", "order_id": row["order_id"], "rejection_reason": ""}
    assert (result["triggered_at"], result["account_id"]) == (value, ME)


@pytest.mark.parametrize(("price", "left"), [("79.00", [True, False]), ("121.00", [False, True])])
def test_of_two_legs_the_one_whose_price_is_reached_ends_the_other(
    kite: KiteConnect, desk: Stand, price: str, left: list[bool]
) -> None:
    kite.place_gtt("two-leg", CALL, "NFO", [80, 120], 100, [leg(price=300), leg(price=400)])
    desk.quote(price, "130.00")
    desk.quote("100.00", "130.00")
    desk.quote("79.00", "130.00")
    desk.quote("121.00", "130.00")
    assert states(kite) == [("triggered", ["success" if one else None for one in left])]
    assert [row["price"] for row in kite.orders()] == [300 if left[0] else 400]


def test_trigger_whose_order_is_refused_is_over_and_says_why(kite: KiteConnect, desk: Stand) -> None:
    place(kite, CALL)
    kite.place_gtt("single", CALL, "NFO", [80.5], 100.0, [leg(quantity=1)])
    desk.quote("80.00", "130.00")
    (bad, good) = kite.get_gtts()
    assert states(kite) == [("triggered", ["failed"]), ("triggered", ["success"])]
    assert "multiple" in bad["orders"][0]["result"]["order_result"]["rejection_reason"].lower()
    assert good["orders"][0]["result"]["order_result"]["rejection_reason"] == ""
    for row in (bad, good):
        with pytest.raises(InputException, match="not active"):
            kite.delete_gtt(row["id"])


def test_deleted_trigger_places_nothing_and_neither_does_one_outside_the_session(
    kite: KiteConnect, desk: Stand
) -> None:
    kite.delete_gtt(place(kite))
    place(kite)
    desk.to("15:45")
    desk.quote("70.00", "130.00")
    assert (states(kite), kite.orders()) == ([("active", [None])], [])


CONDITION = {"exchange": "NFO", "tradingsymbol": CALL, "trigger_values": [80.5], "last_price": 100.0}
ORDER = {"exchange": "NFO", "tradingsymbol": CALL} | leg()
WRONG: list[tuple[str, Json]] = [
    ("type", {"type": "three-leg"}),
    ("no condition", {"condition": ""}),
    ("condition that is none", {"condition": "[]"}),
    ("deep condition", {"condition": "[" * 100_000}),
    ("unlisted", {"condition": CONDITION | {"tradingsymbol": "NOTHING"}}),
    ("two values of one", {"condition": CONDITION | {"trigger_values": [1, 2]}}),
    ("value of zero", {"condition": CONDITION | {"trigger_values": [0]}}),
    ("value that is none", {"condition": CONDITION | {"trigger_values": ["80"]}}),
    ("value that is no number", {"condition": CONDITION | {"trigger_values": [float("nan")]}}),
    ("no last price", {"condition": {key: value for key, value in CONDITION.items() if key != "last_price"}}),
    ("two orders", {"orders": [ORDER, ORDER]}),
    ("no order", {"orders": []}),
    ("order that is none", {"orders": ["SELL"]}),
    ("order without a product", {"orders": [{key: value for key, value in ORDER.items() if key != "product"}]}),
    ("order of another symbol", {"orders": [ORDER | {"tradingsymbol": PUT}]}),
    ("market order", {"orders": [ORDER | {"order_type": "MARKET"}]}),
    ("side", {"orders": [ORDER | {"transaction_type": "HOLD"}]}),
    ("half a unit", {"orders": [ORDER | {"quantity": 0.5}]}),
    ("no units", {"orders": [ORDER | {"quantity": 0}]}),
    ("order for nothing", {"orders": [ORDER | {"price": 0}]}),
]


@pytest.mark.parametrize("changes", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_trigger_is_refused_and_not_kept(kite: KiteConnect, desk: Stand, changes: Json) -> None:
    """The official client itself sends most of these to nobody."""
    form = {"type": "single", "condition": CONDITION, "orders": [ORDER]} | changes
    headers = {"Authorization": f"token {desk.me.api_key}:{desk.me.access_token}"}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in form.items()}
    answer = requests.post(f"{desk.sandbox.root_url}/gtt/triggers", data=texts, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")
    assert kite.get_gtts() == []


@pytest.mark.parametrize("name", ["gtt_get_orders", "gtt_get_order", "gtt_place_order", "gtt_modify_order"])
def test_every_key_of_the_vendors_example_is_there(kite: KiteConnect, desk: Stand, name: str) -> None:
    if not MOCKS.exists():
        pytest.skip("shared/data/kite-mocks is not beside the checkout")
    done = place(kite)
    desk.quote("80.00", "130.00")
    active = kite.place_gtt("single", CALL, "NFO", [70], 80, [leg()])["trigger_id"]
    found: dict[str, Any] = {
        "gtt_get_orders": kite.get_gtts(),
        "gtt_get_order": kite.get_gtt(done),
        "gtt_place_order": {"trigger_id": active},
        "gtt_modify_order": kite.modify_gtt(active, "single", CALL, "NFO", [70], 100, [leg()]),
    }
    example = json.loads((MOCKS / f"{name}.json").read_text())["data"]
    assert keys(example) - keys(found[name]) == set()
