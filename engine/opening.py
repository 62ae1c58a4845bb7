"""The first event of a process, with what the dated rules say of the day: sessions, charges, limits."""

from datetime import date

from config.limits import PAPER_BROKER
from config.order_limits import OrderLimits
from config.rules import charge_rates, covered_until, order_limits, sessions_around
from config.schema import Mode, Settings
from engine.core.replicator import Replicator
from engine.events import DayBegan, SessionStarted
from engine.model import InstrumentId, TradingSession, instrument_of


def sessions_of(day: date) -> tuple[TradingSession, ...]:
    """Trading sessions around a day, in order; on weekdays after the end of the calendar the usual hours."""
    return tuple(TradingSession(open_ns=a, close_ns=b) for a, b in sessions_around(day))


def limits_of(settings: Settings, day: date) -> dict[str, OrderLimits]:
    """What each child's broker takes on a day; paper accounts of a real broker are limited as there."""
    found = {child.id: order_limits(child.broker or PAPER_BROKER, day) for child in settings.children}
    return {account: limits for account, limits in found.items() if limits is not None}


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
        order_limits=limits_of(settings, day),
        calendar_until=covered_until().isoformat(),
    )


def next_day(settings: Settings, day: date, now_ns: int) -> DayBegan:
    """The event that turns a running process to another day."""
    return DayBegan(
        at_ns=now_ns,
        day=day.isoformat(),
        sessions=sessions_of(day),
        charges=charge_rates(day),
        order_limits=limits_of(settings, day),
        calendar_until=covered_until().isoformat(),
    )


def carried_instruments(replicator: Replicator) -> tuple[InstrumentId, ...]:
    """The instruments of everything that the state knows, for whoever looks them up in a dump of the day."""
    if not replicator.has_begun:
        return ()
    state = replicator.state
    found = {instrument_of(leg.leg): None for leg in state.master.legs.values()}
    for child in state.children.values():
        found |= {instrument_of(leg.leg): None for leg in child.legs.values()}
    return tuple(found)
