from decimal import Decimal

import pytest

from engine.snapshot import CellState, CopyLine
from tests.tui.snapshots import cell
from tui.marks import cell_span, copy_mark, least_width, short_reason


@pytest.mark.parametrize(
    ("have", "want", "state", "width", "text"),
    [
        (-3, -3, CellState.IN_STEP, 9, "     -3 ✓"),
        (-2, -3, CellState.DRIFT, 9, "  -2/-3 ▲"),
        (-2, -3, CellState.UNKNOWN, 9, "  -2/-3 ?"),
        (-2, -3, CellState.HELD, 10, "-2/-3 held"),
        (-2, -3, CellState.HELD, 7, "-2/-3 ‖"),
        (0, -3, CellState.AWAITING, 9, " 0/-3 ask"),
        (0, 0, CellState.NONE, 4, "   ·"),
        (-12, -13, CellState.DRIFT, 7, "#######"),
    ],
)
def test_cell_says_state_by_mark_and_never_clips_lots(
    have: int, want: int, state: CellState, width: int, text: str
) -> None:
    assert cell_span(cell("C1", have, want, state), width).text == text


def test_skipped_cell_has_a_short_reason() -> None:
    skipped = cell("C1", 0, 0, CellState.SKIPPED, reason="left out: margin stale")
    assert cell_span(skipped, 9).text == "    – mgn"
    assert cell_span(skipped, 1).text == "–"


def test_external_lots_are_marked_where_there_is_room() -> None:
    own = cell("C1", 1, 1, external_lots=Decimal(2))
    assert cell_span(own, 9).text == " +1 ✓ ext"
    assert cell_span(own, 6).text == "  +1 ✓"


def test_least_width_is_the_shortest_wording() -> None:
    for state in CellState:
        drawn = cell("C1", -2, -3, state, reason="below one lot")
        assert cell_span(drawn, least_width(drawn)).text.strip("#")


def test_unknown_reason_is_cut_not_lost() -> None:
    assert short_reason("Something new", 5) == "Some…"


@pytest.mark.parametrize(
    ("units", "filled", "status", "reason", "mark"),
    [
        (65, 65, "filled", "", "✓"),
        (65, 0, "working", "", "…"),
        (65, 0, "rejected", "no margin", "▲"),
        (65, 0, "unknown", "no answer", "?"),
        (0, 0, "skipped", "below one lot", "–"),
    ],
)
def test_copy_marks(units: int, filled: int, status: str, reason: str, mark: str) -> None:
    assert copy_mark(CopyLine(child="C", units=units, filled_units=filled, status=status, reason=reason)) == mark
