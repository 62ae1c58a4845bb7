"""Leaving at once: everything that the program opened for a child is exited, and it gets no entries until told so.

Ordered by the operator, by a daily loss, or by a leg that could not be had (`on_leg_refused: unwind`).
"""

from collections.abc import Sequence

from config.schema import OnLegRefused
from engine.core import prompts, reasons
from engine.core.entries import miss_waiting
from engine.core.lifecycle import OrderState
from engine.core.orders import give_up
from engine.core.plans import by_hand_units, store_plan
from engine.core.resting import leave_mirrored
from engine.core.settle import settle
from engine.core.sizing import Plan
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import ALARM, WARNING, Turn
from engine.model import LegId, split_leg
from engine.snapshot import StrategyState


def flatten(turn: Turn, children: Sequence[str], text: str, *, typed: bool = True) -> None:
    """Exit every allocation of these children; no entries until the next strategy or a resync.

    Args:
        turn: The turn.
        children: Their ids; one that nobody has is told.
        text: Why, for people.
        typed: The operator said so, which passes every kill level; what the program does by itself waits at level 2.
    """
    for child_id in children:
        child = turn.state.children.get(child_id)
        if child is None:
            turn.notify(WARNING, f"no child is called {child_id}")
            continue
        turn.notify(WARNING, text, child.id)
        scopes = {turn.scope_of(leg.leg) for leg in child.legs.values()}
        running = {s.scope for s in turn.state.strategies.values() if s.state is not StrategyState.FLAT}
        for scope in sorted(scopes | running):
            _leave(turn, child, scope, reasons.FLATTENED, typed=typed)


def exit_leg(turn: Turn, leg_id: LegId, children: Sequence[str]) -> None:
    """Exit one leg of these children, as the operator said: at every kill level. The pair becomes (m, 0)."""
    symbol = split_leg(leg_id)[1]
    for child_id in children:
        child = turn.state.children.get(child_id)
        leg = None if child is None else child.legs.get(leg_id)
        if child is None or leg is None or not (leg.allocation_units or leg.orders or leg.awaiting_units):
            if len(children) == 1:
                turn.notify(WARNING, "nothing of it is open: nothing to exit", child_id, symbol)
            continue
        turn.notify(WARNING, "leg exited by the operator", child.id, symbol)
        prompts.void_resync(turn, child, {leg_id})
        leg.lacking = True
        turn.skip(child, leg_id, reasons.EXITED_BY_HAND, tells=False)
        leave_mirrored(turn, leg, reasons.EXITED_BY_HAND)
        _leave_leg(turn, child, leg, reasons.EXITED_BY_HAND, passes=True)


def unwind(turn: Turn) -> bool:
    """Leave the strategies in which a leg could not be had, where that is wanted; false when there was none."""
    found = False
    if turn.settings.risk.on_leg_refused is not OnLegRefused.UNWIND:
        return found
    for child in turn.state.children.values():
        scopes, child.unwinding = child.unwinding, []
        for scope in dict.fromkeys(scopes):
            if child.stopped.get(scope) in reasons.LEFT:
                continue
            found = True
            text = "a leg could not be had: the strategy is left, shorts first; resync to enter it again"
            turn.notify(ALARM, text, child.id)
            _leave(turn, child, scope, reasons.UNWOUND, typed=False)
    return found


def _leave(turn: Turn, child: Child, scope: str, reason: str, *, typed: bool) -> None:
    """Stop a child's entries of a scope and exit its legs."""
    passes = typed or turn.state.kill < 2
    legs = [leg for leg in child.legs.values() if turn.scope_of(leg.leg) == scope]
    prompts.void_resync(turn, child, {leg.leg for leg in legs})  # one that was ordered before would take this back
    child.stopped[scope] = reason
    for leg in legs:
        for mirror in leg.mirrors.values():
            mirror.backs = mirror.backs and not mirror.entry  # what rested and filled ahead of the master's goes, too
        _leave_leg(turn, child, leg, reason, passes=passes)


def _leave_leg(turn: Turn, child: Child, leg: ChildLeg, reason: str, *, passes: bool) -> None:
    waits, leg.entry_pending = leg.entry_pending, False
    if leg.sign:
        leg.skipped = reason
        leg.missed_units += max(0, leg.target_units - by_hand_units(turn, child, leg))
        size = leg.decided_units
        store_plan(leg, Plan(sign=leg.sign, high_units=size, decided_units=size))
    for order in [o for o in turn.open_orders(leg) if o.state is OrderState.HELD]:
        give_up(turn, child, leg, order, order.reason)  # a held exit would keep this one from going
    leg.exit_after_ns = 0
    leg.flattening = bool(leg.allocation_units or leg.orders) and (passes or leg.flattening)
    settle(turn, child, leg, at_once=True)
    if waits:
        miss_waiting(turn, child, leg, reason)
