"""Copies and prompts as a screen shows them: every child's part of a decision, with latency and slippage."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from engine.core import prompts
from engine.core.charges import order_charges, segment_of
from engine.core.lifecycle import TERMINAL
from engine.core.margin import MarginPosition, order_margin
from engine.core.portfolio import basket_of
from engine.core.state import ChildOrder, Copy, Prompt, PromptItem
from engine.core.turn import Turn
from engine.model import NS_PER_MS, NS_PER_S, Basket, BasketOrder, split_leg
from engine.snapshot import CopyLine, CopyRow, PromptMargin, PromptRow, PromptView
from engine.view_cells import leg_title, lots


class KeptRows:
    """The rows of the newest decisions, kept while nothing of them changes.

    With a hundred children and fifty decisions they are most of a snapshot, and nearly all of them are finished.
    """

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[int, tuple[object, CopyRow]] = {}

    def rows(self, turn: Turn, most: int) -> tuple[CopyRow, ...]:
        """The newest decisions that led to something, newest first."""
        found: dict[int, tuple[object, CopyRow]] = {}
        for copy in reversed(turn.state.copies):
            if copy.tags or copy.skipped:
                orders = [turn.state.orders[tag] for tag in copy.tags if tag in turn.state.orders]
                seen = _seen(turn, copy, orders)
                kept = self._rows.get(copy.id)
                is_same = kept is not None and kept[0] == seen
                found[copy.id] = kept if kept is not None and is_same else (seen, _row(turn, copy, orders))
            if len(found) == most:
                break
        self._rows = found
        return tuple(row for _, row in found.values())


def _seen(turn: Turn, copy: Copy, orders: list[ChildOrder]) -> object:
    """All that a row is made of and that can change."""
    parts = [(order.state, order.units, order.filled, order.value_inr, order.reason, order.done_ns) for order in orders]
    instrument = turn.leg_instrument(turn.state.master.account, copy.leg)
    return parts, dict(copy.skipped), instrument


def _row(turn: Turn, copy: Copy, orders: list[ChildOrder]) -> CopyRow:
    by_child: dict[str, list[ChildOrder]] = {}
    for order in orders:
        by_child.setdefault(order.account, []).append(order)
    lines = [_line(copy, child, parts) for child, parts in by_child.items()]
    for child, reason in copy.skipped.items():
        if child not in by_child:
            lines.append(CopyLine(child=child, units=0, filled_units=0, status="skipped", reason=reason))
    instrument = turn.leg_instrument(turn.state.master.account, copy.leg)
    return CopyRow(
        id=copy.id,
        at_ns=copy.at_ns,
        leg=copy.leg,
        title=leg_title(turn, copy.leg),
        side=copy.side,
        entry=copy.entry,
        master_lots=lots(copy.master_units, None if instrument is None else instrument.lot_units),
        master_price_inr=copy.master_price_inr,
        lines=tuple(lines),
        done=all(order.state in TERMINAL for order in orders),
    )


def _line(copy: Copy, child: str, orders: list[ChildOrder]) -> CopyLine:
    units = sum(o.units for o in orders)
    filled = sum(o.filled for o in orders)
    value = sum((o.value_inr for o in orders), Decimal(0))
    average = value / filled if filled else None
    slippage = None
    if average is not None and copy.master_price_inr is not None:
        slippage = (average - copy.master_price_inr) * copy.side.sign
    worst = next((o for o in orders if o.state not in TERMINAL), orders[-1])
    done = all(o.state in TERMINAL for o in orders) and filled > 0
    ended_ns = max(o.done_ns for o in orders)
    return CopyLine(
        child=child,
        units=units,
        filled_units=filled,
        status=worst.state.value,
        reason=worst.reason or copy.skipped.get(child, ""),
        average_inr=average,
        latency_ms=max(0, ended_ns - _traded_ns(copy)) // NS_PER_MS if done and copy.signal_ns else None,
        slippage_inr=slippage,
    )


def _traded_ns(copy: Copy) -> int:
    """When the master traded. A clock of whole seconds: not before we learned of it, or the second's end.

    So a latency is never said to be longer than it was, and a trade that was noticed late is not made to look quick.
    """
    if copy.signal_ns % NS_PER_S:
        return copy.signal_ns
    return max(copy.signal_ns, min(copy.learned_ns, copy.signal_ns + NS_PER_S))


def prompt_views(turn: Turn, known: Mapping[Basket, Decimal]) -> tuple[PromptView, ...]:
    """Open prompts, oldest first.

    Args:
        turn: The turn.
        known: What brokers said that baskets need.
    """
    return tuple(_prompt(turn, prompt, known) for prompt in turn.state.prompts.values())


def _prompt(turn: Turn, prompt: Prompt, known: Mapping[Basket, Decimal]) -> PromptView:
    legs = list(dict.fromkeys(item.leg for item in prompt.items))
    title = leg_title(turn, legs[0]) if len(legs) == 1 else f"{len(legs)} legs"
    master = turn.state.master.legs.get(legs[0]) if len(legs) == 1 else None
    instrument = turn.leg_instrument(turn.state.master.account, legs[0]) if legs else None
    rows = [_prompt_row(turn, item) for item in prompt.items]
    return PromptView(
        id=prompt.id,
        kind=prompt.kind,
        title=title,
        opened_ns=prompt.opened_ns,
        deadline_ns=prompt.deadline_ns,
        at_deadline="sent" if prompt.kind == prompts.EXIT else "declined",
        signal_ns=min((item.signal_ns for item in prompt.items), default=None),
        master_lots=None
        if master is None
        else lots(master.units or master.background_units, None if instrument is None else instrument.lot_units),
        master_price_inr=None if master is None else master.price_inr,
        rows=tuple(rows) + _skipped_rows(turn, prompt),
        margins=tuple(_margin(turn, child, items, known) for child, items in _entries(prompt).items()),
    )


def _entries(prompt: Prompt) -> dict[str, list[PromptItem]]:
    """What each child would enter."""
    found: dict[str, list[PromptItem]] = {}
    for item in prompt.items:
        if item.entry and item.units:
            found.setdefault(item.child, []).append(item)
    return found


def _margin(turn: Turn, child: str, items: Sequence[PromptItem], known: Mapping[Basket, Decimal]) -> PromptMargin:
    orders = (BasketOrder(leg=item.leg, side=item.side, units=item.units) for item in items)
    basket = basket_of(turn.state.children[child], orders)
    if (theirs := known.get(basket)) is not None:
        return PromptMargin(basket=basket, needed_inr=theirs, is_brokers=True)
    existing, added = _positions(turn, child, basket.held), _positions(turn, child, basket.orders)
    needed = None if len(added) < len(basket.orders) else order_margin(existing, added, {})
    return PromptMargin(basket=basket, needed_inr=needed)


def _positions(turn: Turn, child: str, orders: Iterable[BasketOrder]) -> list[MarginPosition]:
    """Those with a price."""
    found = []
    for order in orders:
        instrument, quote = turn.leg_instrument(child, order.leg), turn.quote(order.leg)
        price = None if quote is None else quote.touch(order.side) or quote.last_inr
        if instrument is not None and price is not None:
            units = order.side.sign * order.units
            found.append(MarginPosition(instrument=instrument, units=units, price_inr=price))
    return found


def _skipped_rows(turn: Turn, prompt: Prompt) -> tuple[PromptRow, ...]:
    """Children that the same decisions passed over, with their reasons."""
    decisions = {item.decision: item for item in prompt.items}
    asked = {(item.child, item.leg) for item in prompt.items}
    found: list[PromptRow] = []
    for copy in turn.state.copies:
        item = decisions.get(copy.id)
        if item is None:
            continue
        for child, reason in copy.skipped.items():
            if (child, item.leg) not in asked:
                found.append(_base_row(turn, child, item, 0, reason))
    return tuple(found)


def _prompt_row(turn: Turn, item: PromptItem) -> PromptRow:
    return _base_row(turn, item.child, item, item.units, item.reason)


def _base_row(turn: Turn, child_id: str, item: PromptItem, units: int, reason: str) -> PromptRow:
    child = turn.state.children[child_id]
    instrument = turn.leg_instrument(child_id, item.leg)
    quote = turn.quote(item.leg)
    price = None if quote is None else quote.touch(item.side)
    strategy = turn.state.strategies.get(turn.scope_of(item.leg))
    ratio = item.ratio or (None if strategy is None else strategy.ratios.get(child_id))
    value = charges = None
    if price is not None and instrument is not None and units:
        value = price * units
        if turn.state.charges is not None:
            segment = segment_of(instrument, split_leg(item.leg)[2])
            charges = order_charges(turn.state.charges, segment, item.side, units, price).total
    return PromptRow(
        child=child_id,
        leg=item.leg,
        title=leg_title(turn, item.leg),
        side=item.side,
        lot_units=1 if instrument is None else instrument.lot_units,
        units=units,
        price_inr=price,
        value_inr=value,
        available_inr=child.available_inr,
        charges_inr=charges,
        ratio=ratio,
        reason=reason,
    )
