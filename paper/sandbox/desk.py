"""What Kite's servers know and decide, without HTTP: the front of sessions, orders, holdings and market data.

Every method is one request of one account. What Kite refuses raises `KiteError` with its status, name and words.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from config.rates import ChargeRates
from engine.model import InstrumentId, LegId, OrderReport, Quote, TradingSession, instrument_id
from paper.exchange import Exchange
from paper.sandbox import errors, market_rows, sessions
from paper.sandbox.account import Account
from paper.sandbox.book import Book, OnFrame
from paper.sandbox.candles import Candles
from paper.sandbox.errors import refused
from paper.sandbox.limits import Limits
from paper.sandbox.market_rows import Ranges
from paper.sandbox.orders import Orders
from paper.sandbox.portfolio import Portfolio
from paper.sandbox.rows import Json, Tokens
from paper.sandbox.sessions import Sessions, dies_ns
from paper.sandbox.triggers import Triggers

NAMES_MOST: Final[Mapping[str, int]] = {"quote": 500, "ohlc": 1000, "ltp": 1000}
"""Instruments of one request [Kite Connect v3, "Market quotes"]."""


class Desk:
    """The broker.

    Args:
        now_ns: The server's clock.
        on_frame: Takes order updates.
    """

    def __init__(self, now_ns: Callable[[], int], on_frame: OnFrame) -> None:
        self.accounts: dict[str, Account] = {}
        self.sessions = Sessions(self.accounts.values, now_ns)
        self._now_ns = now_ns
        self._book = Book(now_ns, on_frame)
        self.ranges = Ranges()
        "What everything traded at so far."
        self.candles = Candles()
        self.triggers = Triggers(lambda: self.tokens, now_ns)
        self._open: tuple[Exchange, Orders, Portfolio] | None = None

    # Set-up

    def open(self, exchange: Exchange, trading: Sequence[TradingSession], rates: ChargeRates | None) -> None:
        """Trade at this exchange, whose `on_update` is `updated`, in these sessions, at these costs."""
        self._book.tokens = Tokens(exchange.instruments())
        portfolio = Portfolio(exchange, self._book.tokens, self.ranges, rates)
        self._open = exchange, Orders(self._book, exchange, trading, portfolio, self._now_ns), portfolio

    @property
    def exchange(self) -> Exchange:
        """The exchange that is traded at."""
        return self._parts()[0]

    @property
    def placing(self) -> Orders:
        """The order desk."""
        return self._parts()[1]

    @property
    def portfolio(self) -> Portfolio:
        """What everybody holds."""
        return self._parts()[2]

    @property
    def tokens(self) -> Tokens:
        """The instruments' tokens."""
        return self._book.tokens

    def add_account(
        self,
        user_id: str,
        capital_inr: Decimal,
        *,
        enforces_limits: bool = True,
        overnight: Mapping[LegId, int] | None = None,
    ) -> Account:
        """Open an account with an app of its own, logged in."""
        account = Account(
            user_id=user_id,
            api_key=f"key{user_id.lower()}",
            api_secret=f"secret{user_id.lower()}",
            access_token=f"token{user_id.lower()}",
            request_token=f"request{user_id.lower()}",
            token_until_ns=dies_ns(self._now_ns()),
            capital_inr=capital_inr,
            limits=Limits(enforced=enforces_limits),
        )
        self.accounts[user_id] = account
        self.exchange.add_account(user_id, capital_inr, overnight)
        return account

    # What comes from the exchange

    def updated(self, user_id: str, report: OrderReport) -> None:
        """The exchange changed an order."""
        self._book.updated(self.accounts[user_id], report)

    def saw(self, quotes: Sequence[Quote]) -> None:
        """The market moved."""
        self.ranges.see(quotes)
        self.candles.see(quotes)

    def run_due(self, now_ns: int) -> None:
        """What happens by the clock, or follows a price or a fill."""
        self.placing.run_due(now_ns)
        if self.placing.is_open(now_ns):
            self.triggers.run_due(self.accounts.values(), self._last_inr, self.placing.send_triggered)

    def start_day(self, trading: Sequence[TradingSession]) -> None:
        """A new day with these sessions: the book is that of one day."""
        for account in self.accounts.values():
            account.start_day(self.placing.waits)
            funds = self.exchange.funds(account.user_id)
            account.capital_inr = funds.available_inr + (funds.used_inr or 0)
        self.placing.start_day(trading)

    # Requests

    def account_of(self, authorization: str) -> Account:
        """Who sends a request with this header."""
        return self.sessions.account_of(authorization)

    def profile(self, account: Account) -> Json:
        """Who is logged in."""
        return sessions.profile(account)

    def orders(self, account: Account) -> list[Json]:
        """The book: the newest row of every order."""
        found = [entry.rows[-1] for entry in account.entries.values()]
        return found[1::2] + found[::2][::-1] if account.is_unsorted else found

    def history(self, account: Account, order_id: str) -> list[Json]:
        """All rows of an order."""
        return self.placing.entry(account, order_id).rows

    def order_trades(self, account: Account, order_id: str) -> list[Json]:
        """The trades of an order."""
        self.placing.entry(account, order_id)
        return [trade for trade in account.trades if trade["order_id"] == order_id]

    def positions(self, account: Account) -> Json:
        """Net positions, and what was traded today."""
        return self.portfolio.positions(account)

    def quotes(self, names: Sequence[str], kind: str) -> Json:
        """Quotes by `EXCHANGE:SYMBOL`; what is not listed is left out, as Kite does."""
        if len(names) > NAMES_MOST[kind]:
            raise refused(errors.TOO_MANY_NAMES.format(most=NAMES_MOST[kind]))
        found: Json = {}
        for name in names:
            key = instrument_id(*name.split(":", 1)) if ":" in name else None
            quote = None if key is None else self.exchange.newest(key)
            if key is None or quote is None or key not in self.tokens.by_id:
                continue
            found[name] = market_rows.quote_row(quote, self.ranges.of(quote), self.tokens.by_id[key], kind)
        return found

    def historical(self, token: str, interval: str, form: Mapping[str, str]) -> Json:
        """The candles of an instrument, by its token."""
        known = self.tokens.by_token.get(int(token)) if token.isascii() and token.isdecimal() else None
        return self.candles.between(known, interval, form)

    # Inside

    def _last_inr(self, instrument: InstrumentId) -> Decimal | None:
        quote = self.exchange.newest(instrument)
        return None if quote is None else quote.last_inr

    def _parts(self) -> tuple[Exchange, Orders, Portfolio]:
        if self._open is None:
            raise RuntimeError("the desk is not open")
        return self._open
