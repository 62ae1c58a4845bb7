"""Takes what a terminal answers to questions out of what is typed: nothing in it is a key. Pure.

Textual 8.2.8 types what it does not understand: the colour that a terminal tells an editor too late over a slow line
(`ESC ] 11;rgb:... BEL`) would ask for a resync. Grammar: ECMA-48, 5.4 and 5.6; a string that an ESC breaks off is over.
"""

import re
from typing import Final

STRING: Final = r"\x1b[\]P_^X][^\x07\x1b\x9c]*"
"""An operating system command, a device control string, or another one, without its end."""
PRIVATE: Final = r"\x1b\[[?>=][\d;:]*[ -/]*"
"""What no key begins with: attributes, modes and the like."""
REPLY: Final = re.compile(
    rf"{STRING}(?:\x07|\x9c|\x1b\\|(?=\x1b[^\\]))"
    rf"|(?!\x1b\[\?\d+;\d+\$y){PRIVATE}[@-~]"  # Textual asks about two modes
    r"|\x1b\[\d+[nt]|\x1b\[(?!48;)\d+(?:;\d+){2,}[txy]"  # the 48th report of a window is its size
)
LOST: Final = re.compile(rf"(?:{STRING}\x1b?|{PRIVATE})\Z")
BEGUN: Final = re.compile(rf"(?:{LOST.pattern}|\x1b\[[\d;]*\Z)")
WAITS: Final = 20
"""What has begun and does not end is given up after so many waits of the driver, about two seconds without input."""
PIECES: Final = 64
"""And after so many pieces: a slow line may bring an answer one by one, and keys must not be dead for longer."""
MOST: Final = 1 << 12
"""Characters that are kept of what has begun; what is between its beginning and its end does not matter."""


class Replies:
    """What is typed, without what the terminal answers."""

    def __init__(self) -> None:
        self._begun = ""
        self._waits = self._pieces = 0

    def feed(self, text: str) -> str:
        """What of the text was typed."""
        before, self._begun = self._begun, ""
        self._pieces += 1
        text = REPLY.sub("", text if self._pieces > PIECES else before + text)
        found = BEGUN.search(text)
        if found is None:
            return text
        self._begun = found.group()[:MOST]
        if not before or not self._begun.startswith(before):  # keys that are typed into it keep it not alive
            self._waits = self._pieces = 0
        return text[: found.start()]

    def wait(self) -> str:
        """Nothing came for a while; what of the text that was held is a key after all."""
        self._waits += 1
        if self._waits < WAITS:
            return ""
        begun, self._begun = self._begun, ""
        return "" if LOST.match(begun) else begun

    def end(self) -> None:
        """A paste came: what has begun before it does not end."""
        self._begun = ""
