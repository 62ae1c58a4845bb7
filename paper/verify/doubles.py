"""A second order with a tag of ours in a broker's book: its own duplicate, or what somebody placed with a copied tag.

By the rules it is the owner's, and entries of the child stop. Draws it, carries it out, and says which row is which.
Also draws tags that a broker cuts or changes.
"""

import dataclasses
from collections.abc import Collection
from random import Random
from typing import NamedTuple

from msgspec.structs import replace

from engine.commands import PlaceOrder
from engine.core.lifecycle import OrderState
from engine.core.state import State, Strategy
from engine.core.turn import Turn
from engine.model import NS_PER_MS, NS_PER_S, TERMINAL_BOOK, LegId, OrderReport, OrderType, Quote, Side
from engine.snapshot import StrategyState
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.verify.course import KNOWN_AFTER_NS, Course
from paper.verify.draft import LOT, PRICE_INR, is_drawn
from paper.verify.plan import CopiesTag, Happening, Plan
from paper.world import World

SHARE = 0.04
"""The share of days on which it happens."""
DOUBLED, CHANGED = "tag_twice", "tag_changed"
WORKS_NS = 200 * NS_PER_S
"""An exit that is not found is called absent within this time."""
TWO_WITH_ONE_TAG = "two orders carry the tag"


class _Double(NamedTuple):
    """A second order."""

    at_ns: int
    day: str
    account: str
    leg: LegId
    "That of ours."
    number: int
    "Of the strategy that ran then, 0 for none."


class Doubles:
    """The second orders of a run.

    Args:
        world: Where they are placed.
        course: Keeps which children take no entries in which strategy.
    """

    def __init__(self, world: World, course: Course) -> None:
        self._exchange, self._brokers, self._course = world.exchange, world.brokers, course
        self._originals: dict[tuple[str, str], str] = {}
        "Ids of the orders that are ours, by account and tag."
        self._unseen: list[_Double] = []
        "Until a book that must show them was read. That of the next day does not."
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
        strategy = _strategy_of(state, row.leg)
        self._exchange.place(order, now_ns)
        if sum(each.tag == row.tag for each in self._exchange.orders(what.child)) == 1:
            return False  # the exchange takes none any more
        number = 0 if strategy is None else strategy.number
        self._unseen.append(_Double(now_ns, state.day, what.child, row.leg, number))
        return True

    def _is_known(self, row: OrderReport, state: State) -> bool:
        order = state.orders.get(row.tag) if row.tag else None
        return order is not None and order.order_id == row.order_id

    def as_they_are(self, account: str, row: OrderReport) -> OrderReport:
        """A row without the tag where it is not ours."""
        is_ours = self._originals.get((account, row.tag), row.order_id) == row.order_id
        is_changed = row.tag in self._brokers[account].changed_tags
        return row if is_ours and not is_changed else replace(row, tag="")

    def handed_over(self, order: PlaceOrder, state: State) -> list[str]:
        """An exit is not sent again while the one before works, whatever became of its tag (FAULTS, step 5)."""
        if state.orders[order.tag].entry or order.account in self._course.deceived:
            return []
        tags = self._brokers[order.account].changed_tags
        found: list[str] = []
        for row in self._exchange.orders(order.account):
            before = state.orders.get(tags.get(row.tag, ""))
            is_open = row.status not in TERMINAL_BOOK and (row.symbol, row.side) == (order.symbol, order.side)
            if before is None or before.entry or not is_open:
                continue
            if row.quantity == before.units and before.state is OrderState.ABSENT:
                found.append(f"I1 {order.account} {row.leg}: exit {order.tag} while {row.order_id} works as {row.tag}")
        return found

    def died(self) -> None:
        """A process is gone: what it said and did not make durable may be said again."""
        self._told.clear()
        self._over.clear()

    def looked(self, state: State) -> list[str]:
        """Hold the state after a step against what must be: entries stop, once, until a resync or the next strategy."""
        for double in list(self._unseen):
            account = double.account
            is_answered = self._course.offered_ns.get(account, 0) > double.at_ns or double.day != state.day
            if not is_answered and state.children[account].orders_began_ns <= double.at_ns + KNOWN_AFTER_NS:
                continue
            self._unseen.remove(double)
            strategy = _strategy_of(state, double.leg)
            is_judged = not is_answered and account not in self._course.deceived
            if is_judged and strategy is not None and strategy.number == double.number:
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
    if not is_drawn(DOUBLED, SHARE, rng, faults):
        return plan
    trades = plan.trades_ns
    if not trades:
        return plan
    child = rng.choice([child.id for child in plan.scenario.settings.children])
    doubles = []
    for _ in range(rng.choice((1, 1, 2))):
        trouble = CopiesTag(child=child, back=rng.choice((0, 0, 1, 3)), is_against=rng.random() < 0.3)
        at_ns = rng.choice(trades) + rng.choice((300, 1500, 4000, 20_000)) * NS_PER_MS + rng.randrange(NS_PER_S)
        doubles.append(Happening(at_ns=min(at_ns, plan.calm_ns - 1), trouble=trouble, kind=DOUBLED))
    return plan.with_more(*doubles)


def with_changed_tags(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with a broker who cuts or changes tags, and may lose the answer as well."""
    if not is_drawn(CHANGED, SHARE, rng, faults):
        return plan
    start_ns = plan.scenario.start_ns
    at_ns = start_ns + rng.randrange((plan.calm_ns - start_ns) * 2 // 3)
    lost = rng.random() < 0.5
    fault = act.ArmFault(
        child=rng.choice([child.id for child in plan.scenario.settings.children]),
        on=FaultOn.PLACE,
        kind=FaultKind.TAG_CHANGED_THEN_TIMEOUT if lost else FaultKind.TAG_CHANGED,
        times=rng.choice((1, 1, 2, 4)),
        after_ns=0,
        by_ns=0,
    )
    trades, one_sided = plan.trades_ns, []
    if lost and len(trades) > 1 and rng.random() < 0.6:  # what is sent then works for long, and nobody hears of it
        at_ns = rng.choice(trades[1:]) - 1
        kept = tuple(h for h in plan.happenings if h.at_ns < at_ns or not isinstance(h.trouble, act.Quotes))
        side = rng.choice(("bid_inr", "ask_inr"))
        quotes = [Quote(instrument=i.id, at_ns=at_ns, bid_units=LOT, ask_units=LOT) for i in plan.scenario.instruments]
        market = act.Quotes(quotes=tuple(replace(quote, **{side: PRICE_INR}) for quote in quotes))
        one_sided = [Happening(at_ns=at_ns, trouble=market)]
        plan = dataclasses.replace(plan, happenings=kept, calm_ns=max(plan.calm_ns, at_ns + WORKS_NS))
    return plan.with_more(*one_sided, Happening(at_ns=at_ns, trouble=fault, kind=CHANGED))


def _strategy_of(state: State, leg: LegId) -> Strategy | None:
    """The strategy that runs in a leg's scope."""
    strategy = state.strategies.get(Turn(state, state.now_ns, {}).scope_of(leg))
    return None if strategy is None or strategy.state is StrategyState.FLAT else strategy
