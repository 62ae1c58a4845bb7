"""Margin before entry: what a child's money allows of the entries that are about to be sent.

Everything of a child that waits to be sent is judged together, hedges included, on top of what it has, when the first
of it would go. The broker is asked unless the estimate leaves no doubt; where it cannot be asked, or does not answer,
the estimate of `engine.core.margin` counts. What cannot be afforded is taken off all legs alike, and later legs of the
strategy stay in proportion (`engine.core.gates`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from config.schema import OnShortMargin
from engine.commands import AskMargin
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.orders import change_state, note_skipped, want_unwound
from engine.core.places import trades_live
from engine.core.plans import by_hand_units, note_missed
from engine.core.portfolio import Book, Units, basket_of, lot_units, positions_of, units_of
from engine.core.resting import rests
from engine.core.state_child import Child, ChildLeg, ChildOrder, MarginAsk
from engine.core.turn import WARNING, Turn, entry_units_open, held_units, seconds_ns
from engine.events import MarginTold
from engine.model import NS_PER_S, BasketOrder, LegId, instrument_of, sign
from engine.money import rupees

ASK_MOST_NS = 2 * NS_PER_S
"""How long entries wait for the broker's answer."""
LOST_NS = 20 * NS_PER_S
"""A question that nobody answered for so long is asked again."""
UNKNOWN_MOST_NS = 5 * NS_PER_S
"""How long entries wait for a figure or a price that is missing or old."""
BEYOND_DOUBT = 2
"""Where so many times the estimate is available nobody is asked: the entries need not wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What may go of the entries that wait, and by what figures."""

    units: Units
    "By leg, in whole lots, signed."
    share: Fraction
    "Of what waits, before it was rounded to lots."
    needed_inr: Decimal
    "By all that waits, beyond what the account has blocked."
    available_inr: Decimal
    is_brokers: bool
    "The figure is the broker's, not an estimate."


def is_judged(turn: Turn, child: Child, order: ChildOrder) -> bool:
    """Have an entry judged with all that waits beside it, and take off what cannot be afforded.

    Returns:
        Whether it was judged; false while the broker is asked, or a figure is missing. The order may be smaller by now,
        or withdrawn.
    """
    if order.afforded or not counts(turn, child):
        return True
    waiting = [
        other
        for leg in child.legs.values()
        for other in turn.open_orders(leg)
        if other.entry and other.state is OrderState.QUEUED and not other.afforded
    ]
    if why := _unknown(turn, child, waiting):
        overdue = [other for other in waiting if not _is_new(turn, other)]
        _take_off(turn, child, overdue, {}, Fraction(0), why)
        return order in overdue
    found = _judge(turn, child, waiting)
    if found is None:
        return False
    child.margin_wait_ns = 0
    if sum(map(abs, found.units.values())) < sum(other.remaining for other in waiting):
        _tell_short(turn, child, waiting, found)
    _take_off(turn, child, waiting, found.units, found.share, reasons.SHORT_MARGIN)
    return True


def _is_new(turn: Turn, order: ChildOrder) -> bool:
    """Whether an entry may still wait for a figure or a price."""
    return turn.now_ns < max(order.created_ns, turn.state.started_ns) + UNKNOWN_MOST_NS


