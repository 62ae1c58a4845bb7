"""Results of legs, children and the master: since they were opened, of the day, of the strategy; never guessed."""

from decimal import Decimal

import pytest

from engine.core.results import (
    child_charges,
    child_day,
    child_net,
    child_pnl,
    leg_pnl,
    mark_inr,
    master_day,
    opened_pnl,
    strategy_pnl,
)
from engine.model import Quote, Side, instrument_id
from tests.unit.core.builders import LOT, PUT_LEG, Desk, turn_of
from tests.unit.core.nights import morning
from tests.unit.paper.builders import CALL, PUT


def held() -> Desk:
    desk = Desk()
    desk.buy(10)
    desk.run(2)
    return desk


def trade(desk: Desk, side: Side, price: str, symbol: str = CALL) -> None:
    """The master trades ten lots at a price, and so does the child with its share."""
    desk.quote(symbol, price)
    desk.filling = False
    desk.master(side, 10, price=price, symbol=symbol)
    desk.run(1)
    desk.fill(desk.last(), price=price)
    desk.filling = True
    desk.run(10)


def day(desk: Desk) -> tuple[object, object]:
    """What the child and the master made today, in rupees a unit of one lot."""
    turn = turn_of(desk.state)
    return _by_lot(child_day(turn, desk.child())), _by_lot(master_day(turn))


def opened(desk: Desk) -> tuple[object, object]:
    """What the leg made since it was opened, for the child and the master, in rupees a unit of one lot."""
    turn = turn_of(desk.state)
    return _by_lot(opened_pnl(turn, desk.leg())), _by_lot(opened_pnl(turn, desk.master_leg()))


def charged(desk: Desk) -> tuple[object, object]:
    """The child's charges of the day, and its result of the day after them."""
    return child_charges(desk.child()), child_net(turn_of(desk.state), desk.child())


def in_strategy(desk: Desk) -> tuple[object, object]:
    """What the child and the master made in the strategy, in rupees a unit of one lot."""
    turn = turn_of(desk.state)
    return _by_lot(strategy_pnl(turn, desk.strategy(), "C1")), _by_lot(strategy_pnl(turn, desk.strategy(), "M"))


def _by_lot(inr: Decimal | None) -> Decimal | None:
    return None if inr is None else inr / LOT


