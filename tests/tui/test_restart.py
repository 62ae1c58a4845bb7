"""The question of an unclean start: opens by itself, lists what is open, and wants words for what cannot be undone."""

from decimal import Decimal

import msgspec
import pytest

from engine import events as ev
from engine.model import NS_PER_S
from engine.snapshot import Cell, EngineState, LeftOpen, RestartView, Snapshot, StrategyState
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, WIDE, Desk, assert_screen, drive
from tui.frame import Frame
from tui.screens.ask_lines import quit_lines
from tui.text import plain

SYMBOL, TITLE = s.CONDOR[0][0], s.CONDOR[0][1]


def left(child: str, units: int, **more: object) -> LeftOpen:
    base = LeftOpen(
        child=child, leg=s.leg_of(SYMBOL), title=TITLE, product="NRML", units=units, working=0, unknown=0, held=0,
        due="", answer="",
    )  # fmt: skip
    return msgspec.structs.replace(base, **more)


def asked(**more: object) -> Snapshot:
    question = RestartView(
        rows=(left("ZC0001", -195), left("ZC0002", -65, unknown=1), left("ZC0004", 0, held=2)),
        master=((TITLE, -650),),
        master_read=True,
        strategy="iron condor",
        strategy_state=StrategyState.ACTIVE,
        started_ns=s.NOW - 3600 * NS_PER_S,
        exits_ns=None,
        may_start_fresh=False,
    )
    why = "what the last session left open waits"
    source = str(more.pop("source", ""))
    return s.condor(
        engine=EngineState.DISARMED,
        engine_reason=why,
        restart=msgspec.structs.replace(question, **more),
        attention=(),
        source=source,
    )


NOTHING = asked(rows=(), master=(), strategy="", strategy_state=StrategyState.FLAT, may_start_fresh=True)
WAITING = asked(master=(), strategy_state=StrategyState.EXITING, exits_ns=s.NOW + 21 * NS_PER_S)


@pytest.mark.parametrize("size", [WIDE, SMALL], ids=["120x36", "80x24"])
@pytest.mark.parametrize(("name", "start"), [("restart", asked()), ("restart-waiting", WAITING)])
def test_question_is_as_stored(name: str, start: Snapshot, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.settle()
        assert desk.top == "Restart"
        assert_screen(f"{name}-{size[0]}x{size[1]}", desk)

    drive(start, script, size=size)


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        (("r",), [ev.Resumed(at_ns=s.NOW)]),
        (("f", "enter", *"FLATTEN", "enter"), [ev.Flattened(at_ns=s.NOW)]),
        (("f", "enter", *"flatten", "enter"), []),
        (("h", "enter", *"HAND OVER", "enter"), [ev.HandedOver(at_ns=s.NOW)]),
        (
            ("h", "down", "down", "enter", *"HAND OVER", "enter"),
            [ev.HandedOver(at_ns=s.NOW, children=("ZC0002",))],
        ),
        (("h", "enter", "y", "enter"), []),
        (("s",), []),
        (("escape",), []),
        (("escape", "space", "r"), [ev.Resumed(at_ns=s.NOW)]),
    ],
)
def test_choices(keys: tuple[str, ...], sent: list[ev.Operator]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*("space" if key == " " else key for key in keys))

    assert drive(asked(), script).sent == sent


def test_orders_alone_are_flattened_too() -> None:
    order = msgspec.structs.replace(s.condor().working[0], status="held", deadline_ns=None)
    legs = s.nothing_held().legs

    async def script(desk: Desk) -> None:
        await desk.press("f", "enter", *"FLATTEN", "enter")

    start = msgspec.structs.replace(asked(), legs=legs, working=(order,))
    assert drive(start, script).sent == [ev.Flattened(at_ns=s.NOW)]


@pytest.mark.parametrize(
    ("keys", "sent"), [(("s", "y"), [ev.StartedFresh(at_ns=s.NOW)]), (("s", "n"), []), (("f",), []), (("h",), [])]
)
def test_start_fresh_is_offered_when_nothing_is_open(keys: tuple[str, ...], sent: list[ev.Operator]) -> None:
    async def script(desk: Desk) -> None:
        assert "start fresh" in desk.text
        await desk.press(*keys)

    assert drive(NOTHING, script).sent == sent


