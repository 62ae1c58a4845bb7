"""The circuit breaker of one account: when entries stop, what still passes, when one may try, and what closes it."""

import pytest

from config.schema import Settings
from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.breaker import PAUSES_S
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.core.state_child import BreakerPhase
from engine.events import Outcome
from engine.model import BookStatus, Side
from engine.view import Frame, build_snapshot
from state.codec import decode, encode
from tests.unit.core.builders import HEDGE, INSTRUMENTS, LOT, Desk, S, child, instrument, settings
from tests.unit.paper.builders import CALL, FUT, PUT

SYMBOLS = (CALL, PUT, HEDGE)
OPEN, HALF, CLOSED = BreakerPhase.OPEN, BreakerPhase.HALF_OPEN, BreakerPhase.CLOSED


def fail(desk: Desk, times: int = 3, outcome: Outcome = Outcome.UNKNOWN) -> None:
    """So many entries in a row end like this."""
    for number in range(times):
        desk.buy(4, symbol=SYMBOLS[number])
        desk.answer(desk.unanswered[-1], outcome)


def failing(with_settings: Settings | None = None, *, lots: int | None = None) -> Desk:
    """A desk with C1's breaker open."""
    desk = Desk(with_settings, filling=False)
    if lots is not None:
        desk.load(tuple(instrument(i.symbol, freeze_units=lots * LOT) for i in INSTRUMENTS))
    fail(desk)
    return desk


def phase(desk: Desk) -> BreakerPhase:
    return desk.child().breaker.phase


def test_three_unknown_ends_in_a_row_stop_entries_and_say_so_once() -> None:
    desk = failing()
    assert phase(desk) is OPEN
    desk.buy(4, symbol=FUT)
    assert len(desk.placed()) == 3
    assert desk.reasons() == {reasons.BROKER_FAILING}
    assert sum("broker failing" in text for text in desk.notices() if "not copied" not in text) == 1


@pytest.mark.parametrize(
    "outcome", [Outcome.REJECTED, Outcome.NOT_SENT, Outcome.RATE_LIMITED, Outcome.NEEDS_LOGIN, Outcome.IP_REFUSED]
)
def test_definite_ends_never_open_it(outcome: Outcome) -> None:
    desk = Desk(filling=False)
    fail(desk, 2)
    desk.buy(4, symbol=HEDGE)
    desk.answer(desk.unanswered[-1], outcome)
    assert phase(desk) is CLOSED


@pytest.mark.parametrize("outcome", [Outcome.ACKED, Outcome.REJECTED])
def test_an_answer_ends_the_row(outcome: Outcome) -> None:
    desk = Desk(filling=False)
    fail(desk, 2)
    desk.buy(4, symbol=HEDGE)
    desk.answer(desk.unanswered[-1], outcome, order_id="X")
    assert desk.child().breaker.failures == 0
    desk.buy(4, symbol=FUT)
    if outcome is Outcome.ACKED:
        desk.answer(desk.unanswered[-1], Outcome.UNKNOWN)
    assert phase(desk) is CLOSED


def test_write_without_any_answer_is_a_failure_and_its_late_answer_not_another_one() -> None:
    desk = Desk(filling=False)
    desk.buy(4)
    order = desk.last()
    desk.run(31)
    assert desk.child().breaker.failures == 1
    desk.answer(order, Outcome.UNKNOWN)
    assert desk.child().breaker.failures == 1


def test_failed_cancels_count_too() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.accept(desk.last())
    desk.sell(10)
    for number in range(3):
        desk.answer(desk.commands(CancelOrder)[number], Outcome.UNKNOWN)
        desk.run(6)
    assert phase(desk) is OPEN


def test_exits_pass_while_it_is_open() -> None:
    desk = Desk(filling=True)
    desk.buy(10, symbol=FUT)
    desk.filling = False
    fail(desk)
    desk.sell(10, symbol=FUT)
    desk.run(4)
    assert desk.placed()[-1] == (Side.SELL, 3)


def test_reads_go_on_while_it_is_open() -> None:
    desk = failing()
    before = len(desk.reads())
    desk.run(10)
    assert len(desk.reads()) >= before + 10


def test_queued_entries_are_given_up_when_it_opens() -> None:
    desk = Desk(filling=False)
    fail(desk, 2)
    desk.buy(4, symbol=FUT)
    desk.answer(desk.unanswered[-1], Outcome.NOT_SENT)
    desk.buy(4, symbol=HEDGE)
    desk.answer(desk.unanswered[-1], Outcome.UNKNOWN)
    desk.run(2)
    assert phase(desk) is OPEN
    [given_up] = [o for o in desk.state.orders.values() if o.state is OrderState.WITHDRAWN]
    assert given_up.reason == reasons.BROKER_FAILING
    assert reasons.BROKER_FAILING in desk.reasons()


def test_half_open_needs_the_pause() -> None:
    desk = failing()
    desk.run(28)
    assert phase(desk) is OPEN
    desk.run(3)
    assert phase(desk) is HALF


def test_half_open_needs_a_read_of_the_book() -> None:
    desk = Desk(filling=False)
    fail(desk, 2)
    desk.silent.add("C1")
    desk.buy(4, symbol=HEDGE)
    desk.answer(desk.unanswered[-1], Outcome.UNKNOWN)
    desk.run(90)
    assert phase(desk) is OPEN
    desk.silent.clear()
    desk.run(45)
    assert phase(desk) is HALF


