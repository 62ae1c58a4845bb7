"""The connection doctor as a dialog: findings as they come, each failure with what to do, and the way to a login.

The checks take seconds each and run on a thread of their own; the dialog only looks at what they have found so far.
"""

from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from engine.aside import aside
from engine.errors import LockstepError
from engine.findings import Finding, Level
from tui.bridge import AccountDesk
from tui.frame import Frame
from tui.screens.dialog import Dialog
from tui.text import Line, Names, Span, Tone, clean, keys, line, name_column, pad, wrap
from tui.widgets.live_table import LiveTable, Row

MARKS: Final = {
    Level.GOOD: Span("✓ ", Tone.GOOD),
    Level.NOTE: Span("· ", Tone.DIM),
    Level.BAD: Span("✗ ", Tone.BAD),
}
LOGIN_COMMAND: Final = "run: python runner.py login"
EVERYBODY: Final = "everybody"
NAME_LEAST, CHECK_CELLS, TEXT_CELLS = 11, 12, 40
"Cells of the account, of the check, and of what stays for the text beside a long account."


class Examination:
    """One round of checks under way."""

    def __init__(self, desk: AccountDesk) -> None:
        self.findings: list[Finding] = []
        self.failed = ""
        self.ended = False
        self._desk = desk
        aside("doctor", self._run)

    def _run(self) -> None:
        try:
            for finding in self._desk.examine():
                self.findings.append(finding)
        except LockstepError as error:
            self.failed = str(error)
        except Exception as error:  # noqa: BLE001  the top of a thread: the dialog must say that it ended
            self.failed = f"a fault in the program: {type(error).__name__}"
        self.ended = True


class Doctor(Dialog[str]):
    """Gives back the account that is to be logged in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "again", "look again", show=False),
        Binding("q", "close", "close", show=False),
    ]

    def __init__(self, frame: Frame, desk: AccountDesk, *, first: str = "") -> None:
        """`first`: the account that is proposed as soon as something was found of it, and none before."""
        super().__init__(frame, "ACCOUNTS: doctor and login")
        self._desk = desk
        self._first = first
        self.examination = Examination(desk)

    def composed(self) -> None:
        self.body.focus()
        if self._first:
            self.body.replaces_cursor = False
            self.body.start_at(self._first)

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        found = tuple(self.examination.findings)
        every = (EVERYBODY, *self._desk.accounts, *(finding.account for finding in found if finding.account))
        names = name_column(every, NAME_LEAST, width - 2 - CHECK_CELLS - TEXT_CELLS)
        lines = [row for finding in found for row in finding_rows(finding, names, width)]
        if self._first and self.body.cursor_key in ("", self._first):
            self.body.start_at(next((row.key for row in lines if row.key.startswith(f"{self._first}|")), self._first))
        lines.append(Row("", self._summary(found)))
        return (), lines

    def _summary(self, found: tuple[Finding, ...]) -> Line:
        if self.examination.failed:
            return line(Span(f"The doctor could not go on: {clean(self.examination.failed)}", Tone.BAD))
        bad = sum(finding.level is Level.BAD for finding in found)
        if not self.examination.ended:
            return line(Span(f"looking … {len(found)} checks so far", Tone.DIM))
        if bad:
            return line(Span(f"{bad} of {len(found)} checks want something done.", Tone.BAD))
        return line(Span(f"{len(found)} checks, nothing to be done.", Tone.GOOD))

    def key_line(self) -> Line:
        return keys(("↑ ↓", "choose"), ("enter", "log this account in"), ("a", "look again"), ("esc", "close"))

    def action_again(self) -> None:
        """A new round of checks, when the last one has ended."""
        if self.examination.ended:
            self.examination = Examination(self._desk)

    def on_live_table_selected(self, event: LiveTable.Selected) -> None:
        """An account is chosen; what concerns everybody has no login."""
        event.stop()
        account = event.key.split("|", 1)[0]
        if account in self._desk.accounts:
            self.dismiss(account)


def finding_rows(finding: Finding, names: Names, width: int) -> list[Row]:
    """A finding, and below it what to do."""
    key = f"{finding.account}|{finding.check}"
    who = names.pad(finding.account or EVERYBODY)
    indent = 2 + names.width + CHECK_CELLS
    words = wrap(finding.text, max(width - indent, 20))
    tone = Tone.BAD if finding.level is Level.BAD else Tone.PLAIN
    rows = [Row(key, line(MARKS[finding.level], who, pad(finding.check, CHECK_CELLS), Span(words[0], tone)))]
    rows += [Row("", line(" " * indent, Span(part, tone))) for part in words[1:]]
    if finding.todo:
        # The command that helps on a plain terminal is a key here.
        advice = "enter logs it in" if finding.todo.startswith(LOGIN_COMMAND) else finding.todo
        todo = wrap(f"→ {advice}", max(width - indent, 20))
        rows += [Row("", line(" " * indent, Span(part, Tone.WARN))) for part in todo]
    return rows
