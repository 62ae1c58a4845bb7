"""Legs whose instrument changed over night: frozen until the operator maps or flattens them, then moved as one.

The state keeps units; what a lot, a strike or an expiry was on the day before is kept beside them. It must not send
anything and must not guess: units are scaled only where the broker's own position says exactly that.
"""

from fractions import Fraction

from engine.core import prompts
from engine.core.lifecycle import OrderState
from engine.core.orders import change_state, give_up
from engine.core.settle import settle
from engine.core.state_child import Child, ChildLeg
from engine.core.state_master import MasterLeg
from engine.core.turn import ALARM, INFO, WARNING, Turn, net_units
from engine.model import Instrument, InstrumentId, LegId, instrument_id, instrument_of, leg_id, sign, split_leg

CONVERTED = "converted by hand"
MISSING = "missing from today's instrument file"


def remember(turn: Turn) -> None:
    """Keep what every leg that is carried on is today; called before the file of the next day replaces this one."""
    for leg in turn.state.master.legs.values():
        if not leg.changed:
            leg.listed = turn.leg_instrument(turn.state.master.account, leg.leg) or leg.listed
    for child in turn.state.children.values():
        for own in child.legs.values():
            if not own.changed and (own.allocation_units or own.orders):
                own.listed = turn.leg_instrument(child.id, own.leg) or own.listed


def check(turn: Turn, account: str) -> None:
    """A file of the day was loaded (`account` "": everybody's): freeze the legs that it knows differently."""
    state = turn.state
    if account in ("", state.master.account):
        for leg in state.master.legs.values():
            if leg.units:
                today = turn.leg_instrument(state.master.account, leg.leg)
                _freeze_master(turn, leg, difference(leg.listed, today))
    for child in turn.configured():
        if account not in ("", child.id):
            continue
        for own in child.legs.values():
            if (own.allocation_units or own.orders) and not own.changed.startswith(CONVERTED):
                _freeze(turn, child, own, difference(own.listed, turn.leg_instrument(child.id, own.leg)))


def difference(listed: Instrument | None, today: Instrument | None) -> str:
    """How an instrument changed over night, '' when it did not (or when nothing is known of the day before)."""
    if today is None:
        return f"changed over night: {MISSING}"
    if listed is None:
        return ""
    parts = (
        ("lot", listed.lot_units, today.lot_units),
        ("strike", listed.strike_inr, today.strike_inr),
        ("expiry", listed.expiry, today.expiry),
    )
    changes = [f"{name} {old} -> {new}" for name, old, new in parts if old != new]
    return f"changed over night: {', '.join(changes)}" if changes else ""


def terms(turn: Turn, child: Child, leg: ChildLeg) -> Instrument | None:
    """What a leg is reckoned in: today's instrument; while it is frozen or not loaded, the one of the day before."""
    today = turn.leg_instrument(child.id, leg.leg)
    return leg.listed if (leg.changed or today is None) and leg.listed is not None else today


def note_converted(turn: Turn, child: Child, leg: ChildLeg, net: int) -> bool:
    """Whether the lots that a leg lost stand in another product of its instrument: then they are not called closed.

    They are ours still and would be nobody's: the leg is frozen, in alarm, until its owner converts back or closes
    them there and flattens it here.
    """
    side = sign(leg.allocation_units)
    gone = abs(leg.allocation_units) - max(0, net * side)
    for other, units in child.external.items():
        if instrument_of(other) == instrument_of(leg.leg) and other != leg.leg and units * side >= gone:
            product = split_leg(other)[2]
            leg.changed = f"{CONVERTED} to {product}: close it there and flatten it here, or convert it back"
            turn.notify(ALARM, f"{gone} units were {leg.changed}", child.id, split_leg(leg.leg)[1])
            return True
    return False


def note_converted_back(turn: Turn, child: Child, leg: ChildLeg) -> None:
    """The broker lists all of a converted leg under its own product again: it is followed as before."""
    if leg.changed.startswith(CONVERTED):
        side = sign(leg.allocation_units)
        if net_units(child, leg.leg) * side >= abs(leg.allocation_units):
            leg.changed, leg.suspicion = "", None
            turn.notify(INFO, "converted back: followed as before", child.id, split_leg(leg.leg)[1])


def changed_of(turn: Turn, leg: LegId) -> str:
    """How a leg changed over night for the master or for any child that holds it, '' when it did not."""
    master = turn.state.master.legs.get(leg)
    if master is not None and master.units and master.changed:
        return master.changed
    own = (child.legs[leg] for child in turn.state.children.values() if leg in child.legs)
    return next((found.changed for found in own if found.changed and (found.allocation_units or found.orders)), "")


def _freeze(turn: Turn, child: Child, leg: ChildLeg, text: str) -> None:
    if text == leg.changed:
        return
    leg.changed = text
    symbol = split_leg(leg.leg)[1]
    if not text:
        turn.notify(INFO, "the instrument is as it was", child.id, symbol)
        return
    turn.notify(ALARM, f"{text}; nothing of it is sent until it is mapped or flattened", child.id, symbol)
    for order in [o for o in turn.open_orders(leg) if o.state is OrderState.QUEUED]:
        if order.entry:
            give_up(turn, child, leg, order, text)
        else:
            change_state(turn, order, OrderState.WITHDRAWN, text)
    settle(turn, child, leg)


