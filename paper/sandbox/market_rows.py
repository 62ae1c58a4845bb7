"""Quotes and the instrument dump as Kite Connect writes them, and what a quote says of the day so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.model import DepthLevel, InstrumentId, Kind, Quote
from paper.exchange import Exchange
from paper.sandbox.rows import Json, Tokens, stamp

CSV_HEAD: Final = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
LEVELS: Final = 5


@dataclass(slots=True)
class Range:
    """What an instrument traded at since the sandbox began; the first price counts as the previous close."""

    opened: Decimal
    high: Decimal
    low: Decimal
    interest_high: int = 0
    interest_low: int = 0


class Ranges:
    """The ranges of everything that was quoted."""

    def __init__(self) -> None:
        self._known: dict[InstrumentId, Range] = {}

    def see(self, quotes: Sequence[Quote]) -> None:
        """Take quotes in."""
        for quote in quotes:
            if (last := quote.last_inr) is None:
                continue
            interest = quote.open_interest_units or 0
            known = self._known.get(quote.instrument)
            if known is None:
                self._known[quote.instrument] = Range(last, last, last, interest, interest)
                continue
            known.high, known.low = max(known.high, last), min(known.low, last)
            known.interest_high = max(known.interest_high, interest)
            known.interest_low = min(known.interest_low, interest)

    def of(self, quote: Quote) -> Range:
        """An instrument's range; that of the quote alone where nothing else is known."""
        last = quote.last_inr or Decimal(0)
        return self._known.get(quote.instrument) or Range(last, last, last)

    def close(self, instrument: InstrumentId) -> Decimal | None:
        """The previous close."""
        known = self._known.get(instrument)
        return None if known is None else known.opened


def quote_row(quote: Quote, seen: Range, token: int, kind: str) -> Json:
    """A quote as `/quote`, `/quote/ohlc` or `/quote/ltp` (`kind`: the last word) gives it."""
    last = quote.last_inr or 0
    row: Json = {"instrument_token": token, "last_price": last}
    if kind == "ltp":
        return row
    row["ohlc"] = {"open": seen.opened, "high": seen.high, "low": seen.low, "close": seen.opened}
    if kind == "ohlc":
        return row
    buy, sell = sides(quote)
    return row | {
        "timestamp": stamp(quote.at_ns),
        "last_trade_time": stamp(quote.at_ns),
        "last_quantity": 0,
        "buy_quantity": sum(level.units for level in buy),
        "sell_quantity": sum(level.units for level in sell),
        "volume": quote.volume_units or 0,
        "average_price": last,
        "oi": quote.open_interest_units or 0,
        "oi_day_high": seen.interest_high,
        "oi_day_low": seen.interest_low,
        "net_change": last - seen.opened,
        "lower_circuit_limit": 0,
        "upper_circuit_limit": 0,
        "depth": {"buy": _depth(buy), "sell": _depth(sell)},
    }


def sides(quote: Quote) -> tuple[Sequence[DepthLevel], Sequence[DepthLevel]]:
    """Bids and asks, the best first; where only the touch is known, that is the whole book."""
    touches = ((quote.bids, quote.bid_inr, quote.bid_units), (quote.asks, quote.ask_inr, quote.ask_units))
    found = [
        levels or (() if price is None else (DepthLevel(price_inr=price, units=units or 0),))
        for levels, price, units in touches
    ]
    return found[0], found[1]


def _depth(levels: Sequence[DepthLevel]) -> list[Json]:
    shown = [{"price": level.price_inr, "quantity": level.units, "orders": 1} for level in levels[:LEVELS]]
    return shown + [{"price": 0, "quantity": 0, "orders": 0}] * (LEVELS - len(shown))


def instruments_csv(exchange: Exchange, tokens: Tokens, only: str = "") -> str:
    """The instrument dump, of one exchange where it is named."""
    lines = [CSV_HEAD]
    for instrument in exchange.instruments():
        if only and instrument.exchange != only:
            continue
        token = tokens.by_id[instrument.id]
        ending = "OPT" if instrument.is_option else "FUT"
        segment = instrument.exchange if instrument.kind is Kind.EQUITY else f"{instrument.exchange}-{ending}"
        strike = instrument.strike_inr or 0
        lines.append(
            f"{token},{token >> 8},{instrument.symbol},{instrument.underlying},0.0,{instrument.expiry or ''},{strike},"
            f"{instrument.tick_inr},{instrument.lot_units},{instrument.kind.value},{segment},{instrument.exchange}"
        )
    return "\n".join(lines) + "\n"
