"""Finding things: a child by a part of its name, rows by a filter, another order of them."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.commands import Severity
from engine.snapshot import CellState, ChildState
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, drive
from tui.record import DayRecord
from tui.screens.overview import PANELS


def column(desk: Desk, part: str) -> list[str]:
    """Lines of the screen that have a part."""
    return [row for row in desk.screen if part in row]


def test_child_is_found_by_a_part_of_its_name_and_shown() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("g", *"0004")
        assert column(desk, "Account ZC0004")
        assert not column(desk, "Account ZC0001")
        await desk.press("enter")
        assert "CHILD ZC0004" in desk.text
        await desk.press("enter")
        assert desk.app.overview.matrix.selected_child == "ZC0004"

    drive(s.condor(), script)


def test_arrows_choose_among_what_is_left_and_escape_leaves_it() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("g", *"step", "down", "enter")
        assert "CHILD ZC0002" in desk.text
        await desk.press("enter", "g", *"nobody")
        assert "Nothing matches." in desk.text
        await desk.press("enter")
        assert desk.top == "Finder"  # nothing to take
        await desk.press("escape")
        assert desk.top == "Overview"

    drive(s.condor(), script)


@pytest.mark.parametrize(
    ("panel", "words", "stays", "goes"),
    [
        ("1", "ce", "24900", "24350"),
        ("2", "sell 24750", "24750 CE", "24350 PE"),
        ("4", "alarm", "no answer; the order", "The market is open"),
        ("6", "zc0004", "ZC0004", "ZC0001"),
    ],
)
@pytest.mark.parametrize("size", [(120, 36), SMALL])
def test_filter_is_for_the_panel_that_fills_the_screen(
    panel: str, words: str, stays: str, goes: str, size: tuple[int, int]
) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(panel, "slash", *words, "enter")
        assert f"filter '{words}'" in desk.text
        body = "\n".join(desk.screen[3:])
        assert stays in body
        assert goes not in body.replace("24900 CE", "") or panel == "1"
        await desk.press("slash", *"x y z")
        assert "Nothing matches" in desk.text
        await desk.press("escape")
        assert "filter '" not in desk.text
        assert desk.app.overview.panel == PANELS[int(panel) - 1]  # only a second escape leaves it
        assert goes in "\n".join(desk.screen[3:])
        await desk.press("escape")
        assert not desk.app.overview.panel

    drive(s.condor(), script, size=size)


def test_what_needs_the_operator_is_never_filtered_away() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("3", "slash")
        assert desk.app.overview.filtered.id == "events"
        await desk.press(*"nothing here", "enter", "3")
        assert "unknown" in desk.text

    drive(s.condor(), script)


def test_accounts_are_sorted_by_what_is_asked_and_the_title_says_so() -> None:
    base = s.condor()
    children = tuple(
        s.made(child, inr) for child, inr in zip(base.children, ("5", "-700", "3", "9", "-20", "0"), strict=True)
    )

    async def script(desk: Desk) -> None:
        def order() -> list[str]:
            return [row.key for row in desk.app.overview.query_one("#accounts").rows]  # type: ignore[attr-defined]

        await desk.press("6")
        assert order() == [child.id for child in children]
        assert "by " not in desk.screen[2]
        await desk.press("s")
        assert children[[c.id for c in children].index(order()[0])].state is not ChildState.IN_STEP
        await desk.press("s")
        assert order() == ["ZC0002", "ZC0005", "ZC0006", "AC0003", "ZC0001", "ZC0004"]
        assert "by day P&L" in desk.text
        await desk.press("s", "s", "s")
        assert order() == [child.id for child in children]

    drive(s.condor(children=children), script)


def test_every_list_has_orders_and_what_needs_you_says_that_it_has_one() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "s")
        slowest = [max(p.latency_ms or 0 for p in row.lines) for row in s.copies()]
        first = desk.app.overview.query_one("#copies").rows[0].key  # type: ignore[attr-defined]
        assert int(first) == s.copies()[slowest.index(max(slowest))].id
        await desk.press("5", "s")
        assert "by age" in desk.text
        await desk.press("3", "s")
        assert any("one order" in note.message for note in desk.app._notifications)

    drive(s.condor(), script)


def keys(desk: Desk, panel: str) -> list[str]:
    """Keys of a panel's rows."""
    return [row.key for row in desk.app.overview.query_one(f"#{panel}").rows if row.key]  # type: ignore[attr-defined]


