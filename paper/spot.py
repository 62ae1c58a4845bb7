"""The path of one simulated underlying: spot and volatility, step by step.

It must not know of sessions, options or quotes. The same `random.Random` gives the same path.
"""

import math
from random import Random

TRADING_SECONDS_PER_YEAR = 252 * 22_500
"252 days of 6 h 15 min."
VOL_MEAN = 0.125
"Volatility per square root of a year, to which it reverts."
VOL_PULL_PER_S = 1 / 600
"Share of the distance to the mean that volatility loses in a second."
VOL_NOISE_PER_SQRT_S = 0.008
"Relative."
VOL_MIN, VOL_MAX = 0.06, 0.45
JUMPS_PER_S = 1 / 240
JUMP_SIZE = 0.0004
"Standard deviation of a jump, relative to the spot."
JUMP_VOL = 12.0
"How much volatility rises with a jump, relative to the jump's size."
HOME_FREE = 0.006
"Relative distance from the start within which nothing pulls the spot."
HOME_PULL_PER_S = 1 / 900
"Share of the distance beyond that the spot loses in a second, so that the strikes listed at the start last all day."


class SpotPath:
    """Spot (log-normal, small jumps, held within reach of its start) and volatility (mean-reverting)."""

    def __init__(self, random: Random, spot: float, step_s: float, vol: float = VOL_MEAN) -> None:
        self.spot, self.vol = spot, vol
        self._random = random
        self._log_start = self._log = math.log(spot)
        self._step_s = step_s
        self._sqrt_step = math.sqrt(step_s)
        self._year_share = math.sqrt(step_s / TRADING_SECONDS_PER_YEAR)

    def step(self) -> None:
        """Move by one step. Takes the same number of draws whatever happens."""
        move, shake, chance, size = (
            self._random.gauss(0, 1),
            self._random.gauss(0, 1),
            self._random.random(),
            self._random.gauss(0, 1),
        )
        jump = JUMP_SIZE * size if chance < JUMPS_PER_S * self._step_s else 0.0
        away = self._log - self._log_start
        beyond = math.copysign(max(0.0, abs(away) - HOME_FREE), away)
        self._log += self.vol * self._year_share * move + jump - HOME_PULL_PER_S * self._step_s * beyond
        vol = self.vol + VOL_PULL_PER_S * self._step_s * (VOL_MEAN - self.vol)
        vol *= 1 + VOL_NOISE_PER_SQRT_S * self._sqrt_step * shake + JUMP_VOL * abs(jump)
        self.vol = min(VOL_MAX, max(VOL_MIN, vol))
        self.spot = math.exp(self._log)
