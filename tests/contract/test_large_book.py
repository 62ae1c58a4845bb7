"""A book of ten thousand orders, read by every broker behind the port: each row is right, and is found by its tag."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import pytest

from engine.commands import CancelOrder
from engine.model import BookStatus, OrderReport, OrderType, Side
from paper.exchange import Exchange
from tests.contract.desks import ACCOUNT, PATIENCE_S, Desk
from tests.contract.test_contract import Open
from tests.contract.test_contract import open_desk as open_desk  # noqa: PLC0414  a fixture
from tests.unit.paper.builders import order, quote

ROWS = 10_000
AT_ONCE = 500
"Orders that a server is given in one go; it serves its sockets between two of them."
LOT = 65


def tag(number: int) -> str:
    return f"LK{number:05d}"


def lots(number: int) -> int:
    return 1 + number % 3


def price(number: int) -> str:
    """A limit that is crossed at once for every third, and one that rests for the others."""
    return "101" if number % 3 == 1 else f"{Decimal(90) - Decimal('0.05') * (number % 400)}"


def expected(number: int) -> tuple[object, ...]:
    """A third rests, a third is filled at once, and a third is cancelled."""
    units = lots(number) * LOT
    status = (BookStatus.OPEN, BookStatus.COMPLETE, BookStatus.CANCELLED)[number % 3]
    return tag(number), Side.BUY, units, units if number % 3 == 1 else 0, status, Decimal(price(number))


def said(row: OrderReport) -> tuple[object, ...]:
    return row.tag, row.side, row.quantity, row.filled, row.status, row.price_inr


def enter(exchange: Exchange, now_ns: int, numbers: range) -> None:
    """Place orders as another program of the owner's would."""
    for number in numbers:
        terms = Side.BUY, lots(number) * LOT, OrderType.LIMIT
        answer = exchange.place(order(*terms, price=price(number), tag=tag(number), account=ACCOUNT), now_ns)
        assert answer.order_id, answer
        if number % 3 == 2:
            exchange.cancel(CancelOrder(account=ACCOUNT, tag=tag(number), order_id=answer.order_id), now_ns)


@pytest.fixture
def full(open_desk: Open) -> Desk:
    desk = open_desk(read_timeout_s=PATIENCE_S)
    desk.quote(quote())
    for first in range(0, ROWS, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        desk.at_exchange(lambda exchange, now_ns, numbers=numbers: enter(exchange, now_ns, numbers))  # type: ignore[misc]
    return desk


def found(rows: Sequence[OrderReport], wanted: str) -> OrderReport:
    """The order with a tag, as it is looked for after an answer that was lost."""
    (row,) = [row for row in rows if row.tag == wanted]
    return row


def test_book_of_ten_thousand_rows_is_read_right_and_searched_by_tag(full: Desk) -> None:
    rows = full.broker.orders()
    assert len(rows) == len({row.order_id for row in rows}) == ROWS
    assert Counter(map(said, rows)) == Counter(map(expected, range(ROWS)))
    for number in (0, 1, 2, ROWS // 2, ROWS - 1):
        assert said(found(rows, tag(number))) == expected(number)
    bought = sum(lots(number) * LOT for number in range(ROWS) if number % 3 == 1)
    assert sum(position.net_units for position in full.broker.positions()) == bought
    # One more order among so many is found by its tag, can be cancelled, and changes no other.
    answer = full.broker.place(order(Side.BUY, LOT, OrderType.LIMIT, price="80", tag="LKNEW", account=ACCOUNT))
    assert found(full.broker.orders(), "LKNEW").order_id == answer.order_id
    full.broker.cancel(CancelOrder(account=ACCOUNT, tag="LKNEW", order_id=answer.order_id))
    after = full.broker.orders()
    assert found(after, "LKNEW").status is BookStatus.CANCELLED
    assert {row.order_id: row for row in rows} == {row.order_id: row for row in after if row.tag != "LKNEW"}
