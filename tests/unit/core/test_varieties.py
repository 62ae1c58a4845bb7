"""The kinds of the master's orders: which rest at the children, which are followed at their fills, and what is said."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from config.schema import Filters, Follow, Settings, Sizing, SizingMode
from engine.commands import CancelOrder, Notify, PlaceOrder, Severity
from engine.core import reasons
from engine.core.state import State
from engine.core.varieties import apart, as_held, as_traded
from engine.events import OrderUpdated
from engine.model import BookStatus, LegId, OrderReport, OrderType, Position, Side, Validity, leg_id
from engine.snapshot import EngineState
from engine.view_attention import attention_of
from state.codec import decode, encode
from tests.unit.core.builders import CALL_LEG, LOT, Desk, child, settings, turn_of
from tests.unit.core.nights import morning
from tests.unit.paper.builders import CALL, ns

MIS_LEG = leg_id("NFO", CALL, "MIS")
APART = [
    ("co", reasons.COVER_ORDER),
    ("bo", reasons.BRACKET_ORDER),
    ("auction", reasons.AUCTION_ORDER),
    ("something new", reasons.UNKNOWN_VARIETY),
]


def orders(**fields: object) -> Settings:
    """Settings of a day on which orders are followed."""
    return settings(follow=Follow.ORDERS, **fields)


def tell(desk: Desk, report: OrderReport, **changes: object) -> OrderReport:
    """The master's broker tells of an order, or of a change of it."""
    newer = msgspec.structs.replace(report, updated_ns=desk.now_ns, **changes)
    desk.book(newer)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=newer))
    desk.run("0.5")
    return newer


def limit(desk: Desk, variety: str, *, side: Side = Side.BUY, id_: str = "M1", **changes: object) -> OrderReport:
    """An order of ten lots at a limit."""
    report = desk.report(side, 10, id_=id_, filled=0, limit="99", order_type=OrderType.LIMIT)
    return tell(desk, report, variety=variety, **changes)


def fill(desk: Desk, report: OrderReport, lots: int = 10) -> OrderReport:
    """So many lots of it are filled."""
    status = BookStatus.COMPLETE if lots * LOT == report.quantity else BookStatus.OPEN
    return tell(desk, report, filled=lots * LOT, average_price_inr=Decimal(100), status=status)


def said(desk: Desk) -> list[str]:
    """What was said of orders that are not mirrored."""
    return [text for text in desk.notices() if "is not mirrored" in text]


def shown(desk: Desk) -> list[str]:
    """What of it stands on the screen."""
    found = attention_of(turn_of(desk.state), EngineState.ARMED, ())
    return [item.text for item in found if "is not mirrored" in item.text]


# --- what rests at the children -------------------------------------------------------------------------------------


@pytest.mark.parametrize("variety", ["", "regular", "iceberg", "amo"])
def test_order_at_the_exchange_is_mirrored_whatever_it_was_placed_as(variety: str) -> None:
    desk = Desk(orders(), filling=False)
    limit(desk, variety)
    assert desk.placed() == [(Side.BUY, 3)]
    assert (said(desk), shown(desk), desk.reasons()) == ([], [], set())


@pytest.mark.parametrize(("variety", "why"), APART)
def test_order_of_another_kind_is_followed_at_its_fill_and_said_once(variety: str, why: str) -> None:
    desk = Desk(orders())
    his = limit(desk, variety)
    desk.run(3)
    his = tell(desk, his, price_inr=Decimal("99.5"))
    assert desk.placed() == []
    assert said(desk) == [f"BUY 650 is not mirrored: {why}"]
    assert (shown(desk), desk.reasons()) == (said(desk), {why})
    his = fill(desk, his, 4)
    assert desk.placed() == [(Side.BUY, 1)]
    assert shown(desk) == [f"BUY 390 is not mirrored: {why}"]
    fill(desk, his)
    desk.run(1)
    assert (desk.placed(), desk.lots()) == ([(Side.BUY, 1), (Side.BUY, 2)], 3)
    assert (len(said(desk)), shown(desk), desk.reasons()) == (1, [], set())


@pytest.mark.parametrize(("variety", "why"), APART)
def test_exit_of_another_kind_rests_nowhere_and_is_followed_at_its_fill(variety: str, why: str) -> None:
    desk = Desk(orders())
    desk.buy(10)
    his = limit(desk, variety, side=Side.SELL)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 3)], {why})
    fill(desk, his)
    desk.run(1)
    assert (desk.placed()[1:], desk.lots()) == ([(Side.SELL, 3)], 0)


def test_order_that_ends_without_a_fill_is_no_reason_any_more() -> None:
    desk = Desk(orders())
    his = limit(desk, "co")
    other = limit(desk, "co", id_="M2")
    tell(desk, his, status=BookStatus.CANCELLED)
    assert desk.reasons() == {reasons.COVER_ORDER}
    tell(desk, other, status=BookStatus.REJECTED)
    assert (desk.reasons(), desk.placed(), len(said(desk))) == (set(), [], 2)


