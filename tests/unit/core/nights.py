"""Nights for the tests of the core: what brokers do between two days, and a morning with or without a restart."""

from config.schema import Settings
from engine.core.state_child import ChildOrder
from engine.events import DayBegan, InstrumentsLoaded
from engine.model import Instrument, LegId, TradingSession
from tests.unit.core.builders import FREE, INSTRUMENTS, Desk
from tests.unit.paper.builders import ns

SESSIONS = tuple(TradingSession(open_ns=ns("09:15", day), close_ns=ns("15:30", day)) for day in (2, 3, 4, 5))


def pass_night(desk: Desk, *, keep_orders: bool = False) -> None:
    """Books are emptied, positions are carried."""
    for book in desk.books.values():
        if not keep_orders:
            book.orders.clear()
        book.positions = {leg: units for leg, units in book.positions.items() if units}
        book.overnight = dict(book.positions)


def morning(
    desk: Desk,
    at: str = "09:00",
    *,
    day: int = 3,
    instruments: tuple[Instrument, ...] = INSTRUMENTS,
    keep_orders: bool = False,
) -> None:
    """The next day comes for a process that runs on."""
    desk.now_ns = ns("06:00", day)
    pass_night(desk, keep_orders=keep_orders)
    desk.handle(DayBegan(at_ns=desk.now_ns, day=f"2026-11-{day:02d}", sessions=SESSIONS, charges=FREE))
    desk.handle(InstrumentsLoaded(at_ns=desk.now_ns, instruments=instruments))
    jump(desk, ns(at, day))


def jump(desk: Desk, until_ns: int) -> None:
    """Let time pass without the polls in between: only the last seconds are run."""
    desk.now_ns = max(desk.now_ns, until_ns - 3_000_000_000)
    desk.run_to(until_ns)


def restart(
    desk: Desk,
    at: str = "09:20",
    *,
    day: int = 3,
    instruments: tuple[Instrument, ...] = INSTRUMENTS,
    with_settings: Settings | None = None,
    slept: bool = False,
) -> None:
    """The process was down over the night; `slept`: the test has let the night pass."""
    if not slept:
        pass_night(desk)
    desk.now_ns = ns(at, day)
    desk.settings = with_settings or desk.settings
    desk.core = type(desk.core)(desk.core.state)
    desk.unclean = False
    desk.start(day=day, sessions=SESSIONS)
    desk.load(instruments)


def hold_at_broker(desk: Desk, units: int, leg: LegId, account: str = "C1") -> None:
    """What the broker lists of a leg from now on."""
    desk.books[account].positions[leg] = units


def order_of(desk: Desk, tag: str) -> ChildOrder:
    """The core's record of an order by its tag."""
    return desk.state.orders[tag]
