"""What accounts hold: positions, shares, funds, what orders would block, conversions. It must not place anything."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from config.rates import ChargeRates
from engine.commands import PlaceOrder
from engine.core.charges import NO_CHARGES, Charges, order_charges, segment_of
from engine.core.margin import MarginPosition, order_margin
from engine.model import (
    Instrument,
    InstrumentId,
    LegId,
    Side,
    instrument_id,
    instrument_of,
    is_delivery,
    leg_id,
    sign,
    split_leg,
)
from paper.exchange import Exchange
from paper.ledger import Holding
from paper.sandbox import errors, forms, money_rows
from paper.sandbox.account import Account, Traded
from paper.sandbox.book import add_traded
from paper.sandbox.errors import refused
from paper.sandbox.forms import Form
from paper.sandbox.market_rows import Ranges
from paper.sandbox.rows import Json, Tokens

PRODUCTS: Final = ("CNC", "NRML", "MIS", "MTF")
NOTHING: Final = Traded()
NO_SHARES: Final = Holding()
Asked = Mapping[str, object]


class Portfolio:
    """Everybody's holdings.

    Args:
        exchange: Whose ledgers these are.
        tokens: The instruments' tokens.
        ranges: What was traded at.
        rates: What trading costs; `None` where nobody knows.
    """

    def __init__(self, exchange: Exchange, tokens: Tokens, ranges: Ranges, rates: ChargeRates | None) -> None:
        self._exchange, self._tokens, self._ranges, self._rates = exchange, tokens, ranges, rates
        self._listed: Mapping[InstrumentId, Instrument] = {one.id: one for one in exchange.instruments()}

    def positions(self, account: Account) -> Json:
        """Net positions, closed ones included, and what was traded today.

        Of shares that is all: what was there before stands in the holdings, and a sale of it is a negative position.
        """
        held = {
            leg: money_rows.of_today(holding) if is_delivery(leg) else holding
            for leg, holding in self._exchange.holdings(account.user_id).items()
            if not is_delivery(leg) or _is_traded(account.traded.get(leg, NOTHING))
        }
        net = [
            money_rows.position_row(
                split_leg(leg),
                holding,
                account.traded.get(leg, NOTHING),
                self._prices(instrument_of(leg)),
                self._token(instrument_of(leg)),
            )
            for leg, holding in held.items()
        ]
        day = [
            money_rows.day_row(
                split_leg(leg), traded, self._prices(instrument_of(leg)), self._token(instrument_of(leg))
            )
            for leg, traded in account.traded.items()
            if _is_traded(traded)
        ]
        return {"net": net, "day": day}

    def holdings(self, account: Account) -> list[Json]:
        """The shares that were there before today, paid and margin funded ones of a company in one row."""
        held = self._exchange.holdings(account.user_id)
        companies = {instrument_of(leg): None for leg, one in held.items() if is_delivery(leg) and one.overnight_units}
        return [
            money_rows.holding_row(
                key,
                held.get(_leg(key, "CNC"), NO_SHARES),
                held.get(_leg(key, "MTF"), NO_SHARES),
                self._prices(key),
                self._token(key),
            )
            for key in companies
        ]

    def margins(self, account: Account) -> Json:
        """Funds by segment."""
        return money_rows.margin_rows(self._exchange.available_inr(account.user_id), account.capital_inr)

    def order_margins(self, orders: Sequence[Asked]) -> list[Json]:
        """What each order alone would block."""
        return [self._margin_row(order, self._position(order)) for order in orders]

    def basket_margins(self, account: Account, orders: Sequence[Asked], *, with_positions: bool) -> Json:
        """What a basket would block: each order alone (`initial`), and together (`final`), with positions or not."""
        found = [self.order_margins([order])[0] for order in orders]
        existing = self._held(account) if with_positions else []
        final = order_margin(existing, [self._position(order) for order in orders], {})
        return money_rows.basket_row(sum((row["total"] for row in found), Decimal(0)), final, found)

    def contract_note(self, orders: Sequence[Asked]) -> list[Json]:
        """What executed orders would cost."""
        priced = [(order, self._position(order, "average_price")) for order in orders]
        return [money_rows.note_row(order, one.price_inr, self._charges(order, one)) for order, one in priced]

    def needed_inr(self, account: Account, order: PlaceOrder) -> Decimal:
        """What an order would block on top of the positions."""
        asked = {
            "exchange": order.exchange,
            "tradingsymbol": order.symbol,
            "transaction_type": order.side.value,
            "quantity": order.quantity,
            "price": order.price_inr or 0,
        }
        return order_margin(self._held(account), [self._position(asked)], {})

    def convert(self, account: Account, form: Form, now_ns: int) -> bool:
        """Move units of a position to another product. The day's trades go with them."""
        exchange, symbol = form.get("exchange", ""), form.get("tradingsymbol", "")
        old, new = form.get("old_product", ""), form.get("new_product", "")
        if new not in PRODUCTS or new == old:
            raise refused("Invalid `new_product`.")
        leg, to = leg_id(exchange, symbol, old), leg_id(exchange, symbol, new)
        holding = self._exchange.holdings(account.user_id).get(leg)
        units = forms.number(form, "quantity") or 0
        side = forms.member(Side, form.get("transaction_type", ""), "transaction_type")
        if holding is None or sign(holding.net_units) != side.sign or not 0 < units <= abs(holding.net_units):
            raise refused(errors.NOT_THAT_MANY)
        value = units * (holding.average_inr or self._prices(instrument_of(leg))[1])
        self._exchange.convert(account.user_id, leg, to, units, now_ns)
        add_traded(account, leg, side, -units, -value)
        add_traded(account, to, side, units, value)
        return True

    # Inside

    def _margin_row(self, order: Asked, position: MarginPosition) -> Json:
        total = order_margin((), (position,), {})
        is_bought = position.instrument.is_option and position.units > 0
        return money_rows.margin_row(total, order, total if is_bought else Decimal(0), self._charges(order, position))

    def _charges(self, order: Asked, position: MarginPosition) -> Charges:
        segment = segment_of(position.instrument, str(order.get("product")))
        if self._rates is None or segment not in self._rates.segments:
            return NO_CHARGES
        side = Side.BUY if position.units > 0 else Side.SELL
        return order_charges(self._rates, segment, side, abs(position.units), position.price_inr)

    def _held(self, account: Account) -> list[MarginPosition]:
        found = []
        for leg, holding in self._exchange.holdings(account.user_id).items():
            instrument = self._listed.get(instrument_of(leg))
            if instrument is not None and holding.net_units:
                price = self._prices(instrument.id)[0] or holding.average_inr or instrument.tick_inr
                found.append(MarginPosition(instrument=instrument, units=holding.net_units, price_inr=price))
        return found

    def _position(self, order: Asked, price_key: str = "price") -> MarginPosition:
        instrument = self._listed.get(instrument_id(str(order.get("exchange")), str(order.get("tradingsymbol"))))
        if instrument is None:
            raise refused("Invalid `tradingsymbol`.")
        try:
            given, units = Decimal(str(order.get(price_key) or 0)), int(str(order.get("quantity")))
        except (InvalidOperation, ValueError):
            raise refused("Invalid `price` or `quantity`.") from None
        price = given or self._prices(instrument.id)[0] or instrument.tick_inr
        side = forms.member(Side, str(order.get("transaction_type")), "transaction_type")
        return MarginPosition(instrument=instrument, units=side.sign * units, price_inr=price)

    def _prices(self, key: InstrumentId) -> tuple[Decimal, Decimal]:
        """The last price, and that of the previous close; zero for what is not known."""
        quote = self._exchange.newest(key)
        last = Decimal(0) if quote is None or quote.last_inr is None else quote.last_inr
        return last, self._ranges.close(key) or last

    def _token(self, key: InstrumentId) -> int:
        return self._tokens.by_id.get(key, 0)


def _leg(key: InstrumentId, product: str) -> LegId:
    return LegId(f"{key}:{product}")


def _is_traded(traded: Traded) -> bool:
    """Whether anything was traded today."""
    return bool(traded.bought or traded.sold)
