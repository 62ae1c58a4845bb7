"""Every read of the official client against the sandbox: what it decodes to, and whether Kite's keys are all there."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect.exceptions import GeneralException, InputException

from engine.model import leg_id
from paper.sandbox.faults import Kind
from tests.unit.paper.sandbox.stand import (
    BSE_FUTURE,
    CALL,
    CAPITAL,
    FUT,
    LAST_DAY,
    LOT,
    ME,
    PUT,
    Json,
    Stand,
    buy,
    row,
    stand,
    updates,
)

MOCKS = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "kite-mocks"
CALLS, PUTS, SHARES = f"NFO:{CALL}", f"NFO:{PUT}", "NSE:INFY"


@pytest.fixture
def desk() -> Iterator[Stand]:
    with stand(overnight={leg_id("NSE", "INFY", "CNC"): 10, leg_id("NFO", CALL, "NRML"): -LOT}) as made:
        made.quote("100.00", "100.10", bid_units=650, ask_units=1300)
        made.quote("50.00", "50.10", PUT)
        made.quote("1500.00", "1500.10", "INFY")
        yield made


@pytest.fixture
def kite(desk: Stand) -> KiteConnect:
    return desk.kite()


def asked(
    symbol: str, side: str, units: int = LOT, price: float = 0, exchange: str = "NFO", product: str = "NRML"
) -> Json:
    return {
        "exchange": exchange,
        "tradingsymbol": symbol,
        "transaction_type": side,
        "variety": "regular",
        "product": product,
        "order_type": "LIMIT" if price else "MARKET",
        "quantity": units,
        "price": price,
        "average_price": price,
        "trigger_price": 0,
        "order_id": "1",
    }


def test_profile(kite: KiteConnect) -> None:
    assert kite.profile()["user_id"] == ME


def test_orders_have_times_of_india(kite: KiteConnect) -> None:
    buy(kite, tag="mine")
    (shown,) = kite.orders()
    assert shown["order_timestamp"] == shown["exchange_timestamp"] == datetime(2026, 11, 2, 9, 30)
    assert (shown["tradingsymbol"], shown["quantity"], shown["tag"], shown["average_price"]) == (
        CALL,
        LOT,
        "mine",
        100.1,
    )


def test_trades_and_order_trades(kite: KiteConnect) -> None:
    mine = buy(kite)
    buy(kite, units=2 * LOT)
    assert [(t["quantity"], t["average_price"]) for t in kite.trades()] == [(LOT, 100.1), (2 * LOT, 100.1)]
    (trade,) = kite.order_trades(mine)
    assert trade["fill_timestamp"] == datetime(2026, 11, 2, 9, 30)
    assert trade["order_timestamp"] == "09:30:00"
    assert trade["exchange_order_id"] == row(kite, mine)["exchange_order_id"]


def test_net_positions_count_what_was_carried_and_the_day_does_not(kite: KiteConnect) -> None:
    buy(kite, units=3 * LOT)
    found = kite.positions()
    net = next(p for p in found["net"] if p["tradingsymbol"] == CALL)
    assert (net["quantity"], net["overnight_quantity"]) == (2 * LOT, -LOT)
    assert (net["buy_quantity"], net["sell_quantity"], net["day_buy_quantity"]) == (3 * LOT, LOT, 3 * LOT)
    assert (net["buy_price"], net["day_buy_value"]) == (100.1, 3 * LOT * 100.1)
    assert not [p for p in found["net"] if p["tradingsymbol"] == "INFY"], "shares of before today are holdings"
    (day,) = found["day"]
    assert (day["quantity"], day["buy_quantity"], day["sell_quantity"]) == (3 * LOT, 3 * LOT, 0)
    # Bought at 100.10, last traded at 100: 195 x 0.10 lost.
    assert day["pnl"] == pytest.approx(-19.5)


def test_closed_position_remains_with_nothing(kite: KiteConnect) -> None:
    kite.place_order("regular", "NFO", PUT, "BUY", LOT, "MIS", "LIMIT", price=50.10)
    kite.place_order("regular", "NFO", PUT, "SELL", LOT, "MIS", "LIMIT", price=50)
    net = next(p for p in kite.positions()["net"] if p["tradingsymbol"] == PUT)
    assert (net["quantity"], net["average_price"]) == (0, 0)
    assert net["pnl"] == net["value"] == pytest.approx(-6.5)


def test_position_is_converted_with_its_trades(desk: Stand, kite: KiteConnect) -> None:
    kite.place_order("regular", "NFO", PUT, "BUY", 2 * LOT, "MIS", "LIMIT", price=50.10)
    assert kite.convert_position("NFO", PUT, "BUY", "day", LOT, "MIS", "NRML") is True
    for rows in kite.positions().values():
        found = {p["product"]: (p["quantity"], p["buy_quantity"]) for p in rows if p["tradingsymbol"] == PUT}
        assert found == {"MIS": (LOT, LOT), "NRML": (LOT, LOT)}


@pytest.mark.parametrize(
    ("what", "side", "units", "new"),
    [
        ("more than there are", "BUY", 3 * LOT, "NRML"),
        ("the other side", "SELL", LOT, "NRML"),
        ("to itself", "BUY", LOT, "MIS"),
    ],
)
def test_impossible_conversion_changes_nothing(kite: KiteConnect, what: str, side: str, units: int, new: str) -> None:
    kite.place_order("regular", "NFO", PUT, "BUY", 2 * LOT, "MIS", "LIMIT", price=50.10)
    before = kite.positions()
    with pytest.raises(InputException):
        kite.convert_position("NFO", PUT, side, "day", units, "MIS", new)
    assert kite.positions() == before


def test_holdings_are_the_shares_of_before_today(kite: KiteConnect) -> None:
    (shares,) = kite.holdings()
    assert (shares["tradingsymbol"], shares["quantity"], shares["product"]) == ("INFY", 10, "CNC")
    assert (shares["last_price"], shares["day_change"]) == (1500, 0)


def test_shares_sold_are_a_negative_position_beside_the_holding(kite: KiteConnect) -> None:
    kite.place_order("regular", "NSE", "INFY", "SELL", 4, "CNC", "LIMIT", price=1500)
    for rows in kite.positions().values():
        (sold,) = [p for p in rows if p["tradingsymbol"] == "INFY"]
        assert (sold["product"], sold["quantity"], sold["overnight_quantity"]) == ("CNC", -4, 0)
    (kept,) = kite.holdings()
    assert (kept["quantity"], kept["used_quantity"], kept["opening_quantity"]) == (6, 4, 10)


def test_margins_of_both_segments_and_of_one(kite: KiteConnect) -> None:
    both = kite.margins()
    assert set(both) == {"equity", "commodity"}
    assert kite.margins("equity") == both["equity"]
    assert both["equity"]["net"] == both["equity"]["available"]["live_balance"]
    with pytest.raises(GeneralException) as caught:
        kite.margins("crypto")
    assert caught.value.code == 404


def test_net_and_debits_are_the_cash_whatever_is_held(kite: KiteConnect, desk: Stand) -> None:
    before = kite.margins("equity")
    kite.place_order("regular", "NFO", CALL, "SELL", LOT, "NRML", "MARKET", market_protection=-1)
    desk.later(1)
    after = kite.margins("equity")
    assert after["net"] < before["net"]
    for found in (before, after):
        parts = Decimal(str(found["net"])), Decimal(str(found["utilised"]["debits"]))
        assert sum(parts) == Decimal(str(found["available"]["cash"])) == CAPITAL


def test_order_margins_stand_for_each_order_alone(kite: KiteConnect) -> None:
    short, long = kite.order_margins([asked(CALL, "SELL", price=100), asked(PUT, "BUY", price=50)])
    assert short["total"] == short["span"] > 50_000
    assert long["total"] == long["option_premium"] == 50 * LOT
    assert long["charges"]["total"] > long["charges"]["brokerage"] == 20


def test_basket_of_a_hedged_leg_needs_less_than_its_orders(kite: KiteConnect) -> None:
    orders = [asked(CALL, "SELL", 3 * LOT, 100), asked(FUT, "BUY", 3 * LOT, 24500)]
    found = kite.basket_order_margins(orders, consider_positions=False)
    assert found["initial"]["total"] == sum(one["total"] for one in found["orders"])
    assert 0 < found["final"]["total"] < found["initial"]["total"]


def test_basket_counts_positions_when_it_is_asked_to(kite: KiteConnect) -> None:
    back = [asked(CALL, "BUY", LOT, 100)]  # the carried short
    assert kite.basket_order_margins(back, consider_positions=False)["final"]["total"] == 100 * LOT
    assert kite.basket_order_margins(back)["final"]["total"] == 0


def test_compact_basket_has_totals_only(kite: KiteConnect) -> None:
    found = kite.basket_order_margins([asked(CALL, "SELL", LOT, 100)], mode="compact")
    assert found["orders"] == []
    assert found["initial"]["total"] > 0


@pytest.mark.parametrize("body", ["{", "{}", "[1]", '[{"exchange": "NFO", "tradingsymbol": "NIFTY26NOV24500CE"}]'])
def test_margins_of_what_is_no_order_are_refused(desk: Stand, body: str) -> None:
    headers = {"Authorization": f"token {desk.me.api_key}:{desk.me.access_token}"}
    url = f"{desk.sandbox.root_url}/margins/basket"
    answer = requests.post(url, data=body, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


def test_contract_note_has_the_charges_of_the_day(kite: KiteConnect) -> None:
    (note,) = kite.get_virtual_contract_note([asked(CALL, "SELL", LOT, 100)])
    assert (note["price"], note["quantity"]) == (100, LOT)
    assert note["charges"]["transaction_tax"] == 9.75  # 0.15 % of 6,500


def test_instruments_of_all_and_of_one_exchange(kite: KiteConnect) -> None:
    everything = {i["tradingsymbol"]: i for i in kite.instruments()}
    assert set(everything) == {CALL, PUT, FUT, BSE_FUTURE, LAST_DAY, "INFY"}
    call, future, share = everything[CALL], everything[FUT], everything["INFY"]
    assert (call["lot_size"], call["tick_size"], call["strike"], call["expiry"]) == (
        LOT,
        0.05,
        24500,
        date(2026, 11, 24),
    )
    assert [i["segment"] for i in (call, future, share)] == ["NFO-OPT", "NFO-FUT", "NSE"]
    assert [i["instrument_type"] for i in (call, future, share)] == ["CE", "FUT", "EQ"]
    assert call["instrument_token"] == int(call["exchange_token"]) * 256 + 2
    assert [i["tradingsymbol"] for i in kite.instruments("NSE")] == ["INFY"]


def test_dump_is_packed_for_whoever_takes_it(desk: Stand) -> None:
    url = f"{desk.sandbox.root_url}/instruments"
    packed = requests.get(url, headers={"Accept-Encoding": "gzip"}, timeout=5, stream=True)
    plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.raw.read()) == plain.content
    assert "Content-Encoding" not in plain.headers


def test_quote_has_the_book_and_the_range_of_the_day(desk: Stand, kite: KiteConnect) -> None:
    for bid, ask in (("110.00", "110.10"), ("90.00", "90.10"), ("95.00", "95.10")):
        desk.quote(bid, ask, bid_units=650, ask_units=1300)
    found = kite.quote(CALLS, "NFO:NOTHING")
    assert set(found) == {CALLS}
    shown = found[CALLS]
    assert shown["ohlc"] == {"open": 100, "high": 110, "low": 90, "close": 100}
    assert (shown["last_price"], shown["net_change"]) == (95, -5)
    assert shown["depth"]["buy"][0] == {"price": 95, "quantity": 650, "orders": 1}
    assert shown["depth"]["sell"][0] == {"price": 95.1, "quantity": 1300, "orders": 1}
    assert [len(side) for side in shown["depth"].values()] == [5, 5]
    assert shown["timestamp"] == datetime(2026, 11, 2, 9, 30)


def test_ohlc_and_ltp_are_parts_of_it(kite: KiteConnect) -> None:
    whole = kite.quote([CALLS])[CALLS]
    assert kite.ohlc([CALLS, PUTS])[CALLS] == {key: whole[key] for key in ("instrument_token", "last_price", "ohlc")}
    assert kite.ltp(CALLS) == {CALLS: {key: whole[key] for key in ("instrument_token", "last_price")}}


@pytest.mark.parametrize(("method", "most"), [("quote", 500), ("ohlc", 1000), ("ltp", 1000)])
def test_more_instruments_than_allowed_are_refused(kite: KiteConnect, method: str, most: int) -> None:
    read = getattr(kite, method)
    assert set(read([CALLS] * most)) == {CALLS}
    with pytest.raises(InputException, match=str(most)):
        read([CALLS] * (most + 1))


def test_what_is_not_there_is_refused_in_the_form_of_kite(desk: Stand, kite: KiteConnect) -> None:
    with pytest.raises(GeneralException, match="Route not found") as caught:
        kite.mf_orders()
    assert caught.value.code == 404
    answer = requests.delete(f"{desk.sandbox.root_url}/trades", timeout=5)
    assert (answer.status_code, answer.json()["error_type"]) == (405, "GeneralException")


def test_book_without_order_has_all_of_it(desk: Stand, kite: KiteConnect) -> None:
    ids = [buy(kite, "90.00") for _ in range(5)]
    desk.fault("orders", Kind.UNSORTED)
    mixed = [one["order_id"] for one in kite.orders()]
    assert mixed != ids
    assert sorted(mixed) == ids == [one["order_id"] for one in kite.orders()]


# Against the vendor's own examples


def keys(found: Any, path: str = "") -> set[str]:
    """Every key of a document by its path; what a list holds is one thing."""
    if isinstance(found, Mapping):
        return {f"{path}.{key}" for key in found} | {
            k for key, value in found.items() for k in keys(value, f"{path}.{key}")
        }
    if isinstance(found, list):
        return {k for one in found for k in keys(one, f"{path}[]")}
    return set()


def by_name(found: Mapping[str, Any]) -> list[Any]:
    """Quotes without their names."""
    return list(found.values())


def filled(kite: KiteConnect) -> str:
    return buy(kite, tag="mine")


def rejected(kite: KiteConnect) -> list[Any]:
    """A book that has an iceberg's row, too."""
    buy(kite, "90.00", 2 * LOT, variety="iceberg", iceberg_legs=2, iceberg_quantity=LOT, tag="mine")
    return list(kite.orders())


