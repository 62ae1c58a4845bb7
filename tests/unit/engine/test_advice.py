"""Brokers are asked once about each basket of an open prompt, and nothing waits for them."""

from decimal import Decimal

from engine.advice import AGAIN_AFTER_LOOKS, MarginAdviser
from engine.errors import ReadFailed
from engine.model import Basket
from engine.snapshot import Snapshot
from tests.tui import snapshots as s


class Brokers:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Decimal | None] = {"ZC0001": Decimal(5000)}
        self.fails = False

    def __call__(self, basket: Basket) -> Decimal | None:
        self.asked.append(basket.account)
        if self.fails:
            raise ReadFailed("the margin of a basket: no answer in time")
        return self.answers.get(basket.account)


class Desk:
    def __init__(self, *lots: int) -> None:
        self.brokers = Brokers()
        self.show(*lots)
        self.adviser = MarginAdviser(lambda: self.snapshot, self.brokers)

    def show(self, *lots: int) -> None:
        rows = [s.prompt_row(name, count) for name, count in zip(("ZC0001", "ZC0002"), lots, strict=False)]
        prompts = (s.prompt(rows=tuple(rows)),) if rows else ()
        self.snapshot: Snapshot | None = s.condor(prompts=prompts)

    @property
    def known(self) -> dict[str, Decimal]:
        return {basket.account: amount for basket, amount in self.adviser.margins().items()}


def test_each_basket_is_asked_about_once() -> None:
    desk = Desk(3, 5)
    for _ in range(3):
        desk.adviser.look()
    assert desk.brokers.asked == ["ZC0001", "ZC0002"]
    assert desk.known == {"ZC0001": Decimal(5000)}


def test_basket_that_changed_is_another_one() -> None:
    desk = Desk(3)
    desk.adviser.look()
    desk.show(2)
    desk.adviser.look()
    assert desk.brokers.asked == ["ZC0001", "ZC0001"]
    assert [order.units for basket in desk.adviser.margins() for order in basket.orders] == [2 * s.LOT]


def test_closed_prompt_is_forgotten() -> None:
    desk = Desk(3)
    desk.adviser.look()
    desk.show()
    desk.adviser.look()
    assert desk.known == {}


def test_failed_question_is_asked_again_after_a_while() -> None:
    desk = Desk(3)
    desk.brokers.fails = True
    for _ in range(AGAIN_AFTER_LOOKS):
        desk.adviser.look()
    assert desk.brokers.asked == ["ZC0001"]
    desk.brokers.fails = False
    desk.adviser.look()
    assert (desk.brokers.asked, desk.known) == (["ZC0001"] * 2, {"ZC0001": Decimal(5000)})


def test_nothing_is_asked_before_the_first_picture_or_after_the_end() -> None:
    desk = Desk(3)
    desk.snapshot = None
    desk.adviser.look()
    desk.show(3)
    desk.adviser.close()
    desk.adviser.look()
    assert desk.brokers.asked == []
