"""Orders that an earlier day left open: positions tell what they filled, absence from the new book tells nothing."""

import pytest
from msgspec.structs import replace

from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import ChildResynced, Flattened, Outcome
from engine.model import BookStatus, Side
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, LOT, Desk, instrument
from tests.unit.core.nights import hold_at_broker, jump, morning, order_of, pass_night, restart
from tests.unit.paper.builders import CALL, ns

S = 1_000_000_000


def unknown_entry(*, lots: int = 10) -> tuple[Desk, str]:
    """An entry of 3 lots whose outcome is not known when the process dies."""
    desk = Desk(filling=False)
    desk.buy(lots)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    return desk, desk.last().tag


def working_entry(*, filled: int = 0) -> tuple[Desk, str]:
    """An entry of 3 lots that works, with `filled` lots known, when the process dies."""
    desk = Desk(filling=False)
    desk.buy(10)
    report = desk.accept(desk.last())
    if filled:
        desk.advance(report, filled=filled * LOT, status=BookStatus.OPEN)
    return desk, desk.last().tag


def unknown_exit() -> tuple[Desk, str]:
    """3 lots held, their exit unknown when the process dies."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    return desk, desk.last().tag


def alarms(desk: Desk) -> list[str]:
    return [text for text in desk.notices() if "do not fit" in text]


def test_nothing_filled_ends_an_unknown_entry_as_absent() -> None:
    desk, tag = unknown_entry()
    restart(desk)
    order = order_of(desk, tag)
    desk.run(35)
    assert order.state is OrderState.ABSENT
    assert (desk.lots(), desk.target()) == (0, 0)
    assert reasons.NOT_FILLED_BY_THE_CLOSE in desk.reasons()


def test_nothing_filled_ends_a_working_entry_as_cancelled() -> None:
    desk, tag = working_entry(filled=1)
    restart(desk)
    order = order_of(desk, tag)
    desk.run(5)
    assert order.state is OrderState.CANCELLED
    assert (desk.lots(), desk.target()) == (1, 1)


@pytest.mark.parametrize(("held", "state"), [(3, OrderState.FILLED), (2, OrderState.CANCELLED)])
def test_what_the_positions_show_is_adopted(held: int, state: OrderState) -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = held * LOT
    restart(desk)
    order = order_of(desk, tag)
    desk.quote(CALL, "90")
    desk.run(5)
    assert order.state is state
    assert (desk.lots(), desk.target(), desk.child().external) == (held, held, {})
    assert any("price is not known" in text for text in desk.notices())
    desk.run(60)
    assert (desk.lots(), desk.child().external) == (held, {})


def test_working_entry_that_filled_on_is_adopted_from_what_was_known() -> None:
    desk, _ = working_entry(filled=1)
    desk.books["C1"].positions[CALL_LEG] = 3 * LOT
    restart(desk)
    desk.run(5)
    assert desk.lots() == 3


def test_owners_lots_from_before_the_night_are_not_adopted() -> None:
    desk = Desk(filling=False)
    desk.owner_trades(2)
    desk.run(40)
    assert desk.child().external == {CALL_LEG: 2 * LOT}
    desk.buy(10)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.books["C1"].positions[CALL_LEG] = 5 * LOT
    restart(desk)
    desk.run(5)
    assert (desk.lots(), desk.child().external) == (3, {CALL_LEG: 2 * LOT})


def test_one_read_proves_nothing() -> None:
    desk, tag = unknown_entry()
    restart(desk)
    assert order_of(desk, tag).state is OrderState.UNKNOWN
    desk.books["C1"].positions[CALL_LEG] = 3 * LOT  # the first read was old news
    desk.run("1.5")
    assert order_of(desk, tag).state is OrderState.UNKNOWN
    desk.run(3)
    assert desk.lots() == 3


def test_failed_reads_prove_nothing() -> None:
    desk, tag = unknown_entry()
    desk.silent.add("C1")
    restart(desk)
    desk.run(300)
    assert order_of(desk, tag).state is OrderState.UNKNOWN
    assert order_of(desk, tag).tag in desk.leg().orders


@pytest.mark.parametrize("held", [4, -1, 1.5])
def test_what_cannot_be_explained_is_held_and_never_called_the_owners(held: float) -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = int(held * LOT)
    restart(desk)
    desk.run(120)
    assert order_of(desk, tag).state is OrderState.HELD
    assert desk.lots() == 0
    assert desk.child().external == {}
    assert len(alarms(desk)) == 1
    text = alarms(desk)[0]
    assert all(part in text for part in (str(int(held * LOT)), "0 were known", "resync"))


def test_held_order_is_resolved_when_the_owner_puts_his_position_right() -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = 4 * LOT
    restart(desk)
    desk.run(10)
    desk.books["C1"].positions[CALL_LEG] = 3 * LOT
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="nobody"))
    desk.run(100)
    assert order_of(desk, tag).state is OrderState.FILLED
    assert desk.lots() == 3


def test_resync_takes_the_brokers_figure() -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = 4 * LOT
    restart(desk)
    desk.run(10)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(60)
    assert tag not in desk.leg().orders
    assert desk.child().external == {CALL_LEG: 4 * LOT}


def test_held_order_outlives_another_night() -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = 4 * LOT
    restart(desk)
    desk.run(10)
    restart(desk, day=4)
    desk.run(60)
    assert order_of(desk, tag).state is OrderState.HELD
    assert desk.child().external == {}


def test_exit_that_filled_over_night_is_not_sent_again() -> None:
    desk, tag = unknown_exit()
    desk.books["C1"].positions[CALL_LEG] = 0
    sent = len(desk.placed())
    restart(desk)
    order = order_of(desk, tag)
    desk.run(35)
    assert order.state is OrderState.FILLED
    assert (desk.lots(), len(desk.placed())) == (0, sent)


@pytest.mark.parametrize("held", [3, 1])
def test_rest_of_an_exit_is_sent_once_it_is_known(held: int) -> None:
    desk, tag = unknown_exit()
    desk.books["C1"].positions[CALL_LEG] = held * LOT
    sent = len(desk.placed())
    desk.filling = True
    restart(desk)
    order = order_of(desk, tag)
    assert len(desk.placed()) == sent
    desk.run(20)
    assert order.state in {OrderState.ABSENT, OrderState.CANCELLED}
    assert desk.placed()[sent:] == [(Side.SELL, held)]
    assert desk.lots() == 0


def test_exit_that_cannot_be_told_blocks_what_it_covers() -> None:
    """The owner is 2 lots short by now: nothing may make that more."""
    desk, tag = unknown_exit()
    desk.books["C1"].positions[CALL_LEG] = -2 * LOT
    sent = len(desk.placed())
    restart(desk)
    desk.run(60)
    assert order_of(desk, tag).state is OrderState.HELD
    assert len(desk.placed()) == sent


def test_no_entry_in_a_leg_that_is_not_resolved() -> None:
    desk, _ = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = 4 * LOT
    restart(desk)
    desk.run(10)
    desk.quote(CALL, "100")
    sent = len(desk.placed())
    desk.buy(10)
    desk.run(5)
    assert len(desk.placed()) == sent
    assert reasons.EARLIER_DAY in desk.reasons()


def test_order_that_the_book_still_shows_is_taken_from_there() -> None:
    desk, tag = working_entry()
    report = next(iter(desk.books["C1"].orders.values()))
    pass_night(desk)
    desk.books["C1"].orders[report.order_id] = report
    restart(desk, slept=True)
    desk.run(30)
    assert order_of(desk, tag).state is OrderState.WORKING
    desk.advance(report, filled=2 * LOT, status=BookStatus.CANCELLED, push=False)
    order = order_of(desk, tag)
    desk.run(40)
    assert (order.state, order.filled, desk.lots()) == (OrderState.CANCELLED, 2 * LOT, 2)


def test_cancel_and_modify_are_not_asked_for_an_order_of_yesterday() -> None:
    desk, _ = working_entry()
    pass_night(desk)
    desk.books["C1"].positions[CALL_LEG] = 4 * LOT
    restart(desk)
    desk.run(5)
    desk.books["M"].positions.clear()
    desk.books["M"].overnight.clear()
    before = [type(c).__name__ for c in desk.out].count("CancelOrder")
    desk.run(20)
    assert [type(c).__name__ for c in desk.out].count("CancelOrder") == before


@pytest.mark.parametrize("first_read", ["01:00", "06:05"])
def test_book_that_was_emptied_in_the_night_proves_no_absence(first_read: str) -> None:
    """The entry filled after all; the account could be read again only when its broker's new day had begun."""
    desk = Desk(filling=False)
    jump(desk, ns("15:29:20"))
    desk.buy(10)
    place = desk.last()
    desk.silent.add("C1")
    desk.answer(place, Outcome.UNKNOWN)
    desk.advance(desk.accept(place, answered=False), push=False)
    pass_night(desk)
    if first_read == "01:00":
        desk.now_ns = ns("01:00", 3)
        desk.silent.clear()
        desk.run(700)
        assert order_of(desk, place.tag).state is OrderState.UNKNOWN
    desk.silent.clear()
    morning(desk, "09:20")
    desk.run(60)
    assert (desk.lots(), desk.child().external) == (3, {})
    desk.filling = True
    desk.sell(10)
    assert desk.books["C1"].positions[CALL_LEG] == 0


