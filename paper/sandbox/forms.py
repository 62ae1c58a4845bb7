"""A request's form as an order, or as the refusal that it earns. Pure.

What only the market or the account can tell (lots, freeze quantity, margin) the exchange refuses.
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final, TypeVar

from engine.commands import PlaceOrder
from engine.model import OrderReport, OrderType, Side, Validity
from paper.sandbox.errors import NO_PROTECTION, refused
from paper.sandbox.rows import Terms

Form = Mapping[str, str]
PROTECTED: Final = (OrderType.MARKET, OrderType.SL_M)
TTL: Final = "TTL"
TTL_MOST_MINUTES: Final = 365
E = TypeVar("E", bound=StrEnum)
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,20}")


def order_of(user_id: str, form: Form) -> PlaceOrder:
    """The order that a form asks for."""
    tag = form.get("tag", "")
    if tag and not _TAG.fullmatch(tag):
        raise refused("Invalid `tag`. It should be alphanumeric with at most 20 characters.")
    for name in ("exchange", "tradingsymbol", "product", "quantity"):
        if not form.get(name):
            raise refused(f"Missing or empty field `{name}`")
    validity = form.get("validity", "DAY")
    return PlaceOrder(
        account=user_id,
        tag=tag,
        exchange=form["exchange"],
        symbol=form["tradingsymbol"],
        product=form["product"],
        side=member(Side, form.get("transaction_type", ""), "transaction_type"),
        quantity=number(form, "quantity") or 0,
        order_type=member(OrderType, form.get("order_type", ""), "order_type"),
        price_inr=price(form, "price"),
        trigger_price_inr=price(form, "trigger_price"),
        validity=Validity.DAY if validity == TTL else member(Validity, validity, "validity"),
    )


def order_again(user_id: str, report: OrderReport) -> PlaceOrder:
    """The order that a report is about, with the prices that it has by now."""
    return PlaceOrder(
        account=user_id,
        tag=report.tag,
        exchange=report.exchange,
        symbol=report.symbol,
        product=report.product,
        side=report.side,
        quantity=report.quantity,
        order_type=report.order_type,
        price_inr=report.price_inr,
        trigger_price_inr=report.trigger_price_inr,
        validity=report.validity,
    )


def terms_of(variety: str, form: Form) -> Terms:
    """What of a form the exchange does not know but Kite shows."""
    minutes = (number(form, "validity_ttl") or 0) if form.get("validity") == TTL else 0
    if form.get("validity") == TTL and not 0 < minutes <= TTL_MOST_MINUTES:
        raise refused("Invalid `validity_ttl`.")
    return Terms(variety=variety, ttl_minutes=minutes, disclosed_units=number(form, "disclosed_quantity") or 0)


def protection_of(order_type: OrderType, form: Form) -> Decimal:
    """The market protection of a market order: a percentage, -1 for Kite's own, 0 for the other types."""
    if order_type not in PROTECTED:
        return Decimal(0)
    given = price(form, "market_protection") or Decimal(0)
    if given == 0:
        raise refused(NO_PROTECTION)
    if given != -1 and not 0 < given <= 100:
        raise refused("Invalid `market_protection`.")
    return given


def member(kind: type[E], text: str, name: str) -> E:
    """A word of a list."""
    try:
        return kind(text)
    except ValueError:
        raise refused(f"Invalid `{name}`.") from None


def number(form: Form, name: str) -> int | None:
    """A whole number of zero or more, `None` when it is not there."""
    text = form.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise refused(f"Invalid `{name}`.")
    return int(text)


def price(form: Form, name: str) -> Decimal | None:
    """A price; `None` when it is not there or zero."""
    text = form.get(name)
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise refused(f"Invalid `{name}`.") from None
    if not value.is_finite():
        raise refused(f"Invalid `{name}`.")
    return value or None