def test_legs_by_what_needs_the_operator_by_result_and_by_name() -> None:
    """The one unknown cell is in the last leg but one; the master's results fall with the place in the list."""
    base = s.condor()
    first, second, third, last = base.legs
    unknown = msgspec.structs.replace(third.cells[0], state=CellState.UNKNOWN)
    results = (Decimal(5), None, Decimal(-7), Decimal(-9))
    calm = [msgspec.structs.replace(cell, state=CellState.IN_STEP) for cell in first.cells]
    rows = [
        msgspec.structs.replace(leg, master_pnl_inr=result, cells=tuple([unknown, *calm[1:]] if leg is third else calm))
        for leg, result in zip((first, second, third, last), results, strict=True)
    ]

    async def script(desk: Desk) -> None:
        def order() -> list[int]:
            shown = [key for key in keys(desk, "matrix") if not key.startswith("sum|")]
            return [[str(leg.leg) for leg in rows].index(key) for key in shown]

        await desk.press("1", "s")
        assert order() == [2, 0, 1, 3]
        assert "by what needs you" in desk.text
        await desk.press("s")
        assert order() == [3, 2, 0, 1]
        await desk.press("s")
        assert [rows[place].title for place in order()] == sorted(leg.title for leg in rows)
        await desk.press("s")
        assert order() == [0, 1, 2, 3]

    drive(s.changed(base, legs=tuple(rows)), script)


def test_what_asks_comes_before_what_only_works_or_drifts() -> None:
    base = s.condor()
    states = (CellState.DRIFT, CellState.WORKING, CellState.AWAITING, CellState.HELD)
    rows = [
        msgspec.structs.replace(leg, cells=tuple(msgspec.structs.replace(cell, state=state) for cell in leg.cells))
        for leg, state in zip(base.legs, states, strict=True)
    ]

    async def script(desk: Desk) -> None:
        await desk.press("1", "s")
        shown = [key for key in keys(desk, "matrix") if not key.startswith("sum|")]
        assert [[str(leg.leg) for leg in rows].index(key) for key in shown] == [3, 2, 0, 1]

    drive(s.changed(base, legs=tuple(rows)), script)


def test_children_that_are_rows_of_the_legs_panel_are_copied_worst_first_as_they_stand() -> None:
    base = s.condor()
    states = [ChildState.IN_STEP if n % 2 else ChildState.DRIFT for n in range(40)]
    children = tuple(
        msgspec.structs.replace(base.children[0], id=f"Z{n:03}", state=state) for n, state in enumerate(states)
    )

    async def script(desk: Desk) -> None:
        await desk.press("1", "y")
        assert [row.split("\t")[0] for row in desk.app.clipboard.splitlines()[1:]] == keys(desk, "matrix")
        assert keys(desk, "matrix")[:2] == ["Z000", "Z002"]

    drive(s.changed(base, children=children, legs=(), background=()), script)


def test_children_that_are_rows_of_the_legs_panel_have_the_orders_of_accounts() -> None:
    base = s.condor()
    children = tuple(msgspec.structs.replace(base.children[0], id=f"Z{n:03}", day_inr=Decimal(-n)) for n in range(40))

    async def script(desk: Desk) -> None:
        await desk.press("1", "s", "s")
        assert "Children · by day P&L" in desk.text
        assert keys(desk, "matrix")[:2] == ["Z039", "Z038"]
        await desk.press("y")
        assert [row.split("\t")[0] for row in desk.app.clipboard.splitlines()[1:3]] == ["Z039", "Z038"]
        desk.app.overview.matrix.sort = "capital"
        await desk.publish(children=children[:5])  # legs have four orders
        assert "by " not in desk.screen[2]

    drive(s.changed(base, children=children, legs=(), background=()), script)


def test_events_that_were_missed_are_told_of_in_the_order_of_time_alone() -> None:
    gap = (s.notices()[0], msgspec.structs.replace(s.notices()[1], number=s.notices()[0].number + 9))

    async def script(desk: Desk) -> None:
        await desk.publish(notices=gap[:1])
        await desk.publish(notices=gap)
        await desk.press("4")
        assert "only in the journal" in desk.text
        await desk.press("s")
        assert "only in the journal" not in desk.text

    drive(s.changed(s.condor(), notices=()), script)


