"""Doctor and logins of all accounts, for whoever shows them: the dashboard and the commands of the same name.

It shows nothing itself and keeps nothing but the day's token: in the credentials file, where a session finds it.
"""

import contextlib
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from brokers.doctor import examine
from brokers.zerodha.login import REDIRECT, Catcher, Login, LoginFailed
from config.credentials import Credentials, load_credentials, save_access_token
from config.limits import PAPER_BROKER
from config.rules import to_ist
from config.schema import Account, Settings
from engine.errors import LockstepError
from engine.findings import Finding

BY_ITSELF: Final = "logs in by itself, with the code of its authenticator secret"


class Talk:
    """One login that waits for a person. `close` it in any case.

    Args:
        account: The account's id.
        login: Its login.
        path: The credentials file that takes the token.
    """

    def __init__(self, account: str, login: Login, path: Path) -> None:
        self.account, self._login, self._path = account, login, path
        self._caught: queue.Queue[str] = queue.Queue()
        self._catcher: Catcher | None = None
        with contextlib.suppress(OSError):  # somebody else listens there: then the address is pasted
            self._catcher = Catcher(self._caught.put)

    @property
    def url(self) -> str:
        """The broker's page where the account's owner logs in."""
        return self._login.url

    @property
    def redirect(self) -> str:
        """Where the app's redirect address may point, so that nothing has to be pasted; '' where nobody listens."""
        return REDIRECT if self._catcher is not None else ""

    def caught(self) -> str | None:
        """What came back to this machine by itself, once; `None` for nothing yet."""
        try:
            return self._caught.get_nowait()
        except queue.Empty:
            return None

    def finish(self, given: str) -> str:
        """Take what was pasted or caught; what came of it, for people.

        Raises:
            LoginFailed: It is no login; the text says why.
            ConfigError: The token cannot be kept.
        """
        save_access_token(self._path, self._login.exchange(given))
        return f"{self.account}: logged in until 06:00 tomorrow; the token is in {self._path}"

    def close(self) -> None:
        """Stop listening."""
        self._login.close()
        if self._catcher is not None:
            self._catcher.close()


class Desk:
    """All accounts of a configuration (a `tui.bridge.AccountDesk`).

    Args:
        settings: The configuration.
        cache: Where instrument files are kept.
        now_ns: The clock.
    """

    def __init__(self, settings: Settings, cache: Path, now_ns: Callable[[], int]) -> None:
        self._settings, self._cache, self._now_ns = settings, cache, now_ns

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts that are at a broker."""
        return tuple(account.id for account in self._real())

    def examine(self) -> Iterator[Finding]:
        """Every check, one after the other; each may take seconds. Sends no order."""
        yield from examine(self._settings, to_ist(self._now_ns()).date(), self._cache, self._now_ns)

    def why_no_login(self, account: str) -> str:
        """Why nothing has to be done, '' when it has: the session lives, or the account logs in by itself.

        Raises:
            LockstepError: It cannot be found out; the text says why.
        """
        credentials = self._credentials(account)
        if credentials.broker != "zerodha":
            return f"{BY_ITSELF}; `doctor` tries it"
        login = Login(credentials, self._settings.brokers.zerodha)
        try:
            is_its_own = credentials.is_of(login.holder(credentials.get("access_token")))
            return "logged in already" if is_its_own else ""
        finally:
            login.close()

    def log_in(self, account: str) -> Talk:
        """Begin a login.

        Raises:
            LoginFailed: The account needs none.
            ConfigError: Its credentials cannot be read.
        """
        credentials = self._credentials(account)
        if credentials.broker != "zerodha":
            raise LoginFailed(f"{account} {BY_ITSELF}; if that fails, correct its credentials file")
        return Talk(account, Login(credentials, self._settings.brokers.zerodha), credentials.path)

    def _real(self) -> list[Account]:
        accounts: list[Account] = [self._settings.master, *self._settings.children]
        return [account for account in accounts if account.broker != PAPER_BROKER]

    def _credentials(self, account: str) -> Credentials:
        for known in self._real():
            if known.id == account:
                return load_credentials(Path(known.credentials or ""), known.broker)
        raise LockstepError(f"no account at a broker is called {account}")
