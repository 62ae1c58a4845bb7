"""The morning login on a plain terminal: waits for what is pasted, or for what a page on this machine caught meanwhile.

It knows nothing of brokers; what is pasted is a secret and is not repeated.
"""

import select
import sys
from collections.abc import Callable
from typing import Final, TextIO

from engine.errors import LockstepError
from tui.bridge import AccountDesk

POLL_S: Final = 0.2


def log_in(desk: AccountDesk, account: str, *, always: bool) -> bool:
    """Log one account in; whether it has a session then.

    Args:
        desk: The accounts.
        account: Which one.
        always: Also when it has a session.
    """
    try:
        if not always and (why := desk.why_no_login(account)):
            print(f"{account}: {why}")
            return True
        talk = desk.log_in(account)
    except LockstepError as error:
        print(f"{account}: {error}", file=sys.stderr)
        return False
    try:
        print(f"{account}: log in as its owner at\n  {talk.url}")
        where = f" (nothing to paste where the app redirects to {talk.redirect})" if talk.redirect else ""
        print(f"then paste the address that the browser ends at{where}:")
        given = pasted_or_caught(talk.caught)
        if given is None:
            print(f"{account}: not logged in", file=sys.stderr)
            return False
        print(f"{talk.finish(given)}. A running session takes it by itself")
    except LockstepError as error:
        print(f"{account}: {error}", file=sys.stderr)
        return False
    finally:
        talk.close()
    return True


def pasted_or_caught(caught: Callable[[], str | None], source: TextIO | None = None) -> str | None:
    """The first line that is pasted or the first text that was caught; `None` at the end of the input."""
    stream = sys.stdin if source is None else source
    while True:
        if (text := caught()) is not None:
            return text
        ready, _, _ = select.select([stream], [], [], POLL_S)
        if ready:
            line = stream.readline()
            if not line:
                return None
            if line.strip():
                return line.strip()
