"""Reasons that are told of what was not copied hold: each is a fact of the time since the master went into the leg.

What kept his lots of an earlier stay in a leg out is no reason for those of the present one. It judges no amounts
(`promises`), and no limits (`bounds`).
"""

from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.state import State
from engine.core.state_child import BreakerPhase, Child, ChildLeg
from engine.core.turn import seconds_ns
from engine.model import NS_PER_S, TERMINAL_BOOK, LegId, OrderReport, split_leg
from paper.verify.truth import Key, Truth

OF_ALL = frozenset({reasons.PAUSED, reasons.KILLED})
OF_A_CHILD = frozenset(
    {reasons.LOGIN_REQUIRED, reasons.NOT_READ, reasons.IP_REFUSED, reasons.DAILY_LOSS, reasons.BROKER_FAILING}
)
OF_A_LEG = frozenset({reasons.DECLINED, reasons.NOT_ANSWERED, reasons.OWN_POSITION})
TOLD_LATE_NS = 5 * NS_PER_S
"""Trades of his that are told in another order than he made them count as older by up to a poll."""
REFUSED = frozenset({OrderState.REJECTED, OrderState.HELD, OrderState.WITHDRAWN, OrderState.ABSENT})
"""What becomes of an entry that its broker refused: the operator's word may be next."""


class Grounds:
    """Judges reasons.

    Args:
        truth: The judge's book; violations go there.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._entered_ns: dict[LegId, int] = {}
        "Since when the master has lots of a leg, or an order that works in it."
        self._entered_by: dict[LegId, str] = {}
        "The order that it began with."
        self._working: dict[LegId, dict[str, int]] = {}
        "Orders of his that are not over, with the time when each was first seen."
        self._first_ns = 0
        "That of the newest row's order."
        self._met_ns: dict[tuple[str, str, str], int] = {}
        "By child, leg and reason ('' for all): when it was last met."
        self._booted_ns = 0
        self._told: dict[str, int] = {}
        "Skips that were looked at, with their times."

    # What is told

    def master_booked(self, row: OrderReport, now_ns: int) -> None:
        """A row of the master's book is about to change; its time is the broker's, whatever the machine's clock did."""
        now_ns = min(now_ns, row.updated_ns or now_ns)
        working = self._working.setdefault(row.leg, {})
        if not working and not self._truth.master.get(row.leg):
            self._entered_ns[row.leg], self._entered_by[row.leg] = now_ns, row.order_id
        self._first_ns = working.setdefault(row.order_id, now_ns)
        if row.status in TERMINAL_BOOK:
            del working[row.order_id]

    def master_traded(self, row: OrderReport, before_units: int) -> None:
        """He traded a leg: on the other side than before what counts is what works, and what is new."""
        units = self._truth.master.get(row.leg, 0)
        if not units or units * before_units < 0:
            self._entered_ns[row.leg] = min([self._first_ns, *self._working.get(row.leg, {}).values()])
            self._entered_by[row.leg] = row.order_id

    def told_late(self, leg: LegId) -> None:
        """His trades in a leg come out of their order: whether he was out of it meanwhile nobody can know."""
        self._entered_ns[leg] = 0

    def booted(self, now_ns: int) -> None:
        """A process starts: what another told last is told again, of what nobody saw before its end."""
        self._told.clear()
        self._booted_ns = now_ns

    # What is looked at

    def looked(self, state: State) -> None:
        """Note what holds at the moment, and ask whether what was told just now does."""
        self._note(state)
        for name, skip in state.skips.items():
            if skip.at_ns == state.now_ns and self._told.get(name) != skip.at_ns:
                self._told[name] = skip.at_ns
                child = state.children[skip.child]
                legs = [leg for leg in child.legs.values() if split_leg(leg.leg)[1] == skip.symbol]
                if legs and not any(self._holds(state, child, leg, skip.reason) for leg in legs):
                    self._broken((child.id, legs[0].leg), skip.reason)

    def _note(self, state: State) -> None:
        now_ns = state.now_ns
        if state.paused:
            self._met_ns["", "", reasons.PAUSED] = now_ns
        if state.kill:
            self._met_ns["", "", reasons.KILLED] = now_ns
        for child in state.children.values():
            for reason in _met(state, child):
                self._met_ns[child.id, "", reason] = now_ns
            for leg in child.legs.values():
                if leg.awaiting_units or any(mirror.asked_units for mirror in leg.mirrors.values()):
                    self._met_ns[child.id, leg.leg, reasons.DECLINED] = now_ns
                if child.external.get(leg.leg, 0):
                    self._met_ns[child.id, leg.leg, reasons.OWN_POSITION] = now_ns

    def _holds(self, state: State, child: Child, leg: ChildLeg, reason: str) -> bool:
        entered_ns = self._entered_ns.get(leg.leg, 0)
        if entered_ns < state.day_began_ns or not self._is_known(state, leg.leg):
            return True  # told of a day that is over, or of what he had before a trade that is not known yet
        if reason == reasons.STALE_SIGNAL:
            return state.now_ns - entered_ns > seconds_ns(state.settings.timing.max_signal_age_s) - TOLD_LATE_NS
        reason = reasons.DECLINED if reason == reasons.NOT_ANSWERED else reason
        if reason in OF_ALL:
            met_ns = self._met_ns.get(("", "", reason), 0)
        elif reason in OF_A_CHILD:
            met_ns = self._met_ns.get((child.id, "", reason), 0)
        elif reason in OF_A_LEG:
            met_ns = max(self._booted_ns, self._met_ns.get((child.id, leg.leg, reason), 0))
        elif reason.startswith(reasons.refused("")):
            rows = (o for o in state.orders.values() if o.account == child.id and o.leg == leg.leg and o.entry)
            met_ns = max((order.changed_ns for order in rows if order.state in REFUSED), default=0)
        else:
            return True
        return met_ns >= entered_ns

    def _is_known(self, state: State, leg: LegId) -> bool:
        """Whether the engine knows what he holds of a leg, and what that began with."""
        master = state.master.legs.get(leg)
        known = 0 if master is None else master.units + master.background_units
        is_seen = self._entered_by.get(leg, "") in state.master.orders
        return is_seen and known == self._truth.master.get(leg, 0)

    def _broken(self, key: Key, reason: str) -> None:
        self._truth.violations.append(f"I20 {key[0]} {key[1]}: not copied ({reason}), and that does not hold")


def _met(state: State, child: Child) -> list[str]:
    """Reasons that hold for all legs of a child at the moment."""
    found = []
    if child.needs_login:
        found.append(reasons.LOGIN_REQUIRED)
    if not child.synced:
        found.append(reasons.NOT_READ)
    if child.ip_refused:
        found.append(reasons.IP_REFUSED)
    if child.loss_hit or state.loss_hit:
        found.append(reasons.DAILY_LOSS)
    if child.breaker.phase is not BreakerPhase.CLOSED:
        found.append(reasons.BROKER_FAILING)
    return found
