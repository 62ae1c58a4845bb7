"""Lines of styled text: what every widget of the dashboard is drawn from. Pure; knows no widget and no snapshot.

A line is a tuple of spans, comparable by value, so that a table redraws only lines that changed. Text is never parsed
as markup, and control characters of foreign text never reach the terminal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, groupby
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.content import Span as ContentSpan


class Tone(StrEnum):
    """How a span looks, as a Textual style of theme variables. A tone only repeats what a word or mark says."""

    PLAIN = ""
    DIM = "$muted"
    BOLD = "bold"
    GOOD = "$success"
    INFO = "$accent"
    WARN = "$warning"
    BAD = "bold $error"
    KEY = "bold $accent"
    ON_GOOD = "bold $background on $success"
    ON_CALM = "bold $background on $primary"
    ON_WARN = "bold $background on $warning"
    ON_BAD = "bold $live-text on $live"


class Span(NamedTuple):
    """A run of text of one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
EMPTY: Line = ()
NAME_MOST = 21
"Cells of the longest account id that the configuration takes, and of the gap behind it."


def line(*parts: str | Span) -> Line:
    """A line of spans; plain strings get the plain tone; empty parts vanish."""
    spans = tuple(Span(part) if isinstance(part, str) else part for part in parts)
    return tuple(span for span in spans if span.text)


def clean(text: str) -> str:
    """Foreign text with every character that could move the cursor or hide something replaced by a dot."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)


def width_of(spans: Iterable[Span]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(clean(span.text)) for span in spans)


def pad(text: str, width: int) -> str:
    """Text in exactly `width` cells, cut with `…` at the end when it is longer. For names, never for numbers."""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def pad_title(text: str, width: int) -> str:
    """A leg's title in exactly `width` cells: the name in front is cut: strike, date and product tell legs apart."""
    if cell_len(text) <= width:
        return pad(text, width)
    first, _, rest = text.partition(" ")
    room = width - 1 - cell_len(rest)
    if rest and room >= 2:
        return f"{pad(first, room)} {rest}"
    while cell_len(text) > max(width - 1, 0):
        text = text[1:]
    return pad(f"…{text}", width)


