"""The verdict when everything is quiet again: every child holds what it should, or a reason is on the screen.

It compares the engine's state with the judge's own book and with the brokers; it must not take the engine's word for a
holding.
"""

from fractions import Fraction

from config.schema import SizingMode
from engine.core import reasons
from engine.core.lifecycle import OrderState
from engine.core.settle import exit_blocker
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg
from engine.core.turn import Turn, net_units
from engine.model import NS_PER_S, LegId, split_leg
from engine.snapshot import StrategyState
from paper.verify.bounds import LIMITS
from paper.verify.truth import Truth, same_direction

UNFINISHED = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.UNKNOWN, OrderState.WORKING})
FOR_GOOD = frozenset(
    {
        reasons.OWN_POSITION,
        reasons.MAX_CAPITAL,
        reasons.SHORT_MARGIN,
        reasons.BELOW_ONE_LOT,
        reasons.BROKER_FAILING,
        reasons.IP_REFUSED,
        reasons.DAILY_LOSS,
        reasons.DAILY_LOSS_UNKNOWN,
        reasons.DAILY_BUDGET,
        *LIMITS,
    }
)
"""Reasons that one resync does not mend."""
WAITED = frozenset({reasons.STALE_SIGNAL, reasons.WAITED_FOR_BUY})
"""What is told of an entry that had to wait too long."""


def unrest(state: State, truth: Truth, since_ns: int) -> str:
    """Why the engine is not at rest yet, '' when it is.

    Args:
        state: The engine's state.
        truth: The judge's book.
        since_ns: Both sides must have been read completely since then.
    """
    if state.prompts:
        return "a prompt is open"
    if not state.armed:
        return "not armed"
    if state.master.read_began_ns < since_ns:
        return "the master has not been read"
    for leg in state.master.legs.values():
        if leg.window is not None or leg.suspicion is not None:
            return f"a window or a suspicion is open in the master's {leg.leg}"
    held = any(order.state is OrderState.HELD for order in state.orders.values())
    if not held and any(s.state is StrategyState.EXITING for s in state.strategies.values()):
        return "a strategy is ending"
    for child in state.children.values():
        if why := _child_unrest(state, child, since_ns):
            return why
    rows = truth.open_rows()
    return f"{rows[0].tag} works at the exchange" if rows else ""


def _child_unrest(state: State, child: Child, since_ns: int) -> str:
    if child.needs_login or not child.synced:
        return f"{child.id} needs a login or a read"
    if child.positions_began_ns < since_ns:
        return f"{child.id} has not been read"
    newest_ns = max((order.changed_ns for order in state.orders.values() if order.account == child.id), default=0)
    if child.positions_began_ns < newest_ns + NS_PER_S:
        return f"{child.id} has not been read since its newest order changed"
    for leg in child.legs.values():
        for tag in leg.orders:
            order = state.orders[tag]
            if order.state in UNFINISHED:
                return f"{tag} is {order.state}"
        if leg.entry_pending or leg.awaiting_units:
            return f"{child.id} {leg.leg} is pending or awaiting"
        if leg.fewer_of_his is not None:
            return f"{child.id} {leg.leg}: shares of the owner's are looked for"
        if (leg.due or leg.suspicion is not None) and not _is_untold(state, leg):
            return f"{child.id} {leg.leg} is due or suspected"
    return ""


