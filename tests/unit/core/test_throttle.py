"""Rate windows: what waits, what goes first, what survives a restart, and that no window of the broker is exceeded."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.order_limits import OrderLimits
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.settle import cancel
from engine.core.state import State
from engine.events import KillSwitched, Outcome, Paused
from engine.model import BookStatus, Side
from state.codec import decode, encode
from tests.unit.core.builders import INSTRUMENTS, LOT, PUT_LEG, Desk, S, child, instrument, settings, turn_of
from tests.unit.paper.builders import CALL, PUT


def limits(second: int = 100, minute: int = 1000, hour: int | None = None, day: int | None = None) -> OrderLimits:
    return OrderLimits(second=second, minute=minute, hour=hour, day_placements=day)


def desk_of(most: OrderLimits | None, *, filling: bool = True, lots: int = 1) -> Desk:
    """A desk whose orders are of `lots` lots at most, so that a decision makes many of them."""
    desk = Desk(filling=filling, limits=None if most is None else {"C1": most})
    desk.load(tuple(instrument(i.symbol, freeze_units=lots * LOT) for i in INSTRUMENTS))
    return desk


def placed_at(desk: Desk) -> list[int]:
    """Tenths of seconds since the first order was sent, of every order sent so far."""
    sent = [o.sent_ns for o in desk.state.orders.values() if o.sent_ns]
    return sorted((ns - min(sent)) * 10 // S for ns in sent)


def waiting(desk: Desk) -> list[str]:
    return [o.reason for o in desk.state.orders.values() if o.state is OrderState.QUEUED]


def test_account_without_limits_sends_everything_at_once() -> None:
    desk = desk_of(None)
    desk.buy(40)
    assert placed_at(desk) == [0] * 12


def test_entries_beyond_a_second_wait_and_all_go_once() -> None:
    desk = desk_of(limits(second=4))
    desk.buy(40)
    assert waiting(desk) == [reasons.RATE_WINDOW] * 9
    desk.run(5)
    assert placed_at(desk) == [0] * 3 + [10] * 3 + [20] * 3 + [30] * 3
    assert (desk.lots(), len(desk.placed())) == (12, 12)
    assert not [o.reason for o in desk.state.orders.values() if o.reason]


def test_write_counts_until_a_second_after_its_answer() -> None:
    desk = desk_of(limits(second=1), filling=False)
    desk.buy(10)
    desk.run("1.5")
    assert len(desk.placed()) == 1
    desk.fill(desk.last())
    desk.run("0.9")
    assert len(desk.placed()) == 1
    desk.run("0.1")
    assert len(desk.placed()) == 2


def test_write_that_nobody_answers_holds_its_place_no_longer_than_half_a_minute() -> None:
    desk = desk_of(limits(second=1), filling=False)
    desk.buy(10)
    desk.run("29.5")
    assert len(desk.placed()) == 1
    assert len(desk.child().traffic.under_way) == 1
    desk.run(1)
    assert desk.child().traffic.under_way == []


def test_exit_passes_where_entries_have_used_their_share() -> None:
    desk = desk_of(limits(second=4))
    desk.sell(10, symbol=PUT)
    desk.run(3)
    desk.buy(40)
    before = len(desk.placed())
    desk.buy(4, symbol=PUT)
    assert desk.placed()[before:] == [(Side.BUY, 1)]
    assert desk.lots(leg=PUT_LEG) == -2 < 0 < desk.lots() < 12


def test_exits_come_before_entries_when_the_window_frees() -> None:
    desk = desk_of(limits(second=4))
    desk.sell(20, symbol=PUT)
    desk.run(5)
    desk.buy(40)
    sent = len(desk.placed())
    desk.buy(20, symbol=PUT)
    desk.run(2)
    legs = [p.symbol for p in desk.commands(PlaceOrder)][sent:]
    assert legs[:6] == [PUT] * 6
    desk.run(10)
    assert (desk.lots(leg=PUT_LEG), desk.lots()) == (0, 12)


def test_selling_exits_come_before_entries_once_they_wait_for_no_buys() -> None:
    desk = desk_of(limits(second=4))
    desk.buy(20, symbol=PUT)
    desk.run(5)
    desk.buy(80)
    sent = len(desk.placed())
    desk.sell(20, symbol=PUT)
    desk.run("4.9")
    sides = [p.side for p in desk.commands(PlaceOrder)][sent:]
    first = sides.index(Side.SELL)
    assert sides[first : first + 5] == [Side.SELL] * 5


def test_minute_and_hour_windows_hold_too() -> None:
    desk = desk_of(limits(minute=10, hour=15))
    desk.sell(60)
    assert len(desk.placed()) == 9
    desk.run(20)
    desk.buy(60)  # 9 exits, of which the minute takes one now; the 9 entries that wait are withdrawn
    assert len(desk.placed()) == 10
    desk.run(100)
    assert len(desk.placed()) == 15
    desk.run(3500)
    assert (len(desk.placed()), desk.lots()) == (18, 0)


def test_entry_that_waits_too_long_is_stale_and_missed() -> None:
    desk = desk_of(limits(minute=4))
    desk.buy(40)
    desk.run(62)
    assert len(desk.placed()) == 4
    assert reasons.STALE_SIGNAL in desk.reasons()
    assert desk.target() == 4


def test_entry_that_waited_is_judged_anew_before_it_goes() -> None:
    desk = desk_of(limits(second=4))
    desk.buy(40)
    desk.quote(CALL, "150")
    desk.run(5)
    assert len(desk.placed()) == 3
    assert desk.target() == 3
    assert reasons.PRICE_BAND in desk.reasons() or reasons.SLIPPAGE in desk.reasons()


def test_window_survives_a_restart() -> None:
    desk = desk_of(limits(minute=10))
    desk.sell(100)
    assert len(desk.placed()) == 9
    desk.core = type(desk.core)(decode(encode(desk.state), State))
    desk.restart()
    desk.run(2)
    desk.sell(10, symbol=PUT)
    desk.run(2)
    assert len(desk.placed()) == 9


def test_write_without_answer_counts_after_a_restart() -> None:
    desk = desk_of(limits(minute=1), filling=False)
    desk.buy(10)
    desk.run(20)
    desk.restart()
    desk.run(30)
    assert len(desk.placed()) == 1
    assert desk.child().traffic.under_way == []
    assert len(desk.child().traffic.ended_ns) == 1


# Cancels and modifications


def resting_exit(most: OrderLimits) -> tuple[Desk, PlaceOrder]:
    """A short of 3 lots whose exit rests at the broker."""
    desk = desk_of(most, lots=10)
    desk.sell(10)
    desk.run(61)
    desk.filling = False
    desk.buy(10)
    order = desk.last()
    desk.accept(order)
    return desk, order


def working_entry(most: OrderLimits) -> tuple[Desk, PlaceOrder]:
    """An entry of 3 lots that rests at the broker, the second's window full."""
    desk = desk_of(most, filling=False, lots=10)
    desk.buy(10)
    order = desk.last()
    desk.accept(order)
    return desk, order


