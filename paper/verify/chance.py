"""Draws a plan from a seed: accounts, settings, what the master does, and every fault that may hit.

Pure: one `random.Random(seed)`, nothing else. It must not look at the engine.
"""

from collections.abc import Collection
from decimal import Decimal
from fractions import Fraction
from random import Random

from msgspec.structs import replace

from config.schema import (
    Account,
    Child,
    Confirm,
    ConfirmWhen,
    Follow,
    Mode,
    OnLegBelowLot,
    OnLegRefused,
    OnShortMargin,
    Paper,
    Risk,
    Settings,
    Sizing,
    SizingMode,
    StrategyScope,
    Timing,
)
from engine.core.symbols import instrument_from_symbol
from engine.model import NS_PER_S, Instrument, LegId
from paper.scenario import MASTER, Scenario
from paper.verify.asking import leg_by_hand, second_word, ticket
from paper.verify.changing import hard_to_change
from paper.verify.chasing import CHASED, with_chased_copies
from paper.verify.crossing import coming_back, crossing
from paper.verify.damage import CHECKPOINT, with_damage
from paper.verify.doubles import CHANGED, DOUBLED, with_changed_tags, with_doubles
from paper.verify.draft import DAY, LOT, SHARES, START_NS, SYMBOLS, TICK, WARM_NS, Draft
from paper.verify.failing import failing_broker
from paper.verify.limits import with_limits
from paper.verify.losing import with_losses
from paper.verify.narrow import with_narrow_windows, with_small_budgets
from paper.verify.nights import over_night
from paper.verify.ordinary import attentive, background, margins, market, master_day
from paper.verify.plan import Plan
from paper.verify.resting import resting_day, with_resting_orders
from paper.verify.rowless import with_rowless_reads
from paper.verify.shares import is_in_shares, with_shares
from paper.verify.sizes import with_sizes
from paper.verify.statuses import STATUS, with_unknown_statuses
from paper.verify.suspending import NAMES as SUSPENSIONS
from paper.verify.suspending import with_suspensions
from paper.verify.troubles import FAULTS, operator

MASTER_INR = Decimal(1_000_000)
NIGHTS = 0.05
"""The share of days that go on in the next morning."""
NIGHTS_OF_SHARES = 0.4
"""The same of days of shares: what is told of them in the morning is what is hard."""
UNWINDING = 0.1
"""The share of days on which a child that cannot have a leg leaves the strategy."""
MARGINS = 0.1
"""The share of days on which orders block margin."""
NIGHT = "night"


def draw(seed: int, faults: Collection[str] | None = None, follow: Follow = Follow.FILLS) -> Plan:
    """The plan of a seed.

    Args:
        seed: Any number.
        faults: Which of `FAULTS` may happen; `None` for all of them.
        follow: What of the master is followed: with `orders` he has resting ones, too.
    """
    rng = Random(seed)
    symbols = rng.sample(SYMBOLS, rng.randint(1, 4))
    settings = _with_policies(_settings(rng), Random(f"{seed}: policies"))
    span_ns = rng.choice((20, 20, 40, 40, 80, 80, 200)) * NS_PER_S
    draft = Draft(rng, [child.id for child in settings.children], symbols, span_ns)
    market(draft)
    held = background(draft)
    master_day(draft)
    if follow is Follow.ORDERS:
        orders = Random(f"{seed}: orders")
        settings = with_resting_orders(settings, orders)
        resting_day(draft, orders)
        hard_to_change(draft, Random(f"{seed}: changes"), fails=faults is None)
    if rng.random() < 0.3:
        margins(draft)
    if settings.confirm.when is not ConfirmWhen.NEVER and rng.random() < 0.6:
        attentive(draft)
    names = list(FAULTS) if faults is None else [name for name in FAULTS if name in faults]
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5)) if names else 0):
        name = rng.choice(names)
        FAULTS[name](draft)
    if "operator" in names and rng.random() < 0.15:
        operator(draft)
    if "operator" in names:
        second_word(draft, Random(f"{seed}: resync"))
        leg_by_hand(draft, Random(f"{seed}: leg"))
        ticket(draft, Random(f"{seed}: ticket"))
    if faults is None:
        failing_broker(draft, Random(f"{seed}: broker"))
        crossing(draft, Random(f"{seed}: crossing"))
        if follow is Follow.ORDERS:
            coming_back(draft, Random(f"{seed}: coming back"))
    plan = Plan(
        seed=seed,
        scenario=_scenario(rng, seed, settings, symbols, held),
        happenings=tuple(sorted(draft.happenings, key=lambda h: h.at_ns)),
        calm_ns=START_NS + WARM_NS + span_ns + 5 * NS_PER_S,
        resync=rng.random() < 0.4,
    )
    plan = with_shares(plan, Random(f"{seed}: shares"))
    nights = NIGHTS_OF_SHARES if is_in_shares(plan) else NIGHTS
    is_over_night = rng.random() < nights and (faults is None or NIGHT in faults)
    plan = over_night(plan, rng) if is_over_night else plan
    plan = with_limits(plan, Random(f"{seed}: risk limits"))
    plan = with_sizes(plan, Random(f"{seed}: sizes"))
    plan = plan if is_over_night else with_losses(plan, Random(f"{seed}: losses"))
    plan = with_narrow_windows(plan, Random(f"{seed}: order limits"))
    plan = with_small_budgets(plan, Random(f"{seed}: budget"))
    plan = with_rowless_reads(plan, Random(f"{seed}: rowless")) if faults is None else plan
    plan = with_suspensions(plan, Random(f"{seed}: suspended"), faults)
    plan = with_damage(plan, Random(f"{seed}: checkpoint"), faults)
    plan = with_doubles(plan, Random(f"{seed}: tag twice"), faults)
    plan = with_changed_tags(plan, Random(f"{seed}: tag changed"), faults)
    plan = with_unknown_statuses(plan, Random(f"{seed}: status"), faults)
    return with_chased_copies(plan, Random(f"{seed}: chase"), faults)


