"""What an error of Kite Connect means for an order that was sent. Pure.

Kite has no idempotency key, so the one question is whether the order can exist. It cannot after the refusals listed
here; after everything else it may (staff: on any failure that is no 400, look into the order book first). Sources:
Kite Connect v3 "Exceptions and errors"; forum threads 35732 (a 400 that was placed 8 s later) and 15912 (addresses).
"""

import re
from typing import Final

from engine.events import Outcome

_ADDRESS: Final = re.compile(r"\bno ips configured\b|\bip\b.*\bnot allowed\b|\ballowed ips\b", re.IGNORECASE)
_IN_DOUBT: Final = re.compile(r"timed out|check the order ?book|kitetrade-oms|gateway", re.IGNORECASE)
_TOO_MANY: Final = re.compile(r"too many requests|maximum allowed order requests exceeded", re.IGNORECASE)
TOKEN: Final = "TokenException"  # noqa: S105 - an error's name
TOO_MANY_REQUESTS: Final = 429


def outcome_of(status: int, error_type: str, message: str) -> Outcome:
    """What an error answer means for a write.

    Args:
        status: The HTTP status.
        error_type: Kite's name of the error, '' when the body was none of Kite's.
        message: Kite's words.
    """
    if _ADDRESS.search(message):
        return Outcome.IP_REFUSED
    if status == TOO_MANY_REQUESTS:
        return Outcome.RATE_LIMITED
    if error_type == TOKEN:
        return Outcome.NEEDS_LOGIN
    if not error_type or not 400 <= status < 500 or _IN_DOUBT.search(message):
        return Outcome.UNKNOWN
    return Outcome.RATE_LIMITED if _TOO_MANY.search(message) else Outcome.REJECTED
