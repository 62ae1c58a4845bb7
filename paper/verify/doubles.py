"""A second order with a tag of ours in a broker's book: its own duplicate, or what somebody placed with a copied tag.

By the rules it is the owner's, and entries of the child stop. Draws it, carries it out, and says which row is which.
"""

import dataclasses
from collections.abc import Collection
from random import Random

from msgspec.structs import replace

from engine.commands import PlaceOrder
from engine.core.state import State
from engine.core.turn import Turn
from engine.model import NS_PER_MS, NS_PER_S, LegId, OrderReport, OrderType, Side
from engine.snapshot import StrategyState
from paper import scenario as act
from paper.exchange import Exchange
from paper.verify.course import KNOWN_AFTER_NS, Course
from paper.verify.plan import CopiesTag, Happening, MasterBooks, Plan

SHARE = 0.04
"""The share of days on which it happens."""
DOUBLED = "tag_twice"
TWO_WITH_ONE_TAG = "two orders carry the tag"


class Doubles:
    """The second orders of a run.

    Args:
        exchange: Where they are placed.
        course: Keeps which children take no entries in which strategy.
    """

    def __init__(self, exchange: Exchange, course: Course) -> None:
        self._exchange, self._course = exchange, course
        self._originals: dict[tuple[str, str], str] = {}
        "Ids of the orders that are ours, by account and tag."
        self._unseen: list[tuple[int, str, LegId]] = []
        "When second orders came into which account, and the legs of ours, until a book that must show them was read."
        self._told: set[tuple[str, str]] = set()
        "By child: what is said of two orders with one tag."
        self._over: set[tuple[str, str]] = set()
        "What was said once: the operator has resynced the child, or another strategy has begun."

    def copy(self, what: CopiesTag, state: State, now_ns: int) -> bool:
        """Place a second order with the tag of one that the engine knows by its id; false where there is none."""
        rows = [row for row in self._exchange.orders(what.child) if self._is_known(row, state)]
        if not rows:
            return False
        row = rows[-1 - what.back % len(rows)]
        self._originals[what.child, row.tag] = row.order_id
        other = Side.SELL if row.side is Side.BUY else Side.BUY
        order = PlaceOrder(
            account=what.child,
            tag=row.tag,
            exchange=row.exchange,
            symbol=row.symbol,
            product=row.product,
            side=other if what.is_against else row.side,
            quantity=row.quantity,
            order_type=OrderType.MARKET,
        )
        self._unseen.append((now_ns, what.child, row.leg))
        self._exchange.place(order, now_ns)
        return True

    def _is_known(self, row: OrderReport, state: State) -> bool:
        order = state.orders.get(row.tag) if row.tag else None
        return order is not None and order.order_id == row.order_id

    def as_they_are(self, account: str, row: OrderReport) -> OrderReport:
        """A row without the tag where it is not ours."""
        is_ours = self._originals.get((account, row.tag), row.order_id) == row.order_id
        return row if is_ours else replace(row, tag="")

    def died(self) -> None:
        """A process is gone: what it said and did not make durable may be said again."""
        self._told.clear()
        self._over.clear()

    def looked(self, state: State) -> list[str]:
        """Hold the state after a step against what must be: entries stop, once, until a resync or the next strategy."""
        for double in list(self._unseen):
            at_ns, account, leg = double
            is_answered = self._course.offered_ns.get(account, 0) > at_ns
            if not is_answered and state.children[account].orders_began_ns <= at_ns + KNOWN_AFTER_NS:
                continue
            self._unseen.remove(double)
            strategy = state.strategies.get(Turn(state, state.now_ns, {}).scope_of(leg))
            is_judged = not is_answered and account not in self._course.deceived
            if is_judged and strategy is not None and strategy.state is not StrategyState.FLAT:
                self._course.flattened.setdefault(account, {})[strategy.scope] = strategy.number
        told = {
            (child.id, why)
            for child in state.children.values()
            for why in child.stopped.values()
            if why.startswith(TWO_WITH_ONE_TAG)
        }
        self._over |= self._told - told
        self._told = told
        return [f"I5 {child}: its entries are stopped again: {why}" for child, why in sorted(told & self._over)]


def with_doubles(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with a second order of one tag; `faults`: those that were chosen, `None` for all."""
    if (DOUBLED not in faults) if faults is not None else rng.random() >= SHARE:
        return plan
    trades = [h.at_ns for h in plan.happenings if isinstance(h.trouble, act.MasterTrades | MasterBooks)]
    if not trades:
        return plan
    child = rng.choice([child.id for child in plan.scenario.settings.children])
    happenings = list(plan.happenings)
    for _ in range(rng.choice((1, 1, 2))):
        trouble = CopiesTag(child=child, back=rng.choice((0, 0, 1, 3)), is_against=rng.random() < 0.3)
        at_ns = rng.choice(trades) + rng.choice((300, 1500, 4000, 20_000)) * NS_PER_MS + rng.randrange(NS_PER_S)
        happenings.append(Happening(at_ns=min(at_ns, plan.calm_ns - 1), trouble=trouble, kind=DOUBLED))
    return dataclasses.replace(plan, happenings=tuple(sorted(happenings, key=lambda each: each.at_ns)))