def _scenario(rng: Random, seed: int, settings: Settings, symbols: list[str], held: dict[LegId, int]) -> Scenario:
    freeze = rng.choice((None, None, 4 * LOT, 7 * LOT + 10))
    return Scenario(
        name=f"seed {seed}",
        day=DAY,
        start_ns=START_NS,
        end_ns=START_NS,
        settings=settings,
        instruments=tuple(_instrument(symbol, freeze) for symbol in symbols),
        master_positions=held,
        instruments_next_day=None,
        steps=(),
        expect={},
        mode=settings.mode,
    )


def _instrument(symbol: str, freeze_units: int | None) -> Instrument:
    return instrument_from_symbol("NFO", symbol, LOT, TICK, freeze_units)


def _settings(rng: Random) -> Settings:
    children = tuple(_child(rng, number) for number in range(rng.randint(1, 3)))
    when = rng.choice((ConfirmWhen.NEVER, ConfirmWhen.NEVER, ConfirmWhen.NEVER, ConfirmWhen.ENTRIES, ConfirmWhen.ALL))
    return Settings(
        master=Account(id=MASTER, broker="paper", capital_inr=MASTER_INR),
        children=children,
        confirm=Confirm(when=when, timeout_s=Decimal(5)),
        timing=Timing(
            poll_interval_s=Decimal(rng.choice((1, 2, 5, 5, 5, 5, 5, 10))),
            aggregation_ms=rng.choice((0, 250, 250, 1000)),
        ),
        risk=Risk(
            max_orders_per_minute=None,
            on_leg_refused=rng.choice((OnLegRefused.HOLD, OnLegRefused.CONTINUE)),
            on_leg_below_lot=rng.choice((OnLegBelowLot.HOLD, OnLegBelowLot.CONTINUE)),
            leg_wait_s=Decimal(rng.choice((1, 3))),
        ),
        strategy_scope=rng.choice((StrategyScope.ACCOUNT, StrategyScope.ACCOUNT, StrategyScope.UNDERLYING)),
        paper=Paper(
            margins=False, partial_fills=rng.random() < 0.3, latency_ms=rng.choice((5, 50, 50, 400)),
            quote_stale_s=Decimal(100_000),
        ),
    )  # fmt: skip


def _with_policies(settings: Settings, rng: Random) -> Settings:
    """What seeds before did not know."""
    if rng.random() < UNWINDING:
        settings = replace(settings, risk=replace(settings.risk, on_leg_refused=OnLegRefused.UNWIND))
    if rng.random() < MARGINS:
        what = rng.choice((OnShortMargin.REDUCE, OnShortMargin.REDUCE, OnShortMargin.SKIP))
        risk = replace(settings.risk, on_short_margin=what)
        settings = replace(settings, risk=risk, paper=replace(settings.paper, margins=True))
        if rng.random() < 0.5:  # as at a broker that is asked
            children = tuple(replace(child, broker="zerodha", live=True) for child in settings.children)
            settings = replace(settings, mode=Mode.LIVE, children=children)
    return settings


def _child(rng: Random, number: int) -> Child:
    sizing = Sizing()
    mode = rng.random()
    if mode < 0.1:
        sizing = Sizing(mode=SizingMode.FIXED_RATIO, ratio=Fraction(1, 2))
    elif mode < 0.15:
        sizing = Sizing(mode=SizingMode.FIXED_LOTS, lots=2)
    return Child(id=f"C{number + 1}", broker="paper", capital_inr=rng.choice(SHARES), sizing=sizing)


FAULT_NAMES = (*FAULTS, NIGHT, *SUSPENSIONS, CHECKPOINT, DOUBLED, CHANGED, STATUS, CHASED)
"""Every name that `--faults` takes."""
