"""Child orders: tags, slices, and the order in which they are sent."""

import string
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.order_limits import OrderLimits
from config.schema import Mode, OnLegRefused, Risk
from engine.commands import PlaceOrder
from engine.core import orders, reasons, sending
from engine.core.lifecycle import OrderState
from engine.core.orders import new_copy
from engine.core.replicator import Replicator
from engine.core.sizing import slice_most
from engine.core.tags import is_our_tag
from engine.events import KillSwitched, LoggedIn, MaxCapitalSet, Outcome, Paused
from engine.model import Side, leg_id
from tests.unit.core.builders import (
    CALL_LEG,
    FUT_LEG,
    HEDGE,
    HEDGE_LEG,
    LOT,
    PUT_LEG,
    Desk,
    S,
    child,
    instrument,
    settings,
    turn_of,
)
from tests.unit.paper.builders import CALL, PUT, ns

ALPHABET = string.digits + string.ascii_uppercase


def tags(mode: Mode, day: str, child_number: int, count: int) -> list[str]:
    desk = Desk(settings(*(child(f"C{i}") for i in range(child_number + 1))), warm=False)
    desk.state.mode, desk.state.day = mode, day
    return [orders._next_tag(turn_of(desk.state), f"C{child_number}") for _ in range(count)]


def test_tags_are_unique_over_modes_days_children_and_intents() -> None:
    made = [
        tag
        for mode in Mode
        for day in ("2026-11-02", "2026-11-03", "2027-11-02", "2030-01-01")
        for number in (0, 1, 11)
        for tag in tags(mode, day, number, 50)
    ]
    assert len(set(made)) == len(made) == 2 * 4 * 3 * 50


def test_tag_has_fifteen_capitals_and_digits() -> None:
    for tag in tags(Mode.LIVE, "2026-11-02", 1, 40):
        assert len(tag) == 15
        assert set(tag) <= set(ALPHABET)
        assert is_our_tag(tag)


TAG = tags(Mode.PAPER, "2026-11-02", 0, 1)[0]


@pytest.mark.parametrize("length", range(15))
def test_tag_cut_short_is_not_ours(length: int) -> None:
    assert not is_our_tag(TAG[:length])


@given(position=st.integers(0, 14), other=st.sampled_from(ALPHABET))
def test_tag_with_one_character_altered_is_not_ours(position: int, other: str) -> None:
    altered = TAG[:position] + other + TAG[position + 1 :]
    assert is_our_tag(altered) is (altered == TAG)


@pytest.mark.parametrize("tag", ["", TAG + "0", " " + TAG, TAG.lower(), "LK" + "0" * 12, "amo", "LS2B1C1N7Q"])
def test_tag_of_somebody_else_is_not_ours(tag: str) -> None:
    assert not is_our_tag(tag)


