from decimal import Decimal

import msgspec
import pytest

from engine.core.reasons import MASTER_IS_OUT
from engine.events import PromptAnswered
from engine.model import NS_PER_S
from tests.tui import snapshots as s
from tests.tui.harness import SMALL, WIDE, Desk, drive
from tui import format as fmt
from tui.answers import Answers
from tui.screens.confirm_lines import prompt_rows
from tui.text import plain, width_of


def answers(feed: s.FakeFeed) -> list[tuple[str, bool]]:
    return [(e.prompt, e.approve) for e in feed.sent if isinstance(e, PromptAnswered)]


def test_prompt_opens_by_itself_and_y_approves_then_asks_the_next() -> None:
    async def script(desk: Desk) -> None:
        assert desk.top == "Confirm"
        await desk.press("y")
        assert "BUY NIFTY 24900 CE" in desk.text
        await desk.press("n")
        assert desk.top == "Overview"

    assert answers(drive(s.asking(), script)) == [("P1", True), ("P2", False)]


def test_answered_prompt_is_not_asked_again_while_the_engine_is_slow() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("y", "y")
        await desk.publish()
        assert desk.top == "Overview"

    assert len(answers(drive(s.asking(), script))) == 2


def test_type_ahead_answers_nothing() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("y", "n", "a")
        assert desk.top == "Confirm"
        assert "keys count in a moment" in desk.text

    assert drive(s.asking(), script, arm_s=3600).sent == []


@pytest.mark.parametrize("key", ["space", "left", "minus", "right", "plus", "l", "escape"])
def test_key_that_was_meant_for_something_else_changes_nothing_of_a_new_question(key: str) -> None:
    async def script(desk: Desk) -> None:
        desk.app.answers.lowered[("P1", "ZC0001", s.leg_of(s.CONDOR[0][0]))] = 2
        await desk.press(key)
        assert desk.top == "Confirm"
        answers = desk.app.answers
        assert (answers.unticked, answers.later) == (set(), set())
        assert list(answers.lowered.values()) == [2]

    assert drive(s.asking(), script, arm_s=3600).sent == []


