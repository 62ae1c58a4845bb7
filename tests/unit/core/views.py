"""What the tests of the snapshot look at."""

from engine.snapshot import Cell, ChildColumn, LegRow, Snapshot
from engine.view import Frame, build_snapshot
from tests.unit.core.builders import Desk
from tests.unit.paper.builders import CALL


def shot(desk: Desk) -> Snapshot:
    return build_snapshot(desk.state, desk.now_ns, Frame())


def values(*found: object) -> tuple[object, ...]:
    """Values side by side, whatever their numbers are made of."""
    return found


def row(desk: Desk, symbol: str = CALL) -> LegRow:
    return next(leg for leg in shot(desk).legs if leg.symbol == symbol)


def cell(desk: Desk, symbol: str = CALL, account: str = "C1") -> Cell:
    return next(c for c in row(desk, symbol).cells if c.child == account)


def column(desk: Desk, account: str = "C1") -> ChildColumn:
    return next(c for c in shot(desk).children if c.id == account)


def texts(desk: Desk) -> list[str]:
    return [item.text for item in shot(desk).attention]
