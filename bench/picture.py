"""Draws the pictures in docs/: every screen of the dashboard in the demo, at a moment of its market.

    python -m bench.picture                      all of docs/screens, with their page
    python -m bench.picture NAME [NAME ...]      some of them
    python -m bench.picture --list

The same seed gives the same picture, so a change of the screen shows as a change of the file.
"""

import argparse
import asyncio
from dataclasses import dataclass

from msgspec.structs import replace

from bench.demo import ROOT, DemoEngine, demo_engine, demo_settings
from bench.staged import Desk, Stage, after_a_crash, as_live, at_brokers, in_the_morning
from config.schema import Confirm, ConfirmWhen, Settings
from engine.events import Operator
from engine.snapshot import Snapshot
from tui.app import LockstepApp
from tui.theme import COLOUR_BLIND, DARK, LIGHT

DOCS = ROOT / "docs"
WIDE, SMALL = (120, 36), (80, 24)
SECOND = 29.0
"All four legs of the condor are on."
LOGIN = 9
"Steps down to the account that wants a login."


@dataclass(frozen=True, slots=True)
class Shot:
    """One screen."""

    name: str
    caption: str
    keys: tuple[str, ...] = ()
    second: float = SECOND
    watched: bool = False
    "The dashboard looked on from the start: for what it draws over time."
    confirm: ConfirmWhen = ConfirmWhen.NEVER
    theme: str = DARK
    then_s: float = 0.0
    "The market goes on for so long after the keys."
    stage: Stage | None = None
    "Makes of the demo's picture what it cannot be; then the accounts are called as at brokers."


SHOTS = (
    Shot("overview", "The overview: is every child in lockstep with the master, right now?"),
    Shot("dense", "The same with one mark a child (`d`)", ("d",)),
    Shot("leg", "A leg: every child's lots, price and result (`enter` on a leg)", ("enter",)),
    Shot("child", "Everything of one account: funds, legs, orders, limits (`enter` on an account)", ("6", "enter")),
    Shot("copies", "Every copy with its price, latency and slippage (`2`)", ("2",)),
    Shot("copy", "A copy in depth: why so many lots, how long it took, what the journal has of it", ("2", "enter")),
    Shot("needs", "What waits for the operator (`3`): nothing, which is the normal state", ("3",)),
    Shot("events", "Events, filtered (`4`, `/`)", ("4", "slash", *"filled", "enter")),
    Shot("orders", "Orders that work now (`5`), while the first leg is copied", ("5",), second=6.42),
    Shot("order", "One of them in depth (`enter`)", ("5", "enter"), second=6.42),
    Shot("accounts", "Accounts, sorted by result (`6`, `s`)", ("6", "s", "s")),
    Shot("day", "The day: results drawn over time, what the copies cost (`7`)", ("7",), second=175.0, watched=True),
    Shot("confirm", "Confirm before copy: lots can be edited down, a child left out (`confirm: entries`)", ("c",), 6.6,
         confirm=ConfirmWhen.ENTRIES),
    Shot("settings", "Settings in force, with what they mean and what a change would do (`i`)", ("i",)),
    Shot("find", "Go to a child by a part of its name (`g`)", ("g", *"child")),
    Shot("flatten", "Flatten: names accounts, symbols and quantities, and wants a typed word (`f`)", ("f",)),
    Shot("ticket", "An order ticket: lots more or fewer, and what each child would have (`l`)",
         ("l", "enter", "enter", *"10m")),
    Shot("kill", "The kill switch (`F12`)", ("f12",)),
    Shot("killed", "Killed: every order is stopped, and what stays open is said", ("f12", "2"), then_s=1.0),
    Shot("paused", "Paused: exits only, and what was missed meanwhile", ("space",), second=10.0, then_s=16.0),
    Shot("palette", "All commands by name (`^p`)", ("ctrl+p",)),
    Shot("live", "LIVE: frame and header are red and say the word, and so does each child that trades", stage=as_live),
    Shot("live-child", "A child in LIVE, and at which broker it trades", ("6", "enter"), stage=as_live),
    Shot("live-quit", "Leaving while LIVE names what nobody would follow out (`q`)", ("q",), stage=as_live),
    Shot("restart", "After a session that did not end well: what is open, and what may be done", stage=after_a_crash),
    Shot("doctor", "Every account checked at its broker (`a`)", ("a",), 1.0, stage=in_the_morning),
    Shot("login", "The login of an account (`enter` on one)", ("a", *["down"] * LOGIN, "enter"), 1.0,
         stage=in_the_morning),
    Shot("mode", "The way to LIVE says why it is closed (`m`)", ("m",)),
    Shot("help", "All keys (`?`)", ("question_mark",)),
    Shot("light", "The light theme (`ctrl+p`, theme)", theme=LIGHT),
    Shot("colour-blind", "The theme that does without telling red from green", theme=COLOUR_BLIND),
)  # fmt: skip
PAGE = """# The screens

Drawn from the demo, which `make run` shows, by `python -m bench.picture`: first at 120 x 36 cells, then at 80 x 24,
where the panels of the overview are screens of their own. LIVE, the start after a crash, and accounts at brokers are
staged in the demo's market: no broker was asked.
"""


