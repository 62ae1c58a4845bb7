"""The turn of the day: what ends with it, what is carried on, and what the open waits for."""

from decimal import Decimal

import pytest

from config.schema import Account, Settings, Timing
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.replicator import Replicator
from engine.errors import BrokenInvariant
from engine.events import BackgroundAdopted, ChildResynced, DayBegan, Outcome, Paused, PromptAnswered, Resumed
from engine.model import BookStatus, Side
from state.codec import decode, decode_event, encode
from tests.unit.core.builders import ALL, CALL_LEG, ENTRIES, FREE, LOT, Book, Desk, child, settings
from tests.unit.core.nights import SESSIONS, jump, morning, pass_night, restart
from tests.unit.paper.builders import CALL, ns

S = 1_000_000_000


def opened(with_settings: Settings | None = None) -> Desk:
    """A desk whose child took 3 lots for the master's 10."""
    desk = Desk(with_settings)
    desk.buy(10)
    desk.run(3)
    return desk


def test_running_process_turns_to_the_new_day_as_a_start_does() -> None:
    running, restarted = opened(), opened()
    morning(running, "09:20")
    restart(restarted)
    running.run(5)
    restarted.run(5)
    for desk in (running, restarted):
        assert desk.state.day == "2026-11-03"
        assert (desk.lots(), desk.target(), desk.master_leg().units) == (3, 3, 650)
        assert desk.child().entries_today == 0
        assert not desk.state.orders
        assert not desk.state.copies
        assert desk.child().external == {}


def test_day_began_survives_the_journal() -> None:
    event = DayBegan(at_ns=1, day="2026-11-03", sessions=SESSIONS, charges=FREE)
    assert decode_event(encode(event)) == event


def test_the_same_day_again_changes_nothing() -> None:
    desk = opened()
    before = encode(desk.state.orders), encode(desk.state.copies)
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-02", sessions=SESSIONS, charges=FREE))
    assert (encode(desk.state.orders), encode(desk.state.copies)) == before


def test_yesterdays_book_that_is_still_shown_in_the_morning_is_no_news() -> None:
    """Some brokers clear their books only before the open; the same rows must not be followed a second time."""
    desk = opened()
    morning(desk, "06:01", keep_orders=True)
    assert desk.master_leg().units == 650
    pass_night(desk)
    jump(desk, ns("09:20", 3))
    desk.run(10)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.master_leg().units == 650
    assert not [text for text in desk.notices() if "counts as the owner's" in text]


def test_entry_that_still_waits_to_be_sent_at_the_close_is_missed_as_the_market_is_closed() -> None:
    desk = Desk(filling=False)
    jump(desk, ns("15:29:59"))
    desk.quote(CALL, "100")
    desk.buy(10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)  # tried again in a second
    jump(desk, ns("15:30:01"))
    assert (desk.lots(), desk.target(), desk.reasons()) == (0, 0, {reasons.MARKET_CLOSED})


def test_entry_that_was_not_decided_is_missed_for_good() -> None:
    """The window was open when the process died; a fill of the next day brings its own share only."""
    desk = Desk()
    desk.master(Side.BUY, 10)
    desk.core = Replicator(desk.core.state)
    restart(desk)
    desk.quote(CALL, "100")
    desk.run(5)
    assert desk.placed() == []
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.target() == 3


def test_queued_entry_of_yesterday_is_missed() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    tag = desk.last().tag
    morning(desk, "09:20")
    desk.run(40)
    assert len(desk.placed()) == 1
    assert tag not in desk.leg().orders
    assert desk.target() == 0
    assert desk.leg().lacking


def test_queued_exit_of_yesterday_is_sent_at_the_open() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.now_ns = ns("15:29") + 59 * S
    desk.run("0.5")
    desk.sell(10)
    desk.answer(desk.last(), Outcome.RATE_LIMITED)
    sent = len(desk.placed())
    jump(desk, ns("15:31"))
    assert len(desk.placed()) == sent, "nothing is sent with the market closed"
    morning(desk, "09:14")
    assert len(desk.placed()) == sent
    jump(desk, ns("09:15", 3) + 2 * S)
    assert desk.placed()[sent:] == [(Side.SELL, 3)]


def test_held_entry_of_yesterday_is_missed_with_its_reason_and_resync_offers_it() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.answer(desk.last(), Outcome.REJECTED, reason="margin")
    assert [o.state for o in desk.state.orders.values()] == [OrderState.HELD]
    morning(desk, "09:20")
    assert not desk.leg().orders
    assert desk.leg().skipped == reasons.refused("margin")
    desk.quote(CALL, "100")
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    assert [item.units for prompt in desk.state.prompts.values() for item in prompt.items] == [3 * LOT]


