"""Reads that are older than what the broker said before, and positions that nothing explains."""

import pytest

from engine.core.freshness import BEHIND
from engine.core.lifecycle import OrderState
from engine.events import Outcome
from engine.model import BookStatus, Side
from tests.unit.core.builders import CALL_LEG, LOT, Desk
from tests.unit.paper.builders import PUT


def holding() -> Desk:
    """3 lots, known for some seconds; reads of C1 are delivered by the test alone."""
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.silent.add("C1")
    return desk


def old_reads(desk: Desk, count: int = 4) -> None:
    """Complete reads of the time before the entry, one a second."""
    for _ in range(count):
        desk.deliver(desk.picture(orders=(), positions=()))
        desk.run(1)


def test_read_from_before_our_fill_takes_nothing_away() -> None:
    desk = holding()
    read_ns = desk.child().positions_began_ns
    old_reads(desk)
    assert desk.lots() == 3
    assert (desk.child().positions_began_ns, desk.child().error) == (read_ns, BEHIND)
    assert sum(BEHIND in text for text in desk.notices()) == 1
    desk.read()
    assert (desk.child().behind, desk.child().positions_began_ns) == (False, desk.now_ns)


@pytest.mark.parametrize("behind", ["filled", "open"])
def test_row_that_went_back_is_old(behind: str) -> None:
    desk = holding()
    [row] = desk.books["C1"].orders.values()
    older = desk.report(Side.BUY, 3, id_=row.order_id, filled=2 if behind == "filled" else 0, tag=row.tag)
    desk.deliver(desk.picture(orders=(older,)))
    assert desk.child().behind


def test_order_of_a_moment_ago_may_be_missing() -> None:
    desk = Desk()
    desk.silent.add("C1")
    desk.buy(10)
    desk.deliver(desk.picture(orders=()))
    assert not desk.child().behind
    desk.run(3)
    desk.deliver(desk.picture(orders=()))
    assert desk.child().behind


def test_old_book_proves_no_order_absent() -> None:
    desk = holding()
    desk.filling = False
    desk.buy(10, symbol=PUT)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    for _ in range(130):
        desk.run(1)
        desk.deliver(desk.picture(orders=(), positions=()))
    assert desk.order(desk.last()).state is OrderState.UNKNOWN
    for _ in range(4):
        desk.run(1)
        desk.read()
    assert desk.order(desk.last()).state is OrderState.HELD


def test_old_book_after_the_close_is_nobodys_fault() -> None:
    desk = holding()
    desk.run_to(desk.state.sessions[0].close_ns + 10**9)
    desk.deliver(desk.picture(orders=(), positions=()))
    assert not desk.child().behind


def test_positions_that_the_book_does_not_explain_are_believed_late_and_told() -> None:
    desk = holding()
    since_ns = desk.now_ns
    while desk.lots() and desk.now_ns < since_ns + 1000 * 10**9:
        desk.deliver(desk.picture(positions=()))
        desk.run(5)
    assert 600 <= (desk.now_ns - since_ns) // 10**9 <= 620
    assert sum("does not explain" in text for text in desk.notices()) == 1


def test_positions_alone_take_nothing_away() -> None:
    desk = holding()
    for _ in range(20):
        desk.deliver(desk.picture(orders=None, positions=()))
        desk.run(1)
    assert desk.lots() == 3


def test_trade_in_the_book_explains_at_the_second_read() -> None:
    desk = holding()
    desk.owner_trades(-2)
    desk.read()
    assert desk.lots() == 3
    desk.run(1)
    desk.read()
    assert desk.lots() == 1
    assert desk.leg(leg=CALL_LEG).allocation_units == LOT


def lacking() -> Desk:
    """3 lots of the put, and an order that the broker acknowledged and that its book never shows."""
    desk = Desk(filling=False)
    desk.buy(10, symbol=PUT)
    desk.fill(desk.last())
    desk.run(3)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.ACKED, order_id="NEVER")
    desk.run(10)
    assert desk.child().behind
    return desk


def test_row_that_never_comes_does_not_keep_an_account_unread() -> None:
    desk = lacking()
    since_ns = desk.child().behind_since_ns
    desk.run(590)
    assert desk.child().positions_began_ns < since_ns
    desk.run(20)
    assert desk.child().positions_began_ns > since_ns
    desk.run(60)
    assert desk.now_ns - desk.child().positions_began_ns <= 31 * 10**9
    assert sum("it is believed now" in text for text in desk.notices()) == 1


def test_row_that_never_comes_does_not_keep_an_exit_waiting_after_a_restart() -> None:
    desk = lacking()
    desk.restart()
    desk.sell(10, symbol=PUT)
    desk.run(300)
    assert (Side.SELL, 3) not in desk.placed()
    desk.run(310)
    assert (Side.SELL, 3) in desk.placed()


def test_book_that_shows_a_cancelled_order_open_is_behind() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    report = desk.accept(desk.last())
    desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    desk.books["C1"].orders[report.order_id] = report
    desk.run(3)
    desk.read()
    assert desk.child().behind
    assert any(BEHIND in text for text in desk.notices())
