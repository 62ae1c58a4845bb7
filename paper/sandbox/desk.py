"""What Kite's servers know and decide, without HTTP: sessions, orders with their history, books, funds, instruments.

Every method is one request of one account. What Kite refuses raises `KiteError` with its status, name and words.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.core.margin import MarginPosition, order_margin
from engine.events import Outcome
from engine.model import (
    BookStatus,
    Instrument,
    InstrumentId,
    OrderReport,
    OrderType,
    Quote,
    Side,
    Validity,
    instrument_id,
    split_leg,
)
from engine.ports import Answer
from paper.exchange import Exchange
from paper.sandbox import rows
from paper.sandbox.limits import Limits
from paper.sandbox.rows import Json, Tokens

INPUT, ORDER, TOKEN, PERMISSION, NETWORK, MARGIN, GENERAL, DATA = (
    "InputException",
    "OrderException",
    "TokenException",
    "PermissionException",
    "NetworkException",
    "MarginException",
    "GeneralException",
    "DataException",
)
NO_PROTECTION: Final = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
NO_SL_M: Final = "SL-M orders are not allowed for options. Use SL orders instead."
WRONG_TOKEN: Final = "Incorrect `api_key` or `access_token`."  # noqa: S105 - a message
INTERIM: Final = ("PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING")
PROTECTED: Final = (OrderType.MARKET, OrderType.SL_M)
E = TypeVar("E", bound=StrEnum)
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,20}")


class KiteError(Exception):
    """An error answer."""

    def __init__(self, status: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error_type = status, error_type


@dataclass(slots=True)
class Account:
    """One client of the broker and the app that he uses."""

    user_id: str
    api_key: str
    api_secret: str
    access_token: str = ""
    request_token: str = ""
    ip_allowed: bool = True
    capital_inr: Decimal = Decimal(0)
    limits: Limits = field(default_factory=Limits)
    history: dict[str, list[Json]] = field(default_factory=dict)
    "Every row of every order, the oldest first."
    trades: list[Json] = field(default_factory=list)


OnFrame = Callable[[str, Json], None]
"""(account, row): an order update for whoever listens to the account."""


class Desk:
    """The broker.

    Args:
        exchange: Where orders are matched; its `on_update` must be `updated`.
        now_ns: The server's clock.
        on_frame: Takes order updates.
    """

    def __init__(self, now_ns: Callable[[], int], on_frame: OnFrame) -> None:
        self.accounts: dict[str, Account] = {}
        self._now_ns, self._on_frame = now_ns, on_frame
        self._exchange: Exchange | None = None
        self.tokens = Tokens(())
        self._listed: dict[InstrumentId, Instrument] = {}
        self._trade_numbers = itertools.count(1)
        self._logins = itertools.count(1)

    # Set-up

    def open(self, exchange: Exchange) -> None:
        """Trade at this exchange."""
        self._exchange = exchange
        self.tokens = Tokens(exchange.instruments())
        self._listed = {instrument.id: instrument for instrument in exchange.instruments()}

    @property
    def exchange(self) -> Exchange:
        """The exchange that is traded at."""
        if self._exchange is None:
            raise RuntimeError("the desk is not open")
        return self._exchange

    def add_account(self, user_id: str, capital_inr: Decimal, *, enforces_limits: bool = True) -> Account:
        """Open an account with an app of its own, logged in."""
        account = Account(
            user_id=user_id,
            api_key=f"key{user_id.lower()}",
            api_secret=f"secret{user_id.lower()}",
            access_token=f"token{user_id.lower()}",
            request_token=f"request{user_id.lower()}",
            capital_inr=capital_inr,
            limits=Limits(enforced=enforces_limits),
        )
        self.accounts[user_id] = account
        self.exchange.add_account(user_id, capital_inr)
        return account

    def updated(self, user_id: str, report: OrderReport) -> None:
        """The exchange changed an order: history, trades, and an update to whoever listens."""
        account = self.accounts[user_id]
        past = account.history.setdefault(report.order_id, [])
        token = self.tokens.by_id.get(report.instrument, 0)
        if not past and report.status is not BookStatus.REJECTED:
            past += [rows.order_row(report, user_id, token, status=interim) for interim in INTERIM]
        row = rows.order_row(report, user_id, token)
        before = past[-1] if past else None
        past.append(row)
        filled_before = 0 if before is None else before["filled_quantity"]
        if report.filled > filled_before:
            total = (report.average_price_inr or Decimal(0)) * report.filled
            past_trades = self.order_trades(account, row["order_id"])
            known = sum((trade["average_price"] * trade["quantity"] for trade in past_trades), Decimal(0))
            units = report.filled - filled_before
            number = next(self._trade_numbers)
            price = ((total - known) / units).quantize(Decimal("0.0001"))
            account.trades.append(rows.trade_row(report, number, units, price, token))
        self._push(user_id, report, row, before)

    def _push(self, user_id: str, report: OrderReport, row: Json, before: Json | None) -> None:
        """Kite pushes trades, ends and changes; that an order was merely opened it does not push."""
        is_new = before is None or before["status"] in INTERIM
        if is_new and report.status in (BookStatus.OPEN, BookStatus.TRIGGER_PENDING) and not report.filled:
            return
        is_update = report.status is BookStatus.OPEN and (report.filled or not is_new)
        frame = row | {"user_id": user_id, "unfilled_quantity": report.quantity - report.filled, "app_id": 1}
        self._on_frame(user_id, frame | {"status": "UPDATE"} if is_update else frame)

    # Sessions

    def account_of(self, authorization: str) -> Account:
        """Who sends a request with this header."""
        kind, _, pair = authorization.partition(" ")
        api_key, _, token = pair.partition(":")
        for account in self.accounts.values():
            if kind == "token" and account.api_key == api_key and account.access_token == token and token:
                return account
        raise KiteError(403, TOKEN, WRONG_TOKEN)

    def start_session(self, form: Mapping[str, str]) -> Json:
        """Exchange a request token for the day's access token."""
        account = next((a for a in self.accounts.values() if a.api_key == form.get("api_key")), None)
        given = form.get("request_token", "")
        if account is None or not given or given != account.request_token:
            raise KiteError(403, TOKEN, "Token is invalid or has expired.")
        text = f"{account.api_key}{given}{account.api_secret}"
        if hashlib.sha256(text.encode()).hexdigest() != form.get("checksum"):
            raise KiteError(403, TOKEN, "Invalid `checksum`.")
        number = next(self._logins)
        account.request_token = f"request{account.user_id.lower()}{number}"
        account.access_token = f"token{account.user_id.lower()}{number}"
        return self.profile(account) | {
            "api_key": account.api_key,
            "access_token": account.access_token,
            "public_token": f"public{account.user_id.lower()}",
            "refresh_token": "",
            "enctoken": "",
            "login_time": rows.stamp(self._now_ns()),
        }

    def end_session(self, form: Mapping[str, str]) -> bool:
        """Kill an access token."""
        for account in self.accounts.values():
            if account.access_token and account.access_token == form.get("access_token"):
                account.access_token = ""
        return True

    def profile(self, account: Account) -> Json:
        """Who is logged in."""
        return {
            "user_id": account.user_id,
            "user_type": "individual",
            "email": "",
            "user_name": account.user_id,
            "user_shortname": account.user_id,
            "broker": "ZERODHA",
            "exchanges": ["NFO", "BFO", "NSE", "BSE", "MCX"],
            "products": ["CNC", "NRML", "MIS"],
            "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
            "avatar_url": None,
            "meta": {"demat_consent": "consent"},
        }

    # Orders

    def place(self, account: Account, variety: str, form: Mapping[str, str]) -> Json:
        """Place an order."""
        self._count(account, places=True)
        self._check_address(account)
        if variety != "regular":
            raise KiteError(400, INPUT, f"Orders of the variety {variety} are not taken here.")
        order = self._order_of(account, form)
        instrument = self._listed.get(instrument_id(order.exchange, order.symbol))
        if order.order_type is OrderType.SL_M and instrument is not None and instrument.is_option:
            raise KiteError(400, INPUT, NO_SL_M)
        self._check_protection(order.order_type, form)
        answer = self.exchange.place(order, self._now_ns())
        return {"order_id": rows.kite_id(_accepted(answer))}

    def modify(self, account: Account, order_id: str, form: Mapping[str, str]) -> Json:
        """Change an open order."""
        self._count(account, places=False)
        self._check_address(account)
        kind = form.get("order_type")
        order_type = None if kind is None else _member(OrderType, kind, "order_type")
        if order_type is not None:
            self._check_protection(order_type, form)
        change = ModifyOrder(
            account=account.user_id,
            tag="",
            order_id=rows.exchange_id(order_id),
            order_type=order_type,
            quantity=_number(form, "quantity"),
            price_inr=_price(form, "price"),
            trigger_price_inr=_price(form, "trigger_price"),
        )
        _accepted(self.exchange.modify(change, self._now_ns()))
        return {"order_id": order_id}

    def cancel(self, account: Account, order_id: str) -> Json:
        """Cancel an open order."""
        self._count(account, places=False)
        self._check_address(account)
        order = CancelOrder(account=account.user_id, tag="", order_id=rows.exchange_id(order_id))
        _accepted(self.exchange.cancel(order, self._now_ns()))
        return {"order_id": order_id}

    def orders(self, account: Account) -> list[Json]:
        """The book: the newest row of every order."""
        return [past[-1] for past in account.history.values()]

    def history(self, account: Account, order_id: str) -> list[Json]:
        """All rows of an order."""
        past = account.history.get(rows.exchange_id(order_id))
        if past is None:
            raise KiteError(400, INPUT, "Couldn't find that `order_id`.")
        return past

    def order_trades(self, account: Account, order_id: str) -> list[Json]:
        """The trades of an order."""
        return [trade for trade in account.trades if trade["order_id"] == order_id]

    # What an account holds

    def positions(self, account: Account) -> Json:
        """Net positions, and what was traded today."""
        found = self.exchange.holdings(account.user_id)
        net = []
        for leg, holding in found.items():
            exchange, symbol, product = split_leg(leg)
            key = instrument_id(exchange, symbol)
            quote = self.exchange.newest(key)
            last = None if quote is None else quote.last_inr
            net.append(rows.position_row((exchange, symbol, product), holding, last, self.tokens.by_id.get(key, 0)))
        return {"net": net, "day": [row for row in net if not row["overnight_quantity"]]}

    def margins(self, account: Account) -> Json:
        """Funds by segment."""
        return rows.margin_rows(self.exchange.available_inr(account.user_id), account.capital_inr)

    def basket_margins(self, account: Account, orders: Sequence[Mapping[str, object]]) -> Json:
        """What a basket of orders would block, one after the other (`initial`) and together (`final`)."""
        positions: list[MarginPosition] = []
        alone = Decimal(0)
        for order in orders:
            instrument = self._listed.get(instrument_id(str(order.get("exchange")), str(order.get("tradingsymbol"))))
            if instrument is None:
                raise KiteError(400, INPUT, "Invalid `tradingsymbol`.")
            quote = self.exchange.newest(instrument.id)
            price = Decimal(str(order.get("price") or 0)) or (quote.last_inr if quote else None) or instrument.tick_inr
            side = _member(Side, str(order.get("transaction_type")), "transaction_type")
            one = MarginPosition(
                instrument=instrument, units=side.sign * int(str(order.get("quantity"))), price_inr=price
            )
            alone += order_margin((), (one,), {})
            positions.append(one)
        return rows.basket_row(alone, order_margin((), tuple(positions), {}), [])

    # Market

    def quotes(self, names: Sequence[str], kind: str) -> Json:
        """Quotes by `EXCHANGE:SYMBOL`; what is not listed is left out, as Kite does."""
        found: Json = {}
        for name in names:
            key = instrument_id(*name.split(":", 1)) if ":" in name else None
            quote: Quote | None = None if key is None else self.exchange.newest(key)
            if key is None or quote is None or key not in self.tokens.by_id:
                continue
            row = rows.quote_row(quote, self.tokens.by_id[key], depth=kind == "quote")
            found[name] = {k: row[k] for k in ("instrument_token", "last_price")} if kind == "ltp" else row
        return found

    # Inside

    def _count(self, account: Account, *, places: bool) -> None:
        if text := account.limits.takes_order(self._now_ns(), places=places):
            raise KiteError(429, NETWORK, text)

    def _check_address(self, account: Account) -> None:
        if not account.ip_allowed:
            raise KiteError(403, PERMISSION, "IP (127.0.0.1) is not allowed to place orders for this app.")

    def _check_protection(self, order_type: OrderType, form: Mapping[str, str]) -> None:
        given = _price(form, "market_protection") or Decimal(0)
        if order_type in PROTECTED and given == 0:
            raise KiteError(400, INPUT, NO_PROTECTION)
        if order_type in PROTECTED and given != -1 and not 0 < given <= 100:
            raise KiteError(400, INPUT, "Invalid `market_protection`.")

    def _order_of(self, account: Account, form: Mapping[str, str]) -> PlaceOrder:
        tag = form.get("tag", "")
        if tag and not _TAG.fullmatch(tag):
            raise KiteError(400, INPUT, "Invalid `tag`. It should be alphanumeric with at most 20 characters.")
        for name in ("exchange", "tradingsymbol", "product", "quantity"):
            if not form.get(name):
                raise KiteError(400, INPUT, f"Missing or empty field `{name}`")
        return PlaceOrder(
            account=account.user_id,
            tag=tag,
            exchange=form["exchange"],
            symbol=form["tradingsymbol"],
            product=form["product"],
            side=_member(Side, form.get("transaction_type", ""), "transaction_type"),
            quantity=_number(form, "quantity") or 0,
            order_type=_member(OrderType, form.get("order_type", ""), "order_type"),
            price_inr=_price(form, "price"),
            trigger_price_inr=_price(form, "trigger_price"),
            validity=_member(Validity, form.get("validity", "DAY"), "validity"),
        )


def _accepted(answer: Answer) -> str:
    """The id, or the order desk's refusal."""
    if answer.outcome is not Outcome.ACKED:
        raise KiteError(400, INPUT, answer.reason)
    return answer.order_id


def _member(kind: type[E], text: str, name: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise KiteError(400, INPUT, f"Invalid `{name}`.") from None


def _number(form: Mapping[str, str], name: str) -> int | None:
    text = form.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise KiteError(400, INPUT, f"Invalid `{name}`.")
    return int(text)


def _price(form: Mapping[str, str], name: str) -> Decimal | None:
    text = form.get(name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise KiteError(400, INPUT, f"Invalid `{name}`.") from None
    if not value.is_finite():
        raise KiteError(400, INPUT, f"Invalid `{name}`.")
    return value or None
