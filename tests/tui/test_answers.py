import msgspec

from engine.events import PromptAnswered, Resumed
from engine.model import Side
from tests.tui import snapshots as s
from tui.answers import Answers, signature


def test_untouched_prompt_is_approved_for_everyone() -> None:
    prompt = s.prompt()
    event = Answers().approval(prompt, 5)
    assert event == PromptAnswered(
        at_ns=5,
        approve=True,
        prompt="P1",
        children=None,
        units={},
        shown={f"{r.child}|{r.leg}": r.side.sign * r.units for r in prompt.rows},
    )


def test_answers_say_what_was_on_the_screen() -> None:
    prompt = s.prompt(rows=(s.prompt_row("ZC0001", 3), s.prompt_row("ZC0002", 0, units=0)))
    leg = prompt.rows[0].leg
    answers = Answers()
    answers.change(prompt, prompt.rows[0], -1)
    for event in (answers.approval(prompt, 5), answers.refusal(prompt, 5)):
        assert isinstance(event, PromptAnswered)
        assert event.shown == {f"ZC0001|{leg}": -195, f"ZC0002|{leg}": 0}


def test_unticked_child_is_left_out_of_the_approval() -> None:
    answers, prompt = Answers(), s.prompt()
    answers.toggle(prompt, "ZC0002")
    event = answers.approval(prompt, 5)
    assert isinstance(event, PromptAnswered)
    assert event.children == ("ZC0001", "AC0003", "ZC0004", "ZC0005")


def test_lots_can_only_be_lowered_and_not_below_one() -> None:
    answers, prompt = Answers(), s.prompt()
    row = prompt.rows[0]
    answers.change(prompt, row, 1)
    assert answers.units(prompt, row) == 195
    for _ in range(5):
        answers.change(prompt, row, -1)
    assert answers.units(prompt, row) == 65
    event = answers.approval(prompt, 5)
    assert isinstance(event, PromptAnswered)
    assert event.units == {f"ZC0001|{row.leg}": 65}


def test_lowered_lots_never_exceed_a_smaller_new_offer() -> None:
    answers, prompt = Answers(), s.prompt()
    answers.change(prompt, prompt.rows[1], -1)
    smaller = s.prompt_row("ZC0002", 2)
    assert answers.units(s.prompt(rows=(smaller,)), smaller) == 130


def test_odd_remainder_is_not_edited() -> None:
    answers, row = Answers(), s.prompt_row("ZC0001", 1, units=70)
    prompt = s.prompt(rows=(row,))
    answers.change(prompt, row, -1)
    assert answers.units(prompt, row) == 70


def test_skipped_child_never_takes_part() -> None:
    assert "ZC0006" not in Answers().taking_part(s.prompt())


def test_nearest_deadline_comes_first_and_answered_prompts_are_gone() -> None:
    answers = Answers()
    snapshot = s.condor(prompts=(s.prompt(2), s.prompt(1)))
    assert [p.id for p in answers.queue(snapshot)] == ["P1", "P2"]
    answers.answered.add("P1")
    assert [p.id for p in answers.queue(snapshot)] == ["P2"]


def test_edits_of_gone_prompts_are_forgotten() -> None:
    answers, prompt = Answers(), s.prompt()
    answers.toggle(prompt, "ZC0001")
    answers.change(prompt, prompt.rows[0], -1)
    answers.put_off(s.condor(prompts=(prompt,)))
    assert answers.is_put_off(prompt)
    answers.forget_gone(s.condor())
    assert not answers.unticked and not answers.lowered and not answers.later


def test_other_side_or_leg_or_quantity_is_another_question() -> None:
    prompt = s.prompt()
    other_side = tuple(msgspec.structs.replace(row, side=Side.BUY) for row in prompt.rows)
    assert signature(prompt) == signature(s.prompt(deadline_ns=prompt.deadline_ns + 1))
    for rows in (other_side, prompt.rows[1:], s.prompt(1, 1).rows, (s.prompt_row("ZC0001", 2), *prompt.rows[1:])):
        assert signature(s.prompt(rows=rows)) != signature(prompt)


def test_unclean_start_is_answered_with_resume() -> None:
    assert Answers().approval(s.prompt(kind="restart"), 7) == Resumed(at_ns=7)
