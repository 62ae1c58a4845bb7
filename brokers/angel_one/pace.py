"""Keeps reads below Angel's limits: a read that comes too early waits a little, one that would wait long fails.

Limits: SmartAPI "Rate Limit" (counted for each client code; books and positions one a second). Angel also refuses at
lower rates now and then, so a refusal makes the pause grow.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from engine.errors import ReadFailed
from engine.model import NS_PER_S

WAIT_MOST_NS: Final = 1_900_000_000
"""A read that waits holds its lane."""
PAUSE_MOST_NS: Final = 60 * NS_PER_S
MARGIN_NS: Final = 20_000_000
"""Two requests that leave a second apart may arrive a little closer."""


class Pace:
    """One kind of read of one account. May be called from any thread.

    Args:
        per_second: How many Angel takes.
        now_ns: The clock.
        sleep: Waits so many seconds.
    """

    def __init__(self, per_second: int, now_ns: Callable[[], int], sleep: Callable[[float], None] = time.sleep) -> None:
        self._apart_ns = NS_PER_S // per_second + MARGIN_NS
        self._now_ns, self._sleep = now_ns, sleep
        self._lock = threading.Lock()
        self._next_ns = 0
        self._refusals = 0

    def wait(self) -> None:
        """Until the next read may be sent.

        Raises:
            ReadFailed: That is too long; nothing was sent.
        """
        with self._lock:
            now_ns = self._now_ns()
            if self._next_ns - now_ns > PAUSE_MOST_NS + WAIT_MOST_NS:
                self._next_ns = now_ns  # the clock was set back
            wait_ns = max(0, self._next_ns - now_ns)
            if wait_ns > WAIT_MOST_NS:
                raise ReadFailed(f"asked too often; the next read is in {wait_ns / NS_PER_S:.0f} s")
            self._next_ns = now_ns + wait_ns + self._apart_ns
        if wait_ns:
            self._sleep(wait_ns / NS_PER_S)

    def refused(self) -> None:
        """Angel said that it was too often."""
        with self._lock:
            pause_ns = min(NS_PER_S << min(self._refusals, 10), PAUSE_MOST_NS)
            self._refusals += 1
            self._next_ns = max(self._next_ns, self._now_ns() + pause_ns)

    def answered(self) -> None:
        """A read was answered."""
        with self._lock:
            self._refusals = 0
