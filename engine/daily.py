"""The turn of the day for a process that runs on: what a start would bring, brought every trading morning.

It knows neither brokers nor files: whoever composes the program says what a day opens with.
"""

from collections.abc import Callable, Sequence
from datetime import date

from config.rules import ist, next_opening
from engine.events import Event
from engine.loop import EngineLoop

TURN = "06:00"
"""IST, before anybody trades. A broker may still show yesterday's book then: its rows are known by their time."""

OpenDay = Callable[[date, int], Sequence[Event]]
"""(day, now in ns): the events that open a day, `DayBegan` first and its instrument files after it."""


class DailyTurn:
    """Posts a day's opening when its morning comes; a machine that slept meanwhile gets the newest day only.

    Args:
        loop: The loop whose process runs on.
        day: The day that it runs in.
        open_day: What a day opens with.
    """

    def __init__(self, loop: EngineLoop, day: date, open_day: OpenDay) -> None:
        self._loop, self._open_day = loop, open_day
        self.day = day
        "The newest day that was opened."
        self._plan()

    def _plan(self) -> None:
        self._loop.agenda.at(ist(next_opening(self.day), TURN), self._turn)

    def _turn(self, now_ns: int) -> None:
        now_ns = max(now_ns, self._loop.now_ns())
        while ist(following := next_opening(self.day), TURN) <= now_ns:
            self.day = following
        for event in self._open_day(self.day, now_ns):
            self._loop.post(event)
        self._plan()
