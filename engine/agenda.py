"""Things to be done at a time, in the engine's own thread: a paper exchange lives beside the core without a lock."""

import heapq
from collections.abc import Callable
from enum import IntEnum
from itertools import count

Action = Callable[[int], None]
"""Called with the time at which it was due."""


class Rank(IntEnum):
    """What comes first among actions of one instant.

    It decides what an order meets. So it must not depend on when the actions were added: a world that is rebuilt after
    a kill adds them at other moments.
    """

    MARKET = 0
    "Quotes, what others trade, what an exchange does by the clock."
    ARRIVAL = 1
    "A request arrives."
    ANSWER = 2
    "An answer or a push arrives."


class Agenda:
    """A queue of actions ordered by time, then by rank, then by the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Action]] = []
        self._numbers = count()

    def at(self, due_ns: int, action: Action, rank: Rank = Rank.MARKET) -> None:
        """Do `action` at `due_ns`."""
        heapq.heappush(self._heap, (due_ns, rank, next(self._numbers), action))

    @property
    def next_due_ns(self) -> int | None:
        """When the next action is due, `None` when there is none."""
        return self._heap[0][0] if self._heap else None

    def run_next(self) -> None:
        """Do the next action."""
        due_ns, _, _, action = heapq.heappop(self._heap)
        action(due_ns)

    def __len__(self) -> int:
        return len(self._heap)
