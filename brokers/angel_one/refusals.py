"""What an error of SmartAPI means for an order that was sent. Pure.

Angel answers refusals with HTTP 200 and a body; what is no JSON object of its own form may have been accepted (an
order was, with an empty body: openalgo issue 721). Codes: SmartAPI "Errors" and "Exceptions"; AG7002 from live
reports; the words of the rate limit from "Rate Limit".
"""

import re
from typing import Final

from engine.events import Outcome

_LOGIN: Final = frozenset({"AG8001", "AG8002", "AG8003", "AB8050", "AB8051", "AB1010", "AB1011"})
_IN_DOUBT: Final = frozenset({"", "AB1004", "AB1007", "AB2000", "AB2001"})
"""Something went wrong inside, or nothing is said: the order may exist. AB1007 stands for several causes."""
_TOO_MANY: Final = re.compile(r"exceeding access rate|too many requests", re.IGNORECASE)
_TIMED_OUT: Final = re.compile(r"timed? ?out|try after some ?time", re.IGNORECASE)
ADDRESS: Final = "AG7002"


def outcome_of(code: str, message: str) -> Outcome:
    """What an error body means for a write.

    Args:
        code: `errorcode` or `errorCode`, '' for none.
        message: Angel's words, or the text of an answer that is no JSON.
    """
    if code == ADDRESS:
        return Outcome.IP_REFUSED
    if code in _LOGIN:
        return Outcome.NEEDS_LOGIN
    if _TOO_MANY.search(message):
        return Outcome.RATE_LIMITED
    if code in _IN_DOUBT or _TIMED_OUT.search(message):
        return Outcome.UNKNOWN
    return Outcome.REJECTED


def is_passing(message: str) -> bool:
    """Whether Angel's words are about the moment alone."""
    return _TIMED_OUT.search(message) is not None
