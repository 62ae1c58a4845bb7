"""A broker that takes no orders from this machine's address: all writes of that account stop, one tries now and then.

Brokers check the address of orders only (place, modify, cancel); reads go on. Only the operator can mend it, so one
write is tried every 60 s, which is a definite refusal and costs nothing, and the first one that is taken ends it.
"""

from engine.core.state_child import Child
from engine.core.turn import ALARM, INFO, Turn
from engine.events import Outcome
from engine.model import NS_PER_S

AGAIN_NS = 60 * NS_PER_S
ALARM_TEXT = (
    "the broker takes no orders from this machine's IP address: register the address at the broker "
    "(API or developer console); one order is tried every 60 s, exits first"
)


def note_end(turn: Turn, child: Child, outcome: Outcome) -> None:
    """A write of the account ended."""
    if outcome is Outcome.IP_REFUSED:
        if not child.ip_refused:
            turn.notify(ALARM, ALARM_TEXT, child.id)
        child.ip_refused, child.ip_again_ns = True, turn.now_ns + AGAIN_NS
    elif child.ip_refused and outcome in (Outcome.ACKED, Outcome.REJECTED):
        child.ip_refused = False
        turn.notify(INFO, "the broker takes orders from this address again", child.id)


def refuses(turn: Turn, child: Child) -> bool:
    """Whether the account was refused for its address lately."""
    return child.ip_refused and turn.now_ns < child.ip_again_ns


def stops(turn: Turn, child: Child) -> bool:
    """Whether a write must wait: refused lately, or another one tries at this moment."""
    return child.ip_refused and (refuses(turn, child) or bool(child.traffic.under_way))
