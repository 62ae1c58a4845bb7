"""What a portfolio ties up at the broker: an estimate in the manner of SPAN, for prompts and for the paper exchange.

It must not be used as the truth where a broker's own figure is at hand, and knows neither clock nor accounts.

The model, for each underlying by itself (no offset between underlyings):

- The portfolio is revalued in 16 scenarios: the underlying moves by 0, 1/3, 2/3 and 3/3 of the scan range up and down,
  each with volatility shifted up and down, and by twice the range up and down with 35 % of the loss counted. The scan
  risk is the largest loss against today's prices.
- An option is worth intrinsic plus time value of a normally distributed underlying. Its one parameter, the standard
  deviation of the underlying until expiry in rupees, is fitted to the option's own price, so neither a clock nor rates
  are needed.
- Exposure margin is a share of the notional value of every short option and of every future.
- requirement = max(scan risk, net option value) + exposure. Bought options alone so need exactly their premium: the
  requirement includes it. What is available after a trade is therefore capital + realised + unrealised - requirement.

Distance from SPAN: no calendar-spread charge, no short option minimum, one scan range for all indices (8.5 %) and one
for all stocks (15 %) instead of daily files, no expiry-day surcharge, no delivery margin. Calibrated against Kite's
basket margin of a one-lot (65) NIFTY iron condor of 2026-10-07 (293,560 with the shorts first, 66,432 in the end) and
a naked at-the-money short of about 1.3 to 1.6 lakh a lot: near those, within about a tenth.

Floats are used inside: this is an estimate. Amounts go in and come out as `Decimal`, the result in whole rupees.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from engine.model import Instrument, InstrumentId, Kind, Value

INDICES = frozenset(
    {"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX", "SENSEX50", "NIFTYFPI"}
)
"""Underlyings that are indices; everything else counts as a stock."""

_SCAN_INDEX, _SCAN_STOCK = 0.085, 0.15
_EXPOSURE_INDEX, _EXPOSURE_STOCK = 0.02, 0.035
_SHORT_EQUITY = 0.2
_VOLATILITY_UP, _VOLATILITY_DOWN = 1.25, 0.75
_EXTREME_COVER = 0.35
_SCENARIOS: tuple[tuple[float, float, float], ...] = (
    *((step / 3, shift, 1.0) for step in range(-3, 4) for shift in (_VOLATILITY_UP, _VOLATILITY_DOWN)),
    (2.0, 1.0, _EXTREME_COVER),
    (-2.0, 1.0, _EXTREME_COVER),
)
"""(move in scan ranges, factor on the volatility, share of the loss that counts)."""

_DEEP = Decimal("0.05")
"""An option dearer than this share of its strike is taken as all intrinsic value when the spot must be guessed."""

_SPOT_LEAST = 1.0
"""In rupees: parity of absurd prices may give zero or less."""

_SQRT_2 = math.sqrt(2.0)
_SQRT_2_PI = math.sqrt(2.0 * math.pi)


class MarginPosition(Value, frozen=True):
    """Signed units of one instrument at today's price."""

    instrument: Instrument
    units: int
    "+ long, - short."
    price_inr: Decimal
    "Today's price, not what was paid."


def portfolio_margin(positions: Sequence[MarginPosition], spots: Mapping[str, Decimal]) -> Decimal:
    """What the positions tie up, premium of bought options included, in whole rupees, at least 0.

    Positions of one instrument are netted first.

    Args:
        positions: In any order; units of 0 are ignored.
        spots: Spot (or forward) of each underlying in rupees. A missing one is estimated from the positions
            themselves, as `spot_from_prices` says.
    """
    by_underlying: dict[str, list[MarginPosition]] = {}
    equity = 0.0
    for position in _netted(positions):
        if position.instrument.kind is Kind.EQUITY:
            value = position.units * float(position.price_inr)
            equity += value if value > 0 else -value * _SHORT_EQUITY
        else:
            by_underlying.setdefault(position.instrument.underlying, []).append(position)
    total = equity + sum(_underlying_margin(name, legs, spots.get(name)) for name, legs in by_underlying.items())
    return Decimal(max(0, round(total)))


def order_margin(
    existing: Sequence[MarginPosition], added: Sequence[MarginPosition], spots: Mapping[str, Decimal]
) -> Decimal:
    """By how much `added` raises what `existing` ties up, in whole rupees; 0 where it lowers it."""
    before = portfolio_margin(existing, spots)
    return max(Decimal(0), portfolio_margin((*existing, *added), spots) - before)


