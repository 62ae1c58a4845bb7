"""Turns some days into days of equity delivery: the same trades, in a product whose sales are never entries."""

import dataclasses
from collections.abc import Collection, Mapping
from random import Random
from typing import TypeVar, cast

import msgspec

from engine.model import LegId, Side, leg_id
from paper import scenario as act
from paper.verify.plan import LatePush, MasterBooks, Plan, Trouble

SHARES = 0.05
"""The share of days on which everything is shares."""
BEFORE, AFTER = "NRML", "CNC"
T = TypeVar("T")


SELLS_FIRST = 0.25
"""The share of legs that begin with a sale of what the master has, as they were drawn; others are turned round."""


def with_shares(plan: Plan, rng: Random) -> Plan:
    """The plan, or the same in shares. Shares are converted by nobody here."""
    converts = any(isinstance(happening.trouble, act.MasterConverts) for happening in plan.happenings)
    return plan if rng.random() >= SHARES or converts else in_shares(plan, rng)


def is_in_shares(plan: Plan) -> bool:
    """Whether a day is one of shares."""
    return AFTER in plan.scenario.settings.filters.products


def in_shares(plan: Plan, rng: Random) -> Plan:
    """The same day with every order, position and command in the delivery product, most legs bought first."""
    first: dict[LegId, Side] = {}
    for happening in plan.happenings:
        if isinstance(happening.trouble, act.MasterTrades):
            first.setdefault(happening.trouble.report.leg, happening.trouble.report.side)
    turned = {leg for leg, side in first.items() if side is Side.SELL and rng.random() >= SELLS_FIRST}
    happenings = tuple(
        dataclasses.replace(happening, trouble=_turned(happening.trouble, turned)) for happening in plan.happenings
    )
    settings = plan.scenario.settings
    filters = msgspec.structs.replace(settings.filters, products=(*settings.filters.products, AFTER))
    scenario = dataclasses.replace(
        plan.scenario,
        settings=msgspec.structs.replace(settings, filters=filters),
        master_positions=_renamed(plan.scenario.master_positions),
    )
    return dataclasses.replace(plan, scenario=scenario, happenings=_renamed(happenings))


def _turned(trouble: Trouble, legs: Collection[LegId]) -> Trouble:
    """The master's and the owners' trades in some legs with the other side."""
    match trouble:
        case act.MasterTrades(report=report) | MasterBooks(report=report) | LatePush(report=report):
            if report.leg in legs:
                return dataclasses.replace(trouble, report=msgspec.structs.replace(report, side=report.side.other))
        case act.OwnTrade() if leg_id(trouble.exchange, trouble.symbol, trouble.product) in legs:
            return dataclasses.replace(trouble, side=trouble.side.other)
    return trouble


def _renamed(value: T) -> T:
    """A value with the product exchanged wherever it stands by itself or at the end of a leg."""
    return cast("T", _rename(value))


def _rename(value: object) -> object:
    match value:
        case str():
            is_leg = value.endswith(f":{BEFORE}")
            return AFTER if value == BEFORE else value.removesuffix(BEFORE) + AFTER if is_leg else value
        case tuple():
            return tuple(_rename(one) for one in value)
        case Mapping():
            return {_rename(key): _rename(one) for key, one in value.items()}
        case msgspec.Struct():
            return msgspec.structs.replace(value, **{f: _rename(getattr(value, f)) for f in value.__struct_fields__})
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: _rename(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **fields)
        case _:
            return value
