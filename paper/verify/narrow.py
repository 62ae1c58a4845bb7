"""Draws days on which brokers take few orders in a second and a minute: windows as wide as theirs hardly ever fill.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

import dataclasses
from random import Random

from config.order_limits import OrderLimits
from paper.verify.plan import Plan

NARROW = 0.06
"""The share of days with narrow windows."""


def with_narrow_windows(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with brokers that take less. A day's budget is left alone: without it nobody gets flat.

    `rng`: chance of its own.
    """
    if rng.random() >= NARROW:
        return plan
    limits = OrderLimits(second=rng.choice((1, 2, 3, 8)), minute=rng.choice((6, 10, 20, 40)))
    return dataclasses.replace(plan, order_limits=limits)
