"""The limits of a day, held against every entry that is handed over, and against what is told of those that were not.

The safety side is exact: by the judge's own book nothing beyond a bound is ever sent. What a limit kept out is told
with its reason, and the reason is true. It must not judge what a child holds in all (`truth`, `judge`).
"""

from fractions import Fraction

from config.schema import SizingMode
from engine.core import reasons
from engine.core.lifecycle import AT_BROKER
from engine.core.state import State, Strategy
from engine.core.state_child import Child, ChildOrder
from engine.events import MaxCapitalSet
from engine.model import NS_PER_S, LegId, split_leg
from paper.verify.limits import most_of
from paper.verify.plan import Plan
from paper.verify.truth import Truth

MINUTE_NS = 60 * NS_PER_S
LIMITS = {
    reasons.MAX_LOTS_PER_ORDER: "max_lots_per_order",
    reasons.MAX_LOTS_PER_INSTRUMENT: "max_lots_per_instrument",
    reasons.MAX_OPEN_LOTS: "max_open_lots",
    reasons.ORDERS_PER_MINUTE: "max_orders_per_minute",
    reasons.ORDERS_PER_DAY: "max_orders_per_day",
    reasons.MAX_POSITION: "max_position_pct",
}
"""By the reason that is told: the limit that it speaks of."""


