"""How a child stands as a whole: the most urgent of what is known of its account and of its legs. Reads only."""

from collections.abc import Sequence
from decimal import Decimal

from engine.core import reasons
from engine.core.hours import is_near_session
from engine.core.polling import NIGHT_EVERY_NS, POSITIONS_EVERY_NS
from engine.core.state_child import Child
from engine.core.turn import Turn, seconds_ns
from engine.model import NS_PER_S
from engine.snapshot import Cell, CellState, ChildState, StrategyState

UNREAD_NS = 60 * NS_PER_S
"""A child whose reads have failed, or were not answered, for so long is not called in step any more."""
LATE_POLLS = Decimal("2.5")
"""With slow polls a read is late after so many of them."""
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
    if age_ns <= (UNREAD_NS if child.error else max(UNREAD_NS, POSITIONS_EVERY_NS + late_ns(turn, 0))):
        return ""
    return f"not read for {age_ns // NS_PER_S} s: {child.error or 'no answer'}"


def late_ns(turn: Turn, least_ns: int) -> int:
    """After how long without one a read is late: at least so long, and as the polls are apart at this time of day."""
    interval_ns = seconds_ns(turn.settings.timing.poll_interval_s)
    if not all(is_near_session(turn.state, at_ns) for at_ns in (turn.now_ns, turn.now_ns - NIGHT_EVERY_NS)):
        interval_ns = max(interval_ns, NIGHT_EVERY_NS)
    return max(least_ns, int(LATE_POLLS * interval_ns))
