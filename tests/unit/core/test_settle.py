"""From a target to withdrawals, cancels and exits; the few things that stop an exit."""

from engine.commands import CancelOrder, PlaceOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import Flattened, HandedOver, KillSwitched, Outcome, PromptAnswered
from engine.model import BookStatus, Side
from tests.unit.core.builders import ALL, CALL_LEG, HEDGE, HEDGE_LEG, INSTRUMENTS, LOT, Desk, S, instrument, settings
from tests.unit.core.nights import pass_night, restart
from tests.unit.paper.builders import ns


def held(*, filling: bool = True) -> Desk:
    desk = Desk(filling=filling)
    desk.buy(10)
    if not filling:
        desk.fill(desk.last())
    desk.run(3)
    return desk


def test_many_signals_for_one_reduction_make_one_exit() -> None:
    desk = held(filling=False)
    desk.sell(10, id_="M9")
    for _ in range(3):
        desk.push(desk.books["M"].orders["M9"], "M")
        desk.read("M")
        desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_working_entry_above_the_target_is_cancelled_before_anything_else() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    report = desk.accept(desk.last())
    desk.sell(10)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    assert desk.placed() == [(Side.BUY, 3)]
    desk.advance(report, filled=LOT, status=BookStatus.CANCELLED)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 1)]


def test_entry_that_is_not_answered_yet_is_cancelled_as_soon_as_it_works() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.sell(10)
    assert desk.commands(CancelOrder) == []
    report = desk.accept(desk.last())
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]


def test_unknown_entry_counts_as_possibly_filled_and_is_exited_when_it_was() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.sell(10)
    desk.advance(desk.accept(place, answered=False))
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_what_fills_late_is_exited_without_a_prompt() -> None:
    desk = Desk(settings(confirm=ALL), filling=False)
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.sell(10)
    desk.advance(desk.accept(desk.last()))
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_hedge_rounds_up_while_the_short_is_open() -> None:
    desk = Desk()
    desk.buy(10, symbol=HEDGE)
    desk.sell(10)
    desk.run(3)
    desk.sell(5, symbol=HEDGE)
    desk.buy(5)
    assert (desk.lots(leg=HEDGE_LEG), desk.lots()) == (2, -1)


def test_master_out_means_child_out_of_an_odd_lot_too() -> None:
    desk = held()
    desk.child().legs[CALL_LEG].allocation_units = 190
    desk.books["C1"].positions[CALL_LEG] = desk.child().positions[CALL_LEG] = 190
    desk.child().own_fills = []
    desk.sell(10)
    assert [p.quantity for p in desk.commands(type(desk.last()))][1:] == [190]


def test_exit_is_sliced_below_the_freeze() -> None:
    desk = held()
    desk.load((instrument(freeze_units=130),))
    desk.sell(10)
    assert desk.placed()[1:] == [(Side.SELL, 2), (Side.SELL, 1)]


def test_closed_market_keeps_an_exit_due_until_the_open() -> None:
    desk = held()
    desk.now_ns = ns("15:30")
    desk.master(Side.SELL, 10)
    assert desk.leg().due_reason == reasons.MARKET_CLOSED
    desk.now_ns = ns("09:14:57", 3)
    desk.books["M"].orders.clear()
    desk.restart(day=3)
    desk.run(2)
    assert desk.lots() == 3
    desk.run(2)
    assert (desk.lots(), desk.leg().due) == (0, False)


def test_kill_two_stops_exits_and_flatten_passes_it() -> None:
    desk = held()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.sell(10)
    desk.run(5)
    assert (desk.lots(), desk.leg().due_reason) == (3, reasons.KILLED)
    desk.handle(Flattened(at_ns=desk.now_ns))
    assert desk.lots() == 0


def test_kill_one_lets_exits_through() -> None:
    desk = held()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    desk.sell(10)
    assert desk.lots() == 0


def test_lifted_kill_sends_what_is_due() -> None:
    desk = held()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.sell(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=0))
    assert desk.lots() == 0


def test_exit_needs_a_read_in_this_process() -> None:
    desk = held()
    desk.silent.add("C1")
    desk.restart()
    desk.run(3)
    desk.sell(10)
    assert desk.leg().due_reason == reasons.NOT_READ
    desk.read()
    assert desk.lots() == 0


def test_cancel_that_changed_nothing_is_asked_again_after_five_seconds() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.accept(desk.last())
    desk.sell(10)
    desk.run("4.9")
    assert len(desk.commands(CancelOrder)) == 1


def test_exit_ignores_stale_quotes_slippage_and_rates() -> None:
    desk = held()
    desk.quote("NIFTY26NOV24500CE", "1", stale_at_ns=desk.now_ns - S)
    desk.sell(10)
    assert desk.lots() == 0


def test_finished_leg_starts_anew() -> None:
    desk = held()
    desk.sell(10)
    assert (desk.leg().sign, desk.leg().high_units, desk.leg().orders) == (0, 0, [])
    desk.sell(10)
    assert desk.lots() == -3


def test_withdrawn_order_was_never_at_the_broker() -> None:
    desk = Desk(filling=False)
    desk.master(Side.BUY, 10, symbol=HEDGE)
    desk.sell(10)
    queued = desk.state.orders[desk.leg().orders[0]]
    desk.buy(10)
    assert queued.state is OrderState.WITHDRAWN
    desk.fill(desk.last())
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)]


