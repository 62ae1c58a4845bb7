"""The first event of a process, with what the dated rules say of the day: sessions and charges."""

from datetime import date

from config.rules import charge_rates, sessions_around
from config.schema import Mode, Settings
from engine.events import SessionStarted
from engine.model import TradingSession


def sessions_of(day: date) -> tuple[TradingSession, ...]:
    """Trading sessions around a day, in order; empty where the calendar does not cover it."""
    return tuple(TradingSession(open_ns=a, close_ns=b) for a, b in sessions_around(day))


def opening(settings: Settings, day: date, now_ns: int, *, unclean: bool, mode: Mode = Mode.PAPER) -> SessionStarted:
    """The event that starts a session of `day` at `now_ns`."""
    return SessionStarted(
        at_ns=now_ns,
        settings=settings,
        mode=mode,
        day=day.isoformat(),
        sessions=sessions_of(day),
        charges=charge_rates(day),
        unclean=unclean,
    )
