"""The orders that rest at a child's broker for one leg: placed, changed and cancelled until they are what is wanted.

What is wanted is decided in `engine.core.mirror_sizes`. One change of an order is under way at a time, and nothing is
placed for units that another order may still fill.
"""

from config.schema import ConfirmWhen
from engine.core import gates, prompts, reasons
from engine.core.lifecycle import UNSENT, OrderState
from engine.core.mirrored_leg import MirroredLeg
from engine.core.orders import find_copy, make_orders, new_copy, take_off
from engine.core.resting import asked_units, filled_units, resting_of, room_for_entries
from engine.core.settle import cancel, exit_blocker
from engine.core.state import Copy, Sized
from engine.core.state_child import ChildLeg, ChildOrder, Mirror, Terms
from engine.core.state_master import MasterOrder
from engine.core.terms import ask, is_asked, is_same, is_waiting, is_worn_out, resting_terms
from engine.core.throttle import take_back_change
from engine.core.turn import exits_open

AT_HIS_FILL = frozenset({reasons.STALE_SIGNAL, reasons.CLOCK_BEHIND, reasons.BEFORE_START})
"""Too old to be mirrored, not to be followed: his fill is news again."""
NOT_YET = frozenset({reasons.NO_QUOTE, reasons.STALE_QUOTE, reasons.NOT_READ, reasons.MARKET_CLOSED})
"""Tried again with the next event, while the order is news."""