def test_unknown_order_is_resolved_for_a_process_that_ran_on() -> None:
    desk, tag = unknown_entry()
    jump(desk, ns("15:31"))
    morning(desk, "09:20")
    desk.run(60)
    assert tag not in desk.leg().orders if CALL_LEG in desk.child().legs else True
    assert desk.lots() == 0


def test_two_reads_close_together_prove_nothing() -> None:
    desk, tag = unknown_entry()
    desk.silent.add("C1")
    restart(desk)
    hold_at_broker(desk, 0, CALL_LEG)
    for wait, state in (("0", OrderState.UNKNOWN), ("0.4", OrderState.UNKNOWN), ("0.7", OrderState.ABSENT)):
        desk.run(wait)
        order = order_of(desk, tag)
        desk.read()
        assert order.state is state


def test_read_that_began_on_the_day_before_judges_nothing() -> None:
    desk, tag = unknown_entry()
    desk.now_ns = ns("15:35")
    early, later = desk.picture(), desk.picture()
    later = replace(later, began_ns=later.began_ns + 5 * S)
    desk.silent = {"C1"}
    morning(desk, "08:00")
    order = order_of(desk, tag)
    desk.deliver(early)
    desk.deliver(later)
    assert (order.state, desk.leg().night_read) == (OrderState.UNKNOWN, None)
    hold_at_broker(desk, 0, CALL_LEG)
    desk.read()
    assert desk.leg().night_read is not None


