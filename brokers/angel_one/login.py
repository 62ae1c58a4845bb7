"""Angel One's login with PIN and one-time code, and who keeps the session that it gives.

A session lives in memory only and ends at midnight in India; every keeper of the process has the same one. What is
refused for sure is never tried again with the same credentials: a locked account is worse than no session. A code is
never used twice, and between two tries at least a second passes, more after each failure. Where another program may
have used the code, or nobody says what is wrong, there is one more try with another code, and no third one.
"""

import binascii
import time
from collections.abc import Callable
from typing import Final

import pyotp

from brokers.angel_one import wire
from brokers.angel_one.client import AngelClient, Session
from brokers.angel_one.logins import PROCESS, Account, Logins
from brokers.angel_one.refusals import is_passing, outcome_of
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
EARLY_NS: Final = 2 * NS_PER_S
"""A code that was waited for is sent so long after its begin: before, a clock ahead of Angel's makes it a wrong one."""
APART_NS: Final = NS_PER_S
"""Angel takes one login a second (SmartAPI "Rate Limit")."""
PAUSE_MOST_NS: Final = 600 * NS_PER_S
_DAY_S: Final = 86_400
_IST_S: Final = 19_800
_PASSING: Final = frozenset({"AB1004", "AB2000", "AB2001"})
"""Nothing is said about the credentials; everything else is about them. AB1007, an error of many causes elsewhere, is
what the documents show for a wrong password."""
_WRONG_CODE: Final = "AB1050"
"""Said of a code that was used already, too: by the doctor a moment ago, or by the owner in Angel's app."""
TRIES_MOST: Final = 2
"""With refusals that leave a doubt; an account is locked after more."""


