"""What the operator ticked, lowered, put off and answered in the open prompts. Pure; survives closing the dialog."""

from dataclasses import dataclass, field
from decimal import Decimal

from engine.events import Operator, PromptAnswered, Resumed
from engine.snapshot import PromptRow, PromptView, Snapshot

RESTART = "restart"
EXIT = "exit"


def signature(prompt: PromptView) -> object:
    """What makes it the same question: its legs, who is asked, and for how much on which side."""
    return prompt.id, tuple((row.child, row.leg, row.side.sign * row.units) for row in prompt.rows)


@dataclass(slots=True)
class Answers:
    """Edits and answers, by prompt."""

    unticked: set[tuple[str, str]] = field(default_factory=set)
    "(prompt, child)"
    lowered: dict[tuple[str, str, str], int] = field(default_factory=dict)
    "(prompt, child, leg) -> lots"
    later: set[object] = field(default_factory=set)
    "Questions that the operator has put off; they stay open. One that changes is another question."
    answered: set[str] = field(default_factory=set)
    "Prompts whose answer is on its way; they are not asked again."

    def forget_gone(self, snapshot: Snapshot) -> None:
        """Drop what belongs to prompts that are not open any more."""
        alive = {prompt.id for prompt in snapshot.prompts}
        self.later &= {signature(prompt) for prompt in snapshot.prompts}
        self.answered &= alive
        self.unticked = {key for key in self.unticked if key[0] in alive}
        self.lowered = {key: lots for key, lots in self.lowered.items() if key[0] in alive}

    def queue(self, snapshot: Snapshot) -> list[PromptView]:
        """Open prompts without an answer, the one with the nearest deadline first."""
        waiting = [prompt for prompt in snapshot.prompts if prompt.id not in self.answered]
        return sorted(waiting, key=lambda prompt: prompt.deadline_ns)

    def put_off(self, snapshot: Snapshot) -> None:
        """Ask about none of the open prompts until the operator wants it, or it changes."""
        self.later |= {signature(prompt) for prompt in self.queue(snapshot)}

    def is_put_off(self, prompt: PromptView) -> bool:
        """Whether the operator has put this question off, as it is now."""
        return signature(prompt) in self.later

    def ticked(self, prompt: PromptView, child: str) -> bool:
        """Whether the child takes part."""
        return (prompt.id, child) not in self.unticked

    def toggle(self, prompt: PromptView, child: str) -> None:
        """Take the child out or in again, with all its legs: never only some legs of a child."""
        self.unticked ^= {(prompt.id, child)}

    def units(self, prompt: PromptView, row: PromptRow) -> int:
        """Units asked for in a row, after edits; never more than the engine offers."""
        lots = self.lowered.get((prompt.id, row.child, row.leg))
        return row.units if lots is None else min(row.units, lots * row.lot_units)

    def change(self, prompt: PromptView, row: PromptRow, step: int) -> None:
        """One lot less or more, between one lot and what the engine offers. An odd remainder is not edited."""
        offered = row.units // row.lot_units if row.lot_units else 0
        if offered < 1 or row.units % row.lot_units:
            return
        now = self.units(prompt, row) // row.lot_units
        wanted = min(max(now + step, 1), offered)
        key = (prompt.id, row.child, row.leg)
        if wanted == offered:
            self.lowered.pop(key, None)
        else:
            self.lowered[key] = wanted

    def share(self, prompt: PromptView, row: PromptRow) -> Decimal:
        """Which part of the offered quantity is asked for, for estimates."""
        return Decimal(self.units(prompt, row)) / row.units if row.units else Decimal(0)

    def taking_part(self, prompt: PromptView) -> tuple[str, ...]:
        """Children that an approval would trade, in order."""
        able = dict.fromkeys(row.child for row in prompt.rows if row.units)
        return tuple(child for child in able if self.ticked(prompt, child))

    def approval(self, prompt: PromptView, at_ns: int) -> Operator:
        """The event that approves the prompt as edited."""
        if prompt.kind == RESTART:
            return Resumed(at_ns=at_ns)
        chosen = self.taking_part(prompt)
        everyone = all(self.ticked(prompt, row.child) for row in prompt.rows)
        lowered = {
            f"{row.child}|{row.leg}": self.units(prompt, row)
            for row in prompt.rows
            if row.child in chosen and self.units(prompt, row) < row.units
        }
        return PromptAnswered(
            at_ns=at_ns,
            approve=True,
            prompt=prompt.id,
            children=None if everyone else chosen,
            units=lowered,
            shown=shown(prompt),
        )

    def refusal(self, prompt: PromptView, at_ns: int) -> Operator:
        """The event that declines the prompt for everyone, also what the master has left: else it is asked anew."""
        return PromptAnswered(at_ns=at_ns, approve=False, prompt=prompt.id, shown=shown(prompt, void=True))


def shown(prompt: PromptView, *, void: bool = False) -> dict[str, int]:
    """What the operator saw of a prompt, as `PromptAnswered.shown` has it: an answer covers nothing beyond it.

    `void`: with what the master has left.
    """
    return {f"{row.child}|{row.leg}": row.side.sign * (row.units + void * row.void_units) for row in prompt.rows}
