"""A child in the engine's state: its orders, legs, mirrors and limits of the day. Plain data, no behaviour.

Quantities are units: + long, - short where signed. Those of a plan are absolute, in the direction of `ChildLeg.sign`.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from engine.commands import CancelOrder, ModifyOrder
from engine.core.lifecycle import OrderState
from engine.core.state_master import ZERO, Suspicion
from engine.events import Request
from engine.model import (
    Basket,
    Instrument,
    LegId,
    OrderType,
    Side,
)


class Terms(msgspec.Struct, kw_only=True):
    """How an order is to trade."""

    order_type: OrderType = OrderType.MARKET
    price_inr: Decimal | None = None
    trigger_inr: Decimal | None = None


class Asked(msgspec.Struct, kw_only=True):
    """A modification that was sent and that the broker has not shown yet."""

    terms: Terms
    units: int | None
    "The whole quantity, filled units included; `None`: as it was."
    standing_units: int = 0
    "What it was as far as we knew: some brokers want it repeated."
    sent_ns: int
    answered_ns: int = 0
    lost_ns: int = 0
    "When it was given up without an answer; that may come still."
    shown_units: int | None = None
    "The smaller quantity that the broker has shown meanwhile; `None`: none."
    follows: bool = False
    "What became of the change before it was not known."


class ChildOrder(msgspec.Struct, kw_only=True):
    """One order of a child, from the decision to its end."""

    tag: str
    account: str
    leg: LegId
    side: Side
    units: int
    entry: bool
    decision: int
    slice: int = 0
    state: OrderState = OrderState.QUEUED
    filled: int = 0
    value_inr: Decimal = ZERO
    "Filled units x average price."
    order_id: str = ""
    reason: str = ""
    signal_ns: int = 0
    master_price_inr: Decimal | None = None
    created_ns: int = 0
    sent_ns: int = 0
    acked_ns: int = 0
    done_ns: int = 0
    changed_ns: int = 0
    not_before_ns: int = 0
    wait_until_ns: int = 0
    tries: int = 0
    resolve_step: int = 0
    resolve_from_ns: int = 0
    absent_reads: int = 0
    hastened: bool = False
    "The operator looked for it at the broker himself."
    cancelling_ns: int = 0
    "When the cancel was asked for, 0 for not."
    cancel_refused: bool = False
    "Whether the broker refused the newest cancel: an end that comes then is somebody else's."
    chased_ns: int = 0
    chases: int = 0
    terms: Terms = msgspec.field(default_factory=Terms)
    "As the broker showed them last; before that, as it is sent."
    terms_ns: int = 0
    "The broker's time of what he showed."
    asked: Asked | None = None
    modifications: int = 0
    "How often it was changed."
    reference_inr: Decimal | None = None
    "What its slippage is bounded by, `None` for an exit, which is never held for price."
    held_after_cancel: str = ""
    "Why its rest is held as soon as the broker has cancelled it."
    mirrors: str = ""
    "The master's order that it rests for (`follow: orders`); '' for one that is to be filled now."
    renewed: bool = False
    "It was cancelled to be placed anew: nothing of it is missed."
    refused_ns: int = 0
    "When its newest change was not accepted."
    refusals: int = 0
    "Changes that the broker refused, in a row."
    afforded: bool = False
    "The margin of an entry was judged."
    external_units: int = 0
    "The owner's own position in the leg when the order was sent: what an unknown order's absence is judged by."
    day: str = ""
    "The trading day in whose book it is looked for."

    @property
    def remaining(self) -> int:
        """Units not filled."""
        return self.units - self.filled


class Mirror(msgspec.Struct, kw_only=True):
    """A child's part of one order of the master that rests, or did until a moment ago. Units of the child."""

    order_id: str
    "The master's."
    entry: bool
    side: Side
    sized_units: int = 0
    "The child's part of the whole order (entries)."
    sized_for: int = 0
    "The master's quantity that it was sized for: a ratio that moves meanwhile changes nothing."
    units: int = 0
    "What is to be filled and to rest for it now, filled units included."
    due_units: int = 0
    "What of it the master's fills are worth by now (entries)."
    decided_units: int = 0
    "What the target counts of it by now (for an exit: fell by): what was filled beyond it is ahead of the master."
    is_sized: bool = False
    "It was sized at least once (entries)."
    seen_units: int = 0
    "What the master had filled when that was last reckoned (exits)."
    fall_units: int = 0
    "What the target falls by when his exit fills: what rests beyond it is due already."
    backs: bool = True
    "His order works, or ended a moment ago: what was filled ahead of it stays."
    taken_units: int = 0
    "Due units that were taken off the resting orders, to be completed through the market."
    completed_units: int = 0
    "Of the taken ones, those that orders were sent for."
    missed_units: int = 0
    "Units that are not placed (any more): declined, stopped by a gate, cancelled at the broker."
    told_units: int = 0
    "Of the missed ones, those that the target was lowered by."
    asked_units: int = 0
    "Units in an open prompt."
    granted_units: int = 0
    "Units that the operator approved and that are not placed yet."
    done_units: int = 0
    "Filled by orders that no longer rest for it."
    left_units: int = 0
    "Filled by its orders, and no longer of his order: exited by hand, or ahead of it when it ended."
    tags: list[str] = []
    copy_id: int = 0
    reason: str = ""
    "Why it is not mirrored, or only in part."
    owed_since_ns: int = 0
    "Since when the master's fills are worth more than ours."

    @property
    def past_units(self) -> int:
        """What counts as filled beside `tags`; negative where some of what those filled is no longer of his order."""
        return self.done_units - self.left_units


