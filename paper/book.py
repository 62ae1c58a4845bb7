"""One paper account's order book: rows that only move forward, fills, blocked margin; and its form on disk.

It must not match, validate or talk to anybody: the exchange does.
"""

from decimal import Decimal

import msgspec

from engine.errors import StateRefused
from engine.model import TERMINAL_BOOK, BookStatus, Instrument, OrderReport
from paper.ledger import Ledger, per_unit
from paper.matching import Fill, RestingOrder, needs_trigger

STATE_VERSION = 2
_PAISA = Decimal("0.01")


class BookOrder(msgspec.Struct, kw_only=True):
    """One order. Mutable: owned by its account; what others see of it is `report`."""

    account: str
    report: OrderReport
    is_external: bool = False
    "It happened elsewhere (a scripted or recorded account): never matched, blocks no margin."
    triggered: bool = False
    fill_value_inr: Decimal = Decimal(0)
    "Exact sum of units x price of its fills."
    charges_inr: Decimal = Decimal(0)
    blocked_inr: Decimal = Decimal(0)
    "Margin that its whole quantity needs."
    modifications: int = 0
    taken_number: int = 0
    "Number of the quote whose displayed quantity it took last: a quote is not taken twice."

    @property
    def is_open(self) -> bool:
        """Whether anything can still happen to it."""
        return self.report.status not in TERMINAL_BOOK

    @property
    def open_units(self) -> int:
        """Units not filled."""
        return self.report.quantity - self.report.filled

    @property
    def still_blocked_inr(self) -> Decimal:
        """Margin for the units not filled."""
        if not self.is_open or not self.blocked_inr:
            return Decimal(0)
        return (self.blocked_inr * self.open_units / self.report.quantity).quantize(_PAISA)

    def resting(self, tick_inr: Decimal) -> RestingOrder:
        """What the matching needs of it."""
        report = self.report
        return RestingOrder(
            side=report.side,
            order_type=report.order_type,
            units=self.open_units,
            tick_inr=tick_inr,
            price_inr=report.price_inr,
            trigger_price_inr=report.trigger_price_inr,
            triggered=self.triggered,
            validity=report.validity,
        )

    def fill(self, fills: tuple[Fill, ...], now_ns: int) -> tuple[int, Decimal]:
        """Apply fills; gives their units and value. Filled to the last unit, the order is complete."""
        units = sum(count for count, _ in fills)
        value = sum((count * price for count, price in fills), Decimal(0))
        self.fill_value_inr += value
        filled = self.report.filled + units
        self.report = msgspec.structs.replace(
            self.report,
            filled=filled,
            average_price_inr=per_unit(self.fill_value_inr, filled),
            status=BookStatus.COMPLETE if filled >= self.report.quantity else BookStatus.OPEN,
            status_text="",
            updated_ns=now_ns,
        )
        return units, value

    def set_status(self, status: BookStatus, text: str, now_ns: int) -> None:
        """Move to `status`; what is terminal stays as it is."""
        if self.is_open:
            self.report = msgspec.structs.replace(self.report, status=status, status_text=text, updated_ns=now_ns)

    def change_terms(self, changed: OrderReport, now_ns: int) -> None:
        """Take over type, quantity and prices of `changed`; another type waits for its trigger again."""
        if changed.order_type is not self.report.order_type:
            self.triggered = False
        waits = needs_trigger(changed.order_type) and not self.triggered
        self.modifications += 1
        self.report = msgspec.structs.replace(
            self.report,
            order_type=changed.order_type,
            quantity=changed.quantity,
            price_inr=changed.price_inr,
            trigger_price_inr=changed.trigger_price_inr,
            status=BookStatus.TRIGGER_PENDING if waits else BookStatus.OPEN,
            updated_ns=now_ns,
        )


def merged(known: OrderReport, update: OrderReport) -> OrderReport:
    """A recorded row after an update: the highest filled and the first terminal status are kept.

    An update with less filled, or a repeated one, changes nothing.
    """
    if update.filled < known.filled:
        return known
    if known.status not in TERMINAL_BOOK:
        return update
    if update.filled == known.filled:
        return known
    return msgspec.structs.replace(
        known, filled=update.filled, average_price_inr=update.average_price_inr, updated_ns=update.updated_ns
    )


class PaperAccount(msgspec.Struct, kw_only=True):
    """One account. Mutable: owned by the exchange."""

    ledger: Ledger
    orders: dict[str, BookOrder] = {}
    "The day's orders by id, in the order in which they were accepted."
    working: dict[str, None] = {}
    "Ids of those that are open and ours to match, in the same order."
    available_inr: Decimal = Decimal(0)
    "With margins switched off: what is available, exactly."

    def add(self, order: BookOrder) -> None:
        """Put an order into the book."""
        self.orders[order.report.order_id] = order
        if order.is_open and not order.is_external:
            self.working[order.report.order_id] = None

    def open_orders(self) -> list[BookOrder]:
        """Orders that can still fill here."""
        return [self.orders[order_id] for order_id in self.working]

    def blocked_inr(self) -> Decimal:
        """Margin of all open orders."""
        return sum((self.orders[order_id].still_blocked_inr for order_id in self.working), Decimal(0))


class ExchangeState(msgspec.Struct, kw_only=True):
    """Everything of the exchange that survives a restart."""

    version: int
    accepted: dict[str, int]
    ran_until_ns: int | None
    accounts: dict[str, PaperAccount]
    instruments: tuple[Instrument, ...]
    "Those that a position or order refers to; the new day's file may no longer have them."


def encode(state: ExchangeState) -> bytes:
    """The state as JSON."""
    return msgspec.json.encode(state)


def decode(data: bytes) -> ExchangeState:
    """The state from JSON. Raises `StateRefused` when it is damaged or from another version."""
    try:
        state = msgspec.json.decode(data, type=ExchangeState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateRefused(f"the paper exchange's state cannot be read: {error}") from error
    if state.version != STATE_VERSION:
        raise StateRefused(f"the paper exchange's state has version {state.version}, this program has {STATE_VERSION}")
    return state
