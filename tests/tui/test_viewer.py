"""The read-only picture in a browser: what it shows, who may see it, and that nothing can be ordered through it."""

import http.client
import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.schema import Account, Child, Settings
from engine.model import NS_PER_S
from engine.snapshot import Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tests.unit.engine.test_runtime import Desk as Engine
from tui.frame import Frame
from tui.terminal import Terminal
from tui.viewer import page, server
from tui.viewer.server import Viewer

SETTINGS = Settings(master=Account(id="M", broker="paper"), children=(Child(id="C1", broker="paper"),))


def shown(snapshot: Snapshot, quiet_s: float = 0) -> str:
    """The picture's text as a browser shows it."""
    html = page.picture(Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=quiet_s))
    return re.sub(r"<[^>]+>", "", html)


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Viewer, s.FakeFeed]]:
    monkeypatch.setattr(server, "AGAIN_S", 0)
    made, feed = Viewer(0), s.FakeFeed(s.condor())
    made.looker.watch(feed)
    yield made, feed
    made.close()


def ask(viewer: Viewer, path: str, *, method: str = "GET", host: str = "", key: str | None = None) -> tuple[int, str]:
    """A request as a browser sends it."""
    port = int(viewer.url.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    own = viewer.url.partition("#")[2] if key is None else key
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}", "X-Lockstep-Key": own})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_picture_has_every_panel() -> None:
    text = shown(s.condor())
    for part in ("PAPER", "NIFTY 24750 CE 03Nov", "ZC0004", "Needs you", "4 of 6", "Strategy begins", "margin stale"):
        assert part in text


def test_everything_of_many_children_is_there() -> None:
    base = s.condor()
    count = 40
    children = tuple(msgspec.structs.replace(base.children[0], id=f"KID{n:03}") for n in range(count))
    legs = tuple(
        msgspec.structs.replace(leg, cells=tuple(msgspec.structs.replace(leg.cells[0], child=c.id) for c in children))
        for leg in base.legs
    )
    legs_text = shown(s.condor(children=children, legs=legs)).split("Needs you", 1)[0]
    assert all(f"KID{n:03}" in legs_text for n in range(count))


@pytest.mark.parametrize("start", [s.flat(), s.condor(), s.live(), s.killed(), s.asking(), s.crowd()])
def test_every_state_can_be_drawn(start: Snapshot) -> None:
    assert shown(start)


def test_old_picture_says_so() -> None:
    assert "OLD" not in shown(s.condor())
    assert "30 s" in shown(s.condor(), quiet_s=30)


def test_foreign_text_is_only_text() -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[2J&amp;"
    base = s.condor()
    notice = msgspec.structs.replace(base.notices[-1], text=attack, number=9999)
    child = msgspec.structs.replace(base.children[0], reason=attack)
    item = msgspec.structs.replace(base.attention[0], text=attack)
    start = s.condor(notices=(notice,), children=(child, *base.children[1:]), attention=(item,))
    html = page.picture(Frame(snapshot=start, now_ns=s.NOW, quiet_s=0))
    assert not re.search(r"<(?!/?(pre|h2|span)\b)", html)
    assert "onerror=alert(2)&gt;" in html
    assert "\x1b" not in html


def test_page_asks_for_the_picture_and_holds_nothing_itself(viewer: tuple[Viewer, s.FakeFeed]) -> None:
    status, text = ask(viewer[0], "/", key="")
    assert status == 200
    assert "ZC0001" not in text
    assert viewer[0].url.partition("#")[2] not in text


def test_picture_follows_the_engine(viewer: tuple[Viewer, s.FakeFeed]) -> None:
    made, feed = viewer
    assert "ZC0001" in ask(made, "/picture")[1]
    feed.publish(children=(), legs=(), copies=(), working=(), attention=(), notices=(), in_step=0)
    assert "ZC0001" not in ask(made, "/picture")[1]
    made.looker.watch(s.FakeFeed(None))
    assert page.NOTHING in ask(made, "/picture")[1]


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/picture", {"key": ""}, 403),
        ("/picture", {"key": "wrong"}, 403),
        ("/picture", {"key": "ü"}, 403),
        ("/picture", {"host": "evil.example:80"}, 403),
        ("/", {"host": "evil.example"}, 403),
        ("/picture?x", {}, 404),
        ("/../config/config.yaml", {}, 404),
        ("/picture", {"method": "POST"}, 501),
        ("/", {"method": "DELETE"}, 501),
    ],
)
def test_nobody_else_sees_it_and_nothing_is_taken(
    viewer: tuple[Viewer, s.FakeFeed], path: str, more: dict[str, str], status: int
) -> None:
    found, text = ask(viewer[0], path, **more)
    assert found == status
    assert "ZC0001" not in text
    assert viewer[1].sent == []


def test_only_this_machine_can_reach_it(viewer: tuple[Viewer, s.FakeFeed]) -> None:
    assert viewer[0]._server.server_address[0] == "127.0.0.1"


def test_tabs_share_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def count(frame: Frame | None) -> str:
        nonlocal made
        made += 1
        return "x"

    looker = server.Looker()
    looker.watch(s.FakeFeed(s.condor()))
    monkeypatch.setattr(page, "picture", count)
    monkeypatch.setattr(server, "AGAIN_S", 3600)
    looker._made_s = -7200.0
    tabs = [threading.Thread(target=looker.html) for _ in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert made == 1


def test_stalled_engine_is_seen_by_the_viewers_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(server, "ticks_s", lambda: clock[0])
    looker = server.Looker()
    looker.watch(s.FakeFeed(s.condor()))
    fresh = looker.html()
    clock[0] += 60
    assert looker.html() != fresh


def test_headless_terminal_shows_the_address_and_no_log_has_it() -> None:
    lines, log, engine = io.StringIO(), list[str](), Engine(until_ns=None)
    made = Terminal(
        headless=True, mouse=False, lines=lines, words=lambda n: n.text, log=log.append, log_path=Path("log"), port=0
    )
    engine.runtime.loop.stop()
    made.run(engine.runtime, SETTINGS)
    assert made._viewer is not None
    made._viewer.close()
    assert f"viewer, read only: {made._viewer.url}" in lines.getvalue()
    assert made._viewer.url.partition("#")[2] not in "".join(log)


def test_port_that_is_taken_is_said_and_the_engine_runs(viewer: tuple[Viewer, s.FakeFeed]) -> None:
    lines, log, engine = io.StringIO(), list[str](), Engine(until_ns=None)
    port = int(viewer[0].url.split(":")[2].split("/")[0])
    made = Terminal(
        headless=True, mouse=False, lines=lines, words=lambda n: n.text, log=log.append, log_path=Path("log"), port=port
    )
    engine.runtime.loop.stop()
    made.run(engine.runtime, SETTINGS)
    assert "the viewer cannot listen" in "".join(log)
    assert engine.runtime.done.is_set()


def test_key_shows_the_address_or_how_to_have_one() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("v")
        assert "--serve" in desk.text
        await desk.press("enter")
        desk.app.viewer_url = "http://127.0.0.1:4711/#abc"
        await desk.press("v")
        assert "http://127.0.0.1:4711/#abc" in desk.text
        assert "ssh -L 4711:127.0.0.1:4711" in desk.text

    drive(s.condor(), script)


def test_speed_of_time_is_the_engines(viewer: tuple[Viewer, s.FakeFeed]) -> None:
    viewer[1].now = s.NOW + 3 * NS_PER_S
    assert "11:42:10" in ask(viewer[0], "/picture")[1]
