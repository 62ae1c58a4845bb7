"""A drift that lasts is told once, as a note and by the bell, and again when it was mended and comes back."""

from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import pytest

from engine.model import NS_PER_S
from engine.snapshot import CellState, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.app import LockstepApp
from tui.drifts import TOLD_AFTER_NS, Drifts

LONG_S = TOLD_AFTER_NS // NS_PER_S
WHY = "the exit was refused"


def apart(
    second: int,
    *,
    state: CellState = CellState.DRIFT,
    have: int = -3,
    want: int = 0,
    child: str = "ZC0001",
    legs: int = 1,
    **more: object,
) -> Snapshot:
    """The condor so many seconds later, with a child that has other lots of its first legs than it wants."""
    base = s.condor()
    changes = {"state": state, "have_lots": Decimal(have), "want_lots": Decimal(want), "reason": WHY}
    rows = [
        msgspec.structs.replace(
            leg, cells=tuple(msgspec.structs.replace(c, **changes) if c.child == child else c for c in leg.cells)
        )
        for leg in base.legs[:legs]
    ]
    return s.changed(base, legs=(*rows, *base.legs[legs:]), at_ns=s.NOW + second * NS_PER_S, **more)


def in_step(second: int) -> Snapshot:
    return apart(second, state=CellState.IN_STEP, have=0)


@dataclass
class Watcher:
    """Looks at one snapshot after the other."""

    drifts: Drifts = field(default_factory=Drifts)

    def tells(self, *snapshots: Snapshot) -> list[int]:
        """How many drifts each look told."""
        return [len(self.drifts.look(snapshot)) for snapshot in snapshots]


def test_drift_is_told_once_it_lasts_and_not_again_while_it_does() -> None:
    watcher = Watcher()
    seconds = (0, LONG_S - 1, LONG_S, LONG_S + 1, LONG_S + 3600)
    assert watcher.tells(*map(apart, seconds)) == [0, 0, 1, 0, 0]
    (drift,) = watcher.drifts.told.values()
    assert drift.child == "ZC0001"
    assert drift.text == f"▲ drift for 60 min, has -3 lots, wants 0 lots: {WHY}"


def test_drift_that_was_mended_and_comes_back_is_told_again() -> None:
    watcher = Watcher()
    assert watcher.tells(apart(0), apart(10), in_step(11), apart(12), apart(13), apart(20)) == [0, 1, 0, 0, 0, 1]


def test_drift_that_is_mended_soon_is_not_told() -> None:
    assert Watcher().tells(apart(0), apart(3), in_step(4), apart(6), apart(10)) == [0] * 5


@pytest.mark.parametrize("state", [CellState.WORKING, CellState.HELD, CellState.UNKNOWN, CellState.AWAITING])
def test_what_works_or_waits_for_the_operator_is_no_drift(state: CellState) -> None:
    assert Watcher().tells(apart(0, state=state), apart(60, state=state)) == [0, 0]


def test_try_that_did_not_mend_it_makes_no_new_drift() -> None:
    working = CellState.WORKING
    watcher = Watcher()
    assert watcher.tells(apart(0), apart(3, state=working), apart(8, state=working), apart(9)) == [0, 0, 0, 1]
    assert watcher.tells(apart(10, state=working, have=-2), apart(11, have=-2), apart(30, have=-2)) == [0, 0, 0]


def test_drift_that_is_asked_about_is_told_when_it_lasts_after_the_answer() -> None:
    prompts = (s.prompt(1, 0),)
    assert Watcher().tells(apart(0, prompts=prompts), apart(60, prompts=prompts), apart(61), apart(66)) == [0, 0, 0, 1]


def test_each_leg_and_child_has_a_drift_of_its_own() -> None:
    watcher = Watcher()
    assert watcher.tells(apart(0), apart(4, legs=3), apart(5, legs=3), apart(9, legs=3)) == [0, 0, 1, 2]
    assert watcher.tells(apart(10, child="ZC0002"), apart(15, child="ZC0002")) == [0, 1]


def test_leg_that_has_gone_takes_its_drift_along_and_another_engine_begins_anew() -> None:
    watcher = Watcher()
    assert watcher.tells(apart(100), apart(105), apart(0), apart(4), apart(5)) == [0, 1, 0, 0, 1]
    assert watcher.tells(s.flat(at_ns=s.NOW + 6 * NS_PER_S)) == [0]
    assert not watcher.drifts.told


def fields(snapshot: Snapshot) -> dict[str, object]:
    return {"legs": snapshot.legs, "at_ns": snapshot.at_ns}


def shown(desk: Desk) -> list[tuple[str, str]]:
    return [(note.title, note.message.split(",")[0]) for note in desk.app._notifications]


def test_drift_rings_when_the_bell_is_on_and_is_a_note_when_notes_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(LockstepApp, "bell", lambda _app: rung.append(True))
    told = ("ZC0001 NIFTY 24750 CE 03Nov", "▲ drift for 5.0 s")

    async def script(desk: Desk) -> None:
        await desk.publish(**fields(apart(5)))
        assert (rung, shown(desk)) == ([], [])  # both are off
        await desk.publish(**fields(in_step(6)))
        await desk.press("b", "n")
        rung.clear()
        desk.app.clear_notifications()
        await desk.publish(**fields(apart(7)))
        assert (rung, shown(desk)) == ([], [])
        await desk.publish(**fields(apart(12)))
        assert (rung, shown(desk)) == ([True], [told])
        desk.app.clear_notifications()
        await desk.publish(**fields(apart(13)))
        assert (rung, shown(desk)) == ([True], [])

    drive(apart(0), script)


def test_drift_behind_a_dialog_rings_and_is_noted_as_it_is_when_the_dialog_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(LockstepApp, "bell", lambda _app: rung.append(True))

    async def script(desk: Desk) -> None:
        await desk.press("b", "n", "f12")
        rung.clear()
        desk.app.clear_notifications()
        await desk.publish(**fields(apart(5, legs=2)))
        assert (rung, shown(desk)) == ([True], [])
        await desk.publish(**fields(apart(20)))  # one of the two was mended
        await desk.press("escape")
        await desk.look()
        assert shown(desk) == [("ZC0001 NIFTY 24750 CE 03Nov", "▲ drift for 20 s")]

    drive(apart(0, legs=2), script)


def test_many_drifts_are_counted_and_never_cover_the_screen() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("n")
        desk.app.clear_notifications()
        await desk.publish(**fields(apart(5, legs=4)))
        assert [text for _, text in shown(desk)] == ["▲ drift for 5.0 s"] * 3 + ["1 more in the events and the legs"]

    drive(apart(0, legs=4), script)
