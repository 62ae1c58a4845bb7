"""Good-till-triggered orders: kept, listed, modified and deleted as Kite does, and placed when their price is reached.

Fields: Kite Connect v3, "GTT", and the vendor's recorded answers (kiteconnect-mocks, gtt_get_orders.json).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.commands import PlaceOrder
from engine.model import NS_PER_S, InstrumentId, OrderType, Side, instrument_id
from paper import rejections
from paper.ist import IST
from paper.sandbox import errors
from paper.sandbox.account import Account
from paper.sandbox.errors import GENERAL, KiteError, refused
from paper.sandbox.forms import Form, member
from paper.sandbox.rows import Json, Tokens, stamp

LEGS: Final = {"single": 1, "two-leg": 2}
"""Trigger values, and orders, of each type."""
ACTIVE, DELETED, TRIGGERED = "active", "deleted", "triggered"
FIRST_ID: Final = 100_001
Prices = Callable[[InstrumentId], Decimal | None]
"""What an instrument traded at last, `None` while nobody knows."""
Send = Callable[[Account, PlaceOrder], str]
"""Places an order as its account would; its id. What is refused raises `KiteError`."""
ORDER_KEYS: Final = ("exchange", "tradingsymbol", "product", "order_type", "transaction_type", "quantity", "price")


class Triggers:
    """The triggers of everybody.

    Args:
        tokens: What is listed.
        now_ns: The server's clock.
    """

    def __init__(self, tokens: Callable[[], Tokens], now_ns: Callable[[], int]) -> None:
        self._tokens, self._now_ns = tokens, now_ns
        self._last = FIRST_ID - 1

    def place(self, account: Account, form: Form) -> Json:
        """Keep a trigger for a year."""
        row = self._row(account, form)
        self._last += 1
        now_ns = self._now_ns()
        dates = {"created_at": stamp(now_ns), "updated_at": stamp(now_ns), "expires_at": _in_a_year(now_ns)}
        account.triggers[self._last] = {"id": self._last} | row | dates
        return {"trigger_id": self._last}

    def modify(self, account: Account, trigger_id: str, form: Form) -> Json:
        """Put other values into an active trigger."""
        known = self._active(account, trigger_id)
        known |= self._row(account, form) | {"updated_at": stamp(self._now_ns())}
        return {"trigger_id": known["id"]}

    def delete(self, account: Account, trigger_id: str) -> Json:
        """End an active trigger. It is listed no more, and can still be read."""
        known = self._active(account, trigger_id)
        known |= {"status": DELETED, "updated_at": stamp(self._now_ns())}
        return {"trigger_id": known["id"]}

    def all(self, account: Account) -> list[Json]:
        """The active triggers and those that were triggered, the newest first, as the vendor's example has them."""
        return [row for row in reversed(account.triggers.values()) if row["status"] != DELETED]

    def one(self, account: Account, trigger_id: str) -> Json:
        """A trigger of the account's."""
        found = account.triggers.get(int(trigger_id)) if trigger_id.isascii() and trigger_id.isdecimal() else None
        if found is None:
            raise KiteError(404, GENERAL, errors.NO_TRIGGER)
        return found

    def run_due(self, accounts: Iterable[Account], last_inr: Prices, send: Send) -> None:
        """Place the order of every active trigger whose price is reached, once, whatever becomes of it."""
        for account in accounts:
            for row in account.triggers.values():
                if row["status"] != ACTIVE:
                    continue
                price_inr = last_inr(instrument_id(row["condition"]["exchange"], row["condition"]["tradingsymbol"]))
                place = None if price_inr is None else _reached(row["condition"], price_inr)
                if place is not None:
                    self._trigger(account, row, place, send)

    def _trigger(self, account: Account, row: Json, place: int, send: Send) -> None:
        order = row["orders"][place]
        at = stamp(self._now_ns())
        row |= {"status": TRIGGERED, "updated_at": at}
        try:
            told = {"status": "success", "order_id": send(account, _placed(account, order)), "rejection_reason": ""}
        except KiteError as error:
            told = {"status": "failed", "order_id": "", "rejection_reason": str(error)}
        order["result"] = {key: order[key] for key in ORDER_KEYS} | {
            "account_id": account.user_id,
            "validity": "DAY",
            "meta": json.dumps({"gtt": row["id"]}),
            "timestamp": at,
            "triggered_at": row["condition"]["trigger_values"][place],
            "order_result": told,
        }

    def _active(self, account: Account, trigger_id: str) -> Json:
        found = self.one(account, trigger_id)
        if found["status"] != ACTIVE:
            raise refused(errors.TRIGGER_IS_OVER)
        return found

    def _row(self, account: Account, form: Form) -> Json:
        """What a form says of a trigger."""
        kind = form.get("type", "")
        if kind not in LEGS:
            raise refused("Invalid `type`.")
        condition, orders = _json(form, "condition", dict), _json(form, "orders", list)
        return {
            "user_id": account.user_id,
            "parent_trigger": None,
            "type": kind,
            "status": ACTIVE,
            "condition": self._condition(condition, LEGS[kind]),
            "orders": [_order(one, condition) for one in _counted(orders, LEGS[kind], "orders")],
            "meta": {},
        }

    def _condition(self, given: Mapping[str, Any], legs: int) -> Json:
        exchange, symbol = str(given.get("exchange", "")), str(given.get("tradingsymbol", ""))
        token = self._tokens().by_id.get(instrument_id(exchange, symbol))
        if token is None:
            raise refused(rejections.UNKNOWN_INSTRUMENT)
        return {
            "exchange": exchange,
            "last_price": _price(given.get("last_price"), "last_price"),
            "tradingsymbol": symbol,
            "trigger_values": [
                _price(value, "trigger_values")
                for value in _counted(given.get("trigger_values"), legs, "trigger_values")
            ],
            "instrument_token": token,
        }


