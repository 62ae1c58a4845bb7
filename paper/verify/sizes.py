"""Draws days on which children are sized by what they have now or may risk, or are held by the value of a position.

Prices that are far from the master's, by a child's own terms, belong to them. It must not touch the chance of the day
itself: what else belongs to a seed stays as it is.
"""

from decimal import Decimal
from random import Random
from typing import TypeVar

import msgspec

from config.schema import Child, ChildRisk, Risk, Sizing, SizingMode
from paper.verify.losing import price_moves
from paper.verify.plan import Plan

SHARE = 0.08
"""The share of days with such children."""
SIZED = 0.5
"""The share of their children with a sizing of their own."""
MOVING = 0.4
"""The share of them on which prices move."""
OF_RISK_PCT = (Decimal(1), Decimal(3), Decimal(8), Decimal(20))
"""A lot costs 6,500 at the usual price, and a child has 90,000 to 1,000,000."""
OF_POSITION_PCT = (Decimal(2), Decimal(8), Decimal(25))
OF_PRICE_PCT = (Decimal("0.5"), Decimal(3), Decimal(10))
R = TypeVar("R", Risk, ChildRisk)


def with_sizes(plan: Plan, rng: Random) -> Plan:
    """The plan, now and then with children whose lots depend on prices and on what they have at the moment.

    `rng`: chance of its own.
    """
    if rng.random() >= SHARE:
        return plan
    settings = plan.scenario.settings
    risk = _bounded(settings.risk, rng) if rng.random() < 0.3 else settings.risk
    settings = msgspec.structs.replace(
        settings, risk=risk, children=tuple(_child(child, rng) for child in settings.children)
    )
    moves = price_moves(plan, rng) if rng.random() < MOVING else []
    return plan.with_more(*moves).with_settings(settings)


def _child(child: Child, rng: Random) -> Child:
    if rng.random() < SIZED:
        child = msgspec.structs.replace(child, sizing=_sizing(rng))
    if rng.random() < 0.5:
        return child
    risk = _bounded(child.risk, rng)
    if rng.random() < 0.3:
        risk = msgspec.structs.replace(risk, max_slippage_pct=rng.choice(OF_PRICE_PCT))
    return msgspec.structs.replace(child, risk=risk)


def _sizing(rng: Random) -> Sizing:
    if rng.random() < 0.5:
        return Sizing(mode=SizingMode.LIVE_RATIO)
    return Sizing(mode=SizingMode.RISK_PCT, pct=rng.choice(OF_RISK_PCT))


def _bounded(risk: R, rng: Random) -> R:
    if rng.random() < 0.7:
        return msgspec.structs.replace(risk, max_position_pct=rng.choice(OF_POSITION_PCT))
    return msgspec.structs.replace(risk, price_band_pct=rng.choice(OF_PRICE_PCT))