def test_cancel_that_must_wait_is_sent_once_when_it_may() -> None:
    desk, order = working_entry(limits(second=1))
    desk.sell(10)
    assert desk.commands(CancelOrder) == []
    assert len(desk.child().traffic.changes) == 1
    desk.run("0.6")
    assert desk.commands(CancelOrder) == []
    desk.run("0.5")
    assert [c.tag for c in desk.commands(CancelOrder)] == [order.tag]
    desk.answer(desk.commands(CancelOrder)[0], Outcome.ACKED)
    desk.run(3)
    assert len(desk.commands(CancelOrder)) == 1


def test_waiting_cancel_is_in_the_state_and_sent_once_after_a_restart() -> None:
    desk, order = working_entry(limits(second=1))
    desk.sell(10)
    desk.core = type(desk.core)(decode(encode(desk.state), State))
    desk.restart()
    desk.run(3)
    assert [c.tag for c in desk.commands(CancelOrder)] == [order.tag]


def test_waiting_cancel_of_an_order_that_filled_meanwhile_is_dropped() -> None:
    desk, order = working_entry(limits(second=1))
    desk.sell(10)
    desk.filling = True
    desk.advance(desk.books["C1"].orders[desk.order(order).order_id])
    desk.run(5)
    assert desk.commands(CancelOrder) == []
    assert desk.lots() == 0


def test_modification_waits_for_the_window_and_gives_way_to_a_cancel() -> None:
    desk, order = resting_exit(limits(second=1, minute=3))
    for number in (1, 2):
        desk.run(5)
        assert len(desk.commands(ModifyOrder)) == number
        desk.answer(desk.commands(ModifyOrder)[-1], Outcome.ACKED)
    desk.run(30)
    assert len(desk.commands(ModifyOrder)) == 2
    assert [type(c) for c in desk.child().traffic.changes] == [ModifyOrder]
    desk.sell(10)  # he is in again: the exit is not wanted any more
    desk.push(desk.report(Side.BUY, 3, id_=desk.order(order).order_id, filled=3, tag=order.tag))
    desk.run(40)
    assert len(desk.commands(ModifyOrder)) == 2
    assert desk.child().traffic.changes == []


