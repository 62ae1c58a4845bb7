"""What the dashboard sees: an immutable picture of the engine at one moment. Defined here, built by `engine.view`.

Lots are signed (+ long, - short). Everything that the engine does not know is `None` or a state that says so; a screen
must show that as unknown and never as zero.
"""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from msgspec.structs import replace

from config.schema import ConfirmWhen, Mode
from engine.commands import Severity
from engine.core.sizing import capped_ratio
from engine.model import NS_PER_S, Basket, LegId, OrderType, Side, Value

T = TypeVar("T")


class EngineState(StrEnum):
    """What the engine may do right now."""

    STARTING = "starting"
    "Books and positions are not read yet: nothing is sent."
    ARMED = "armed"
    "Entries and exits are sent."
    DISARMED = "disarmed"
    "After an unclean stop, until the operator resumes: exits only."
    PAUSED = "paused"
    "Exits only, by the operator."
    KILLED_ENTRIES = "killed 1"
    KILLED_ALL = "killed 2"
    FAILED = "failed"
    "The engine stopped by itself (journal, invariant): nothing is sent."
    STOPPED = "stopped"


class CellState(StrEnum):
    """How one child stands in one leg. Most urgent last."""

    NONE = "none"
    "The child has nothing to do with the leg."
    IN_STEP = "in step"
    SKIPPED = "skipped"
    AWAITING = "awaiting"
    "Waits for the operator's answer."
    WORKING = "working"
    DRIFT = "drift"
    HELD = "held"
    UNKNOWN = "unknown"


class ChildState(StrEnum):
    """How one child stands as a whole."""

    IDLE = "idle"
    "No strategy; nothing held."
    IN_STEP = "in step"
    WORKING = "working"
    SKIPPED = "skipped"
    LOSS = "loss limit"
    "A daily loss limit has struck: exits only."
    DRIFT = "drift"
    NOT_READ = "not read"
    "Its book and positions are not known: not since this start, or not any more."
    LEFT_OUT = "left out"
    HELD = "held"
    UNKNOWN = "unknown"
    LOGIN_REQUIRED = "login required"


class StrategyState(StrEnum):
    """Life cycle of a strategy, per scope."""

    FLAT = "FLAT"
    ACTIVE = "ACTIVE"
    EXITING = "EXITING"


class Cell(Value, frozen=True, kw_only=True):
    """One child in one leg."""

    child: str
    state: CellState
    have_lots: Decimal
    "What this program opened and still holds."
    want_lots: Decimal
    "The target last decided."
    working_lots: Decimal = Decimal(0)
    awaiting_lots: Decimal = Decimal(0)
    unknown_lots: Decimal = Decimal(0)
    external_lots: Decimal = Decimal(0)
    "The child's own position beside ours."
    orphaned_lots: Decimal = Decimal(0)
    "Handed over to the owner and not closed by him yet; part of the external lots."
    missing_lots: Decimal = Decimal(0)
    "What a resync would offer: lots missed for good, beyond the target."
    by_hand_lots: Decimal = Decimal(0)
    "Of what it is to have, what a ticket added."
    residue_lots: Fraction = Fraction(0)
    "What rounding kept from the child: ratio x master's lots less the whole lots."
    reason: str = ""
    "Why it was skipped or is held, one wording everywhere."
    since_ns: int | None = None
    "Since when it is not in step."
    pnl_inr: Decimal | None = None
    average_inr: Decimal | None = None


class LegRow(Value, frozen=True, kw_only=True):
    """One leg of the master and every child's cell in it, in the children's order."""

    leg: LegId
    scope: str
    exchange: str
    symbol: str
    product: str
    title: str
    "For people: `NIFTY 24750 CE 02Sep`."
    lot_units: int | None
    "`None`: the instrument is unknown."
    master_lots: Decimal
    background_lots: Decimal
    adoptable: bool = True
    "Whether background lots may be followed from now on."
    master_average_inr: Decimal | None
    last_inr: Decimal | None
    bid_inr: Decimal | None
    ask_inr: Decimal | None
    quote_at_ns: int | None
    quote_stale: bool
    master_pnl_inr: Decimal | None
    followed: bool
    cells: tuple[Cell, ...]
    changed: str = ""
    "How the instrument changed over night, '' when it did not; waits for the operator."