def test_one_event_that_was_missed_is_one_event() -> None:
    first, second = s.notices()[:2]

    async def script(desk: Desk) -> None:
        await desk.publish(notices=(first,))
        await desk.publish(notices=(first, msgspec.structs.replace(second, number=first.number + 2)))
        await desk.press("4")
        assert "1 event is only in the journal" in desk.text

    drive(s.changed(s.condor(), notices=()), script)


def test_events_by_severity_and_by_account_newest_first_among_equals() -> None:
    async def script(desk: Desk) -> None:
        ring = {str(n.number): n for n in desk.app.overview.events.ring.notices}
        await desk.press("4", "s")
        grave = [ring[key] for key in keys(desk, "events")]
        rank = [Severity.ALARM, Severity.WARNING, Severity.INFO].index
        assert [(rank(n.severity), -n.number) for n in grave] == sorted((rank(n.severity), -n.number) for n in grave)
        assert {n.severity for n in grave} == set(Severity)
        await desk.press("s")
        named = [ring[key].account for key in keys(desk, "events")]
        assert named == sorted(named, key=lambda account: (not account, account))
        assert "by account" in desk.text

    drive(s.condor(), script)


def test_day_by_result_by_slippage_and_by_the_slowest_copy_and_it_is_exported_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base = s.condor()
    children = tuple(
        s.made(child, inr) for child, inr in zip(base.children, ("5", "-700", "3", "9", "-20", "0"), strict=True)
    )

    record = DayRecord()
    record.see(s.condor(children=children))

    async def script(desk: Desk) -> None:
        def first() -> str:
            shown = next(i for i, row in enumerate(desk.screen) if "slippage ₹" in row)
            return next(child.id for child in children if child.id in desk.screen[shown + 1])

        await desk.press("7", "s")
        assert first() == "ZC0002"
        await desk.press("e")
        [written] = (tmp_path / "exports").iterdir()
        assert written.read_text().splitlines()[1].startswith("ZC0002,")
        days = dict(zip([child.id for child in children], record.days(child.id for child in children), strict=True))
        await desk.press("s")
        assert days[first()].slippage_inr == max(day.slippage_inr for day in days.values()) > 0
        slowest = {child: max(day.latencies_ms, default=0) for child, day in days.items()}
        await desk.press("s")
        assert slowest[first()] == max(slowest.values()) > 0

    drive(s.condor(children=children), script)


def test_filter_ends_with_the_full_screen_of_its_panel() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("1", "slash", *"24350", "enter", "1")
        assert "24750" in desk.text
        await desk.press("5", "slash", *"zc0001", "tab", "6")
        assert not desk.app.overview.has_class("-filtering")
        await desk.press("5")
        assert "ZC0004" in desk.text

    drive(s.condor(), script)


def test_filter_of_accounts_and_copies_comes_back_with_their_full_screen_alone() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("2", "slash", *"24900", "enter", "2")
        assert len(keys(desk, "copies")) == 4 and "filter '" not in desk.text
        await desk.press("2")
        assert "filter '24900': 1" in desk.text and "24750" not in desk.text
        await desk.press("6", "slash", *"zc0001", "tab", "5", "6")
        assert "filter 'zc0001': 1" in desk.text and "ZC0002" not in desk.text

    drive(s.condor(), script)


def test_accounts_say_how_many_of_those_left_out_are_not_in_lockstep() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "slash", *"zc0004", "enter")
        assert "filter 'zc0004': 1 · 1 hidden not in lockstep" in desk.text
        await desk.press("slash", "escape")
        assert "hidden" not in desk.text

    drive(s.condor(), script)


def test_filter_finds_words_that_a_small_screen_cuts_off() -> None:
    order = msgspec.structs.replace(s.condor().working[0], reason="a very long reason that ends with tortoise")

    async def script(desk: Desk) -> None:
        await desk.press("5", "slash", *"tortoise", "enter")
        assert len([row for row in desk.app.overview.query_one("#orders").rows if row.key]) == 1  # type: ignore[attr-defined]

    drive(s.condor(working=(order,)), script, size=SMALL)
