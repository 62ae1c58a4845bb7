"""A broker whose session is taken anew when Angel says that it is over.

A read is asked again once with the new session. A write is never sent twice: the answer says that a login is needed,
and the next read brings the session. Whoever was told so is told, too, when the account works again.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from brokers.angel_one.broker import AngelBroker
from brokers.angel_one.client import AngelClient, Session
from brokers.angel_one.login import Keeper
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import NeedsLogin
from engine.events import Outcome
from engine.model import NS_PER_S, Basket, Funds, Instrument, OrderReport, Position
from engine.ports import Answer

T = TypeVar("T")
SETTLE_NS: Final = NS_PER_S
"""An answer that says "log in" has surely arrived where it goes so long after it was given."""
LOGIN_MOST_NS: Final = 5 * NS_PER_S
"""An order waits no longer for a login: it is decided anew whether it is sent."""
SLOW_LOGIN: Final = "the login took too long"


class RenewingBroker:
    """One account (an `engine.ports.Broker`). Every method may be called from any thread.

    Args:
        broker: Its requests.
        client: The client that they go through.
        keeper: Its session.
        now_ns: The engine's clock.
        on_login: Told that the account works again after somebody was told that it needs a login.
    """

    def __init__(
        self,
        broker: AngelBroker,
        client: AngelClient,
        keeper: Keeper,
        now_ns: Callable[[], int],
        on_login: Callable[[], None],
    ) -> None:
        self._broker, self._client, self._keeper, self._now_ns = broker, client, keeper, now_ns
        self.on_login = on_login
        self._told_ns: int | None = None

    @property
    def account(self) -> str:
        """The account's id."""
        return self._broker.account

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once; not when a login before it has taken so long that it may not be wanted any more."""
        began_ns = self._now_ns()

        def placed() -> Answer:
            if self._now_ns() - began_ns > LOGIN_MOST_NS:
                return Answer(outcome=Outcome.NOT_SENT, reason=SLOW_LOGIN)
            return self._broker.place(order)

        return self._written(placed)

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once."""
        return self._written(lambda: self._broker.modify(order))

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        return self._written(lambda: self._broker.cancel(order))

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        return self._read(self._broker.orders)

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones and those closed today included."""
        return self._read(self._broker.positions)

    def funds(self) -> Funds:
        """What Angel would accept for a new order, and what is used."""
        return self._read(self._broker.funds)

    def basket_margin(self, basket: Basket) -> Decimal:
        """What a basket would block beside what the account holds."""
        return self._read(lambda: self._broker.basket_margin(basket))

    def instruments(self) -> Sequence[Instrument]:
        """Nothing: the scrip master is the same for all accounts."""
        return self._broker.instruments()

    def _session(self) -> Session:
        session = self._keeper.session()
        self._client.take(session)
        return session

    def _written(self, call: Callable[[], Answer]) -> Answer:
        try:
            session = self._session()
        except NeedsLogin as reason:
            self._told_ns = self._now_ns()
            return Answer(outcome=Outcome.NEEDS_LOGIN, reason=str(reason))
        answer = call()
        if answer.outcome is Outcome.NEEDS_LOGIN:
            self._keeper.lost(session)
            self._told_ns = self._now_ns()
        elif answer.outcome is Outcome.ACKED:
            self._keeper.proven(session)
        return answer

    def _read(self, call: Callable[[], T]) -> T:
        began_ns = self._now_ns()
        try:
            session = self._session()
            try:
                found = call()
            except NeedsLogin:
                self._keeper.lost(session)
                session = self._session()
                found = call()
        except NeedsLogin:
            self._told_ns = self._now_ns()
            raise
        self._keeper.proven(session)
        if self._told_ns is not None and began_ns - self._told_ns >= SETTLE_NS:
            self._told_ns = None
            self.on_login()
        return found