def verdict(turn: Turn, truth: Truth, *, resynced_ns: int | None, crowded: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong now that everything is at rest, as sentences.

    Args:
        turn: A turn on the engine's state, for reading.
        truth: The judge's book.
        resynced_ns: When every child was resynced: nothing may be missing since, whatever reason is on the screen, but
            what a broker refused after it. `None` for no resync: any reason on the screen counts.
        crowded: Children whose brokers' rate windows were full since: what waited for its turn may be too old now.
    """
    found: list[str] = []
    state = turn.state
    for leg_id in dict.fromkeys([*truth.master, *state.master.legs]):
        found += _master(state, truth, leg_id)
    for child in state.children.values():
        legs = dict.fromkeys([*child.legs, *(leg for account, leg in truth.ours if account == child.id)])
        for leg_id in legs:
            is_old = child.id in crowded and _told(state, child) & WAITED
            found += _leg(turn, truth, child, leg_id, resynced_ns=None if is_old else resynced_ns)
    flat = not any(truth.master.values()) or not any(leg.units for leg in state.master.legs.values())
    for strategy in state.strategies.values():
        held = any(o.state is OrderState.HELD for o in state.orders.values())
        if flat and strategy.state is not StrategyState.FLAT and not held:
            found.append(f"I5 the master is flat and the strategy is {strategy.state}")
    return found


def _master(state: State, truth: Truth, leg_id: LegId) -> list[str]:
    leg = state.master.legs.get(leg_id)
    known = 0 if leg is None else leg.units + leg.background_units
    was = truth.master.get(leg_id, 0)
    return [] if known == was else [f"I5 the master holds {was} of {leg_id}, the engine knows {known}"]


def _leg(turn: Turn, truth: Truth, child: Child, leg_id: LegId, *, resynced_ns: int | None) -> list[str]:
    where = f"{child.id} {leg_id}"
    key = (child.id, leg_id)
    ours, manual = truth.ours.get(key, 0), truth.manual.get(key, 0)
    leg = child.legs.get(leg_id) or ChildLeg(leg=leg_id)
    found: list[str] = []
    if _is_untold(turn.state, leg):
        return found
    if net_units(child, leg_id) != ours + manual:
        found.append(f"I20 {where}: the broker has {ours + manual}, the engine read {net_units(child, leg_id)}")
    external = child.external.get(leg_id, 0)
    if leg.allocation_units + external != ours + manual:
        found.append(
            f"I20 {where}: allocation {leg.allocation_units} and external {external}, the broker has {ours + manual}"
        )
    if not truth.has_manual(key) and leg.allocation_units != ours:
        found.append(f"I20 {where}: our fills are {ours}, the engine counts {leg.allocation_units}")
    master = turn.state.master.legs.get(leg_id)
    master_units = 0 if master is None else master.units
    if not same_direction(leg.allocation_units, master_units):
        found.append(f"I5 {where}: holds {leg.allocation_units}, the master {master_units}")
    held = abs(leg.allocation_units)
    if held > leg.target_units:
        found.append(f"I5 {where}: holds {held} above its target {leg.target_units}")
    reason = excuse(turn, child, leg)
    if held < leg.target_units and not reason:
        found.append(f"I5 {where}: holds {held} of {leg.target_units} without a reason")
    if master_units and (resynced_ns is not None or not reason):
        found += _share(turn, truth, child, leg, master_units, resynced_ns=resynced_ns, reason=reason)
    return found


def _is_untold(state: State, leg: ChildLeg) -> bool:
    """Whether orders of an earlier day and the positions do not fit: the operator was told, and nothing is guessed."""
    return any(state.orders[tag].reason == reasons.UNTOLD for tag in leg.orders)


def excuse(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Why a child may hold less than its share, as the screen says it; '' for no reason."""
    state = turn.state
    strategy = turn.strategy(turn.scope_of(leg.leg))
    symbol = split_leg(leg.leg)[1]
    held = [state.orders[tag].reason for tag in leg.orders if state.orders[tag].state is OrderState.HELD]
    skips = [skip.reason for skip in state.skips.values() if (skip.child, skip.symbol) == (child.id, symbol)]
    reasons = [
        leg.skipped,
        *held,
        *skips,
        strategy.left_out.get(child.id, ""),
        child.stopped.get(strategy.scope, ""),
        "reset" if strategy.exit_only else "",
        exit_blocker(turn, child, leg) if leg.due else "",
    ]
    return next((reason for reason in reasons if reason), "")


def _share(
    turn: Turn, truth: Truth, child: Child, leg: ChildLeg, master_units: int, *, resynced_ns: int | None, reason: str
) -> list[str]:
    """Whether a child with no reason on the screen holds its share of what the master holds."""
    instrument = turn.leg_instrument(child.id, leg.leg)
    settings = turn.child_settings[child.id]
    ratio = truth.ratio(child.id, leg.leg)
    if instrument is None or settings.sizing.mode is SizingMode.FIXED_LOTS or ratio is None:
        return []
    lot, size = instrument.lot_units, abs(master_units)
    want = _floor(ratio * size, lot)
    strategy = turn.strategy(turn.scope_of(leg.leg))
    complete, key = resynced_ns is not None, (child.id, leg.leg)
    if complete and (strategy.exit_only or child.id in strategy.left_out or _is_stopped_for_good(turn.state, child)):
        return []
    allowed = {want}
    if resynced_ns is None:
        share = Fraction(_floor(ratio * leg.high_units, lot) * size, leg.high_units or 1)
        allowed.add(_floor(share, lot))
        if master_units > 0:  # a bought hedge is rounded up
            allowed.add(-_floor(-share, lot))
    elif reason.startswith(reasons.refused("")):
        allowed.add(want - truth.refused_units(key, resynced_ns))
    held = abs(leg.allocation_units)
    if (by_hand_units := truth.by_hand_units(key)) is not None:  # between what it would have without it, and with all
        least, most = min(allowed), _floor(ratio * leg.peak_units, lot) + by_hand_units
        is_short = held < least and not reason and key not in truth.taken_off
        is_wrong = is_short or held > most
        return [f"I2 {child.id} {leg.leg}: holds {held}, {least} to {most} are wanted"] if is_wrong else []
    tags = [tag for own in child.legs.values() for tag in own.orders]
    if complete and any(turn.state.orders[tag].state is OrderState.HELD for tag in tags):
        return []
    if held in allowed or (complete and held > want):
        return []
    return [
        f"I5 {child.id} {leg.leg}: holds {held} where the master holds {size} at ratio {ratio}: wanted"
        f" {sorted(allowed)}{f' ({reason})' if reason else ''}"
    ]


def _is_stopped_for_good(state: State, child: Child) -> bool:
    """Whether something that no resync mends stopped a leg of a child, and with it the shorts of the others."""
    told = _told(state, child)
    if child.loss_hit or state.loss_hit:
        return True
    if reasons.UNWOUND in child.stopped.values():  # a leg that the resync wanted was refused again
        return True
    return bool(child.external) or bool(told & FOR_GOOD) or any(leg.skipped in FOR_GOOD for leg in child.legs.values())


def _told(state: State, child: Child) -> set[str]:
    return {skip.reason for skip in state.skips.values() if skip.child == child.id}


def _floor(units: Fraction, lot: int) -> int:
    return units.numerator // (units.denominator * lot) * lot
