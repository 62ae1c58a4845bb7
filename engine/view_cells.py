"""How one child stands in one leg: the cell of the matrix. One function decides the mark, for every screen."""

from decimal import Decimal
from fractions import Fraction

from config.schema import Child as ChildSettings
from config.schema import SizingMode
from engine.core import reasons
from engine.core.entries import missing_units
from engine.core.filters import has_known_hours
from engine.core.lifecycle import OrderState
from engine.core.offers import is_adoptable
from engine.core.plans import by_hand_units
from engine.core.resting import ahead_units, rests, share
from engine.core.results import opened_pnl
from engine.core.sizing import residue
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.state_master import MasterLeg
from engine.core.symbols import title
from engine.core.turn import Turn, held_units
from engine.model import LegId, instrument_of, sign, split_leg
from engine.snapshot import Cell, CellState, StrategyState

_BUSY = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.WORKING})


def lots(units: int, lot_units: int | None) -> Decimal:
    """Units as lots; units themselves where the lot is unknown."""
    return Decimal(units) if lot_units is None else Decimal(units) / lot_units


def leg_title(turn: Turn, leg: LegId) -> str:
    """A leg for people; with its exchange or product where another leg of the master's would be called the same."""
    instrument = turn.leg_instrument(turn.state.master.account, leg)
    name = title(instrument if instrument is not None else instrument_of(leg))
    exchange, symbol, product = split_leg(leg)
    twins = [split_leg(other) for other in turn.state.master.legs if other != leg and symbol in other]
    twins = [twin for twin in twins if twin[1] == symbol]
    if any(twin[0] != exchange for twin in twins):
        name += f" {exchange}"
    return f"{name} {product}" if any(twin[2] != product for twin in twins) else name


def can_be_adopted(leg: MasterLeg) -> bool:
    """Whether the operator may have a leg's background lots followed."""
    return has_known_hours(leg.leg) and is_adoptable(leg)


def cell_of(turn: Turn, child: Child, master: MasterLeg) -> Cell:
    """One child in one leg of the master."""
    leg = child.legs.get(master.leg)
    instrument = turn.leg_instrument(child.id, master.leg)
    lot = None if instrument is None else instrument.lot_units
    external = lots(child.external.get(master.leg, 0), lot)
    strategy = turn.state.strategies.get(master.scope)
    left_out = "" if strategy is None else strategy.left_out.get(child.id, "")
    if leg is None:
        waits = master.window is not None
        state = CellState.WORKING if waits else CellState.SKIPPED if left_out or instrument is None else CellState.NONE
        reason = left_out or ("unknown instrument" if instrument is None else "")
        reason = reasons.DISARMED if waits and not turn.state.armed else reason
        return Cell(
            child=child.id,
            state=state,
            have_lots=Decimal(0),
            want_lots=Decimal(0),
            external_lots=external,
            reason=reason,
        )
    orders = list(turn.open_orders(leg))
    state, reason = _state(turn, leg, master, orders, left_out)
    if state is CellState.WORKING and not turn.state.armed and _are_entries(orders):
        reason = reasons.DISARMED
    return Cell(
        child=child.id,
        state=state,
        have_lots=lots(leg.allocation_units, lot),
        want_lots=lots(leg.target_units * leg.sign, lot),
        working_lots=lots(_signed(orders, _BUSY), lot),
        awaiting_lots=lots(leg.awaiting_units * leg.sign, lot),
        unknown_lots=lots(_signed(orders, frozenset({OrderState.UNKNOWN})), lot),
        external_lots=external,
        orphaned_lots=lots(leg.orphaned_units, lot),
        missing_lots=lots(missed_units(turn, child, master, leg) * leg.sign, lot),
        by_hand_lots=lots(by_hand_units(turn, child, leg) * leg.sign, lot),
        residue_lots=_residue(turn, child, master, lot),
        reason=reason,
        since_ns=_since(leg, orders),
        pnl_inr=opened_pnl(turn, leg),
        average_inr=leg.open_cost_inr / abs(leg.allocation_units) if leg.allocation_units else None,
    )


