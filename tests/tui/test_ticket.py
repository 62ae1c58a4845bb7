"""The order ticket on the screen: how a number is read, what it says of each child, and what a typed word is for."""

from decimal import Decimal

import msgspec
import pytest

from engine.model import LegId
from engine.snapshot import Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, WIDE, Desk, assert_screen, drive
from tui.frame import Frame
from tui.screens import ticket_lines as say
from tui.screens.detail import leg_lines
from tui.text import plain


def frame(snapshot: Snapshot) -> Frame:
    return Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=0)


def leg(snapshot: Snapshot, number: int = 0) -> LegId:
    return snapshot.legs[number].leg


def preview(snapshot: Snapshot, text: str, *children: str, number: int = 0, leg_id: str = "") -> str:
    found = say.ticket_preview(frame(snapshot), leg_id or leg(snapshot, number), children, text)
    return "" if found is None else plain(found).strip()


@pytest.mark.parametrize(
    ("text", "lots", "in_ratio"),
    [("2", 2, False), (" +3 ", 3, False), ("-1", -1, False), ("10m", 10, True), ("-5 M", -5, True)],
)
def test_number_is_read_as_lots_or_as_lots_of_the_masters(text: str, lots: int, in_ratio: bool) -> None:
    assert say.parse_ticket(text) == say.Ticket(lots, in_ratio)


@pytest.mark.parametrize("text", ["", "0", "-0", "2.5", "two", "1m1", "--1", "9999999", "100001", "m"])
def test_what_is_no_number_of_lots_is_not_taken(text: str) -> None:
    assert say.parse_ticket(text) is None


def test_preview_says_what_each_child_would_have() -> None:
    assert preview(s.condor(), "2", "ZC0001") == "2 lots more: ZC0001 -3 → -5"
    assert preview(s.condor(), "1", "ZC0001", number=1) == "1 lot more: ZC0001 +3 → +4"
    assert preview(s.condor(), "-1", "ZC0001") == "1 lot fewer: ZC0001 -3 → -2"
    assert preview(s.condor(), "-9", "ZC0001") == "9 lots fewer: ZC0001 -3 → 0"
    assert preview(s.condor(), "x") == ""


def test_preview_in_ratio_gives_whole_lots_of_each_childs_ratio_and_leaves_exits_to_the_engine() -> None:
    snapshot = s.condor()
    column = msgspec.structs.replace(snapshot.children[0], scopes=s.part_of("3/10"))
    snapshot = msgspec.structs.replace(snapshot, children=(column, *snapshot.children[1:]))
    assert preview(snapshot, "9m", "ZC0001") == "as if the master added 9: ZC0001 -3 → -5"  # 3/10 x 19 less 3/10 x 10
    assert preview(snapshot, "-5m", "ZC0001") == "as if the master closed 5"


def test_leg_that_the_master_left_meanwhile_takes_no_ticket() -> None:
    before = s.condor()
    after = msgspec.structs.replace(before, legs=before.legs[1:])
    assert "takes no ticket" in plain(say.ticket_lines(frame(after), 80, leg(before), ())[0])
    assert preview(after, "2", leg_id=leg(before)) == "the master is out of it"


def test_preview_of_many_children_says_how_many_more_there_are() -> None:
    told = preview(s.condor(), "2")
    assert told.endswith(" and 3 more")
    assert len(told) < 78


def test_child_that_takes_no_entries_is_told_in_the_preview() -> None:
    snapshot = s.condor()
    column = msgspec.structs.replace(snapshot.children[0], scopes=s.part_of("3/10", entries_stopped="flattened"))
    snapshot = msgspec.structs.replace(snapshot, children=(column, *snapshot.children[1:]))
    assert preview(snapshot, "2", "ZC0001") == "2 lots more: ZC0001 takes no entries"


def test_preview_follows_the_picture() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("l", "enter", "down", "enter", *"-1")
        assert "ZC0001 -3 → -2" in desk.text
        legs = s.condor().legs
        cell = msgspec.structs.replace(legs[0].cells[0], have_lots=Decimal(-1), want_lots=Decimal(-1))
        row = msgspec.structs.replace(legs[0], cells=(cell, *legs[0].cells[1:]))
        await desk.publish(legs=(row, *legs[1:]))
        assert "ZC0001 -1 → 0" in desk.text
        await desk.publish(legs=legs[1:])
        assert "the master is out of it" in desk.text
        await desk.press("enter")

    assert drive(s.condor(), script).sent == []


def test_lots_of_a_ticket_are_told_on_the_legs_page() -> None:
    snapshot = s.condor()
    row = snapshot.legs[0]
    cell = msgspec.structs.replace(row.cells[0], by_hand_lots=Decimal(-2))
    row = msgspec.structs.replace(row, cells=(cell, *row.cells[1:]))
    lines = leg_lines(row.leg, frame(msgspec.structs.replace(snapshot, legs=(row, *snapshot.legs[1:]))), 100)
    assert any("-2 of what it is to have by ticket" in plain(text) for text in lines)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["120x36", "80x24"])
def test_ticket_is_as_stored(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("l", "enter", "enter", *"10m")
        assert_screen(f"ticket-{size[0]}x{size[1]}", desk)
        await desk.press("backspace", "backspace", "backspace", *"-1", "enter")
        assert_screen(f"ticket-fewer-{size[0]}x{size[1]}", desk)

    drive(s.condor(), script, size=size)


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_dialogs_name_leg_children_and_lots_before_anything_is_sent(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press("l")
        assert "the master -10 lots" in desk.text
        await desk.press("enter", "down", "enter")
        assert "FOR ZC0001" in desk.text
        await desk.press(*"-1")
        assert "1 lot fewer: ZC0001 -3 → -2" in desk.text
        await desk.press("enter")
        assert "without another question" in desk.text
        assert desk.sent == []
        await desk.press("escape")
        assert desk.top == "Overview"

    assert drive(s.condor(), script, size=size).sent == []
