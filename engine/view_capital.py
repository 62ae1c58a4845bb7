"""What ratios were taken from, and how far that has moved since, as far as the brokers say it.

What is available falls as soon as margin is blocked; with what is used it is an account's capital, and only that tells
whether anything moved. It must not decide anything.
"""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from config.schema import Child as ChildSettings
from config.schema import SizingMode, StrategyScope
from engine.core.baseline import most_ratio
from engine.core.state import Baseline, Strategy
from engine.core.state_child import Child
from engine.core.turn import Turn
from engine.model import Funds
from engine.snapshot import ChildScope, NextRatio


class Now(NamedTuple):
    """What a ratio would be taken from now."""

    capital_inr: Decimal
    moved: Decimal
    "Since the ratio was taken, as a part of what it was: 0.32 is 32 % more."


def part_of(turn: Turn, strategy: Strategy, child: Child, settings: ChildSettings | None) -> ChildScope:
    """A child's part in a strategy."""
    is_frozen = settings is not None and settings.sizing.mode is SizingMode.FROZEN_RATIO
    baseline, ratio = strategy.baseline, strategy.ratios.get(child.id)
    now = _child_now(turn, baseline, child) if ratio is not None and is_frozen else None
    return ChildScope(
        scope=strategy.scope,
        ratio=ratio,
        capital_inr=_capital(child, baseline, ratio, is_frozen=is_frozen),
        ratio_at_ns=baseline.at_ns if baseline is not None and ratio is not None and is_frozen else None,
        capital_now_inr=None if now is None else now.capital_inr,
        moved=None if now is None else now.moved,
        entries_stopped=child.stopped.get(strategy.scope, ""),
    )


def master_moved(turn: Turn, baseline: Baseline) -> Decimal | None:
    """How far the master's capital has moved since a baseline, as a part of it; `None` where that is not known."""
    master, then = turn.state.master, _at_start(baseline.master_inr, baseline, "")
    capital = None if then is None else _capital_now(then, master.available_inr, master.used_inr)
    return None if then is None or capital is None else _moved(then.available_inr, capital)


def next_ratio(turn: Turn, child: Child, settings: ChildSettings | None) -> NextRatio | None:
    """From what a child's ratio would be taken if a strategy began now."""
    if settings is None or settings.sizing.mode is not SizingMode.FROZEN_RATIO:
        return None
    running = [s.baseline for s in turn.state.strategies.values() if s.baseline is not None]
    if running and turn.settings.strategy_scope is StrategyScope.UNDERLYING:
        return None  # the next one may begin beside those that run, with the margins as they are then
    capitals = _capitals_now(turn, child, running[0] if running else None)
    if capitals is None or min(capitals) <= 0:
        return None
    capital, master = capitals
    return NextRatio(
        capital_inr=capital, master_inr=master, most=most_ratio(turn, child.id), cap_inr=child.max_capital_inr
    )


def _capitals_now(turn: Turn, child: Child, baseline: Baseline | None) -> tuple[Decimal, Decimal] | None:
    """The child's and the master's as they would be available; before a strategy they are."""
    master = turn.state.master
    own, his = child.available_inr, master.available_inr
    if baseline is not None:
        then, his_then = _child_then(baseline, child), _at_start(baseline.master_inr, baseline, "")
        own = None if then is None else _capital_now(then, child.available_inr, child.used_inr)
        his = None if his_then is None else _capital_now(his_then, master.available_inr, master.used_inr)
    return None if own is None or his is None else (own, his)


def _capital(child: Child, baseline: Baseline | None, ratio: Fraction | None, *, is_frozen: bool) -> Decimal | None:
    """The capital that a child's ratio was taken from: what the ratio says of the master's baseline."""
    if baseline is None or ratio is None or baseline.master_inr is None:
        return None
    if not is_frozen:
        return baseline.children_inr.get(child.id)
    return baseline.master_inr * ratio.numerator / ratio.denominator


def _child_now(turn: Turn, baseline: Baseline | None, child: Child) -> Now | None:
    """What a child's frozen ratio would be taken from now. Beyond its cap, or its largest ratio, nothing moves it."""
    if baseline is None or baseline.master_inr is None:
        return None
    then = _child_then(baseline, child)
    capital = None if then is None else _capital_now(then, child.available_inr, child.used_inr)
    if then is None or capital is None:
        return None
    most = most_ratio(turn, child.id)
    bound = baseline.master_inr * most.numerator / most.denominator
    if child.max_capital_inr is not None:
        bound = min(bound, child.max_capital_inr)
    counted, capital = min(then.available_inr, bound), min(capital, bound)
    return Now(capital, _moved(counted, capital)) if counted > 0 else None


def _child_then(baseline: Baseline, child: Child) -> Funds | None:
    """What a child's broker said when its ratio was taken."""
    return baseline.joined.get(child.id) or _at_start(baseline.children_inr.get(child.id), baseline, child.id)


def _at_start(available_inr: Decimal | None, baseline: Baseline, account: str) -> Funds | None:
    """What an account's broker said when a strategy began."""
    if available_inr is None:
        return None
    return Funds(available_inr=available_inr, used_inr=baseline.used_inr.get(account))


def _capital_now(then: Funds, available_inr: Decimal | None, used_inr: Decimal | None) -> Decimal | None:
    """What would be available now if our orders had blocked nothing; `None` where the broker does not say.

    What was used already when the ratio was taken (the owner's own positions, background, what the day had lost by
    then) is still used, or is gone with the money over a night: no broker says which. Of all that it may be, the figure
    is the one that moved least, so that nothing is told that may not be true.
    """
    if then.used_inr is None or available_inr is None or used_inr is None:
        return None
    whole = available_inr + used_inr
    least, most = sorted((whole, whole - then.used_inr))
    return min(max(then.available_inr, least), most)


def _moved(was_inr: Decimal, is_inr: Decimal) -> Decimal:
    return (is_inr - was_inr) / was_inr
