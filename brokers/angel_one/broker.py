"""One Angel One account as an `engine.ports.Broker`: each method is one request and ends as a value of the domain."""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from brokers.angel_one import wire
from brokers.angel_one.client import AngelClient
from brokers.angel_one.pace import Pace
from brokers.angel_one.refusals import outcome_of
from brokers.angel_one.symbols import Scrip, Symbols
from brokers.errors import Malformed, Refusal
from brokers.shares import add_up, with_shares
from brokers.transport import NoAnswer, NotSent
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import (
    STOPS,
    Basket,
    BasketOrder,
    Funds,
    Instrument,
    LegId,
    OrderReport,
    OrderType,
    Position,
    instrument_id,
    leg_id,
    split_leg,
)
from engine.ports import Answer

S = TypeVar("S")
T = TypeVar("T")
TAG_MOST: Final = 19
NO_SYMBOLS: Final = "Angel One's scrips of the day are not read yet"
NORMAL, STOPLOSS = "NORMAL", "STOPLOSS"
_ORDER_TYPES: Final = {ours: theirs for theirs, ours in wire.ORDER_TYPES.items()}
_PRODUCTS: Final = {ours: theirs for theirs, ours in wire.PRODUCTS.items() if ours in ("CNC", "NRML", "MIS")}
"""Margin funding and bracket orders are not placed: they mean other things at each broker."""


