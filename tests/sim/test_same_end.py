"""Both ways of following end the same: what children hold is the same for `fills` and `orders` when nothing is refused.

A day is drawn with the master's resting orders and no trouble, and is run both ways.
"""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec
import pytest

import runner
from config.schema import ConfirmWhen, Follow
from engine.model import LegId
from paper.verify.chance import draw
from paper.verify.peace import Phase
from paper.verify.plan import Plan
from paper.verify.trial import Trial

Held = dict[tuple[str, LegId], int]


class End(NamedTuple):
    """A day when it is quiet."""

    held: Held
    refused: set[str]
    "Why something was not copied, or was held or refused."
    ratios: dict[str, dict[str, Fraction]]
    "By scope and child: a strategy may begin with an order that rests, at the margins of that moment."


def calm(seed: int) -> Plan:
    """A day without faults, questions or a shortage of margin, that ends before the master goes out."""
    plan = draw(seed, (), Follow.ORDERS)
    settings = plan.scenario.settings
    settings = msgspec.structs.replace(
        settings,
        confirm=msgspec.structs.replace(settings.confirm, when=ConfirmWhen.NEVER),
        paper=msgspec.structs.replace(settings.paper, margins=False),
    )
    return replace(plan, scenario=replace(plan.scenario, settings=settings), resync=False)


def end_of(plan: Plan, follow: Follow) -> End:
    """The day, followed this way."""
    found: list[End] = []

    class Ending(Trial):
        def _next_phase(self, now_ns: int) -> None:
            if self._phases[0] is Phase.TROUBLES:
                state = self.replicator.state
                legs = ((child.id, leg) for child in state.children.values() for leg in child.legs.values())
                held = {(child, leg.leg): leg.allocation_units for child, leg in legs if leg.allocation_units}
                refused = {order.reason for order in state.orders.values() if order.reason}
                refused |= {skip.reason for skip in state.skips.values()}
                ratios = {scope: dict(strategy.ratios) for scope, strategy in state.strategies.items()}
                found.append(End(held, refused, ratios))
            super()._next_phase(now_ns)

    settings = msgspec.structs.replace(plan.scenario.settings, follow=follow)
    with TemporaryDirectory() as root:
        trial = Ending(
            replace(plan, scenario=replace(plan.scenario, settings=settings)),
            partial(runner._open_for_trial, Path(root)),
        )
        trial.run()
    assert trial.violations == []
    (end,) = found
    return end


def may_hedge(plan: Plan) -> bool:
    """Whether one option may cover another: a hedge is rounded up by what is short at that moment, which is no end."""
    kinds = [(instrument.underlying, instrument.kind) for instrument in plan.scenario.instruments]
    return len(set(kinds)) < len(kinds)


def compare(seeds: range) -> int:
    """How many of these days refused nothing either way; each of them ended the same."""
    compared = 0
    for seed in seeds:
        plan = calm(seed)
        if may_hedge(plan):
            continue
        orders, fills = (end_of(plan, follow) for follow in (Follow.ORDERS, Follow.FILLS))
        if not orders.refused and not fills.refused and orders.ratios == fills.ratios:
            assert orders.held == fills.held, seed
            compared += bool(orders.held)
    return compared


def test_children_hold_the_same_whichever_way_the_master_is_followed() -> None:
    assert compare(range(60)) >= 5


@pytest.mark.slow
def test_children_hold_the_same_on_many_more_days() -> None:
    assert compare(range(60, 4000)) > 300