def test_question_of_an_exit_is_not_asked_again_after_the_night() -> None:
    desk = Desk(settings(confirm=ALL))
    desk.buy(10)
    desk.handle(PromptAnswered(at_ns=desk.now_ns, approve=True))
    desk.run(3)
    desk.sell(10)
    assert desk.state.prompts
    morning(desk, "09:14")
    desk.quote(CALL, "100")
    assert not desk.state.prompts
    jump(desk, ns("09:15", 3) + 2 * S)
    assert desk.lots() == 0


def test_question_of_an_entry_is_declined_by_the_night() -> None:
    desk = Desk(settings(confirm=ENTRIES))
    desk.buy(10)
    assert desk.state.prompts
    morning(desk, "09:20")
    assert not desk.state.prompts
    assert desk.target() == 0


# --- due exits at the open -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["C1", "M"])
def test_exit_waits_at_the_open_for_a_read_of_both_sides(side: str) -> None:
    desk = opened()
    jump(desk, ns("15:31"))
    desk.sell(10)
    assert desk.leg().due
    morning(desk, "09:14")
    desk.silent.add(side)
    jump(desk, ns("09:16", 3))
    assert desk.lots() == 3
    assert desk.leg().due_reason in {reasons.NOT_READ_SINCE_OPEN, reasons.MASTER_NOT_READ_SINCE_OPEN}
    desk.silent.clear()
    desk.run(45)
    assert desk.lots() == 0


def test_reads_are_asked_for_right_at_the_open() -> None:
    """Not with the next poll: polls may be a minute apart."""
    desk = opened(settings(timing=Timing(poll_interval_s=Decimal(60))))
    jump(desk, ns("15:31"))
    desk.sell(10)
    morning(desk, "09:14")
    jump(desk, ns("09:15", 3) + 2 * S)
    assert desk.lots() == 0


def test_exit_at_the_open_is_bounded_by_what_the_broker_has_by_then() -> None:
    desk = opened()
    jump(desk, ns("15:31"))
    desk.sell(10)
    morning(desk, "09:14")
    desk.books["C1"].positions[CALL_LEG] = LOT
    jump(desk, ns("09:16", 3))
    assert sum(lots for side, lots in desk.placed() if side is Side.SELL) == 1


def test_master_that_went_out_while_the_program_was_down_is_followed_in_the_morning() -> None:
    desk = opened()
    pass_night(desk)
    desk.books["M"].positions.clear()
    desk.books["M"].overnight.clear()
    restart(desk)
    desk.run(20)
    assert desk.lots() == 3  # a list that is not there yet looks the same
    desk.run(20)
    assert desk.lots() == 0
    assert desk.strategy().state.value in {"EXITING", "FLAT"}


def test_master_that_reduced_by_an_order_before_the_start_is_followed() -> None:
    desk = opened()
    pass_night(desk)
    desk.now_ns = ns("09:16", 3)
    desk.master(Side.SELL, 5, push=False)
    restart(desk, slept=True)
    desk.run(10)
    assert desk.lots() == 1


def test_entry_done_before_the_start_of_the_day_is_missed_however_fresh() -> None:
    desk = opened()
    pass_night(desk)
    desk.now_ns = ns("09:19", 3) + 55 * S
    desk.master(Side.BUY, 10, push=False)
    restart(desk, slept=True)
    desk.quote(CALL, "100")
    desk.run(60)
    assert desk.placed() == [(Side.BUY, 3)]
    assert reasons.BEFORE_START in desk.reasons()
    assert desk.master_leg().units == 20 * LOT


def test_orders_that_work_at_the_close_are_read_until_they_are_done() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    report = desk.accept(desk.last())
    jump(desk, ns("15:31"))
    desk.advance(report, filled=LOT, status=BookStatus.CANCELLED, push=False)
    desk.run(10)
    assert desk.lots() == 1
    assert not desk.leg().orders


def test_state_of_a_new_day_can_be_written_and_read() -> None:
    desk = opened()
    morning(desk, "09:20")
    assert decode(encode(desk.state), type(desk.state)) == desk.state


