"""How many lots: the one function that decides a leg's target, and the sizing modes that feed it (docs/rules.md).

Pure arithmetic on whole units; nothing here knows orders, brokers or time.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeVar

from engine.model import Instrument, Value

Bound = TypeVar("Bound", Decimal, Fraction, str)

LotsFor = Callable[[int], int]
"""Whole lots that a child takes for a master holding of so many units. Monotonic; 0 for 0."""


class Move(Enum):
    """What the master's holding did since the last decision."""

    NONE = "none"
    RISE = "rise"
    FALL = "fall"
    OUT = "out"
    "He is out of the leg, or on its other side."


class Plan(Value, frozen=True, kw_only=True):
    """A child's plan in one leg. Units, absolute, in the direction `sign`."""

    sign: int = 0
    high_units: int = 0
    "B: the master's largest holding."
    base_units: int = 0
    "C: the child's units for it."
    target_units: int = 0
    decided_units: int = 0
    "The master's holding at the last decision."


class SizingRule(Value, frozen=True, kw_only=True):
    """A sizing mode at one moment.

    `lots_for` is `None` where the child takes no entries (left out, reset); `re_enters`: whether the child follows
    when the master adds again after a partial exit.
    """

    lots_for: LotsFor | None
    most_lots: int | None = None
    "The most lots that one decision adds, `None` for no such bound."
    re_enters: bool = True
    ratio: Fraction | None = None
    "What the master's lots are multiplied with, for people; `None` where there is no ratio."
    words: str = ""
    "The sizing for people, where there is no ratio; '' where the child takes no entries."

    def added_lots(self, before_units: int, units: int) -> int:
        """Lots that are added when the master goes from one holding to a larger one; 0 where nothing is entered."""
        if self.lots_for is None:
            return 0
        added = max(0, self.lots_for(units) - self.lots_for(before_units))
        return added if self.most_lots is None else min(added, self.most_lots)


def move_of(plan: Plan, master_units: int) -> Move:
    """What the master's signed holding means for a plan."""
    if plan.sign and master_units * plan.sign <= 0:
        return Move.OUT
    size = abs(master_units)
    if size > plan.decided_units:
        return Move.RISE
    return Move.FALL if size < plan.decided_units else Move.NONE


def decide_target(plan: Plan, master_units: int, lot_units: int, rule: SizingRule, *, round_up: bool) -> Plan:
    """The child's new plan when the master holds `master_units` (signed) of a leg; targets are computed only here.

    Args:
        plan: The plan before.
        master_units: The master's strategy units now, signed.
        lot_units: Units in a lot at the child's broker.
        rule: The child's sizing at this moment.
        round_up: Whether an exit's remainder is rounded up: a bought hedge while shorts are open.

    Returns:
        The new plan. Crossing zero gives a target of zero in the old direction; the entry the other way is a second
        decision on an empty plan.
    """
    move = move_of(plan, master_units)
    size = abs(master_units)
    if move is Move.NONE:
        return plan
    if move is Move.OUT:
        return Plan(sign=plan.sign)
    sign = plan.sign or (1 if master_units > 0 else -1)
    if move is Move.FALL:
        target = min(plan.target_units, _proportion(plan, size, lot_units, round_up=round_up))
        return Plan(
            sign=sign,
            high_units=plan.high_units,
            base_units=plan.base_units,
            target_units=target,
            decided_units=size,
        )
    if size > plan.high_units:
        # Without entries what is left of the target is the child's share from now on.
        own = plan.target_units if rule.lots_for is None else plan.base_units
        target = own + rule.added_lots(plan.high_units, size) * lot_units
        return Plan(sign=sign, high_units=size, base_units=target, target_units=target, decided_units=size)
    target = max(plan.target_units, _risen_again(plan, size, lot_units, rule))
    if rule.most_lots is not None and target > (most := plan.target_units + rule.most_lots * lot_units):
        # What the budget does not pay for is missed.
        return Plan(sign=sign, high_units=size, base_units=most, target_units=most, decided_units=size)
    return Plan(
        sign=sign, high_units=plan.high_units, base_units=plan.base_units, target_units=target, decided_units=size
    )


def missed(plan: Plan, committed_units: int) -> Plan:
    """The plan after lots were missed or closed by hand: what the child has is what it has for the master's holding."""
    return Plan(
        sign=plan.sign,
        high_units=plan.decided_units,
        base_units=committed_units,
        target_units=min(plan.target_units, committed_units),
        decided_units=plan.decided_units,
    )


def _risen_again(plan: Plan, size: int, lot_units: int, rule: SizingRule) -> int:
    """The target after the master added again without a new high."""
    if rule.lots_for is None or not rule.re_enters:
        return plan.target_units
    if plan.base_units == rule.lots_for(plan.high_units) * lot_units:
        return rule.lots_for(size) * lot_units
    return _proportion(plan, size, lot_units, round_up=False)


def _proportion(plan: Plan, size: int, lot_units: int, *, round_up: bool) -> int:
    """C m / B in whole lots; B is above 0 wherever the master's holding is measured by it."""
    exact = Fraction(plan.base_units * size, plan.high_units * lot_units)
    lots = -(-exact.numerator // exact.denominator) if round_up else exact.numerator // exact.denominator
    return min(lots * lot_units, plan.base_units)


def by_ratio(ratio: Fraction, lot_units: int) -> LotsFor:
    """Whole lots of `ratio` times the master's lots, exact."""
    numerator, denominator = ratio.numerator, ratio.denominator * lot_units
    return lambda units: units * numerator // denominator


def by_lots(lots: int) -> LotsFor:
    """A fixed number of lots as soon as the master holds anything."""
    return lambda units: lots if units else 0


def affordable_lots(budget_inr: Decimal, cost_of_lot_inr: Decimal) -> int:
    """Whole lots that a budget pays for."""
    return int(budget_inr // cost_of_lot_inr)


def slice_most(instrument: Instrument) -> int | None:
    """The largest order in whole lots below the freeze quantity, `None` where there is no such quantity."""
    if instrument.freeze_units is None:
        return None
    return max(instrument.lot_units, instrument.freeze_units // instrument.lot_units * instrument.lot_units)


def stricter(of_all: Bound, own: Bound | None) -> Bound:
    """The bound that counts for a child: the one for all, or its own where that is smaller."""
    return of_all if own is None else min(own, of_all)


def capped_ratio(available_inr: Decimal, cap_inr: Decimal | None, baseline_inr: Decimal, most: Fraction) -> Fraction:
    """min(available, cap) / baseline as an exact fraction, at most `most`.

    All amounts must be positive (the caller has a reason ready for those that are not).
    """
    capital = available_inr if cap_inr is None else min(available_inr, cap_inr)
    return min(Fraction(capital) / Fraction(baseline_inr), most)


def residue(ratio: Fraction, master_units: int, lot_units: int) -> Fraction:
    """What rounding keeps from the child, in lots: ratio x master lots less the whole lots."""
    exact = ratio * Fraction(abs(master_units), lot_units)
    return exact - exact.numerator // exact.denominator
