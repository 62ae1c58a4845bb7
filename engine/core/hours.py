"""What the hours of the market allow: the open, the close, the intraday square-off. Conditions on the state, no more.

It must not send, cancel or decide anything: settle, gates and orders ask it, `engine.core.night` acts at its moments.
"""

from datetime import date
from itertools import chain

from engine.core import reasons
from engine.core.state import State
from engine.core.state_child import Child, ChildLeg, ChildOrder
from engine.core.turn import Turn, is_of_an_earlier_day
from engine.model import NS_PER_S, LegId, OrderReport, TradingSession, split_leg

INTRADAY = "MIS"
LOOK = "night"
"""Name of the timer for another look at what a night or the square-off made uncertain."""
LOOK_AGAIN_NS = NS_PER_S
READ_FIRST = frozenset({reasons.NOT_READ_SINCE_OPEN, reasons.NEAR_SQUARE_OFF, reasons.EARLIER_DAY})
"""Why an exit waits for a read of the child."""
DAY_NS = 86_400 * NS_PER_S
_IST_NS = (5 * 3600 + 1800) * NS_PER_S
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SQUARE_OFF_NS = (15 * 3600 + 25 * 60) * NS_PER_S
"""15:25 IST (Zerodha support, 2026-07); on a day whose last session does not contain it, 5 minutes before its close."""
_BEFORE_CLOSE_NS = 5 * 60 * NS_PER_S
CAREFUL_NS = 2 * 60 * NS_PER_S
"""So long before the square-off nothing intraday is opened, and closed only on a fresh read."""
NEAR_NS = 15 * 60 * NS_PER_S
"""So long before and after a session accounts are read as often as in it."""
LATE_NEWS_NS = 30 * NS_PER_S
"""After the close the books bring the last fills and cancellations; then contracts of the day are taken as expired."""


def day_start_ns(day: str) -> int:
    """Midnight in India at which a day (ISO) begins."""
    return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * DAY_NS - _IST_NS


def day_number(at_ns: int) -> int:
    """Days since the epoch, by the calendar in India."""
    return (at_ns + _IST_NS) // DAY_NS


def days_between(earlier: str, later: str) -> int:
    """Calendar days from one day (ISO) to another."""
    return date.fromisoformat(later).toordinal() - date.fromisoformat(earlier).toordinal()


def is_history(state: State, report: OrderReport) -> bool:
    """Whether a row of a book is of an earlier day: some brokers show yesterday's book until the morning."""
    at_ns = max(report.placed_ns, report.updated_ns)
    return 0 < at_ns < day_start_ns(state.day)


def running_session(state: State, now_ns: int) -> TradingSession | None:
    """The session that runs now."""
    return next((s for s in state.sessions if s.open_ns <= now_ns < s.close_ns), None)


def is_covered(state: State) -> bool:
    """Whether the calendar knows the day; without it nothing is entered, and exits go in the usual hours."""
    return bool(state.sessions) and (not state.calendar_until or state.day <= state.calendar_until)


def calendar_ended(state: State) -> str:
    """What is said of a day that the calendar does not know."""
    return f"the market calendar ended on {state.calendar_until}: no entries; exits go in the usual hours"


def is_near_session(state: State, now_ns: int) -> bool:
    """Whether a session runs, begins soon or has ended lately: at night nobody needs to look every second."""
    return any(s.open_ns - NEAR_NS <= now_ns < s.close_ns + NEAR_NS for s in state.sessions)


def last_close_ns(state: State, day: str) -> int | None:
    """When the last session of a day (ISO) closes, `None` where it has none."""
    number = day_number(day_start_ns(day))
    return max((s.close_ns for s in state.sessions if day_number(s.open_ns) == number), default=None)


def square_off_ns(state: State, now_ns: int) -> int | None:
    """When brokers square off intraday positions on the day of `now_ns`, `None` on a day without a session."""
    number = day_number(now_ns)
    today = [s for s in state.sessions if day_number(s.open_ns) == number]
    if not today:
        return None
    last = max(today, key=lambda s: s.close_ns)
    usual_ns = number * DAY_NS - _IST_NS + _SQUARE_OFF_NS
    return usual_ns if last.open_ns < usual_ns < last.close_ns else last.close_ns - _BEFORE_CLOSE_NS


def careful_since_ns(state: State, now_ns: int) -> int | None:
    """Since when intraday positions may change by themselves, `None` when it is not near the square-off."""
    due_ns = square_off_ns(state, now_ns)
    if due_ns is None or now_ns < due_ns - CAREFUL_NS:
        return None
    return due_ns if now_ns >= due_ns else due_ns - CAREFUL_NS


def is_near_square_off(turn: Turn, leg: LegId) -> bool:
    """Whether nothing of a leg may be opened because its product is squared off soon or was today."""
    return split_leg(leg)[2] == INTRADAY and careful_since_ns(turn.state, turn.now_ns) is not None


def read_began_ns(child: Child) -> int:
    """When the older of the newest reads of a child's book and positions began."""
    return min(child.orders_began_ns, child.positions_began_ns)


def read_needed(turn: Turn, child: Child, leg: ChildLeg) -> str:
    """Which read an exit has to wait for, '' when none: after a night, and near the intraday square-off."""
    session = running_session(turn.state, turn.now_ns)
    if session is None:
        return ""
    if leg.due and leg.due_since_ns < session.open_ns:
        if read_began_ns(child) < session.open_ns:
            return reasons.NOT_READ_SINCE_OPEN
        if not leg.flattening and turn.state.master.read_began_ns < session.open_ns:
            return reasons.MASTER_NOT_READ_SINCE_OPEN
    since_ns = careful_since_ns(turn.state, turn.now_ns) if split_leg(leg.leg)[2] == INTRADAY else None
    return reasons.NEAR_SQUARE_OFF if since_ns is not None and read_began_ns(child) < since_ns else ""


def waits_for_the_open(turn: Turn, child: Child, leg: ChildLeg, order: ChildOrder) -> bool:
    """Whether only the session tells what an order of an earlier day filled: nothing of its leg is listed before it."""
    is_told_later = child.synced and leg.night_read is None and not turn.market_open
    return is_told_later and is_of_an_earlier_day(turn.state, order)


def look_soon(turn: Turn) -> None:
    """Have the accounts read soon that something waits for (at most once a second, also when reads fail)."""
    turn.state.timers.setdefault(LOOK, turn.now_ns + LOOK_AGAIN_NS)


def next_moment_ns(state: State, now_ns: int) -> int | None:
    """The next time at which accounts are read because of the clock alone, `None` when the calendar ends."""
    moments = chain.from_iterable(_moments(state, session) for session in state.sessions)
    return min((at_ns for at_ns in moments if at_ns > now_ns), default=None)


def _moments(state: State, session: TradingSession) -> tuple[int, ...]:
    found = (session.open_ns, session.close_ns, session.close_ns + LATE_NEWS_NS)
    due_ns = square_off_ns(state, session.open_ns)
    return found if due_ns is None else (*found, due_ns - CAREFUL_NS, due_ns)