@pytest.mark.parametrize(
    "terms",
    [
        {"order_type": OrderType.MARKET},
        {"validity": Validity.IOC},
        {"status": BookStatus.COMPLETE, "filled": 650, "average_price_inr": Decimal(100)},
    ],
)
def test_of_what_rests_nowhere_anyway_nothing_is_said(terms: dict[str, Any]) -> None:
    desk = Desk(orders())
    limit(desk, "co", **terms)
    assert (said(desk), shown(desk), desk.reasons()) == ([], [], set())


def test_order_that_the_filters_leave_out_is_said_to_be_filtered_only() -> None:
    desk = Desk(orders(filters=Filters(deny=("NFO:*",))))
    limit(desk, "co")
    assert (said(desk), desk.reasons()) == ([], set())


def test_cover_is_a_warning_and_an_order_for_the_opening_is_none() -> None:
    desk = Desk(orders())
    limit(desk, "co")
    limit(desk, "amo", id_="M2", status=BookStatus.PENDING)
    found = [notice.severity for notice in desk.commands(Notify) if "is not mirrored" in notice.text]
    assert found == [Severity.WARNING, Severity.INFO]


# --- orders for the opening -----------------------------------------------------------------------------------------


def test_order_for_the_opening_is_mirrored_from_when_it_is_at_the_exchange() -> None:
    desk = Desk(orders(), filling=False)
    his = limit(desk, "amo", status=BookStatus.PENDING)
    desk.run(3)
    his = tell(desk, his, price_inr=Decimal("99.5"))
    assert (desk.placed(), desk.strategy().state.value) == ([], "FLAT")
    assert said(desk) == [f"BUY 650 is not mirrored: {reasons.AMO_WAITS}"]
    assert (shown(desk), desk.reasons()) == (said(desk), {reasons.AMO_WAITS})
    tell(desk, his, status=BookStatus.OPEN)
    assert (desk.placed(), desk.last().price_inr) == ([(Side.BUY, 3)], Decimal("99.5"))
    assert (len(said(desk)), shown(desk), desk.reasons()) == (1, [], set())


def test_order_for_the_opening_that_is_cancelled_before_is_never_mirrored() -> None:
    desk = Desk(orders(), filling=False)
    his = limit(desk, "amo", status=BookStatus.PENDING)
    tell(desk, his, status=BookStatus.CANCELLED)
    desk.run(5)
    assert (desk.placed(), desk.strategy().state.value, desk.reasons()) == ([], "FLAT", set())


def test_order_for_the_opening_through_the_market_is_followed_at_its_fill() -> None:
    desk = Desk(orders())
    report = desk.report(Side.BUY, 10, filled=0)
    his = tell(desk, report, variety="amo", status=BookStatus.PENDING)
    assert desk.reasons() == {reasons.AMO_WAITS}
    fill(desk, his)
    desk.run(1)
    assert (desk.lots(), desk.reasons()) == (3, set())


def test_order_that_turns_out_to_be_for_the_opening_is_said_then() -> None:
    """Angel's are ordinary ones until their status says that they wait."""
    desk = Desk(orders(), filling=False)
    his = limit(desk, "regular", status=BookStatus.PENDING)
    assert said(desk) == []
    tell(desk, his, variety="amo")
    assert (len(said(desk)), desk.reasons()) == (1, {reasons.AMO_WAITS})
    tell(desk, his, variety="regular", status=BookStatus.OPEN)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 3)], set())


def test_order_of_the_evening_before_is_said_in_the_morning_once_and_mirrored_at_the_opening() -> None:
    desk = Desk(orders())
    desk.buy(10)
    desk.run_to(ns("15:45"))
    his = limit(desk, "amo", side=Side.SELL, status=BookStatus.PENDING)
    assert len(said(desk)) == 1
    morning(desk, "09:14", keep_orders=True)
    assert (len(said(desk)), desk.state.master.kept_over_night) == (2, ["M1"])
    desk.run_to(ns("09:15", 3))
    assert (len(said(desk)), len(desk.placed())) == (2, 1)
    desk.filling = False
    his = tell(desk, his, status=BookStatus.OPEN)
    assert desk.placed()[1:] == [(Side.SELL, 3)]
    desk.accept(desk.last())
    tell(desk, his, status=BookStatus.CANCELLED)
    assert len(desk.commands(CancelOrder)) == 1


@pytest.mark.parametrize("follow", [Follow.FILLS, Follow.ORDERS])
def test_order_of_the_evening_before_that_begins_a_strategy_has_no_margins_from_before_it(follow: Follow) -> None:
    sized = child("C2", sizing=Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2)))
    desk = Desk(settings(child(), sized, follow=follow))
    desk.run_to(ns("15:45"))
    his = limit(desk, "amo", status=BookStatus.PENDING)
    morning(desk, "09:15", keep_orders=True)
    desk.quote(CALL, "100")
    his = tell(desk, his, status=BookStatus.OPEN)
    fill(desk, his)
    desk.run(5)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 5)
    assert "no margin of the master from before his order" in desk.strategy().left_out["C1"]
    assert any("no margin of the master from before his order" in text for text in desk.notices())


