"""The daily loss limit: once, per child and over all, never guessed."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from config.rules import charge_rates
from config.schema import ChildFilters, ChildRisk, Copy, CopyAs, OnMaxLoss, Risk, Settings
from engine.commands import CancelOrder
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.events import LoggedIn
from engine.model import BookStatus, OrderReport, Side
from tests.unit.core.builders import LOT, PUT_LEG, Desk, S, child, quote_of, settings
from tests.unit.paper.builders import CALL, PUT

LIMIT = Decimal(1950)
"""Ten rupees on three lots of 65."""


def limited(policy: OnMaxLoss = OnMaxLoss.STOP_ENTRIES, *, own: bool = True) -> Settings:
    if own:
        return settings(
            child("C1", risk=ChildRisk(max_daily_loss_inr=LIMIT)), child("C2"), risk=Risk(on_max_loss=policy)
        )
    return settings(child("C1"), child("C2"), risk=Risk(on_max_loss=policy, max_daily_loss_inr=2 * LIMIT))


def held(with_settings: Settings | None = None) -> Desk:
    desk = Desk(with_settings)
    desk.buy(10)
    desk.run(2)
    return desk


@pytest.mark.parametrize(("price", "hit"), [("90.05", False), ("90", True)])
def test_limit_is_reached_exactly(price: str, hit: bool) -> None:
    desk = held(limited())
    desk.quote(CALL, price)
    desk.run(1)
    assert desk.child("C1").loss_hit is hit


def test_stop_entries_keeps_what_is_held_and_the_other_child_trades() -> None:
    desk = held(limited())
    desk.quote(CALL, "90")
    desk.run(1)
    desk.quote(CALL, "100")
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 6)
    assert reasons.DAILY_LOSS in desk.reasons("C1")


def test_exit_all_exits_that_child_completely_and_once() -> None:
    desk = held(limited(OnMaxLoss.EXIT_ALL))
    desk.quote(CALL, "90")
    desk.run(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 3)
    assert [side for side, _ in desk.placed("C1")] == [Side.BUY, Side.SELL]
    assert sum("daily loss limit of" in text for text in desk.notices()) == 1


@pytest.mark.parametrize(("policy", "lots"), [(OnMaxLoss.STOP_ENTRIES, 3), (OnMaxLoss.EXIT_ALL, 0)])
def test_limit_over_all_children_meets_all(policy: OnMaxLoss, lots: int) -> None:
    desk = held(limited(policy, own=False))
    desk.quote(CALL, "90")
    desk.run(3)
    assert desk.state.loss_hit
    assert (desk.lots("C1"), desk.lots("C2")) == (lots, lots)
    desk.quote(CALL, "100")
    desk.buy(10)
    assert (desk.lots("C1"), desk.lots("C2")) == (lots, lots)


def test_limit_does_not_stop_exits() -> None:
    desk = held(limited())
    desk.quote(CALL, "90")
    desk.run(1)
    desk.sell(10)
    assert desk.lots("C1") == 0


def test_unknown_price_hits_no_limit_by_guessing() -> None:
    desk = held(limited())
    blank = msgspec.structs.replace(quote_of(CALL, "1", desk.now_ns), last_inr=None, bid_inr=None, ask_inr=None)
    desk.state.quotes[blank.instrument] = blank
    desk.run(3)
    assert not desk.child("C1").loss_hit


def test_loss_of_all_children_is_not_guessed_where_a_price_of_one_is_unknown() -> None:
    """R6.3: what one child made is unknown, so the sum is: nothing is exited for the part of it that is known."""
    without_puts = child("C1", filters=ChildFilters(deny=("NFO:*PE",)))
    risk = Risk(on_max_loss=OnMaxLoss.EXIT_ALL, max_daily_loss_inr=LIMIT)
    desk = held(settings(without_puts, child("C2"), risk=risk))
    desk.buy(10, symbol=PUT)
    desk.run(2)
    blank = msgspec.structs.replace(quote_of(PUT, "1", desk.now_ns), last_inr=None, bid_inr=None, ask_inr=None)
    desk.state.quotes[blank.instrument] = blank
    desk.quote(CALL, "90")
    desk.run(3)
    assert (desk.lots("C1"), desk.lots("C2")) == (3, 3)
    desk.quote(PUT, "100")
    desk.run(1)
    assert (desk.lots("C1"), desk.lots("C2")) == (0, 0)


def test_order_that_fills_in_parts_costs_what_one_order_costs() -> None:
    """R6.3: brokerage is due for an executed order, not for each of its fills."""
    charges = []
    for parts in ((3,), (1, 3), (1, 2, 3)):
        desk = Desk(settings(), filling=False)
        desk.state.charges = charge_rates(date(2026, 11, 2))
        desk.buy(10)
        report = desk.accept(desk.last())
        for lots in parts:
            done = lots == parts[-1]
            status = BookStatus.COMPLETE if done else BookStatus.OPEN
            report = desk.advance(report, filled=lots * LOT, status=status, price="100")
        assert desk.lots() == 3
        charges.append(desk.leg().charges_inr)
    assert charges[0] > 20
    assert charges == [charges[0]] * 3


def test_daily_loss_counts_from_the_previous_close() -> None:
    """Yesterday's loss on lots that are carried over must not hit today's limit again at the first poll."""
    desk = held(limited(OnMaxLoss.EXIT_ALL))
    desk.child("C1").loss_hit = True  # reached yesterday with stop_entries; the lots were kept
    desk.quote(CALL, "90")
    desk.books["M"].orders.clear()
    desk.books["M"].overnight = dict(desk.books["M"].positions)
    desk.now_ns += 24 * 3600 * S
    desk.restart(day=3)
    desk.quote(CALL, "90")
    desk.run(3)
    assert not desk.child("C1").loss_hit
    assert desk.lots("C1") == 3


# --- entries that work already -------------------------------------------------------------------------------------


def waiting() -> tuple[Desk, OrderReport]:
    """C1 holds three lots and has three more at a limit in the book, when its loss reaches the limit."""
    desk = held(replace(limited(), copy=Copy(as_=CopyAs.LIMIT, limit_buffer_ticks=0, chase_after_s=Decimal(600))))
    desk.filling = False
    desk.buy(10, symbol=PUT)
    desk.run(1)
    row = desk.accept(desk.last())
    desk.quote(CALL, "90")
    desk.run(1)
    return desk, row


def test_entry_that_works_is_cancelled_when_the_limit_is_reached_and_missed_for_that() -> None:
    desk, row = waiting()
    assert [cancel.order_id for cancel in desk.commands(CancelOrder) if cancel.account == "C1"] == [row.order_id]
    desk.advance(
        msgspec.structs.replace(row, status_text="cancelled by the client"), filled=0, status=BookStatus.CANCELLED
    )
    assert desk.reasons("C1") == {reasons.DAILY_LOSS}
    assert desk.leg(leg=PUT_LEG).skipped == reasons.DAILY_LOSS


def test_entry_that_fills_faster_than_its_cancel_is_filled_and_nothing_else() -> None:
    desk, row = waiting()
    tag = next(order.tag for order in desk.state.orders.values() if order.order_id == row.order_id)
    desk.advance(row)
    assert (desk.state.orders[tag].state, desk.state.orders[tag].reason) == (OrderState.FILLED, "")


def test_entry_of_an_account_without_a_login_is_cancelled_when_it_is_read_again() -> None:
    desk = held(replace(limited(), copy=Copy(as_=CopyAs.LIMIT, limit_buffer_ticks=0, chase_after_s=Decimal(600))))
    desk.filling = False
    desk.buy(10, symbol=PUT)
    desk.run(1)
    desk.accept(desk.last())
    desk.silent.add("C1")
    desk.deliver(desk.picture(orders=None, positions=None, error="no session", needs_login=True))
    desk.quote(CALL, "90")
    desk.run(40)
    assert desk.child("C1").loss_hit
    assert [cancel for cancel in desk.commands(CancelOrder) if cancel.account == "C1"] == []
    desk.silent.clear()
    desk.handle(LoggedIn(at_ns=desk.now_ns, account="C1"))
    desk.run(10)
    assert len({cancel.order_id for cancel in desk.commands(CancelOrder) if cancel.account == "C1"}) == 1