def test_slow_polls_are_no_silence() -> None:
    """Red before: with polls a minute apart every poll called the master silent."""
    desk = opened(settings(child(), timing=Timing(poll_interval_s=Decimal(60))))
    desk.run(300)
    assert not [text for text in desk.notices() if "no complete read of the master" in text]
    desk.silent.add("M")
    desk.run(300)
    assert [text for text in desk.notices() if "no complete read of the master" in text]


def test_row_of_ours_in_yesterdays_book_is_not_called_the_owners() -> None:
    desk = opened()
    morning(desk, "06:10", keep_orders=True)
    desk.handle(ChildResynced(at_ns=desk.now_ns, child="C1"))
    desk.run(3)
    assert not [text for text in desk.notices() if "carries our mark" in text]
    assert desk.child().foreign_orders == {}


def test_reason_of_what_is_missing_is_still_told_after_the_night() -> None:
    desk = opened()
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    desk.handle(Resumed(at_ns=desk.now_ns))
    morning(desk, "09:20")
    assert [(skip.child, skip.symbol, skip.reason) for skip in desk.state.skips.values()] == [
        ("C1", CALL, reasons.PAUSED)
    ]


def test_another_master_account_is_refused_while_a_strategy_is_open() -> None:
    desk = opened()
    other = settings(master=Account(id="M2", broker="paper"))
    with pytest.raises(BrokenInvariant, match="configure the old master until everybody is flat"):
        restart(desk, with_settings=other)
    assert desk.state.master.account == "M"


def test_another_master_account_starts_with_its_own_margins_and_holdings() -> None:
    desk = Desk()
    desk.books["M2"] = Book(
        available_inr=Decimal(500_000), positions={CALL_LEG: 4 * LOT}, overnight={CALL_LEG: 4 * LOT}
    )
    desk.restart(with_settings=settings(master=Account(id="M2", broker="paper")))
    desk.run(3)
    assert (desk.state.master.account, desk.master_leg().background_units) == ("M2", 4 * LOT)
    assert list(desk.state.samples) == ["M2", "C1"]


def test_order_on_its_way_when_the_day_turns_is_not_known_in_the_morning() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    order = desk.order(desk.last())
    assert order.state is OrderState.SENT
    desk.handle(DayBegan(at_ns=desk.now_ns, day="2026-11-03", sessions=SESSIONS, charges=FREE))
    assert (order.state, order.day) == (OrderState.UNKNOWN, "2026-11-02")
    assert desk.leg().orders == [order.tag]


def test_child_that_is_no_longer_configured_sends_nothing() -> None:
    """Not the exit either that waited to be sent again when the process died."""
    desk = Desk(settings(child(), child("C2")))
    desk.buy(10)
    desk.run(3)
    desk.filling = False
    desk.sell(10)
    refused = next(p for p in desk.unanswered if p.account == "C2")
    desk.answer(refused, Outcome.RATE_LIMITED)
    sent = len(desk.placed("C2"))
    desk.restart(with_settings=settings(child()))
    desk.run(20)
    assert len(desk.placed("C2")) == sent
    desk.restart(with_settings=settings(child(), child("C2")))
    desk.run(20)
    assert len(desk.placed("C2")) == sent + 1


def test_another_master_ends_the_questions_about_the_old_one() -> None:
    desk = Desk(background={CALL_LEG: 10 * LOT})
    desk.handle(BackgroundAdopted(at_ns=desk.now_ns, symbol=CALL))
    assert desk.state.prompts
    desk.books["M2"] = Book(available_inr=Decimal(1_000_000))
    desk.restart(with_settings=settings(master=Account(id="M2", broker="paper")))
    assert not desk.state.prompts
    desk.run(60)
    assert desk.state.armed


@pytest.mark.rule("R3.5")
def test_carried_position_that_an_answer_leaves_out_later_is_unknown_and_not_gone() -> None:
    desk = opened()
    morning(desk, "09:20")
    assert desk.books["M"].overnight, "the morning's reads have shown what was carried"
    kept = dict(desk.books["M"].positions)
    desk.books["M"].positions.clear()
    desk.run(300)
    assert desk.lots() == 3
    assert any("positions say 0, the order book 650: unknown" in text for text in desk.notices())
    desk.books["M"].positions.update(kept)
    desk.run(60)
    assert not desk.state.master.unexplained
    desk.sell(10)
    desk.run(5)
    assert desk.lots() == 0