def _tell_short(turn: Turn, child: Child, waiting: Sequence[ChildOrder], found: Judgement) -> None:
    wanted = sum(order.remaining // lot_units(turn, child, order.leg) for order in waiting)
    had = sum(abs(units) // lot_units(turn, child, leg) for leg, units in found.units.items())
    legs = len({order.leg for order in waiting})
    whose = "the broker says" if found.is_brokers else "by our estimate"
    figures = f"{rupees(found.needed_inr)} are needed ({whose}), {rupees(found.available_inr)} available"
    lots = f"{had or 'none'} of {wanted} lots{f' in {legs} legs' if legs > 1 else ''}"
    turn.notify(WARNING, f"the margin is enough for {lots}: {figures}", child.id)


def is_unjudged(turn: Turn, child: Child, order: ChildOrder) -> bool:
    """Whether an entry waits for a word about its margin: no exit waits for it meanwhile."""
    return order.entry and order.state is OrderState.QUEUED and not order.afforded and counts(turn, child)


def take_answer(turn: Turn, event: MarginTold) -> None:
    """The broker answered, or could not be asked."""
    child = turn.state.children.get(event.account)
    if child is not None and child.margin_ask is not None and child.margin_ask.basket == event.basket:
        child.margin_ask.is_answered = True
        if event.needed_inr is not None and event.needed_inr.is_finite():
            child.margin_ask.needed_inr = event.needed_inr


def counts(turn: Turn, child: Child) -> bool:
    """Whether margin is blocked for a child's orders: at a broker always, on paper by `paper: {margins}`."""
    settings = turn.child_settings.get(child.id)
    return settings is not None and (turn.settings.paper.margins or trades_live(settings, turn.state.mode))


def _unknown(turn: Turn, child: Child, waiting: Sequence[ChildOrder]) -> str:
    """Why the margin cannot be judged, '' when it can."""
    old_ns = turn.now_ns - seconds_ns(turn.settings.timing.margin_stale_s)
    if child.available_inr is None or child.available_began_ns < old_ns:
        return reasons.MARGIN_UNKNOWN
    priced = {position.instrument.id for position in positions_of(turn, child, units_of(waiting))}
    return reasons.MARGIN_UNKNOWN if len(priced) < len({instrument_of(order.leg) for order in waiting}) else ""


def _judge(turn: Turn, child: Child, waiting: Sequence[ChildOrder]) -> Judgement | None:
    """What is affordable of what waits; `None` while the broker is asked, or his figure is from before a release."""
    available = child.available_inr or Decimal(0)
    wanted = units_of(waiting)
    book = Book(turn, child)
    is_before_release = child.available_began_ns <= child.released_ns
    if book.needed(wanted) > available and is_before_release and any(_is_new(turn, order) for order in waiting):
        return None
    told = None
    if book.needed(wanted) * BEYOND_DOUBT > available and trades_live(turn.child_settings[child.id], turn.state.mode):
        ask = _asked(turn, child, waiting)
        if ask is None:
            return None
        told = ask.needed_inr

    def need(units: Units) -> Decimal:
        return book.needed(units) if told is None else book.needed({}) + told * book.part(units, wanted)

    needed, units, share = need(wanted), wanted, Fraction(1)
    if needed > available:
        units, share = {}, Fraction(0)
        if turn.settings.risk.on_short_margin is OnShortMargin.REDUCE:
            units, share = _largest(turn, child, wanted, lambda fewer: need(fewer) <= available)
    return Judgement(units=units, share=share, needed_inr=needed, available_inr=available, is_brokers=told is not None)


def _largest(turn: Turn, child: Child, wanted: Units, fits: Callable[[Units], bool]) -> tuple[Units, Fraction]:
    """The largest share of all legs that fits, in whole lots; what needs more with fewer lots is not looked for."""
    lots = {leg: lot_units(turn, child, leg) for leg in wanted}
    steps = max(abs(units) // lots[leg] for leg, units in wanted.items())

    def part(step: int) -> Units:
        return {
            leg: sign(units) * (abs(units) // lots[leg] * step // steps) * lots[leg] for leg, units in wanted.items()
        }

    least, most = 0, steps
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if fits(part(middle)) else (least, middle)
    return part(least), Fraction(least, steps)


def _asked(turn: Turn, child: Child, waiting: Sequence[ChildOrder]) -> MarginAsk | None:
    """The broker's answer about what waits (or that there is none); `None` while it is waited for.

    One question at a time, and all waiting together is bounded, however the basket changes meanwhile.
    """
    basket = basket_of(child, (BasketOrder(leg=o.leg, side=o.side, units=o.remaining) for o in waiting))
    ask, now_ns = child.margin_ask, turn.now_ns
    if child.margin_wait_ns < min(order.created_ns for order in waiting):
        child.margin_wait_ns = now_ns  # what waited before is gone, and an answer about it is old
    if ask is not None and ask.is_answered and ask.basket == basket and ask.asked_ns >= child.margin_wait_ns:
        return ask
    is_silent = ask is not None and not ask.is_answered and now_ns >= ask.asked_ns + ASK_MOST_NS
    if now_ns >= child.margin_wait_ns + ASK_MOST_NS or (is_silent and ask is not None and not _is_lost(turn, ask)):
        return MarginAsk(basket=basket, asked_ns=now_ns)
    if ask is None or ask.is_answered or _is_lost(turn, ask):
        child.margin_ask = MarginAsk(basket=basket, asked_ns=now_ns)
        turn.out.append(AskMargin(account=child.id, basket=basket))
    turn.timer(f"margin:{child.id}", child.margin_wait_ns + ASK_MOST_NS)
    return None


def _is_lost(turn: Turn, ask: MarginAsk) -> bool:
    """Whether nobody will answer any more (a lane answers within its own time-outs)."""
    return turn.now_ns >= ask.asked_ns + LOST_NS


def _take_off(
    turn: Turn, child: Child, waiting: Sequence[ChildOrder], allowed: Units, share: Fraction, reason: str
) -> None:
    """Take what cannot be afforded off the entries that wait; what is left of each leg is noted for later ones."""
    by_leg: dict[LegId, list[ChildOrder]] = {}
    for order in waiting:
        order.afforded = True
        order.wait_until_ns = max(order.wait_until_ns, turn.now_ns + seconds_ns(turn.settings.risk.leg_wait_s))
        by_leg.setdefault(order.leg, []).append(order)
    shares: dict[str, Fraction] = {}
    for leg_id, orders in by_leg.items():
        asked = sum(order.remaining for order in orders)
        off = asked - abs(allowed.get(leg_id, 0))
        if off <= 0:
            continue
        leg, scope = child.legs[leg_id], turn.scope_of(leg_id)
        by_hand = by_hand_units(turn, child, leg)  # go first, and later legs are not smaller for them
        own = held_units(leg) + entry_units_open(turn, leg) - by_hand
        short = max(Fraction(0), asked - share * asked - by_hand)
        _take_off_leg(turn, child, leg, orders, off, reason)
        if own > 0 and short:
            left = (own - short) / own
            shares[scope] = min(shares.get(scope, left), left)
    for scope, left in shares.items():
        if left > 0 and reason == reasons.SHORT_MARGIN:
            afforded = turn.strategy(scope).afforded
            afforded[child.id] = afforded.get(child.id, Fraction(1)) * left


def _take_off_leg(
    turn: Turn, child: Child, leg: ChildLeg, orders: Sequence[ChildOrder], units: int, reason: str
) -> None:
    """Take units off a leg's orders, newest first; a leg of which nothing is left is missing."""
    is_by_hand = units <= by_hand_units(turn, child, leg)
    note_skipped(turn, orders[0].decision, child.id, reason)
    for order in reversed(orders):
        off = min(units, order.remaining)
        units -= off
        if off == order.remaining:
            change_state(turn, order, OrderState.WITHDRAWN, reason)
        else:
            order.units -= off
            if rests(order):
                mirror = leg.mirrors[order.mirrors]
                mirror.missed_units, mirror.reason = mirror.missed_units + off, reason
    note_missed(turn, child, leg, reason)
    if is_by_hand:
        return
    leg.skipped = reason
    turn.skip(child, leg.leg, reason)
    if held_units(leg) + entry_units_open(turn, leg) <= 0:
        leg.lacking = True
        if reason == reasons.SHORT_MARGIN:
            want_unwound(turn, child, leg.leg, reason)
