"""Draws a process that is not run for a while, and a clock that leaps.

It must not touch the chance of the day itself: what else belongs to a seed stays as it is.
"""

import dataclasses
from collections.abc import Callable, Collection
from random import Random
from typing import TypeVar

import msgspec

from engine.model import NS_PER_MS, NS_PER_S
from engine.opening import sessions_of
from paper import scenario as act
from paper.verify.plan import Happening, LatePush, MasterBooks, Plan, Suspended, Trouble

SHARE = 0.04
"""The share of days with each."""
SUSPENDED, STEPPED = "suspended", "clock_step"
NAMES = (SUSPENDED, STEPPED)
LASTS_S = (20, 45, 90, 130, 300, 600)
AFTER_NS = 15 * NS_PER_S
"""The troubles go on for so long afterwards at least."""
Stamped = TypeVar("Stamped", bound=msgspec.Struct)
Moment = Callable[[int], int]


def with_suspensions(plan: Plan, rng: Random, faults: Collection[str] | None) -> Plan:
    """The plan, or the same with a process that is not run for a while, or whose clock leaps.

    `faults`: those that were chosen, `None` for all; a chosen one happens on every day.
    """
    what = rng.random()
    names = [name for name in NAMES if faults is not None and name in faults]
    if names:
        name = names[int(what * len(names))]
    elif faults is None and what < 2 * SHARE:
        name = SUSPENDED if what < SHARE else STEPPED
    else:
        return plan
    if plan.calm_ns > sessions_of(plan.scenario.day)[0].close_ns:
        return plan
    at_ns = plan.scenario.start_ns + 3 * NS_PER_S + rng.randrange(plan.calm_ns - plan.scenario.start_ns - 3 * NS_PER_S)
    if plan.trades_ns and rng.random() < 0.7:  # while the engine is at work
        at_ns = rng.choice(plan.trades_ns) + rng.randrange(1100) * NS_PER_MS
    for_ns = rng.choice(LASTS_S) * NS_PER_S
    trouble = Suspended(
        for_ns=for_ns,
        timers_first=rng.random() < 0.5,
        loses=name == SUSPENDED and rng.random() < 0.5,
        is_step=name == STEPPED,
    )
    plan = _stretched(plan, at_ns, for_ns, rng, is_step=name == STEPPED)
    plan = plan.with_more(Happening(at_ns=at_ns, trouble=trouble, kind=name))
    return dataclasses.replace(plan, calm_ns=max(plan.calm_ns, at_ns + for_ns + AFTER_NS))


def _stretched(plan: Plan, at_ns: int, for_ns: int, rng: Random, *, is_step: bool) -> Plan:
    """The plan with what happens after a moment of the pause moved behind it; mostly something is left in it.

    Where only the machine's clock leaps, nothing is, and what brokers say of times is behind that clock from then on.
    """
    from_ns = at_ns + (0 if is_step else rng.choice((0, 2, 10, 10_000)) * NS_PER_S)

    def moment(then_ns: int) -> int:
        return then_ns if then_ns <= from_ns else then_ns + for_ns

    stamps = (lambda then_ns: then_ns) if is_step else moment
    happenings = [
        dataclasses.replace(h, at_ns=moment(h.at_ns), trouble=_moved(h.trouble, moment, stamps))
        for h in plan.happenings
    ]
    return dataclasses.replace(plan, happenings=tuple(happenings), calm_ns=moment(plan.calm_ns))


def _moved(trouble: Trouble, moment: Moment, stamps: Moment) -> Trouble:
    match trouble:
        case act.MasterTrades(report=report) | MasterBooks(report=report) | LatePush(report=report):
            placed_ns, updated_ns = stamps(report.placed_ns), stamps(report.updated_ns)
            moved = msgspec.structs.replace(report, placed_ns=placed_ns, updated_ns=updated_ns)
            return dataclasses.replace(trouble, report=moved)
        case act.Quotes(quotes=quotes):
            return act.Quotes(quotes=tuple(_at(quote, moment) for quote in quotes))
        case act.Operate(event=event):
            return act.Operate(event=_at(event, moment))
        case _:
            return trouble


def _at(value: Stamped, moment: Moment) -> Stamped:
    return msgspec.structs.replace(value, at_ns=moment(value.at_ns))  # type: ignore[attr-defined]
