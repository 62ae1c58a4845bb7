"""The order life cycle at the paper exchange: accepted, refused, filled, changed, ended."""

from decimal import Decimal

import pytest

from config.schema import LimitFill
from engine.commands import PlaceOrder
from engine.events import Outcome
from engine.model import BookStatus, OrderType, Side, Validity, leg_id
from paper import rejections
from tests.unit.paper.builders import CALL, NOW, PUT, World, levels, money, nfo, ns, option, order, quote

BUY, SELL = Side.BUY, Side.SELL
LIMIT, MARKET, SL, SL_M = OrderType.LIMIT, OrderType.MARKET, OrderType.SL, OrderType.SL_M
OPEN, PENDING, COMPLETE = BookStatus.OPEN, BookStatus.TRIGGER_PENDING, BookStatus.COMPLETE
CANCELLED, REJECTED = BookStatus.CANCELLED, BookStatus.REJECTED


def test_market_order_is_accepted_then_filled_and_both_are_reported() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(quantity=650))
    assert [(account, row.status, row.filled) for account, row in world.updates] == [
        ("C1", OPEN, 0),
        ("C1", COMPLETE, 650),
    ]
    row = world.row(order_id)
    assert (row.average_price_inr, row.tag, row.placed_ns) == (Decimal("100.10"), "T1", NOW)
    assert world.net() == 650


def test_order_ids_name_the_program_and_the_day_and_only_increase() -> None:
    world = World()
    world.exchange.add_account("C2", Decimal(1))
    ids = [world.accepted(order(account=account)) for account in ("C1", "C2", "C1")]
    assert ids == ["PAPER_261102010000001", "PAPER_261102020000001", "PAPER_261102010000002"]


def test_used_tag_is_accepted_again_so_that_a_doubled_order_shows() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order(tag="T7"))
    world.accepted(order(tag="T7"))
    assert [row.tag for row in world.exchange.orders("C1")] == ["T7", "T7"]
    assert world.net() == 130


@pytest.mark.parametrize(
    ("description", "given", "reason"),
    [
        ("unknown symbol", order(symbol="NIFTY26NOV99999CE"), rejections.UNKNOWN_INSTRUMENT),
        ("odd quantity", order(quantity=64), "multiples of lot size 65"),
        ("above freeze", order(quantity=3575), "maximum quantity of 3510 (54 lots)"),
        ("off the tick", order(order_type=LIMIT, price="100.01"), "Tick size for this script is 0.05"),
    ],
)
def test_order_desk_refuses_without_a_row(description: str, given: PlaceOrder, reason: str) -> None:
    world = World()
    world.quotes(quote())
    answer = world.place(given)
    assert (answer.outcome, answer.order_id) == (Outcome.REJECTED, ""), description
    assert reason in answer.reason, description
    assert (world.exchange.orders("C1"), world.updates, world.exchange.positions("C1")) == ((), [], ())


@pytest.mark.parametrize(
    ("time", "accepted"),
    [("09:14:59", False), ("09:15", True), ("15:39:59", True), ("15:40", False)],
)
def test_closed_market_refuses(time: str, accepted: bool) -> None:
    world = World()
    world.now = ns(time)
    answer = world.place(order())
    assert (answer.outcome is Outcome.ACKED) is accepted
    assert answer.reason == ("" if accepted else rejections.MARKET_CLOSED)


def test_expired_contract_is_unknown_from_the_day_after() -> None:
    world = World(instruments=(option(expiry="2026-11-02"),))
    assert world.place(order()).outcome is Outcome.ACKED
    world.now = ns("09:30", 3)
    assert world.place(order()).reason == rejections.UNKNOWN_INSTRUMENT


def test_resting_limit_fills_when_the_market_comes_to_it() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, LIMIT, price="99.00"))
    world.quotes(quote("99.00", "99.05"))
    assert world.row(order_id).status is OPEN
    world.quotes(quote("98.95", "99.00"))
    assert (world.row(order_id).status, world.row(order_id).average_price_inr) == (COMPLETE, Decimal("99.00"))
    assert len(world.updates) == 2
    world.quotes(quote("97.00", "97.05"))
    assert (world.net(), len(world.updates)) == (65, 2)


def test_limit_fills_at_the_touch_where_that_is_set() -> None:
    world = World(limit_fill=LimitFill.TOUCH)
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, LIMIT, price="105.00"))
    assert world.row(order_id).average_price_inr == Decimal("100.10")


def test_quotes_of_another_instrument_fill_nothing() -> None:
    world = World()
    order_id = world.accepted(order())
    world.quotes(quote(symbol=PUT))
    assert world.row(order_id).status is OPEN


def test_resting_orders_are_matched_in_the_order_of_acceptance() -> None:
    world = World()
    world.exchange.add_account("C2", Decimal(1))
    first, second = world.accepted(order(account="C2")), world.accepted(order())
    world.quotes(quote())
    assert [row.order_id for _, row in world.updates if row.status is COMPLETE] == [first, second]


