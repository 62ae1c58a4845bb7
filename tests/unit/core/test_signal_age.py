"""Old signals (R6.8): what waited for its broker, its window or its hedge is never sent later than a fresh signal."""

from decimal import Decimal

import pytest

from config.schema import Confirm, ConfirmWhen, Risk
from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons, sending
from engine.core.tickets import LEFT_BEHIND
from engine.events import ChildResynced, Outcome, PromptAnswered, Resumed, TicketWritten
from engine.model import BookStatus, OrderType, Side
from tests.unit.core.builders import CALL_LEG, HEDGE, Desk, S, settings, turn_of
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting
from tests.unit.core.turning import filled_at_last, left_behind, told_at_once, turning_round
from tests.unit.paper.builders import CALL

MOST_NS = 30 * S


def _refused_for_a_while(desk: Desk, seconds: int) -> list[int]:
    """The broker takes nothing for its rate limit; when each try went out."""
    tries: list[int] = []
    for _ in range(seconds):
        for place in list(desk.unanswered):
            tries.append(desk.now_ns)
            desk.answer(place, Outcome.RATE_LIMITED)
        desk.run(1)
    return tries


def test_entry_of_a_late_signal_is_tried_no_longer_than_its_signal_is_fresh() -> None:
    desk = Desk(filling=False)
    desk.silent.add("M")
    report, filled_ns = desk.report(Side.BUY, 10), desk.now_ns
    desk.book(report)
    desk.run(20)
    desk.push(report, "M")
    desk.run("0.3")
    tries = _refused_for_a_while(desk, 40)
    assert len(tries) > 2
    assert max(tries) - filled_ns <= MOST_NS
    assert reasons.STALE_SIGNAL in desk.reasons()


def test_approved_entry_is_as_old_as_its_approval() -> None:
    """How old the signal was counted when it was asked about (PRODUCT 4)."""
    desk = Desk(settings(confirm=Confirm(when=ConfirmWhen.ENTRIES)), filling=False)
    desk.master(Side.BUY, 10)
    filled_ns = desk.now_ns
    desk.run(20)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    approved_ns = desk.now_ns
    tries = _refused_for_a_while(desk, 50)
    assert max(tries) - filled_ns > MOST_NS
    assert max(tries) - approved_ns <= MOST_NS


def test_short_that_waits_for_its_hedge_is_not_sent_when_its_signal_is_old() -> None:
    desk = Desk(settings(risk=Risk(leg_wait_s=Decimal(20))), filling=False)
    desk.silent.add("M")
    both = (desk.report(Side.BUY, 10, id_="MA", symbol=HEDGE), desk.report(Side.SELL, 10, id_="MB"))
    desk.run(25)
    for report in both:
        desk.push(report, "M")
    desk.run("0.3")
    bought = desk.accept(desk.last())
    desk.run(15)
    desk.advance(bought)
    desk.run("0.1")
    assert CALL not in {place.symbol for place in desk.commands(PlaceOrder)}
    assert reasons.STALE_SIGNAL in desk.reasons()


@pytest.mark.parametrize(
    ("sold", "lots"), [(0, 0), (7, -1)], ids=["and he adds to it", "but not for the side that he leaves it for"]
)
def test_entry_that_waits_for_the_end_of_one_on_the_other_side_is_as_old_as_its_oldest_fill(
    sold: int, lots: int
) -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    his = resting(desk, 2, side=Side.SELL, limit="101")
    mine = desk.accept(desk.last(), answered=False)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.silent.add("C1")
    ended(desk, his, BookStatus.CANCELLED)
    desk.buy(5)
    desk.run(40)
    desk.buy(1, id_="M3")
    if sold:
        desk.sell(sold, id_="M4")
    desk.run(1)
    desk.filling = True
    desk.silent.clear()
    desk.advance(mine, price="101")
    desk.run(3)
    assert (desk.lots(), desk.reasons()) == (lots, {reasons.STALE_SIGNAL})


