"""What an error of Kite Connect means for an order that was sent. Pure.

Kite has no idempotency key, so the one question is whether the order can exist. It cannot after the refusals listed
here; after everything else it may (staff: on any failure that is no 400, look into the order book first). Sources:
Kite Connect v3 "Exceptions and errors"; forum threads 35732 (a 400 that was placed 8 s later) and 15912 (addresses).
"""

import re
from typing import Final

from engine.events import Outcome

_ADDRESS: Final = re.compile(r"\bno ips configured\b|\bip\b.*\bnot allowed\b|\ballowed ips\b", re.IGNORECASE)
_NOT: Final = r"(?:\bnot|n.t)"
_IN_DOUBT: Final = re.compile(
    "|".join(
        (
            r"\btimed?[ -]?out\b|kitetrade-oms|gateway|no response|already being processed",
            rf"{_NOT} (?:respond|(?:be )?confirm)|may have been (?:placed|sent|executed)",
            rf"status (?:is )?(?:unknown|not known)|unknown status|(?:unable to|{_NOT}) (?:connect|communicate|reach)",
            r"connection\b.{0,40}\b(?:lost|reset|closed|failed|broken)",
            r"temporarily unavailable|(?:service|system) (?:is )?(?:unavailable|down)\b",
            r"something (?:went wrong|unexpected)|unexpected error|internal (?:server )?error",
            # The refusal for want of margin ends in "Check the orderbook for open orders."
            r"check (?:the |your )?order ?book(?! for open orders)",
        )
    ),
    re.IGNORECASE,
)
"""Words after which the order may exist, under whatever name they come. Others than those that were seen are as likely:
a plain refusal that is taken for doubt costs two minutes, and the reverse a second order."""
_TOO_MANY: Final = re.compile(r"too many requests|maximum allowed order requests exceeded", re.IGNORECASE)
_BEFORE_THE_OMS: Final = frozenset({400, 403, 404, 405, 410, 428})
"""The documented statuses of a request that was looked at and not passed on."""
_REFUSALS: Final = frozenset(
    {
        "InputException",
        "MarginException",
        "HoldingException",
        "OrderException",
        "UserException",
        "PermissionException",
    }
)
"""Names that say what is wrong with the order. NetworkException and DataException are about the way to the order
system and its answer, GeneralException is documented as unclassified, and a name that is not known says nothing."""
TOKEN: Final = "TokenException"  # noqa: S105 - an error's name
TOO_MANY_REQUESTS: Final = 429


def outcome_of(status: int, error_type: str, message: str) -> Outcome:
    """What an error answer means for a write.

    Args:
        status: The HTTP status.
        error_type: Kite's name of the error, '' when the body was none of Kite's.
        message: Kite's words.
    """
    if status == TOO_MANY_REQUESTS:
        return Outcome.UNKNOWN if _IN_DOUBT.search(message) else Outcome.RATE_LIMITED
    if status not in _BEFORE_THE_OMS:
        return Outcome.UNKNOWN
    if _ADDRESS.search(message):
        return Outcome.IP_REFUSED
    if error_type == TOKEN:
        return Outcome.NEEDS_LOGIN
    if not error_type or _IN_DOUBT.search(message):
        return Outcome.UNKNOWN
    if _TOO_MANY.search(message):
        return Outcome.RATE_LIMITED
    return Outcome.REJECTED if error_type in _REFUSALS else Outcome.UNKNOWN