def _are_entries(orders: list[ChildOrder]) -> bool:
    """Whether nothing but entries that were not sent is under way: before the operator answers, none goes on."""
    return all(o.entry and o.state is OrderState.QUEUED for o in orders if o.state in _BUSY)


def _signed(orders: list[ChildOrder], states: frozenset[OrderState]) -> int:
    return sum(o.remaining * o.side.sign for o in orders if o.state in states)


def _resting(turn: Turn, leg: ChildLeg, orders: list[ChildOrder]) -> str:
    """What a leg that is not at its target has to do with orders that rest; '' for nothing."""
    if not leg.mirrors:
        return ""
    if 0 < held_units(leg) - leg.target_units <= ahead_units(turn, leg):
        return "filled before the master's order, which backs it"
    if held_units(leg) < leg.target_units <= share(turn, leg):
        return "waits for what rests, or closed before the master's order"
    at_target = leg.allocation_units == leg.target_units * leg.sign
    return "rests with the master's order" if at_target and orders else ""


def _state(
    turn: Turn, leg: ChildLeg, master: MasterLeg, orders: list[ChildOrder], left_out: str
) -> tuple[CellState, str]:
    """The cell's mark and its reason, most urgent first."""
    for state, mark in ((OrderState.UNKNOWN, CellState.UNKNOWN), (OrderState.HELD, CellState.HELD)):
        found = next((o for o in orders if o.state is state), None)
        if found is not None:
            return mark, found.reason or "sent, outcome not known: looked for by its tag"
    if leg.due_reason:
        return CellState.DRIFT, leg.due_reason
    is_going = any(o.state in _BUSY and not rests(o) for o in orders)
    rested = "" if is_going else _resting(turn, leg, orders)
    if is_going or rested:
        return CellState.WORKING, rested
    if leg.awaiting_units:
        return CellState.AWAITING, "awaiting confirmation"
    if leg.entry_pending:
        return CellState.WORKING, "entry waits for a read of the account or for an exit to finish"
    if leg.allocation_units != leg.target_units * leg.sign:
        return CellState.DRIFT, leg.skipped
    if master.window is not None:
        return CellState.WORKING, ""
    if leg.skipped:
        return CellState.SKIPPED, leg.skipped
    if left_out and not leg.allocation_units:
        return CellState.SKIPPED, left_out
    return (CellState.IN_STEP, "") if leg.allocation_units or master.units else (CellState.NONE, "")


def _residue(turn: Turn, child: Child, master: MasterLeg, lot_units: int | None) -> Fraction:
    strategy = turn.state.strategies.get(master.scope)
    ratio = None if strategy is None or strategy.state is StrategyState.FLAT else strategy.ratios.get(child.id)
    return Fraction(0) if ratio is None or lot_units is None else residue(ratio, master.units, lot_units)


def missed_units(turn: Turn, child: Child, master: MasterLeg, leg: ChildLeg) -> int:
    """Units that a resync would offer: what the child would have had it missed nothing, beyond what it has.

    While it is not decided yet what follows a fill of the master's, nothing is missed.
    """
    if master.window is not None or leg.entry_pending:
        return 0
    instrument = turn.leg_instrument(child.id, master.leg)
    strategy = turn.state.strategies.get(master.scope)
    runs = strategy is not None and strategy.state is StrategyState.ACTIVE and child.id in turn.child_settings
    if not runs or instrument is None or not master.units or leg.sign != sign(master.units):
        return 0
    return missing_units(turn, child, master, leg, instrument)


def _since(leg: ChildLeg, orders: list[ChildOrder]) -> int | None:
    if leg.due_since_ns:
        return leg.due_since_ns
    return min((o.changed_ns for o in orders), default=None)


def sizing_text(settings: ChildSettings) -> str:
    """How a child is sized, for people."""
    sizing = settings.sizing
    match sizing.mode:
        case SizingMode.FIXED_RATIO:
            return f"fixed {sizing.ratio}"
        case SizingMode.FIXED_LOTS:
            return f"{sizing.lots} {'lot' if sizing.lots == 1 else 'lots'}"
        case SizingMode.RISK_PCT:
            return f"risk {sizing.pct} %"
        case _:
            return sizing.mode.value.replace("_", " ")