class ChildScope(Value, frozen=True, kw_only=True):
    """What one child's part in one strategy is, or was in the last one while its margins settle."""

    scope: str
    ratio: Fraction | None = None
    capital_inr: Decimal | None = None
    "The capital that the ratio was taken from."
    ratio_at_ns: int | None = None
    "When the margins that it was taken from were read, `None` for a ratio that is set."
    capital_now_inr: Decimal | None = None
    "What it would be taken from now; `None` for a ratio that is set, and where the broker does not say what is used."
    moved: Decimal | None = None
    "How far that is from what it was taken from, as a part of it: 0.32 is 32 % more."
    entries_stopped: str = ""
    "Why it takes no entries in it, '' when it does."


class NextRatio(Value, frozen=True, kw_only=True):
    """From what a child's ratio would be taken if a strategy began now."""

    capital_inr: Decimal
    "The child's, before its cap: what would be available if nothing of ours was open."
    master_inr: Decimal
    "The master's; positive, as is the child's."
    most: Fraction
    "The largest ratio that is allowed for the child."
    cap_inr: Decimal | None

    def with_most(self, most: Fraction) -> "NextRatio":
        """The same with another largest ratio."""
        return replace(self, most=most)

    @property
    def ratio(self) -> Fraction | None:
        """The ratio with the cap in force, `None` where it lets nothing pass."""
        return self.capped(self.cap_inr)

    def capped(self, cap_inr: Decimal | None) -> Fraction | None:
        """The ratio with another cap (`None`: without one), `None` where it lets nothing pass (PRODUCT 1.4)."""
        if cap_inr is not None and cap_inr <= 0:
            return None
        return capped_ratio(self.capital_inr, cap_inr, self.master_inr, self.most)


def _same(values: Iterable[T | None]) -> T | None:
    """What all values are, `None` where they differ or there is none."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


class ChildColumn(Value, frozen=True, kw_only=True):
    """One child account."""

    id: str
    name: str
    broker: str
    live: bool
    "May trade live when the mode is LIVE."
    state: ChildState
    reason: str
    sizing: str
    "`frozen ratio`, `fixed 1/2`, `2 lots` ..."
    scopes: tuple[ChildScope, ...] = ()
    available_inr: Decimal | None
    available_at_ns: int | None
    max_capital_inr: Decimal | None
    next_ratio: NextRatio | None = None
    "`None` where no ratio is taken from margins, or a margin is not known."
    day_inr: Decimal | None
    "Result since the previous close, realised and open, before charges; `None` when a price is missing."
    pnl_inr: Decimal | None
    "The same of what was held or traded today since it was opened, be it days ago."
    realised_inr: Decimal
    "Of that, what closed lots made."
    pnl_stale: bool = False
    "Whether a price in it is old."
    charges_inr: Decimal
    "Of the day."
    drift_lots: Decimal
    missed_lots: Decimal = Decimal(0)
    "What it missed for good of all legs and a resync would offer: no drift, for it is not wanted any more."
    drift_since_ns: int | None = None
    "Since when the oldest leg of it is not in step; `None` without drift."
    read_at_ns: int | None
    "When its positions were last read completely."
    left_out: str = ""
    "Why it takes no part in a running strategy, '' when it does; something more urgent may be its state."

    @property
    def ratios(self) -> tuple[ChildScope, ...]:
        """Its part in the strategies in which it has a ratio."""
        return tuple(scope for scope in self.scopes if scope.ratio is not None)

    @property
    def ratio(self) -> Fraction | None:
        """Its ratio, where it has one and the same in all strategies."""
        return _same(scope.ratio for scope in self.ratios)

    @property
    def capital_inr(self) -> Decimal | None:
        """The capital that its ratio was taken from, where that is the same in all strategies."""
        return _same(scope.capital_inr for scope in self.ratios)

    @property
    def capital_now_inr(self) -> Decimal | None:
        """What its ratio would be taken from now, where that is known and the same in all strategies."""
        return _same(scope.capital_now_inr for scope in self.ratios)

    @property
    def ratio_at_ns(self) -> int | None:
        """When the oldest of its ratios was taken, `None` where none was taken from margins."""
        return min((scope.ratio_at_ns for scope in self.ratios if scope.ratio_at_ns is not None), default=None)

    @property
    def entries_stopped(self) -> str:
        """Why it takes no entries, '' when it does; where it is stopped in some strategies only, in which."""
        told = [scope for scope in self.scopes if scope.entries_stopped]
        if len(told) == len(self.scopes) and len({scope.entries_stopped for scope in told}) == 1:
            return told[0].entries_stopped
        return "; ".join(f"{scope.scope}: {scope.entries_stopped}" for scope in told)


class Limit(Value, frozen=True, kw_only=True):
    """One bound of one account, as a person reads it."""

    account: str
    name: str
    bound: str | None
    "'' where it is off, `None` where there is nothing to set."
    now: str
    "What is used of it, or how it stands; '' where that is a matter of each entry."
    stopped: int
    "Symbols of which it stopped or cut an entry today."


class StrategyView(Value, frozen=True, kw_only=True):
    """One strategy (per scope)."""

    scope: str
    state: StrategyState
    name: str
    "`iron condor`, `custom` ..."
    started_ns: int | None
    baseline_inr: Decimal | None
    baseline_at_ns: int | None
    baseline_moved: Decimal | None = None
    "How far the master's capital has moved since, as a part of the baseline; `None` where that is not known."
    mode: Mode
    exit_only: bool
    "After a reset."
    master_pnl_inr: Decimal | None
    "The master's result in it since it began, before charges; `None` when a price is missing."
    children_pnl_inr: Decimal | None
    "The same of all children."
    reason: str
    "Why there is no ratio, '' when there is one."


class SampleView(Value, frozen=True, kw_only=True):
    """The newest quiet margin sample, for the time when the master is flat."""

    at_ns: int
    master_inr: Decimal
    settled: bool
    note: str = ""
    "`fall of 40 % not yet counted` ..."


AWAITS_ANSWER = "awaits your answer"
"""Status of a child's part of a copy that stands in a prompt."""


