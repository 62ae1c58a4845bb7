import pytest
from rich.cells import cell_len

from tests.tui.snapshots import HOSTILE
from tui.text import (
    EMPTY,
    Span,
    Tone,
    clean,
    first_fitting,
    fold,
    line,
    pad,
    pad_title,
    plain,
    shorten,
    to_content,
    width_of,
    wrap,
)


def test_markup_of_foreign_text_stays_text() -> None:
    assert to_content(line("[red]M&M[/red] [/v3/orders]")).plain == "[red]M&M[/red] [/v3/orders]"


def test_control_characters_never_reach_the_terminal() -> None:
    assert clean("a\x1b[2Jb\nc\u202ed") == "a·[2Jb·c·d"
    assert "\x1b" not in to_content(line(HOSTILE)).plain


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("NIFTY 24750 CE 03Nov", 22, "NIFTY 24750 CE 03Nov  "),
        ("BANKNIFTY 51000 PE 29Sep", 20, "BANK… 51000 PE 29Sep"),
        ("BANKNIFTY 51000 PE 27Oct MIS", 20, "… 51000 PE 27Oct MIS"),
        ("NIFTY26NOV24750CE", 10, "…OV24750CE"),
        ("NIFTY", 1, "…"),
    ],
)
def test_title_keeps_what_tells_two_legs_apart(text: str, width: int, shown: str) -> None:
    assert pad_title(text, width) == shown


def test_line_drops_empty_parts() -> None:
    assert line("", Span("a"), Span("", Tone.BAD)) == (Span("a"),)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("margin 12,000 short", 30, "margin 12,000 short"),
        ("margin 12,000 short", 12, "margin…"),
        ("12,000", 4, "…"),
        ("Insufficient", 5, "Insu…"),
        ("x", 0, ""),
        ("   12 s  LIMIT entry", 15, "   12 s  LIMIT…"),
        ("    12 s", 5, "   …"),
        ("  Insufficient", 6, "  Ins…"),
    ],
)
def test_shortening_never_cuts_a_number(text: str, width: int, short: str) -> None:
    assert shorten(text, width) == short


def test_padding_counts_cells_of_wide_characters() -> None:
    assert cell_len(pad("日本語", 5)) == 5
    assert pad("ab", 4) == "ab  "


def test_wrap_keeps_every_word_and_breaks_long_ones() -> None:
    assert wrap("a bb ccc", 4) == ["a bb", "ccc"]
    assert "".join(wrap("x" * 25, 10)) == "x" * 25
    assert all(cell_len(part) <= 10 for part in wrap(HOSTILE, 10))
    assert wrap("", 10) == [""]


def test_richest_wording_that_fits_is_taken() -> None:
    def build(level: int) -> tuple[Span, ...]:
        return line("long enough"[: 11 - 4 * level])

    assert plain(first_fitting(11, build, range(3))) == "long enough"
    assert plain(first_fitting(7, build, range(3))) == "long en"
    assert plain(first_fitting(1, build, range(3))) == "lon"


@pytest.mark.parametrize("width", [7, 12, 20, 33, 80])
def test_folded_line_says_all_and_fits(width: int) -> None:
    spans = line("    ", Span("live: ", Tone.BOLD), Span("these children trade the master's next strategy", Tone.WARN))
    folded = fold(spans, width)
    assert all(width_of(part) <= width for part in folded)
    assert "".join(map(plain, folded)).replace(" ", "") == plain(spans).replace(" ", "")
    assert {plain(part)[: min(4, width // 2)] for part in folded} == {" " * min(4, width // 2)}
    bold = "".join(span.text for part in folded for span in part if span.tone is Tone.BOLD)
    assert bold.strip() == "live:"


def test_line_that_fits_and_a_word_without_a_break_are_folded_too() -> None:
    assert fold(line("abc"), 3) == [line("abc")]
    assert [plain(part) for part in fold(line("abcdefg"), 3)] == ["abc", "def", "g"]
    assert fold(EMPTY, 10) == [EMPTY]
    assert [plain(part) for part in fold(line("漢字漢字"), 5)] == ["漢字", "漢字"]