def test_entry_waits_for_an_unknown_one_on_the_other_side_also_when_an_older_one_was_missed() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(2)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    unseen = desk.report(Side.BUY, 2, id_="O9", tag=desk.last().tag)
    desk.sell(5, id_="M2")
    desk.run(35)
    desk.sell(2, id_="M3")
    desk.run(1)
    assert len(desk.placed()) == 1
    desk.book(unseen, "C1")
    desk.push(unseen)
    desk.filling = True
    desk.run(1)
    for exit_ in list(desk.unanswered):
        desk.fill(exit_)
    desk.run(2)
    assert (desk.lots(), desk.target(), desk.reasons()) == (-2, -2, {reasons.STALE_SIGNAL})
    desk.sell(1, id_="M4")
    desk.run(2)
    assert desk.lots() == -3


def test_entry_that_waits_since_an_older_version_keeps_its_age() -> None:
    """Its checkpoint does not say for which side it waits."""
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(5)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(2, id_="M2")
    desk.silent.add("C1")
    desk.buy(1, id_="M3")
    desk.run(40)
    desk.leg().entry_side = 0
    desk.buy(1, id_="M4")
    desk.silent.clear()
    desk.filling = True
    desk.fill(desk.last())
    desk.run(5)
    assert (desk.lots(), desk.reasons()) == (3, {reasons.STALE_SIGNAL})


@pytest.mark.parametrize("before", [(Side.BUY, 2), (Side.SELL, 4)], ids=["he added before", "he reduced before"])
def test_entry_of_a_turn_that_one_read_brings_is_as_old_as_the_turn(before: tuple[Side, int]) -> None:
    """What he did on the side that he left says nothing of how old the lots of the other side are."""
    desk = Desk(settings(LIKE_HIM))
    desk.buy(5)
    desk.silent.add("M")
    side, lots = before
    desk.book(desk.report(side, lots, id_="MA"))
    held = 5 + side.sign * lots
    desk.run(25)
    desk.book(desk.report(Side.SELL, held + 3, id_="MB"))
    desk.run(8)
    desk.read("M")
    desk.run(3)
    assert (desk.lots(), desk.reasons()) == (-3, set())


def test_entry_that_waits_is_no_older_than_his_newest_stay_on_its_side() -> None:
    desk = turning_round()  # the exit is under way, and an entry waits for it
    desk.run(20)
    desk.master(Side.BUY, 4)
    desk.master(Side.SELL, 4)
    desk.run(15)
    filled_at_last(desk)
    assert (desk.lots(), desk.reasons()) == (-2, set())


def test_entry_that_waits_is_no_older_than_his_stay_when_one_read_tells_that_he_was_out() -> None:
    desk = turning_round()
    desk.run(20)
    told_at_once(desk, (Side.BUY, 4), (Side.SELL, 4))
    desk.run(15)
    filled_at_last(desk)
    assert (desk.lots(), desk.reasons()) == (-2, set())


def test_lots_that_wait_for_an_exit_are_entered_when_one_read_tells_that_he_was_out_and_has_them_again() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(5)
    desk.fill(desk.last())
    desk.sell(2)
    desk.buy(1)  # waits for the exit of two
    desk.run(20)
    told_at_once(desk, (Side.SELL, 4), (Side.BUY, 4))
    desk.run(15)
    filled_at_last(desk)
    assert (desk.lots(), desk.target(), desk.reasons()) == (4, 4, set())


def test_rest_of_an_entry_that_is_being_cancelled_is_for_what_he_has_since_he_was_out() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.sell(2)
    desk.accept(desk.last())
    desk.buy(1)  # the entry of two is cancelled, and one is to be entered again
    desk.run(20)
    told_at_once(desk, (Side.BUY, 1), (Side.SELL, 1))
    desk.run(15)
    desk.filling = True
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.run(2)
    assert (desk.lots(), desk.reasons()) == (-1, set())


def test_lots_that_wait_for_the_operator_keep_their_age_when_he_reduces_and_adds() -> None:
    desk = Desk(settings(LIKE_HIM))
    desk.buy(5)
    desk.restart(unclean=True)
    desk.quote(CALL, "100")
    desk.run(3)
    desk.buy(3)
    desk.run(20)
    told_at_once(desk, (Side.SELL, 1), (Side.BUY, 2))
    desk.run(15)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.run(2)
    assert (desk.lots(), desk.reasons()) == (5, {reasons.STALE_SIGNAL})


def test_entry_that_waits_for_the_operator_is_forgotten_when_the_master_is_out() -> None:
    desk = Desk(settings(LIKE_HIM))
    desk.buy(2)
    desk.restart(unclean=True)
    desk.quote(CALL, "100")
    desk.run(3)
    desk.sell(4)
    desk.run(20)
    desk.buy(2)  # out of everything
    desk.sell(1)
    desk.run(15)
    desk.handle(Resumed(at_ns=desk.now_ns))
    desk.run(1)
    assert (desk.lots(), desk.reasons()) == (-1, set())


