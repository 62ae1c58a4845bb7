"""The master in the engine's state: his orders and legs, as read and as followed. Plain data, no behaviour."""

from decimal import Decimal

import msgspec

from engine.model import (
    BookStatus,
    Instrument,
    LegId,
    Side,
    Validity,
)

ZERO = Decimal(0)


class MasterOrder(msgspec.Struct, kw_only=True):
    """One of the master's orders, as far as it was seen."""

    order_id: str
    leg: LegId
    side: Side
    quantity: int
    status: BookStatus
    filled: int = 0
    value_inr: Decimal = ZERO
    "Filled units x average price."
    placed_ns: int = 0
    updated_ns: int = 0
    order_type: str = "MARKET"
    price_inr: Decimal | None = None
    "Its limit as last seen, `None` where it has none."
    trigger_inr: Decimal | None = None
    validity: Validity = Validity.DAY
    variety: str = ""
    "Its kind, as in `OrderReport`."
    terms_ns: int = 0
    "The broker's time of the newest quantity, limit and trigger."
    opened_units: int = 0
    "Filled units that opened strategy lots; the others closed lots or background."
    filled_ns: int = 0
    "When we learned of its newest fill."
    signal_ns: int = 0
    "When that happened."
    ended_ns: int = 0
    "When we learned of its end, 0 while it works."
    followed: bool = False
    "Passed the filters when it was first seen."
    entry_copy: int = 0
    exit_copy: int = 0
    "The decisions about what of it is mirrored (`follow: orders`)."


class Window(msgspec.Struct, kw_only=True):
    """Master fills of one leg that are decided together."""

    first_ns: int
    due_ns: int
    signal_ns: int
    "When the oldest undecided fill happened."


class Suspicion(msgspec.Struct, kw_only=True):
    """A complete read that disagrees with what is known; believed when a second one says the same."""

    net_units: int
    began_ns: int
    since_ns: int
    told: bool = False


class MasterLeg(msgspec.Struct, kw_only=True):
    """The master in one instrument and product."""

    leg: LegId
    scope: str
    units: int = 0
    "Strategy lots (followed), signed."
    background_units: int = 0
    "Shown, never copied, signed."
    cash_inr: Decimal = ZERO
    "Proceeds less cost of the strategy's fills."
    open_cost_inr: Decimal = ZERO
    "What the present strategy lots were opened for, at average cost."
    opened_from_inr: Decimal = ZERO
    "What the leg had made when the present strategy lots were opened, or the last ones."
    day_start_inr: Decimal = ZERO
    "Result at the previous close: that of the day counts from there."
    price_inr: Decimal | None = None
    "Average price of the newest fill."
    order_type: str = "MARKET"
    "Type of the order that filled last."
    side: Side = Side.BUY
    "Its side."
    limit_inr: Decimal | None = None
    "Its limit, `None` where it has none."
    last_fill_ns: int = 0
    "When we learned of the newest fill."
    signal_ns: int = 0
    "When that happened."
    window: Window | None = None
    suspicion: Suspicion | None = None
    listed: Instrument | None = None
    "What the instrument was on the day before."
    changed: str = ""
    "How the instrument changed over night; nothing is concluded from its positions until the operator maps it."
    moved_to: LegId | None = None
    "The leg (another product of the instrument) that some of the strategy lots were converted to."
    moved_units: int = 0
    "Strategy units of this leg that the broker lists there, signed."


class Master(msgspec.Struct, kw_only=True):
    """The master account."""

    account: str
    orders: dict[str, MasterOrder] = {}
    working: list[str] = []
    "Ids of followed orders that work."
    kept_over_night: list[str] = []
    "Ids of orders of an earlier day that wait for the opening of this one, as far as that was said."
    legs: dict[LegId, MasterLeg] = {}
    synced: bool = False
    "Book and positions were read completely since this process started."
    known: bool = False
    "Ever synced: what is new in the book since is a signal, not history."
    available_inr: Decimal | None = None
    used_inr: Decimal | None = None
    "What the same read said to be blocked or spent, `None` where it did not; for people, nothing is decided by it."
    last_update_ns: int = 0
    read_at_ns: int | None = None
    read_began_ns: int = 0
    book_began_ns: int = 0
    "Start of the newest successful read of the order book."
    push_at_ns: int | None = None
    error: str = ""
    needs_login: bool = False
    "Its session is over."
    silent: bool = False
    "That it was not read for long has been said."
    doubtful_since_ns: int | None = None
    "Since when positions and book of the first look contradict each other."
    read_sent_ns: int | None = None
    positions: dict[LegId, int] = {}
    "Net units at the last complete read."
    carried: dict[LegId, int] = {}
    "Units carried into this day, signed, as its broker listed them last."
    unexplained: dict[LegId, int] = {}
    "Legs whose positions and book contradict each other, and when that is said next."