@pytest.mark.parametrize("key", ["f12", "q"])
def test_kill_and_quit_wait_for_no_moment(key: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(key)
        assert desk.top != "Confirm"

    drive(s.asking(), script, arm_s=3600)


def test_prompt_that_comes_up_when_another_has_gone_takes_no_key_of_it() -> None:
    async def script(desk: Desk) -> None:
        confirm = desk.app.screen
        confirm.armed = True  # type: ignore[attr-defined]  # as if the 0.6 s had passed
        await desk.publish(prompts=(s.prompt(2, 1),))
        await desk.press("space")
        assert "NIFTY 24900 CE" in desk.text
        assert desk.app.answers.unticked == set()

    drive(s.asking(), script, arm_s=3600)


def test_changed_question_ignores_keys_again_and_says_so() -> None:
    async def script(desk: Desk) -> None:
        confirm = desk.app.screen
        confirm.armed = True  # type: ignore[attr-defined]  # as if the 0.6 s had passed
        fewer = s.prompt(rows=s.prompt().rows[:2])
        await desk.publish(prompts=(fewer,))
        await desk.press("y")
        assert "The question has changed" in desk.text

    assert drive(s.asking(), script, arm_s=3600).sent == []


def test_space_unticks_and_arrows_lower_lots() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("left", "left", "left", "left", "down", "space")
        assert "1 of 3" in desk.text
        assert "4 of 6 children" in desk.text
        await desk.press("y")

    event = drive(s.condor(prompts=(s.prompt(),)), script).sent[0]
    assert isinstance(event, PromptAnswered)
    assert event.children == ("ZC0001", "AC0003", "ZC0004", "ZC0005")
    assert event.units == {f"ZC0001|{s.leg_of(s.CONDOR[0][0])}": 65}


def test_lots_are_never_raised_above_the_offer() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("right", "plus", "right", "y")

    event = drive(s.condor(prompts=(s.prompt(),)), script).sent[0]
    assert isinstance(event, PromptAnswered)
    assert event.units == {}


def test_approving_with_nothing_ticked_sends_nothing() -> None:
    async def script(desk: Desk) -> None:
        for _ in range(5):
            await desk.press("space", "down")
        await desk.press("y")
        assert "Nothing is ticked" in desk.text

    assert drive(s.condor(prompts=(s.prompt(),)), script).sent == []


def test_approve_all_answers_every_listed_prompt_by_its_id() -> None:
    async def script(desk: Desk) -> None:
        assert "next: BUY NIFTY 24900 CE" in desk.text
        await desk.press("a")

    assert answers(drive(s.asking(), script)) == [("P1", True), ("P2", True)]


def test_approve_all_leaves_out_a_prompt_that_is_not_listed() -> None:
    many = s.condor(prompts=tuple(s.prompt(n, n % 4) for n in range(1, 9)))

    async def script(desk: Desk) -> None:
        assert "and 3 more after these" in desk.text
        await desk.press("a")

    assert [p for p, _ in answers(drive(many, script))] == ["P1", "P2", "P3", "P4", "P5"]


@pytest.mark.parametrize("key", ["escape", "l"])
def test_later_closes_without_an_answer_and_c_opens_again(key: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(key)
        assert desk.top == "Overview"
        await desk.publish()
        assert desk.top == "Overview"
        await desk.press("c")
        assert desk.top == "Confirm"

    assert drive(s.asking(), script).sent == []


def test_new_prompt_opens_although_another_was_put_off() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("escape")
        await desk.publish(prompts=(s.prompt(1, 0), s.prompt(2, 1), s.prompt(3, 2)))
        assert desk.top == "Confirm"
        assert "NIFTY 24350 PE" in desk.text

    drive(s.asking(), script)


def test_leg_that_joins_a_prompt_which_was_put_off_is_asked_about() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("l")
        await desk.publish()
        assert desk.top == "Overview"
        await desk.publish(prompts=(s.prompt(title="2 legs", rows=(*s.prompt().rows, *s.prompt(1, 1).rows)),))
        assert desk.top == "Confirm"
        assert "NIFTY 24900 CE" in desk.text

    drive(s.condor(prompts=(s.prompt(),)), script)


def test_vanished_prompt_closes_the_dialog_with_a_note() -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(prompts=())
        assert desk.top == "Overview"
        notes = [n.message for n in desk.app._notifications]
        assert notes == ["SELL NIFTY 24750 CE 03Nov: no longer asked. The events say what became of it."]

    assert drive(s.condor(prompts=(s.prompt(),)), script).sent == []


@pytest.mark.parametrize("key", ["space", "f", "q", "ctrl+q"])
def test_key_on_its_way_to_a_prompt_that_has_gone_orders_nothing_else(key: str) -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(prompts=())
        await desk.press(key)
        assert (desk.top, desk.app.is_running, desk.app.return_value) == ("Overview", True, None)

    assert drive(s.condor(prompts=(s.prompt(),)), script, arm_s=3600).sent == []


def test_kill_is_heard_when_a_prompt_has_just_gone() -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(prompts=())
        await desk.press("f12")
        assert desk.top == "Kill"

    drive(s.condor(prompts=(s.prompt(),)), script, arm_s=3600)


def test_keys_are_heard_again_a_moment_after_a_prompt_has_gone() -> None:
    async def script(desk: Desk) -> None:
        await desk.publish(prompts=())
        await desk.pilot.pause(0.1)
        await desk.press("space")

    assert [type(e).__name__ for e in drive(s.condor(prompts=(s.prompt(),)), script, arm_s=0.05).sent] == ["Paused"]


def test_exit_cannot_be_declined() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("n")
        assert "put off, not declined" in desk.text

    assert drive(s.condor(prompts=(s.prompt(kind="exit", at_deadline="sent"),)), script).sent == []


def test_countdown_says_what_happens_at_its_end() -> None:
    async def script(desk: Desk) -> None:
        assert "23 s left, then declined" in desk.text
        desk.feed.now += 20 * NS_PER_S
        await desk.publish(at_ns=desk.feed.now)
        assert "3 s left, then declined" in desk.text

    drive(s.condor(prompts=(s.prompt(),)), script)


LONG = ("BANKNIFTY 51000 PE 29Sep", "BANKNIFTY 51000 PE 27Oct", "NIFTY 24750 CE 03Nov", "NIFTY 24750 CE 03Nov MIS")


@pytest.mark.parametrize("width", [60, 70, 76, 90, 97, 106])
@pytest.mark.parametrize("titles", [LONG[:1], LONG[:2], LONG[2:], LONG])
def test_no_amount_is_cut_and_no_two_legs_look_alike(width: int, titles: tuple[str, ...]) -> None:
    rows = [
        s.prompt_row(child, 3, leg, title=title, reason="edited")
        for leg, title in enumerate(titles)
        for child in ("ZC0001", "ZC0002")
    ]
    asked = s.prompt(title=f"{len(titles)} legs", rows=tuple(rows))
    facts, (head, *every, _total) = prompt_rows(asked, Answers(), s.NOW, width, ("ZC0002",))
    drawn = [row for row in every if row.key]
    assert all(width_of(row.line) <= width for row in every)
    assert all(width_of(text) <= width for text in (facts, head.line, *(row.line for row in drawn)))
    names = {"lots", "margin"} | ({"price", "available"} if width > 90 else set())
    assert names <= set(plain(head.line).split())
    shown = [plain(row.line).replace("ZC0002", "ZC0001").replace("on paper", "") for row in drawn[::2]]
    assert len({text[13:45] for text in shown}) == len(titles)
    needed = fmt.number(354_000 * len(titles))
    assert all(needed in plain(row.line) for row in drawn[:2])


def test_margin_that_is_more_than_there_is_has_a_mark() -> None:
    poor = s.prompt_row("ZC0002", 3, available_inr=s.rupees("3,53,999"))
    asked = s.prompt(rows=(s.prompt_row("ZC0001", 3), poor))
    _, rows = prompt_rows(asked, Answers(), s.NOW, 70)
    assert ["3,54,000▲" in plain(row.line) for row in rows[1:3]] == [False, True]


def test_what_a_child_has_left_stands_once_beside_its_margin_and_goes_with_the_lots() -> None:
    """3,54,000 a leg of 10,50,000; two legs are one basket, and its margin stands in the first row."""
    poor = s.prompt_row("ZC0002", 3, available_inr=s.rupees("3,53,999"))
    unknown = s.prompt_row("ZC0003", 3, available_inr=None)
    both = (s.prompt_row("ZC0001", 3), s.prompt_row("ZC0001", 3, 1))
    asked, answers = s.prompt(rows=(*both, poor, unknown)), Answers()

    def left() -> list[str]:
        head, *rows = (plain(row.line) for row in prompt_rows(asked, answers, s.NOW, 120)[1][:-1])
        end = head.index("left after") + len("left after")
        return [row[end - 13 : end].strip() for row in rows]

    assert left() == ["3,42,000", "", "-1", fmt.UNKNOWN]
    answers.change(asked, poor, -2)
    assert left()[2] == fmt.number(353_999 - 118_000)


def test_total_says_what_would_be_refused_and_what_all_legs_cost() -> None:
    rows = (
        s.prompt_row("ZC0001", 3, reason="slippage 6.5 %, limit 3.0 %", would_be_refused=True),
        s.prompt_row("ZC0001", 3, 1),
        s.prompt_row("ZC0002", 5, reason="slippage 6.5 %, limit 3.0 %", would_be_refused=True),
    )
    asked, answers = s.prompt(rows=rows), Answers()

    def total(width: int = 118) -> str:
        return " ".join(plain(row.line).strip() for row in prompt_rows(asked, answers, s.NOW, width)[1] if not row.key)

    lot = s.LOT
    assert f"· {8 * lot} refused at this price · charges {fmt.rupees(Decimal('24.60') * 11)}" in total()
    assert "refused at this price" in total(70)
    answers.toggle(asked, "ZC0001")
    assert "· all refused at this price" in total()
    answers.toggle(asked, "ZC0002")
    assert "refused" not in total().split("children ·")[-1]
    unknown = s.prompt(rows=(s.prompt_row("ZC0001", 3, charges_inr=None),))
    assert "charges ₹" not in plain(prompt_rows(unknown, Answers(), s.NOW, 118)[1][-1].line)


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_dialog_leaves_header_strategy_and_banner_free(size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        assert desk.screen[0].startswith(" LIVE")
        assert desk.screen[1].startswith(" iron condor")
        assert "KILLED, LEVEL 1" in desk.screen[2]

    from engine.snapshot import EngineState

    drive(s.live(prompts=s.asking().prompts, engine=EngineState.KILLED_ENTRIES), script, size=size)


def test_kill_works_in_the_confirm_dialog() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("f12")
        assert desk.top == "Kill"
        await desk.press("2")
        assert desk.top == "Confirm"

    assert [type(e).__name__ for e in drive(s.asking(), script).sent] == ["KillSwitched"]


def test_prompt_does_not_open_over_another_dialog() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("question_mark")
        await desk.publish(prompts=(s.prompt(),))
        assert desk.top == "Notice"
        await desk.press("escape")
        await desk.publish()
        assert desk.top == "Confirm"

    drive(s.condor(), script)


@pytest.mark.parametrize("size", [WIDE, SMALL])
@pytest.mark.parametrize("keys", [("question_mark",), ("enter",), ("f12",), ("r",), ("5",)])
def test_prompts_out_of_sight_are_counted_above_every_dialog(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    async def script(desk: Desk) -> None:
        await desk.press(*keys)
        await desk.publish(prompts=s.asking().prompts)
        if keys == ("5",):
            assert desk.top == "Confirm"
            assert "2 prompts" not in desk.screen[2]
            await desk.press("l")
            await desk.publish()
        assert desk.screen[2].startswith(" 2 prompts, 23 s left, then declined")
        await desk.publish(prompts=())
        assert "prompt" not in desk.screen[2]

    drive(s.condor(), script, size=size)


def test_prompts_out_of_sight_stand_before_another_banner() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("question_mark")
        await desk.publish(prompts=(s.prompt(),))
        assert desk.screen[2].startswith(" 1 prompt, 23 s left, then declined · KILLED, LEVEL 2")

    drive(s.killed(), script)


def test_q_asks_about_leaving_so_that_a_following_y_approves_nothing() -> None:
    async def script(desk: Desk) -> None:
        await desk.press("q", "y")
        assert desk.app.return_value == 0

    assert drive(s.asking(), script).sent == []


@pytest.mark.parametrize("size", [WIDE, SMALL])
def test_row_that_would_be_refused_says_why_at_every_size(size: tuple[int, int]) -> None:
    why = "slippage 10.0 %, limit 1.0 %"
    asked = s.prompt(rows=(s.prompt_row("ZC0001", 3, reason=why), s.prompt_row("ZC0002", 5)))

    async def script(desk: Desk) -> None:
        assert desk.text.count(why) == 1

    drive(s.condor(prompts=(asked,)), script, size=size)


def test_nothing_is_said_of_the_broker_while_nobody_is_ticked() -> None:
    asked = s.prompt(rows=(s.prompt_row("ZC0001", 3),))
    asked = msgspec.structs.replace(asked, margins=s.margins(asked.rows, is_brokers=True))
    answers = Answers()
    assert "margin by the broker ₹3,54,000" in plain(prompt_rows(asked, answers, s.NOW, 110)[1][-1].line)
    answers.toggle(asked, "ZC0001")
    total = plain(prompt_rows(asked, answers, s.NOW, 110)[1][-1].line)
    assert "0 of 1 children" in total and "broker" not in total


def test_row_of_a_leg_that_the_master_left_cannot_be_ticked_nor_approved() -> None:
    void = s.prompt_row("ZC0002", 0, reason=MASTER_IS_OUT, void_units=130)
    asked = s.prompt(kind="resync", rows=(s.prompt_row("ZC0001", 3), void))

    async def script(desk: Desk) -> None:
        (row,) = [text for text in desk.screen if MASTER_IS_OUT in text]
        assert "[ ] ZC0002" in row
        await desk.press("down", "space", "y")

    (event,) = drive(s.condor(prompts=(asked,)), script).sent
    assert isinstance(event, PromptAnswered)
    assert event.shown == {f"ZC0001|{void.leg}": -195, f"ZC0002|{void.leg}": 0}


def test_declining_covers_what_the_master_left_as_far_as_it_was_seen() -> None:
    void = s.prompt_row("ZC0002", 0, reason=MASTER_IS_OUT, void_units=130)
    asked = s.prompt(kind="resync", rows=(s.prompt_row("ZC0001", 3), void))
    event = Answers().refusal(asked, s.NOW)
    assert isinstance(event, PromptAnswered)
    assert event.shown == {f"ZC0001|{void.leg}": -195, f"ZC0002|{void.leg}": -130}
