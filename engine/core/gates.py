"""The gates before every entry, in a fixed order, each with its reason. A gate that cannot be evaluated fails closed.

Exits pass none of these (their few conditions stand in `engine.core.settle`). A gate answers how many units may go;
what it takes away is missed, never caught up.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from config.schema import Child as ChildSettings
from config.schema import ChildRisk, OnLegBelowLot, Risk, SizingMode
from engine.core import address, breaker, hours, reasons, throttle
from engine.core.baseline import cap_of
from engine.core.filters import child_allows, ist_time
from engine.core.lifecycle import OrderState
from engine.core.plans import by_hand_units
from engine.core.portfolio import lot_units
from engine.core.resting import on_the_way
from engine.core.results import child_pnl
from engine.core.sizing import by_ratio, slice_most, stricter
from engine.core.sizing_rules import MOVING, rule_of_mode
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.terms import most_slippage_inr
from engine.core.turn import Turn, earlier_orders, entry_units_open, held_units, seconds_ns
from engine.model import NS_PER_S, Instrument, Kind, Quote, Side, instrument_of

MINUTE_NS = 60 * NS_PER_S
AHEAD_NS = 10 * NS_PER_S
"""A broker's clock may be ahead of this machine's by so much; more, and nobody knows how old a signal is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that asks to pass."""

    turn: Turn
    child: Child
    settings: ChildSettings
    master: MasterLeg
    leg: ChildLeg
    instrument: Instrument
    side: Side
    signal_ns: int | None
    "When the master's fill happened; `None` after an approval: its age was judged when the prompt opened."
    reference_inr: Decimal | None
    "What slippage is measured against: the master's price, or today's where the operator asked for the entry."
    own_units: int = 0
    "Units of this very entry that are counted as reserved already (a resend)."
    order_type: str = ""
    "Type of the master's order that it rests for; '' for the one that filled last."
    is_ticket: bool = False
    "The operator adds these lots by hand: they are no part of what the margin was enough for."
    backing_units: int = 0
    "For an entry that rests: what the master would add if all that rests of his filled."

    @property
    def committed_units(self) -> int:
        """Allocation plus reserved in this leg, without what waits in a prompt: this entry takes its place."""
        return held_units(self.leg) + entry_units_open(self.turn, self.leg) - self.own_units

    @property
    def instrument_units(self) -> int:
        """The same of the instrument, in whatever product."""
        others = (leg for leg in self.child.legs.values() if leg is not self.leg and self._is_of_it(leg))
        return self.committed_units + sum(_taken_units(self.turn, leg) for leg in others)

    def _is_of_it(self, leg: ChildLeg) -> bool:
        return instrument_of(leg.leg) == self.instrument.id

    @property
    def quote(self) -> Quote | None:
        """The newest quote, stale or not."""
        return self.turn.quote(self.leg.leg)

    @property
    def price_inr(self) -> Decimal | None:
        """What the copy would pay or get now."""
        quote = self.quote
        return None if quote is None else quote.touch(self.side)


Verdict = tuple[int, str]
"""Units that may go, and the reason when it is fewer than asked for."""
Gate = Callable[[Entry, int], Verdict]
Bound = int | Decimal


def check(entry: Entry, units: int, gates: Sequence[Gate] | None = None) -> Verdict:
    """Pass an entry of `units` through every gate (or those given).

    Returns:
        (units that may go in whole lots, reason of the gate that took most away, '' when all may go).
    """
    allowed, reason = units, ""
    for gate in GATES if gates is None else gates:
        passed, why = gate(entry, allowed)
        passed = passed // entry.instrument.lot_units * entry.instrument.lot_units
        if passed < allowed:
            allowed, reason = max(0, passed), why
        if allowed == 0:
            break
    return allowed, reason


def _operator(entry: Entry, units: int) -> Verdict:
    state = entry.turn.state
    if state.kill >= 1:
        return 0, reasons.KILLED
    if state.paused:
        return 0, reasons.PAUSED
    return units, ""


def _child(entry: Entry, units: int) -> Verdict:
    child = entry.child
    scope = entry.turn.scope_of(entry.leg.leg)
    if stopped := child.stopped.get(scope):
        return 0, stopped
    if child.needs_login:
        return 0, reasons.LOGIN_REQUIRED
    if not child.synced:
        return 0, reasons.NOT_READ
    if address.refuses(entry.turn, child):
        return 0, reasons.IP_REFUSED
    if entry.turn.is_loss_hit(child):
        return 0, reasons.DAILY_LOSS
    return (0, reasons.DAILY_LOSS_UNKNOWN) if _loss_is_unknown(entry) else (units, "")


def _loss_is_unknown(entry: Entry) -> bool:
    """Whether a daily loss limit is set that cannot be evaluated: no charge rates, or a price is missing."""
    turn = entry.turn
    if turn.settings.risk.max_daily_loss_inr is not None:
        judged = list(turn.state.children.values())
    elif entry.settings.risk.max_daily_loss_inr is not None:
        judged = [entry.child]
    else:
        return False
    return turn.state.charges is None or any(child_pnl(turn, child) is None for child in judged)


def _filter(entry: Entry, units: int) -> Verdict:
    if entry.leg.allocation_units:
        return units, ""
    kind = entry.instrument.kind
    allowed = child_allows(
        entry.settings.filters,
        entry.leg.leg,
        kind,
        entry.side,
        entry.order_type or entry.master.order_type,
        entry.turn.now_ns,
    )
    return (units, "") if allowed else (0, reasons.FILTERED)


def _market(entry: Entry, units: int) -> Verdict:
    if not hours.is_covered(entry.turn.state):
        return 0, reasons.NO_CALENDAR
    if not entry.turn.market_open:
        return 0, reasons.MARKET_CLOSED
    why = why_not_now(entry.turn, entry.settings, entry.leg, entry.instrument)
    return (0, why) if why else (units, "")


def why_not_now(turn: Turn, settings: ChildSettings, leg: ChildLeg, instrument: Instrument) -> str:
    """Why the hour allows a child no entry in an instrument although the market is open, '' when it does."""
    if hours.is_near_square_off(turn, leg.leg):
        return reasons.SQUARE_OFF
    expiry, today = instrument.expiry, turn.state.day
    if expiry is None or expiry > today:
        return ""
    is_over = expiry < today or ist_time(turn.now_ns) >= expiry_cutoff(turn, settings)
    return reasons.EXPIRY_CUTOFF if is_over else ""


def expiry_cutoff(turn: Turn, settings: ChildSettings) -> str:
    """From when on a child enters nothing in an expiring contract (IST): the earlier of the two."""
    return stricter(turn.settings.risk.expiry_cutoff, settings.risk.expiry_cutoff)


def _signal(entry: Entry, units: int) -> Verdict:
    most_ns = seconds_ns(entry.turn.settings.timing.max_signal_age_s)
    if entry.signal_ns is not None and entry.turn.now_ns - entry.signal_ns > most_ns:
        return 0, reasons.STALE_SIGNAL
    if entry.signal_ns is not None and entry.signal_ns - entry.turn.now_ns > AHEAD_NS:
        return 0, reasons.CLOCK_BEHIND
    if entry.signal_ns is not None and entry.signal_ns < entry.turn.state.joined_ns:
        return 0, reasons.BEFORE_START
    return units, ""


def _carried(entry: Entry, units: int) -> Verdict:
    """Nothing is added to a leg whose contract changed over night or whose orders of yesterday are not resolved."""
    if entry.leg.changed:
        return 0, entry.leg.changed
    if entry.turn.leg_instrument(entry.child.id, entry.leg.leg) is None:
        return 0, entry.turn.why_unknown(entry.child.id, entry.leg.leg)
    return (0, reasons.EARLIER_DAY) if earlier_orders(entry.turn, entry.leg) else (units, "")


def _quote(entry: Entry, units: int) -> Verdict:
    quote = entry.quote
    if quote is None:
        return 0, reasons.NO_QUOTE
    if quote.is_stale(entry.turn.now_ns):
        return 0, reasons.STALE_QUOTE
    price = entry.price_inr
    return (0, reasons.NO_QUOTE) if price is None or price <= 0 else (units, "")


def _price(entry: Entry, units: int) -> Verdict:
    reference, price = entry.reference_inr, entry.price_inr
    if reference is None or price is None or reference <= 0:
        return 0, reasons.SLIPPAGE
    away = abs(price - reference) * 100
    band = strictest(_limits(entry), lambda risk: risk.price_band_pct)
    if band is not None and away > band * reference:
        return 0, reasons.PRICE_BAND
    worse = (price - reference) * entry.side.sign
    most = most_slippage_inr(entry.turn, entry.child.id, entry.instrument, reference)
    return (0, reasons.SLIPPAGE) if worse > most else (units, "")


def _own_position(entry: Entry, units: int) -> Verdict:
    external = entry.child.external.get(entry.leg.leg, 0)
    return (0, reasons.OWN_POSITION) if external * entry.side.sign < 0 else (units, "")


def capital_units(turn: Turn, child: Child, leg: ChildLeg, instrument: Instrument, master_units: int) -> int | None:
    """What a child's capital cap allows of a leg in which the master has so many units; `None` for no bound.

    Its share of what the master had at the start, nothing where that is not known; a raised cap lets no frozen ratio
    grow. Sizes that are taken from the child's capital at each moment have the cap in them.
    """
    strategy, mode = turn.strategy(turn.scope_of(leg.leg)), turn.child_settings[child.id].sizing.mode
    cap, baseline = cap_of(turn, child.id), strategy.baseline
    if cap is None or mode in MOVING:
        return None
    if baseline is None or baseline.master_inr is None or baseline.master_inr <= 0:
        return by_hand_units(turn, child, leg)
    bound = Fraction(max(Decimal(0), cap)) / Fraction(baseline.master_inr)
    if mode is SizingMode.FROZEN_RATIO:
        bound = min(bound, strategy.ratios.get(child.id, bound))
    return by_ratio(bound, instrument.lot_units)(master_units) * instrument.lot_units + by_hand_units(turn, child, leg)


def _capital(entry: Entry, units: int) -> Verdict:
    """A cap lowered while the strategy runs binds its entries at once; a raised one only the next ratio."""
    master_units = abs(entry.master.units) + entry.backing_units
    most = capital_units(entry.turn, entry.child, entry.leg, entry.instrument, master_units)
    return (units, "") if most is None else _up_to(entry, units, most, reasons.MAX_CAPITAL)


def _in_proportion(entry: Entry, units: int) -> Verdict:
    """Where the margin was not enough for all lots of one leg, the others get no more than the same share."""
    scope = entry.turn.scope_of(entry.leg.leg)
    share = entry.turn.strategy(scope).afforded.get(entry.child.id)
    rule, _ = rule_of_mode(entry.turn, entry.child, entry.master, entry.instrument)
    if share is None or rule.lots_for is None or entry.is_ticket:
        return units, ""
    if entry.settings.sizing.mode in MOVING:  # what was decided is decided, whatever it would be by now
        decided_units = entry.leg.target_units + entry.leg.missed_units
        lots = decided_units // entry.instrument.lot_units + rule.added_lots(0, entry.backing_units)
    else:
        lots = rule.lots_for(abs(entry.master.units) + entry.backing_units)
    by_hand = by_hand_units(entry.turn, entry.child, entry.leg)
    return _up_to(entry, units, int(share * lots) * entry.instrument.lot_units + by_hand, reasons.SHORT_MARGIN)


def _up_to(entry: Entry, units: int, most: int, reason: str) -> Verdict:
    """What may go so that the leg comes to `most` units."""
    on_its_way = held_units(entry.leg) + on_the_way(entry.turn, entry.leg) - entry.own_units
    room = most - (entry.committed_units if entry.backing_units else on_its_way)
    return (units, "") if room >= units else (max(0, room), reason)


def _lots(entry: Entry, units: int) -> Verdict:
    lot = entry.instrument.lot_units
    used = entry.instrument_units // lot
    open_lots = _open_lots(entry) if any(risk.max_open_lots is not None for risk in _limits(entry)) else 0
    rooms = [
        (None if most is None else (most - taken) * lot, why)
        for risk in _limits(entry)
        for most, taken, why in (
            (risk.max_lots_per_order, 0, reasons.MAX_LOTS_PER_ORDER),
            (risk.max_lots_per_instrument, used, reasons.MAX_LOTS_PER_INSTRUMENT),
            (risk.max_open_lots, open_lots, reasons.MAX_OPEN_LOTS),
        )
    ]
    return _least(units, rooms)


def _least(units: int, rooms: Iterable[tuple[int | None, str]]) -> Verdict:
    """What the strongest of several bounds lets pass, and its reason: an entry has to pass them all."""
    allowed, reason = units, ""
    for room, why in rooms:
        if room is not None and room < allowed:
            allowed, reason = max(0, room), why
    return allowed, reason


def _open_lots(entry: Entry) -> int:
    """Lots of all legs; of a lot that is not known every unit counts as one, so that the gate fails closed."""
    total = 0
    for leg in entry.child.legs.values():
        again = entry.own_units + leg.awaiting_units if leg is entry.leg else 0
        total += (_taken_units(entry.turn, leg) - again) // lot_units(entry.turn, entry.child, leg.leg)
    return total


def _taken_units(turn: Turn, leg: ChildLeg) -> int:
    """Units of a leg that take room: held, on their way, and asked about."""
    return abs(leg.allocation_units) + entry_units_open(turn, leg) + leg.awaiting_units


def _position_value(entry: Entry, units: int) -> Verdict:
    most_pct = strictest(_limits(entry), lambda risk: risk.max_position_pct)
    if most_pct is None:
        return units, ""
    capital, price = entry.child.available_inr, entry.price_inr
    if capital is None or price is None or capital <= 0:
        return 0, reasons.MAX_POSITION
    most_units = int(capital * most_pct / 100 / price) - entry.instrument_units
    return (units, "") if most_units >= units else (max(0, most_units), reasons.MAX_POSITION)


def _lone_leg(entry: Entry, units: int) -> Verdict:
    stopped = is_lone_leg(entry.turn, entry.child, entry.leg, entry.side)
    return (0, reasons.LONE_LEG) if stopped else (units, "")


def is_lone_leg(turn: Turn, child: Child, leg: ChildLeg, side: Side) -> bool:
    """No further short options or futures while the child lacks lots of another leg that the master holds.

    Asked when an entry is decided, and again when it is sent: meanwhile the other leg may have been refused.
    """
    instrument = turn.leg_instrument(child.id, leg.leg)
    if side is Side.BUY and (instrument is None or instrument.kind is not Kind.FUTURE):
        return False
    scope = turn.scope_of(leg.leg)
    return any(
        master.leg != leg.leg and master.scope == scope and _is_missing(turn, child, master)
        for master in turn.state.master.legs.values()
    )


def _is_missing(turn: Turn, child: Child, master: MasterLeg) -> bool:
    """Whether a child lacks lots of a leg that the master holds, or is about to hold by an order that rests."""
    own = child.legs.get(master.leg)
    return (master.units != 0 or (own is not None and bool(own.mirrors))) and lacks(turn, own)


def lacks(turn: Turn, leg: ChildLeg | None) -> bool:
    """Whether a leg that the master holds is missing at the child, wholly or in part."""
    if leg is None:
        return False
    if leg.lacking or any(turn.state.orders[tag].state is OrderState.HELD for tag in leg.orders):
        return True
    if leg.skipped == reasons.BELOW_ONE_LOT and not leg.target_units:
        return turn.settings.risk.on_leg_below_lot is OnLegBelowLot.HOLD
    return any(
        mirror.entry and mirror.missed_units > mirror.told_units and mirror.reason != reasons.SHORT_MARGIN
        for mirror in leg.mirrors.values()
    )


def _rate(entry: Entry, units: int) -> Verdict:
    child = entry.child
    since = entry.turn.now_ns - MINUTE_NS
    while child.entry_times_ns and child.entry_times_ns[0] <= since:
        child.entry_times_ns.pop(0)
    slice_units = slice_most(entry.instrument) or units
    rooms = [
        (None if most is None else max(0, most - used) * slice_units, why)
        for risk in _limits(entry)
        for most, used, why in (
            (risk.max_orders_per_minute, len(child.entry_times_ns), reasons.ORDERS_PER_MINUTE),
            (risk.max_orders_per_day, child.entries_today, reasons.ORDERS_PER_DAY),
        )
    ]
    return _least(units, rooms)


def _budget(entry: Entry, units: int) -> Verdict:
    """A part of the orders that the broker takes on a day is kept for exits."""
    left = throttle.entry_budget(entry.turn, entry.child)
    slice_units = slice_most(entry.instrument) or units
    return (units, "") if left is None or units <= left * slice_units else (left * slice_units, reasons.DAILY_BUDGET)


def _broker(entry: Entry, units: int) -> Verdict:
    """A broker that fails again and again gets no entries; later one goes alone, and the others wait for its end."""
    return (0, reasons.BROKER_FAILING) if breaker.blocks(entry.child) else (units, "")


def _limits(entry: Entry) -> tuple[Risk, ChildRisk]:
    """The global limits and the child's own: an order has to pass both."""
    return entry.turn.settings.risk, entry.settings.risk


def strictest(risks: Iterable[Risk | ChildRisk], of: Callable[[Risk | ChildRisk], Bound | None]) -> Bound | None:
    """The smallest of the global bound and the child's own, `None` where there is neither."""
    return min((bound for risk in risks if (bound := of(risk)) is not None), default=None)


GATES: tuple[Gate, ...] = (
    _operator,
    _signal,
    _child,
    _filter,
    _market,
    _carried,
    _quote,
    _price,
    _own_position,
    _capital,
    _in_proportion,
    _lots,
    _position_value,
    _lone_leg,
    _rate,
    _budget,
    _broker,
)
"""The order in which an entry is asked."""
RESTING = tuple(gate for gate in GATES if gate is not _price)
"""An entry that rests at the master's price: how far the market is from it says nothing."""
AT_RESEND = tuple(gate for gate in GATES if gate not in (_rate, _budget, _broker))
"""A resend was counted in the order rate at its first decision; budget and broker are asked at each sending."""
RESTING_AGAIN = tuple(gate for gate in AT_RESEND if gate is not _price)
"""The same of an entry that rests."""
