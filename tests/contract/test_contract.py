"""What every broker behind the port does, whoever it is. Written against `engine.ports.Broker` alone."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from config.schema import Paper
from engine.commands import CancelOrder, ModifyOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import Basket, BasketOrder, BookStatus, Funds, LegId, OrderReport, OrderType, Side, Validity, leg_id
from engine.ports import Answer
from tests.contract.desks import ACCOUNT, CALL, CAPITAL, DESKS, FUT, ODD, PUT, SHARE, Desk
from tests.unit.paper.builders import levels, order, quote

Open = Callable[..., Desk]
EXACT = Paper(margins=False, latency_ms=0, slippage_ticks=0)
MADE_MOST_INR = 500
"What the day's result can make of an account's capital here: the spread, a slipped tick and charges."


@pytest.fixture(params=list(DESKS))
def open_desk(request: pytest.FixtureRequest) -> Iterator[Open]:
    opened = []

    def make(paper: Paper = EXACT, overnight: Mapping[LegId, int] | None = None, **more: float) -> Desk:
        context = DESKS[request.param](paper, overnight or {}, **more)
        desk = context.__enter__()
        opened.append(context)
        return desk

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    made = open_desk()
    made.quote(quote())
    return made


def by_tag(desk: Desk, tag: str = "T1") -> OrderReport:
    (row,) = [row for row in desk.broker.orders() if row.tag == tag]
    return row


def placed(desk: Desk, *args: object, **more: object) -> OrderReport:
    answer = desk.broker.place(order(*args, account=ACCOUNT, **more))  # type: ignore[arg-type]
    assert answer.outcome is Outcome.ACKED, answer
    return next(row for row in desk.broker.orders() if row.order_id == answer.order_id)


def refused(desk: Desk, *args: object, **more: object) -> Answer:
    answer = desk.broker.place(order(*args, account=ACCOUNT, **more))  # type: ignore[arg-type]
    assert answer.outcome is Outcome.REJECTED, answer
    assert answer.reason
    assert not answer.order_id
    assert not desk.broker.positions()
    return answer


def net(desk: Desk, symbol: str) -> int:
    return sum(position.net_units for position in desk.broker.positions() if position.symbol == symbol)


# Empty accounts


def test_empty_account_has_an_empty_book_and_no_positions(open_desk: Open) -> None:
    made = open_desk()
    assert list(made.broker.orders()) == []
    assert list(made.broker.positions()) == []


def test_available_margin_is_the_capital_exactly(open_desk: Open) -> None:
    assert open_desk().broker.funds() == Funds(available_inr=CAPITAL, used_inr=Decimal(0))


def test_account_knows_its_id(desk: Desk) -> None:
    assert desk.broker.account == ACCOUNT


# Placing


def test_market_order_fills_at_the_touch(desk: Desk) -> None:
    row = placed(desk)
    assert (row.status, row.filled, row.average_price_inr) == (BookStatus.COMPLETE, 65, Decimal("100.10"))


def test_sale_fills_at_the_bid_and_makes_a_short_position(desk: Desk) -> None:
    row = placed(desk, Side.SELL, 130)
    assert (row.side, row.average_price_inr) == (Side.SELL, Decimal("100.00"))
    assert [(p.symbol, p.product, p.net_units) for p in desk.broker.positions()] == [(row.symbol, "NRML", -130)]


def test_order_is_found_by_its_tag(desk: Desk) -> None:
    row = placed(desk, tag="L0a1B2c3D4e5F6g7H8i")
    assert by_tag(desk, "L0a1B2c3D4e5F6g7H8i").order_id == row.order_id


def test_order_ids_are_texts_and_differ(desk: Desk) -> None:
    ids = [placed(desk, tag=f"T{n}").order_id for n in range(3)]
    assert {type(order_id) for order_id in ids} == {str}
    assert all(ids)
    assert len(set(ids)) == 3


def test_tag_given_twice_is_two_orders(desk: Desk) -> None:
    first, second = placed(desk), placed(desk)
    assert first.order_id != second.order_id
    assert [row.tag for row in desk.broker.orders()] == ["T1", "T1"]


def test_book_keeps_what_was_ordered(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 130, OrderType.LIMIT, price="90.05")
    assert (row.exchange, row.product, row.side, row.quantity, row.order_type, row.price_inr, row.validity) == (
        "NFO",
        "NRML",
        Side.BUY,
        130,
        OrderType.LIMIT,
        Decimal("90.05"),
        Validity.DAY,
    )


def test_times_of_an_order_are_set(desk: Desk) -> None:
    row = placed(desk)
    assert 0 < row.placed_ns <= row.updated_ns


def test_limit_order_away_from_the_market_rests(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    assert (row.status, row.filled, row.average_price_inr) == (BookStatus.OPEN, 0, None)
    assert not net(desk, row.symbol)


def test_resting_limit_order_fills_when_the_market_comes(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    desk.quote(quote("89.00", "89.50", "89.20"))
    assert by_tag(desk).status is BookStatus.COMPLETE
    assert net(desk, row.symbol) == 65


def test_stop_order_waits_for_its_trigger(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.SL, price="111", trigger="110")
    assert (row.status, row.trigger_price_inr) == (BookStatus.TRIGGER_PENDING, Decimal(110))
    desk.quote(quote("110.00", "110.50", "110.20"))
    assert by_tag(desk).status is BookStatus.COMPLETE


def test_immediate_order_that_meets_nobody_is_cancelled(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90", validity=Validity.IOC)
    assert (row.status, row.filled, row.validity) == (BookStatus.CANCELLED, 0, Validity.IOC)


def test_symbol_with_an_ampersand(desk: Desk) -> None:
    desk.quote(quote(symbol=ODD))
    assert placed(desk, symbol=ODD).symbol == ODD
    assert net(desk, ODD) == 65


def test_intraday_product_is_a_position_of_its_own(desk: Desk) -> None:
    placed(desk, tag="T1")
    placed(desk, tag="T2", product="MIS")
    assert sorted((p.product, p.net_units) for p in desk.broker.positions()) == [("MIS", 65), ("NRML", 65)]


def test_shares_of_earlier_days_count_with_the_positions(open_desk: Open) -> None:
    kept, funded = leg_id("NSE", SHARE, "CNC"), leg_id("NSE", SHARE, "MTF")
    made = open_desk(overnight={kept: 100, funded: 20})
    made.quote(quote(symbol=SHARE, exchange="NSE"))

    def shares() -> dict[LegId, tuple[int, int]]:
        return {p.leg: (p.net_units, p.overnight_units) for p in made.broker.positions()}

    assert shares() == {kept: (100, 100), funded: (20, 20)}
    placed(made, Side.SELL, 30, symbol=SHARE, exchange="NSE", product="CNC", tag="T1")
    assert shares() == {kept: (70, 100), funded: (20, 20)}
    placed(made, Side.BUY, 10, symbol=SHARE, exchange="NSE", product="CNC", tag="T2")
    assert shares() == {kept: (80, 100), funded: (20, 20)}
    placed(made, Side.SELL, 80, symbol=SHARE, exchange="NSE", product="CNC", tag="T3")
    assert shares() == {kept: (0, 100), funded: (20, 20)}


def test_shares_bought_today_are_a_position_of_their_own(desk: Desk) -> None:
    desk.quote(quote(symbol=SHARE, exchange="NSE"))
    placed(desk, Side.BUY, 10, symbol=SHARE, exchange="NSE", product="CNC")
    assert [(p.leg, p.net_units, p.overnight_units) for p in desk.broker.positions()] == [
        (leg_id("NSE", SHARE, "CNC"), 10, 0)
    ]


# Partial fills


def test_partial_fill_is_open_with_what_is_filled(open_desk: Open) -> None:
    made = open_desk(Paper(margins=False, latency_ms=0, partial_fills=True))
    made.quote(quote(asks=levels(("100.10", 65)), ask_units=65, bids=levels(("100.00", 65)), bid_units=65))
    row = placed(made, Side.BUY, 195)
    assert (row.status, row.filled, row.average_price_inr) == (BookStatus.OPEN, 65, Decimal("100.10"))
    assert net(made, row.symbol) == 65


def test_rest_of_a_partial_fill_is_cancelled_and_the_filled_part_stays(open_desk: Open) -> None:
    made = open_desk(Paper(margins=False, latency_ms=0, partial_fills=True))
    made.quote(quote(asks=levels(("100.10", 65)), ask_units=65, bids=levels(("100.00", 65)), bid_units=65))
    row = placed(made, Side.BUY, 195)
    answer = made.broker.cancel(CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id))
    assert answer.outcome is Outcome.ACKED
    after = by_tag(made)
    assert (after.status, after.filled) == (BookStatus.CANCELLED, 65)
    assert net(made, row.symbol) == 65


def test_average_of_two_fills_is_exact(open_desk: Open) -> None:
    made = open_desk(Paper(margins=False, latency_ms=0, partial_fills=True))
    made.quote(quote(asks=levels(("100.10", 65)), ask_units=65, bids=levels(("100.00", 65)), bid_units=65))
    placed(made, Side.BUY, 130)
    made.quote(quote("100.20", "100.30", asks=levels(("100.30", 650)), ask_units=650, bids=levels(("100.20", 65))))
    row = by_tag(made)
    assert (row.status, row.filled, row.average_price_inr) == (BookStatus.COMPLETE, 130, Decimal("100.20"))


# Refusals


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("no whole lot", {"quantity": 66}),
        ("above the freeze quantity", {"quantity": 3575}),
        ("unknown symbol", {"symbol": "NIFTY26NOV99999CE"}),
        ("off the tick", {"order_type": OrderType.LIMIT, "price": "90.03"}),
        ("limit order without a price", {"order_type": OrderType.LIMIT}),
        ("stop order without a trigger", {"order_type": OrderType.SL, "price": "90"}),
    ],
)
def test_refused_order_is_rejected_with_the_brokers_words(desk: Desk, what: str, changes: dict[str, object]) -> None:
    refused(desk, **changes)


def test_order_at_the_freeze_quantity_is_taken(desk: Desk) -> None:
    assert placed(desk, Side.BUY, 3510).filled == 3510


def test_missing_margin_ends_as_rejected_and_trades_nothing(open_desk: Open) -> None:
    made = open_desk(Paper(margins=True, latency_ms=0))
    made.quote(quote())
    answer = made.broker.place(order(Side.SELL, 3510, account=ACCOUNT))
    rows = list(made.broker.orders())
    assert answer.outcome is Outcome.REJECTED or [row.status for row in rows] == [BookStatus.REJECTED]
    assert "Insufficient funds" in (answer.reason or rows[0].status_text)
    assert not made.broker.positions()


def test_margin_that_a_position_blocks_is_not_available(open_desk: Open) -> None:
    made = open_desk(Paper(margins=True, latency_ms=0))
    made.quote(quote())
    placed(made, Side.SELL, 65)
    found = made.broker.funds()
    assert 0 < found.available_inr < CAPITAL
    assert found.used_inr is not None
    assert abs(found.available_inr + found.used_inr - CAPITAL) < MADE_MOST_INR


def test_margin_that_a_resting_order_blocks_is_used(open_desk: Open) -> None:
    made = open_desk(Paper(margins=True, latency_ms=0))
    made.quote(quote())
    placed(made, Side.BUY, 65, OrderType.LIMIT, price="90")
    assert made.broker.funds() == Funds(available_inr=CAPITAL - 65 * 90, used_inr=Decimal(65 * 90))


# Changing and cancelling


def test_price_of_a_resting_order_is_changed(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    answer = desk.broker.modify(
        ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, price_inr=Decimal("91.50"))
    )
    assert answer.outcome is Outcome.ACKED
    assert (by_tag(desk).price_inr, by_tag(desk).status) == (Decimal("91.50"), BookStatus.OPEN)


def test_resting_order_goes_through_the_market_when_changed_to_market(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, order_type=OrderType.MARKET)
    assert desk.broker.modify(change).outcome is Outcome.ACKED
    assert by_tag(desk).status is BookStatus.COMPLETE


def test_quantity_of_a_resting_order_is_changed(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 195, OrderType.LIMIT, price="90")
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, quantity=65)
    assert desk.broker.modify(change).outcome is Outcome.ACKED
    assert by_tag(desk).quantity == 65


@pytest.mark.parametrize("order_id", ["261102010009999", "19142271644886876160"])
def test_unknown_order_is_neither_changed_nor_cancelled(desk: Desk, order_id: str) -> None:
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=order_id, price_inr=Decimal(90))
    assert desk.broker.modify(change).outcome is Outcome.REJECTED
    assert desk.broker.cancel(CancelOrder(account=ACCOUNT, tag="T1", order_id=order_id)).outcome is Outcome.REJECTED


def test_finished_order_is_neither_changed_nor_cancelled(desk: Desk) -> None:
    row = placed(desk)
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, price_inr=Decimal(90))
    assert desk.broker.modify(change).outcome is Outcome.REJECTED
    cancel = CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id)
    assert desk.broker.cancel(cancel).outcome is Outcome.REJECTED
    assert by_tag(desk) == row


def test_cancelled_order_stays_cancelled(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    cancel = CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id)
    assert desk.broker.cancel(cancel).outcome is Outcome.ACKED
    assert desk.broker.cancel(cancel).outcome is Outcome.REJECTED
    desk.quote(quote("80.00", "80.10", "80.05"))
    assert (by_tag(desk).status, by_tag(desk).filled) == (BookStatus.CANCELLED, 0)


def test_off_tick_change_is_refused_and_changes_nothing(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, price_inr=Decimal("90.02"))
    assert desk.broker.modify(change).outcome is Outcome.REJECTED
    assert by_tag(desk).price_inr == Decimal(90)


# Positions


def test_closed_position_is_net_zero(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, tag="T1")
    placed(desk, Side.SELL, 65, tag="T2")
    assert net(desk, row.symbol) == 0


def test_short_turned_long_is_long(desk: Desk) -> None:
    row = placed(desk, Side.SELL, 65, tag="T1")
    placed(desk, Side.BUY, 195, tag="T2")
    assert net(desk, row.symbol) == 130


def test_owners_own_trade_is_in_book_and_positions_without_a_tag(desk: Desk) -> None:
    desk.quote(quote(symbol=PUT))
    desk.own_trade(PUT, Side.BUY, 130)
    (row,) = desk.broker.orders()
    assert (row.tag, row.symbol, row.filled) == ("", PUT, 130)
    assert net(desk, PUT) == 130


def test_several_symbols_are_kept_apart(desk: Desk) -> None:
    desk.quote(quote(symbol=PUT))
    desk.quote(quote("24600.00", "24600.10", "24600.00", symbol=FUT))
    for number, symbol in enumerate((PUT, FUT)):
        placed(desk, symbol=symbol, tag=f"T{number}")
    assert {p.symbol: p.net_units for p in desk.broker.positions()} == {PUT: 65, FUT: 65}


def test_long_book_is_complete(desk: Desk) -> None:
    for number in range(120):
        placed_answer = desk.broker.place(order(account=ACCOUNT, tag=f"T{number}"))
        assert placed_answer.outcome is Outcome.ACKED
    assert [row.tag for row in desk.broker.orders()] == [f"T{number}" for number in range(120)]


# The order path: what is not known is called unknown

LOST = ["accepted_then_timeout", "html", "truncated", "no_id", "unavailable", "timed_out_400", "dropped_after"]


@pytest.mark.parametrize("kind", LOST)
def test_accepted_order_whose_answer_is_lost_is_unknown_and_found_once_by_its_tag(desk: Desk, kind: str) -> None:
    desk.fault("place", kind)
    answer = desk.broker.place(order(account=ACCOUNT))
    assert (answer.outcome, answer.order_id) == (Outcome.UNKNOWN, "")
    assert by_tag(desk).filled == 65


@pytest.mark.parametrize("kind", ["timeout_not_accepted", "dropped_before", "server_error"])
def test_order_that_was_lost_on_the_way_is_unknown_and_not_in_the_book(desk: Desk, kind: str) -> None:
    desk.fault("place", kind)
    assert desk.broker.place(order(account=ACCOUNT)).outcome is Outcome.UNKNOWN
    assert list(desk.broker.orders()) == []


def test_order_accepted_late_is_unknown_first_and_in_the_book_later(desk: Desk) -> None:
    desk.fault("place", "accepted_late")
    assert desk.broker.place(order(account=ACCOUNT)).outcome is Outcome.UNKNOWN
    desk.later()
    assert by_tag(desk).filled == 65


@pytest.mark.parametrize("kind", ["accepted_then_timeout", "dropped_after"])
def test_lost_answer_to_a_cancel_is_unknown_and_the_order_is_gone(desk: Desk, kind: str) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    desk.fault("cancel", kind)
    cancel = CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id)
    assert desk.broker.cancel(cancel).outcome is Outcome.UNKNOWN
    assert by_tag(desk).status is BookStatus.CANCELLED


@pytest.mark.parametrize("kind", ["accepted_then_timeout", "dropped_after"])
def test_lost_answer_to_a_change_is_unknown_and_the_order_is_changed(desk: Desk, kind: str) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    desk.fault("modify", kind)
    change = ModifyOrder(account=ACCOUNT, tag="T1", order_id=row.order_id, price_inr=Decimal(91))
    assert desk.broker.modify(change).outcome is Outcome.UNKNOWN
    assert by_tag(desk).price_inr == Decimal(91)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("rate_limited", Outcome.RATE_LIMITED),
        ("ip_refused", Outcome.IP_REFUSED),
        ("rejected", Outcome.REJECTED),
        ("token_expired", Outcome.NEEDS_LOGIN),
    ],
)
def test_definite_refusal_is_told_apart(desk: Desk, kind: str, outcome: Outcome) -> None:
    desk.fault("place", kind)
    answer = desk.broker.place(order(account=ACCOUNT))
    assert answer.outcome is outcome
    assert answer.reason
    if kind != "token_expired":
        assert not net(desk, order().symbol)


def test_connection_that_is_refused_is_proven_not_sent(desk: Desk) -> None:
    desk.cut_off()
    assert desk.broker.place(order(account=ACCOUNT)).outcome is Outcome.NOT_SENT


def test_next_order_after_a_lost_one_goes_through(desk: Desk) -> None:
    desk.fault("place", "dropped_after")
    desk.broker.place(order(account=ACCOUNT, tag="T1"))
    assert placed(desk, tag="T2").filled == 65
    assert sorted(row.tag for row in desk.broker.orders()) == ["T1", "T2"]


# Reads


def read(desk: Desk, what: str) -> object:
    reads: dict[str, Callable[[], object]] = {
        "orders": desk.broker.orders,
        "positions": desk.broker.positions,
        "margins": desk.broker.funds,
    }
    return reads[what]()


@pytest.mark.parametrize("what", ["orders", "positions", "margins"])
@pytest.mark.parametrize("kind", ["server_error", "timeout_not_accepted", "rate_limited"])
def test_read_that_fails_raises_and_is_never_empty(desk: Desk, what: str, kind: str) -> None:
    placed(desk)
    desk.fault(what, kind)
    with pytest.raises(ReadFailed) as failure:
        read(desk, what)
    assert not isinstance(failure.value, NeedsLogin)
    assert read(desk, what)


@pytest.mark.parametrize("what", ["orders", "positions", "margins"])
def test_read_without_a_session_asks_for_a_login(desk: Desk, what: str) -> None:
    desk.fault(what, "token_expired")
    with pytest.raises(NeedsLogin):
        read(desk, what)
    with pytest.raises(NeedsLogin):
        read(desk, "orders")


# Updates


def test_fill_is_pushed(desk: Desk) -> None:
    row = placed(desk)
    assert desk.wait_pushed(lambda seen: any(r.order_id == row.order_id and r.filled == 65 for r in seen))


def test_cancel_is_pushed(desk: Desk) -> None:
    row = placed(desk, Side.BUY, 65, OrderType.LIMIT, price="90")
    desk.broker.cancel(CancelOrder(account=ACCOUNT, tag="T1", order_id=row.order_id))
    assert desk.wait_pushed(lambda seen: any(r.status is BookStatus.CANCELLED for r in seen))


def test_pushed_update_says_the_same_as_the_book(desk: Desk) -> None:
    row = placed(desk)
    seen: list[OrderReport] = []

    def last(reports: object) -> bool:
        seen[:] = [r for r in reports if r.order_id == row.order_id and r.filled]  # type: ignore[attr-defined]
        return bool(seen)

    assert desk.wait_pushed(last)
    assert seen[-1] == by_tag(desk)


def test_owners_own_trade_is_pushed(desk: Desk) -> None:
    desk.own_trade(order().symbol, Side.BUY, 65)
    assert desk.wait_pushed(lambda seen: any(not r.tag and r.filled == 65 for r in seen))


# Margins of baskets, where the broker knows them


def basket(desk: Desk, *orders: tuple[str, Side, int], held: tuple[tuple[str, Side, int], ...] = ()) -> Decimal:
    def made(rows: tuple[tuple[str, Side, int], ...]) -> tuple[BasketOrder, ...]:
        return tuple(BasketOrder(leg=leg_id("NFO", symbol, "NRML"), side=side, units=n) for symbol, side, n in rows)

    asker: Any = desk.broker
    found = asker.basket_margin(Basket(account=ACCOUNT, orders=made(orders), held=made(held)))
    assert isinstance(found, Decimal)
    return found


def with_margins(open_desk: Open) -> Desk:
    desk = open_desk(Paper(margins=True, latency_ms=0))
    desk.quote(quote())
    desk.quote(quote(symbol=PUT))
    return desk


KNOWS_BASKETS = pytest.mark.parametrize("open_desk", [name for name in DESKS if name != "paper"], indirect=True)
"""A paper account blocks what the program estimates by itself."""


@KNOWS_BASKETS
def test_basket_of_a_bought_option_needs_its_premium(open_desk: Open) -> None:
    desk = with_margins(open_desk)
    assert basket(desk, (CALL, Side.BUY, 65)) == pytest.approx(Decimal("100.05") * 65, abs=1)


@KNOWS_BASKETS
def test_legs_of_a_basket_hedge_each_other(open_desk: Open) -> None:
    desk = with_margins(open_desk)
    alone = basket(desk, (CALL, Side.SELL, 65)) + basket(desk, (PUT, Side.SELL, 65))
    assert 0 < basket(desk, (CALL, Side.SELL, 65), (PUT, Side.SELL, 65)) < alone


@KNOWS_BASKETS
def test_basket_counts_the_hedge_that_is_held(open_desk: Open) -> None:
    desk = with_margins(open_desk)
    alone = basket(desk, (CALL, Side.SELL, 65))
    placed(desk, Side.SELL, 65, symbol=PUT)
    assert basket(desk, (CALL, Side.SELL, 65), held=((PUT, Side.SELL, 65),)) < alone


@KNOWS_BASKETS
def test_basket_of_an_unknown_symbol_is_a_failed_read(open_desk: Open) -> None:
    desk = with_margins(open_desk)
    with pytest.raises(ReadFailed):
        basket(desk, ("NIFTY26NOV99999CE", Side.BUY, 65))
