"""One client of the sandbox's broker: his app, his session, and his part of the day's book."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model import LegId, OrderReport
from paper.sandbox.limits import Limits
from paper.sandbox.rows import Json, Terms


@dataclass(slots=True)
class Entry:
    """One order as Kite knows it. Mutable: owned by the book."""

    order_id: str
    report: OrderReport
    "The exchange's newest word; of an order that has not been there, what was asked for."
    terms: Terms
    coming: Terms | None = None
    "Its terms once the modification that is under way is done."
    rows: list[Json] = field(default_factory=list)
    "Every row, the oldest first."


@dataclass(slots=True)
class Traded:
    """What was bought and sold of a leg today; a converted position takes its trades along."""

    bought: int = 0
    bought_inr: Decimal = Decimal(0)
    sold: int = 0
    sold_inr: Decimal = Decimal(0)


@dataclass(slots=True)
class Account:
    """One client of the broker and the app that he uses."""

    user_id: str
    api_key: str
    api_secret: str
    access_token: str = ""
    request_token: str = ""
    token_until_ns: int = 0
    "When the access token dies."
    ip_allowed: bool = True
    capital_inr: Decimal = Decimal(0)
    "What it had when the day began."
    limits: Limits = field(default_factory=Limits)
    entries: dict[str, Entry] = field(default_factory=dict)
    "The day's orders by Kite's id, in the order in which they came."
    at_exchange: dict[str, Entry] = field(default_factory=dict)
    "The same by the exchange's id."
    trades: list[Json] = field(default_factory=list)
    traded: dict[LegId, Traded] = field(default_factory=dict)
    triggers: dict[int, Json] = field(default_factory=dict)
    "Good-till-triggered orders by their id; they outlive the day."
    is_unsorted: bool = False
    "The book comes in no order, as Kite never promised any."
    rejects: bool = False
    "The next order is taken and then refused by risk management."

    def start_day(self, waits: Callable[[Entry], bool]) -> None:
        """Begin a new day: of the orders only those are left that wait for an opening."""
        self.entries = {order_id: entry for order_id, entry in self.entries.items() if waits(entry)}
        self.at_exchange.clear()
        self.trades.clear()
        self.traded.clear()
