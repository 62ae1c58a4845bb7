"""One Zerodha account as an `engine.ports.Broker`: each method is one request, and its end is a value of the domain."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from brokers.errors import Malformed, Refusal
from brokers.shares import add_up, with_shares
from brokers.transport import NoAnswer, NotSent
from brokers.zerodha import wire
from brokers.zerodha.client import KiteClient
from config.credentials import Credentials
from engine.clock import ticks_s
from engine.commands import CancelOrder, ModifyOrder, PlaceOrder
from engine.errors import NeedsLogin, ReadFailed
from engine.events import Outcome
from engine.model import (
    REGULAR,
    Basket,
    BasketOrder,
    Funds,
    Instrument,
    LegId,
    OrderReport,
    OrderType,
    Position,
    split_leg,
)
from engine.ports import Answer

T = TypeVar("T")
PROTECTED: Final = frozenset({OrderType.MARKET, OrderType.SL_M})
AUTOMATIC_PROTECTION: Final = -1
"""Kite picks the band by price; orders through the market without protection are refused since 2026-04-01."""
TAG_MOST: Final = 20
ASK_AGAIN_S: Final = 0.5
"""Less than lies between two reads of an account."""
OF_ANOTHER: Final = "the access token is that of another client: log in again"


class ZerodhaBroker:
    """One account.

    Args:
        account: The account's id in the configuration.
        client: Its client, logged in.
        commodity: Whether the account's funds are those of the commodity segment.
        counts_shares: Whether shares of earlier days count with the positions.
        holder: Whose account it is; a token of somebody else's reads nothing. `None`: whoever it is.
    """

    def __init__(
        self,
        account: str,
        client: KiteClient,
        *,
        commodity: bool = False,
        counts_shares: bool = False,
        holder: Credentials | None = None,
    ) -> None:
        self._account, self._client, self._commodity = account, client, commodity
        self._counts_shares, self._holder = counts_shares, holder
        self._known_token = ""
        "The token that is known to be the holder's."
        self._failed: tuple[str | None, float, ReadFailed] | None = None
        "A token of which it could not be found out whose it is, when, and why."

    @property
    def account(self) -> str:
        """The account's id."""
        return self._account

    def place(self, order: PlaceOrder) -> Answer:
        """Place the order, once."""
        if not _is_tag(order.tag):
            return Answer(outcome=Outcome.NOT_SENT, reason="its tag is none that Kite keeps")
        if not self._is_known:
            return Answer(outcome=Outcome.NOT_SENT, reason="nothing was read with this access token yet")
        return _written(lambda: self._client.place_order(**_parameters(order)))

    def start(self, order: PlaceOrder) -> Callable[[], Answer] | None:
        """Send the order now, as far as that needs no waiting; what it gives waits for the answer (`engine.ports`)."""
        if not _is_tag(order.tag) or not self._is_known:
            return None
        try:
            started = self._client.start_order(_parameters(order))
        except NotSent as error:
            answer = Answer(outcome=Outcome.NOT_SENT, reason=str(error))
            return lambda: answer
        if started is None:
            return None
        return lambda: _written(lambda: self._client.finish_order(started))

    def modify(self, order: ModifyOrder) -> Answer:
        """Change an open order, once."""
        return _written(
            lambda: self._client.modify_order(
                variety=REGULAR,
                order_id=order.order_id,
                quantity=order.quantity,
                price=_text(order.price_inr),
                order_type=None if order.order_type is None else order.order_type.value,
                trigger_price=_text(order.trigger_price_inr),
                market_protection=AUTOMATIC_PROTECTION if order.order_type in PROTECTED else None,
            )
        )

    def cancel(self, order: CancelOrder) -> Answer:
        """Cancel an open order, once."""
        return _written(lambda: self._client.cancel_order(variety=REGULAR, order_id=order.order_id))

    def orders(self) -> Sequence[OrderReport]:
        """All orders of the day."""
        found = self._read(
            lambda: wire.reports_of(wire.decode(self._client.fetch("orders"), tuple[wire.OrderRow, ...])),
            "the order book",
        )
        return tuple(map(self._client.told, found))

    def positions(self) -> Sequence[Position]:
        """All positions, carried ones and those closed today included."""
        carried = self._read(self._shares, "the holdings") if self._counts_shares else {}
        listed = self._read(
            lambda: tuple(
                wire.position_of(row)
                for row in wire.decode(self._client.fetch("portfolio.positions"), wire.Positions).net
            ),
            "the positions",
        )
        return with_shares(listed, carried) if self._counts_shares else listed

    def funds(self) -> Funds:
        """`net` of the segment, what Kite would accept for a new order, and its `utilised.debits`."""
        return self._read(self._funds, "the margins")

    def basket_margin(self, basket: Basket) -> Decimal:
        """What orders would block together, beside what the account holds.

        Raises:
            ReadFailed: Kite does not say.
        """
        params = [_margin_order(order) for order in basket.orders]
        return self._read(
            lambda: wire.amount(
                wire.decode(
                    self._client.ask("order.margins.basket", params, {"consider_positions": "true"}), wire.BasketMargins
                ).final.total
            ),
            "the margin of a basket",
        )

    def instruments(self) -> Sequence[Instrument]:
        """Nothing: the dump is the same for all accounts and is read once a day (`catalogue`)."""
        return ()

    @property
    def _is_known(self) -> bool:
        """Whether the present token is the holder's, as far as that matters."""
        return self._holder is None or self._client.access_token == self._known_token

    def _read(self, call: Callable[[], T], what: str) -> T:
        """A read of this account, and of no other: nothing is sent for an account that was not read."""
        if not self._is_known:
            self._ask_whose(what)
        return _read(call, what)

    def _ask_whose(self, what: str) -> None:
        """Find out whose the token is. What fails is not asked for again at once: a read has several parts."""
        token = self._client.access_token
        if self._failed is not None and self._failed[0] == token and ticks_s() - self._failed[1] < ASK_AGAIN_S:
            raise self._failed[2]
        try:
            found = _read(lambda: wire.decode(self._client.fetch("user.profile"), wire.Profile), what)
        except ReadFailed as error:
            self._failed = token, ticks_s(), error
            raise
        if self._holder is not None and not self._holder.is_of(found.user_id):
            raise NeedsLogin(f"{what}: {OF_ANOTHER}")
        self._known_token = token

    def _shares(self) -> dict[LegId, int]:
        rows = wire.decode(self._client.fetch("portfolio.holdings"), tuple[wire.HoldingRow, ...])
        return add_up([pair for row in rows for pair in wire.shares_of(row)])

    def _funds(self) -> Funds:
        found = wire.decode(self._client.fetch("user.margins"), wire.Margins)
        segment = found.commodity if self._commodity else found.equity
        if segment is None:
            raise Malformed("there is no net margin of the segment")
        return wire.funds_of(segment)


