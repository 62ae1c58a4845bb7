"""The judge's count of what each account's broker receives (I13)."""

import pytest

from config.order_limits import OrderLimits
from engine.model import NS_PER_S
from paper.faults import FaultOn
from paper.verify.truth import Truth
from paper.verify.windows import Windows

LIMITS = OrderLimits(second=2, minute=3, day_placements=4)


class Counted:
    """Windows of one account."""

    def __init__(self) -> None:
        self.truth = Truth({}, {}, lambda: None, lambda _tag: True)
        self.windows = Windows(self.truth, {"C1": LIMITS})

    def arrive(self, *at_s: float, on: FaultOn = FaultOn.PLACE, account: str = "C1") -> list[str]:
        """Writes arrive; what is wrong then."""
        for each in at_s:
            self.windows.arrived(account, on, int(each * NS_PER_S))
        return self.truth.violations


@pytest.mark.parametrize(("at_s", "what"), [((0, 0.5, 0.999), "within a second"), ((0, 20, 40, 59), "within a minute")])
def test_writes_beyond_a_window_are_told(at_s: tuple[float, ...], what: str) -> None:
    (told,) = Counted().arrive(*at_s)
    assert told.startswith("I13 C1")
    assert what in told


def test_window_ends_with_its_span() -> None:
    assert not Counted().arrive(0, 0.5, 1, 60, 60.5, on=FaultOn.MODIFY)


def test_cancels_and_changes_count_in_windows_and_not_on_the_day() -> None:
    counted = Counted()
    assert not counted.arrive(*range(0, 240, 60), on=FaultOn.CANCEL)
    (told,) = counted.arrive(300, 300.1, 300.2, on=FaultOn.MODIFY)
    assert "within a second" in told


def test_orders_of_the_day_are_counted_and_begin_anew_with_the_next() -> None:
    counted = Counted()
    counted.windows.began_day()
    assert not counted.arrive(0, 60, 120, 180)
    counted.windows.began_day()
    assert not counted.arrive(240, 300, 360, 420)
    (told,) = counted.arrive(480)
    assert "5 orders on a day" in told


def test_account_without_limits_is_not_counted() -> None:
    assert not Counted().arrive(0, 0, 0, 0, account="C2")


@pytest.mark.parametrize(("at_s", "is_full"), [(59, True), (92, False)])
def test_window_is_full_until_its_writes_were_answered_for_its_span(at_s: int, is_full: bool) -> None:
    counted = Counted()
    for each in (0, 0.5, 30):
        counted.windows.handed_over("C1", int(each * NS_PER_S))
    assert counted.windows.is_full("C1", at_s * NS_PER_S) is is_full
    assert not counted.windows.is_full("C2", 0)