def draw(shot: Shot, size: tuple[int, int]) -> str:
    """The screen as SVG text."""
    settings = replace(_settings(shot), confirm=Confirm(when=shot.confirm))
    with demo_engine(settings) as engine:
        if not shot.watched:
            engine.run_to(shot.second)
        return asyncio.run(_screen(engine, shot, size))


def _settings(shot: Shot) -> Settings:
    return demo_settings() if shot.stage is None else at_brokers(demo_settings())


@dataclass(frozen=True, slots=True)
class Staged:
    """The demo's engine, seen otherwise."""

    engine: DemoEngine
    stage: Stage
    live_refusal: str = ""

    def snapshot(self) -> Snapshot:
        """The picture of this moment."""
        return self.stage(self.engine.snapshot())

    def now_ns(self) -> int:
        """The market's time."""
        return self.engine.now_ns()

    def send(self, event: Operator) -> None:
        """Nobody listens."""


async def _screen(engine: DemoEngine, shot: Shot, size: tuple[int, int]) -> str:
    engine.live_refusal = "the demo has no accounts that could trade"
    feed, desk = (engine, None) if shot.stage is None else (Staged(engine, shot.stage), Desk())
    app = LockstepApp(feed, hz=1, arm_s=0, settings=_settings(shot), history=engine.session, desk=desk)
    app.theme = shot.theme
    async with app.run_test(size=size) as pilot:
        if shot.watched:
            for second in range(int(shot.second)):
                engine.run_to(second)
                app.pull()
        engine.run_to(shot.second)
        app.pull()
        await pilot.pause()
        for key in shot.keys:
            await pilot.press(key)
        if shot.then_s:
            engine.run_to(shot.second + shot.then_s)
        for _ in range(20):  # what is read beside the dashboard
            await asyncio.sleep(0.02)
            app.pull()
        await pilot.pause()
        return app.export_screenshot(title="Lockstep")


def page(shots: tuple[Shot, ...]) -> str:
    """docs/screens.md."""
    parts = [PAGE]
    for shot in shots:
        parts.append(f"## {shot.caption}\n\n![{shot.name}](screens/{shot.name}.svg)\n")
        parts.append(f"![{shot.name}, small](screens/{shot.name}-small.svg)\n")
    return "\n".join(parts)


def main(argv: list[str] | None = None) -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(prog="python -m bench.picture", description="Draw the dashboard of the demo.")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(shot.name for shot in SHOTS)])
    parser.add_argument("--list", action="store_true", help="only say which pictures there are")
    given = parser.parse_args(argv)
    if given.list:
        for shot in SHOTS:
            print(f"{shot.name:10} {shot.caption}")
        return
    (DOCS / "screens").mkdir(exist_ok=True)
    for shot in SHOTS:
        if not given.names or shot.name in given.names:
            for size, suffix in ((WIDE, ""), (SMALL, "-small")):
                path = DOCS / "screens" / f"{shot.name}{suffix}.svg"
                path.write_text(draw(shot, size), encoding="utf-8")
            print(f"drew {shot.name}")
    (DOCS / "screens.md").write_text(page(SHOTS), encoding="utf-8")


if __name__ == "__main__":
    main()