def _margin_order(order: BasketOrder) -> dict[str, object]:
    exchange, symbol, product = split_leg(order.leg)
    return {
        "exchange": exchange,
        "tradingsymbol": symbol,
        "transaction_type": order.side.value,
        "variety": REGULAR,
        "product": product,
        "order_type": OrderType.MARKET.value,
        "quantity": order.units,
        "price": 0,
        "trigger_price": 0,
    }


def instrument_dump(client: KiteClient) -> str:
    """Kite's instrument dump of the day.

    Raises:
        ReadFailed: It could not be had.
    """
    return _read(lambda: client.fetch("market.instruments.all").decode("utf-8"), "the instrument file")


def _parameters(order: PlaceOrder) -> dict[str, object]:
    """What kiteconnect's `place_order` takes, in its own order."""
    return {
        "variety": REGULAR,
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "transaction_type": order.side.value,
        "quantity": order.quantity,
        "product": order.product,
        "order_type": order.order_type.value,
        "price": _text(order.price_inr),
        "validity": order.validity.value,
        "trigger_price": _text(order.trigger_price_inr),
        "tag": order.tag,
        "market_protection": AUTOMATIC_PROTECTION if order.order_type in PROTECTED else None,
    }


def _is_tag(tag: str) -> bool:
    return len(tag) <= TAG_MOST and tag.isalnum() and tag.isascii()


def _written(call: Callable[[], object]) -> Answer:
    """How a write ended. Whatever is not surely one of the definite ends is UNKNOWN."""
    try:
        order_id = call()
    except NotSent as error:
        return Answer(outcome=Outcome.NOT_SENT, reason=str(error))
    except Refusal as refusal:
        return Answer(outcome=refusal.outcome, reason=str(refusal))
    except (NoAnswer, Malformed) as error:
        return Answer(outcome=Outcome.UNKNOWN, reason=str(error))
    except (KeyError, TypeError):  # kiteconnect takes the id out of whatever came
        return Answer(outcome=Outcome.UNKNOWN, reason="the answer has no order id")
    if not isinstance(order_id, str) or not order_id:
        return Answer(outcome=Outcome.UNKNOWN, reason="the answer has no order id")
    return Answer(outcome=Outcome.ACKED, order_id=order_id)


def _read(call: Callable[[], T], what: str) -> T:
    try:
        return call()
    except Refusal as refusal:
        kind = NeedsLogin if refusal.outcome is Outcome.NEEDS_LOGIN else ReadFailed
        raise kind(f"{what}: {refusal}") from None
    except (NotSent, NoAnswer, Malformed, UnicodeDecodeError) as error:
        text = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ReadFailed(f"{what}: {text}") from None


def _text(price: Decimal | None) -> str | None:
    return None if price is None else format(price, "f")
