"""The signals that end a program: taken by a thread of their own in a session. It must not know what ending means.

They are blocked before any other thread begins, so that every thread inherits that and only the waiting one hears them.
"""

import signal
import threading
from collections.abc import Callable, Collection

ENDING = frozenset({signal.SIGTERM, signal.SIGHUP, signal.SIGINT})
"What ends a session in an orderly way."


def hold_back() -> None:
    """Let a signal that comes from here on wait until `hear` is called."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)


def hear(handle: Callable[[int], None]) -> None:
    """Call `handle` with the number of each ending signal, on a thread that waits for nothing else."""
    hold_back()

    def wait() -> None:
        while True:
            handle(signal.sigwait(ENDING))

    threading.Thread(target=wait, name="signals", daemon=True).start()


def hold_back_interrupt() -> None:
    """Let Ctrl-C wait until `let_interrupt`, for ever in the processes that are forked before that.

    A terminal sends it to the whole group. Workers that die of it, or an interrupt while one is being forked, leave
    orphans that wait for work without end.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def let_interrupt() -> None:
    """Take Ctrl-C again, one that waits at once; only on the main thread."""
    let_through({signal.SIGINT})


def let_through(numbers: Collection[int]) -> None:
    """Take signals again that were held back, here or by whoever started the process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
