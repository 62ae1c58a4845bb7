"""Angel One's login with PIN and one-time code, and who keeps the session that it gives.

A session lives in memory only and ends at midnight in India. What is refused for sure is never tried again with the
same credentials: a locked account is worse than no session. A code is never used twice, and between two tries at least
a second passes, more after each failure.
"""

import binascii
import threading
import time
from collections.abc import Callable
from typing import Final

import pyotp

from brokers.angel_one import wire
from brokers.angel_one.client import AngelClient, Session
from brokers.angel_one.refusals import outcome_of
from brokers.errors import Malformed, Refusal
from brokers.transport import NoAnswer, NotSent, Transport
from config.credentials import Credentials, Secret
from engine.errors import NeedsLogin
from engine.events import Outcome
from engine.model import NS_PER_S

CODE_NS: Final = 30 * NS_PER_S
"""How long a one-time code holds (RFC 6238)."""
LATE_NS: Final = 2 * NS_PER_S
"""A code that ends so soon could arrive too late, which Angel would call a wrong one: the next one is waited for."""
APART_NS: Final = NS_PER_S
"""Angel takes one login a second (SmartAPI "Rate Limit")."""
PAUSE_MOST_NS: Final = 600 * NS_PER_S
_DAY_S: Final = 86_400
_IST_S: Final = 19_800
_PASSING: Final = frozenset({"", "AB1004", "AB2000", "AB2001"})
"""Nothing is said about the credentials; everything else is about them. AB1007, an error of many causes elsewhere, is
what the documents show for a wrong password."""


class Keeper:
    """The session of one account. Every method may be called from any thread.

    Args:
        credentials: api_key, username, password (the PIN), totp_token (the secret of the codes).
        transport: The connections.
        now_ns: The clock; codes are made for its time.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        credentials: Credentials,
        transport: Transport,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials, self._transport, self._now_ns, self._sleep = credentials, transport, now_ns, sleep
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._is_proven = False
        self._refused = ""
        self._failed = ""
        self._failures = 0
        self._not_before_ns = 0
        self._used_code = -1

    def __repr__(self) -> str:
        return "Keeper()"

    def session(self) -> Session:
        """The session that holds now; logs in where there is none.

        Raises:
            NeedsLogin: There is none, and why. May be asked again at any time: it knows when a login may be tried.
        """
        with self._lock:
            if self._session is not None and self._now_ns() >= self._session.until_ns:
                self._session = None
            if self._session is None:
                self._session = self._log_in()
                self._is_proven = False
            return self._session

    @property
    def current(self) -> Session | None:
        """The session as it is, without asking for one."""
        return self._session

    def proven(self, session: Session) -> None:
        """A request of this session was answered."""
        if session is self._session and not self._is_proven:
            with self._lock:
                self._is_proven, self._failures = True, 0

    def lost(self, session: Session) -> None:
        """Angel says that this session is over. One that never worked is not followed by the next one at once."""
        with self._lock:
            if session is not self._session:
                return  # the news is old: there is another one already
            self._session = None
            if not self._is_proven:
                self._failed = "a new session was refused at once"
                self._back_off()

    def change(self, credentials: Credentials) -> None:
        """Go on with these: the next request logs in anew. The same ones lift no refusal."""
        with self._lock:
            if dict(credentials) != dict(self._credentials):
                self._refused, self._failures, self._not_before_ns = "", 0, self._now_ns() + APART_NS
                self._used_code = -1
            self._credentials, self._session = credentials, None

    def _log_in(self) -> Session:
        """One try, if one may be made now."""
        if self._refused:
            raise NeedsLogin(self._refused)
        now_ns = self._now_ns()
        left_ns = CODE_NS - now_ns % CODE_NS
        if left_ns < LATE_NS:
            self._sleep(left_ns / NS_PER_S)
            now_ns += left_ns
        step = now_ns // CODE_NS
        if now_ns < self._not_before_ns or step == self._used_code:
            raise NeedsLogin(f"the next login waits: {self._failed or 'the code of this half minute is used'}")
        code = self._code(now_ns)
        self._used_code, self._not_before_ns = step, now_ns + APART_NS
        client = AngelClient(self._credentials["api_key"], self._transport)
        client.hide(*self._credentials.values(), code)
        try:
            return self._session_of(client, code, now_ns)
        except (NotSent, NoAnswer, Malformed) as error:
            self._failed = f"no usable answer to the login: {error}"
        except Refusal as refusal:
            if refusal.outcome not in (Outcome.UNKNOWN, Outcome.RATE_LIMITED):
                self._refuse(str(refusal))
            self._failed = f"no usable answer to the login: {refusal}"
        self._back_off()
        raise NeedsLogin(self._failed)

    def _session_of(self, client: AngelClient, code: Secret, now_ns: int) -> Session:
        """What Angel answers to the login.

        Raises:
            Refusal: It says no: UNKNOWN and RATE_LIMITED may be tried again later.
        """
        envelope = wire.envelope_of(
            client.ask_login(self._credentials["username"], self._credentials["password"], code)
        )
        if not envelope.succeeded:
            outcome = outcome_of(envelope.code, envelope.message)
            if outcome is not Outcome.RATE_LIMITED:
                outcome = Outcome.UNKNOWN if envelope.code in _PASSING else Outcome.REJECTED
            raise Refusal(outcome, client.words(envelope))
        row = wire.Row(envelope.data)
        jwt, feed = row.text("jwtToken").removeprefix("Bearer "), row.text("feedToken")
        if not jwt.isprintable() or not feed.isprintable() or not jwt or not feed:
            raise Malformed("the answer to the login has no tokens")
        return Session(
            jwt=Secret(jwt),
            feed=Secret(feed),
            refresh=Secret(row.text("refreshToken")),
            until_ns=next_midnight_ns(now_ns),
        )

    def _code(self, now_ns: int) -> Secret:
        secret = self._credentials["totp_token"].reveal().replace(" ", "")
        try:
            code = pyotp.TOTP(secret).at(now_ns // NS_PER_S)
        except (binascii.Error, ValueError, TypeError):
            code = ""
        if not code:
            self._refuse("totp_token is no secret of one-time codes (at least 23 letters A-Z and digits 2-7)")
        return Secret(code)

    def _refuse(self, text: str) -> None:
        self._refused = (
            f"Angel One refuses the login: {text}. It is not tried again with these credentials; correct the file, or "
            "start again once Angel says that the account is open"
        )
        raise NeedsLogin(self._refused)

    def _back_off(self) -> None:
        pause_ns = min(APART_NS << min(self._failures, 20), PAUSE_MOST_NS)
        self._failures += 1
        self._not_before_ns = self._now_ns() + pause_ns


def next_midnight_ns(now_ns: int) -> int:
    """When the day in India ends."""
    day = (now_ns // NS_PER_S + _IST_S) // _DAY_S + 1
    return (day * _DAY_S - _IST_S) * NS_PER_S