def quote(last: int | None, bid: int | None, ask: int | None) -> Quote:
    def money(value: int | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    return Quote(
        instrument=instrument_id("NFO", CALL), at_ns=0, last_inr=money(last), bid_inr=money(bid), ask_inr=money(ask)
    )


@pytest.mark.parametrize(
    ("what", "given", "mark"),
    [
        ("the last trade", quote(100, 90, 120), 100),
        ("else the middle", quote(None, 90, 120), 105),
        ("else the side that is there", quote(None, 90, None), 90),
        ("or the other", quote(None, None, 120), 120),
        ("no price at all", quote(None, None, None), None),
        ("no quote", None, None),
    ],
)
def test_mark_table(what: str, given: Quote | None, mark: int | None) -> None:
    assert mark_inr(given) == mark, what


def test_result_is_proceeds_less_cost_plus_value() -> None:
    desk = held()
    desk.quote(CALL, "110")
    assert leg_pnl(turn_of(desk.state), desk.leg()) == 10 * 3 * LOT
    desk.quote(CALL, "100")
    desk.sell(5)
    desk.quote(CALL, "130")
    assert child_pnl(turn_of(desk.state), desk.child()) == 30 * 1 * LOT


def test_result_of_a_short_is_the_other_way() -> None:
    desk = Desk()
    desk.sell(10)
    desk.quote(CALL, "110")
    assert child_pnl(turn_of(desk.state), desk.child()) == -10 * 3 * LOT


def test_missing_price_makes_the_result_unknown() -> None:
    desk = held()
    desk.sell(10, symbol=PUT)
    del desk.state.quotes[instrument_id("NFO", PUT)]
    assert leg_pnl(turn_of(desk.state), desk.leg(leg=PUT_LEG)) is None
    assert child_pnl(turn_of(desk.state), desk.child()) is None


def test_closed_leg_needs_no_price() -> None:
    desk = held()
    desk.sell(10)
    desk.state.quotes.clear()
    assert child_pnl(turn_of(desk.state), desk.child()) == 0


def test_result_of_a_carried_leg_is_that_of_the_day_only_from_the_previous_close() -> None:
    desk = held()
    desk.quote(CALL, "110")
    assert day(desk) == (30, 100)
    morning(desk)
    assert day(desk) == (0, 0)
    desk.quote(CALL, "108")
    assert day(desk) == (-6, -20)
    assert child_pnl(turn_of(desk.state), desk.child()) == 8 * 3 * LOT  # since it was opened
    trade(desk, Side.SELL, "108")
    assert day(desk) == (-6, -20)


def test_charges_of_carried_legs_are_those_of_the_day() -> None:
    desk = held()
    leg = desk.leg()
    leg.charges_inr = Decimal(50)
    assert charged(desk) == (50, -50)
    morning(desk)
    assert charged(desk) == (0, 0)


def test_leg_without_any_price_at_the_turn_of_the_day_counts_from_what_it_cost() -> None:
    desk = held()
    desk.state.quotes.clear()
    morning(desk)
    desk.quote(CALL, "104")
    assert day(desk) == (12, 40)


def test_second_strategy_of_a_day_begins_with_nothing_and_the_day_keeps_both() -> None:
    desk = held()
    trade(desk, Side.SELL, "110")
    assert in_strategy(desk) == (30, 100)
    desk.run(60)
    trade(desk, Side.BUY, "110")
    assert desk.strategy().number == 2
    assert (in_strategy(desk), day(desk)) == ((0, 0), (30, 100))
    desk.quote(CALL, "109")
    assert (in_strategy(desk), day(desk)) == ((-3, -10), (27, 90))


def test_leg_that_was_traded_before_on_the_day_shows_what_it_made_since_it_was_opened_again() -> None:
    desk = held()
    trade(desk, Side.SELL, "110")
    desk.run(60)
    trade(desk, Side.BUY, "120")
    desk.quote(CALL, "118")
    assert opened(desk) == (-6, -20)
    desk.filling = False
    desk.sell(5, price="118")  # a part of it: what that made stays
    desk.run(1)
    desk.fill(desk.last(), price="118")
    assert opened(desk) == (-6, -20)


def test_master_who_turns_round_in_one_fill_begins_anew() -> None:
    desk = held()
    desk.quote(CALL, "110")
    desk.sell(15, price="110")
    desk.run(1)
    desk.quote(CALL, "112")
    assert opened(desk)[1] == -10


def test_what_a_strategy_made_yesterday_in_a_leg_that_is_over_stays_in_its_result() -> None:
    desk = held()
    desk.buy(10, symbol=PUT)
    desk.run(2)
    trade(desk, Side.SELL, "90", PUT)
    assert in_strategy(desk) == (-30, -100)
    morning(desk)
    assert PUT_LEG not in desk.child().legs
    assert (in_strategy(desk), day(desk)) == ((-30, -100), (0, 0))


def test_result_of_a_strategy_is_unknown_without_a_price() -> None:
    desk = held()
    desk.state.quotes.clear()
    assert in_strategy(desk) == (None, None)
    assert day(desk) == (None, None)


def test_leg_that_a_child_has_no_part_in_this_time_made_nothing_in_it() -> None:
    """Three lots made 10 each in the strategy before; in this one the master's two lots are less than one of the child."""
    desk = Desk()
    trade(desk, Side.BUY, "100")
    trade(desk, Side.SELL, "110")
    assert opened(desk)[0] == 30
    desk.run(60)
    desk.master(Side.BUY, 2, price="110")
    desk.run(10)
    assert (desk.lots(), opened(desk), in_strategy(desk)) == (0, (0, 0), (0, 0))
    desk.quote(CALL, "115")
    assert opened(desk) == (0, 10)
