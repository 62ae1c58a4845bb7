"""From which margins a ratio is taken: quiet samples, the debounce of a fall, the age of a sample (docs/rules.md).

It must not decide when a strategy starts and must not read anything but what the state holds.
"""

from decimal import Decimal
from fractions import Fraction

from config.schema import SizingMode
from engine.core.sizing import capped_ratio, stricter
from engine.core.state import Baseline, Run, Strategy
from engine.core.turn import Turn, seconds_ns
from engine.model import NS_PER_S, Funds

MIN_LEAD_NS = NS_PER_S
"""A sample must be at least so much older than the order that it is the baseline of."""
KEPT_RUNS = 120
"""Stretches of equal samples kept per account and scope; bounds the state."""


def add_sample(turn: Turn, account: str, value_inr: Decimal, used_inr: Decimal | None = None) -> None:
    """Record a margin sample of an account, and what is used beside it, by which nothing is decided."""
    runs = turn.state.samples.setdefault(account, [])
    now_ns = turn.now_ns
    if runs and runs[-1].value_inr == value_inr and now_ns - runs[-1].last_ns <= _gap_ns(turn):
        runs[-1].last_ns, runs[-1].used_inr = now_ns, used_inr
        return
    runs.append(Run(first_ns=now_ns, last_ns=now_ns, value_inr=value_inr, used_inr=used_inr))
    del runs[:-KEPT_RUNS]


def _gap_ns(turn: Turn) -> int:
    """Samples further apart than this are two stretches: nobody saw what lay between."""
    return 3 * seconds_ns(turn.settings.timing.poll_interval_s)


def settle_margins(turn: Turn, strategy: Strategy, value_inr: Decimal) -> None:
    """After a strategy: samples count again when two of the master agree, some time after the last fill."""
    timing = turn.settings.timing
    if turn.now_ns - strategy.last_fill_ns < seconds_ns(timing.margin_hold_s):
        return
    before, strategy.settle_value_inr = strategy.settle_value_inr, value_inr
    if before is None or abs(value_inr - before) * 100 > before * timing.margin_jump_pct:
        return
    strategy.settled, strategy.settle_value_inr, strategy.quiet_since_ns = True, None, turn.now_ns
    strategy.ratios, strategy.left_out, strategy.baseline, strategy.exit_only = {}, {}, None, False


def select_baseline(turn: Turn, strategy: Strategy, placed_ns: int, order_id: str = "") -> Baseline:
    """The margins that a strategy starts with whose first order was placed at `placed_ns`.

    Returns:
        A baseline; where an account has no usable sample, `reasons` says why ('' is the master's key).
    """
    cutoff_ns = placed_ns - MIN_LEAD_NS
    runs = _quiet(turn, strategy, turn.state.master.account, cutoff_ns)
    reasons: dict[str, str] = {}
    older: Run | None = None
    master: Decimal | None = None
    used: Decimal | None = None
    at_ns = cutoff_ns
    if not runs:
        reasons[""] = "no margin of the master from before his order"
    elif placed_ns - min(runs[-1].last_ns, cutoff_ns) > seconds_ns(turn.settings.timing.margin_stale_s):
        reasons[""] = "the master's margin is stale"
    else:
        older = _held(turn, runs, placed_ns)
        newest = runs[-1]
        chosen = newest if older is None else older
        at_ns = min(chosen.last_ns, cutoff_ns)
        master, used = chosen.value_inr, chosen.used_inr
        if master <= 0:
            reasons[""], master = "the master's margin is zero or negative", None
    baseline = Baseline(at_ns=at_ns, master_inr=master, reasons=reasons, order_id=order_id)
    if used is not None:
        baseline.used_inr[""] = used
    for child in (c.id for c in turn.configured()):
        _child_sample(turn, strategy, baseline, child, cutoff_ns, placed_ns, None if older is None else at_ns)
    return baseline


