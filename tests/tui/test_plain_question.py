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


@pytest.mark.parametrize("way", [EOFError, KeyboardInterrupt], ids=["end of input", "Ctrl-C"])
def test_leaving_without_an_answer_is_no(way: type[BaseException]) -> None:
    def read() -> str:
        raise way

    assert not typed([], "PAPER", write=lambda _text: None, read=read)
