"""Work on a thread of its own that nobody waits for and that calls nobody back.

Whoever is interested looks at what it leaves. It dies with the program.
"""

import threading
from collections.abc import Callable


def aside(name: str, work: Callable[[], object]) -> None:
    """Do `work` beside everything else."""
    threading.Thread(target=work, name=name, daemon=True).start()


def later(seconds: float, work: Callable[[], object]) -> None:
    """Do `work` in so many seconds, if the program still runs then."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