def test_order_that_the_broker_shows_open_before_the_market_waits_and_lives_on_at_the_open() -> None:
    desk, tag = working_entry()
    restart(desk, "08:30", slept=True)
    jump(desk, ns("08:40", 3))
    assert order_of(desk, tag).day == "2026-11-02"
    assert order_of(desk, tag).state is OrderState.WORKING
    jump(desk, ns("09:16", 3))
    assert order_of(desk, tag).day == "2026-11-03"
    assert order_of(desk, tag).state is OrderState.WORKING


def test_order_that_was_held_and_filled_nothing_after_all_is_withdrawn() -> None:
    desk, tag = unknown_entry()
    desk.books["C1"].positions[CALL_LEG] = 5 * LOT
    restart(desk)
    order = order_of(desk, tag)
    desk.run(5)
    assert (order.state, order.reason) == (OrderState.HELD, reasons.UNTOLD)
    desk.books["C1"].positions[CALL_LEG] = 0
    desk.run(70)
    assert (order.state, desk.lots(), desk.target()) == (OrderState.WITHDRAWN, 0, 0)


def test_flatten_does_not_wait_for_an_exit_that_is_held() -> None:
    desk, tag = unknown_exit()
    desk.books["C1"].positions[CALL_LEG] = 5 * LOT
    restart(desk)
    desk.run(5)
    assert order_of(desk, tag).state is OrderState.HELD
    sent = len(desk.placed())
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(3)
    assert desk.placed()[sent:] == [(Side.SELL, 3)]
    desk.fill(desk.last())
    desk.run(35)
    assert (desk.lots(), desk.child().external) == (0, {CALL_LEG: 2 * LOT})


