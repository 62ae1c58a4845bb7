"""What an adapter tells its caller when a broker did not do what was asked. Inside `brokers/` only.

The port itself speaks of `Answer` and `ReadFailed`; an adapter turns these into one of them.
"""

from engine.errors import LockstepError
from engine.events import Outcome


class Refusal(LockstepError):
    """The broker answered, and the answer is no (or nothing that can be relied upon).

    Args:
        outcome: What the answer means for a write.
        text: The broker's own words, for people.
    """

    def __init__(self, outcome: Outcome, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome


class Malformed(LockstepError):
    """An answer that does not have the form that the broker documents: what was asked for is unknown."""
