"""The kill dialog: what each level does and what stays open. One further key kills; lifting asks for a typed word."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.ears import Ears
from tui.frame import Frame
from tui.screens import held_lines
from tui.screens.dialog import Dialog, as_rows
from tui.text import Line, Span, Tone, keys, line
from tui.widgets.live_table import Row


class Kill(Dialog[int]):
    """Gives back the level asked for.

    Args:
        opened_s: When the key was typed that opened it. F12 overtakes the keys typed before it, which were meant
            for something else; what is typed after it counts at once, for this is no moment to wait.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "level(1)", "stop entries", tooltip="Kill level 1: no entries; exits go on"),
        Binding("2", "level(2)", "stop every order", tooltip="Kill level 2: no orders at all, exits included"),
        Binding("q", "app.quit", show=False),
        Binding("0", "level(0)", "lift", tooltip="Lift the kill switch (typed)"),
    ]

    def __init__(self, frame: Frame, *, opened_s: float) -> None:
        super().__init__(frame, "KILL SWITCH", danger=True)
        self._opened_s = opened_s

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        now = {0: "off", 1: "LEVEL 1, entries are stopped", 2: "LEVEL 2, every order is stopped"}[frame.kill_level]
        lines = [
            line(
                "The kill switch is ",
                Span(now, Tone.BAD if frame.kill_level else Tone.GOOD),
                "." if frame.snapshot.source else ". It survives a restart.",
            ),
            line(),
            line(Span("1 ", Tone.KEY), "stops entries. Exits go on, so children still follow the master out."),
            line(Span("2 ", Tone.KEY), "stops every order, ", Span("exits too. What is open stays open:", Tone.BAD)),
            *held_lines.held(frame, width),
            line(),
            line(Span("f (after this dialog) flattens at every level.", Tone.DIM)),
        ]
        return (), as_rows(lines, width)

    def key_line(self) -> Line:
        lift = [("0", "lift (typed)")] if self.frame.kill_level else []
        return keys(("1", "stop entries"), ("2", "STOP EVERYTHING"), *lift, ("esc", "leave it"))

    def action_level(self, level: int) -> None:
        """The level asked for; nothing when it is in force already."""
        app = self.app
        is_ahead = isinstance(app, Ears) and app.typed_at_s < self._opened_s
        if level != self.frame.kill_level and not is_ahead:
            self.dismiss(level)
