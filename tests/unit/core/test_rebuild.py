"""Orders with our mark that the journal does not know: after a state was moved aside, or an older copy restored."""

from copy import deepcopy
from decimal import Decimal

import msgspec
import pytest

from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.replicator import Replicator
from engine.core.state import State
from engine.core.tags import make_tag, number_of
from engine.events import ChildResynced, Flattened, Resumed
from engine.model import BookStatus, Side
from engine.snapshot import StrategyState
from tests.unit.core.builders import CALL_LEG, HEDGE, HEDGE_LEG, LOT, PUT_LEG, Desk, child, instrument, settings
from tests.unit.paper.builders import CALL, PUT

DAY = "2026-11-02"


def begun_anew(desk: Desk) -> None:
    """The process dies, its state directory is moved aside, and it starts again."""
    process(desk, None)


def process(desk: Desk, state: State | None) -> None:
    """A process starts on a state (none: the first one); instruments and quotes come before the first reads."""
    silent, desk.silent = desk.silent, set(desk.books)
    desk.core = Replicator(state)
    desk.start()
    desk.load()
    for symbol in (CALL, PUT, HEDGE):
        desk.quote(symbol, "100")
    desk.silent = silent
    for account in desk.books:
        if account not in silent:
            desk.read(account)


def copy_of(desk: Desk) -> State:
    """A backup of the state."""
    return deepcopy(desk.state)


def restored(desk: Desk, backup: State) -> None:
    """The process dies, an older copy of its state is put back, and it starts again."""
    process(desk, backup)


def resume(desk: Desk) -> None:
    desk.handle(Resumed(at_ns=desk.now_ns))


def tags(desk: Desk) -> list[str]:
    return [place.tag for place in desk.commands(PlaceOrder)]


def test_numbers_are_read_back_from_tags_of_the_mode_and_day_whatever_child_they_name() -> None:
    for place in (0, 7, 35):
        assert number_of(make_tag("paper", DAY, place, 123_456), "paper", DAY) == 123_456


@pytest.mark.parametrize(
    ("mode", "day", "place", "number", "tag"),
    [
        ("paper", "2026-11-02", 0, 1, "LKP1XD0000001MT"),
        ("live", "2026-11-02", 35, 36, "LKL1XD0Z00010TO"),
        ("live", "2026-11-02", 36, 36**5 - 1, "LKL1XD10ZZZZZ31"),
        ("paper", "2026-12-31", 99, 46_655, "LKP1Z02R00ZZZPE"),
    ],
)
def test_tag_stays_as_it_was_in_every_earlier_version(mode: str, day: str, place: int, number: int, tag: str) -> None:
    """Orders of yesterday and of a version before this one are recognised by it."""
    assert make_tag(mode, day, place, number) == tag
    assert number_of(tag, mode, day) == number


@pytest.mark.parametrize(
    "tag",
    [
        make_tag("live", DAY, 0, 5),
        make_tag("paper", "2026-11-01", 0, 5),
        make_tag("paper", DAY, 0, 5)[:-1] + "?",
        make_tag("paper", DAY, 0, 5)[:14],
        "",
        "amo",
    ],
)
def test_other_tags_have_no_number_of_ours(tag: str) -> None:
    assert number_of(tag, "paper", DAY) is None


def test_fills_with_our_mark_are_ours_again() -> None:
    desk = Desk()
    desk.buy(10)
    begun_anew(desk)
    desk.run(3)
    assert desk.lots() == 3
    assert desk.child().external == {}
    assert desk.leg().open_cost_inr == 3 * LOT * 100
    assert any("adopted from the book" in text for text in desk.notices())


def test_no_tag_is_ever_given_twice() -> None:
    desk = Desk()
    desk.buy(10)
    begun_anew(desk)
    desk.run(3)
    resume(desk)
    desk.sell(10)
    desk.run(3)
    desk.run(60)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    assert len(set(tags(desk))) == len(tags(desk))
    assert desk.lots() == 0


