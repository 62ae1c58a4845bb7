"""An account that is only looked at: the master, and everybody on paper. Not one write can reach its broker."""

from collections.abc import Sequence
from typing import Final

from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.events import Outcome
from engine.model import Funds, Instrument, OrderReport, Position
from engine.ports import Answer, Broker

ONLY_READ: Final = "this account is only read"


class ReadOnlyBroker:
    """Reads of an account (an `engine.ports.Broker`); writes end here, and nothing is sent."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    @property
    def account(self) -> str:
        """The account's id."""
        return self._broker.account

    def place(self, order: PlaceOrder) -> Answer:
        """Not here."""
        return _not_here()

    def modify(self, order: ModifyOrder) -> Answer:
        """Not here."""
        return _not_here()

    def cancel(self, order: CancelOrder) -> Answer:
        """Not here."""
        return _not_here()

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return self._broker.orders()

    def positions(self) -> Sequence[Position]:
        """All positions."""
        return self._broker.positions()

    def funds(self) -> Funds:
        """What is available for a new order, and what is used."""
        return self._broker.funds()

    def instruments(self) -> Sequence[Instrument]:
        """The broker's instruments of the day."""
        return self._broker.instruments()


def _not_here() -> Answer:
    return Answer(outcome=Outcome.NOT_SENT, reason=ONLY_READ)