class ChildLeg(msgspec.Struct, kw_only=True):
    """One child in one leg: the pair (B, C), the target and what is held."""

    leg: LegId
    sign: int = 0
    "Direction of the plan; 0 when the master is out and so is the child."
    high_units: int = 0
    "B: the master's largest holding."
    base_units: int = 0
    "C: the child's units for it."
    target_units: int = 0
    "T: the target last decided."
    decided_units: int = 0
    "The master's holding that the target was decided on."
    allocation_units: int = 0
    "What this program opened and still holds, signed."
    peak_units: int = 0
    "The master's largest holding since the leg was opened, for invariant I2."
    cash_inr: Decimal = ZERO
    open_cost_inr: Decimal = ZERO
    "What the present allocation was opened for, at average cost."
    opened_from_inr: Decimal = ZERO
    "What the leg had made when the present allocation was opened, or the last one."
    charges_inr: Decimal = ZERO
    day_start_inr: Decimal = ZERO
    "Result before charges at the previous close: that of the day counts from there."
    day_start_charges_inr: Decimal = ZERO
    orders: list[str] = []
    "Tags of the orders that are not finished."
    mirrors: dict[str, Mirror] = {}
    "By the master's order (`follow: orders`)."
    most_units: int = 0
    "What the leg comes to when all that rests of the master's fills (`follow: orders`)."
    mirrored_target_units: int = 0
    "The target when they were last looked at."
    awaiting_units: int = 0
    "Entry units in an open prompt."
    prompt: str = ""
    "The prompt in which this leg waits."
    entry_pending: bool = False
    "The master added (or crossed zero) while exits were open: the entry follows when they are terminal."
    entry_signal_ns: int = 0
    entry_side: int = 0
    "1 for an entry that waits to buy, -1 for one that waits to sell."
    exit_after_ns: int = 0
    "Exits wait until then (refused and to be tried again)."
    exit_granted: bool = False
    "The operator (or the time-out of his prompt) let the present exit go."
    exit_tries: int = 0
    exit_as_limit: bool = False
    "The broker has refused its newest exit through the market: the next one is sent at a limit."
    flattening: bool = False
    "The operator flattened it: the exit passes every kill level."
    due: bool = False
    due_since_ns: int = 0
    due_reason: str = ""
    cut_told: bool = False
    "That the present exit is cut short by what the broker shows has been said."
    asked_since_ns: int = 0
    "When the operator was first asked about the present exit: it is postponed no longer than a bound from there."
    skipped: str = ""
    "Why the newest entry was not taken or only in part."
    by_hand_units: int = 0
    "Of the base, what a ticket added and nobody has missed since."
    peak_by_hand_units: int = 0
    "The most of it since nothing of the leg was open."
    missed_units: int = 0
    "What was missed of what the sizing gave, for what the master holds now; counts where no ratio tells it."
    lacking: bool = False
    "Lots of it were missed for good: the lone-leg guard holds until the leg is closed or resynced."
    surfaced: bool = False
    "An order that was given up filled after all: until its repair is done the leg may hold too much."
    suspicion: Suspicion | None = None
    fewer_of_his: Suspicion | None = None
    "Reads that show fewer of the owner's own shares than are known, without a sale of today."
    listed: Instrument | None = None
    "What the instrument was on the day before, `None` for a leg that was opened today."
    changed: str = ""
    "How the instrument changed over night; nothing is sent until the operator maps or flattens it."
    night_read: Suspicion | None = None
    "Positions of a new day that orders of an earlier one are judged by; believed when a second read says the same."
    rebuilt: bool = False
    "Orders that the journal did not know were adopted; nothing is exited before the master's holding is known."
    handed_over: bool = False
    "Left to the owner: what still works is cancelled, what still fills is his."
    orphaned_units: int = 0
    "Handed over and not gone from the broker's position yet, signed: shown, not traded."


class OwnFill(msgspec.Struct, kw_only=True):
    """Units of ours that were filled, signed."""

    leg: LegId
    units: int
    at_ns: int
    "From when on a read of positions holds it: soon after the fill, at the latest when we learned of it."
    filled_ns: int = 0
    "The broker's own time of it, 0 where he gave none: a read that began between the two may hold it or not."