@pytest.mark.parametrize(
    ("what", "freeze", "lots", "slices"),
    [
        ("no freeze quantity", None, 100, [100]),
        ("exactly the freeze quantity", 10 * LOT, 10, [10]),
        ("a lot more", 10 * LOT, 11, [10, 1]),
        ("a unit below a whole lot is not used", 10 * LOT - 1, 10, [9, 1]),
        ("many", 3 * LOT, 10, [3, 3, 3, 1]),
        ("a freeze quantity below one lot still sends lots", 10, 2, [1, 1]),
    ],
)
def test_orders_are_sliced_in_whole_lots_below_the_freeze(
    what: str, freeze: int | None, lots: int, slices: list[int]
) -> None:
    desk = Desk(filling=False)
    desk.load((instrument(freeze_units=freeze),))
    turn = turn_of(desk.state)
    copy = new_copy(turn, CALL_LEG, Side.BUY, entry=True, signal_ns=desk.now_ns)
    listed = instrument(freeze_units=freeze)
    leg = turn.child_leg(desk.child(), CALL_LEG)
    orders.make_orders(turn, desk.child(), leg, listed, Side.BUY, lots * LOT, entry=True, copy=copy)
    made = [desk.state.orders[tag] for tag in leg.orders]
    assert [order.units // LOT for order in made] == slices, what
    assert [order.slice for order in made] == list(range(len(slices)))
    assert copy.tags == leg.orders == desk.state.queue
    most = slice_most(listed)
    assert most is None or all(order.units <= most for order in made)


def test_odd_remainder_goes_out_with_the_last_slice() -> None:
    desk = Desk()
    turn = turn_of(desk.state)
    copy = new_copy(turn, CALL_LEG, Side.SELL, entry=False, signal_ns=0)
    leg = turn.child_leg(desk.child(), CALL_LEG)
    listed = instrument(freeze_units=130)
    orders.make_orders(turn, desk.child(), leg, listed, Side.SELL, 295, entry=False, copy=copy)
    assert [desk.state.orders[tag].units for tag in leg.orders] == [130, 130, 35]


def test_only_entries_count_in_the_rate() -> None:
    desk = Desk()
    desk.buy(10)
    desk.sell(10)
    assert desk.child().entries_today == 1


def test_buys_go_before_sells_and_exits_before_entries() -> None:
    """All decided while the child could not be read; then everything of one moment goes out in its rank."""
    desk = Desk()
    desk.sell(10, symbol=CALL)
    desk.buy(10, symbol=PUT)
    desk.run(3)
    turn = turn_of(desk.state)
    sent = len(desk.commands(PlaceOrder))
    for leg, side, entry in (
        (FUT_LEG, Side.SELL, True),
        (PUT_LEG, Side.SELL, False),
        (HEDGE_LEG, Side.BUY, True),
        (CALL_LEG, Side.BUY, False),
    ):
        copy = new_copy(turn, leg, side, entry=entry, signal_ns=desk.now_ns)
        record = turn.child_leg(desk.child(), leg)
        record.sign = side.sign if entry else record.sign
        record.target_units = LOT if entry else record.target_units - LOT
        orders.make_orders(turn, desk.child(), record, instrument(HEDGE), side, LOT, entry=entry, copy=copy)
    sending.send_queue(turn)
    assert len(desk.commands(PlaceOrder)) == sent
    first = [c for c in turn.out if isinstance(c, PlaceOrder)]
    assert [(p.symbol, p.side) for p in first] == [(CALL, Side.BUY), (HEDGE, Side.BUY)]
    assert len(desk.state.queue) == 2, "sells wait for the buys of their underlying"


def test_sell_waits_for_the_buy_before_it_and_goes_when_it_is_filled() -> None:
    desk = Desk(filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10)
    assert desk.placed() == [(Side.BUY, 3)]
    desk.fill(desk.last())
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_selling_entry_is_held_when_the_buy_before_it_takes_too_long() -> None:
    desk = Desk(filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10)
    desk.run("2.9")
    sell = desk.state.orders[desk.leg().orders[0]]
    assert sell.state is OrderState.QUEUED
    desk.run("0.2")
    assert (sell.state, sell.reason) == (OrderState.HELD, reasons.WAITED_FOR_BUY)
    assert desk.placed() == [(Side.BUY, 3)]


def test_buy_of_later_goes_before_a_sell_that_waited_for_something_else() -> None:
    desk = Desk(filling=False)
    desk.sell(10)
    desk.buy(10, symbol=HEDGE)
    for _ in range(2):
        for place in desk.commands(PlaceOrder)[-2:]:
            desk.answer(place, Outcome.NOT_SENT)
        desk.run(3)
    assert desk.placed()[-2:] == [(Side.BUY, 3), (Side.SELL, 3)]


def test_nothing_is_entered_in_the_moment_in_which_a_strategy_is_left_for_a_sell_that_waited_too_long() -> None:
    desk = Desk(settings(risk=Risk(on_leg_refused=OnLegRefused.UNWIND)), filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10)
    [tag] = desk.leg().orders
    desk.now_ns = desk.state.now_ns = desk.state.orders[tag].wait_until_ns
    turn = turn_of(desk.state)
    copy = new_copy(turn, PUT_LEG, Side.BUY, entry=True, signal_ns=desk.now_ns)
    leg = turn.child_leg(desk.child(), PUT_LEG)
    leg.sign, leg.target_units = 1, LOT
    orders.make_orders(turn, desk.child(), leg, instrument(PUT), Side.BUY, LOT, entry=True, copy=copy)
    sending.send_queue(turn)
    assert desk.state.orders[tag].state is OrderState.HELD
    assert [command for command in turn.out if isinstance(command, PlaceOrder)] == []


def test_selling_exit_goes_on_when_the_buy_before_it_takes_too_long() -> None:
    desk = Desk(filling=False)
    desk.buy(10, symbol=PUT)
    desk.fill(desk.last())
    desk.run(3)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.run("0.3")
    desk.master(Side.SELL, 10, symbol=PUT)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    desk.run(3)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3), (Side.SELL, 3)]


