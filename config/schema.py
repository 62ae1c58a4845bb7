"""The configuration's schema: one frozen section per concern, defaults and units as in `config.example.yaml`.

It must not read files and must not know what the values are used for. Ranges that a single value must keep are checked
by `config.load`, which can name file, line and key.
"""

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

import msgspec

FOLLOWED_EXCHANGES: Final = ("NSE", "BSE", "NFO", "BFO")
"""Those whose hours and holidays are known here.

The others trade when these are closed: what is bought there, and cannot be left in the evening, is worse than what is
not copied.
"""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: immutable, keyword-only, unknown keys refused."""


class Mode(StrEnum):
    """Whether orders go to the paper exchange or to the broker."""

    PAPER = "paper"
    LIVE = "live"


class Follow(StrEnum):
    """What of the master is followed."""

    FILLS = "fills"
    ORDERS = "orders"


class ConfirmWhen(StrEnum):
    """Which copies wait for the operator's answer."""

    NEVER = "never"
    ENTRIES = "entries"
    ALL = "all"


class CopyAs(StrEnum):
    """How a copy is sent."""

    MARKET = "market"
    LIMIT = "limit"
    SAME = "same"


class SizingMode(StrEnum):
    """How many lots a child takes of the master's lots (PRODUCT section 1)."""

    FROZEN_RATIO = "frozen_ratio"
    LIVE_RATIO = "live_ratio"
    FIXED_RATIO = "fixed_ratio"
    FIXED_LOTS = "fixed_lots"
    RISK_PCT = "risk_pct"


class OnMaxLoss(StrEnum):
    """What a breach of the daily loss does, once."""

    STOP_ENTRIES = "stop_entries"
    EXIT_ALL = "exit_all"


class OnLegRefused(StrEnum):
    """What a definite refusal of one leg means for that child's further entries."""

    HOLD = "hold"
    UNWIND = "unwind"
    CONTINUE = "continue"


class OnShortMargin(StrEnum):
    """What a child gets whose margin is not enough for all lots of an entry."""

    REDUCE = "reduce"
    SKIP = "skip"


class OnLegBelowLot(StrEnum):
    """What a leg below one lot means for that child's further entries."""

    HOLD = "hold"
    CONTINUE = "continue"


class OnOrphanFill(StrEnum):
    """What becomes of lots that a child's resting order filled and the master's, which then ended, did not."""

    CLOSE = "close"
    KEEP = "keep"


class StrategyScope(StrEnum):
    """What is flat, has a ratio and ends together."""

    ACCOUNT = "account"
    UNDERLYING = "underlying"


class OnTerminalLost(StrEnum):
    """What a lost terminal does to the engine while a strategy is open."""

    CONTINUE = "continue"
    STOP = "stop"


class LimitFill(StrEnum):
    """At which price the paper exchange fills a marketable limit order."""

    LIMIT = "limit"
    TOUCH = "touch"


