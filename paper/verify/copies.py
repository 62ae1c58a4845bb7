"""The rules of what rests for the master's orders (`follow: orders`), and of what completes it through the market.

A copy stands where his order stands and is no larger than its part of it; it is changed one step at a time. It must not
judge what a child holds in all: that is the matter of `truth` and `judge`.
"""

from collections import Counter
from dataclasses import dataclass

from config.schema import Follow
from engine.commands import CancelOrder, ModifyOrder
from engine.core.lifecycle import AT_BROKER, TERMINAL, OrderState
from engine.core.resting import rests
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg, ChildOrder, Mirror, Terms
from engine.core.state_master import MasterOrder
from engine.core.terms import most_slippage_inr
from engine.core.turn import Turn
from engine.events import Event, Request, RequestAnswered
from engine.model import NS_PER_S, LegId, OrderReport, OrderType, sign
from paper.verify.backing import stands_with, told, told_of
from paper.verify.truth import Truth
from paper.verify.windows import Windows

ASKED_WITHIN_NS = 6 * NS_PER_S
"""What stands elsewhere than his order, or is too much, is asked to change within so long."""
ASTRAY_MOST_NS = 60 * NS_PER_S
"""A change that the broker does not answer is asked for again after 40 s."""
ANSWERED_MOST_NS = 40 * NS_PER_S
"""A change of which nothing was heard for so long does not stop another one."""
CHANGES_MOST = 25
"""Brokers take no more changes of one order (Kite, 2026)."""
EXITS = "the exits that rest"
"""What is judged of them together goes by this name."""


@dataclass(slots=True)
class _Asked:
    """A change of an order that was handed over and not heard of yet."""

    command: ModifyOrder
    at_ns: int


@dataclass(slots=True)
class _Refused:
    """What a broker refused of the copies of one order."""

    part: int
    "The child's part of the order at the last look."
    seen: int = 0
    "Units that were refused until then."
    counts: int = 0
    "What of them is missed of the order as it is now."


