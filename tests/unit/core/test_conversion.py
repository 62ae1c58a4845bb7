"""A product change of the master without an order: shown and asked about, never traded."""

from decimal import Decimal

from engine.events import Flattened
from engine.model import BookStatus, LegId, OrderReport, OrderType, Side, leg_id
from engine.snapshot import StrategyState
from tests.unit.core.builders import CALL_LEG, LOT, Desk
from tests.unit.paper.builders import CALL

MIS_LEG = leg_id("NFO", CALL, "MIS")


def held() -> Desk:
    desk = Desk()
    desk.buy(10)
    desk.run(5)
    return desk


def convert(desk: Desk, lots: int, *, to: LegId = MIS_LEG, of: LegId = CALL_LEG) -> None:
    """The broker lists lots under another product; its book knows nothing of it."""
    positions = desk.books["M"].positions
    positions[of] = positions.get(of, 0) - lots * LOT
    positions[to] = positions.get(to, 0) + lots * LOT


def trade(desk: Desk, side: Side, lots: int, product: str = "MIS", id_: str = "X1") -> None:
    report = OrderReport(
        order_id=id_,
        exchange="NFO",
        symbol=CALL,
        product=product,
        side=side,
        order_type=OrderType.MARKET,
        quantity=lots * LOT,
        filled=lots * LOT,
        average_price_inr=Decimal(100),
        status=BookStatus.COMPLETE,
        placed_ns=desk.now_ns,
        updated_ns=desk.now_ns,
    )
    desk.book(report)
    desk.push(report, "M")
    desk.run("0.5")


def asked(desk: Desk) -> list[str]:
    return [text for text in desk.notices() if "were converted" in text]


def test_conversion_sends_no_order_and_is_said_once() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(60)
    assert desk.placed() == [(Side.BUY, 3)]
    assert (desk.master_leg().units, desk.master_leg().moved_units) == (650, 650)
    assert len(asked(desk)) == 1
    assert desk.strategy().state is StrategyState.ACTIVE
    assert desk.state.master.legs[MIS_LEG].background_units == 0


def test_conversion_is_told_from_a_sale_also_where_the_carried_units_follow_it() -> None:
    """A broker may show the new product as carried: the book and the carried units then explain both rows."""
    desk = held()
    desk.books["M"].overnight = {CALL_LEG: -650, MIS_LEG: 650}
    convert(desk, 10)
    desk.run(60)
    assert desk.lots() == 3
    assert len(asked(desk)) == 1


def test_fills_in_the_other_product_reduce_the_leg() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    trade(desk, Side.SELL, 5)
    assert desk.lots() == 1
    assert (desk.master_leg().units, desk.master_leg().moved_units) == (325, 325)
    trade(desk, Side.SELL, 5, id_="X2")
    desk.run(10)
    assert desk.lots() == 0
    assert desk.strategy().state is StrategyState.FLAT
    assert desk.state.master.legs[MIS_LEG].units == 0


def test_more_than_was_converted_opens_the_other_side() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    trade(desk, Side.SELL, 20)
    desk.run(5)
    assert (desk.lots(), desk.lots(leg=MIS_LEG)) == (0, -3)


def test_part_of_a_leg_can_be_converted_and_both_parts_are_followed() -> None:
    desk = held()
    convert(desk, 4)
    desk.run(5)
    assert desk.master_leg().moved_units == 4 * LOT
    trade(desk, Side.SELL, 6, product="NRML")
    assert desk.master_leg().units == 4 * LOT
    desk.run(10)
    assert desk.lots() == 1
    trade(desk, Side.SELL, 4, id_="X2")
    desk.run(10)
    assert desk.lots() == 0


def test_conversion_back_is_no_order_either() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    convert(desk, -10)
    desk.run(20)
    assert desk.placed() == [(Side.BUY, 3)]
    assert (desk.master_leg().moved_to, desk.master_leg().moved_units) == (None, 0)


def test_one_read_is_not_believed() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(1)
    convert(desk, -10)
    desk.run(20)
    assert not asked(desk)
    assert desk.master_leg().moved_units == 0


