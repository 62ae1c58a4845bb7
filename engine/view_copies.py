"""Copies as a screen shows them: every child's part of a decision: why so large, at what price, how fast by stage."""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal

from engine.core.lifecycle import TERMINAL
from engine.core.state import ChildOrder, Copy, Sized
from engine.core.turn import Turn
from engine.model import NS_PER_MS, NS_PER_S
from engine.snapshot import CopyLine, CopyRow, OrderTrace
from engine.stamps import Stamp
from engine.view_cells import leg_title, lots, sizing_text


class KeptRows:
    """The rows of the newest decisions, kept while nothing of them changes.

    With a hundred children and fifty decisions they are most of a snapshot, and nearly all of them are finished.
    """

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[int, tuple[object, CopyRow]] = {}

    def rows(self, turn: Turn, most: int, stamps: Callable[[str], Stamp]) -> tuple[CopyRow, ...]:
        """The newest decisions that led to something, newest first.

        Args:
            turn: The turn.
            most: How many.
            stamps: When an order was durable and handed over.
        """
        found: dict[int, tuple[object, CopyRow]] = {}
        for copy in reversed(turn.state.copies):
            if copy.tags or copy.skipped:
                orders = [turn.state.orders[tag] for tag in copy.tags if tag in turn.state.orders]
                seen = _seen(turn, copy, orders)
                kept = self._rows.get(copy.id)
                is_same = kept is not None and kept[0] == seen
                found[copy.id] = kept if kept is not None and is_same else (seen, _row(turn, copy, orders, stamps))
            if len(found) == most:
                break
        self._rows = found
        return tuple(row for _, row in found.values())


def _seen(turn: Turn, copy: Copy, orders: list[ChildOrder]) -> object:
    """All that a row is made of and that can change."""
    parts = [
        (o.state, o.units, o.filled, o.value_inr, o.reason, o.order_id, o.terms.price_inr, o.acked_ns, o.done_ns)
        for o in orders
    ]
    instrument = turn.leg_instrument(turn.state.master.account, copy.leg)
    return parts, dict(copy.skipped), dict(copy.passed), copy.signal_ns, copy.master_price_inr, instrument


def _row(turn: Turn, copy: Copy, orders: list[ChildOrder], stamps: Callable[[str], Stamp]) -> CopyRow:
    by_child: dict[str, list[ChildOrder]] = {}
    for order in orders:
        by_child.setdefault(order.account, []).append(order)
    lines = [_line(turn, copy, child, parts, stamps) for child, parts in by_child.items()]
    for child, reason in (copy.passed | copy.skipped).items():
        if child not in by_child:
            why = _why(turn, copy, child)
            lines.append(CopyLine(child=child, units=0, filled_units=0, status="skipped", reason=reason, why=why))
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
        traded_ns=_traded_ns(copy) if copy.signal_ns else 0,
        learned_ns=copy.learned_ns,
    )


def _line(turn: Turn, copy: Copy, child: str, orders: list[ChildOrder], stamps: Callable[[str], Stamp]) -> CopyLine:
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
        why=_why(turn, copy, child),
        orders=tuple(_trace(order, stamps(order.tag)) for order in orders),
    )


def _trace(order: ChildOrder, stamp: Stamp) -> OrderTrace:
    terms = order.terms
    return OrderTrace(
        tag=order.tag,
        order_id=order.order_id,
        units=order.units,
        filled_units=order.filled,
        status=order.state.value,
        order_type=terms.order_type,
        price_inr=terms.trigger_inr if terms.price_inr is None else terms.price_inr,
        decided_ns=order.created_ns,
        durable_ns=stamp.durable_ns,
        sent_ns=stamp.handed_ns or order.sent_ns,
        answered_ns=order.acked_ns,
        done_ns=order.done_ns,
        tries=order.tries,
    )


def _why(turn: Turn, copy: Copy, child: str) -> str:
    """How a child's part was found, '' where nothing is known of it."""
    sized = copy.sized.get(child)
    if sized is None or not sized.lot_units:
        return ""
    settings = next((each for each in turn.state.settings.children if each.id == child), None)
    return size_words(sized, "" if settings is None else sizing_text(settings))


def size_words(sized: Sized, mode: str) -> str:
    """How a child's part was found: `3/10 x 10 lots = 3.00: target 3, it was 0`.

    Args:
        sized: What is kept of it.
        mode: The child's sizing in words, for where there is no ratio.
    """
    his, target = _lots(sized.his_units, sized), _lots(sized.target_units, sized)
    was = f", it was {_lots(sized.before_units, sized)}" if sized.before_units else ""
    if sized.high_units and not sized.his_units:
        return f"he is out of it: target {target}{was}"
    if sized.high_units:
        exact = Decimal(sized.base_units * sized.his_units) / (sized.high_units * sized.lot_units)
        part = f"{_lots(sized.base_units, sized)} x {his}/{_lots(sized.high_units, sized)} = {_two(exact)}"
        return f"he keeps {his} of {_lots(sized.high_units, sized)} lots, {part}: target {target}{was}"
    of = f"his order of {his} lots" if sized.of_order else f"{his} lots"
    if sized.ratio is None:
        return f"{mode} for {of}: target {target}{was}"
    share = sized.ratio * sized.his_units / sized.lot_units
    return f"{sized.ratio} x {of} = {_two(Decimal(share.numerator) / share.denominator)}: target {target}{was}"


def _two(exact: Decimal) -> str:
    """Rounded down, as lots are."""
    return str(exact.quantize(Decimal("0.01"), rounding=ROUND_FLOOR))


def _lots(units: int, sized: Sized) -> str:
    """Units as lots of the child's."""
    exact = Decimal(units) / sized.lot_units
    return str(int(exact)) if exact == int(exact) else f"{exact:.2f}"


def _traded_ns(copy: Copy) -> int:
    """When the master traded. A clock of whole seconds: not before we learned of it, or the second's end.

    So a latency is never said to be longer than it was, and a trade that was noticed late is not made to look quick.
    """
    if copy.signal_ns % NS_PER_S:
        return copy.signal_ns
    return max(copy.signal_ns, min(copy.learned_ns, copy.signal_ns + NS_PER_S))
