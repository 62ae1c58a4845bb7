"""The question of an unclean start as a screen shows it: what was left open, by child and leg, and what may be chosen.

Reads the state; decides nothing.
"""

from engine.core.lifecycle import OrderState
from engine.core.restart import holds_something, is_open
from engine.core.shapes import strategy_name
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import Turn, followed_legs
from engine.model import split_leg
from engine.snapshot import LeftOpen, RestartView, StrategyState
from engine.view_cells import leg_title

_WORKING = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.WORKING})


def restart_view(turn: Turn) -> RestartView | None:
    """The question while it waits for the operator, `None` when there is none."""
    state = turn.state
    if not state.unclean or state.resume_kept:
        return None
    until_ns = state.restart_exit_until_ns
    running = [s for s in state.strategies.values() if s.state is not StrategyState.FLAT]
    legs = [leg for scope in state.strategies for leg in followed_legs(turn, scope)]
    return RestartView(
        rows=tuple(
            _row(turn, child, leg) for child in state.children.values() for leg in child.legs.values() if is_open(leg)
        ),
        master=tuple((leg_title(turn, leg.leg), leg.units) for leg in legs),
        master_read=state.master.synced,
        strategy=strategy_name(turn, legs) if running else "",
        strategy_state=running[0].state if running else StrategyState.FLAT,
        started_ns=min((s.started_ns for s in running if s.started_ns is not None), default=None),
        exits_ns=until_ns if until_ns > turn.now_ns else None,
        may_start_fresh=not holds_something(state),
    )


def _row(turn: Turn, child: Child, leg: ChildLeg) -> LeftOpen:
    orders = list(turn.open_orders(leg))
    return LeftOpen(
        child=child.id,
        leg=leg.leg,
        title=leg_title(turn, leg.leg),
        product=split_leg(leg.leg)[2],
        units=leg.allocation_units,
        working=sum(order.state in _WORKING for order in orders),
        unknown=sum(order.state is OrderState.UNKNOWN for order in orders),
        held=sum(order.state is OrderState.HELD for order in orders),
        due=leg.due_reason,
        answer="flattened" if leg.flattening else "handed over" if leg.handed_over else "",
    )
