"""A child's capital cap: what another one would do is said before it is set."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from config.schema import Account, Child, Settings
from engine.snapshot import ChildColumn, NextRatio, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, drive
from tui.frame import Frame
from tui.screens.cap_lines import cap_lines, cap_preview
from tui.text import plain

NEXT = NextRatio(
    capital_inr=Decimal(1_200_000), master_inr=Decimal(3_500_000), most=Fraction(1), cap_inr=Decimal(1_050_000)
)


def capped(**changes: object) -> Snapshot:
    """A strategy in which the first child has a ratio of 3/10 from its cap of 10,50,000, and could have more."""
    base = s.condor()
    first, *others = base.children
    column: ChildColumn = msgspec.structs.replace(
        first,
        max_capital_inr=Decimal(1_050_000),
        next_ratio=NEXT,
        scopes=s.part_of("3/10", "10,50,000", ratio_at_ns=s.NOW),
    )
    return msgspec.structs.replace(base, children=(msgspec.structs.replace(column, **changes), *others))


def preview(text: str, snapshot: Snapshot | None = None) -> str | None:
    frame = Frame(snapshot=snapshot or capped(), now_ns=s.NOW, quiet_s=0)
    found = cap_preview(frame, "ZC0001", text)
    return None if found is None else plain(found).strip()


TYPED = [
    ("7 L", "₹7,00,000  next ratio 1/5; at once no entry above 1/5"),
    ("10,50,000", "₹10,50,000  next ratio 3/10"),
    ("11 L", "₹11,00,000  next ratio 11/35"),
    ("none", "no cap  next ratio 12/35"),
    ("0", None),
    ("7x", None),
]


@pytest.mark.parametrize(("text", "told"), TYPED, ids=[row[0] for row in TYPED])
def test_what_a_cap_would_do_is_told_while_it_is_typed(text: str, told: str | None) -> None:
    assert preview(text) == told


def test_where_margins_are_not_known_only_the_running_strategy_is_told() -> None:
    assert preview("7 L", capped(next_ratio=None)) == "₹7,00,000  at once no entry above 1/5"


def test_ratio_that_is_set_stays_and_is_bound_at_once() -> None:
    fixed = capped(next_ratio=None, scopes=s.part_of("3/10", "12,00,000"))
    assert preview("7 L", fixed) == "₹7,00,000  at once no entry above 1/5"
    assert preview("11 L", fixed) == "₹11,00,000"


def test_dialog_says_the_ratio_of_now_and_of_the_next_strategy() -> None:
    frame = Frame(snapshot=capped(), now_ns=s.NOW, quiet_s=0)
    assert "Its ratio: 3/10, next strategy 3/10." in [plain(each) for each in cap_lines(frame, 70, "ZC0001")]


def test_preview_stands_whole_in_the_smallest_window() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("k", "enter", *"7 L")
        assert "₹7,00,000  next ratio 1/5; at once no entry above 1/5" in desk.text

    drive(capped(), script, size=SMALL)


def test_settings_say_what_the_next_ratio_would_be() -> None:
    settings = Settings(master=Account(id="M", broker="paper"), children=(Child(id="ZC0001", broker="paper"),))

    async def script(desk: Desk) -> None:
        await desk.press("i")
        assert "3/10, next strategy 3/10" in desk.text

    drive(capped(), script, settings=settings)
