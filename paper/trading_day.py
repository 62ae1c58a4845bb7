"""When the paper exchange trades, squares off intraday positions and cancels day orders. Pure.

It must not read a clock or a calendar: the sessions come from whoever has the calendar.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from engine.model import NS_PER_S, TradingSession

_IST_OFFSET_NS = (5 * 3600 + 1800) * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_SQUARE_OFF_NS = (15 * 3600 + 25 * 60) * NS_PER_S
"""15:25 IST, derivatives [Zerodha support, facts of 2026-07; not changed with the close of 15:40 as far as known]."""
_BEFORE_CLOSE_NS = 5 * 60 * NS_PER_S


class DueKind(IntEnum):
    """What happens by the clock alone, in the order in which it happens."""

    SQUARE_OFF = 1
    "Intraday (MIS) orders are cancelled and positions closed at the market."
    CLOSE = 2
    "Open orders are cancelled."


class Due(NamedTuple):
    """One such moment."""

    at_ns: int
    kind: DueKind


def ist_day_number(at_ns: int) -> int:
    """Days since the epoch, by the calendar in India, which has one zone without summer time."""
    return (at_ns + _IST_OFFSET_NS) // _DAY_NS


def is_open(sessions: Sequence[TradingSession], now_ns: int) -> bool:
    """Whether the market trades; the close itself no longer belongs to a session. Without sessions it never does."""
    return any(session.open_ns <= now_ns < session.close_ns for session in sessions)


def dues(sessions: Sequence[TradingSession]) -> tuple[Due, ...]:
    """All square-offs and closes of the sessions, in order of time: one of each a day, for its last session.

    The square-off is at 15:25 IST; on a day whose last session does not contain that time, 5 minutes before its close.
    """
    last: dict[int, TradingSession] = {}
    for session in sessions:
        day = ist_day_number(session.open_ns)
        if day not in last or session.close_ns > last[day].close_ns:
            last[day] = session
    found: list[Due] = []
    for day, session in last.items():
        square_off_ns = day * _DAY_NS - _IST_OFFSET_NS + _SQUARE_OFF_NS
        if not session.open_ns < square_off_ns < session.close_ns:
            square_off_ns = session.close_ns - _BEFORE_CLOSE_NS
        found += [Due(square_off_ns, DueKind.SQUARE_OFF), Due(session.close_ns, DueKind.CLOSE)]
    return tuple(sorted(found))


def is_after_square_off(all_dues: Sequence[Due], now_ns: int) -> bool:
    """Whether the newest due moment is a square-off: from then to the close nothing intraday may be opened."""
    past = [due for due in all_dues if due.at_ns <= now_ns]
    return bool(past) and past[-1].kind is DueKind.SQUARE_OFF
