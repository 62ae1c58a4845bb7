"""Cancels that come to nothing, and what is missed of one resting order while another one rests."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from config.schema import OnLegRefused, Risk, Sizing, SizingMode
from engine.commands import CancelOrder, ModifyOrder
from engine.events import Flattened, OrderUpdated
from engine.model import BookStatus, OrderReport, OrderType, Side
from tests.unit.core.builders import LOT, Desk, child, settings
from tests.unit.core.resting_orders import LIKE_HIM, ended, orders, resting


def shows(desk: Desk, report: OrderReport, *, account: str = "C1", **fields: object) -> None:
    """An order changes at a broker, and it is pushed."""
    newer = msgspec.structs.replace(report, updated_ns=desk.now_ns, **fields)
    desk.book(newer, account=account)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account=account, report=newer))


def test_what_was_missed_of_an_order_that_ended_takes_nothing_from_another_one() -> None:
    desk = Desk(orders(LIKE_HIM), filling=False)
    first = resting(desk, 4, id_="M1")
    copy = desk.accept(desk.last())
    resting(desk, 6, id_="M2", limit="98")
    desk.accept(desk.last())
    shows(desk, copy, status=BookStatus.CANCELLED)
    ended(desk, first, BookStatus.CANCELLED)
    assert not desk.commands(CancelOrder)
    assert not desk.commands(ModifyOrder)


def test_flatten_goes_at_once_while_the_masters_fill_is_being_decided() -> None:
    desk = Desk(orders(child(sizing=Sizing(mode=SizingMode.LIVE_RATIO))), filling=False)
    his = resting(desk, 10)
    copy = desk.accept(desk.last())
    shows(desk, his, account="M", filled=5 * LOT, average_price_inr=his.price_inr)
    filled: dict[str, Any] = {"filled": copy.quantity, "average_price_inr": his.price_inr}
    shows(desk, copy, status=BookStatus.COMPLETE, **filled)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    assert desk.placed()[-1] == (Side.SELL, 3)


def test_doubled_tag_stops_entries_and_leaves_nothing() -> None:
    desk = Desk(settings(LIKE_HIM, risk=Risk(on_leg_refused=OnLegRefused.UNWIND)), filling=False)
    desk.buy(2)
    desk.run("0.5")
    copy = desk.accept(desk.last())
    half: dict[str, Any] = {"filled": LOT, "average_price_inr": desk.last().price_inr or Decimal(100)}
    shows(desk, copy, **half)
    double = msgspec.structs.replace(copy, order_id="DUP", status=BookStatus.CANCELLED, updated_ns=desk.now_ns)
    desk.handle(OrderUpdated(at_ns=desk.now_ns, account="C1", report=double))
    desk.run(5)
    assert desk.commands(CancelOrder)
    shows(desk, copy, status=BookStatus.CANCELLED, **half)
    desk.run(2)
    assert desk.placed() == [(Side.BUY, 2)]
    assert not any("the strategy is left" in text for text in desk.notices())


def test_cancel_of_an_exit_is_asked_for_again_after_a_login() -> None:
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(2)
    desk.run("0.5")
    entry = desk.accept(desk.last())
    price = desk.last().price_inr or Decimal(100)
    shows(desk, entry, status=BookStatus.COMPLETE, filled=2 * LOT, average_price_inr=price)
    desk.sell(2)
    desk.run("0.5")
    desk.accept(desk.last())
    order = next(iter(desk.state.orders[tag] for tag in desk.leg().orders))
    order.cancelling_ns = desk.now_ns
    desk.child().needs_login = True
    desk.silent.add("C1")
    desk.run(12)
    assert not desk.commands(CancelOrder)
    desk.child().needs_login = False
    desk.silent.clear()
    desk.run(6)
    assert len(desk.commands(CancelOrder)) >= 1


def leaving_by_a_cancel() -> Desk:
    """A stop of three lots whose cancel the broker was asked for: the owner has sold what it was to close."""
    desk = Desk(orders())
    desk.buy(10)
    desk.run(1)
    desk.filling = False
    resting(desk, 10, side=Side.SELL, id_="M2", order_type=OrderType.SL_M)
    desk.accept(desk.last())
    desk.owner_trades(-3)
    desk.run(3)
    assert (desk.lots(), desk.last_order().remaining, len(desk.commands(CancelOrder))) == (0, 3 * LOT, 1)
    return desk


@pytest.mark.rule("R7.6")
def test_cancel_that_was_asked_for_is_awaited_after_a_restart_and_asked_for_again_at_once() -> None:
    desk = leaving_by_a_cancel()
    desk.restart(unclean=True)
    assert desk.last_order().cancelling_ns
    desk.run(2)
    assert len(desk.commands(CancelOrder)) == 2
    desk.run(2)
    assert len(desk.commands(CancelOrder)) == 2
    desk.run(5)
    assert len(desk.commands(CancelOrder)) == 3
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


@pytest.mark.rule("R7.6")
def test_cancel_is_asked_for_again_when_the_book_was_read_after_a_restart() -> None:
    desk = leaving_by_a_cancel()
    desk.silent |= {"M", "C1"}
    desk.restart(unclean=True)
    desk.run(12)
    assert len(desk.commands(CancelOrder)) == 1
    desk.silent.remove("C1")
    desk.read()
    desk.run(1)
    assert len(desk.commands(CancelOrder)) == 2


def test_cancel_that_was_heard_while_the_program_was_down_is_not_asked_for_again() -> None:
    desk = leaving_by_a_cancel()
    report = desk.books["C1"].orders[desk.last_order().order_id]
    desk.advance(report, filled=0, status=BookStatus.CANCELLED, push=False)
    desk.silent.add("M")
    desk.restart(unclean=True)
    desk.run(12)
    assert len(desk.commands(CancelOrder)) == 1
    assert not desk.leg().orders


def test_nothing_is_cancelled_for_a_child_that_is_no_longer_configured() -> None:
    desk = leaving_by_a_cancel()
    desk.restart(unclean=True, with_settings=orders(child("C2")))
    desk.run(12)
    assert len(desk.commands(CancelOrder)) == 1
