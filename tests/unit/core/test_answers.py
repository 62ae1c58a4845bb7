"""How a write ends: answered, refused, never; what is looked for, and when it is called absent."""

from decimal import Decimal

import msgspec
import pytest

from config.schema import Timing
from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.answers import ABSENT_AFTER_NS, order_timer
from engine.core.lifecycle import OrderState
from engine.events import ExitsHastened, LoggedIn, Outcome, RequestAnswered
from engine.events import Request as Write
from engine.model import BookStatus, OrderReport, OrderType, Side
from tests.unit.core.builders import CALL_LEG, LOT, Desk, S, settings, turn_of
from tests.unit.paper.builders import PUT


def sent(*, silent: bool = False) -> Desk:
    desk = Desk(filling=False)
    desk.buy(10)
    if silent:
        desk.silent.add("C1")
    return desk


def leaving() -> Desk:
    """A child whose exit is sent and not answered."""
    desk = sent()
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    return desk


def test_acknowledged_order_works() -> None:
    desk = sent()
    desk.answer(desk.last(), Outcome.ACKED, order_id="O1")
    order = desk.order(desk.last())
    assert (order.state, order.order_id, order.acked_ns) == (OrderState.WORKING, "O1", desk.now_ns)
    assert f"order:{order.tag}" not in desk.state.timers


def test_answer_that_never_comes_is_unknown_after_30_s() -> None:
    desk = sent(silent=True)
    sent_ns = desk.order(desk.last()).sent_ns
    desk.run_to(sent_ns + 30 * S - 1)
    assert desk.order(desk.last()).state is OrderState.SENT
    desk.run_to(sent_ns + 30 * S)
    assert desk.order(desk.last()).state is OrderState.UNKNOWN


def test_unknown_order_is_looked_for_again_and_again() -> None:
    desk = sent(silent=True)
    desk.run(1)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    asked = []
    for _ in range(320):
        desk.run("0.1")
        if desk.child().read_sent_ns == desk.now_ns and desk.reads()[-1].orders:
            asked.append(desk.now_ns)
        desk.read()
    assert len(asked) >= 6
    assert desk.placed() == [(Side.BUY, 3)], "nothing is sent in its place"


@pytest.mark.parametrize("push", [True, False])
def test_unknown_order_that_is_found_is_adopted(push: bool) -> None:
    desk = sent()
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.advance(desk.accept(place, answered=False), push=push)
    desk.run(2)
    assert (desk.order(place).state, desk.lots()) == (OrderState.FILLED, 3)
    assert desk.child().external == {}


def test_late_acknowledgement_of_an_unknown_order_counts() -> None:
    desk = sent()
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.answer(desk.last(), Outcome.ACKED, order_id="O1")
    assert desk.order(desk.last()).state is OrderState.WORKING


def test_answer_after_a_push_changes_nothing() -> None:
    desk = sent()
    place = desk.last()
    desk.advance(desk.accept(place, answered=False))
    for outcome in (Outcome.ACKED, Outcome.UNKNOWN, Outcome.REJECTED, Outcome.RATE_LIMITED, Outcome.NOT_SENT):
        desk.answer(place, outcome, order_id="O1" if outcome is Outcome.ACKED else "")
    assert (desk.order(place).state, desk.lots(), desk.placed()) == (OrderState.FILLED, 3, [(Side.BUY, 3)])


def test_absent_entry_is_held_after_120_s_and_three_reads_and_not_before() -> None:
    desk = sent(silent=True)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    order = desk.order(desk.last())
    desk.run_to(order.sent_ns + ABSENT_AFTER_NS - S)
    for _ in range(5):
        desk.read()
    assert order.absent_reads == 0, "reads before do not count"
    desk.run(1)
    for expected in (OrderState.UNKNOWN, OrderState.UNKNOWN, OrderState.HELD):
        desk.read()
        assert order.state is expected
    assert order.reason == reasons.NEVER_APPEARED
    assert desk.placed() == [(Side.BUY, 3)]


@pytest.mark.parametrize("part", ["orders", "positions"])
def test_partial_read_says_nothing_about_absence(part: str) -> None:
    desk = sent(silent=True)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(125)
    for _ in range(5):
        desk.deliver(msgspec.structs.replace(desk.picture(), **{part: None}))
    assert desk.order(desk.last()).state is OrderState.UNKNOWN


def test_position_that_disagrees_keeps_an_order_unknown_for_ten_minutes_at_most() -> None:
    desk = sent(silent=True)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.books["C1"].positions[CALL_LEG] = 3 * LOT
    desk.run(125)
    for _ in range(5):
        desk.read()
        desk.run(1)
    assert desk.order(desk.last()).state is OrderState.UNKNOWN
    desk.run(600)
    for _ in range(3):
        desk.read()
        desk.run(1)
    assert desk.order(desk.last()).state is OrderState.HELD


