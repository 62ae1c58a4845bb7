"""The first event of a process, with what the dated rules say of the day: sessions, charges, limits."""

from datetime import date

from config.limits import PAPER_BROKER
from config.order_limits import OrderLimits
from config.rules import charge_rates, covered_until, order_limits, sessions_around, to_ist
from config.schema import Mode, Settings
from engine.clock import STEP_NS, EngineClock, SystemClock
from engine.core.replicator import Replicator
from engine.errors import StateRefused
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


def go_on_in_time(clock: EngineClock, replicator: Replicator) -> str:
    """Let time go on from the last session's end where the machine's clock has been set back since.

    Everything that is due or remembered has its time: a core whose time stood still until the machine has caught up
    would poll nothing. Signals look old meanwhile, so entries are missed; exits go.

    Returns:
        What to tell, '' for nothing.

    Raises:
        StateRefused: The last session ended on a later day.
    """
    was_ns = replicator.state.now_ns if replicator.has_begun else 0
    now_ns = clock.now_ns()
    if was_ns <= now_ns or not isinstance(clock, SystemClock):
        return ""
    was, now = to_ist(was_ns), to_ist(now_ns)
    if was.date() != now.date():
        raise StateRefused(
            f"The last session ended on {was:%Y-%m-%d at %H:%M} IST, and this machine's clock is at"
            f" {now:%Y-%m-%d %H:%M}: one of the two is wrong. Nothing was started. Set the clock right. If it was wrong"
            " then, move the state directory aside: orders of today that carry the program's mark are recognised in the"
            " brokers' books."
        )
    clock.go_on_from(was_ns)
    if was_ns - now_ns <= STEP_NS:
        return ""
    return (
        f"this machine's clock ({now:%H:%M:%S}) is behind the end of the last session ({was:%H:%M:%S}): time goes on"
        " from there, so entries may look too old; exits go. Set the clock right, and start again when it has caught up"
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
