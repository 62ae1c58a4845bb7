"""What the journal has for people: of some orders what was decided, asked, answered and seen, and ratios of a child."""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

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


class PastRatio(Value, frozen=True, kw_only=True):
    """What a child was sized by in one strategy."""

    started_ns: int
    name: str
    "What the strategy's legs made, at their largest; '' before the master held any."
    scope: str
    source: str
    "`PAPER` or `LIVE`."
    baseline_inr: Decimal | None
    "The master's capital."
    ratio: Fraction | None
    "The last one of that strategy; `None` for a child that was left out or not there, and for sizing without a ratio."
