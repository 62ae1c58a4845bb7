"""One child in one leg in which orders of the master rest or did until a moment ago: what every step there looks at.

It lives for one look at the leg (`engine.core.mirroring`) and decides nothing.
"""

from dataclasses import dataclass, field

from engine.core.sizing import SizingRule
from engine.core.state_child import Child, ChildLeg, Mirror
from engine.core.state_master import MasterLeg, MasterOrder
from engine.core.turn import Turn, seconds_ns
from engine.model import Instrument


@dataclass(slots=True, kw_only=True)
class MirroredLeg:
    """A child's leg, and what was found out of it so far."""

    turn: Turn
    child: Child
    master: MasterLeg
    leg: ChildLeg
    instrument: Instrument
    rule: SizingRule
    no_entry: str
    "Why the child rests no entries now, '' when it does."
    added_units: int = 0
    "Entry units of the master that rest."
    falls: dict[str, int] = field(default_factory=dict)
    "By the master's exit: what the child's target falls by when it fills."

    @property
    def entries(self) -> list[Mirror]:
        """The records of his entries."""
        return [mirror for mirror in self.leg.mirrors.values() if mirror.entry]

    @property
    def exits(self) -> list[Mirror]:
        """The records of his exits."""
        return [mirror for mirror in self.leg.mirrors.values() if not mirror.entry]

    def his(self, mirror: Mirror) -> MasterOrder:
        """The master's order of a record."""
        return self.turn.state.master.orders[mirror.order_id]

    def catch_up_until(self, since_ns: int) -> int:
        """When `catch_up_s` are over."""
        return since_ns + seconds_ns(self.turn.settings.copy.catch_up_s)

    def is_within(self, until_ns: int) -> bool:
        """Whether a time has not come yet; then the leg is looked at again when it comes."""
        if self.turn.now_ns >= until_ns:
            return False
        name = f"catch_up:{self.child.id}|{self.leg.leg}"
        self.turn.timer(name, min(until_ns, self.turn.state.timers.get(name, until_ns)))
        return True