class Resting:
    """What rests of one child in one leg."""

    __slots__ = ("at", "child", "leg", "turn")

    def __init__(self, at: MirroredLeg) -> None:
        self.at, self.turn, self.child, self.leg = at, at.turn, at.child, at.leg

    def align(self, mirror: Mirror) -> None:
        """Place what is missing, take off what is too much, move what stands at another price."""
        order = self.at.his(mirror)
        orders = resting_of(self.turn, self.leg, mirror)
        covered = filled_units(self.turn, mirror) + sum(each.remaining for each in orders)
        wanted = mirror.units - (mirror.taken_units + mirror.missed_units if mirror.entry else 0)
        terms = None if order.ended_ns else resting_terms(order, self.at.instrument)
        if mirror.asked_units and (order.ended_ns or wanted - covered < mirror.asked_units):
            keep = 0 if order.ended_ns else max(0, wanted - covered)  # he took it back, or it filled meanwhile
            prompts.ask_less(self.turn, self.child, self.leg, mirror, keep)
        if covered > wanted:
            self._reduce(orders, covered - wanted, terms)
        elif terms is not None:
            self._move(orders, terms)
            if covered < wanted:
                self._place(mirror, order, wanted - covered, terms)

    # --- less, or elsewhere ---------------------------------------------------------------------------------------

    def _reduce(self, orders: list[ChildOrder], units: int, terms: Terms | None) -> None:
        """Take units off, newest first: withdrawn, cancelled, or the quantity modified; what stays is moved."""
        for order in reversed(orders):
            off = min(units, order.remaining)
            units -= off
            if not off:
                if terms is not None:
                    self._move([order], terms)  # what stays does not wait for the end of what goes
            elif order.state in UNSENT:
                if off == order.remaining:
                    order.renewed = self.at.no_entry == ""
                take_off(self.turn, order, off, reasons.NOT_WANTED)
            elif off == order.remaining:
                order.renewed = order.renewed or (self.at.no_entry == "" and not order.cancelling_ns)
                if order.entry:
                    order.reason = order.reason or self.at.no_entry
                cancel(self.turn, order)
            else:
                self._change(order, terms or order.terms, order.units - off)

    def _move(self, orders: list[ChildOrder], terms: Terms) -> None:
        """Move what rests to the master's price; what cannot be changed any more is cancelled and placed anew."""
        for order in orders:
            if is_same(order.terms, terms):
                take_back_change(self.child, order)
                continue
            if is_waiting(self.child, order, terms):
                continue
            if order.state is OrderState.QUEUED:
                order.terms = terms
            else:
                self._change(order, terms)

    def _change(self, order: ChildOrder, terms: Terms, units: int | None = None) -> None:
        """Change an order when it can be: one change under way at a time. A worn out one is cancelled to be renewed."""
        if order.state is not OrderState.WORKING or order.cancelling_ns or not self.turn.market_open:
            return
        if is_asked(self.turn, order):
            return
        if is_worn_out(order):
            order.renewed = True
            cancel(self.turn, order)
        else:
            ask(self.turn, order, terms=terms, units=units)

    # --- more -----------------------------------------------------------------------------------------------------

    def _place(self, mirror: Mirror, order: MasterOrder, units: int, terms: Terms) -> None:
        """Rest further units, through the gates of an entry or the few of an exit."""
        if mirror.entry:
            self._place_entry(mirror, order, units, terms)
        elif not mirror.reason and not exit_blocker(self.turn, self.child, self.leg):
            held = abs(self.leg.allocation_units)
            self._send(mirror, min(units, held - exits_open(self.turn, self.leg)), terms)

    def _place_entry(self, mirror: Mirror, order: MasterOrder, units: int, terms: Terms) -> None:
        turn, lot_units = self.turn, self.at.instrument.lot_units
        whole, units = (each // lot_units * lot_units for each in (units, min(units, self._entry_room())))
        if units <= 0 or mirror.asked_units or mirror.reason in AT_HIS_FILL or not turn.state.armed:
            return
        allowed, why = gates.check(self._entry(mirror, order), units, gates.RESTING)
        if why in NOT_YET:
            return
        if why:
            mirror.reason = why
            of_units = whole if why == reasons.MAX_LOTS_PER_ORDER else units  # no second order for what had no room
            mirror.missed_units += 0 if why in AT_HIS_FILL else of_units - allowed
            turn.skip(self.child, self.leg.leg, why)
        if allowed <= 0:
            return
        if turn.settings.confirm.when is ConfirmWhen.NEVER:
            self._send(mirror, allowed, terms)
        elif mirror.granted_units:
            allowed = min(allowed, mirror.granted_units)
            mirror.granted_units -= allowed
            self._send(mirror, allowed, terms)
        else:
            self._ask(mirror, order, allowed)

    def _entry(self, mirror: Mirror, order: MasterOrder) -> gates.Entry:
        return gates.Entry(
            turn=self.turn,
            child=self.child,
            settings=self.turn.child_settings[self.child.id],
            master=self.at.master,
            leg=self.leg,
            instrument=self.at.instrument,
            side=mirror.side,
            signal_ns=None if mirror.granted_units else max(order.placed_ns, order.terms_ns),
            reference_inr=order.price_inr or order.trigger_inr,
            order_type=order.order_type,
            backing_units=self.at.added_units,
        )

    def _entry_room(self) -> int:
        """Units up to what the plan gives when all that rests of the master's fills."""
        awaiting = self.leg.awaiting_units - asked_units(self.leg)
        return max(0, room_for_entries(self.turn, self.leg, 0) - awaiting)

    def _send(self, mirror: Mirror, units: int, terms: Terms) -> None:
        if units <= 0:
            return
        before = len(self.leg.orders)
        copy = self._copy(mirror)
        if mirror.entry:
            copy.sized[self.child.id] = self._sized(mirror)
        make_orders(
            self.turn,
            self.child,
            self.leg,
            self.at.instrument,
            mirror.side,
            units,
            entry=mirror.entry,
            copy=copy,
            terms=terms,
        )
        for tag in self.leg.orders[before:]:
            self.turn.state.orders[tag].mirrors = mirror.order_id
            mirror.tags.append(tag)
            mirror.backs = True

    def _sized(self, mirror: Mirror) -> Sized:
        return Sized(
            lot_units=self.at.instrument.lot_units,
            his_units=self.at.his(mirror).quantity,
            target_units=mirror.sized_units,
            ratio=self.at.rule.ratio,
            sizing=self.at.rule.words,
            of_order=True,
        )

    def _copy(self, mirror: Mirror) -> Copy:
        """The decision that a mirror's orders belong to: one for all children of an order of the master's."""
        order = self.at.his(mirror)
        copies = order.entry_copy, order.exit_copy
        copy = find_copy(self.turn, mirror.copy_id or copies[0 if mirror.entry else 1])
        if copy is None:
            copy = new_copy(self.turn, self.leg.leg, mirror.side, entry=mirror.entry, signal_ns=0, by_master=False)
            copy.master_units = mirror.side.sign * order.quantity
            copy.master_price_inr = order.price_inr or order.trigger_inr
            if mirror.entry:
                order.entry_copy = copy.id
            else:
                order.exit_copy = copy.id
        mirror.copy_id = copy.id
        return copy

    # --- prompts --------------------------------------------------------------------------------------------------

    def _ask(self, mirror: Mirror, order: MasterOrder, units: int) -> None:
        """Ask before resting; a leg's part in a prompt is one row, whatever it is made of."""
        turn, leg = self.turn, self.leg
        signal_ns, decision = order.placed_ns, self._copy(mirror).id
        asks_of_fills = leg.awaiting_units > asked_units(leg)
        if asks_of_fills and (item := prompts.item_of(turn, self.child, leg)) is not None:
            signal_ns, decision = item.signal_ns, item.decision  # what rests knows its own
        mirror.asked_units = units
        prompts.ask(
            turn,
            prompts.open_prompt(turn, prompts.ENTRY),
            self.child,
            leg,
            mirror.side,
            leg.awaiting_units + units,
            entry=True,
            signal_ns=signal_ns,
            decision=decision,
        )


def grant(leg: ChildLeg, units: int, reason: str) -> int:
    """The operator answered a prompt: `units` may go, to resting orders first.

    Returns:
        Units that are left for what the master's fills brought.
    """
    for mirror in leg.mirrors.values():
        given = min(mirror.asked_units, units)
        units -= given
        mirror.granted_units += given
        if given < mirror.asked_units:
            mirror.missed_units += mirror.asked_units - given
            mirror.reason = reason
        mirror.asked_units = 0
    return units
