"""What Angel's servers know and decide, without HTTP: sessions, orders with their varieties, books, funds."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import pyotp

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core.margin import MarginPosition, portfolio_margin
from engine.events import Outcome
from engine.model import (
    BookStatus,
    InstrumentId,
    LegId,
    OrderReport,
    OrderType,
    Side,
    Validity,
    instrument_id,
    is_delivery,
)
from engine.ports import Answer
from paper.exchange import Exchange
from tests.contract import angel_rows as rows
from tests.contract.angel_rows import Json

PRODUCTS = {theirs: ours for ours, theirs in rows.PRODUCTS.items()}
ORDER_TYPES = {theirs: ours for ours, theirs in rows.ORDER_TYPES.items()}
VARIETIES = ("NORMAL", "STOPLOSS", "ROBO")
STOPS = (OrderType.SL, OrderType.SL_M)
WRONG_LOGINS_MOST = 3
CHANGE_FIELDS = (
    "variety", "orderid", "ordertype", "producttype", "duration", "price", "quantity", "tradingsymbol", "symboltoken",
    "exchange",
)  # fmt: skip


class AngelError(Exception):
    """A refusal; `is_gateway` chooses between Angel's two shapes."""

    def __init__(self, code: str, message: str, *, is_gateway: bool = False) -> None:
        super().__init__(message)
        self.code, self.is_gateway = code, is_gateway


@dataclass(slots=True)
class Account:
    """One client."""

    user: str
    api_key: str
    pin: str
    totp_secret: str
    jwt: str = ""
    feed: str = ""
    ip_allowed: bool = True
    logins: int = 0
    wrong_logins: int = 0
    varieties: dict[str, str] = field(default_factory=dict)
    known: dict[str, OrderReport] = field(default_factory=dict)
    trades: list[Json] = field(default_factory=list)


