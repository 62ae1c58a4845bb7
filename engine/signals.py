"""The signals that end a program: taken by a thread of their own in a session. It must not know what ending means.

They are blocked before any other thread begins, so that every thread inherits that and only the waiting one hears them.
"""

import os
import signal
import threading
from collections.abc import Callable

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


def interrupt_only_this_process() -> None:
    """Let Ctrl-C, which reaches a terminal's whole group, raise here and not in the workers that are forked later."""
    own = os.getpid()

    def interrupt(_number: int, _frame: object) -> None:
        if os.getpid() == own:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
