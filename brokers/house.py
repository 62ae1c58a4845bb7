"""All accounts at real brokers of one run: their lines, lanes, instruments and quotes, and logins that come meanwhile.

It decides nothing and keeps nothing: what it hears goes into the engine's inbox. The SDK of a broker is imported when
an account of it is opened.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from brokers.files import InstrumentFiles
from brokers.introduce import Introducer
from brokers.line import Line, open_line
from brokers.markets import Market, split
from brokers.read_only import ReadOnlyBroker
from brokers.refresh import Refresh, is_settled
from config.credentials import Secret, load_credentials
from config.errors import ConfigError
from config.limits import PAPER_BROKER
from config.schema import Account, Settings
from engine.aside import aside, side_by_side
from engine.errors import ReadFailed
from engine.events import Event, InstrumentsLoaded, LinkChanged, LoggedIn, OrderUpdated
from engine.feed import SharedFeed
from engine.lanes import ThreadLane
from engine.model import DELIVERY_PRODUCTS, NS_PER_S, Basket, Instrument, InstrumentId, OrderReport, Quote

LOOK_EVERY_S: Final = 1.0
RETRY_S: Final = 30.0
CLOSE_S: Final = 10.0
"""How long the end of all accounts together may take; what hangs longer dies with the program."""
FINISH_S: Final = 8.0
"""How long an account's calls are waited for: its connections are to be ended within `CLOSE_S`, too."""
ALIVE_NS: Final = 8 * NS_PER_S
"""A line that was heard so lately lives: Kite beats about once a second, Angel One answers a ping every 5 s."""


