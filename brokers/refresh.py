"""When the instrument files of a day are read anew: for what they lack, and when yesterday's are surely replaced.

It reads neither clock nor file: it is told the time.
"""

from datetime import date
from typing import Final

from config.rules import ist
from engine.model import NS_PER_S, InstrumentId

PAUSE_NS, PAUSE_MOST_NS = 300 * NS_PER_S, 3600 * NS_PER_S
"""An instrument that is unknown makes the files be read anew, at most so often: strikes are added during the day."""
SETTLED: Final = "08:30"
"""IST, when a broker's file of the day is surely there (Kite Connect v3, "Instruments")."""


def is_settled(day: date, now_ns: int) -> bool:
    """Whether a file that a broker gives now is surely that of the day."""
    return now_ns >= ist(day, SETTLED)


class Refresh:
    """When to read the files anew. What is asked for in vain is asked for ever more seldom."""

    def __init__(self) -> None:
        self._late_ns: int | None = None
        "When files that may be yesterday's are read again, `None` where they are today's."
        self._lacks, self._sought = False, frozenset[InstrumentId]()
        "Whether somebody trades what the files lack, and all that was ever sought in vain."
        self._began_ns, self._pause_ns = -PAUSE_NS, PAUSE_NS

    def turn_to(self, day: date, now_ns: int) -> None:
        """A day whose files are read for the first time."""
        self._late_ns = None if is_settled(day, now_ns) else ist(day, SETTLED)

    def settled(self) -> None:
        """The files are surely those of the day."""
        self._late_ns = None

    def lack(self, names: frozenset[InstrumentId]) -> None:
        """Somebody trades what no file has."""
        if not names <= self._sought:
            self._sought |= names
            self._pause_ns = PAUSE_NS
        self._lacks = True

    def filled(self) -> None:
        """Other files are there; what they still lack is told again."""
        self._lacks = False

    def begins(self, now_ns: int) -> bool:
        """Whether the files are read anew now; who asks does so then."""
        is_late = self._late_ns is not None and now_ns >= self._late_ns
        if not is_late and not (self._lacks and now_ns - self._began_ns >= self._pause_ns):
            return False
        self._began_ns, self._pause_ns = now_ns, min(2 * self._pause_ns, PAUSE_MOST_NS)
        if is_late:
            self._late_ns = now_ns + PAUSE_NS  # unless it is `settled` by then
        return True