def spot_from_prices(prices: Iterable[tuple[Instrument, Decimal]]) -> Decimal | None:
    """An underlying's spot from prices of its instruments, `None` without any.

    In this order: the share's own price; put-call parity of the nearest expiry that has both sides, at the strike where
    they differ least; the nearest future; the mean of what the single options suggest (the strike, or strike and price
    of one that is deep in the money). The last assumes at the money, where a short option needs most.
    """
    pairs: dict[tuple[str, Decimal], dict[Kind, Decimal]] = {}
    futures: dict[str, Decimal] = {}
    guesses: list[Decimal] = []
    for instrument, price in prices:
        strike, expiry = instrument.strike_inr, instrument.expiry or ""
        if instrument.kind is Kind.EQUITY:
            return price
        if instrument.kind is Kind.FUTURE:
            futures[expiry] = price
        elif strike is not None:
            pairs.setdefault((expiry, strike), {})[instrument.kind] = price
            guesses.append(_single_option_spot(instrument.kind, strike, price))
    parity = [
        (expiry, abs(both[Kind.CALL] - both[Kind.PUT]), strike + both[Kind.CALL] - both[Kind.PUT])
        for (expiry, strike), both in pairs.items()
        if len(both) == 2
    ]
    if parity:
        return min(parity)[2]
    if futures:
        return futures[min(futures)]
    return sum(guesses, Decimal(0)) / len(guesses) if guesses else None


def _single_option_spot(kind: Kind, strike: Decimal, price: Decimal) -> Decimal:
    if price <= _DEEP * strike:
        return strike
    return strike + price if kind is Kind.CALL else max(strike - price, _DEEP * strike)


def _netted(positions: Sequence[MarginPosition]) -> list[MarginPosition]:
    """One position an instrument; without those that come out at nothing."""
    net: dict[InstrumentId, MarginPosition] = {}
    for position in positions:
        key = position.instrument.id
        net[key] = _together(net[key], position) if key in net else position
    return [position for position in net.values() if position.units]


def _together(one: MarginPosition, other: MarginPosition) -> MarginPosition:
    """Two positions of one instrument: the mean price where they add up, that of the larger one where they offset."""
    units = one.units + other.units
    if one.units * other.units > 0:
        price = (one.units * one.price_inr + other.units * other.price_inr) / units
    else:
        price = one.price_inr if abs(one.units) >= abs(other.units) else other.price_inr
    return MarginPosition(instrument=one.instrument, units=units, price_inr=price)


def _underlying_margin(name: str, legs: Sequence[MarginPosition], known_spot: Decimal | None) -> float:
    """Requirement of all derivatives of one underlying."""
    estimate = known_spot or spot_from_prices((leg.instrument, leg.price_inr) for leg in legs)
    if estimate is None:
        return 0.0  # no leg is a future or has a strike: there is nothing to revalue
    spot = max(float(estimate), _SPOT_LEAST)
    is_index = name in INDICES
    exposure = (_EXPOSURE_INDEX if is_index else _EXPOSURE_STOCK) * spot
    reach = (_SCAN_INDEX if is_index else _SCAN_STOCK) * spot
    losses = [0.0] * len(_SCENARIOS)
    option_value = 0.0
    exposed_units = 0
    for leg in legs:
        strike = leg.instrument.strike_inr
        if not leg.instrument.is_option or strike is None:
            exposed_units += abs(leg.units)
            for index, (move, _, cover) in enumerate(_SCENARIOS):
                losses[index] -= leg.units * move * reach * cover
            continue
        price = float(leg.price_inr)
        option_value += leg.units * price
        exposed_units += max(0, -leg.units)
        _add_option(losses, leg, price=price, strike=float(strike), spot=spot, reach=reach)
    return max(*losses, option_value, 0.0) + exposure * exposed_units


def _add_option(
    losses: list[float], leg: MarginPosition, *, price: float, strike: float, spot: float, reach: float
) -> None:
    """Add one option's loss in each scenario to `losses`."""
    way = 1.0 if leg.instrument.kind is Kind.CALL else -1.0
    deviation = _fitted_deviation(price - max(0.0, way * (spot - strike)), abs(spot - strike), spot)
    units = leg.units
    for index, (move, shift, cover) in enumerate(_SCENARIOS):
        distance = spot + move * reach - strike
        value = max(0.0, way * distance) + _time_value(abs(distance), deviation * shift)
        losses[index] += units * (price - value) * cover


def _time_value(distance: float, deviation: float) -> float:
    """Value of an option `distance` out of the money (Bachelier), which is also the time value in the money."""
    ratio = distance / deviation
    if ratio > 8.0:
        return 0.0
    return deviation * math.exp(-0.5 * ratio * ratio) / _SQRT_2_PI - distance * 0.5 * math.erfc(ratio / _SQRT_2)


@lru_cache(maxsize=4096)
def _fitted_deviation(time_value: float, distance: float, spot: float) -> float:
    """The standard deviation in rupees that gives the option its time value.

    The value is convex and rising in the deviation and lies above its asymptote, so Newton's method started on the
    asymptote comes down monotonically. Bounded: a price without time value gets 0.2 % of the spot.
    """
    least, most = 0.002 * spot, 0.5 * spot
    if time_value <= 0.0:
        return least
    deviation = (time_value + 0.5 * distance) * _SQRT_2_PI
    for _ in range(16):
        slope = math.exp(-0.5 * (distance / deviation) ** 2) / _SQRT_2_PI
        step = (_time_value(distance, deviation) - time_value) / slope if slope > 1e-12 else 0.0
        deviation -= step
        if step < 1e-4 * deviation or deviation <= least:
            break
    return min(max(deviation, least), most)
