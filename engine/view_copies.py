"""Copies as a screen shows them: every child's part of a decision: why so large, at what price, how fast by stage."""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from engine.core.lifecycle import TERMINAL
from engine.core.state import Copy, Sized
from engine.core.state_child import ChildOrder
from engine.core.turn import Turn
from engine.model import NS_PER_MS, NS_PER_S
from engine.snapshot import AWAITS_ANSWER, CopyLine, CopyRow, OrderTrace
from engine.stamps import Stamp
from engine.view_cells import leg_title, lots


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
        asked = _asked(turn)
        for copy in reversed(turn.state.copies):
            if copy.tags or copy.skipped:
                parts = [(turn.state.orders[tag], stamps(tag)) for tag in copy.tags if tag in turn.state.orders]
                waiting = asked.get(copy.id, {})
                seen = _seen(turn, copy, parts, waiting)
                kept = self._rows.get(copy.id)
                is_same = kept is not None and kept[0] == seen
                found[copy.id] = kept if kept is not None and is_same else (seen, _row(turn, copy, parts, waiting))
            if len(found) == most:
                break
        self._rows = found
        return tuple(row for _, row in found.values())


Part = tuple[ChildOrder, Stamp]
"""An order, and when it was durable and handed over."""


def _asked(turn: Turn) -> dict[int, dict[str, int]]:
    """Units that wait in prompts, by decision and child."""
    found: dict[int, dict[str, int]] = {}
    for prompt in turn.state.prompts.values():
        for item in prompt.items:
            found.setdefault(item.decision, {})[item.child] = item.units
    return found


def _seen(turn: Turn, copy: Copy, parts: Sequence[Part], waiting: Mapping[str, int]) -> object:
    """All that a row is made of and that can change; what only open orders change is looked at for those alone."""
    orders = [(o.state, o.units, o.filled, o.value_inr, o.reason, o.order_id, o.acked_ns, o.done_ns) for o, _ in parts]
    terms = [
        (o.terms.order_type, o.terms.price_inr, o.terms.trigger_inr, o.tries, stamp)
        for o, stamp in parts
        if o.state not in TERMINAL
    ]
    instrument = turn.leg_instrument(turn.state.master.account, copy.leg), leg_title(turn, copy.leg)
    passed = dict(copy.skipped), dict(copy.passed), dict(copy.sized), dict(waiting)
    return orders, terms, passed, copy.signal_ns, copy.master_price_inr, instrument


def _row(turn: Turn, copy: Copy, parts: Sequence[Part], waiting: Mapping[str, int]) -> CopyRow:
    by_child: dict[str, list[Part]] = {}
    for part in parts:
        by_child.setdefault(part[0].account, []).append(part)
    lines = [_line(copy, child, own) for child, own in by_child.items()]
    for child, units in waiting.items():
        if child not in by_child:
            why = _why(copy, child)
            lines.append(CopyLine(child=child, units=units, filled_units=0, status=AWAITS_ANSWER, why=why))
    for child, reason in (copy.passed | copy.skipped).items():
        if child not in by_child and child not in waiting:
            why = _why(copy, child)
            lines.append(CopyLine(child=child, units=0, filled_units=0, status="skipped", reason=reason, why=why))
    instrument = turn.leg_instrument(turn.state.master.account, copy.leg)
    return CopyRow(
        id=copy.id,
        at_ns=copy.at_ns,
        leg=copy.leg,
        title=leg_title(turn, copy.leg),
        side=copy.side,
        entry=copy.entry,
        master_lots=lots(copy.master_units, None if instrument is None else instrument.lot_units)
        if copy.learned_ns or copy.master_units
        else None,
        master_price_inr=copy.master_price_inr,
        lines=tuple(lines),
        done=not waiting and all(order.state in TERMINAL for order, _ in parts),
        traded_ns=_traded_ns(copy) if copy.signal_ns else 0,
        learned_ns=copy.learned_ns,
    )