def test_absent_exit_is_sent_again_once() -> None:
    desk = leaving()
    lost = desk.last()
    desk.answer(lost, Outcome.UNKNOWN)
    desk.run(119)
    assert len(desk.placed()) == 2
    desk.run(10)
    assert desk.order(lost).state is OrderState.ABSENT
    assert desk.placed()[2:] == [(Side.SELL, 3)]
    assert desk.last().tag != lost.tag


def test_cancel_of_unknown_outcome_is_judged_by_the_book() -> None:
    desk = sent()
    report = desk.accept(desk.last())
    desk.sell(10)
    cancel = desk.commands(CancelOrder)[0]
    desk.answer(cancel, Outcome.UNKNOWN)
    desk.run(2)
    assert len(desk.commands(CancelOrder)) == 1
    desk.run(6)
    assert len(desk.commands(CancelOrder)) <= 2, "asked again after five seconds, not before"
    assert desk.order(desk.last()).order_id == report.order_id


def test_cancel_that_is_refused_because_the_order_filled_leaves_the_exit() -> None:
    desk = sent()
    report = desk.accept(desk.last())
    desk.sell(10)
    cancel = desk.commands(CancelOrder)[0]
    desk.advance(report, push=False)
    desk.answer(cancel, Outcome.REJECTED, reason="already complete")
    desk.run(3)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_answer_of_an_order_that_nobody_knows_changes_nothing() -> None:
    desk = Desk()
    answer = RequestAnswered(
        at_ns=desk.now_ns, account="C1", request=Write.PLACE, tag="NOBODY", outcome=Outcome.ACKED, order_id="O1"
    )
    assert desk.handle(answer) == []


# --- the session is over -----------------------------------------------------------------------------------------


def test_entry_that_meets_a_dead_session_is_held_and_missed_with_the_login() -> None:
    desk = sent()
    desk.answer(desk.last(), Outcome.NEEDS_LOGIN)
    assert desk.child().needs_login
    assert desk.order(desk.last()).state is OrderState.HELD
    desk.handle(LoggedIn(at_ns=desk.now_ns, account="C1"))
    desk.run(5)
    assert desk.order(desk.last()).state is OrderState.WITHDRAWN
    assert desk.placed() == [(Side.BUY, 3)]
    assert reasons.LOGIN_REQUIRED in desk.reasons()
    desk.filling = True
    desk.buy(10)
    assert desk.lots() == 3, "only the new lots"


def test_exit_that_meets_a_dead_session_goes_after_the_login_and_a_read() -> None:
    desk = leaving()
    desk.answer(desk.last(), Outcome.NEEDS_LOGIN)
    desk.run(20)
    assert len(desk.placed()) == 2
    assert desk.leg().due_reason == reasons.LOGIN_REQUIRED
    desk.silent.add("C1")
    desk.handle(LoggedIn(at_ns=desk.now_ns, account="C1"))
    desk.run(2)
    assert len(desk.placed()) == 2, "the book is read first"
    desk.read()
    assert desk.placed()[2:] == [(Side.SELL, 3)]


def test_login_is_asked_for_once() -> None:
    desk = Desk()
    for _ in range(3):
        desk.deliver(desk.picture(orders=None, positions=None, error="token", needs_login=True))
    assert sum("LOGIN REQUIRED" in text for text in desk.notices()) == 1


def test_login_of_the_master_or_a_stranger_does_no_harm() -> None:
    desk = Desk()
    for account in ("M", "nobody"):
        desk.handle(LoggedIn(at_ns=desk.now_ns, account=account))
    desk.buy(10)
    assert desk.lots() == 3


# --- restart ---------------------------------------------------------------------------------------------------------


def test_order_sent_before_the_process_died_is_unknown_and_adopted_when_found() -> None:
    desk = sent()
    place = desk.last()
    desk.accept(place, answered=False)
    desk.restart(unclean=True)
    assert place.tag in desk.state.orders
    desk.run(3)
    assert desk.order(place).state is OrderState.WORKING
    assert desk.placed() == [(Side.BUY, 3)]


def untagged(desk: Desk, place: PlaceOrder, tag: str = "") -> OrderReport:
    """The broker takes an order in, answers nothing, and shows it without the tag, or with what it made of it."""
    desk.answer(place, Outcome.UNKNOWN)
    report = msgspec.structs.replace(desk.accept(place, answered=False), tag=tag)
    desk.book(report, "C1")
    return report


def test_exit_is_not_sent_a_second_time_beside_an_order_without_a_tag_that_looks_like_it() -> None:
    desk = leaving()
    report = untagged(desk, desk.last())
    desk.run(400)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL]
    assert desk.order(desk.last()).reason == reasons.UNTAGGED
    assert sum("without a tag looks like it" in text for text in desk.notices()) == 1
    desk.advance(report)
    desk.run(700)
    assert (desk.lots(), [side for side, _ in desk.placed()]) == (0, [Side.BUY, Side.SELL])


