"""As much of a terminal as it takes to know what the dashboard's bytes leave on the screen: text and where it stands."""

import re
from codecs import getincrementaldecoder

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<given>[0-?]*)[ -/]*(?P<final>[@-~])"  # a control sequence
    r"|\x1b[\]P^_].*?(?:\x07|\x1b\\)"  # a string for the terminal
    r"|\x1b[ -/]*[0-Z\\^-~]"  # any other escape
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x1f\x7f]+)",
    re.DOTALL,
)
_MOVES = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1)}


class Emulator:
    """A screen. What it does not know must not come: it raises.

    Args:
        rows: Its height.
        columns: Its width.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._decode = getincrementaldecoder("utf-8")().decode
        self._pending = ""
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        """Another size; nothing of what was there is kept, so all of it must be drawn again."""
        self._rows, self._columns = rows, columns
        self._cells = [[" "] * columns for _ in range(rows)]
        self._y = self._x = 0

    @property
    def lines(self) -> list[str]:
        """What is on the screen."""
        return ["".join(row).rstrip() for row in self._cells]

    def feed(self, data: bytes) -> None:
        """Take what the program drew."""
        text, at = self._pending + self._decode(data), 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                break  # the rest of a sequence is still to come
            at = found.end()
            if found["text"]:
                self._put(found["text"])
            elif found["control"]:
                self._control(found["control"])
            elif found["final"]:
                self._sequence(found["given"], found["final"])
        self._pending = text[at:]
        assert len(self._pending) < 4096, self._pending[:80]

    def _put(self, text: str) -> None:
        for character in text:
            width = cell_len(character)
            if self._y < self._rows and self._x + width <= self._columns and width:
                self._cells[self._y][self._x : self._x + width] = [character, *[""] * (width - 1)]
            self._x += width

    def _control(self, control: str) -> None:
        if control == "\n":
            self._y += 1
            self._x = 0  # the line discipline is raw, and the driver writes what it means
        elif control == "\r":
            self._x = 0
        else:
            assert control in "\x07\x00", repr(control)

    def _sequence(self, given: str, final: str) -> None:
        if final == "H":
            row, _, column = given.partition(";")
            self._y, self._x = int(row or 1) - 1, int(column or 1) - 1
        elif final in _MOVES:
            down, right = _MOVES[final]
            self._y, self._x = self._y + down * int(given or 1), self._x + right * int(given or 1)
        elif final == "J":
            assert given == "2"
            self._cells = [[" "] * self._columns for _ in range(self._rows)]
        else:
            assert final in "mhlptcnuq", (given, final)