def test_no_tag_is_given_to_a_child_whose_book_was_not_read() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    desk.silent = {"C1"}
    begun_anew(desk)
    desk.run(3)
    resume(desk)
    desk.run(5)
    assert not desk.child("C1").legs
    known = {order.account for order in desk.state.orders.values()}
    assert known == {"C2"}


def test_start_counts_as_unclean_and_nothing_is_entered_before_the_next_strategy() -> None:
    desk = Desk()
    desk.buy(10)
    begun_anew(desk)
    desk.run(3)
    assert (desk.state.unclean, desk.state.armed) == (True, False)
    resume(desk)
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.reasons() == {reasons.REBUILT}
    desk.sell(20)
    desk.sell(10, symbol=PUT)
    desk.run(5)
    assert (desk.lots(), desk.strategy().state) == (0, StrategyState.FLAT)
    desk.run(60)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    assert desk.lots(leg=PUT_LEG) == 3


def test_reductions_of_the_master_are_followed_in_proportion() -> None:
    desk = Desk()
    desk.buy(10)
    begun_anew(desk)
    desk.run(3)
    assert (desk.master_leg().units, desk.master_leg().background_units) == (10 * LOT, 0)
    desk.sell(5)
    desk.run(3)
    assert desk.lots() == 1


def test_master_out_meanwhile_children_exit_after_the_prompt() -> None:
    desk = Desk()
    desk.buy(10)
    desk.master(Side.SELL, 10, push=False)
    begun_anew(desk)
    desk.run(20)
    assert desk.lots() == 3
    desk.run(15)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    assert desk.strategy().state is StrategyState.FLAT


def test_master_out_meanwhile_children_exit_at_once_when_resumed() -> None:
    desk = Desk()
    desk.buy(10)
    desk.master(Side.SELL, 10, push=False)
    begun_anew(desk)
    desk.run(3)
    resume(desk)
    desk.run(1)
    assert desk.lots() == 0


def test_master_the_other_way_now_is_an_exit() -> None:
    desk = Desk()
    desk.buy(10)
    desk.master(Side.SELL, 20, push=False)
    begun_anew(desk)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_master_read_after_the_child_gives_the_pair_then() -> None:
    desk = Desk()
    desk.buy(10)
    desk.silent = {"M"}
    begun_anew(desk)
    desk.run(3)
    assert (desk.lots(), desk.leg().rebuilt) == (3, True)
    desk.silent = set()
    desk.run(45)
    assert (desk.leg().rebuilt, desk.leg().high_units, desk.leg().base_units) == (False, 10 * LOT, 3 * LOT)
    assert desk.placed() == [(Side.BUY, 3)]


def test_flatten_does_not_wait_for_the_master() -> None:
    desk = Desk()
    desk.buy(10)
    desk.silent = {"M"}
    begun_anew(desk)
    desk.run(3)
    desk.handle(Flattened(at_ns=desk.now_ns))
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    desk.silent = set()
    desk.run(60)
    assert (desk.lots(), desk.state.unclean) == (0, False)


def test_flatten_before_the_master_was_read_stays_flattened() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.advance(desk.accept(desk.last()))
    desk.silent = {"M"}
    begun_anew(desk)
    desk.run(3)
    desk.handle(Flattened(at_ns=desk.now_ns))
    exit_ = desk.accept(desk.last())
    desk.silent = set()
    desk.run(60)
    desk.advance(exit_, filled=0, status=BookStatus.CANCELLED)
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3), (Side.SELL, 3)]


def test_exits_that_were_done_count() -> None:
    desk = Desk()
    desk.buy(10)
    desk.sell(5)
    begun_anew(desk)
    desk.run(3)
    assert desk.lots() == 1
    assert [(o.side, o.entry) for o in desk.state.orders.values()] == [(Side.BUY, True), (Side.SELL, False)]


