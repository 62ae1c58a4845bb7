"""Scenarios: what `simulate` is given, as typed steps. `paper.scenario_file` reads them, `paper.simulate` runs them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from config.schema import Mode, Settings
from engine import events
from engine.model import Instrument, LegId, OrderReport, Quote, Side
from paper.faults import FaultKind, FaultOn

MASTER = "MASTER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """New market data."""

    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterTrades:
    """A row of the master's book, pushed."""

    report: OrderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAvailable:
    """An account's available margin from now on."""

    amounts: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Positions that the children must have now."""

    positions: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operate:
    """A person's command."""

    event: events.Operator


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFault:
    """The next calls of a child fail in some way."""

    child: str
    on: FaultOn
    kind: FaultKind
    times: int
    after_ns: int
    by_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrade:
    """A manual trade of a child's owner."""

    child: str
    exchange: str
    symbol: str
    product: str
    side: Side
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The process dies and is up again after a while."""

    for_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterUnreadable:
    """Every read of the master fails for a while."""

    for_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterConverts:
    """The master changes the product of a position without an order."""

    leg: LegId
    to: LegId
    quantity: int


Action = (
    Quotes
    | MasterTrades
    | MasterConverts
    | SetAvailable
    | Check
    | Operate
    | ArmFault
    | OwnTrade
    | Crash
    | MasterUnreadable
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens, and when."""

    at_ns: int
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole scenario."""

    name: str
    day: date
    start_ns: int
    end_ns: int
    settings: Settings
    instruments: tuple[Instrument, ...]
    instruments_next_day: tuple[Instrument, ...] | None
    "What the file of the second day lists; `None`: the same again."
    master_positions: dict[LegId, int]
    steps: tuple[Step, ...]
    expect: dict[str, object]
    mode: Mode = Mode.PAPER
    "Scenario files run on paper; in LIVE the same exchange plays the brokers, which are asked for margins."
