"""What a child's owner sells of his shares: the book tells of it, and positions show it when they can."""

import pytest

from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import Outcome
from engine.model import Side
from tests.unit.core.builders import INSTRUMENTS
from tests.unit.core.nights import morning
from tests.unit.core.test_delivery import LISTED, SHARES, ShareDesk, bought, own_sale

pytestmark = pytest.mark.rule("R4.13")


def through_the_night(desk: ShareDesk, units: int) -> None:
    """The night passes, and the child's broker shows so many shares in the morning."""
    desk.shown("C1", units)
    morning(desk, "09:20", instruments=(*INSTRUMENTS, *LISTED))


def with_an_order_under_way(side: Side) -> ShareDesk:
    """The child has 30 shares, and an order for 15 more, or an exit of 15, of which nothing is known."""
    desk = bought()
    desk.run(30)
    desk.filling = False
    desk.trade(side, 50)
    desk.run(2)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    return desk


def test_owner_who_sold_more_than_there_was_is_short_with_the_same_read() -> None:
    desk = bought()
    own_sale(desk, 50)
    desk.read("C1")
    assert (desk.has(), desk.child().external) == (0, {SHARES: -20})
    desk.trade(Side.BUY, 100)
    desk.run(5)
    assert desk.sent() == [(Side.BUY, 30)]
    assert reasons.OWN_POSITION in desk.reasons()


@pytest.mark.parametrize(
    ("side", "filled", "held"), [(Side.BUY, 0, 20), (Side.BUY, 15, 35), (Side.SELL, 0, 15), (Side.SELL, 15, 5)]
)
def test_sale_that_an_order_of_ours_hid_until_the_close_is_known_in_the_morning(
    side: Side, filled: int, held: int
) -> None:
    desk = with_an_order_under_way(side)
    left = desk.last_order()
    own_sale(desk, 10)
    desk.run(60)
    assert desk.has() == 30
    desk.filling = True
    through_the_night(desk, 20 + side.sign * filled)
    desk.run(1100)
    assert left.state is (OrderState.FILLED if filled else OrderState.ABSENT)
    assert desk.has() == held
    assert "10 units of ours were closed by hand" in desk.notices()


def test_pushed_sale_of_the_owners_has_the_book_read() -> None:
    """Positions alone do not prove it, and where they cannot be read it would be forgotten over the night."""
    desk = bought()
    desk.run(30)
    known = len(desk.reads())
    own_sale(desk, 10)
    desk.push(desk.books["C1"].orders["OWN1"])
    assert any(read.orders for read in desk.reads()[known:])


def told_by_the_book_alone() -> ShareDesk:
    """The owner sold 10 of ours, and the book was read once more; positions were not, until the night."""
    desk = bought()
    desk.silent.add("C1")
    own_sale(desk, 10)
    desk.deliver(desk.picture("C1", positions=None))
    desk.silent.clear()
    return desk


def test_sale_is_known_from_a_book_without_positions() -> None:
    desk = told_by_the_book_alone()
    through_the_night(desk, 20)
    desk.run(60)
    assert desk.has() == 20


def test_sale_of_shares_that_he_bought_himself_meanwhile_does_not_explain_late_ones_in_the_morning() -> None:
    desk = bought()
    desk.run(60)
    own_sale(desk, 10)
    desk.books["C1"].positions[SHARES] += 10  # he had bought them since the last read
    desk.read("C1")
    desk.run(90)
    through_the_night(desk, 0)
    desk.run(60)
    assert desk.has() == 30


def test_a_list_of_the_day_before_does_not_forget_a_sale() -> None:
    desk = told_by_the_book_alone()
    desk.shown("C1", 30)
    morning(desk, "09:10", instruments=(*INSTRUMENTS, *LISTED))
    desk.run(60)
    desk.shown("C1", 20)
    desk.run(400)
    assert desk.has() == 20


def test_sale_in_parts_explains_each_part_when_it_is_shown() -> None:
    desk = bought()
    own_sale(desk, 20)
    desk.books["C1"].positions[SHARES] += 10
    desk.read("C1")
    assert desk.has() == 20
    desk.books["C1"].positions[SHARES] -= 10
    desk.run(60)
    assert desk.has() == 10


def test_sale_is_told_by_a_whole_book_and_not_by_the_rows_that_changed() -> None:
    desk = bought()
    desk.silent.add("C1")
    own_sale(desk, 10)
    desk.deliver(desk.picture("C1", positions=None, orders_are_delta=True))
    assert desk.child().sold == {}
    desk.deliver(desk.picture("C1", positions=None))
    assert desk.child().sold == {SHARES: 10}


def test_shares_that_are_fewer_still_are_looked_at_anew() -> None:
    desk = bought()
    desk.shown("C1", 20)
    desk.read("C1")
    first = desk.leg(leg=SHARES).suspicion
    desk.run(5)
    desk.shown("C1", 10)
    desk.read("C1")
    second = desk.leg(leg=SHARES).suspicion
    assert first is not None
    assert second is not None
    assert (first.net_units, second.net_units) == (20, 10)
    assert second.since_ns > first.since_ns
    assert desk.has() == 30
