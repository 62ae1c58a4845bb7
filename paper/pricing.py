"""Option prices for the simulated market: Black-Scholes with a smile, and the book that is quoted around a price.

Floats are for the model only: what leaves it is a whole number of ticks, and money is made from that (`TickPrices`).
It must not know of time, sessions or chance.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from engine.model import Kind

SMILE_SKEW = -0.03
"Relative volatility per standard deviation of log-moneyness: puts below the money are dearer."
SMILE_CURVE = 0.028
"Relative volatility per squared standard deviation: both wings are dearer."
SMILE_REACH = 4.0
"Standard deviations from which on the smile is flat."
VOL_MIN = 0.01
"Volatility is at least this, per square root of a year."
YEARS_MIN = 1e-7
"An option on its last second still has a price."

SPREAD_TICKS_MIN = 0.6
SPREAD_OF_PRICE = 0.0011
"Spread per rupee of price."
SPREAD_OF_MONEYNESS = 0.06
"Further spread per rupee of price and unit of log-moneyness."


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """Value of one unit and how it moves."""

    price_inr: float
    delta: float
    "Rupees per rupee of the underlying."
    gamma: float
    vega: float
    "Rupees per point (0.01) of volatility."
    theta: float
    "Rupees per calendar day, negative where the option decays."


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Best prices in ticks; `bid_ticks` 0 means that nobody bids."""

    bid_ticks: int
    ask_ticks: int


class TickPrices:
    """Exact prices by their number of ticks; keeps what it made, since a market uses few different prices."""

    def __init__(self, tick_inr: Decimal) -> None:
        self.tick_inr = tick_inr
        self._made: dict[int, Decimal] = {}

    def price(self, ticks: int) -> Decimal:
        """`ticks` x tick, exact."""
        made = self._made.get(ticks)
        if made is None:
            made = self._made[ticks] = self.tick_inr * ticks
        return made


def option_price(kind: Kind, spot: float, strike: float, years: float, vol: float) -> float:
    """Black-Scholes price in rupees of one unit, with no interest (the spot is taken as the forward).

    Args:
        kind: `Kind.CALL` or `Kind.PUT`.
        spot: Rupees, > 0.
        strike: Rupees, > 0.
        years: Time to expiry; at or below 0 the intrinsic value is returned.
        vol: Volatility per square root of a year, 0.12 is 12 %.
    """
    if years <= 0:
        return max(0.0, spot - strike if kind is Kind.CALL else strike - spot)
    deviation = max(vol, VOL_MIN) * math.sqrt(max(years, YEARS_MIN))
    d1 = math.log(spot / strike) / deviation + deviation / 2
    call = spot * _below(d1) - strike * _below(d1 - deviation)
    return max(0.0, call if kind is Kind.CALL else call - spot + strike)


def option_greeks(kind: Kind, spot: float, strike: float, years: float, vol: float) -> Greeks:
    """Price and sensitivities; arguments as in `option_price`, but `years` > 0."""
    years, vol = max(years, YEARS_MIN), max(vol, VOL_MIN)
    deviation = vol * math.sqrt(years)
    d1 = math.log(spot / strike) / deviation + deviation / 2
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    return Greeks(
        price_inr=option_price(kind, spot, strike, years, vol),
        delta=_below(d1) - (0 if kind is Kind.CALL else 1),
        gamma=density / (spot * deviation),
        vega=spot * density * math.sqrt(years) / 100,
        theta=-spot * density * vol / (2 * math.sqrt(years)) / 365,
    )


def smile_vol(vol: float, spot: float, strike: float, years: float) -> float:
    """Volatility of one strike from the volatility at the money."""
    deviation = max(vol, VOL_MIN) * math.sqrt(max(years, YEARS_MIN))
    far = min(SMILE_REACH, max(-SMILE_REACH, math.log(strike / spot) / deviation))
    return max(VOL_MIN, vol * (1 + SMILE_SKEW * far + SMILE_CURVE * far * far))


def touch_around(price: float, spot: float, strike: float, tick: float) -> Touch:
    """The best bid and ask that a market maker shows around `price`: wider with the price and away from the money."""
    share = SPREAD_OF_PRICE + SPREAD_OF_MONEYNESS * abs(math.log(strike / spot))
    middle_ticks = price / tick
    half_ticks = (SPREAD_TICKS_MIN + middle_ticks * share) / 2
    bid_ticks = max(0, math.floor(middle_ticks - half_ticks))
    return Touch(bid_ticks=bid_ticks, ask_ticks=max(bid_ticks + 1, math.ceil(middle_ticks + half_ticks)))


def _below(x: float) -> float:
    """The normal distribution function."""
    return (1 + math.erf(x / math.sqrt(2))) / 2
