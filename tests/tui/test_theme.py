"""Colours: every tone of our themes can be read where it stands. WCAG 2.2, 1.4.3: 4.5 to 1."""

import pytest
from textual.color import Color
from textual.theme import Theme

from tui.text import Tone
from tui.theme import THEMES

ENOUGH = 4.5
GROUNDS = ("background", "surface", "panel", "cursor", "live-dim")
"""Below lines, dialogs, the header, the row of the cursor, and the header in LIVE."""


def luminance(color: Color) -> float:
    """Relative luminance of WCAG."""
    parts = (value / 255 for value in color.rgb)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """1 for the same colour, 21 for black on white."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours_of(theme: Theme) -> dict[str, Color]:
    """The variables of a theme that are colours that we use."""
    names = {word.removeprefix("$") for tone in Tone for word in tone.value.split() if word.startswith("$")}
    made = theme.to_color_system().generate() | theme.variables
    return {name: Color.parse(made[name]) for name in (*names, *GROUNDS, "foreground")}


@pytest.mark.parametrize("tone", [tone for tone in Tone if " on " not in tone.value])
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_tones_can_be_read_on_every_ground(theme: Theme, tone: Tone) -> None:
    colours = colours_of(theme)
    words = tone.value.removeprefix("bold").split()
    ink = colours[words[0].removeprefix("$") if words else "foreground"]
    found = {ground: round(contrast(ink, colours[ground]), 3) for ground in GROUNDS}
    assert min(found.values()) >= ENOUGH, found


@pytest.mark.parametrize("tone", [tone for tone in Tone if " on " in tone.value])
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_words_on_a_colour_can_be_read(theme: Theme, tone: Tone) -> None:
    colours = colours_of(theme)
    ink, ground = (colours[part.split("$")[-1]] for part in tone.value.split(" on "))
    assert contrast(ink, ground) >= ENOUGH