def test_cancel_takes_the_place_of_a_modification_that_waits() -> None:
    desk, order = resting_exit(limits(second=1, minute=1))
    desk.run(5)
    assert [type(c) for c in desk.child().traffic.changes] == [ModifyOrder]
    turn = turn_of(desk.state)
    cancel(turn, desk.order(order))
    cancel(turn, desk.order(order))
    assert [type(c) for c in desk.child().traffic.changes] == [CancelOrder]
    desk.run(65)
    assert (len(desk.commands(ModifyOrder)), len(desk.commands(CancelOrder))) == (0, 1)


def test_waiting_modification_is_dropped_when_everything_is_killed() -> None:
    desk, _ = resting_exit(limits(second=1, minute=1))
    desk.run(4)
    assert [type(c) for c in desk.child().traffic.changes] == [ModifyOrder]
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.run(70)
    assert desk.commands(ModifyOrder) == []


def waiting_move() -> tuple[Desk, PlaceOrder]:
    """An entry of 3 lots whose move to the market waits for the window."""
    desk, order = working_entry(limits(second=1, minute=1))
    desk.quote(CALL, "100.5")
    desk.run(5)
    assert [type(c) for c in desk.child().traffic.changes] == [ModifyOrder]
    return desk, order


def test_move_of_an_entry_that_waited_goes_when_the_window_frees() -> None:
    desk, order = waiting_move()
    desk.run(65)
    assert [c.tag for c in desk.commands(ModifyOrder)][:1] == [order.tag]


def test_move_of_an_entry_that_waited_does_not_go_when_entries_are_paused() -> None:
    desk, _ = waiting_move()
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.run(70)
    assert desk.commands(ModifyOrder) == []


def test_move_of_a_short_that_waited_does_not_go_beside_a_leg_that_is_missing_meanwhile() -> None:
    desk = desk_of(limits(minute=2), filling=False, lots=10)
    desk.sell(10)
    desk.accept(desk.last())
    desk.quote(CALL, "99.5")
    desk.sell(10, symbol=PUT)
    desk.fill(desk.last())
    desk.run("58.5")
    assert [type(c) for c in desk.child().traffic.changes] == [ModifyOrder]
    desk.leg(leg=PUT_LEG).lacking = True
    desk.run(70)
    assert desk.commands(ModifyOrder) == []


def test_move_of_an_entry_that_waited_does_not_go_beside_one_that_is_being_cancelled() -> None:
    desk = desk_of(limits(second=100, minute=3), filling=False)
    desk.buy(10)
    for order in desk.commands(PlaceOrder):
        desk.accept(order)
    desk.quote(CALL, "100.5")
    desk.run(5)
    assert len(desk.child().traffic.changes) == 3
    desk.sell(5)
    desk.run(57)
    assert (len(desk.commands(CancelOrder)), desk.commands(ModifyOrder)) == (2, [])


# The day


@pytest.mark.rule("R9.2")
def test_last_tenth_of_the_day_is_for_exits() -> None:
    desk = desk_of(limits(day=20))
    desk.sell(100)
    assert len(desk.placed()) == 18
    assert desk.reasons() == {reasons.DAILY_BUDGET}
    assert desk.target() == -18
    desk.buy(20)
    assert len(desk.placed()) == 20
    desk.run(3)
    assert len(desk.placed()) == 20
    assert waiting(desk) == [reasons.DAY_USED_UP] * 2
    assert sum("used up" in text for text in desk.notices()) == 1


def test_budget_counts_what_is_queued() -> None:
    desk = desk_of(limits(second=4, day=20))
    desk.buy(40)
    desk.buy(40, symbol=PUT)
    desk.run(15)
    assert len(desk.placed()) == 18
    assert (desk.lots(), desk.lots(leg=PUT_LEG)) == (12, 6)


