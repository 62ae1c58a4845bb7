"""What the sandbox trades in: the simulated option market, or a recorded day at its own times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from config.rules import freeze_units
from engine.errors import ConfigError
from engine.model import NS_PER_S, Instrument, Quote, TradingSession
from engine.opening import sessions_of
from paper.ist import ist_ns
from paper.market import SimulatedMarket
from paper.recorded import DAY_S, RecordedDay
from paper.venues import demo_expiry


class Market(Protocol):
    """What is traded."""

    def instruments(self) -> Sequence[Instrument]:
        """Everything that is listed."""
        ...

    def advance(self, now_ns: int) -> Sequence[Quote]:
        """The next quotes that changed up to `now_ns`; empty when there are no more of them."""
        ...


class ReplayedMarket:
    """The quotes of a recorded day, one snapshot after the other: a resting order meets each of them.

    Args:
        recorded: The day.
    """

    def __init__(self, recorded: RecordedDay) -> None:
        self._recorded = recorded
        self._next = 0

    def instruments(self) -> Sequence[Instrument]:
        """Everything that was quoted or traded that day."""
        return self._recorded.instruments

    def advance(self, now_ns: int) -> Sequence[Quote]:
        """The next snapshot, if it is of a time up to `now_ns`."""
        if self._next == len(self._recorded.quotes) or self._recorded.quotes[self._next][0] > now_ns:
            return ()
        self._next += 1
        return self._recorded.quotes[self._next - 1][1]


@dataclass(frozen=True, slots=True)
class Stage:
    """A market with the times at which it can be traded in."""

    market: Market
    start_ns: int
    "What the sandbox's clock shows first."
    sessions: tuple[TradingSession, ...]


def replayed(recorded: RecordedDay) -> Stage:
    """A recorded day. It begins with the first quote, and with the last one the market closes.

    Raises:
        ConfigError: Nothing was traded that day, by the calendar.
    """
    first_ns, last_ns = recorded.quotes[0][0], recorded.quotes[-1][0]
    midnight_ns = ist_ns(recorded.day)
    today = [s for s in sessions_of(recorded.day) if midnight_ns <= s.open_ns < midnight_ns + DAY_S * NS_PER_S]
    if not today:
        raise ConfigError(recorded.name, None, "", "is no trading day of the calendar")
    cut = (
        TradingSession(open_ns=session.open_ns, close_ns=min(session.close_ns, last_ns + NS_PER_S))
        for session in today
        if session.open_ns <= last_ns
    )
    return Stage(ReplayedMarket(recorded), first_ns, tuple(cut))


def simulated(day: date, start_ns: int, seed: int) -> Stage:
    """The option market of the demo."""
    freeze = freeze_units("NIFTY", day)
    sessions = sessions_of(day)
    market = SimulatedMarket(
        seed,
        start_ns,
        day,
        sessions,
        freeze_units=None if freeze is None else {"NIFTY": freeze},
        expiry=demo_expiry(day),
    )
    return Stage(market, start_ns, sessions)
