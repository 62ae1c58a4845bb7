"""What people are told of the limits: the gates themselves, in their order, with what is used of each."""

from decimal import Decimal
from fractions import Fraction

from msgspec.structs import replace

from config.schema import ChildRisk, Paper, Risk, Sizing, SizingMode
from engine.core import gates, reasons
from engine.core.limits import ROWS, limits
from engine.events import KillSwitched
from engine.model import Side
from engine.snapshot import Limit
from tests.unit.core.builders import HEDGE, Desk, S, child, settings, turn_of
from tests.unit.core.nights import morning


def row(desk: Desk, name: str, account: str = "C1") -> Limit:
    return next(limit for limit in limits(turn_of(desk.state)) if (limit.account, limit.name) == (account, name))


def test_every_gate_is_told_in_its_order() -> None:
    assert list(ROWS) == [gate.__name__ for gate in gates.GATES]


def test_use_is_told_beside_the_stronger_bound() -> None:
    desk = Desk(settings(child(risk=ChildRisk(max_open_lots=4)), risk=Risk(max_open_lots=9, max_orders_per_minute=5)))
    desk.buy(10)
    desk.buy(4, symbol=HEDGE)
    assert (row(desk, "open lots").bound, row(desk, "open lots").now) == ("4", "4")
    assert row(desk, "lots an instrument").now == "3"
    assert (row(desk, "entries a minute").bound, row(desk, "entries a minute").now) == ("5", "2")
    assert row(desk, "lots an order").bound == ""


def test_every_copy_that_a_limit_stopped_is_counted_and_told_and_a_new_day_counts_anew() -> None:
    """Ten of the master's lots are three of the child; two are let through each time, and the cap is the same."""
    desk = Desk(settings(risk=Risk(max_lots_per_order=2)))
    for _ in range(3):
        desk.buy(10)
        desk.run(2)
    assert desk.placed() == 3 * [(Side.BUY, 2)]
    told = [text for text in desk.notices() if reasons.MAX_LOTS_PER_ORDER in text]
    assert (row(desk, "lots an order").stopped, len(told)) == (3, 3)
    desk.run(30)
    assert row(desk, "lots an order").stopped == 3
    morning(desk)
    assert row(desk, "lots an order").stopped == 0


def test_old_signals_are_counted_each_time() -> None:
    desk = Desk()
    desk.buy(10)
    for number in (8, 9):
        desk.run(60)
        at_ns = desk.now_ns - 40 * S
        old = replace(desk.report(Side.BUY, 10, id_=f"M{number}"), placed_ns=at_ns, updated_ns=at_ns)
        desk.book(old)
        desk.push(old, "M")
        desk.run(2)
    assert row(desk, "age of the master's fill").stopped == 2


def test_symbols_that_a_limit_stopped_are_counted() -> None:
    desk = Desk(settings(risk=Risk(max_lots_per_order=2)))
    desk.buy(10)
    assert desk.placed() == [(Side.BUY, 2)]
    assert [limit.stopped for limit in limits(turn_of(desk.state)) if "lots" in limit.name] == [1, 0, 0, 0]
    assert row(desk, "kill switch").stopped == 0


def test_loss_is_the_result_after_charges_or_unknown() -> None:
    desk = Desk(settings(child("C1"), child("C2"), risk=Risk(max_daily_loss_inr=Decimal(50_000))))
    desk.buy(10)
    desk.quote("NIFTY26NOV24500CE", "90")
    assert row(desk, "daily loss").now == "result -₹1,950.00"
    assert (row(desk, "daily loss of all children").bound, row(desk, "daily loss of all children").now) == (
        "₹50,000.00",
        "result -₹3,900.00",
    )
    desk.state.quotes.clear()
    assert row(desk, "daily loss").now == "result unknown"
    assert row(desk, "daily loss of all children").now == "result unknown"


def test_switches_and_margin_are_told_as_they_stand() -> None:
    sizing = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(3, 10))
    desk = Desk(settings(child(sizing=sizing), paper=Paper()), margins={"C1": 13_500})
    desk.buy(10)
    desk.handle(KillSwitched(at_ns=desk.now_ns, level=1))
    assert (row(desk, "kill switch").bound, row(desk, "kill switch").now) == (None, "level 1")
    assert row(desk, "market hours").now == "open"
    assert row(desk, "capital").now == "available ₹13,500.00"
    assert (row(desk, "margin").bound, row(desk, "margin").now) == ("reduce", "67% of the lots")


def test_margin_that_is_not_judged_is_told_so() -> None:
    assert (row(Desk(), "margin").bound, row(Desk(), "margin").now) == ("", "not judged on paper")
