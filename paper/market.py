"""A simulated option market: one weekly chain for each underlying, quoted like a liquid one, for demo and simulation.

It must not read a clock nor know of orders and accounts. Seed and times decide everything: however often `advance` is
called, a time has the same quotes. Prices are made only when they are asked for (`advance`), from what the last step
of each option noted, so that catching up costs little.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from types import MappingProxyType

from engine.core.symbols import instrument_from_symbol, option_symbol
from engine.model import NS_PER_MS, NS_PER_S, DepthLevel, Instrument, InstrumentId, Kind, Quote, TradingSession
from paper.ist import ist_ns
from paper.pricing import TickPrices, option_price, smile_vol, touch_around
from paper.spot import SpotPath

NEVER_NS = 2**62
"Later than any time: nothing is due any more."
STRIKES_EACH_SIDE = 12
STALE_AFTER_NS = 10 * NS_PER_S
QUIET_STEPS_MAX = 8
"An option that did not change for so many steps changes: well before its quote is stale."
CHANGE_CHANCE, CHANGE_CHANCE_SUBSCRIBED = 64, 200
"Of 256, in each step."
EXPIRY_S = (15 * 60 + 30) * 60
NS_PER_YEAR = 365 * 86_400 * NS_PER_S
LEVELS = 5
RANDOM_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is listed for one underlying."""

    exchange: str
    spot_inr: int
    "Where its spot starts."
    strike_step_inr: int
    lot_units: int
    freeze_units: int
    expiry_weekday: int
    "0 is Monday."
    tick_inr: Decimal = Decimal("0.05")


LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "NIFTY": Listing(
            exchange="NFO", spot_inr=24_620, strike_step_inr=50, lot_units=65, freeze_units=3510, expiry_weekday=1
        ),
        "SENSEX": Listing(
            exchange="BFO", spot_inr=80_430, strike_step_inr=100, lot_units=20, freeze_units=1000, expiry_weekday=3
        ),
    }
)
"Lots and freeze quantities as of October 2026 (NSE/FAOP/70616, NSE/FAOP/76693; SENSEX 50 lots)."


@dataclass(slots=True, kw_only=True)
class _Option:
    """One listed option and what its last step noted of it."""

    instrument: Instrument
    prices: TickPrices
    strike: float
    expiry_ns: int
    popularity: float
    "0 to 1, 1 at the money of the start."
    volume_lots: int
    open_interest_lots: int
    at_ns: int
    spot: float
    vol: float
    bits: int
    "Chance for this change."
    step: int = 0
    threshold: int = CHANGE_CHANCE
    quote: Quote | None = None


@dataclass(slots=True, kw_only=True)
class _Chain:
    path: SpotPath
    chance: Random
    prices: TickPrices
    options: list[_Option]