class AngelBroker:
    """One account.

    Args:
        account: The account's id in the configuration.
        client: Its client, logged in.
        symbols: Angel's scrips of the day; without them nothing is placed and no book is understood.
        now_ns: The clock that reads are paced by.
        sleep: Waits so many seconds.
        counts_shares: Whether shares of earlier days count with the positions.
    """

    def __init__(
        self,
        account: str,
        client: AngelClient,
        symbols: Symbols | None,
        now_ns: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
        *,
        counts_shares: bool = False,
    ) -> None:
        self._account, self._client, self.symbols = account, client, symbols
        self._book_pace, self._position_pace = Pace(1, now_ns, sleep), Pace(1, now_ns, sleep)
        self._funds_pace, self._margin_pace = Pace(2, now_ns, sleep), Pace(10, now_ns, sleep)
        self._shares_pace, self._counts_shares = Pace(1, now_ns, sleep), counts_shares
        self._known: dict[str, tuple[OrderReport, str]] = {}
        "Orders as last seen, with their variety: a change or a cancel must repeat most of the order."

    @property
    def account(self) -> str:
        """The account's id."""
        return self._account

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once."""
        if self.symbols is None:
            return Answer(outcome=Outcome.NOT_SENT, reason=NO_SYMBOLS)
        scrip = self.symbols.find(instrument_id(order.exchange, order.symbol))
        if isinstance(scrip, str):
            return Answer(outcome=Outcome.REJECTED, reason=scrip)
        if order.product not in _PRODUCTS:
            return Answer(outcome=Outcome.REJECTED, reason=f"the product {order.product} is not placed at Angel One")
        if len(order.tag) > TAG_MOST or not order.tag.isalnum() or not order.tag.isascii():
            return Answer(outcome=Outcome.NOT_SENT, reason="its tag is none that Angel One keeps")
        variety = STOPLOSS if order.order_type in STOPS else NORMAL
        parameters = self._terms(order.exchange, scrip, order.order_type, order.product, order.quantity) | {
            "variety": variety,
            "transactiontype": order.side.value,
            "duration": order.validity.value,
            "price": _text(order.price_inr),
            "triggerprice": _text(order.trigger_price_inr),
            "squareoff": "0",
            "stoploss": "0",
            "ordertag": order.tag,
        }
        answer = self._written(lambda: self._client.placeOrderFullResponse(parameters))
        if answer.outcome is Outcome.ACKED:
            row = OrderReport(
                order_id=answer.order_id, exchange=order.exchange, symbol=order.symbol, product=order.product,
                side=order.side, order_type=order.order_type, quantity=order.quantity, price_inr=order.price_inr,
                trigger_price_inr=order.trigger_price_inr, tag=order.tag, validity=order.validity,
            )  # fmt: skip
            self._known[answer.order_id] = (row, variety)
        return answer

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once. Angel wants the whole order again, so it must have been seen."""
        known = self._known.get(order.order_id)
        if known is None:
            return Answer(outcome=Outcome.REJECTED, reason="the order is not in the book that was read last")
        if self.symbols is None:
            return Answer(outcome=Outcome.NOT_SENT, reason=NO_SYMBOLS)
        row, variety = known
        if row.product not in _PRODUCTS:
            return Answer(outcome=Outcome.REJECTED, reason=f"orders of the product {row.product} are not changed here")
        scrip = self.symbols.find(row.instrument)
        if isinstance(scrip, str):
            return Answer(outcome=Outcome.REJECTED, reason=scrip)
        changed = replace(
            row,
            order_type=order.order_type or row.order_type,
            quantity=order.quantity or order.standing_units or row.quantity,
            price_inr=row.price_inr if order.price_inr is None else order.price_inr,
            trigger_price_inr=row.trigger_price_inr if order.trigger_price_inr is None else order.trigger_price_inr,
        )
        parameters = self._terms(row.exchange, scrip, changed.order_type, row.product, changed.quantity) | {
            "variety": variety,
            "orderid": order.order_id,
            "duration": row.validity.value,
            "price": _text(changed.price_inr),
            "triggerprice": _text(changed.trigger_price_inr),
        }
        answer = self._written(lambda: self._client.modifyOrder(parameters), is_change=True)
        if answer.outcome is Outcome.ACKED:
            self._known[order.order_id] = (changed, variety)  # the next change must not undo this one
        return answer

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        _, variety = self._known.get(order.order_id, (None, NORMAL))
        return self._written(lambda: self._client.cancelOrder(order.order_id, variety), is_change=True)

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        found: dict[str, OrderReport] = {}
        for row in self._read(self._client.orderBook, "the order book", self._book_pace):
            report = self._checked(self._report, row, "the order book")
            if report is None:
                continue
            variety = row.text("variety")
            self._known[report.order_id] = (report, variety if variety in (NORMAL, STOPLOSS) else NORMAL)
            found[report.order_id] = report
        return tuple(sorted(found.values(), key=lambda r: (r.placed_ns, len(r.order_id), r.order_id)))

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones and those closed today included."""
        carried = self._shares() if self._counts_shares else {}
        rows = self._read(self._client.position, "the positions", self._position_pace)
        listed = tuple(self._checked(self._named_position, row, "the positions") for row in rows)
        return with_shares(listed, carried) if self._counts_shares else listed

    def funds(self) -> Funds:
        """`net` of the RMS limits, what Angel would accept for a new order, and its `utiliseddebits`."""
        envelope = self._envelope(self._client.rmsLimit, "the margins", self._funds_pace)
        return self._checked(wire.funds_of, envelope.data, "the margins")

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block on top of what is held: Angel knows baskets, and not what an account holds.

        Raises:
            ReadFailed: Angel does not say.
        """
        before = self._margin_of(basket.held) if basket.held else Decimal(0)
        return max(Decimal(0), self._margin_of((*basket.held, *basket.orders)) - before)

    def instruments(self) -> Sequence[Instrument]:
        """Nothing: the scrip master is the same for all accounts and is read once a day (`symbols`)."""
        return ()

    def named(self, report: OrderReport) -> OrderReport:
        """A report under our name of its instrument.

        Raises:
            Malformed: The scrips of the day are not there yet.
        """
        return replace(self._client.told(report), symbol=self._name(report.exchange, report.symbol))

    def _name(self, exchange: str, symbol: str) -> str:
        if self.symbols is None:
            raise Malformed(NO_SYMBOLS)
        return self.symbols.name_of(exchange, symbol).split(":", 1)[1]

    def _report(self, row: wire.Row) -> OrderReport | None:
        report = wire.report_of(row)
        return None if report is None else self.named(report)

    def _named_position(self, row: wire.Row) -> Position:
        position = wire.position_of(row)
        return replace(position, symbol=self._name(position.exchange, position.symbol))

    def _shares(self) -> dict[LegId, int]:
        """Shares of earlier days by leg, under our names."""
        rows = self._read(self._client.holding, "the holdings", self._shares_pace)
        return add_up([pair for row in rows for pair in self._checked(self._named_shares, row, "the holdings")])

    def _named_shares(self, row: wire.Row) -> list[tuple[LegId, int]]:
        if (found := wire.shares_of(row)) is None:
            return []
        leg, units = found
        exchange, symbol, product = split_leg(leg)
        return [(leg_id(exchange, self._name(exchange, symbol), product), units)]

    def _terms(
        self, exchange: str, scrip: Scrip, order_type: OrderType, product: str, quantity: int
    ) -> dict[str, object]:
        return {
            "tradingsymbol": scrip.symbol,
            "symboltoken": scrip.token,
            "exchange": exchange,
            "ordertype": _ORDER_TYPES[order_type],
            "producttype": _PRODUCTS[product],
            "quantity": str(quantity),
        }

    def _margin_of(self, orders: Sequence[BasketOrder]) -> Decimal:
        if self.symbols is None:
            raise ReadFailed(NO_SYMBOLS)
        rows = []
        for order in orders:
            exchange, symbol, product = split_leg(order.leg)
            scrip = self.symbols.find(instrument_id(exchange, symbol))
            if isinstance(scrip, str) or product not in _PRODUCTS:
                raise ReadFailed(f"the margin of a basket: {symbol} cannot be traded at Angel One")
            rows.append(
                {
                    "exchange": exchange,
                    "qty": order.units,
                    "price": 0,
                    "productType": _PRODUCTS[product],
                    "token": scrip.token,
                    "tradeType": order.side.value,
                    "orderType": "MARKET",
                }
            )
        call = partial(self._client.getMarginApi, {"positions": rows})
        envelope = self._envelope(call, "the margin of a basket", self._margin_pace)
        return self._checked(_required, envelope.data, "the margin of a basket")

    def _written(self, call: Callable[[], object], *, is_change: bool = False) -> Answer:
        """How a write ended. Whatever is not surely one of the definite ends is UNKNOWN."""
        try:
            envelope = wire.envelope_of(call())
        except NotSent as error:
            return Answer(outcome=Outcome.NOT_SENT, reason=str(error))
        except Refusal as refusal:
            return Answer(outcome=refusal.outcome, reason=str(refusal))
        except (NoAnswer, Malformed) as error:
            return Answer(outcome=Outcome.UNKNOWN, reason=str(error))
        except (KeyError, TypeError, AttributeError):  # SmartConnect looks for the id in whatever came
            return Answer(outcome=Outcome.UNKNOWN, reason="the answer has no order id")
        if not envelope.succeeded:
            is_clear = envelope.refused and not _may_have_id(envelope.data)
            outcome = outcome_of(envelope.code, envelope.message, is_change=is_change) if is_clear else Outcome.UNKNOWN
            return Answer(outcome=outcome, reason=self._client.words(envelope))
        try:
            order_id = wire.Row(envelope.data).text("orderid")
        except Malformed:
            order_id = ""
        if not order_id:
            return Answer(outcome=Outcome.UNKNOWN, reason="the answer has no order id")
        return Answer(outcome=Outcome.ACKED, order_id=order_id)

    def _read(self, call: Callable[[], Any], what: str, pace: Pace) -> list[wire.Row]:
        envelope = self._envelope(call, what, pace)
        return self._checked(wire.rows_of, envelope, what)

    def _envelope(self, call: Callable[[], Any], what: str, pace: Pace) -> wire.Envelope:
        try:
            pace.wait()
            envelope = wire.envelope_of(call())
            if not envelope.succeeded:
                raise Refusal(outcome_of(envelope.code, envelope.message, is_read=True), self._client.words(envelope))
        except Refusal as refusal:
            if refusal.outcome is Outcome.RATE_LIMITED:
                pace.refused()
            kind = NeedsLogin if refusal.outcome is Outcome.NEEDS_LOGIN else ReadFailed
            raise kind(f"{what}: {refusal}") from None
        except (NotSent, NoAnswer, Malformed, ReadFailed) as error:
            raise ReadFailed(f"{what}: {error}") from None
        pace.answered()
        return envelope

    def _checked(self, work: Callable[[S], T], given: S, what: str) -> T:
        try:
            return work(given)
        except Malformed as error:
            raise ReadFailed(f"{what}: {error}") from None


def _may_have_id(data: object) -> bool:
    """Whether a refusal speaks of an order that there is: its data are nothing else."""
    if isinstance(data, Mapping):
        return any(data.get(name) not in (None, "") for name in ("orderid", "uniqueorderid"))
    return data not in (None, "", "null")


def _required(data: object) -> Decimal:
    row = wire.Row(data)
    if not row.has("totalMarginRequired"):
        raise Malformed("there is no margin")
    return row.number("totalMarginRequired")


def _text(price: Decimal | None) -> str:
    return "0" if price is None else format(price, "f")
