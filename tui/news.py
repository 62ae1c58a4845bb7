"""What is new since the last look, and what of it rings the terminal's bell or is shown as a note over the screen."""

from dataclasses import dataclass

from engine.commands import Severity
from engine.snapshot import NoticeLine, Snapshot

NOTES_MOST = 3
"Shown at one look; the others are only counted."
URGENCY = (Severity.ALARM, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True)
class New:
    """What one look found."""

    notices: tuple[NoticeLine, ...] = ()
    "Oldest first."
    asks: bool = False
    "Whether a prompt opened."

    @property
    def rings(self) -> bool:
        """An alarm or a prompt."""
        return self.asks or any(notice.severity is Severity.ALARM for notice in self.notices)

    def notes(self, children: frozenset[str]) -> tuple[list[NoticeLine], int]:
        """What is worth a note, most urgent first, and how many more there are: warnings, and fills of the children."""
        worth = [n for n in self.notices if n.severity is not Severity.INFO or _is_fill(n, children)]
        worth.sort(key=lambda notice: URGENCY.index(notice.severity))
        return worth[:NOTES_MOST], max(0, len(worth) - NOTES_MOST)


def _is_fill(notice: NoticeLine, children: frozenset[str]) -> bool:
    return notice.account in children and " filled at " in notice.text


class News:
    """Knows what was there at the last look. What it finds at the first one is not new."""

    def __init__(self) -> None:
        self._prompts: frozenset[str] | None = None
        self._newest = 0

    def look(self, snapshot: Snapshot) -> New:
        """Take in a snapshot."""
        prompts = frozenset(prompt.id for prompt in snapshot.prompts)
        newest = max((notice.number for notice in snapshot.notices), default=0)
        if newest < self._newest:
            self._newest = 0  # the numbers began anew with another engine
        is_first, asks = self._prompts is None, bool(prompts - (self._prompts or frozenset()))
        notices = tuple(notice for notice in snapshot.notices if notice.number > self._newest)
        self._prompts, self._newest = prompts, newest
        return New() if is_first else New(notices, asks)
