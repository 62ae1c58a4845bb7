"""One picture to draw: the newest snapshot with the engine's time of this moment. Pure; formats nothing."""

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from config.schema import Mode
from engine.model import NS_PER_S, LegId
from engine.snapshot import (
    Cell,
    ChildColumn,
    ChildState,
    EngineState,
    LegRow,
    PromptView,
    Snapshot,
    StrategyState,
    StrategyView,
    WorkingOrder,
)

STALLED_AFTER_S = 3.0
"Older snapshots are called old on the screen."
MASTER_STALE_S = 10
"A complete read of the master is due every second or so, unless the polls are further apart."
CHILD_ORDER = {state: urgency for urgency, state in enumerate(ChildState)}
KILLED = frozenset({EngineState.KILLED_ENTRIES, EngineState.KILLED_ALL})
KILL_LEVEL = {EngineState.KILLED_ENTRIES: 1, EngineState.KILLED_ALL: 2}
SENDS_NOTHING = frozenset({EngineState.FAILED, EngineState.STOPPED, EngineState.STARTING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every widget draws."""

    snapshot: Snapshot
    now_ns: int
    "The engine's clock at the moment of drawing."
    quiet_s: float
    "Real seconds without a new snapshot, as counted by the dashboard's own timer."
    unseen: tuple[PromptView, ...] = ()
    "Prompts without an answer that no dialog shows: put off, or behind another dialog."

    @property
    def accounts(self) -> tuple[str, ...]:
        """Ids of all children, in the configured order."""
        return tuple(child.id for child in self.snapshot.children)

    @property
    def age_s(self) -> float:
        """Age of the picture in real seconds: by the dashboard's timer or by the engine's clock, whichever is more."""
        factor = self.snapshot.speed
        behind = Decimal(self.now_ns - self.snapshot.at_ns) / NS_PER_S
        return max(self.quiet_s, float(behind / factor) if factor > 0 and factor.is_finite() else 0.0)

    @property
    def stalled(self) -> bool:
        """Whether the engine has stopped publishing although it should."""
        over = self.snapshot.finished or self.snapshot.engine is EngineState.STOPPED
        return not over and self.age_s >= STALLED_AFTER_S

    @property
    def live(self) -> bool:
        """Whether real orders may go out, now or for the running strategy."""
        return self.snapshot.mode is Mode.LIVE or any(s.mode is Mode.LIVE for s in running(self.snapshot))

    @property
    def would_copy_live(self) -> bool:
        """Whether the master's next trade would go out as real orders."""
        snapshot = self.snapshot
        return snapshot.mode is Mode.LIVE and snapshot.market_open and snapshot.engine is EngineState.ARMED

    @property
    def kill_level(self) -> int:
        """0, 1 or 2."""
        return KILL_LEVEL.get(self.snapshot.engine, 0)

    @property
    def master_stale(self) -> bool:
        """Whether what we know of the master is too old to be believed."""
        link, factor = self.snapshot.master, max(self.snapshot.speed, Decimal(1))
        if link.read_at_ns is None:
            return True
        if not factor.is_finite():
            return False
        return self.now_ns - link.read_at_ns > max(int(MASTER_STALE_S * factor * NS_PER_S), link.late_ns)

    @property
    def in_step(self) -> int | None:
        """How many children are in lockstep; `None` while nobody sees the master, or looks any more."""
        snapshot = self.snapshot
        if snapshot.finished:
            return snapshot.in_step
        link = snapshot.master
        unseen = not link.connected or link.needs_login or (self.master_stale and snapshot.market_open)
        nobody_looks = snapshot.engine is EngineState.FAILED or self.stalled
        return None if unseen or nobody_looks else snapshot.in_step

    @property
    def known(self) -> bool:
        """Whether it is known which children are in lockstep: else nothing may be called so."""
        return self.in_step is not None


def running(snapshot: Snapshot) -> tuple[StrategyView, ...]:
    """The strategies that are not flat."""
    return tuple(s for s in snapshot.strategies if s.state is not StrategyState.FLAT)


def urgency(child: ChildColumn) -> int:
    """Sorts those that need attention most to the front."""
    return -CHILD_ORDER[child.state]


def by_urgency(children: tuple[ChildColumn, ...]) -> list[int]:
    """Indices of the children, those that need attention most first, else in the configured order."""
    return sorted(range(len(children)), key=lambda i: urgency(children[i]))


def child_of(snapshot: Snapshot, account: str) -> ChildColumn | None:
    """The child with that id."""
    return next((c for c in snapshot.children if c.id == account), None)


class Open(NamedTuple):
    """What one child has open in one leg."""

    cell: Cell
    leg: LegRow
    orders: tuple[WorkingOrder, ...]
    "Queued, working and held ones too; those without an outcome are the cell's unknown lots as well."


def open_cells(snapshot: Snapshot, children: tuple[str, ...] = ()) -> list[Open]:
    """All that this program opened or is about to, and that is not closed, of the children named (all when empty)."""
    orders: dict[tuple[str, LegId], list[WorkingOrder]] = {}
    for order in snapshot.working:
        orders.setdefault((order.account, order.leg), []).append(order)
    found = [
        Open(cell, leg, tuple(orders.get((cell.child, leg.leg), ())))
        for leg in each_leg(snapshot)
        for cell in leg.cells
        if not children or cell.child in children
    ]
    return [one for one in found if one.cell.have_lots or one.cell.unknown_lots or one.orders]


def each_leg(snapshot: Snapshot) -> list[LegRow]:
    """Every leg once: one with strategy lots and background lots has two rows, and the same cells in both."""
    followed = {leg.leg for leg in snapshot.legs}
    return [*snapshot.legs, *(leg for leg in snapshot.background if leg.leg not in followed)]


def children_with_something_open(snapshot: Snapshot) -> tuple[str, ...]:
    """Ids of the children that have something of ours open, in order."""
    held = {one.cell.child for one in open_cells(snapshot)}
    return tuple(c.id for c in snapshot.children if c.id in held)


def busy(snapshot: Snapshot) -> bool:
    """Whether leaving now leaves something unwatched."""
    return bool(running(snapshot) or open_cells(snapshot) or snapshot.working or snapshot.prompts)
