"""What is new since the last look, and what of it rings the terminal's bell or is shown as a note over the screen."""

from dataclasses import dataclass

from engine.commands import Severity
from engine.snapshot import NoticeLine, Snapshot
from tui.drifts import Drift, Drifts, Key

NOTES_MOST = 3
"Shown at one look; the others are only counted."
URGENCY = (Severity.ALARM, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note over the screen."""

    about: str
    "Account and instrument."
    text: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class New:
    """What one look found."""

    notices: tuple[NoticeLine, ...] = ()
    "Oldest first."
    asks: bool = False
    "Whether a prompt opened."
    drifts: bool = False
    "Whether something has drifted for long by now."

    @property
    def rings(self) -> bool:
        """An alarm, a drift or a prompt."""
        return self.asks or self.drifts or any(notice.severity is Severity.ALARM for notice in self.notices)

    def notes(self, children: frozenset[str], drifts: tuple[Drift, ...]) -> tuple[list[Note], int]:
        """What is worth a note, most urgent first, and how many more there are: warnings, drifts, fills of children.

        Args:
            children: Ids.
            drifts: Those that are to be shown now.
        """
        worth = [
            Note(about=f"{drift.child} {drift.title}", text=drift.text, severity=Severity.WARNING) for drift in drifts
        ]
        worth += [
            Note(about=f"{n.account} {n.symbol}".strip(), text=n.text, severity=n.severity)
            for n in self.notices
            if n.severity is not Severity.INFO or _is_fill(n, children)
        ]
        worth.sort(key=lambda note: URGENCY.index(note.severity))
        return worth[:NOTES_MOST], max(0, len(worth) - NOTES_MOST)


def _is_fill(notice: NoticeLine, children: frozenset[str]) -> bool:
    return notice.account in children and " filled at " in notice.text


class News:
    """Knows what was there at the last look. What it finds at the first one is not new, but for a drift that lasts."""

    def __init__(self) -> None:
        self._prompts: frozenset[str] | None = None
        self._newest = 0
        self._drifts = Drifts()
        self._unshown: tuple[Key, ...] = ()

    def look(self, snapshot: Snapshot) -> New:
        """Take in a snapshot."""
        prompts = frozenset(prompt.id for prompt in snapshot.prompts)
        newest = max((notice.number for notice in snapshot.notices), default=0)
        if newest < self._newest:
            self._newest = 0  # the numbers began anew with another engine
        is_first, asks = self._prompts is None, bool(prompts - (self._prompts or frozenset()))
        notices = tuple(notice for notice in snapshot.notices if notice.number > self._newest)
        self._prompts, self._newest = prompts, newest
        drifts = self._drifts.look(snapshot)
        self._unshown = tuple(key for key in self._unshown if key in self._drifts.told) + drifts
        return New() if is_first else New(notices, asks, bool(drifts))

    def take_drifts(self) -> tuple[Drift, ...]:
        """Drifts that no note has shown yet, as they are now: no list of events has them."""
        unshown, self._unshown = self._unshown, ()
        return tuple(self._drifts.told[key] for key in unshown)
