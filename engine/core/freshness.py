"""Whether a read can be believed: a broker's answer may be older than what the same broker said before.

A read that is behind counts as failed: it proves no absence and takes no lots away. That has an end: a row that never
comes must not keep an account unread, and its exits waiting, for ever. Decides nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence

from engine.core.hours import is_history
from engine.core.lifecycle import OrderState
from engine.core.state_child import Child
from engine.core.state_master import MasterOrder
from engine.core.turn import ALARM, WARNING, Turn
from engine.model import NS_PER_S, TERMINAL_BOOK, InstrumentId, LegId, OrderReport, Position, instrument_of

SETTLED_NS = 2 * NS_PER_S
"""What we learned so long before a read began must be in it: books follow answers and pushes within that time."""
ABSENT_NS = 30 * NS_PER_S
"""A position that nothing tells of (`told_of`) is believed to be gone when all reads of so long agree: it was closed on
the day before, or the broker has not put up its list for the day yet."""
BELIEVED_AFTER_NS = 600 * NS_PER_S
"""When every book of so long lacks what we know, the broker will not say it again: what it does say is taken in."""
BEHIND = "its order book is older than what the broker said before: not used"
_ENDED = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})


def is_behind(turn: Turn, child: Child, rows: Sequence[OrderReport], began_ns: int) -> bool:
    """Whether a complete book lacks something that we know of our orders of today.

    Outside market hours nobody is judged: brokers empty their books at some time of the night.
    """
    if not turn.market_open:
        return False
    by_id = {row.order_id: row for row in rows}
    for order_id, tag in child.tags.items():
        order = turn.state.orders.get(tag)
        if order is None or order.day != turn.state.day or began_ns < order.changed_ns + SETTLED_NS:
            continue
        row = by_id.get(order_id)
        if row is None or (order_id == order.order_id and row.filled < order.filled):
            return True
        if order.state in _ENDED and order_id == order.order_id and row.status not in TERMINAL_BOOK:
            return True
    return False


def is_set_aside(turn: Turn, child: Child, rows: Sequence[OrderReport], began_ns: int) -> bool:
    """Whether a read with a complete book is set aside as a failed one, because the book is behind."""
    if not is_behind(turn, child, rows, began_ns):
        child.behind = False
        return False
    if not child.behind:
        child.behind, child.behind_since_ns, child.behind_told = True, turn.now_ns, False
        turn.notify(WARNING, f"could not be read: {BEHIND}", child.id)
    if turn.now_ns - child.behind_since_ns < BELIEVED_AFTER_NS:
        return True
    if not child.behind_told:
        child.behind_told = True
        text = (
            f"its order book has lacked for {BELIEVED_AFTER_NS // NS_PER_S} s what the broker said before: it is"
            " believed now; compare orders and positions at the broker"
        )
        turn.notify(ALARM, text, child.id)
    return False


def carried_with(known: Mapping[LegId, int], positions: Sequence[Position]) -> dict[LegId, int]:
    """What was carried over the night by the rows of a read, and by what was known before where a row is missing.

    Brokers list closed positions until the day is over: a row that is missing later is an answer that lacks something,
    and no position that is gone.
    """
    return {**known, **{position.leg: position.overnight_units for position in positions}}


def remember_carried(
    known: Mapping[LegId, int], positions: Sequence[Position], rows: Iterable[OrderReport | MasterOrder]
) -> dict[LegId, int]:
    """What of a read is to be known of what was carried, later on this day.

    Only of positions that are what they say was carried and what the day's book (`rows`) adds: one of the day before,
    shown once more after the open, is none.
    """
    booked = net_by_book(rows, {})
    fitting = [row for row in positions if row.net_units == row.overnight_units + booked.get(row.leg, 0)]
    return carried_with(known, fitting)


def contradictions(turn: Turn, positions: Sequence[Position], rows: Sequence[OrderReport]) -> set[InstrumentId]:
    """Instruments of which the master's positions are not what was carried and what the day's book adds.

    At the first look everything is concluded from them. Products count together, because a conversion is no order;
    before the open some brokers still show the day before.
    """
    if not turn.market_open:
        return set()
    off: dict[InstrumentId, int] = {}
    today = [row for row in rows if not is_history(turn.state, row)]
    carried = carried_with(turn.state.master.carried, positions)
    for leg, units in net_by_book(today, carried).items():
        off[instrument_of(leg)] = off.get(instrument_of(leg), 0) - units
    for position in positions:
        key = instrument_of(position.leg)
        off[key] = off.get(key, 0) + position.net_units
    return {instrument for instrument, units in off.items() if units}


def told_of(positions: Iterable[Position], rows: Iterable[OrderReport | MasterOrder]) -> set[LegId]:
    """Legs that a read lists, closed ones included, or that the day's book has trades of."""
    return {position.leg for position in positions} | {row.leg for row in rows if row.filled}


def net_by_book(rows: Iterable[OrderReport | MasterOrder], carried: Mapping[LegId, int]) -> dict[LegId, int]:
    """What each leg must hold by what was carried over the night and the day's book."""
    found = dict(carried)
    for row in rows:
        if row.filled:
            found[row.leg] = found.get(row.leg, 0) + row.side.sign * row.filled
    return found
