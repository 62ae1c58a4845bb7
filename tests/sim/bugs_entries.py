"""Planted bugs about what is decided: sizes, entries and their gates."""

from decimal import Decimal
from fractions import Fraction

from engine.core import (
    answering,
    breaker,
    entries,
    gates,
    master,
    orders,
    plans,
    reasons,
    resting,
    sending,
    sizing,
    sizing_rules,
)
from engine.core.sizing import LotsFor, SizingRule
from engine.core.sizing_rules import live_ratio
from engine.core.state import Copy
from engine.core.state_child import Child, ChildLeg, ChildOrder, Terms
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn, exits_open
from engine.model import Instrument, Side
from tests.sim.planting import Swap, in_module, planted, replace_everywhere

PASS = ""


@planted
def ratio_as_a_float() -> list[Swap]:
    """The ratio goes through a floating-point number."""

    def wrong(ratio: Fraction, lot_units: int) -> LotsFor:
        return lambda units: int(units * float(ratio)) // lot_units

    return [replace_everywhere(sizing.by_ratio, wrong)]


@planted
def rounded_half_up() -> list[Swap]:
    """Lots are rounded to the nearest instead of down."""

    def wrong(ratio: Fraction, lot_units: int) -> LotsFor:
        return lambda units: int(ratio * units / lot_units + Fraction(1, 2))

    return [replace_everywhere(sizing.by_ratio, wrong)]


@planted
def ratio_taken_anew_at_each_leg() -> list[Swap]:
    """Each entry takes the ratio of the margins of its own moment."""
    right = sizing_rules.sizing_rule

    def wrong(
        turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, side: Side | None = None
    ) -> tuple[SizingRule, str]:
        rule, why = right(turn, child, master, instrument, side)
        ratio = live_ratio(turn, child)
        if why or ratio is None or child.id not in turn.strategy(master.scope).ratios:
            return rule, why
        return SizingRule(lots_for=sizing.by_ratio(ratio, instrument.lot_units)), PASS

    return [replace_everywhere(right, wrong)]


@planted
def slices_above_the_freeze_quantity() -> list[Swap]:
    """Large orders are not sliced."""
    return [replace_everywhere(sizing.slice_most, lambda _instrument: None)]


@planted
def slices_of_broken_lots() -> list[Swap]:
    """Slices are as large as the freeze quantity, whole lots or not."""
    return [replace_everywhere(sizing.slice_most, lambda instrument: instrument.freeze_units)]


@planted
def only_the_first_slice() -> list[Swap]:
    """Of an order above the freeze quantity only the first slice is sent."""
    right = orders.make_orders

    def wrong(
        turn: Turn,
        child: Child,
        leg: ChildLeg,
        instrument: Instrument,
        side: Side,
        units: int,
        *,
        entry: bool,
        copy: Copy,
        terms: Terms = orders.THROUGH_THE_MARKET,
        reference_inr: Decimal | None = None,
    ) -> None:
        most = sizing.slice_most(instrument) or units
        right(
            turn, child, leg, instrument, side, min(units, most), entry=entry, copy=copy,
            terms=terms, reference_inr=reference_inr,
        )  # fmt: skip

    return [replace_everywhere(right, wrong)]


@planted
def reversal_enters_before_its_exit_ended() -> list[Swap]:
    """The entry half of a reversal does not wait for the exit half."""
    right = entries.decide_child

    def wrong(
        turn: Turn, child: Child, master: MasterLeg, decision: entries.Decision, *, reductions_only: bool = False
    ) -> None:
        right(turn, child, master, decision, reductions_only=reductions_only)
        leg = child.legs.get(master.leg)
        if leg is None or not leg.entry_pending or leg.decided_units or not leg.orders:
            return
        held, tags = leg.allocation_units, leg.orders
        leg.entry_pending, leg.sign, leg.allocation_units, leg.orders = False, 0, 0, []
        right(turn, child, master, decision)
        leg.allocation_units, leg.orders = held, [*tags, *leg.orders]

    return [replace_everywhere(right, wrong)]


@planted
def reduction_forgets_a_waiting_entry() -> list[Swap]:
    """A reduction of the master's forgets the entry that waits for exits or cancels of its leg."""
    right = entries.decide_child

    def wrong(
        turn: Turn, child: Child, master: MasterLeg, decision: entries.Decision, *, reductions_only: bool = False
    ) -> None:
        leg = child.legs.get(master.leg)
        if leg is not None and leg.decided_units and abs(master.units) < leg.decided_units:
            leg.entry_pending = False
        right(turn, child, master, decision, reductions_only=reductions_only)

    return [replace_everywhere(right, wrong)]


@planted
def waiting_entry_never_missed() -> list[Swap]:
    """An entry that waits for its leg's exits until its signal is old goes on waiting, and nobody is told."""
    return [replace_everywhere(entries.miss_waiting, lambda _turn, _child, _leg, _reason: None)]