class House:
    """Real accounts.

    Args:
        settings: The configuration.
        now_ns: The engine's clock.
        post: The engine's inbox.
        cache: Where a day's instrument files are kept.
        retry_s: Real seconds after which what could not be read is asked for again.
    """

    def __init__(
        self,
        settings: Settings,
        now_ns: Callable[[], int],
        post: Callable[[Event], None],
        cache: Path,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._settings, self._now_ns, self._post, self._retry_s = settings, now_ns, post, retry_s
        self._refresh = Refresh()
        self._introduce = Introducer(post, self._refresh.lack)
        self._master = settings.master.id
        self._brokers = {account.id: account.broker or "" for account in (settings.master, *settings.children)}
        "Whose instrument file is an account's; one that is on paper everywhere goes by the master's."
        self._cache = cache
        self._markets: dict[str, Market] = {}
        self._day: date | None = None
        self._stale_ns = int(settings.paper.quote_stale_s * NS_PER_S)
        self._credentials: dict[str, Path] = {}
        self._clients: dict[str, tuple[str, Secret]] = {}
        self._seen: dict[str, int] = {}
        self._feed: SharedFeed | None = None
        self._subscribed: dict[InstrumentId, None] = {}
        self._wanted: set[str] = set()
        "Accounts on paper that begin with what they really have, which is not known yet."
        self.margins: dict[str, Decimal] = {}
        "What those have, once it was read."
        self._ended = threading.Event()
        self._logged_in, self._asked = threading.Event(), threading.Event()
        "Somebody logged in, for whoever waits for instrument files, and for margins."
        self.lines: dict[str, Line] = {}
        self.lanes: dict[str, ThreadLane] = {}
        self._threads = [
            threading.Thread(target=self._watch, name="house", daemon=True),
            threading.Thread(target=self._ask_margins, name="margins", daemon=True),
        ]

    # Before the engine

    def open(self, accounts: Sequence[Account]) -> None:
        """Make a line for each account.

        Raises:
            ConfigError: Credentials that cannot be read, or two accounts of one client: copies would be copied.
        """
        for account in accounts:
            path = Path(account.credentials or "")
            credentials = load_credentials(path, account.broker)
            owner = next((name for name, client in self._clients.items() if client == credentials.client), "")
            if owner:
                raise ConfigError(str(path), None, "", f"is of the same client as {owner}; an account is given once")
            self._clients[account.id] = credentials.client
            self._brokers[account.id] = credentials.broker
            self._credentials[account.id], self._seen[account.id] = path, _stamp(path)
            self.lines[account.id] = open_line(
                account.id,
                credentials,
                self._settings.brokers,
                self._now_ns,
                self._stale_ns,
                partial(self._has_logged_in, account.id),
                counts_shares=not DELIVERY_PRODUCTS.isdisjoint(self._settings.filters.products),
            )
        self._files = InstrumentFiles(self._cache, {self._brokers[name] for name in self.lines})

    def load_instruments(self, day: date) -> None:
        """Read the day's files, from the disk where they were kept; what cannot be had is tried again and again."""
        self._day = day
        self._refresh.turn_to(day, self._now_ns())
        if not self._load(day):
            aside("instruments", partial(self._retry, day))

    def turn_to(self, day: date) -> None:
        """Another trading day: its files are read as soon as they can be had."""
        self._day = day
        self._refresh.turn_to(day, self._now_ns())
        self._markets = {}
        if self._feed is not None:
            self._feed.forget()
        self._introduce.close()
        self._logged_in.clear()
        aside("instruments", partial(self._begin, day))

    def files_of(self, carried: Sequence[InstrumentId]) -> tuple[InstrumentsLoaded, ...] | None:
        """Today's instruments of what is open from before, the common file last; `None` while no file is there."""
        found = self._introduce.take(carried, self._now_ns())
        return found if self._markets else None

    def instrument(self, account: str, name: InstrumentId) -> Instrument | str:
        """An instrument as an account's broker lists it today; a text says why there is none."""
        market = self._market_of(account)
        if market is None or market.day != self._day:
            return "the instrument file of the day is not there yet"
        listing = market.look_up(name)
        return listing if isinstance(listing, str) else listing.instrument

    def capital_of(self, account: Account) -> Decimal | None:
        """What an account begins with on paper: what is configured, else what it really has; `None` while unknown."""
        given = account.capital_inr if account.paper_capital_inr is None else account.paper_capital_inr
        return self.margins.get(account.id) if given is None else given

    def connect(self, feed: SharedFeed, live: Collection[str]) -> Mapping[str, ThreadLane]:
        """Lanes of the master and of who trades live; updates and quotes from now on.

        Args:
            feed: Where quotes go; the master's line delivers them.
            live: The children whose orders go to their brokers.
        """
        self._feed = feed
        for name, line in self.lines.items():
            if name != self._master and name not in live:
                continue
            broker = ReadOnlyBroker(line.broker) if name == self._master else line.broker
            self.lanes[name] = ThreadLane(broker, self._introduce, self._now_ns)
            quotes = self._quotes if name == self._master else _no_quotes
            line.listen(self._listener(name), quotes, partial(self._link_changed, name))
        for thread in self._threads:
            thread.start()
        return self.lanes

    def _link_changed(self, account: str, connected: bool, why: str) -> None:
        self._post(LinkChanged(at_ns=self._now_ns(), account=account, connected=connected, why=why))

    def want_margin(self, account: str) -> None:
        """Find out what this account has: it begins with it on paper."""
        self._wanted.add(account)

    def basket_margin(self, basket: Basket) -> Decimal | None:
        """What a basket would block at its broker; `None` for accounts on paper. Raises `ReadFailed`."""
        account = basket.account
        return self.lines[account].basket_margin(basket) if account in self.lanes else None

    def subscribe(self, instruments: Sequence[InstrumentId]) -> None:
        """Have the master's line deliver quotes of these, as soon as it is known what they are."""
        self._subscribed.update(dict.fromkeys(instruments))
        if (market := self._market_of(self._master)) is not None:
            found, _ = split(market, instruments)
            self.lines[self._master].subscribe(found)

    def close(self) -> None:
        """Finish what is under way, then end every connection; an account that hangs delays no other's end."""
        self._ended.set()
        self._logged_in.set()
        self._asked.set()
        side_by_side("close", [partial(self._end, name) for name in self.lines], CLOSE_S)

    def _end(self, name: str) -> None:
        if (lane := self.lanes.get(name)) is not None:
            lane.close(FINISH_S)
        self.lines[name].close()

    # Instruments

    def _market_of(self, account: str) -> Market | None:
        broker = self._brokers[account]
        return self._markets.get(self._brokers[self._master] if broker == PAPER_BROKER else broker)

    def _open_markets(self, markets: dict[str, Market]) -> None:
        self._markets = markets
        self._refresh.filled()
        common = self._brokers[self._master]
        for name, line in self.lines.items():
            if (market := markets.get(self._brokers[name])) is not None:
                line.use(market)
        if common not in markets:
            return  # nothing that the master trades can be named
        others = {
            account: markets[broker]
            for account, broker in self._brokers.items()
            if account != self._master and broker != common and broker in markets
        }
        self._introduce.open(markets[common], self._now_ns(), others)
        self.subscribe(list(self._subscribed))

    def _load(self, day: date, *, anew: bool = False) -> bool:
        """Read what can be had, and open it; whether that was everything."""
        known, is_late = self._markets, is_settled(day, self._now_ns())
        markets, fresh = self._files.load(day, self._dump, known, keeps=is_late, anew=anew)
        if day == self._day and (anew or markets != known):
            if is_late and fresh >= set(self._files.brokers):
                self._refresh.settled()
            self._open_markets(markets)
        return set(markets) >= set(self._files.brokers)

    def _begin(self, day: date) -> None:
        if not self._load(day):
            self._retry(day)

    def _retry(self, day: date) -> None:
        """A file could not be had: wait and read on, until every one is there."""
        while True:
            self._logged_in.wait(self._retry_s)  # a login may be what was missing
            self._logged_in.clear()
            if self._ended.is_set() or day != self._day or self._load(day):
                return

    def _dump(self, broker: str) -> str:
        """A broker's file, by the first of its accounts that can ask for it."""
        failure = ReadFailed(f"the instrument file of {broker}: no account can ask for it")
        for name, line in self.lines.items():
            if self._brokers[name] == broker:
                try:
                    return line.dump()
                except ReadFailed as error:
                    failure = error
        raise failure

    def _refresh_if_due(self) -> None:
        day = self._day
        if day is not None and self._markets and self._refresh.begins(self._now_ns()):
            aside("instruments", partial(self._load, day, anew=True))

    # On other threads

    def _listener(self, account: str) -> Callable[[OrderReport], None]:
        return lambda report: self._introduce(OrderUpdated(at_ns=self._now_ns(), account=account, report=report))

    def _quotes(self, quotes: Sequence[Quote]) -> None:
        if self._feed is not None:
            self._feed.offer(quotes, self._now_ns())

    def _watch(self) -> None:
        """Quotes that hold because their line lives, and tokens that somebody wrote into a credentials file."""
        while not self._ended.wait(LOOK_EVERY_S):
            line = self.lines[self._master]
            linked_ns, alive_ns = line.linked_ns, line.alive_ns
            if self._feed is not None and linked_ns and self._now_ns() - alive_ns < ALIVE_NS:
                self._feed.renew(linked_ns, alive_ns, self._stale_ns)
            self._refresh_if_due()
            for name, path in self._credentials.items():
                if (stamp := _stamp(path)) != self._seen[name]:
                    self._seen[name] = stamp
                    self._log_in(name, path)

    def _log_in(self, name: str, path: Path) -> None:
        try:
            credentials = load_credentials(path)
        except ConfigError:
            return  # half written, or wrong: the next change is looked at again
        if credentials.client != self._clients[name]:
            return  # somebody else's keys: what is open here is not theirs
        self.lines[name].log_in(credentials)
        self._has_logged_in(name)

    def _has_logged_in(self, name: str) -> None:
        self._logged_in.set()
        self._asked.set()
        if name in self.lanes:
            self._post(LoggedIn(at_ns=self._now_ns(), account=name))

    def _ask_margins(self) -> None:
        """Read what the accounts on paper really have, each until it is known."""
        while not self._ended.is_set() and not self._wanted <= set(self.margins):
            for name in sorted(self._wanted - set(self.margins)):
                with contextlib.suppress(ReadFailed):
                    self.margins[name] = self.lines[name].broker.funds().available_inr
            self._asked.wait(self._retry_s)
            self._asked.clear()


def _no_quotes(_quotes: Sequence[Quote]) -> None:
    """Only the master's line delivers quotes."""


def _stamp(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - one call for one number
    except OSError:
        return 0
