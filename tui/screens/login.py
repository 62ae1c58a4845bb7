"""The morning login as a dialog: the broker's page, and a field for the address that the browser ends at.

What is pasted is a secret: the field hides it, nothing repeats it, and it is gone when the dialog closes.
"""

from collections.abc import Callable
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from engine.aside import aside
from engine.errors import LockstepError
from tui.bridge import AccountDesk, LoginTalk
from tui.frame import Frame
from tui.screens.dialog import Dialog, as_rows
from tui.text import Line, Span, Tone, clean, keys, line, wrap
from tui.widgets.live_table import Row
from tui.widgets.word_box import WordBox

PASTE: Final = "paste the whole address here and press enter"


class Login(Dialog[str]):
    """Gives back what came of the login, for people; nothing when it was left."""

    def __init__(self, frame: Frame, desk: AccountDesk, account: str) -> None:
        super().__init__(frame, f"LOGIN {clean(account)}")
        self.account = account
        self._desk = desk
        self._talk: LoginTalk | None = None
        self._busy = True
        self._told, self._tone = "asking the broker …", Tone.DIM
        self._done = ""
        self._closed = False
        self._on_thread(self._begin)

    def controls(self) -> ComposeResult:
        yield WordBox(placeholder=PASTE, password=True, id="typed")

    def extra_lines(self) -> int:
        return 5

    def composed(self) -> None:
        self.query_one("#typed", Input).focus()

    def on_unmount(self) -> None:
        """Stop listening for the browser."""
        self._closed = True
        if self._talk is not None:
            self._on_thread(self._talk.close)

    def show_frame(self, frame: Frame) -> None:
        """Draw; and take what the browser brought, or what came of it."""
        if self._done:
            self.dismiss(self._done)
            return
        if self._talk is not None and not self._busy and (given := self._talk.caught()) is not None:
            self._finish(given)
        super().show_frame(frame)

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        steps = [] if self._talk is None else _steps(self._talk, self.account, width)
        told = [line(Span(part, self._tone)) for part in wrap(self._told, width)] if self._told else []
        return (), as_rows([*steps, *told], width)

    def key_line(self) -> Line:
        return keys(("enter", "log in"), ("esc", "leave it"))

    @on(Input.Submitted, "#typed")
    def submitted(self, event: Input.Submitted) -> None:
        """Take what was pasted; the field is emptied at once."""
        given, event.input.value = event.value.strip(), ""
        if given and self._talk is not None and not self._busy:
            self._finish(given)

    def _finish(self, given: str) -> None:
        talk = self._talk
        if talk is None:
            return
        self._busy, self._told, self._tone = True, "logging in …", Tone.DIM

        def work() -> None:
            self._done = talk.finish(given)

        self._on_thread(work)

    def _begin(self) -> None:
        talk = self._desk.log_in(self.account)
        if self._closed:
            talk.close()
        else:
            self._talk, self._told = talk, ""

    def _on_thread(self, work: Callable[[], None]) -> None:
        """Have something done that may take seconds; its failure is told and can be tried again."""

        def run() -> None:
            try:
                work()
            except LockstepError as error:
                self._told, self._tone = clean(str(error)), Tone.BAD
            except Exception as error:  # noqa: BLE001  the top of a thread: the dialog must say that it ended
                self._told, self._tone = f"a fault in the program: {type(error).__name__}", Tone.BAD
            self._busy = False

        aside("login", run)


def _steps(talk: LoginTalk, account: str, width: int) -> list[Line]:
    """What the operator does, by number."""
    steps = [(f"Log in as the owner of {clean(account)} in a browser:", talk.url)]
    if talk.redirect:
        steps.append(("A browser on this machine finishes it where the app redirects to", talk.redirect))
    steps.append(("Else paste the address that the browser ends at.", ""))
    out: list[Line] = []
    for number, (text, address) in enumerate(steps, start=1):
        out.append(line(Span(f"{number} ", Tone.KEY), text))
        out += [line("  ", Span(part, Tone.INFO)) for part in wrap(address, width - 2) if address]
    return out
