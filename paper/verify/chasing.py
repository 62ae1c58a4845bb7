"""Draws days on which fills are copied as limit orders that have to be moved, and changes of them that fail.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from collections.abc import Collection
from decimal import Decimal
from random import Random

import msgspec

from config.schema import Copy, CopyAs, Follow
from engine.model import NS_PER_MS, NS_PER_S, Quote
from paper import scenario as act
from paper.faults import FaultOn
from paper.verify.changing import KINDS
from paper.verify.draft import LOT, PRICE_INR, WARM_NS, is_drawn
from paper.verify.plan import Happening, Plan

SHARE = 0.04
"""The share of days on which it happens."""
CHASED = "chase"
STEP_INR = Decimal("0.20")
SPREAD_INR = Decimal("0.10")


def with_chased_copies(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with copies as limits in a market that moves; `faults`: those chosen, `None` for all."""
    settings = plan.scenario.settings
    if settings.follow is not Follow.FILLS:
        return plan
    if not is_drawn(CHASED, SHARE, rng, faults):
        return plan
    copy = Copy(
        as_=CopyAs.LIMIT,
        limit_buffer_ticks=rng.choice((0, 0, 2)),
        chase_after_s=Decimal(rng.choice((1, 3, 3))),
        max_slippage_pct=Decimal(rng.choice((1, 1, 5))),
    )
    from_ns = plan.scenario.start_ns + WARM_NS
    trades, more = plan.trades_ns, []

    def moment() -> int:
        """Around a trade of the master's, when a copy is to be filled or moved, or any time."""
        if trades and rng.random() < 0.6:
            return min(plan.calm_ns - 1, rng.choice(trades) + rng.choice((-1, 1, 3000, 6000)) * NS_PER_MS)
        return from_ns + rng.randrange(plan.calm_ns - from_ns)

    for instrument in plan.scenario.instruments:
        for _ in range(rng.randint(2, 12)):
            at_ns, bid_inr = moment(), PRICE_INR + rng.randint(-6, 6) * STEP_INR
            quote = Quote(
                instrument=instrument.id,
                at_ns=at_ns,
                last_inr=bid_inr,
                bid_inr=bid_inr,
                ask_inr=bid_inr + rng.choice((Decimal(0), SPREAD_INR)),
                bid_units=100_000,
                ask_units=rng.choice((100_000, 100_000, LOT)),
            )
            more.append(Happening(at_ns=at_ns, trouble=act.Quotes(quotes=(quote,))))
    for _ in range(rng.choice((1, 1, 2))):
        fault = act.ArmFault(
            child=rng.choice([child.id for child in settings.children]),
            on=rng.choice((FaultOn.MODIFY, FaultOn.MODIFY, FaultOn.CANCEL)),
            kind=rng.choice(KINDS),
            times=rng.choice((1, 1, 2, 3)),
            after_ns=0,
            by_ns=rng.choice((2, 10)) * NS_PER_S,
        )
        more.append(Happening(at_ns=from_ns + rng.randrange((plan.calm_ns - from_ns) // 2), trouble=fault, kind=CHASED))
    return plan.with_more(*more).with_settings(msgspec.structs.replace(settings, copy=copy))
