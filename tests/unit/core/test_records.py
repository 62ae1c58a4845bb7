"""What the journal keeps for people: every fill once, and each strategy from its start to its end."""

from decimal import Decimal

from config.schema import Mode
from engine.commands import RecordFill, RecordStrategy
from engine.events import ChildJoined, Flattened, PromptAnswered
from engine.model import BookStatus, Side
from tests.unit.core.builders import HEDGE, LOT, Desk, child, settings
from tests.unit.core.resting_orders import ended, orders, resting
from tests.unit.core.test_offers import left_out
from tests.unit.paper.builders import PUT


def fills(desk: Desk) -> list[tuple[str, Side, int, bool]]:
    return [(f.account, f.side, f.units // LOT, f.opens) for f in desk.commands(RecordFill)]


def strategies(desk: Desk) -> list[tuple[int, str, str]]:
    return [(row.strategy, row.state, row.name) for row in desk.commands(RecordStrategy)]


def test_fills_of_the_master_and_of_children_are_kept_once() -> None:
    desk = Desk()
    desk.buy(10, price="101")
    desk.run(5)
    desk.sell(10)
    assert fills(desk) == [
        ("M", Side.BUY, 10, True),
        ("C1", Side.BUY, 3, True),
        ("M", Side.SELL, 10, False),
        ("C1", Side.SELL, 3, False),
    ]
    his, ours = desk.commands(RecordFill)[:2]
    assert (his.price_inr, his.order_tag, his.source, his.strategy) == (Decimal(101), "", "PAPER", 1)
    assert ours.order_tag.startswith("LK")


def test_crossing_fill_is_kept_as_what_it_closed_and_what_it_opened() -> None:
    desk = Desk()
    desk.buy(10)
    desk.sell(15)
    assert fills(desk)[2:4] == [("M", Side.SELL, 10, False), ("M", Side.SELL, 5, True)]


def test_part_fills_are_kept_as_they_come() -> None:
    desk = Desk()
    desk.master(Side.BUY, 10, id_="MO1", filled=4, price="100")
    desk.master(Side.BUY, 10, id_="MO1", filled=10, price="103")
    found = [(f.units // LOT, f.price_inr) for f in desk.commands(RecordFill) if f.account == "M"]
    assert found == [(4, Decimal(100)), (6, Decimal(105))]


def test_strategy_keeps_the_name_of_its_largest_shape() -> None:
    desk = Desk()
    desk.sell(10)
    desk.sell(10, symbol=PUT)
    desk.buy(10, symbol=PUT)
    desk.buy(10)
    desk.run(5)
    assert strategies(desk) == [
        (1, "ACTIVE", "short call"),
        (1, "ACTIVE", "short straddle"),
        (1, "EXITING", "short straddle"),
        (1, "FLAT", "short straddle"),
    ]
    desk.run(20)
    desk.buy(10, symbol=HEDGE)
    assert strategies(desk)[4:] == [(2, "ACTIVE", "long call")]


def test_source_is_where_the_order_went() -> None:
    desk = Desk(settings(child(broker="zerodha", live=True), child("C2", broker="zerodha"), mode=Mode.LIVE))
    desk.buy(10)
    assert {f.account: f.source for f in desk.commands(RecordFill)} == {"M": "LIVE", "C1": "LIVE", "C2": "PAPER"}


def measured(desk: Desk, account: str = "C1") -> list[tuple[int | None, Decimal | None]]:
    return [(f.copy, f.master_price_inr) for f in desk.commands(RecordFill) if f.account == account]


def test_fill_of_a_copy_is_kept_with_its_copy_and_the_price_of_the_master() -> None:
    desk = Desk(settings(child(), child("C2")))
    desk.buy(10, price="101")
    desk.run(5)
    desk.sell(10, price="103")
    entry, out = (copy.id for copy in desk.state.copies)
    for account in ("C1", "C2"):
        assert measured(desk, account) == [(entry, Decimal(101)), (out, Decimal(103))]
    assert measured(desk, "M") == [(None, None), (None, None)], "what is decided after his fill is not known at it"


def test_fill_of_an_order_of_the_operator_is_kept_without_a_price_of_the_master() -> None:
    desk = Desk()
    desk.buy(10, price="101")
    desk.run(5)
    desk.handle(Flattened(at_ns=desk.now_ns, children=("C1",)))
    desk.run(5)
    assert desk.lots() == 0
    assert measured(desk) == [(1, Decimal(101)), (2, None)]


def test_copy_that_is_too_old_to_be_kept_leaves_the_price_of_its_order() -> None:
    desk = Desk(filling=False)
    desk.buy(10, price="101")
    placed = desk.last()
    desk.state.copies.clear()
    desk.fill(placed)
    assert measured(desk) == [(1, Decimal(101))]


def test_order_of_the_master_that_rests_is_kept_with_the_copy_that_rests_for_it() -> None:
    desk = Desk(orders(), filling=False)
    his = resting(desk, 10)
    desk.fill(desk.last(), price="99")
    ended(desk, his, BookStatus.COMPLETE, filled=10)
    (copy,) = desk.state.copies
    assert measured(desk) == [(copy.id, Decimal(99))], "his limit, as long as he is not filled"
    assert measured(desk, "M") == [(copy.id, None)]


def test_restart_keeps_nothing_twice() -> None:
    desk = Desk()
    desk.buy(10)
    before = (fills(desk), strategies(desk))
    desk.restart()
    desk.run(5)
    assert (fills(desk), strategies(desk)) == before


def test_end_keeps_the_ratio_of_a_child_that_joined_and_is_kept_once() -> None:
    """Its ratio is released when the margins have settled, and the strategy's own record is of before that."""
    desk = left_out()
    desk.handle(ChildJoined(at_ns=desk.now_ns, child="C1"))
    [prompt] = desk.state.prompts
    desk.handle(PromptAnswered(at_ns=desk.now_ns, prompt=prompt, approve=True))
    desk.run(5)
    desk.sell(10)
    desk.buy(20, symbol=PUT)
    desk.run(60)
    assert desk.strategy().settled
    ends = [row.ratios for row in desk.commands(RecordStrategy) if row.state == "FLAT"]
    assert ends == [{"C1": "3/10"}]
