"""The limits of the running or the last session with what is used of them, read from its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.rules import to_ist
from engine.core.limits import limits
from engine.core.turn import Turn
from engine.snapshot import Limit
from state.status import Json, newest_state

_HEADS = ("limit", "bound", "now", "stopped today")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of a session."""

    title: str
    rows: tuple[Limit, ...]

    @property
    def document(self) -> Json:
        """For scripts."""
        names = ("account", "name", "bound", "now", "stopped")
        return {"session": self.title, "limits": [{name: getattr(row, name) for name in names} for row in self.rows]}

    def text(self) -> str:
        """For people: a table for each account."""
        cells = [(row.name, _bound(row), row.now or "-", str(row.stopped or "-")) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(_HEADS, *cells, strict=True)]
        lines, account = [self.title], ""
        for row, texts in zip(self.rows, cells, strict=True):
            if row.account != account:
                account = row.account
                lines += ["", account, _line(_HEADS, widths)]
            lines.append(_line(texts, widths))
        return "\n".join(lines)


def _bound(row: Limit) -> str:
    return "-" if row.bound is None else row.bound or "off"


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return ("  " + "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True))).rstrip()


def newest_limits(roots: Sequence[Path]) -> Limits | None:
    """The limits of the session that was written last below any of the directories, `None` when there is none.

    Raises:
        StateRefused: Its files are damaged or of another version.
    """
    found = newest_state(roots)
    if found is None:
        return None
    state, is_running = found
    turn = Turn(state, state.now_ns, {child.id: child for child in state.settings.children})
    at = to_ist(state.now_ns).strftime("%H:%M:%S")
    which = "running" if is_running else "last"
    title = f"{which} session of {state.day}, {state.mode.value}, as of {at} IST"
    return Limits(title=title, rows=tuple(limits(turn)))
