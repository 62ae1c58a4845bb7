from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.model import NS_PER_S
from engine.snapshot import EngineState, Snapshot
from tests.tui import snapshots as s
from tui.frame import Frame, busy, by_urgency, children_with_something_open, open_cells
from tui.screens import detail
from tui.screens.child_lines import child_lines
from tui.screens.held_lines import held
from tui.text import Tone, plain, width_of
from tui.widgets.accounts import account_rows
from tui.widgets.attention import nothing_line
from tui.widgets.header import banner_line, header_line
from tui.widgets.matrix import leg_line, master_average, plan, summary_lines


def frame(snapshot: Snapshot, later_s: float = 0, quiet_s: float = 0) -> Frame:
    return Frame(snapshot=snapshot, now_ns=s.NOW + int(later_s * NS_PER_S), quiet_s=quiet_s)


def test_fresh_snapshot_is_not_stalled() -> None:
    assert not frame(s.flat(), 2.9, 2.9).stalled


def test_picture_is_old_by_the_dashboards_own_count() -> None:
    assert frame(s.flat(), 0, 3).stalled


def test_picture_is_old_by_the_engines_clock() -> None:
    assert frame(s.flat(), 3, 0).stalled


def test_engine_clock_of_a_fast_replay_is_scaled_back() -> None:
    assert not frame(s.flat(speed=Decimal(60)), 120, 0).stalled
    assert frame(s.flat(speed=Decimal(60)), 180, 0).stalled


def test_replay_at_full_speed_is_never_late_by_its_own_clock() -> None:
    fast = frame(s.stale(speed=Decimal("Infinity")), 3600, 0)
    assert not fast.stalled
    assert not fast.master_stale


def test_ended_recording_and_stopped_engine_are_not_called_stalled() -> None:
    assert not frame(s.flat(finished=True), 60, 60).stalled
    assert not frame(s.flat(engine=EngineState.STOPPED), 60, 60).stalled


def test_live_strategy_counts_as_live_after_the_mode_was_switched() -> None:
    assert frame(s.live()).live
    assert frame(s.condor(strategies=s.live().strategies)).live
    assert not frame(s.condor()).live


def test_master_without_a_complete_read_is_stale() -> None:
    assert frame(s.flat(master=s.master_link(read_at_ns=None))).master_stale
    assert frame(s.stale()).master_stale
    assert not frame(s.flat()).master_stale
    slow = s.master_link(read_at_ns=s.NOW - 20 * NS_PER_S, late_ns=25 * NS_PER_S)
    assert not frame(s.flat(master=slow)).master_stale


def test_children_that_need_attention_come_first() -> None:
    snapshot = s.condor()
    assert [snapshot.children[i].id for i in by_urgency(snapshot.children)][:3] == ["ZC0004", "ZC0006", "ZC0001"]


def test_open_cells_are_those_with_lots_or_unknown_lots() -> None:
    snapshot = s.condor()
    assert len(open_cells(snapshot)) == 20
    assert {one.cell.child for one in open_cells(snapshot, ("ZC0001",))} == {"ZC0001"}
    assert busy(snapshot)
    assert not busy(s.flat())


@pytest.mark.parametrize("status", ["queued", "working", "held"])
def test_order_without_lots_is_open_too(status: str) -> None:
    order = s.condor().working[0]
    order = replace(order, status=status, deadline_ns=None, entry=True)
    snapshot = s.nothing_held(working=(order,))
    (found,) = open_cells(snapshot)
    assert (found.cell.child, found.leg.leg, found.orders) == ("ZC0004", order.leg, (order,))
    assert open_cells(snapshot, ("ZC0001",)) == []
    assert children_with_something_open(snapshot) == ("ZC0004",)


def test_leg_with_background_lots_is_open_once() -> None:
    assert open_cells(s.beside_background(), ("ZC0001",)) == [
        one._replace(leg=replace(one.leg, background_lots=Decimal(5 if one.leg.symbol == s.CONDOR[0][0] else 0)))
        for one in open_cells(s.condor(), ("ZC0001",))
    ]
    only = s.condor(legs=(), background=s.beside_background().background)
    assert len(open_cells(only, ("ZC0001",))) == 1


def test_background_row_shows_its_own_lots() -> None:
    snapshot = s.beside_background()
    columns = plan(snapshot, 118, selected="", dense=False)
    both = [plain(leg_line(leg, columns)) for leg in (snapshot.legs[0], snapshot.background[0])]
    assert [text.split()[4] for text in both] == ["-10", "+5"]
    assert "o adopts" not in both[1]


def test_recording_that_ended_is_no_alarm() -> None:
    ended = frame(s.flat(finished=True, engine=EngineState.STOPPED, source="replay 2025-08-29"), 60, 60)
    text = plain(banner_line(ended, 120))
    assert "replay 2025-08-29 has come to its end" in text
    stopped = frame(s.flat(engine=EngineState.STOPPED), 60, 60)
    assert "ENGINE STOPPED" in plain(banner_line(stopped, 120))


