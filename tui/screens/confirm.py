"""Confirm before copy: one prompt with a row a child, its countdown, and the queue behind it.

Keys count only after the same question has been on the screen for a moment (type-ahead); only moving, F12 and leaving
the program work at once. Letters decide; esc only puts the prompt off. The engine owns the deadline; this screen gives
answers to the app, which sends them.
"""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from engine.events import Operator
from engine.snapshot import PromptView
from tui.answers import EXIT, RESTART, Answers, signature
from tui.frame import Frame
from tui.screens import confirm_lines as lines
from tui.screens.dialog import Dialog
from tui.text import Line, Span, Tone, first_fitting, keys, line, to_content
from tui.widgets.line_bar import LineBar
from tui.widgets.live_table import Row

QUEUE_SHOWN = 4


class Confirm(Dialog[None]):
    """Asks about one prompt after the other until none waits."""

    AUTO_FOCUS = "#body"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "approve", "approve", tooltip="Approve what is ticked"),
        Binding("n", "decline", "decline", tooltip="Decline this prompt"),
        Binding("a", "approve_all", "approve all", tooltip="Approve this prompt and those listed below it"),
        Binding("space", "tick", "untick", tooltip="Take the child out, or in again"),
        Binding("left,minus", "lots(-1)", "fewer lots", tooltip="One lot less for this row"),
        Binding("right,plus", "lots(1)", "more lots", tooltip="One lot more, never above what is offered"),
        Binding("q", "app.quit", show=False),
        Binding("l,escape", "close", "later", tooltip="Close; the prompt stays open, c opens it again"),
    ]

    def __init__(self, frame: Frame, answers: Answers, send: Callable[[Operator], None], *, arm_s: float) -> None:
        super().__init__(frame, "Confirm")
        self.answers, self.send, self.arm_s = answers, send, arm_s
        self.prompt: PromptView | None = None
        self.asked: object = None
        self.armed = False
        self.remark = ""
        self.listed: list[str] = []
        self.seasoned: set[object] = set()
        self.seasoning: set[object] = set()

    def controls(self) -> ComposeResult:
        yield LineBar(id="fate")
        for place in range(QUEUE_SHOWN + 1):
            yield LineBar(id=f"queue-{place}", classes="queue")

    def extra_lines(self) -> int:
        return 5 + len(self.listed)

    def show_frame(self, frame: Frame) -> None:
        """Draw the first prompt of the queue; leave when none is left."""
        self.frame = frame
        queue = self.answers.queue(frame.snapshot)
        if self.prompt is not None and self.prompt.id not in {p.id for p in queue}:
            if self.prompt.id not in self.answers.answered:
                self.app.notify(
                    f"{lines.headline(self.prompt)}: no longer asked. The events say what became of it.",
                    severity="warning",
                    markup=False,
                )
            self.prompt = None
        later = self.answers.is_put_off
        waiting = [p for p in queue if not later(p) or (self.prompt and p.id == self.prompt.id)]
        if not waiting:
            if self.is_current:
                self.dismiss(None)
            return
        current = next((p for p in waiting if self.prompt is not None and p.id == self.prompt.id), waiting[0])
        self.ask(current)
        self.query_one("#fate", LineBar).show(lines.fate_line(current, frame.now_ns, self.size.width))
        self.show_queue([p for p in waiting if p.id != current.id])
        self.set_class(frame.live, "-live")
        super().show_frame(frame)

    def ask(self, prompt: PromptView) -> None:
        """Make this the question; a new or changed question is not answered by keys already on their way."""
        asked = signature(prompt)
        if asked != self.asked:
            changed = self.prompt is not None and self.prompt.id == prompt.id
            self.remark = "The question has changed: look again." if changed else ""
            self.armed = self.arm_s <= 0
            if not self.armed:
                self.set_timer(self.arm_s, lambda: self.arm(asked))
            self.asked = asked
        self.prompt = prompt
        self.query_one("Vertical").border_title = to_content(lines.title_line(prompt, self.frame))

    def arm(self, asked: object) -> None:
        """Keys count from now on, if the question is still the same."""
        if asked == self.asked:
            self.armed = True
            self.show_keys()

    def season(self, prompt: PromptView) -> None:
        """A listed prompt is approved by `a` only when it was listed as it is for a moment."""
        key = signature(prompt)
        if key in self.seasoned or key in self.seasoning:
            return
        if self.arm_s <= 0:
            self.seasoned.add(key)
        else:
            self.seasoning.add(key)
            self.set_timer(self.arm_s, lambda: self.seasoned.add(key))

    def show_queue(self, behind: list[PromptView]) -> None:
        """The prompts behind this one; only those listed are approved by `a`."""
        shown = behind[:QUEUE_SHOWN]
        for prompt in shown:
            self.season(prompt)
        self.listed = [p.id for p in shown]
        for place in range(QUEUE_SHOWN + 1):
            bar = self.query_one(f"#queue-{place}", LineBar)
            bar.display = place < len(shown) or (place == QUEUE_SHOWN and len(behind) > len(shown))
            if place < len(shown):
                bar.show(lines.queue_line(shown[place], self.answers, self.frame.now_ns, self.size.width))
            elif bar.display:
                bar.show(line(Span(f"and {len(behind) - len(shown)} more after these", Tone.DIM)))
        self.show_keys()

    def rows(self, frame: Frame, width: int) -> tuple[Line, list[Row]]:
        if self.prompt is None:
            return (), []
        on_paper = {child.id for child in frame.snapshot.children if frame.live and not child.live}
        return lines.prompt_rows(self.prompt, self.answers, frame.now_ns, width, on_paper, frame.accounts)

    def show_keys(self) -> None:
        """The key line, with a remark when there is one."""
        self.bar.show(self.key_line())

    def key_line(self) -> Line:
        remark = (Span(f" {self.remark}", Tone.WARN),) if self.remark else ()
        room = self.bar.size.width or self.size.width
        return first_fitting(room, lambda level: line(*remark, *self.key_pairs(level)), range(4))

    def key_pairs(self, level: int) -> Line:
        """The keys of this kind of prompt; those that the help has, too, go first where there is no room (`level`)."""
        if not self.armed:
            return line(Span(" keys count in a moment …", Tone.DIM))
        prompt = self.prompt
        if prompt is not None and prompt.kind == RESTART:
            return keys(("y", "resume"), ("l", "later: stays exits only"), ("F12", "kill"))
        yes = ("y", "send now") if prompt is not None and prompt.kind == EXIT else ("y", "approve")
        pairs = [yes] if prompt is not None and prompt.kind == EXIT else [yes, ("n", "decline")]
        if self.listed:
            pairs.append(("a", f"approve all {len(self.listed) + 1}"))
        rarer = [("space", "untick"), ("← →", "lots"), ("l", "later")]
        return keys(*pairs, *rarer[level:])

    def say(self, remark: str) -> None:
        """A remark in the key line."""
        self.remark = remark
        self.show_keys()

    def action_approve(self) -> None:
        """Approve what is ticked."""
        if self.prompt is None or not self.armed:
            return
        if self.prompt.kind != RESTART and not self.answers.taking_part(self.prompt):
            self.say("Nothing is ticked.")
            return
        self.answer(self.prompt, self.answers.approval(self.prompt, self.frame.now_ns))
        self.advance()

    def action_decline(self) -> None:
        """Decline the prompt. An exit cannot be declined, only put off."""
        if self.prompt is None or not self.armed:
            return
        if self.prompt.kind in (EXIT, RESTART):
            self.say(
                "An exit can be put off, not declined." if self.prompt.kind == EXIT else "This waits: l for later."
            )
            return
        self.answer(self.prompt, self.answers.refusal(self.prompt, self.frame.now_ns))
        self.advance()

    def action_approve_all(self) -> None:
        """Approve this prompt and those listed."""
        if self.prompt is None or not self.armed:
            return
        for prompt in self.answers.queue(self.frame.snapshot):
            listed = prompt.id in self.listed and signature(prompt) in self.seasoned
            if (listed or prompt.id == self.prompt.id) and prompt.kind != RESTART and self.answers.taking_part(prompt):
                self.answer(prompt, self.answers.approval(prompt, self.frame.now_ns))
        self.advance()

    def answer(self, prompt: PromptView, event: Operator) -> None:
        """Send it, once."""
        self.answers.answered.add(prompt.id)
        self.send(event)

    def advance(self) -> None:
        """On to the next prompt."""
        self.prompt, self.remark = None, ""
        self.show_frame(self.frame)

    def action_tick(self) -> None:
        """Take the child under the cursor out, or in again."""
        row = self.row_here()
        if self.armed and row is not None and self.prompt is not None and row.units:
            self.answers.toggle(self.prompt, row.child)
            self.say("")
            self.show_frame(self.frame)

    def action_lots(self, step: int) -> None:
        """Fewer or more lots in the row under the cursor."""
        row = self.row_here()
        if self.armed and row is not None and self.prompt is not None:
            self.answers.change(self.prompt, row, step)
            self.show_frame(self.frame)

    def row_here(self) -> lines.PromptRow | None:
        """The row under the cursor."""
        if self.prompt is None:
            return None
        return next((r for r in self.prompt.rows if lines.row_key(r) == self.body.cursor_key), None)

    def action_close(self) -> None:
        """Put this prompt and all behind it off."""
        if not self.armed:
            return
        self.answers.put_off(self.frame.snapshot)
        self.dismiss(None)