def test_order_of_yesterday_is_not_judged_while_another_of_the_leg_lives_on_today() -> None:
    desk = Desk(filling=False)
    desk.load(tuple(instrument(i.symbol, freeze_units=2 * LOT) for i in INSTRUMENTS))
    desk.buy(10)
    living, gone = [desk.accept(place) for place in list(desk.unanswered)]
    pass_night(desk, keep_orders=True)
    del desk.books["C1"].orders[gone.order_id]
    restart(desk, slept=True)
    desk.run(5)
    assert (order_of(desk, living.tag).day, order_of(desk, gone.tag).day) == ("2026-11-03", "2026-11-02")
    assert (order_of(desk, gone.tag).state, desk.leg().night_read) == (OrderState.WORKING, None)
    desk.advance(living, filled=0, status=BookStatus.CANCELLED)
    desk.run(5)
    assert (gone.tag in desk.leg().orders, desk.lots(), desk.target()) == (False, 0, 0)


@pytest.mark.rule("R8.2")
@pytest.mark.parametrize(("left_out_s", "held"), [(20, 3), (40, 0)])
def test_entry_whose_position_no_answer_has_listed_yet_is_looked_for_half_a_minute(left_out_s: int, held: int) -> None:
    desk, _ = working_entry()
    restart(desk)
    desk.run(left_out_s)
    assert (desk.leg().orders == []) is (held == 0)
    hold_at_broker(desk, held * LOT, CALL_LEG)
    desk.run(5)
    assert (desk.lots(), desk.child().external) == (held, {})


def test_exit_whose_position_no_answer_has_listed_yet_has_not_filled() -> None:
    desk, tag = unknown_exit()
    sent = len(desk.placed())
    pass_night(desk)
    listed = desk.books["C1"].positions.pop(CALL_LEG)
    desk.filling = True
    restart(desk, slept=True)
    order = order_of(desk, tag)
    desk.run(20)
    assert (order.state, desk.lots()) == (OrderState.UNKNOWN, 3)
    hold_at_broker(desk, listed, CALL_LEG)
    desk.run(5)
    assert order.state is OrderState.ABSENT
    assert (desk.placed()[sent:], desk.lots()) == ([(Side.SELL, 3)], 0)


def test_position_that_was_listed_on_this_day_and_is_left_out_later_tells_nothing() -> None:
    desk, tag = working_entry()
    desk.silent.add("C1")
    hold_at_broker(desk, 3 * LOT, CALL_LEG)
    restart(desk)
    desk.read()
    listed = desk.books["C1"].positions.pop(CALL_LEG)
    for _ in range(5):
        desk.run(20)
        desk.read()
    assert order_of(desk, tag).state is OrderState.WORKING
    hold_at_broker(desk, listed, CALL_LEG)
    for _ in range(2):
        desk.run(2)
        desk.read()
    assert (desk.lots(), desk.child().external) == (3, {})


def test_what_is_not_listed_before_the_open_is_told_by_the_session_and_asked_for_no_oftener() -> None:
    desk, tag = working_entry()
    restart(desk, "08:00")
    before = len(desk.reads()), len(desk.reads("M"))
    desk.run(600)
    assert order_of(desk, tag).state is OrderState.WORKING
    assert max(len(desk.reads()) - before[0], len(desk.reads("M")) - before[1]) <= 12
    jump(desk, ns("09:15", 3))
    order = order_of(desk, tag)
    desk.run(29)
    waited = order.state
    desk.run(3)
    assert (waited, order.state) == (OrderState.WORKING, OrderState.CANCELLED)


def test_what_is_listed_before_the_open_is_told_by_two_reads() -> None:
    desk, tag = working_entry()
    hold_at_broker(desk, 3 * LOT, CALL_LEG)
    restart(desk, "08:00")
    order = order_of(desk, tag)
    desk.run(5)
    assert (order.state, desk.lots()) == (OrderState.FILLED, 3)
