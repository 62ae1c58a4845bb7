"""Long account ids that begin alike: every screen where orders are approved tells them apart, in straight columns."""

from collections.abc import Sequence
from string import ascii_uppercase, digits

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from engine.snapshot import Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, WIDE, Desk, drive
from tests.tui.test_restart import asked, left
from tui.answers import Answers
from tui.frame import Frame
from tui.record import DayRecord
from tui.screens import ask_lines, cap_lines, confirm_lines, copy_lines, detail, held_lines, restart_lines, ticket_lines
from tui.text import Line, name_column, plain, short_names
from tui.widgets import accounts, day, matrix, orders

IDS = tuple(s.FAMILY.values())
WIDTHS = (74, 110)
"Lines of a dialog at 80x24 and at 120x36."
LEG = s.leg_of(s.CONDOR[0][0])
ids = st.text(ascii_uppercase[:3] + digits[:2] + "-", min_size=1, max_size=20)


@given(st.sets(ids, min_size=1, max_size=40), st.integers(1, 24))
@example({"A" * 9 + middle + "B" * 9 for middle in ("CD", "DC", "CC", "DD")}, 8)
@example({"A" * 20, "A" * 19, "A" * 18}, 6)
def test_different_ids_never_look_alike(names: set[str], width: int) -> None:
    found = short_names(names, width)
    assert found.keys() == names
    assert len(set(found.values())) == len(names)
    assert all(cell_len(text) <= max(width, 2) for text in found.values())
    assert all(found[name] == name for name in names if len(name) <= width)
    column = name_column(names, 2, width + 1)
    assert all(cell_len(column.pad(name)) == column.width for name in names) or column.width <= 3


def test_long_ids_are_cut_in_the_middle_and_short_ones_not_at_all() -> None:
    assert short_names(IDS[:3], 10) == {IDS[0]: "GRAND…HDFC", IDS[1]: "GRAND…CICI", IDS[2]: "GRAND…-SBI"}
    assert short_names(IDS, 20) == {name: name for name in IDS}
    assert short_names(("A-SON-OF-MINE", "A-SUN-OF-MINE"), 7) == {
        "A-SON-OF-MINE": "A-SO…NE",
        "A-SUN-OF-MINE": "A-SU…NE",
    }


def test_column_is_as_wide_as_the_longest_id_wants_within_its_bounds() -> None:
    assert name_column(("A", "BB"), 9).width == 9
    assert name_column(IDS, 9).width == 21
    assert name_column(IDS, 9, 15).width == 15
    assert name_column(IDS, 9, 15).pad("NOT-AMONG-THEM-BUT-LONG") == "NOT-AMO…T-LONG "
    assert name_column((), 9).pad("A") == "A        "


def frame(snapshot: Snapshot) -> Frame:
    return Frame(snapshot=s.family(snapshot), now_ns=s.NOW, quiet_s=0)


def told_apart(lines: Sequence[str], before: int, *marks: str, count: int = 6) -> None:
    """Each line begins, behind `before` cells, with another id, and all of them have one of the marks in one place."""
    names = [text[before:].split(" ")[0] for text in lines]
    assert len(set(names)) == len(lines) == count, lines
    assert all("GRAND" in name or "FAMILY" in name or "…" in name for name in names), names
    places = {
        min(at for mark in marks if (at := text.find(mark, before + len(names[i]) + 1)) > 0)
        for i, text in enumerate(lines)
    }
    assert len(places) == 1, lines


def texts(lines: Sequence[Line]) -> list[str]:
    return [plain(each) for each in lines]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("basket", [False, True])