class OrderTrace(Value, frozen=True, kw_only=True):
    """One order of a copy by stage. Times of the engine's clock in ns, 0 for not (yet), or not known any more."""

    tag: str
    order_id: str
    units: int
    filled_units: int
    status: str
    order_type: OrderType
    price_inr: Decimal | None
    "Its limit, or the trigger of an SL-M; `None` for MARKET."
    decided_ns: int
    durable_ns: int = 0
    "The journal had it on disk."
    sent_ns: int = 0
    "Its account's connection had it; of a resent one the last time."
    answered_ns: int = 0
    "The broker was known to have it."
    done_ns: int = 0
    "Its end was known."
    tries: int = 1


class CopyLine(Value, frozen=True, kw_only=True):
    """One child's part of a copy."""

    child: str
    units: int
    filled_units: int
    status: str
    reason: str = ""
    average_inr: Decimal | None = None
    latency_ms: int | None = None
    "From the master's fill to the child's last one; up to a second less where his broker's clock has only seconds."
    slippage_inr: Decimal | None = None
    "Per unit, against the master's price; + is worse for the child."
    why: str = ""
    "How its size was found, '' where that is not known."
    orders: tuple[OrderTrace, ...] = ()


class CopyRow(Value, frozen=True, kw_only=True):
    """One decision and what became of it at every child."""

    id: int
    at_ns: int
    leg: LegId
    title: str
    side: Side
    entry: bool
    master_lots: Decimal | None
    "What he held after his trade, or his order that a copy rests for is of; `None` where nothing of his led to it."
    master_price_inr: Decimal | None
    lines: tuple[CopyLine, ...]
    done: bool
    traded_ns: int = 0
    "When the master traded, by his broker's clock; 0 where he did not."
    learned_ns: int = 0
    "When the engine knew of it."


class WorkingOrder(Value, frozen=True, kw_only=True):
    """One child order that is not finished."""

    account: str
    tag: str
    order_id: str
    leg: LegId
    title: str
    side: Side
    entry: bool
    units: int
    filled_units: int
    order_type: OrderType
    status: str
    reason: str
    since_ns: int
    deadline_ns: int | None = None
    "UNKNOWN orders: when it is called absent."
    limit_inr: Decimal | None = None
    "`None` for an order through the market."
    trigger_inr: Decimal | None = None


class PromptRow(Value, frozen=True, kw_only=True):
    """One child in one leg of a prompt."""

    child: str
    leg: LegId
    title: str
    side: Side
    lot_units: int
    units: int
    price_inr: Decimal | None
    price_stale: bool = False
    "Whether the quote that it comes from is old."
    value_inr: Decimal | None
    available_inr: Decimal | None
    charges_inr: Decimal | None
    ratio: Fraction | None
    void_units: int = 0
    "What is still asked about although the master has left the leg: an approval would send nothing of it."
    would_be_refused: bool = False
    "Whether the slippage limit refuses it at the present price, for which `reason` has the figures."
    reason: str = ""
    "Why it is skipped (`units` is 0 then), or what speaks against it."


