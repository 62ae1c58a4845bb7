"""Work on threads of its own that calls nobody back. It dies with the program.

Nobody waits for it, or only so long; whoever is interested looks at what it leaves.
"""

import threading
from collections.abc import Callable, Sequence

from engine.clock import ticks_s


def aside(name: str, work: Callable[[], object]) -> None:
    """Do `work` beside everything else."""
    threading.Thread(target=work, name=name, daemon=True).start()


def later(seconds: float, work: Callable[[], object]) -> None:
    """Do `work` in so many seconds, if the program still runs then."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def side_by_side(name: str, works: Sequence[Callable[[], object]], within_s: float) -> bool:
    """Do all of `works` at once; true when they ended within so many seconds, which is how long it takes at most.

    What takes longer goes on by itself.
    """
    threads = [threading.Thread(target=work, name=name, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    until_s = ticks_s() + within_s
    for thread in threads:
        thread.join(max(0.0, until_s - ticks_s()))
    return not any(thread.is_alive() for thread in threads)