def _line(copy: Copy, child: str, parts: Sequence[Part]) -> CopyLine:
    orders = [order for order, _ in parts]
    units, filled = _asked_units(orders), sum(o.filled for o in orders)
    value = sum((o.value_inr for o in orders), Decimal(0))
    average = value / filled if filled else None
    slippage = None
    if average is not None and copy.master_price_inr is not None:
        slippage = (average - copy.master_price_inr) * copy.side.sign
    worst = next((o for o in orders if o.state not in TERMINAL), orders[-1])
    done = all(o.state in TERMINAL for o in orders) and filled > 0
    ended_ns = max(o.done_ns for o in orders)
    asked_ns = max(0, min(o.created_ns for o in orders) - copy.at_ns)  # so long the operator was asked
    return CopyLine(
        child=child,
        units=units,
        filled_units=filled,
        status=worst.state.value,
        reason=worst.reason or copy.skipped.get(child, ""),
        average_inr=average,
        latency_ms=max(0, ended_ns - asked_ns - _traded_ns(copy)) // NS_PER_MS if done and copy.signal_ns else None,
        slippage_inr=slippage,
        why=_why(copy, child, orders),
        orders=tuple(_trace(order, stamp) for order, stamp in parts),
    )


def _asked_units(orders: Sequence[ChildOrder]) -> int:
    """Units that orders were to trade together; what a later one sends again of an ended one counts once."""
    units = again = 0
    for index, order in enumerate(orders):
        before = orders[:index]
        ended = [o for o in before if o.state in TERMINAL and o.created_ns < o.done_ns <= order.created_ns]
        twice = min(order.units, sum(o.remaining for o in ended) - again)
        units, again = units + order.units - twice, again + twice
    return units


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


def _why(copy: Copy, child: str, orders: Sequence[ChildOrder] = ()) -> str:
    """How a child's part was found, '' where nothing is known of it, or its orders have another cause, too."""
    sized = copy.sized.get(child)
    if sized is None or not sized.lot_units:
        return ""
    moved = abs(sized.target_units - sized.before_units)
    if not copy.entry and sum(order.filled for order in orders) > moved:
        return ""  # a flatten goes on with the newest exit
    return size_words(sized, entry=copy.entry)


def size_words(sized: Sized, *, entry: bool) -> str:
    """How a child's part was found: `3/10 x 10 lots = 3.00: target 3, it was 0`; '' where no rule applied."""
    his, high, base = (_lots(units, sized) for units in (sized.his_units, sized.high_units, sized.base_units))
    end = f": target {_lots(sized.target_units, sized)}"
    end += f", it was {_lots(sized.before_units, sized)}" if sized.before_units else ""
    part = Fraction(sized.base_units * sized.his_units, max(1, sized.high_units) * sized.lot_units)
    proportion = f"{base} x {his}/{high} = {_two(part)}"
    if not entry:
        up = " rounded up" if sized.target_units > part // 1 * sized.lot_units else ""
        return f"he keeps {his} of {high} lots, {proportion}{up}{end}" if sized.his_units else f"he is out of it{end}"
    of = f"his order of {his} lots" if sized.of_order else f"{his} lots"
    if sized.ratio is None:
        return f"{sized.sizing} for {of}{end}" if sized.sizing else ""
    exact = sized.ratio * sized.his_units / sized.lot_units
    found = f"{sized.ratio} x {of} = {_two(exact)}"
    for_high = sized.ratio * sized.high_units / sized.lot_units // 1
    if sized.base_units == for_high * sized.lot_units:
        return f"{found}{end}"
    if sized.his_units > sized.high_units:  # missed lots are not caught up
        return f"{found}, {for_high} of them for the {high} before{end}"
    return f"he is back at {his} of {high} lots, {proportion}{end}"


def _two(exact: Fraction) -> str:
    """Rounded down, as lots are."""
    return str((Decimal(exact.numerator) / exact.denominator).quantize(Decimal("0.01"), rounding=ROUND_FLOOR))


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