class PromptMargin(Value, frozen=True, kw_only=True):
    """What all entries of one child in a prompt would block on top of what it holds, hedges counted."""

    basket: Basket
    needed_inr: Decimal | None
    "`None` while a price is missing."
    is_brokers: bool = False
    "The broker's own figure; else it is estimated."


class PromptView(Value, frozen=True, kw_only=True):
    """A question that waits for the operator."""

    id: str
    kind: str
    "`entry`, `exit`, `join`, `adopt`, `resync`, `restart`."
    title: str
    opened_ns: int
    deadline_ns: int
    at_deadline: str
    "What happens at the deadline: `declined`, `sent`."
    signal_ns: int | None
    master_lots: Decimal | None
    master_price_inr: Decimal | None
    rows: tuple[PromptRow, ...]
    margins: tuple[PromptMargin, ...] = ()
    "Of each child that would enter something."


class LeftOpen(Value, frozen=True, kw_only=True):
    """One child in one leg that a session left open which did not end well."""

    child: str
    leg: LegId
    title: str
    product: str
    units: int
    "Ours, signed."
    working: int
    "Orders that work or wait to be sent."
    unknown: int
    held: int
    due: str
    "Why an exit that is due waits, '' when none is."
    answer: str
    "`flattened` or `handed over` where the operator has chosen so already."


class RestartView(Value, frozen=True, kw_only=True):
    """The question of an unclean start."""

    rows: tuple[LeftOpen, ...]
    master: tuple[tuple[str, int], ...]
    "Followed lots of the master: title and signed units."
    master_read: bool
    strategy: str
    "Name of the recorded strategy, '' when there is none."
    strategy_state: StrategyState
    started_ns: int | None
    exits_ns: int | None
    "When the exits that wait for an answer go without one, `None` when none waits."
    may_start_fresh: bool


class Attention(Value, frozen=True, kw_only=True):
    """One thing that waits for the operator, most urgent first in the snapshot."""

    severity: Severity
    text: str
    key: str = ""
    "The key that deals with it, '' when there is none."
    account: str = ""
    symbol: str = ""
    deadline_ns: int | None = None


class NoticeLine(Value, frozen=True, kw_only=True):
    """One event line, numbered without gaps so that a reader sees whether it missed some."""

    number: int
    at_ns: int
    severity: Severity
    text: str
    account: str = ""
    symbol: str = ""


class MasterLink(Value, frozen=True, kw_only=True):
    """How fresh what we know of the master is."""

    account: str
    connected: bool
    read_at_ns: int | None
    "Last complete read of book and positions."
    push_at_ns: int | None
    "Last pushed update."
    available_inr: Decimal | None
    error: str = ""
    needs_login: bool = False
    late_ns: int = 5 * NS_PER_S
    "An older read is late: the polls are so far apart at this time of day."


class Snapshot(Value, frozen=True, kw_only=True):
    """Everything a screen may show."""

    seq: int
    at_ns: int
    "The engine's clock when it was built (scaled in a replay)."
    engine: EngineState
    engine_reason: str
    mode: Mode
    mode_next: Mode | None
    "Requested for after the running strategy."
    confirm: ConfirmWhen
    source: str
    "`demo`, `replay 2025-08-29`, '' for real brokers."
    speed: Decimal
    market_open: bool
    market_opens_ns: int | None
    "Next opening, when closed."
    market_closes_ns: int | None
    "This session's close, when open."
    master: MasterLink
    master_day_inr: Decimal | None
    "The master's result of the day in followed lots, before charges; `None` when a price is missing."
    children_day_inr: Decimal | None
    "The same of all children."
    master_pnl_stale: bool = False
    "Whether a price in the master's result is old."
    in_step: int
    children: tuple[ChildColumn, ...]
    strategies: tuple[StrategyView, ...]
    legs: tuple[LegRow, ...]
    background: tuple[LegRow, ...]
    "Master lots that are shown and not followed."
    sample: SampleView | None
    copies: tuple[CopyRow, ...]
    "Newest first, at most 50."
    working: tuple[WorkingOrder, ...]
    prompts: tuple[PromptView, ...]
    limits: tuple[Limit, ...]
    "Of every child, in the order in which an entry is asked; up to a second old."
    attention: tuple[Attention, ...]
    notices: tuple[NoticeLine, ...]
    "Newest last, at most 200."
    entries_last_minute: int
    restart: RestartView | None = None
    "The question of an unclean start, while it is not answered."
    finished: bool = False
    "A replay or demo has come to its end."
