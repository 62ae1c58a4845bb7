"""What the journal has of some orders: one line each for what was decided, asked, answered and seen."""

from enum import StrEnum

from engine.model import Value


class Step(StrEnum):
    """What a line of a trail is."""

    INTENT = "intent"
    "Durable, and then sent."
    ANSWER = "answer"
    PUSH = "push"
    BOOK = "book"
    "A complete read of the broker's book."


class TrailLine(Value, frozen=True, kw_only=True):
    """One entry of the journal, as far as it is about one order."""

    seq: int
    "Number of the entry."
    at_ns: int
    "When the engine took it up."
    account: str
    tag: str
    step: Step
    text: str
    "For people; holds text of the broker."
