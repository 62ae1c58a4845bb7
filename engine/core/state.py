"""The engine's whole state: plain data, serialisable, owned by the core and touched by one thread.

Quantities are units (a leg's own lot may change overnight, its units do not). Signed quantities are + long, - short;
those of a plan are absolute, in the direction of `ChildLeg.sign`. No behaviour here.
"""

from decimal import Decimal
from fractions import Fraction

import msgspec

from config.order_limits import OrderLimits
from config.rates import ChargeRates
from config.schema import Mode, Settings
from engine.core.state_child import Child, ChildOrder
from engine.core.state_master import Master
from engine.model import (
    Funds,
    Instrument,
    InstrumentId,
    LegId,
    Quote,
    Side,
    TradingSession,
)
from engine.snapshot import StrategyState


class Run(msgspec.Struct, kw_only=True):
    """A stretch of equal quiet margin samples."""

    first_ns: int
    last_ns: int
    value_inr: Decimal
    used_inr: Decimal | None = None
    "What was blocked or spent beside it at the newest of them, `None` where the broker did not say."


class Baseline(msgspec.Struct, kw_only=True):
    """The margins that ratios are taken from."""

    at_ns: int
    master_inr: Decimal | None
    children_inr: dict[str, Decimal] = {}
    reasons: dict[str, str] = {}
    "Why a child has none; '' is the master."
    order_id: str = ""
    used_inr: dict[str, Decimal] = {}
    "What was blocked or spent beside these margins, where the broker said so; '' is the master. For people."
    joined: dict[str, Funds] = {}
    "Of children that joined later with a ratio of that moment, what their brokers said then. For people."


class KeptStrategy(msgspec.Struct, frozen=True):
    """What the journal's newest row of a strategy says."""

    number: int
    state: StrategyState
    name: str
    ratios: dict[str, Fraction]


class Strategy(msgspec.Struct, kw_only=True):
    """One strategy scope: from flat to flat."""

    scope: str
    number: int = 0
    state: StrategyState = StrategyState.FLAT
    started_ns: int | None = None
    baseline: Baseline | None = None
    ratios: dict[str, Fraction] = {}
    left_out: dict[str, str] = {}
    mode: Mode = Mode.PAPER
    exit_only: bool = False
    earlier_inr: dict[str, Decimal] = {}
    "By account, what its legs in the scope made before this strategy, less what those of it made that are dropped."
    afforded: dict[str, Fraction] = {}
    "The share of its lots that a child's margin was enough for, where it was not for all."
    last_fill_ns: int = 0
    flat_reads: int = 0
    settled: bool = True
    "Samples count; false from a strategy's start until two samples after its end agree."
    settle_value_inr: Decimal | None = None
    pinned: Baseline | None = None
    "Baseline of the first order that worked while flat."
    last_ratios: dict[str, Fraction] = {}
    "Ratios of the last strategy, for the record."
    last_baseline_inr: Decimal | None = None
    name: str = ""
    "What the master's legs were called at their largest."
    size_units: int = 0
    "How large they were then."
    kept: KeptStrategy | None = None
    "What of it was last kept in the journal."
    quiet_since_ns: int = 0
    "Samples from then on were quiet for this scope, up to its next order."


class PromptItem(msgspec.Struct, kw_only=True):
    """One child in one leg of a prompt."""

    child: str
    leg: LegId
    side: Side
    units: int
    entry: bool
    signal_ns: int
    decision: int
    ratio: Fraction | None = None
    told: Funds | None = None
    "What the broker said when that ratio was taken, `None` for a ratio of the start."
    reference_inr: Decimal | None = None
    "Price when the operator asked for this entry; `None` where the master's price is the measure."
    reason: str = ""
    is_part: bool = False
    "The rest of it was not shown to the operator and is asked anew."


class Prompt(msgspec.Struct, kw_only=True):
    """A question to the operator."""

    id: str
    kind: str
    opened_ns: int
    deadline_ns: int
    latest_ns: int
    "The deadline is never moved beyond."
    items: list[PromptItem] = []


