"""Reads of a child: what is ours, what is the owner's, and what a late, partial or overlapping read may not do."""

from decimal import Decimal

import msgspec
import pytest

from engine.core import reasons
from engine.core.turn import net_units
from engine.events import Outcome
from engine.model import OrderReport, Side
from tests.unit.core.builders import CALL_LEG, LOT, PUT_LEG, Desk
from tests.unit.core.nights import restart
from tests.unit.core.resting_orders import orders, resting


def held(*, filling: bool = True) -> Desk:
    """A child with three lots, read since, whose further reads the test delivers."""
    desk = Desk(filling=filling)
    desk.buy(10)
    if not filling:
        desk.fill(desk.last())
    desk.run(40)
    desk.silent.add("C1")
    desk.run(2)
    desk.read()
    return desk


def test_own_fills_are_never_external() -> None:
    assert held().child().external == {}


def test_manual_trade_changes_external_lots_first() -> None:
    desk = held()
    desk.owner_trades(2)
    desk.owner_trades(-1, leg=PUT_LEG)
    desk.read()
    assert (desk.lots(), desk.child().external) == (3, {CALL_LEG: 2 * LOT, PUT_LEG: -LOT})
    desk.owner_trades(-2)
    desk.owner_trades(1, leg=PUT_LEG)
    desk.run(2)
    desk.read()
    assert (desk.lots(), desk.child().external) == (3, {})


def test_read_that_began_before_our_fill_and_arrives_after_it_makes_no_phantom_lots() -> None:
    desk = Desk(filling=False)
    desk.silent.add("C1")
    desk.run(5)
    desk.read()
    early = desk.picture()
    desk.run("0.2")
    desk.buy(10)
    desk.fill(desk.last())
    desk.deliver(early)
    assert (desk.lots(), desk.child().external) == (3, {})
    assert net_units(desk.child(), CALL_LEG) == 3 * LOT, "our own fill since the read began counts"


def test_read_whose_positions_hold_a_fill_that_we_learn_of_later_makes_no_phantom_lots() -> None:
    desk = Desk(filling=False)
    desk.silent.add("C1")
    desk.run(2)
    desk.buy(10)
    report = desk.accept(desk.last())
    desk.advance(report, push=False)
    desk.run("1.5")
    desk.deliver(desk.picture(orders=None))
    assert desk.child().external == {}
    desk.advance(report)
    desk.run(2)
    desk.read()
    assert (desk.lots(), desk.child().external) == (3, {})


def test_own_position_gate_is_not_fooled_by_our_own_fill() -> None:
    """A sale of ours that a read shows before we know of it must not look like the owner's short position."""
    desk = Desk(filling=False)
    desk.silent.add("C1")
    desk.run(2)
    desk.sell(10)
    desk.advance(desk.accept(desk.last()), push=False)
    desk.deliver(desk.picture(orders=None))
    desk.read()
    assert (desk.lots(), desk.child().external) == (-3, {})


def test_read_that_arrives_after_a_newer_one_changes_nothing() -> None:
    """Reads may overtake each other (a silent one is overtaken); our fills between the two must not be forgotten."""
    desk = Desk()
    desk.buy(10)
    desk.run(3)
    old = desk.picture()
    desk.run(1)
    desk.buy(10)
    desk.run(40)
    desk.silent.add("C1")
    assert net_units(desk.child(), CALL_LEG) == 6 * LOT
    desk.deliver(old)
    assert net_units(desk.child(), CALL_LEG) == 6 * LOT
    desk.sell(20)
    assert desk.placed()[-1] == (Side.SELL, 6)


def test_lots_closed_by_hand_are_believed_at_the_second_read() -> None:
    desk = held()
    desk.owner_trades(-2)
    desk.read()
    assert desk.lots() == 3
    desk.run(1)
    desk.read()
    assert (desk.lots(), desk.target()) == (1, 1)
    assert desk.reasons() == {reasons.CLOSED_BY_HAND}
    assert desk.placed() == [(Side.BUY, 3)], "nothing is bought back and nothing sold"


def test_one_read_delivered_twice_is_one_read() -> None:
    desk = held()
    desk.owner_trades(-2)
    read = desk.picture()
    for _ in range(3):
        desk.deliver(read)
    assert desk.lots() == 3


def test_two_reads_that_disagree_believe_nothing() -> None:
    desk = held()
    for change in (-2, 1, -1, 1):
        desk.owner_trades(change)
        desk.run(1)
        desk.read()
    assert desk.lots() == 3


def test_lots_closed_by_hand_lower_the_share_of_later_exits() -> None:
    desk = held()
    desk.owner_trades(-1)
    for _ in range(2):
        desk.run(1)
        desk.read()
    desk.sell(5)
    assert desk.lots() == 1


@pytest.mark.parametrize("part", ["positions", "orders"])
def test_failed_part_of_a_read_is_unknown_and_not_empty(part: str) -> None:
    desk = held()
    for _ in range(4):
        desk.run(1)
        desk.deliver(msgspec.structs.replace(desk.picture(), **{part: None, "error": "timeout"}))
    assert (desk.lots(), desk.child().external) == (3, {})
    assert sum("could not be read: timeout" in text for text in desk.notices()) == 1