class Bounds:
    """Judges limits.

    Args:
        truth: The judge's book; violations go there.
        plan: The day: its settings, and the bounds of its prices and funds.
    """

    def __init__(self, truth: Truth, plan: Plan) -> None:
        settings = plan.scenario.settings
        self._truth = truth
        self._part_inr = {
            child.id: Fraction(plan.lowest_inr) * 100 / Fraction(plan.most_funds_inr(child.id))
            for child in settings.children
        }
        "By child: the least that a unit can be worth, in per cent of the most that it can have."
        if settings.paper.margins:  # what is released again is had beside what the day gives
            self._part_inr = dict.fromkeys(self._part_inr, Fraction(0))
        self._most = {
            child.id: {
                name: most for name in LIMITS.values() if (most := most_of(settings, child.id, name)) is not None
            }
            for child in settings.children
        }
        self._children = {child.id: child for child in settings.children}
        self._caps_inr = {child.id: child.max_capital_inr for child in settings.children}
        "The largest cap that was ever in force, `None` for none: a ratio keeps the one that it began with."
        self._sent: dict[str, dict[str, ChildOrder]] = {child.id: {} for child in settings.children}
        "Entries that were handed over, by tag."
        self._slices: dict[str, tuple[str, ...]] = {}
        "By tag: the slices that one order was cut into."
        self._asked: dict[tuple[str, LegId], int] = {}
        "What prompts asked about at the last look: they took room, and may be gone with what they kept out."
        self._told: set[str] = set()
        "Skips that were looked at."

    # What is told

    def capped(self, event: MaxCapitalSet) -> None:
        """The operator sets a cap."""
        known = self._caps_inr.get(event.child)
        if known is not None:
            self._caps_inr[event.child] = None if event.max_capital_inr is None else max(known, event.max_capital_inr)

    def handed_over(self, state: State, child: Child, order: ChildOrder) -> None:
        """An entry is handed over."""
        most = self._most.get(child.id)
        if not most:
            return
        self._sent[child.id][order.tag] = order
        self._note_slices(state, child, order)
        instrument = self._truth.instrument(order.leg)
        lot = 1 if instrument is None else instrument.lot_units
        used: dict[str, Fraction] = {
            "max_lots_per_order": Fraction(self._decided_units(order), lot),
            "max_lots_per_instrument": Fraction(self._units(state, child, order.leg, order), lot),
            "max_open_lots": sum(
                (Fraction(self._units(state, child, leg, order), self._lot(leg)) for leg in child.legs), Fraction(0)
            ),
            "max_orders_per_minute": Fraction(self._orders(order, since_ns=order.created_ns - MINUTE_NS)),
            "max_orders_per_day": Fraction(self._orders(order)),
            "max_position_pct": self._units(state, child, order.leg, order) * self._part_inr[child.id],
        }
        for name, bound in most.items():
            if used[name] > bound and not (name in OF_HELD and self._is_unclear(child, order, name)):
                self._broken("I12", child.id, order.leg, f"entry {order.tag} brings {used[name]}, {name} is {bound}")

    # What is counted

    def _note_slices(self, state: State, child: Child, order: ChildOrder) -> None:
        """What was decided in one go is there by now; what another event of the same moment adds is another order."""
        if order.tag in self._slices:
            return
        others = (state.orders[tag] for tag in child.legs[order.leg].orders if tag not in self._slices)
        made = (order.decision, order.created_ns)
        slices = tuple(other.tag for other in others if other.entry and (other.decision, other.created_ns) == made)
        self._slices |= dict.fromkeys(slices, slices)

    def _decided_units(self, order: ChildOrder) -> int:
        """Units of the slices of an order that were handed over so far."""
        sent = self._sent[order.account]
        return sum(sent[tag].units for tag in self._slices[order.tag] if tag in sent)

    def _units(self, state: State, child: Child, leg_id: LegId, order: ChildOrder) -> int:
        """Units that a child holds of a leg, and those that may still come, this order with them."""
        coming = sum(
            max(0, other.units - self._truth.filled(child.id, other.tag, other.order_id))
            for other in (state.orders[tag] for tag in child.legs[leg_id].orders)
            if other.entry and (other is order or other.state in AT_BROKER)
        )
        return abs(self._truth.ours.get((child.id, leg_id), 0)) + coming

    def _lot(self, leg: LegId) -> int:
        instrument = self._truth.instrument(leg)
        return 1 if instrument is None else instrument.lot_units

    def _orders(self, order: ChildOrder, since_ns: int | None = None) -> int:
        """Entries that were decided up to this one, on its day or since a time."""
        return sum(
            other.day == order.day if since_ns is None else since_ns < other.created_ns <= order.created_ns
            for other in self._sent[order.account].values()
        )

    def _is_unclear(self, child: Child, order: ChildOrder, name: str) -> bool:
        """Whether an owner's trade or a late order makes the judge's count of lots differ from what can be known."""
        legs = child.legs if name == "max_open_lots" else (order.leg,)
        keys = {(child.id, leg) for leg in legs}
        return bool(keys & self._truth.surfaced) or bool(keys & self._truth.manual.keys())

    # What is looked at

    def looked(self, state: State) -> None:
        """Reasons that are told are true; ratios are within what is allowed."""
        for name, skip in state.skips.items():
            if name not in self._told:
                self._told.add(name)
                if skip.reason in LIMITS and skip.at_ns == state.now_ns:
                    self._look_at_skip(state, state.children[skip.child], skip.symbol, skip.reason)
        for strategy in state.strategies.values():
            for child, ratio in strategy.ratios.items():
                self._look_at_ratio(strategy, child, ratio)
        if any(self._most.values()):
            self._note_asked(state)

    def _look_at_skip(self, state: State, child: Child, symbol: str, reason: str) -> None:
        """What a limit kept out is told where it is set, and where nothing more may come."""
        bound = self._most[child.id].get(LIMITS[reason])
        if bound is None:
            self._broken("I5", child.id, symbol, f"not copied ({reason}), and there is no such limit")
            return
        used = Fraction(0)
        for leg in child.legs.values():
            if reason == reasons.MAX_OPEN_LOTS or split_leg(leg.leg)[1] == symbol:
                opening = sum(state.orders[tag].remaining for tag in leg.orders if state.orders[tag].entry)
                asked = max(leg.awaiting_units, self._asked.get((child.id, leg.leg), 0))
                used += Fraction(abs(leg.allocation_units) + opening + asked, self._lot(leg.leg))
        # what took the room may have been given up since
        gave_up = any(leg.skipped not in ("", reason) for leg in child.legs.values()) or any(
            skip.child == child.id and (skip.at_ns == state.now_ns or skip.reason == reasons.LONE_LEG)
            for skip in state.skips.values()
            if skip.reason != reason  # a lone leg is told once, whatever it takes back later
        )
        if not gave_up and LIMITS[reason] in LOTS and used < bound:
            self._broken("I5", child.id, symbol, f"not copied ({reason}), and {used} of {bound} lots are taken")

    def _note_asked(self, state: State) -> None:
        self._asked = {
            (child.id, leg.leg): leg.awaiting_units
            for child in state.children.values()
            for leg in child.legs.values()
            if leg.awaiting_units
        }

    def _look_at_ratio(self, strategy: Strategy, child_id: str, ratio: Fraction) -> None:
        child, cap = self._children.get(child_id), self._caps_inr.get(child_id)
        if child is None:
            return
        if child.max_ratio is not None and ratio > child.max_ratio:
            self._broken("I12", child_id, strategy.scope, f"its ratio is {ratio}, max_ratio {child.max_ratio}")
        baseline = strategy.baseline
        master = None if baseline is None else baseline.master_inr
        is_capped = cap is not None and child.sizing.mode is SizingMode.FROZEN_RATIO
        if is_capped and cap is not None and master and ratio > Fraction(cap) / Fraction(master):
            self._broken("I12", child_id, strategy.scope, f"its ratio is {ratio}, beyond a cap of {cap} of {master}")

    def _broken(self, rule: str, child: str, where: str, what: str) -> None:
        text = f"{rule} {child} {where}: {what}"
        if text not in self._truth.violations:
            self._truth.violations.append(text)


LOTS = frozenset({"max_lots_per_instrument", "max_open_lots"})
"""Limits of lots that are held."""
OF_HELD = LOTS | {"max_position_pct"}
"""Limits of what is held, in which an owner's trades count."""
