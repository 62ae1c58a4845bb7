"""What a terminal answers is no key, however it arrives; what is typed beside it is."""

import pytest
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

from tui.replies import MOST, PIECES, WAITS, Replies

ANSWERS = {
    "its colour": "\x1b]11;rgb:ffff/ffff/ffff\x07",
    "its colour, ended otherwise": "\x1b]10;rgb:0/0/0\x1b\\",
    "its name": "\x1bP>|xterm f\rFLATTEN\r\x1b\\",
    "a picture": "\x1b_Gi=1;OK\x1b\\",
    "attributes": "\x1b[?64;1;2;6;9;15;18;21;22c",
    "more attributes": "\x1b[>41;388;0c",
    "kitty's keys": "\x1b[?0u",
    "well": "\x1b[0n",
    "parameters": "\x1b[2;1;1;112;112;1;0x",
    "its size in lines": "\x1b[8;36;120t",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answer_is_no_key_wherever_it_is_cut(answer: str) -> None:
    for cut in range(3, len(answer)):  # what may begin a paste is held before
        replies = Replies()
        assert [replies.feed("a" + answer[:cut]), replies.feed(answer[cut:] + "b")] == ["a", "b"]


@pytest.mark.parametrize(("size", "waits"), [(1, 0), (2, 0), (6, 0), (6, 3)])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answer_that_comes_in_pieces_is_no_key(answer: str, size: int, waits: int) -> None:
    replies = Replies()
    pieces = [answer[:3], *(answer[at : at + size] for at in range(3, len(answer), size))]
    typed = ""
    for piece in pieces:
        typed += replies.feed(piece) + "".join(replies.wait() for _ in range(waits))
    assert (typed, replies.feed("y")) == ("", "y")


@pytest.mark.parametrize(
    "typed",
    [
        *sorted(ANSI_SEQUENCES_KEYS),
        "\x1b[<0;5;5M", "\x1b[<0;5;5m", "\x1b[I", "\x1b[O", "\x1b[?2026;2$y", "\x1b[48;36;120;720;960t", "\x1b[36;120R",
        "\x1b[97;5u", "\x1b[1;2A", "f\rFLATTEN\r", "\u20b9",
    ],
)  # fmt: skip
def test_keys_and_what_textual_wants_to_know_go_through(typed: str) -> None:
    assert Replies().feed(typed) == typed


def test_key_breaks_an_answer_off() -> None:
    replies = Replies()
    assert replies.feed("\x1b]11;rgb:f") == ""
    assert replies.feed("\x1b[24~") == "\x1b[24~"
    assert replies.feed("q") == "q"


def test_key_that_is_cut_breaks_an_answer_off() -> None:
    replies = Replies()
    assert replies.feed("\x1b]11;rgb:11/22/33 \x1b[1;") == ""
    assert replies.feed("5A") == "\x1b[1;5A"


def test_answer_that_does_not_end_is_given_up_while_nothing_comes() -> None:
    replies = Replies()
    assert replies.feed("\x1b]" + "x" * 3 * MOST) == ""
    assert "".join(replies.feed("f") + replies.wait() for _ in range(WAITS)) == ""
    assert replies.feed("f") == "f"


def test_answer_that_does_not_end_is_given_up_while_keys_come() -> None:
    replies = Replies()
    assert replies.feed("\x1b]11;") == ""
    assert "".join(replies.feed("f") for _ in range(PIECES)) == ""
    assert replies.feed("f") == "f"


def test_paste_ends_an_answer() -> None:
    replies = Replies()
    assert replies.feed("\x1b]11;") == ""
    replies.end()
    assert replies.feed("f") == "f"


def test_what_could_be_a_key_is_one_when_it_does_not_end() -> None:
    replies = Replies()
    assert replies.feed("\x1b[1;") == ""
    assert [replies.wait() for _ in range(WAITS + 1)] == [""] * (WAITS - 1) + ["\x1b[1;", ""]