@pytest.mark.parametrize("on_paper", [(), (IDS[1],)])
def test_confirm(width: int, on_paper: tuple[str, ...], *, basket: bool) -> None:
    asked_about = s.family(s.asking()).prompts[0]
    if basket:
        rows = tuple(replace(row, leg=s.leg_of("OTHER"), title=s.CONDOR[1][1]) for row in asked_about.rows)
        asked_about = replace(asked_about, rows=asked_about.rows + rows)
    _, (head, *rows_shown, _total) = confirm_lines.prompt_rows(asked_about, Answers(), s.NOW, width, on_paper)
    drawn = texts([row.line for row in rows_shown])
    assert all(cell_len(text) <= width for text in (plain(head.line), *drawn))
    ends = plain(head.line).index("lots") + 4
    legs = [[text for text in drawn if title in text] for title in (s.CONDOR[0][1], s.CONDOR[1][1])]
    for some in legs if basket else [drawn]:
        assert len({text[4:].split(" ")[0] for text in some}) == len(some) == 6
        asked_rows = [text for text in some if "–" not in text]
        assert len(asked_rows) == 5
        assert all(text[ends - 1].isdigit() and text[ends - 2] == " " for text in asked_rows), asked_rows
        assert not basket or len({text.index(" S NIFTY") for text in some}) == 1
    brief = replace(asked_about, rows=tuple(replace(row, child=row.child[-4:]) for row in asked_about.rows))
    _, (usual, *_) = confirm_lines.prompt_rows(brief, Answers(), s.NOW, width, on_paper)
    kept = {name for name in confirm_lines.KEPT[0] if name in plain(usual.line)}
    assert {name for name in kept if name not in plain(head.line)} == set()


def test_child_that_is_asked_alone_is_told_apart_from_those_that_are_not() -> None:
    asked_about = s.family(s.asking()).prompts[0]
    shown = set()
    for name in IDS[:2]:
        alone = replace(asked_about, rows=tuple(row for row in asked_about.rows if row.child == name))
        _, rows = confirm_lines.prompt_rows(alone, Answers(), s.NOW, 50, (), IDS)
        shown.add(plain(rows[1].line)[4:].split(" ")[0])
    assert len(shown) == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_held_and_flatten(width: int) -> None:
    base = s.condor()
    held = [text for text in texts(held_lines.held(frame(base), width)) if s.CONDOR[1][0] in text]
    told_apart(held, 2, s.CONDOR[1][0], count=5)
    assert all(cell_len(text) <= width for text in held)
    choices = texts([row.line for row in ask_lines.flatten_rows(frame(base), width)])
    told_apart(choices[1:], 0, "+", "-", count=5)
    assert choices[0].index("5 children") == len(name_column(IDS, 10).pad(""))


@pytest.mark.parametrize("width", WIDTHS)
def test_choices_of_a_child(width: int) -> None:
    for rows in (ask_lines.resync_rows, ask_lines.child_rows, cap_lines.cap_rows):
        told_apart(texts([row.line for row in rows(frame(s.condor()), width)]), 0, "✓", "▲", "?", "✗", "–", "○", "·")
    live = texts(ask_lines.live_lines(frame(s.condor()), width))
    told_apart([text for text in live if "available" in text], 2, "available")


@pytest.mark.parametrize("width", WIDTHS)
def test_ticket(width: int) -> None:
    choices = texts([row.line for row in ticket_lines.ticket_child_rows(frame(s.condor()), width, LEG)])
    told_apart(choices[1:-1], 0, "-", count=5)
    told = [text for text in texts(ticket_lines.ticket_lines(frame(s.condor()), width, LEG, ())) if text[:2] == "  "]
    assert len({text.split(" ")[2] for text in told}) == 6
    assert {text[22] == " " and text[23] != " " for text in told} == {True}


@pytest.mark.parametrize("width", WIDTHS)
def test_restart(width: int) -> None:
    rows = tuple(left(name, -195, held=1) for name in s.FAMILY)
    start = frame(asked(rows=rows))
    assert start.snapshot.restart is not None
    drawn = texts(restart_lines.question_lines(start.snapshot.restart, start, width))
    told_apart([text for text in drawn if "1 held" in text], 2, "NIFTY")
    drawn = texts(restart_lines.hand_over_lines(start, width, ()))
    told_apart([text for text in drawn if "1 held" in text], 2, "NIFTY")
    assert all(cell_len(text) <= width for text in drawn)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_a_leg_of_a_copy_and_of_the_day(width: int) -> None:
    shown = frame(s.staged())
    leg = [text for text in texts(detail.leg_lines(LEG, shown, width)) if text.startswith(("GRAND", "FAMILY"))]
    assert len({text[:20] for text in leg}) == 6 and {text[20] for text in leg} == {" "}
    copy = texts(copy_lines.copy_lines(shown.snapshot.copies[0], shown, width))
    rows = [text for text in copy if text.startswith(("GRAND", "FAMILY"))]
    head = next(text for text in copy if text.startswith("child"))
    assert len({text[: head.index("filled") - 3] for text in rows}) == 6
    assert {text[head.index("filled") + 5].isdigit() for text in rows} == {True}
    record = DayRecord()
    record.see(shown.snapshot)
    made = day.children_lines(list(zip(shown.snapshot.children, record.days(IDS), strict=True)), width)
    assert len({plain(text)[:20] for text in made[1:]}) == 6


