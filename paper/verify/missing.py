"""The operator where shares are missing: he compares with the broker, and does what the alarm says.

He answers only what he was told and has had the time to look into, and what the engine cannot know by itself. It must
not answer for the engine what a book has told it.
"""

from collections.abc import Iterator

from engine.core import reasons
from engine.core.delivery import is_missed_by_somebody, is_sale
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg, Suspicion
from engine.core.turn import Turn
from engine.events import AccountRead, ChildResynced, Event, LegExited
from engine.model import NS_PER_S, LegId, OrderReport, is_delivery
from paper.verify.truth import Key, Truth

LOOKS_NS = 60 * NS_PER_S
"""So long he takes to find out why shares are missing, and again before he does the next thing."""


class MissingShares:
    """What the operator knows of missing shares, and has done about them.

    Args:
        truth: What the brokers have.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._left: set[LegId] = set()
        "Shares that the master sold elsewhere: he had the children leave."
        self._did_ns: dict[Key, int] = {}
        self._looked_up: set[Key] = set()
        "What became of orders of an earlier day that did not fit."
        self._sales: dict[tuple[str, str], OrderReport] = {}
        "Sales by owners, by account and order."
        self._told: dict[tuple[str, str], int] = {}
        "Units of them that the engine has durably been told of: it explains those by itself."
        self._heard: dict[tuple[str, str], int] = {}
        "The same, as of the newest event."

    def changed(self, account: str, row: OrderReport) -> None:
        """An order changed at the exchange."""
        if not row.tag and row.filled and is_sale(row.leg, row.side):
            self._sales[account, row.order_id] = row

    def heard(self, event: Event) -> None:
        """An event that the engine takes in."""
        if isinstance(event, AccountRead) and event.orders is not None:
            rows = {(event.account, row.order_id): row.filled for row in event.orders}
            self._heard |= {key: filled for key, filled in rows.items() if key in self._sales}

    def committed(self) -> None:
        """What the engine was told is on disk."""
        self._told |= self._heard

    def died(self) -> None:
        """What was not durable never happened."""
        self._heard.clear()

    def answers(self, state: State, now_ns: int) -> Iterator[LegExited | ChildResynced]:
        """What he orders now."""
        for leg in state.master.legs.values():
            if leg.leg not in self._left and _is_asked_about(state, leg, now_ns):
                self._left.add(leg.leg)
                yield LegExited(at_ns=now_ns, leg=leg.leg)
        for child in state.children.values():
            for own in child.legs.values():
                key = (child.id, own.leg)
                is_looking = now_ns - self._did_ns.get(key, 0) <= LOOKS_NS
                if is_delivery(own.leg) and not is_looking and self._knows(state, key, own, now_ns):
                    self._did_ns[key] = now_ns
                    yield _next(child, own, now_ns)

    def _knows(self, state: State, key: Key, leg: ChildLeg, now_ns: int) -> bool:
        """Whether he was told that a child's shares are missing, and finds sales that the engine cannot know of.

        Or he had the children leave, and looked up what had become of orders of an earlier day that did not fit.
        """
        if leg.leg in self._left and any(state.orders[tag].reason == reasons.UNTOLD for tag in leg.orders):
            self._looked_up.add(key)
            return True
        seen = leg.suspicion
        if seen is None or not seen.told or not _has_lasted(seen, now_ns):
            return False
        has = self._truth.ours.get(key, 0) + self._truth.manual.get(key, 0)
        is_found = key in self._looked_up or leg.allocation_units - max(0, has) <= self._unknown_units(key)
        return seen.net_units == has and is_found

    def _unknown_units(self, key: Key) -> int:
        sales = {at: row for at, row in self._sales.items() if (at[0], row.leg) == key}
        return sum(row.filled - self._told.get(at, 0) for at, row in sales.items())


def _next(child: Child, leg: ChildLeg, now_ns: int) -> LegExited | ChildResynced:
    """He exits the leg; when he is told what is left then, he resyncs the child, which takes the broker's figure."""
    if leg.flattening or not leg.suspicion:
        return ChildResynced(at_ns=now_ns, child=child.id)
    return LegExited(at_ns=now_ns, leg=leg.leg, children=(child.id,))


def _is_asked_about(state: State, leg: MasterLeg, now_ns: int) -> bool:
    """Whether shares of the master's are gone without an order while somebody has some."""
    return _has_lasted(leg.suspicion, now_ns) and is_missed_by_somebody(Turn(state, now_ns, {}), leg)


def _has_lasted(suspicion: Suspicion | None, now_ns: int) -> bool:
    return suspicion is not None and now_ns - suspicion.since_ns > LOOKS_NS
