"""What was decided is looked at again: an exit when it is sent, an entry that waits, a resync beside exits and fills."""

import pytest

from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.replicator import Replicator
from engine.events import ChildResynced, Flattened, Outcome
from engine.model import BookStatus, Side
from tests.unit.core.builders import Desk


def holding(lots: int = 10) -> Desk:
    """The child holds 3 lots of the master's 10, and from now on the test answers its orders."""
    desk = Desk()
    desk.buy(lots)
    desk.run(3)
    desk.filling = False
    return desk


def exit_waits(desk: Desk, master_lots: int) -> PlaceOrder:
    """The master sells; the child's exit meets a rate limit and waits to be sent again."""
    desk.sell(master_lots)
    place = desk.last()
    desk.silent.add("C1")
    desk.answer(place, Outcome.RATE_LIMITED)
    return place


def resync(desk: Desk) -> None:
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))


# R3.4: an exit is held against the broker's position again when it is sent


@pytest.mark.parametrize(
    ("owner_sells", "again"),
    [
        pytest.param(0, 3, id="nothing changed: the whole exit goes"),
        pytest.param(1, 2, id="the owner sold a lot of it: what is left goes"),
        pytest.param(2, 1, id="the owner sold two"),
    ],
)
def test_exit_that_waited_is_cut_down_to_what_the_broker_still_holds(owner_sells: int, again: int) -> None:
    desk = holding()
    place = exit_waits(desk, 10)
    if owner_sells:
        desk.owner_trades(-owner_sells)
    desk.run(2)
    desk.read()
    assert desk.placed()[1:] == [(Side.SELL, 3), (Side.SELL, again)]
    assert desk.last().tag == place.tag
    assert desk.leg().due_reason == (reasons.CUT_SHORT if owner_sells else "")
    desk.run(30)
    told = [text for text in desk.notices() if "the broker shows less" in text]
    assert len(told) == (1 if owner_sells else 0), "once for one exit, whatever is read meanwhile"


def test_exit_of_which_nothing_is_left_is_withdrawn_when_its_turn_comes() -> None:
    desk = holding()
    place = exit_waits(desk, 10)
    desk.owner_trades(-3)
    desk.run(2)
    desk.read()
    assert desk.placed()[1:] == [(Side.SELL, 3)], "no second time"
    assert desk.order(place).state is OrderState.WITHDRAWN
    desk.silent.clear()
    desk.run(10)
    assert (desk.lots(), desk.leg().due, desk.placed()[1:]) == (0, False, [(Side.SELL, 3)])


def test_partial_exit_that_waited_leaves_what_is_to_stay() -> None:
    """Down to 5 of 10 the child keeps 1 of 3 lots; its owner sold the other two meanwhile."""
    desk = holding()
    place = exit_waits(desk, 5)
    desk.owner_trades(-2)
    desk.run(2)
    desk.read()
    assert desk.order(place).state is OrderState.WITHDRAWN
    desk.silent.clear()
    desk.run(10)
    assert (desk.lots(), desk.placed()[1:]) == (1, [(Side.SELL, 2)])


def test_exit_that_waited_counts_what_other_exits_may_still_take() -> None:
    """6 lots are held, and of two exits of 3 lots one waits to be sent again: the owner left 2 for it."""
    desk = holding(20)
    exit_waits(desk, 10)
    desk.sell(10)
    assert desk.placed()[1:] == [(Side.SELL, 3), (Side.SELL, 3)]
    desk.owner_trades(-1)
    desk.run(2)
    desk.read()
    assert desk.placed()[1:] == [(Side.SELL, 3), (Side.SELL, 3), (Side.SELL, 2)]


# R3.6, R7.2: an entry that waits for its leg's exits or cancels


def cancelling() -> tuple[Desk, PlaceOrder]:
    """An entry of 3 lots works and is being cancelled, the broker says nothing, and the master adds again."""
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.accept(place)
    desk.sell(5)
    assert len(desk.commands(CancelOrder)) == 1
    desk.buy(3)
    assert desk.leg().entry_pending
    desk.run(40)
    assert not desk.leg().entry_pending
    return desk, place


def test_entry_that_waited_for_a_cancel_too_long_is_not_sent() -> None:
    desk, place = cancelling()
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.leg().skipped == "", "the order that is being cancelled covers it"
    report = desk.books["C1"].orders[desk.order(place).order_id]
    desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    desk.run(1)
    assert (desk.placed(), desk.target()) == ([(Side.BUY, 3)], 0)
    assert desk.reasons() == {reasons.STALE_SIGNAL}


def test_order_that_fills_instead_of_being_cancelled_is_brought_down_to_the_target() -> None:
    desk, place = cancelling()
    desk.advance(desk.books["C1"].orders[desk.order(place).order_id])
    desk.run(1)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 1)]


def test_entry_that_waits_is_forgotten_when_the_master_is_out() -> None:
    desk, placed = holding(), 2
    desk.sell(5)
    desk.accept(desk.last())
    desk.buy(5)
    assert desk.leg().entry_pending
    desk.sell(10)
    assert not desk.leg().entry_pending
    desk.run(40)
    assert [side for side, _ in desk.placed()[placed:]] == [Side.SELL]
    assert desk.reasons() == set()


# R7.14: a resync beside what is under way


def test_resync_waits_until_the_masters_newest_fill_is_decided() -> None:
    desk = holding()
    desk.filling = True
    desk.master(Side.BUY, 10)
    resync(desk)
    desk.read("M")
    desk.read()
    assert not any("nothing is missing" in text for text in desk.notices())
    desk.run(6)
    assert any("nothing is missing" in text for text in desk.notices())
    assert (desk.lots(), desk.state.prompts) == (6, {})


def test_resync_beside_an_exit_says_so_and_offers_nothing() -> None:
    desk = holding()
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    leaving = desk.accept(desk.last())
    resync(desk)
    desk.run(2)
    assert desk.state.prompts == {}
    told = [text for text in desk.notices() if text.startswith("resync: ")]
    assert told[-1].endswith("are under way: resync again when they have ended")
    assert not any("nothing is missing" in text for text in desk.notices())
    desk.advance(leaving)
    desk.run(3)
    resync(desk)
    desk.run(2)
    assert [item.units for prompt in desk.state.prompts.values() for item in prompt.items] == [3 * 65]


def test_before_the_first_session_there_is_no_state() -> None:
    assert not Replicator().has_begun
    assert Desk().core.has_begun
