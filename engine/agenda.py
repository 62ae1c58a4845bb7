"""Things to be done at a time, in the engine's own thread: a paper exchange lives beside the core without a lock."""

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[int], None]
"""Called with the time at which it was due."""


class Agenda:
    """A queue of actions ordered by time, then by the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._numbers = count()

    def at(self, due_ns: int, action: Action) -> None:
        """Do `action` at `due_ns`."""
        heapq.heappush(self._heap, (due_ns, next(self._numbers), action))

    @property
    def next_due_ns(self) -> int | None:
        """When the next action is due, `None` when there is none."""
        return self._heap[0][0] if self._heap else None

    def run_next(self) -> None:
        """Do the next action."""
        due_ns, _, action = heapq.heappop(self._heap)
        action(due_ns)

    def __len__(self) -> int:
        return len(self._heap)