def _child_sample(
    turn: Turn, strategy: Strategy, baseline: Baseline, child: str, cutoff_ns: int, placed_ns: int, older_ns: int | None
) -> None:
    runs = _quiet(turn, strategy, child, cutoff_ns)
    if not runs:
        baseline.reasons[child] = "margin missing"
    elif placed_ns - min(runs[-1].last_ns, cutoff_ns) > seconds_ns(turn.settings.timing.margin_stale_s):
        baseline.reasons[child] = "margin stale"
    else:
        older = [] if older_ns is None else _until(runs, older_ns)
        chosen = min((runs[-1], *older[-1:]), key=lambda run: run.value_inr)
        if chosen.value_inr <= 0:
            baseline.reasons[child] = "margin zero or negative"
            return
        baseline.children_inr[child] = chosen.value_inr
        if chosen.used_inr is not None:
            baseline.used_inr[child] = chosen.used_inr


def _quiet(turn: Turn, strategy: Strategy, account: str, cutoff_ns: int) -> list[Run]:
    """An account's samples that were quiet for a scope, up to a time."""
    runs = turn.state.samples.get(account, [])
    return [run for run in _until(runs, cutoff_ns) if run.last_ns >= strategy.quiet_since_ns]


def _until(runs: list[Run], cutoff_ns: int) -> list[Run]:
    return [run for run in runs if run.first_ns <= cutoff_ns]


def _held(turn: Turn, runs: list[Run], placed_ns: int) -> Run | None:
    """The older sample that a fall not yet believed keeps in force, `None` when the newest counts."""
    timing = turn.settings.timing
    newest = runs[-1]
    best: Run | None = None
    for before, after in zip(reversed(runs[:-1]), reversed(runs[1:]), strict=True):
        aged = placed_ns - after.first_ns >= seconds_ns(timing.margin_hold_s)
        if aged and turn.state.master.book_began_ns >= after.first_ns:
            break
        if best is None or before.value_inr > best.value_inr:
            best = before
    if best is None or (best.value_inr - newest.value_inr) * 100 <= best.value_inr * timing.margin_jump_pct:
        return None
    return best


def freeze_ratios(turn: Turn, strategy: Strategy, baseline: Baseline) -> None:
    """Compute every child's ratio of a strategy, once, or the reason why it is left out."""
    strategy.baseline = baseline
    strategy.ratios, strategy.left_out = {}, {}
    for child in (c.id for c in turn.configured()):
        reason = left_out_reason(turn, baseline, child)
        if reason:
            strategy.left_out[child] = reason
            continue
        ratio = ratio_of(turn, baseline, child)
        if ratio is not None:
            strategy.ratios[child] = ratio


def note_joined(baseline: Baseline, child: str, told: Funds | None) -> None:
    """A child joined a running strategy: by what its broker said then, or (`None`) with the ratio of the start."""
    if told is None:
        baseline.joined.pop(child, None)
    else:
        baseline.joined[child] = told


def left_out_reason(turn: Turn, baseline: Baseline, child: str) -> str:
    """Why a child gets no ratio from a baseline, '' when it does (or needs none)."""
    if turn.child_settings[child].sizing.mode is not SizingMode.FROZEN_RATIO:
        return ""
    if baseline.master_inr is None:
        return f"no master baseline: {baseline.reasons.get('', 'unknown')}"
    if child not in baseline.children_inr:
        return f"left out: {baseline.reasons.get(child, 'margin missing')}"
    cap = cap_of(turn, child)
    return "left out: max capital is zero" if cap is not None and cap <= 0 else ""


def ratio_of(turn: Turn, baseline: Baseline, child: str) -> Fraction | None:
    """A child's ratio from a baseline that has what it needs; `None` for sizing modes without a ratio."""
    sizing = turn.child_settings[child].sizing
    if sizing.mode is SizingMode.FIXED_RATIO and sizing.ratio is not None:
        return min(sizing.ratio, most_ratio(turn, child))
    if sizing.mode is SizingMode.FROZEN_RATIO and baseline.master_inr is not None:
        available = baseline.children_inr[child]
        return capped_ratio(available, cap_of(turn, child), baseline.master_inr, most_ratio(turn, child))
    return None


def most_ratio(turn: Turn, child: str) -> Fraction:
    """The largest ratio allowed for a child."""
    return stricter(turn.settings.ratio.max_ratio, turn.child_settings[child].max_ratio)


def cap_of(turn: Turn, child: str) -> Decimal | None:
    """A child's capital cap in force for the next ratio."""
    return turn.state.children[child].max_capital_inr
