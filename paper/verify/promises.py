"""What a leg's target counts on is on its way, or somebody is told that it is not coming; no target falls silently.

A target is what was promised to a child. `judge` looks at it when everything is at rest, and takes any reason that is
on the screen; here every lot that goes missing needs a word of its own, at the time when it does. How many lots are
right is for `truth` and `course`.
"""

from dataclasses import dataclass

from engine.core.lifecycle import TERMINAL
from engine.core.plans import plan_of
from engine.core.sizing import Plan
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import Turn
from engine.model import NS_PER_S, split_leg
from paper.verify.truth import Key, Truth

TOLD_WITHIN_NS = 2 * NS_PER_S
"""What is not on its way is, soon, or is told."""


@dataclass(slots=True)
class _Promise:
    """One leg of one child, as of the last look."""

    plan: Plan
    told_units: int = 0
    "Units of the target that are not coming, and of which somebody was told."
    since_ns: int | None = None
    "Since when more than those are not coming."


class Promises:
    """Judges what is on its way.

    Args:
        truth: The judge's book; violations go there.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._promises: dict[Key, _Promise] = {}

    def died(self) -> None:
        """A process is gone: what was promised and told since the last durable moment never happened."""
        self._promises.clear()

    def looked(self, state: State) -> None:
        """Hold every leg's target against what is on its way to it, and against what it was."""
        turn = Turn(state, state.now_ns, {})
        for child in state.children.values():
            for leg in child.legs.values():
                key, plan = (child.id, leg.leg), plan_of(leg)
                promise = self._promises.setdefault(key, _Promise(plan))
                if plan.sign == promise.plan.sign and self._truth.by_hand_units(key) is None:
                    self._look_at_target(turn, child, leg, promise.plan)
                promise.plan = plan
                if leg.target_units or promise.told_units or promise.since_ns:
                    self._look_at_coming(turn, child, leg, promise)

    def _look_at_target(self, turn: Turn, child: Child, leg: ChildLeg, before: Plan) -> None:
        """A target that was whole follows the master's holding: where it does not, somebody is told."""
        key, decided = (child.id, leg.leg), leg.decided_units
        if not decided or (leg.target_units, decided) == (before.target_units, before.decided_units):
            return
        if decided == before.decided_units:
            wanted = before.target_units
        elif decided < before.decided_units:
            wanted = self._fallen(key, before, decided)
        else:
            wanted = self._risen(key, before, decided)
        is_left = turn.scope_of(leg.leg) in child.stopped or leg.flattening or leg.handed_over
        if leg.target_units < wanted and not is_left and not _is_told(turn, child, leg, turn.now_ns):
            what = f"its target fell from {before.target_units} to {leg.target_units}"
            what += f" where the master's {before.decided_units} became {decided}, and nobody was told"
            self._broken(key, what)

    def _fallen(self, key: Key, before: Plan, decided: int) -> int:
        instrument = self._truth.instrument(key[1])
        lot = 1 if instrument is None else instrument.lot_units
        return min(before.target_units, before.base_units * decided // (max(before.high_units, 1) * lot) * lot)

    def _risen(self, key: Key, before: Plan, decided: int) -> int:
        whole, share = self._truth.share_units(key, before.high_units), self._truth.share_units(key, decided)
        if whole is None or share is None or self._truth.ratio(*key) is None:
            return before.target_units
        if whole == before.base_units:
            return share
        return before.target_units + (share - whole if before.decided_units == before.high_units else 0)

    def _look_at_coming(self, turn: Turn, child: Child, leg: ChildLeg, promise: _Promise) -> None:
        now_ns = turn.now_ns
        may_wait = _may_wait(leg) or (child.id, leg.leg) in self._truth.surfaced
        lacks = 0 if may_wait else max(0, leg.target_units - _coming(turn, leg))
        since_ns = now_ns if promise.since_ns is None else promise.since_ns
        if lacks <= promise.told_units or _is_told(turn, child, leg, since_ns):
            promise.told_units, promise.since_ns = lacks, None
            return
        promise.since_ns = since_ns
        if now_ns - since_ns > TOLD_WITHIN_NS:
            what = f"{lacks} of its target of {leg.target_units} are not on their way, and nobody was told"
            self._broken((child.id, leg.leg), what)
            promise.told_units, promise.since_ns = lacks, None

    def _broken(self, key: Key, what: str) -> None:
        self._truth.violations.append(f"I9 {key[0]} {key[1]}: {what}")


def _is_told(turn: Turn, child: Child, leg: ChildLeg, since_ns: int) -> bool:
    """Whether people were told since then that something of a leg is not copied."""
    symbol = split_leg(leg.leg)[1]
    return any(
        skip.at_ns >= since_ns and (skip.child, skip.symbol) == (child.id, symbol) for skip in turn.state.skips.values()
    )


def _may_wait(leg: ChildLeg) -> bool:
    """Whether what is not on its way is decided later: an entry waits, or his orders rest (`copies` judges those)."""
    return leg.entry_pending or bool(leg.mirrors) or not leg.target_units


def _coming(turn: Turn, leg: ChildLeg) -> int:
    """Units that are held, or that an order or a prompt may bring."""
    orders = (turn.state.orders[tag] for tag in leg.orders)
    entering = sum(
        order.remaining
        for order in orders
        if order.entry and order.side.sign == leg.sign and order.state not in TERMINAL
    )
    return leg.allocation_units * leg.sign + entering + leg.awaiting_units
