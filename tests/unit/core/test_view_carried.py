"""What the screen says of a night: frozen legs, conversions, contracts that will be settled in shares."""

from msgspec.structs import replace

from engine.core.invariants import violations
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import CALL_LEG, INSTRUMENTS, LOT, Desk, turn_of
from tests.unit.core.nights import jump, morning
from tests.unit.core.test_conversion import convert, held
from tests.unit.paper.builders import CALL, ns


def texts(desk: Desk) -> list[tuple[str, str]]:
    """What needs a person, and the key that deals with it."""
    found = build_snapshot(desk.state, desk.now_ns, Frame()).attention
    return [(item.text, item.key) for item in found]


def test_changed_instrument_needs_a_person_and_marks_its_row() -> None:
    desk = held()
    morning(desk, "09:20", instruments=tuple(replace(i, lot_units=75) if i.symbol == CALL else i for i in INSTRUMENTS))
    assert ("changed over night: lot 65 -> 75: map it or flatten", "t") in texts(desk)
    rows = build_snapshot(desk.state, desk.now_ns, Frame()).legs
    assert [leg.changed for leg in rows] == ["changed over night: lot 65 -> 75"]
    assert violations(turn_of(desk.state)) == []


def test_unchanged_instruments_need_nobody() -> None:
    desk = held()
    morning(desk, "09:20")
    assert texts(desk) == []


def test_conversion_needs_a_person() -> None:
    desk = held()
    convert(desk, 10)
    desk.run(5)
    assert [key for text, key in texts(desk) if "converted 650 to MIS" in text] == ["f"]


def test_stock_contract_that_expires_soon_is_shown() -> None:
    desk = held()
    desk.load(tuple(replace(i, expiry="2026-11-03", underlying="RELIANCE") for i in INSTRUMENTS))
    assert [text for text, _ in texts(desk)] == [
        "stock contract, 1 trading days to expiry: settled in shares if it stays open"
    ]
    assert any("settled in shares" in text for text in desk.notices())


def test_leg_that_is_due_in_the_morning_stays_on_the_screen() -> None:
    """The master is out of it; what the child still holds must not vanish with the day."""
    desk = held()
    jump(desk, ns("15:31"))
    desk.sell(10)
    morning(desk, "09:00")
    rows = build_snapshot(desk.state, desk.now_ns, Frame()).legs
    assert [(leg.leg, int(leg.cells[0].have_lots)) for leg in rows] == [(CALL_LEG, 3)]
    assert desk.leg().allocation_units == 3 * LOT
