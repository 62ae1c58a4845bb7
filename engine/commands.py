"""Commands: what the core wants done. Imperative, immutable; carried out by the shell, answered by events.

`PlaceOrder`, `ModifyOrder` and `CancelOrder` are writes: their journal transaction is on disk before they are sent.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.model import Basket, InstrumentId, OrderType, Side, Validity


class CommandBase(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all commands; the class name is the tag on the wire."""


class PlaceOrder(CommandBase, frozen=True, kw_only=True):
    """Place one order, once. `tag` identifies it for ever."""

    account: str
    tag: str
    exchange: str
    symbol: str
    product: str
    side: Side
    quantity: int
    order_type: OrderType
    price_inr: Decimal | None = None
    trigger_price_inr: Decimal | None = None
    validity: Validity = Validity.DAY


class ModifyOrder(CommandBase, frozen=True, kw_only=True):
    """Change an open order; `None` leaves a value as it is. A MARKET order is sent through the market again."""

    account: str
    tag: str
    order_id: str
    order_type: OrderType | None = None
    quantity: int | None = None
    price_inr: Decimal | None = None
    trigger_price_inr: Decimal | None = None
    standing_units: int | None = None
    "What the order is for as far as the engine knows, filled units included: for brokers whose change repeats it."
    number: int = 0
    "Which change of the order it is, from 1; its answer repeats it."


class CancelOrder(CommandBase, frozen=True, kw_only=True):
    """Cancel an open order."""

    account: str
    tag: str
    order_id: str


class ReadAccount(CommandBase, frozen=True, kw_only=True):
    """Read what is asked for of one account, in the order: orders, positions, funds. Answered by `AccountRead`."""

    account: str
    orders: bool = False
    positions: bool = False
    funds: bool = False


class AskMargin(CommandBase, frozen=True, kw_only=True):
    """Ask the broker what orders would block beside what the account holds. Answered by `MarginTold`."""

    account: str
    basket: Basket


class Subscribe(CommandBase, frozen=True, kw_only=True):
    """Deliver quotes of these instruments from now on; the newest known one at once."""

    instruments: tuple[InstrumentId, ...]


class Severity(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


class Notify(CommandBase, frozen=True, kw_only=True):
    """One line for people: what happened, to which account and instrument, what to do next."""

    at_ns: int
    severity: Severity
    text: str
    account: str = ""
    symbol: str = ""


class RecordFill(CommandBase, frozen=True, kw_only=True):
    """Keep a fill in the journal, for people who look at past days; nobody else acts on it."""

    account: str
    exchange: str
    symbol: str
    product: str
    side: Side
    units: int
    price_inr: Decimal | None
    "Average price of these units, `None` where the broker told none."
    order_id: str
    order_tag: str
    "Ours; '' for the master's."
    opens: bool
    scope: str
    strategy: int
    "Number of the strategy of that scope, 0 before the first one."
    started_ns: int
    source: str
    "`LIVE` or `PAPER`: where the order went."
    copy: int | None = None
    "Number of the decision that the order belongs to, where one was made before the fill."
    master_price_inr: Decimal | None = None
    "What a child's fill is measured by, `None` where the master did not trade."


class RecordStrategy(CommandBase, frozen=True, kw_only=True):
    """Keep how a strategy stands in the journal: at its start, when it gets another name, and at its end."""

    scope: str
    strategy: int
    started_ns: int
    state: str
    name: str
    "What its legs make, at their largest."
    source: str
    baseline_inr: Decimal | None
    ratios: dict[str, str]


Write = PlaceOrder | ModifyOrder | CancelOrder
Record = RecordFill | RecordStrategy
Command = PlaceOrder | ModifyOrder | CancelOrder | ReadAccount | AskMargin | Subscribe | Notify | Record