def test_sell_does_not_wait_for_a_buy_of_another_child() -> None:
    desk = Desk(settings(child("C1"), child("C2")), filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.run("0.3")
    desk.fill(desk.last("C1"))
    desk.sell(10)
    assert desk.placed("C1") == [(Side.BUY, 3), (Side.SELL, 3)]
    assert desk.placed("C2") == [(Side.BUY, 3)]


def test_wait_for_buys_is_a_setting() -> None:
    desk = Desk(settings(risk=Risk(leg_wait_s=0)), filling=False)  # type: ignore[arg-type]  # zero is zero
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10)
    assert desk.state.orders[desk.leg().orders[0]].state is OrderState.HELD


@pytest.mark.parametrize("outcome", [Outcome.NOT_SENT, Outcome.RATE_LIMITED])
def test_write_proven_not_accepted_is_sent_again_after_the_book_was_read(outcome: Outcome) -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    first = desk.last()
    desk.silent.add("C1")
    desk.answer(first, outcome)
    assert desk.order(first).state is OrderState.QUEUED
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)], "no book was read since"
    desk.read()
    assert desk.commands(PlaceOrder) == [first, first], "the same intent with the same tag"
    desk.fill(first)
    assert desk.lots() == 3


def test_read_that_began_before_the_refusal_does_not_free_the_retry() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.silent.add("C1")
    old = desk.picture()
    desk.run("0.1")
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.run(2)
    desk.deliver(old)
    assert desk.placed() == [(Side.BUY, 3)]
    desk.read()
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]


def test_order_not_accepted_that_is_in_the_book_after_all_is_adopted_and_not_sent_again() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.silent.add("C1")
    desk.answer(place, Outcome.RATE_LIMITED)
    desk.advance(desk.accept(place, answered=False), push=False)
    desk.run(3)
    desk.read()
    assert desk.placed() == [(Side.BUY, 3)]
    assert (desk.order(place).state, desk.lots()) == (OrderState.FILLED, 3)


