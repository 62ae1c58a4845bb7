"""Draws the limits of a day: lots of an order, an instrument and a child, orders of a minute and a day, caps.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TypeVar

import msgspec

from config.schema import Child, ChildRisk, Risk, Settings
from paper.verify.plan import Plan

SHARE = 0.15
"""The share of days with limits."""
BOUNDS = {
    "max_lots_per_order": (1, 3, 5, 8),
    "max_lots_per_instrument": (1, 2, 4, 6),
    "max_open_lots": (1, 3, 5, 8),
    "max_orders_per_minute": (1, 2, 3, 5),
    "max_orders_per_day": (1, 2, 4, 8),
}
"""What each limit may be: small beside what the master trades."""
CAPS_INR = (Decimal(70_000), Decimal(150_000), Decimal(300_000))
R = TypeVar("R", Risk, ChildRisk)
RATIOS = (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2))


def with_limits(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with limits of all children and of single ones.

    `rng`: chance of its own.
    """
    if rng.random() >= SHARE:
        return plan
    settings = plan.scenario.settings
    risk = _drawn(settings.risk, rng) if rng.random() < 0.6 else settings.risk
    children = tuple(_child(child, rng) if rng.random() < 0.6 else child for child in settings.children)
    settings = msgspec.structs.replace(settings, risk=risk, children=children)
    return plan.with_settings(settings)


def _child(child: Child, rng: Random) -> Child:
    """A child with limits of its own."""
    child = msgspec.structs.replace(child, risk=_drawn(child.risk, rng))
    what = rng.random()
    if what < 0.25:
        return msgspec.structs.replace(child, max_capital_inr=rng.choice(CAPS_INR))
    return msgspec.structs.replace(child, max_ratio=rng.choice(RATIOS)) if what < 0.5 else child


def _drawn(risk: R, rng: Random) -> R:
    names = rng.sample(list(BOUNDS), rng.choice((1, 1, 2, 3)))
    return msgspec.structs.replace(risk, **{name: rng.choice(BOUNDS[name]) for name in names})


def most_of(settings: Settings, child: str, name: str) -> int | Decimal | None:
    """The stronger of the bound of all children and a child's own, `None` without one."""
    risks = (settings.risk, next(each.risk for each in settings.children if each.id == child))
    bounds = [bound for bound in (getattr(risk, name) for risk in risks) if bound is not None]
    return min(bounds, default=None)
