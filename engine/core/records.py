"""What is kept in the journal for people: fills and strategies. It decides nothing."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from msgspec import structs

from config.schema import Mode
from engine.commands import RecordFill, RecordStrategy
from engine.core.orders import find_copy
from engine.core.places import trades_live
from engine.core.shapes import strategy_name
from engine.core.state import KeptStrategy, Strategy
from engine.core.state_child import ChildOrder
from engine.core.state_master import MasterOrder
from engine.core.turn import Turn, followed_legs
from engine.model import split_leg
from engine.snapshot import StrategyState


def record_child_fill(turn: Turn, order: ChildOrder, units: int, value_inr: Decimal) -> None:
    """Units of an order of ours were filled, for so much."""
    settings = turn.child_settings.get(order.account)
    is_live = settings is not None and trades_live(settings, turn.state.mode)
    copy = find_copy(turn, order.decision)
    _record(
        turn,
        order,
        units,
        value_inr,
        account=order.account,
        tag=order.tag,
        opens=order.entry,
        source=Mode.LIVE if is_live else Mode.PAPER,
        copy=order.decision,
        master_price_inr=order.master_price_inr if copy is None else copy.master_price_inr,
    )


def record_master_fill(turn: Turn, order: MasterOrder, units: int, value_inr: Decimal, *, opens: bool) -> None:
    """Units of a followed order of the master were filled, for so much."""
    state = turn.state
    _record(
        turn,
        order,
        units,
        value_inr,
        account=state.master.account,
        tag="",
        opens=opens,
        source=state.mode,
        copy=order.entry_copy if opens else order.exit_copy,
    )


def _record(
    turn: Turn,
    order: MasterOrder | ChildOrder,
    units: int,
    value_inr: Decimal,
    *,
    account: str,
    tag: str,
    opens: bool,
    source: Mode,
    copy: int,
    master_price_inr: Decimal | None = None,
) -> None:
    exchange, symbol, product = split_leg(order.leg)
    strategy = turn.strategy(turn.scope_of(order.leg))
    turn.out.append(
        RecordFill(
            account=account,
            exchange=exchange,
            symbol=symbol,
            product=product,
            side=order.side,
            units=units,
            price_inr=value_inr / units if value_inr > 0 else None,
            order_id=order.order_id,
            order_tag=tag,
            opens=opens,
            scope=strategy.scope,
            strategy=strategy.number,
            started_ns=strategy.started_ns or 0,
            source=source.value.upper(),
            copy=copy or None,
            master_price_inr=master_price_inr,
        )
    )


def record_strategies(turn: Turn) -> None:
    """Keep what became of the strategies: called after every event that may have changed one."""
    for strategy in turn.state.strategies.values():
        if not strategy.number:
            continue
        _name(turn, strategy)
        now = KeptStrategy(strategy.number, strategy.state, strategy.name, strategy.ratios or strategy.last_ratios)
        if now != strategy.kept and not _has_ended(strategy, now):
            strategy.kept = structs.replace(now, ratios=dict(now.ratios))
            turn.out.append(_row(strategy, now.ratios))


def _has_ended(strategy: Strategy, now: KeptStrategy) -> bool:
    """Whether its end is kept already: its ratios are released when margins have settled, which is no news of it."""
    kept = strategy.kept
    return kept is not None and kept.number == now.number and kept.state is now.state is StrategyState.FLAT


def _name(turn: Turn, strategy: Strategy) -> None:
    """Keep the name that the master's legs had at their largest: on the way out each looks like something else."""
    if strategy.state is StrategyState.FLAT:
        return
    legs = followed_legs(turn, strategy.scope)
    size = sum(abs(leg.units) for leg in legs)
    if strategy.kept is None or strategy.kept.number != strategy.number:
        strategy.name, strategy.size_units = "", 0
    if size > strategy.size_units:
        strategy.name, strategy.size_units = strategy_name(turn, legs), size


def _row(strategy: Strategy, ratios: Mapping[str, Fraction]) -> RecordStrategy:
    baseline = strategy.baseline
    return RecordStrategy(
        scope=strategy.scope,
        strategy=strategy.number,
        started_ns=strategy.started_ns or 0,
        state=strategy.state.value,
        name=strategy.name,
        source=strategy.mode.value.upper(),
        baseline_inr=None if baseline is None else baseline.master_inr,
        ratios={child: str(ratio) for child, ratio in ratios.items()},
    )
