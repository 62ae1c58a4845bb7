"""The life cycle of a child order, as one table.

A fill may arrive in every state that a broker has seen, terminal ones included (a fill after a cancel is a fill):
filled quantity is not part of the state and only grows. States change only along `LEGAL`; terminal states are final.

    QUEUED ──▶ SENT ──▶ WORKING ──▶ FILLED | CANCELLED | REJECTED
      │  ▲      │ │                    ▲
      │  └──────┘ ├──▶ UNKNOWN ────────┤      (found by tag or pushed: adopted)
      │  (proven  │        └──▶ ABSENT │      (exits: decided anew)
      │ not sent) └──▶ HELD ◀── UNKNOWN       (entries: never appeared, or refused; the operator decides)
      ├──▶ HELD ──▶ WITHDRAWN
      └──▶ WITHDRAWN
"""

from enum import StrEnum


class OrderState(StrEnum):
    """Where a child order stands."""

    QUEUED = "queued"
    "Decided and journalled; waits for its turn."
    SENT = "sent"
    "Handed to the lane; no answer yet."
    WORKING = "working"
    "The broker has it."
    UNKNOWN = "unknown"
    "Sent, outcome not known; looked for by tag."
    HELD = "held"
    "Stopped; waits for the operator."
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    ABSENT = "absent"
    "Proven never to have reached the broker."
    WITHDRAWN = "withdrawn"
    "Given up before it was sent, or while held."


S = OrderState
LEGAL: frozenset[tuple[OrderState, OrderState]] = frozenset(
    {
        (S.QUEUED, S.SENT),
        (S.QUEUED, S.HELD),
        (S.QUEUED, S.WITHDRAWN),
        (S.QUEUED, S.WORKING),  # back in the queue as not accepted, and at the broker after all: adopted
        (S.QUEUED, S.FILLED),
        (S.QUEUED, S.CANCELLED),
        (S.QUEUED, S.REJECTED),
        (S.SENT, S.WORKING),
        (S.SENT, S.UNKNOWN),
        (S.SENT, S.QUEUED),  # rate limit, refused connection: proven not accepted
        (S.SENT, S.HELD),
        (S.SENT, S.FILLED),
        (S.SENT, S.CANCELLED),
        (S.SENT, S.REJECTED),
        (S.UNKNOWN, S.WORKING),
        (S.UNKNOWN, S.FILLED),
        (S.UNKNOWN, S.CANCELLED),
        (S.UNKNOWN, S.REJECTED),
        (S.UNKNOWN, S.HELD),
        (S.UNKNOWN, S.ABSENT),
        (S.WORKING, S.FILLED),
        (S.WORKING, S.CANCELLED),
        (S.WORKING, S.REJECTED),
        (S.WORKING, S.HELD),  # an entry refused after its acknowledgement
        (S.HELD, S.WITHDRAWN),
        (S.HELD, S.WORKING),  # surfaced late although called absent
        (S.HELD, S.FILLED),
        (S.HELD, S.CANCELLED),
        (S.HELD, S.REJECTED),
    }
)
"""Every legal change of state."""

TERMINAL = frozenset({S.FILLED, S.CANCELLED, S.REJECTED, S.ABSENT, S.WITHDRAWN})
"""Final states."""

AT_BROKER = frozenset({S.SENT, S.WORKING, S.UNKNOWN})
"""States in which the broker has the order or may have it."""

UNSENT = frozenset({S.QUEUED, S.HELD})
"""States that can be withdrawn without asking the broker."""


def is_legal(old: OrderState, new: OrderState) -> bool:
    """Whether an order may go from `old` to `new`; staying is always legal."""
    return old is new or (old, new) in LEGAL