def half_open(*, lots: int | None = None) -> Desk:
    desk = failing(lots=lots)
    desk.run(31)
    assert phase(desk) is HALF
    return desk


def test_one_entry_tries_and_success_closes_it() -> None:
    desk = half_open()
    desk.master(Side.BUY, 4, symbol=FUT)
    desk.master(Side.BUY, 4, symbol=CALL)
    desk.run("0.3")
    assert len(desk.placed()) == 4
    assert desk.child().breaker.trial == desk.last().tag
    desk.accept(desk.last())
    assert phase(desk) is CLOSED
    assert any("answers again" in text for text in desk.notices())
    desk.run("0.1")
    assert len(desk.placed()) == 5


def test_entries_behind_a_trial_that_fails_are_given_up() -> None:
    desk = half_open()
    desk.master(Side.BUY, 4, symbol=FUT)
    desk.master(Side.BUY, 4, symbol=CALL)
    desk.run("0.3")
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.run(1)
    assert phase(desk) is OPEN
    assert len(desk.placed()) == 4
    assert reasons.BROKER_FAILING in desk.reasons()


def test_what_was_missed_is_not_caught_up() -> None:
    desk = failing()
    desk.buy(4, symbol=FUT)
    desk.run(31)
    desk.buy(4, symbol=FUT)
    desk.fill(desk.last())
    desk.run(5)
    assert desk.placed()[3:] == [(Side.BUY, 1)]


def test_trial_is_one_order_even_of_a_large_entry() -> None:
    desk = half_open(lots=1)
    desk.buy(20, symbol=FUT)
    assert len(desk.placed()) == 4
    desk.accept(desk.last())
    desk.run("0.1")
    assert len(desk.placed()) == 3 + 6


def test_refused_trial_is_an_answer() -> None:
    desk = half_open()
    desk.buy(4, symbol=FUT)
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    assert phase(desk) is CLOSED


def test_failed_trials_open_it_again_for_longer_and_longer() -> None:
    desk = failing()
    waited_s = []
    for _ in range(len(PAUSES_S) + 1):
        waited_s.append((desk.child().breaker.again_ns - desk.now_ns) // S)
        desk.run(waited_s[-1] - 2)
        assert phase(desk) is OPEN
        desk.run(4)
        assert phase(desk) is HALF
        desk.buy(4, symbol=CALL)
        desk.answer(desk.last(), Outcome.UNKNOWN)
        assert phase(desk) is OPEN
    assert waited_s == [30, 60, 120, 240, 300, 300]


def test_trial_that_nobody_answered_before_a_restart_does_not_block_the_next() -> None:
    desk = half_open()
    desk.buy(4, symbol=FUT)
    desk.core = type(desk.core)(decode(encode(desk.state), State))
    desk.restart()
    desk.quote(PUT, "100")
    desk.run(3)
    desk.buy(4, symbol=PUT)
    assert phase(desk) is HALF
    assert len(desk.placed()) == 5


def test_other_children_are_untouched() -> None:
    desk = Desk(settings(child(), child("C2")), filling=False)
    for symbol in SYMBOLS:
        desk.buy(4, symbol=symbol)
        for order in list(desk.unanswered):
            if order.account == "C1":
                desk.answer(order, Outcome.UNKNOWN)
            else:
                desk.fill(order)
    desk.buy(4, symbol=FUT)
    assert (len(desk.placed("C1")), len(desk.placed("C2"))) == (3, 4)


def test_screen_names_the_account_while_it_lasts() -> None:
    desk = failing()
    frame = Frame()
    rows = [a for a in build_snapshot(desk.state, desk.now_ns, frame).attention if a.text == reasons.BROKER_FAILING]
    assert [(a.account, a.deadline_ns) for a in rows] == [("C1", desk.child().breaker.again_ns)]
    desk.run(31)
    desk.buy(4, symbol=FUT)
    desk.accept(desk.last())
    texts = [a.text for a in build_snapshot(desk.state, desk.now_ns, frame).attention]
    assert reasons.BROKER_FAILING not in texts


def test_order_adopted_by_a_push_before_its_answer_failed_still_counts_as_a_failed_write() -> None:
    desk = Desk(filling=False)
    for symbol in SYMBOLS:
        desk.buy(4, symbol=symbol)
        order = desk.last()
        desk.push(
            desk.report(Side.BUY, 1, id_=f"P-{symbol}", symbol=symbol, tag=order.tag, status=BookStatus.OPEN, filled=0)
        )
        desk.answer(order, Outcome.UNKNOWN)
    assert phase(desk) is OPEN
    assert all(o.state is OrderState.WORKING for o in desk.state.orders.values())
    assert isinstance(desk.last(), PlaceOrder)


def test_write_that_fails_after_the_breaker_opened_puts_its_trial_off() -> None:
    desk = Desk(filling=False)
    for number in range(4):
        desk.buy(4, symbol=(*SYMBOLS, FUT)[number])
    late, *others = list(desk.unanswered)
    for place in others:
        desk.answer(place, Outcome.UNKNOWN)
    assert phase(desk) is OPEN
    assert desk.child().breaker.again_ns == desk.now_ns + PAUSES_S[0] * S
    desk.run(10)
    desk.answer(late, Outcome.UNKNOWN)
    assert (phase(desk), desk.child().breaker.again_ns) == (OPEN, desk.now_ns + PAUSES_S[1] * S)
