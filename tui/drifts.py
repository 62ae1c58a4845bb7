"""Which drifts have lasted long enough to be told, each once while it lasts. Decides nothing about orders.

A drift is what the engine calls one: a child has other lots of a leg than the target last decided, and no order that
would mend it is on its way.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.model import NS_PER_S
from engine.snapshot import Cell, CellState, LegRow, Snapshot
from tui import format as fmt
from tui.frame import each_leg

TOLD_AFTER_NS: Final = 5 * NS_PER_S
"""By the engine's clock. What is read anew, or tried again, within some seconds is nobody's business."""
Key = tuple[str, str]
"""Child and leg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One child out of step in one leg."""

    child: str
    title: str
    lot_units: int | None
    have_lots: Decimal
    want_lots: Decimal
    reason: str
    lasted_ns: int

    @property
    def text(self) -> str:
        """For people, without the child and the leg."""
        why = f": {self.reason}" if self.reason else ""
        have, want = (fmt.lots_or_units(value, self.lot_units) for value in (self.have_lots, self.want_lots))
        return f"▲ drift for {fmt.duration(self.lasted_ns)}, has {have}, wants {want}{why}"


class Drifts:
    """Knows since when each drift was seen, and which were told. One that is mended and comes back is another."""

    def __init__(self) -> None:
        self._first_ns: dict[Key, int] = {}
        self.told: dict[Key, Drift] = {}
        "Those that were told and are not mended yet, as they are now."
        self._newest_ns = 0

    def look(self, snapshot: Snapshot) -> tuple[Key, ...]:
        """Take in a snapshot; what has drifted for long by now and was not told."""
        now_ns = snapshot.at_ns
        if now_ns < self._newest_ns:  # another engine
            self._first_ns.clear()
            self.told.clear()
        self._newest_ns = now_ns
        asked = {(row.child, row.leg) for prompt in snapshot.prompts for row in prompt.rows}
        first_ns, told, new = dict[Key, int](), dict[Key, Drift](), list[Key]()
        for leg in each_leg(snapshot):
            for cell in leg.cells:
                key = cell.child, leg.leg
                if cell.have_lots == cell.want_lots:
                    continue
                is_drift = cell.state is CellState.DRIFT and key not in asked  # else it is mended, or said otherwise
                if not is_drift and key not in self._first_ns:
                    continue
                first_ns[key] = self._first_ns.get(key, now_ns)
                lasted_ns = now_ns - first_ns[key]
                is_new = is_drift and lasted_ns >= TOLD_AFTER_NS and key not in self.told
                if is_new:
                    new.append(key)
                if is_new or key in self.told:
                    told[key] = _drift(leg, cell, lasted_ns)
        self._first_ns, self.told = first_ns, told
        return tuple(new)


def _drift(leg: LegRow, cell: Cell, lasted_ns: int) -> Drift:
    return Drift(
        child=cell.child,
        title=leg.title,
        lot_units=leg.lot_units,
        have_lots=cell.have_lots,
        want_lots=cell.want_lots,
        reason=cell.reason,
        lasted_ns=lasted_ns,
    )
