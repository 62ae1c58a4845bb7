"""Takes pastes out of what the terminal sends, so that nothing in them is ever taken for a key. Pure.

Textual 8.2.8 looks for keys inside a bracketed paste, too: the 32 characters behind an ESC in it, or fewer when the
terminal pauses, are typed into the program, and a report of another window size is believed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tui.text import clean

BEGINS: Final = "\x1b[200~"
ENDS: Final = "\x1b[201~"
MOST: Final = 1 << 12
"""Characters of a paste; the others are dropped. An address that a broker's login leads to has some hundred."""
ESCAPE: Final = BEGINS[0]
WAIT_S, ESCAPE_WAIT_S = 0.1, 0.02
"""How long the driver waits, and how long while an ESC may be a key or the beginning of more."""
HELD_WAITS: Final = 10
"""What else may be the beginning of a paste is held back for so many waits: the terminal is far away."""
KEY_MOST: Final = 16
"""Characters of one key, or of few."""
PASTE_WAITS: Final = 100
"""A paste whose end does not come is over after so many: the keys would be dead, the kill switch among them."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """The text of a paste, in lines; a character that could move the cursor is a dot in it."""

    text: str


class Pastes:
    """What the terminal sends, cut into typed text and pastes."""

    def __init__(self) -> None:
        self._held = ""
        "The end of what came, when it may be a part of a mark."
        self._paste: list[str] | None = None
        self._length = 0
        self._waits = 0

    @property
    def wait_s(self) -> float:
        """How long to wait for more."""
        return ESCAPE_WAIT_S if self._held == ESCAPE and self._paste is None else WAIT_S

    def feed(self, text: str) -> Iterator[str | Pasted]:
        """What came, in order; typed text is never empty."""
        if self._paste is None or len(text) > KEY_MOST:  # keys that are typed into one without an end keep it not alive
            self._waits = 0
        rest, self._held = self._held + text, ""
        if self._paste is None and 0 <= rest.find(ENDS) < (rest.find(BEGINS) + 1 or len(rest)):
            rest = rest.partition(ENDS)[2]  # the rest of a paste that was over before it ended
        while rest:
            mark = BEGINS if self._paste is None else ENDS
            before, found, rest = rest.partition(mark)
            if not found:
                kept = _beginning_of(mark, before)
                before, self._held = before[: len(before) - kept], before[len(before) - kept :]
            yield from self._took(before)
            if found:
                yield from self._turned()

    def wait(self) -> Iterator[str | Pasted]:
        """Nothing came for a while."""
        self._waits += 1
        if self._paste is None and self._held and (self._held == ESCAPE or self._waits >= HELD_WAITS):
            held, self._held = self._held, ""
            yield held
        elif self._paste is not None and self._waits >= PASTE_WAITS:
            self._held = ""
            yield from self._turned()

    def _took(self, text: str) -> Iterator[str]:
        if self._paste is None:
            if text:
                yield text
        elif self._length < MOST:
            self._paste.append(text[: MOST - self._length])
            self._length += len(text)

    def _turned(self) -> Iterator[Pasted]:
        """A mark came: a paste begins or ends."""
        paste, self._length = self._paste, 0
        self._paste = [] if paste is None else None
        if paste is not None:
            yield Pasted("\n".join(clean(line) for line in "".join(paste).splitlines()))


def _beginning_of(mark: str, text: str) -> int:
    """How many characters at the end of a text may be the beginning of a mark."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