class Sized(msgspec.Struct, kw_only=True):
    """How a child's part of a decision was found, for people."""

    lot_units: int
    "Of the child's."
    his_units: int
    "What the master holds now, or what his order is for (`of_order`)."
    before_units: int = 0
    "The child's target before."
    target_units: int
    "And after; its part of the order."
    ratio: Fraction | None = None
    "What his lots are multiplied with, `None` where the sizing has no ratio."
    sizing: str = ""
    "The sizing in words, where it has no ratio."
    high_units: int = 0
    "The most that he held before ..."
    base_units: int = 0
    "... and what the child's target was for it."
    of_order: bool = False


class Copy(msgspec.Struct, kw_only=True):
    """One decision and the orders that it led to."""

    id: int
    at_ns: int
    leg: LegId
    side: Side
    entry: bool
    master_units: int
    master_price_inr: Decimal | None
    signal_ns: int
    learned_ns: int = 0
    "When the engine learned of the master's newest fill of the leg, 0 where he did not trade."
    tags: list[str] = []
    skipped: dict[str, str] = {}
    passed: dict[str, str] = {}
    "Children that take no part in it, by their sizing or as long as they are left out: nothing of it is missed."
    sized: dict[str, Sized] = {}
    "By child."


class Skip(msgspec.Struct, kw_only=True):
    """A copy that was not made, with its reason. One row per child, symbol and reason."""

    child: str
    symbol: str
    reason: str
    at_ns: int


class State(msgspec.Struct, kw_only=True):
    """Everything."""

    settings: Settings
    mode: Mode
    day: str
    master: Master
    children: dict[str, Child]
    day_began_ns: int = 0
    "When the engine turned to the day: reads that began before say nothing of it."
    joined_ns: int = 0
    "When the process that found the day already turned was started: entries of the day before that are missed."
    expired: dict[InstrumentId, str] = {}
    "Contracts of ours that are over, and their last day: what a broker still lists of them is ignored."
    sessions: tuple[TradingSession, ...] = ()
    calendar_until: str = ""
    "The last day whose holidays are known; '' sets no end."
    charges: ChargeRates | None = None
    order_limits: dict[str, OrderLimits] = {}
    "What each account's broker takes; an account that is missing is without limits."
    now_ns: int = 0
    started_ns: int = 0
    woke_ns: int = 0
    "When the process was last run again after it had not been run for long."
    stopped: bool = False
    armed: bool = False
    unclean: bool = False
    "The operator has not answered the prompt of an unclean start."
    resume_kept: bool = False
    restart_exit_until_ns: int = 0
    "After a restart that found the master flat: exits wait for the operator until then."
    unheard: dict[str, str] = {}
    "Accounts whose order updates are not pushed now, and why."
    untied: bool = False
    "A leg was rebuilt and its pair not taken yet."
    read_told: list[str] = []
    "Accounts of which has been said that they were read since this process started."
    start_told: bool = False
    "What the start-up found has been said."
    paused: bool = False
    kill: int = 0
    mode_next: Mode | None = None
    instruments: dict[str, dict[InstrumentId, Instrument]] = {}
    "By account; '' is the file of every account that has no own one."
    unusable: dict[str, dict[InstrumentId, str]] = {}
    "Why an account's broker does not have an instrument that was looked for there, by account."
    quotes: dict[InstrumentId, Quote] = {}
    subscribed: dict[InstrumentId, int] = {}
    samples: dict[str, list[Run]] = {}
    "Margin samples by account, oldest first. Which of them were quiet is a matter of each scope."
    strategies: dict[str, Strategy] = {}
    orders: dict[str, ChildOrder] = {}
    queue: list[str] = []
    "Tags of orders that wait to be sent."
    prompts: dict[str, Prompt] = {}
    copies: list[Copy] = []
    skips: dict[str, Skip] = {}
    timers: dict[str, int] = {}
    "Named deadlines, ns."
    intents: int = 0
    decisions: int = 0
    prompt_count: int = 0
    loss_hit: bool = False