@pytest.mark.parametrize("shown", ["cut", "in small letters", "with something before it"])
def test_exit_is_not_sent_a_second_time_beside_an_order_whose_tag_the_broker_changed(shown: str) -> None:
    """R7.2."""
    desk = leaving()
    tag = desk.last().tag
    untagged(desk, desk.last(), {"cut": tag[:8], "in small letters": tag.lower()}.get(shown, f"api:{tag}"))
    desk.run(400)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL]
    assert desk.order(desk.last()).reason == reasons.UNTAGGED


def test_order_with_a_tag_of_its_own_is_not_taken_for_the_exit() -> None:
    desk = leaving()
    untagged(desk, desk.last(), "scalper1")
    desk.run(200)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL, Side.SELL]


def test_exit_beside_an_order_without_a_tag_goes_again_when_the_operator_has_looked() -> None:
    desk = leaving()
    untagged(desk, desk.last())
    desk.run(200)
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C1"))
    desk.run(10)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL, Side.SELL]


def test_stop_that_the_owner_places_meanwhile_is_not_taken_for_the_exit() -> None:
    desk = leaving()
    desk.answer(desk.last(), Outcome.UNKNOWN)
    stop = desk.report(Side.SELL, 3, id_="OWN1", filled=0, order_type=OrderType.SL_M, trigger="90")
    desk.book(msgspec.structs.replace(stop, status=BookStatus.TRIGGER_PENDING, placed_ns=desk.now_ns + S), "C1")
    desk.run(200)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL, Side.SELL]


def test_entry_beside_an_order_without_a_tag_is_held_for_the_operator() -> None:
    desk = sent()
    untagged(desk, desk.last())
    desk.run(200)
    assert desk.order(desk.last()).state is OrderState.HELD


def test_exit_goes_again_when_the_order_without_a_tag_has_ended() -> None:
    desk = leaving()
    report = untagged(desk, desk.last())
    desk.run(200)
    desk.advance(report, filled=0, status=BookStatus.CANCELLED)
    desk.run(60)
    assert [side for side, _ in desk.placed()] == [Side.BUY, Side.SELL, Side.SELL]


def test_order_sent_before_the_process_died_is_not_called_absent_before_120_s_of_this_start() -> None:
    desk = sent()
    desk.run(100)
    desk.restart(unclean=True)
    desk.run(115)
    assert desk.order(desk.last()).state is OrderState.UNKNOWN
    desk.run(15)
    assert desk.order(desk.last()).state is OrderState.HELD


def unknown_exit() -> Desk:
    desk = leaving()
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(5)
    return desk


def test_operator_has_an_unknown_exit_sent_again_after_one_more_read() -> None:
    desk = unknown_exit()
    lost = desk.last()
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    assert desk.order(lost).state is OrderState.ABSENT
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3), (Side.SELL, 3)]


def test_hastened_exit_that_filled_after_all_is_not_sent_again() -> None:
    desk = unknown_exit()
    lost = desk.last()
    desk.fill(lost)
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C1"))
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]
    assert desk.lots() == 0


def test_hastened_exit_waits_while_the_position_disagrees() -> None:
    desk = unknown_exit()
    lost = desk.last()
    desk.owner_trades(-3)
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C1"))
    desk.run(5)
    assert desk.order(lost).state is OrderState.UNKNOWN


def test_unknown_entry_is_not_hastened() -> None:
    desk = sent()
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C1"))
    desk.run(5)
    assert desk.order(desk.last()).state is OrderState.UNKNOWN
    assert "no exit is unknown" in desk.notices()


def test_hastening_names_an_account_that_is_not_there() -> None:
    desk = sent()
    desk.handle(ExitsHastened(at_ns=desk.now_ns, child="C9"))
    assert "no child is called C9" in desk.notices()


def test_entry_that_never_gets_out_is_given_up_after_eight_tries() -> None:
    desk = Desk(settings(timing=Timing(max_signal_age_s=Decimal(600))), filling=False)
    desk.buy(10)
    for _ in range(12):
        if desk.unanswered:
            desk.answer(desk.unanswered[-1], Outcome.NOT_SENT, reason="connection refused")
        desk.run(20)
    assert desk.placed() == [(Side.BUY, 3)] * 8
    assert len({place.tag for place in desk.commands(PlaceOrder)}) == 1
    assert (desk.target(), desk.leg().orders) == (0, [])
    assert desk.reasons() == {reasons.refused("connection refused")}


def test_two_answers_of_a_dead_session_ask_for_one_login() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    for place in list(desk.unanswered):
        desk.answer(place, Outcome.NEEDS_LOGIN)
    assert sum(text.startswith("LOGIN REQUIRED") for text in desk.notices()) == 1
    assert {order.reason for order in desk.state.orders.values()} == {reasons.LOGIN_REQUIRED}


def test_deadline_of_an_order_that_is_forgotten_means_nothing() -> None:
    desk = sent()
    order_timer(turn_of(desk.state), "of an earlier day")
    assert desk.last_order().state is OrderState.SENT
