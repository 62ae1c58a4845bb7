"""When which account is read: a fixed grid of polls, plus reads that somebody asked for. Decides no orders."""

from engine.commands import ReadAccount
from engine.core import hours
from engine.core.lifecycle import AT_BROKER
from engine.core.state_child import Child
from engine.core.turn import ALARM, Turn, seconds_ns
from engine.model import NS_PER_S

ORDERS_EVERY_NS = 5 * NS_PER_S
"""A child's book while anything of it works."""
WATCH_EVERY_NS = 30 * NS_PER_S
"""A child's book while an order that was given up may still surface in it."""
POSITIONS_EVERY_NS = 30 * NS_PER_S
NIGHT_EVERY_NS = 60 * NS_PER_S
"""Everything, while the market is closed and nothing works."""
READ_LOST_NS = 40 * NS_PER_S
"""A read that nobody answered for so long is asked again (a lane answers within its own time-outs)."""
SOON_NS = NS_PER_S
"""Two positions reads that confirm each other lie so far apart."""


def poll(turn: Turn) -> None:
    """One beat of the grid: read the master whole, the children's margins, and what else is due."""
    state = turn.state
    interval_ns = seconds_ns(state.settings.timing.poll_interval_s)
    if not hours.is_near_session(state, turn.now_ns) and not any(_works(turn, child) for child in turn.configured()):
        interval_ns = max(interval_ns, NIGHT_EVERY_NS)
    turn.timer("poll", (turn.now_ns // interval_ns + 1) * interval_ns)
    master = state.master
    if master.read_sent_ns is None or turn.now_ns - master.read_sent_ns > READ_LOST_NS:
        master.read_sent_ns = turn.now_ns
        turn.out.append(ReadAccount(account=master.account, orders=True, positions=True, funds=True))
    for child in turn.configured():
        orders = child.want_orders or child.owed_orders or not child.synced or _orders_due(turn, child)
        positions = child.want_positions or child.owed_positions or not child.synced or _positions_due(turn, child)
        read(turn, child, orders=orders, positions=positions, funds=True)


def read_wanted(turn: Turn) -> None:
    """Reads that this turn asked for go out now, unless one is under way."""
    for child in turn.state.children.values():
        if not (child.want_orders or child.want_positions) or child.id not in turn.child_settings:
            continue
        if child.want_orders or _apart(turn, child):
            read(turn, child, orders=child.want_orders, positions=child.want_positions, funds=False)


def read(turn: Turn, child: Child, *, orders: bool, positions: bool, funds: bool) -> None:
    """Ask for a read of a child; what cannot be asked now is asked with the next poll."""
    if child.read_sent_ns is not None and turn.now_ns - child.read_sent_ns <= READ_LOST_NS:
        child.want_orders = child.want_orders or orders
        child.want_positions = child.want_positions or positions
        return
    if child.read_sent_ns is not None:  # lost: what it was asked for is asked again
        orders, positions = orders or child.asked_orders, positions or child.asked_positions
    orders, positions = orders or child.owed_orders, positions or child.owed_positions
    child.read_sent_ns = turn.now_ns
    child.asked_orders, child.asked_positions = orders, positions
    child.want_orders = child.want_positions = child.owed_orders = child.owed_positions = False
    turn.out.append(ReadAccount(account=child.id, orders=orders, positions=positions, funds=funds))


def _apart(turn: Turn, child: Child) -> bool:
    return turn.now_ns - child.positions_began_ns >= SOON_NS


def _orders_due(turn: Turn, child: Child) -> bool:
    works = _works(turn, child)
    every_ns = ORDERS_EVERY_NS if works else WATCH_EVERY_NS
    return (works or child.watches) and turn.now_ns - child.orders_at_ns >= every_ns


def _works(turn: Turn, child: Child) -> bool:
    return any(
        order.state in AT_BROKER and not hours.waits_for_the_open(turn, child, leg, order)
        for leg in child.legs.values()
        for order in turn.open_orders(leg)
    )


def _positions_due(turn: Turn, child: Child) -> bool:
    return child.positions_at_ns is None or turn.now_ns - child.positions_at_ns >= POSITIONS_EVERY_NS


def note_silence(turn: Turn) -> None:
    """Say once when the master has not been read for a while: what is shown of him may be old."""
    master = turn.state.master
    silent_ns = max(SILENT_NS, SILENT_POLLS * seconds_ns(turn.settings.timing.poll_interval_s))
    if master.read_at_ns is None or master.silent or turn.now_ns - master.read_at_ns < silent_ns:
        return
    if not hours.is_near_session(turn.state, turn.now_ns - silent_ns):  # at night the reads are further apart
        return
    master.silent = True
    turn.notify(
        ALARM,
        f"no complete read of the master for {silent_ns // NS_PER_S} s: his positions are unknown",
        master.account,
    )


SILENT_NS = 30 * NS_PER_S
SILENT_POLLS = 2
"""With slow polls at the earliest after so many of them."""
