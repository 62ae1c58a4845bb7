"""What the dashboard remembers of its user, and when it rings."""

from pathlib import Path

import msgspec
import pytest

from engine.commands import Severity
from engine.snapshot import NoticeLine, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.app import LockstepApp
from tui.memory import Habits, Memory
from tui.news import News
from tui.theme import DARK


def alarmed(snapshot: Snapshot, number: int, severity: Severity = Severity.ALARM) -> Snapshot:
    notice = NoticeLine(number=number, at_ns=s.NOW, severity=severity, text="exit unknown")
    return msgspec.structs.replace(snapshot, notices=(notice,))


def test_habits_last_from_one_start_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "data" / "screen.json"
    Memory(path).keep(theme="lockstep-light", dense=True)
    assert Memory(path).habits == Habits(theme="lockstep-light", dense=True)
    assert [found.name for found in path.parent.iterdir()] == ["screen.json"]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", b'{"theme": "\xff"}', '{"x": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"dense": 3}', "\x00", '{"theme": "\\ud800"}', '{"sorts": [1]}', '{"filters": {"a": 1}}',
    ],
)  # fmt: skip
def test_damaged_file_is_as_good_as_none(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "screen.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
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


SORTED = {"matrix": "name", "events": "severity", "orders": "age", "accounts": "capital", "day": "slippage"}


def test_sorts_and_filters_are_as_they_were_left(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"

    async def script(desk: Desk) -> None:
        await desk.press("2", "s", "slash", *"24900", "enter", "6", "slash", *"zc0004", "enter", "s", "s", "s")
        await desk.press("1", "s", "s", "s", "4", "s", "5", "s", "7", "s", "s")

    drive(s.condor(), script, memory=Memory(path))
    assert Memory(path).habits.sorts == {"copies": "slowest", **SORTED}
    assert Memory(path).habits.filters == {"copies": "24900", "accounts": "zc0004"}

    async def again(desk: Desk) -> None:
        assert "by slowest" in desk.text and "filter '" not in desk.text  # beside others nothing is hidden
        await desk.press("6")
        assert "by capital · filter 'zc0004': 1" in desk.text and "ZC0001" not in desk.text
        await desk.press("2")
        assert "filter '24900': 1" in desk.text
        await desk.press("slash", "escape", "s", "s", "s")

    drive(s.condor(), again, memory=Memory(path))
    assert Memory(path).habits.sorts == SORTED
    assert Memory(path).habits.filters == {"accounts": "zc0004"}


def test_filter_that_could_hide_an_alarm_an_order_or_a_leg_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"

    async def script(desk: Desk) -> None:
        for panel in "145":
            await desk.press(panel, "slash", *"filled", "enter")

    drive(s.condor(), script, memory=Memory(path))
    assert not path.exists()
    path.write_text('{"filters": {"events": "filled", "orders": "filled", "matrix": "filled", "needs": "filled"}}')

    async def again(desk: Desk) -> None:
        for panel in "1345":
            assert "filter '" not in desk.text
            await desk.press(panel)

    drive(s.condor(), again, memory=Memory(path))


def test_foreign_sorts_and_filters_in_the_file_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    words = "\x1b[2J" + "w" * 100_000
    sorts = {"copies": "no such order", "matrix": "\x1b[2J", "no such panel": "time", "filter": "x", "": "y"}
    path.write_bytes(msgspec.json.encode({"sorts": sorts, "filters": {"accounts": words, "nobody": "x"}}))

    async def script(desk: Desk) -> None:
        assert "by " not in desk.screen[2] and "filter '" not in desk.text
        await desk.press("6")
        assert "\x1b" not in desk.text and "filter '·[2Jwww" in desk.text and "…': 0" in desk.text
        await desk.press("slash", "escape")
        assert "ZC0001" in desk.text

    drive(s.condor(), script, memory=Memory(path))


def test_file_of_an_older_program_keeps_its_theme(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_text('{"theme": "lockstep-light", "dense": true}')
    assert Memory(path).habits == Habits(theme="lockstep-light", dense=True)


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
    news, calm = News(), alarmed(s.condor(), 5, Severity.WARNING)
    assert not news.look(alarmed(calm, 3)).rings
    assert not news.look(alarmed(calm, 3)).rings
    assert not news.look(calm).rings
    assert news.look(alarmed(calm, 6)).rings
    assert news.look(alarmed(calm, 1)).rings  # another engine counts anew


def test_bell_rings_for_a_prompt_once() -> None:
    news, asked = News(), s.asking()
    without = msgspec.structs.replace(asked, prompts=(), notices=())
    asked = msgspec.structs.replace(asked, notices=())
    assert not news.look(without).rings
    assert news.look(asked).rings
    assert not news.look(asked).rings


def test_notes_are_off_until_their_key_turns_them_on_and_show_the_most_urgent_of_what_is_new() -> None:
    texts = [
        (Severity.INFO, "ZC0001", "entry SELL 195 filled at 34.25"),
        (Severity.INFO, "ZM0001", "master SELL 650 at 34.30 filled at once"),
        (Severity.WARNING, "ZC0002", "not copied: slippage"),
        (Severity.WARNING, "ZC0002", "not copied: price band"),
        (Severity.ALARM, "ZC0003", f"[red]exit unknown[/red] {s.HOSTILE}"),
    ]
    notices = tuple(
        NoticeLine(number=7000 + n, at_ns=s.NOW, severity=severity, account=account, text=text)
        for n, (severity, account, text) in enumerate(texts)
    )

    async def script(desk: Desk) -> None:
        def shown() -> list[str]:
            return [note.message for note in desk.app._notifications]

        await desk.publish(notices=notices[:1])
        assert shown() == []
        await desk.press("n")
        desk.app.clear_notifications()
        await desk.publish(notices=notices)
        assert [text.split(" [", 1)[0] for text in shown()][:3] == [
            "[red]exit unknown[/red] Insufficient funds",
            "not copied: slippage",
            "not copied: price band",
        ]
        assert not any("master" in text for text in shown())
        many = [msgspec.structs.replace(notices[0], number=7100 + n) for n in range(5)]
        desk.app.clear_notifications()
        await desk.publish(notices=tuple(many))
        assert shown() == [notices[0].text] * 3 + ["2 more in the events"]

    drive(s.condor(), script)


def test_notes_cover_no_dialog_and_never_pile_up() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("n")
        for number in range(7000, 7040):
            await desk.publish(notices=alarmed(s.condor(), number).notices)
        assert len(list(desk.app._notifications)) == 1
        await desk.press("f12")
        desk.app.clear_notifications()
        await desk.publish(notices=alarmed(s.condor(), 7100).notices)
        assert not list(desk.app._notifications)

    drive(s.condor(), script)
