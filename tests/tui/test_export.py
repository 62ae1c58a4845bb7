"""Tables for spreadsheets: what they hold, what foreign text may not do there, and where they go."""

import csv
import stat
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.commands import Severity
from engine.snapshot import NoticeLine
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.export import Table, as_tabs, table_of, table_of_day, write_csv
from tui.record import DayRecord
from tui.screens.overview import PANELS


def notes(desk: Desk) -> list[str]:
    """What the dashboard told in a corner."""
    return [note.message for note in desk.app._notifications]


def table(panel: str) -> Table:
    """What a panel exports."""
    if panel != "day":
        return table_of(panel, s.condor())
    record = DayRecord()
    record.see(s.condor())
    children = s.condor().children
    return table_of_day(zip(children, record.days(child.id for child in children), strict=True))


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_has_a_table_of_even_rows(panel: str) -> None:
    heads, *rows = table(panel)
    assert {len(row) for row in rows} <= {len(heads)}
    assert len(set(heads)) == len(heads)
    assert rows


def test_day_is_written_with_what_its_copies_were() -> None:
    heads, first, *_ = table("day")
    row = dict(zip(heads, first, strict=True))
    assert (row["account"], row["fills"], row["median_ms"], row["slowest_ms"]) == ("ZC0001", "4", "50", "51")
    assert row["slippage_inr"] == "39.00"


def test_legs_have_the_master_and_each_child_with_plain_numbers() -> None:
    heads, *rows = table_of("matrix", s.condor())
    first = dict(zip(heads, rows[1], strict=True))
    assert rows[0][heads.index("account")] == "ZM0001"
    assert (first["account"], first["have_lots"], first["want_lots"], first["pnl_inr"]) == (
        "ZC0001",
        "-3",
        "-3",
        "1395",
    )
    assert len(rows) == 4 * 7


def test_background_lots_are_a_row_of_their_own_without_the_children() -> None:
    heads, *rows = table_of("matrix", s.beside_background())
    (row,) = [row for row in rows if row[heads.index("followed")] == "background"]
    assert (row[heads.index("account")], row[heads.index("have_lots")], row[heads.index("pnl_inr")]) == (
        "ZM0001",
        "5",
        "",
    )
    assert rows[0][heads.index("have_lots")] == "-10"
    assert len(rows) == 4 * 7 + 1


def test_ratio_is_a_number_that_no_spreadsheet_takes_for_a_day() -> None:
    heads, *rows = table_of("accounts", s.condor())
    assert [row[heads.index("ratio")] for row in rows] == ["0.3", "0.5", "0.142857", "0.3", "0.3", ""]
    twenty = s.condor(children=(msgspec.structs.replace(s.condor().children[0], scopes=s.part_of("20")),))
    assert table_of("accounts", twenty)[1][heads.index("ratio")] == "20"


def test_average_without_an_end_is_cut_and_an_amount_stays_as_it_is() -> None:
    legs = (msgspec.structs.replace(s.condor().legs[0], master_average_inr=Decimal(100) / 3),)
    heads, row, *_ = table_of("matrix", s.condor(legs=legs))
    assert row[heads.index("average_inr")] == "33.3333"
    assert row[heads.index("pnl_inr")] == str(legs[0].master_pnl_inr)


def test_foreign_text_is_neither_a_formula_nor_a_control() -> None:
    notice = NoticeLine(number=1, at_ns=s.NOW, severity=Severity.ALARM, text="=cmd|' /C calc'!A0\x1b[2J")
    (_, row) = table_of("events", msgspec.structs.replace(s.condor(), notices=(notice,)))
    assert row[-1] == "'=cmd|' /C calc'!A0·[2J"
    assert "\x1b" not in as_tabs([row])


def test_file_is_its_owners_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "exports" / "a.csv"
    write_csv([["a", "b"], ["1,2", 'say "x"']], path)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["1,2", 'say "x"']]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_csv([["z"]], path)


def test_key_writes_the_panel_that_has_the_focus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(desk: Desk) -> None:
        await desk.press("e")
        await desk.press("5", "e", "e")  # both within one second
        assert [note.partition(" written to exports/")[2][:6] for note in notes(desk)] == ["matrix", "orders", "orders"]

    drive(s.condor(), script)
    assert sorted(path.name.split("-")[0] for path in (tmp_path / "exports").iterdir()) == [
        "matrix",
        "orders",
        "orders",
    ]


def test_palette_writes_a_picture_of_the_screen_without_the_palette(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(desk: Desk) -> None:
        await desk.press("ctrl+p")
        await desk.press(*"screenshot")
        await desk.pilot.pause(0.3)
        await desk.press("down", "enter")
        await desk.pilot.pause(0.3)
        [told] = notes(desk)
        assert told.startswith("The picture is in exports/screen-")

    drive(s.condor(), script)
    [written] = (tmp_path / "exports").iterdir()
    text = written.read_text(encoding="utf-8").replace("&#160;", " ")
    assert ("NIFTY 24750 CE" in text, "screenshot" in text, written.stat().st_mode & 0o777) == (True, False, 0o600)


def test_what_a_filter_leaves_is_copied_in_the_order_on_the_screen() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("6", "slash", *"zc0004", "enter", "y")
        assert [row.split("\t")[0] for row in desk.app.clipboard.splitlines()] == ["account", "ZC0004"]
        await desk.press("slash", *["backspace"] * 6, "enter", "s", "s", "y")
        accounts = [row.split("\t")[0] for row in desk.app.clipboard.splitlines()]
        shown = [row.key for row in desk.app.overview.query_one("#accounts").rows]  # type: ignore[attr-defined]
        assert accounts == ["account", *shown]
        assert accounts != ["account", *sorted(shown)]

    drive(s.condor(), script)


def test_all_events_that_the_screen_keeps_are_copied_not_those_of_one_picture() -> None:
    many = [NoticeLine(number=n, at_ns=s.NOW, severity=Severity.INFO, text=f"event {n}") for n in range(1, 301)]

    async def script(desk: Desk) -> None:
        await desk.publish(notices=tuple(many[100:]))
        await desk.press("4", "y")
        numbers = [row.split("\t")[0] for row in desk.app.clipboard.splitlines()]
        assert numbers == ["number", *(str(n) for n in range(300, 0, -1))]

    drive(s.condor(notices=tuple(many[:200])), script)


def test_legs_that_a_filter_leaves_are_copied_with_all_their_children() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("1", "slash", *"24750", "enter", "y")
        rows = [row.split("\t") for row in desk.app.clipboard.splitlines()]
        assert {row[1] for row in rows[1:]} == {s.CONDOR[0][0]}
        assert len(rows) == 1 + 7

    drive(s.condor(), script)


def test_a_crowd_is_copied_as_the_list_of_children_that_is_shown() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("1", "y")
        assert desk.app.clipboard.splitlines()[0].split("\t")[:2] == ["account", "name"]

    drive(s.crowd(children=40), script)


def test_directory_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").write_text("a file")

    async def script(desk: Desk) -> None:
        await desk.press("e")
        assert ["could not be written" in note for note in notes(desk)] == [True]

    drive(s.condor(), script)


def test_key_copies_the_table_with_tabs() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("5", "y")
        copied = desk.app.clipboard.splitlines()
        assert copied[0].split("\t")[:3] == ["account", "tag", "order_id"]
        assert copied[1].startswith("ZC0004\t")
        assert notes(desk) == ["1 line of orders copied, if the terminal lets programs copy."]

    drive(s.condor(), script)
