"""The judge's verdict at rest: what may be missing after every child was resynced."""

from config.schema import OnLegRefused, Risk
from engine.core import reasons
from engine.events import Paused, Resumed
from engine.model import BookStatus, Side
from paper.verify.judge import verdict
from paper.verify.truth import Truth
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, LOT, Desk, S, settings, turn_of


class Judged:
    """A desk at 3/10 that goes on after refusals, and a judge who is told what goes out and what the broker shows."""

    def __init__(self) -> None:
        self.desk = Desk(settings(risk=Risk(on_leg_refused=OnLegRefused.CONTINUE)), filling=False)
        children = {child.id: child for child in self.desk.settings.children}
        listed = {instrument.id: instrument for instrument in INSTRUMENTS}
        self.truth = Truth(children, listed, lambda: self.desk.state, lambda _tag: True)

    def add(self, status: BookStatus | None) -> None:
        """The master buys 10 lots; what comes of the child's 3, where any are sent (a status)."""
        self.desk.buy(10)
        self.truth.master_traded(CALL_LEG, 10 * LOT)
        if status is None:
            return
        place = self.desk.last()
        self.truth.handed_over(place, self.desk.order(place), self.desk.state)
        filled = place.quantity if status is BookStatus.COMPLETE else 0
        self.truth.changed("C1", self.desk.advance(self.desk.accept(place), filled=filled, status=status))

    def wrong(self, resynced_ns: int | None) -> list[str]:
        """The verdict, after a read of everything."""
        self.desk.run(5)
        return verdict(turn_of(self.desk.state), self.truth, resynced_ns=resynced_ns)


def refused() -> Judged:
    """3 lots for 10; the 3 for the next 10 were refused now."""
    judged = Judged()
    judged.add(BookStatus.COMPLETE)
    judged.desk.run(5)
    judged.add(BookStatus.REJECTED)
    assert judged.desk.placed() == [(Side.BUY, 3), (Side.BUY, 3)]
    assert judged.desk.lots() == 3
    return judged


def test_lots_that_the_broker_refused_of_a_resync_may_be_missing() -> None:
    judged = refused()
    assert judged.wrong(judged.desk.now_ns - S) == []


def test_lots_that_were_refused_before_a_resync_may_not_be_missing_after_it() -> None:
    judged = refused()
    (text,) = judged.wrong(judged.desk.now_ns + S)
    assert text.startswith("I5 C1") and "wanted [390]" in text


def test_no_more_may_be_missing_than_the_broker_refused() -> None:
    judged = Judged()
    judged.add(BookStatus.COMPLETE)
    judged.desk.handle(Paused(at_ns=judged.desk.now_ns))
    judged.add(None)
    judged.desk.run(5)
    judged.desk.handle(Resumed(at_ns=judged.desk.now_ns))
    judged.add(BookStatus.REJECTED)
    (text,) = judged.wrong(judged.desk.now_ns - S)
    assert "holds 195" in text and "wanted [390, 585]" in text


def test_lots_that_the_broker_refused_may_not_be_missing_without_the_reason() -> None:
    judged = refused()
    judged.desk.leg().skipped = reasons.PAUSED
    judged.desk.state.skips.clear()
    (text,) = judged.wrong(judged.desk.now_ns - S)
    assert f"({reasons.PAUSED})" in text


def test_refusal_that_is_told_is_a_reason_where_nothing_was_resynced() -> None:
    assert refused().wrong(None) == []