def test_order_waits_for_a_fresh_quote_and_says_why() -> None:
    world = World()
    world.quotes(quote(stale_at_ns=NOW))
    order_id = world.accepted(order())
    assert (world.row(order_id).status, world.row(order_id).status_text) == (OPEN, "waiting: stale quote")
    world.quotes(quote(stale_at_ns=NOW + 1))
    assert (world.row(order_id).status, world.row(order_id).status_text) == (COMPLETE, "")


def test_order_without_any_quote_waits_and_says_why() -> None:
    world = World()
    order_id = world.accepted(order())
    assert world.row(order_id).status_text == "waiting: no quote"


def test_stop_goes_from_trigger_pending_over_open_to_complete() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, SL, price="102.00", trigger="101.00"))
    world.quotes(quote("103.00", "103.10"))
    world.quotes(quote("101.90", "102.00"))
    assert [row.status for _, row in world.updates] == [PENDING, OPEN, COMPLETE]
    assert world.row(order_id).average_price_inr == Decimal("102.00")


def test_stop_stays_triggered_when_the_market_goes_back() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, SL, price="102.00", trigger="101.00"))
    world.quotes(quote("103.00", "103.10"))
    world.quotes(quote("99.90", "100.00"))
    assert (world.row(order_id).status, world.row(order_id).filled) == (COMPLETE, 65)


@pytest.mark.parametrize(
    ("given", "status", "filled"),
    [
        (order(BUY, 650, validity=Validity.IOC), CANCELLED, 130),
        (order(BUY, 130, validity=Validity.IOC), COMPLETE, 130),
        (order(BUY, 65, LIMIT, price="90", validity=Validity.IOC), CANCELLED, 0),
    ],
)
def test_ioc_does_not_rest(given: PlaceOrder, status: BookStatus, filled: int) -> None:
    world = World(partial_fills=True)
    world.quotes(quote(ask_units=130))
    order_id = world.accepted(given)
    assert (world.row(order_id).status, world.row(order_id).filled) == (status, filled)
    world.quotes(quote(ask_units=130, at_ns=NOW + 1))
    assert world.row(order_id).filled == filled


def test_partial_fill_takes_one_quote_once_and_goes_on_with_the_next() -> None:
    world = World(partial_fills=True)
    world.quotes(quote(ask_units=130))
    order_id = world.accepted(order(BUY, 195))
    assert (world.row(order_id).status, world.row(order_id).filled) == (OPEN, 130)
    world.modify(order_id, order_type=MARKET)
    assert world.row(order_id).filled == 130
    world.quotes(quote("100.00", "100.40", ask_units=650))
    row = world.row(order_id)
    assert (row.status, row.filled, row.average_price_inr) == (COMPLETE, 195, Decimal("100.20"))


def test_market_order_walks_the_depth_with_slippage() -> None:
    world = World(slippage_ticks=2)
    world.quotes(quote(asks=levels(("100.10", 65), ("100.20", 65))))
    order_id = world.accepted(order(BUY, 195))
    # 65 at 100.20 and 130 at 100.30
    assert world.row(order_id).average_price_inr == Decimal("100.2667")


def test_cancel_ends_an_open_order_once() -> None:
    world = World()
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    assert world.cancel(order_id).outcome is Outcome.ACKED
    again = world.cancel(order_id)
    assert (again.outcome, again.reason) == (Outcome.REJECTED, rejections.CANNOT_CANCEL)
    world.quotes(quote("80", "81"))
    assert (world.row(order_id).status, world.row(order_id).filled) == (CANCELLED, 0)
    assert [row.status for _, row in world.updates if not row.status_text] == [OPEN, CANCELLED]


def test_cancel_keeps_what_was_filled() -> None:
    world = World(partial_fills=True)
    world.quotes(quote(ask_units=65))
    order_id = world.accepted(order(BUY, 650))
    world.cancel(order_id)
    assert (world.row(order_id).status, world.row(order_id).filled, world.net()) == (CANCELLED, 65, 65)


def test_unknown_order_can_be_neither_cancelled_nor_modified() -> None:
    world = World()
    assert world.cancel("PAPER_1").reason == rejections.UNKNOWN_ORDER
    assert world.modify("PAPER_1", quantity=65).reason == rejections.UNKNOWN_ORDER


def test_order_of_another_account_is_unknown() -> None:
    world = World()
    world.exchange.add_account("C2", Decimal(1))
    order_id = world.accepted(order(account="C2"))
    assert world.cancel(order_id).reason == rejections.UNKNOWN_ORDER


def test_modified_price_fills_at_once() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    assert world.modify(order_id, price_inr=Decimal("100.10")).outcome is Outcome.ACKED
    assert world.row(order_id).status is COMPLETE


