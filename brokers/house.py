"""All accounts at real brokers of one run: their lines, lanes, instruments and quotes, and logins that come meanwhile.

It decides nothing and keeps nothing: what it hears goes into the engine's inbox. The SDK of a broker is imported when
an account of it is opened.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from brokers.catalogue import Catalogue
from brokers.errors import Malformed
from brokers.introduce import Introducer
from brokers.line import Line
from config.credentials import Credentials, load_credentials
from config.errors import ConfigError
from config.schema import Account, Settings
from engine.errors import ReadFailed
from engine.events import AccountRead, Event, LoggedIn, OrderUpdated
from engine.feed import SharedFeed
from engine.lanes import ThreadLane
from engine.model import NS_PER_S, Instrument, InstrumentId, OrderReport, Quote

LOOK_EVERY_S: Final = 1.0
REFRESH_NS: Final = 300 * NS_PER_S
"""An instrument that is unknown makes the dump be read anew, at most so often: strikes are added during the day."""
RETRY_S: Final = 30.0
CLOSE_S: Final = 10.0


class House:
    """Real accounts.

    Args:
        settings: The configuration.
        now_ns: The engine's clock.
        post: The engine's inbox.
        cache: Where a day's instrument dump is kept.
        feed: Where quotes go; the master's line delivers them.
    """

    def __init__(
        self, settings: Settings, now_ns: Callable[[], int], post: Callable[[Event], None], cache: Path
    ) -> None:
        self._settings, self._now_ns, self._cache = settings, now_ns, cache
        self._introduce = Introducer(post, self._missing)
        self._post = post
        self._master = settings.master.id
        self._stale_ns = int(settings.paper.quote_stale_s * NS_PER_S)
        self._files: dict[str, Path] = {}
        self._seen: dict[str, int] = {}
        self._catalogue: Catalogue | None = None
        self._refreshed_ns = 0
        self._feed: SharedFeed | None = None
        self._ended = threading.Event()
        self._wake = threading.Event()
        self.lines: dict[str, Line] = {}
        self.lanes: dict[str, ThreadLane] = {}
        self._watcher = threading.Thread(target=self._watch, name="house", daemon=True)

    def open(self, accounts: Sequence[Account]) -> None:
        """Make a line for each account.

        Raises:
            ConfigError: Credentials that cannot be read.
        """
        for account in accounts:
            path = Path(account.credentials or "")
            credentials = load_credentials(path, account.broker)
            self._files[account.id], self._seen[account.id] = path, _stamp(path)
            self.lines[account.id] = self._line(account, credentials)

    def _line(self, account: Account, credentials: Credentials) -> Line:
        if credentials.broker != "zerodha":
            raise ConfigError(credentials.path, None, "", f"accounts at {credentials.broker} cannot be connected yet")
        from brokers.zerodha.line import ZerodhaLine

        return ZerodhaLine(account.id, credentials, self._settings.brokers.zerodha, self._now_ns, self._stale_ns)

    def load_instruments(self, day: date) -> None:
        """Read the day's dump, from the disk where it was kept.

        Raises:
            ReadFailed: It cannot be had.
        """
        kept = self._cache / f"zerodha-{day.isoformat()}.csv"
        try:
            self._catalogue = Catalogue(kept.read_text("utf-8"), day)
        except (OSError, UnicodeDecodeError, Malformed):
            self._fetch(day)
        if self._catalogue is not None:
            self._introduce.open(self._catalogue, self._now_ns())

    def turn_to(self, day: date) -> None:
        """Another trading day: its dump is read as soon as it can be had."""
        threading.Thread(target=self._turn, args=(day,), name="instruments", daemon=True).start()

    def _turn(self, day: date) -> None:
        while not self._ended.is_set():
            try:
                self.load_instruments(day)
                break
            except ReadFailed:
                self._ended.wait(RETRY_S)

    def instruments_of(self, carried: Sequence[InstrumentId]) -> tuple[Instrument, ...]:
        """Today's instruments of what is open from before: the engine is started with them."""
        return self._introduce.take(carried)

    def connect(self, feed: SharedFeed) -> Mapping[str, ThreadLane]:
        """Lanes for a process that starts, and updates and quotes from now on."""
        self._feed = feed
        self.lanes = {name: ThreadLane(line.broker, self._heard, self._now_ns) for name, line in self.lines.items()}
        for name, line in self.lines.items():
            quotes = self._quotes if name == self._master else _no_quotes
            line.listen(self._listener(name), quotes, lambda _connected, _why: None)
        self._watcher.start()
        return self.lanes

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        """Have the master's line deliver quotes of these."""
        if self._catalogue is not None:
            self.lines[self._master].subscribe(list(self._catalogue.find_all(instruments)))

    def close(self) -> None:
        """Finish what is under way, then end every connection."""
        self._ended.set()
        self._wake.set()
        for lane in self.lanes.values():
            lane.close(CLOSE_S / max(1, len(self.lanes)))
        for line in self.lines.values():
            line.close()

    # On other threads

    def _listener(self, account: str) -> Callable[[OrderReport], None]:
        return lambda report: self._introduce(OrderUpdated(at_ns=self._now_ns(), account=account, report=report))

    def _heard(self, event: Event) -> None:
        if isinstance(event, AccountRead) and event.needs_login:
            self._wake.set()
        self._introduce(event)

    def _quotes(self, quotes: Sequence[Quote]) -> None:
        if self._feed is not None:
            self._feed.offer(quotes, self._now_ns())

    def _missing(self, _names: frozenset[InstrumentId]) -> None:
        if self._now_ns() - self._refreshed_ns >= REFRESH_NS:
            self._refreshed_ns = self._now_ns()
            threading.Thread(target=self._refresh, name="instruments", daemon=True).start()

    def _refresh(self) -> None:
        """Read the dump anew; where that fails the old one is kept, and the next unknown instrument asks again."""
        catalogue = self._catalogue
        if catalogue is None:
            return
        try:
            self._fetch(catalogue.day)
        except ReadFailed:
            return
        if self._catalogue is not None:
            self._introduce.open(self._catalogue, self._now_ns())

    def _watch(self) -> None:
        """Quotes that hold because their line lives, and tokens that somebody wrote into a credentials file."""
        while not self._ended.wait(LOOK_EVERY_S):
            alive_ns = self.lines[self._master].alive_ns
            if self._feed is not None and self._now_ns() - alive_ns < 3 * NS_PER_S:
                self._feed.renew(alive_ns, self._stale_ns)
            for name, path in self._files.items():
                if (stamp := _stamp(path)) != self._seen[name]:
                    self._seen[name] = stamp
                    self._log_in(name, path)

    def _log_in(self, name: str, path: Path) -> None:
        try:
            credentials = load_credentials(path)
        except ConfigError:
            return  # half written, or wrong: the next change is looked at again
        self.lines[name].log_in(credentials)
        self._post(LoggedIn(at_ns=self._now_ns(), account=name))

    def _fetch(self, day: date) -> None:
        failure: ReadFailed | None = None
        for line in self.lines.values():
            try:
                text = line.dump()
                self._catalogue = Catalogue(text, day)
            except (ReadFailed, Malformed) as error:
                failure = ReadFailed(str(error))
                continue
            self._keep(text, day)
            return
        raise failure or ReadFailed("the instrument file: no account can ask for it")

    def _keep(self, text: str, day: date) -> None:
        """Keep the dump for the next start of the day; a full disk costs only that."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._cache, delete=False, encoding="utf-8") as file:
                file.write(text)
            Path(file.name).replace(self._cache / f"zerodha-{day.isoformat()}.csv")
        except OSError:
            return


def _no_quotes(_quotes: Sequence[Quote]) -> None:
    """Only the master's line delivers quotes."""


def _stamp(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - one call for one number
    except OSError:
        return 0