def test_rest_of_an_entry_that_rested_is_as_old_as_his_fill() -> None:
    """It was moved to the market when he had filled, and cut when he sold some of it."""
    desk = Desk(orders(LIKE_HIM), filling=False)
    his = resting(desk, 6)
    desk.accept(desk.last())
    ended(desk, his, BookStatus.COMPLETE, filled=6)
    desk.run(5)
    desk.sell(3, id_="M2")
    desk.filling = True
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.run(2)
    assert (desk.lots(), desk.reasons()) == (3, set())


def test_rest_of_an_entry_that_rested_is_as_old_as_his_first_fill() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    his = resting(desk, 6)
    place = desk.last()
    mine = desk.accept(place, answered=False)
    desk.answer(place, Outcome.UNKNOWN)
    desk.silent.add("C1")
    desk.master(Side.BUY, 6, id_="M1", filled=4, limit="99", status=BookStatus.OPEN, order_type=OrderType.LIMIT)
    desk.run(40)
    ended(desk, his, BookStatus.COMPLETE, filled=6)
    desk.silent.clear()
    desk.push(mine)
    desk.run(5)
    desk.sell(3, id_="M2")
    desk.filling = True
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.run(2)
    assert (desk.lots(), desk.reasons()) == (0, {reasons.STALE_SIGNAL})


def test_order_of_the_side_that_he_left_is_cancelled_until_it_is_gone_and_entries_wait_for_that() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(2)
    desk.accept(desk.last())
    desk.sell(5, id_="M2")
    desk.run(35)  # nobody hears of the cancel
    desk.sell(3, id_="M3")
    desk.run(2)
    asked = desk.commands(CancelOrder)
    desk.run(12)
    assert len(desk.commands(CancelOrder)) > len(asked)
    desk.filling = True
    desk.cancelled(asked[-1])
    desk.run(2)
    assert (desk.lots(), desk.placed()) == (-3, [(Side.BUY, 2), (Side.SELL, 3)])


def test_entry_that_waits_outlives_the_cancel_of_an_order_of_the_side_that_he_left() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(2)
    filled = desk.last()
    desk.buy(1)
    works = desk.last()
    for place in (filled, works):
        desk.answer(place, Outcome.UNKNOWN)
    desk.silent.add("C1")
    desk.sell(4)
    desk.run(34)
    desk.sell(1)  # and what he turned to is missed as old
    desk.buy(2)
    desk.sell(4)  # this waits
    desk.advance(desk.accept(filled, answered=False))
    desk.push(desk.accept(works, answered=False))
    desk.run("0.1")
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.filling = True
    desk.silent.clear()
    for exit_ in list(desk.unanswered):
        desk.fill(exit_)
    desk.run(5)
    assert (desk.lots(), desk.target(), desk.reasons()) == (-4, -4, {reasons.STALE_SIGNAL})


def test_resync_waits_for_an_unknown_order_of_the_side_that_he_left() -> None:
    desk = left_behind()
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(2)
    assert not desk.state.prompts
    assert any("under way: resync again when they have ended" in text for text in desk.notices())


def test_ticket_waits_for_an_unknown_order_of_the_side_that_he_left() -> None:
    desk = left_behind()
    desk.handle(TicketWritten(at_ns=desk.now_ns, leg=CALL_LEG, lots=1, children=("C1",)))
    desk.run(1)
    assert not desk.state.prompts
    assert f"ticket: {LEFT_BEHIND}" in desk.notices()


def test_nothing_is_sent_beside_an_order_of_the_side_that_he_left() -> None:
    desk = left_behind()
    assert desk.leg().sign == -1
    assert sending._must_wait(turn_of(desk.state), desk.child(), desk.leg(), desk.last_order())


def test_entry_that_an_older_version_left_waiting_for_the_other_side_is_forgotten() -> None:
    desk = Desk(settings(LIKE_HIM))
    desk.buy(2)
    desk.leg().entry_pending, desk.leg().entry_side = True, -1
    desk.read("C1")
    assert (desk.leg().entry_pending, desk.lots()) == (False, 2)
