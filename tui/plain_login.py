"""Waits on a plain terminal for a login: for what is pasted, or for what a page on this machine caught meanwhile.

It knows nothing of brokers; what is pasted is a secret and is not repeated.
"""

import queue
import select
import sys
from typing import Final, TextIO

POLL_S: Final = 0.2


def pasted_or_caught(caught: "queue.Queue[str]", source: TextIO | None = None) -> str | None:
    """The first line that is pasted or the first text that was caught; `None` at the end of the input."""
    stream = sys.stdin if source is None else source
    while True:
        try:
            return caught.get_nowait()
        except queue.Empty:
            pass
        ready, _, _ = select.select([stream], [], [], POLL_S)
        if ready:
            line = stream.readline()
            if not line:
                return None
            if line.strip():
                return line.strip()
