"""A paper account behind the same port as a real one: immediate, without latency (a lane models that).

It must not decide anything: the exchange does.
"""

from collections.abc import Sequence
from decimal import Decimal

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder, Write
from engine.errors import BrokenInvariant
from engine.model import Basket, Funds, Instrument, OrderReport, Position
from engine.ports import Answer, Clock
from paper.exchange import Exchange


class PaperBroker:
    """One account at the paper exchange; implements `engine.ports.Broker`."""

    def __init__(self, exchange: Exchange, account: str, clock: Clock) -> None:
        self._exchange = exchange
        self._account = account
        self._clock = clock

    @property
    def account(self) -> str:
        """The account's id."""
        return self._account

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once."""
        self._check(order)
        return self._exchange.place(order, self._clock.now_ns())

    def refuse(self, order: PlaceOrder, text: str) -> Answer:
        """Refuse an order as the broker's risk management would: it stands in the book as REJECTED."""
        self._check(order)
        return self._exchange.refuse(order, text, self._clock.now_ns())

    def set_aside(self, order: PlaceOrder) -> Answer:
        """Accept an order that is not matched until risk management has looked at it."""
        self._check(order)
        return self._exchange.set_aside(order, self._clock.now_ns())

    def reject(self, order_id: str, text: str) -> None:
        """Risk management refuses an accepted order that is still open."""
        self._exchange.reject(self._account, order_id, text, self._clock.now_ns())

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once."""
        self._check(order)
        return self._exchange.modify(order, self._clock.now_ns())

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        self._check(order)
        return self._exchange.cancel(order, self._clock.now_ns())

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return self._exchange.orders(self._account)

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones included."""
        return self._exchange.positions(self._account)

    def funds(self) -> Funds:
        """What may be used for a new order, and what is blocked."""
        return self._exchange.funds(self._account)

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block beside what the account holds."""
        return self._exchange.basket_margin(basket)

    def instruments(self) -> Sequence[Instrument]:
        """The instruments listed today."""
        return self._exchange.instruments()

    def _check(self, order: Write) -> None:
        if order.account != self._account:
            raise BrokenInvariant(f"an order for {order.account} was handed to the broker of {self._account}")
