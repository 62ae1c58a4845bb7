"""What happens in one simulated day: a scenario's world and a list of happenings, each one a value.

A plan is complete: the same plan always gives the same run, with or without the seed that it was drawn from.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from config.order_limits import OrderLimits
from config.schema import Settings
from engine.model import InstrumentId, OrderReport, Quote
from paper.scenario import Action, MasterTrades, Quotes, Scenario, SetAvailable

PEACE_INR = Decimal(100)
MANY_UNITS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterBooks:
    """A row of the master's book changed; its push is lost."""

    report: OrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePush:
    """A push of the master's that says what was true earlier: repeated, late, or out of order."""

    report: OrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTrouble:
    """The pushed updates of a child are lost, repeated or late for a while."""

    child: str
    delays_ns: tuple[int, ...]
    for_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dies:
    """The process dies at the n-th I/O point from now on and is up again after a while."""

    points: int
    for_ns: int
    again: tuple[int, ...] = ()
    "The processes after it die, too, each at its n-th point: during their recovery when n is small."


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFails:
    """Writing fails from the n-th I/O point on; the process is started again when the disk is in order."""

    points: int
    for_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsIn:
    """The owner logs a child in."""

    child: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The process is not run for a while: the machine sleeps, or somebody stopped it."""

    for_ns: int
    timers_first: bool
    "Whether it looks at the clock before it looks at what arrived meanwhile."
    loses: bool
    "Whether its connections are broken then."
    is_step: bool = False
    "Whether only its clock leapt, and nothing happened meanwhile."


class Damage(StrEnum):
    """What became of the file."""

    TORN = "torn"
    EMPTY = "empty"
    ZEROS = "zeros"
    CHANGED = "a digit changed"
    MISSING = "missing"
    OLDER = "an older one is back"


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagesCheckpoint:
    """The process is killed, and the next one finds a checkpoint that is not what was written."""

    how: Damage
    for_ns: int
    where: float = 0.0
    "How far into the file it is damaged, as a part of 1."
    again: tuple[int, ...] = ()
    "The processes after it die at their n-th I/O points."


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesTag:
    """A second order appears in a child's book with the tag of one of ours."""

    child: str
    back: int
    "Of which: so many before the newest."
    is_against: bool
    "Whether it trades the other way."


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownStatus:
    """What changes of a child's orders has a status for a while that no adapter knows."""

    child: str
    for_ns: int


Trouble = (
    Action
    | MasterBooks
    | LatePush
    | PushTrouble
    | Dies
    | DiskFails
    | LogsIn
    | Suspended
    | DamagesCheckpoint
    | CopiesTag
    | UnknownStatus
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens, and when."""

    at_ns: int
    trouble: Trouble
    kind: str = ""
    "The fault's name for counting and choosing, '' for what belongs to every day."


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One simulated day.

    `scenario` holds accounts, settings and instruments (its steps are empty); `calm_ns` is when the troubles end.
    """

    seed: int
    scenario: Scenario
    happenings: tuple[Happening, ...]
    calm_ns: int
    resync: bool = False
    "Whether the children are resynced when everything works again: then nothing may be missing."
    deaths: tuple[int, ...] = ()
    "The first process dies at its n-th I/O point, the second at its own n-th, and so on."
    resumes: bool = False
    "Whether somebody answers every unclean start at once."
    order_limits: OrderLimits | None = None
    "What every child's broker takes, `None` for what the dated table says."

    def peace_quotes(self, now_ns: int) -> list[Quote]:
        """Quotes at which everything can trade."""
        return [even_quote(instrument.id, now_ns, PEACE_INR) for instrument in self.scenario.instruments]

    @property
    def trades_ns(self) -> list[int]:
        """When the master trades, in the order of what happens."""
        return [h.at_ns for h in self.happenings if isinstance(h.trouble, MasterTrades | MasterBooks)]

    @property
    def lowest_inr(self) -> Decimal:
        """The lowest price of the day, of whatever instrument."""
        quotes = (quote for h in self.happenings if isinstance(h.trouble, Quotes) for quote in h.trouble.quotes)
        prices = (price for quote in quotes for price in (quote.bid_inr, quote.ask_inr, quote.last_inr))
        return min((price for price in prices if price is not None), default=PEACE_INR)

    def most_funds_inr(self, account: str) -> Decimal:
        """The most that an account has at any time of the day."""
        capital = next((a.capital_inr for a in self.scenario.settings.children if a.id == account), None) or Decimal(0)
        told = (h.trouble.amounts for h in self.happenings if isinstance(h.trouble, SetAvailable))
        return max([capital, *(inr for amounts in told for name, inr in amounts if name == account)])

    def with_more(self, *happenings: Happening) -> "Plan":
        """The plan with more that happens; of what happens at one time the newest comes last."""
        return replace(self, happenings=tuple(sorted((*self.happenings, *happenings), key=lambda each: each.at_ns)))

    def with_settings(self, settings: Settings) -> "Plan":
        """The same day for other settings."""
        return replace(self, scenario=replace(self.scenario, settings=settings))

    def without(self, left_out: frozenset[int]) -> "Plan":
        """The plan without some of its happenings (by their place)."""
        kept = tuple(h for i, h in enumerate(self.happenings) if i not in left_out)
        return replace(self, happenings=kept)


def even_quote(instrument: InstrumentId, at_ns: int, price_inr: Decimal | None, units: int = MANY_UNITS) -> Quote:
    """A quote with everything at one price, `None` for no price at all."""
    return Quote(
        instrument=instrument,
        at_ns=at_ns,
        last_inr=price_inr,
        bid_inr=price_inr,
        ask_inr=price_inr,
        bid_units=units,
        ask_units=units,
    )