def test_modified_type_goes_through_the_market() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(SELL, 65, SL, price="90", trigger="95"))
    world.modify(order_id, order_type=MARKET)
    assert (world.row(order_id).status, world.row(order_id).average_price_inr) == (COMPLETE, Decimal("100.00"))


def test_limit_made_a_stop_waits_for_its_trigger() -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    world.modify(order_id, order_type=SL, price_inr=Decimal(120), trigger_price_inr=Decimal(110))
    assert world.row(order_id).status is PENDING
    world.quotes(quote("109.90", "110.00"))
    assert world.row(order_id).status is COMPLETE


@pytest.mark.parametrize(
    ("description", "price", "quantity", "reason"),
    [
        ("off the tick", "90.01", None, "Tick size"),
        ("odd quantity", None, 66, "multiples of lot size"),
        ("above freeze", None, 3575, "maximum quantity"),
        ("zero quantity", None, 0, rejections.CANNOT_MODIFY),
    ],
)
def test_refused_modification_changes_nothing(
    description: str, price: str | None, quantity: int | None, reason: str
) -> None:
    world = World()
    world.quotes(quote())
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    before = world.row(order_id)
    answer = world.modify(order_id, price_inr=money(price), quantity=quantity)
    assert (answer.outcome, reason in answer.reason) == (Outcome.REJECTED, True), description
    assert (world.row(order_id), len(world.updates)) == (before, 1), description


def test_quantity_cannot_be_lowered_to_what_is_filled() -> None:
    world = World(partial_fills=True)
    world.quotes(quote(ask_units=65))
    order_id = world.accepted(order(BUY, 195))
    assert world.modify(order_id, quantity=65).outcome is Outcome.REJECTED
    assert world.modify(order_id, quantity=130).outcome is Outcome.ACKED
    world.quotes(quote(ask_units=650))
    assert (world.row(order_id).status, world.row(order_id).filled) == (COMPLETE, 130)


def test_finished_order_and_closed_market_refuse_a_modification() -> None:
    world = World()
    order_id = world.accepted(order(BUY, 65, LIMIT, price="90"))
    world.now = ns("15:40")
    assert world.modify(order_id, price_inr=Decimal(91)).reason == rejections.MARKET_CLOSED
    world.cancel(order_id)
    assert world.modify(order_id, price_inr=Decimal(91)).reason == rejections.CANNOT_MODIFY


def test_twenty_sixth_modification_is_refused() -> None:
    world = World()
    order_id = world.accepted(order(BUY, 65, LIMIT, price="50"))
    for count in range(25):
        assert world.modify(order_id, price_inr=Decimal(51 + count)).outcome is Outcome.ACKED
    assert world.modify(order_id, price_inr=Decimal(90)).reason == rejections.TOO_MANY_MODIFICATIONS
    assert world.row(order_id).price_inr == 75


def test_owners_trade_is_a_market_order_without_tag() -> None:
    world = World()
    world.quotes(quote())
    world.exchange.trade("C1", CALL, "NFO", BUY, 65, "NRML", world.now)
    row = world.exchange.orders("C1")[0]
    assert (row.tag, row.status, row.average_price_inr) == ("", COMPLETE, Decimal("100.10"))
    assert [update.status for _, update in world.updates] == [OPEN, COMPLETE]


def test_odd_remainder_may_be_closed_completely_and_only_so() -> None:
    world = World()
    world.exchange.add_account("C2", Decimal(1), {leg_id("NFO", CALL, "NRML"): 70})
    world.quotes(quote())
    assert "multiples" in world.place(order(SELL, 5, account="C2")).reason
    assert "multiples" in world.place(order(BUY, 70, account="C2")).reason
    assert world.place(order(SELL, 70, account="C2")).outcome is Outcome.ACKED
    assert world.net(account="C2") == 0


def test_same_leg_in_two_products_is_two_positions() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order(BUY, 65))
    world.accepted(order(SELL, 65, product="MIS"))
    assert (world.net(), world.net(product="MIS")) == (65, -65)


def test_newest_quote_is_kept() -> None:
    world = World()
    assert world.exchange.newest(nfo(CALL)) is None
    world.quotes(quote())
    assert world.exchange.newest(nfo(CALL)) == quote()


def test_instruments_can_be_added() -> None:
    world = World()
    assert world.place(order(symbol="NIFTY26NOV30000CE")).outcome is Outcome.REJECTED
    added = option("NIFTY26NOV30000CE", strike=30000)
    world.exchange.add_instruments((added,))
    assert world.place(order(symbol="NIFTY26NOV30000CE")).outcome is Outcome.ACKED
    assert added in world.exchange.instruments()


def test_account_that_is_there_is_not_opened_anew() -> None:
    world = World()
    world.quotes(quote())
    world.accepted(order())
    world.exchange.add_account("C1", Decimal(5))
    assert (world.net(), world.exchange.available_inr("C1")) == (65, Decimal(1_000_000))