def _reached(condition: Mapping[str, Any], price_inr: Decimal) -> int | None:
    """Which of a trigger's values a price has reached, coming from where it was when the trigger was set.

    Of two the first is the one below.
    """
    values = condition["trigger_values"]
    if len(values) == 1:
        rises = values[0] > condition["last_price"]
        return 0 if (price_inr >= values[0] if rises else price_inr <= values[0]) else None
    below, above = values
    if price_inr <= below:
        return 0
    return 1 if price_inr >= above else None


def _placed(account: Account, order: Json) -> PlaceOrder:
    """The order that a trigger places; it carries no tag."""
    return PlaceOrder(
        account=account.user_id,
        tag="",
        exchange=order["exchange"],
        symbol=order["tradingsymbol"],
        product=order["product"],
        side=Side(order["transaction_type"]),
        quantity=order["quantity"],
        order_type=OrderType.LIMIT,
        price_inr=Decimal(order["price"]),
    )


def _order(given: object, condition: Mapping[str, Any]) -> Json:
    """One order that a trigger would place: a limit order in the instrument of the condition."""
    if not isinstance(given, dict):
        raise refused("Invalid `orders`.")
    for key in ORDER_KEYS:
        if key not in given:
            raise refused(f"Missing or empty field `{key}`")
    member(Side, str(given["transaction_type"]), "transaction_type")
    if any(given[key] != condition[key] for key in ("exchange", "tradingsymbol")) or given["order_type"] != "LIMIT":
        raise refused("Invalid `orders`.")
    if type(given["quantity"]) is not int or given["quantity"] < 1:
        raise refused("Invalid `quantity`.")
    _price(given["price"], "price")
    return {key: given[key] for key in ORDER_KEYS} | {"result": None}


def _json(form: Form, name: str, kind: type) -> Any:
    """A field that is JSON of its own, its numbers as they were written."""
    try:
        found = json.loads(form.get(name, ""), parse_float=Decimal)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise refused(f"Invalid `{name}`.")
    return found


def _counted(found: object, count: int, name: str) -> list[Any]:
    if not isinstance(found, list) or len(found) != count:
        raise refused(f"Invalid `{name}`.")
    return found


def _price(value: object, name: str) -> int | Decimal:
    """A price above zero."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not value > 0:
        raise refused(f"Invalid `{name}`.")
    return value


def _in_a_year(ns: int) -> str:
    """The same day and time of the next year, the 28th for a 29th of February."""
    now = datetime.fromtimestamp(ns // NS_PER_S, IST)
    is_leap_day = (now.month, now.day) == (2, 29)
    return now.replace(year=now.year + 1, day=28 if is_leap_day else now.day).strftime("%Y-%m-%d %H:%M:%S")