class Copies:
    """Judges what rests."""

    def __init__(self, truth: Truth, windows: Windows) -> None:
        self._truth, self._windows = truth, windows
        self._changes: Counter[str] = Counter()
        "How often each order was changed."
        self._under_way: dict[str, _Asked] = {}
        self._asked_ns: dict[str, int] = {}
        "When a change or the end of an order was last handed over."
        self._astray_ns: dict[tuple[str, LegId, str], int] = {}
        "Since when orders rest without the master's, or elsewhere, or are more than their part."
        self._unknown_ns: dict[str, int] = {}
        "When the broker was last not known to have an order: until then it could not be changed."
        self._crowded_ns: dict[str, int] = {}
        "When a change of an order last waited for a rate window of the broker's that was full."
        self._room_taken_ns: dict[tuple[str, LegId], int] = {}
        "When an entry of a leg was last not known: what it may bring is in the place of what others still owe."
        self._leaving_ns: dict[tuple[str, LegId], int] = {}
        "When an entry of a leg was last being cancelled: until its end is known, others may have to wait for it."
        self._stopped_ns = 0
        "When entries were last stopped."
        self._undecided_ns: dict[LegId, int] = {}
        "When it was last open what the master's newest fills of a leg are worth; entries that are stopped keep it so."
        self._undecided: set[LegId] = set()
        self._parts: dict[tuple[str, str], int] = {}
        "By child and order of the master's: the largest part of it that the child ever had."
        self._refused: dict[tuple[str, str], _Refused] = {}
        "What the broker refused of its copies."

    def backed(self, state: State, child: Child, leg: ChildLeg) -> int:
        """Units that entries filled ahead of orders of the master's that work: they are not exited (R4.9)."""
        master = state.master.legs.get(leg.leg)
        if leg.flattening or master is None or master.units * leg.sign < 0:
            return 0
        return sum(
            max(0, min(self._filled(child, mirror) + mirror.taken_units, mirror.sized_units) - mirror.decided_units)
            for mirror in leg.mirrors.values()
            if mirror.entry and mirror.order_id in state.master.working
        )

    # What is told

    def died(self) -> None:
        """A process is gone: the next one looks for itself."""
        self._under_way.clear()
        self._asked_ns.clear()
        self._astray_ns.clear()

    def resumed(self, now_ns: int) -> None:
        """The process is run again that was suspended: what it had to do within a time counts from here."""
        self._astray_ns = dict.fromkeys(self._astray_ns, now_ns)
        self._stopped_ns = now_ns

    def answered(self, event: Event) -> None:
        """An event that the engine takes in: the answer to a change lets the next one go."""
        if isinstance(event, RequestAnswered) and event.request is Request.MODIFY:
            self._under_way.pop(event.tag, None)

    def seen(self, row: OrderReport) -> None:
        """An order changed at the exchange: a push may tell the engine before the answer does."""
        asked = next((each for each in self._under_way.values() if each.command.order_id == row.order_id), None)
        if asked is None:
            return
        command = asked.command
        is_there = (row.order_type, row.price_inr) == (command.order_type, command.price_inr)
        # An order without a trigger may still be shown with the one that it had.
        is_triggered_so = command.trigger_price_inr in (None, row.trigger_price_inr)
        if is_there and is_triggered_so and command.quantity in (None, row.quantity):
            del self._under_way[command.tag]

    # What is handed over

    def placed(self, state: State, child: Child, order: ChildOrder) -> None:
        """An order is handed over."""
        if rests(order):
            self._check_terms(state, child, order, order.terms)
            self._check_refused(state, child, order)
        elif order.entry:
            self._check_completion(state, child, order)

    def cancelled(self, state: State, command: CancelOrder) -> None:
        """A cancel is handed over."""
        self._asked_ns[command.tag] = state.now_ns

    def changed(self, state: State, child: Child, command: ModifyOrder) -> None:
        """A change is handed over."""
        order = state.orders[command.tag]
        where = f"{order.leg}: {command.tag}"
        self._changes[command.tag] += 1
        if self._changes[command.tag] > CHANGES_MOST:
            self._broken("I16", child.id, f"{where} is changed for the {self._changes[command.tag]}th time")
        asked = self._under_way.get(command.tag)
        is_judged = rests(order) or order.entry
        if is_judged and asked is not None and state.now_ns - asked.at_ns < ANSWERED_MOST_NS:
            self._broken("I1", child.id, f"{where} is changed while another change of it is under way")
        self._under_way[command.tag] = _Asked(command, state.now_ns)
        self._asked_ns[command.tag] = state.now_ns
        terms = Terms(
            order_type=command.order_type or OrderType.MARKET,
            price_inr=command.price_inr,
            trigger_inr=command.trigger_price_inr,
        )
        if rests(order):
            self._check_terms(state, child, order, terms)
        elif order.entry:
            self._check_slippage(state, child, order, terms)
            self._check_completion(state, child, order, is_change=True)

    def _check_terms(self, state: State, child: Child, order: ChildOrder, terms: Terms) -> None:
        """A copy is sent, or moved, to where the master's order stands."""
        his = state.master.orders[order.mirrors]
        instrument = self._truth.instrument(order.leg)
        if his.ended_ns or instrument is None:
            return
        if not stands_with(terms, his, instrument):
            self._broken(
                "I5", child.id, f"{order.leg}: {order.tag} is to rest as {told(terms)}, the master's {told_of(his)}"
            )

    def _check_refused(self, state: State, child: Child, order: ChildOrder) -> None:
        """What the broker refused of a copy is missed, and does not rest again (R4.12)."""
        mirror, his = child.legs[order.leg].mirrors.get(order.mirrors), state.master.orders[order.mirrors]
        part = self._part(child, his)
        if mirror is None or not order.entry or part is None:
            return
        most = self._parts[child.id, order.mirrors] = max(part, self._parts.get((child.id, order.mirrors), 0))
        copies = [state.orders[tag] for tag in mirror.tags]
        self._note_refused(state, child, mirror)
        refused = self._refused[child.id, order.mirrors].counts
        rest = sum(o.remaining for o in copies if o.state not in TERMINAL)
        filled = mirror.past_units + sum(o.filled for o in copies)
        if refused and rest + filled > most - refused:
            what = f"{order.tag} rests again: {rest} with {filled} filled, of {most} the broker refused {refused}"
            self._broken("I1", child.id, f"{order.leg}: {what}")

    def _check_slippage(self, state: State, child: Child, order: ChildOrder, terms: Terms) -> None:
        """An entry is moved to no price beyond the slippage limit (R4.6)."""
        instrument, reference = self._truth.instrument(order.leg), order.reference_inr
        if instrument is None or reference is None:
            return
        turn = Turn(state, state.now_ns, {})
        worst = reference + order.side.sign * (
            most_slippage_inr(turn, child.id, instrument, reference) + instrument.tick_inr
        )
        if terms.price_inr is None or (terms.price_inr - worst) * order.side.sign > 0:
            self._broken("I12", child.id, f"{order.leg}: {order.tag} is moved to {told(terms)}, beyond {worst}")

    def _check_completion(self, state: State, child: Child, order: ChildOrder, *, is_change: bool = False) -> None:
        """Through the market goes what the master's fills are worth, beside what copies filled ahead of them (R4.8).

        A change adds no units: what others filled is held against it when the engine can know of it.
        """
        key = (child.id, order.leg)
        master = state.master.legs.get(order.leg)
        if state.settings.follow is not Follow.ORDERS or key in self._truth.surfaced or key in self._truth.manual:
            return
        if master is None or sign(master.units) != order.side.sign:
            return
        most = self._truth.bound_units(key, abs(master.units), round_up=True)
        leg = child.legs[order.leg]
        going = sum(
            max(0, other.units - self._truth.filled(child.id, other.tag))
            for other in (state.orders[tag] for tag in leg.orders)
            if other.entry and other is not order and other.state in AT_BROKER and not rests(other)
        )
        own = order.units - self._truth.filled(child.id, order.tag)
        held = leg.allocation_units if is_change else self._truth.ours.get(key, 0)
        after = abs(held) + going + own
        ahead = sum(self._ahead(state, child, leg, mirror) for mirror in leg.mirrors.values() if mirror.entry)
        if most is not None and after > most + ahead:
            what = f"brings {after} where {master.units} of the master's give {most}, with {ahead} ahead of him"
            self._broken("I2", child.id, f"{order.leg}: entry {order.tag} through the market {what}")

    def _ahead(self, state: State, child: Child, leg: ChildLeg, mirror: Mirror) -> int:
        """What copies of one order, and orders in their place, bring beyond what his fills of it are worth."""
        worth = self._truth.share_units((child.id, leg.leg), state.master.orders[mirror.order_id].opened_units)
        filled = self._filled(child, mirror)
        come = max(filled, min(filled + mirror.taken_units, mirror.sized_units))
        return 0 if worth is None else max(0, come - worth)

    def _part(self, child: Child, his: MasterOrder) -> int | None:
        """A child's part of an order that opens lots."""
        return self._truth.share_units((child.id, his.leg), his.quantity - his.filled + his.opened_units)

    def _note_refused(self, state: State, child: Child, mirror: Mirror) -> None:
        """An order that is made smaller gives up first what was missed of it; made larger again, the rest is new."""
        copies = (state.orders[tag] for tag in mirror.tags)
        refused = sum(o.remaining for o in copies if o.state is OrderState.REJECTED and not o.renewed)
        part = self._part(child, state.master.orders[mirror.order_id]) or 0
        before = self._refused.setdefault((child.id, mirror.order_id), _Refused(part))
        counts = max(0, before.counts - max(0, before.part - part)) + refused - before.seen
        before.counts = min(counts, part)  # what was refused of a copy that was larger than his order is now
        before.part, before.seen = part, refused

    def _filled(self, child: Child, mirror: Mirror) -> int:
        """What copies of one order filled at the exchange."""
        return mirror.past_units + sum(self._truth.filled(child.id, tag) for tag in mirror.tags)

    # What is looked at

    def looked(self, state: State, child: Child, leg: ChildLeg) -> None:
        """No order rests without the master's, none stands for long where his does not, or is more than its part."""
        if not state.armed or state.paused:  # what his fills are worth waits until entries may go again
            self._stopped_ns = state.now_ns
        self._note_undecided(state, leg.leg)
        is_stopped = child.ip_refused or child.needs_login or bool(state.kill) or not child.synced
        for mirror in leg.mirrors.values():
            if mirror.entry:
                self._note_refused(state, child, mirror)
        resting: dict[str, list[ChildOrder]] = {}
        for order in (state.orders[tag] for tag in leg.orders):
            if order.state is OrderState.UNKNOWN:
                self._unknown_ns[order.tag] = state.now_ns
                if order.entry:
                    self._room_taken_ns[child.id, leg.leg] = state.now_ns
            if self._windows.holds_back(child, order.tag, state.now_ns):
                self._crowded_ns[order.tag] = state.now_ns
            if order.entry and order.cancelling_ns and order.state in AT_BROKER:
                self._leaving_ns[child.id, leg.leg] = state.now_ns
            may_rest = order.state is OrderState.WORKING and not self._truth.is_over(child.id, order.order_id)
            if not is_stopped and order.mirrors in state.master.orders and may_rest:
                resting.setdefault(order.mirrors, []).append(order)
        for order_id, orders in resting.items():
            his = state.master.orders[order_id]
            for order in orders:
                self._judge(state, child, leg, [order], self._elsewhere(order, his), order.tag, his)
            self._judge(state, child, leg, orders, self._too_much(state, child, leg, his, orders), order_id)
        exits = [order for orders in resting.values() for order in orders if not order.entry]
        self._judge(state, child, leg, exits, self._too_many_exits(state, leg, exits), EXITS)
        names = {*resting, EXITS, *(order.tag for orders in resting.values() for order in orders)}
        self._forget(child, leg, names)

    def _note_undecided(self, state: State, leg: LegId) -> None:
        """It is open what his fills are worth, or was until this moment."""
        master = state.master.legs.get(leg)
        is_open = master is not None and master.window is not None
        if is_open or leg in self._undecided:
            self._undecided_ns[leg] = state.now_ns
        (self._undecided.add if is_open else self._undecided.discard)(leg)

    def _judge(
        self,
        state: State,
        child: Child,
        leg: ChildLeg,
        orders: list[ChildOrder],
        why: str,
        name: str,
        his: MasterOrder | None = None,
    ) -> None:
        """Orders that rest as they should not are asked to change soon, and are changed in the end.

        `his`: an order of the master's that may have moved meanwhile: one that is moved again and again is run after.
        """
        key = (child.id, leg.leg, name)
        if not why:
            self._astray_ns.pop(key, None)
            return
        since_ns = self._astray_ns.setdefault(key, state.now_ns)
        since_ns = max(since_ns, *(self._unknown_ns.get(order.tag, 0) for order in orders))
        since_ns = max(since_ns, *(self._crowded_ns.get(order.tag, 0) for order in orders))
        if his is not None:
            since_ns = max(since_ns, his.terms_ns, his.ended_ns, self._undecided_ns.get(leg.leg, 0))
            if his.ended_ns and orders[0].entry:
                since_ns = max(since_ns, self._room_taken_ns.get((child.id, leg.leg), 0))
        asked_ns = [self._asked_ns[order.tag] for order in orders if order.tag in self._asked_ns]
        may_wait_ns = max((ns + ANSWERED_MOST_NS for ns in asked_ns), default=0)
        leaving_ns = self._leaving_ns.get((child.id, leg.leg), 0)
        is_forgotten = state.now_ns - max(since_ns, may_wait_ns, leaving_ns, self._stopped_ns) >= ASKED_WITHIN_NS
        if is_forgotten or child.orders_began_ns > since_ns + ASTRAY_MOST_NS:
            self._broken("I5", child.id, f"{leg.leg}: {name} {why}, for too long")

    def _elsewhere(self, order: ChildOrder, his: MasterOrder) -> str:
        """Why an order must not rest where it does, '' when it may."""
        instrument = self._truth.instrument(order.leg)
        if his.ended_ns or (instrument is not None and not stands_with(order.terms, his, instrument)):
            return f"rests as {told(order.terms)} for {order.mirrors}, {told_of(his)}"
        return ""

    def _too_much(self, state: State, child: Child, leg: ChildLeg, his: MasterOrder, orders: list[ChildOrder]) -> str:
        """Why so much must not rest for an entry, by what the engine knows to be filled; '' when it may."""
        mirror = leg.mirrors.get(his.order_id)
        if mirror is None or not mirror.entry or his.ended_ns:
            return ""
        part = self._part(child, his)
        rest = sum(order.remaining for order in orders)
        filled = mirror.past_units + sum(state.orders[tag].filled for tag in mirror.tags)
        return "" if part is None or rest + filled <= part else f"has {rest} resting and {filled} filled of {part}"

    def _too_many_exits(self, state: State, leg: ChildLeg, exits: list[ChildOrder]) -> str:
        """Why exits that rest close too much together: what the child keeps when the master's have filled stays.

        It keeps its part of the target, or C m / B where that is less (a fall after he has added again).
        """
        master = state.master.legs.get(leg.leg)
        instrument = self._truth.instrument(leg.leg)
        if master is None or not master.units or instrument is None or not exits or leg.sign * master.units < 0:
            return ""
        resting = {order.mirrors for order in exits}
        his = [
            state.master.orders[mirror.order_id]
            for mirror in leg.mirrors.values()
            if mirror.order_id in resting or (mirror.backs and not mirror.entry)  # some of it was closed ahead of him
        ]
        size = abs(master.units)
        left = max(0, size - sum(order.quantity - order.filled for order in his if not order.ended_ns))
        kept = min(leg.target_units * left // size, leg.base_units * left // max(leg.high_units, 1))
        stays = kept // instrument.lot_units * instrument.lot_units
        rest, held = sum(order.remaining for order in exits), abs(leg.allocation_units)
        return f"close {rest} of {held} where {stays} are to stay" if rest > max(0, held - stays) else ""

    def _forget(self, child: Child, leg: ChildLeg, names: set[str]) -> None:
        gone = [key for key in self._astray_ns if key[:2] == (child.id, leg.leg) and key[2] not in names]
        for key in gone:
            del self._astray_ns[key]

    def _broken(self, rule: str, child: str, what: str) -> None:
        self._truth.violations.append(f"{rule} {child} {what}")
