"""A broker that answers a read of positions as if there were none: no failure, and not true."""

import dataclasses
from random import Random

from engine.model import NS_PER_S
from engine.opening import sessions_of
from paper import scenario as act
from paper.faults import FaultKind, FaultOn
from paper.scenario import MASTER
from paper.verify.plan import Happening, Plan
from paper.verify.shares import is_in_shares

ROWLESS = 0.04
"""The share of days on which it happens, of those that go on in the next morning, and of such days of shares."""
OVER_NIGHT = 0.4
OF_SHARES = 0.8
SEEN_NS = 60 * NS_PER_S
"""So long after the open every account was read: before that nobody can know what was carried."""
STARTED_NS = 6 * NS_PER_S
LATE_NS = 20 * NS_PER_S
KIND = "rowless"


def with_rowless_reads(plan: Plan, rng: Random) -> Plan:
    """The plan, or the same with an account whose positions are left out for a few reads."""
    first, *later = sessions_of(plan.scenario.day)
    is_over_night = plan.calm_ns > first.close_ns
    often = OF_SHARES if is_in_shares(plan) else OVER_NIGHT
    if rng.random() >= (often if is_over_night else ROWLESS):
        return plan
    children = [child.id for child in plan.scenario.settings.children]
    account = rng.choice((*[MASTER] * len(children), *children))
    after_ns = rng.randrange(30) * NS_PER_S
    at_ns = (later[0].open_ns + SEEN_NS if is_over_night else plan.scenario.start_ns + STARTED_NS) + after_ns
    times = rng.randint(1, 6)
    if is_over_night and is_in_shares(plan):
        at_ns, times = later[0].open_ns - LATE_NS, rng.randint(3, 30)  # holdings that are late in the morning
    fault = act.ArmFault(
        child=account, on=FaultOn.POSITIONS, kind=FaultKind.ROWLESS_READ, times=times, after_ns=0, by_ns=0
    )
    plan = plan.with_more(Happening(at_ns=at_ns, trouble=fault, kind=KIND))
    return dataclasses.replace(plan, calm_ns=max(plan.calm_ns, at_ns + 90 * NS_PER_S))
