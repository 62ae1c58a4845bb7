import pytest

from tui.plain_question import typed


def answer(text: str) -> tuple[bool, list[str]]:
    shown: list[str] = []
    return typed(["a \x1b[31mb", "c"], "PAPER", write=shown.append, read=lambda: text), shown


@pytest.mark.parametrize(("text", "is_yes"), [("PAPER", True), (" PAPER ", True), ("paper", False), ("", False)])
def test_only_the_word_counts(text: str, is_yes: bool) -> None:
    assert answer(text)[0] is is_yes


def test_lines_are_shown_without_control_characters() -> None:
    shown = answer("")[1]
    assert len(shown) == 3
    assert not any("\x1b" in line for line in shown)


def test_end_of_input_is_no() -> None:
    def read() -> str:
        raise EOFError

    assert not typed([], "PAPER", write=lambda _text: None, read=read)
