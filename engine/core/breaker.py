"""The circuit breaker of one account: a broker that fails again and again gets no further entries for a while.

Every unknown outcome is an order that could come to exist twice. So after a few in a row entries stop, and one at a
time may try later. Exits, cancels and reads always pass. What is missed meanwhile is never caught up.

    CLOSED ── 3 failures in a row ──▶ OPEN ── pause over, and the book was read since ──▶ HALF_OPEN
       ▲                               ▲                                                   │   │
       └────────── an answer ──────────┼───────────────────────────────────────────────────┘   │
                                       └──────────────── a failure: a longer pause ─────────────┘
"""

from engine.core.lifecycle import OrderState
from engine.core.state_child import BreakerPhase, Child, ChildOrder
from engine.core.turn import ALARM, INFO, Turn
from engine.events import Outcome
from engine.model import NS_PER_S

FAILURES = 3
"""Writes in a row without a usable answer that open it."""
PAUSES_S = (30, 60, 120, 240, 300)
"""Least pauses before an entry is tried again; the last one repeats."""
ANSWERS = frozenset({Outcome.ACKED, Outcome.REJECTED})
"""Ends which prove that the broker's order desk works. Refused connections and rate limits prove neither way."""


def note_end(turn: Turn, child: Child, outcome: Outcome) -> None:
    """A write of the account ended."""
    breaker = child.breaker
    if outcome is Outcome.UNKNOWN:
        breaker.failures += 1
        breaker.failed_ns = turn.now_ns
        if breaker.phase is BreakerPhase.OPEN:
            breaker.again_ns = max(breaker.again_ns, turn.now_ns + _pause_ns(breaker.openings))
        elif breaker.phase is BreakerPhase.HALF_OPEN or breaker.failures >= FAILURES:
            _open(turn, child)
    elif outcome in ANSWERS:
        breaker.failures = 0
        if breaker.phase is BreakerPhase.HALF_OPEN:
            breaker.phase, breaker.openings, breaker.trial = BreakerPhase.CLOSED, 0, ""
            turn.notify(INFO, "the broker answers again: entries go on; what was missed is not caught up", child.id)


def look_after(turn: Turn) -> None:
    """Let one entry try where the pause is over and the book was read since the last failure. At every poll."""
    for child in turn.state.children.values():
        breaker = child.breaker
        if breaker.phase is not BreakerPhase.OPEN or turn.now_ns < breaker.again_ns:
            continue
        if child.orders_began_ns <= breaker.failed_ns:
            child.want_orders = True
            continue
        breaker.phase, breaker.trial = BreakerPhase.HALF_OPEN, ""
        turn.notify(INFO, "the broker's book can be read again: the next entry is a trial", child.id)


def blocks(child: Child) -> bool:
    """Whether no entry may go."""
    return child.breaker.phase is BreakerPhase.OPEN


def waits(turn: Turn, child: Child, order: ChildOrder) -> bool:
    """Whether an entry has to wait for the end of the trial, which goes alone."""
    if child.breaker.phase is not BreakerPhase.HALF_OPEN:
        return False
    trial = turn.state.orders.get(child.breaker.trial)
    return trial is not None and trial is not order and trial.state in (OrderState.QUEUED, OrderState.SENT)


def note_sent(child: Child, order: ChildOrder) -> None:
    """An order is sent; the first entry after a pause is the trial."""
    if order.entry and child.breaker.phase is BreakerPhase.HALF_OPEN:
        child.breaker.trial = order.tag


def _open(turn: Turn, child: Child) -> None:
    breaker = child.breaker
    pause_ns = _pause_ns(breaker.openings)
    breaker.openings += 1
    breaker.phase, breaker.trial = BreakerPhase.OPEN, ""
    breaker.again_ns = turn.now_ns + pause_ns
    child.want_orders = True
    text = f"broker failing ({breaker.failures} writes without an answer): entries stopped until it answers again"
    turn.notify(ALARM, f"{text}, at least {pause_ns // NS_PER_S} s; exits go on", child.id)


def _pause_ns(openings: int) -> int:
    return PAUSES_S[min(openings, len(PAUSES_S) - 1)] * NS_PER_S
