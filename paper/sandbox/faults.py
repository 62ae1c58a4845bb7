"""What goes wrong at the sandbox, and when: a script of faults, each for some requests of some accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from config.load import load_document


class Kind(StrEnum):
    """How a request goes wrong. `accepted` means: before it goes wrong, it is carried out."""

    ACCEPTED_THEN_TIMEOUT = "accepted_then_timeout"
    TIMEOUT_NOT_ACCEPTED = "timeout_not_accepted"
    ACCEPTED_LATE = "accepted_late"
    "No answer, and carried out `after` seconds."
    TIMED_OUT_400 = "timed_out_400"
    "Accepted, and a 400 that says it timed out."
    SERVER_ERROR = "server_error"
    "500, not accepted."
    UNAVAILABLE = "unavailable"
    "503 of the order system, accepted."
    HTML = "html"
    "502 with a web page, accepted."
    TRUNCATED = "truncated"
    "Accepted, half of the JSON, then the connection ends."
    NO_ID = "no_id"
    "Accepted, 200 without an order id."
    DROPPED_BEFORE = "dropped_before"
    DROPPED_AFTER = "dropped_after"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    RMS_REFUSED = "rms_refused"
    "400 of risk management, and no row in the book."
    REJECTED_ROW = "rejected_row"
    "Answered with an id, and then a REJECTED row in the book."
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a fault's name
    IP_REFUSED = "ip_refused"
    SLOW = "slow"
    "Answered `after` seconds."
    UNSORTED = "unsorted"
    "The order book in no order."


ACCEPTS: Final = frozenset(
    {
        Kind.ACCEPTED_THEN_TIMEOUT, Kind.TIMED_OUT_400, Kind.UNAVAILABLE, Kind.HTML, Kind.TRUNCATED, Kind.NO_ID,
        Kind.DROPPED_AFTER,
    }
)  # fmt: skip
REQUESTS: Final = ("place", "modify", "cancel", "orders", "positions", "margins", "quotes", "candles", "any")
AT_ONCE: Final = ("freeze", "disconnect")
"""Faults of the connections that are there."""
PUSHES: Final = ("push_gap", "push_repeat", "push_reorder", "push_late_partial", *AT_ONCE)
"""Faults of the ticker."""


@dataclass(slots=True)
class Fault:
    """One line of the script."""

    on: str
    kind: Kind
    account: str = ""
    "'' for everybody."
    times: int = 1
    after_s: float = 60.0

    def fits(self, account: str, request: str) -> bool:
        """Whether a request is hit."""
        return self.times > 0 and self.account in ("", account) and self.on in ("any", request)


@dataclass(frozen=True, slots=True)
class PushFault:
    """One line of the script about an account's updates."""

    kind: str
    "One of `PUSHES`."
    account: str = ""
    "'' for everybody."
    times: int = 1


class Script:
    """The faults that are armed."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self.hits: dict[str, int] = {}
        "How often each kind has struck."

    def arm(self, faults: Sequence[Fault]) -> None:
        """Let these happen from now on."""
        self._armed += faults

    def take(self, account: str, request: str) -> Fault | None:
        """The fault that hits this request, if any; it is used up once."""
        for fault in self._armed:
            if fault.fits(account, request):
                fault.times -= 1
                self.hits[fault.kind.value] = self.hits.get(fault.kind.value, 0) + 1
                return fault
        return None


def fault_of(entry: Mapping[str, object]) -> Fault:
    """A fault as a script file or a request writes it.

    Raises:
        ValueError: An unknown key, request or kind; the text names those that there are.
    """
    _check_keys(entry, {"on", "kind", "account", "times", "after_s"})
    on, kind = str(entry.get("on", "")), str(entry.get("kind", ""))
    if on not in REQUESTS:
        raise ValueError(f"`on` is one of {', '.join(REQUESTS)}")
    if kind not in {one.value for one in Kind}:
        raise ValueError(f"`kind` is one of {', '.join(one.value for one in Kind)}")
    after_s = entry.get("after_s", 60)
    if not isinstance(after_s, int | float | Decimal) or after_s < 0:
        raise ValueError("`after_s` is a number of seconds")
    account = str(entry.get("account", ""))
    return Fault(on=on, kind=Kind(kind), account=account, times=_times(entry), after_s=float(after_s))


def push_of(entry: Mapping[str, object]) -> PushFault:
    """A fault of the ticker as a script file or a request writes it: `{push: push_gap, account: ID, times: 3}`.

    Raises:
        ValueError: An unknown key or push; the text names those that there are.
    """
    _check_keys(entry, {"push", "account", "times"})
    if entry["push"] not in PUSHES:
        raise ValueError(f"`push` is one of {', '.join(PUSHES)}")
    return PushFault(str(entry["push"]), str(entry.get("account", "")), _times(entry))


def entry_of(entry: Mapping[str, object]) -> Fault | PushFault:
    """A fault of either kind. Raises `ValueError`."""
    return push_of(entry) if "push" in entry else fault_of(entry)


def _check_keys(entry: Mapping[str, object], keys: set[str]) -> None:
    if unknown := set(entry) - keys:
        raise ValueError(f"unknown key {sorted(unknown)[0]}; a fault has {', '.join(sorted(keys))}")


def _times(entry: Mapping[str, object]) -> int:
    times = entry.get("times", 1)
    if not isinstance(times, int) or times < 1:
        raise ValueError("`times` is a number from 1")
    return times


def load_script(path: Path) -> list[Fault | PushFault]:
    """The faults of a script file: a YAML list of entries as `entry_of` takes them.

    Raises:
        ConfigError: The file cannot be read, or an entry says nothing that can be done; names file and line.
    """
    document = load_document(path)
    if document.items is None:
        raise document.fault("must be a list of faults, such as - {on: place, kind: dropped_after}")
    found: list[Fault | PushFault] = []
    for entry in document.items:
        try:
            fault = entry_of({key: node.value for key, node in (entry.entries or {}).items()})
            if isinstance(fault, PushFault) and fault.kind in AT_ONCE:
                raise ValueError(f"{fault.kind} is for connections that are there: POST it to /sandbox/faults")
            found.append(fault)
        except ValueError as error:
            raise entry.fault(str(error)) from None
    return found
