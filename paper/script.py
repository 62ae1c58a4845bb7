"""The scripted master of the demo: an iron condor entered leg by leg, adjusted, halved, exited, and again.

It says which orders the master would place and when; whoever composes the demo places them on the exchange. It must
not know of fills, children or a clock. The plan below is the whole behaviour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from types import MappingProxyType

from engine.commands import PlaceOrder
from engine.model import NS_PER_S, Instrument, Kind, OrderType, Side
from paper.market import NEVER_NS, SimulatedMarket


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One option of the strategy, by its distance from the money when the strategy begins."""

    kind: Kind
    strikes_away: int
    "Strikes out of the money."


LEGS: Mapping[str, Leg] = MappingProxyType(
    {
        "call wing": Leg(kind=Kind.CALL, strikes_away=6),
        "put wing": Leg(kind=Kind.PUT, strikes_away=6),
        "call body": Leg(kind=Kind.CALL, strikes_away=3),
        "put body": Leg(kind=Kind.PUT, strikes_away=3),
        "put body moved": Leg(kind=Kind.PUT, strikes_away=4),
    }
)

PLAN: tuple[tuple[int, Side, str, int], ...] = (
    # seconds after the strategy's start, side, leg, lots
    (6, Side.BUY, "call wing", 6),
    (7, Side.BUY, "call wing", 4),
    (11, Side.BUY, "put wing", 10),
    (15, Side.SELL, "call body", 5),
    (16, Side.SELL, "call body", 5),
    (20, Side.SELL, "put body", 5),
    (25, Side.SELL, "put body", 5),
    # the put body moves one strike away
    (60, Side.BUY, "put body", 10),
    (62, Side.SELL, "put body moved", 10),
    # half off, shorts first
    (100, Side.BUY, "call body", 5),
    (101, Side.BUY, "put body moved", 5),
    (103, Side.SELL, "call wing", 5),
    (104, Side.SELL, "put wing", 5),
    # out, shorts first
    (140, Side.BUY, "call body", 5),
    (141, Side.BUY, "put body moved", 5),
    (143, Side.SELL, "call wing", 5),
    (144, Side.SELL, "put wing", 5),
)
CYCLE_S = 183
"From one strategy's start to the next: 45 s between the last order of one and the first of the next."
JITTER_MS = 300
"Orders come up to so much later than planned, by chance; less than any two orders are apart."
LATE_NS = 3 * NS_PER_S
"A caller who is later than this (a suspended machine) moves the rest of the plan instead of getting it all at once."
PRODUCT = "NRML"
REACH_STRIKES = max(leg.strikes_away for leg in LEGS.values())


class MasterScript:
    """The master's orders, for ever.

    Args:
        market: Where strikes and lots come from. Strategies run only inside its sessions: one that would not end
            before the close is begun at the next opening.
        account: The master's account id.
        start_ns: Start of the first strategy; its first order follows 6 s later.
        seed: Decides the jitter.
        underlying: What it trades, one of the market's.
    """

    def __init__(
        self, market: SimulatedMarket, account: str, start_ns: int, seed: int, underlying: str = "NIFTY"
    ) -> None:
        self._market, self._account, self._underlying = market, account, underlying
        self._random = Random(f"{seed}:master")
        self._listed = {
            (instrument.kind, instrument.strike_inr or Decimal()): instrument
            for instrument in market.instruments()
            if instrument.underlying == underlying and instrument.is_option
        }
        self._strikes = sorted({strike for _, strike in self._listed})
        self._begin_ns = self._possible_start_ns(start_ns)
        self._next = 0
        self._strategies = 1
        self._due_ns = self._due_of_next()
        self._legs: dict[str, Instrument] = {}

    def next_due_ns(self) -> int:
        """When the next order is due; `NEVER_NS` when no session is left for a whole strategy."""
        return self._due_ns

    def due_orders(self, now_ns: int) -> tuple[PlaceOrder, ...]:
        """The orders that became due up to `now_ns`, each given once.

        Call `market.advance(now_ns)` before: a strategy's strikes are taken from the spot at its first order.
        """
        orders = []
        while self._due_ns <= now_ns:
            self._move_plan(now_ns)
            if self._due_ns > now_ns:
                break
            orders.append(self._order())
            self._go_on()
        return tuple(orders)

    def _order(self) -> PlaceOrder:
        if self._next == 0:
            self._legs = self._choose_legs()
        _, side, leg, lots = PLAN[self._next]
        instrument = self._legs[leg]
        return PlaceOrder(
            account=self._account,
            tag=f"MASTER{self._strategies:04d}{self._next + 1:02d}",
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            product=PRODUCT,
            side=side,
            quantity=lots * instrument.lot_units,
            order_type=OrderType.MARKET,
        )

    def _choose_legs(self) -> dict[str, Instrument]:
        """The instruments around the spot of now, or around the nearest strike that has enough strikes beside it."""
        spot = self._market.spot_inr(self._underlying)
        inside = range(REACH_STRIKES, len(self._strikes) - REACH_STRIKES)
        middle = min(inside, key=lambda index: abs(self._strikes[index] - spot))
        legs = {}
        for name, leg in LEGS.items():
            away = leg.strikes_away if leg.kind is Kind.CALL else -leg.strikes_away
            legs[name] = self._listed[leg.kind, self._strikes[middle + away]]
        return legs

    def _move_plan(self, now_ns: int) -> None:
        """Move the rest of the plan when the caller is late, or when the plan ran into the close."""
        if now_ns - self._due_ns > LATE_NS or not self._market.is_open(self._due_ns):
            due_ns = self._market.next_open_ns(now_ns)
            self._begin_ns += due_ns - self._due_ns
            self._due_ns = due_ns

    def _go_on(self) -> None:
        self._next += 1
        if self._next == len(PLAN):
            self._next = 0
            self._strategies += 1
            self._begin_ns = self._possible_start_ns(self._begin_ns + CYCLE_S * NS_PER_S)
        self._due_ns = self._due_of_next()

    def _due_of_next(self) -> int:
        if self._begin_ns == NEVER_NS:
            return NEVER_NS
        jitter_ns = self._random.randrange(JITTER_MS) * (NS_PER_S // 1000)
        return self._begin_ns + PLAN[self._next][0] * NS_PER_S + jitter_ns

    def _possible_start_ns(self, wanted_ns: int) -> int:
        """`wanted_ns` when a whole strategy fits into the session, else the next opening where it does."""
        start_ns = self._market.next_open_ns(wanted_ns)
        while start_ns != NEVER_NS and not self._market.is_open(start_ns + CYCLE_S * NS_PER_S):
            start_ns = self._market.next_opening_ns(start_ns)
        return start_ns