class Desk:
    """The broker.

    Args:
        now_ns: The server's clock.
        on_frame: Takes order updates: the user, and the frame.
    """

    def __init__(self, now_ns: Callable[[], int], on_frame: Callable[[str, Json], None]) -> None:
        self._now_ns, self._on_frame = now_ns, on_frame
        self.accounts: dict[str, Account] = {}
        self.scrips: dict[InstrumentId, Json] = {}
        self._trades = itertools.count(1)
        self.exchange: Exchange

    def open(self, exchange: Exchange) -> None:
        """Trade at this exchange."""
        self.exchange = exchange
        for number, instrument in enumerate(exchange.instruments(), start=rows.FIRST_TOKEN):
            self.scrips[instrument.id] = rows.scrip_row(instrument, str(number))

    def add_account(self, user: str, capital_inr: Decimal, overnight: Mapping[LegId, int] | None = None) -> Account:
        """Open an account."""
        account = Account(user=user, api_key=f"key{user}", pin="4711", totp_secret=pyotp.random_base32())
        self.accounts[user] = account
        self.exchange.add_account(user, capital_inr, overnight)
        return account

    def updated(self, user: str, report: OrderReport) -> None:
        """The exchange changed an order: trades, and an update to whoever listens."""
        account = self.accounts[user]
        before = account.known.get(report.order_id)
        account.known[report.order_id] = report
        scrip = self.scrips[report.instrument]
        variety = account.varieties.setdefault(report.order_id, "STOPLOSS" if report.order_type in STOPS else "NORMAL")
        row = rows.order_row(report, scrip, variety)
        if before is None and report.status is not BookStatus.REJECTED:
            early = row | {"status": rows.PENDING[0], "orderstatus": rows.PENDING[0]}
            early |= {"filledshares": "0", "unfilledshares": row["quantity"], "averageprice": "0", "exchtime": ""}
            self._on_frame(user, rows.frame(user, early, rows.PENDING[1]))
        units = report.filled - (0 if before is None else before.filled)
        if units > 0:
            price = report.average_price_inr or Decimal(0)
            account.trades.append(rows.trade_row(report, scrip, next(self._trades), units, price))
        self._on_frame(user, rows.frame(user, row, rows.STATUSES[report.status][1]))

    # Sessions

    def log_in(self, api_key: str, body: Mapping[str, object]) -> Json:
        """PIN and code for tokens; three wrong ones close the account."""
        account = self.accounts.get(str(body.get("clientcode")))
        if account is None or account.api_key != api_key:
            raise AngelError("AB1000", "Invalid username or password")
        account.logins += 1
        if account.wrong_logins >= WRONG_LOGINS_MOST:
            raise AngelError("AB1006", "Client is blocked for trading")
        if body.get("password") != account.pin:
            account.wrong_logins += 1
            raise AngelError("AB1000", "Invalid username or password")
        if not pyotp.TOTP(account.totp_secret).verify(str(body.get("totp")), for_time=self._now_ns() // 1_000_000_000):
            account.wrong_logins += 1
            raise AngelError("AB1050", "Invalid totp")
        account.jwt, account.feed = f"jwt.{account.user}.{account.logins}", f"feed.{account.user}.{account.logins}"
        return {"jwtToken": account.jwt, "refreshToken": f"refresh.{account.user}", "feedToken": account.feed}

    def account_of(self, authorization: str, api_key: str | None = None) -> Account:
        """Who sends a request with this header."""
        for account in self.accounts.values():
            if account.jwt and authorization == f"Bearer {account.jwt}" and api_key in (None, account.api_key):
                return account
        raise AngelError("AG8001", "Invalid Token", is_gateway=True)

    def profile(self, account: Account) -> Json:
        """Who is logged in."""
        return {"clientcode": account.user, "name": "A NAME", "email": "", "exchanges": ["NSE", "NFO", "BFO"],
                "products": ["DELIVERY", "INTRADAY", "CARRYFORWARD"], "brokerid": "B2C"}  # fmt: skip

    # Orders

    def place(self, account: Account, body: Mapping[str, object]) -> Json:
        """Place an order."""
        self._check_address(account)
        order_type = _member(ORDER_TYPES, body, "ordertype")
        self._check_variety(body, order_type)
        if len(tag := str(body.get("ordertag", ""))) > 19:
            raise AngelError("AB4008", "ordertag length should be less than 20 characters")
        order = PlaceOrder(
            account=account.user,
            tag=tag,
            exchange=str(body.get("exchange")),
            symbol=self._symbol(body),
            product=_member(PRODUCTS, body, "producttype"),
            side=Side(str(body.get("transactiontype"))),
            quantity=int(str(body.get("quantity"))),
            order_type=order_type,
            price_inr=_price(body, "price"),
            trigger_price_inr=_price(body, "triggerprice"),
            validity=Validity(str(body.get("duration"))),
        )
        order_id = rows.angel_id(_accepted(self.exchange.place(order, self._now_ns())))
        return {"script": body["tradingsymbol"], "orderid": order_id, "uniqueorderid": f"u{order_id}"}

    def modify(self, account: Account, body: Mapping[str, object]) -> Json:
        """Change an open order; Angel wants most of it again."""
        self._check_address(account)
        if missing := [name for name in CHANGE_FIELDS if not body.get(name)]:
            raise AngelError("AB4008", f"{missing[0]} is missing")
        report = self._known(account, body)
        if report.instrument != instrument_id(str(body["exchange"]), self._symbol(body)):
            raise AngelError("AB1009", "Symbol Not Found")
        change = ModifyOrder(
            account=account.user,
            tag="",
            order_id=report.order_id,
            order_type=_member(ORDER_TYPES, body, "ordertype"),
            quantity=int(str(body["quantity"])),
            price_inr=_price(body, "price"),
            trigger_price_inr=_price(body, "triggerprice"),
        )
        _accepted(self.exchange.modify(change, self._now_ns()))
        return {"orderid": body["orderid"], "uniqueorderid": f"u{body['orderid']}"}

    def cancel(self, account: Account, body: Mapping[str, object]) -> Json:
        """Cancel an open order."""
        self._check_address(account)
        report = self._known(account, body)
        _accepted(
            self.exchange.cancel(CancelOrder(account=account.user, tag="", order_id=report.order_id), self._now_ns())
        )
        return {"orderid": body["orderid"], "uniqueorderid": f"u{body['orderid']}"}

    def orders(self, account: Account) -> Sequence[Json]:
        """The book."""
        return [
            rows.order_row(report, self.scrips[report.instrument], account.varieties[report.order_id])
            for report in account.known.values()
        ]

    def details(self, account: Account, unique_id: str) -> Json:
        """One order by its further id."""
        for row in self.orders(account):
            if row["uniqueorderid"] == unique_id:
                return row
        raise AngelError("AB1013", "Order not found")

    def positions(self, account: Account) -> Sequence[Json]:
        """What is held and what was; of shares, what was traded of them today."""
        found = [position for one in self.exchange.positions(account.user) if (position := rows.of_today(one))]
        return [rows.position_row(p, self.scrips[instrument_id(p.exchange, p.symbol)]) for p in found]

    def holdings(self, account: Account) -> Sequence[Json]:
        """The shares of earlier days."""
        found = self.exchange.positions(account.user)
        return [
            rows.holding_row(p, self.scrips[instrument_id(p.exchange, p.symbol)])
            for p in found
            if is_delivery(p.leg) and p.overnight_units
        ]

    def quotes(self, _account: Account, body: Mapping[str, Any]) -> Json:
        """Full quotes of up to 50 tokens, prices in rupees."""
        fetched, unfetched = [], []
        for exchange, tokens in body["exchangeTokens"].items():
            for token in tokens:
                found = [n for n, s in self.scrips.items() if (s["exch_seg"], s["token"]) == (exchange, token)]
                quote = self.exchange.newest(found[0]) if found else None
                if quote is None:
                    unfetched.append(rows.unfetched_row(exchange, token))
                else:
                    fetched.append(rows.quote_row(quote, self.scrips[found[0]]))
        return {"fetched": fetched, "unfetched": unfetched}

    def basket_margin(self, _account: Account, body: Mapping[str, Any]) -> Json:
        """What positions would block together; what the account holds does not count."""
        rows_by_token = {scrip["token"]: name for name, scrip in self.scrips.items()}
        listed = {instrument.id: instrument for instrument in self.exchange.instruments()}
        found = []
        for row in body["positions"]:
            instrument = listed[rows_by_token[row["token"]]]
            quote = self.exchange.newest(instrument.id)
            price = (quote.last_inr if quote else None) or instrument.tick_inr
            units = int(row["qty"]) * (1 if row["tradeType"] == "BUY" else -1)
            found.append(MarginPosition(instrument=instrument, units=units, price_inr=price))
        return {"totalMarginRequired": float(portfolio_margin(found, {})), "marginComponents": {"spanMargin": 0}}

    def _known(self, account: Account, body: Mapping[str, object]) -> OrderReport:
        report = account.known.get(f"{rows.PREFIX}{body.get('orderid')}")
        if report is None:
            raise AngelError("AB1013", "Order not found")
        if body.get("variety") != account.varieties[report.order_id]:
            raise AngelError("AB1008", "Invalid Order Variety. Value should be NORMAL, STOPLOSS, ROBO")
        return report

    def _symbol(self, body: Mapping[str, object]) -> str:
        """Symbol and token must both be those of one scrip."""
        for name, scrip in self.scrips.items():
            if scrip["symbol"] == body.get("tradingsymbol") and scrip["token"] == body.get("symboltoken"):
                return name.split(":", 1)[1]
        raise AngelError("AB1009", "Symbol Not Found")

    def _check_variety(self, body: Mapping[str, object], order_type: OrderType) -> None:
        variety = body.get("variety")
        if variety not in VARIETIES or (variety == "STOPLOSS") != (order_type in STOPS):
            raise AngelError("AB1008", "Invalid Order Variety. Value should be NORMAL, STOPLOSS, ROBO")

    def _check_address(self, account: Account) -> None:
        if not account.ip_allowed:
            text = "Access denied: Unregistered IP address. Register your IP before retrying."
            raise AngelError("AG7002", text, is_gateway=True)


def _accepted(answer: Answer) -> str:
    """Which of Angel's codes stands beside which refusal is not documented; those of its own checks are AB40.."""
    if answer.outcome is not Outcome.ACKED:
        raise AngelError("AB4008", answer.reason)
    return answer.order_id


def _member(table: Mapping[str, Any], body: Mapping[str, object], name: str) -> Any:
    if (found := table.get(str(body.get(name)))) is None:
        raise AngelError("AB1012", f"Invalid {name}")
    return found


def _price(body: Mapping[str, object], name: str) -> Decimal | None:
    try:
        return Decimal(str(body.get(name) or "0")) or None
    except InvalidOperation:
        raise AngelError("AB4008", f"{name} is no number") from None