class NextCode(NeedsLogin):
    """Nothing is wrong yet: a login may be tried with the next code.

    Args:
        text: What the login waits for, for people.
        wait_s: How long.
    """

    def __init__(self, text: str, wait_s: float) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class Keeper:
    """The session of one account. Every method may be called from any thread.

    Args:
        credentials: api_key, username, password (the PIN), totp_token (the secret of the codes).
        transport: The connections.
        now_ns: The clock; codes are made for its time.
        sleep: Waits so many seconds.
        logins: What is known of other logins of the same account.
    """

    def __init__(
        self,
        credentials: Credentials,
        transport: Transport,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
        logins: Logins = PROCESS,
    ) -> None:
        self._transport, self._now_ns, self._sleep, self._logins = transport, now_ns, sleep, logins
        self._account = logins.of(transport.server, credentials)

    def __repr__(self) -> str:
        return "Keeper()"

    def session(self) -> Session:
        """The session that holds now; logs in where there is none.

        Raises:
            NeedsLogin: There is none, and why. May be asked again at any time: it knows when a login may be tried.
        """
        account = self._account
        if (found := self._held(account)) is not None:
            return found
        with account.record.turn:
            if (found := self._held(account)) is not None:
                return found  # somebody else has logged in meanwhile
            session = self._log_in(account)
            with account.record.lock:
                standing = account.standing
                standing.session, standing.is_proven, standing.doubts = session, False, 0
            return session

    @property
    def current(self) -> Session | None:
        """The session as it is, without asking for one."""
        return self._account.standing.session

    def proven(self, session: Session) -> None:
        """A request of this session was answered."""
        record, standing = self._account.record, self._account.standing
        if session is standing.session and not standing.is_proven:
            with record.lock:
                standing.is_proven, record.failures, record.failed = True, 0, ""

    def lost(self, session: Session) -> None:
        """Angel says that this session is over. One that never worked is not followed by the next one at once."""
        account = self._account
        with account.record.lock:
            if session is not account.standing.session:
                return  # the news is old: there is another one already
            account.standing.session = None
            if not account.standing.is_proven:
                self._back_off(account, "a new session was refused at once")

    def change(self, credentials: Credentials) -> None:
        """Go on with these: the next request logs in anew. The same ones lift no refusal. Never waits."""
        before, self._account = self._account, self._logins.of(self._transport.server, credentials)
        record, standing = self._account.record, self._account.standing
        with before.record.lock:
            before.standing.session = None
        with record.lock:
            standing.session = None
            if standing is not before.standing:
                record.failed, record.failures, record.not_before_ns = "", 0, self._now_ns() + APART_NS

    def _held(self, account: Account) -> Session | None:
        session = account.standing.session
        return session if session is not None and self._now_ns() < session.until_ns else None

    def _log_in(self, account: Account) -> Session:
        """One try, if one may be made now."""
        record, credentials = account.record, account.credentials
        if account.standing.refused:
            raise NeedsLogin(account.standing.refused)
        now_ns = self._now_ns()
        wait_ns, left_ns = self._wait_ns(account, now_ns), CODE_NS - now_ns % CODE_NS
        if wait_ns and (wait_ns != left_ns + EARLY_NS or left_ns >= LATE_NS):
            text = f"the next login waits: {record.failed or 'the code of this half minute is used'}"
            raise NeedsLogin(text) if record.failures else NextCode(text, wait_ns / NS_PER_S)
        if wait_ns:
            self._sleep(wait_ns / NS_PER_S)
            now_ns += wait_ns
        code = self._code(account, now_ns)
        with record.lock:
            record.used.append(now_ns // CODE_NS)
            record.not_before_ns = now_ns + APART_NS
        client = AngelClient(credentials["api_key"], self._transport)
        client.hide(*credentials.values(), code)
        try:
            return self._session_of(account, client, code, now_ns)
        except (NotSent, NoAnswer, Malformed) as error:
            failed = f"no usable answer to the login: {error}"
        except Refusal as refusal:
            if refusal.outcome not in (Outcome.UNKNOWN, Outcome.RATE_LIMITED):
                self._refuse(account, str(refusal))
            failed = f"no usable answer to the login: {refusal}"
        with record.lock:
            self._back_off(account, failed)
        raise NeedsLogin(failed)

    def _wait_ns(self, account: Account, now_ns: int) -> int:
        """How long until a login may be sent whose code is new and holds long enough; 0 for now."""
        record = account.record
        with record.lock:
            if record.not_before_ns - now_ns > PAUSE_MOST_NS + APART_NS:
                record.not_before_ns = now_ns  # the clock was set back
            at_ns = max(now_ns, record.not_before_ns)
            while (step := at_ns // CODE_NS) in record.used or CODE_NS - at_ns % CODE_NS < LATE_NS:
                at_ns = (step + 1) * CODE_NS + EARLY_NS
            if step - 1 in record.used:
                at_ns = max(at_ns, step * CODE_NS + EARLY_NS)
        return at_ns - now_ns

    def _session_of(self, account: Account, client: AngelClient, code: Secret, now_ns: int) -> Session:
        """What Angel answers to the login.

        Raises:
            Refusal: It says no: UNKNOWN and RATE_LIMITED may be tried again later.
            NextCode: It says no, and one more code may be tried.
        """
        credentials = account.credentials
        envelope = wire.envelope_of(client.ask_login(credentials["username"], credentials["password"], code))
        if not envelope.succeeded:
            words = client.words(envelope)
            if outcome_of(envelope.code, envelope.message, is_read=True) is Outcome.RATE_LIMITED:
                raise Refusal(Outcome.RATE_LIMITED, words)
            says_nothing = not envelope.code and (not envelope.message or is_passing(envelope.message))
            if says_nothing or envelope.code in _PASSING:
                raise Refusal(Outcome.UNKNOWN, words)
            if not envelope.code or envelope.code == _WRONG_CODE:
                self._doubt(account, words)
            raise Refusal(Outcome.REJECTED, words)
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

    def _code(self, account: Account, now_ns: int) -> Secret:
        secret = account.credentials["totp_token"].reveal().replace(" ", "")
        try:
            code = pyotp.TOTP(secret).at(now_ns // NS_PER_S)
        except (binascii.Error, ValueError, TypeError):
            code = ""
        if not code:
            self._refuse(account, "totp_token is no secret of one-time codes (at least 23 letters A-Z and digits 2-7)")
        return Secret(code)

    def _doubt(self, account: Account, words: str) -> None:
        """A refusal whose cause may be a code that somebody else used: once more with the next one, then never."""
        with account.record.lock:
            account.standing.doubts += 1
            account.record.failed = f"Angel One refuses the login: {words}; it is tried once more, with the next code"
        if account.standing.doubts >= TRIES_MOST:
            self._refuse(account, words)
        raise NextCode(account.record.failed, self._wait_ns(account, self._now_ns()) / NS_PER_S)

    def _refuse(self, account: Account, text: str) -> None:
        account.standing.refused = (
            f"Angel One refuses the login: {text}. It is not tried again with these credentials; correct the file, or "
            "start again once Angel says that the account is open"
        )
        raise NeedsLogin(account.standing.refused)

    def _back_off(self, account: Account, failed: str) -> None:
        """Under the lock of the record."""
        record = account.record
        pause_ns = min(APART_NS << min(record.failures, 20), PAUSE_MOST_NS)
        record.failed = failed
        record.failures += 1
        record.not_before_ns = self._now_ns() + pause_ns


def next_midnight_ns(now_ns: int) -> int:
    """When the day in India ends."""
    day = (now_ns // NS_PER_S + _IST_S) // _DAY_S + 1
    return (day * _DAY_S - _IST_S) * NS_PER_S