def test_position_of_a_child_that_an_answer_leaves_out_later_is_not_closed_by_hand() -> None:
    desk = opened()
    morning(desk, "09:20")
    kept = dict(desk.books["C1"].positions)
    desk.books["C1"].positions.clear()
    desk.run(300)
    assert desk.lots() == 3
    desk.books["C1"].positions.update(kept)
    desk.run(60)
    assert desk.leg().suspicion is None
    desk.sell(10)
    desk.run(5)
    assert (desk.lots(), desk.placed()) == (0, [(Side.BUY, 3), (Side.SELL, 3)])


def gone_while_down(desk: Desk, account: str) -> None:
    """A day on which the program saw what was carried, and then somebody sold while it was down."""
    morning(desk, "09:20")
    desk.books[account].positions.clear()
    restart(desk, "09:20", day=4)


def test_master_who_went_out_on_a_day_that_was_seen_in_part_is_followed_on_the_next() -> None:
    desk = opened()
    gone_while_down(desk, "M")
    desk.run(60)
    assert desk.lots() == 0


def test_lots_that_the_owner_closed_while_the_program_was_down_are_believed_soon() -> None:
    desk = opened()
    gone_while_down(desk, "C1")
    desk.run(90)
    assert desk.lots() == 0


def test_rows_of_the_day_before_that_are_shown_before_the_open_say_nothing_of_what_was_carried() -> None:
    desk = opened()
    pass_night(desk)
    desk.books["C1"].positions[CALL_LEG] = 0
    restart(desk, "08:50", slept=True)
    desk.run(5)
    desk.books["C1"].positions.clear()
    jump(desk, ns("09:17", 3))
    desk.run(60)
    assert desk.lots() == 0


@pytest.mark.parametrize("account", ["M", "C1"])
def test_row_of_the_day_before_once_more_after_the_open_is_nothing_that_was_carried(account: str) -> None:
    desk = opened()
    pass_night(desk)
    desk.books[account].positions[CALL_LEG] = 0
    restart(desk, "09:15", slept=True)
    desk.run(1)
    desk.books[account].positions.clear()
    desk.run(120)
    assert desk.lots() == 0


@pytest.mark.parametrize("at", ["03:00", "08:00"])
def test_list_that_is_empty_before_the_open_takes_nothing_from_a_child(at: str) -> None:
    """Brokers empty positions and books at some time of the night, and list what is carried later."""
    desk = opened()
    morning(desk, at)
    kept = dict(desk.books["C1"].positions)
    desk.books["C1"].positions.clear()
    desk.run(900)
    assert (desk.lots(), desk.target()) == (3, 3)
    desk.books["C1"].positions.update(kept)
    jump(desk, ns("09:20", 3))
    desk.sell(10)
    desk.run(5)
    assert (desk.lots(), desk.placed()) == (0, [(Side.BUY, 3), (Side.SELL, 3)])


@pytest.mark.parametrize("account", ["M", "C1"])
def test_list_that_is_empty_in_the_first_seconds_of_the_day_is_not_believed(account: str) -> None:
    desk = opened()
    pass_night(desk)
    kept, books = dict(desk.books[account].positions), desk.books[account]
    books.positions = {}
    restart(desk, "09:15", slept=True)
    desk.run(20)
    books.positions = kept
    desk.run(60)
    assert (desk.lots(), desk.placed()) == (3, [(Side.BUY, 3)])
    desk.sell(10)
    desk.run(5)
    assert (desk.lots(), desk.placed()) == (0, [(Side.BUY, 3), (Side.SELL, 3)])


def test_list_that_stays_empty_is_believed_after_the_open() -> None:
    desk = opened()
    pass_night(desk)
    desk.books["C1"].positions = {}
    restart(desk, "08:00", slept=True)
    desk.run(600)
    assert desk.lots() == 3
    jump(desk, ns("09:15", 3))
    desk.run(90)
    assert (desk.lots(), desk.reasons()) == (0, {reasons.CLOSED_BY_HAND})


@pytest.mark.parametrize("before_s", range(0, 30, 5))
def test_half_a_minute_of_reads_that_agree_begins_with_the_market(before_s: int) -> None:
    """The list is not there yet before the open and in its first seconds, whenever the last read before it was."""
    desk = opened()
    pass_night(desk)
    kept = dict(desk.books["C1"].positions)
    desk.books["C1"].positions = {}
    restart(desk, "09:10", slept=True)
    desk.run(before_s)
    jump(desk, ns("09:15", 3))
    desk.run(25)
    assert desk.lots() == 3
    desk.books["C1"].positions = kept
    desk.run(60)
    assert desk.lots() == 3
