"""What must be true after every event (FAULTS, invariants), as far as the core's own state shows it.

A violation is a bug. Returned as sentences; the caller decides what to do about them.
"""

from engine.core.lifecycle import TERMINAL, OrderState
from engine.core.sizing import by_ratio
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import Turn, exits_open, held_units, reserved
from engine.model import sign


def violations(turn: Turn) -> list[str]:
    """Every invariant that the state breaks, as sentences."""
    found: list[str] = []
    for child in turn.state.children.values():
        for leg in child.legs.values():
            found += _leg(turn, child, leg)
    found += _orders(turn.state)
    return found


def _leg(turn: Turn, child: Child, leg: ChildLeg) -> list[str]:
    found: list[str] = []
    if leg.surfaced:
        return found  # judged after its repair
    where = f"{child.id} {leg.leg}"
    most = _most_units(turn, child, leg)
    held = max(0, held_units(leg) - exits_open(turn, leg)) + reserved(turn, leg)  # a surfaced order: after its repair
    if most is not None and held > most and not leg.rebuilt:
        found.append(f"I2 {where}: allocation + reserved {held} above {most}")
    exits = sum(o.remaining for o in turn.open_orders(leg) if not o.entry and not o.cancelling_ns)
    if exits > abs(leg.allocation_units):
        found.append(f"I3 {where}: unresolved exits {exits} exceed the position {leg.allocation_units}")
    if leg.target_units > leg.base_units:
        found.append(f"I2 {where}: target {leg.target_units} above its base {leg.base_units}")
    if leg.allocation_units and leg.sign and sign(leg.allocation_units) != leg.sign and not leg.due:
        found.append(f"I5 {where}: holds {leg.allocation_units} against its plan and nothing is due")
    return found


def _most_units(turn: Turn, child: Child, leg: ChildLeg) -> int | None:
    """What a leg may hold at most, `None` where only the sum of decisions bounds it."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    strategy = turn.state.strategies.get(turn.scope_of(leg.leg))
    ratio = None if strategy is None else strategy.ratios.get(child.id)
    if instrument is None or ratio is None or not leg.sign or not leg.high_units:
        return None
    if leg.changed or leg.allocation_units % instrument.lot_units:  # carried over a night in which the lot changed
        return by_ratio(ratio, 1)(leg.peak_units) + leg.peak_by_hand_units
    return by_ratio(ratio, instrument.lot_units)(leg.peak_units) * instrument.lot_units + leg.peak_by_hand_units


def _orders(state: State) -> list[str]:
    found: list[str] = []
    for order in state.orders.values():
        if order.filled > order.units:
            found.append(f"I6 {order.tag}: filled {order.filled} of {order.units}")
        if order.state is OrderState.FILLED and order.remaining:
            found.append(f"I6 {order.tag}: complete with {order.remaining} left")
        if order.state not in TERMINAL and order.tag not in state.children[order.account].legs[order.leg].orders:
            found.append(f"I9 {order.tag}: {order.state} and forgotten by its leg")
    return found
