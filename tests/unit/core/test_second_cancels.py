"""Cancels that come to nothing, and what is missed of one resting order while another one rests."""

from typing import Any

import msgspec

from config.schema import OnLegRefused, Risk, Sizing, SizingMode
from engine.commands import CancelOrder, ModifyOrder
from engine.events import Flattened, OrderUpdated
from engine.model import BookStatus, OrderReport, Side
from tests.unit.core.builders import LOT, Desk, child, settings
from tests.unit.core.test_mirroring import LIKE_HIM, ended, orders, resting


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
    half: dict[str, Any] = {"filled": LOT, "average_price_inr": desk.last().price_inr or 100}
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
    price = desk.last().price_inr or 100
    shows(desk, entry, status=BookStatus.COMPLETE, filled=2 * LOT, average_price_inr=price)
    desk.sell(2)
    desk.run("0.5")
    desk.accept(desk.last())
    order = next(iter(desk.state.orders[tag] for tag in desk.leg().orders))
    order.cancelling_ns = desk.now_ns
    desk.child().needs_login = True
    desk.run(12)
    assert not desk.commands(CancelOrder)
    desk.child().needs_login = False
    desk.run(6)
    assert len(desk.commands(CancelOrder)) >= 1