def test_failed_engine_does_not_claim_that_children_are_in_lockstep() -> None:
    assert "in lockstep" in plain(header_line(frame(s.condor()), 160))
    shown = plain(header_line(frame(s.condor(engine=EngineState.FAILED)), 160))
    assert f"? of {len(s.condor().children)} in lockstep" in shown


@pytest.mark.parametrize(
    ("link", "changes", "expected"),
    [
        ({}, {}, 4),
        ({"connected": False}, {}, None),
        ({"needs_login": True}, {}, None),
        ({"read_at_ns": s.NOW - 40 * NS_PER_S}, {}, None),
        ({"read_at_ns": s.NOW - 40 * NS_PER_S}, {"market_open": False}, 4),
        ({"connected": False}, {"finished": True}, 4),
    ],
)
def test_nobody_is_called_in_lockstep_with_a_master_that_is_not_seen(
    link: dict[str, object], changes: dict[str, object], expected: int | None
) -> None:
    picture = frame(s.condor(master=s.master_link(**link), **changes))
    assert picture.in_step == expected
    shown = plain(header_line(picture, 200))
    assert f"{'?' if expected is None else expected} of 6 in lockstep" in shown


def test_master_that_is_out_of_a_leg_has_no_average() -> None:
    leg = s.condor().legs[0]
    assert master_average(replace(leg, master_lots=Decimal(0), master_average_inr=None)) == "–"
    assert master_average(replace(leg, master_average_inr=None)) == "?"


@pytest.mark.parametrize("width", [70, 80, 108])
def test_what_is_unknown_or_under_way_is_named_whole_at_every_width(width: int) -> None:
    leg = s.condor().legs[0]
    unknown = replace(leg, cells=tuple(replace(cell, unknown_lots=Decimal(2)) for cell in leg.cells))
    order = replace(s.condor().working[0], account="ZC0001", status="held", deadline_ns=None, entry=False)
    lines = held(frame(s.condor(legs=(unknown,), working=(order, order))), width, ("ZC0001",))
    assert all(width_of(text) <= width for text in lines)
    text = " ".join(" ".join(plain(text) for text in lines).split())
    assert "and +2 lots unknown, exit SELL 1 lot held, exit SELL 1 lot held" in text


LOST = {"master": s.master_link(connected=False, error="timeout")}


@pytest.mark.parametrize(
    ("changes", "quiet_s", "known"),
    [
        ({}, 0, True),
        ({}, 3, False),
        (LOST, 0, False),
        ({"master": s.master_link(read_at_ns=s.NOW - 40 * NS_PER_S)}, 0, False),
        ({"engine": EngineState.FAILED}, 0, False),
        ({**LOST, "finished": True}, 0, True),
    ],
)
def test_no_cell_is_called_in_step_while_nobody_can_know(
    changes: dict[str, object], quiet_s: float, *, known: bool
) -> None:
    picture, word = frame(s.condor(**changes), quiet_s=quiet_s), "in step" if known else "not seen"
    snapshot, mark = picture.snapshot, ("✓", Tone.GOOD) if known else ("?", Tone.DIM)
    for dense in (False, True):
        columns = plan(snapshot, 118, selected="", dense=dense)
        spans = leg_line(snapshot.legs[1], columns, known=picture.known)
        assert [(span.text[-1], span.tone) for span in spans].count(mark) == 5
        assert ("✓" in plain(spans)) is known
        state = summary_lines(snapshot, columns, live=False, known=picture.known)[0].line
        words = [span.text.strip() for span in state[1:] if span.tone is mark[1]][:3]
        assert set(words) == {"✓ in step" if known else "not seen"} if not dense else {mark[0]}
    assert ("?" in plain(nothing_line(picture))) is not known
    lines = (account_rows(picture, 118, sort="state")[1], child_lines("ZC0001", picture, 118))
    for text in (plain(next(row.line for row in lines[0] if row.key == "ZC0001")), *map(plain, lines[1][:1])):
        assert f"{mark[0]} {word}" in text
    legs = [plain(each) for each in detail.leg_lines(snapshot.legs[1].leg, picture, 118)]
    assert any(f"{mark[0]} {word}" in text for text in legs)
    assert ("✓" in "".join(legs)) is known


def test_narrow_state_without_its_mark_does_not_say_in_step() -> None:
    picture = frame(s.condor(**LOST))
    columns = plan(picture.snapshot, 78, selected="", dense=False)
    state = plain(summary_lines(picture.snapshot, columns, live=False, known=picture.known)[0].line)
    assert "in step" not in state
    assert state.split()[1:4] == ["?"] * 3
    assert "-2/-3 ?" in plain(leg_line(picture.snapshot.legs[0], columns, known=False))