class UnderWay(msgspec.Struct, kw_only=True):
    """A write that was handed to the lane and is not answered."""

    request: Request
    tag: str
    at_ns: int
    number: int = 0
    "Which change of its order."


class Traffic(msgspec.Struct, kw_only=True):
    """What was sent for one account, as its broker's rate windows count it."""

    day: str = ""
    "The day that the counts of the day belong to."
    under_way: list[UnderWay] = []
    ended_ns: list[int] = []
    "When writes were answered, oldest first, as far back as the longest window."
    placed: int = 0
    "Orders that we placed on the day, whatever became of them."
    book_rows: int = 0
    "Most rows that a complete read of the day's book had."
    changes: list[CancelOrder | ModifyOrder] = []
    "Cancels and modifications that wait for their turn."
    told_spent: bool = False
    "That the day's orders are used up has been said."


class BreakerPhase(StrEnum):
    """Whether an account gets entries (see `engine.core.breaker`)."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(msgspec.Struct, kw_only=True):
    """How well an account's broker answers writes."""

    phase: BreakerPhase = BreakerPhase.CLOSED
    failures: int = 0
    "Writes in a row without a usable answer."
    failed_ns: int = 0
    "When the newest of them failed."
    openings: int = 0
    "How often it opened since the broker last answered a trial."
    again_ns: int = 0
    "No trial before."
    trial: str = ""
    "Tag of the entry that tries."


class MarginAsk(msgspec.Struct, kw_only=True):
    """What a broker is asked, or was: what entries that wait would block."""

    basket: Basket
    asked_ns: int
    is_answered: bool = False
    needed_inr: Decimal | None = None
    "`None`: nobody knows."


class Child(msgspec.Struct, kw_only=True):
    """One child account."""

    id: str
    traded_at: str = ""
    "Where its orders go (`live at zerodha`), as of the last start."
    legs: dict[LegId, ChildLeg] = {}
    available_inr: Decimal | None = None
    used_inr: Decimal | None = None
    "What the same read said to be blocked or spent, `None` where it did not; for people, nothing is decided by it."
    available_ns: int = 0
    available_began_ns: int = 0
    "When the read of it began: it counts what was done before."
    margin_ask: MarginAsk | None = None
    margin_wait_ns: int = 0
    "Since when entries wait for the broker's word, 0 for not."
    released_ns: int = 0
    "When an entry that worked ended unfilled: the broker's figure of before still has its margin blocked."
    positions: dict[LegId, int] = {}
    "Net units at the last complete read."
    stops: dict[str, int] = {}
    "How often a copy was not made today, or only in part, by the kind of the reason."
    carried: dict[LegId, int] = {}
    "Units carried into this day, signed, as its broker listed them last."
    positions_began_ns: int = 0
    "When that read began; 0 when there was none since this process started."
    positions_at_ns: int | None = None
    sold: dict[LegId, int] = {}
    "Shares that the owner sold himself on this day, as far as they are taken into account."
    sold_of_ours: dict[LegId, int] = {}
    "Those of them that were not his own, and that no read of positions has shown to be gone yet."
    sold_ns: int = 0
    "When the newest of these sales was learned of."
    own_fills: list[OwnFill] = []
    "Our own fills learned since that read began."
    own_fill_ns: dict[LegId, int] = {}
    external: dict[LegId, int] = {}
    orders_at_ns: int = 0
    orders_began_ns: int = 0
    synced: bool = False
    read_sent_ns: int | None = None
    want_orders: bool = False
    want_positions: bool = False
    asked_orders: bool = False
    asked_positions: bool = False
    "What the read under way was asked for: what it fails to bring is asked again with the next poll."
    owed_orders: bool = False
    owed_positions: bool = False
    watches: bool = False
    "An order was given up after it was sent: the book is looked at until the end of the day."
    tags: dict[str, str] = {}
    "Tags of our orders by the broker's order id: a broker may drop the tag."
    error: str = ""
    needs_login: bool = False
    login_lost_ns: int = 0
    "What began later and works was asked with a session that holds."
    stopped: dict[str, str] = {}
    "Why no further entries in this strategy, by scope."
    unwinding: list[str] = []
    "Scopes that are to be left at the end of this event: a leg could not be had."
    loss_hit: bool = False
    max_capital_inr: Decimal | None = None
    resync_ns: int | None = None
    entry_times_ns: list[int] = []
    entries_today: int = 0
    foreign_orders: dict[str, int] = {}
    "Filled units of orders that are not ours, by order id."
    behind: bool = False
    "Its last book was older than what the broker had said before."
    behind_since_ns: int = 0
    "Since when every book was."
    behind_told: bool = False
    "That such a book is believed from now on has been said."
    traffic: Traffic = msgspec.field(default_factory=Traffic)
    breaker: Breaker = msgspec.field(default_factory=Breaker)
    ip_refused: bool = False
    "The broker takes no orders from this machine's address."
    ip_again_ns: int = 0
    "No write before that time."
