"""Draws what makes changes of resting orders hard: prices between ticks, moves beyond the last one, changes that fail.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from decimal import Decimal
from random import Random

import msgspec

from engine.model import NS_PER_MS, NS_PER_S, BookStatus, OrderType, Side, leg_id
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.verify.draft import LOT, PRICE_INR, START_NS, TICK, WARM_NS, Draft
from paper.verify.ordinary import market_order
from paper.verify.plan import Happening

BETWEEN_TICKS, MOVED_OFTEN, FAILING = 0.1, 0.05, 0.1
"""The shares of days with each."""
MOVES = 30
"""Brokers take 25 changes of one order (Kite, 2026)."""
ORDER_ID = "M300"
KINDS = (
    FaultKind.REJECTED,
    FaultKind.RATE_LIMITED,
    FaultKind.SERVER_ERROR,
    FaultKind.SLOW,
    FaultKind.NOT_SENT,
    FaultKind.LOST_ANSWER_CONNECTION,
    FaultKind.ACCEPTED_THEN_TIMEOUT,
    FaultKind.TIMEOUT_NOT_ACCEPTED,
)


def hard_to_change(draft: Draft, rng: Random, *, fails: bool) -> None:
    """What makes the changes of a day hard.

    `rng`: chance of its own, so that what else belongs to a day stays as it is. `fails`: whether brokers may fail.
    """
    if rng.random() < BETWEEN_TICKS:
        _between_ticks(draft, rng.choice((Decimal("0.02"), Decimal("0.03"))))
    if rng.random() < MOVED_OFTEN:
        _moved_often(draft, rng)
    if fails and rng.random() < FAILING:
        _failing(draft, rng)


def _between_ticks(draft: Draft, by_inr: Decimal) -> None:
    """The master's broker has a finer tick than the children's: his limits and triggers are between theirs."""
    for place, happening in enumerate(draft.happenings):
        if not isinstance(happening.trouble, act.MasterTrades):
            continue
        report = happening.trouble.report
        changes = {
            name: price + by_inr
            for name in ("price_inr", "trigger_price_inr")
            if (price := getattr(report, name)) is not None and not price % TICK
        }
        trades = act.MasterTrades(report=msgspec.structs.replace(report, **changes))
        draft.happenings[place] = Happening(at_ns=happening.at_ns, trouble=trades, kind=happening.kind)


def _moved_often(draft: Draft, rng: Random) -> None:
    """He moves one order more often than brokers allow, away from the market, and cancels it or lets it fill."""
    side, at_ns = rng.choice((Side.BUY, Side.SELL)), START_NS + WARM_NS + rng.randrange(5000) * NS_PER_MS
    pause_ns = min(draft.span_ns // (MOVES + 10), 2 * NS_PER_S)
    leg = leg_id("NFO", rng.choice(draft.symbols), "NRML")
    quantity = rng.choice((5, 10, 20)) * LOT
    far_inr = PRICE_INR - side.sign * 10
    bare = market_order(leg, side, quantity, order_id=ORDER_ID, placed_ns=at_ns, updated_ns=at_ns)
    row = msgspec.structs.replace(bare, order_type=OrderType.LIMIT, price_inr=far_inr, status=BookStatus.OPEN)
    draft.add(at_ns, act.MasterTrades(report=row))
    for move in range(1, MOVES + 1):
        at_ns += pause_ns
        price_inr = far_inr - side.sign * (move % 7) * TICK
        row = msgspec.structs.replace(row, price_inr=price_inr, updated_ns=at_ns)
        draft.add(at_ns, act.MasterTrades(report=row))
    at_ns += pause_ns
    if rng.random() < 0.5:
        last = msgspec.structs.replace(row, status=BookStatus.CANCELLED, updated_ns=at_ns)
    else:
        last = msgspec.structs.replace(
            row, status=BookStatus.COMPLETE, filled=quantity, average_price_inr=row.price_inr, updated_ns=at_ns
        )
    draft.add(at_ns, act.MasterTrades(report=last))


def _failing(draft: Draft, rng: Random) -> None:
    """Changes of one child fail: refused, unanswered, late."""
    fault = act.ArmFault(
        child=rng.choice(draft.children),
        on=FaultOn.MODIFY,
        kind=rng.choice(KINDS),
        times=rng.choice((1, 1, 2, 3)),
        after_ns=0,
        by_ns=rng.choice((2, 10)) * NS_PER_S,
    )
    draft.add(START_NS + WARM_NS + rng.randrange(draft.span_ns // 2), fault, fault.kind.value)