class SimulatedMarket:
    """Spot, options and their books.

    Args:
        seed: Decides everything that is left to chance.
        start_ns: The first quotes are of this time.
        day: The trading day; the chain expires on the next expiry day after it.
        sessions: When the market moves. Outside nothing changes.
        underlyings: Keys of `LISTINGS`.
        freeze_units: Freeze quantities by underlying that differ from `LISTINGS`.
        expiry: Expiry of all chains, where a holiday moves it.
        step_ms: Market time between two steps.
    """

    def __init__(
        self,
        seed: int,
        start_ns: int,
        day: date,
        sessions: Sequence[TradingSession],
        underlyings: Sequence[str] = ("NIFTY",),
        freeze_units: Mapping[str, int] | None = None,
        expiry: date | None = None,
        step_ms: int = 500,
    ) -> None:
        self._sessions = tuple(sorted(sessions, key=lambda session: session.open_ns))
        self._step_ns = step_ms * NS_PER_MS
        self._steps = 0
        self._chains: dict[str, _Chain] = {}
        for name in underlyings:
            freeze = (freeze_units or {}).get(name, LISTINGS[name].freeze_units)
            instruments = list_options(name, expiry or _next_weekday(day, LISTINGS[name].expiry_weekday), freeze)
            self._chains[name] = _open_chain(f"{seed}:{name}", name, instruments, start_ns, step_ms)
        self._by_id = {option.instrument.id: option for chain in self._chains.values() for option in chain.options}
        self._changed: dict[InstrumentId, _Option] = dict(self._by_id)
        self._start_ns = start_ns
        self._due_ns = self._step_after(start_ns)

    def instruments(self) -> tuple[Instrument, ...]:
        """Everything that is listed, by underlying, strike and kind."""
        return tuple(option.instrument for option in self._by_id.values())

    def spot_inr(self, underlying: str) -> Decimal:
        """The underlying's spot at the last `advance`, on the tick."""
        chain = self._chains[underlying]
        return chain.prices.price(round(chain.path.spot / float(chain.prices.tick_inr)))

    def subscribe(self, instruments: Iterable[InstrumentId]) -> None:
        """Let these change more often from the next step on. Unknown ones are ignored."""
        for name in instruments:
            if (option := self._by_id.get(name)) is not None:
                option.threshold = CHANGE_CHANCE_SUBSCRIBED

    def newest(self, instrument: InstrumentId) -> Quote | None:
        """The quote as of the last `advance`, `None` before the first one and for what is not listed."""
        option = self._by_id.get(instrument)
        return None if option is None else option.quote

    def is_open(self, at_ns: int) -> bool:
        """Whether `at_ns` lies inside a session."""
        return any(session.open_ns <= at_ns < session.close_ns for session in self._sessions)

    def next_open_ns(self, at_ns: int) -> int:
        """`at_ns` inside a session, else the next opening; `NEVER_NS` after the last session."""
        return at_ns if self.is_open(at_ns) else self.next_opening_ns(at_ns)

    def next_opening_ns(self, after_ns: int) -> int:
        """The first opening after `after_ns`; `NEVER_NS` when there is none."""
        return min((session.open_ns for session in self._sessions if session.open_ns > after_ns), default=NEVER_NS)

    def next_due_ns(self) -> int:
        """When `advance` has something new; `NEVER_NS` when it never has again."""
        return self._start_ns if self._changed else self._due_ns

    def advance(self, now_ns: int) -> tuple[Quote, ...]:
        """Let the market run up to and including `now_ns`.

        Returns:
            The newest quote of every option that changed since the last call; all of them at the first call.
        """
        if now_ns < self._start_ns:
            return ()
        while self._due_ns <= now_ns:
            self._step(self._due_ns)
            self._due_ns = self._step_after(self._due_ns)
        quotes = []
        for option in self._changed.values():
            option.quote = _quote(option)
            quotes.append(option.quote)
        self._changed.clear()
        return tuple(quotes)

    def _step_after(self, at_ns: int) -> int:
        """The time of the step after `at_ns`: on the grid of its session, else the next opening."""
        following = at_ns + self._step_ns
        if self.is_open(at_ns) and self.is_open(following):
            return following
        return self.next_opening_ns(at_ns)

    def _step(self, at_ns: int) -> None:
        """Move every underlying and note the options that change. Draws do not depend on subscriptions."""
        self._steps += 1
        for chain in self._chains.values():
            chain.path.step()
            spot, vol, draw = chain.path.spot, chain.path.vol, chain.chance.getrandbits
            for option in chain.options:
                bits = draw(RANDOM_BITS)
                if (bits & 0xFF) < option.threshold or self._steps - option.step >= QUIET_STEPS_MAX:
                    option.at_ns, option.spot, option.vol, option.bits = at_ns, spot, vol, bits
                    option.step = self._steps
                    option.volume_lots += 1 + int((bits >> 8 & 0x3F) * option.popularity)
                    option.open_interest_lots += int((bits >> 14 & 0x0F) * option.popularity)
                    self._changed[option.instrument.id] = option