def test_start_fresh_is_not_offered_while_something_is_open() -> None:
    async def script(desk: Desk) -> None:
        assert "start fresh" not in desk.text
        assert "HAND OVER" in desk.text

    drive(asked(), script)


def test_put_aside_it_stays_away_until_it_is_asked_for() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("escape")
        await desk.publish()
        assert desk.top == "Overview"
        await desk.press("space")
        assert desk.top == "Restart"

    drive(asked(), script)


@pytest.mark.parametrize("engine", [EngineState.KILLED_ENTRIES, EngineState.KILLED_ALL, EngineState.DISARMED])
def test_put_aside_while_killed_it_can_be_asked_for(engine: EngineState) -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(engine=engine)
        await desk.press("escape", "space")
        assert desk.top == "Restart"

    drive(asked(), script)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        (EngineState.KILLED_ENTRIES, "Kill switch, level 1: no entries after r either, until F12 lifts it."),
        (EngineState.KILLED_ALL, "Kill switch, level 2: exits are not sent either, until F12 lifts it."),
    ],
)
def test_question_says_what_the_kill_switch_holds_back(engine: EngineState, said: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(engine=engine)
        assert said in desk.text

    drive(asked(), script)


def test_every_leg_of_the_master_is_listed() -> None:
    legs = tuple((title, units) for (_, title, *_), units in zip(s.CONDOR, (650, 650, -650, -650), strict=False))

    async def script(desk: Desk) -> None:
        shown = " ".join(text.strip("│┃ ") for text in desk.screen if "┃" in text)
        assert all(title in shown for title, _ in legs)

    drive(asked(master=legs, rows=()), script, size=SMALL)


def test_it_leaves_when_it_was_answered_elsewhere_and_comes_again_with_the_next_one() -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(engine=EngineState.ARMED, restart=None)
        assert desk.top == "Overview"
        await desk.publish(engine=EngineState.DISARMED, restart=asked().restart)
        assert desk.top == "Restart"

    drive(asked(), script)


@pytest.mark.parametrize(
    ("snapshot", "said", "untrue"),
    [
        (s.condor(source="demo"), "the next start begins anew", "asks again"),
        (s.condor(source="replay 2025-08-29"), "This recorded day ends with it", "simulated market"),
        (s.condor(source="sandbox"), "nobody follows the master out of it", "begins anew"),
        (s.condor(source=""), "What is open stays open at the paper exchange", "begins anew"),
        (s.live(source="sandbox"), "What is open stays open at the brokers", "begins anew"),
        (s.condor(), "1 order is still working.", "orders are"),
        (s.condor(working=s.condor().working * 2), "2 orders are still working.", "prompt"),
        (asked(source="demo"), "the next start asks again", "begins anew"),
        (asked(source=""), "the next start asks again", "begins anew"),
        (s.condor(engine=EngineState.FAILED, source="demo"), "the next start asks what to do", "state is saved"),
        (s.condor(engine=EngineState.FAILED, source=""), "nobody follows the master out of it", "state is saved"),
    ],
)
def test_quit_says_what_the_next_start_does(snapshot: Snapshot, said: str, untrue: str) -> None:
    frame = Frame(snapshot=snapshot, now_ns=s.NOW, quiet_s=0)
    text = " ".join(plain(text) for text in quit_lines(frame, 76))
    assert said in text
    assert untrue not in text


@pytest.mark.parametrize("key", ["r", "f", "h", "l", "escape"])
def test_keys_that_were_on_their_way_do_not_answer(key: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(key)
        assert desk.top == "Restart"

    assert drive(asked(), script, arm_s=60).sent == []


def test_missed_lots_show_in_resync_what_the_child_would_have() -> None:
    start = s.condor()
    first = start.legs[0]
    cells: list[Cell] = list(first.cells)
    cells[0] = msgspec.structs.replace(cells[0], have_lots=Decimal(-1), want_lots=Decimal(-1), missing_lots=Decimal(-2))
    leg = msgspec.structs.replace(first, cells=tuple(cells))

    async def script(desk: Desk) -> None:
        await desk.press("r")
        row = next(text for text in desk.screen if "ZC0001" in text and "/" in text and TITLE in text)
        assert f"{TITLE} −1/−3" in row or f"{TITLE} -1/-3" in row

    drive(msgspec.structs.replace(start, legs=(leg, *start.legs[1:])), script)
