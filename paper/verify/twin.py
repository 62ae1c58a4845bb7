"""Invariant I14: what hits one child changes neither the orders of another nor their times.

A twin is a plan whose faults concern its first child alone. It is run with and without them, and the other children's
orders are compared. It must not judge anything else.
"""

from config.schema import ConfirmWhen
from engine.model import OrderReport
from paper import scenario as act
from paper.verify.plan import Happening, Plan, PushTrouble
from paper.verify.trial import Trial

Row = tuple[str, str, int, int, int]


def is_twin(plan: Plan) -> bool:
    """Whether every fault of a plan hits its first child and nobody else."""
    children = plan.scenario.settings.children
    faults = [happening for happening in plan.happenings if happening.kind]
    is_asked = plan.scenario.settings.confirm.when is not ConfirmWhen.NEVER  # one prompt holds several children
    moves = any(isinstance(h.trouble, act.SetAvailable) for h in plan.happenings)  # a late end keeps the old ratio
    hits_one = all(_hits(h, children[0].id) for h in faults)
    is_summed = plan.scenario.settings.risk.max_daily_loss_inr is not None  # what one loses stops all
    return len(children) > 1 and bool(faults) and not (is_asked or moves or is_summed) and hits_one


def _hits(happening: Happening, child: str) -> bool:
    trouble = happening.trouble
    return isinstance(trouble, act.ArmFault | act.OwnTrade | PushTrouble) and trouble.child == child


def without_faults(plan: Plan) -> Plan:
    """The same day without its faults."""
    return plan.without(frozenset(i for i, happening in enumerate(plan.happenings) if happening.kind))


def differences(plan: Plan, hit: Trial, quiet: Trial) -> list[str]:
    """Where the orders of the children that were not hit differ, up to the end of the troubles."""
    found: list[str] = []
    for child in plan.scenario.settings.children[1:]:
        one, other = _rows(hit, child.id, plan.calm_ns), _rows(quiet, child.id, plan.calm_ns)
        if one != other:
            found.append(f"I14 {child.id}: {one} with a fault at another child, {other} without")
    return found


def _rows(trial: Trial, child: str, until_ns: int) -> list[Row]:
    return [_row(row) for row in trial.world.exchange.orders(child) if row.placed_ns < until_ns]


def _row(row: OrderReport) -> Row:
    return row.symbol, row.side.value, row.quantity, row.filled, row.placed_ns