def test_part_of_an_exit_that_is_approved_while_it_is_blocked_is_not_sent() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    desk.sell(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True, shown={f"C1|{CALL_LEG}": -LOT}))
    assert (desk.lots(), desk.leg().due, desk.leg().exit_granted) == (3, True, False)
    assert desk.leg().orders == []


def test_exit_waits_until_it_is_known_what_an_order_of_yesterday_filled() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.advance(desk.accept(desk.last()), filled=LOT, status=BookStatus.OPEN)
    pass_night(desk)
    restart(desk, slept=True)
    desk.sell(10)
    assert (desk.leg().due_reason, desk.placed()) == (reasons.EARLIER_DAY, [(Side.BUY, 3)])
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 1)]


def test_hand_over_withdraws_what_was_not_sent() -> None:
    desk = held(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.NOT_SENT)
    order = desk.order(desk.last())
    desk.handle(HandedOver(at_ns=desk.now_ns))
    desk.run(10)
    assert (order.state, order.reason) == (OrderState.WITHDRAWN, reasons.HANDED_OVER)
    assert (len(desk.placed()), desk.lots(), desk.leg().orphaned_units) == (2, 0, 3 * LOT)


def replaced_exits() -> Desk:
    """Two exits of a lot each were called absent and sent again; the two new ones are not answered."""
    desk = Desk(filling=False)
    desk.load(tuple(instrument(i.symbol, freeze_units=LOT) for i in INSTRUMENTS))
    desk.buy(7)
    for place in list(desk.unanswered):
        desk.fill(place)
    desk.run(3)
    desk.sell(7)
    for place in list(desk.unanswered):
        desk.answer(place, Outcome.UNKNOWN)
    desk.run(140)
    assert desk.placed() == [(Side.BUY, 1)] * 2 + [(Side.SELL, 1)] * 4
    return desk


def test_replaced_exit_that_surfaces_filled_takes_back_one_of_its_successors_only() -> None:
    desk = replaced_exits()
    first, _, *again = [place for place in desk.commands(PlaceOrder) if place.side is Side.SELL]
    accepted = [desk.accept(place) for place in again]
    desk.advance(desk.accept(first, answered=False))
    assert [c.order_id for c in desk.commands(CancelOrder)] == [accepted[1].order_id]
    assert (desk.lots(), desk.order(again[0]).state) == (1, OrderState.WORKING)


def test_replaced_exit_that_surfaces_filled_withdraws_a_successor_that_was_not_sent() -> None:
    desk = replaced_exits()
    first, _, *again = [place for place in desk.commands(PlaceOrder) if place.side is Side.SELL]
    for place in again:
        desk.answer(place, Outcome.NOT_SENT)
    desk.advance(desk.accept(first, answered=False))
    assert [desk.order(place).state for place in again] == [OrderState.QUEUED, OrderState.WITHDRAWN]
    desk.run(5)
    assert desk.placed()[-1:] == [(Side.SELL, 1)]
    desk.fill(desk.last())
    desk.run(5)
    assert (desk.lots(), len(desk.placed())) == (0, 7)


# --- a cancel takes a whole order back, and the master sold less ------------------------------------------------------


def working() -> Desk:
    """An entry of 10 lots works."""
    desk = Desk(filling=False, margins={"C1": 1_000_000})
    desk.master(Side.BUY, 10)
    desk.run("0.3")
    desk.accept(desk.last())
    return desk


def test_what_a_cancel_took_back_beyond_a_reduction_is_sent_anew() -> None:
    desk = working()
    desk.master(Side.SELL, 1)
    desk.run("0.3")
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.run("0.3")
    assert (desk.placed(), desk.target(), desk.reasons()) == ([(Side.BUY, 10), (Side.BUY, 9)], 9, set())


def test_what_was_filled_of_it_before_counts() -> None:
    desk = working()
    report = desk.advance(desk.books["C1"].orders[desk.last_order().order_id], filled=4 * LOT, status=BookStatus.OPEN)
    desk.master(Side.SELL, 1)
    desk.run("0.3")
    desk.advance(report, filled=5 * LOT, status=BookStatus.CANCELLED)
    desk.run("0.3")
    assert (desk.placed(), desk.lots(), desk.target()) == ([(Side.BUY, 10), (Side.BUY, 4)], 5, 9)


def test_end_after_a_refused_cancel_is_somebody_elses() -> None:
    desk = working()
    desk.master(Side.SELL, 1)
    desk.run("0.3")
    cancel = desk.commands(CancelOrder)[-1]
    desk.answer(cancel, Outcome.REJECTED)
    desk.master(Side.BUY, 1)
    desk.run("0.3")
    desk.cancelled(cancel)
    desk.run(1)
    assert (desk.placed(), desk.reasons()) == ([(Side.BUY, 10)], {reasons.CANCELLED_AT_BROKER})


def test_what_a_cancel_took_back_is_missed_when_its_signal_is_old() -> None:
    desk = working()
    desk.master(Side.SELL, 1)
    desk.run(40)
    desk.cancelled(desk.commands(CancelOrder)[-1])
    desk.run(1)
    assert (desk.placed(), desk.target(), desk.reasons()) == ([(Side.BUY, 10)], 0, {reasons.STALE_SIGNAL})
