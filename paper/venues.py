"""Markets to trade in on paper: the simulated one with its scripted master, and a recorded day with its own.

A venue feeds a `World`; it knows neither the process that trades there nor how fast its clock runs.
"""

from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from config.rules import charge_rates, freeze_units, is_covered, ist, next_trading_day, trading_sessions
from config.schema import Settings
from engine.events import InstrumentsLoaded
from engine.feed import QuoteFeed
from engine.loop import EngineLoop
from engine.model import NS_PER_MS, NS_PER_S, Basket, Instrument, InstrumentId
from engine.opening import sessions_of
from paper.lane import AgendaLane
from paper.market import NEVER_NS, SimulatedMarket
from paper.recorded import RecordedDay
from paper.script import MasterScript
from paper.world import World

DEMO_START = "10:00:00"
DEMO_DAYS_TO_EXPIRY = 4
"At least so many days before expiry: on the last day premiums jump too much to show lockstep."
TUESDAY = 1
QUOTE_INTERVAL_NS = 500 * NS_PER_MS
SETTLE_NS = 60 * NS_PER_S
"""How long a replay goes on after its last recorded thing, for exits and the end of the strategy."""


class _PaperVenue:
    """What the venues of paper have in common."""

    world: World
    instruments: tuple[Instrument, ...]
    carried: tuple[InstrumentId, ...] = ()
    "Instruments of what is open from before; a paper market lists everything anyway."

    @property
    def files(self) -> tuple[InstrumentsLoaded, ...]:
        """The instrument file of everybody."""
        return (InstrumentsLoaded(at_ns=0, instruments=self.instruments),)

    def basket_margin(self, basket: Basket) -> Decimal | None:
        """Nothing: the estimate is the paper exchange's own reckoning."""
        return None

    def connect(self) -> tuple[dict[str, AgendaLane], QuoteFeed]:
        """Lanes and quotes for a process that starts."""
        return self.world.connect()


class DemoVenue(_PaperVenue):
    """A simulated option market and a master who trades an iron condor in it, again and again.

    Args:
        settings: The configuration; its demo section has the seed.
        loop: The loop with the clock of the market.
        day: The trading day.
        start_ns: When the market begins.
    """

    def __init__(self, settings: Settings, loop: EngineLoop, day: date, start_ns: int) -> None:
        seed = settings.demo.seed
        sessions = sessions_of(day)
        nifty_freeze = freeze_units("NIFTY", day)
        self.day, self.start_ns = day, start_ns
        self.market = SimulatedMarket(
            seed,
            start_ns,
            day,
            sessions,
            freeze_units=None if nifty_freeze is None else {"NIFTY": nifty_freeze},
            expiry=demo_expiry(day),
        )
        self.instruments = self.market.instruments()
        self.world = World(
            settings,
            sessions=sessions,
            instruments=self.instruments,
            charges=charge_rates(day),
            loop=loop,
            quote_interval_ns=QUOTE_INTERVAL_NS,
        )
        self.until_ns: int | None = None
        self._script = MasterScript(self.market, settings.master.id, start_ns, seed)
        self._hurries = False
        self._planned = 0
        self._plan(start_ns)

    def hurry(self, on: bool, now_ns: int) -> None:
        """While a past market is rebuilt, make only the quotes that an order meets: nobody hears the others."""
        self._hurries = on
        self.world.before_work = self._be_current if on else None
        if not on:
            self._be_current(now_ns)

    def _plan(self, due_ns: int) -> None:
        """The one next step; one that was planned before is dropped."""
        self._planned += 1
        if due_ns < NEVER_NS:
            self.world.agenda.at(due_ns, partial(self._step, self._planned))

    def _step(self, number: int, now_ns: int) -> None:
        if number != self._planned:
            return
        self.world.quote(self.market.advance(now_ns), now_ns)
        for order in self._script.due_orders(now_ns):
            self.world.exchange.place(order, now_ns)
        due_ns = self._script.next_due_ns()
        if not self._hurries or self.world.exchange.has_resting:
            due_ns = min(due_ns, self.market.next_due_ns())
        self._plan(max(due_ns, now_ns + 1))

    def _be_current(self, now_ns: int) -> None:
        """Make the quotes up to now; after it one step in turn, which sees whether an order rests."""
        if now_ns >= self.start_ns:
            self.world.quote(self.market.advance(now_ns), now_ns)
            self._plan(max(min(self._script.next_due_ns(), self.market.next_due_ns()), now_ns + 1))


class ReplayVenue(_PaperVenue):
    """A recorded day: its quotes, and its master's orders at the prices that he got.

    Args:
        settings: The configuration; every account trades on paper.
        loop: The loop with the clock of that day.
        recorded: The day.
    """

    def __init__(self, settings: Settings, loop: EngineLoop, recorded: RecordedDay) -> None:
        self.recorded, self.day, self.instruments = recorded, recorded.day, recorded.instruments
        self.start_ns = first_ns(recorded)
        self.world = World(
            settings,
            sessions=sessions_of(recorded.day),
            instruments=recorded.instruments,
            charges=charge_rates(recorded.day),
            loop=loop,
            quote_interval_ns=QUOTE_INTERVAL_NS,
            push_master=False,
        )
        self.until_ns = last_ns(recorded) + SETTLE_NS
        self._next_quotes = 0
        for report in recorded.master_orders:
            loop.agenda.at(report.updated_ns, partial(self.world.record_master, report))
        self._plan_quotes()

    def hurry(self, on: bool, now_ns: int) -> None:
        """A recorded market is as quick as it can be."""

    def _plan_quotes(self) -> None:
        if self._next_quotes < len(self.recorded.quotes):
            self.world.agenda.at(self.recorded.quotes[self._next_quotes][0], self._quotes)

    def _quotes(self, now_ns: int) -> None:
        self.world.quote(self.recorded.quotes[self._next_quotes][1], now_ns)
        self._next_quotes += 1
        self._plan_quotes()


def first_ns(recorded: RecordedDay) -> int:
    """When a replay begins: the opening, or shortly before what was recorded first."""
    earliest = [recorded.quotes[0][0], *(order.placed_ns for order in recorded.master_orders[:1])]
    opens = [a for a, _ in trading_sessions(recorded.day)]
    return max(min(earliest) - SETTLE_NS, min([*opens, min(earliest)]))


def last_ns(recorded: RecordedDay) -> int:
    """When the last recorded thing happens."""
    return max([recorded.quotes[-1][0], *(order.updated_ns for order in recorded.master_orders)])


def demo_day(today: date) -> date:
    """The trading day that the demo plays: today, or the next one; the last known one where the calendar ends."""
    if trading_sessions(today):
        return today
    following = next_trading_day(today)
    while following is None:
        today -= timedelta(days=1)
        following = today if trading_sessions(today) else None
    return following


def demo_expiry(day: date) -> date:
    """The weekly expiry that the demo trades: a Tuesday some days ahead, or the trading day before it on a holiday."""
    expiry = day + timedelta(days=DEMO_DAYS_TO_EXPIRY)
    expiry += timedelta(days=(TUESDAY - expiry.weekday()) % 7)
    while not trading_sessions(expiry) and is_covered(expiry):
        expiry -= timedelta(days=1)
    return expiry


def demo_start_ns(day: date) -> int:
    """Market time at which the demo begins."""
    return ist(day, DEMO_START)


Venue = DemoVenue | ReplayVenue
