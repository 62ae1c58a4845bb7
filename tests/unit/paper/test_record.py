"""Rows that happened elsewhere: late, repeated and lesser updates, and the ledger behind them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import TERMINAL_BOOK, BookStatus, OrderReport, OrderType, Side
from paper import rejections
from tests.unit.paper.builders import CALL, NOW, World, order, quote, rates

OPEN, COMPLETE, CANCELLED = BookStatus.OPEN, BookStatus.COMPLETE, BookStatus.CANCELLED


def row(
    status: BookStatus = OPEN,
    filled: int = 0,
    average: str | None = None,
    *,
    symbol: str = CALL,
    side: Side = Side.SELL,
    price: str | None = None,
    quantity: int = 650,
) -> OrderReport:
    return OrderReport(
        order_id="M1",
        exchange="NFO",
        symbol=symbol,
        product="NRML",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=quantity,
        filled=filled,
        average_price_inr=None if average is None else Decimal(average),
        price_inr=None if price is None else Decimal(price),
        status=status,
    )


def recorded(*rows: OrderReport) -> World:
    world = World(charges=rates())
    for update in rows:
        world.exchange.record("C1", update, NOW)
    return world


@pytest.mark.parametrize(
    ("description", "rows", "status", "filled"),
    [
        ("complete at once", (row(COMPLETE, 650, "100"),), COMPLETE, 650),
        ("open, partly, complete", (row(), row(OPEN, 65, "100"), row(COMPLETE, 650, "101")), COMPLETE, 650),
        ("a late update with less filled", (row(COMPLETE, 650, "100"), row(OPEN, 65, "100")), COMPLETE, 650),
        ("the same again", (row(COMPLETE, 650, "100"), row(COMPLETE, 650, "100")), COMPLETE, 650),
        ("a late update before the end", (row(OPEN, 130, "100"), row(OPEN, 65, "100")), OPEN, 130),
        ("cancelled twice", (row(CANCELLED, 65, "100"), row(CANCELLED, 65, "100")), CANCELLED, 65),
        ("open after cancelled", (row(CANCELLED, 65, "100"), row(OPEN, 65, "100")), CANCELLED, 65),
        ("the first terminal status stays", (row(CANCELLED, 65, "100"), row(COMPLETE, 65, "100")), CANCELLED, 65),
        ("a fill after cancelled counts", (row(CANCELLED), row(COMPLETE, 650, "100")), CANCELLED, 650),
    ],
)
def test_row_and_position(description: str, rows: tuple[OrderReport, ...], status: BookStatus, filled: int) -> None:
    world = recorded(*rows)
    kept = world.row("M1")
    assert (kept.status, kept.filled, world.net()) == (status, filled, -filled), description
    assert len(world.exchange.orders("C1")) == 1, description


def test_ledger_follows_the_cumulative_average() -> None:
    world = recorded(row(OPEN, 65, "100"), row(COMPLETE, 130, "101", quantity=130))
    position = world.exchange.positions("C1")[0]
    assert (position.net_units, position.average_price_inr) == (-130, Decimal(101))
    world.quotes(quote("99", "99", "99"))
    assert world.exchange.pnl("C1").open == 260


def test_charges_follow_too() -> None:
    assert recorded(row(COMPLETE, 650, "100")).exchange.pnl("C1").charges == Decimal("148.43")


def test_nothing_is_pushed_matched_or_cancelled() -> None:
    world = recorded(row(price="100"))
    world.quotes(quote())
    assert (world.updates, world.row("M1").status) == ([], OPEN)
    assert world.cancel("M1").reason == rejections.CANNOT_CANCEL
    assert world.modify("M1", quantity=65).reason == rejections.CANNOT_MODIFY


def test_modified_terms_are_taken_over_while_it_is_open() -> None:
    world = recorded(row(price="100"), row(price="101", quantity=325))
    assert (world.row("M1").price_inr, world.row("M1").quantity) == (Decimal(101), 325)


def test_instrument_that_nobody_lists_counts_in_the_position_and_its_charges_are_unknown() -> None:
    world = recorded(row(COMPLETE, 650, "100", symbol="UNKNOWN26NOVFUT"))
    assert world.net("UNKNOWN26NOVFUT") == -650
    assert world.exchange.pnl("C1").charges is None
    assert world.exchange.available_inr("C1") == 1_000_000


def test_times_are_filled_in_where_the_row_has_none() -> None:
    kept = recorded(row()).row("M1")
    assert (kept.placed_ns, kept.updated_ns) == (NOW, NOW)
    timed = recorded(msgspec.structs.replace(row(), placed_ns=5, updated_ns=6)).row("M1")
    assert (timed.placed_ns, timed.updated_ns) == (5, 6)


def test_own_orders_come_after_in_the_order_of_acceptance() -> None:
    world = recorded(row(COMPLETE, 650, "100"))
    own = world.accepted(order())
    assert [report.order_id for report in world.exchange.orders("C1")] == ["M1", own]


updates = st.builds(
    lambda status, lots: row(status, lots * 65, "100" if lots else None),
    status=st.sampled_from([OPEN, COMPLETE, CANCELLED, BookStatus.REJECTED, BookStatus.TRIGGER_PENDING]),
    lots=st.integers(0, 10),
)


@given(st.lists(updates, min_size=1, max_size=8))
def test_filled_is_the_highest_seen_and_the_first_end_is_final(rows: list[OrderReport]) -> None:
    world = World()
    ended: BookStatus | None = None
    for update in rows:
        before = world.row("M1").filled if world.exchange.orders("C1") else 0
        world.exchange.record("C1", update, NOW)
        kept = world.row("M1")
        if ended is None and update.filled >= before and update.status in TERMINAL_BOOK:
            ended = update.status
        assert kept.filled == max(before, update.filled)
        assert ended is None or kept.status is ended
    highest = max(update.filled for update in rows)
    assert world.net() == -highest
