"""A day in the making: the random numbers it is drawn from, and what will happen in it so far."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random

from config.rules import ist
from engine.model import NS_PER_MS, NS_PER_S, LegId, Quote, instrument_id
from paper import scenario as act
from paper.verify.plan import Happening, Trouble, even_quote

DAY = date(2026, 11, 2)
START_NS = ist(DAY, "09:30:00")
LOT, TICK = 65, Decimal("0.05")
SYMBOLS = ("NIFTY26NOV24500CE", "NIFTY26NOV24700CE", "NIFTY26NOV24500PE", "NIFTY26NOV24300PE", "BANKNIFTY26NOV52000CE")
WARM_NS = 3 * NS_PER_S
"""The master trades from then on: margins have been sampled."""
PRICE_INR = Decimal(100)
SHARES = (Decimal(300_000), Decimal(500_000), Decimal(143_000), Decimal(1_000_000), Decimal(700_000), Decimal(90_000))
"""The ratio of 0.7 is one that floating point gets wrong."""


@dataclass(slots=True)
class Draft:
    """A plan in the making."""

    rng: Random
    children: list[str]
    symbols: list[str]
    span_ns: int
    happenings: list[Happening] = field(default_factory=list)
    orders: int = 0
    units: dict[LegId, int] = field(default_factory=dict)

    def add(self, at_ns: int, trouble: Trouble, kind: str = "") -> None:
        """Let something happen; `kind` is the name of the fault that it belongs to."""
        self.happenings.append(Happening(at_ns=at_ns, trouble=trouble, kind=kind))

    def moment(self) -> int:
        """Some time of the day on which something may happen."""
        return START_NS + WARM_NS + self.rng.randrange(self.span_ns)

    def child(self) -> str:
        """Any of the children."""
        return self.rng.choice(self.children)

    def early(self) -> int:
        """Before most of what the master does."""
        return START_NS + self.rng.randrange(WARM_NS + self.span_ns // 2)

    def soon_after_a_trade(self) -> int:
        """When the engine is likely to act: within about a second of something the master did."""
        trades = [h.at_ns for h in self.happenings if isinstance(h.trouble, act.MasterTrades)]
        return self.rng.choice(trades) + self.rng.randrange(1100) * NS_PER_MS if trades else self.moment()


def quote(symbol: str, at_ns: int, *, units: int = 100_000) -> Quote:
    """A quote at the usual price."""
    return even_quote(instrument_id("NFO", symbol), at_ns, PRICE_INR, units)


def is_drawn(name: str, share: float, rng: Random, faults: Collection[str] | None) -> bool:
    """Whether a fault belongs to a day: one of those that were chosen, or by chance where all may happen (`None`)."""
    return rng.random() < share if faults is None else name in faults