def session(kite: KiteConnect, desk: Stand) -> Any:
    return kite.generate_session(desk.me.request_token, desk.me.api_secret)


EXAMPLES: dict[str, Callable[[KiteConnect, Stand], Any]] = {
    "profile": lambda kite, _desk: kite.profile(),
    "generate_session": session,
    "orders": lambda kite, _desk: rejected(kite),
    "order_info": lambda kite, _desk: kite.order_history(filled(kite)),
    "order_response": lambda kite, _desk: {"order_id": filled(kite)},
    "trades": lambda kite, _desk: (filled(kite), kite.trades())[1],
    "order_trades": lambda kite, _desk: kite.order_trades(filled(kite)),
    "positions": lambda kite, _desk: (filled(kite), kite.positions())[1],
    "holdings": lambda kite, _desk: kite.holdings(),
    "margins": lambda kite, _desk: kite.margins(),
    "margins_equity": lambda kite, _desk: kite.margins("equity"),
    "order_margins": lambda kite, _desk: kite.order_margins([asked(CALL, "SELL", LOT, 100)]),
    "basket_margins": lambda kite, _desk: kite.basket_order_margins([asked(CALL, "SELL", LOT, 100)]),
    "virtual_contract_note": lambda kite, _desk: kite.get_virtual_contract_note([asked(CALL, "SELL", LOT, 100)]),
    "quote": lambda kite, _desk: by_name(kite.quote(CALLS)),
    "ohlc": lambda kite, _desk: by_name(kite.ohlc(CALLS)),
    "ltp": lambda kite, _desk: by_name(kite.ltp(CALLS)),
}
NOT_ALWAYS = {"orders": {"[].terminal_id"}}
"Keys that only some rows of Kite's have, of other ways to trade."


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_key_of_the_vendors_example_is_there(name: str, kite: KiteConnect, desk: Stand) -> None:
    if not MOCKS.exists():
        pytest.skip("shared/data/kite-mocks is not beside the checkout")
    example = json.loads((MOCKS / f"{name}.json").read_text())["data"]
    if name in ("quote", "ohlc", "ltp"):
        example = by_name(example)
    assert keys(example) - keys(EXAMPLES[name](kite, desk)) - NOT_ALWAYS.get(name, set()) == set()


def test_slices_and_update_have_every_key_of_the_vendors_examples() -> None:
    if not MOCKS.exists():
        pytest.skip("shared/data/kite-mocks is not beside the checkout")
    with stand(capital=Decimal(500_000)) as desk:
        desk.quote("100.00", "100.10")
        kite = desk.kite()
        with updates(desk) as heard:
            placed = kite.place_autoslice_order("regular", "NFO", CALL, "BUY", 7020, "NRML", "LIMIT", price=100.10)
            assert keys(json.loads((MOCKS / "postback.json").read_text())) == keys(heard.next())
        assert keys(json.loads((MOCKS / "autoslice_response.json").read_text())["data"]) == keys(placed)


def test_columns_of_the_dump_are_the_vendors(desk: Stand) -> None:
    if not MOCKS.exists():
        pytest.skip("shared/data/kite-mocks is not beside the checkout")
    head = (MOCKS / "instruments_all.csv").read_text().splitlines()[0]
    assert requests.get(f"{desk.sandbox.root_url}/instruments", timeout=5).text.splitlines()[0] == head