def _freeze_master(turn: Turn, leg: MasterLeg, text: str) -> None:
    if text and text != leg.changed:
        turn.notify(ALARM, f"{text}; the operator must map it", turn.state.master.account, split_leg(leg.leg)[1])
    leg.changed = text


def map_leg(turn: Turn, leg: LegId, symbol: str) -> None:
    """The operator says which symbol a changed leg is today; its own symbol accepts the new terms."""
    exchange, old_symbol, product = split_leg(leg)
    new = leg_id(exchange, symbol, product)
    refusal = _refusal(turn, leg, new, instrument_id(exchange, symbol))
    if refusal:
        turn.notify(WARNING, f"not mapped: {refusal}", "", old_symbol)
        return
    turn.notify(INFO, f"{old_symbol} is {symbol} from now on", "", old_symbol)
    turn.subscribe(new)
    factor = _map_master(turn, leg, new)
    for child in list(turn.state.children.values()):
        own = child.legs.get(leg)
        if own is not None and (own.changed or leg != new):
            _map_child(turn, child, own, new, factor)
    for child in turn.state.children.values():
        if (own := child.legs.get(new)) is not None:
            settle(turn, child, own)
            child.want_orders = child.want_positions = True


def _refusal(turn: Turn, leg: LegId, new: LegId, instrument: InstrumentId) -> str:
    """Why a leg cannot be mapped, '' when it can."""
    state = turn.state
    master = state.master.legs.get(leg)
    holders = [child for child in state.children.values() if leg in child.legs and child.legs[leg].changed]
    if not holders and (master is None or not master.changed):
        return "nothing of it changed over night"
    unknown = [child.id for child in holders if turn.instrument(child.id, instrument) is None]
    if unknown or turn.instrument(state.master.account, instrument) is None:
        return f"{instrument} is not in today's instrument file of {', '.join(unknown) or state.master.account}"
    if leg == new:
        return ""
    if any(child.legs[new].allocation_units or child.legs[new].orders for child in holders if new in child.legs):
        return f"{instrument} is held already"
    there = state.master.legs.get(new)
    return f"the master trades {instrument} already" if there is not None and there.units else ""


def _map_master(turn: Turn, leg: LegId, new: LegId) -> Fraction:
    """Move the master's leg; returns what his units were multiplied by."""
    master = turn.state.master
    held = master.legs.pop(leg, None)
    if held is None:
        return Fraction(1)
    today = turn.instrument(master.account, instrument_of(new))
    net = master.positions.get(new, 0)
    factor = _factor(held.listed, today, held.units, held.background_units, net)
    held.units, held.background_units = int(held.units * factor), int(held.background_units * factor)
    if leg != new:
        rest = net - held.units
        held.background_units = rest if rest * held.units >= 0 else 0
    held.leg, held.scope, held.listed, held.changed, held.suspicion = new, turn.scope_of(new), today, "", None
    master.legs[new] = held
    turn.state.timers.pop(f"window:{leg}", None)
    held.window = None
    return factor


def _map_child(turn: Turn, child: Child, leg: ChildLeg, new: LegId, master_factor: Fraction) -> None:
    state = turn.state
    old = leg.leg
    today = turn.instrument(child.id, instrument_of(new))
    net, external = child.positions.get(new, 0), child.external.get(old, 0)
    factor = _factor(leg.listed, today, leg.allocation_units, external, net)
    prompts.take_out(turn, child, leg, leg.awaiting_units)
    prompts.forget(turn, child, old)
    leg.allocation_units = int(leg.allocation_units * factor)
    leg.base_units, leg.target_units = int(leg.base_units * factor), int(leg.target_units * factor)
    leg.high_units, leg.decided_units = int(leg.high_units * master_factor), int(leg.decided_units * master_factor)
    leg.by_hand_units = int(leg.by_hand_units * factor)
    leg.peak_by_hand_units = int(leg.peak_by_hand_units * factor)
    leg.peak_units = int(leg.peak_units * master_factor)
    leg.leg, leg.listed, leg.changed, leg.suspicion, leg.night_read = new, today, "", None, None
    for order in state.orders.values():  # finished ones, too: the broker goes on listing them
        if (order.account, order.leg) == (child.id, old):
            order.leg = new
    if new != old:
        del child.legs[old]
        child.legs[new] = leg
        child.external.pop(old, None)
        child.external[new] = net - leg.allocation_units
        if not child.external[new]:
            del child.external[new]
        state.timers.pop(f"exit:{child.id}|{old}", None)
        leg.exit_after_ns = 0


def _factor(listed: Instrument | None, today: Instrument | None, ours: int, others: int, net: int) -> Fraction:
    """New lot / old lot where the broker's position says exactly that, else 1: units stay."""
    if listed is None or today is None or net == ours + others:
        return Fraction(1)
    factor = Fraction(today.lot_units, listed.lot_units)
    scaled = (ours + others) * factor
    whole = (ours * factor).denominator == 1 and (others * factor).denominator == 1
    return factor if whole and scaled == net else Fraction(1)