class Confirm(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which copies wait for an answer, and for how long."""

    when: ConfirmWhen = ConfirmWhen.ENTRIES
    timeout_s: Decimal = Decimal(30)


class Copy(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a copy is sent, and how far from the master's price it may go."""

    as_: CopyAs = msgspec.field(name="as", default=CopyAs.MARKET)
    limit_buffer_ticks: int = 2
    chase_after_s: Decimal = Decimal(3)
    catch_up_s: Decimal = Decimal(3)
    max_slippage_pct: Decimal = Decimal("1.0")
    slippage_ticks: int = 4


class Timing(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often things are read, and how old they may be."""

    poll_interval_s: Decimal = Decimal("1.0")
    aggregation_ms: int = 250
    margin_hold_s: Decimal = Decimal(10)
    margin_jump_pct: Decimal = Decimal("1.0")
    margin_stale_s: Decimal = Decimal(60)
    max_signal_age_s: Decimal = Decimal(30)


class RatioSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of every ratio."""

    max_ratio: Fraction = Fraction(1)


class Risk(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gates before every entry; `None` means off. The same keys may stand under a child, where they bind that child."""

    max_daily_loss_inr: Decimal | None = None
    max_orders_per_minute: int | None = 120
    max_orders_per_day: int | None = None
    max_lots_per_order: int | None = None
    max_lots_per_instrument: int | None = None
    max_open_lots: int | None = None
    max_position_pct: Decimal | None = None
    price_band_pct: Decimal | None = Decimal(20)
    on_max_loss: OnMaxLoss = OnMaxLoss.STOP_ENTRIES
    on_leg_refused: OnLegRefused = OnLegRefused.HOLD
    on_leg_below_lot: OnLegBelowLot = OnLegBelowLot.HOLD
    on_short_margin: OnShortMargin = OnShortMargin.REDUCE
    on_orphan_fill: OnOrphanFill = OnOrphanFill.CLOSE
    leg_wait_s: Decimal = Decimal(3)
    expiry_cutoff: str = "15:00"
    physical_settlement_warn_days: int = 4


class ChildRisk(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A child's own limits, beside the global ones: an order has to pass both."""

    max_daily_loss_inr: Decimal | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_day: int | None = None
    max_lots_per_order: int | None = None
    max_lots_per_instrument: int | None = None
    max_open_lots: int | None = None
    max_position_pct: Decimal | None = None
    price_band_pct: Decimal | None = None
    max_slippage_pct: Decimal | None = None
    expiry_cutoff: str | None = None


class Filters(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the master's instruments are followed; globs over `EXCHANGE:SYMBOL`."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    products: tuple[str, ...] = ("NRML", "MIS")
    order_types: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    options_only: bool = False
    from_time: str | None = None
    to_time: str | None = None


class ChildFilters(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Like `Filters`, for one child's new entries only; everything is allowed that is not excluded."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    order_types: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    options_only: bool = False
    from_time: str | None = None
    to_time: str | None = None


class Paper(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paper exchange."""

    latency_ms: int = 50
    slippage_ticks: int = 0
    limit_fill: LimitFill = LimitFill.LIMIT
    partial_fills: bool = False
    quote_stale_s: Decimal = Decimal(10)
    margins: bool = True


class Sizing(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a child's lots come from the master's; only the key of its own mode is set."""

    mode: SizingMode = SizingMode.FROZEN_RATIO
    ratio: Fraction | None = None
    lots: int | None = None
    pct: Decimal | None = None


class Account(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the master and a child have in common. `capital_inr` is for `broker: paper`."""

    id: str
    broker: str | None = None
    credentials: str | None = None
    name: str | None = None
    capital_inr: Decimal | None = None
    paper_capital_inr: Decimal | None = None


class Child(Account, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A child: what every account has, and how it follows."""

    max_capital_inr: Decimal | None = None
    max_ratio: Fraction | None = None
    live: bool = False
    sizing: Sizing = Sizing()
    risk: ChildRisk = ChildRisk()
    filters: ChildFilters = ChildFilters()


class BrokerUrls(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a broker is reached; `None` is the broker's own address."""

    root_url: str | None = None
    ticker_url: str | None = None


class AngelOneUrls(BrokerUrls, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Angel One is reached: its order updates and its scrip master come from servers of their own."""

    order_stream_url: str | None = None
    scrip_url: str | None = None


class Brokers(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses by broker, for a sandbox or a proxy."""

    zerodha: BrokerUrls = BrokerUrls()
    angel_one: AngelOneUrls = AngelOneUrls()


class StateFiles(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept on disk; `None` means everything."""

    keep_days: int | None = 30


class Demo(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The simulated market of the demo."""

    seed: int = 7
    speed: Decimal = Decimal(1)


class Settings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    master: Account
    children: tuple[Child, ...]
    mode: Mode = Mode.PAPER
    follow: Follow = Follow.FILLS
    confirm: Confirm = Confirm()
    copy: Copy = Copy()
    timing: Timing = Timing()
    ratio: RatioSettings = RatioSettings()
    risk: Risk = Risk()
    strategy_scope: StrategyScope = StrategyScope.ACCOUNT
    on_terminal_lost: OnTerminalLost = OnTerminalLost.CONTINUE
    filters: Filters = Filters()
    paper: Paper = Paper()
    brokers: Brokers = Brokers()
    state: StateFiles = StateFiles()
    demo: Demo = Demo()