@planted
def entry_beside_those_being_cancelled() -> list[Swap]:
    """An entry that is sent again does not wait for the cancels of those above the target."""

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        return exits_open(turn, leg) > 0 or breaker.waits(turn, child, order)

    return [replace_everywhere(sending._must_wait, wrong)]


@planted
def entries_behind_a_trial_given_up() -> list[Swap]:
    """While one entry tries a broker that had failed, the others of its moment are given up."""
    waits, over = breaker.waits, sending._entry_is_over

    def wrong(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        if waits(turn, child, order):
            orders.give_up(turn, child, leg, order, reasons.BROKER_FAILING)
            return True
        return over(turn, child, leg, order)

    return [replace_everywhere(over, wrong)]


@planted
def reserved_lots_forgotten() -> list[Swap]:
    """Lots that are ordered and not filled do not count when more are decided."""
    return [in_module(entries, "on_the_way", lambda _turn, _leg: 0)]


@planted
def window_decided_twice() -> list[Swap]:
    """When a window closes, what it decides is sent twice."""
    right = master.window_due

    def wrong(turn: Turn, leg_id: object) -> None:
        known = set(turn.state.orders)
        right(turn, leg_id)  # type: ignore[arg-type]
        for order in [o for tag, o in turn.state.orders.items() if tag not in known and o.entry]:
            _again(turn, order)

    return [replace_everywhere(right, wrong)]


def _again(turn: Turn, order: ChildOrder) -> None:
    child = turn.state.children[order.account]
    instrument = turn.leg_instrument(child.id, order.leg)
    copy = turn.state.copies[-1]
    if instrument is not None:
        orders.make_orders(
            turn, child, child.legs[order.leg], instrument, order.side, order.units, entry=True, copy=copy
        )


@planted
def approval_enters_twice() -> list[Swap]:
    """An approval sends what was asked about twice."""
    right = answering._approve_item

    def wrong(turn: Turn, kind: str, item: object, edited_units: int | None) -> None:
        known = set(turn.state.orders)
        right(turn, kind, item, edited_units)  # type: ignore[arg-type]
        for order in [o for tag, o in turn.state.orders.items() if tag not in known and o.entry]:
            _again(turn, order)

    return [replace_everywhere(right, wrong)]


@planted
def missed_lots_caught_up() -> list[Swap]:
    """Lots that were missed come with the next fill."""

    def wrong(turn: Turn, child: Child, leg: ChildLeg, reason: str, *, guards: bool = True) -> None:
        leg.skipped = reason
        turn.skip(child, leg.leg, reason)

    return [replace_everywhere(plans.note_missed, wrong)]


@planted
def stale_signal_entered() -> list[Swap]:
    """A fill of the master's is copied however old it is."""
    return [
        replace_everywhere(gates._signal, lambda _entry, units: (units, PASS)),
        replace_everywhere(
            master._decide_old, lambda turn, leg, _signal_ns: master._open_window(turn, leg, turn.now_ns)
        ),
    ]


@planted
def armed_after_an_unclean_stop() -> list[Swap]:
    """Entries go out after an unclean stop before anybody resumed."""
    from engine.core import replicator

    def wrong(turn: Turn) -> None:
        if turn.state.master.synced and not turn.state.armed:
            turn.state.armed = True
            master.windows_now(turn)

    return [replace_everywhere(replicator._arm, wrong)]


@planted
def lone_leg_guard_ignored() -> list[Swap]:
    """A short goes out while the child lacks another leg that the master holds."""
    return [replace_everywhere(gates.is_lone_leg, lambda _turn, _child, _leg, _side: False)]


@planted
def short_before_its_hedge() -> list[Swap]:
    """Sells do not wait for the buys of the same moment."""
    return [replace_everywhere(sending._buys_before, lambda _turn, _child, _order: False)]


@planted
def own_position_ignored() -> list[Swap]:
    """An entry goes out against the owner's own position."""
    return [replace_everywhere(gates._own_position, lambda _entry, units: (units, PASS))]


@planted
def pause_ignored() -> list[Swap]:
    """Entries go out while paused."""
    right = gates._operator

    def wrong(entry: gates.Entry, units: int) -> gates.Verdict:
        return (units, PASS) if entry.turn.state.paused and not entry.turn.state.kill else right(entry, units)

    over = sending._entry_is_over

    def wrong_over(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
        is_paused, turn.state.paused = turn.state.paused, False
        try:
            return over(turn, child, leg, order)
        finally:
            turn.state.paused = is_paused

    return [replace_everywhere(right, wrong), replace_everywhere(over, wrong_over)]


@planted
def held_lots_not_counted() -> list[Swap]:
    """What a child holds already does not count when the master adds."""
    return [in_module(entries, "held_units", lambda _leg: 0)]


@planted
def reserve_of_the_child_shared() -> list[Swap]:
    """The holding of one child is counted for the next."""
    right = resting.share

    def wrong(turn: Turn, leg: ChildLeg) -> int:
        others = [child.legs[leg.leg] for child in turn.state.children.values() if leg.leg in child.legs]
        return max(right(turn, other) for other in others)

    return [replace_everywhere(right, wrong)]
