"""The question of an unclean start in the app: it opens by itself, can be put aside, and sends what was chosen."""

from engine import events as ev
from tui import format as fmt
from tui.bridge import AccountDesk, EngineFeed
from tui.frame import Frame
from tui.screens import ask_lines as say
from tui.screens import restart_lines as lines
from tui.screens.ask import Question, Typed
from tui.screens.restart import FLATTEN, FRESH, HAND_OVER, RESUME, Restart
from tui.text import Span, Tone, line, name_column, pad
from tui.ticketing import Ticketing
from tui.widgets.live_table import Row


class Restarts(Ticketing):
    """The part of the app that asks what becomes of a session that did not end well."""

    def __init__(self, feed: EngineFeed, *, arm_s: float, desk: AccountDesk | None = None) -> None:
        super().__init__(feed, arm_s=arm_s, desk=desk)
        self.put_aside = False

    def offer_restart(self) -> None:
        """Open the question once; after that only when the operator wants it."""
        frame = self.frame
        if frame is None or frame.snapshot.restart is None:
            self.put_aside = False
        elif not self.put_aside and len(self.screen_stack) == 1:
            self.put_aside = True
            self.push_screen(Restart(frame, arm_s=self.arm_s), self.restart_chosen)

    def action_pause(self) -> None:
        """Pause at once; resuming asks, and after an unclean start the whole question."""
        frame = self.ready()
        if frame is None:
            return
        if frame.snapshot.restart is not None:
            self.put_aside = False
            self.offer_restart()
        else:
            super().action_pause()

    def restart_chosen(self, choice: str | None) -> None:
        """Send the choice, after the typed word where it takes one."""
        frame = self.frame
        if frame is None:
            return
        if choice == RESUME:
            self.send(ev.Resumed(at_ns=self.now()))
            self.tell("Resume asked for.")
        elif choice == FLATTEN:
            self.action_flatten()
        elif choice == HAND_OVER:
            self.pick("HAND OVER: which children", hand_over_rows, self.hand_over)
        elif choice == FRESH:
            self.ask(
                Question(frame, "START FRESH", lines.fresh_lines, yes="start fresh", no="leave it"),
                lambda: self.send(ev.StartedFresh(at_ns=self.now())),
            )

    def hand_over(self, choice: str | None) -> None:
        """Name what is left to its owners, and want the words."""
        if not choice or self.frame is None:
            return
        children = () if choice == say.ALL else (choice,)
        self.ask(
            Typed(
                self.frame,
                f"HAND OVER {choice if children else 'EVERY CHILD'}",
                lambda now, width: lines.hand_over_lines(now, width, children),
                word="HAND OVER",
            ),
            lambda: self.send(ev.HandedOver(at_ns=self.now(), children=children)),
        )


def hand_over_rows(frame: Frame, _width: int) -> list[Row]:
    """All, or one child with something open."""
    question = frame.snapshot.restart
    children = list(dict.fromkeys(row.child for row in question.rows)) if question is not None else []
    names = name_column(frame.accounts, say.NAME_LEAST)
    rows = [
        Row(say.ALL, line(Span(pad("all", names.width), Tone.BOLD), f"{len(children)} children have something open"))
    ]
    for child in children:
        legs = sum(row.child == child for row in question.rows) if question is not None else 0
        rows.append(Row(child, line(Span(names.pad(child), Tone.BOLD), fmt.counted(legs, "leg"))))
    return rows