def test_order_of_yesterday_that_waits_for_nothing_is_not_said() -> None:
    desk = Desk(orders())
    limit(desk, "amo", id_="M2", status=BookStatus.CANCELLED)
    limit(desk, "regular", id_="M3", status=BookStatus.PENDING)
    morning(desk, keep_orders=True)
    assert (said(desk), desk.state.master.kept_over_night) == ([], [])


# --- cover orders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [Follow.FILLS, Follow.ORDERS])
@pytest.mark.parametrize("product", ["CO", "BO"])
def test_cover_is_entered_and_left_as_the_intraday_order_that_it_is(follow: Follow, product: str) -> None:
    """Its stop is a second order of the same product, which the broker places when the first is filled."""
    desk = Desk(settings(follow=follow))
    entry = limit(desk, "co", product=product)
    fill(desk, entry)
    stop = desk.report(Side.SELL, 10, id_="M2", filled=0, trigger="90", order_type=OrderType.SL_M)
    stop = tell(desk, stop, variety="co", product=product, status=BookStatus.TRIGGER_PENDING)
    desk.run(40)  # two reads that agree would end what they do not show
    assert (desk.lots(leg=MIS_LEG), desk.state.master.legs[MIS_LEG].units) == (3, 10 * LOT)
    assert [order.product for order in desk.commands(PlaceOrder)] == ["MIS"]
    tell(desk, stop, filled=10 * LOT, average_price_inr=Decimal(90), status=BookStatus.COMPLETE)
    desk.run(40)
    assert (desk.lots(leg=MIS_LEG), desk.placed()) == (0, [(Side.BUY, 3), (Side.SELL, 3)])
    assert [leg for leg in desk.state.master.legs if leg.endswith(product)] == []


def test_cover_held_at_the_start_is_background_of_the_intraday_leg() -> None:
    desk = Desk(background={leg_id("NFO", CALL, "CO"): LOT, MIS_LEG: 2 * LOT})
    assert desk.state.master.legs[MIS_LEG].background_units == 3 * LOT


def test_products_without_a_cover_are_left_as_they_are() -> None:
    report = Desk(warm=False).report(Side.BUY, 1)
    rows = (position(CALL_LEG, 65), position(MIS_LEG, 130))
    assert as_traded(report) is report
    assert as_held(rows) is rows


def test_positions_of_a_cover_and_an_intraday_order_are_one() -> None:
    rows = (position(MIS_LEG, 65), position(CALL_LEG, 195), position(leg_id("NFO", CALL, "CO"), -130))
    assert [(row.leg, row.net_units, row.overnight_units) for row in as_held(rows)] == [
        (MIS_LEG, -65, -65),
        (CALL_LEG, 195, 195),
    ]


def position(leg: LegId, units: int) -> Position:
    exchange, symbol, product = leg.split(":")
    return Position(exchange=exchange, symbol=symbol, product=product, net_units=units, overnight_units=units)


# --- follow: fills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variety", ["", "regular", "amo", "iceberg", "co", "bo", "auction", "something new"])
def test_fills_are_followed_whatever_filled(variety: str) -> None:
    desk = Desk(settings())
    status = BookStatus.PENDING if variety == "amo" else BookStatus.OPEN
    his = limit(desk, variety, status=status)
    assert (desk.placed(), said(desk), shown(desk), desk.reasons()) == ([], [], [], set())
    his = fill(desk, his, 4)
    assert desk.placed() == [(Side.BUY, 1)]
    fill(desk, his)
    desk.run(1)
    assert desk.lots() == 3
    out = limit(desk, variety, side=Side.SELL, id_="M2", status=status)
    fill(desk, out)
    desk.run(1)
    assert desk.lots() == 0


def test_order_of_yesterday_that_waits_is_no_matter_where_fills_are_followed() -> None:
    desk = Desk(settings())
    desk.buy(10)
    limit(desk, "amo", side=Side.SELL, status=BookStatus.PENDING)
    morning(desk, keep_orders=True)
    assert said(desk) == []


# --- state ----------------------------------------------------------------------------------------------------------


def test_state_of_before_has_orders_of_no_known_kind() -> None:
    desk = Desk(orders(), filling=False)
    limit(desk, "regular")
    old = encode(desk.state).replace(b'"variety":"regular",', b"").replace(b'"kept_over_night":[],', b"")
    assert b"variety" not in old
    state = decode(old, State)
    assert state.master.orders["M1"].variety == ""
    assert apart(turn_of(state)) == []


def test_a_child_that_is_no_longer_configured_has_no_rows() -> None:
    desk = Desk(settings(child(), child("C2"), follow=Follow.ORDERS))
    desk.restart(with_settings=orders())
    desk.run(3)
    limit(desk, "co")
    assert (desk.reasons("C1"), desk.reasons("C2")) == ({reasons.COVER_ORDER}, set())