def test_lots_that_are_gone_and_appeared_nowhere_are_exited_as_ever() -> None:
    desk = held()
    convert(desk, 10, to=leg_id("NFO", "NIFTY26NOV24000PE", "MIS"))
    desk.books["M"].overnight = {CALL_LEG: -650, leg_id("NFO", "NIFTY26NOV24000PE", "MIS"): 650}
    desk.run(20)
    assert desk.lots() == 0


def test_conversion_survives_a_restart() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    desk.restart()
    desk.run(20)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.state.master.legs[MIS_LEG].background_units == 0
    assert len(asked(desk)) == 1


def test_children_can_be_flattened_afterwards() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(5)
    assert desk.lots() == 0


def test_conversion_while_the_program_was_down_is_no_exit() -> None:
    """Red before: what left one product was an exit and what came into the other background."""
    desk = held()
    convert(desk, 10)
    desk.books["M"].overnight = {CALL_LEG: -650, MIS_LEG: 650}
    desk.restart()
    desk.run(60)
    assert desk.placed() == [(Side.BUY, 3)]
    assert len(asked(desk)) == 1
    assert desk.state.master.legs[MIS_LEG].background_units == 0
    trade(desk, Side.SELL, 10)
    desk.run(5)
    assert desk.lots() == 0


def test_child_that_is_converted_by_hand_keeps_its_lots_and_is_shown() -> None:
    """Called closed by hand, they would be nobody's: the master's exit would leave them open."""
    desk = held()
    positions = desk.books["C1"].positions
    positions[CALL_LEG], positions[MIS_LEG] = 0, 3 * LOT
    desk.run(90)
    assert desk.lots() == 3
    assert desk.leg().changed.startswith("converted by hand to MIS")
    desk.sell(10)
    desk.run(5)
    assert desk.placed() == [(Side.BUY, 3)]
    assert desk.leg().due_reason == desk.leg().changed
    positions[CALL_LEG], positions[MIS_LEG] = 3 * LOT, 0
    desk.run(60)
    assert desk.lots() == 0
    assert desk.placed()[1:] == [(Side.SELL, 3)]


def test_converted_child_ends_when_it_was_closed_and_flattened() -> None:
    desk = held()
    positions = desk.books["C1"].positions
    positions[CALL_LEG], positions[MIS_LEG] = 0, 3 * LOT
    desk.run(90)
    positions[MIS_LEG] = 0
    desk.handle(Flattened(at_ns=desk.now_ns))
    desk.run(900)  # no trade of the book explains it: believed late
    assert desk.lots() == 0
    assert desk.placed() == [(Side.BUY, 3)]


def test_two_reads_close_together_are_not_believed() -> None:
    desk = held()
    desk.silent.add("M")
    desk.run(3)
    convert(desk, 10)
    for wait, moved in (("0", 0), ("0.4", 0), ("0.7", 650)):
        desk.run(wait)
        desk.read("M")
        assert desk.master_leg().moved_units == moved


def test_sale_of_more_than_was_left_in_the_old_product_shrinks_what_counts_as_converted() -> None:
    desk = held()
    convert(desk, 6)
    desk.run(10)
    assert (desk.master_leg().moved_to, desk.master_leg().moved_units) == (MIS_LEG, 6 * LOT)
    desk.sell(8)
    assert (desk.master_leg().units, desk.master_leg().moved_units) == (2 * LOT, 2 * LOT)
    desk.run(10)
    assert desk.lots() == 0


def test_lots_that_went_to_one_product_are_not_taken_for_those_of_a_third() -> None:
    desk = held()
    convert(desk, 4)
    desk.run(10)
    other = leg_id("NFO", CALL, "ANOTHER")
    convert(desk, 3, to=other)
    desk.run(10)
    assert (desk.master_leg().moved_to, desk.master_leg().moved_units) == (MIS_LEG, 4 * LOT)
    assert (desk.lots(), desk.state.master.legs[other].background_units) == (3, 0)
