"""Which fills are followed and which entries a child takes: names, sides, types, times."""

import msgspec
import pytest

from config.schema import ChildFilters, Filters
from engine.commands import Notify, Severity
from engine.core.filters import child_allows, follows, ist_time
from engine.events import BackgroundAdopted, OrderUpdated
from engine.model import BookStatus, Kind, LegId, OrderType, Side, leg_id
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import Desk, child, settings
from tests.unit.paper.builders import CALL, ns

CE = leg_id("NFO", CALL, "NRML")
AT = ns("10:00")
TABLE = [
    ("nothing excluded", {}, True),
    ("allowed by a glob", {"allow": ("NFO:NIFTY*",)}, True),
    ("allowed by one of two globs", {"allow": ("BFO:*", "NFO:*CE")}, True),
    ("not among the allowed", {"allow": ("NFO:BANKNIFTY*",)}, False),
    ("a glob needs the exchange", {"allow": ("NIFTY*",)}, False),
    ("case counts", {"allow": ("nfo:nifty*",)}, False),
    ("nothing allowed", {"allow": ()}, False),
    ("denied", {"deny": ("NFO:NIFTY*",)}, False),
    ("denied although allowed", {"allow": ("NFO:*",), "deny": ("*:*CE",)}, False),
    ("another denied", {"deny": ("NFO:*PE",)}, True),
    ("its exchange", {"exchanges": ("NFO",)}, True),
    ("another exchange", {"exchanges": ("BFO", "MCX")}, False),
    ("its product", {"products": ("NRML",)}, True),
    ("another product", {"products": ("MIS",)}, False),
    ("its type", {"order_types": ("MARKET", "LIMIT")}, True),
    ("another type", {"order_types": ("SL",)}, False),
    ("its side", {"sides": ("BUY",)}, True),
    ("another side", {"sides": ("SELL",)}, False),
    ("an option", {"options_only": True}, True),
    ("exactly at the start of the window", {"from_time": "10:00"}, True),
    ("before the window", {"from_time": "10:01"}, False),
    ("before the end of the window", {"to_time": "10:01"}, True),
    ("exactly at the end of the window", {"to_time": "10:00"}, False),
]


@pytest.mark.parametrize(("what", "fields", "passes"), TABLE, ids=[row[0] for row in TABLE])
def test_filter_table(what: str, fields: dict[str, object], passes: bool) -> None:
    of_all = Filters(**fields)  # type: ignore[arg-type]  # a table of keyword sets
    of_child = ChildFilters(**fields)  # type: ignore[arg-type]  # a table of keyword sets
    assert follows(of_all, CE, Kind.CALL, Side.BUY, "MARKET", AT) is passes, what
    assert child_allows(of_child, CE, Kind.CALL, Side.BUY, "MARKET", AT) is passes, what


@pytest.mark.parametrize(
    ("kind", "passes"), [(Kind.CALL, True), (Kind.PUT, True), (Kind.FUTURE, False), (Kind.EQUITY, False), (None, False)]
)
def test_options_only_wants_a_known_option(kind: Kind | None, passes: bool) -> None:
    assert follows(Filters(options_only=True), CE, kind, Side.BUY, "MARKET", AT) is passes


@pytest.mark.parametrize("exchange", ["MCX", "CDS", "BCD"])
def test_exchange_of_other_hours_is_not_followed_and_says_so(exchange: str) -> None:
    desk = Desk(settings(filters=Filters(exchanges=())))
    own = desk.report(Side.BUY, 1, id_="MO1")
    elsewhere = msgspec.structs.replace(own, exchange=exchange, symbol="CRUDEOIL26NOVFUT")
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=elsewhere))
    desk.run(2)
    assert desk.placed() == []
    (said,) = [text for text in desk.notices() if exchange in text]
    assert said == f"BUY 65: {exchange} is not followed: its hours are its own"


