"""A master who turns round, for the tests of the core: what waits meanwhile, and what one read brings at once."""

from config.schema import Child
from engine.events import Outcome
from engine.model import Side
from tests.unit.core.builders import Desk, settings
from tests.unit.core.resting_orders import LIKE_HIM


def turning_round(of: Child = LIKE_HIM) -> Desk:
    """He has turned round with two lots: the exit of the child is under way, and an entry waits for it."""
    desk = Desk(settings(of), filling=False)
    desk.buy(2)
    desk.fill(desk.last())
    desk.sell(4)
    return desk


def left_behind() -> Desk:
    """An entry is unknown, he has turned round, and what he turned to was missed as old."""
    desk = Desk(settings(LIKE_HIM), filling=False)
    desk.buy(2)
    desk.answer(desk.last(), Outcome.UNKNOWN)
    desk.sell(5, id_="M2")
    desk.run(35)
    return desk


def told_at_once(desk: Desk, *trades: tuple[Side, int]) -> None:
    """One read tells several trades of his; from then on he is not read any more."""
    desk.silent.add("M")
    for number, (side, lots) in enumerate(trades):
        desk.book(desk.report(side, lots, id_=f"M-{number}"))
    desk.read("M")


def filled_at_last(desk: Desk) -> None:
    """The newest order fills, and all that follow it."""
    desk.filling = True
    desk.fill(desk.last())
    desk.run(2)