def list_options(underlying: str, expiry: date, freeze_units: int) -> list[Instrument]:
    """Calls and puts of one expiry, `STRIKES_EACH_SIDE` strikes on each side of the money."""
    listing = LISTINGS[underlying]
    step = listing.strike_step_inr
    middle = round(listing.spot_inr / step) * step
    strikes = range(middle - STRIKES_EACH_SIDE * step, middle + STRIKES_EACH_SIDE * step + 1, step)
    return [
        instrument_from_symbol(
            listing.exchange,
            option_symbol(listing.exchange, underlying, expiry, Decimal(strike), kind),
            listing.lot_units,
            listing.tick_inr,
            freeze_units,
            expiry=expiry.isoformat(),
        )
        for strike in strikes
        for kind in (Kind.CALL, Kind.PUT)
    ]


def _open_chain(seed: str, underlying: str, instruments: Sequence[Instrument], start_ns: int, step_ms: int) -> _Chain:
    listing = LISTINGS[underlying]
    path = SpotPath(Random(f"{seed}:path"), float(listing.spot_inr), step_ms / 1000)
    chance = Random(f"{seed}:chain")
    prices = TickPrices(listing.tick_inr)
    options = []
    for instrument in instruments:
        strike = float(instrument.strike_inr or 0)
        strikes_away = abs(strike - path.spot) / listing.strike_step_inr
        popularity = 1 / (1 + (strikes_away / 4) ** 2)
        options.append(
            _Option(
                instrument=instrument,
                prices=prices,
                strike=strike,
                expiry_ns=ist_ns(date.fromisoformat(instrument.expiry or ""), EXPIRY_S),
                popularity=popularity,
                volume_lots=int(20_000 * popularity * (0.5 + chance.random())),
                open_interest_lots=int(60_000 * popularity * (0.5 + chance.random())),
                at_ns=start_ns,
                spot=path.spot,
                vol=path.vol,
                bits=chance.getrandbits(RANDOM_BITS),
            )
        )
    return _Chain(path=path, chance=chance, prices=prices, options=options)


def _quote(option: _Option) -> Quote:
    """The quote of what the option's last change noted."""
    instrument, bits, spot, strike = option.instrument, option.bits, option.spot, option.strike
    tick = float(instrument.tick_inr)
    years = (option.expiry_ns - option.at_ns) / NS_PER_YEAR
    vol = smile_vol(option.vol, spot, strike, years)
    noise = ((bits >> 20 & 0x0F) - 7.5) / 15 * tick
    touch = touch_around(option_price(instrument.kind, spot, strike, years, vol) + noise, spot, strike, tick)
    gap = 1 + (touch.ask_ticks - touch.bid_ticks) // 4
    bids = _levels(option, touch.bid_ticks, -gap, bits >> 24)
    asks = _levels(option, touch.ask_ticks, gap, bits >> 44)
    last = bids[0] if bids and bits >> 19 & 1 else asks[0]
    return Quote(
        instrument=instrument.id,
        at_ns=option.at_ns,
        last_inr=last.price_inr,
        bid_inr=bids[0].price_inr if bids else None,
        ask_inr=asks[0].price_inr,
        bid_units=bids[0].units if bids else None,
        ask_units=asks[0].units,
        bids=bids,
        asks=asks,
        volume_units=option.volume_lots * instrument.lot_units,
        open_interest_units=option.open_interest_lots * instrument.lot_units,
        stale_at_ns=option.at_ns + STALE_AFTER_NS,
    )


def _levels(option: _Option, best_ticks: int, gap_ticks: int, bits: int) -> tuple[DepthLevel, ...]:
    """Up to five levels from the best price outwards, in whole lots; none at or below zero."""
    lot, price = option.instrument.lot_units, option.prices.price
    levels = []
    for index in range(LEVELS):
        ticks = best_ticks + index * gap_ticks
        if ticks <= 0:
            break
        lots = 8 * (index + 1) + 4 * (bits >> 4 * index & 0x0F)
        levels.append(DepthLevel(price_inr=price(ticks), units=lots * lot))
    return tuple(levels)


def _next_weekday(day: date, weekday: int) -> date:
    """The first such weekday after `day`."""
    return day + timedelta(days=(weekday - day.weekday() - 1) % 7 + 1)
