"""When orders were durable and when they were handed over, for people. Kept in memory, of this process only.

The core cannot know either: it decides before both. Nothing is decided by them.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

KEPT = 10_000
"""Orders whose stamps are kept, newest last."""


class Stamp(NamedTuple):
    """Times of one order by the engine's clock, ns; 0 for not known."""

    durable_ns: int = 0
    "The journal had it on disk."
    handed_ns: int = 0
    "Its account's connection had it."


UNSTAMPED = Stamp()


class Stamps:
    """The newest orders' stamps.

    Args:
        now: The engine's clock.
    """

    __slots__ = ("_known", "_now")

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._known: dict[str, Stamp] = {}

    def now_ns(self) -> int:
        """What the engine's clock shows; 0 where nobody wants to know."""
        return self._now()

    def of(self, tag: str) -> Stamp:
        """An order's stamps; those of an order sent again are of the last time."""
        return self._known.get(tag, UNSTAMPED)

    def durable(self, tags: Iterable[str]) -> None:
        """These orders are on disk now."""
        now_ns = self._now()
        for tag in tags:
            self._known.pop(tag, None)  # it becomes the newest one
            self._known[tag] = Stamp(durable_ns=now_ns)
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def handed(self, tags: Iterable[str]) -> None:
        """Their connections have them now."""
        now_ns = self._now()
        for tag in tags:
            self._known[tag] = self.of(tag)._replace(handed_ns=now_ns)
