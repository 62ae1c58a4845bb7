"""A child's sizing at this moment, by its mode, and why it takes no entries where it does not."""

from fractions import Fraction

from config.schema import SizingMode
from engine.core import reasons
from engine.core.baseline import cap_of, most_ratio
from engine.core.margin import MarginPosition, portfolio_margin
from engine.core.sizing import SizingRule, affordable_lots, by_lots, by_ratio, capped_ratio
from engine.core.state_child import Child
from engine.core.state_master import MasterLeg
from engine.core.turn import Turn
from engine.model import Instrument, LegId, Side, sign

NO_ENTRIES = SizingRule(lots_for=None)
MOVING = frozenset({SizingMode.LIVE_RATIO, SizingMode.RISK_PCT})
"""Modes whose measure changes all the time."""
BY_RATIO = frozenset({SizingMode.FROZEN_RATIO, SizingMode.FIXED_RATIO})
"""Modes that tell what a child should have by what the master holds, whatever happened before."""


def sizing_rule(
    turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, side: Side | None = None
) -> tuple[SizingRule, str]:
    """A child's sizing at this moment, and why it takes no entries ('' when it does).

    `side`: of an entry in a leg that the master does not hold yet, `None` for the side on which he is.
    """
    if child.id not in turn.child_settings:
        return NO_ENTRIES, reasons.NOT_CONFIGURED
    strategy = turn.strategy(master.scope)
    if left_out := strategy.left_out.get(child.id):
        return NO_ENTRIES, left_out
    if strategy.exit_only:
        return NO_ENTRIES, reasons.RESET
    return rule_of_mode(turn, child, master, instrument, side)


def rule_of_mode(
    turn: Turn, child: Child, master: MasterLeg, instrument: Instrument, side: Side | None = None
) -> tuple[SizingRule, str]:
    """What a child's sizing mode gives at this moment, whether it takes part or not."""
    sizing = turn.child_settings[child.id].sizing
    lot = instrument.lot_units
    if sizing.mode is SizingMode.FIXED_LOTS and sizing.lots is not None:
        return SizingRule(lots_for=by_lots(sizing.lots), re_enters=False, words=f"{sizing.lots} lots"), ""
    if sizing.mode is SizingMode.RISK_PCT:
        his = sign(master.units or master.background_units)
        return _risk_rule(turn, child, master.leg, instrument, side or (Side.SELL if his < 0 else Side.BUY))
    if sizing.mode is SizingMode.LIVE_RATIO:
        ratio = live_ratio(turn, child)
        if ratio is None:
            return NO_ENTRIES, reasons.NO_MARGIN_NOW
        return SizingRule(lots_for=by_ratio(ratio, lot), ratio=ratio), ""
    frozen = turn.strategy(master.scope).ratios.get(child.id)
    if frozen is None:
        return NO_ENTRIES, reasons.NEXT_STRATEGY
    return SizingRule(lots_for=by_ratio(frozen, lot), ratio=frozen), ""


def live_ratio(turn: Turn, child: Child) -> Fraction | None:
    """The ratio of this moment, `None` when a margin is missing or not positive."""
    master = turn.state.master.available_inr
    cap = cap_of(turn, child.id)
    available = child.available_inr
    if master is None or master <= 0 or available is None or available <= 0 or (cap is not None and cap <= 0):
        return None
    return capped_ratio(available, cap, master, most_ratio(turn, child.id))


def _risk_rule(turn: Turn, child: Child, leg: LegId, instrument: Instrument, side: Side) -> tuple[SizingRule, str]:
    pct = turn.child_settings[child.id].sizing.pct
    cap = cap_of(turn, child.id)
    available = child.available_inr
    if pct is None or available is None or available <= 0:
        return NO_ENTRIES, reasons.NO_MARGIN_NOW
    capital = available if cap is None else min(available, cap)
    quote = turn.quote(leg)
    price = None if quote is None else quote.touch(side)
    if price is None or price <= 0:
        return NO_ENTRIES, reasons.NO_PRICE_FOR_RISK
    cost = price * instrument.lot_units
    if side is Side.SELL or not instrument.is_option:
        one = MarginPosition(instrument=instrument, units=side.sign * instrument.lot_units, price_inr=price)
        cost = portfolio_margin([one], {})
    if cost <= 0:
        return NO_ENTRIES, reasons.NO_PRICE_FOR_RISK
    his_lots = by_ratio(Fraction(1), instrument.lot_units)
    most = affordable_lots(capital * pct / 100, cost)
    return SizingRule(lots_for=his_lots, most_lots=most, words=f"{pct} % at risk"), ""
