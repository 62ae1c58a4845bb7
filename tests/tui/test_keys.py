"""Every key does what it says, and nothing else, whatever is typed ahead, twice, or before the first snapshot."""

from decimal import Decimal

import msgspec
import pytest
from textual.events import Key
from textual.widgets import Input, OptionList

from config.schema import Mode
from engine import events as ev
from engine.commands import Severity
from engine.model import LegId
from engine.snapshot import Attention, ChildColumn, ChildState, EngineState, Snapshot
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, Desk, drive

BACKGROUND = msgspec.structs.replace(
    s.condor().legs[0], background_lots=Decimal(5), master_lots=Decimal(0), followed=False
)


def sent(start: Snapshot, *keys: str, refusal: str = "") -> list[ev.Operator]:
    async def script(desk: Desk) -> None:
        await desk.press(*keys)

    return drive(start, script, refusal=refusal).sent


_LEGS = s.condor().legs
CHANGED = s.condor(
    legs=(msgspec.structs.replace(_LEGS[0], changed="changed over night: lot 65 -> 75"), *_LEGS[1:]),
)
UNKNOWN_EXIT = s.condor(working=(msgspec.structs.replace(s.condor().working[0], entry=False),))
CASES: list[tuple[str, Snapshot, tuple[str, ...], list[ev.Operator]]] = [
    ("pause is immediate", s.condor(), ("space",), [ev.Paused(at_ns=s.NOW)]),
    ("resume asks", s.condor(engine=EngineState.PAUSED), ("space",), []),
    ("resume after y", s.condor(engine=EngineState.PAUSED), ("space", "y"), [ev.Resumed(at_ns=s.NOW)]),
    ("resume refused", s.condor(engine=EngineState.PAUSED), ("space", "n"), []),
    ("disarmed is resumed", s.condor(engine=EngineState.DISARMED), ("space", "y"), [ev.Resumed(at_ns=s.NOW)]),
    ("killed is not resumed", s.killed(), ("space", "y"), []),
    ("kill 1", s.condor(), ("f12", "1"), [ev.KillSwitched(at_ns=s.NOW, level=1)]),
    ("kill 2", s.condor(), ("f12", "2"), [ev.KillSwitched(at_ns=s.NOW, level=2)]),
    ("kill left", s.condor(), ("f12", "escape"), []),
    ("lifting wants the word", s.killed(), ("f12", "0", "enter"), []),
    ("wrong word lifts nothing", s.killed(), ("f12", "0", *"resume", "enter"), []),
    ("lifted", s.killed(), ("f12", "0", *"RESUME", "enter"), [ev.KillSwitched(at_ns=s.NOW, level=0)]),
    ("lowered to 1, typed", s.killed(), ("f12", "1", *"RESUME", "enter"), [ev.KillSwitched(at_ns=s.NOW, level=1)]),
    ("same level again", s.killed(), ("f12", "2"), []),
    ("resync the first", s.condor(), ("r", "enter"), [ev.ChildResynced(at_ns=s.NOW, child="ZC0001")]),
    ("resync the third", s.condor(), ("r", "down", "down", "enter"), [ev.ChildResynced(at_ns=s.NOW, child="AC0003")]),
    ("resync left", s.condor(), ("r", "escape"), []),
    ("join the left-out", s.condor(), ("j", "enter"), [ev.ChildJoined(at_ns=s.NOW, child="ZC0006")]),
    (
        "join of a child with something more urgent",
        s.condor(children=tuple(msgspec.structs.replace(c, state=ChildState.UNKNOWN) for c in s.condor().children)),
        ("j", "enter"),
        [ev.ChildJoined(at_ns=s.NOW, child="ZC0006")],
    ),
    ("nobody to join", s.flat(), ("j", "enter"), []),
    (
        "cap",
        s.condor(),
        ("k", "down", "enter", *"5,25,000", "enter"),
        [ev.MaxCapitalSet(at_ns=s.NOW, child="ZC0002", max_capital_inr=Decimal(525000))],
    ),
    (
        "cap lifted",
        s.condor(),
        ("k", "enter", *"none", "enter"),
        [ev.MaxCapitalSet(at_ns=s.NOW, child="ZC0001", max_capital_inr=None)],
    ),
    ("cap not understood", s.condor(), ("k", "enter", *"12x", "enter"), []),
    ("reset wants the word", s.condor(), ("x", "enter"), []),
    ("reset", s.condor(), ("x", *"RESET", "enter"), [ev.StrategyReset(at_ns=s.NOW)]),
    ("nothing to reset", s.flat(), ("x", *"RESET", "enter"), []),
    ("flatten all", s.condor(), ("f", "enter", *"FLATTEN", "enter"), [ev.Flattened(at_ns=s.NOW)]),
    (
        "flatten one",
        s.condor(),
        ("f", "down", "enter", "enter", *"FLATTEN", "enter"),
        [ev.Flattened(at_ns=s.NOW, children=("ZC0001",))],
    ),
    (
        "exit one leg",
        s.condor(),
        ("f", "down", "enter", "down", "enter", *"EXIT", "enter"),
        [ev.LegExited(at_ns=s.NOW, leg=s.condor().legs[0].leg, children=("ZC0001",))],
    ),
    (
        "ticket for everybody",
        s.condor(),
        ("l", "enter", "enter", *"2", "enter"),
        [ev.TicketWritten(at_ns=s.NOW, leg=s.condor().legs[0].leg, lots=2)],
    ),
    (
        "ticket in ratio for one",
        s.condor(),
        ("l", "down", "enter", "down", "enter", *"10m", "enter"),
        [ev.TicketWritten(at_ns=s.NOW, leg=s.condor().legs[1].leg, lots=10, children=("ZC0001",), in_ratio=True)],
    ),
    (
        "fewer by ticket want the word",
        s.condor(),
        ("l", "enter", "down", "enter", *"-1", "enter", *"EXIT", "enter"),
        [ev.TicketWritten(at_ns=s.NOW, leg=s.condor().legs[0].leg, lots=-1, children=("ZC0001",))],
    ),
    ("fewer by ticket without the word", s.condor(), ("l", "enter", "enter", *"-1", "enter", "enter"), []),
    ("ticket not understood", s.condor(), ("l", "enter", "enter", *"2.5", "enter"), []),
    ("ticket left", s.condor(), ("l", "enter", "escape"), []),
    ("no leg for a ticket", s.flat(), ("l", "enter", "enter", *"2", "enter"), []),
    ("exit wants the word", s.condor(), ("f", "down", "enter", "down", "enter", *"FLATTEN", "enter"), []),
    ("flatten wants the word", s.condor(), ("f", "enter", *"FLAT", "enter"), []),
    ("flatten while killed", s.killed(), ("f", "enter", *"FLATTEN", "enter"), [ev.Flattened(at_ns=s.NOW)]),
    ("nothing to flatten", s.flat(), ("f", "enter", *"FLATTEN", "enter"), []),
    ("live is typed", s.flat(), ("m", *"LIVE", "enter"), [ev.ModeRequested(at_ns=s.NOW, mode=Mode.LIVE)]),
    ("live not by y", s.flat(), ("m", "y", "enter"), []),
    ("paper by y", s.live(), ("m", "y"), [ev.ModeRequested(at_ns=s.NOW, mode=Mode.PAPER)]),
    (
        "pending live is taken back",
        s.condor(mode_next=Mode.LIVE),
        ("m", "y"),
        [ev.ModeRequested(at_ns=s.NOW, mode=Mode.PAPER)],
    ),
    (
        "adopt",
        s.condor(background=(BACKGROUND,)),
        ("o", "enter"),
        [ev.BackgroundAdopted(at_ns=s.NOW, symbol="NIFTY26N0324750CE")],
    ),
    (
        "new terms of a leg are typed",
        CHANGED,
        ("t", "enter", *"NIFTY26NOV1CE", "enter"),
        [ev.LegMapped(at_ns=s.NOW, leg=CHANGED.legs[0].leg, symbol="NIFTY26NOV1CE")],
    ),
    ("new terms with nothing typed", CHANGED, ("t", "enter", "enter"), []),
    ("nothing changed over night", s.condor(), ("t", "enter", *"X", "enter"), []),
    (
        "unknown exits are sent again when it is typed",
        UNKNOWN_EXIT,
        ("u", "enter", *"RESEND", "enter"),
        [ev.ExitsHastened(at_ns=s.NOW, child="ZC0004")],
    ),
    ("unknown exits want the word", UNKNOWN_EXIT, ("u", "enter", *"resend", "enter"), []),
    ("unknown entries are not sent again", s.condor(), ("u", "enter", *"RESEND", "enter"), []),
    ("background beside strategy lots is not adopted", s.beside_background(), ("o", "enter"), []),
    ("nothing to adopt", s.condor(), ("o", "enter"), []),
    ("letters without a meaning", s.condor(), tuple("yngzbtuvw"), []),
]


