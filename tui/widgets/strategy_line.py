"""The second line: the running strategy with its baseline and profit, or what the program waits for. Pure builders."""

from collections.abc import Sequence
from decimal import Decimal

from engine.money import sum_known
from engine.snapshot import EngineState, Snapshot, StrategyState, StrategyView
from tui import format as fmt
from tui.frame import Frame, running
from tui.marks import OLD, amount_tone, has_moved, is_old_ratio
from tui.text import Line, Span, Tone, clean, first_fitting, line

SECONDS = "%H:%M:%S"


def strategy_line(frame: Frame, width: int) -> Line:
    """The line in at most `width` cells."""
    strategies = running(frame.snapshot)
    if not strategies:
        return first_fitting(width, lambda level: _flat(frame, level), range(5))
    if len(strategies) == 1:
        return first_fitting(width, lambda level: _one(frame, strategies[0], level), range(6))
    return first_fitting(width, lambda level: _many(frame, strategies, level), range(4))


def _one(frame: Frame, strategy: StrategyView, level: int) -> Line:
    legs = sum(1 for leg in frame.snapshot.legs if leg.scope == strategy.scope and leg.master_lots)
    return line(
        *_state(strategy),
        Span(clean(strategy.name), Tone.BOLD),
        f" · {fmt.counted(legs, 'leg')}" if level < 4 else "",
        f" since {fmt.day_clock(strategy.started_ns, frame.now_ns, today=SECONDS)}" if level < 3 else "",
        *_baseline(frame, strategy, level),
        Span(f" · {strategy.mode.value.upper()} frozen" if level < 2 else "", Tone.DIM),
        *_profit(frame.snapshot, (strategy,), level),
    )


def _state(strategy: StrategyView) -> list[Span]:
    spans = [Span(" ")]
    if strategy.state is StrategyState.EXITING:
        spans.append(Span("EXITING ", Tone.WARN))
    if strategy.exit_only:
        spans.append(Span("EXIT ONLY ", Tone.WARN))
    return spans


def _baseline(frame: Frame, strategy: StrategyView, level: int) -> list[Span]:
    if strategy.baseline_inr is None:
        why = strategy.reason or "not known yet"
        return [Span(" · "), Span(f"no baseline: {clean(why)}", Tone.WARN)]
    if level >= 5:
        return []
    at_ns, now_ns = strategy.baseline_at_ns, frame.now_ns
    is_old = is_old_ratio(at_ns, now_ns)
    odd = ", ".join([*([f"{fmt.age(at_ns, now_ns)} old"] if is_old else []), *_moved((strategy,))])
    if level >= 4:
        return [Span(" · baseline"), Span(f" {odd}", Tone.WARN)] if odd else []
    when = f" at {fmt.day_clock(at_ns, now_ns, today=SECONDS)}" if level < 1 and not is_old else ""
    baseline = Span(f" · baseline {fmt.rupees(strategy.baseline_inr)}{when}{',' if when and odd else ''}")
    return [baseline, Span(f" {odd}" if odd else "", Tone.WARN)]


def _moved(strategies: Sequence[StrategyView]) -> list[str]:
    """How far the master's capital has moved since a baseline where that is worth a look: all ratios are off then."""
    found = [each.baseline_moved for each in strategies if each.baseline_moved is not None]
    furthest = max(found, key=abs, default=None)
    return [f"{fmt.percent(furthest)} since"] if furthest is not None and has_moved(furthest) else []


def _profit(snapshot: Snapshot, strategies: Sequence[StrategyView], level: int) -> list[Span]:
    master = sum_known(strategy.master_pnl_inr for strategy in strategies)
    children = sum_known(strategy.children_pnl_inr for strategy in strategies)
    return _results("P&L", snapshot, master, children, level)


def _results(name: str, snapshot: Snapshot, master: Decimal | None, children: Decimal | None, level: int) -> list[Span]:
    return [
        Span(f" · {name} master " if level < 3 else f" · {name} "),
        _amount(master, old=snapshot.master_pnl_stale),
        Span(" children " if level < 3 else " / "),
        _amount(children, old=any(child.pnl_stale for child in snapshot.children)),
    ]


def _amount(value: Decimal | None, *, old: bool) -> Span:
    if old and value is not None:
        return Span(f"{fmt.rupees(value, signed=True)}{OLD}", Tone.WARN)
    return Span(fmt.rupees(value, signed=True), amount_tone(value))


def _many(frame: Frame, strategies: tuple[StrategyView, ...], level: int) -> Line:
    names = ", ".join(f"{s.scope} {s.name}" for s in strategies) if level < 2 else ""
    return line(
        Span(f" {len(strategies)} strategies", Tone.BOLD),
        f": {clean(names)}" if names else "",
        *(Span(f" · baseline {moved}", Tone.WARN) for moved in (_moved(strategies) if level < 3 else ())),
        *_profit(frame.snapshot, strategies, 0 if level < 1 else 3),
    )


def _flat(frame: Frame, level: int) -> Line:
    """Level 0 to 3 have less and less to say of what comes; what was made today is said as long as it fits."""
    sample, snapshot = frame.snapshot.sample, frame.snapshot
    day = snapshot.master_day_inr, snapshot.children_day_inr
    made = _results("day P&L", snapshot, *day, level) if any(day) and level < 4 else []
    follows = (
        " · the next master fill starts a strategy and freezes the ratios",
        " · the next master fill freezes the ratios",
        " · waiting for the master",
        "",
        "",
    )[level]
    if frame.snapshot.finished or frame.snapshot.engine is EngineState.STOPPED:
        follows = ""
    elif sample is not None and not sample.settled:
        follows = (" · a fill now goes on with the old ratios", " · a fill keeps the old ratios", "", "", "")[level]
    if sample is None:
        return line(
            Span(" Flat", Tone.BOLD), Span(" · no quiet margin sample yet: no ratio, no entries", Tone.WARN), *made
        )
    settled = f"quiet since {fmt.clock(sample.at_ns)}" if sample.settled else "not settled"
    return line(
        Span(" Flat", Tone.BOLD),
        f" · master available {fmt.rupees(sample.master_inr)} ",
        Span(settled, Tone.DIM if sample.settled else Tone.WARN),
        Span(f" ({clean(sample.note)})" if sample.note and level < 3 else "", Tone.WARN),
        *made,
        Span(follows, Tone.DIM),
    )
