"""The session's log file, and how a notice reads as a line of it. It must not decide what is worth a line."""

import contextlib
from datetime import date
from pathlib import Path

from config.rules import to_ist
from engine.snapshot import NoticeLine


class SessionLog:
    """The log of a day, appended to. A disk that is full costs log lines, never the session.

    Args:
        directory: Where the logs lie; created when it is missing.
        day: The date of the wall clock, which names the file.
    """

    def __init__(self, directory: Path, day: date) -> None:
        self.path = directory / f"lockstep-{day.isoformat()}.log"
        with contextlib.suppress(OSError):
            directory.mkdir(parents=True, exist_ok=True)

    def write(self, text: str) -> None:
        """Append a line."""
        with contextlib.suppress(OSError), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def timed_line(notice: NoticeLine) -> str:
    """A notice with its time in IST."""
    return f"{clock_text(notice.at_ns)} {words(notice)}"


def words(notice: NoticeLine) -> str:
    """A notice without its time: how serious, of what, and the text."""
    where = " ".join(part for part in (notice.account, notice.symbol) if part)
    return f"{notice.severity.value:7} {where + ': ' if where else ''}{notice.text}"


def clock_text(at_ns: int) -> str:
    """A time in IST, to the millisecond."""
    return to_ist(at_ns).strftime("%H:%M:%S.%f")[:-3]