def test_exits_that_wait_to_be_sent_again_are_smaller_when_the_master_has_come_back() -> None:
    desk = Desk(filling=False)
    desk.buy(20)
    desk.run(1)
    desk.fill(desk.last())
    desk.run(2)
    desk.sell(5)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.sell(10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    assert desk.placed() == [(Side.BUY, 6), (Side.SELL, 2), (Side.SELL, 3)]
    desk.buy(10)
    desk.run(5)
    assert desk.target() == 4
    assert desk.placed()[3:] == [(Side.SELL, 2)]
    desk.fill(desk.last())
    desk.run(5)
    assert (desk.lots(), len(desk.placed())) == (4, 4)


def test_entry_that_is_never_accepted_is_given_up() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    for _ in range(40):
        for place in list(desk.unanswered):
            desk.answer(place, Outcome.RATE_LIMITED)
        desk.run(2)
    assert desk.order(desk.last()).state is OrderState.WITHDRAWN
    assert desk.target() == 0
    assert len(desk.placed()) <= 8


def test_exit_that_is_never_accepted_is_never_given_up() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    for _ in range(100):
        for place in list(desk.unanswered):
            desk.answer(place, Outcome.NOT_SENT)
        desk.run(2)
    assert desk.order(desk.last()).state in (OrderState.QUEUED, OrderState.SENT)
    assert len(desk.placed()) > 8


def test_queued_entry_is_given_up_by_the_kill_switch() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.silent.add("C1")
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    desk.run(5)
    desk.read()
    assert desk.order(desk.last()).state is OrderState.WITHDRAWN
    assert (desk.placed(), desk.target()) == ([(Side.BUY, 3)], 0)


def test_queued_entry_is_not_sent_again_when_its_signal_is_old() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.silent.add("C1")
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.run(35)
    desk.read()
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.reasons() == {reasons.STALE_SIGNAL}


def test_kept_decisions_are_bounded() -> None:
    desk = Desk()
    turn = turn_of(desk.state)
    for _ in range(orders.KEPT_COPIES + 5):
        new_copy(turn, CALL_LEG, Side.BUY, entry=True, signal_ns=S)
    assert len(desk.state.copies) == orders.KEPT_COPIES
    assert len({copy.id for copy in desk.state.copies}) == orders.KEPT_COPIES


@pytest.mark.parametrize(("stops", "reason"), [("paused", reasons.PAUSED), ("loss", reasons.DAILY_LOSS)])
def test_entry_that_waits_for_a_buy_does_not_go_when_entries_were_stopped(stops: str, reason: str) -> None:
    desk = Desk(filling=False)
    desk.master(Side.BUY, 10)
    desk.master(Side.SELL, 10, symbol=PUT)
    desk.run("0.3")
    assert desk.placed() == [(Side.BUY, 3)]
    if stops == "paused":
        desk.handle(Paused(at_ns=desk.now_ns))
    else:
        desk.child().loss_hit = True
    desk.fill(desk.last())
    desk.run(2)
    assert desk.placed() == [(Side.BUY, 3)]
    assert reason in desk.reasons()


def test_what_a_resend_is_cut_by_is_missed() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=Decimal(100_000)))
    desk.run(3)
    desk.fill(desk.last())
    assert (desk.lots(), desk.target()) == (1, 1)
    assert reasons.MAX_CAPITAL in desk.reasons()
    desk.handle(MaxCapitalSet(at_ns=desk.now_ns, child="C1", max_capital_inr=None))
    desk.buy(1)
    assert desk.placed() == [(Side.BUY, 3), (Side.BUY, 1)]


def test_entry_that_waits_in_a_rate_window_is_held_when_the_session_dies() -> None:
    desk = Desk(filling=False, limits={"C1": OrderLimits(second=1, minute=100, hour=None, day_placements=None)})
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    first = desk.unanswered[0]
    waiting = next(o for o in desk.state.orders.values() if o.state is OrderState.QUEUED)
    desk.answer(first, Outcome.NEEDS_LOGIN)
    desk.run(3)
    assert (waiting.state, waiting.reason) == (OrderState.HELD, reasons.LOGIN_REQUIRED)
    assert len(desk.placed()) == 1


def test_exit_that_waits_to_be_sent_again_stays_when_the_session_dies() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    for place in list(desk.unanswered):
        desk.fill(place)
    desk.run(3)
    desk.sell(10)
    exit_ = desk.order(desk.last())
    desk.answer(desk.last(), Outcome.NOT_SENT)
    desk.sell(10, symbol=PUT)
    desk.answer(desk.last(), Outcome.NEEDS_LOGIN)
    sent = len(desk.placed())
    desk.run(20)
    assert (exit_.state, len(desk.placed())) == (OrderState.QUEUED, sent)
    desk.handle(LoggedIn(at_ns=desk.now_ns, account="C1"))
    desk.run(5)
    assert len(desk.placed()) == sent + 2


