"""Prompts as a screen shows them: every child's row with its price, charges and margin."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import structs

from engine.core import prompts, reasons
from engine.core.charges import order_charges, segment_of
from engine.core.margin import MarginPosition, order_margin
from engine.core.portfolio import basket_of
from engine.core.resting import asked_units
from engine.core.state import Prompt, PromptItem
from engine.core.terms import most_slippage_inr
from engine.core.turn import Turn
from engine.model import Basket, BasketOrder, split_leg
from engine.snapshot import PromptMargin, PromptRow, PromptView
from engine.view_cells import leg_title, lots

KILL_ALL = 2
"""The level at which exits stop, too."""


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
    rows = [_prompt_row(turn, prompt, item) for item in prompt.items]
    return PromptView(
        id=prompt.id,
        kind=prompt.kind,
        title=title,
        opened_ns=prompt.opened_ns,
        deadline_ns=prompt.deadline_ns,
        at_deadline=_at_deadline(turn, prompt),
        signal_ns=min((item.signal_ns for item in prompt.items), default=None),
        master_lots=None
        if master is None
        else lots(master.units or master.background_units, None if instrument is None else instrument.lot_units),
        master_price_inr=None if master is None else master.price_inr,
        rows=tuple(rows) + _skipped_rows(turn, prompt),
        margins=tuple(_margin(turn, child, items, known) for child, items in _entries(turn, prompt).items()),
    )


def _at_deadline(turn: Turn, prompt: Prompt) -> str:
    """What happens when nobody answers, as things stand now."""
    if prompt.kind != prompts.EXIT:
        return "declined"
    return "sent" if turn.state.kill < KILL_ALL else "stopped by the kill switch"


def _entries(turn: Turn, prompt: Prompt) -> dict[str, list[PromptItem]]:
    """What each child would enter."""
    found: dict[str, list[PromptItem]] = {}
    for item in prompt.items:
        if item.entry and item.units and not _is_void(turn, prompt, item):
            found.setdefault(item.child, []).append(item)
    return found


def _is_void(turn: Turn, prompt: Prompt, item: PromptItem) -> bool:
    """Whether the master has left meanwhile what a child was to enter after him."""
    if not item.entry:
        return False
    if prompt.kind == prompts.ENTRY and asked_units(turn.state.children[item.child].legs[item.leg]):
        return False  # his order rests: he holds nothing of it yet
    master = turn.state.master.legs[item.leg]
    units = (prompt.kind == prompts.ADOPT and master.background_units) or master.units
    return units * item.side.sign <= 0


def _beyond_slippage(turn: Turn, item: PromptItem) -> str:
    """By how much an entry is too far from its reference now: approved, it would be refused. '' when it is not."""
    leg, quote = turn.state.children[item.child].legs[item.leg], turn.quote(item.leg)
    instrument = turn.leg_instrument(item.child, item.leg)
    reference = item.reference_inr or turn.state.master.legs[item.leg].price_inr
    if not item.entry or asked_units(leg) or instrument is None or reference is None or reference <= 0:
        return ""
    price = None if quote is None or quote.is_stale(turn.now_ns) else quote.touch(item.side)
    if price is None:
        return ""
    worse, most = (price - reference) * item.side.sign, most_slippage_inr(turn, item.child, instrument, reference)
    if worse <= most:
        return ""
    return f"slippage {worse * 100 / reference:.1f} %, limit {most * 100 / reference:.1f} %"


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
        for child, reason in (copy.passed | copy.skipped).items():
            if (child, item.leg) not in asked:
                found.append(_base_row(turn, child, item, 0, reason))
    return tuple(found)


def _prompt_row(turn: Turn, prompt: Prompt, item: PromptItem) -> PromptRow:
    if _is_void(turn, prompt, item):
        void = _base_row(turn, item.child, item, 0, reasons.MASTER_IS_OUT)
        return structs.replace(void, void_units=item.units)
    if not item.reason and (beyond := _beyond_slippage(turn, item)):
        return structs.replace(_base_row(turn, item.child, item, item.units, beyond), would_be_refused=True)
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
        price_stale=quote is not None and quote.is_stale(turn.now_ns),
        value_inr=value,
        available_inr=child.available_inr,
        charges_inr=charges,
        ratio=ratio,
        reason=reason,
    )
