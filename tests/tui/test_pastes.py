"""Pastes are cut out of what the terminal sends, whatever is in them and however it comes in pieces."""

from random import Random

import pytest

from tests.tui import snapshots as s
from tests.tui.harness import Desk, drive
from tui.pastes import BEGINS, ENDS, HELD_WAITS, MOST, PASTE_WAITS, Pasted, Pastes

F12 = "\x1b[24~"
GARBAGE = f"\x1bfFLATTEN\r{'x' * 40}{F12}2\x1b[48;1;1;1;1t\x1b\x1b[I\x00\n\x1b[200~ LIVE\n\x1b[20"
CLEANED = f"·fFLATTEN\n{'x' * 40}·[24~2·[48;1;1;1;1t··[I·\n·[200~ LIVE\n·[20"


def joined(parts: list[str | Pasted]) -> list[str | Pasted]:
    """Typed text that came in pieces as one."""
    out: list[str | Pasted] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return out


@pytest.mark.parametrize("seed", range(20))
def test_nothing_of_a_paste_is_typed_however_it_is_cut_into_pieces(seed: int) -> None:
    rng, pastes, found = Random(seed), Pastes(), list[str | Pasted]()
    stream = f"a{BEGINS}{GARBAGE}{ENDS}b{F12}\x1b[2~{BEGINS}{ENDS}c\x1b[A"
    while stream:
        size = rng.randint(1, 9) if seed else 1
        found += pastes.feed(stream[:size])
        stream = stream[size:]
    assert joined(found) == ["a", Pasted(CLEANED), f"b{F12}\x1b[2~", Pasted(""), "c\x1b[A"]


def test_escape_alone_is_held_back_for_one_short_wait() -> None:
    pastes = Pastes()
    assert list(pastes.feed("q\x1b")) == ["q"]
    assert pastes.wait_s < 0.05
    assert list(pastes.wait()) == ["\x1b"]
    assert pastes.wait_s == 0.1
    assert list(pastes.wait()) == []


def test_mark_that_is_slow_to_come_is_a_mark_and_what_only_looks_like_one_is_typed() -> None:
    pastes = Pastes()
    assert [*pastes.feed("\x1b[20"), *pastes.wait(), *pastes.feed("0~2"), *pastes.feed(ENDS)] == [Pasted("2")]
    assert list(pastes.feed("\x1b[2")) == []
    assert [part for _ in range(HELD_WAITS) for part in pastes.wait()] == ["\x1b[2"]
    assert list(pastes.feed("0~")) == ["0~"]


def test_paste_without_an_end_is_over_after_a_while_so_that_keys_are_heard_again() -> None:
    pastes = Pastes()
    assert list(pastes.feed(f"{BEGINS}lost\x1b")) == []
    assert [part for _ in range(PASTE_WAITS) for part in pastes.wait()] == [Pasted("lost")]
    assert list(pastes.feed(F12)) == [F12]


def test_paste_that_goes_on_is_not_over() -> None:
    pastes = Pastes()
    assert list(pastes.feed(f"{BEGINS}a")) == []
    for _ in range(3):
        assert [part for _ in range(PASTE_WAITS - 1) for part in pastes.wait()] == []
        assert list(pastes.feed("a" * 17)) == []
    assert list(pastes.feed(f"{ENDS}q")) == [Pasted("a" * 52), "q"]


def test_keys_that_are_pressed_into_a_paste_without_an_end_keep_it_not_alive() -> None:
    pastes = Pastes()
    assert list(pastes.feed(f"{BEGINS}lost")) == []
    heard: list[str | Pasted] = []
    for _ in range(PASTE_WAITS):
        heard += [*pastes.feed(F12), *(part for _ in range(10) for part in pastes.wait())]
    assert heard[-1] == F12


def test_rest_of_a_paste_that_was_over_before_its_end_came_is_typed_nowhere() -> None:
    pastes = Pastes()
    assert list(pastes.feed(f"{BEGINS}a")) == []
    assert [part for _ in range(PASTE_WAITS) for part in pastes.wait()] == [Pasted("a")]
    assert list(pastes.feed(f"k1{ENDS}q{BEGINS}b{ENDS}")) == ["q", Pasted("b")]


def test_half_a_character_is_not_the_end_of_the_input() -> None:
    assert list(Pastes().feed("")) == []  # Textual's parser would take no key after an empty text


def test_paste_is_kept_to_its_bound() -> None:
    pastes = Pastes()
    (found,) = [*pastes.feed(BEGINS + "k" * (MOST - 1)), *pastes.feed("kk" * MOST), *pastes.feed(ENDS)]
    assert found == Pasted("k" * MOST)


def test_first_line_of_a_paste_that_has_anything_is_taken_as_far_as_there_is_room() -> None:
    async def script(desk: Desk) -> None:
        from textual.events import Paste
        from textual.widgets import Input

        await desk.press("slash", *"ab", "left")
        box = desk.app.screen.query_one("#filter", Input)
        desk.app.post_message(Paste("\n \r\n ce \nsecond\n"))
        await desk.settle()
        assert box.value == "aceb"
        desk.app.post_message(Paste("k" * 100_000))
        await desk.settle()
        assert (len(box.value), box.value[-2:]) == (200, "kb")
        desk.app.post_message(Paste("\n\n"))
        await desk.settle()
        assert len(box.value) == 200

    drive(s.condor(), script)