@dataclass(frozen=True, slots=True)
class Names:
    """A column of account ids, in which no two look alike."""

    width: int
    "Cells, the gap behind the id included."
    texts: Mapping[str, str]

    def pad(self, name: str) -> str:
        """An id in exactly the width of the column."""
        text = self.texts.get(name)
        return pad(_cut(clean(name), self.width - 1, (self.width - 2) // 2) if text is None else text, self.width)


def name_column(names: Iterable[str], least: int, room: int = NAME_MOST) -> Names:
    """The column of a set of account ids: as wide as the longest wants in the room there is, the gap included.

    It has `least` cells even where there is less room, and never more than the longest id of all takes.
    """
    every = tuple(dict.fromkeys(names))
    longest = max((cell_len(clean(name)) for name in every), default=0)
    width = max(least, min(longest + 1, room, NAME_MOST))
    return Names(width, short_names(every, width - 1))


def short_names(names: Iterable[str], width: int) -> dict[str, str]:
    """Each id in `width` cells, cut in the middle where it is longer (`GRAND…HDFC`), so that no two are alike."""
    every = {name: clean(name) for name in names}
    width = max(width, 1)
    for tail in _tails(width):
        found = {name: _cut(text, width, tail) for name, text in every.items()}
        if len(set(found.values())) == len(every):
            return found
    found = {name: text for name, text in every.items() if cell_len(text) <= width}
    taken = set(found.values())
    for name in sorted(every.keys() - found.keys()):
        found[name] = next(text for text in _wordings(every[name], width) if text not in taken)
        taken.add(found[name])
    return found


def _tails(width: int) -> list[int]:
    """How many cells of the end are kept: half of them, else more or fewer."""
    half = (width - 1) // 2
    return sorted(range(width), key=lambda tail: (abs(tail - half), -tail))


def _cut(text: str, width: int, tail: int) -> str:
    if cell_len(text) <= width:
        return text
    return f"{text[: max(width - 1 - tail, 0)]}…{text[len(text) - tail :]}" if width > 0 else ""


def _wordings(text: str, width: int) -> Iterator[str]:
    """Every way to cut an id, then with a number: there are more ids than short words for them."""
    yield from (_cut(text, width, tail) for tail in _tails(width))
    for number in count(2):
        room = width - 1 - len(str(number))
        yield f"{text[:room]}…{number}" if room >= 0 else str(number)


def shorten(text: str, width: int) -> str:
    """Text in at most `width` cells, cut at a word so that no number loses digits; spaces in front stay."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for number, word in enumerate(text.split(" ")):
        longer = f"{kept} {word}" if number else word
        if cell_len(longer) > width - 1:
            break
        kept = longer
    if not kept.strip() and not any(c.isdigit() for c in text[:width]):
        kept = set_cell_size(text, max(width - 1, 0))
    return f"{kept}…" if width > 0 else ""


def wrap(text: str, width: int) -> list[str]:
    """Text as lines of at most `width` cells, broken at words; a longer word is broken anywhere."""
    lines: list[str] = []
    current = ""
    for word in clean(text).split(" "):
        rest = word
        longer = f"{current} {rest}" if current else rest
        if cell_len(longer) <= width:
            current = longer
            continue
        if current:
            lines.append(current)
        while cell_len(rest) > width > 0:
            lines.append(set_cell_size(rest, width))
            rest = rest[len(lines[-1].rstrip()) :] or ""
        current = rest
    return [*lines, current] if current or not lines else lines


def fold(spans: Line, width: int) -> list[Line]:
    """A line as lines of at most `width` cells, broken at words; those that follow are indented as the first one is."""
    if width <= 0 or width_of(spans) <= width:
        return [spans]
    rest = [(char, span.tone) for span in spans for char in clean(span.text)]
    indent = min(next((i for i, (char, _) in enumerate(rest) if char != " "), 0), width // 2)
    out: list[Line] = []
    while rest:
        lead = indent if out else 0
        end = _fitting(rest, width - lead)
        if end < len(rest):
            end = next((i for i in range(end, indent + 1 - lead, -1) if rest[i][0] == " "), end)
        part, rest = rest[:end], rest[end:]
        while rest and rest[0][0] == " ":
            del rest[0]
        runs = ((tone, "".join(char for char, _ in run)) for tone, run in groupby(part, lambda each: each[1]))
        out.append(line(" " * lead, *(Span(text, tone) for tone, text in runs)))
    return out


def _fitting(chars: Sequence[tuple[str, Tone]], width: int) -> int:
    """How many characters fit, at least one."""
    used = 0
    for place, (char, _) in enumerate(chars):
        used += cell_len(char)
        if used > width:
            return max(place, 1)
    return len(chars)


def has_words(text: str, wanted: str) -> bool:
    """Whether every word of a filter is in a text, in any case; no words are in every text."""
    lowered = text.lower()
    return all(word in lowered for word in wanted.lower().split())


def first_fitting(width: int, build: Callable[[int], Line], levels: Sequence[int]) -> Line:
    """The richest of several wordings that fits: `build(level)`, the first level being the richest."""
    built: Line = EMPTY
    for level in levels:
        built = build(level)
        if width_of(built) <= width:
            break
    return built


def to_content(spans: Line) -> Content:
    """The line as Textual content. Never parsed as markup."""
    text, marks = "", []
    for span in spans:
        start, text = len(text), text + clean(span.text)
        if span.tone:
            marks.append(ContentSpan(start, len(text), span.tone.value))
    return Content(text, marks)


def plain(spans: Line) -> str:
    """The line's bare text."""
    return "".join(span.text for span in spans)


PRESSED = {
    "enter": "enter",
    "esc": "escape",
    "space": "space",
    "F12": "f12",
    "?": "question_mark",
    "/": "slash",
    "^p": "ctrl+p",
    "1-7": "ctrl+p",
}
"""What a click on a key of a key line presses, beside single letters and digits: of several keys the list of all."""
PAIRS = {"← →": ("left", "right"), "↑ ↓": ("up", "down")}


def key_at(spans: Line, x: int) -> str:
    """The key that stands, with what it does, at a cell of a key line, by Textual's name; '' for none."""
    start = 0
    for place, span in enumerate(spans):
        end = start + cell_len(span.text)
        if span.tone is Tone.KEY:
            key = span.text.strip()
            what = spans[place + 1] if place + 1 < len(spans) else Span("")
            if key in PAIRS and start <= x < end:
                return PAIRS[key][x >= (start + end + 1) // 2]
            if start <= x < end + cell_len(what.text) * (what.tone is Tone.DIM) and key not in PAIRS:
                return PRESSED.get(key, key if len(key) == 1 else "")
        start = end
    return ""


def keys(*pairs: tuple[str, str]) -> Line:
    """A line of keys and what they do."""
    spans: list[Span] = []
    for key, what in pairs:
        spans += [Span(f" {key}", Tone.KEY), Span(f" {what}", Tone.DIM), Span(" ")]
    return tuple(spans)
