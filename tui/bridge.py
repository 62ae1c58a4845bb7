"""What the dashboard needs of the engine, and nothing more.

The dashboard pulls values and drops operator events; it never waits for the engine and the engine never waits for it.
Must not import the engine's shell.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from engine.events import Operator
from engine.findings import Finding
from engine.snapshot import Snapshot
from engine.trail import PastRatio, TrailLine


class Trail(Protocol):
    """What the journal has of some orders. Reads a file: on a thread of its own."""

    @property
    def is_behind(self) -> bool:
        """Whether the last read left entries that may be about the orders."""
        ...

    def read(self, tags: Sequence[str], until_ns: int, stopped: Callable[[], bool]) -> Sequence[TrailLine]:
        """All that was found up to a time, oldest first; goes on where the last read ended. Raises `LockstepError`."""
        ...


class History(Protocol):
    """What the journal has for people."""

    def trail(self) -> Trail:
        """Reads of some orders, none begun. Cheap."""
        ...

    def ratios(self, account: str, most: int, stopped: Callable[[], bool]) -> Sequence[PastRatio]:
        """What a child was sized by in the newest strategies, newest first. Reads a file; raises `LockstepError`."""
        ...


class EngineFeed(Protocol):
    """One running engine, seen from the dashboard's thread."""

    @property
    def live_refusal(self) -> str:
        """Why LIVE is impossible (a sentence), '' when it is possible."""
        ...

    def snapshot(self) -> Snapshot | None:
        """The newest picture, `None` before the first. Cheap: called several times a second."""
        ...

    def send(self, event: Operator) -> None:
        """Hand an operator's order to the engine. Thread-safe, never blocks."""
        ...

    def now_ns(self) -> int:
        """The engine's clock (scaled in a replay), for ages, countdowns and the time of operator events."""
        ...


class LoginTalk(Protocol):
    """One login that waits for a person. `close` it in any case."""

    @property
    def url(self) -> str:
        """The broker's page where the account's owner logs in."""
        ...

    @property
    def redirect(self) -> str:
        """Where the app's redirect address may point, so that nothing has to be pasted; '' where nobody listens."""
        ...

    def caught(self) -> str | None:
        """What came back to this machine by itself, once; `None` for nothing yet. Never blocks."""
        ...

    def finish(self, given: str) -> str:
        """Take what was pasted or caught; may take seconds. Raises `LockstepError` with what to do."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class AccountDesk(Protocol):
    """Doctor and logins of the accounts at brokers. Everything but `accounts` may take seconds."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that are at a broker."""
        ...

    def examine(self) -> Iterator[Finding]:
        """Every check, one after the other. Sends no order."""
        ...

    def why_no_login(self, account: str) -> str:
        """Why nothing has to be done, '' when it has. Raises `LockstepError`."""
        ...

    def log_in(self, account: str) -> LoginTalk:
        """Begin a login. Raises `LockstepError` where none is needed or possible."""
        ...
