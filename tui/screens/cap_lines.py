"""A child's capital cap, and what another one would do. Pure builders."""

from decimal import Decimal
from fractions import Fraction

from engine.snapshot import ChildColumn
from tui import format as fmt
from tui.frame import Frame, child_of
from tui.screens.ask_lines import child_choice
from tui.text import Line, Span, Tone, clean, line, wrap
from tui.widgets.live_table import Row


def cap_rows(frame: Frame, width: int) -> list[Row]:
    """Every child with its cap."""
    rows = []
    for i, child in enumerate(frame.snapshot.children):
        cap = "no cap" if child.max_capital_inr is None else fmt.rupees(child.max_capital_inr)
        rows.append(child_choice(frame, i, f"{cap} · available {fmt.rupees(child.available_inr)}", width))
    return rows


def cap_lines(frame: Frame, width: int, child: str) -> list[Line]:
    """The child's cap and ratio now, and when a new cap works."""
    column = child_of(frame.snapshot, child)
    cap = None if column is None else column.max_capital_inr
    rule = "It works on the ratio from the next strategy on, and at once as a limit for entries, downwards."
    ratios = "" if column is None else ratio_words(column)
    return [
        line(Span(clean(child), Tone.BOLD), " has no cap." if cap is None else f" is capped at {fmt.rupees(cap)}."),
        *([line(f"Its ratio: {ratios}.")] if ratios else []),
        *(line(Span(part, Tone.DIM)) for part in wrap(rule, width)),
    ]


def ratio_words(child: ChildColumn) -> str:
    """A child's ratio, and what it would be if a strategy began now; '' where it has none that money decides."""
    after = child.next_ratio
    if after is None:
        return ""
    then = f"next strategy {next_words(after.ratio)}"
    return then if child.ratio is None else f"{fmt.ratio(child.ratio)}, {then}"


def cap_preview(frame: Frame, child: str, text: str) -> Line | None:
    """How a typed cap is understood, and what it would do; `None` for what is no amount."""
    is_none = text.strip().lower() == "none"
    cap = None if is_none else fmt.parse_amount(text)
    if cap is None and not is_none:
        return None
    amount = "no cap" if cap is None else fmt.rupees(cap)
    column = child_of(frame.snapshot, child)
    does = "" if column is None else "; ".join(_effects(frame, column, cap))
    return line(Span(f" {amount}", Tone.BOLD), f"  {does}" if does else "")


def _effects(frame: Frame, child: ChildColumn, cap_inr: Decimal | None) -> list[str]:
    after, bound = child.next_ratio, _bound(frame, child, cap_inr)
    out = [] if after is None else [f"next ratio {next_words(after.capped(cap_inr))}"]
    if bound is not None:
        out.append(f"at once no entry above {fmt.ratio(bound)}")
    return out


def _bound(frame: Frame, child: ChildColumn, cap_inr: Decimal | None) -> Fraction | None:
    """The part of the master's lots that entries of a running strategy may reach, where a cap makes it smaller."""
    if cap_inr is None:
        return None
    baselines = {strategy.scope: strategy.baseline_inr for strategy in frame.snapshot.strategies}
    bounds = [
        bound
        for part in child.ratios
        if (baseline := baselines.get(part.scope))
        and (bound := Fraction(cap_inr) / Fraction(baseline)) < (part.ratio or 0)
    ]
    return min(bounds, default=None)


def next_words(ratio: Fraction | None) -> str:
    """A ratio that would be taken, `None` for none."""
    return "none: it is left out" if ratio is None else fmt.ratio(ratio)
