"""A recorded day: market and master's orders of a directory, ready to be replayed.

It must not read a clock nor place anything; whoever replays the day says what time it is. Everything that looked odd
is counted in `warnings`, everything that cannot be used is a `ConfigError` with file and line.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from engine.core.symbols import CASH_EXCHANGES, derivatives_exchange
from engine.errors import ConfigError
from engine.model import Instrument, OrderReport, Quote
from paper.ist import ist_ns
from paper.recorded_files import time_of_day_s
from paper.recorded_lots import make_instruments
from paper.recorded_market import IndexClose, Tick, read_market
from paper.recorded_orders import RecordedOrders, read_orders

STALE_CADENCES = 3
"A quote is stale after so many spacings without a new one: gaps of the recording are not traded in."
DAY_S = 86_400

Snapshot = tuple[int, tuple[Quote, ...]]
"A time and the quotes of that time, at most one an instrument."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDay:
    """One day, immutable."""

    day: date
    name: str
    "The directory's name."
    instruments: tuple[Instrument, ...]
    quotes: tuple[Snapshot, ...]
    "By time."
    master_orders: tuple[OrderReport, ...]
    "By time, all COMPLETE."
    index: tuple[IndexClose, ...]
    "Closes of the index by the time at which they were known; may be empty."
    cadence_ns: int
    "Median spacing of the recording."
    warnings: tuple[str, ...]


def load_day(directory: Path, *, from_time: str | None = None, to_time: str | None = None) -> RecordedDay:
    """Load a recorded day.

    Args:
        directory: Named YYYY-MM-DD, with the files of INTERFACES, recorded days.
        from_time: `HH:MM[:SS]` IST; market and orders before it are left out.
        to_time: The same for what comes after it; its own second is still in.

    Raises:
        ConfigError: A file is missing or has a row that cannot be used, or nothing is left between the two times.
    """
    day = _day_of(directory)
    first_ns, last_ns = _window(directory, day, from_time, to_time)
    master = read_orders(directory, day)
    equities = frozenset(order.symbol for order in master.orders if order.exchange in CASH_EXCHANGES)
    market = read_market(directory, day, equities)
    ticks = market.ticks
    unquoted = _unquoted(ticks, master)
    if market.is_candles:
        ticks = _with_prints(ticks, master.orders)
    instruments, lot_warnings = _instruments(ticks, master, day)
    orders = tuple(order for order in master.orders if first_ns <= order.placed_ns <= last_ns)
    quotes = _snapshots((tick for tick in ticks if first_ns <= tick.at_ns <= last_ns), instruments, market.cadence_ns)
    if not quotes:
        raise ConfigError(directory, None, "", "has no market data between the times given")
    return RecordedDay(
        day=day,
        name=directory.absolute().name,
        instruments=tuple(instruments.values()),
        quotes=quotes,
        master_orders=orders,
        index=tuple(close for close in market.index if first_ns <= close[0] <= last_ns),
        cadence_ns=market.cadence_ns,
        warnings=(
            *market.warnings,
            *master.warnings,
            *lot_warnings,
            *unquoted,
            *_cut_warnings(master.orders, first_ns, last_ns),
        ),
    )


def _day_of(directory: Path) -> date:
    if not directory.is_dir():
        raise ConfigError(directory, None, "", "is no directory")
    name = directory.absolute().name
    try:
        day = date.fromisoformat(name)
    except ValueError:
        day = None
    if day is None or day.isoformat() != name:
        raise ConfigError(directory, None, "", "must be named for its day, such as 2025-08-29")
    return day


def _window(directory: Path, day: date, from_time: str | None, to_time: str | None) -> tuple[int, int]:
    """First and last nanosecond of what is taken."""
    first_s = 0 if from_time is None else time_of_day_s(directory, "from", from_time)
    last_s = DAY_S - 1 if to_time is None else time_of_day_s(directory, "to", to_time)
    if first_s > last_s:
        raise ConfigError(directory, None, "from", f"{from_time} is later than {to_time}")
    return ist_ns(day, first_s), ist_ns(day, last_s + 1) - 1


def _unquoted(ticks: Sequence[Tick], master: RecordedOrders) -> list[str]:
    quoted = {tick.symbol for tick in ticks}
    counts = Counter(order.symbol for order in master.orders if order.symbol not in quoted)
    return [f"{symbol}: {count} master orders without any quote in the market data" for symbol, count in counts.items()]


def _with_prints(ticks: Sequence[Tick], orders: Sequence[OrderReport]) -> tuple[Tick, ...]:
    """The candles' ticks and the master's trades, the only real prints of such a day; where both meet these count."""
    prints = (Tick(at_ns=order.placed_ns, symbol=order.symbol, last_inr=order.average_price_inr) for order in orders)
    return tuple(sorted((*ticks, *prints), key=lambda tick: tick.at_ns))


def _instruments(ticks: Iterable[Tick], master: RecordedOrders, day: date) -> tuple[dict[str, Instrument], list[str]]:
    """Instruments by symbol, of everything that is quoted or traded."""
    exchanges = {order.symbol: order.exchange for order in master.orders}
    ordered: dict[str, set[int]] = {}
    for order in master.orders:
        ordered.setdefault(order.symbol, set()).add(order.quantity)
    displayed: dict[str, set[int]] = {}
    for tick in ticks:
        if tick.symbol not in exchanges:
            exchanges[tick.symbol] = derivatives_exchange(tick.symbol)
        displayed.setdefault(tick.symbol, set()).update((tick.bid_units or 0, tick.ask_units or 0))
    return make_instruments(dict(sorted(exchanges.items())), ordered, displayed, master.expiries, day)


def _snapshots(ticks: Iterable[Tick], instruments: Mapping[str, Instrument], cadence_ns: int) -> tuple[Snapshot, ...]:
    """Quotes by time; of two of one instrument and time the later one."""
    snapshots: dict[int, dict[str, Quote]] = {}
    for tick in ticks:
        quote = _quote(tick, instruments[tick.symbol], STALE_CADENCES * cadence_ns)
        snapshots.setdefault(tick.at_ns, {})[tick.symbol] = quote
    return tuple((at_ns, tuple(quotes.values())) for at_ns, quotes in snapshots.items())


def _quote(tick: Tick, instrument: Instrument, stale_after_ns: int) -> Quote:
    return Quote(
        instrument=instrument.id,
        at_ns=tick.at_ns,
        last_inr=tick.last_inr,
        bid_inr=tick.bid_inr,
        ask_inr=tick.ask_inr,
        bid_units=tick.bid_units,
        ask_units=tick.ask_units,
        volume_units=_units(tick.volume_lots, instrument.lot_units),
        open_interest_units=_units(tick.open_interest_lots, instrument.lot_units),
        stale_at_ns=tick.at_ns + stale_after_ns,
    )


def _units(lots: Decimal | None, lot_units: int) -> int | None:
    return None if lots is None else round(lots * lot_units)


def _cut_warnings(orders: Sequence[OrderReport], first_ns: int, last_ns: int) -> list[str]:
    before = sum(order.placed_ns < first_ns for order in orders)
    after = sum(order.placed_ns > last_ns for order in orders)
    texts = (
        (before, "before the start left out; positions opened by them are missing"),
        (after, "after the end left out"),
    )
    return [f"{count} master orders {text}" for count, text in texts if count]