def test_new_day_has_a_new_budget() -> None:
    desk = desk_of(limits(day=20))
    desk.sell(60)
    desk.buy(60)
    desk.now_ns += 24 * 3600 * S  # the process was down
    for account in ("M", "C1"):
        desk.books[account].orders.clear()
        desk.books[account].positions.clear()
    desk.restart(day=3)
    desk.load(tuple(instrument(i.symbol, freeze_units=LOT) for i in INSTRUMENTS))
    for listed in INSTRUMENTS:
        desk.quote(listed.symbol, "100")
    desk.run(40)
    before = len(desk.placed())
    desk.sell(100)
    assert 15 <= len(desk.placed()) - before <= 18


@pytest.mark.rule("R9.2")
def test_orders_of_the_owner_count_toward_the_day() -> None:
    desk = desk_of(limits(day=20))
    for number in range(17):
        row = desk.report(Side.BUY, 1, id_=f"OWN{number}", symbol=PUT, filled=0, status=BookStatus.REJECTED)
        desk.book(row, "C1")
    desk.read()
    desk.sell(40)
    assert len(desk.placed()) == 1
    assert desk.reasons() == {reasons.DAILY_BUDGET}


def test_rows_of_the_book_count_when_our_own_count_is_lost() -> None:
    desk = desk_of(limits(day=20))
    desk.sell(30)
    desk.read()
    desk.child().traffic.placed = 0
    desk.sell(60)
    assert len(desk.placed()) == 18


def test_changes_do_not_count_toward_the_day() -> None:
    desk, order = working_entry(limits(day=10))
    desk.sell(10)
    assert len(desk.commands(CancelOrder)) == 1
    assert desk.order(order).cancelling_ns
    assert desk.child().traffic.placed == 1


def test_children_have_windows_of_their_own() -> None:
    desk = Desk(settings(child(), child("C2")), limits={"C1": limits(second=2)})
    desk.load(tuple(instrument(i.symbol, freeze_units=LOT) for i in INSTRUMENTS))
    desk.buy(20)
    assert (len(desk.placed()), len(desk.placed("C2"))) == (2, 6)
    desk.run(6)
    assert desk.lots() == desk.lots("C2") == 6


@pytest.mark.parametrize("figure", ["second", "minute", "hour", "day_placements"])
def test_limit_below_one_is_no_limit_to_have(figure: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        OrderLimits(**{"second": 1, "minute": 1, figure: 0})


@given(
    st.lists(
        st.tuples(st.sampled_from(["buy", "sell", "exit"]), st.integers(1, 30), st.integers(0, 1500)),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.integers(1, 2500), min_size=1, max_size=9),
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_no_window_of_the_brokers_clock_is_exceeded_whatever_the_latencies(
    trades: list[tuple[str, int, int]], latencies_ms: list[int]
) -> None:
    most = limits(second=4, minute=25)
    desk = desk_of(most, filling=False)
    writes: list[tuple[int, int]] = []
    under_way: list[tuple[int, int, PlaceOrder | CancelOrder | ModifyOrder]] = []
    seen = 0

    def pump(until_ns: int) -> None:
        nonlocal seen
        while True:
            for command in desk.out[seen:]:
                if isinstance(command, PlaceOrder | CancelOrder | ModifyOrder):
                    latency_ns = latencies_ms[len(writes) % len(latencies_ms)] * S // 1000
                    writes.append((desk.now_ns, desk.now_ns + latency_ns))
                    under_way.append((desk.now_ns + latency_ns, len(writes), command))
            seen = len(desk.out)
            due = min((t for t, _, _ in under_way), default=until_ns + 1)
            next_ns = min(due, desk.core.next_due_ns or until_ns + 1)
            if next_ns > until_ns:
                desk.now_ns = until_ns
                return
            desk.run_to(next_ns)
            for item in sorted(u for u in under_way if u[0] <= desk.now_ns):
                under_way.remove(item)
                command = item[2]
                if isinstance(command, PlaceOrder):
                    desk.fill(command)
                else:
                    desk.answer(command, Outcome.REJECTED, reason="done")

    for what, lots, pause_ms in trades:
        symbol = CALL if what == "buy" else PUT
        side = Side.BUY if what in ("buy", "exit") else Side.SELL
        desk.master(side, lots, symbol=symbol)
        pump(desk.now_ns + pause_ms * S // 1000)
    pump(desk.now_ns + 90 * S)
    for span_ns, allowed in ((S, most.second), (60 * S, most.minute)):
        for sent_ns, _ in writes:
            reach = [1 for sent, answered in writes if sent <= sent_ns and answered > sent_ns - span_ns]
            assert len(reach) <= allowed