@pytest.mark.parametrize(
    ("filters", "status"), [({"deny": ("MCX:*",)}, BookStatus.COMPLETE), ({}, BookStatus.REJECTED)]
)
def test_what_the_owner_filtered_or_the_broker_refused_is_no_warning(
    filters: dict[str, tuple[str, ...]], status: BookStatus
) -> None:
    desk = Desk(settings(filters=Filters(**filters)))  # type: ignore[arg-type]  # a table of keyword sets
    filled = None if status is BookStatus.COMPLETE else 0
    own = desk.report(Side.BUY, 1, id_="MO1", status=status, filled=filled)
    elsewhere = msgspec.structs.replace(own, exchange="MCX", symbol="CRUDEOIL26NOVFUT")
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="M", report=elsewhere))
    said = [notice.severity for notice in desk.commands(Notify) if "not followed" in notice.text]
    assert said == [Severity.INFO]


def test_background_lots_at_an_exchange_of_other_hours_cannot_be_adopted() -> None:
    leg = leg_id("MCX", "CRUDEOIL26NOVFUT", "NRML")
    desk = Desk(settings(), background={leg: 100})
    (row,) = build_snapshot(desk.state, desk.now_ns, Frame()).background
    assert not row.adoptable
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol="CRUDEOIL26NOVFUT"))
    assert desk.notices()[-1].startswith("MCX is not followed")
    assert not desk.state.prompts


@pytest.mark.parametrize("leg", [leg_id("NSE", "INFY", "CNC"), leg_id("NSE", "INFY", "MTF")])
def test_delivery_is_not_followed_unless_listed(leg: LegId) -> None:
    assert not follows(Filters(), leg, Kind.EQUITY, Side.BUY, "MARKET", AT)
    assert follows(Filters(products=("CNC", "MTF")), leg, Kind.EQUITY, Side.BUY, "MARKET", AT)
    assert child_allows(ChildFilters(), leg, Kind.EQUITY, Side.BUY, "MARKET", AT)


def test_symbol_with_markup_and_dashes_is_matched_as_it_is() -> None:
    leg = leg_id("NSE", "BAJAJ-AUTO", "MIS")
    assert follows(Filters(allow=("NSE:BAJAJ-AUTO",)), leg, Kind.EQUITY, Side.BUY, "MARKET", AT)
    assert not follows(Filters(allow=("NSE:M&M",)), leg, Kind.EQUITY, Side.BUY, "MARKET", AT)


@pytest.mark.parametrize(("at_ns", "text"), [(ns("09:15"), "09:15"), (ns("15:29:59"), "15:29"), (ns("00:00"), "00:00")])
def test_time_of_day_is_indian(at_ns: int, text: str) -> None:
    assert ist_time(at_ns) == text


def test_filtered_entry_is_not_followed() -> None:
    desk = Desk(settings(filters=Filters(deny=("NFO:*CE",))))
    desk.buy(10)
    desk.run(3)
    assert desk.placed() == []
    assert desk.master_leg().background_units == 650


def test_allocated_leg_is_followed_to_zero_through_a_childs_filter() -> None:
    desk = Desk(settings(child(filters=ChildFilters(sides=("BUY",), to_time="09:31"))))
    desk.buy(10)
    desk.run(120)
    desk.sell(10)
    assert desk.lots() == 0
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_stop_loss_seen_before_the_entry_still_exits_under_a_side_filter() -> None:
    """An allocated leg is followed to zero, whatever the filters said of the exit order when it was placed."""
    desk = Desk(settings(filters=Filters(sides=("BUY",))))
    stop = {"symbol": CALL, "id_": "SL1", "order_type": OrderType.SL_M}
    desk.master(Side.SELL, 10, filled=0, status=BookStatus.TRIGGER_PENDING, **stop)  # type: ignore[arg-type]  # shared keywords
    desk.run(1)
    desk.buy(10)
    assert desk.lots() == 3
    desk.run(5)
    desk.master(Side.SELL, 10, **stop)  # type: ignore[arg-type]  # shared keywords
    desk.run(10)
    assert desk.master_leg().units == 0
    assert desk.lots() == 0
