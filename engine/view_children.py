"""How a child stands as a whole: the most urgent of what is known of its account and of its legs. Reads only."""

from collections.abc import Sequence

from engine.core import reasons
from engine.core.state_child import Child
from engine.core.turn import Turn
from engine.model import NS_PER_S
from engine.snapshot import Cell, CellState, ChildState, StrategyState

UNREAD_NS = 60 * NS_PER_S
"""Positions are read every 30 s; a child whose reads have failed for so long is not called in step any more."""
GOOD = frozenset({ChildState.IDLE, ChildState.IN_STEP})
Standing = tuple[ChildState, str]
"""A state and its reason."""
_CELL_URGENCY = list(CellState)
_URGENCY = list(ChildState)
_CHILD_OF_CELL = {
    CellState.NONE: ChildState.IDLE,
    CellState.IN_STEP: ChildState.IN_STEP,
    CellState.SKIPPED: ChildState.SKIPPED,
    CellState.AWAITING: ChildState.WORKING,
    CellState.WORKING: ChildState.WORKING,
    CellState.DRIFT: ChildState.DRIFT,
    CellState.HELD: ChildState.HELD,
    CellState.UNKNOWN: ChildState.UNKNOWN,
}


def child_state(turn: Turn, child: Child, cells: Sequence[Cell]) -> Standing:
    """The most urgent state of a child, by its cells in all legs and by its account."""
    return max([_of_cells(cells), *account_standings(turn, child)], key=lambda found: _URGENCY.index(found[0]))


def account_standings(turn: Turn, child: Child) -> list[Standing]:
    """All that keeps a child from being in step beside its legs."""
    found: list[Standing] = []
    if child.needs_login:
        found.append((ChildState.LOGIN_REQUIRED, "login required"))
    for strategy in turn.state.strategies.values():
        if strategy.state is StrategyState.ACTIVE and child.id in strategy.left_out:
            found.append((ChildState.LEFT_OUT, strategy.left_out[child.id]))
    if why := _unread(turn, child):
        found.append((ChildState.NOT_READ, why))
    if child.loss_hit or (turn.state.loss_hit and child.id in turn.child_settings):
        found.append((ChildState.LOSS, f"{reasons.DAILY_LOSS}: no further entries today"))
    return found


def left_out(turn: Turn, child: Child) -> str:
    """Why a child takes no part in a running strategy, '' when it does."""
    return next((why for state, why in account_standings(turn, child) if state is ChildState.LEFT_OUT), "")


def _of_cells(cells: Sequence[Cell]) -> Standing:
    worst = max((cell.state for cell in cells), key=_CELL_URGENCY.index, default=CellState.NONE)
    state = _CHILD_OF_CELL[worst]
    why = next((cell.reason for cell in cells if cell.state is worst and cell.reason), "")
    return state, "" if state in GOOD else why


def _unread(turn: Turn, child: Child) -> str:
    """Why it is not known what a child holds, '' when it is."""
    if child.id not in turn.child_settings:
        return ""
    if not child.synced or child.positions_at_ns is None:
        return child.error or reasons.NOT_READ
    age_ns = turn.now_ns - child.positions_at_ns
    if child.error and age_ns > UNREAD_NS:
        return f"not read for {age_ns // NS_PER_S} s: {child.error}"
    return ""