def test_a_working_entry_is_cancelled() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    entry = desk.advance(desk.accept(desk.last()), filled=LOT, status=BookStatus.OPEN)
    begun_anew(desk)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [entry.order_id]
    desk.advance(entry, filled=LOT, status=BookStatus.CANCELLED)
    desk.run(3)
    assert (desk.lots(), desk.target(), desk.leg().orders) == (1, 1, [])


def test_a_working_entry_is_cancelled_before_the_master_is_read() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    entry = desk.accept(desk.last())
    desk.silent = {"M"}
    begun_anew(desk)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [entry.order_id]


def test_a_working_exit_that_is_cancelled_is_sent_again() -> None:
    desk = Desk()
    desk.buy(10)
    desk.filling = False
    desk.sell(5)
    exit_ = desk.accept(desk.last())
    begun_anew(desk)
    desk.run(3)
    desk.filling = True
    desk.advance(exit_, filled=0, status=BookStatus.CANCELLED)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 2), (Side.SELL, 2)]


def test_what_a_working_entry_still_fills_is_exited() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    entry = desk.accept(desk.last())
    begun_anew(desk)
    desk.filling = True
    desk.advance(entry)
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_a_working_exit_is_not_doubled() -> None:
    desk = Desk()
    desk.buy(10)
    desk.filling = False
    desk.sell(10)
    exit_ = desk.accept(desk.last())
    begun_anew(desk)
    desk.run(40)
    assert desk.commands(CancelOrder) == []
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    desk.advance(exit_)
    desk.run(5)
    assert (desk.lots(), desk.strategy().state) == (0, StrategyState.FLAT)


def test_what_the_owner_closed_is_not_exited_into_the_other_side() -> None:
    desk = Desk()
    desk.buy(10)
    desk.owner_trades(-2)
    desk.master(Side.SELL, 10, push=False)
    begun_anew(desk)
    desk.run(40)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 1)]
    assert desk.books["C1"].positions[CALL_LEG] == 0


def test_what_the_owner_holds_beside_it_is_external() -> None:
    desk = Desk()
    desk.buy(10)
    desk.owner_trades(4)
    begun_anew(desk)
    desk.run(3)
    assert (desk.lots(), desk.child().external) == (3, {CALL_LEG: 4 * LOT})


def test_children_that_changed_places_find_their_own_orders() -> None:
    first, second = child("C1"), child("C2")
    desk = Desk(settings(first, second), margins={"C2": 500_000})
    desk.buy(10)
    desk.settings = settings(second, first)
    begun_anew(desk)
    desk.run(3)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 5)
    resume(desk)
    desk.sell(10)
    desk.run(3)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 0)


def test_one_tag_in_two_books_is_two_orders() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    tag = make_tag("paper", DAY, 0, 1)
    for account, lots in (("C1", 3), ("C2", 2)):
        desk.book(desk.report(Side.BUY, lots, id_=f"O-{account}", tag=tag), account)
    begun_anew(desk)
    desk.run(3)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 2)
    desk.run(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 2)
    assert [order.account for order in desk.state.orders.values()] == ["C1", "C2"]


def test_two_orders_with_one_tag_stop_the_child() -> None:
    desk = Desk()
    tag = make_tag("paper", DAY, 0, 1)
    for number in (1, 2):
        desk.book(desk.report(Side.BUY, 3, id_=f"O{number}", tag=tag), "C1")
    begun_anew(desk)
    desk.run(3)
    assert desk.lots() == 3
    assert any("two orders carry the tag" in why for why in desk.child().stopped.values())


def test_orders_of_the_owner_stay_his() -> None:
    desk = Desk()
    desk.book(desk.report(Side.BUY, 3, id_="X1", tag="amo"), "C1")
    begun_anew(desk)
    desk.run(3)
    assert (desk.lots(), desk.child().external, desk.state.unclean) == (0, {CALL_LEG: 3 * LOT}, False)


