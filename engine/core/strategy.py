"""The life of a strategy, per scope: FLAT -> ACTIVE -> EXITING -> FLAT. Its ratio is taken once and kept to the end."""

from decimal import Decimal
from fractions import Fraction

from config.schema import Follow
from engine.core import delivery, results
from engine.core.baseline import freeze_ratios, select_baseline
from engine.core.state import Strategy
from engine.core.state_master import MasterOrder
from engine.core.turn import INFO, WARNING, Turn, followed_legs, is_busy
from engine.model import Position
from engine.money import rupees
from engine.snapshot import StrategyState

FLAT_READS = 2
"""Complete reads that must show the master flat before a strategy ends."""


def works(turn: Turn, scope: str) -> bool:
    """Whether a followed order of the master works in a scope."""
    orders = (turn.state.master.orders[order_id] for order_id in turn.state.master.working)
    return any(turn.scope_of(order.leg) == scope and not _outlives_its_shares(turn, order) for order in orders)


def _outlives_its_shares(turn: Turn, order: MasterOrder) -> bool:
    """Whether an order is a sale of shares that are gone meanwhile: what it sells now is the master's own."""
    held = turn.state.master.legs.get(order.leg)
    return delivery.is_sale(order.leg, order.side) and (held is None or not held.units)


def is_quiet(turn: Turn, strategy: Strategy) -> bool:
    """Whether a margin sample of now may become a baseline: flat, and nothing of the master's works."""
    return (
        strategy.state is StrategyState.FLAT
        and turn.state.master.synced
        and not followed_legs(turn, strategy.scope)
        and not works(turn, strategy.scope)
    )


def pin(turn: Turn, strategy: Strategy, order: MasterOrder) -> None:
    """Keep the baseline of the first order that works while flat."""
    if strategy.state is StrategyState.FLAT and strategy.pinned is None and strategy.settled:
        strategy.pinned = select_baseline(turn, strategy, order.placed_ns, order.order_id)


def unpin(turn: Turn, strategy: Strategy) -> None:
    """Release a pinned baseline when nothing of the master works any more."""
    if strategy.pinned is not None and strategy.state is StrategyState.FLAT and not works(turn, strategy.scope):
        strategy.pinned, strategy.quiet_since_ns = None, turn.now_ns


def begin(turn: Turn, strategy: Strategy, placed_ns: int, order_id: str) -> None:
    """The master opened lots: start a strategy, or go on with the one whose margins have not settled yet."""
    if strategy.state is StrategyState.ACTIVE:
        return
    strategy.flat_reads = 0
    if strategy.state is StrategyState.EXITING or not strategy.settled:
        strategy.state = StrategyState.ACTIVE
        turn.notify(INFO, "the master entered again before the strategy had ended: same ratio")
        return
    strategy.number += 1
    strategy.state, strategy.mode = StrategyState.ACTIVE, turn.state.mode
    strategy.started_ns, strategy.settled, strategy.settle_value_inr = turn.now_ns, False, None
    strategy.exit_only, strategy.afforded = False, {}
    results.begin_strategy(turn, strategy)
    for child in turn.state.children.values():
        child.stopped.pop(strategy.scope, None)
        for leg in child.legs.values():
            if turn.scope_of(leg.leg) == strategy.scope and not leg.allocation_units and not leg.orders:
                leg.skipped = ""
    baseline = strategy.pinned or select_baseline(turn, strategy, placed_ns, order_id)
    strategy.pinned = None
    freeze_ratios(turn, strategy, baseline)
    strategy.last_ratios, strategy.last_baseline_inr = dict(strategy.ratios), baseline.master_inr
    ratios = ", ".join(f"{child} {_ratio_text(ratio)}" for child, ratio in strategy.ratios.items()) or "no ratio"
    capital = "unknown" if baseline.master_inr is None else rupees(baseline.master_inr)
    turn.notify(INFO, f"strategy started, baseline {capital}: {ratios}")
    for child_id, reason in strategy.left_out.items():
        turn.notify(WARNING, reason, child_id)


def _ratio_text(ratio: Fraction) -> str:
    """A ratio for people: four decimals; the state keeps the exact one."""
    return f"{Decimal(ratio.numerator) / ratio.denominator:.4f}"


def note_master_out(turn: Turn, strategy: Strategy) -> None:
    """The master's last followed lot is gone, and no order of his rests that is mirrored: children exit."""
    if strategy.state is not StrategyState.ACTIVE or followed_legs(turn, strategy.scope):
        return
    if turn.settings.follow is Follow.FILLS or not works(turn, strategy.scope):
        strategy.state = StrategyState.EXITING
        strategy.flat_reads = 0
        turn.notify(INFO, "the master is out: children exit completely")


def note_flat_read(turn: Turn, positions: tuple[Position, ...], began_ns: int) -> None:
    """Count complete reads that show the master flat; end strategies that have enough of them."""
    master = turn.state.master
    net = {position.leg: position.net_units for position in positions}
    for strategy in turn.state.strategies.values():
        if strategy.state is not StrategyState.EXITING:
            continue
        flat = began_ns > strategy.last_fill_ns and all(
            net.get(leg.leg, 0) == leg.background_units for leg in master.legs.values() if leg.scope == strategy.scope
        )
        strategy.flat_reads = strategy.flat_reads + 1 if flat else 0
        end_if_flat(turn, strategy)


def end_if_flat(turn: Turn, strategy: Strategy) -> None:
    """End a strategy whose master was read flat and in which no child has anything left."""
    if strategy.state is not StrategyState.EXITING or strategy.flat_reads < FLAT_READS:
        return
    if any(is_busy(turn, child, strategy.scope) for child in turn.state.children.values()):
        return
    strategy.state = StrategyState.FLAT
    turn.notify(INFO, "strategy ended: everybody is flat")
