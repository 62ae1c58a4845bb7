"""What this process knows of the logins of its accounts, shared by everybody who logs in to one of them.

A running session, the doctor beside it and the session after a change of the mode are one client for Angel: a code that
one of them used is used for all, what was refused to one is refused to all, and a session of its own for each would end
that of the others. Nothing here is written anywhere, and accounts are told apart by hashes of what identifies them.
"""

import hmac
import json
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from brokers.angel_one.client import Session
from config.credentials import Credentials

USED_MOST: Final = 8
"""Half minutes that are remembered: so far a clock may be set back without a code being sent again."""
_SALT: Final = secrets.token_bytes(32)


@dataclass(slots=True)
class Standing:
    """What came of logins with one set of credentials."""

    session: Session | None = None
    is_proven: bool = False
    "Whether a request of the session was answered."
    refused: str = ""
    "Why nothing is tried any more."
    doubts: int = 0
    "Refusals that may have another cause than the credentials, since the last login."


@dataclass(slots=True)
class Record:
    """What is common to all logins of one client code with one secret of codes."""

    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    "Held by whoever logs in, over the whole request: one at a time."
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    "Guards the fields, and is never held while anything is waited for."
    used: deque[int] = field(default_factory=lambda: deque(maxlen=USED_MOST))
    "The half minutes whose codes were sent."
    not_before_ns: int = 0
    failed: str = ""
    failures: int = 0
    standings: dict[bytes, Standing] = field(default_factory=dict, repr=False)


class Account:
    """One set of credentials, with what is known of it. Immutable but for what its record holds."""

    __slots__ = ("credentials", "record", "standing")

    def __init__(self, credentials: Credentials, record: Record, standing: Standing) -> None:
        self.credentials, self.record, self.standing = credentials, record, standing


class Logins:
    """The records of all accounts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[bytes, Record] = {}

    def of(self, server: str, credentials: Credentials) -> Account:
        """What is known of these credentials at a server; the same ones are always the same account."""
        secret = _shortened(credentials["totp_token"].reveal())
        who = (server, credentials["username"].reveal(), secret)
        with self._lock:
            record = self._records.setdefault(_mark(*who), Record())
        mark = _mark(*who, credentials["api_key"].reveal(), credentials["password"].reveal())
        with record.lock:
            return Account(credentials, record, record.standings.setdefault(mark, Standing()))


PROCESS: Final = Logins()
"""Those of this process."""


def _shortened(secret: str) -> str:
    """A secret of codes as its codes are made from it: spaces and small letters mean nothing."""
    return secret.replace(" ", "").upper()


def _mark(*texts: str) -> bytes:
    return hmac.digest(_SALT, json.dumps(texts).encode(), "sha256")
