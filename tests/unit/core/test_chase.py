"""An exit that is not filled is sent through the market again, with an alarm; after twenty times cancelled and renewed."""

import pytest

from engine.commands import CancelOrder, ModifyOrder
from engine.core.chase import MOST_MODIFICATIONS
from engine.events import KillSwitched, Outcome
from engine.model import BookStatus, OrderReport, OrderType, Side
from tests.unit.core.builders import LOT, Desk
from tests.unit.paper.builders import CALL, ns


def exiting() -> tuple[Desk, OrderReport]:
    """An exit that the broker has and does not fill."""
    desk = Desk(filling=False)
    desk.buy(10)
    desk.fill(desk.last())
    desk.run(3)
    desk.sell(10)
    return desk, desk.accept(desk.last())


def test_exit_is_chased_after_three_seconds() -> None:
    desk, report = exiting()
    desk.run("2.5")
    assert desk.commands(ModifyOrder) == []
    desk.run("1.5")
    (modify,) = desk.commands(ModifyOrder)
    assert (modify.order_id, modify.order_type) == (report.order_id, OrderType.MARKET)
    desk.run(3)
    assert len(desk.commands(ModifyOrder)) == 2


def test_partial_fill_starts_the_wait_anew() -> None:
    desk, report = exiting()
    desk.run(4)
    assert len(desk.commands(ModifyOrder)) == 1
    desk.run(2)
    desk.advance(report, filled=LOT, status=BookStatus.OPEN)
    desk.run(2)
    assert len(desk.commands(ModifyOrder)) == 1


def test_entry_is_not_chased() -> None:
    desk = Desk(filling=False)
    desk.buy(10)
    desk.accept(desk.last())
    desk.run(20)
    assert desk.commands(ModifyOrder) == []


@pytest.mark.parametrize("quoted", ["stale", "missing"])
def test_exit_without_a_fresh_quote_is_alarmed_once_and_not_moved(quoted: str) -> None:
    desk, _ = exiting()
    if quoted == "stale":
        desk.quote(CALL, "100", stale_at_ns=desk.now_ns)
    else:
        desk.state.quotes.clear()
    desk.run(15)
    assert desk.commands(ModifyOrder) == []
    assert sum("waits: no fresh quote" in text for text in desk.notices()) == 1
    desk.quote(CALL, "100")
    desk.run(3)
    assert len(desk.commands(ModifyOrder)) == 1


def test_kill_two_and_a_closed_market_stop_the_chase() -> None:
    desk, _ = exiting()
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=2))
    desk.run(10)
    assert desk.commands(ModifyOrder) == []
    late, _ = exiting()
    late.now_ns = ns("15:31")
    late.run(10)
    assert late.commands(ModifyOrder) == []


def test_after_twenty_modifications_the_exit_is_cancelled_and_its_rest_sent_anew() -> None:
    desk, report = exiting()
    desk.run(3 * MOST_MODIFICATIONS + 2)
    assert len(desk.commands(ModifyOrder)) == MOST_MODIFICATIONS == 20
    desk.run(3)
    assert [c.order_id for c in desk.commands(CancelOrder)] == [report.order_id]
    desk.advance(report, filled=LOT, status=BookStatus.CANCELLED)
    assert desk.placed()[2:] == [(Side.SELL, 2)]
    desk.fill(desk.last())
    assert desk.lots() == 0


def test_modification_that_is_refused_is_tried_again_after_a_read() -> None:
    desk, _ = exiting()
    desk.run(4)
    before = len([r for r in desk.reads() if r.orders])
    desk.answer(desk.commands(ModifyOrder)[0], Outcome.REJECTED, reason="too many")
    desk.run(4)
    assert len([r for r in desk.reads() if r.orders]) > before
    assert len(desk.commands(ModifyOrder)) == 2


def test_number_of_moves_is_bounded_in_a_minute() -> None:
    desk, _ = exiting()
    desk.run(60)
    assert len(desk.commands(ModifyOrder)) <= 60 // 3 + 1