READ = [
    ("both", {"available_inr": Decimal(7), "used_inr": Decimal(-2)}, (7, -2)),
    ("the broker does not say what is used", {"available_inr": Decimal(7)}, (7, None)),
    ("what it says is used is no figure", {"available_inr": Decimal(7), "used_inr": Decimal("NaN")}, (7, None)),
    ("the funds were not read", {}, (300_000, 50)),
    ("what it says is available is no figure", {"available_inr": Decimal("sNaN"), "used_inr": Decimal(2)}, (300_000, 50)),
    ("used without available", {"used_inr": Decimal(2)}, (300_000, 50)),
]  # fmt: skip


@pytest.mark.parametrize("account", ["C1", "M"])
@pytest.mark.parametrize(("what", "said", "known"), READ, ids=[row[0] for row in READ])
def test_available_and_used_are_of_one_read(
    what: str, said: dict[str, Decimal], known: tuple[int, int | None], account: str
) -> None:
    desk = Desk(silent=("C1", "M"), margins={"M": 300_000})
    owner = desk.child() if account == "C1" else desk.state.master
    desk.books[account].used_inr = Decimal(50)
    desk.read(account)
    nothing = {"orders": None, "positions": None, "available_inr": None, "used_inr": None}
    desk.deliver(desk.picture(account, **(nothing | said)))
    found: tuple[object, object] = owner.available_inr, owner.used_inr
    assert found == known, what


def test_child_counts_as_read_only_with_book_and_positions() -> None:
    desk = Desk(silent=("C1",))
    desk.deliver(desk.picture(orders=None))
    assert not desk.child().synced
    desk.deliver(desk.picture(positions=None))
    assert not desk.child().synced
    desk.read()
    assert desk.child().synced


def test_no_comparison_while_an_order_of_ours_is_under_way() -> None:
    desk = held(filling=False)
    desk.buy(10)
    place = desk.last()
    desk.answer(place, Outcome.UNKNOWN)
    desk.owner_trades(5)
    desk.run(2)
    desk.read()
    assert desk.child().external == {}


def test_exit_after_a_partial_manual_close_never_crosses_zero() -> None:
    desk = held()
    desk.owner_trades(-2)
    desk.read()
    desk.sell(10)
    assert desk.placed()[1:] == [(Side.SELL, 1)]
    assert desk.leg().due
    assert desk.leg().due_reason == reasons.CUT_SHORT
    desk.run(2)
    desk.read()
    desk.run(2)
    desk.read()
    assert (desk.lots(), desk.books["C1"].positions[CALL_LEG]) == (0, 0)
    assert not desk.leg().due


def test_exit_right_after_a_fill_counts_it_before_any_read_shows_it() -> None:
    desk = Desk(silent=("C1",))
    desk.read()
    desk.run(3)
    desk.buy(10)
    desk.sell(10)
    assert desk.placed() == [(Side.BUY, 3), (Side.SELL, 3)]


def test_fill_is_in_a_read_that_began_when_we_learned_of_it() -> None:
    desk = Desk(filling=False)
    desk.silent.add("C1")
    desk.buy(10)
    desk.fill(desk.last())
    desk.read()
    assert net_units(desk.child(), CALL_LEG) == 3 * LOT


def at_rest(side: Side) -> tuple[Desk, OrderReport]:
    """Three lots of the child rest for the master's ten, an entry or an exit; the test delivers what is read."""
    desk = Desk(orders(), filling=False)
    if side is Side.SELL:
        desk.buy(10)
        desk.fill(desk.last())
        desk.run(2)
    resting(desk, 10, side=side, limit="99" if side is Side.BUY else "110")
    report = desk.accept(desk.last())
    desk.run(40)
    desk.silent.add("C1")
    desk.run(2)
    desk.read()
    return desk, report


@pytest.mark.rule("R3.8")
@pytest.mark.parametrize("owners", [0, 2, -2])
@pytest.mark.parametrize("side", list(Side))
def test_fill_of_what_rests_that_positions_show_first_is_not_the_owners(side: Side, owners: int) -> None:
    """The push is lost and the book is not read: positions alone do not say whose trade it was."""
    desk, report = at_rest(side)
    if owners:
        desk.owner_trades(owners)
        desk.run(2)
        desk.read()
    before = dict(desk.child().external)
    desk.advance(report, push=False)
    for _ in range(3):
        desk.run(2)
        desk.deliver(desk.picture(orders=None))
        assert desk.child().external == before
    desk.read()
    desk.run(2)
    desk.read()
    after = 3 if side is Side.BUY else 0
    assert (desk.lots(), desk.child().external) == (after, {CALL_LEG: owners * LOT} if owners else {})


@pytest.mark.parametrize("side", list(Side))
def test_fill_of_what_rested_that_only_positions_showed_is_ours_on_the_next_day(side: Side) -> None:
    desk, report = at_rest(side)
    desk.advance(report, push=False)
    desk.run(2)
    desk.deliver(desk.picture(orders=None))
    desk.silent.clear()
    restart(desk)
    desk.run(40)
    assert (desk.lots(), desk.child().external) == (3 if side is Side.BUY else 0, {})


def test_owners_trade_beside_what_rests_is_told_by_the_book_that_is_read_with_the_positions() -> None:
    desk, _ = at_rest(Side.BUY)
    desk.silent.clear()
    desk.owner_trades(-2)
    desk.deliver(desk.picture(orders=None))
    assert desk.child().external == {}
    desk.run(2)
    assert desk.child().external == {CALL_LEG: -2 * LOT}
