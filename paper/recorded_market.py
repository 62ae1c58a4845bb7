"""The market of a recorded day: `quotes.csv[.gz]` with books, or `candles.csv` by the minute; the index beside it.

It gives ticks, the plain content of the rows, because a quote needs what only the whole day tells (lot and cadence).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import median_low

from engine.errors import ConfigError
from engine.model import NS_PER_S, Value
from paper.recorded_files import Table

QUOTE_FILES = ("quotes.csv", "quotes.csv.gz")
QUOTE_COLUMNS = ("time", "symbol", "last", "bid", "bid_qty", "ask", "ask_qty", "volume_lots", "oi_lots")
CANDLE_FILE = "candles.csv"
CANDLE_COLUMNS = ("candle_time", "symbol", "open", "high", "low", "close")
INDEX_FILE = "index.jsonl"
INDEX_SYMBOL = "NIFTY 50"
OPEN_S, FIRST_EXTREME_S, SECOND_EXTREME_S, CLOSE_S = 0, 20, 40, 59
"When in its minute a candle's prices are shown: low before high in a rising candle, high before low in a falling one."
CADENCE_DEFAULT_NS = 60 * NS_PER_S


class Tick(Value, frozen=True, kw_only=True):
    """One row of the market: what was seen of a symbol at a time. A price that is not there is `None`, never zero."""

    at_ns: int
    symbol: str
    last_inr: Decimal | None = None
    bid_inr: Decimal | None = None
    bid_units: int | None = None
    ask_inr: Decimal | None = None
    ask_units: int | None = None
    volume_lots: Decimal | None = None
    open_interest_lots: Decimal | None = None


IndexClose = tuple[int, Decimal]
"When the close was known, and the close."


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMarket:
    """What was read."""

    ticks: tuple[Tick, ...]
    "By time; at most one for a symbol and a time."
    index: tuple[IndexClose, ...]
    cadence_ns: int
    "Median spacing of the snapshots, or of the candles."
    is_candles: bool
    warnings: tuple[str, ...]


def read_market(directory: Path, day: date, equities: frozenset[str] = frozenset()) -> RecordedMarket:
    """Read the day's market; a file of quotes goes before candles. Raises `ConfigError`.

    Args:
        directory: The recorded day.
        day: Its date.
        equities: Symbols that are equities. All others have to be derivatives.
    """
    quotes = next((directory / name for name in QUOTE_FILES if (directory / name).exists()), None)
    candles = directory / CANDLE_FILE
    index = read_index(directory / INDEX_FILE, day)
    if quotes is not None:
        return _read_quotes(quotes, day, index, equities)
    if candles.exists():
        return _read_candles(candles, day, index, equities)
    raise ConfigError(directory, None, "", f"has none of {', '.join(QUOTE_FILES)} and {CANDLE_FILE}")


def read_index(path: Path, day: date) -> tuple[IndexClose, ...]:
    """The index by the minute, empty without the file. Raises `ConfigError`."""
    if not path.exists():
        return ()
    table = Table(path, day, ())
    closes: dict[int, Decimal] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise table.fault(None, "", f"cannot be read: {error}") from error
    for line, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
            time, close = row["ts"], row["close"]
        except (ValueError, KeyError, TypeError):
            raise table.fault(line, "", "is no JSON object with ts and close") from None
        closes[table.time_ns(line, "ts", str(time)) + CLOSE_S * NS_PER_S] = table.number(line, "close", str(close))
    return tuple(sorted(closes.items()))


def _read_quotes(path: Path, day: date, index: tuple[IndexClose, ...], equities: frozenset[str]) -> RecordedMarket:
    table = Table(path, day, QUOTE_COLUMNS)
    ticks: dict[tuple[int, str], Tick] = {}
    times: list[int] = []
    crossed = repeated = 0
    for line, (time, symbol, last, bid, bid_qty, ask, ask_qty, volume, interest) in table.rows():
        at_ns = table.time_ns(line, "time", time)
        bid_inr, bid_units = _side_of_book(table, line, ("bid", bid), ("bid_qty", bid_qty))
        ask_inr, ask_units = _side_of_book(table, line, ("ask", ask), ("ask_qty", ask_qty))
        times.append(at_ns)
        tick = Tick(
            at_ns=at_ns,
            symbol=symbol if symbol in equities else table.symbol(line, "symbol", symbol),
            last_inr=table.price(line, "last", last),
            bid_inr=bid_inr,
            bid_units=bid_units,
            ask_inr=ask_inr,
            ask_units=ask_units,
            volume_lots=table.number(line, "volume_lots", volume) if volume else None,
            open_interest_lots=table.number(line, "oi_lots", interest) if interest else None,
        )
        if bid_inr is not None and ask_inr is not None and bid_inr > ask_inr:
            crossed += 1
            continue
        repeated += (at_ns, symbol) in ticks
        ticks[at_ns, symbol] = tick
    counts = [(crossed, "quotes dropped, the bid above the ask"), (repeated, "quotes repeated, the last one kept")]
    return _market(table, ticks.values(), times, index, counts, is_candles=False)


def _side_of_book(
    table: Table, line: int, price: tuple[str, str], units: tuple[str, str]
) -> tuple[Decimal | None, int | None]:
    """Best price and its units of one side; both `None` when nobody is there, which may stand as either being zero."""
    price_inr = table.price(line, *price)
    number = table.units(line, *units) if units[1] else None
    return (None, None) if price_inr is None or number == 0 else (price_inr, number)


def _read_candles(path: Path, day: date, index: tuple[IndexClose, ...], equities: frozenset[str]) -> RecordedMarket:
    table = Table(path, day, CANDLE_COLUMNS)
    candles: dict[tuple[int, str], tuple[Decimal, Decimal, Decimal, Decimal]] = {}
    times: list[int] = []
    known = {INDEX_SYMBOL, *equities}
    repeated = empty = impossible = 0
    for line, (time, symbol, *texts) in table.rows():
        at_ns = table.time_ns(line, "candle_time", time)
        if symbol not in known:
            known.add(table.symbol(line, "symbol", symbol))
        times.append(at_ns)
        prices = [table.price(line, name, text) for name, text in zip(CANDLE_COLUMNS[2:], texts, strict=True)]
        first, high, low, close = prices
        if first is None or high is None or low is None or close is None:
            empty += 1
        elif low > min(first, close) or high < max(first, close):
            impossible += 1
        else:
            repeated += (at_ns, symbol) in candles
            candles[at_ns, symbol] = (first, high, low, close)
    own = {at_ns + CLOSE_S * NS_PER_S: prices[3] for (at_ns, name), prices in candles.items() if name == INDEX_SYMBOL}
    ticks = [
        tick
        for (at_ns, symbol), prices in candles.items()
        if symbol != INDEX_SYMBOL
        for tick in _candle_ticks(at_ns, symbol, *prices)
    ]
    counts = [
        (repeated, "candles repeated, the last one kept"),
        (empty, "candles dropped, a price is zero"),
        (impossible, "candles dropped, a price outside low and high"),
    ]
    return _market(table, ticks, times, index or tuple(sorted(own.items())), counts, is_candles=True)


def _candle_ticks(at_ns: int, symbol: str, first: Decimal, high: Decimal, low: Decimal, close: Decimal) -> list[Tick]:
    one, other = (low, high) if close >= first else (high, low)
    shown = ((OPEN_S, first), (FIRST_EXTREME_S, one), (SECOND_EXTREME_S, other), (CLOSE_S, close))
    return [Tick(at_ns=at_ns + second * NS_PER_S, symbol=symbol, last_inr=price) for second, price in shown]


def _market(
    table: Table,
    ticks: Iterable[Tick],
    times: list[int],
    index: tuple[IndexClose, ...],
    counts: list[tuple[int, str]],
    *,
    is_candles: bool,
) -> RecordedMarket:
    """Sort and count what was read. `times` are those of the rows, as they stood."""
    in_order = tuple(sorted(ticks, key=lambda tick: tick.at_ns))
    if not in_order:
        raise table.fault(None, "", "has no usable row")
    back = sum(later < earlier for earlier, later in pairwise(times))
    counts = [*counts, (back, "rows were earlier than the one before them; sorted by time")]
    moments = sorted(set(times))
    spacings = [later - earlier for earlier, later in pairwise(moments)]
    return RecordedMarket(
        ticks=in_order,
        index=index,
        cadence_ns=median_low(spacings) if spacings else CADENCE_DEFAULT_NS,
        is_candles=is_candles,
        warnings=tuple(f"{table.path.name}: {count} {text}" for count, text in counts if count),
    )