@pytest.mark.parametrize("width", [78, 118])
@pytest.mark.parametrize("live", [False, True])
def test_accounts(width: int, *, live: bool) -> None:
    head, rows = accounts.account_rows(frame(s.live() if live else s.condor()), width, sort="configuration")
    drawn = [plain(row.line) for row in rows]
    told_apart(drawn, 0, "✓", "?", "✗", "–", "○", "·")
    end = plain(head).index("capital ₹") + len("capital ₹")
    assert {text[end - 1].isdigit() or text[end - 1] == "–" for text in drawn} == {True}
    assert all(cell_len(text) <= width for text in (plain(head), *drawn))
    assert not live or all("LIVE" in text for text in drawn)


@pytest.mark.parametrize("width", [78, 118])
def test_working_orders(width: int) -> None:
    names = orders.name_cells(IDS, width)
    drawn = [
        plain(orders.order_line(replace(order, account=name), names, s.NOW, width))
        for order in s.condor().working
        for name in IDS
    ]
    told_apart(drawn, 0, "SELL")
    assert all(cell_len(text) <= width for text in drawn)
    assert plain(orders.head_line(names)).index("leg") == drawn[0].index("NIFTY")


@pytest.mark.parametrize("name", ["ZC0001", IDS[0]])
@pytest.mark.parametrize("width", [97, 118, 160])
def test_age_of_a_working_order_stands_in_its_column_also_beside_a_note_that_is_cut(width: int, name: str) -> None:
    order = replace(s.condor().working[0], account=name)
    names = orders.name_cells((name,), width)
    end = plain(orders.head_line(names)).index("since") + len("since")
    for note in (
        "",
        "held",
        "held: slippage 10.0 %, limit 1.0 %: the price has run away from the master's, see the events",
    ):
        text = plain(orders.order_line(replace(order, reason=note), names, s.NOW, width))
        assert text[:end].endswith(" 47 s") and text[end] == " ", text
        assert cell_len(text) <= width


@pytest.mark.parametrize("selected", ["", *IDS])
@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("width", [78, 118])
def test_heads_of_the_matrix(width: int, count: int, selected: str, *, dense: bool) -> None:
    base = s.family(s.condor())
    legs = tuple(replace(leg, cells=leg.cells[:count]) for leg in base.legs)
    shown = s.changed(base, children=base.children[:count], legs=legs)
    columns = matrix.plan(shown, width, selected=selected, dense=dense)
    head = plain(matrix.head_line(shown, columns, selected))
    at = [columns.left_w + columns.child_w * i for i in range(len(columns.children))]
    names = [head[place : place + columns.child_w] for place in at]
    assert len(set(names)) == len(names) and all(name[0] == " " or name[0] == "[" for name in names)
    assert len(head) == columns.left_w + columns.child_w * len(names) <= width
    assert len(head) == len(plain(matrix.leg_line(shown.legs[0], columns)))
    if count == 3 and width == 118 and not dense:
        assert {name.strip() for name in names} >= set(IDS[:3]) - {selected}


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["120x36", "80x24"])
def test_all_of_it_on_the_screen(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        assert desk.top == "Confirm"
        column = short_names(IDS, 20 if size == WIDE else 19)
        assert [name for name in column.values() if f" {name} " not in desk.text] == []
        await desk.press("escape", "escape", "6")
        column = short_names(IDS, 19 if size == WIDE else 16)
        assert [name for name in column.values() if f"{name} " not in desk.text] == []

    drive(s.family(s.asking()), script, size=size)
