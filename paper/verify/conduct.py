"""The rules of every order at the moment when the engine hands it over: held against the judge's own book.

It must not look further than that moment; what becomes of the order is the matter of `truth` and `course`.
"""

from collections.abc import Callable

from config.schema import ConfirmWhen, OnLegRefused
from engine.commands import CancelOrder, Command, ModifyOrder, PlaceOrder
from engine.core.lifecycle import AT_BROKER, TERMINAL, OrderState
from engine.core.resting import rests
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.symbols import parse_symbol
from engine.model import NS_PER_S, LegId, Side, split_leg
from paper.verify.backing import backed_units
from paper.verify.bounds import Bounds
from paper.verify.copies import Copies
from paper.verify.course import SIGNAL_MOST_NS, Course
from paper.verify.losses import Losses
from paper.verify.truth import GIVEN_UP, Key, Truth

PROMPTS_MOST_NS = 20 * NS_PER_S
"""Prompts of a simulated day last no longer; what was asked about, or rests, goes within as long again."""


class Conduct:
    """Judges what is handed over."""

    def __init__(self, truth: Truth, course: Course, copies: Copies, bounds: Bounds, losses: Losses) -> None:
        self._truth, self._course, self._copies = truth, course, copies
        self._bounds, self._losses = bounds, losses
        self._exits: dict[Key, dict[str, int]] = {}
        "Units of every exit that was handed over, by tag."
        self.rose_ns: dict[LegId, int] = {}
        "When the master last traded a leg."

    def handed_over(self, command: Command, state: State, *, is_durable: bool) -> None:
        """A command is handed to its lane."""
        if not isinstance(command, PlaceOrder | CancelOrder | ModifyOrder):
            return
        if not is_durable:
            self._broken(
                "I4", command.account, f"{type(command).__name__} {command.tag} before the journal was durable"
            )
        if isinstance(command, CancelOrder):
            self._course.cancelled.add(command.tag)
            self._copies.cancelled(state, command)
        elif isinstance(command, ModifyOrder):
            self._copies.changed(state, state.children[command.account], command)
        else:
            self._placed(state, command)

    def _placed(self, state: State, command: PlaceOrder) -> None:
        self._course.sent_ns[command.tag] = state.now_ns
        order, child = state.orders[command.tag], state.children[command.account]
        self._copies.placed(state, child, order)
        if order.entry:
            self._bounds.handed_over(state, child, order)
            self._losses.handed_over(child, order)
            self._entry(state, child, order)
        else:
            self._exit(state, child, order)

    # Exits

    def _exit(self, state: State, child: Child, order: ChildOrder) -> None:
        """An exit never goes beyond what is held and is not to stay, what is under way taken off."""
        key = (child.id, order.leg)
        exits = self._exits.setdefault(key, {})
        left = {tag: self._left(state, tag, units) for tag, units in exits.items() if tag != order.tag}
        under_way = sum(left.values())
        exits[order.tag] = order.units
        ours, manual = self._truth.ours.get(key, 0), self._truth.manual.get(key, 0)
        has_manual, leg = self._truth.has_manual(key), child.legs[order.leg]
        if key in self._truth.surfaced and leg.allocation_units != ours:
            return  # what surfaced is not known to the engine yet
        # What the owner closed may be what was ahead.
        backed = 0 if has_manual else self._copies.backed(state, child, leg)
        keep = leg.target_units + backed if leg.sign == -order.side.sign else 0
        resting = sum(units for tag, units in left.items() if tag in state.orders and rests(state.orders[tag]))
        resting = max(resting + _ahead(leg, lambda tag: self._truth.filled(child.id, tag)), _as_known(state, leg))
        keep = 0 if rests(order) else max(0, keep - resting)  # what rests takes of what is to stay until then
        stays = f"{keep} to stay and {under_way} in exits under way"
        if not has_manual and order.units > -order.side.sign * ours - keep - under_way:
            what = f"exit {order.tag} of {order.units} with {ours} held, {stays}"
            self._broken("I3", child.id, f"{order.leg}: {what}")
        is_read = child.positions_began_ns > self._course.manual_ns.get(key, 0)
        is_read = is_read and child.id not in self._course.deceived
        if has_manual and is_read and order.units > -order.side.sign * (ours + manual) - keep - under_way:
            what = f"exit {order.tag} of {order.units} where the broker has {ours + manual}, {stays}"
            self._broken("I3", child.id, f"{order.leg}: {what}")

    def _left(self, state: State, tag: str, units: int) -> int:
        """What an exit may still fill, as far as the engine counts on it."""
        order = state.orders.get(tag)
        if order is None or order.state in TERMINAL or order.state in GIVEN_UP:
            return 0
        if order.state is OrderState.QUEUED:  # not accepted, and cut to what is left when it is sent again
            return 0
        asked = self._truth.asked(order.account, tag, order.order_id) or order.units  # cut, and not handed over again
        return max(0, min(units, asked) - self._truth.filled(order.account, tag, order.order_id))

    # Entries

    def _entry(self, state: State, child: Child, order: ChildOrder) -> None:
        where = f"{order.leg}: entry {order.tag}"
        if self._course.must_resume:
            self._broken("I10", child.id, f"{where} after an unclean stop that nobody answered")
        if order.leg not in self.rose_ns:
            self._broken("I5", child.id, f"{where} where the master never traded")
        if why := self._disorder(state, child, order) or self._excess(state, child, order):
            self._broken("I2", child.id, f"{where} {why}")
        if why := self._age(state, child, order):
            self._broken("I15", child.id, f"{where} {why}")
        if self._is_flattened(state, child, order):
            self._broken("I12", child.id, f"{where} after a flatten in the same strategy")
        external = child.external.get(order.leg, 0)
        if external * order.side.sign < 0 and child.positions_began_ns < order.created_ns:
            self._broken("I12", child.id, f"{where} against the owner's own {external}")
        if lacking := self._lacking(state, child, order):
            self._broken("I11", child.id, f"{where} is short, and lots of {lacking} are missing")

    def _disorder(self, state: State, child: Child, order: ChildOrder) -> str:
        """Whether something must end before this entry."""
        for leg in child.legs.values():
            for tag in leg.orders:
                other = state.orders[tag]
                is_open = other.state is OrderState.QUEUED or other.state in AT_BROKER
                is_open = is_open and other.remaining > 0  # whole, whatever its status is
                if not is_open or other is order or rests(order) or rests(other):
                    continue
                if leg.leg == order.leg and not other.entry:
                    return f"before the exit {tag} of the same leg has ended"
                is_before = other.side is Side.BUY and other.created_ns <= order.created_ns
                if order.side is Side.SELL and is_before and _underlying(leg.leg) == _underlying(order.leg):
                    return f"before the buy {tag} of the same underlying has ended"
        return ""

    def _excess(self, state: State, child: Child, order: ChildOrder) -> str:
        """Whether it brings the child above its share of what the master holds now (rounded up: hedges are)."""
        key = (child.id, order.leg)
        if key in self._truth.surfaced or key in self._truth.manual:
            return ""
        units = backed_units(state, order.leg, order.side)
        if not units:
            return "where the master holds nothing of that side"
        most = self._truth.bound_units(key, units, round_up=True)
        working = sum(
            max(0, other.units - self._truth.filled(child.id, other.tag))
            for other in (state.orders[tag] for tag in child.legs[order.leg].orders)
            if other.entry and other is not order and other.state in AT_BROKER
        )
        after = abs(self._truth.ours.get(key, 0)) + working + order.units
        return f"brings {after} where the master's {units} give {most}" if most is not None and after > most else ""

    def _age(self, state: State, child: Child, order: ChildOrder) -> str:
        asked_ns = self._course.offered_ns.get(child.id, 0)
        signal_ns = max(self.rose_ns.get(order.leg, 0), asked_ns)
        most_ns = SIGNAL_MOST_NS + PROMPTS_MOST_NS
        is_asked_about = state.settings.confirm.when is not ConfirmWhen.NEVER or asked_ns > 0
        is_old = not is_asked_about and not rests(order) and state.now_ns - signal_ns > SIGNAL_MOST_NS
        if is_old or order.created_ns - signal_ns > most_ns or state.now_ns - order.created_ns > most_ns:
            return f"of {(state.now_ns - signal_ns) / NS_PER_S:g} s after the master's fill"
        return ""

    def _is_flattened(self, state: State, child: Child, order: ChildOrder) -> bool:
        numbers = self._course.flattened.get(child.id)
        if numbers is None:
            return False
        scope = state.master.legs[order.leg].scope
        strategy = state.strategies.get(scope)
        return strategy is not None and numbers.get(scope) == strategy.number

    def _lacking(self, state: State, child: Child, order: ChildOrder) -> str:
        """The leg that the child lacks and the master holds, for a sold option or future; '' for none."""
        if order.side is Side.BUY:
            return ""
        holds = state.settings.risk.on_leg_refused is not OnLegRefused.CONTINUE
        scope = state.master.legs[order.leg].scope
        for master in state.master.legs.values():
            leg = child.legs.get(master.leg)
            if not master.units or master.leg == order.leg or master.scope != scope or leg is None:
                continue
            held = [state.orders[tag] for tag in leg.orders if holds and state.orders[tag].state is OrderState.HELD]
            is_lacking = leg.lacking and (child.id, leg.leg) in self._course.lacking
            if is_lacking or any(other.changed_ns < state.now_ns for other in held):
                return split_leg(master.leg)[1]
        return ""

    def _broken(self, rule: str, child: str, what: str) -> None:
        self._truth.violations.append(f"{rule} {child} {what}")


def _underlying(leg: LegId) -> str:
    exchange, symbol, _ = split_leg(leg)
    parts = parse_symbol(exchange, symbol)
    return symbol if parts is None else parts.underlying


def _ahead(leg: ChildLeg, filled: Callable[[str], int]) -> int:
    """What exits that rest filled before the master's did: it is to go, the target does not say so yet.

    `filled` tells the units that an order filled, by its tag.
    """
    return sum(
        max(0, mirror.past_units + sum(map(filled, mirror.tags)) - mirror.decided_units)
        for mirror in leg.mirrors.values()
        if not mirror.entry
    )


def _as_known(state: State, leg: ChildLeg) -> int:
    """What of exits rests or is ahead, before the engine hears of the newest fills."""
    orders = [state.orders[tag] for mirror in leg.mirrors.values() if not mirror.entry for tag in mirror.tags]
    rest = sum(order.remaining for order in orders if order.state not in TERMINAL)
    return rest + _ahead(leg, lambda tag: state.orders[tag].filled)
