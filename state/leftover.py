"""What the newest state of a mode still holds open, for a start in the other mode to ask about.

It must not change the files, take the lock, or decide whether a start is allowed: the composition root does.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from config.schema import Mode
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.core.state_child import ChildOrder
from engine.model import LegId, Side, split_leg
from engine.snapshot import StrategyState
from state.session import fold
from state.store import latest_state, mode_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOrder:
    """An order of ours that was not finished."""

    account: str
    tag: str
    leg: LegId
    side: Side
    units: int
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What is open; at least one of the parts says something."""

    mode: Mode
    day: str
    "Trading date (ISO) of the session that wrote it."
    at_ns: int
    "Time of its last event."
    strategies: dict[str, StrategyState]
    "Strategies that have not ended, by scope."
    allocations: dict[str, dict[LegId, int]]
    "Units that this program opened and still holds, signed, by child and leg."
    queued: tuple[LeftOrder, ...]
    "Decided and never sent."
    working: tuple[LeftOrder, ...]
    "The broker has them."
    unknown: tuple[LeftOrder, ...]
    "Sent, and nobody heard what became of them."
    held: tuple[LeftOrder, ...]
    "They wait for the operator."

    def __str__(self) -> str:
        """For people."""
        held = ", ".join(
            f"{child} {units:+d} {split_leg(leg)[1]}"
            for child, legs in self.allocations.items()
            for leg, units in legs.items()
        )
        parts = [f"holdings {held}"] if held else []
        for name in ("queued", "working", "unknown", "held"):
            orders: tuple[LeftOrder, ...] = getattr(self, name)
            if orders:
                parts.append(f"{len(orders)} {name}: {', '.join(f'{order.account} {order.tag}' for order in orders)}")
        if self.strategies:
            parts.append("strategy " + ", ".join(f"{state.value}" for state in self.strategies.values()))
        return f"{self.mode.value} state of {self.day}: {'; '.join(parts)}"


def find_leftover(root: Path, mode: Mode) -> Leftover | None:
    """What the newest state of `mode`, of any day, holds open; `None` when there is no state or nothing is open.

    Another process may be writing; then it is what was durable at this moment.

    Raises:
        StateRefused: The files are damaged or of another version; the text says what to do.
    """
    encoded, events = latest_state(root, mode)
    if encoded is None and not events:
        return None
    state = fold(encoded, events, mode_directory(root, mode)).state
    found = Leftover(
        mode=mode,
        day=state.day,
        at_ns=state.now_ns,
        strategies={s.scope: s.state for s in state.strategies.values() if s.state is not StrategyState.FLAT},
        allocations=_allocations(state),
        queued=_orders(state, {OrderState.QUEUED}),
        working=_orders(state, {OrderState.WORKING}),
        unknown=_orders(state, {OrderState.SENT, OrderState.UNKNOWN}),
        held=_orders(state, {OrderState.HELD}),
    )
    parts = (found.strategies, found.allocations, found.queued, found.working, found.unknown, found.held)
    return found if any(parts) else None


def _allocations(state: State) -> dict[str, dict[LegId, int]]:
    held = {
        child.id: {leg.leg: leg.allocation_units for leg in child.legs.values() if leg.allocation_units}
        for child in state.children.values()
    }
    return {child: legs for child, legs in held.items() if legs}


def _orders(state: State, wanted: Collection[OrderState]) -> tuple[LeftOrder, ...]:
    return tuple(_left(order) for order in state.orders.values() if order.state in wanted)


def _left(order: ChildOrder) -> LeftOrder:
    return LeftOrder(
        account=order.account, tag=order.tag, leg=order.leg, side=order.side, units=order.units, filled=order.filled
    )
