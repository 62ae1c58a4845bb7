"""What the dashboard remembers of its user, and when it rings."""

from pathlib import Path

import msgspec
import pytest

from engine.commands import Severity
from engine.snapshot import NoticeLine, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.app import LockstepApp
from tui.bell import Bell
from tui.memory import Habits, Memory
from tui.theme import DARK


def alarmed(snapshot: Snapshot, number: int, severity: Severity = Severity.ALARM) -> Snapshot:
    notice = NoticeLine(number=number, at_ns=s.NOW, severity=severity, text="exit unknown")
    return msgspec.structs.replace(snapshot, notices=(notice,))


def test_habits_last_from_one_start_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "data" / "screen.json"
    Memory(path).keep(theme="lockstep-light", dense=True)
    assert Memory(path).habits == Habits(theme="lockstep-light", dense=True)
    assert [found.name for found in path.parent.iterdir()] == ["screen.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"dense": 3}', "\x00", '{"theme": "\\ud800"}'])
def test_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "screen.json"
    path.write_text(text)
    assert Memory(path).habits == Habits()


def test_key_of_the_dense_matrix_is_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "screen.json")

    async def script(desk: Desk) -> None:
        await desk.press("d")

    drive(s.condor(), script, memory=memory)
    assert Memory(tmp_path / "screen.json").habits.dense

    async def again(desk: Desk) -> None:
        assert desk.app.overview.matrix.dense

    drive(s.condor(), again, memory=Memory(tmp_path / "screen.json"))


def test_theme_is_remembered_and_one_that_does_not_exist_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"

    async def script(desk: Desk) -> None:
        desk.app.theme = "textual-light"
        await desk.settle()

    drive(s.condor(), script, memory=Memory(path))
    assert Memory(path).habits.theme == "textual-light"
    path.write_text('{"theme": "no-such-theme"}')
    assert LockstepApp(s.FakeFeed(s.condor()), memory=Memory(path)).theme == DARK


def test_what_cannot_be_written_holds_until_the_end_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    async def script(desk: Desk) -> None:
        await desk.press("d")
        assert desk.app.overview.matrix.dense
        assert any("lasts until you quit" in note.message for note in desk.app._notifications)

    drive(s.condor(), script, memory=Memory(tmp_path / "file" / "screen.json"))


def test_bell_is_off_until_its_key_turns_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []
    monkeypatch.setattr(LockstepApp, "bell", lambda _app: rung.append(True))

    async def script(desk: Desk) -> None:
        await desk.publish(notices=alarmed(s.condor(), 7001).notices)
        assert not rung
        await desk.press("b")
        assert len(rung) == 1  # as it will sound
        await desk.publish(notices=alarmed(s.condor(), 7002).notices)
        assert len(rung) == 2
        await desk.look()
        assert len(rung) == 2
        await desk.press("b")
        await desk.publish(notices=alarmed(s.condor(), 7003).notices)
        assert len(rung) == 2

    drive(s.condor(), script)


def test_bell_rings_once_for_what_is_new_and_never_for_what_it_finds() -> None:
    bell, calm = Bell(), alarmed(s.condor(), 5, Severity.WARNING)
    assert not bell.rings(alarmed(calm, 3))
    assert not bell.rings(alarmed(calm, 3))
    assert not bell.rings(calm)
    assert bell.rings(alarmed(calm, 6))
    assert bell.rings(alarmed(calm, 1))  # another engine counts anew


def test_bell_rings_for_a_prompt_once() -> None:
    bell, asked = Bell(), s.asking()
    without = msgspec.structs.replace(asked, prompts=(), notices=())
    asked = msgspec.structs.replace(asked, notices=())
    assert not bell.rings(without)
    assert bell.rings(asked)
    assert not bell.rings(asked)
