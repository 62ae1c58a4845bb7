"""Draws days on which brokers take few orders in a second, a minute or a day: theirs hardly ever fill.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

import dataclasses
from random import Random

import msgspec

from config.order_limits import OrderLimits
from paper.verify.plan import Plan

NARROW = 0.06
"""The share of days with narrow windows."""
SMALL = 0.03
"""The share of days with a small budget of orders."""
BUDGETS = (8, 15, 30)


def with_narrow_windows(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with brokers that take less in a second and a minute.

    `rng`: chance of its own.
    """
    if rng.random() >= NARROW:
        return plan
    limits = OrderLimits(second=rng.choice((1, 2, 3, 8)), minute=rng.choice((6, 10, 20, 40)))
    return dataclasses.replace(plan, order_limits=limits)


def with_small_budgets(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with brokers that take few orders on a day.

    `rng`: chance of its own.
    """
    if rng.random() >= SMALL:
        return plan
    wide = plan.order_limits or OrderLimits(second=10, minute=200)
    return dataclasses.replace(plan, order_limits=msgspec.structs.replace(wide, day_placements=rng.choice(BUDGETS)))