@pytest.mark.parametrize(("start", "keys", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_key_sends_exactly_its_order(start: Snapshot, keys: tuple[str, ...], expected: list[ev.Operator]) -> None:
    assert sent(start, *keys) == expected


def test_live_is_refused_with_the_reason_and_nothing_is_sent() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("m")
        assert "demo has no brokers" in desk.text
        await desk.press("enter")
        assert desk.top == "Overview"

    assert drive(s.flat(), script, refusal="The demo has no brokers.").sent == []


@pytest.mark.parametrize(
    ("keys", "key", "expected"),
    [
        (("r",), "enter", [ev.ChildResynced(at_ns=s.NOW, child="ZC0001")]),
        (("m",), "y", [ev.ModeRequested(at_ns=s.NOW, mode=Mode.PAPER)]),
        (("x", *"RESET"), "enter", [ev.StrategyReset(at_ns=s.NOW)]),
        (("k", "enter", *"none"), "enter", [ev.MaxCapitalSet(at_ns=s.NOW, child="ZC0001", max_capital_inr=None)]),
        (("question_mark",), "escape", []),
        (("ctrl+p", *"dense"), "enter", []),
        (("ctrl+p",), "escape", []),
        (("ctrl+p", *"theme", "enter", *"nord"), "enter", []),
    ],
)
def test_key_pressed_twice_before_its_dialog_has_gone_closes_nothing_else(
    keys: tuple[str, ...], key: str, expected: list[ev.Operator]
) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*keys)
        for _ in range(2):
            desk.app.post_message(Key(key, key if len(key) == 1 else None))
        await desk.settle()
        await desk.settle()
        assert (desk.top, desk.app.is_running) == ("Overview", True)

    assert drive(s.live(), script).sent == expected


def test_page_key_while_the_palettes_list_is_built_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_counted_yet(_list: OptionList, _direction: int) -> None:
        raise KeyError(1)

    monkeypatch.setattr(OptionList, "_move_page", not_counted_yet)

    async def script(desk: Desk) -> None:
        await desk.press("ctrl+p", "down", "pageup", "pagedown", "escape")
        assert (desk.top, desk.app.is_running) == ("Overview", True)

    drive(s.condor(), script)


def test_keys_typed_ahead_of_a_dialog_choose_in_it() -> None:
    async def script(desk: Desk) -> None:
        for key in ("f", "down", "down", "enter"):
            desk.app.post_message(Key(key, key if len(key) == 1 else None))
        for _ in range(4):
            await desk.settle()
        assert "FLATTEN ZC0002" in desk.text

    assert drive(s.condor(), script).sent == []


@pytest.mark.parametrize("key", ["f12", "x", "f"])
@pytest.mark.parametrize("size", [(120, 36), SMALL])
def test_dangerous_dialog_names_account_symbol_and_quantity(key: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(key, *(["enter"] if key == "f" else []))
        row = next(text for text in desk.screen if "ZC0001   NIFTY26N0324750CE" in text)
        assert "-3 lots" in row and "-195 units" in row and "NRML" in row

    drive(s.condor(), script, size=size)


@pytest.mark.parametrize(
    "keys", [("question_mark",), ("r",), ("x",), ("k", "enter"), ("f", "enter"), ("q",), ("slash",)]
)
def test_kill_opens_from_every_dialog_and_goes_back_to_it(keys: tuple[str, ...]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*keys)
        before = desk.top
        await desk.press("f12", "f12")
        assert desk.top == "Kill"
        await desk.press("1")
        assert desk.top == before

    assert drive(s.condor(), script).sent == [ev.KillSwitched(at_ns=s.NOW, level=1)]


def test_help_lists_every_key_of_the_app() -> None:
    from textual.binding import Binding

    from tui.app import LockstepApp
    from tui.screens.confirm import Confirm
    from tui.screens.help import help_lines
    from tui.text import plain

    text = "\n".join(plain(row) for row in help_lines(LockstepApp.BINDINGS, Confirm.BINDINGS, 200))
    for binding in LockstepApp.BINDINGS:
        assert isinstance(binding, Binding)
        assert not binding.show or binding.tooltip in text


@pytest.mark.parametrize(
    ("key", "said"),
    [("1", "Legs"), ("2", "Copies"), ("3", "Needs you"), ("4", "Events"), ("5", "Working orders"), ("6", "Accounts")],
)
@pytest.mark.parametrize("size", [(120, 36), SMALL])
def test_number_shows_one_panel_and_again_goes_back(key: str, said: str, size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        overview = desk.text
        await desk.press(key)
        frames = [text for text in desk.screen if text.startswith("╭")]
        assert len(frames) == 1 and said in frames[0]
        await desk.press(key)
        assert desk.text == overview

    drive(s.condor(), script, size=size)


def test_filter_narrows_events_and_escape_clears_it() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("slash", *"alarm")
        assert "The market is open" not in desk.text
        assert "no answer" in desk.text
        await desk.press("enter")
        assert "filter 'alarm'" in desk.text
        await desk.press("slash", "escape")
        assert "The market is open" in desk.text

    drive(s.condor(), script)


def test_details_of_a_leg_show_every_child_with_its_reason() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("enter")
        assert "sent, no answer; asked 3 times" in desk.text
        assert "left out: margin stale" in desk.text

    drive(s.condor(), script)


@pytest.mark.parametrize("panel", ["1", "2", "4", "6"])
def test_enter_that_is_held_down_opens_details_once(panel: str) -> None:
    async def script(desk: Desk) -> None:
        for key in (panel, *["enter"] * 9):  # faster than the dashboard looks at them
            desk.app.post_message(Key(key, key if key == panel else None))
        await desk.settle()
        assert len(desk.app.screen_stack) == 2

    drive(s.condor(), script)


def test_details_follow_the_cursor_of_each_panel() -> None:
    async def script(desk: Desk) -> None:
        for keys, said in (
            (("2", "enter"), "master came to -10 lots at 34.30"),
            (("4", "enter"), "no. 5"),
            (("5", "enter"), "LKB2D4K0001A7"),
            (("6", "down", "enter"), "Account ZC0002 at zerodha"),
        ):
            await desk.press(*keys)
            assert said in desk.text
            await desk.press("escape", "escape")

    drive(s.condor(), script)


def test_needs_you_row_does_what_its_key_does() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("3", "down", "enter")
        assert "JOIN" in desk.text

    drive(s.condor(), script)


ALARM = Attention(severity=Severity.ALARM, text="unknown BUY 65: asked 1 times", key="5", account="ZC0002", symbol="X")
LACKS = Attention(severity=Severity.WARNING, text="lacks lots of a leg: missed", key="r", account="ZC0004")


def test_cursor_stays_on_what_needs_you_when_an_alarm_comes_above_it() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("3", "down", "down")
        more = msgspec.structs.replace(ALARM, text="unknown BUY 65: asked 2 times")
        for items in ((ALARM, *start.attention), (more, *start.attention), (more, ALARM, *start.attention)):
            await desk.publish(attention=items)
            assert any(text.startswith("│›▲ ZC0004 lacks lots") for text in desk.screen)

    start = s.condor(attention=(*s.condor().attention, LACKS))
    drive(start, script)


@pytest.mark.parametrize(
    ("start", "item", "expected"),
    [
        (s.condor(), LACKS, ev.ChildResynced(at_ns=s.NOW, child="ZC0004")),
        (
            s.condor(children=tuple(msgspec.structs.replace(c, left_out="margin stale") for c in s.condor().children)),
            Attention(severity=Severity.WARNING, text="margin stale", key="j", account="ZC0006"),
            ev.ChildJoined(at_ns=s.NOW, child="ZC0006"),
        ),
        (
            s.condor(background=(BACKGROUND, msgspec.structs.replace(BACKGROUND, symbol="B", leg=s.leg_of("B")))),
            Attention(severity=Severity.INFO, text="75 units in the background: not followed", key="o", symbol="B"),
            ev.BackgroundAdopted(at_ns=s.NOW, symbol="B"),
        ),
    ],
)
def test_enter_on_what_needs_you_proposes_its_account_or_leg(
    start: Snapshot, item: Attention, expected: ev.Operator
) -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(attention=(item,))
        await desk.press("3", "enter")
        assert desk.top == "Picker"
        await desk.press("enter")

    assert drive(start, script).sent == [expected]


def test_enter_on_new_terms_and_on_unknown_exits_proposes_them() -> None:
    order = s.condor().working[0]
    orders = tuple(msgspec.structs.replace(order, entry=False, account=child) for child in ("ZC0001", "ZC0004"))
    legs = tuple(msgspec.structs.replace(leg, changed="changed over night") for leg in s.condor().legs)
    items = (
        Attention(severity=Severity.ALARM, text="unknown SELL 65", key="u", account="ZC0004", symbol=s.CONDOR[0][0]),
        Attention(severity=Severity.ALARM, text="changed over night", key="t", symbol=s.CONDOR[2][0]),
    )

    async def script(desk: Desk) -> None:
        await desk.press("3", "enter", "enter")
        assert "SEND AGAIN ZC0004" in desk.text
        await desk.press("escape", "down", "enter", "enter")
        assert "changed over night" in desk.text and s.CONDOR[2][0] in desk.text

    drive(s.condor(attention=items, working=orders, legs=legs), script)


def test_selected_child_is_scrolled_into_view_and_offered_first() -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*["right"] * 20)
        assert "ZC0020" in desk.text
        await desk.press("r", "enter")

    assert drive(s.crowd(), script).sent == [ev.ChildResynced(at_ns=s.NOW, child="ZC0020")]


def test_every_key_is_harmless_before_the_first_snapshot() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("space", "f12", "f", "r", "j", "k", "o", "m", "x", "c", "enter", "1", "question_mark")
        assert "starting" in desk.text

    assert drive(None, script).sent == []


def test_palette_runs_our_commands() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("ctrl+p")
        await desk.press(*"flatten")
        await desk.pilot.pause(0.3)
        await desk.press("down", "enter")
        await desk.settle()
        assert "FLATTEN: which children" in desk.text

    drive(s.condor(), script)


WAITING = msgspec.structs.replace(s.condor().working[0], status="queued", deadline_ns=None)


def test_flatten_cancels_and_names_orders_where_nothing_is_held_yet() -> None:
    held = msgspec.structs.replace(WAITING, account="ZC0002", status="held", units=130, filled_units=65)

    async def script(desk: Desk) -> None:
        await desk.press("f")
        assert "2 children have something open" in desk.text
        await desk.press("enter")
        text = " ".join(desk.text.split())
        assert "Entries cancelled, the rest exited" in text
        assert "entry SELL 1 lot queued" in text and "entry SELL 1 lot held" in text
        await desk.type("FLATTEN")

    start = s.nothing_held(working=(WAITING, held))
    assert drive(start, script).sent == [ev.Flattened(at_ns=s.NOW)]


def test_flatten_of_one_child_names_its_order_in_the_leg() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("f", "down", "enter")
        assert "0 lots NRML, entry SELL 1 lot queued" in desk.text
        await desk.press("down", "enter")
        await desk.type("EXIT")

    expected = ev.LegExited(at_ns=s.NOW, leg=WAITING.leg, children=("ZC0004",))
    assert drive(s.nothing_held(working=(WAITING,)), script).sent == [expected]


def test_two_products_of_a_symbol_are_two_rows_and_said_to_be_adopted_together() -> None:
    other = msgspec.structs.replace(
        BACKGROUND, product="MIS", leg=LegId(BACKGROUND.leg.replace("NRML", "MIS")), background_lots=Decimal(-2)
    )
    third = msgspec.structs.replace(BACKGROUND, symbol="B", leg=s.leg_of("B"), title="B")

    async def script(desk: Desk) -> None:
        await desk.press("o")
        rows = [text for text in desk.screen if "lots NFO" in text]
        assert ["with the others of this symbol" in text for text in rows] == [True, True, False]
        assert "+5 lots NFO NRML" in rows[0] and "-2 lots NFO MIS" in rows[1]
        await desk.press("down", "down", "enter")

    expected = [ev.BackgroundAdopted(at_ns=s.NOW, symbol="B")]
    assert drive(s.condor(legs=(), background=(BACKGROUND, other, third)), script).sent == expected


@pytest.mark.parametrize(
    ("start", "keys"),
    [
        (s.condor(), ("space",)),
        (s.condor(), ("f12", "2")),
        (s.condor(), ("k", "enter", *"none", "enter")),
        (s.condor(), ("r", "enter")),
        (CHANGED, ("t", "enter", *"X", "enter")),
        (s.condor(), ("l", "enter", "enter", *"2", "enter")),
    ],
)
def test_note_of_an_order_says_only_that_it_was_asked_for(start: Snapshot, keys: tuple[str, ...]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*keys)
        assert "asked for" in [str(note.message) for note in desk.app._notifications][-1]

    assert len(drive(start, script).sent) == 1


def test_nobody_is_chosen_when_the_child_under_the_cursor_has_gone() -> None:
    three = ("ZC0001", "ZC0002", "AC0003")

    def left_out(*children: str) -> tuple[ChildColumn, ...]:
        reasons = dict.fromkeys(children, "margin stale")
        return tuple(msgspec.structs.replace(c, left_out=reasons.get(c.id, "")) for c in s.condor().children)

    async def script(desk: Desk) -> None:
        await desk.press("j", "down")
        for _ in range(2):
            await desk.publish(children=left_out("ZC0001", "AC0003"))
            await desk.press("enter")
        assert desk.top == "Picker" and "›ZC" not in desk.text
        await desk.press("down", "enter")

    assert drive(s.condor(children=left_out(*three)), script).sent == [ev.ChildJoined(at_ns=s.NOW, child="ZC0001")]


def test_nobody_is_proposed_when_the_wanted_one_is_not_there() -> None:
    item = Attention(severity=Severity.WARNING, text="margin stale", key="j", account="ZC0001")

    async def script(desk: Desk) -> None:
        await desk.press("3", "enter", "enter")
        assert desk.top == "Picker"

    assert drive(s.condor(attention=(item,)), script).sent == []


def test_no_choice_can_be_taken_in_the_moment_in_which_it_opens() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("r", "down", "enter")
        assert "enter counts in a moment" in desk.text
        picker = desk.app.screen
        picker.arm()  # type: ignore[attr-defined]  # as if the 0.6 s had passed
        await desk.press("enter")

    assert drive(s.condor(), script, arm_s=3600).sent == [ev.ChildResynced(at_ns=s.NOW, child="ZC0002")]


def test_cursor_goes_to_the_first_leg_when_a_strategy_begins() -> None:
    async def script(desk: Desk) -> None:
        assert desk.screen[5].startswith("│›state")
        start = s.condor()
        await desk.publish(legs=start.legs, children=start.children, strategies=start.strategies)
        assert "›NIFTY 24750 CE" in desk.text
        await desk.press("down")
        await desk.publish()
        assert "›NIFTY 24900 CE" in desk.text

    drive(s.flat(), script)


def test_word_that_was_refused_is_cleared_and_the_next_one_counts() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("f", "enter")
        await desk.press(*"flatten", "enter")
        assert "That is not FLATTEN. Nothing was done." in desk.text
        assert desk.app.screen.query_one("#typed", Input).value == ""
        await desk.press(*"FLATTEN", "enter")

    assert drive(s.condor(), script).sent == [ev.Flattened(at_ns=s.NOW)]
