"""When which account is read."""

from engine.core.polling import READ_LOST_NS
from engine.model import Side
from tests.unit.core.builders import START, Desk, S, child, settings
from tests.unit.paper.builders import ns


def since(desk: Desk, count: int, account: str = "C1") -> list[tuple[bool, bool, bool]]:
    return [(r.orders, r.positions, r.funds) for r in desk.reads(account)[count:]]


def test_master_is_read_whole_and_children_for_their_margin_every_second() -> None:
    desk = Desk()
    masters, children = len(desk.reads("M")), len(desk.reads())
    desk.run(3)
    assert since(desk, masters, "M") == [(True, True, True)] * 3
    assert since(desk, children) == [(False, False, True)] * 3


def test_first_read_of_a_child_is_complete() -> None:
    desk = Desk(warm=False)
    desk.run(0)
    assert since(desk, 0) == [(True, True, True)]


def test_polls_stay_on_the_grid() -> None:
    desk = Desk(warm=False)
    desk.now_ns += 300_000_000
    desk.run("0.1")
    assert desk.state.timers["poll"] == START + S


def test_book_is_read_every_five_seconds_while_anything_works() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.accept(desk.last())
    desk.run(6)
    before = len(desk.reads())
    desk.run(10)
    assert sum(orders for orders, _, _ in since(desk, before)) == 2
    desk.advance(desk.books["C1"].orders[desk.order(desk.last()).order_id])
    desk.run(2)
    before = len(desk.reads())
    desk.run(11)
    assert sum(orders for orders, _, _ in since(desk, before)) == 0


def test_positions_are_read_every_thirty_seconds() -> None:
    desk = Desk()
    before = len(desk.reads())
    desk.run(61)
    assert sum(positions for _, positions, _ in since(desk, before)) == 2


def test_read_under_way_is_not_asked_again_until_it_counts_as_lost() -> None:
    desk = Desk()
    desk.silent.add("C1")
    desk.run(1)
    before = len(desk.reads())
    desk.run(READ_LOST_NS // S)
    assert len(desk.reads()) == before
    desk.run(2)
    assert len(desk.reads()) == before + 1


def test_what_was_wanted_during_a_read_is_asked_with_the_next() -> None:
    desk = Desk(filling=False)
    desk.run(5)
    desk.silent.add("C1")
    desk.run(1)
    desk.child().want_orders = True
    desk.run(1)
    before = len(desk.reads())
    desk.silent.clear()
    desk.read()
    assert since(desk, before) == [(True, False, False)]


def test_silent_child_does_not_delay_the_other() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.silent.add("C1")
    desk.buy(10)
    assert desk.placed("C2") == desk.placed("C1") == [(Side.BUY, 3)]
    assert len(desk.reads("C2")) >= 3


def test_position_reads_that_confirm_each_other_are_a_second_apart() -> None:
    desk = Desk()
    desk.silent.add("C1")
    desk.run(5)
    desk.read()
    desk.child().want_positions = True
    before = len(desk.reads())
    desk.run("0.9")
    desk.quote("NIFTY26NOV24500CE", "100")
    assert not any(positions for _, positions, _ in since(desk, before))
    desk.run("0.2")
    assert sum(positions for _, positions, _ in since(desk, before)) == 1


def test_accounts_are_read_once_a_minute_while_the_market_is_closed_and_nothing_works() -> None:
    desk = Desk()
    desk.run_to(ns("16:00"))
    before = len(desk.reads("M"))
    desk.run(600)
    assert len(desk.reads("M")) - before == 10


def test_accounts_are_read_every_second_again_before_the_open() -> None:
    desk = Desk()
    desk.run_to(ns("09:05", 3))
    before = len(desk.reads("M"))
    desk.run(60)
    assert len(desk.reads("M")) - before == 60


def test_failed_read_of_the_book_is_asked_again_with_whatever_is_asked_next() -> None:
    """Otherwise an exit that is to be sent again after a read of the book waits for ever."""
    desk = Desk(filling=False)
    desk.run(5)
    desk.silent.add("C1")
    desk.child().want_orders = True
    desk.quote("NIFTY26NOV24500CE", "100")
    desk.deliver(desk.picture(orders=None, positions=None, error="refused"))
    assert desk.child().owed_orders
    desk.child().want_positions = True
    before = len(desk.reads())
    desk.quote("NIFTY26NOV24500CE", "100")
    assert since(desk, before) == [(True, True, False)]
