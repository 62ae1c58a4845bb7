"""What an error of SmartAPI means for an order that was sent. Pure.

Angel answers refusals with HTTP 200 and a body; what is no JSON object of its own form may have been accepted (an
order was, with an empty body: openalgo issue 721). Codes: SmartAPI "Errors" and "Exceptions"; AG7002 from live
reports; the words of the rate limit from "Rate Limit".
"""

import re
from typing import Final

from engine.events import Outcome

_LOGIN: Final = frozenset({"AG8001", "AG8002", "AG8003", "AB8050", "AB8051", "AB1010", "AB1011"})
_DEFINITE: Final = frozenset({"AB1006", "AB1008", "AB1009", "AB1012", "AB2002", "AB4008"})
"""Client blocked, wrong variety, symbol or product, ROBO blocked, tag: found before there is an order."""
_NO_ORDER: Final = "AB1013"
"""Order not found: definite where an order was to be changed. A new one cannot be missing."""
_IN_DOUBT: Final = frozenset({"AB1004", "AB1007", "AB2000", "AB2001"})
"""Something went wrong inside, whatever the words are. AB1007 stands for several causes."""
_CHECKED: Final = re.compile(
    r"\b(?:lot size|(?:market|board|regular) lot|multiples? of|tick size|freeze (?:quantity|qty|limit))\b"
    r"|\binsufficient (?:funds?|margin|balance|holdings?|quantity|shares)\b"
    r"|\b(?:margin exceed(?:s|ed)|(?:margin|fund|funds) shortfall)\b"
    r"|\b(?:lpp|price range|circuit (?:limits?|range))\b",
    re.IGNORECASE,
)
"""Checks before the order exists, whose codes are not documented (LPP: answered with `status: false`, forum 4703)."""
_TOO_MANY: Final = re.compile(r"exceeding access rate|too many requests", re.IGNORECASE)
_TOO_MANY_CODES: Final = frozenset({"AB1019", "AB1021"})
"""What the rate limit is called where it comes in Angel's own form; documented is a plain text with HTTP 403."""
_TOO_MANY_STATUSES: Final = frozenset({403, 429})
_MAY_EXIST: Final = re.compile(
    r"something went wrong|internal (?:server )?error|may (?:have been|be) placed", re.IGNORECASE
)
_TIMED_OUT: Final = re.compile(r"timed? ?out|try after some ?time", re.IGNORECASE)
ADDRESS: Final = "AG7002"


def outcome_of(code: str, message: str, *, is_change: bool = False, is_read: bool = False) -> Outcome:
    """What a refusal in Angel's own form means. For a write, what is not known to be definite is UNKNOWN.

    Args:
        code: `errorcode` or `errorCode`, '' for none.
        message: Angel's words.
        is_change: Whether an order was to be changed or cancelled.
        is_read: Whether nothing was to be written: words alone make no order that is sent again.
    """
    if code == ADDRESS:
        return Outcome.IP_REFUSED
    if code in _LOGIN:
        return Outcome.NEEDS_LOGIN
    if is_read and _TOO_MANY.search(message):
        return Outcome.RATE_LIMITED
    if code in _IN_DOUBT or _TIMED_OUT.search(message) or _MAY_EXIST.search(message):
        return Outcome.UNKNOWN
    if _TOO_MANY.search(message):
        return Outcome.RATE_LIMITED if code in _TOO_MANY_CODES else Outcome.UNKNOWN
    if code in _DEFINITE or (code == _NO_ORDER and is_change) or _CHECKED.search(message):
        return Outcome.REJECTED
    return Outcome.UNKNOWN


def outcome_of_text(status: int, text: str, *, is_read: bool = False) -> Outcome:
    """What an answer that is no JSON means: too many requests, or nothing at all.

    Args:
        status: The HTTP status; a write that went further than the gate may exist, whatever the words are.
        text: The answer.
        is_read: Whether nothing was to be written.
    """
    is_at_the_gate = is_read or status in _TOO_MANY_STATUSES
    return Outcome.RATE_LIMITED if is_at_the_gate and _TOO_MANY.search(text) else Outcome.UNKNOWN


def is_passing(message: str) -> bool:
    """Whether Angel's words are about the moment alone."""
    return _TIMED_OUT.search(message) is not None