def test_what_waits_to_be_sent_stays_when_the_calendar_does_not_cover_the_day() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    exit_ = desk.order(desk.last())
    desk.core = Replicator(desk.state)
    desk.start(sessions=())
    desk.load()
    desk.run(20)
    assert (exit_.state, len(desk.placed())) == (OrderState.QUEUED, 2)


def test_backoff_that_ends_near_the_square_off_waits_for_a_read_that_began_then() -> None:
    desk = Desk(filling=False)
    mis = leg_id("NFO", CALL, "MIS")
    bought = msgspec.structs.replace(desk.report(Side.BUY, 10, symbol=CALL, id_="X1"), product="MIS")
    desk.book(bought)
    desk.push(bought, "M")
    desk.run("0.3")
    desk.fill(desk.last())
    desk.run(3)
    desk.now_ns = ns("15:22") + 50 * S
    desk.run("9.5")
    desk.quote(CALL, "100")
    sold = msgspec.structs.replace(desk.report(Side.SELL, 10, symbol=CALL, id_="X2"), product="MIS")
    desk.book(sold)
    desk.push(sold, "M")
    desk.silent = {"C1"}
    desk.answer(desk.last(), Outcome.NOT_SENT)
    exit_ = desk.order(desk.last())
    early = desk.picture()
    desk.run(3)
    desk.deliver(early)
    desk.run(3)
    assert (exit_.state, len(desk.placed()), desk.leg(leg=mis).due) == (OrderState.QUEUED, 2, True)
    desk.read()
    desk.run(1)
    assert len(desk.placed()) == 3


@pytest.mark.parametrize("known", [True, False])
def test_resend_of_an_entry_needs_the_instrument_in_the_days_file(known: bool) -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    if not known:  # a process that went on at once, its file not loaded yet
        desk.state.instruments = {}
    desk.run(5)
    assert len(desk.placed()) == (2 if known else 1)
    assert (reasons.UNKNOWN_INSTRUMENT in desk.reasons()) is not known


def test_entry_that_comes_back_unsent_after_the_kill_is_not_sent_again() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    desk.answer(desk.last(), Outcome.NOT_SENT)
    desk.run(10)
    assert (len(desk.placed()), desk.target()) == (1, 0)
    assert reasons.KILLED in desk.reasons()


def test_entry_that_waits_when_the_owner_uses_up_the_days_orders_is_given_up() -> None:
    limit = OrderLimits(second=1, minute=100, hour=None, day_placements=20)
    desk = Desk(filling=False, limits={"C1": limit})
    desk.buy(10)
    desk.buy(10, symbol=PUT)
    for _ in range(20):
        desk.owner_trades(1, leg=HEDGE_LEG)
    desk.read()
    desk.run(3)
    assert len(desk.placed()) == 1
    assert reasons.DAILY_BUDGET in desk.reasons()


def test_intraday_entry_whose_backoff_ends_near_the_square_off_is_given_up() -> None:
    desk = Desk(filling=False)
    desk.now_ns = ns("15:22") + 45 * S
    desk.run(3)
    desk.quote(CALL, "100")
    bought = msgspec.structs.replace(desk.report(Side.BUY, 10, symbol=CALL, id_="X1"), product="MIS")
    desk.book(bought)
    desk.push(bought, "M")
    desk.run("0.3")
    for _ in range(4):
        if desk.unanswered:
            desk.answer(desk.last(), Outcome.NOT_SENT)
        desk.run(5)
    sent = len(desk.placed())
    assert 1 <= sent <= 3
    assert (reasons.SQUARE_OFF in desk.reasons(), desk.leg(leg=leg_id("NFO", CALL, "MIS")).target_units) == (True, 0)