def test_older_copy_of_the_state_adopts_what_it_does_not_know() -> None:
    desk = Desk()
    desk.buy(10)
    backup = copy_of(desk)
    desk.buy(10)
    assert desk.lots() == 6
    restored(desk, backup)
    desk.run(45)
    assert (desk.lots(), desk.target(), desk.child().external) == (6, 6, {})
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    desk.buy(10)
    desk.run(3)
    assert desk.lots() == 6
    assert reasons.REBUILT in desk.reasons()
    resume(desk)
    desk.run(3)
    desk.buy(10)
    desk.run(3)
    assert desk.lots() == 9
    assert len(set(tags(desk))) == len(tags(desk))


def test_older_copy_and_a_reduction_that_nobody_copied_is_exited_in_proportion() -> None:
    desk = Desk()
    desk.buy(10)
    backup = copy_of(desk)
    desk.buy(10)
    desk.master(Side.SELL, 15, push=False)
    restored(desk, backup)
    desk.run(45)
    assert desk.lots() == 1


def test_older_copy_from_before_an_exit_does_not_exit_again() -> None:
    desk = Desk()
    desk.buy(10)
    backup = copy_of(desk)
    desk.sell(10)
    desk.run(3)
    assert desk.lots() == 0
    restored(desk, backup)
    desk.run(60)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    assert (desk.lots(), desk.books["C1"].positions[CALL_LEG]) == (0, 0)


def test_lost_order_beyond_the_ratio_is_exited_and_other_children_go_on() -> None:
    desk = Desk(settings(child("C1"), child("C2")))
    desk.buy(10)
    lost = desk.report(Side.BUY, 1, id_="X9", tag=make_tag("paper", DAY, 0, 99))
    desk.book(lost, "C1")
    desk.push(lost)
    desk.run(3)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 1)]
    desk.buy(10)
    desk.run(3)
    assert (desk.lots(), desk.lots("C2")) == (3, 6)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    desk.sell(20)
    desk.run(3)
    assert (desk.lots(), desk.lots("C2")) == (0, 0)


def test_pushed_order_with_our_mark_is_adopted_by_the_read_that_follows() -> None:
    desk = Desk()
    lost = desk.report(Side.BUY, 2, id_="X9", symbol=PUT, tag=make_tag("paper", DAY, 0, 41))
    desk.book(lost, "C1")
    desk.push(lost)
    desk.run(2)
    assert desk.lots(leg=PUT_LEG) == 2
    assert desk.state.intents >= 41
    assert desk.state.orders[lost.tag].state is OrderState.FILLED


def test_hedge_keeps_its_rounding_after_a_restored_copy() -> None:
    desk = Desk()
    desk.buy(10, symbol=HEDGE)
    desk.sell(10)
    backup = copy_of(desk)
    desk.master(Side.SELL, 5, symbol=HEDGE, push=False)
    restored(desk, backup)
    desk.run(10)
    assert desk.lots(leg=HEDGE_LEG) == 2
    assert desk.lots() == -3


def test_instrument_without_a_row_in_the_file_waits() -> None:
    desk = Desk()
    desk.buy(10)
    desk.core = Replicator()
    desk.start()
    desk.load((instrument(PUT),))
    desk.run(3)
    assert desk.lots() == 3
    assert desk.placed() == [(Side.BUY, 3)]


def test_state_stays_serialisable() -> None:
    desk = Desk()
    desk.buy(10)
    begun_anew(desk)
    desk.run(3)
    again = msgspec.json.decode(msgspec.json.encode(desk.leg()), type=type(desk.leg()))
    assert again == desk.leg()


def test_adopted_leg_without_any_price_is_followed_at_no_cost() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.books["M"].orders.clear()
    desk.books["M"].overnight = dict(desk.books["M"].positions)
    desk.core = Replicator(None)
    desk.start()
    desk.load()
    desk.run(5)
    assert (desk.lots(), desk.master_leg().units) == (3, 10 * LOT)
    assert (desk.master_leg().open_cost_inr, desk.master_leg().cash_inr) == (Decimal(0), Decimal(0))
