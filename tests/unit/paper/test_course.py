"""The judge's record of a run: what was not durable when a process died never happened."""

from copy import deepcopy

from config.schema import Follow
from engine.core import reasons
from engine.events import LoggedIn, Resumed
from engine.model import OrderType, Side
from paper.verify.copies import Copies
from paper.verify.course import Course
from paper.verify.truth import Truth
from paper.verify.windows import Windows
from tests.unit.core.builders import INSTRUMENTS, LOT, Desk, settings
from tests.unit.paper.builders import CALL


class Watched:
    """A desk whose child needs a login when the master's order begins to rest, and a judge who looks at it."""

    def __init__(self) -> None:
        self.desk = Desk(settings(follow=Follow.ORDERS))
        children = {child.id: child for child in self.desk.settings.children}
        listed = {instrument.id: instrument for instrument in INSTRUMENTS}
        truth = Truth(children, listed, lambda: self.desk.state, lambda _tag: True)
        windows = Windows(truth, {})
        self.course = Course(truth, Copies(truth, windows), windows, frozenset())
        self.look()
        self.desk.deliver(self.desk.picture(orders=None, positions=None, error="no session", needs_login=True))
        self.before = deepcopy(self.desk.state)
        self.rest(filled=0)
        self.look()
        assert self.desk.reasons() == {reasons.LOGIN_REQUIRED}

    def rest(self, filled: int) -> None:
        """The master's order to buy 10 lots rests, or has filled."""
        self.desk.master(Side.BUY, 10, id_="M1", filled=filled, order_type=OrderType.LIMIT, limit="100")

    def look(self) -> None:
        """The judge looks."""
        self.course.looked(self.desk.state)

    def die(self, *, is_durable: bool) -> None:
        """The process dies, with or without what it did since `before` on disk, and another one is resumed."""
        self.course.died()
        if not is_durable:
            self.desk.core = type(self.desk.core)(self.before)
        self.course.booted(self.desk.now_ns)
        self.desk.restart(unclean=True)
        self.desk.quote(CALL, "100")
        self.look()
        self.desk.handle(LoggedIn(at_ns=self.desk.now_ns, account="C1"))
        self.desk.handle(Resumed(at_ns=self.desk.now_ns))

    def found(self) -> list[str]:
        """What the judge finds at rest."""
        self.desk.run(5)
        self.look()
        return self.course.caught_up(self.desk.state)


def test_miss_that_was_not_durable_may_be_copied_by_the_next_process() -> None:
    watched = Watched()
    watched.rest(filled=10)
    watched.die(is_durable=False)
    watched.desk.run(5)
    assert watched.desk.lots() == 3
    assert watched.found() == []


def test_durable_miss_may_not_be_copied_by_the_next_process() -> None:
    watched = Watched()
    watched.die(is_durable=True)
    watched.rest(filled=10)
    watched.desk.run(5)
    assert watched.found() == []
    watched.desk.leg().allocation_units = 3 * LOT
    (text,) = watched.found()
    assert text.startswith("I2 C1") and reasons.LOGIN_REQUIRED in text


def test_miss_whose_record_went_with_its_order_before_the_process_died_may_not_be_copied() -> None:
    watched = Watched()
    watched.rest(filled=10)
    watched.desk.run(10)
    assert not watched.desk.leg().mirrors
    watched.die(is_durable=True)
    watched.desk.leg().allocation_units = 3 * LOT
    (text,) = watched.found()
    assert text.startswith("I2 C1") and reasons.LOGIN_REQUIRED in text
