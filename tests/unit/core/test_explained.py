"""How the row of a copy explains itself: sizes, orders that move, questions that wait, flattens that join it."""

from fractions import Fraction

from config.schema import Sizing, SizingMode
from engine.commands import ModifyOrder
from engine.core.orders import EXPLAINED_COPIES
from engine.events import Flattened, Paused, Resumed
from engine.model import BookStatus, OrderType, Side
from engine.snapshot import CopyRow
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, ENTRIES, Desk, child, settings
from tests.unit.core.resting_orders import orders

TWO_LOTS = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)


def rows(desk: Desk, frame: Frame | None = None) -> tuple[CopyRow, ...]:
    return build_snapshot(desk.state, desk.now_ns, frame or Frame()).copies


def why(desk: Desk, number: int = 0) -> str:
    return next(line.why for line in rows(desk)[number].lines if line.child == "C1")


def missed_ten() -> Desk:
    """The child has 3 lots for the master's first ten, none for ten more."""
    desk = Desk()
    desk.buy(10)
    desk.run(2)
    desk.handle(Paused(at_ns=desk.now_ns))
    desk.buy(10)
    desk.run(2)
    desk.handle(Resumed(at_ns=desk.now_ns))
    return desk


def test_lots_that_were_missed_are_taken_off_the_sum() -> None:
    desk = missed_ten()
    desk.buy(10)
    desk.run(2)
    assert why(desk) == "3/10 x 30 lots = 9.00, 6 of them for the 20 before: target 6, it was 3"


def test_a_rise_after_a_partial_exit_goes_back_in_proportion() -> None:
    desk = missed_ten()
    desk.sell(15)
    desk.run(2)
    assert why(desk) == "he keeps 5 of 20 lots, 3 x 5/20 = 0.75: target 0, it was 3"
    desk.buy(10)
    desk.run(2)
    assert why(desk) == "he is back at 15 of 20 lots, 3 x 15/20 = 2.25: target 2"


def test_a_sizing_without_a_ratio_is_told_as_it_was_at_the_decision() -> None:
    desk = Desk(settings(child(sizing=TWO_LOTS)))
    desk.buy(10)
    desk.run(2)
    five = child(sizing=Sizing(mode=SizingMode.FIXED_LOTS, lots=5))
    desk.restart(with_settings=settings(five))
    assert why(desk) == "2 lots for 10 lots: target 2"


def test_a_flatten_that_goes_on_with_an_exit_is_not_explained_by_it() -> None:
    desk = Desk()
    desk.buy(20)
    desk.run(2)
    desk.sell(5)
    desk.run(2)
    assert why(desk) == "he keeps 15 of 20 lots, 6 x 15/20 = 4.50: target 4, it was 6"
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    desk.run(2)
    assert desk.lots() == 0
    assert why(desk) == ""


def test_a_kept_row_follows_the_trigger_of_an_order() -> None:
    desk, frame = Desk(orders(), filling=False), Frame()

    def stop(trigger: str) -> None:
        desk.master(
            Side.BUY, 10, id_="M1", filled=0, trigger=trigger, status=BookStatus.OPEN, order_type=OrderType.SL_M
        )
        desk.run("0.1")

    stop("120")
    desk.accept(desk.last())
    desk.run(1)
    rows(desk, frame)
    stop("125")
    desk.move(desk.commands(ModifyOrder)[-1])
    desk.run(1)
    (order,) = rows(desk, frame)[0].lines[0].orders
    assert (order.order_type, str(order.price_inr)) == (OrderType.SL_M, "125")


def test_a_copy_that_waits_for_an_answer_says_so_and_is_not_done() -> None:
    small = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 20))
    desk = Desk(settings(child("C1"), child("C2", sizing=small), child("C3"), confirm=ENTRIES))
    desk.owner_trades(1, "C3")
    desk.buy(10)
    desk.run(8)
    shown = rows(desk)
    assert not any(row.done for row in shown)
    prompt = next(iter(build_snapshot(desk.state, desk.now_ns, Frame()).prompts))
    assert {row.child: row.reason for row in prompt.rows}["C2"] == "below one lot"


def test_a_flatten_hours_after_an_exit_of_the_masters_is_a_copy_of_its_own() -> None:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    desk.sell(4)
    desk.run(5)
    desk.run(7200)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(5)
    flattened, sold, _ = rows(desk)
    assert [line.units // 65 for row in (flattened, sold) for line in row.lines] == [1, 2]
    assert (flattened.learned_ns, flattened.at_ns > sold.at_ns) == (0, True)


def test_only_the_newest_copies_are_explained() -> None:
    desk = Desk()
    for _ in range(EXPLAINED_COPIES // 2 + 2):
        desk.buy(10)
        desk.run("0.4")
        desk.sell(10)
        desk.run("0.4")
    explained = [copy for copy in desk.state.copies if copy.sized]
    assert len(explained) <= EXPLAINED_COPIES < len(desk.state.copies)
    assert desk.state.copies[-1].leg == CALL_LEG
